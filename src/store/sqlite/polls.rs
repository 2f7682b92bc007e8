//! Claims of polls, and the one transaction that records a poll and all that follows from it.

use super::codec::{alert, count, digest, fingerprint, json_or_null, row_with_kinds, stamp, time, time_or_null, to_json, word};
use super::merging::insert_delivery;
use super::pictures::{insert_pictures, insert_samples};
use super::silences::reopen;
use super::traces::{end_traces, insert_traces};
use super::{Doing, Sqlite};
use crate::domain::alert::{Alert, Event};
use crate::domain::compose::{Changes, Deferral, Silenced};
use crate::domain::evaluate::KeyMark;
use crate::domain::known::{Known, KnownKey};
use crate::domain::row::Fingerprint;
use crate::store::model::{Claim, Committed, PollCommit, PollOutcome, SourceState, StoreError, WatcherState};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use serde_json::Value as Json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// Rows per statement: the widest has 16 columns, and SQLite takes 32,766 values.
const CHUNK: usize = 500;

/// The state of a watcher that has none.
///
/// - A watcher that was renamed keeps the name its keys are hashed with: whoever has that name now hashes with another one.
/// - A watcher may have been here before. No epoch comes again: not one of a recorded poll, and not one of a poll that was
///   under way when the watcher was closed, of which there are far fewer than a thousand.
const BEGIN_STATE: &str = "insert into watcher_state (watcher, source, identity, epoch) values (?1, ?2,
        (select ?1 || '#' || count(*) from watcher_state where identity = ?1 and watcher <> ?1 having count(*) > 0),
        coalesce((select max(epoch) + 1000 from poll where watcher = ?1 and source = ?2), 0))
     on conflict do nothing";

impl Sqlite {
    pub(in crate::store) async fn take_over(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("update watcher_state set owner = null, claimed_until = null where owner is not null")
            .execute(&mut *tx)
            .await
            .doing("ending the polls of a dead service")?;
        sqlx::query("update delivery set state = 'pending', owner = null, claimed_until = null where state = 'sending'")
            .execute(&mut *tx)
            .await
            .doing("ending the deliveries of a dead service")?;
        sqlx::query("delete from lease").execute(&mut *tx).await.doing("ending the lead of a dead service")?;
        tx.commit().await.doing("taking over")
    }

