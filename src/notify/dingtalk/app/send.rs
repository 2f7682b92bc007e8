//! One attempt of a delivery: the next request to those of its targets that are not settled yet.
//!
//! The order: people by user id and looked up by number, in batches, then conversations. Numbers that are not known yet
//! are looked up first, which posts nothing. A request that DingTalk took has settled all its targets but those that it
//! names as held up for now; those are still there at the next attempt.

use super::api::Api;
use super::call::{Payload, Refusal};
use super::error::Meaning;
use super::pace::CALLS_A_SECOND;
use super::{App, template};
use crate::clock::Clock;
use crate::domain::delivery::{AppForm, Attempt, TargetForm, TargetKind, TargetResult, TargetState, Verdict};
use crate::notify::dingtalk::receiver::{Parcel, Person, Sent};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The most people one message may reach.
const MOST_PEOPLE: usize = 20;
/// The most an SMS or call may reach.
const MOST_CALLED: usize = 20;
/// The most an ordinary DING may reach.
const MOST_DINGED: usize = 200;
/// The most a work notification may reach, and still be asked about.
const MOST_NOTIFIED: usize = 100;
/// How long all requests of one attempt may take together: look-ups, a token that is renewed, the message. Shorter than
/// the claim on the delivery.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(25);
/// How long people wait whom DingTalk holds up because they have had too many messages.
const HELD_UP: Duration = Duration::from_secs(60);

/// What one request came to.
pub(super) type Posted = Result<Vec<TargetResult>, Refusal>;

/// People and conversations that are still to be reached.
struct Left {
    users: Vec<String>,
    unknown: Vec<String>,
    conversations: Vec<String>,
}

impl Left {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.unknown.is_empty() && self.conversations.is_empty()
    }
}

impl App {
    /// Makes one attempt.
    pub async fn send(&self, parcel: &Parcel<'_>, clock: &Clock) -> Sent {
        let attempt = async {
            let illustrated = self.illustrated(parcel.message, clock).await;
            self.attempt(&Parcel { message: illustrated.as_ref().unwrap_or(parcel.message), ..*parcel }, clock).await
        };
        match tokio::time::timeout(ATTEMPT_DEADLINE, attempt).await {
            Ok(sent) => sent,
            Err(_) => {
                let answer = format!("no whole answer within {} s", ATTEMPT_DEADLINE.as_secs());
                Attempt { verdict: Verdict::Transient { uncertain: true }, http_status: None, errcode: None, answer }.into()
            }
        }
    }

    async fn attempt(&self, parcel: &Parcel<'_>, clock: &Clock) -> Sent {
        let mut known: Vec<Person> = parcel.people.to_vec();
        let mut settled: Vec<TargetResult> = Vec::new();
        let left = self.left(parcel, &known, &settled);
        let mut found = Vec::new();
        let mut failed = None;
        for (mobile, looked_up) in self.look_up(&left.unknown[..left.unknown.len().min(CALLS_A_SECOND)], clock).await {
            match looked_up {
                Ok(user_id) => found.push(Person { mobile, user_id }),
                Err(refusal) => match target_of(&refusal) {
                    Some(why) => settled.push(self.refused(TargetKind::User, &mobile, why)),
                    None => failed = Some(refusal),
                },
            }
        }
        known.extend(found.iter().cloned());
        let left = self.left(parcel, &known, &settled);
        let (posted, asked) = match self.post(parcel, &left, clock).await {
            Some(posted) => posted,
            None => (failed.map_or(Ok(Vec::new()), Err), 0),
        };
        // Someone who was looked up long ago may have another user id now.
        let lost = posted.as_ref().map(|posted| lost(posted, parcel.people)).unwrap_or_default();
        known.retain(|person| !lost.contains(&person.mobile));
        let sent = self.sum_up(parcel, &known, settled, posted, asked);
        Sent { found, lost, ..sent }
    }

    /// Who is still to be reached, given who is known by number.
    fn left(&self, parcel: &Parcel<'_>, known: &[Person], settled: &[TargetResult]) -> Left {
        let is_settled = |kind: TargetKind, target: &str| {
            parcel.reached.iter().chain(settled).any(|result| result.kind == kind && result.target == target)
        };
        let person = |mobile: &String| known.iter().rev().find(|person| person.mobile == *mobile).map(|person| person.user_id.clone());
        let mut users: Vec<String> = Vec::new();
        for user in self.users.iter().cloned().chain(self.mobiles.iter().filter_map(person)) {
            if !users.contains(&user) && !is_settled(TargetKind::User, &user) {
                users.push(user);
            }
        }
        let unknown = self.mobiles.iter().filter(|mobile| person(mobile).is_none() && !is_settled(TargetKind::User, mobile));
        let conversations = self.conversations.iter().filter(|one| !is_settled(TargetKind::Conversation, one));
        Left { users, unknown: unknown.cloned().collect(), conversations: conversations.cloned().collect() }
    }

