//! What people say through DingTalk, done once; who has said something; and which process listens.

use super::codec::{stamp, time_or_null};
use super::people::acknowledge_all;
use super::silences::insert_silence;
use super::{Doing, Sqlite};
use crate::store::conversation::{Deed, Heard};
use crate::store::model::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Row as _, Sqlite as Db, Transaction};
use std::time::Duration;

impl Sqlite {
    pub(in crate::store) async fn hear(&self, push: &str, deed: &Deed, now: DateTime<Utc>) -> Result<Heard, StoreError> {
        let mut tx = self.begin().await?;
        let heard = match before(&mut tx, push, now).await? {
            Some(is_answered) => Heard { is_repeat: true, is_answered, ..Heard::default() },
            None => done(&mut tx, deed, now).await?,
        };
        tx.commit().await.doing("doing what a person said")?;
        Ok(heard)
    }

    pub(in crate::store) async fn answered(&self, push: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("update stream_message set answered_at = ? where id = ?")
            .bind(stamp(now))
            .bind(push)
            .execute(&self.writer)
            .await
            .doing("recording an answer")
            .map(drop)
    }

    pub(in crate::store) async fn meet(&self, app: &str, user: &str, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "insert into member (app, user_id, name, at) values (?, ?, ?, ?)
             on conflict (app, user_id) do update set name = excluded.name, at = excluded.at",
        )
        .bind(app)
        .bind(user)
        .bind(name)
        .bind(stamp(now))
        .execute(&self.writer)
        .await
        .doing("remembering a name")
        .map(drop)
    }

    pub(in crate::store) async fn name_of(&self, app: &str, user: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("select name from member where app = ? and user_id = ?")
            .bind(app)
            .bind(user)
            .fetch_optional(&self.reader)
            .await
            .doing("reading a name")?;
        Ok(row.map(|row| row.get("name")))
    }

    pub(in crate::store) async fn take_lead(
        &self,
        name: &str,
        owner: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::zero());
        let done = sqlx::query(
            "insert into lease (name, owner, until) values (?1, ?2, ?3)
             on conflict (name) do update set owner = excluded.owner, until = excluded.until where lease.owner = excluded.owner or lease.until <= ?4",
        )
        .bind(name)
        .bind(owner)
        .bind(stamp(until))
        .bind(stamp(now))
        .execute(&self.writer)
        .await
        .doing("taking the lead")?;
        Ok(done.rows_affected() == 1)
    }

    pub(in crate::store) async fn give_lead(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        sqlx::query("delete from lease where name = ? and owner = ?")
            .bind(name)
            .bind(owner)
            .execute(&self.writer)
            .await
            .doing("giving the lead back")
            .map(drop)
    }
}

/// Writes a push down, unless it is there already; then whether it was answered.
async fn before(tx: &mut Transaction<'_, Db>, push: &str, now: DateTime<Utc>) -> Result<Option<bool>, StoreError> {
    let done = sqlx::query("insert into stream_message (id, at) values (?, ?) on conflict (id) do nothing")
        .bind(push)
        .bind(stamp(now))
        .execute(&mut **tx)
        .await
        .doing("writing a push down")?;
    if done.rows_affected() == 1 {
        return Ok(None);
    }
    let row =
        sqlx::query("select answered_at from stream_message where id = ?").bind(push).fetch_one(&mut **tx).await.doing("reading a push")?;
    Ok(Some(time_or_null(row.get("answered_at"))?.is_some()))
}

async fn done(tx: &mut Transaction<'_, Db>, deed: &Deed, now: DateTime<Utc>) -> Result<Heard, StoreError> {
    let mut heard = Heard::default();
    match deed {
        Deed::Nothing => {}
        Deed::Acknowledge { events, by } => heard.acked = acknowledge_all(tx, events, by).await?,
        Deed::Silence(silences) => {
            for silence in silences {
                heard.silences.push(insert_silence(tx, silence, now).await?);
            }
        }
    }
    Ok(heard)
}
