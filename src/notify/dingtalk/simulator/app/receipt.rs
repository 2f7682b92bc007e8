//! Who has read a message of the robot, and taking it back: within 24 hours.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use super::robot::{conversation, robot_code};
use super::seen::{AppMessage, Place};
use super::state::RECEIPT_WINDOW;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// Readers that one answer names.
const MAX_READERS: usize = 200;
/// Messages that one call takes back.
const MAX_KEYS: usize = 20;

/// `GET /v1.0/robot/oToMessages/readStatus`
pub fn read_by_people(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    robot_code(ask)?;
    let key = ask.string("processQueryKey");
    let messages = find(ask, &key, |place| matches!(place, Place::User(_)))?;
    let readers: Vec<Value> = messages.iter().filter_map(|message| reader(ask, message)).collect();
    Ok(json!({ "sendStatus": status(&messages), "messageReadInfoList": readers }))
}

/// `POST /v1.0/robot/groupMessages/query`
pub fn read_in_conversation(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "openConversationId", "processQueryKey"])?;
    robot_code(ask)?;
    let place = Place::Conversation(conversation(ask)?);
    let key = ask.string("processQueryKey");
    let messages = find(ask, &key, |seen| *seen == place)?;
    let size = ask.body.get("maxResults").map_or(Some(MAX_READERS as u64), Value::as_u64).map(|size| size as usize);
    let size = size.filter(|size| (1..=MAX_READERS).contains(size));
    let size = size.ok_or_else(|| ApiRefusal::code("invalidParameter.pageSize.invalid", "maxResults 必须在 1 到 200 之间"))?;
    let cursor = ask.string("nextToken");
    let from = if cursor.is_empty() { Some(0) } else { cursor.parse::<usize>().ok() };
    let from = from.ok_or_else(|| ApiRefusal::code("invalidParameter.cursor.invalid", "无效的 nextToken"))?;
    let readers: Vec<&String> = messages.iter().flat_map(|message| &message.read_by).collect();
    let page: Vec<&&String> = readers.iter().skip(from).take(size).collect();
    let next = from + page.len();
    let has_more = next < readers.len();
    let token = if has_more { next.to_string() } else { String::new() };
    Ok(json!({ "sendStatus": status(&messages), "readUserIds": page, "hasMore": has_more, "nextToken": token }))
}

/// `POST /v1.0/robot/otoMessages/batchRecall`
pub fn recall_of_people(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "processQueryKeys"])?;
    robot_code(ask)?;
    recall(ask, |place| matches!(place, Place::User(_)))
}

/// `POST /v1.0/robot/groupMessages/recall`
pub fn recall_in_conversation(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "openConversationId", "processQueryKeys"])?;
    robot_code(ask)?;
    let place = Place::Conversation(conversation(ask)?);
    recall(ask, |seen| *seen == place)
}

fn recall(ask: &mut Ask, within: impl Fn(&Place) -> bool) -> Result<Value, ApiRefusal> {
    let keys = ask.strings("processQueryKeys");
    if keys.len() > MAX_KEYS {
        return Err(ApiRefusal::code("invalidParameter.processQueryKeys.overMax", "processQueryKeys 不能超过 20 个"));
    }
    let now = ask.now();
    let (mut done, mut failed) = (Vec::new(), Map::new());
    for key in keys {
        match find(ask, &key, &within) {
            Ok(_) => {
                for message in ask.app().messages_called(&key) {
                    message.recalled_at.get_or_insert(now);
                }
                done.push(key);
            }
            Err(refusal) => {
                failed.insert(key, Value::String(refusal.code_text()));
            }
        }
    }
    Ok(json!({ "successResult": done, "failedResult": failed }))
}

/// What was sent under this key, when it was less than 24 hours ago.
fn find(ask: &mut Ask, key: &str, within: impl Fn(&Place) -> bool) -> Result<Vec<AppMessage>, ApiRefusal> {
    let now = ask.now();
    let messages: Vec<AppMessage> =
        ask.app().messages().filter(|message| message.handle == key && within(&message.place)).cloned().collect();
    match messages.first() {
        _ if key.is_empty() => Err(ApiRefusal::code("invalidParameter.processQueryKey.missing", "缺少参数 processQueryKey")),
        None => Err(ApiRefusal::code("invalid.processQueryKey", "无效的 processQueryKey")),
        Some(message) if is_over(message.at, now) => Err(ApiRefusal::code("processQueryKey.expireTime", "processQueryKey 已过期")),
        Some(_) => Ok(messages),
    }
}

/// Whether DingTalk tells nothing more of what was sent then.
pub fn is_over(sent: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - sent > RECEIPT_WINDOW
}

fn status(messages: &[AppMessage]) -> &'static str {
    if messages.iter().any(|message| message.recalled_at.is_some()) { "RECALLED" } else { "SUCCESS" }
}

fn reader(ask: &mut Ask, message: &AppMessage) -> Option<Value> {
    let Place::User(user) = &message.place else { return None };
    let status = if message.read_by.contains(user) { "READ" } else { "UNREAD" };
    Some(json!({ "name": ask.app().settings.name_of(user), "userId": user, "readStatus": status }))
}