    pub(in crate::store) async fn claim_poll(
        &self,
        watcher: &str,
        source: &str,
        owner: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let until = stamp(now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX));
        let mut tx = self.begin().await?;
        sqlx::query(BEGIN_STATE).bind(watcher).bind(source).execute(&mut *tx).await.doing("claiming a poll")?;
        let row = sqlx::query(
            "update watcher_state set owner = ?, claimed_until = ?, epoch = epoch + 1
             where watcher = ? and source = ? and (owner is null or claimed_until <= ?) returning *",
        )
        .bind(owner)
        .bind(until)
        .bind(watcher)
        .bind(source)
        .bind(stamp(now))
        .fetch_optional(&mut *tx)
        .await
        .doing("claiming a poll")?;
        tx.commit().await.doing("claiming a poll")?;
        row.map(|row| {
            Ok(Claim { watcher: watcher.to_owned(), source: source.to_owned(), epoch: row.get("epoch"), state: watcher_state(&row)? })
        })
        .transpose()
    }

    pub(in crate::store) async fn release_poll(&self, claim: &Claim) -> Result<(), StoreError> {
        sqlx::query("update watcher_state set owner = null, claimed_until = null where watcher = ? and source = ? and epoch = ?")
            .bind(&claim.watcher)
            .bind(&claim.source)
            .bind(claim.epoch)
            .execute(&self.writer)
            .await
            .doing("giving a poll back")
            .map(drop)
    }

    pub(in crate::store) async fn known(&self, watcher: &str, source: &str) -> Result<Known, StoreError> {
        let mut rows =
            sqlx::query("select fingerprint, digest, status, severity, told_at, since, gone_since, polls, repeats, acknowledged_at is not null from alert_state where watcher = ? and source = ?")
                .bind(watcher)
                .bind(source)
                .fetch(&self.reader);
        let mut keys = Vec::new();
        // One at a time: the rows as the driver holds them take ten times the memory of what is kept.
        while let Some(row) = rows.try_next().await.doing("reading what is known")? {
            keys.push(KnownKey {
                fingerprint: fingerprint(row.get(0))?,
                digest: digest(row.get(1))?,
                status: word(row.get(2))?,
                severity: word(row.get(3))?,
                told_at: time_or_null(row.get(4))?,
                since: time(row.get(5))?,
                gone_since: time_or_null(row.get(6))?,
                polls: count(row.get(7)),
                repeats: count(row.get(8)),
                acknowledged: row.get::<i64, _>(9) != 0,
            });
        }
        Ok(Known::new(keys))
    }

    pub(in crate::store) async fn alerts_of(&self, fingerprints: &[Fingerprint]) -> Result<HashMap<Fingerprint, Alert>, StoreError> {
        let mut found = HashMap::with_capacity(fingerprints.len());
        for chunk in fingerprints.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("select * from alert_state where fingerprint in (");
            let mut list = query.separated(", ");
            for fingerprint in chunk {
                list.push_bind(fingerprint.to_string());
            }
            query.push(")");
            for row in query.build().fetch_all(&self.reader).await.doing("reading alerts")? {
                let alert = alert(&row)?;
                found.insert(alert.fingerprint, alert);
            }
        }
        Ok(found)
    }

    pub(in crate::store) async fn watcher_states(&self) -> Result<Vec<WatcherState>, StoreError> {
        let rows =
            sqlx::query("select * from watcher_state order by watcher, source").fetch_all(&self.reader).await.doing("reading watchers")?;
        rows.iter().map(watcher_state).collect()
    }

    pub(in crate::store) async fn schedule(&self, watcher: &str, source: &str, next: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(BEGIN_STATE).bind(watcher).bind(source).execute(&mut *tx).await.doing("scheduling a watcher")?;
        sqlx::query("update watcher_state set next_poll_at = ? where watcher = ? and source = ?")
            .bind(next.map(stamp))
            .bind(watcher)
            .bind(source)
            .execute(&mut *tx)
            .await
            .doing("scheduling a watcher")?;
        tx.commit().await.doing("scheduling a watcher")
    }

    pub(in crate::store) async fn commit_poll(&self, commit: &PollCommit, changes: &Changes) -> Result<Committed, StoreError> {
        let mut tx = self.begin().await?;
        let changed = !changes.put.is_empty() || !changes.remove.is_empty() || !changes.marks.is_empty();
        write_state(&mut tx, commit, changed).await?;
        if let Some(source) = &commit.source {
            write_source(&mut tx, source).await?;
        }
        let poll_id = insert_poll(&mut tx, commit).await?;
        remove_alerts(&mut tx, &changes.remove).await?;
        put_alerts(&mut tx, &commit.claim.watcher, &commit.claim.source, &changes.put).await?;
        mark_alerts(&mut tx, &changes.marks).await?;
        unacknowledge(&mut tx, &changes.unacknowledge).await?;
        let ids = insert_events(&mut tx, Some(poll_id), &changes.events).await?;
        let mut deliveries = Vec::with_capacity(changes.deliveries.len());
        for draft in &changes.deliveries {
            let events: Vec<i64> = draft.events.iter().map(|at| ids[*at]).collect();
            let at = commit.record.ended_at;
            let delivery =
                insert_delivery(&mut tx, &commit.claim.watcher, Some(poll_id), &draft.receiver, &draft.message, &events, at).await?;
            deliveries.push(delivery);
        }
        insert_pictures(&mut tx, &changes.pictures, &deliveries).await?;
        insert_samples(&mut tx, &changes.samples, commit.record.started_at).await?;
        defer(&mut tx, &changes.deferred, &ids).await?;
        insert_silenced(&mut tx, &changes.silenced, &ids).await?;
        end_traces(&mut tx, &changes.traces_over, commit.record.started_at).await?;
        let traces = insert_traces(&mut tx, commit, poll_id, &changes.traces).await?;
        tx.commit().await.doing("recording a poll")?;
        let events = ids.into_iter().zip(changes.events.iter().map(|event| event.kind)).collect();
        Ok(Committed { poll_id, events, deliveries: changes.deliveries.len(), traces })
    }
}

