//! `POST /robot/send`: the decision, from a request and what is remembered to an answer.
//!
//! The order of the checks is partly observed (a missing token and the limit come before the token is looked up) and partly
//! a choice, so nothing should depend on the order of two refusals:
//!
//! 1. the method
//! 2. the token is given
//! 3. the robot's limit
//! 4. the token is known
//! 5. the content type, the size, that it is a JSON object, its type, its members
//! 6. the security settings: address, time, sign, keyword
//! 7. the month's quotas: the robot's own, the admin's cap, the organisation's
//! 8. a `msgUuid` that was posted already is answered with 0 and not posted again
//! 9. it is posted
//!
//! Faults of what stands before DingTalk (a firewall, a gateway, the network) come before all of it.

use super::at;
use super::check;
use super::fault::{Fault, Stage};
use super::markdown;
use super::received::{Outcome, Received};
use super::refusal::Refusal;
use super::state::{Chat, State};
use crate::notify::dingtalk::message::MAX_BODY_BYTES;
use crate::notify::dingtalk::sign::sign;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::net::IpAddr;

/// A signature is taken for this long before and after it was made.
const SIGN_WINDOW_MS: i64 = 3_600_000;

/// What arrived.
pub(super) struct Request {
    pub is_post: bool,
    /// The path and query, for [`Fault::Echo`].
    pub uri: String,
    /// The query, decoded once by the rules of forms (`+` is a space), in its order.
    pub query: Vec<(String, String)>,
    pub content_type: String,
    /// Absent when it was too long even to be read.
    pub body: Option<Vec<u8>>,
    pub peer: IpAddr,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// HTTP 200 with this JSON.
    Json(Value),
    /// Whatever the fault does to an answer; here is the one that would have been given.
    Faulty(Fault, Value),
}

/// A message that may be posted.
enum Verdict {
    New(Box<Received>),
    Repeat(u64),
}

/// Decides, and remembers.
pub(super) fn answer(state: &mut State, request: &Request) -> Answer {
    let now = state.now();
    let chat = request.parameter("access_token").and_then(|token| state.chat_of(token));
    if let Some(fault) = chat.and_then(|chat| state.chats[chat].take_fault(Stage::Before)) {
        return misbehave(state, chat, fault, request);
    }
    let decided = decide(state, chat, request, now).and_then(|(chat, verdict)| post(state, chat, verdict, now));
    match decided {
        Ok((chat, outcome)) => accepted(state, chat, outcome, request),
        Err(refusal) => {
            count_refused(state, chat, &refusal, now);
            refuse(state, chat, &refusal, request)
        }
    }
}

fn post(state: &mut State, chat: usize, verdict: Verdict, now: DateTime<Utc>) -> Result<(usize, Outcome), Refusal> {
    match verdict {
        Verdict::New(message) => {
            state.post(chat, *message)?;
            state.chats[chat].counted.push_back(now);
            Ok((chat, Outcome::Accepted))
        }
        Verdict::Repeat(id) => {
            state.repeated(id);
            Ok((chat, Outcome::Deduplicated))
        }
    }
}

fn accepted(state: &mut State, chat: usize, outcome: Outcome, request: &Request) -> Answer {
    let ok = json!({ "errcode": 0, "errmsg": "ok" });
    let fault = state.chats[chat].take_fault(Stage::After);
    let outcome = fault.clone().map_or(outcome, |fault| Outcome::Fault { fault, posted: true });
    state.called(Some(chat), request.uuid(), outcome);
    match fault {
        None => Answer::Json(ok),
        Some(Fault::ErrcodeAsString) => Answer::Json(json!({ "errcode": "0", "errmsg": "ok" })),
        Some(fault) => Answer::Faulty(fault, ok),
    }
}

fn refuse(state: &mut State, chat: Option<usize>, refusal: &Refusal, request: &Request) -> Answer {
    let (code, words) = (refusal.code(), refusal.words(state.settings.wording));
    // What is shown and kept of a refusal must not repeat the request's own URL.
    let kept = if matches!(refusal, Refusal::Echo(_)) { "the request's own URL".to_owned() } else { words.clone() };
    state.called(chat, request.uuid(), Outcome::Refused { code, words: kept });
    Answer::Json(json!({ "errcode": code, "errmsg": words }))
}

fn misbehave(state: &mut State, chat: Option<usize>, fault: Fault, request: &Request) -> Answer {
    let refusal = match &fault {
        Fault::Errcode(code) => Some(Refusal::Told(*code)),
        Fault::ContentRefused => Some(Refusal::Told(430102)),
        Fault::Echo => Some(Refusal::Echo(format!("https://oapi.dingtalk.com{}", request.uri))),
        _ => None,
    };
    match refusal {
        Some(refusal) => refuse(state, chat, &refusal, request),
        None => {
            state.called(chat, request.uuid(), Outcome::Fault { fault: fault.clone(), posted: false });
            Answer::Faulty(fault, Value::Null)
        }
    }
}

