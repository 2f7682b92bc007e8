//! What all routes of an app's API have in common, before and after what they do:
//!
//! 1. the path, then the credentials or the access token
//! 2. faults that were ordered
//! 3. the permission, the calls per second, the month's quota
//! 4. the body
//!
//! The order is a choice; nothing should depend on the order of two refusals.

use super::arrived::Arrived;
use super::media::{self, Upload};
use super::refusal::{ApiRefusal, Family};
use super::seen::{ApiCall, ApiOutcome, Place};
use super::state::{App, Draft};
use super::{card, ding, people, receipt, robot, session, stream, token, work};
use crate::notify::dingtalk::simulator::fault::{Fault, Stage};
use crate::notify::dingtalk::simulator::routes::{dated, faulty};
use crate::notify::dingtalk::simulator::state::{Shared, State};
use crate::notify::dingtalk::simulator::wire::Peer;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A route of the API.
struct Endpoint {
    method: Method,
    path: &'static str,
    family: Family,
    access: Access,
    answer: fn(&mut Ask) -> Result<Value, ApiRefusal>,
}

/// Who may call a route.
enum Access {
    /// Who has an access token, of an app with this permission.
    Token(&'static str),
    /// Who knows Client ID and secret, in these members.
    Credentials(&'static str, &'static str),
    /// Who has the address of a session.
    Session,
}

/// A call that was let through.
pub struct Ask<'a> {
    /// All that is remembered.
    pub state: &'a mut State,
    /// The number of the app.
    pub number: usize,
    /// The body, an object; of a form its fields, of a GET the query.
    pub body: Value,
    /// The file of a form.
    pub file: Option<Upload>,
    /// What goes wrong within the decision.
    pub fault: Option<Fault>,
    /// How the caller calls this server.
    pub host: String,
    /// The session it comes for.
    pub session: Option<String>,
    /// The size of the body.
    pub bytes: usize,
}

const SEND: Access = Access::Token("qyapi_robot_sendmsg");
const DING: Access = Access::Token("Premium.Ding.Write");
const CARD: Access = Access::Token("Card.Instance.Write");
const WORK: &str = "qyapi_notify";

const ENDPOINTS: &[Endpoint] = &[
    credentials(Method::POST, "/v1.0/oauth2/accessToken", Family::New, ("appKey", "appSecret"), token::new_token),
    credentials(Method::GET, "/gettoken", Family::Old, ("appkey", "appsecret"), token::old_token),
    api(Method::POST, "/v1.0/robot/oToMessages/batchSend", SEND, robot::send_to_people),
    api(Method::POST, "/v1.0/robot/groupMessages/send", SEND, robot::send_to_conversation),
    api(Method::GET, "/v1.0/robot/oToMessages/readStatus", SEND, receipt::read_by_people),
    api(Method::POST, "/v1.0/robot/groupMessages/query", SEND, receipt::read_in_conversation),
    api(Method::POST, "/v1.0/robot/otoMessages/batchRecall", SEND, receipt::recall_of_people),
    api(Method::POST, "/v1.0/robot/groupMessages/recall", SEND, receipt::recall_in_conversation),
    api(Method::POST, "/v1.0/robot/ding/send", DING, ding::send),
    api(Method::POST, "/v1.0/robot/ding/recall", DING, ding::recall),
    api(Method::POST, "/v1.0/robot/ding/readStatuses/query", DING, ding::read_by),
    api(Method::POST, "/v1.0/card/instances/createAndDeliver", CARD, card::create_and_deliver),
    api(Method::POST, "/v1.0/card/instances", CARD, card::create),
    api(Method::POST, "/v1.0/card/instances/deliver", CARD, card::deliver),
    api(Method::PUT, "/v1.0/card/instances", CARD, card::update),
    api(Method::PUT, "/v1.0/card/streaming", Access::Token("Card.Streaming.Write"), card::stream),
    api(Method::POST, "/v1.0/card/callbacks/register", CARD, card::register),
    credentials(Method::POST, OPEN_CONNECTION, Family::New, ("clientId", "clientSecret"), stream::open),
    Endpoint { method: Method::POST, path: "/robot/sendBySession", family: Family::Old, access: Access::Session, answer: session::reply },
    topapi("/topapi/message/corpconversation/asyncsend_v2", WORK, work::send),
    topapi("/topapi/message/corpconversation/getsendprogress", WORK, work::progress),
    topapi("/topapi/message/corpconversation/getsendresult", WORK, work::result),
    topapi("/topapi/message/corpconversation/recall", WORK, work::recall),
    topapi("/topapi/v2/user/getbymobile", "qyapi_get_member_by_mobile", people::by_mobile),
    topapi("/media/upload", "qyapi_media_upload", media::upload),
];

