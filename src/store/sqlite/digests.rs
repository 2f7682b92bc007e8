//! What was not told when it happened: read, and written as told, or as kept back for longer.
//!
//! A poll, a person or another process may change at any time what a digest was made of. So each digest is written only
//! when all that it says still holds, in the transaction that takes its events off their list; otherwise nothing is written
//! ([`StoreError::Raced`]) and it is made anew.

use super::codec::{parse_json, stamp, time, word};
use super::merging::insert_delivery;
use super::silences::reopen;
use super::watchers::raise_version;
use super::{Doing, Sqlite};
use crate::domain::silence::Kept;
use crate::store::lists::{HistoryLine, HistoryQuery, Object};
use crate::store::model::{DeferredEvent, DigestDraft, DigestOf, Digests, KeptBack, Later, StoreError, Until};
use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::{BTreeSet, HashMap};

/// Identifiers per `in (…)`.
const CHUNK: usize = 500;
/// Deliveries of a digest stand under no watcher: `*` cannot be a watcher's name.
pub(super) const OF_NO_WATCHER: &str = "*";

/// The last event of each alert that a silence has kept from a receiver, and what is known of it besides. A life of an
/// alert is known by when it fired. What was put off since is on its way.
const KEPT_ALERTS: &str = "
    select l.id, l.receiver, h.event, a.fingerprint is not null as is_firing, a.acknowledged_at is not null as is_acknowledged,
        exists (select 1 from alert_history f join silenced_event b on b.event_id = f.id
                where f.fingerprint = h.fingerprint and f.since = h.since and f.event = 'fired' and b.receiver = l.receiver) as began,
        exists (select 1 from alert_history t join delivery_event e on e.event_id = t.id join delivery d on d.id = e.delivery_id
                where t.fingerprint = h.fingerprint and t.since = h.since and t.id < l.id and d.receiver = l.receiver) as was_told,
        exists (select 1 from alert_history t join delivery_event e on e.event_id = t.id join delivery d on d.id = e.delivery_id
                where t.fingerprint = h.fingerprint and t.since = h.since and t.id >= l.id and d.receiver = l.receiver)
            or exists (select 1 from deferred_event p where p.event_id = l.id and p.receiver = l.receiver) as was_told_since
    from (select max(h.id) as id, s.receiver from silenced_event s join alert_history h on h.id = s.event_id
          where s.silence_id = ? and h.fingerprint is not null group by h.fingerprint, s.receiver) l
    join alert_history h on h.id = l.id
    left join alert_state a on a.fingerprint = h.fingerprint and a.status = 'firing' and a.since = h.since
    order by l.receiver, l.id";

/// The same of watchers that fail. A dead source may be found by one watcher and be there again for another.
const KEPT_FAILURES: &str = "
    select l.id, l.receiver, h.event, w.watcher is not null as is_firing, 0 as is_acknowledged,
        exists (select 1 from alert_history f join silenced_event b on b.event_id = f.id
                where f.fingerprint is null and f.source = h.source and f.since = h.since and f.event = 'watcher_failed' and b.receiver = l.receiver) as began,
        exists (select 1 from alert_history t join delivery_event e on e.event_id = t.id join delivery d on d.id = e.delivery_id
                where t.fingerprint is null and t.source = h.source and t.since = h.since and t.id < l.id and d.receiver = l.receiver) as was_told,
        exists (select 1 from alert_history t join delivery_event e on e.event_id = t.id join delivery d on d.id = e.delivery_id
                where t.fingerprint is null and t.source = h.source and t.since = h.since and t.id >= l.id and d.receiver = l.receiver)
            or exists (select 1 from deferred_event p where p.event_id = l.id and p.receiver = l.receiver) as was_told_since
    from (select max(h.id) as id, s.receiver from silenced_event s join alert_history h on h.id = s.event_id
          where s.silence_id = ? and h.event in ('watcher_failed', 'watcher_recovered') group by h.watcher, h.source, s.receiver) l
    join alert_history h on h.id = l.id
    left join watcher_state w on w.watcher = h.watcher and w.source = h.source and w.failing_told = 1 and w.failing_since = h.since
        and (w.told_by_source = 0 or exists (select 1 from source_state s where s.source = h.source and s.told_at is not null))
    order by l.receiver, l.id";

