//! The chat in the browser: what was received, drawn as a group chat; and the places of apps, where something can be said and
//! pressed.
//!
//! One page; a small script asks for it again every second and puts in what changed. Nothing comes from outside, and the
//! content policy forbids everything but our own style and script.

mod bubble;
mod list;
pub mod preview;
mod said;
mod talk;
mod talk_words;
mod view;
mod words;

use super::state::Shared;
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use talk::TalkPage;
use view::Page;

const STYLE: &str = include_str!("assets/chat.css");
const SCRIPT: &str = include_str!("assets/chat.js");
const TALK_STYLE: &str = include_str!("assets/talk.css");
const TALK_SCRIPT: &str = include_str!("assets/talk.js");
const ICON: &str = include_str!("assets/icon.svg");
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' http://127.0.0.1:* http://localhost:*; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the page.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(|state: State<Shared>, headers: HeaderMap| async move { page(state, None, &headers) }))
        .route("/chat/{chat}", get(chat))
        .route("/place/{number}", get(place))
        .route("/simulator/talk.css", get(|| async { asset("text/css; charset=utf-8", TALK_STYLE) }))
        .route("/simulator/talk.js", get(|| async { asset("text/javascript; charset=utf-8", TALK_SCRIPT) }))
        .route("/simulator/chat.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/simulator/chat.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/simulator/icon.svg", get(|| async { asset("image/svg+xml", ICON) }))
}

async fn chat(state: State<Shared>, Path(chat): Path<String>, headers: HeaderMap) -> Response {
    page(state, Some(chat), &headers)
}

async fn place(State(shared): State<Shared>, Path(number): Path<usize>, headers: HeaderMap) -> Response {
    let state = shared.lock();
    let Some(page) = number.checked_sub(1).and_then(|number| TalkPage::of(&state, number, true)) else {
        return (StatusCode::NOT_FOUND, "no such place").into_response();
    };
    let tag = tag(&state);
    drop(state);
    answer(&page, tag, &headers)
}

fn page(State(shared): State<Shared>, asked: Option<String>, headers: &HeaderMap) -> Response {
    let state = shared.lock();
    let chosen = match &asked {
        None => None,
        Some(name) => match state.chat_called(name) {
            Some(chat) => Some(chat),
            None => return (StatusCode::NOT_FOUND, "no such chat").into_response(),
        },
    };
    let tag = tag(&state);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("…");
    // Without a robot there is only an app to be shown.
    if let Some(page) = TalkPage::of(&state, 0, false).filter(|_| state.chats.is_empty()) {
        drop(state);
        return answer(&page, tag, headers);
    }
    let page = Page::of(&state, chosen, host);
    drop(state);
    answer(&page, tag, headers)
}

/// Changes with everything that a page shows.
fn tag(state: &super::state::State) -> String {
    // The end of a ban changes the page without a call.
    let banned = state.chats.iter().filter(|chat| chat.banned_until.is_some_and(|until| until > state.now())).count();
    format!("\"{}-{}-{banned}\"", state.started(), state.version())
}

fn answer(page: &impl Template, tag: String, headers: &HeaderMap) -> Response {
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    match page.render() {
        Ok(html) => (secured("text/html; charset=utf-8"), [(header::ETAG, tag)], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the simulator's page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (secured(kind), text).into_response()
}

fn secured(kind: &'static str) -> [(HeaderName, &'static str); 5] {
    [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}
