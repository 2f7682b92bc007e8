//! What the store has about a watcher or one of its keys, for `rowbell explain`. It only reads.
//!
//! Everything is bounded: of a long time the newest lines are taken, and that there was more is said.

use super::codec::{count, json_or_null, object, parse_json, stamp, time, time_or_null, word};
use super::read::push_key;
use super::silences::silence;
use super::{Doing, Sqlite};
use crate::domain::alert::Acknowledgement;
use crate::domain::cursor::CursorState;
use crate::domain::explain::{AlertFact, EventFact, KeyFact, Object, PollFact, Records, StateFact, TraceFact, gaps};
use crate::domain::silence::Silence;
use crate::store::model::{RecordsQuery, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db};

/// Keys that one question may mean.
const MOST_KEYS: i64 = 50;
/// Polls, events and lines of the trace that are taken into account.
const MOST_POLLS: usize = 5_000;
/// See [`MOST_POLLS`].
const MOST_EVENTS: usize = 2_000;
/// See [`MOST_POLLS`].
const MOST_TRACES: usize = 2_000;
/// Events of a key after the window: what came of it.
const LATER: i64 = 20;
/// Stretches without a poll of which it is asked whether anything else was polled.
const MOST_GAPS: usize = 50;
/// What is polled right before or after such a stretch does not count: a service stops and starts.
const GAP_EDGE: TimeDelta = TimeDelta::seconds(60);

impl Sqlite {
    pub(in crate::store) async fn records(&self, wanted: &RecordsQuery) -> Result<Records, StoreError> {
        let keys = if wanted.key.is_empty() { Vec::new() } else { self.keys_meant(wanted).await? };
        let states = self.state_facts(&wanted.watchers).await?;
        let polls = self.poll_facts(wanted, &keys, &states).await?;
        let events = self.event_facts(wanted, &keys, &polls).await?;
        let traces = self.trace_facts(wanted, &keys).await?;
        let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
        let (firing, pending) = self.standing_counts(&wanted.watchers).await?;
        Ok(Records {
            firing,
            pending,
            deliveries: self.delivery_facts(&ids, wanted.now).await?,
            silenced: self.silenced_facts(&ids).await?,
            deferred: self.deferred_facts(&ids).await?,
            silences: self.silences_between(wanted.since, wanted.until).await?,
            elsewhere: self.polled_elsewhere(wanted, &polls, &states).await?,
            is_cut: polls.len() >= MOST_POLLS || events.len() >= MOST_EVENTS || traces.len() >= MOST_TRACES,
            states,
            keys,
            polls,
            events,
            traces,
        })
    }

