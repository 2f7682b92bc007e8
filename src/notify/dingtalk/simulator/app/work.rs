//! Work notifications (工作通知). What exceeds a limit is dropped without a word: the call still succeeds, and only the result
//! of the task tells it.

use super::gate::Ask;
use super::receipt::is_over;
use super::refusal::ApiRefusal;
use super::seen::{AppMessage, Form, Place};
use super::state::Draft;
use crate::notify::dingtalk::simulator::Fault;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// The size of `msg` in bytes.
const MAX_MSG_BYTES: usize = 2_048;
/// People that one call names.
const MAX_USERS: usize = 100;
/// Notifications that a person gets in a day.
const PER_DAY: usize = 500;
/// People that are reached in a minute.
const PER_MINUTE: usize = 5_000;
/// The code of what is dropped because too many people were reached in a minute.
const TOO_MANY_PEOPLE: i64 = 143103;
/// The same, because the person had too many that day.
const TOO_MANY_A_DAY: i64 = 143105;
/// The same, because the person had the very same that day.
const SAME_AGAIN: i64 = 143106;

/// What became of a notification.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Its number.
    pub id: i64,
    /// User ids that there are not.
    pub invalid: Vec<String>,
    /// Departments that there are not.
    pub departments: Vec<String>,
    /// User ids for whom it was dropped, each with the code.
    pub dropped: Vec<(String, i64)>,
    /// When it was sent.
    pub at: DateTime<Utc>,
}

/// `POST /topapi/message/corpconversation/asyncsend_v2`
pub fn send(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    agent(ask)?;
    let msg = msg(ask)?;
    let (users, departments) = recipients(ask)?;
    let now = ask.now();
    let id = ask.app().next_task();
    let mut task = Task { id, departments, at: now, ..Task::default() };
    let draft = draft(msg, id);
    let fault = ask.fault.clone();
    for user in users {
        let told = matches!(&fault, Some(Fault::InvalidUsers(named)) if named.contains(&user));
        let throttled = matches!(&fault, Some(Fault::FlowControlledUsers(named)) if named.contains(&user));
        if told || ask.app().settings.person(&user).is_none() {
            task.invalid.push(user);
        } else if let Some(code) = throttled.then_some(TOO_MANY_A_DAY).or_else(|| dropped(ask, &user, &draft, now)) {
            task.dropped.push((user, code));
        } else {
            ask.show(&draft, Place::User(user));
        }
    }
    ask.app().tasks.push(task);
    Ok(json!({ "errcode": 0, "errmsg": "ok", "task_id": id }))
}

/// `POST …/getsendprogress`
pub fn progress(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    task(ask, "task_id")?;
    Ok(json!({ "errcode": 0, "errmsg": "ok", "progress": { "progress_in_percent": 100, "status": 2 } }))
}

/// `POST …/getsendresult`
pub fn result(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let task = task(ask, "task_id")?;
    let handle = task.id.to_string();
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for message in ask.app().messages_called(&handle) {
        let Place::User(user) = &message.place else { continue };
        if message.read_by.contains(user) { read.push(user.clone()) } else { unread.push(user.clone()) }
    }
    let forbidden: Vec<Value> =
        task.dropped.iter().map(|(user, code)| json!({ "code": code.to_string(), "count": 1, "userid": user })).collect();
    let dropped: Vec<&String> = task.dropped.iter().map(|(user, _)| user).collect();
    Ok(json!({ "errcode": 0, "errmsg": "ok", "send_result": {
        "invalid_user_id_list": task.invalid, "invalid_dept_id_list": task.departments,
        "forbidden_user_id_list": dropped, "forbidden_list": forbidden,
        "failed_user_id_list": [], "read_user_id_list": read, "unread_user_id_list": unread,
    } }))
}

