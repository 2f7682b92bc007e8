//! Deliveries are made here; those that wait become one, or another receiver takes them over.

use super::codec::{stamp, to_json};
use super::digests::OF_NO_WATCHER;
use super::read::push_list;
use super::{Doing, Sqlite};
use crate::domain::message::Message;
use crate::domain::watcher::Mention;
use crate::store::model::StoreError;
use crate::store::outgoing::ToMerge;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::BTreeSet;

/// Identifiers per `in (…)`.
const CHUNK: usize = 500;

impl Sqlite {
    pub(in crate::store) async fn to_merge(&self, receiver: &str, deliveries: &[i64]) -> Result<ToMerge, StoreError> {
        let (mut events, mut mentions) = (BTreeSet::new(), Vec::<Mention>::new());
        for chunk in deliveries.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("select event_id from delivery_event where delivery_id in (");
            push_list(&mut query, chunk);
            query.push(")");
            let rows = query.build().fetch_all(&self.reader).await.doing("reading what is to be merged")?;
            events.extend(rows.iter().map(|row| row.get::<i64, _>("event_id")));
            let mut query = QueryBuilder::<Db>::new("select message from delivery where id in (");
            push_list(&mut query, chunk);
            query.push(") and json_array_length(message, '$.mentions') > 0");
            for row in query.build().fetch_all(&self.reader).await.doing("reading what is to be merged")? {
                let message: Message = serde_json::from_str(row.get("message"))
                    .map_err(|error| StoreError::Corrupt(format!("a message that is to be merged ({error})")))?;
                let fresh: Vec<Mention> = message.mentions.into_iter().filter(|mention| !mentions.contains(mention)).collect();
                mentions.extend(fresh);
            }
        }
        let wanted = events.into_iter().map(|event| (event, receiver.to_owned())).collect();
        Ok(ToMerge { events: self.events(wanted).await?, mentions })
    }

    pub(in crate::store) async fn merge(
        &self,
        receiver: &str,
        deliveries: &[i64],
        message: &Message,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        let digest = insert_delivery(&mut tx, OF_NO_WATCHER, None, receiver, message, &[], now).await?;
        let mut worst = "info".to_owned();
        let mut moved_from: Option<String> = None;
        let mut taken = 0;
        for chunk in deliveries.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("update delivery set state = 'discarded', merged_into = ");
            query.push_bind(digest).push(", reason = ").push_bind(told_by(digest)).push(", not_before = ").push_bind(stamp(now));
            query.push(" where state = 'pending' and attempts = 0 and receiver = ").push_bind(receiver).push(" and id in (");
            push_list(&mut query, chunk);
            query.push(") returning severity, moved_from");
            let rows = query.build().fetch_all(&mut *tx).await.doing("merging deliveries")?;
            taken += rows.len();
            for row in &rows {
                let severity: &str = row.get("severity");
                if severity == "critical" || (severity == "warning" && worst == "info") {
                    worst = severity.to_owned();
                }
                moved_from = moved_from.or_else(|| row.get("moved_from"));
            }
            move_events(&mut tx, chunk, digest).await?;
        }
        if taken != deliveries.len() {
            return Err(StoreError::Raced);
        }
        sqlx::query("update delivery set severity = ?, moved_from = ? where id = ?")
            .bind(worst)
            .bind(moved_from)
            .bind(digest)
            .execute(&mut *tx)
            .await
            .doing("merging deliveries")?;
        tx.commit().await.doing("merging deliveries")?;
        Ok(digest)
    }
}

