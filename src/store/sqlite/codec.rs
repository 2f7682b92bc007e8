//! Times, rows and alerts as the tables hold them.

use crate::domain::alert::{Acknowledgement, Alert, AlertStatus, Severity};
use crate::domain::row::{Digest, Fingerprint, Row};
use crate::store::model::StoreError;
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Value as Json, json};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::str::FromStr;

/// UTC with milliseconds: sorts as text.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.trunc_subsecs(3).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(super) fn time(text: &str) -> Result<DateTime<Utc>, StoreError> {
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| StoreError::Corrupt(format!("the time `{text}`")))
}

pub(super) fn time_or_null(text: Option<String>) -> Result<Option<DateTime<Utc>>, StoreError> {
    text.as_deref().map(time).transpose()
}

pub(super) fn row_with_kinds(row: &Row) -> Json {
    json!({ "row": row.to_json(), "kinds": row.kinds() })
}

fn row_from(stored: &Json) -> Result<Row, StoreError> {
    let row = stored.get("row").and_then(Json::as_object).zip(stored.get("kinds").and_then(Json::as_str));
    row.and_then(|(object, kinds)| Row::from_json(object, kinds)).ok_or_else(|| StoreError::Corrupt("a row".into()))
}

pub(super) fn parse_json(text: &str) -> Result<Json, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("JSON ({error})")))
}

/// A stored object for lists: `null` stays out.
pub(super) fn object(text: Option<String>) -> Result<Option<serde_json::Map<String, Json>>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    match parse_json(&text)? {
        Json::Object(object) => Ok(Some(object)),
        _ => Err(StoreError::Corrupt("a row that is no object".into())),
    }
}

pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, StoreError> {
    Fingerprint::parse(text).ok_or_else(|| StoreError::Corrupt(format!("the fingerprint `{text}`")))
}

pub(super) fn digest(text: &str) -> Result<Digest, StoreError> {
    Digest::parse(text).ok_or_else(|| StoreError::Corrupt(format!("the digest `{text}`")))
}

pub(super) fn word<T: FromStr<Err = String>>(text: &str) -> Result<T, StoreError> {
    T::from_str(text).map_err(StoreError::Corrupt)
}

pub(super) fn alert(row: &SqliteRow) -> Result<Alert, StoreError> {
    let key = parse_json(row.get("key"))?;
    let rows = parse_json(row.get("rows"))?;
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let receivers: Vec<String> =
        serde_json::from_str(row.get("receivers")).map_err(|error| StoreError::Corrupt(format!("receivers ({error})")))?;
    Ok(Alert {
        fingerprint: fingerprint(row.get("fingerprint"))?,
        status: word::<AlertStatus>(row.get("status"))?,
        severity: word::<Severity>(row.get("severity"))?,
        key: row_from(&key)?,
        rows: rows.iter().map(row_from).collect::<Result<_, _>>()?,
        row_count: row.get::<i64, _>("row_count").unsigned_abs(),
        digest: digest(row.get("digest"))?,
        since: time(row.get("since"))?,
        told_at: time_or_null(row.get("told_at"))?,
        receivers,
        polls: count(row.get("polls")),
        gone_since: time_or_null(row.get("gone_since"))?,
        repeats: count(row.get("repeats")),
        steps: serde_json::from_str(row.get("steps")).map_err(|error| StoreError::Corrupt(format!("steps ({error})")))?,
        acknowledged: acknowledgement(row)?,
    })
}

pub(super) fn acknowledgement(row: &SqliteRow) -> Result<Option<Acknowledgement>, StoreError> {
    let at = time_or_null(row.get("acknowledged_at"))?;
    let by: Option<String> = row.get("acknowledged_by");
    Ok(at.zip(by).map(|(at, by)| Acknowledgement { at, by, note: row.get("acknowledged_note") }))
}

/// A small number that the table keeps from being negative.
pub(super) fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A stored value of ours.
pub(super) fn json_or_null<T: serde::de::DeserializeOwned>(text: Option<String>, what: &str) -> Result<Option<T>, StoreError> {
    let read = |text: String| serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(format!("{what} ({error})")));
    text.map(read).transpose()
}

/// A value of ours as the tables hold it.
pub(super) fn to_json(value: &impl serde::Serialize, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("{what} ({error})")))
}