impl Sqlite {
    pub(in crate::store) async fn due_events(&self, now: DateTime<Utc>) -> Result<Vec<DeferredEvent>, StoreError> {
        let rows = sqlx::query("select event_id, receiver from deferred_event where due_at <= ? order by receiver, event_id")
            .bind(stamp(now))
            .fetch_all(&self.reader)
            .await
            .doing("reading events that were put off")?;
        self.events(rows.iter().map(|row| (row.get("event_id"), row.get("receiver"))).collect()).await
    }

    pub(in crate::store) async fn next_digest_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row = sqlx::query(
            "select min(at) as at from (select min(due_at) as at from deferred_event union all select min(ends_at) from silence where told_at is null)",
        )
        .fetch_one(&self.reader)
        .await
        .doing("reading events that were put off")?;
        row.get::<Option<String>, _>("at").as_deref().map(time).transpose()
    }

    pub(in crate::store) async fn kept_back(&self, silence: i64) -> Result<KeptBack, StoreError> {
        // Counted first: what is kept back from here on is not in the digest, which is then refused.
        let row = sqlx::query("select count(*) as n from silenced_event where silence_id = ?")
            .bind(silence)
            .fetch_one(&self.reader)
            .await
            .doing("counting what a silence has kept back")?;
        let mut news = Vec::new();
        for statement in [KEPT_ALERTS, KEPT_FAILURES] {
            let rows = sqlx::query(statement).bind(silence).fetch_all(&self.reader).await.doing("reading what a silence has kept back")?;
            for row in &rows {
                if kept(row)?.is_news() {
                    news.push((row.get("id"), row.get("receiver")));
                }
            }
        }
        Ok(KeptBack { events: self.events(news).await?, count: row.get("n") })
    }

    /// Events with those whom they are for; what fires still as it is now.
    pub(super) async fn events(&self, wanted: Vec<(i64, String)>) -> Result<Vec<DeferredEvent>, StoreError> {
        let ids: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
        let mut lines = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            let found = self.history(&HistoryQuery { ids: chunk.to_vec(), ..HistoryQuery::default() }).await?;
            let firing = self.firing_among(&found).await?;
            for line in found {
                let id = line.id;
                let present = line.fingerprint.as_ref().and_then(|fingerprint| firing.get(fingerprint));
                let present = present.filter(|present| Some(&present.since) == line.since.as_ref()).cloned();
                let is_firing = present.is_some();
                let line = if let Some(now) = present { now.over(line) } else { line };
                lines.insert(id, (line, is_firing));
            }
        }
        let told = wanted.into_iter().filter_map(|(id, receiver)| {
            let (event, is_firing) = lines.get(&id)?.clone();
            Some(DeferredEvent { receiver, event, is_firing })
        });
        Ok(told.collect())
    }

    async fn firing_among(&self, lines: &[HistoryLine]) -> Result<HashMap<String, Present>, StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "select fingerprint, since, severity, json_extract(rows, '$[0].row') as \"row\" from alert_state where status = 'firing' and fingerprint in (",
        );
        let mut list = query.separated(", ");
        for fingerprint in lines.iter().filter_map(|line| line.fingerprint.as_ref()) {
            list.push_bind(fingerprint);
        }
        query.push(")");
        let rows = query.build().fetch_all(&self.reader).await.doing("reading alerts")?;
        rows.iter().map(|row| Ok((row.get("fingerprint"), Present::of(row)?))).collect()
    }

    pub(in crate::store) async fn commit_digests(&self, digests: &Digests, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        if let DigestOf::Silence { id, count } = digests.of {
            mark_told(&mut tx, id, count, now).await?;
        }
        for draft in &digests.drafts {
            if digests.of == DigestOf::PutOff {
                take_off(&mut tx, &draft.receiver, &draft.events).await?;
            }
            insert_delivery(&mut tx, OF_NO_WATCHER, None, &draft.receiver, &draft.message, &draft.events, now).await?;
            remind_later(&mut tx, draft, now).await?;
        }
        for later in &digests.later {
            if digests.of == DigestOf::PutOff {
                take_off(&mut tx, &later.receiver, &[later.event]).await?;
            }
            keep(&mut tx, later).await?;
        }
        tx.commit().await.doing("writing digests")?;
        Ok(digests.drafts.len())
    }
}

