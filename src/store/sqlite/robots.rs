//! Robots and apps: their budgets, their holds, and test messages. What is known of one is shared by all its receivers.

use super::codec::{stamp, time, time_or_null};
use super::outbox::{ATTEMPT_MOST, end_attempt, insert_attempt, waits};
use super::{Doing, Sqlite, merging, months};
use crate::domain::budget::{self, RobotFacts, Terms};
use crate::domain::delivery::{Decision, Verdict};
use crate::domain::standing::Standing;
use crate::store::model::StoreError;
use crate::store::outgoing::DeliveryResult;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Row as _, Sqlite as Db, Transaction};

/// An attempt that has not ended after this long died with its process.
const ATTEMPT_DEAD_AFTER: TimeDelta = TimeDelta::seconds(15);

impl Sqlite {
    pub(in crate::store) async fn register_robots(&self, terms: &[Terms]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for terms in terms {
            sqlx::query("delete from receiver_robot where receiver = ?")
                .bind(&terms.receiver)
                .execute(&mut *tx)
                .await
                .doing("registering robots")?;
            for robot in &terms.robots {
                sqlx::query("insert into receiver_robot (receiver, robot) values (?, ?)")
                    .bind(&terms.receiver)
                    .bind(&robot.name)
                    .execute(&mut *tx)
                    .await
                    .doing("registering robots")?;
            }
        }
        tx.commit().await.doing("registering robots")
    }

    pub(in crate::store) async fn claim_test(
        &self,
        terms: &Terms,
        robot: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<i64, DateTime<Utc>>, StoreError> {
        let mut tx = self.begin().await?;
        let known = read(&mut tx, robot, now).await?;
        if let Some(until) = known.held_until.filter(|until| known.throttled && *until > now) {
            return Ok(Err(until));
        }
        if let Some(free) = budget::free_at(&known.sent, terms.per_minute, now) {
            return Ok(Err(free));
        }
        let id = insert_attempt(&mut tx, None, 1, &terms.receiver, robot, now).await?;
        months::count(&mut tx, terms, robot, now).await?;
        tx.commit().await.doing("reserving a test message")?;
        Ok(Ok(id))
    }

    pub(in crate::store) async fn record_test(&self, id: i64, robot: &str, result: &DeliveryResult) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        end_attempt(&mut tx, id, result).await?;
        if matches!(result.decision, Decision::Delivered) || matches!(result.attempt.verdict, Verdict::Throttled { .. }) {
            mark(&mut tx, robot, result).await?;
        }
        tx.commit().await.doing("recording a test message")
    }

    pub(in crate::store) async fn standing(&self, terms: &Terms, now: DateTime<Utc>) -> Result<Standing, StoreError> {
        let mut tx = self.reader.begin().await.doing("reading how a receiver stands")?;
        let robots = of(&mut tx, terms, now).await?;
        let used = months::of_organisation(&mut tx, terms, now).await?.used;
        let row = sqlx::query("select count(*) as n from delivery where receiver = ? and state in ('pending', 'sending')")
            .bind(&terms.receiver)
            .fetch_one(&mut *tx)
            .await
            .doing("reading how a receiver stands")?;
        let free = robots.iter().filter(|robot| robot.held_until.is_none_or(|until| until <= now));
        let left = free.map(|robot| terms.per_minute.saturating_sub(robot.sent.len())).sum();
        Ok(Standing { used, waiting: row.get::<i64, _>("n").unsigned_abs(), left, robots })
    }
}

/// What is known of a receiver's robots.
pub(super) async fn of(tx: &mut Transaction<'_, Db>, terms: &Terms, now: DateTime<Utc>) -> Result<Vec<RobotFacts>, StoreError> {
    let mut all = Vec::with_capacity(terms.robots.len());
    for robot in &terms.robots {
        let known = read(tx, &robot.name, now).await?;
        let cap = months::of_robot(tx, &robot.name, robot.cap, now).await?;
        all.push(RobotFacts { cap, held_until: known.held_until.filter(|until| waits(*until, now)), ..known });
    }
    Ok(all)
}

