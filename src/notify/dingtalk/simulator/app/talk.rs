//! What people do, and what comes of it: they press a card's button, say something to the robot.

use super::card::{Callback, Card, Change, Press, Variables};
use super::seen::{Form, Place};
use super::state::{App, Draft};
use super::stream::{Acknowledgement, BOT_TOPIC, CARD_TOPIC, Frame, Pushed, push};
use crate::notify::dingtalk::sign::hmac_base64;
use crate::notify::dingtalk::simulator::state::{Shared, State};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the robot may answer what was said.
const SESSION: TimeDelta = TimeDelta::milliseconds(5_400_000);
/// The organisation of all simulated apps.
const CORP: &str = "dingsimulatedcorp";
/// How often an event is pushed until it is taken.
const EVENT_PUSHES: usize = 3;

/// What came of pressing a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressed {
    /// It was taken, and the card changed when the answer said so.
    Taken,
    /// There is no such card, or this person does not see it.
    NoCard,
    /// The card has no such button now.
    NoButton,
    /// The card was created without a callback: nobody was told.
    NoCallback,
    /// Nobody listens.
    NoConnection,
    /// Nobody answered in time, or with a failure: the person is told to try again.
    Failed,
}

/// What came of saying something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The `msgId` of the message.
    pub msg_id: String,
    /// Whether a connection took it.
    pub taken: bool,
}

