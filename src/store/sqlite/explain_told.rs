//! Who was told of events, for `rowbell explain`: messages with their tries, silences, what is put off.

use super::codec::{stamp, time, time_or_null};
use super::digests::OF_NO_WATCHER;
use super::read::push_list;
use super::silences::silence;
use super::{Doing, Sqlite};
use crate::domain::budget::BUDGET_WINDOW;
use crate::domain::explain::{AttemptFact, DeferredFact, DeliveryFact, SilencedFact};
use crate::store::model::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db};
use std::collections::HashMap;

/// Identifiers per `in (…)`.
const CHUNK: usize = 500;
/// A first try that comes later than this has waited for something, which is looked for.
const WAITED: TimeDelta = TimeDelta::seconds(3);
/// Tries that are looked through for a used-up budget.
const MOST_ATTEMPTS: i64 = 2_000;
/// A refusal of another message holds a receiver for so long at most.
const HELD_FOR: TimeDelta = TimeDelta::minutes(11);

impl Sqlite {
    pub(super) async fn delivery_facts(&self, events: &[i64], now: DateTime<Utc>) -> Result<Vec<DeliveryFact>, StoreError> {
        let mut found: HashMap<i64, DeliveryFact> = HashMap::new();
        for chunk in events.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new(
                "select d.*, e.event_id, r.held_until, r.reason as held_reason,
                    (select count(*) from delivery m where m.merged_into = d.id) as merged,
                    (select min(m.created_at) from delivery m where m.merged_into = d.id) as merged_since from delivery_event e join delivery d on d.id = e.delivery_id
                 left join receiver_hold r on r.receiver = d.receiver where e.event_id in (",
            );
            push_list(&mut query, chunk);
            query.push(") order by d.id, e.event_id");
            for row in query.build().fetch_all(&self.reader).await.doing("reading deliveries")? {
                let fact = delivery_fact(&row)?;
                found.entry(fact.id).or_insert(fact).events.push(row.get("event_id"));
            }
        }
        let mut deliveries: Vec<DeliveryFact> = found.into_values().collect();
        deliveries.sort_by_key(|delivery| delivery.id);
        for delivery in &mut deliveries {
            self.with_attempts(delivery, now).await?;
        }
        Ok(deliveries)
    }

    async fn with_attempts(&self, delivery: &mut DeliveryFact, now: DateTime<Utc>) -> Result<(), StoreError> {
        let rows = sqlx::query("select * from delivery_attempt where delivery_id = ? order by attempt")
            .bind(delivery.id)
            .fetch_all(&self.reader)
            .await
            .doing("reading attempts")?;
        delivery.attempts = rows.iter().map(attempt_fact).collect::<Result<_, _>>()?;
        let first = delivery.attempts.first().map_or(now, |first| first.started_at);
        if first - delivery.created_at > WAITED {
            delivery.most_sent = self.most_sent(delivery, first).await?;
            delivery.refused_before = self.refused_before(delivery, first).await?;
        }
        Ok(())
    }

    /// The most messages that the robot of a receiver was sent within the budget's window, from one such window before a
    /// delivery was made until a moment.
    async fn most_sent(&self, delivery: &DeliveryFact, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let window = TimeDelta::from_std(BUDGET_WINDOW).unwrap_or(TimeDelta::MAX);
        let rows = sqlx::query(
            "select started_at from delivery_attempt where started_at >= ?2 and started_at < ?3
                and robot in (select robot from receiver_robot where receiver = ?1)
             order by started_at limit ?4",
        )
        .bind(&delivery.receiver)
        .bind(stamp(delivery.created_at - window))
        .bind(stamp(until))
        .bind(MOST_ATTEMPTS)
        .fetch_all(&self.reader)
        .await
        .doing("reading a budget")?;
        let sent: Vec<DateTime<Utc>> = rows.iter().map(|row| time(row.get("started_at"))).collect::<Result<_, _>>()?;
        let in_window = |(at, first): (usize, &DateTime<Utc>)| sent[at..].iter().take_while(|next| **next - *first < window).count();
        Ok(sent.iter().enumerate().map(in_window).max().unwrap_or(0) as u64)
    }

    /// The last refusal of another message before a moment.
    async fn refused_before(&self, delivery: &DeliveryFact, at: DateTime<Utc>) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "select answer from delivery_attempt where robot in (select robot from receiver_robot where receiver = ?) and started_at >= ? and started_at < ?
                and delivery_id is not ? and outcome in ('transient', 'uncertain', 'throttled', 'refused') order by id desc limit 1",
        )
        .bind(&delivery.receiver)
        .bind(stamp(delivery.created_at - HELD_FOR))
        .bind(stamp(at))
        .bind(delivery.id)
        .fetch_optional(&self.reader)
        .await
        .doing("reading attempts")?;
        Ok(row.and_then(|row| row.get("answer")))
    }

    pub(super) async fn silenced_facts(&self, events: &[i64]) -> Result<Vec<SilencedFact>, StoreError> {
        let mut found = Vec::new();
        for chunk in events.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new(
                "select e.event_id, e.receiver as told, s.* from silenced_event e join silence s on s.id = e.silence_id where e.event_id in (",
            );
            push_list(&mut query, chunk);
            query.push(") order by e.event_id, e.receiver");
            for row in query.build().fetch_all(&self.reader).await.doing("reading what is silenced")? {
                found.push(SilencedFact { event: row.get("event_id"), receiver: row.get("told"), silence: silence(&row)?.words() });
            }
        }
        Ok(found)
    }

    pub(super) async fn deferred_facts(&self, events: &[i64]) -> Result<Vec<DeferredFact>, StoreError> {
        let mut found = Vec::new();
        for chunk in events.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("select * from deferred_event where event_id in (");
            push_list(&mut query, chunk);
            query.push(") order by event_id, receiver");
            for row in query.build().fetch_all(&self.reader).await.doing("reading events that were put off")? {
                found.push(DeferredFact { event: row.get("event_id"), receiver: row.get("receiver"), due_at: time(row.get("due_at"))? });
            }
        }
        Ok(found)
    }
}

fn delivery_fact(row: &SqliteRow) -> Result<DeliveryFact, StoreError> {
    let state: String = row.get("state");
    let held = time_or_null(row.get("held_until"))?.zip(row.get::<Option<String>, _>("held_reason"));
    let is_waiting = matches!(state.as_str(), "pending" | "sending");
    Ok(DeliveryFact {
        id: row.get("id"),
        created_at: time(row.get("created_at"))?,
        receiver: row.get("receiver"),
        title: row.get("title"),
        is_digest: row.get::<&str, _>("watcher") == OF_NO_WATCHER,
        state,
        events: Vec::new(),
        answer: row.get("answer"),
        not_before: time(row.get("not_before"))?,
        delivered_at: time_or_null(row.get("delivered_at"))?,
        reason: row.get("reason"),
        change: row.get("change"),
        attempts: Vec::new(),
        held: held.filter(|_| is_waiting),
        most_sent: 0,
        refused_before: None,
        moved_from: row.get("moved_from"),
        merged: time_or_null(row.get("merged_since"))?.map(|since| (row.get::<i64, _>("merged").unsigned_abs(), since)),
    })
}

fn attempt_fact(row: &SqliteRow) -> Result<AttemptFact, StoreError> {
    Ok(AttemptFact {
        attempt: row.get("attempt"),
        started_at: time(row.get("started_at"))?,
        ended_at: time_or_null(row.get("ended_at"))?,
        outcome: row.get("outcome"),
        errcode: row.get("errcode"),
        http_status: row.get("http_status"),
        answer: row.get("answer"),
    })
}
