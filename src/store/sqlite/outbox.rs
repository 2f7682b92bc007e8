//! The outbox: claims, attempts, budgets, and what becomes of a delivery.

use super::codec::{stamp, time, time_or_null};
use super::digests::OF_NO_WATCHER;
use super::{Doing, Sqlite, merging, months, robots, targets};
use crate::domain::budget::{self, Plan, Terms, Waiting};
use crate::domain::delivery::{self, Change, Decision, Verdict};
use crate::store::model::StoreError;
use crate::store::outgoing::{ClaimedDelivery, DeliveryResult, MonthShare, NextDelivery};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::HashSet;
use std::time::Duration;

/// No attempt takes longer: an older one cannot have ended within the budget's window.
pub(super) const ATTEMPT_MOST: TimeDelta = TimeDelta::seconds(300);

/// Deliveries of a receiver that are looked at to choose the next.
const MOST_WAITING: i64 = 20_000;

impl Sqlite {
    pub(in crate::store) async fn claim_delivery(
        &self,
        terms: &Terms,
        owner: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<NextDelivery, StoreError> {
        if !self.has_waiting(&terms.receiver).await? {
            return Ok(NextDelivery::Nothing);
        }
        let mut tx = self.begin().await?;
        let next = claim(&mut tx, terms, owner, now, lease).await?;
        tx.commit().await.doing("claiming a delivery")?;
        Ok(next)
    }

    /// A look without the write lock, so that an idle receiver costs nothing.
    async fn has_waiting(&self, receiver: &str) -> Result<bool, StoreError> {
        let found = sqlx::query("select 1 from delivery where receiver = ? and state in ('pending', 'sending') limit 1")
            .bind(receiver)
            .fetch_optional(&self.reader)
            .await
            .doing("reading the outbox")?;
        Ok(found.is_some())
    }

    pub(in crate::store) async fn record_delivery(
        &self,
        claimed: &ClaimedDelivery,
        result: &DeliveryResult,
    ) -> Result<Vec<MonthShare>, StoreError> {
        let mut tx = self.begin().await?;
        end_attempt(&mut tx, claimed.attempt_id, result).await?;
        let is_ours = settle(&mut tx, claimed, result).await?;
        // What a target has taken is taken, whoever holds the claim now.
        targets::record(&mut tx, claimed.id, &result.targets, result.ended_at).await?;
        let shares = months::settle(&mut tx, &claimed.terms, &claimed.robot, &result.attempt, claimed.began).await?;
        if is_ours {
            robots::mark(&mut tx, &claimed.robot, result).await?;
        }
        tx.commit().await.doing("recording a delivery")?;
        if is_ours { Ok(shares) } else { Err(StoreError::Stale) }
    }

    pub(in crate::store) async fn waiting(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = sqlx::query(
            "select receiver, count(*) as n from delivery where state in ('pending', 'sending') group by receiver order by receiver",
        )
        .fetch_all(&self.reader)
        .await
        .doing("reading the outbox")?;
        Ok(rows.iter().map(|row| (row.get("receiver"), row.get::<i64, _>("n").unsigned_abs())).collect())
    }

    pub(in crate::store) async fn discard_orphans(&self, receivers: &[String], before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "update delivery set state = 'discarded', reason = 'given up after 72 hours: its receiver is not in the settings' where state = 'pending' and created_at < ",
        );
        query.push_bind(stamp(before)).push(" and receiver not in (");
        let mut list = query.separated(", ");
        for receiver in receivers {
            list.push_bind(receiver);
        }
        query.push(")");
        let done = query.build().execute(&self.writer).await.doing("giving up deliveries without a receiver")?;
        Ok(done.rows_affected())
    }

    pub(in crate::store) async fn probe_now(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("update robot_state set held_until = null where throttled = 0").execute(&mut *tx).await.doing("probing receivers")?;
        sqlx::query("update delivery set not_before = ?1 where state = 'pending' and not_before > ?1")
            .bind(stamp(now))
            .execute(&mut *tx)
            .await
            .doing("probing receivers")?;
        tx.commit().await.doing("probing receivers")
    }

    pub(in crate::store) async fn retry_delivery(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        // A delivery that was given up starts anew: its age counts from the retry, and its message is whole again.
        let row = sqlx::query(
            "update delivery set created_at = iif(state = 'discarded', ?1, created_at), state = 'pending', reason = null, not_before = ?1,
                message = coalesce(original, message), original = null, change = 'none'
             where id = ?2 and state in ('pending', 'discarded') and merged_into is null returning receiver",
        )
        .bind(stamp(now))
        .bind(id)
        .fetch_optional(&mut *tx)
        .await
        .doing("retrying a delivery")?;
        if let Some(row) = &row {
            sqlx::query("update robot_state set held_until = null where throttled = 0 and robot in (select robot from receiver_robot where receiver = ?)")
                .bind(row.get::<String, _>("receiver"))
                .execute(&mut *tx)
                .await
                .doing("retrying a delivery")?;
        }
        tx.commit().await.doing("retrying a delivery")?;
        Ok(row.is_some())
    }
}

