//! The contract of the store, which every backend keeps: nothing is lost, nothing is half written, nothing is sent twice
//! that was sent once.
#![allow(clippy::expect_used)] // the fixtures are tests too

mod conversation;
mod outbox;
mod people;
mod polls;
mod processes;
mod read;
mod silences;
mod trace;
mod upgrade;

use chrono::{DateTime, TimeDelta, Utc};
use rowbell::domain::alert::{Alert, AlertStatus, Event, EventKind, Severity};
use rowbell::domain::budget::{BUDGET, QuotaKind, RobotTerms, Terms};
use rowbell::domain::compose::{Changes, Draft};
use rowbell::domain::delivery::{Attempt, Change, Decision, Verdict};
use rowbell::domain::message::{Language, Message};
use rowbell::domain::row::{Columns, Fingerprint, KeyColumns, Row};
use rowbell::domain::value::Kind;
use rowbell::store::{
    Claim, ClaimedDelivery, Committed, DeliveryResult, NextDelivery, PollCommit, PollOutcome, PollRecord, Store, StoreError,
};
use std::time::Duration;

pub const LEASE: Duration = Duration::from_secs(30);

/// A store that nobody has written to, of one of the backends.
pub struct Fresh {
    pub url: String,
    _dir: tempfile::TempDir,
}

impl Fresh {
    /// One of each backend.
    pub fn all() -> Vec<Fresh> {
        let dir = tempfile::tempdir().expect("a directory");
        vec![Fresh { url: format!("sqlite://{}", dir.path().join("rowbell.db").display()), _dir: dir }]
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("a store")
    }

    /// What someone does who opens the database beside the service.
    pub async fn execute(&self, sql: &'static str) -> Result<u64, sqlx::Error> {
        let pool = sqlx::SqlitePool::connect(&self.url).await?;
        let done = sqlx::query(sql).execute(&pool).await.map(|done| done.rows_affected());
        pool.close().await;
        done
    }
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time") + TimeDelta::seconds(seconds)
}

pub fn row(cells: &[(&str, Kind, Option<&str>)]) -> Row {
    let columns = Columns::new(cells.iter().map(|(name, _, _)| (*name).to_owned()).collect()).expect("distinct names");
    Row::from_cells(columns, cells.iter().map(|(_, kind, text)| (*kind, *text)).collect::<Vec<_>>())
}

pub fn fingerprint(watcher: &str, key: &str) -> Fingerprint {
    let row = row(&[("sku", Kind::Text, Some(key))]);
    KeyColumns::new(watcher, "erp", &["sku".to_owned()], row.columns()).expect("the key").fingerprint(&row)
}

/// A firing alert of the key `sku`.
pub fn alert(watcher: &str, key: &str) -> Alert {
    let whole = row(&[("sku", Kind::Text, Some(key)), ("stock", Kind::Number, Some("1.50"))]);
    Alert {
        fingerprint: fingerprint(watcher, key),
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        key: row(&[("sku", Kind::Text, Some(key))]),
        digest: whole.digest(),
        rows: vec![whole],
        row_count: 1,
        since: at(0),
        told_at: Some(at(0)),
        receivers: vec!["warehouse".into()],
        polls: 0,
        gone_since: None,
        repeats: 0,
        steps: Vec::new(),
        acknowledged: None,
    }
}

pub fn event(kind: EventKind, alert: &Alert) -> Event {
    Event {
        at: at(0),
        watcher: "w".into(),
        source: "erp".into(),
        kind,
        severity: alert.severity,
        fingerprint: Some(alert.fingerprint),
        key: Some(alert.key.clone()),
        rows: alert.rows.clone(),
        row_count: alert.row_count,
        previous: None,
        since: Some(alert.since),
        reason: "the row matches".into(),
        silenced: false,
        changed: Vec::new(),
        sums: Vec::new(),
    }
}

pub fn draft(receiver: &str, title: &str, events: &[usize]) -> Draft {
    let message =
        Message { title: title.into(), blocks: vec![title.into()], first_cuttable: 1, language: Language::En, ..Message::default() };
    Draft { receiver: receiver.into(), message, events: events.to_vec() }
}

/// These keys fire, and `warehouse` is told.
pub fn fired(watcher: &str, keys: &[&str]) -> Changes {
    let put: Vec<Alert> = keys.iter().map(|key| alert(watcher, key)).collect();
    let events: Vec<Event> = put.iter().map(|alert| Event { watcher: watcher.into(), ..event(EventKind::Fired, alert) }).collect();
    let all: Vec<usize> = (0..events.len()).collect();
    Changes { put, events, deliveries: vec![draft("warehouse", keys.first().unwrap_or(&""), &all)], ..Changes::default() }
}