/// How an alert that fires is now.
#[derive(Clone)]
struct Present {
    since: String,
    severity: String,
    row: Option<Object>,
}

impl Present {
    fn of(row: &SqliteRow) -> Result<Present, StoreError> {
        let shown = row.get::<Option<&str>, _>("row").map(parse_json).transpose()?;
        let shown = shown.and_then(|shown| if let Json::Object(row) = shown { Some(row) } else { None });
        Ok(Present { since: row.get("since"), severity: row.get("severity"), row: shown })
    }

    fn over(self, line: HistoryLine) -> HistoryLine {
        HistoryLine { severity: self.severity, row: self.row, ..line }
    }
}

fn kept(row: &SqliteRow) -> Result<Kept, StoreError> {
    let is = |name: &str| row.get::<i64, _>(name) != 0;
    Ok(Kept {
        event: word(row.get("event"))?,
        is_firing: is("is_firing"),
        is_acknowledged: is("is_acknowledged"),
        began: is("began"),
        was_told: is("was_told"),
        was_told_since: is("was_told_since"),
    })
}

async fn mark_told(tx: &mut Transaction<'_, Db>, id: i64, count: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update silence set told_at = ?1 where id = ?2 and told_at is null and (select count(*) from silenced_event where silence_id = ?2) = ?3",
    )
    .bind(stamp(now))
    .bind(id)
    .bind(count)
    .execute(&mut **tx)
    .await
    .doing("telling the end of a silence")?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Raced) }
}

/// Takes events off the list of what is put off; each must be there still.
async fn take_off(tx: &mut Transaction<'_, Db>, receiver: &str, events: &[i64]) -> Result<(), StoreError> {
    for event in events {
        let done = sqlx::query("delete from deferred_event where event_id = ? and receiver = ?")
            .bind(event)
            .bind(receiver)
            .execute(&mut **tx)
            .await
            .doing("taking an event off what is put off")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Raced);
        }
    }
    Ok(())
}

async fn keep(tx: &mut Transaction<'_, Db>, later: &Later) -> Result<(), StoreError> {
    match later.until {
        Until::Silence(silence) => {
            silence_event(tx, later.event, &later.receiver, silence).await?;
            reopen(tx, silence).await
        }
        Until::Time(due_at) => put_off_event(tx, later.event, &later.receiver, due_at).await,
    }
}

async fn silence_event(tx: &mut Transaction<'_, Db>, event: i64, receiver: &str, silence: i64) -> Result<(), StoreError> {
    sqlx::query(
        "insert into silenced_event (event_id, receiver, silence_id) values (?, ?, ?)
         on conflict (event_id, receiver) do update set silence_id = excluded.silence_id",
    )
    .bind(event)
    .bind(receiver)
    .bind(silence)
    .execute(&mut **tx)
    .await
    .doing("keeping an event back until a silence ends")
    .map(drop)
}

async fn put_off_event(tx: &mut Transaction<'_, Db>, event: i64, receiver: &str, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("insert into deferred_event (event_id, receiver, due_at) values (?, ?, ?)")
        .bind(event)
        .bind(receiver)
        .bind(stamp(due_at))
        .execute(&mut **tx)
        .await
        .doing("putting an event off")
        .map(drop)
}

/// Reminders of what a digest says to fire count from it, and whoever is told by it is told the end. It must fire still.
async fn remind_later(tx: &mut Transaction<'_, Db>, draft: &DigestDraft, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
    for fingerprint in &draft.told {
        let row = sqlx::query(
            "update alert_state set told_at = ?1, receivers = iif(exists (select 1 from json_each(receivers) where value = ?3), receivers, json_insert(receivers, '$[#]', ?3))
             where fingerprint = ?2 and status = 'firing' returning watcher, source",
        )
        .bind(stamp(now))
        .bind(fingerprint)
        .bind(&draft.receiver)
        .fetch_optional(&mut **tx)
        .await
        .doing("writing a digest")?;
        let row = row.ok_or(StoreError::Raced)?;
        touched.insert((row.get("watcher"), row.get("source")));
    }
    for (watcher, source) in touched {
        raise_version(tx, &watcher, &source).await?;
    }
    Ok(())
}
