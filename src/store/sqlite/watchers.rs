//! What happens to a watcher's state beside its polls: dead sources, a new name, a removed file, a person's release.

use super::codec::{alert, count, json_or_null, stamp, time_or_null};
use super::polls::{insert_events, remove_alerts, watcher_state};
use super::{Doing, Sqlite};
use crate::domain::alert::Alert;
use crate::domain::compose::Changes;
use crate::store::model::{SourceState, StoreError, WatcherState};
use chrono::{DateTime, Utc};
use sqlx::{Row as _, Sqlite as Db, Transaction};

impl Sqlite {
    pub(in crate::store) async fn source_state(&self, source: &str) -> Result<SourceState, StoreError> {
        let row = sqlx::query("select * from source_state where source = ?")
            .bind(source)
            .fetch_optional(&self.reader)
            .await
            .doing("reading the state of a source")?;
        let Some(row) = row else { return Ok(SourceState { source: source.to_owned(), ..SourceState::default() }) };
        Ok(SourceState {
            source: source.to_owned(),
            failing_since: time_or_null(row.get("failing_since"))?,
            told_at: time_or_null(row.get("told_at"))?,
            receivers: json_or_null(row.get("receivers"), "the receivers of a source")?.unwrap_or_default(),
            polls: count(row.get("polls")),
            version: row.get("version"),
        })
    }

    pub(in crate::store) async fn adopt(&self, formerly: &str, name: &str) -> Result<bool, StoreError> {
        // A look without the write lock: there is something to take over only once.
        let old = sqlx::query("select 1 from watcher_state where watcher = ? limit 1").bind(formerly).fetch_optional(&self.reader).await;
        if old.doing("reading watchers")?.is_none() {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        let old = count_of(&mut tx, "select count(*) as n from watcher_state where watcher = ?", formerly).await?;
        let new = count_of(&mut tx, "select count(*) as n from watcher_state where watcher = ? and baseline_at is not null", name).await?;
        if old == 0 || new > 0 {
            return Ok(false);
        }
        // A slot that was written before the first poll is all that may be there under the new name.
        for statement in [
            "delete from watcher_state where watcher = ?2",
            // Polls that were made under the new name before have epochs that must not come again.
            "update watcher_state set identity = coalesce(identity, ?1), watcher = ?2, version = version + 1,
                    epoch = max(epoch, coalesce((select max(poll.epoch) + 1000 from poll where poll.watcher = ?2 and poll.source = watcher_state.source), 0))
             where watcher = ?1",
            "update alert_state set watcher = ?2 where watcher = ?1",
            "update trace set watcher = ?2 where watcher = ?1",
        ] {
            sqlx::query(statement)
                .bind(formerly)
                .bind(name)
                .execute(&mut *tx)
                .await
                .doing("taking over what was known under a former name")?;
        }
        tx.commit().await.doing("taking over what was known under a former name")?;
        Ok(true)
    }

    pub(in crate::store) async fn alerts_of_watcher(&self, watcher: &str, source: &str) -> Result<Vec<Alert>, StoreError> {
        let rows =
            sqlx::query("select * from alert_state where watcher = ? and source = ? and status <> 'seen' order by since, fingerprint")
                .bind(watcher)
                .bind(source)
                .fetch_all(&self.reader)
                .await
                .doing("reading alerts")?;
        rows.iter().map(alert).collect()
    }

    pub(in crate::store) async fn close_watcher(&self, watcher: &str, source: &str, changes: &Changes) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert_events(&mut tx, None, &changes.events).await?;
        remove_alerts(&mut tx, &changes.remove).await?;
        for statement in [
            "delete from alert_state where watcher = ? and source = ?",
            "delete from watcher_state where watcher = ? and source = ?",
            "update trace set until = at where watcher = ? and source = ? and until is null",
        ] {
            sqlx::query(statement).bind(watcher).bind(source).execute(&mut *tx).await.doing("closing a watcher that is gone")?;
        }
        tx.commit().await.doing("closing a watcher that is gone")
    }

    pub(in crate::store) async fn release_held(&self, watcher: &str, now: DateTime<Utc>) -> Result<Vec<WatcherState>, StoreError> {
        let rows = sqlx::query("update watcher_state set released_at = ? where watcher = ? and held_reason is not null returning *")
            .bind(stamp(now))
            .bind(watcher)
            .fetch_all(&self.writer)
            .await
            .doing("releasing a held result")?;
        rows.iter().map(watcher_state).collect()
    }
}

/// Someone else than a poll has changed alerts of a watcher: what is in memory of them is read again.
pub(super) async fn raise_version(tx: &mut Transaction<'_, Db>, watcher: &str, source: &str) -> Result<(), StoreError> {
    sqlx::query("update watcher_state set version = version + 1 where watcher = ? and source = ?")
        .bind(watcher)
        .bind(source)
        .execute(&mut **tx)
        .await
        .doing("raising a watcher's version")
        .map(drop)
}

async fn count_of(tx: &mut Transaction<'_, Db>, statement: &'static str, name: &str) -> Result<i64, StoreError> {
    let row = sqlx::query(statement).bind(name).fetch_one(&mut **tx).await.doing("reading watchers")?;
    Ok(row.get("n"))
}
