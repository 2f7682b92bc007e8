//! What the planner says of a watcher's query, weighed: a large table that is read whole at every poll, a cursor that no
//! index serves, more rows than a poll may return.

use super::columns::find;
use crate::config::{Fault, Part, WatcherText};
use crate::domain::query::Query;
use crate::domain::sql_text::{Dialect, Token, TokenSort, tokens};
use crate::domain::watcher::{AlertOn, Expect, Watcher};
use crate::engine::{checkable_expected, planned};
use crate::source::{ColumnInfo, PlanNote, Source, SourceError, SourceErrorKind};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Range;

/// A table with fewer rows is read whole within moments.
pub(super) const FULL_SCAN_ROWS: u64 = 50_000;

/// With a cursor it should not be read whole however small it is; below this a planner may rightly ignore an index.
pub(super) const CURSOR_SCAN_ROWS: u64 = 10_000;

/// Reading a large table this often a day is nothing to speak of.
const POLLS_A_DAY: u32 = 24;

/// Asks the planner about the query as it will be read, and about that of the expected keys.
///
/// # Errors
/// What only the planner has against the query.
pub(super) async fn warnings(
    source: &Source,
    watcher: &Watcher,
    columns: &[ColumnInfo],
    text: &WatcherText,
    now: DateTime<Utc>,
) -> Result<Vec<Fault>, SourceError> {
    let cursor = watcher.cursor().and_then(|cursor| find(columns, &cursor.column));
    let notes = explain(source, &planned(watcher, cursor, source.dialect(), now)).await?;
    let question = Question { watcher, dialect: source.dialect(), text, is_often: is_often(watcher, now) };
    let mut warnings = question.scans(&notes, Part::Query, &watcher.query);
    let most = source.limits(watcher.timeout, watcher.max_rows).max_rows;
    warnings.extend(question.too_many(&notes, most));
    if let AlertOn::Missing { expect: Expect::Query(query) } = &watcher.alert_on {
        let notes = explain(source, &checkable_expected(query, watcher, now)).await?;
        warnings.extend(question.scans(&notes, Part::ExpectQuery, query));
    }
    Ok(warnings)
}

/// Who may read a view on MySQL need not be allowed to see its plan.
async fn explain(source: &Source, query: &Query) -> Result<Vec<PlanNote>, SourceError> {
    match source.explain(query).await {
        Err(error) if error.kind == SourceErrorKind::Permission && source.dialect() == Dialect::Mysql => Ok(Vec::new()),
        explained => explained,
    }
}

fn is_often(watcher: &Watcher, now: DateTime<Utc>) -> bool {
    watcher.schedule.slots_between(now, now + TimeDelta::days(1), POLLS_A_DAY + 1) > POLLS_A_DAY
}

struct Question<'a> {
    watcher: &'a Watcher,
    dialect: Dialect,
    text: &'a WatcherText,
    is_often: bool,
}

impl Question<'_> {
    /// A warning for each large table that is read whole.
    fn scans(&self, notes: &[PlanNote], part: Part, query: &str) -> Vec<Fault> {
        let least = if self.watcher.cursor().is_some() { CURSOR_SCAN_ROWS } else { FULL_SCAN_ROWS };
        let is_large = |note: &&PlanNote| matches!(note, PlanNote::FullScan { rows: Some(rows), .. } if *rows > least);
        notes.iter().filter(|note| self.is_often && is_large(note)).filter_map(|note| self.scan(note, part, query)).collect()
    }

    fn scan(&self, note: &PlanNote, part: Part, query: &str) -> Option<Fault> {
        let PlanNote::FullScan { table, access, rows: Some(rows) } = note else { return None };
        let place = named(query, table, self.dialect);
        let table = place.as_ref().map_or(table.as_str(), |span| query[span.clone()].trim_matches(QUOTES));
        let size = format!("about {} rows ({access})", grouped(*rows));
        let (message, hint) = match self.watcher.cursor() {
            Some(cursor) => {
                let column = &cursor.column;
                let by_hand = match Query::uses(query, "cursor", self.dialect) {
                    true => String::new(),
                    false => format!("; or write the cursor where the planner can use it: where {column} >= :cursor"),
                };
                let message = format!("the cursor saves nothing: each poll reads all of `{table}`, {size}");
                (message, format!("it needs an index that begins with `{column}`{by_hand}"))
            }
            None => {
                let message = format!("each poll ({}) reads all of `{table}`, {size}", self.watcher.schedule);
                (message, self.how_to_read_less().to_owned())
            }
        };
        Some(self.text.fault(part, place, message, Some(hint)))
    }

    fn how_to_read_less(&self) -> &'static str {
        match self.watcher.alert_on {
            AlertOn::New { .. } => "read only what is new, by a column with an index: cursor = \"id\"; or poll less often",
            _ => "it needs an index on what its `where` compares; or poll less often",
        }
    }

    /// Only PostgreSQL tells what a query will return.
    fn too_many(&self, notes: &[PlanNote], most: u64) -> Option<Fault> {
        let expected = notes.iter().find_map(|note| match note {
            PlanNote::Returns { rows } if *rows > most => Some(*rows),
            _ => None,
        })?;
        let message = format!("the planner expects about {} rows; a poll of more than {} fails", grouped(expected), grouped(most));
        let hint = "select fewer rows, or raise `max_rows` in the watcher or of its source";
        Some(self.text.fault(Part::Query, None, message, Some(hint.to_owned())))
    }
}

const QUOTES: [char; 4] = ['"', '`', '[', ']'];

/// Words before a table that are no name of it.
const BEFORE_TABLES: [&str; 4] = ["from", "join", "straight_join", "lateral"];

/// Where a table is named in a query, by its last name. MySQL tells the alias: then what stands before that.
fn named(query: &str, table: &str, dialect: Dialect) -> Option<Range<usize>> {
    let name = table.rsplit('.').next().unwrap_or(table);
    let tokens = tokens(query, dialect);
    let is_name = |token: &Token| matches!(token.sort, TokenSort::Word | TokenSort::Quoted);
    let is_meant = |token: &Token| is_name(token) && query[token.span.clone()].trim_matches(QUOTES).eq_ignore_ascii_case(name);
    let is_column_of = |at: usize| tokens.get(at + 1).is_some_and(|next| next.text == ".");
    let at = (0..tokens.len()).find(|at| is_meant(&tokens[*at]) && !is_column_of(*at))?;
    let before = tokens[..at].iter().rev().find(|token| token.text != "as");
    let aliased = before.filter(|before| is_name(before) && !BEFORE_TABLES.contains(&before.text.as_str()));
    Some(aliased.filter(|_| dialect == Dialect::Mysql).unwrap_or(&tokens[at]).span.clone())
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_where_the_query_names_it() {
        let query = "select 'orders' from public.\"Orders\" o";
        assert_eq!(named(query, "public.orders", Dialect::Postgres).map(|span| &query[span]), Some("\"Orders\""));
        let query = "select o.id from orders as o join `lines` l on l.id = o.id";
        for (alias, table) in [("o", "orders"), ("l", "`lines`"), ("orders", "orders")] {
            assert_eq!(named(query, alias, Dialect::Mysql).map(|span| &query[span]), Some(table), "{alias}");
        }
        assert_eq!(named(query, "customers", Dialect::Postgres), None);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
