//! Messages of an app's robot: to people one by one, and to conversations.

use super::gate::Ask;
use super::msgkey;
use super::refusal::ApiRefusal;
use super::seen::{Form, Place};
use super::state::Draft;
use crate::notify::dingtalk::simulator::Fault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// People per call.
const MAX_USERS: usize = 20;
/// The size of `msgParam` of a message to a conversation, in bytes.
const MAX_PARAM_BYTES: usize = 15_000;

/// `POST /v1.0/robot/oToMessages/batchSend`
pub fn send_to_people(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "userIds", "msgKey", "msgParam"])?;
    robot_code(ask)?;
    let users = ask.strings("userIds");
    if users.is_empty() {
        return Err(ApiRefusal::code("invalidParameter.userIds.empty", "userIds 不能为空"));
    }
    if users.len() > MAX_USERS {
        return Err(ApiRefusal::code("invalidParameter.userIds.overMax", "userIds 不能超过 100 个"));
    }
    let draft = draft(ask)?;
    let (mut invalid, mut flow) = (Vec::new(), Vec::new());
    let fault = ask.fault.clone();
    for user in users {
        match &fault {
            Some(Fault::InvalidUsers(named)) if named.contains(&user) => invalid.push(user),
            Some(Fault::FlowControlledUsers(named)) if named.contains(&user) => flow.push(user),
            _ if ask.app().settings.person(&user).is_none() => invalid.push(user),
            _ => ask.show(&draft, Place::User(user)),
        }
    }
    Ok(json!({ "processQueryKey": draft.handle, "invalidStaffIdList": invalid, "flowControlledStaffIdList": flow }))
}

/// `POST /v1.0/robot/groupMessages/send`
pub fn send_to_conversation(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["robotCode", "openConversationId", "msgKey", "msgParam"])?;
    robot_code(ask)?;
    let conversation = conversation(ask)?;
    if ask.body["msgParam"].as_str().is_some_and(|param| param.len() > MAX_PARAM_BYTES) {
        return Err(ApiRefusal::code("invalidParameter.msgParam.tooLong", "msgParam 过长"));
    }
    let draft = draft(ask)?;
    ask.show(&draft, Place::Conversation(conversation));
    Ok(json!({ "processQueryKey": draft.handle }))
}

/// The robot's code must be this app's own.
pub fn robot_code(ask: &mut Ask) -> Result<(), ApiRefusal> {
    let code = ask.string("robotCode");
    if code.is_empty() {
        return Err(ApiRefusal::code("invalidParameter.robotCode.empty", "robotCode 不能为空"));
    }
    if ask.app().settings.client_id == code {
        return Ok(());
    }
    let of_another = ask.state.apps.iter().any(|app| app.settings.client_id == code);
    let what = if of_another { "auth" } else { "notExsit" };
    Err(ApiRefusal::code(&format!("invalidParameter.robotCode.{what}"), "机器人不存在或与应用不匹配"))
}

/// The conversation that is asked for, when the robot is in it.
pub fn conversation(ask: &mut Ask) -> Result<String, ApiRefusal> {
    let id = ask.string("openConversationId");
    let known = ask.app().settings.conversation(&id).is_some();
    if known { Ok(id) } else { Err(ApiRefusal::code("invalid.openConversationId", "无效的 openConversationId")) }
}

/// DingTalk's name for a message: base64, with the characters that must be encoded in a query.
pub fn new_key() -> String {
    let (first, second) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    BASE64_STANDARD.encode([first.as_bytes().as_slice(), second.as_bytes().as_slice(), &[0xfb, 0xef]].concat())
}

fn draft(ask: &mut Ask) -> Result<Draft, ApiRefusal> {
    let kind = ask.string("msgKey");
    let param = msgkey::read(&kind, &ask.body["msgParam"])?;
    let string = |member: &str| param.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = if kind == "sampleText" { string("content") } else { string("text") };
    let title = if kind == "sampleFile" { string("fileName") } else { string("title") };
    Ok(Draft { form: Form::Message, title, text, kind, handle: new_key(), body: param, ..Draft::default() })
}