pub(super) fn watcher_state(row: &SqliteRow) -> Result<WatcherState, StoreError> {
    Ok(WatcherState {
        watcher: row.get("watcher"),
        source: row.get("source"),
        next_poll_at: time_or_null(row.get("next_poll_at"))?,
        revision: row.get("revision"),
        baseline_at: time_or_null(row.get("baseline_at"))?,
        failures: u32::try_from(row.get::<i64, _>("failures")).unwrap_or(u32::MAX),
        failing_since: time_or_null(row.get("failing_since"))?,
        failing_told: row.get::<i64, _>("failing_told") != 0,
        version: row.get("version"),
        identity: row.get("identity"),
        key: json_or_null(row.get("key_columns"), "the key of a watcher")?,
        alert_on: row.get("alert_on"),
        cursor: json_or_null(row.get("cursor"), "the cursor of a watcher")?,
        shape: json_or_null(row.get("shape"), "the watched columns of a watcher")?,
        last_report: json_or_null(row.get("last_report"), "the last report of a watcher")?,
        held_polls: count(row.get("held_polls")),
        held_reason: row.get("held_reason"),
        released_at: time_or_null(row.get("released_at"))?,
        last_ok_at: time_or_null(row.get("last_ok_at"))?,
        last_poll_at: time_or_null(row.get("last_poll_at"))?,
        told_by_source: row.get::<i64, _>("told_by_source") != 0,
    })
}

/// Writes the watcher's state and gives the claim back: the check of the epoch comes first, under the write lock.
async fn write_state(tx: &mut Transaction<'_, Db>, commit: &PollCommit, changed: bool) -> Result<(), StoreError> {
    let state = &commit.state;
    let json = |value: Option<Result<String, StoreError>>| value.transpose();
    let done = sqlx::query(
        "update watcher_state set next_poll_at = ?, revision = ?, baseline_at = ?, failures = ?, failing_since = ?, failing_told = ?,
                key_columns = ?, alert_on = ?, cursor = ?, shape = ?, last_report = ?, held_polls = ?, held_reason = ?, last_ok_at = ?,
                released_at = iif(?, released_at, null), last_poll_at = ?, told_by_source = ?, version = version + ?, owner = null, claimed_until = null
         where watcher = ? and source = ? and epoch = ? and owner is not null and (? is null or version = ?)",
    )
    .bind(state.next_poll_at.map(stamp))
    .bind(&state.revision)
    .bind(state.baseline_at.map(stamp))
    .bind(state.failures)
    .bind(state.failing_since.map(stamp))
    .bind(state.failing_told)
    .bind(json(state.key.as_ref().map(|key| to_json(key, "a key")))?)
    .bind(&state.alert_on)
    .bind(json(state.cursor.as_ref().map(|cursor| to_json(cursor, "a cursor")))?)
    .bind(json(state.shape.as_ref().map(|shape| to_json(shape, "watched columns")))?)
    .bind(json(state.last_report.as_ref().map(|report| to_json(report, "a report")))?)
    .bind(state.held_polls)
    .bind(&state.held_reason)
    .bind(state.last_ok_at.map(stamp))
    // A person may have released the result while the poll was under way: only a result that was taken uses that up.
    .bind(commit.record.outcome == PollOutcome::Failed)
    .bind(state.last_poll_at.map(stamp))
    .bind(state.told_by_source)
    .bind(i64::from(changed))
    .bind(&commit.claim.watcher)
    .bind(&commit.claim.source)
    .bind(commit.claim.epoch)
    .bind(commit.version)
    .bind(commit.version)
    .execute(&mut **tx)
    .await
    .doing("recording a poll")?;
    match done.rows_affected() {
        1 => Ok(()),
        _ if commit.version.is_some() && is_held(tx, commit).await? => Err(StoreError::Raced),
        _ => Err(StoreError::Stale),
    }
}

/// Whether the claim is still the poll's.
async fn is_held(tx: &mut Transaction<'_, Db>, commit: &PollCommit) -> Result<bool, StoreError> {
    let row = sqlx::query("select 1 from watcher_state where watcher = ? and source = ? and epoch = ? and owner is not null")
        .bind(&commit.claim.watcher)
        .bind(&commit.claim.source)
        .bind(commit.claim.epoch)
        .fetch_optional(&mut **tx)
        .await
        .doing("recording a poll")?;
    Ok(row.is_some())
}

