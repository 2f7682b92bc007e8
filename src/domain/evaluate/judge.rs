//! The verdict on one row: whether it counts, and how bad it is.

use super::Basis;
use crate::domain::alert::Severity;
use crate::domain::expression::{Expression, ExpressionError, Scope};
use crate::domain::known::Known;
use crate::domain::row::Row;
use crate::domain::watcher::Watcher;
use chrono::{DateTime, Utc};

/// What a row's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts.
    Counts(Severity),
    /// `when` does not hold, but neither does `clear_when`, and the key fires: it stays firing.
    Held(Severity),
    /// It does not count.
    Not,
}

/// Which condition could not be evaluated, and why.
pub(super) type Fault = (&'static str, ExpressionError);

/// Judges a row. `previous` is the row last seen under its key, `is_firing` whether the key fires.
pub(super) fn judge(basis: &Basis<'_>, row: &Row, previous: Option<&Row>, is_firing: bool) -> Result<Verdict, Fault> {
    let watcher = basis.watcher;
    let scope = Scope { row, previous, severity: None, now: basis.now, zone: watcher.timezone };
    let holds = watcher.when.as_ref().map_or(Ok(true), |when| when.holds(&scope)).map_err(|error| ("when", error))?;
    if holds {
        return severity(basis, &scope).map(Verdict::Counts);
    }
    let Some(clear_when) = watcher.clear_when.as_ref().filter(|_| is_firing) else { return Ok(Verdict::Not) };
    match clear_when.holds(&scope).map_err(|error| ("clear_when", error))? {
        true => Ok(Verdict::Not),
        false => severity(basis, &scope).map(Verdict::Held),
    }
}

/// What the verdict on a row is, for people.
pub fn verdict(watcher: &Watcher, row: &Row, previous: Option<&Row>, is_firing: bool, now: DateTime<Utc>) -> String {
    let nothing = Known::default();
    let basis = Basis::of_nothing(watcher, &nothing, now);
    match judge(&basis, row, previous, is_firing) {
        Ok(Verdict::Not) => why_not(&basis, row),
        Ok(Verdict::Held(_)) => format!("{}, but `clear_when` does not hold yet", why_not(&basis, row)),
        Ok(Verdict::Counts(severity)) => match &watcher.when {
            Some(when) => format!("`{}` is true, so it counts ({severity})", when.text().trim()),
            None => format!("it counts ({severity})"),
        },
        Err((what, error)) => format!("`{what}` cannot be evaluated for it: {error}"),
    }
}

/// Judges a watched row that came or went. A `when` that compares with `previous` is about changes: there is nothing to compare,
/// and whoever asks for added and removed rows is told.
pub(super) fn judge_whole(basis: &Basis<'_>, row: &Row) -> Result<Verdict, Fault> {
    let watcher = basis.watcher;
    if !watcher.when.as_ref().is_some_and(Expression::uses_previous) {
        return judge(basis, row, None, false);
    }
    let scope = Scope { row, previous: None, severity: None, now: basis.now, zone: watcher.timezone };
    severity(basis, &scope).map(Verdict::Counts)
}

/// The severity of a row that counts: that of the first case that holds.
fn severity(basis: &Basis<'_>, scope: &Scope<'_>) -> Result<Severity, Fault> {
    for (when, severity) in &basis.watcher.severity.cases {
        let holds = when.as_ref().map_or(Ok(true), |when| when.holds(scope));
        if holds.map_err(|error| ("severity", error))? {
            return Ok(*severity);
        }
    }
    Ok(Severity::default())
}

/// Why a row does not count, for people: `stock < 100 is not true; stock is 120`.
pub(super) fn why_not(basis: &Basis<'_>, row: &Row) -> String {
    let Some(when) = &basis.watcher.when else { return String::new() };
    let mut named: Vec<&str> = Vec::new();
    for (column, _) in when.columns() {
        if !named.contains(&column) {
            named.push(column);
        }
    }
    let shown = |column: &&str| {
        let at = row.columns().position(column)?;
        Some(format!("{column} is {}", row.text(at).map_or("NULL".into(), |text| clipped(&text))))
    };
    let values: Vec<String> = named.iter().filter_map(shown).collect();
    format!("`{}` is not true; {}", when.text().trim(), values.join(", "))
}

fn clipped(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
