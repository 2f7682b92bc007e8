//! What is asked of the service over HTTP: is it alive, is it able to work, what does it count; the pictures of messages, and
//! what a card's button opens.

mod told;

use crate::clock::Clock;
use crate::domain::budget::Terms;
use crate::metrics::Metrics;
use crate::store::Store;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::TimeDelta;
use serde_json::json;

/// A scheduler that has not looked up for this long is not working: it does so every 30 seconds.
const SCHEDULER_SILENT: TimeDelta = TimeDelta::seconds(90);

/// A store that takes longer to begin a write than this is not one to work with.
const STORE_SLOW: std::time::Duration = std::time::Duration::from_secs(5);

/// What goes with a picture: it never changes, belongs to nobody's cache but the viewer's, and is nothing but a picture.
const PICTURE_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_TYPE, "image/png"),
    (header::CACHE_CONTROL, "private, max-age=86400, immutable"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// What goes with any other answer there.
const NOT_KEPT: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// What the routes read.
#[derive(Clone, Debug)]
pub struct WebState {
    /// Our database.
    pub store: Store,
    /// Counts.
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: Clock,
    /// The zone of the times that pages show.
    pub timezone: chrono_tz::Tz,
    /// On what terms each receiver is sent to.
    pub receivers: Vec<Terms>,
}

/// The routes of the service.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(told::told))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/pictures/{file}", get(picture))
        .with_state(state)
}

/// 200 when the store answers and the scheduler runs; 503 with what is missing.
async fn ready(State(state): State<WebState>) -> Response {
    let store = match tokio::time::timeout(STORE_SLOW, state.store.ping()).await {
        Ok(store) => store.map_err(|error| error.to_string()),
        Err(_) => Err("the store does not answer".to_owned()),
    };
    if let Err(error) = &store {
        tracing::error!("not ready: {error}");
    }
    let scheduler = state.metrics.last_beat().is_some_and(|beat| state.clock.now() - beat < SCHEDULER_SILENT);
    let is_ready = store.is_ok() && scheduler;
    let word = |ok: bool| if ok { "ok" } else { "failed" };
    let body = json!({ "ready": is_ready, "store": word(store.is_ok()), "scheduler": word(scheduler) });
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

/// A picture of a message. Whoever has its address may see it, until it expires; what is not there, no longer there or no
/// name of a picture is all the same answer.
async fn picture(State(state): State<WebState>, Path(file): Path<String>) -> Response {
    let token = file.strip_suffix(".png").unwrap_or_default();
    match state.store.picture(token, state.clock.now()).await {
        Ok(Some(png)) => (PICTURE_HEADERS, png).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, NOT_KEPT, "there is no such picture\n").into_response(),
        Err(error) => {
            tracing::error!("a picture cannot be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT, "the store cannot be read; see the log\n").into_response()
        }
    }
}

/// The counts, with what the store knows at this moment.
async fn metrics(State(state): State<WebState>) -> Response {
    match refresh(&state).await {
        Ok(()) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], state.metrics.render()).into_response()
        }
        Err(error) => {
            tracing::error!("the metrics cannot be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read; see the log\n").into_response()
        }
    }
}

async fn refresh(state: &WebState) -> Result<(), crate::store::StoreError> {
    state.metrics.set_firing(&state.store.firing_counts().await?);
    for terms in &state.receivers {
        let standing = state.store.standing(terms, state.clock.now()).await?;
        state.metrics.set_receiver(&terms.receiver, standing.waiting, standing.left);
    }
    Ok(())
}
