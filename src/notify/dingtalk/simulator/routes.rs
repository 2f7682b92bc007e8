//! The simulator's routes: DingTalk's own, and those of the simulator itself.

use super::app::stream::connect;
use super::app::{gate, media, routes as app_routes};
use super::fault::Fault;
use super::page;
use super::send::{self, Answer, Request};
use super::state::Shared;
use super::wire::Peer;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Query, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

/// The longest body that is read at all; beyond it a message is too long in any case.
const MAX_READ_BYTES: usize = 1024 * 1024;
/// The longest upload that is read: a file that is too long must be read to be refused for that.
const MAX_UPLOAD_BYTES: usize = media::MAX_BYTES + MAX_READ_BYTES;
/// Megabytes sent by [`Fault::Flood`].
const FLOOD_CHUNKS: usize = 16;
/// The time between two bytes of [`Fault::Drip`].
const DRIP: Duration = Duration::from_secs(1);

/// All routes.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/robot/send", any(robot_send))
        .route("/simulator/messages", get(messages).delete(forget))
        .route("/simulator/calls", get(calls))
        .route("/simulator/faults", post(faults))
        .merge(app_routes::router())
        .merge(page::router())
        .route("/media/upload", any(gate::handle).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .route("/connect", get(connect))
        .fallback(gate::handle)
        .layer(DefaultBodyLimit::max(MAX_READ_BYTES))
        .with_state(shared)
}

async fn robot_send(State(shared): State<Shared>, ConnectInfo(peer): ConnectInfo<Peer>, request: axum::extract::Request) -> Response {
    let is_post = request.method() == Method::POST;
    let uri = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body = Bytes::from_request(request, &()).await.ok().map(|body| body.to_vec());
    let request = Request { is_post, uri, query, content_type, body, peer: peer.address };
    let (answer, hold, now) = {
        let mut state = shared.lock();
        (send::answer(&mut state, &request), state.settings.hold, state.now())
    };
    let response = match answer {
        Answer::Json(json) => Json(json).into_response(),
        Answer::Faulty(fault, meant) => faulty(fault, meant, hold, &peer).await,
    };
    dated(response, now)
}

/// The answer with the simulator's time, so that a client can compare it with its own.
pub(super) fn dated(mut response: Response, now: DateTime<Utc>) -> Response {
    if let Ok(date) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// An answer gone wrong. `meant` is what it would have been.
pub(super) async fn faulty(fault: Fault, meant: Value, hold: Duration, peer: &Peer) -> Response {
    match fault {
        Fault::TimeoutAfterAccept | Fault::Hang => {
            tokio::time::sleep(hold).await;
            cut(peer).await
        }
        Fault::CutAfterAccept | Fault::Cut => cut(peer).await,
        Fault::Drip => drip(meant.to_string()),
        Fault::Flood => flood(),
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 200).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/html")], format!("<html><h1>{status}</h1></html>")).into_response()
        }
        Fault::Answer(json) => Json(json).into_response(),
        Fault::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/simulator/blocked")]).into_response(),
        Fault::X5Json => {
            let uuid = uuid::Uuid::new_v4().to_string();
            Json(json!({ "status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": uuid })).into_response()
        }
        // What is left has no answer of its own here: a page of the firewall serves.
        _ => ([(header::CONTENT_TYPE, "text/html")], "<html><body>访问被拒绝</body></html>").into_response(),
    }
}

/// Never answers: the server drops this when it sees that the connection is gone.
async fn cut(peer: &Peer) -> Response {
    peer.cutter.cut();
    std::future::pending().await
}

fn drip(text: String) -> Response {
    let bytes: VecDeque<u8> = text.into_bytes().into();
    let drops = stream::unfold(bytes, |mut bytes| async move {
        let byte = bytes.pop_front()?;
        tokio::time::sleep(DRIP).await;
        Some((Ok::<_, Infallible>(Bytes::from(vec![byte])), bytes))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(drops)).into_response()
}

fn flood() -> Response {
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    let chunks = stream::iter((0..FLOOD_CHUNKS).map(move |_| Ok::<_, Infallible>(chunk.clone())));
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}

#[derive(Deserialize)]
struct Which {
    robot: Option<String>,
}

async fn messages(State(shared): State<Shared>, Query(which): Query<Which>) -> Json<Value> {
    let state = shared.lock();
    let asked = |robot: &String| which.robot.as_ref().is_none_or(|name| name == robot);
    Json(json!(state.messages().filter(|message| asked(&message.robot)).collect::<Vec<_>>()))
}

async fn calls(State(shared): State<Shared>, Query(which): Query<Which>) -> Json<Value> {
    let state = shared.lock();
    let asked = |robot: &Option<String>| which.robot.is_none() || which.robot == *robot;
    Json(json!(state.calls().filter(|call| asked(&call.robot)).collect::<Vec<_>>()))
}

async fn forget(State(shared): State<Shared>) -> StatusCode {
    shared.lock().forget();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Misbehave {
    token: Option<String>,
    robot: Option<String>,
    app: Option<String>,
    api: Option<String>,
    fault: Fault,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

/// Takes JSON only: a foreign page in the browser cannot send that here.
async fn faults(State(shared): State<Shared>, asked: Result<Json<Misbehave>, JsonRejection>) -> Response {
    let asked = match asked {
        Ok(Json(asked)) => asked,
        Err(rejection) => return app_routes::wrong(&rejection),
    };
    let mut state = shared.lock();
    if let Some(app) = &asked.app {
        return match state.misbehave_app(app, asked.api.as_deref(), asked.fault, asked.times) {
            true => StatusCode::NO_CONTENT.into_response(),
            false => app_routes::unknown("no such app, or a fault of robots only"),
        };
    }
    let by_name = asked.robot.and_then(|name| state.chat_called(&name)).map(|chat| state.chats[chat].robot.token.clone());
    match asked.token.or(by_name) {
        Some(token) if state.misbehave(&token, asked.fault, asked.times) => StatusCode::NO_CONTENT.into_response(),
        _ => app_routes::unknown("no such robot, or a fault of apps only"),
    }
}
