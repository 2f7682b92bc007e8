//! Silences, and messages that are told later in a digest.

use super::codec::{json_or_null, stamp, time, to_json, word};
use super::polls::insert_delivery;
use super::{Doing, Sqlite};
use crate::domain::alert::Severity;
use crate::domain::silence::Silence;
use crate::store::lists::HistoryQuery;
use crate::store::model::{DeferredEvent, DigestDraft, StoreError};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::{BTreeMap, HashMap};

/// Identifiers per `in (…)`.
const CHUNK: usize = 500;
/// Deliveries of a digest stand under no watcher: `*` cannot be a watcher's name.
const OF_NO_WATCHER: &str = "*";

impl Sqlite {
    /// Silences that are in force, or whose end has not been told.
    pub(in crate::store) async fn open_silences(&self) -> Result<Vec<Silence>, StoreError> {
        let rows = sqlx::query("select * from silence where told_at is null order by id")
            .fetch_all(&self.reader)
            .await
            .doing("reading silences")?;
        rows.iter().map(silence).collect()
    }

    /// Events that are to be told by now.
    pub(in crate::store) async fn due_events(&self, now: DateTime<Utc>) -> Result<Vec<DeferredEvent>, StoreError> {
        let rows = sqlx::query("select event_id, receiver from deferred_event where due_at <= ? order by receiver, event_id")
            .bind(stamp(now))
            .fetch_all(&self.reader)
            .await
            .doing("reading events that were put off")?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get("event_id")).collect();
        let mut events = self.events_of(&ids).await?;
        let told = rows.iter().filter_map(|row| {
            let (event, is_firing) = events.get(&row.get::<i64, _>("event_id"))?.clone();
            Some(DeferredEvent { receiver: row.get("receiver"), event, is_firing })
        });
        let told = told.collect();
        events.clear();
        Ok(told)
    }

    /// When the next event is to be told, or the next silence ends.
    pub(in crate::store) async fn next_digest_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row = sqlx::query(
            "select min(at) as at from (select min(due_at) as at from deferred_event union all select min(ends_at) from silence where told_at is null)",
        )
        .fetch_one(&self.reader)
        .await
        .doing("reading events that were put off")?;
        row.get::<Option<String>, _>("at").as_deref().map(time).transpose()
    }

    /// What still fires of what a silence covered, and what it kept from being told that is over.
    pub(in crate::store) async fn silenced_events(&self, silence: i64) -> Result<Vec<DeferredEvent>, StoreError> {
        // The last event of each alert, and whether it began in silence.
        let rows = sqlx::query(
            "select max(h.id) as id, s.receiver, max(h.event = 'fired') as began
             from silenced_event s join alert_history h on h.id = s.event_id
             where s.silence_id = ? and h.fingerprint is not null group by h.fingerprint, s.receiver order by s.receiver, id",
        )
        .bind(silence)
        .fetch_all(&self.reader)
        .await
        .doing("reading what a silence covered")?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
        let events = self.events_of(&ids).await?;
        let told = rows.iter().filter_map(|row| {
            let (event, is_firing) = events.get(&row.get::<i64, _>("id"))?.clone();
            // What began and ended in silence was never told, and need not be.
            let is_news = is_firing || (event.event == "resolved" && row.get::<i64, _>("began") == 0);
            is_news.then(|| DeferredEvent { receiver: row.get("receiver"), event, is_firing })
        });
        Ok(told.collect())
    }

    async fn events_of(&self, ids: &[i64]) -> Result<HashMap<i64, (crate::store::lists::HistoryLine, bool)>, StoreError> {
        let mut found = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            let lines = self.history(&HistoryQuery { ids: chunk.to_vec(), ..HistoryQuery::default() }).await?;
            let firing = self.firing_among(&lines).await?;
            for line in lines {
                let is_firing = line.fingerprint.as_ref().is_some_and(|fingerprint| firing.contains(fingerprint));
                found.insert(line.id, (line, is_firing));
            }
        }
        Ok(found)
    }

    async fn firing_among(&self, lines: &[crate::store::lists::HistoryLine]) -> Result<Vec<String>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("select fingerprint from alert_state where status = 'firing' and fingerprint in (");
        let mut list = query.separated(", ");
        for fingerprint in lines.iter().filter_map(|line| line.fingerprint.as_ref()) {
            list.push_bind(fingerprint);
        }
        query.push(")");
        let rows = query.build().fetch_all(&self.reader).await.doing("reading alerts")?;
        Ok(rows.iter().map(|row| row.get("fingerprint")).collect())
    }

    /// Writes digests, and takes what they tell off the list of what is put off, or marks a silence as told: one transaction.
    pub(in crate::store) async fn commit_digests(
        &self,
        drafts: &[DigestDraft],
        told_until: DateTime<Utc>,
        silence: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let is_first = match silence {
            Some(id) => mark_told(&mut tx, id, now).await?,
            None => true,
        };
        if !is_first {
            return Ok(0);
        }
        for draft in drafts {
            if silence.is_none() && take_off(&mut tx, draft, told_until).await? == 0 {
                continue;
            }
            insert_delivery(&mut tx, OF_NO_WATCHER, None, &draft.receiver, &draft.message, &draft.events, now).await?;
            remind_later(&mut tx, draft, now).await?;
        }
        tx.commit().await.doing("writing a digest")?;
        Ok(drafts.len())
    }
}

async fn mark_told(tx: &mut Transaction<'_, Db>, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query("update silence set told_at = ? where id = ? and told_at is null")
        .bind(stamp(now))
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("ending a silence")?;
    Ok(done.rows_affected() == 1)
}

/// How many of the events were still to be told: another process may have told them in the meantime.
async fn take_off(tx: &mut Transaction<'_, Db>, draft: &DigestDraft, told_until: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from deferred_event where receiver = ? and due_at <= ?")
        .bind(&draft.receiver)
        .bind(stamp(told_until))
        .execute(&mut **tx)
        .await
        .doing("writing a digest")?;
    Ok(done.rows_affected())
}

/// Reminders of what a digest tells count from it, and whoever is told by it is told the end.
async fn remind_later(tx: &mut Transaction<'_, Db>, draft: &DigestDraft, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut touched: BTreeMap<(String, String), ()> = BTreeMap::new();
    for fingerprint in &draft.told {
        let row = sqlx::query(
            "update alert_state set told_at = ?1, receivers = iif(exists (select 1 from json_each(receivers) where value = ?3), receivers, json_insert(receivers, '$[#]', ?3))
             where fingerprint = ?2 returning watcher, source",
        )
        .bind(stamp(now))
        .bind(fingerprint)
        .bind(&draft.receiver)
        .fetch_optional(&mut **tx)
        .await
        .doing("writing a digest")?;
        if let Some(row) = row {
            touched.insert((row.get("watcher"), row.get("source")), ());
        }
    }
    for (watcher, source) in touched.into_keys() {
        sqlx::query("update watcher_state set version = version + 1 where watcher = ? and source = ?")
            .bind(watcher)
            .bind(source)
            .execute(&mut **tx)
            .await
            .doing("writing a digest")?;
    }
    Ok(())
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
#[allow(dead_code)]
pub(super) fn key_json(key: &[(String, String)]) -> Result<Option<String>, StoreError> {
    let map: BTreeMap<&String, &String> = key.iter().map(|(column, pattern)| (column, pattern)).collect();
    if map.is_empty() { Ok(None) } else { to_json(&map, "the key of a silence").map(Some) }
}