const fn api(method: Method, path: &'static str, access: Access, answer: fn(&mut Ask) -> Result<Value, ApiRefusal>) -> Endpoint {
    Endpoint { method, path, family: Family::New, access, answer }
}

const fn topapi(path: &'static str, scope: &'static str, answer: fn(&mut Ask) -> Result<Value, ApiRefusal>) -> Endpoint {
    Endpoint { method: Method::POST, path, family: Family::Old, access: Access::Token(scope), answer }
}

const fn credentials(
    method: Method,
    path: &'static str,
    family: Family,
    (id, secret): (&'static str, &'static str),
    answer: fn(&mut Ask) -> Result<Value, ApiRefusal>,
) -> Endpoint {
    Endpoint { method, path, family, access: Access::Credentials(id, secret), answer }
}

/// What is answered.
enum Reply {
    Json(StatusCode, Value),
    Faulty(Fault, Value),
}

/// Answers every call that no other route takes.
pub async fn handle(
    axum::extract::State(shared): axum::extract::State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let arrived = Arrived::read(request).await;
    let (reply, hold, now) = {
        let mut state = shared.lock();
        (answer(&mut state, &arrived), state.settings.hold, state.now())
    };
    let response = match reply {
        // Who does not ask for JSON may get XML.
        Reply::Json(status, json) if arrived.path == OPEN_CONNECTION && !arrived.accepts_json => {
            (status, [(header::CONTENT_TYPE, "application/xml")], xml(&json)).into_response()
        }
        Reply::Json(status, json) => (status, Json(json)).into_response(),
        Reply::Faulty(fault, meant) => faulty(fault, meant, hold, &peer).await,
    };
    dated(response, now)
}

fn answer(state: &mut State, arrived: &Arrived) -> Reply {
    let mut there = ENDPOINTS.iter().filter(|endpoint| endpoint.path == arrived.path);
    let Some(endpoint) = there.clone().find(|endpoint| endpoint.method == arrived.method).or_else(|| there.next()) else {
        return not_found(&arrived.path);
    };
    let parsed = arrived.parse(endpoint.family);
    let number = endpoint.app(state, arrived, parsed.as_ref().ok());
    let ordered = number.and_then(|number| Some((number, state.apps[number].take_fault(endpoint.path, Stage::Before)?)));
    if let Some(reply) = ordered.and_then(|(number, fault)| misbehave(state, number, fault, endpoint)) {
        return reply;
    }
    let admitted = endpoint.admit(state, number, arrived, parsed);
    if let Err(refusal) = &admitted {
        record(state, number, endpoint.path, Value::Null, refused(refusal));
    }
    match admitted.and_then(|(number, body)| asked(state, number, endpoint, arrived, body)) {
        Ok((number, json)) => accepted(state, number, endpoint, json),
        Err(refusal) => Reply::Json(refusal.http_status(), refusal.body()),
    }
}

/// Does what was asked.
fn asked(state: &mut State, number: usize, endpoint: &Endpoint, arrived: &Arrived, body: Value) -> Result<(usize, Value), ApiRefusal> {
    let shown = if matches!(endpoint.access, Access::Credentials(..)) { Value::Null } else { body.clone() };
    let fault = state.apps[number].take_fault(endpoint.path, Stage::Within);
    let (file, host, session, bytes) =
        (arrived.file.clone(), arrived.host.clone(), arrived.parameter("session").map(str::to_owned), arrived.body.len());
    let result = (endpoint.answer)(&mut Ask { state, number, body, file, fault: fault.clone(), host, session, bytes });
    record(state, Some(number), endpoint.path, shown, outcome(&result, fault));
    result.map(|json| (number, json))
}

fn outcome(result: &Result<Value, ApiRefusal>, fault: Option<Fault>) -> ApiOutcome {
    match (result, fault) {
        (Err(refusal), _) => refused(refusal),
        (Ok(_), Some(fault)) => ApiOutcome::Fault { fault, accepted: true },
        (Ok(_), None) => ApiOutcome::Accepted,
    }
}

fn refused(refusal: &ApiRefusal) -> ApiOutcome {
    ApiOutcome::Refused { status: refusal.http_status().as_u16(), code: refusal.code_text(), words: refusal.words().to_owned() }
}

fn record(state: &mut State, number: Option<usize>, path: &str, body: Value, outcome: ApiOutcome) {
    let (at, app) = (state.now(), number.map(|number| state.apps[number].settings.client_id.clone()));
    state.api_called(ApiCall { at, app, api: path.to_owned(), body, outcome });
}

