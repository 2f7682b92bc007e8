//! Lists for people, pages and the API; and the janitor's work.

use super::codec::{acknowledgement, object, parse_json, stamp};
use super::targets::readers;
use super::{Doing, Sqlite};
use crate::store::lists::{
    AcknowledgedLine, AlertLine, AttemptLine, DeliveryLine, EventDelivery, HistoryLine, HistoryQuery, PollError, PollLine,
};
use crate::store::model::StoreError;
use crate::store::outgoing::QueuedMessage;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db};
use std::collections::{BTreeSet, HashMap};

/// Lines per statement of the janitor: the write lock is never held for long.
const PURGE_CHUNK: i64 = 1_000;
/// Identifiers per `in (…)`.
const CHUNK: usize = 500;

impl Sqlite {
    pub(in crate::store) async fn alerts(&self, watcher: Option<&str>, limit: u64) -> Result<Vec<AlertLine>, StoreError> {
        let rows = sqlx::query(
            "select a.*, (select max(h.id) from alert_history h where a.status = 'firing' and h.fingerprint = a.fingerprint and h.event = 'fired') as id
             from alert_state a where a.status in ('firing', 'pending') and (?1 is null or a.watcher = ?1)
             order by a.status, a.since desc, a.watcher, id, a.fingerprint limit ?2",
        )
        .bind(watcher)
        .bind(bound(limit))
        .fetch_all(&self.reader)
        .await
        .doing("reading alerts")?;
        rows.iter().map(alert_line).collect()
    }