    /// Makes the request to the next of them and how many it was for; `None` when there are none that can be reached now.
    async fn post(&self, parcel: &Parcel<'_>, left: &Left, clock: &Clock) -> Option<(Posted, usize)> {
        let most = match self.form {
            _ if self.is_one_by_one() => 1,
            AppForm::Card if self.cards_work(clock.now()) => 1,
            AppForm::Card | AppForm::Message => MOST_PEOPLE,
            AppForm::Ding => MOST_DINGED,
            AppForm::DingSms | AppForm::DingPhone => MOST_CALLED,
            AppForm::WorkNotification => MOST_NOTIFIED,
        };
        let people = &left.users[..left.users.len().min(most)];
        if people.is_empty() {
            let conversation = left.conversations.first()?;
            let posted = match self.form {
                AppForm::Card => self.post_card(parcel, TargetKind::Conversation, conversation, clock).await,
                _ => self.post_to_conversation(parcel, conversation, clock).await,
            };
            return Some((posted, 1));
        }
        let posted = match self.form {
            AppForm::Card if most == 1 && self.cards_work(clock.now()) => self.post_card(parcel, TargetKind::User, &people[0], clock).await,
            AppForm::Message | AppForm::Card => self.post_to_people(parcel, people, clock).await,
            AppForm::Ding | AppForm::DingSms | AppForm::DingPhone => self.post_ding(parcel, people, clock).await,
            AppForm::WorkNotification => self.post_work(parcel, people, clock).await,
        };
        Some((self.told_apart(posted, TargetKind::User, people), people.len()))
    }

    pub(super) async fn post_to_people(&self, parcel: &Parcel<'_>, people: &[String], clock: &Clock) -> Posted {
        let template = template::of(parcel.message, self.in_place_of_a_card(parcel));
        let body = json!({ "robotCode": self.robot_code, "userIds": people, "msgKey": template.key, "msgParam": template.param });
        let answer = self.calls.call(Api::SendToPeople, Payload::Json(body), clock).await?;
        let named = |list: &str| texts(&answer[list]);
        let (unknown, held_up, filtered) = (named("invalidStaffIdList"), named("flowControlledStaffIdList"), named("filteredStaffIdList"));
        let handle = answer["processQueryKey"].as_str().map(str::to_owned);
        let of = |person: &String| match person {
            _ if unknown.contains(person) => Some(self.refused(TargetKind::User, person, "there is no such person in the organisation")),
            _ if filtered.contains(person) => {
                Some(self.refused(TargetKind::User, person, "DingTalk keeps the app's messages from this person"))
            }
            _ if held_up.contains(person) => None,
            _ => Some(reached(TargetKind::User, person, TargetForm::Message, handle.clone())),
        };
        Ok(people.iter().filter_map(of).collect())
    }

    pub(super) async fn post_to_conversation(&self, parcel: &Parcel<'_>, conversation: &str, clock: &Clock) -> Posted {
        let template = template::of(parcel.message, self.in_place_of_a_card(parcel));
        let body = json!({
            "robotCode": self.robot_code, "openConversationId": conversation, "msgKey": template.key, "msgParam": template.param,
        });
        let posted = self.calls.call(Api::SendToConversation, Payload::Json(body), clock).await.map(|answer| {
            let handle = answer["processQueryKey"].as_str().map(str::to_owned);
            vec![reached(TargetKind::Conversation, conversation, TargetForm::Message, handle)]
        });
        self.told_apart(posted, TargetKind::Conversation, &[conversation.to_owned()])
    }

    /// A refusal that is about one target settles that one. Where it may be any of several, they are sent to one by one.
    pub(super) fn told_apart(&self, posted: Posted, kind: TargetKind, targets: &[String]) -> Posted {
        let refusal = match posted {
            Err(refusal) => refusal,
            settled => return settled,
        };
        match (&refusal.meaning, targets) {
            (Meaning::Target(why) | Meaning::SomeTarget(why), [target]) => {
                let mut result = self.refused(kind, target, why);
                result.answer = Some(format!("{why} ({})", refusal.answer));
                Ok(vec![result])
            }
            (Meaning::Target(why), _) => Ok(targets.iter().map(|target| self.refused(kind, target, why)).collect()),
            (Meaning::SomeTarget(_), _) => {
                self.one_by_one.store(true, Ordering::Relaxed);
                let answer = format!("{}; from now on they are sent to one by one", refusal.answer);
                Err(Refusal { meaning: Meaning::Of(Verdict::Transient { uncertain: false }), answer, ..refusal })
            }
            _ => Err(refusal),
        }
    }

