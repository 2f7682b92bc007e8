//! The simulator's own routes about apps: what is seen, and what people do.

use super::App;
use super::media::picture_type;
use super::seen::Place;
use crate::notify::dingtalk::simulator::state::Shared;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// All of them.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/simulator/app_messages", get(app_messages))
        .route("/simulator/api_calls", get(api_calls))
        .route("/simulator/read", post(read))
        .route("/simulator/media/{id}", get(picture))
}

async fn app_messages(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().apps.iter().flat_map(App::messages).collect::<Vec<_>>()))
}

async fn api_calls(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lock().apps.iter().flat_map(App::calls).collect::<Vec<_>>()))
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