/// Writes the state of a source as long as nobody else has since it was read.
async fn write_source(tx: &mut Transaction<'_, Db>, state: &SourceState) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into source_state (source, failing_since, told_at, receivers, polls, version) values (?1, ?2, ?3, ?4, ?5, ?6 + 1)
         on conflict (source) do update set failing_since = ?2, told_at = ?3, receivers = ?4, polls = ?5, version = ?6 + 1
         where source_state.version = ?6",
    )
    .bind(&state.source)
    .bind(state.failing_since.map(stamp))
    .bind(state.told_at.map(stamp))
    .bind(to_json(&state.receivers, "receivers")?)
    .bind(state.polls)
    .bind(state.version)
    .execute(&mut **tx)
    .await
    .doing("recording the state of a source")?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Raced) }
}

async fn insert_poll(tx: &mut Transaction<'_, Db>, commit: &PollCommit) -> Result<i64, StoreError> {
    let record = &commit.record;
    let failure = record.failure.as_ref();
    let done = sqlx::query(
        "insert into poll (watcher, source, scheduled_at, started_at, ended_at, duration_ms, outcome, rows, matched, missed, error_kind, error_message, warnings, epoch)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&commit.claim.watcher)
    .bind(&commit.claim.source)
    .bind(stamp(record.scheduled_at))
    .bind(stamp(record.started_at))
    .bind(stamp(record.ended_at))
    .bind(record.duration_ms as i64)
    .bind(record.outcome.as_str())
    .bind(record.rows as i64)
    .bind(record.matched as i64)
    .bind(record.missed)
    .bind(failure.map(|failure| failure.kind.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind((!record.warnings.is_empty()).then(|| Json::from(record.warnings.clone()).to_string()))
    .bind(commit.claim.epoch)
    .execute(&mut **tx)
    .await
    .doing("recording a poll")?;
    Ok(done.last_insert_rowid())
}

pub(super) async fn remove_alerts(tx: &mut Transaction<'_, Db>, fingerprints: &[Fingerprint]) -> Result<(), StoreError> {
    for chunk in fingerprints.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("delete from alert_state where fingerprint in (");
        let mut list = query.separated(", ");
        for fingerprint in chunk {
            list.push_bind(fingerprint.to_string());
        }
        query.push(")");
        query.build().execute(&mut **tx).await.doing("removing alerts")?;
    }
    Ok(())
}

pub(super) async fn put_alerts(tx: &mut Transaction<'_, Db>, watcher: &str, source: &str, alerts: &[Alert]) -> Result<(), StoreError> {
    // In the order of the table: 100,000 in any other order touch every page again and again.
    let mut alerts: Vec<&Alert> = alerts.iter().collect();
    alerts.sort_unstable_by_key(|alert| alert.fingerprint);
    for chunk in alerts.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new(
            "insert into alert_state (fingerprint, watcher, source, status, severity, key, rows, row_count, digest, since, told_at, receivers, polls, gone_since, repeats, steps) ",
        );
        query.push_values(chunk, |mut values, alert| {
            let rows: Vec<Json> = alert.rows.iter().map(row_with_kinds).collect();
            values
                .push_bind(alert.fingerprint.to_string())
                .push_bind(watcher)
                .push_bind(source)
                .push_bind(alert.status.as_str())
                .push_bind(alert.severity.as_str())
                .push_bind(row_with_kinds(&alert.key).to_string())
                .push_bind(Json::Array(rows).to_string())
                .push_bind(alert.row_count as i64)
                .push_bind(alert.digest.to_string())
                .push_bind(stamp(alert.since))
                .push_bind(alert.told_at.map(stamp))
                .push_bind(Json::from(alert.receivers.clone()).to_string())
                .push_bind(alert.polls)
                .push_bind(alert.gone_since.map(stamp))
                .push_bind(alert.repeats)
                .push_bind(Json::from(alert.steps.clone()).to_string());
        });
        // Who has acknowledged it is not ours to write: a person may have done so since the poll began.
        query.push(
            " on conflict (fingerprint) do update set watcher = excluded.watcher, source = excluded.source, status = excluded.status,
              severity = excluded.severity, key = excluded.key, rows = excluded.rows, row_count = excluded.row_count, digest = excluded.digest,
              since = excluded.since, told_at = excluded.told_at, receivers = excluded.receivers, polls = excluded.polls,
              gone_since = excluded.gone_since, repeats = excluded.repeats, steps = excluded.steps",
        );
        query.build().execute(&mut **tx).await.doing("writing alerts")?;
    }
    Ok(())
}

/// Adds lines to the history; their numbers are consecutive within one statement.
pub(super) async fn insert_events(tx: &mut Transaction<'_, Db>, poll_id: Option<i64>, events: &[Event]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(events.len());
    for chunk in events.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new(
            "insert into alert_history (at, watcher, source, event, severity, fingerprint, key, \"row\", rows, row_count, previous, since, reason, silenced, poll_id) ",
        );
        query.push_values(chunk, |mut values, event| {
            let object = |row: &crate::domain::row::Row| Json::Object(row.to_json()).to_string();
            let several = event.rows.len() > 1;
            let rows: Vec<Json> = event.rows.iter().map(|row| Json::Object(row.to_json())).collect();
            values
                .push_bind(stamp(event.at))
                .push_bind(&event.watcher)
                .push_bind(&event.source)
                .push_bind(event.kind.as_str())
                .push_bind(event.severity.as_str())
                .push_bind(event.fingerprint.map(|fingerprint| fingerprint.to_string()))
                .push_bind(event.key.as_ref().map(object))
                .push_bind(event.rows.first().map(object))
                .push_bind(several.then(|| Json::Array(rows).to_string()))
                .push_bind(event.row_count as i64)
                .push_bind(event.previous.as_ref().map(object))
                .push_bind(event.since.map(stamp))
                .push_bind(&event.reason)
                .push_bind(event.silenced)
                .push_bind(poll_id);
        });
        let done = query.build().execute(&mut **tx).await.doing("writing the history")?;
        let last = done.last_insert_rowid();
        ids.extend(last - chunk.len() as i64 + 1..=last);
    }
    Ok(ids)
}