/// The history says which message told which event. What an earlier digest was to tell is told by this one.
async fn move_events(tx: &mut Transaction<'_, Db>, from: &[i64], to: i64) -> Result<(), StoreError> {
    for (before, after) in [
        (format!("update or ignore delivery_event set delivery_id = {to} where delivery_id in ("), ")"),
        ("delete from delivery_event where delivery_id in (".to_owned(), ")"),
    ] {
        let mut query = QueryBuilder::<Db>::new(before);
        push_list(&mut query, from);
        query.push(after);
        query.build().execute(&mut **tx).await.doing("merging deliveries")?;
    }
    let mut query = QueryBuilder::<Db>::new("update delivery set merged_into = ");
    query.push_bind(to).push(", reason = ").push_bind(told_by(to)).push(" where merged_into in (");
    push_list(&mut query, from);
    query.push(")");
    query.build().execute(&mut **tx).await.doing("merging deliveries").map(drop)
}

fn told_by(digest: i64) -> String {
    format!("told by delivery {digest}, a digest")
}

/// Gives all that waits for a receiver to another; how many deliveries that were.
pub(super) async fn fall_back(tx: &mut Transaction<'_, Db>, receiver: &str, to: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
    // Whom one app cannot reach another may; whoever was reached has the message.
    sqlx::query(
        "delete from delivery_target where state = 'refused'
         and delivery_id in (select id from delivery where receiver = ? and state = 'pending')",
    )
    .bind(receiver)
    .execute(&mut **tx)
    .await
    .doing("giving deliveries to a fallback")?;
    let done = sqlx::query(
        "update delivery set receiver = ?1, moved_from = coalesce(moved_from, receiver), robot = null, not_before = ?2
         where receiver = ?3 and state = 'pending'",
    )
    .bind(to)
    .bind(stamp(now))
    .bind(receiver)
    .execute(&mut **tx)
    .await
    .doing("giving deliveries to a fallback")?;
    Ok(done.rows_affected())
}

/// Puts a message of rowbell's own into the outbox of those who look after it.
pub(super) async fn insert_notice(
    tx: &mut Transaction<'_, Db>,
    receivers: &[String],
    message: &Message,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for receiver in receivers {
        let id = insert_delivery(tx, OF_NO_WATCHER, None, receiver, message, &[], now).await?;
        // It must leave also when the month is used up.
        sqlx::query("update delivery set severity = 'critical' where id = ?")
            .bind(id)
            .execute(&mut **tx)
            .await
            .doing("telling those who look after it")?;
    }
    Ok(())
}

/// Puts a message into the outbox; its number.
#[allow(clippy::too_many_arguments)] // each is a column
pub(super) async fn insert_delivery(
    tx: &mut Transaction<'_, Db>,
    watcher: &str,
    poll_id: Option<i64>,
    receiver: &str,
    message: &Message,
    events: &[i64],
    at: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let at = stamp(at);
    let done = sqlx::query(
        "insert into delivery (created_at, receiver, watcher, poll_id, title, message, msg_uuid, state, not_before)
         values (?, ?, ?, ?, ?, ?, ?, 'pending', ?)",
    )
    .bind(&at)
    .bind(receiver)
    .bind(watcher)
    .bind(poll_id)
    .bind(&message.title)
    .bind(to_json(message, "a message")?)
    .bind(uuid::Uuid::new_v4().to_string())
    .bind(&at)
    .execute(&mut **tx)
    .await
    .doing("writing a delivery")?;
    let delivery = done.last_insert_rowid();
    for chunk in events.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("insert into delivery_event (delivery_id, event_id) ");
        query.push_values(chunk, |mut values, event| {
            values.push_bind(delivery).push_bind(*event);
        });
        query.build().execute(&mut **tx).await.doing("writing a delivery")?;
    }
    // The worst of its events; that something is over can wait as long as a warning.
    sqlx::query(
        "update delivery set severity = coalesce((
            select case max(case when h.severity = 'critical' and h.event not in ('resolved', 'watcher_recovered') then 2 when h.severity = 'info' then 0 else 1 end)
                when 2 then 'critical' when 1 then 'warning' when 0 then 'info' end
            from delivery_event e join alert_history h on h.id = e.event_id where e.delivery_id = delivery.id), severity) where id = ?",
    )
    .bind(delivery)
    .execute(&mut **tx)
    .await
    .doing("writing a delivery")?;
    Ok(delivery)
}
