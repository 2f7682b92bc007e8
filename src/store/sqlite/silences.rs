//! Silences, as people make and end them.

use super::codec::{json_or_null, stamp, time, to_json, word};
use super::read::bound;
use super::{Doing, Sqlite};
use crate::domain::alert::Severity;
use crate::domain::silence::Silence;
use crate::store::lists::SilenceLine;
use crate::store::model::{Ended, StoreError};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite as Db, Transaction};
use std::collections::BTreeMap;

impl Sqlite {
    pub(in crate::store) async fn open_silences(&self) -> Result<Vec<Silence>, StoreError> {
        let rows = sqlx::query("select * from silence where told_at is null order by id")
            .fetch_all(&self.reader)
            .await
            .doing("reading silences")?;
        rows.iter().map(silence).collect()
    }

    pub(in crate::store) async fn silences(&self, all: bool, now: DateTime<Utc>, limit: u64) -> Result<Vec<SilenceLine>, StoreError> {
        let rows = sqlx::query("select * from silence where ?1 or ends_at > ?2 order by id desc limit ?3")
            .bind(all)
            .bind(stamp(now))
            .bind(bound(limit))
            .fetch_all(&self.reader)
            .await
            .doing("reading silences")?;
        rows.iter().map(|row| Ok(SilenceLine::of(&silence(row)?, now))).collect()
    }

    pub(in crate::store) async fn add_silence(&self, silence: &Silence, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        let id = insert_silence(&mut tx, silence, now).await?;
        tx.commit().await.doing("writing a silence")?;
        Ok(id)
    }

    pub(in crate::store) async fn end_silences(&self, ids: &[i64], now: DateTime<Utc>) -> Result<Vec<(i64, Ended)>, StoreError> {
        let mut tx = self.begin().await?;
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            results.push((*id, end_one(&mut tx, *id, now).await?));
        }
        tx.commit().await.doing("ending silences")?;
        Ok(results)
    }
}

pub(super) async fn insert_silence(tx: &mut Transaction<'_, Db>, silence: &Silence, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let done = sqlx::query(
        "insert into silence (created_at, author, reason, watcher, key, severity, receiver, starts_at, ends_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(stamp(now))
    .bind(&silence.author)
    .bind(&silence.reason)
    .bind(&silence.watcher)
    .bind(key_json(&silence.key)?)
    .bind(silence.severity.map(Severity::as_str))
    .bind(&silence.receiver)
    .bind(stamp(silence.starts_at))
    .bind(stamp(silence.ends_at))
    .execute(&mut **tx)
    .await
    .doing("writing a silence")?;
    Ok(done.last_insert_rowid())
}

async fn end_one(tx: &mut Transaction<'_, Db>, id: i64, now: DateTime<Utc>) -> Result<Ended, StoreError> {
    let row = sqlx::query("select * from silence where id = ?").bind(id).fetch_optional(&mut **tx).await.doing("reading a silence")?;
    let Some(row) = row else { return Ok(Ended::Unknown) };
    let found = silence(&row)?;
    if found.ends_at <= now {
        return Ok(Ended::Before(found.ends_at));
    }
    // One that is to come ends before it has begun.
    let starts_at = found.starts_at.min(now);
    sqlx::query("update silence set starts_at = ?, ends_at = ? where id = ?")
        .bind(stamp(starts_at))
        .bind(stamp(now))
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("ending a silence")?;
    Ok(Ended::Now(Silence { starts_at, ends_at: now, ..found }))
}

/// A silence that was told keeps something more: it is told again.
pub(super) async fn reopen(tx: &mut Transaction<'_, Db>, id: i64) -> Result<(), StoreError> {
    sqlx::query("update silence set told_at = null where id = ? and told_at is not null")
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("reopening a silence")
        .map(drop)
}

pub(super) fn silence(row: &SqliteRow) -> Result<Silence, StoreError> {
    let key: Option<BTreeMap<String, String>> = json_or_null(row.get("key"), "the key of a silence")?;
    let severity: Option<String> = row.get("severity");
    Ok(Silence {
        id: row.get("id"),
        author: row.get("author"),
        reason: row.get("reason"),
        watcher: row.get("watcher"),
        key: key.unwrap_or_default().into_iter().collect(),
        severity: severity.as_deref().map(word::<Severity>).transpose()?,
        receiver: row.get("receiver"),
        starts_at: time(row.get("starts_at"))?,
        ends_at: time(row.get("ends_at"))?,
    })
}

/// The key of a silence as the table holds it.
fn key_json(key: &[(String, String)]) -> Result<Option<String>, StoreError> {
    let map: BTreeMap<&String, &String> = key.iter().map(|(column, pattern)| (column, pattern)).collect();
    if map.is_empty() { Ok(None) } else { to_json(&map, "the key of a silence").map(Some) }
}