/// What was decided, unless a fault comes after it.
fn accepted(state: &mut State, number: usize, endpoint: &Endpoint, json: Value) -> Reply {
    let Some(fault) = state.apps[number].take_fault(endpoint.path, Stage::After) else { return Reply::Json(StatusCode::OK, json) };
    if let Some(call) = state.last_api_call() {
        call.outcome = ApiOutcome::Fault { fault: fault.clone(), accepted: true };
    }
    match fault {
        Fault::ErrcodeAsString => {
            let mut json = json;
            if let Some(code) = json.get_mut("errcode") {
                *code = Value::String(code.to_string());
            }
            Reply::Json(StatusCode::OK, json)
        }
        fault => Reply::Faulty(fault, json),
    }
}

/// What a fault answers instead of the decision; nothing when it only changes what is decided.
fn misbehave(state: &mut State, number: usize, fault: Fault, endpoint: &Endpoint) -> Option<Reply> {
    let refusal = match (&fault, endpoint.family) {
        (Fault::TokenExpired, _) => {
            state.apps[number].token = None;
            return None;
        }
        (Fault::NotGranted, family) => Some(ApiRefusal::not_granted(family, endpoint.scope())),
        (Fault::Code { status, code }, _) => Some(ApiRefusal::status(*status, code, "told to refuse")),
        (Fault::Errcode(code), _) => Some(ApiRefusal::errcode(*code, "told to refuse")),
        (Fault::ContentRefused, Family::New) => Some(ApiRefusal::code("contain.notAllowed.text", "含有不合适的文本")),
        (Fault::ContentRefused, Family::Old) => Some(ApiRefusal::errcode(1430002, "含有不合适的内容")),
        _ => None,
    };
    let outcome = refusal.as_ref().map_or_else(|| ApiOutcome::Fault { fault: fault.clone(), accepted: false }, refused);
    record(state, Some(number), endpoint.path, Value::Null, outcome);
    Some(match refusal {
        Some(refusal) => Reply::Json(refusal.http_status(), refusal.body()),
        None => Reply::Faulty(fault, Value::Null),
    })
}

