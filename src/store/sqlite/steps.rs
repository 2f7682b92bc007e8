//! Steps of escalation that are told between polls.

use super::codec::{alert, to_json};
use super::merging::insert_delivery;
use super::polls::{defer, insert_events, insert_silenced, put_alerts, watcher_state};
use super::{Doing, Sqlite};
use crate::domain::alert::Alert;
use crate::store::model::{StepsCommit, StoreError, WatcherState};

impl Sqlite {
    pub(in crate::store) async fn alerts_with_steps(&self, watcher: &str, source: &str, told: &[String]) -> Result<Vec<Alert>, StoreError> {
        let rows = sqlx::query("select * from alert_state where watcher = ? and source = ? and status = 'firing' and steps <> ?")
            .bind(watcher)
            .bind(source)
            .bind(to_json(&told, "steps")?)
            .fetch_all(&self.reader)
            .await
            .doing("reading alerts")?;
        rows.iter().map(alert).collect()
    }

    pub(in crate::store) async fn state_of(&self, watcher: &str, source: &str) -> Result<Option<WatcherState>, StoreError> {
        let row = sqlx::query("select * from watcher_state where watcher = ? and source = ?")
            .bind(watcher)
            .bind(source)
            .fetch_optional(&self.reader)
            .await
            .doing("reading a watcher")?;
        row.as_ref().map(watcher_state).transpose()
    }

    pub(in crate::store) async fn commit_steps(&self, commit: &StepsCommit) -> Result<(), StoreError> {
        let StepsCommit { watcher, source, version, at, changes } = commit;
        let mut tx = self.begin().await?;
        let done = sqlx::query("update watcher_state set version = version + 1 where watcher = ? and source = ? and version = ?")
            .bind(watcher)
            .bind(source)
            .bind(version)
            .execute(&mut *tx)
            .await
            .doing("telling steps")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Raced);
        }
        put_alerts(&mut tx, watcher, source, &changes.put).await?;
        let ids = insert_events(&mut tx, None, &changes.events).await?;
        for draft in &changes.deliveries {
            let events: Vec<i64> = draft.events.iter().map(|event| ids[*event]).collect();
            insert_delivery(&mut tx, watcher, None, &draft.receiver, &draft.message, &events, *at).await?;
        }
        defer(&mut tx, &changes.deferred, &ids).await?;
        insert_silenced(&mut tx, &changes.silenced, &ids).await?;
        tx.commit().await.doing("telling steps")
    }
}
