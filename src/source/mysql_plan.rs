//! The plan of a query on MySQL and MariaDB, from the tabular form of EXPLAIN, which both have kept alike. What another
//! server that speaks their protocol answers in its own form gives no notes.

use super::plan::{PlanNote, add_scan};
use crate::domain::query::Window;
use sqlx::mysql::MySqlRow;
use sqlx::{Decode, MySql, Row as _, ValueRef};

/// Stands before the query. The form is named, since a server may be set to another.
pub(super) const EXPLAIN: &str = "explain format=traditional ";

/// Tables that are read whole: in their own order (`ALL`) or in that of an index (`index`). For a window of the last
/// rows, the latter is how they are found, and ends early.
pub(super) fn notes(rows: &[MySqlRow], window: &Window) -> Vec<PlanNote> {
    let mut notes = Vec::new();
    for row in rows {
        let (Some(table), Some(access)) = (text(row, "table"), text(row, "type")) else { continue };
        let is_ours = matches!(window, Window::Latest { .. }) && access == "index";
        // `<derived2>` is no table.
        if matches!(access.as_str(), "ALL" | "index") && !is_ours && !table.starts_with('<') {
            add_scan(&mut notes, table, &access, text(row, "rows").and_then(|rows| rows.parse().ok()));
        }
    }
    notes
}

fn text(row: &MySqlRow, column: &str) -> Option<String> {
    let value = row.try_get_raw(column).ok().filter(|value| !value.is_null())?;
    let bytes = <&[u8] as Decode<MySql>>::decode(value).ok()?;
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