    /// The keys that some columns with their values mean: among those that alert, that did, and that were thought of.
    async fn keys_meant(&self, wanted: &RecordsQuery) -> Result<Vec<KeyFact>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("select fingerprint, max(source) as source, max(key) as key from (");
        for (at, (table, column)) in
            [("alert_state", "json_extract(t.key, '$.row')"), ("alert_history", "t.key"), ("trace", "t.key")].iter().enumerate()
        {
            if at > 0 {
                query.push(" union all ");
            }
            query
                .push("select t.fingerprint, t.source, ")
                .push(*column)
                .push(" as key from ")
                .push(*table)
                .push(" t where t.fingerprint is not null and t.watcher in (");
            push_names(&mut query, &wanted.watchers);
            query.push(")");
            push_key(&mut query, column, &wanted.key);
        }
        query.push(") group by fingerprint order by key limit ").push_bind(MOST_KEYS);
        let rows = query.build().fetch_all(&self.reader).await.doing("looking for a key")?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let fingerprint: String = row.get("fingerprint");
            let alert = self.alert_fact(&fingerprint).await?;
            keys.push(KeyFact { fingerprint, source: row.get("source"), key: object(row.get("key"))?.unwrap_or_default(), alert });
        }
        Ok(keys)
    }

    async fn alert_fact(&self, fingerprint: &str) -> Result<Option<AlertFact>, StoreError> {
        let row = sqlx::query("select * from alert_state where fingerprint = ?")
            .bind(fingerprint)
            .fetch_optional(&self.reader)
            .await
            .doing("reading an alert")?;
        row.as_ref().map(alert_fact).transpose()
    }

    async fn state_facts(&self, watchers: &[String]) -> Result<Vec<StateFact>, StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "select w.*, s.failing_since as source_failing_since, s.told_at as source_told_at
             from watcher_state w left join source_state s on s.source = w.source where w.watcher in (",
        );
        push_names(&mut query, watchers);
        query.push(") order by w.source");
        let rows = query.build().fetch_all(&self.reader).await.doing("reading watchers")?;
        rows.iter().map(state_fact).collect()
    }

    async fn poll_facts(&self, wanted: &RecordsQuery, keys: &[KeyFact], states: &[StateFact]) -> Result<Vec<PollFact>, StoreError> {
        let mut sources: Vec<&str> = match keys {
            [] => states.iter().map(|state| state.source.as_str()).collect(),
            keys => keys.iter().map(|key| key.source.as_str()).collect(),
        };
        sources.sort_unstable();
        sources.dedup();
        let mut polls = Vec::new();
        for watcher in &wanted.watchers {
            for source in sources.iter().copied() {
                let window = (stamp(wanted.since), stamp(wanted.until));
                let before = "select * from poll where watcher = ? and source = ? and started_at < ? order by id desc limit 1";
                let within =
                    "select * from poll where watcher = ? and source = ? and started_at >= ? and started_at <= ? order by id desc limit ?";
                let after = "select * from poll where watcher = ? and source = ? and started_at > ? order by id limit 1";
                let of = |statement| sqlx::query::<Db>(statement).bind(watcher).bind(source);
                let mut found = of(before).bind(&window.0).fetch_all(&self.reader).await.doing("reading polls")?;
                found.extend(
                    of(within)
                        .bind(&window.0)
                        .bind(&window.1)
                        .bind(MOST_POLLS as i64)
                        .fetch_all(&self.reader)
                        .await
                        .doing("reading polls")?,
                );
                found.extend(of(after).bind(&window.1).fetch_all(&self.reader).await.doing("reading polls")?);
                polls.extend(found.iter().map(poll_fact).collect::<Result<Vec<_>, _>>()?);
            }
        }
        polls.sort_by_key(|poll| (poll.started_at, poll.id));
        Ok(polls)
    }

    async fn event_facts(&self, wanted: &RecordsQuery, keys: &[KeyFact], polls: &[PollFact]) -> Result<Vec<EventFact>, StoreError> {
        let (since, until) = (stamp(wanted.since), stamp(wanted.until));
        let mut rows = Vec::new();
        if wanted.key.is_empty() {
            let mut query = QueryBuilder::<Db>::new("select * from alert_history where watcher in (");
            push_names(&mut query, &wanted.watchers);
            query.push(") and at >= ").push_bind(&since).push(" and at <= ").push_bind(&until);
            query.push(" order by id desc limit ").push_bind(MOST_EVENTS as i64);
            rows.extend(query.build().fetch_all(&self.reader).await.doing("reading the history")?);
        } else {
            for key in keys {
                for (comparison, order, most) in [("<=", "desc", MOST_EVENTS as i64), (">", "asc", LATER)] {
                    let mut query = QueryBuilder::<Db>::new("select * from alert_history where fingerprint = ");
                    query.push_bind(&key.fingerprint).push(" and at ").push(comparison).push(" ").push_bind(&until);
                    query.push(" order by id ").push(order).push(" limit ").push_bind(most);
                    rows.extend(query.build().fetch_all(&self.reader).await.doing("reading the history")?);
                }
            }
            let mut query = QueryBuilder::<Db>::new(
                "select * from alert_history where event in ('watcher_failed', 'watcher_recovered') and watcher in (",
            );
            push_names(&mut query, &wanted.watchers);
            query.push(") and at >= ").push_bind(&since).push(" and at <= ").push_bind(&until);
            rows.extend(query.build().fetch_all(&self.reader).await.doing("reading the history")?);
        }
        rows.extend(self.dead_source_events(wanted, polls, &since, &until).await?);
        let mut events = rows.iter().map(event_fact).collect::<Result<Vec<_>, _>>()?;
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    /// That a source cannot be reached is told by one of its watchers, which may be another one.
    async fn dead_source_events(
        &self,
        wanted: &RecordsQuery,
        polls: &[PollFact],
        since: &str,
        until: &str,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let is_dead = |poll: &&PollFact| poll.error.as_ref().is_some_and(|(kind, _)| kind == "connect");
        let mut dead: Vec<&str> = polls.iter().filter(is_dead).map(|poll| poll.source.as_str()).collect();
        dead.sort_unstable();
        dead.dedup();
        let mut rows = Vec::new();
        for source in dead {
            let mut query =
                QueryBuilder::<Db>::new("select * from alert_history where event in ('watcher_failed', 'watcher_recovered') and source = ");
            query.push_bind(source).push(" and at >= ").push_bind(since).push(" and at <= ").push_bind(until).push(" and watcher not in (");
            push_names(&mut query, &wanted.watchers);
            query.push(") and (event = 'watcher_recovered' or reason like '%connect:%') order by id");
            rows.extend(query.build().fetch_all(&self.reader).await.doing("reading the history")?);
        }
        Ok(rows)
    }

    async fn trace_facts(&self, wanted: &RecordsQuery, keys: &[KeyFact]) -> Result<Vec<TraceFact>, StoreError> {
        if !wanted.key.is_empty() && keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new("select * from trace where at <= ");
        query.push_bind(stamp(wanted.until));
        match keys {
            // Why single rows do not count is told of one that is asked about.
            [] => {
                query.push(" and word not in ('unmatched', 'absent') and at >= ").push_bind(stamp(wanted.since)).push(" and watcher in (");
                push_names(&mut query, &wanted.watchers);
            }
            keys => {
                query.push(" and fingerprint in (");
                push_names(&mut query, &keys.iter().map(|key| key.fingerprint.clone()).collect::<Vec<_>>());
            }
        }
        query.push(") order by id desc limit ").push_bind(MOST_TRACES as i64);
        let rows = query.build().fetch_all(&self.reader).await.doing("reading the trace")?;
        rows.iter().rev().map(trace_fact).collect()
    }

    async fn standing_counts(&self, watchers: &[String]) -> Result<(u64, u64), StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "select coalesce(sum(status = 'firing'), 0) as firing, coalesce(sum(status = 'pending'), 0) as pending from alert_state where watcher in (",
        );
        push_names(&mut query, watchers);
        query.push(")");
        let row = query.build().fetch_one(&self.reader).await.doing("counting alerts")?;
        Ok((row.get::<i64, _>("firing").unsigned_abs(), row.get::<i64, _>("pending").unsigned_abs()))
    }

    async fn silences_between(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        let rows = sqlx::query("select * from silence where starts_at <= ? and ends_at >= ? order by id")
            .bind(stamp(until))
            .bind(stamp(since))
            .fetch_all(&self.reader)
            .await
            .doing("reading silences")?;
        rows.iter().map(silence).collect()
    }

    /// Whether anything else was polled while this watcher was not.
    async fn polled_elsewhere(
        &self,
        wanted: &RecordsQuery,
        polls: &[PollFact],
        states: &[StateFact],
    ) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>, u64)>, StoreError> {
        let mut found = Vec::new();
        for (from, until) in gaps(polls, states, wanted.now).into_iter().rev().take(MOST_GAPS) {
            // Numbers rise with time: only polls between those of this watcher are looked through.
            let first = polls.iter().rfind(|poll| poll.started_at < from).map_or(0, |poll| poll.id);
            let last = polls.iter().find(|poll| poll.started_at >= until).map_or(i64::MAX, |poll| poll.id);
            let edge = GAP_EDGE.min((until - from) / 3);
            let mut query = QueryBuilder::<Db>::new("select count(*) as n from poll where id > ");
            query.push_bind(first).push(" and id < ").push_bind(last).push(" and started_at > ").push_bind(stamp(from));
            query.push(" and started_at < ").push_bind(stamp(until - edge)).push(" and watcher not in (");
            push_names(&mut query, &wanted.watchers);
            query.push(")");
            let row = query.build().fetch_one(&self.reader).await.doing("reading polls")?;
            found.push((from, until, row.get::<i64, _>("n").unsigned_abs()));
        }
        Ok(found)
    }
}

