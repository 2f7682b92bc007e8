//! Interactive cards: sent to one space each, changed in place.
//!
//! The id of a card comes from its delivery and its target, so a second request for the same card is recognised by
//! DingTalk. Buttons come back through the app's Stream connection. Where cards cannot be used (no permission, a template
//! that is not there) people get an ordinary message; that cards do not work is told, and tried again after a while.

use super::App;
use super::api::Api;
use super::call::{Payload, Refusal, unspoken};
use super::error::Meaning;
use super::send::{Posted, reached};
use crate::clock::Clock;
use crate::domain::card::{Card, CardButton, MAX_VALUE_BYTES};
use crate::domain::delivery::{AppForm, TargetForm, TargetKind, TargetResult, Verdict};
use crate::domain::message::{Language, Link};
use crate::notify::dingtalk::receiver::Parcel;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// How long messages are sent instead of cards before cards are tried again.
const NO_CARDS_FOR: TimeDelta = TimeDelta::hours(1);
/// How many cards that were not delivered are remembered.
const MOST_UNDELIVERED: usize = 1_000;
/// The most characters of a title or a line of tips: what is left of [`MAX_VALUE_BYTES`] in the worst of alphabets.
const MAX_LINE_CHARS: usize = 120;

/// The variables of the template: every value a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardData(pub Map<String, Value>);

impl CardData {
    /// A hash of it: what tells whether a card shows this already.
    pub fn hash(&self) -> String {
        format!("{:016x}", xxh3_64(Value::Object(self.0.clone()).to_string().as_bytes()))
    }
}

/// A card as the variables of the template. `delivery` comes back with each press of a button.
pub fn card_data(card: &Card, delivery: i64, language: Language, public_url: Option<&url::Url>) -> CardData {
    let line = |text: &str| Value::from(text.chars().take(MAX_LINE_CHARS).collect::<String>());
    let buttons = card.buttons.iter().filter_map(|button| match button {
        CardButton::Open => public_url
            .map(|url| page(url, delivery))
            .filter(|url| url.len() <= MAX_VALUE_BYTES / 4)
            .map(|url| json!({ "text": button.label(language), "color": "gray", "url": url, "iosUrl": url })),
        pressed => Some(json!({
            "text": button.label(language), "color": if *pressed == CardButton::Acknowledge { "blue" } else { "gray" },
            "id": action(*pressed), "request": true, "params": { "delivery": delivery.to_string() },
        })),
    });
    let buttons = json!({ "msgButtons": buttons.collect::<Vec<_>>() });
    let mut data = Map::new();
    data.insert("title".into(), line(&card.title));
    data.insert("markdown".into(), Value::from(card.markdown.as_str()));
    data.insert("tips".into(), line(&card.tips));
    data.insert("logo".into(), Value::from(""));
    data.insert("sys_full_json_obj".into(), Value::from(buttons.to_string()));
    CardData(data)
}

/// The id with which a button comes back.
fn action(button: CardButton) -> &'static str {
    match button {
        CardButton::Acknowledge => "acknowledge",
        CardButton::Silence => "silence",
        CardButton::Open => "open",
    }
}

/// The page of what a delivery told.
fn page(public_url: &url::Url, delivery: i64) -> String {
    let mut url = public_url.clone();
    url.query_pairs_mut().append_pair("delivery", &delivery.to_string());
    url.to_string()
}

impl App {
    /// Whether cards are worth a try.
    pub(super) fn cards_work(&self, now: DateTime<Utc>) -> bool {
        self.no_cards.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref().is_none_or(|(_, until)| *until <= now)
    }

    /// Why cards are not used at the moment, and until when they are not tried.
    pub fn cards_refused(&self, now: DateTime<Utc>) -> Option<(String, DateTime<Utc>)> {
        let refused = self.no_cards.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        refused.clone().filter(|(_, until)| *until > now)
    }

    pub(super) async fn post_card(&self, parcel: &Parcel<'_>, kind: TargetKind, target: &str, clock: &Clock) -> Posted {
        let id = out_track_id(parcel.uuid, kind, target);
        let Some(card) = parcel.card.filter(|_| self.cards_work(clock.now()) && !self.is_undelivered(&id)) else {
            return self.post_message(parcel, kind, target, clock).await;
        };
        let data = card_data(card, parcel.delivery, self.language, self.public_url.as_ref());
        match self.create_card(parcel.uuid, kind, target, &data, clock).await {
            Ok(result) => Ok(vec![result]),
            Err(Refusal { meaning: Meaning::NoCards(remedy), answer, .. }) => {
                tracing::error!(receiver.name = self.name, "cards are refused, messages are sent instead: {answer}: {remedy}");
                let until = clock.now() + NO_CARDS_FOR;
                *self.no_cards.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((format!("{answer}: {remedy}"), until));
                self.post_message(parcel, kind, target, clock).await
            }
            Err(refusal) if self.is_undelivered(&id) => {
                tracing::warn!(receiver.name = self.name, "a message is sent instead of a card: {}", refusal.answer);
                let posted = self.post_message(parcel, kind, target, clock).await?;
                Ok(posted.into_iter().map(|one| TargetResult { answer: one.answer.or(Some(refusal.answer.clone())), ..one }).collect())
            }
            Err(refusal) => self.told_apart(Err(refusal), kind, &[target.to_owned()]),
        }
    }