pub async fn claim(store: &Store, watcher: &str, now: DateTime<Utc>) -> Option<Claim> {
    store.claim_poll(watcher, "erp", "me", now, LEASE).await.expect("a claim or none")
}

pub fn record(claim: Claim, now: DateTime<Utc>) -> PollCommit {
    let state = claim.state.clone();
    let record = PollRecord {
        scheduled_at: now,
        started_at: now,
        ended_at: now,
        duration_ms: 12,
        outcome: PollOutcome::Ok,
        rows: 3,
        matched: 3,
        missed: 0,
        failure: None,
        warnings: Vec::new(),
    };
    PollCommit { claim, record, state, source: None, version: None }
}

/// A whole poll that found these changes.
pub async fn poll(store: &Store, watcher: &str, now: DateTime<Utc>, changes: Changes) -> Committed {
    let claim = claim(store, watcher, now).await.expect("nobody polls");
    store.commit_poll(record(claim, now), changes).await.expect("recorded")
}

/// A receiver with one robot of the same name, which nothing but the minute limits.
pub fn terms(receiver: &str) -> Terms {
    Terms {
        receiver: receiver.into(),
        robots: vec![RobotTerms { name: receiver.into(), cap: None }],
        per_minute: BUDGET,
        organisation: "main".into(),
        quota_kind: QuotaKind::Webhook,
        quota: None,
        tell: Vec::new(),
        digest: None,
        fallback: None,
    }
}

/// A receiver by its name, or on other terms.
pub trait To {
    fn terms(&self) -> Terms;
}

impl To for str {
    fn terms(&self) -> Terms {
        terms(self)
    }
}

impl To for Terms {
    fn terms(&self) -> Terms {
        self.clone()
    }
}

pub async fn next(store: &Store, to: &(impl To + ?Sized), now: DateTime<Utc>) -> NextDelivery {
    store.claim_delivery(&to.terms(), "me", now, LEASE).await.expect("an answer")
}

pub async fn claimed(store: &Store, to: &(impl To + ?Sized), now: DateTime<Utc>) -> ClaimedDelivery {
    match next(store, to, now).await {
        NextDelivery::Claimed(claimed) => claimed,
        other => panic!("nothing to send: {other:?}"),
    }
}

pub async fn not_before(store: &Store, to: &(impl To + ?Sized), now: DateTime<Utc>) -> DateTime<Utc> {
    match next(store, to, now).await {
        NextDelivery::NotBefore(at) => at,
        other => panic!("not waiting: {other:?}"),
    }
}

pub fn result(now: DateTime<Utc>, verdict: Verdict, decision: Decision) -> DeliveryResult {
    let attempt = Attempt { verdict, http_status: Some(200), errcode: Some(0), answer: "ok".into() };
    DeliveryResult { ended_at: now, attempt, decision, message: None, targets: Vec::new(), notice: None }
}

pub fn delivered(now: DateTime<Utc>) -> DeliveryResult {
    result(now, Verdict::Delivered, Decision::Delivered)
}

pub fn held(now: DateTime<Utc>, until: DateTime<Utc>) -> DeliveryResult {
    result(now, Verdict::Refused { remedy: "mend the keyword", for_good: false }, Decision::Hold { until, reason: "keyword".into() })
}

pub fn throttled(now: DateTime<Utc>, until: DateTime<Utc>) -> DeliveryResult {
    let wait = (until - now).to_std().expect("later");
    result(now, Verdict::Throttled { wait }, Decision::Hold { until, reason: "too fast".into() })
}

pub fn retry(now: DateTime<Utc>, at: DateTime<Utc>, change: Change) -> DeliveryResult {
    result(now, Verdict::Unknown, Decision::Retry { at, change })
}

pub fn discarded(now: DateTime<Utc>) -> DeliveryResult {
    result(now, Verdict::ContentRefused, Decision::Discard { reason: "refused for its content".into() })
}

/// Sends what is next and has it taken.
pub async fn deliver(store: &Store, to: &(impl To + ?Sized), now: DateTime<Utc>) -> String {
    let claimed = claimed(store, to, now).await;
    let title = claimed.message.title.clone();
    store.record_delivery(claimed, delivered(now)).await.expect("recorded");
    title
}

pub fn is_stale<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Stale))
}