fn push_names(query: &mut QueryBuilder<Db>, names: &[String]) {
    let mut list = query.separated(", ");
    for name in names {
        list.push_bind(name.clone());
    }
}

fn alert_fact(row: &SqliteRow) -> Result<AlertFact, StoreError> {
    let rows = parse_json(row.get("rows"))?;
    let shown = rows.get(0).and_then(|stored| stored.get("row")).and_then(|row| row.as_object()).cloned().unwrap_or_default();
    let (at, by) = (time_or_null(row.get("acknowledged_at"))?, row.get::<Option<String>, _>("acknowledged_by"));
    Ok(AlertFact {
        status: word(row.get("status"))?,
        severity: word(row.get("severity"))?,
        since: time(row.get("since"))?,
        told_at: time_or_null(row.get("told_at"))?,
        gone_since: time_or_null(row.get("gone_since"))?,
        polls: count(row.get("polls")),
        repeats: count(row.get("repeats")),
        acknowledged: at.zip(by).map(|(at, by)| Acknowledgement { at, by, note: row.get("acknowledged_note") }),
        row: shown,
    })
}

fn state_fact(row: &SqliteRow) -> Result<StateFact, StoreError> {
    let cursor: Option<CursorState> = json_or_null(row.get("cursor"), "the cursor of a watcher")?;
    Ok(StateFact {
        source: row.get("source"),
        next_poll_at: time_or_null(row.get("next_poll_at"))?,
        baseline_at: time_or_null(row.get("baseline_at"))?,
        failures: count(row.get("failures")),
        failing_since: time_or_null(row.get("failing_since"))?,
        held_reason: row.get("held_reason"),
        last_ok_at: time_or_null(row.get("last_ok_at"))?,
        source_failing_since: time_or_null(row.get("source_failing_since"))?,
        source_told_at: time_or_null(row.get("source_told_at"))?,
        cursor: cursor.and_then(|cursor| Some((cursor.column, cursor.bound?.text))),
    })
}