impl Endpoint {
    fn scope(&self) -> &'static str {
        match self.access {
            Access::Token(scope) => scope,
            Access::Credentials(..) | Access::Session => "",
        }
    }

    /// Whether it counts toward the month's quota: tokens and contacts do not.
    fn counts(&self) -> bool {
        matches!(self.access, Access::Token(_)) && !self.path.starts_with("/topapi/v2/user/")
    }

    /// The app that calls: by its token (valid or not any more), or by its Client ID.
    fn app(&self, state: &State, arrived: &Arrived, body: Option<&Value>) -> Option<usize> {
        match self.access {
            Access::Token(_) => {
                let token = arrived.token(self.family)?;
                state.apps.iter().position(|app| app.token.as_ref().is_some_and(|(known, _)| known == token))
            }
            Access::Credentials(id, _) => {
                let id = arrived.credential(body, id)?;
                state.apps.iter().position(|app| app.settings.client_id == id)
            }
            Access::Session => {
                let (session, now) = (arrived.parameter("session")?, state.now());
                state.apps.iter().position(|app| app.sessions.get(session).is_some_and(|session| now < session.until))
            }
        }
    }

    /// The app and the body, when the call is let through.
    fn admit(
        &self,
        state: &mut State,
        number: Option<usize>,
        arrived: &Arrived,
        body: Result<Value, ApiRefusal>,
    ) -> Result<(usize, Value), ApiRefusal> {
        if arrived.method != self.method {
            return Err(match self.family {
                Family::New => not_an_action(),
                Family::Old if self.method == Method::POST => ApiRefusal::errcode(43002, "需要POST请求"),
                Family::Old => ApiRefusal::errcode(43001, "需要GET请求"),
            });
        }
        let now = state.now();
        let number = match self.access {
            Access::Token(_) => self.token_holder(state, number, arrived, now)?,
            Access::Credentials(id, secret) => {
                body.clone()?;
                self.credential_holder(state, number, arrived, body.as_ref().ok(), (id, secret))?
            }
            Access::Session => number.ok_or_else(|| ApiRefusal::errcode(300001, "session 不存在"))?,
        };
        self.limits(state, number, now)?;
        Ok((number, body?))
    }

    fn token_holder(&self, state: &State, number: Option<usize>, arrived: &Arrived, now: DateTime<Utc>) -> Result<usize, ApiRefusal> {
        if arrived.token(self.family).is_none() {
            return Err(match self.family {
                Family::New => ApiRefusal::code("AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token"),
                Family::Old => ApiRefusal::Wrapped { code: "40000", message: "access_token is blank" },
            });
        }
        let valid = number.filter(|number| state.apps[*number].token.as_ref().is_some_and(|(_, until)| now < *until));
        valid.ok_or_else(|| match self.family {
            Family::New => ApiRefusal::code("InvalidAuthentication", "不合法的access_token"),
            Family::Old => ApiRefusal::Wrapped { code: "40014", message: "不合法的access_token" },
        })
    }

    fn credential_holder(
        &self,
        state: &State,
        number: Option<usize>,
        arrived: &Arrived,
        body: Option<&Value>,
        (id, secret): (&str, &str),
    ) -> Result<usize, ApiRefusal> {
        for name in [id, secret] {
            if arrived.credential(body, name).is_none() {
                return Err(match self.family {
                    Family::New => ApiRefusal::missing(name),
                    Family::Old => ApiRefusal::errcode(40035, "缺少参数 corpid or appkey"),
                });
            }
        }
        let given = arrived.credential(body, secret);
        let known = number.filter(|number| given == Some(state.apps[*number].settings.client_secret.as_str()));
        known.ok_or_else(|| match (self.family, self.path) {
            (Family::Old, _) => ApiRefusal::errcode(40096, "不合法的appKey或appSecret"),
            (Family::New, OPEN_CONNECTION) => ApiRefusal::status(401, "authFailed", "鉴权失败"),
            (Family::New, _) => ApiRefusal::code("invalidClientIdOrSecret", "无效的clientId或者clientSecret"),
        })
    }

    fn limits(&self, state: &mut State, number: usize, now: DateTime<Utc>) -> Result<(), ApiRefusal> {
        let qps = state.settings.qps;
        if !state.apps[number].may_call(self.path, qps, now) {
            return Err(match self.family {
                Family::New => ApiRefusal::status(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "接口调用频率超限"),
                Family::Old => ApiRefusal::Wrapped {
                    code: "90018", message: "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了"
                },
            });
        }
        if !self.counts() {
            return Ok(());
        }
        if state.api_quota.is_used_up(now) {
            return Err(match self.family {
                Family::New => ApiRefusal::status(403, "Forbidden.AccessDenied.ApiCountLimitForOrg", "API调用量已达到本月上限"),
                Family::Old => ApiRefusal::errcode(90020, "API调用量已达到本月上限"),
            });
        }
        state.api_quota.take(now);
        Ok(())
    }
}

/// Where a Stream connection is asked for.
const OPEN_CONNECTION: &str = "/v1.0/gateway/connections/open";

fn xml(json: &Value) -> String {
    let member = |(name, value): (&String, &Value)| format!("<{name}>{}</{name}>", value.as_str().unwrap_or_default());
    format!("<?xml version=\"1.0\"?><result>{}</result>", json.as_object().into_iter().flatten().map(member).collect::<String>())
}

fn not_found(path: &str) -> Reply {
    if path.starts_with("/v1.0/") {
        let refusal = not_an_action();
        return Reply::Json(refusal.http_status(), refusal.body());
    }
    Reply::Json(StatusCode::OK, json!({ "errcode": 404, "errmsg": "请求的URI地址不存在" }))
}

fn not_an_action() -> ApiRefusal {
    ApiRefusal::status(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
}

impl Ask<'_> {
    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        self.state.now()
    }

    /// The app that calls.
    pub fn app(&mut self) -> &mut App {
        &mut self.state.apps[self.number]
    }

    /// Refuses when one of these members is absent.
    pub fn require(&self, members: &[&str]) -> Result<(), ApiRefusal> {
        let absent = members.iter().find(|member| self.body.get(**member).is_none_or(Value::is_null));
        absent.map_or(Ok(()), |member| Err(ApiRefusal::missing(member)))
    }

    /// A member of the body that is a text (a number is its digits), or an empty one.
    pub fn string(&self, member: &str) -> String {
        match self.body.get(member) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// A member of the body that is a list of texts; each once.
    pub fn strings(&self, member: &str) -> Vec<String> {
        let mut strings: Vec<String> = Vec::new();
        for text in self.body.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !strings.iter().any(|known| known == text) {
                strings.push(text.to_owned());
            }
        }
        strings
    }

    /// Shows a message in a place.
    pub fn show(&mut self, draft: &Draft, place: Place) {
        let now = self.now();
        self.app().show(draft, place, now);
    }
}
