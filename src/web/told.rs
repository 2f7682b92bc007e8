//! What a card's button 查看 opens: what a message told, and how each of its alerts stands now. Read only, without a script.

use super::{NOT_KEPT, WebState};
use crate::domain::card::{CardAlert, Standing, card_alerts, tips};
use crate::domain::message::Language;
use crate::store::{CardFacts, StoreError};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The number of a delivery.
    delivery: Option<i64>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 640px; margin: 0 auto; padding: 16px; font: 15px/1.6 -apple-system, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 19px; }
section { margin: 14px 0; padding: 10px 14px; border: 1px solid #8884; border-radius: 10px; }
h2 { margin: 0; font-size: 16px; }
section p { margin: 2px 0 8px; }
dl { display: grid; grid-template-columns: minmax(5em, auto) minmax(0, 1fr); gap: 2px 14px; margin: 0; }
dt, footer { color: #808080; }
dd { margin: 0; }
footer { font-size: 13px; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{%- for alert in alerts %}
<section><h2>{{ alert.key }}</h2>{% if !alert.standing.is_empty() %}<p>{{ alert.standing }}</p>{% endif %}
<dl>{% for (column, value) in alert.row %}<dt>{{ column }}</dt><dd>{{ value }}</dd>{% endfor %}</dl></section>
{%- endfor %}
<footer>{{ about }}</footer>
</body>
</html>"##
)]
struct Page {
    language: &'static str,
    title: String,
    alerts: Vec<Told>,
    about: String,
}

/// An alert that was told.
struct Told {
    key: String,
    standing: String,
    /// The other columns, as they are while it fires, else as they were told: what has changed is `told → now`.
    row: Vec<(String, String)>,
}

pub(super) async fn told(State(state): State<WebState>, Query(asked): Query<Asked>) -> Response {
    match page(&state, asked.delivery).await {
        Ok(Some(page)) => match page.render() {
            Ok(html) => (HEADERS, html).into_response(),
            Err(error) => {
                tracing::error!("the page of a message cannot be rendered: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        },
        Ok(None) => (StatusCode::NOT_FOUND, NOT_KEPT, "there is no such message, or no longer\n").into_response(),
        Err(error) => {
            tracing::error!("the page of a message cannot be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT, "the store cannot be read; see the log\n").into_response()
        }
    }
}

async fn page(state: &WebState, delivery: Option<i64>) -> Result<Option<Page>, StoreError> {
    let Some(delivery) = delivery else { return Ok(None) };
    let Some(facts) = state.store.card_facts(delivery).await? else { return Ok(None) };
    let silences = state.store.open_silences().await?;
    let language = facts.message.language;
    let alerts = card_alerts(&facts.events, &silences, &facts.receiver, state.clock.now());
    let alerts = alerts.iter().map(|alert| Told {
        key: cells(&alert.key).into_iter().map(|(column, value)| format!("{column} {value}")).collect::<Vec<_>>().join(" · "),
        standing: tips(language, std::slice::from_ref(alert), state.timezone),
        row: row(alert),
    });
    Ok(Some(Page {
        language: if language == Language::ZhCn { "zh-CN" } else { "en" },
        title: facts.message.title.clone(),
        alerts: alerts.collect(),
        about: about(&facts, state, delivery),
    }))
}

fn row(alert: &CardAlert) -> Vec<(String, String)> {
    let now = match &alert.standing {
        Standing::Firing { row, .. } => row,
        Standing::Over { .. } | Standing::News => &alert.told,
    };
    let shown = |(column, value): (&String, &Json)| {
        let told = alert.told.get(column).filter(|told| *told != value);
        (column.clone(), told.map_or_else(|| text(value), |told| format!("{} → {}", text(told), text(value))))
    };
    now.iter().filter(|(column, _)| !alert.key.contains_key(*column)).map(shown).collect()
}

fn about(facts: &CardFacts, state: &WebState, delivery: i64) -> String {
    let mut watchers: Vec<&str> = facts.events.iter().map(|event| event.watcher.as_str()).collect();
    watchers.dedup();
    let at = facts.events.first().map(|event| event.at.with_timezone(&state.timezone).format("%Y-%m-%d %H:%M:%S").to_string());
    format!("{} · {} → {} · {delivery}", watchers.join(", "), at.unwrap_or_default(), facts.receiver)
}

fn cells(row: &Map<String, Json>) -> Vec<(String, String)> {
    row.iter().map(|(column, value)| (column.clone(), text(value))).collect()
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "NULL".to_owned(),
        value => value.to_string(),
    }
}