fn poll_fact(row: &SqliteRow) -> Result<PollFact, StoreError> {
    let kind: Option<String> = row.get("error_kind");
    let message: Option<String> = row.get("error_message");
    Ok(PollFact {
        id: row.get("id"),
        source: row.get("source"),
        scheduled_at: time(row.get("scheduled_at"))?,
        started_at: time(row.get("started_at"))?,
        duration_ms: row.get::<i64, _>("duration_ms").unsigned_abs(),
        outcome: row.get("outcome"),
        rows: row.get::<i64, _>("rows").unsigned_abs(),
        matched: row.get::<i64, _>("matched").unsigned_abs(),
        missed: row.get::<i64, _>("missed").unsigned_abs(),
        error: message.map(|message| (kind.unwrap_or_default(), message)),
        warnings: json_or_null(row.get("warnings"), "the warnings of a poll")?.unwrap_or_default(),
    })
}

fn event_fact(row: &SqliteRow) -> Result<EventFact, StoreError> {
    Ok(EventFact {
        id: row.get("id"),
        at: time(row.get("at"))?,
        watcher: row.get("watcher"),
        source: row.get("source"),
        kind: word(row.get("event"))?,
        severity: word(row.get("severity"))?,
        fingerprint: row.get("fingerprint"),
        key: object(row.get("key"))?,
        row: object(row.get("row"))?,
        since: time_or_null(row.get("since"))?,
        reason: row.get("reason"),
        silenced: row.get::<i64, _>("silenced") != 0,
        poll: row.get("poll_id"),
    })
}

fn trace_fact(row: &SqliteRow) -> Result<TraceFact, StoreError> {
    let key: Option<Object> = object(row.get("key"))?;
    Ok(TraceFact {
        at: time(row.get("at"))?,
        until: time_or_null(row.get("until"))?,
        source: row.get("source"),
        poll: row.get("poll_id"),
        fingerprint: row.get("fingerprint"),
        key,
        word: word(row.get("word"))?,
        text: row.get("text"),
    })
}