/// Whether a time lies ahead, and not so far that only a clock that was wrong can have written it.
pub(super) fn waits(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    until > now && until <= now + TimeDelta::from_std(delivery::BACKOFF_MAX).unwrap_or(TimeDelta::MAX) + ATTEMPT_MOST
}

/// Every check and the claim, under the write lock.
async fn claim(
    tx: &mut Transaction<'_, Db>,
    terms: &Terms,
    owner: &str,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<NextDelivery, StoreError> {
    if let Some(until) = in_flight(tx, &terms.receiver, now).await? {
        return Ok(NextDelivery::NotBefore(until));
    }
    let robots = robots::of(tx, terms, now).await?;
    let month = months::of_organisation(tx, terms, now).await?;
    let month = terms.quota.map(|_| month);
    let waiting = waiting(tx, &terms.receiver, now).await?;
    let (id, robot) = match budget::plan(terms, &robots, month.as_ref(), &waiting, now) {
        Plan::Send { id, robot } => (id, robot),
        Plan::Merge(ids) => return Ok(NextDelivery::Merge(ids)),
        Plan::NotBefore(at) => return Ok(NextDelivery::NotBefore(at)),
        Plan::Nothing => return Ok(NextDelivery::Nothing),
        Plan::FallBack => {
            let to = terms.fallback.clone().unwrap_or_default();
            let count = merging::fall_back(tx, &terms.receiver, &to, now).await?;
            return Ok(NextDelivery::Moved { count, to });
        }
    };
    let failures = robots.iter().find(|known| known.name == robot).map_or(0, |known| known.failures);
    let until = stamp(now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX));
    let row = sqlx::query(
        "update delivery set state = 'sending', owner = ?, claimed_until = ?, robot = ?, epoch = epoch + 1, attempts = attempts + 1
         where id = ? and state = 'pending' returning *",
    )
    .bind(owner)
    .bind(until)
    .bind(&robot)
    .bind(id)
    .fetch_one(&mut **tx)
    .await
    .doing("claiming a delivery")?;
    let attempts = row.get::<i64, _>("attempts");
    let created_at = time(row.get("created_at"))?;
    let attempt_id = insert_attempt(tx, Some(id), attempts, &terms.receiver, &robot, now).await?;
    months::count(tx, terms, &robot, now).await?;
    let message =
        serde_json::from_str(row.get("message")).map_err(|error| StoreError::Corrupt(format!("the message of delivery {id} ({error})")))?;
    Ok(NextDelivery::Claimed(ClaimedDelivery {
        id,
        epoch: row.get("epoch"),
        attempt_id,
        began: now,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        created_at,
        tried_since: first_try(tx, id).await?.unwrap_or(now).max(created_at),
        watcher: row.get("watcher"),
        message,
        msg_uuid: row.get("msg_uuid"),
        terms: terms.clone(),
        robot,
        failures,
        reduced: row.get::<&str, _>("change") == "reduced",
        moved_from: row.get("moved_from"),
        targets: targets::of_delivery(tx, id).await?,
    }))
}

async fn first_try(tx: &mut Transaction<'_, Db>, delivery: i64) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("select min(started_at) as at from delivery_attempt where delivery_id = ?")
        .bind(delivery)
        .fetch_one(&mut **tx)
        .await
        .doing("reading attempts")?;
    time_or_null(row.get("at"))
}

/// What waits for a receiver, in the order in which it was made. Where a digest that may have arrived is to be tried again,
/// what its watchers have told since stays behind it.
async fn waiting(tx: &mut Transaction<'_, Db>, receiver: &str, now: DateTime<Utc>) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query(
        "select distinct m.watcher from delivery g join delivery m on m.merged_into = g.id
         where g.receiver = ? and g.state = 'pending' and g.attempts > 0",
    )
    .bind(receiver)
    .fetch_all(&mut **tx)
    .await
    .doing("reading the outbox")?;
    let behind: HashSet<String> = rows.iter().map(|row| row.get("watcher")).collect();
    let rows = sqlx::query(
        "select d.id, d.watcher, d.severity, d.created_at, d.not_before, d.attempts, d.robot,
            (select count(*) from delivery_event e where e.delivery_id = d.id) as events,
            case when d.attempts > 0 then (select coalesce(a.outcome, 'uncertain') from delivery_attempt a where a.delivery_id = d.id order by a.attempt desc limit 1) end as outcome
         from delivery d where d.receiver = ? and d.state = 'pending' order by d.id limit ?",
    )
    .bind(receiver)
    .bind(MOST_WAITING)
    .fetch_all(&mut **tx)
    .await
    .doing("reading the outbox")?;
    let all = rows.iter().map(|row| {
        let not_before = time(row.get("not_before"))?;
        let may_have_arrived = row.get::<Option<&str>, _>("outcome") == Some("uncertain");
        Ok(Waiting {
            id: row.get("id"),
            watcher: row.get("watcher"),
            is_digest: row.get::<&str, _>("watcher") == OF_NO_WATCHER,
            severity: row.get::<&str, _>("severity").parse().unwrap_or_default(),
            created_at: time(row.get("created_at"))?,
            not_before: if waits(not_before, now) { not_before } else { not_before.min(now) },
            tried: row.get::<i64, _>("attempts") > 0,
            bound_to: row.get::<Option<String>, _>("robot").filter(|_| may_have_arrived),
            events: row.get::<i64, _>("events").unsigned_abs(),
        })
    });
    let all: Vec<Waiting> = all.collect::<Result<_, StoreError>>()?;
    Ok(all.into_iter().filter(|one| one.is_digest || !behind.contains(&one.watcher)).collect())
}

