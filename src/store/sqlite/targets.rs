//! Whom the deliveries of apps have reached, one row each.

use super::codec::{json_or_null, stamp};
use super::{Doing, Sqlite};
use crate::domain::delivery::{TargetForm, TargetKind, TargetResult, TargetState};
use crate::store::lists::TargetLine;
use crate::store::model::StoreError;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::HashMap;

/// Identifiers per `in (…)`.
const CHUNK: usize = 500;

impl Sqlite {
    /// Whom these deliveries have reached and whom not.
    pub(super) async fn targets_of(&self, deliveries: &[i64]) -> Result<HashMap<i64, Vec<TargetLine>>, StoreError> {
        let mut found: HashMap<i64, Vec<TargetLine>> = HashMap::new();
        for chunk in deliveries.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("select * from delivery_target where delivery_id in (");
            let mut list = query.separated(", ");
            for id in chunk {
                list.push_bind(*id);
            }
            query.push(") order by delivery_id, kind, target");
            for row in query.build().fetch_all(&self.reader).await.doing("reading whom deliveries have reached")? {
                found.entry(row.get("delivery_id")).or_default().push(line(&row)?);
            }
        }
        Ok(found)
    }
}

/// Who has read a delivery: people themselves, and those who have read it in a conversation.
pub(super) fn readers(targets: &[TargetLine]) -> Vec<String> {
    let mut readers: Vec<String> = Vec::new();
    for user in targets.iter().flat_map(|target| &target.read_by) {
        if !readers.contains(user) {
            readers.push(user.clone());
        }
    }
    readers
}

fn line(row: &SqliteRow) -> Result<TargetLine, StoreError> {
    Ok(TargetLine {
        kind: row.get("kind"),
        target: row.get("target"),
        state: row.get("state"),
        form: row.get("form"),
        at: row.get("at"),
        answer: row.get("answer"),
        read_at: row.get("read_at"),
        read_by: json_or_null(row.get("read_by"), "readers")?.unwrap_or_default(),
        recalled_at: row.get("recalled_at"),
    })
}

/// The targets of a delivery that are settled.
pub(super) async fn of_delivery(tx: &mut Transaction<'_, Db>, delivery: i64) -> Result<Vec<TargetResult>, StoreError> {
    let rows = sqlx::query("select * from delivery_target where delivery_id = ? order by kind, target")
        .bind(delivery)
        .fetch_all(&mut **tx)
        .await
        .doing("reading whom a delivery has reached")?;
    rows.iter().map(target).collect()
}

/// Writes what became of targets; one that a later attempt reaches again keeps the later word.
pub(super) async fn record(
    tx: &mut Transaction<'_, Db>,
    delivery: i64,
    targets: &[TargetResult],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    for target in targets {
        sqlx::query(
            "insert into delivery_target (delivery_id, kind, target, state, form, handle, carrier, shown, at, answer) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             on conflict (delivery_id, kind, target) do update set state = excluded.state, form = excluded.form, handle = excluded.handle,
                carrier = excluded.carrier, shown = excluded.shown, at = excluded.at, answer = excluded.answer",
        )
        .bind(delivery)
        .bind(target.kind.as_str())
        .bind(&target.target)
        .bind(target.state.as_str())
        .bind(target.form.as_str())
        .bind(&target.handle)
        .bind(&target.carrier)
        .bind(&target.shown)
        .bind(stamp(at))
        .bind(&target.answer)
        .execute(&mut **tx)
        .await
        .doing("recording whom a delivery has reached")?;
    }
    Ok(())
}

fn target(row: &SqliteRow) -> Result<TargetResult, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("the {what} of a delivery's target"));
    Ok(TargetResult {
        kind: TargetKind::of_word(row.get("kind")).ok_or_else(|| corrupt("kind"))?,
        target: row.get("target"),
        state: TargetState::of_word(row.get("state")).ok_or_else(|| corrupt("state"))?,
        form: TargetForm::of_word(row.get("form")).ok_or_else(|| corrupt("form"))?,
        handle: row.get("handle"),
        carrier: row.get("carrier"),
        shown: row.get("shown"),
        answer: row.get("answer"),
    })
}
