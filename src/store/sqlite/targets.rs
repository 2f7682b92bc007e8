//! Whom the deliveries of apps have reached, one row each.

use super::Doing;
use super::codec::stamp;
use crate::domain::delivery::{TargetForm, TargetKind, TargetResult, TargetState};
use crate::store::model::StoreError;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite as Db, Transaction};

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
            "insert into delivery_target (delivery_id, kind, target, state, form, handle, at, answer) values (?, ?, ?, ?, ?, ?, ?, ?)
             on conflict (delivery_id, kind, target) do update set state = excluded.state, form = excluded.form, handle = excluded.handle,
                at = excluded.at, answer = excluded.answer",
        )
        .bind(delivery)
        .bind(target.kind.as_str())
        .bind(&target.target)
        .bind(target.state.as_str())
        .bind(target.form.as_str())
        .bind(&target.handle)
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
        answer: row.get("answer"),
    })
}