    fn is_undelivered(&self, out_track_id: &str) -> bool {
        self.undelivered.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(out_track_id)
    }

    /// Remembers a card that is there and that nobody sees.
    fn remember_undelivered(&self, out_track_id: String) {
        let mut undelivered = self.undelivered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if undelivered.len() >= MOST_UNDELIVERED {
            undelivered.clear();
        }
        undelivered.insert(out_track_id);
    }

    /// What a message has that is sent where a card would be: the button that opens the page.
    pub(super) fn in_place_of_a_card(&self, parcel: &Parcel<'_>) -> Option<Link> {
        let url = self.public_url.as_ref().filter(|_| self.form == AppForm::Card && parcel.card.is_some())?;
        Some(Link { title: CardButton::Open.label(self.language).to_owned(), url: page(url, parcel.delivery) })
    }

    async fn post_message(&self, parcel: &Parcel<'_>, kind: TargetKind, target: &str, clock: &Clock) -> Posted {
        match kind {
            TargetKind::User => self.post_to_people(parcel, &[target.to_owned()], clock).await,
            TargetKind::Conversation => self.post_to_conversation(parcel, target, clock).await,
        }
    }

    async fn create_card(
        &self,
        uuid: &str,
        kind: TargetKind,
        target: &str,
        data: &CardData,
        clock: &Clock,
    ) -> Result<TargetResult, Refusal> {
        let id = out_track_id(uuid, kind, target);
        let title = data.0.get("title").cloned().unwrap_or_default();
        let space = json!({ "supportForward": true, "lastMessageI18n": { "ZH_CN": title, "EN_US": title } });
        let mut body = json!({
            "cardTemplateId": self.card_template,
            "outTrackId": id,
            "callbackType": "STREAM",
            "cardData": { "cardParamMap": data.0 },
        });
        match kind {
            TargetKind::User => {
                body["openSpaceId"] = json!(format!("dtv1.card//IM_ROBOT.{target}"));
                body["imRobotOpenSpaceModel"] = space;
                body["imRobotOpenDeliverModel"] = json!({ "spaceType": "IM_ROBOT", "robotCode": self.robot_code });
            }
            TargetKind::Conversation => {
                body["openSpaceId"] = json!(format!("dtv1.card//IM_GROUP.{target}"));
                body["imGroupOpenSpaceModel"] = space;
                body["imGroupOpenDeliverModel"] = json!({ "robotCode": self.robot_code });
            }
        }
        let there = |carrier: Option<String>| TargetResult {
            carrier,
            shown: Some(data.hash()),
            ..reached(kind, target, TargetForm::Card, Some(id.clone()))
        };
        let answer = match self.calls.call(Api::CreateCard, Payload::Json(body), clock).await {
            // A request before this one has made it.
            Err(refusal) if refusal.meaning == Meaning::Exists => return Ok(there(None)),
            answer => answer?,
        };
        let delivered = answer["result"]["deliverResults"].as_array().map(Vec::as_slice).unwrap_or_default();
        let carrier = delivered.iter().find_map(|one| one["carrierId"].as_str()).filter(|id| !id.is_empty()).map(str::to_owned);
        let failed = delivered.iter().find(|one| one["success"] != true);
        if failed.is_none() && answer["success"] == true && !delivered.is_empty() {
            return Ok(there(carrier));
        }
        self.remember_undelivered(id);
        match failed {
            None => Err(unspoken(200, "a card was made, and DingTalk does not say that it was delivered".to_owned())),
            Some(failed) => Err(self.undelivered(failed)),
        }
    }

    /// The card is made and was not shown: DingTalk says why in words only.
    fn undelivered(&self, failed: &Value) -> Refusal {
        let words = failed["errorMsg"].as_str().unwrap_or("no reason given");
        let answer = super::super::answer::cut(&format!("the card was not delivered: {words}"));
        let meaning = Meaning::Target(
            "DingTalk did not deliver the card: is the app's robot in the conversation, and the person in the organisation?",
        );
        Refusal { meaning, http_status: Some(200), errcode: None, answer }
    }

    /// Changes what a card shows; `false` when it is not there any more.
    ///
    /// # Errors
    /// DingTalk does not do it now, or not with these settings.
    pub async fn update_card(&self, out_track_id: &str, data: &CardData, clock: &Clock) -> Result<bool, Refusal> {
        let body = json!({
            "outTrackId": out_track_id,
            "cardData": { "cardParamMap": data.0 },
            // Else the variables that are left out would be wiped.
            "cardUpdateOptions": { "updateCardDataByKey": true },
        });
        match self.calls.call(Api::UpdateCard, Payload::Json(body), clock).await {
            Ok(_) => Ok(true),
            Err(Refusal { meaning: Meaning::Target(_), .. }) => Ok(false),
            Err(Refusal { meaning: Meaning::Of(Verdict::ContentRefused), .. }) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }
}

/// The id of a card: the same for every attempt, another for every delivery and target.
pub fn out_track_id(uuid: &str, kind: TargetKind, target: &str) -> String {
    let hash = Sha256::digest(format!("{uuid}\n{}\n{target}", kind.as_str()).as_bytes());
    hash.iter().take(16).fold("rowbell-".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}
