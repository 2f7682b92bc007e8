//! What an app has sent: who has read it, what is taken back, and people's numbers.

use super::codec::stamp;
use super::{Doing, Sqlite};
use crate::domain::delivery::{TargetForm, TargetKind};
use crate::store::model::StoreError;
use crate::store::told::{ASKED_AFTER_MINUTES, KNOWN_FOR_HOURS, ReadBy, Told};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db};

/// Requests per look: what is left is asked about at the next one.
const MOST_A_LOOK: usize = 200;
/// A number is looked up anew after this long: people leave, and numbers are given to others.
const PERSON_KNOWN_FOR: TimeDelta = TimeDelta::days(30);

impl Sqlite {
    pub(in crate::store) async fn receipts_due(&self, now: DateTime<Utc>) -> Result<Vec<Told>, StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "select t.*, d.receiver from delivery_target t join delivery d on d.id = t.delivery_id
             where t.state = 'delivered' and t.recalled_at is null and coalesce(t.carrier, t.handle) is not null
               and (t.form <> 'card' or t.carrier is not null) and (t.read_at is null or t.kind = 'conversation') and t.at > ",
        );
        query.push_bind(stamp(now - TimeDelta::hours(KNOWN_FOR_HOURS))).push(" and t.at <= case t.asked");
        for (asked, minutes) in ASKED_AFTER_MINUTES.iter().enumerate() {
            query.push(format!(" when {asked} then ")).push_bind(stamp(now - TimeDelta::minutes(*minutes)));
        }
        query.push(" else '' end order by t.delivery_id, t.kind, t.handle, t.target");
        let rows = query.build().fetch_all(&self.reader).await.doing("reading what may have been read")?;
        let mut told = grouped(&rows)?;
        told.truncate(MOST_A_LOOK);
        Ok(told)
    }

    pub(in crate::store) async fn record_receipt(&self, told: &Told, read: &ReadBy, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for target in &told.targets {
            let read_by: Vec<&String> = match told.kind {
                TargetKind::User => read.users.iter().filter(|user| *user == target).collect(),
                TargetKind::Conversation => read.users.iter().collect(),
            };
            let refused = read.refused.iter().find(|(user, _)| told.kind == TargetKind::User && user == target);
            sqlx::query(
                "update delivery_target set asked = iif(?1, ?2, asked + 1), asked_at = ?3,
                        read_at = iif(?4, coalesce(read_at, ?3), read_at), read_by = iif(?4, ?5, read_by),
                        state = iif(?6 is null, state, 'refused'), answer = coalesce(?6, answer)
                 where delivery_id = ?7 and kind = ?8 and target = ?9",
            )
            .bind(read.is_final)
            .bind(i64::try_from(ASKED_AFTER_MINUTES.len()).unwrap_or(i64::MAX))
            .bind(stamp(now))
            .bind(!read_by.is_empty())
            .bind(super::codec::to_json(&read_by, "readers")?)
            .bind(refused.map(|(_, why)| why))
            .bind(told.delivery)
            .bind(told.kind.as_str())
            .bind(target)
            .execute(&mut *tx)
            .await
            .doing("recording who has read a message")?;
        }
        tx.commit().await.doing("recording who has read a message")
    }

    pub(in crate::store) async fn recalls_due(&self, receivers: &[String], now: DateTime<Utc>) -> Result<Vec<Told>, StoreError> {
        let mut query = QueryBuilder::<Db>::new(
            "select t.*, d.receiver from delivery_target t join delivery d on d.id = t.delivery_id
             where t.state = 'delivered' and t.recalled_at is null and t.kept is null and coalesce(t.carrier, t.handle) is not null
               and (t.form <> 'card' or t.carrier is not null) and d.state = 'delivered' and t.at > ",
        );
        query.push_bind(stamp(now - TimeDelta::hours(KNOWN_FOR_HOURS))).push(" and d.receiver in (");
        let mut list = query.separated(", ");
        for receiver in receivers {
            list.push_bind(receiver);
        }
        // All that it told has begun and ended: the message of an end stays.
        query.push(
            ") and exists (select 1 from delivery_event e where e.delivery_id = d.id)
               and not exists (select 1 from delivery_event e join alert_history h on h.id = e.event_id where e.delivery_id = d.id
                    and (h.fingerprint is null or h.event not in ('fired', 'repeated', 'changed', 'escalated')
                         or not exists (select 1 from alert_history r where r.fingerprint = h.fingerprint and r.id > h.id and r.event = 'resolved')))
             order by t.delivery_id, t.kind, t.handle, t.target",
        );
        let rows = query.build().fetch_all(&self.reader).await.doing("reading what is to be taken back")?;
        grouped(&rows)
    }

    pub(in crate::store) async fn record_recall(&self, told: &Told, kept: Option<&str>, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "update delivery_target set recalled_at = ?, kept = ? where delivery_id = ? and kind = ? and coalesce(carrier, handle) = ?",
        )
        .bind(kept.is_none().then(|| stamp(now)))
        .bind(kept)
        .bind(told.delivery)
        .bind(told.kind.as_str())
        .bind(&told.key)
        .execute(&self.writer)
        .await
        .doing("recording what was taken back")
        .map(drop)
    }

    pub(in crate::store) async fn people(&self, app: &str, now: DateTime<Utc>) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query("select mobile, user_id from person where app = ? and at > ?")
            .bind(app)
            .bind(stamp(now - PERSON_KNOWN_FOR))
            .fetch_all(&self.reader)
            .await
            .doing("reading people")?;
        Ok(rows.iter().map(|row| (row.get("mobile"), row.get("user_id"))).collect())
    }

    pub(in crate::store) async fn record_people(
        &self,
        app: &str,
        found: &[(String, String)],
        lost: &[String],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for mobile in lost {
            sqlx::query("delete from person where app = ? and mobile = ?")
                .bind(app)
                .bind(mobile)
                .execute(&mut *tx)
                .await
                .doing("recording people")?;
        }
        for (mobile, user_id) in found {
            sqlx::query("insert into person (app, mobile, user_id, at) values (?, ?, ?, ?) on conflict (app, mobile) do update set user_id = excluded.user_id, at = excluded.at")
                .bind(app)
                .bind(mobile)
                .bind(user_id)
                .bind(stamp(now))
                .execute(&mut *tx)
                .await
                .doing("recording people")?;
        }
        tx.commit().await.doing("recording people")
    }

    /// `kind` is `api` or `webhook`, as the table has it.
    pub(in crate::store) async fn count_use(
        &self,
        organisation: &str,
        kind: &'static str,
        uses: u64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into month_use (owner, kind, month, used) values (?, ?, ?, ?) on conflict (owner, kind, month) do update set used = used + excluded.used",
        )
        .bind(organisation)
        .bind(kind)
        .bind(month(now))
        .bind(i64::try_from(uses).unwrap_or(i64::MAX))
        .execute(&self.writer)
        .await
        .doing("counting what is used of a month")
        .map(drop)
    }

    pub(in crate::store) async fn api_calls_of_month(&self, organisation: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let row = sqlx::query("select used from month_use where owner = ? and kind = 'api' and month = ?")
            .bind(organisation)
            .bind(month(now))
            .fetch_optional(&self.reader)
            .await
            .doing("counting calls")?;
        Ok(row.map_or(0, |row| row.get::<i64, _>("used").unsigned_abs()))
    }

    pub(in crate::store) async fn notified_since(&self, user: &str, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "select count(*) as n from delivery_target where form = 'work_notification' and kind = 'user' and target = ? and at >= ?",
        )
        .bind(user)
        .bind(stamp(since))
        .fetch_one(&self.reader)
        .await
        .doing("counting work notifications")?;
        Ok(row.get::<i64, _>("n").unsigned_abs())
    }
}

/// The month of the quotas, on China's calendar.
fn month(now: DateTime<Utc>) -> String {
    (now + TimeDelta::hours(8)).format("%Y-%m").to_string()
}

/// What one request sent is one line.
fn grouped(rows: &[SqliteRow]) -> Result<Vec<Told>, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("the {what} of a delivery's target"));
    let mut told: Vec<Told> = Vec::new();
    for row in rows {
        let carrier: Option<String> = row.get("carrier");
        let one = Told {
            delivery: row.get("delivery_id"),
            receiver: row.get("receiver"),
            kind: TargetKind::of_word(row.get("kind")).ok_or_else(|| corrupt("kind"))?,
            form: TargetForm::of_word(row.get("form")).ok_or_else(|| corrupt("form"))?,
            key: carrier.unwrap_or_else(|| row.get("handle")),
            targets: vec![row.get("target")],
        };
        match told.last_mut() {
            Some(last) if (last.delivery, last.kind, &last.key) == (one.delivery, one.kind, &one.key) && one.kind == TargetKind::User => {
                last.targets.extend(one.targets);
            }
            _ => told.push(one),
        }
    }
    Ok(told)
}
