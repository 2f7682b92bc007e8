//! The trace: lines that are written with their poll, end with one, and are removed for their age or their number.
//!
//! It answers what people ask about the last days; the history keeps what happened for longer. A watcher that thinks much
//! (conditions on values that change at every poll) loses its own oldest lines, not those of others. A line that still
//! holds is not removed for its age: it is what there is to say of today.

use super::codec::{fingerprint, stamp, word};
use super::{Doing, Sqlite};
use crate::domain::evaluate::{Trace, TraceWord};
use crate::store::model::{LastingTrace, PollCommit, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};

/// Rows per statement.
const CHUNK: usize = 500;
/// A line is kept for so long after its end: who asks why something did not alert asks within days.
const TRACE_AGE: TimeDelta = TimeDelta::days(7);
/// Lines that a watcher may have: of 200 rows that change at every poll, the last hundred polls.
const TRACES_OF_A_WATCHER: i64 = 20_000;
/// Lines of all watchers together: some 60 MB.
const TRACES_IN_ALL: i64 = 200_000;
/// Lines removed per statement: the write lock is never held for long.
const PURGE_CHUNK: i64 = 5_000;
/// A watcher that writes a line whose number this divides loses what it has beyond its limit at once: a watcher that thinks
/// much must not wait for the janitor, who comes once an hour.
const TRIM_AT: i64 = 1_000;

impl Sqlite {
    /// The lines that still hold.
    pub(in crate::store) async fn lasting_traces(&self, watcher: &str, source: &str) -> Result<Vec<LastingTrace>, StoreError> {
        let rows = sqlx::query("select id, fingerprint, word, text from trace where watcher = ? and source = ? and until is null")
            .bind(watcher)
            .bind(source)
            .fetch_all(&self.reader)
            .await
            .doing("reading the trace")?;
        let line = |row: &SqliteRow| -> Result<LastingTrace, StoreError> {
            Ok((row.get("id"), fingerprint(row.get("fingerprint"))?, word::<TraceWord>(row.get("word"))?, row.get("text")))
        };
        rows.iter().map(line).collect()
    }

    /// Removes lines that are too old or too many; how many went.
    pub(super) async fn purge_traces(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut gone = self.remove_ended(now - TRACE_AGE).await?;
        let talkative = sqlx::query("select watcher from trace group by watcher having count(*) > ?")
            .bind(TRACES_OF_A_WATCHER)
            .fetch_all(&self.reader)
            .await
            .doing("reading the trace")?;
        for row in talkative {
            let watcher: String = row.get("watcher");
            let last = sqlx::query("select id from trace where watcher = ? order by id desc limit 1 offset ?").bind(&watcher);
            if let Some(last) = self.number(last.bind(TRACES_OF_A_WATCHER)).await? {
                gone += self.remove_up_to(last, Some(&watcher)).await?;
            }
        }
        let last = sqlx::query("select id from trace order by id desc limit 1 offset ?");
        match self.number(last.bind(TRACES_IN_ALL)).await? {
            Some(last) => Ok(gone + self.remove_up_to(last, None).await?),
            None => Ok(gone),
        }
    }

    async fn number(&self, query: Query<'_, Db, SqliteArguments>) -> Result<Option<i64>, StoreError> {
        Ok(query.fetch_optional(&self.reader).await.doing("reading the trace")?.map(|row| row.get("id")))
    }

    async fn remove_ended(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let before = stamp(before);
        self.in_chunks(|| {
            let statement = "delete from trace where id in (select id from trace where until < ? order by id limit ?)";
            sqlx::query(statement).bind(before.clone()).bind(PURGE_CHUNK)
        })
        .await
    }

    async fn remove_up_to(&self, last: i64, watcher: Option<&str>) -> Result<u64, StoreError> {
        let whose = watcher.map(str::to_owned);
        self.in_chunks(|| match &whose {
            Some(watcher) => {
                let statement = "delete from trace where id in (select id from trace where watcher = ? and id <= ? order by id limit ?)";
                sqlx::query(statement).bind(watcher.clone()).bind(last).bind(PURGE_CHUNK)
            }
            None => {
                let statement = "delete from trace where id in (select id from trace where id <= ? order by id limit ?)";
                sqlx::query(statement).bind(last).bind(PURGE_CHUNK)
            }
        })
        .await
    }

    async fn in_chunks(&self, statement: impl Fn() -> Query<'static, Db, SqliteArguments>) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let done = statement().execute(&self.writer).await.doing("removing old lines of the trace")?.rows_affected();
            gone += done;
            if done < PURGE_CHUNK.unsigned_abs() {
                return Ok(gone);
            }
        }
    }
}

/// Marks lines that no longer hold.
pub(super) async fn end_traces(tx: &mut Transaction<'_, Db>, ids: &[i64], at: DateTime<Utc>) -> Result<(), StoreError> {
    for chunk in ids.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("update trace set until = ");
        query.push_bind(stamp(at)).push(" where until is null and id in (");
        let mut list = query.separated(", ");
        for id in chunk {
            list.push_bind(*id);
        }
        query.push(")");
        query.build().execute(&mut **tx).await.doing("writing the trace")?;
    }
    Ok(())
}

/// Adds lines; their numbers are consecutive within one statement.
pub(super) async fn insert_traces(
    tx: &mut Transaction<'_, Db>,
    commit: &PollCommit,
    poll_id: i64,
    traces: &[Trace],
) -> Result<Vec<i64>, StoreError> {
    let at = stamp(commit.record.started_at);
    let mut ids = Vec::with_capacity(traces.len());
    for chunk in traces.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("insert into trace (at, watcher, source, poll_id, fingerprint, key, word, text) ");
        query.push_values(chunk, |mut values, trace| {
            values
                .push_bind(&at)
                .push_bind(&commit.claim.watcher)
                .push_bind(&commit.claim.source)
                .push_bind(poll_id)
                .push_bind(trace.fingerprint.to_string())
                .push_bind(trace.key.as_ref().map(|key| Json::Object(key.to_json()).to_string()))
                .push_bind(trace.word.as_str())
                .push_bind(&trace.text);
        });
        let last = query.build().execute(&mut **tx).await.doing("writing the trace")?.last_insert_rowid();
        ids.extend(last - chunk.len() as i64 + 1..=last);
    }
    if ids.iter().any(|id| id % TRIM_AT == 0) {
        trim(tx, &commit.claim.watcher).await?;
    }
    Ok(ids)
}

async fn trim(tx: &mut Transaction<'_, Db>, watcher: &str) -> Result<(), StoreError> {
    sqlx::query(
        "delete from trace where watcher = ?1 and id <= (select id from trace where watcher = ?1 order by id desc limit 1 offset ?2)",
    )
    .bind(watcher)
    .bind(TRACES_OF_A_WATCHER)
    .execute(&mut **tx)
    .await
    .doing("removing old lines of the trace")
    .map(drop)
}