/// What is known of a robot; one that nothing is known of is free.
pub(super) async fn read(tx: &mut Transaction<'_, Db>, robot: &str, now: DateTime<Utc>) -> Result<RobotFacts, StoreError> {
    let row =
        sqlx::query("select * from robot_state where robot = ?").bind(robot).fetch_optional(&mut **tx).await.doing("reading a robot")?;
    let facts = recent_attempts(tx, robot, now).await?;
    let Some(row) = row else { return Ok(facts) };
    Ok(RobotFacts {
        held_until: time_or_null(row.get("held_until"))?,
        reason: row.get("reason"),
        throttled: row.get::<i64, _>("throttled") != 0,
        gone: row.get::<i64, _>("gone") != 0,
        failures: u32::try_from(row.get::<i64, _>("failures")).unwrap_or(u32::MAX),
        ..facts
    })
}

/// The attempts of the last window: when they ended. One that has not ended counts as ending now, unless it is long dead.
async fn recent_attempts(tx: &mut Transaction<'_, Db>, robot: &str, now: DateTime<Utc>) -> Result<RobotFacts, StoreError> {
    let window = TimeDelta::from_std(budget::BUDGET_WINDOW).unwrap_or(TimeDelta::MAX);
    let rows = sqlx::query(
        "select a.started_at, a.ended_at, (select d.severity from delivery d where d.id = a.delivery_id
            and exists (select 1 from delivery m where m.merged_into = d.id)) as merged
         from delivery_attempt a where a.robot = ? and a.started_at > ?",
    )
    .bind(robot)
    .bind(stamp(now - window - ATTEMPT_MOST))
    .fetch_all(&mut **tx)
    .await
    .doing("reading a budget")?;
    let mut facts = RobotFacts { name: robot.to_owned(), ..RobotFacts::default() };
    for row in &rows {
        let ended = time_or_null(row.get("ended_at"))?;
        let at = ended.unwrap_or((time(row.get("started_at"))? + ATTEMPT_DEAD_AFTER).min(now));
        // An attempt of the future was made while the clock was wrong.
        if at + window > now && at <= now + ATTEMPT_MOST {
            facts.sent.push(at);
            let merged: Option<&str> = row.get("merged");
            facts.merged_at = facts.merged_at.max(merged.map(|_| at));
            facts.merged_critical_at = facts.merged_critical_at.max(merged.filter(|severity| *severity == "critical").map(|_| at));
        }
    }
    Ok(facts)
}

/// Holds the robot, or frees it when it has taken a message.
pub(super) async fn mark(tx: &mut Transaction<'_, Db>, robot: &str, result: &DeliveryResult) -> Result<(), StoreError> {
    let throttled = matches!(result.attempt.verdict, Verdict::Throttled { .. });
    let gone = matches!(result.attempt.verdict, Verdict::Refused { for_good: true, .. });
    if let Some(notice) = result.notice.as_ref().filter(|_| gone) {
        let row = sqlx::query("select gone from robot_state where robot = ?").bind(robot).fetch_optional(&mut **tx).await;
        if row.doing("reading a robot")?.is_none_or(|row| row.get::<i64, _>("gone") == 0) {
            merging::insert_notice(tx, &notice.receivers, &notice.message, result.ended_at).await?;
        }
    }
    let (until, reason, failures) = match (&result.attempt.verdict, &result.decision) {
        (Verdict::Delivered, _) => (None, None, 0),
        (_, Decision::Hold { until, reason }) => (Some(stamp(*until)), Some(reason), 1),
        _ => return Ok(()),
    };
    sqlx::query(
        "insert into robot_state (robot, held_until, reason, throttled, gone, failures) values (?1, ?2, ?3, ?4, ?5, ?6)
         on conflict (robot) do update set held_until = ?2, reason = ?3, throttled = ?4, gone = ?5, failures = iif(?6 = 0, 0, failures + 1)",
    )
    .bind(robot)
    .bind(until)
    .bind(reason)
    .bind(throttled)
    .bind(gone)
    .bind(failures)
    .execute(&mut **tx)
    .await
    .doing("recording a robot")
    .map(drop)
}
