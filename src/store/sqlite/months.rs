//! What is used of calendar months: an organisation's quota, and what an administrator lets a robot send.

use super::codec::{stamp, time_or_null};
use super::merging::insert_notice;
use super::{Doing, Sqlite};
use crate::domain::budget::{Month, MonthUse, QuotaKind, Terms, told_share};
use crate::domain::delivery::{Attempt, Verdict};
use crate::domain::message::Message;
use crate::store::model::StoreError;
use crate::store::outgoing::{MonthOwner, MonthShare};
use chrono::{DateTime, Utc};
use sqlx::{Row as _, Sqlite as Db, Transaction};

/// The word of a robot's own month.
const CAP: &str = "cap";

impl MonthOwner {
    /// The columns `owner` and `kind`.
    fn columns(&self) -> (&str, &'static str) {
        match self {
            MonthOwner::Organisation(name, kind) => (name, kind.as_str()),
            MonthOwner::Robot(name) => (name, CAP),
        }
    }
}

impl Sqlite {
    pub(in crate::store) async fn tell_month(
        &self,
        share: &MonthShare,
        receivers: &[String],
        message: &Message,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let (owner, kind) = share.owner.columns();
        let done = sqlx::query("update month_use set told = ?1 where owner = ?2 and kind = ?3 and month = ?4 and told < ?1")
            .bind(share.percent)
            .bind(owner)
            .bind(kind)
            .bind(&share.month)
            .execute(&mut *tx)
            .await
            .doing("telling what is used of a month")?;
        if done.rows_affected() == 1 {
            insert_notice(&mut tx, receivers, message, now).await?;
        }
        tx.commit().await.doing("telling what is used of a month")?;
        Ok(done.rows_affected() == 1)
    }
}

/// Whose months an attempt of a receiver's robot uses, with what there is where that is limited.
fn owners(terms: &Terms, robot: &str) -> Vec<(MonthOwner, Option<u64>)> {
    let organisation = MonthOwner::Organisation(terms.organisation.clone(), terms.quota_kind);
    let cap = terms.robots.iter().find(|known| known.name == robot).and_then(|known| known.cap);
    let mut owners = vec![(organisation, terms.quota)];
    owners.extend(cap.map(|cap| (MonthOwner::Robot(robot.to_owned()), Some(cap))));
    owners
}

/// What an organisation has used of this month; without a limit the quota is 0, and only the use counts.
pub(super) async fn of_organisation(tx: &mut Transaction<'_, Db>, terms: &Terms, now: DateTime<Utc>) -> Result<MonthUse, StoreError> {
    let owner = MonthOwner::Organisation(terms.organisation.clone(), terms.quota_kind);
    read(tx, &owner, terms.quota.unwrap_or(0), now).await
}

/// What a robot has used of this month; `None` where it is not capped.
pub(super) async fn of_robot(
    tx: &mut Transaction<'_, Db>,
    robot: &str,
    cap: Option<u64>,
    now: DateTime<Utc>,
) -> Result<Option<MonthUse>, StoreError> {
    let Some(cap) = cap else { return Ok(None) };
    read(tx, &MonthOwner::Robot(robot.to_owned()), cap, now).await.map(Some)
}

async fn read(tx: &mut Transaction<'_, Db>, owner: &MonthOwner, quota: u64, now: DateTime<Utc>) -> Result<MonthUse, StoreError> {
    let (name, kind) = owner.columns();
    let row = sqlx::query("select used, last_at from month_use where owner = ? and kind = ? and month = ?")
        .bind(name)
        .bind(kind)
        .bind(Month::of(now).name)
        .fetch_optional(&mut **tx)
        .await
        .doing("reading what is used of a month")?;
    let Some(row) = row else { return Ok(MonthUse { quota, used: 0, last_at: None }) };
    Ok(MonthUse { quota, used: row.get::<i64, _>("used").unsigned_abs(), last_at: time_or_null(row.get("last_at"))? })
}

/// What one attempt uses: an app counts the calls it makes by itself.
fn uses(owner: &MonthOwner) -> i64 {
    i64::from(!matches!(owner, MonthOwner::Organisation(_, QuotaKind::Api)))
}

/// Counts an attempt before it is made: whoever dies in it has used it.
pub(super) async fn count(tx: &mut Transaction<'_, Db>, terms: &Terms, robot: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    for (owner, _) in owners(terms, robot) {
        let (name, kind) = owner.columns();
        sqlx::query(
            "insert into month_use (owner, kind, month, used, last_at) values (?1, ?2, ?3, ?5, ?4)
             on conflict (owner, kind, month) do update set used = used + ?5, last_at = ?4",
        )
        .bind(name)
        .bind(kind)
        .bind(Month::of(now).name)
        .bind(stamp(now))
        .bind(uses(&owner))
        .execute(&mut **tx)
        .await
        .doing("counting what is used of a month")?;
    }
    Ok(())
}

/// Gives back what an attempt did not use; the shares that are reached and have not been told.
pub(super) async fn settle(
    tx: &mut Transaction<'_, Db>,
    terms: &Terms,
    robot: &str,
    attempt: &Attempt,
    began: DateTime<Utc>,
) -> Result<Vec<MonthShare>, StoreError> {
    let is_used = matches!(attempt.verdict, Verdict::Delivered | Verdict::Transient { uncertain: true });
    let month = Month::of(began).name;
    let mut reached = Vec::new();
    for (owner, quota) in owners(terms, robot) {
        let (name, kind) = owner.columns();
        let row =
            sqlx::query("update month_use set used = max(0, used - ?) where owner = ? and kind = ? and month = ? returning used, told")
                .bind(if is_used { 0 } else { uses(&owner) })
                .bind(name)
                .bind(kind)
                .bind(&month)
                .fetch_optional(&mut **tx)
                .await
                .doing("counting what is used of a month")?;
        let (Some(row), Some(quota)) = (row, quota) else { continue };
        let used = row.get::<i64, _>("used").unsigned_abs();
        let percent = told_share(used, quota).filter(|percent| i64::from(*percent) > row.get::<i64, _>("told"));
        reached.extend(percent.map(|percent| MonthShare { owner: owner.clone(), month: month.clone(), percent, used, quota }));
    }
    Ok(reached)
}