    pub(in crate::store) async fn history(&self, wanted: &HistoryQuery) -> Result<Vec<HistoryLine>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("select h.* from alert_history h where 1 = 1");
        for (column, value) in [("h.watcher", &wanted.watcher), ("h.event", &wanted.event), ("h.severity", &wanted.severity)] {
            if let Some(value) = value {
                query.push(" and ").push(column).push(" = ").push_bind(value);
            }
        }
        if let Some(receiver) = &wanted.receiver {
            query.push(" and exists (select 1 from delivery_event e join delivery d on d.id = e.delivery_id where e.event_id = h.id and d.receiver = ");
            query.push_bind(receiver).push(")");
        }
        push_key(&mut query, "h.key", &wanted.key);
        for (comparison, value) in [(" and h.at >= ", &wanted.since), (" and h.at < ", &wanted.until)] {
            if let Some(value) = value {
                query.push(comparison).push_bind(value);
            }
        }
        if let Some(text) = &wanted.search {
            // Rows are kept as JSON, which writes a quote as \": there the text is looked for as JSON would write it.
            let quoted = Json::from(text.as_str()).to_string();
            query.push(" and (h.watcher || ' ' || h.reason like ").push_bind(pattern(text)).push(" escape '\\'");
            query.push(" or coalesce(h.key, '') || ' ' || coalesce(h.rows, h.\"row\", '') like ");
            query.push_bind(pattern(quoted.trim_matches('"'))).push(" escape '\\')");
        }
        if !wanted.ids.is_empty() {
            query.push(" and h.id in (");
            push_list(&mut query, &wanted.ids);
            query.push(")");
        }
        if let Some(before) = wanted.before {
            query.push(" and h.id < ").push_bind(before);
        }
        query.push(" order by h.id desc limit ").push_bind(bound(wanted.limit));
        let rows = query.build().fetch_all(&self.reader).await.doing("reading the history")?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
        let mut deliveries = self.deliveries_of(&ids).await?;
        rows.iter().map(|row| history_line(row, deliveries.remove(&row.get("id")).unwrap_or_default())).collect()
    }

    async fn deliveries_of(&self, events: &[i64]) -> Result<HashMap<i64, Vec<EventDelivery>>, StoreError> {
        let mut found: HashMap<i64, Vec<EventDelivery>> = HashMap::new();
        for chunk in events.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new(
                "select e.event_id, d.id, d.receiver, d.state, d.attempts, d.answer, d.delivered_at
                 from delivery_event e join delivery d on d.id = e.delivery_id where e.event_id in (",
            );
            push_list(&mut query, chunk);
            query.push(") order by d.id");
            for row in query.build().fetch_all(&self.reader).await.doing("reading deliveries")? {
                let line = EventDelivery {
                    id: row.get("id"),
                    receiver: row.get("receiver"),
                    state: row.get("state"),
                    attempts: row.get("attempts"),
                    answer: row.get("answer"),
                    delivered_at: row.get("delivered_at"),
                    read_by: Vec::new(),
                    targets: Vec::new(),
                };
                found.entry(row.get("event_id")).or_default().push(line);
            }
        }
        let ids: BTreeSet<i64> = found.values().flatten().map(|delivery| delivery.id).collect();
        let targets = self.targets_of(&ids.into_iter().collect::<Vec<_>>()).await?;
        for delivery in found.values_mut().flatten() {
            delivery.targets = targets.get(&delivery.id).cloned().unwrap_or_default();
            delivery.read_by = readers(&delivery.targets);
        }
        Ok(found)
    }

    pub(in crate::store) async fn polls(&self, watcher: Option<&str>, failed: bool, limit: u64) -> Result<Vec<PollLine>, StoreError> {
        let rows = sqlx::query(
            "select * from poll where (?1 is null or watcher = ?1) and (not ?2 or outcome in ('partial', 'failed')) order by id desc limit ?3",
        )
        .bind(watcher)
        .bind(failed)
        .bind(bound(limit))
        .fetch_all(&self.reader)
        .await
        .doing("reading polls")?;
        Ok(rows.iter().map(poll_line).collect())
    }

    pub(in crate::store) async fn deliveries(&self, waiting_only: bool, limit: u64) -> Result<Vec<DeliveryLine>, StoreError> {
        let rows = sqlx::query(
            "select d.*, (select count(*) from delivery_event e where e.delivery_id = d.id) as events,
                    r.reason as held, r.held_until
             from delivery d left join receiver_hold r on r.receiver = d.receiver and d.state in ('pending', 'sending') where ?1 = 0 or d.state in ('pending', 'sending') order by d.id desc limit ?2",
        )
        .bind(waiting_only)
        .bind(bound(limit))
        .fetch_all(&self.reader)
        .await
        .doing("reading deliveries")?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
        let mut tries = self.attempts_of(&ids).await?;
        let mut targets = self.targets_of(&ids).await?;
        let mut line = |row: &SqliteRow| {
            let id = row.get("id");
            DeliveryLine { targets: targets.remove(&id).unwrap_or_default(), ..delivery_line(row, tries.remove(&id).unwrap_or_default()) }
        };
        Ok(rows.iter().map(&mut line).collect())
    }

    pub(in crate::store) async fn messages_after(&self, delivery: i64) -> Result<Vec<QueuedMessage>, StoreError> {
        let rows = sqlx::query("select id, receiver, message from delivery where id > ? order by id")
            .bind(delivery)
            .fetch_all(&self.reader)
            .await
            .doing("reading messages")?;
        let message = |row: &SqliteRow| {
            let message = serde_json::from_str(row.get("message")).map_err(|error| StoreError::Corrupt(format!("a message ({error})")))?;
            Ok(QueuedMessage { id: row.get("id"), receiver: row.get("receiver"), message })
        };
        rows.iter().map(message).collect()
    }

    async fn attempts_of(&self, deliveries: &[i64]) -> Result<HashMap<i64, Vec<AttemptLine>>, StoreError> {
        let mut found: HashMap<i64, Vec<AttemptLine>> = HashMap::new();
        for chunk in deliveries.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("select * from delivery_attempt where delivery_id in (");
            push_list(&mut query, chunk);
            query.push(") order by attempt");
            for row in query.build().fetch_all(&self.reader).await.doing("reading attempts")? {
                let line = AttemptLine {
                    attempt: row.get("attempt"),
                    started_at: row.get("started_at"),
                    ended_at: row.get("ended_at"),
                    outcome: row.get("outcome"),
                    http_status: row.get("http_status"),
                    errcode: row.get("errcode"),
                    answer: row.get("answer"),
                };
                found.entry(row.get("delivery_id")).or_default().push(line);
            }
        }
        Ok(found)
    }

    pub(in crate::store) async fn firing_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let rows =
            sqlx::query("select watcher, severity, count(*) as n from alert_state where status = 'firing' group by watcher, severity")
                .fetch_all(&self.reader)
                .await
                .doing("counting alerts")?;
        Ok(rows.iter().map(|row| (row.get("watcher"), row.get("severity"), row.get::<i64, _>("n").unsigned_abs())).collect())
    }

    pub(in crate::store) async fn purge(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut gone = self.purge_traces(now).await? + self.purge_pictures(now).await?;
        // A settled delivery's `not_before` is when it was settled. A line that an unsettled delivery tells stays, as do the polls of the lines that stay.
        for statement in [
            "delete from delivery where id in (select id from delivery where state in ('delivered', 'discarded') and max(created_at, not_before) < ?1 limit ?2)",
            "delete from alert_history where id in (select h.id from alert_history h where h.at < ?1
                and not exists (select 1 from delivery_event e join delivery d on d.id = e.delivery_id where e.event_id = h.id and d.state in ('pending', 'sending'))
                and not exists (select 1 from alert_state a where a.fingerprint = h.fingerprint and a.status = 'firing')
                and not exists (select 1 from deferred_event o where o.event_id = h.id)
                and not exists (select 1 from silenced_event s join silence q on q.id = s.silence_id where s.event_id = h.id and q.told_at is null) limit ?2)",
            "delete from delivery_attempt where id in (select id from delivery_attempt where delivery_id is null and started_at < ?1 limit ?2)",
            "delete from silence where id in (select id from silence where told_at < ?1 limit ?2)",
            "delete from member where (app, user_id) in (select app, user_id from member where at < ?1 limit ?2)",
            "delete from stream_message where id in (select id from stream_message where at < ?1 limit ?2)",
            "delete from poll where id in (select p.id from poll p where p.ended_at < ?1
                and not exists (select 1 from alert_history h where h.poll_id = p.id)
                and not exists (select 1 from delivery d where d.poll_id = p.id) limit ?2)",
        ] {
            loop {
                let done = sqlx::query(statement).bind(stamp(before)).bind(PURGE_CHUNK).execute(&self.writer).await.doing("removing what is old")?;
                gone += done.rows_affected();
                if done.rows_affected() < PURGE_CHUNK.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

/// SQLite takes a negative limit for none.
pub(super) fn bound(limit: u64) -> i64 {
    if limit == 0 { -1 } else { i64::try_from(limit).unwrap_or(-1) }
}

/// A `like` pattern for a text anywhere, with `\` as its escape.
fn pattern(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Where each of these columns of a key has this text.
pub(super) fn push_key(query: &mut QueryBuilder<Db>, json: &str, key: &[(String, String)]) {
    for (column, value) in key {
        // A float is a JSON number and a truth value a JSON literal: both are compared as the text that is shown.
        query.push(" and exists (select 1 from json_each(").push(json).push(") k where k.key = ");
        query.push_bind(column.clone()).push(" collate nocase");
        query.push(" and iif(k.type in ('true', 'false'), k.type, coalesce(cast(k.value as text), 'NULL')) = ");
        query.push_bind(value.clone()).push(")");
    }
}

pub(super) fn push_list(query: &mut QueryBuilder<Db>, ids: &[i64]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}

fn alert_line(row: &SqliteRow) -> Result<AlertLine, StoreError> {
    let key = parse_json(row.get("key"))?;
    let rows = parse_json(row.get("rows"))?;
    let inner = |stored: Option<&Json>| stored.and_then(|stored| stored.get("row")).and_then(Json::as_object).cloned().unwrap_or_default();
    Ok(AlertLine {
        id: row.get("id"),
        watcher: row.get("watcher"),
        source: row.get("source"),
        status: row.get("status"),
        severity: row.get("severity"),
        fingerprint: row.get("fingerprint"),
        key: inner(Some(&key)),
        row: inner(rows.get(0)),
        row_count: row.get("row_count"),
        since: row.get("since"),
        told_at: row.get("told_at"),
        receivers: serde_json::from_str(row.get("receivers")).unwrap_or_default(),
        polls: row.get("polls"),
        gone_since: row.get("gone_since"),
        repeats: row.get("repeats"),
        acknowledged: acknowledgement(row)?.as_ref().map(AcknowledgedLine::of),
        silenced: false,
        silences: Vec::new(),
    })
}

fn history_line(row: &SqliteRow, deliveries: Vec<EventDelivery>) -> Result<HistoryLine, StoreError> {
    Ok(HistoryLine {
        id: row.get("id"),
        at: row.get("at"),
        watcher: row.get("watcher"),
        source: row.get("source"),
        event: row.get("event"),
        severity: row.get("severity"),
        fingerprint: row.get("fingerprint"),
        key: object(row.get("key"))?,
        row: object(row.get("row"))?,
        previous: object(row.get("previous"))?,
        row_count: row.get("row_count"),
        since: row.get("since"),
        reason: row.get("reason"),
        silenced: row.get::<i64, _>("silenced") != 0,
        poll: row.get("poll_id"),
        deliveries,
    })
}

fn poll_line(row: &SqliteRow) -> PollLine {
    let kind: Option<String> = row.get("error_kind");
    let message: Option<String> = row.get("error_message");
    PollLine {
        id: row.get("id"),
        watcher: row.get("watcher"),
        source: row.get("source"),
        scheduled_at: row.get("scheduled_at"),
        started_at: row.get("started_at"),
        outcome: row.get("outcome"),
        rows: row.get("rows"),
        matched: row.get("matched"),
        duration_ms: row.get("duration_ms"),
        missed: row.get("missed"),
        warnings: row.get::<Option<&str>, _>("warnings").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        error: message.map(|message| PollError { kind: kind.unwrap_or_default(), message }),
    }
}

fn delivery_line(row: &SqliteRow, tries: Vec<AttemptLine>) -> DeliveryLine {
    DeliveryLine {
        id: row.get("id"),
        created_at: row.get("created_at"),
        receiver: row.get("receiver"),
        watcher: row.get("watcher"),
        title: row.get("title"),
        events: row.get("events"),
        state: row.get("state"),
        attempts: row.get("attempts"),
        answer: row.get("answer"),
        not_before: row.get("not_before"),
        held: row.get("held"),
        held_until: row.get("held_until"),
        delivered_at: row.get("delivered_at"),
        reason: row.get("reason"),
        change: row.get("change"),
        merged_into: row.get("merged_into"),
        moved_from: row.get("moved_from"),
        tries,
        targets: Vec::new(),
    }
}