/// `POST …/recall`
pub fn recall(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let handle = task(ask, "msg_task_id")?.id.to_string();
    let now = ask.now();
    for message in ask.app().messages_called(&handle) {
        message.recalled_at.get_or_insert(now);
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

fn agent(ask: &mut Ask) -> Result<(), ApiRefusal> {
    let known = ask.app().settings.agent_id.to_string();
    if ask.string("agent_id") == known { Ok(()) } else { Err(ApiRefusal::errcode(400002, "无效的参数: agent_id")) }
}

/// The task that is asked for, of the last 24 hours.
fn task(ask: &mut Ask, member: &str) -> Result<Task, ApiRefusal> {
    agent(ask)?;
    let (id, now) = (ask.string(member), ask.now());
    let known = ask.app().tasks.iter().find(|task| task.id.to_string() == id && !is_over(task.at, now)).cloned();
    known.ok_or_else(|| ApiRefusal::errcode(400002, &format!("无效的参数: {member}")))
}

/// `msg`, an object, or the text of one in a form.
fn msg(ask: &Ask) -> Result<Value, ApiRefusal> {
    let given = &ask.body["msg"];
    let msg = given.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| given.clone());
    let kind = msg["msgtype"].as_str().unwrap_or_default();
    let known = ["text", "image", "voice", "file", "link", "oa", "markdown", "action_card"].contains(&kind);
    if !known || !msg[kind].is_object() {
        return Err(ApiRefusal::errcode(40035, "不合法的参数: msg"));
    }
    if msg.to_string().len() > MAX_MSG_BYTES {
        return Err(ApiRefusal::errcode(40035, "不合法的参数: msg 超过 2048 字节"));
    }
    Ok(msg)
}

/// The people who are asked for, and the departments that there are not: none is simulated.
fn recipients(ask: &mut Ask) -> Result<(Vec<String>, Vec<String>), ApiRefusal> {
    let list = |text: String| -> Vec<String> { text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect() };
    let to_all = ask.body["to_all_user"] == true || ask.string("to_all_user") == "true";
    let everyone = || ask.state.apps[ask.number].settings.people.iter().map(|person| person.user_id.clone()).collect();
    let mut users: Vec<String> = if to_all { everyone() } else { list(ask.string("userid_list")) };
    let departments = list(ask.string("dept_id_list"));
    if users.is_empty() && departments.is_empty() {
        return Err(ApiRefusal::errcode(1430000, "接收者为空"));
    }
    if !to_all && users.len() > MAX_USERS {
        return Err(ApiRefusal::errcode(40035, "不合法的参数: userid_list 超过 100 个"));
    }
    let mut seen = std::collections::HashSet::new();
    users.retain(|user| seen.insert(user.clone()));
    Ok((users, departments))
}

fn draft(msg: Value, task: i64) -> Draft {
    let kind = msg["msgtype"].as_str().unwrap_or_default().to_owned();
    let inner = &msg[&kind];
    let first = |members: &[&str]| members.iter().find_map(|member| inner.pointer(member)?.as_str()).unwrap_or_default().to_owned();
    let title = first(&["/title", "/body/title", "/head/text"]);
    let text = first(&["/text", "/content", "/markdown", "/body/content"]);
    Draft { form: Form::WorkNotification, title, text, handle: task.to_string(), kind, body: msg, ..Draft::default() }
}

/// Why a notification does not reach this person, if it does not.
fn dropped(ask: &mut Ask, user: &str, draft: &Draft, now: DateTime<Utc>) -> Option<i64> {
    let notifications = || ask.state.apps[ask.number].messages().rev().filter(|message| message.form == Form::WorkNotification);
    if notifications().take_while(|message| message.at + TimeDelta::minutes(1) > now).count() >= PER_MINUTE {
        return Some(TOO_MANY_PEOPLE);
    }
    let today = |message: &&AppMessage| day(message.at) == day(now) && matches!(&message.place, Place::User(whose) if whose == user);
    if notifications().filter(today).any(|message| message.body == draft.body) {
        return Some(SAME_AGAIN);
    }
    (notifications().filter(today).count() >= PER_DAY).then_some(TOO_MANY_A_DAY)
}

fn day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Tz::Asia__Shanghai).date_naive()
}