/// Where the robot may answer, and until when.
pub struct Session {
    /// Where.
    pub place: Place,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// This person presses the button with this id on a card.
pub async fn press(shared: &Shared, out_track_id: &str, user_id: &str, action_id: &str) -> Pressed {
    let found = find(&shared.lock(), out_track_id, user_id, action_id);
    let (app, card, params) = match found {
        Ok(found) => found,
        Err(pressed) => return pressed,
    };
    let data = callback_data(&card, user_id, action_id, &params);
    let answered = match &card.callback {
        Callback::None => Err(Pressed::NoCallback),
        Callback::Stream => over_stream(shared, app, data).await,
        Callback::Http(key) => over_http(shared, app, key, data).await,
    };
    let outcome = answered.as_ref().map_or_else(|pressed| *pressed, |_| Pressed::Taken);
    let mut state = shared.lock();
    let now = state.now();
    if let Some(card) = state.apps[app].cards.iter_mut().find(|card| card.out_track_id == out_track_id) {
        card.presses.push(Press { at: now, user_id: user_id.to_owned(), action_id: action_id.to_owned(), outcome });
        if let Some(change) = answered.ok().and_then(|response| change(&response, user_id)) {
            card.update(&change, now);
        }
    }
    state.changed();
    outcome
}

/// The card, seen by this person, and what its button carries.
fn find(state: &State, out_track_id: &str, user_id: &str, action_id: &str) -> Result<(usize, Card, Value), Pressed> {
    let app = state.app_of(user_id).ok_or(Pressed::NoCard)?;
    let card = state.apps[app].cards.iter().find(|card| card.out_track_id == out_track_id).ok_or(Pressed::NoCard)?;
    let sees = |place: &Place| match place {
        Place::User(whose) => whose == user_id,
        Place::Conversation(_) => true,
    };
    if !card.places.iter().any(sees) {
        return Err(Pressed::NoCard);
    }
    let button = buttons(&card.seen_by(Some(user_id))).into_iter().find(|button| button["id"] == action_id && button["url"].is_null());
    let button = button.ok_or(Pressed::NoButton)?;
    Ok((app, card.clone(), button.get("params").cloned().unwrap_or_else(|| json!({}))))
}

/// The buttons that these variables show: `sys_full_json_obj` is the text of a JSON.
pub fn buttons(data: &Variables) -> Vec<Value> {
    let parsed = data.get("sys_full_json_obj").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.and_then(|parsed| parsed.get("msgButtons").and_then(Value::as_array).cloned()).unwrap_or_default()
}

fn callback_data(card: &Card, user_id: &str, action_id: &str, params: &Value) -> Value {
    let place = card.places.iter().find(|place| **place == Place::User(user_id.to_owned())).or(card.places.first());
    let (kind, id) = match place {
        Some(Place::Conversation(id)) => ("IM_GROUP", id.as_str()),
        _ => ("IM_ROBOT", user_id),
    };
    let content = json!({ "cardPrivateData": { "actionIds": [action_id], "params": params } });
    json!({
        "type": "actionCallback", "outTrackId": card.out_track_id, "corpId": CORP, "userId": user_id, "userIdType": 1,
        "spaceType": kind, "spaceId": id, "content": content.to_string(), "extension": "{}",
    })
}

async fn over_stream(shared: &Shared, app: usize, data: Value) -> Result<Value, Pressed> {
    let frame = Frame { kind: "CALLBACK", topic: CARD_TOPIC, message_id: new_id(), headers: Vec::new(), data };
    match push(shared, app, &frame).await {
        Pushed::Answered(Acknowledgement { code: 200, data }) => Ok(data.get("response").cloned().unwrap_or_default()),
        Pushed::NoConnection => Err(Pressed::NoConnection),
        Pushed::Answered(_) | Pushed::Unanswered => Err(Pressed::Failed),
    }
}

/// To the registered address, signed when a secret was registered: the MAC is of the time alone.
async fn over_http(shared: &Shared, app: usize, key: &str, data: Value) -> Result<Value, Pressed> {
    let (target, patience, now) = {
        let state = shared.lock();
        (state.apps[app].callbacks.get(key).cloned(), state.settings.stream.answer_within, state.now())
    };
    let (url, secret) = target.ok_or(Pressed::NoConnection)?;
    let answer = post(&url, &secret, &data, patience, now.timestamp_millis()).await;
    answer.map_err(|_| Pressed::Failed)
}

async fn post(url: &str, secret: &str, data: &Value, patience: Duration, now_ms: i64) -> reqwest::Result<Value> {
    crate::notify::install_tls();
    let mut request = reqwest::Client::builder().timeout(patience).build()?.post(url).json(data);
    if !secret.is_empty() {
        let signature = hmac_base64(secret, &now_ms.to_string());
        request = request.header("x-ddpaas-signature-timestamp", now_ms.to_string()).header("x-ddpaas-signature", signature);
    }
    request.send().await?.error_for_status()?.json().await
}

/// What an answer to a callback changes.
fn change(response: &Value, user_id: &str) -> Option<Change> {
    let map = |pointer: &str| response.pointer(pointer).and_then(Value::as_object).cloned();
    let (data, private) = (map("/cardData/cardParamMap"), map("/userPrivateData/cardParamMap"));
    if data.is_none() && private.is_none() {
        return None;
    }
    let by_key = |option: &str| response.pointer(&format!("/cardUpdateOptions/{option}")) == Some(&Value::Bool(true));
    Some(Change {
        data,
        data_by_key: by_key("updateCardDataByKey"),
        private: private.map(|private| BTreeMap::from([(user_id.to_owned(), private)])).unwrap_or_default(),
        private_by_key: by_key("updatePrivateDataByKey"),
    })
}

/// This person says something to the robot: in a conversation (where the robot is called by name), or alone with it. `None`
/// when there is no such person or conversation.
pub async fn say(shared: &Shared, user_id: &str, conversation: Option<&str>, text: &str) -> Option<Said> {
    let (app, frame) = {
        let mut state = shared.lock();
        let app = state.app_of(user_id)?;
        let address = state.address.clone();
        let used_up = {
            let now = state.now();
            state.webhook_quota.is_used_up(now)
        };
        let now = state.now();
        let frame = heard(&mut state.apps[app], &address, user_id, conversation, text, used_up, now)?;
        state.changed();
        (app, frame)
    };
    let taken = matches!(push(shared, app, &frame).await, Pushed::Answered(Acknowledgement { code: 200, .. }));
    Some(Said { msg_id: frame.data["msgId"].as_str().unwrap_or_default().to_owned(), taken })
}

/// Pushes what was said last once more, with the same ids; `None` when nothing was said.
pub async fn push_again(shared: &Shared) -> Option<Pushed> {
    let last = |state: &State| {
        let (app, frame) = state.apps.iter().enumerate().find_map(|(at, app)| Some((at, app.heard.clone()?)))?;
        Some((app, frame))
    };
    let (app, frame) = last(&shared.lock())?;
    Some(push(shared, app, &frame).await)
}

/// Shows what was said, and makes the frame that tells it.
fn heard(
    app: &mut App,
    address: &str,
    user_id: &str,
    conversation: Option<&str>,
    text: &str,
    used_up: bool,
    now: DateTime<Utc>,
) -> Option<Frame> {
    let person = app.settings.person(user_id)?.clone();
    let group = match conversation {
        Some(id) => Some(app.settings.conversation(id)?.clone()),
        None => None,
    };
    let msg_id = format!("msg{}", new_id());
    let place = group.as_ref().map_or_else(|| Place::User(user_id.to_owned()), |group| Place::Conversation(group.id.clone()));
    let shown = Draft {
        form: Form::Said,
        from: Some(user_id.to_owned()),
        kind: "text".into(),
        text: text.to_owned(),
        handle: msg_id.clone(),
        ..Draft::default()
    };
    app.show(&shown, place.clone(), now);
    let session = uuid::Uuid::new_v4().simple().to_string();
    app.sessions.retain(|_, session| now < session.until);
    app.sessions.insert(session.clone(), Session { place, until: now + SESSION });
    let mut data = json!({
        "msgtype": "text", "msgId": msg_id, "createAt": now.timestamp_millis(),
        "conversationType": if group.is_some() { "2" } else { "1" },
        "conversationId": group.as_ref().map_or_else(|| format!("cidRobot{user_id}=="), |group| group.id.clone()),
        "senderId": format!("$:LWCP_v1:${user_id}"), "senderStaffId": user_id, "senderNick": person.name, "senderCorpId": CORP,
        "isAdmin": false, "chatbotUserId": "$:LWCP_v1:$robot", "chatbotCorpId": CORP, "robotCode": app.settings.client_id,
        "isInAtList": group.is_some(), "senderPlatform": "Mac",
        "sessionWebhook": format!("{address}/robot/sendBySession?session={session}"),
        "sessionWebhookExpiredTime": (now + SESSION).timestamp_millis(),
    });
    if let Some(group) = &group {
        data["conversationTitle"] = json!(group.title);
        data["atUsers"] = json!([{ "dingtalkId": "$:LWCP_v1:$robot" }]);
    }
    // In a group the robot's name is taken out, and the space after it stays.
    data["text"] = json!({ "content": if group.is_some() { format!(" {text}") } else { text.to_owned() } });
    if used_up {
        for gone in ["text", "msgtype"] {
            data.as_object_mut().and_then(|data| data.remove(gone));
        }
        (data["errCode"], data["errMsg"]) = (json!(20001), json!("消息推送次数已达到本月上限"));
    }
    let frame = Frame { kind: "CALLBACK", topic: BOT_TOPIC, message_id: new_id(), headers: Vec::new(), data };
    app.heard = Some(frame.clone());
    Some(frame)
}

/// Something happens in the organisation of the first app: an EVENT, pushed again with the same id until it is taken. Whether it
/// was taken.
pub async fn event(shared: &Shared, kind: &str, data: Value) -> bool {
    let born = shared.lock().now().timestamp_millis().to_string();
    let headers = vec![
        ("eventId", new_id()),
        ("eventType", kind.to_owned()),
        ("eventBornTime", born),
        ("eventCorpId", CORP.to_owned()),
        ("eventUnifiedAppId", new_id()),
    ];
    let mut frame = Frame { kind: "EVENT", topic: "*", message_id: String::new(), headers, data };
    for _ in 0..EVENT_PUSHES {
        frame.message_id = new_id();
        if let Pushed::Answered(Acknowledgement { code: 200, data }) = push(shared, 0, &frame).await {
            // SDKs echo the data, without a status.
            if data["status"] != "LATER" {
                return true;
            }
        }
    }
    false
}

fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
