//! What people do about alerts, each in one transaction beside whatever polls are under way.

use super::codec::{alert, object, stamp, time, time_or_null};
use super::polls::insert_events;
use super::watchers::raise_version;
use super::{Doing, Sqlite};
use crate::domain::acknowledge::{self, Named, Verdict};
use crate::domain::alert::{Acknowledgement, Alert, AlertStatus};
use crate::store::lists::Object;
use crate::store::model::{Acked, StoreError, Taken};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite as Db, Transaction};

impl Sqlite {
    pub(in crate::store) async fn acknowledge(&self, ids: &[i64], by: &Acknowledgement) -> Result<Vec<(i64, Acked)>, StoreError> {
        let mut tx = self.begin().await?;
        let results = acknowledge_all(&mut tx, ids, by).await?;
        tx.commit().await.doing("acknowledging alerts")?;
        Ok(results)
    }
}

pub(super) async fn acknowledge_all(
    tx: &mut Transaction<'_, Db>,
    ids: &[i64],
    by: &Acknowledgement,
) -> Result<Vec<(i64, Acked)>, StoreError> {
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push((*id, acknowledge_one(tx, *id, by).await?));
    }
    Ok(results)
}

/// The event that a person named.
struct Line {
    watcher: String,
    event: String,
    fingerprint: Option<String>,
    key: Object,
    since: Option<DateTime<Utc>>,
}

async fn acknowledge_one(tx: &mut Transaction<'_, Db>, id: i64, by: &Acknowledgement) -> Result<Acked, StoreError> {
    let Some(line) = line(tx, id).await? else { return Ok(Acked::Unknown) };
    let stored = match &line.fingerprint {
        Some(fingerprint) => alert_row(tx, fingerprint).await?,
        None => None,
    };
    let present = stored.as_ref().map(alert).transpose()?;
    let named = Named { has_key: line.fingerprint.is_some(), since: line.since };
    match (acknowledge::verdict(named, present.as_ref(), &by.by, by.note.as_deref()), stored, present) {
        (Verdict::Take, Some(row), Some(alert)) => take(tx, &row, alert, by).await.map(Acked::Taken),
        (Verdict::Theirs, Some(row), Some(alert)) => {
            Ok(Acked::Theirs(taken(&row, &alert, None, alert.acknowledged.as_ref().unwrap_or(by))))
        }
        (Verdict::Pending, _, Some(alert)) => Ok(Acked::Pending { watcher: line.watcher, key: line.key, since: alert.since }),
        (Verdict::NoAlert, _, _) => Ok(Acked::NoAlert { watcher: line.watcher, event: line.event }),
        (_, _, present) => over(tx, line, present).await,
    }
}

async fn take(tx: &mut Transaction<'_, Db>, row: &SqliteRow, alert: Alert, by: &Acknowledgement) -> Result<Taken, StoreError> {
    let (watcher, source): (String, String) = (row.get("watcher"), row.get("source"));
    write_acknowledgement(tx, &alert, by).await?;
    let lines = insert_events(tx, None, &[acknowledge::acknowledged(&watcher, &source, &alert, by)]).await?;
    // A poll that is under way, or has the keys in memory, reads them again.
    raise_version(tx, &watcher, &source).await?;
    Ok(taken(row, &alert, lines.first().copied(), by))
}

fn taken(row: &SqliteRow, alert: &Alert, event: Option<i64>, by: &Acknowledgement) -> Taken {
    Taken {
        watcher: row.get("watcher"),
        source: row.get("source"),
        severity: alert.severity,
        key: alert.key.to_json(),
        since: alert.since,
        event,
        by: by.clone(),
        before: alert.acknowledged.clone().filter(|_| event.is_some()),
    }
}

async fn over(tx: &mut Transaction<'_, Db>, line: Line, present: Option<Alert>) -> Result<Acked, StoreError> {
    let Line { watcher, key, fingerprint, since, .. } = line;
    let (fingerprint, fires) = (fingerprint.unwrap_or_default(), present.is_some_and(|alert| alert.status == AlertStatus::Firing));
    let at = resolved_at(tx, &fingerprint, since).await?;
    let again = if fires { last_fired(tx, &fingerprint).await? } else { None };
    Ok(Acked::Over { watcher, key, at, again })
}

async fn line(tx: &mut Transaction<'_, Db>, id: i64) -> Result<Option<Line>, StoreError> {
    let row = sqlx::query("select watcher, event, fingerprint, key, since from alert_history where id = ?")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .doing("reading the history")?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Line {
        watcher: row.get("watcher"),
        event: row.get("event"),
        fingerprint: row.get("fingerprint"),
        key: object(row.get("key"))?.unwrap_or_default(),
        since: time_or_null(row.get("since"))?,
    }))
}

async fn alert_row(tx: &mut Transaction<'_, Db>, fingerprint: &str) -> Result<Option<SqliteRow>, StoreError> {
    sqlx::query("select * from alert_state where fingerprint = ?").bind(fingerprint).fetch_optional(&mut **tx).await.doing("reading alerts")
}

async fn write_acknowledgement(tx: &mut Transaction<'_, Db>, alert: &Alert, by: &Acknowledgement) -> Result<(), StoreError> {
    sqlx::query("update alert_state set acknowledged_at = ?, acknowledged_by = ?, acknowledged_note = ? where fingerprint = ?")
        .bind(stamp(by.at))
        .bind(&by.by)
        .bind(&by.note)
        .bind(alert.fingerprint.to_string())
        .execute(&mut **tx)
        .await
        .doing("acknowledging an alert")
        .map(drop)
}

/// When that life of an alert was over.
async fn resolved_at(
    tx: &mut Transaction<'_, Db>,
    fingerprint: &str,
    since: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("select at from alert_history where fingerprint = ? and event = 'resolved' and since = ? order by id limit 1")
        .bind(fingerprint)
        .bind(since.map(stamp))
        .fetch_optional(&mut **tx)
        .await
        .doing("reading the history")?;
    row.map(|row| time(row.get("at"))).transpose()
}

/// The number of the event with which an alert fired last.
async fn last_fired(tx: &mut Transaction<'_, Db>, fingerprint: &str) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query("select max(id) as id from alert_history where fingerprint = ? and event = 'fired'")
        .bind(fingerprint)
        .fetch_one(&mut **tx)
        .await
        .doing("reading the history")?;
    Ok(row.get("id"))
}