/// Until when another process sends for this receiver; a claim that has ended is given back.
async fn in_flight(tx: &mut Transaction<'_, Db>, receiver: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("select id, claimed_until from delivery where receiver = ? and state = 'sending'")
        .bind(receiver)
        .fetch_optional(&mut **tx)
        .await
        .doing("reading the outbox")?;
    let Some(row) = row else { return Ok(None) };
    let until = time(row.get("claimed_until"))?;
    if until > now {
        return Ok(Some(until));
    }
    sqlx::query("update delivery set state = 'pending', owner = null, claimed_until = null where id = ?")
        .bind(row.get::<i64, _>("id"))
        .execute(&mut **tx)
        .await
        .doing("ending a claim")?;
    Ok(None)
}

pub(super) async fn insert_attempt(
    tx: &mut Transaction<'_, Db>,
    delivery: Option<i64>,
    attempt: i64,
    receiver: &str,
    robot: &str,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let done = sqlx::query("insert into delivery_attempt (delivery_id, attempt, receiver, robot, started_at) values (?, ?, ?, ?, ?)")
        .bind(delivery)
        .bind(attempt)
        .bind(receiver)
        .bind(robot)
        .bind(stamp(now))
        .execute(&mut **tx)
        .await
        .doing("writing an attempt")?;
    Ok(done.last_insert_rowid())
}

pub(super) async fn end_attempt(tx: &mut Transaction<'_, Db>, id: i64, result: &DeliveryResult) -> Result<(), StoreError> {
    sqlx::query("update delivery_attempt set ended_at = ?, outcome = ?, http_status = ?, errcode = ?, answer = ? where id = ?")
        .bind(stamp(result.ended_at))
        .bind(outcome_word(&result.attempt.verdict))
        .bind(result.attempt.http_status)
        .bind(result.attempt.errcode)
        .bind(&result.attempt.answer)
        .bind(id)
        .execute(&mut **tx)
        .await
        .doing("recording an attempt")
        .map(drop)
}

/// Writes what follows for the delivery; `false` when the claim was lost. The receiver's own word that it
/// has the message counts also when the claim has ended, as long as nobody else has claimed it since.
async fn settle(tx: &mut Transaction<'_, Db>, claimed: &ClaimedDelivery, result: &DeliveryResult) -> Result<bool, StoreError> {
    let ended = stamp(result.ended_at);
    let (state, not_before, delivered_at, reason) = match &result.decision {
        Decision::Delivered => ("delivered", ended.clone(), Some(ended), None),
        Decision::Retry { at, .. } => ("pending", stamp(*at), None, None),
        Decision::Hold { .. } => ("pending", ended, None, None),
        Decision::Discard { reason } => ("discarded", ended, None, Some(reason)),
    };
    let change = match result.decision {
        Decision::Retry { change: Change::Shorten, .. } => Some("shortened"),
        Decision::Retry { change: Change::Reduce, .. } => Some("reduced"),
        _ => None,
    };
    let message = result.message.as_ref().and_then(|message| serde_json::to_string(message).ok());
    let done = sqlx::query(
        "update delivery set state = ?1, not_before = ?2, delivered_at = ?3, reason = ?4, answer = ?5, change = coalesce(?6, change),
                original = iif(?7 is null, original, coalesce(original, message)), message = coalesce(?7, message), owner = null, claimed_until = null
         where id = ?8 and epoch = ?9 and (state = 'sending' or (state = 'pending' and ?1 = 'delivered'))",
    )
    .bind(state)
    .bind(not_before)
    .bind(delivered_at)
    .bind(reason)
    .bind(&result.attempt.answer)
    .bind(change)
    .bind(message)
    .bind(claimed.id)
    .bind(claimed.epoch)
    .execute(&mut **tx)
    .await
    .doing("recording a delivery")?;
    Ok(done.rows_affected() == 1)
}

fn outcome_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Transient { uncertain: false } => "transient",
        Verdict::Transient { uncertain: true } => "uncertain",
        Verdict::Throttled { .. } => "throttled",
        Verdict::Refused { .. } => "refused",
        Verdict::TooLong => "too_long",
        Verdict::ContentRefused => "content_refused",
        Verdict::Unknown => "unknown",
    }
}
