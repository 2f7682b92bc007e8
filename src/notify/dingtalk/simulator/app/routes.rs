//! The simulator's own routes about apps: what is seen, and what people do.

use super::App;
use super::media::picture_type;
use super::seen::Place;
use super::talk;
use crate::notify::dingtalk::simulator::state::Shared;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// All of them.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/simulator/app_messages", get(app_messages))
        .route("/simulator/api_calls", get(api_calls))
        .route("/simulator/cards", get(cards))
        .route("/simulator/read", post(read))
        .route("/simulator/press", post(press))
        .route("/simulator/say", post(say))
        .route("/simulator/push_again", post(push_again))
        .route("/simulator/streams", get(streams))
        .route("/simulator/streams/cut", post(cut))
        .route("/simulator/streams/disconnect", post(disconnect))
        .route("/simulator/media/{id}", get(picture))
}

async fn app_messages(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().apps.iter().flat_map(App::messages).collect::<Vec<_>>()))
}

async fn api_calls(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().api_calls().collect::<Vec<_>>()))
}

async fn cards(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().apps.iter().flat_map(|app| &app.cards).collect::<Vec<_>>()))
}

/// Who presses what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pressing {
    out_track_id: String,
    user_id: String,
    action_id: String,
}

async fn press(State(shared): State<Shared>, asked: Result<Json<Pressing>, JsonRejection>) -> Response {
    match asked {
        Ok(Json(asked)) => Json(json!(talk::press(&shared, &asked.out_track_id, &asked.user_id, &asked.action_id).await)).into_response(),
        Err(rejection) => wrong(&rejection),
    }
}

/// Who says what, and where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    user_id: String,
    conversation: Option<String>,
    text: String,
}

async fn say(State(shared): State<Shared>, asked: Result<Json<Saying>, JsonRejection>) -> Response {
    match asked {
        Ok(Json(asked)) => match talk::say(&shared, &asked.user_id, asked.conversation.as_deref(), &asked.text).await {
            Some(said) => Json(json!(said)).into_response(),
            None => unknown("no such person or conversation"),
        },
        Err(rejection) => wrong(&rejection),
    }
}

/// An order without a body. Pages of other sites could send one, so it must say that it is JSON.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

async fn push_again(State(shared): State<Shared>, headers: HeaderMap) -> StatusCode {
    match is_json(&headers) {
        false => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        true => match talk::push_again(&shared).await {
            Some(_) => StatusCode::NO_CONTENT,
            None => StatusCode::NOT_FOUND,
        },
    }
}

async fn streams(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().apps.iter().map(|app| app.gateway.connected()).sum::<usize>()))
}

async fn cut(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if !is_json(&headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    Json(json!(shared.lock().apps.iter_mut().map(|app| app.gateway.cut()).sum::<usize>())).into_response()
}

async fn disconnect(State(shared): State<Shared>, headers: HeaderMap) -> StatusCode {
    if !is_json(&headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    shared.lock().apps.iter_mut().for_each(|app| app.gateway.disconnect());
    StatusCode::NO_CONTENT
}

/// Who reads, and where: a conversation, or one's own phone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    user_id: String,
    conversation: Option<String>,
}

async fn read(State(shared): State<Shared>, asked: Result<Json<Reading>, JsonRejection>) -> Response {
    let Json(Reading { user_id, conversation }) = match asked {
        Ok(asked) => asked,
        Err(rejection) => return wrong(&rejection),
    };
    let place = conversation.map_or_else(|| Place::User(user_id.clone()), Place::Conversation);
    if shared.lock().read(&user_id, &place) { StatusCode::NO_CONTENT.into_response() } else { unknown("no such person or conversation") }
}

/// An order that cannot be read.
pub fn wrong(rejection: &JsonRejection) -> Response {
    (rejection.status(), Json(json!({ "error": rejection.body_text() }))).into_response()
}

/// An order about something that there is not.
pub fn unknown(what: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": what }))).into_response()
}

/// A picture that was uploaded: only the page shows it, so only pictures are given.
async fn picture(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let state = shared.lock();
    let picture =
        state.media.iter().find(|media| media.id == id).and_then(|media| Some((picture_type(&media.bytes)?, media.bytes.clone())));
    drop(state);
    match picture {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