/// How far pending and gone alerts have come.
async fn mark_alerts(tx: &mut Transaction<'_, Db>, marks: &[KeyMark]) -> Result<(), StoreError> {
    for mark in marks {
        sqlx::query("update alert_state set polls = ?, gone_since = ? where fingerprint = ?")
            .bind(mark.polls)
            .bind(mark.gone_since.map(stamp))
            .bind(mark.fingerprint.to_string())
            .execute(&mut **tx)
            .await
            .doing("marking alerts")?;
    }
    Ok(())
}

async fn unacknowledge(tx: &mut Transaction<'_, Db>, fingerprints: &[Fingerprint]) -> Result<(), StoreError> {
    for chunk in fingerprints.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new(
            "update alert_state set acknowledged_at = null, acknowledged_by = null, acknowledged_note = null where acknowledged_at is not null and fingerprint in (",
        );
        let mut list = query.separated(", ");
        for fingerprint in chunk {
            list.push_bind(fingerprint.to_string());
        }
        query.push(")");
        query.build().execute(&mut **tx).await.doing("taking an acknowledgement back")?;
    }
    Ok(())
}

pub(super) async fn defer(tx: &mut Transaction<'_, Db>, deferrals: &[Deferral], ids: &[i64]) -> Result<(), StoreError> {
    for chunk in deferrals.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("insert into deferred_event (event_id, receiver, due_at) ");
        query.push_values(chunk, |mut values, deferral| {
            values.push_bind(ids[deferral.event]).push_bind(&deferral.receiver).push_bind(stamp(deferral.due_at));
        });
        query.build().execute(&mut **tx).await.doing("putting events off")?;
    }
    Ok(())
}

pub(super) async fn insert_silenced(tx: &mut Transaction<'_, Db>, silenced: &[Silenced], ids: &[i64]) -> Result<(), StoreError> {
    for chunk in silenced.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("insert into silenced_event (event_id, receiver, silence_id) ");
        query.push_values(chunk, |mut values, silenced| {
            values.push_bind(ids[silenced.event]).push_bind(&silenced.receiver).push_bind(silenced.silence);
        });
        query.build().execute(&mut **tx).await.doing("recording what is silenced")?;
    }
    // A silence may have ended, and have been told, while the poll was under way.
    for silence in silenced.iter().map(|silenced| silenced.silence).collect::<BTreeSet<i64>>() {
        reopen(tx, silence).await?;
    }
    Ok(())
}