    /// What the attempt came to, given what the request to `asked` targets did.
    fn sum_up(&self, parcel: &Parcel<'_>, known: &[Person], mut settled: Vec<TargetResult>, posted: Posted, asked: usize) -> Sent {
        let posted = match posted {
            Ok(posted) => posted,
            Err(refusal) => {
                return Sent { targets: settled, is_whole: false, ..Sent::from(refusal.attempt()) };
            }
        };
        let held_up = asked > 0 && posted.is_empty();
        settled.extend(posted);
        if held_up {
            let answer = "DingTalk holds the app's messages to these people up: they have had too many".to_owned();
            let attempt = Attempt { verdict: Verdict::Throttled { wait: HELD_UP }, http_status: Some(200), errcode: None, answer };
            return Sent { targets: settled, is_whole: false, ..Sent::from(attempt) };
        }
        let is_whole = self.left(parcel, known, &settled).is_empty();
        let refused: Vec<&TargetResult> = settled.iter().filter(|result| result.state == TargetState::Refused).collect();
        let words: Vec<String> =
            refused.iter().map(|result| format!("{}: {}", result.target, result.answer.as_deref().unwrap_or("refused"))).collect();
        let reached_any = parcel.reached.iter().chain(&settled).any(|result| result.state == TargetState::Delivered);
        if is_whole && !reached_any {
            // Nobody is left to whom it could be sent: when the settings, or the people, are mended it is tried again.
            let answer = super::super::answer::cut(&format!("nobody was reached; {}", words.join("; ")));
            let attempt = Attempt { verdict: nobody(), http_status: None, errcode: None, answer };
            return Sent { targets: Vec::new(), is_whole: false, ..Sent::from(attempt) };
        }
        let answer = if words.is_empty() { "ok".to_owned() } else { format!("ok, but not to {}", words.join("; ")) };
        let attempt =
            Attempt { verdict: Verdict::Delivered, http_status: Some(200), errcode: None, answer: super::super::answer::cut(&answer) };
        Sent { targets: settled, is_whole, ..Sent::from(attempt) }
    }

    pub(super) fn refused(&self, kind: TargetKind, target: &str, why: &str) -> TargetResult {
        let form = match (self.form, kind) {
            (AppForm::Card, _) => TargetForm::Card,
            (AppForm::Ding | AppForm::DingSms | AppForm::DingPhone, TargetKind::User) => TargetForm::Ding,
            (AppForm::WorkNotification, TargetKind::User) => TargetForm::WorkNotification,
            _ => TargetForm::Message,
        };
        TargetResult { state: TargetState::Refused, answer: Some(why.to_owned()), ..reached(kind, target, form, None) }
    }
}

/// A target that was reached.
pub(super) fn reached(kind: TargetKind, target: &str, form: TargetForm, handle: Option<String>) -> TargetResult {
    TargetResult { kind, target: target.to_owned(), state: TargetState::Delivered, form, handle, carrier: None, answer: None, shown: None }
}

fn nobody() -> Verdict {
    const REMEDY: &str = "set `users`, `mobiles` and `conversations` of this receiver to people and groups that there are";
    Verdict::Refused { remedy: REMEDY, for_good: true }
}

/// Why a number that was looked up is none that can be reached: it is not known, or looking up is not allowed. The others
/// do not wait for that.
fn target_of(refusal: &Refusal) -> Option<&'static str> {
    match refusal.meaning {
        Meaning::Target(why) => Some(why),
        Meaning::Of(Verdict::Refused { remedy, for_good: false }) => Some(remedy),
        _ => None,
    }
}

/// The numbers whose user ids are not valid any more.
fn lost(targets: &[TargetResult], people: &[Person]) -> Vec<String> {
    let is_refused = |person: &&Person| {
        targets
            .iter()
            .any(|result| result.state == TargetState::Refused && result.kind == TargetKind::User && result.target == person.user_id)
    };
    people.iter().filter(is_refused).map(|person| person.mobile.clone()).collect()
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
