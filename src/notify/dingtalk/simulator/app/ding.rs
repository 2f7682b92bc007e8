//! DINGs: in the app, by SMS, by phone call.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use super::robot::{new_key, robot_code};
use super::seen::{AppMessage, Form, Place};
use super::state::Draft;
use crate::notify::dingtalk::simulator::Fault;
use serde_json::{Value, json};

/// People of a DING in the app.
const MAX_IN_APP: usize = 200;
/// People of a DING by SMS or phone.
const MAX_OUTSIDE: usize = 20;
/// The voices of a phone call, spelled as DingTalk spells them.
const VOICES: [&str; 6] = [
    "Standard_Female_Voice",
    "Cantonese_Female_Voice",
    "Gentine_Female_Voice",
    "Overbearing_Female_Voice",
    "Lovely_Girl_Voice",
    "Standard_Male_Voice",
];

/// `POST /v1.0/robot/ding/send`
pub fn send(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "remindType", "receiverUserIdList", "content"])?;
    robot_code(ask)?;
    let (form, most) = match ask.string("remindType").as_str() {
        "1" => (Form::Ding, MAX_IN_APP),
        "2" => (Form::DingSms, MAX_OUTSIDE),
        "3" => (Form::DingPhone, MAX_OUTSIDE),
        _ => return Err(invalid("remindType")),
    };
    let voice = ask.string("callVoice");
    if !voice.is_empty() && !VOICES.contains(&voice.as_str()) {
        return Err(invalid("callVoice"));
    }
    let users = ask.strings("receiverUserIdList");
    if users.is_empty() {
        return Err(ApiRefusal::code("miss.staffId", "缺少 receiverUserIdList"));
    }
    if users.len() > most {
        return Err(ApiRefusal::code("ding.receivercount.limit", "DING 接收人数超过限制"));
    }
    let content = ask.string("content");
    if content.is_empty() {
        return Err(invalid("content"));
    }
    let draft = Draft { form, kind: "ding".to_owned(), text: content, handle: new_key(), body: ask.body.clone(), ..Draft::default() };
    let fault = ask.fault.clone();
    let (mut failed, mut unknown) = (json!({}), Vec::new());
    for user in users {
        let told = matches!(&fault, Some(Fault::InvalidUsers(named) | Fault::FlowControlledUsers(named)) if named.contains(&user));
        if told || ask.app().settings.person(&user).is_none() {
            unknown.push(user);
        } else {
            ask.show(&draft, Place::User(user));
        }
    }
    if !unknown.is_empty() {
        failed["用户不存在"] = json!(unknown);
    }
    Ok(json!({ "openDingId": draft.handle, "failedList": failed }))
}

/// `POST /v1.0/robot/ding/recall`
pub fn recall(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let (id, _) = find(ask)?;
    let now = ask.now();
    for message in ask.app().messages_called(&id) {
        message.recalled_at.get_or_insert(now);
    }
    Ok(json!({ "openDingId": id }))
}

/// `POST /v1.0/robot/ding/readStatuses/query`
pub fn read_by(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let (_, messages) = find(ask)?;
    let readers: Vec<Value> = messages.iter().filter_map(reader).collect();
    Ok(json!({ "result": { "robotDingReadInfoList": readers }, "success": true }))
}

fn find(ask: &mut Ask) -> Result<(String, Vec<AppMessage>), ApiRefusal> {
    ask.require(&["robotCode", "openDingId"])?;
    robot_code(ask)?;
    let id = ask.string("openDingId");
    let is_ding = |form| matches!(form, Form::Ding | Form::DingSms | Form::DingPhone);
    let messages: Vec<AppMessage> = ask.app().messages().filter(|message| message.handle == id && is_ding(message.form)).cloned().collect();
    if messages.is_empty() { Err(ApiRefusal::code("recall.ding.exception", "DING 不存在")) } else { Ok((id, messages)) }
}

fn reader(message: &AppMessage) -> Option<Value> {
    let Place::User(user) = &message.place else { return None };
    Some(json!({ "userId": user, "readStatus": if message.read_by.contains(user) { "READ" } else { "UNREAD" } }))
}

fn invalid(member: &str) -> ApiRefusal {
    ApiRefusal::code("invalidParameter.param.invalid", &format!("参数不合法：{member}"))
}
