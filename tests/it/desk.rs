//! DingTalk's app APIs as one small desk: it keeps every request and answers as it was told, or as if all were well.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

pub const TOKEN: &str = "/v1.0/oauth2/accessToken";
pub const PEOPLE: &str = "/v1.0/robot/oToMessages/batchSend";
pub const GROUP: &str = "/v1.0/robot/groupMessages/send";
pub const MOBILE: &str = "/topapi/v2/user/getbymobile";
pub const CARD: &str = "/v1.0/card/instances/createAndDeliver";
pub const UPDATE: &str = "/v1.0/card/instances";
pub const DING: &str = "/v1.0/robot/ding/send";
pub const WORK: &str = "/topapi/message/corpconversation/asyncsend_v2";
pub const WORK_RESULT: &str = "/topapi/message/corpconversation/getsendresult";
pub const READ: &str = "/v1.0/robot/oToMessages/readStatus";
pub const GROUP_READ: &str = "/v1.0/robot/groupMessages/query";
pub const RECALL: &str = "/v1.0/robot/otoMessages/batchRecall";
pub const MEDIA: &str = "/media/upload";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub query: HashMap<String, String>,
    pub token: String,
    pub body: Value,
    pub raw: Vec<u8>,
}

impl Asked {
    /// The users or the conversation a message was for.
    pub fn users(&self) -> Vec<String> {
        self.body["userIds"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The message's parameters.
    pub fn param(&self) -> Value {
        serde_json::from_str(self.body["msgParam"].as_str().expect("a text")).expect("JSON")
    }
}

#[derive(Default)]
struct Book {
    asked: BTreeMap<String, Vec<Asked>>,
    answers: BTreeMap<String, VecDeque<(u16, Value)>>,
    people: HashMap<String, String>,
    read: Vec<String>,
    tokens: usize,
    valid_from: usize,
    sent: usize,
}

type Shared = Arc<Mutex<Book>>;

pub struct Desk {
    pub url: String,
    book: Shared,
    server: JoinHandle<()>,
}

impl Desk {
    pub async fn open() -> Desk {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let book = Shared::default();
        let app = Router::new().fallback(answer).with_state(book.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Desk { url, book, server }
    }

    /// The next request to this path is answered so.
    pub fn next(&self, path: &str, status: u16, body: Value) {
        self.lock().answers.entry(path.to_owned()).or_default().push_back((status, body));
    }

    /// The next requests to this path are refused by the new family with this code.
    pub fn refuse(&self, path: &str, status: u16, code: &str) {
        self.next(path, status, json!({ "code": code, "message": "words", "requestid": "R" }));
    }

    pub fn employ(&self, mobile: &str, user: &str) {
        self.lock().people.insert(mobile.to_owned(), user.to_owned());
    }

    /// This person reads whatever they have.
    pub fn reads(&self, user: &str) {
        self.lock().read.push(user.to_owned());
    }

    /// Every token that was given out is refused from now on.
    pub fn expire_tokens(&self) {
        let mut book = self.lock();
        book.valid_from = book.tokens + 1;
    }

    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.lock().asked.get(path).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().expect("the book")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(book): State<Shared>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    raw: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let header = headers.get("x-acs-dingtalk-access-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
    let token = query.get("access_token").cloned().unwrap_or_else(|| header.to_owned());
    let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
    let mut book = book.lock().expect("the book");
    let asked = Asked { query: query.clone(), token: token.clone(), body: body.clone(), raw: raw.to_vec() };
    book.asked.entry(path.clone()).or_default().push(asked);
    if let Some((status, body)) = book.answers.get_mut(&path).and_then(VecDeque::pop_front) {
        return reply(status, body);
    }
    if path == TOKEN {
        book.tokens += 1;
        return reply(200, json!({ "accessToken": format!("t0ken-{:03}", book.tokens), "expireIn": 7200 }));
    }
    let number: usize = token.strip_prefix("t0ken-").and_then(|n| n.parse().ok()).unwrap_or_default();
    if number == 0 || number < book.valid_from {
        return match path.starts_with("/v1.0/") {
            true => reply(400, json!({ "code": "InvalidAuthentication", "message": format!("不合法的access_token {token}") })),
            false => reply(200, json!({ "errcode": 88, "sub_code": "40014", "errmsg": "ding talk error[subcode=40014]" })),
        };
    }
    book.sent += 1;
    let n = book.sent;
    let ids = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let ok = match (method.as_str(), path.as_str()) {
        ("POST", PEOPLE) => json!({ "processQueryKey": format!("key+{n}/="), "invalidStaffIdList": [], "flowControlledStaffIdList": [] }),
        ("POST", GROUP) => json!({ "processQueryKey": format!("group-key-{n}") }),
        ("POST", MOBILE) => match book.people.get(body["mobile"].as_str().unwrap_or_default()) {
            Some(user) => json!({ "errcode": 0, "errmsg": "ok", "result": { "userid": user } }),
            None => json!({ "errcode": 60121, "errmsg": "找不到该用户" }),
        },
        ("POST", CARD) => {
            let delivered = json!([{ "spaceId": body["openSpaceId"], "success": true, "carrierId": format!("carrier-{n}") }]);
            json!({ "success": true, "result": { "outTrackId": body["outTrackId"], "deliverResults": delivered } })
        }
        ("PUT", UPDATE) => json!({ "success": true, "result": true }),
        ("POST", DING) => json!({ "openDingId": format!("ding-{n}"), "failedList": {} }),
        ("POST", WORK) => json!({ "errcode": 0, "errmsg": "ok", "task_id": 1000 + n }),
        ("POST", WORK_RESULT) => json!({ "errcode": 0, "send_result": { "read_user_id_list": book.read } }),
        ("GET", READ) => {
            let people: Vec<Value> = book.read.iter().map(|user| json!({ "userId": user, "readStatus": "READ" })).collect();
            json!({ "sendStatus": "SUCCESS", "messageReadInfoList": people })
        }
        ("POST", GROUP_READ) => json!({ "sendStatus": "SUCCESS", "readUserIds": book.read, "hasMore": false }),
        ("POST", RECALL | "/v1.0/robot/groupMessages/recall") => {
            json!({ "successResult": ids(&body["processQueryKeys"]), "failedResult": {} })
        }
        ("POST", MEDIA) => json!({ "errcode": 0, "errmsg": "ok", "media_id": format!("@media{n}"), "type": "image" }),
        _ => return reply(404, json!({ "code": "NotFound", "message": "no such API" })),
    };
    reply(200, ok)
}

fn reply(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}