fn decide(state: &mut State, chat: Option<usize>, request: &Request, now: DateTime<Utc>) -> Result<(usize, Verdict), Refusal> {
    if !request.is_post {
        return Err(Refusal::NotPost);
    }
    request.parameter("access_token").ok_or(Refusal::NoToken)?;
    let chat = chat.ok_or(Refusal::UnknownToken)?;
    throttle(state, chat, now)?;
    let body = request.json()?;
    let msgtype = check::msgtype(&body)?;
    security(&state.chats[chat], request, &body, now)?;
    let uuid = body.get("msgUuid").and_then(Value::as_str).filter(|uuid| !uuid.is_empty());
    let used_up = state.chats[chat].quota == Some(0) || state.chats[chat].cap.is_used_up(now) || state.webhook_quota.is_used_up(now);
    if used_up {
        return Err(Refusal::Quota);
    }
    let robot = &state.chats[chat];
    if let Some(id) = uuid.filter(|_| state.settings.dedupe_uuid).and_then(|uuid| robot.posted_as(uuid, now)) {
        return Ok((chat, Verdict::Repeat(id)));
    }
    let message = received(msgtype, request, (chat + 1, &robot.robot.name), body, state);
    Ok((chat, Verdict::New(Box::new(message))))
}

/// A robot that was sent more than its limit refuses everything for a while.
fn throttle(state: &mut State, chat: usize, now: DateTime<Utc>) -> Result<(), Refusal> {
    let (limit, chat) = (&state.settings.limit, &mut state.chats[chat]);
    let banned = chat.banned_until.is_some_and(|until| now < until);
    if banned {
        if limit.calls_extend_ban {
            chat.banned_until = Some(now + limit.ban);
        }
        return Err(Refusal::Throttled(limit.code));
    }
    while chat.counted.front().is_some_and(|at| *at + limit.window <= now) {
        chat.counted.pop_front();
    }
    if chat.counted.len() >= limit.messages {
        chat.banned_until = Some(now + limit.ban);
        return Err(Refusal::Throttled(limit.code));
    }
    Ok(())
}

fn count_refused(state: &mut State, chat: Option<usize>, refusal: &Refusal, now: DateTime<Utc>) {
    if let Some(chat) = chat.filter(|_| state.settings.limit.count_refused && !matches!(refusal, Refusal::Throttled(_))) {
        state.chats[chat].counted.push_back(now);
    }
}

/// Every setting that is made must be met.
fn security(chat: &Chat, request: &Request, body: &Value, now: DateTime<Utc>) -> Result<(), Refusal> {
    let allowed = |address: IpAddr| match address {
        IpAddr::V4(address) => chat.allowed.iter().any(|network| network.contains(address)),
        IpAddr::V6(_) => false,
    };
    if !chat.allowed.is_empty() && !allowed(request.peer) {
        return Err(Refusal::Address(request.peer));
    }
    if let Some(secret) = &chat.robot.secret {
        let timestamp = request.parameter("timestamp").and_then(|text| text.parse::<i64>().ok()).ok_or(Refusal::Timestamp)?;
        if now.timestamp_millis().abs_diff(timestamp) > SIGN_WINDOW_MS.unsigned_abs() {
            return Err(Refusal::Timestamp);
        }
        if request.parameter("sign") != Some(sign(secret, timestamp).as_str()) {
            return Err(Refusal::Sign);
        }
    }
    if !chat.robot.keywords.is_empty() && !check::contains_any(body, &chat.robot.keywords) {
        return Err(Refusal::Keyword);
    }
    Ok(())
}

fn received(msgtype: &str, request: &Request, (chat, robot): (usize, &str), body: Value, state: &State) -> Received {
    let (title, text) = (check::title(msgtype, &body), check::text(msgtype, &body));
    let at = at::read(msgtype, &text, &body);
    let mut warnings = at.warnings;
    if matches!(msgtype, "markdown" | "actionCard") {
        warnings.extend(markdown::render(&text, &at.mentioned).warnings);
    }
    Received {
        id: 0,
        at: state.now(),
        robot: robot.to_owned(),
        chat,
        msgtype: msgtype.to_owned(),
        title,
        text,
        uuid: body.get("msgUuid").and_then(Value::as_str).map(str::to_owned),
        mentioned: at.mentioned,
        listed_only: at.listed_only,
        at_all: at.all,
        repeats: 0,
        warnings: warnings.into_iter().map(|warning| warning.words(state.settings.language).to_owned()).collect(),
        bytes: request.body.as_ref().map_or(0, Vec::len),
        body,
    }
}

impl Request {
    /// The first parameter of this name that is not blank. Of two, the first counts: stale ones were seen to win.
    fn parameter(&self, name: &str) -> Option<&str> {
        let first = self.query.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    fn json(&self) -> Result<Value, Refusal> {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::ContentType);
        }
        let body = self.body.as_ref().filter(|body| body.len() <= MAX_BODY_BYTES).ok_or(Refusal::TooLong)?;
        serde_json::from_slice::<Value>(body).ok().filter(Value::is_object).ok_or(Refusal::NoJson)
    }

    /// The `msgUuid`, for the list of calls.
    fn uuid(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(self.body.as_ref().filter(|body| body.len() <= MAX_BODY_BYTES)?).ok()?;
        body.get("msgUuid")?.as_str().map(str::to_owned)
    }
}
