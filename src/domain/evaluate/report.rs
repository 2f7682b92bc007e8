//! What a `report` watcher gathers: its rows, and exact sums over all of them.

use crate::domain::alert::{Severity, Sum};
use crate::domain::row::{Columns, Row};
use crate::domain::value::{Kind, parse_number};
use bigdecimal::BigDecimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows of a report that are kept to be shown; sums are over all.
pub const MAX_REPORT_ROWS: usize = 1_000;

/// Digits behind the point, and before it, that a sum may have: a number with an exponent must not fill the memory.
const MOST_DIGITS: i64 = 1_000;

/// What a report came to, kept with the watcher's state to be compared with the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReport {
    /// How many rows it had.
    pub rows: u64,
    /// The sums, by column.
    pub sums: BTreeMap<String, String>,
}

/// The report of one poll.
#[derive(Clone, Debug, Default)]
pub struct ReportFound {
    /// The rows, in the order of the query; at most [`MAX_REPORT_ROWS`].
    pub rows: Vec<Row>,
    /// How many there were.
    pub row_count: u64,
    /// The worst of them.
    pub severity: Option<Severity>,
    /// The sums.
    pub sums: Vec<Sum>,
    /// How many rows the report before had.
    pub rows_before: Option<u64>,
}

impl ReportFound {
    /// What is kept of it for the next one.
    pub fn last(&self) -> LastReport {
        LastReport { rows: self.row_count, sums: self.sums.iter().map(|sum| (sum.column.clone(), sum.total.clone())).collect() }
    }
}

/// Gathers the rows.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    places: Vec<usize>,
    names: Vec<String>,
    totals: Vec<BigDecimal>,
    found: ReportFound,
}

impl Gathering {
    /// Finds the columns that are added up.
    ///
    /// # Errors
    /// The name of a column that the result does not have.
    pub fn columns(&mut self, sums: &[String], columns: &Columns) -> Result<(), String> {
        self.places = sums.iter().map(|name| columns.position(name).ok_or_else(|| name.clone())).collect::<Result<_, _>>()?;
        self.names = self.places.iter().map(|at| columns.names()[*at].clone()).collect();
        self.totals = vec![BigDecimal::default(); self.places.len()];
        Ok(())
    }

    /// Takes a row. NULL adds nothing.
    ///
    /// # Errors
    /// A sentence about a value that is no number.
    pub fn row(&mut self, row: &Row, severity: Severity) -> Result<(), String> {
        for ((&at, total), name) in self.places.iter().zip(&mut self.totals).zip(&self.names) {
            let Some(text) = row.text(at) else { continue };
            let number = parse_number(&text).filter(|number| number.as_bigint_and_exponent().1.abs() <= MOST_DIGITS);
            match number {
                Some(number) => *total += number,
                None => return Err(format!("the column `{name}` cannot be added up: a row holds {}", described(row, at))),
            }
        }
        self.found.row_count += 1;
        self.found.severity = Some(self.found.severity.map_or(severity, |worst| worst.max(severity)));
        if self.found.rows.len() < MAX_REPORT_ROWS {
            self.found.rows.push(row.clone());
        }
        Ok(())
    }

    /// The report, beside the last one.
    pub fn finish(mut self, last: Option<&LastReport>) -> ReportFound {
        let before = |column: &String| last.and_then(|last| last.sums.get(column).cloned());
        let sums = self.names.iter().zip(&self.totals);
        self.found.sums =
            sums.map(|(column, total)| Sum { column: column.clone(), total: total.to_plain_string(), before: before(column) }).collect();
        self.found.rows_before = last.map(|last| last.rows);
        self.found
    }
}

fn described(row: &Row, at: usize) -> &'static str {
    match row.kind(at) {
        Kind::Number | Kind::Float => "a number that is not finite or has too many digits",
        kind => kind.describe(),
    }
}
