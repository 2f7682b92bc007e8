//! What a `missing` watcher expects, and what of it was there.

use crate::domain::row::{Columns, Fingerprint, KeyColumns, Row};
use crate::domain::value::Kind;
use crate::domain::watcher::{ExpectedCell, Watcher};
use std::collections::HashMap;
use std::sync::Arc;

/// A key that must be there.
#[derive(Clone, Debug)]
pub struct ExpectedKey {
    /// Under which it alerts.
    pub fingerprint: Fingerprint,
    /// Its cells.
    pub key: Row,
    /// Other fingerprints under which its row may be returned: a text in the file may be a number in the database.
    pub others: Vec<Fingerprint>,
}

/// The one alert of a watcher that expects any row.
pub(super) fn any_row(watcher: &Watcher, identity: &str) -> ExpectedKey {
    let none = Columns::none();
    let row = Row::new(none.clone());
    // A key without columns has none that could be missing.
    match KeyColumns::of_watcher(watcher, identity, &[], &none) {
        Ok(keys) => ExpectedKey { fingerprint: keys.fingerprint(&row), key: keys.key_of(&row), others: Vec::new() },
        Err(_) => ExpectedKey { fingerprint: Fingerprint(0), key: row, others: Vec::new() },
    }
}

/// The expected keys that stand in the watcher's file.
pub fn expected_cells(watcher: &Watcher, identity: &str, expected: &[Vec<ExpectedCell>]) -> Result<Vec<ExpectedKey>, String> {
    let columns = Columns::new(watcher.key.clone())?;
    let keys = KeyColumns::of_watcher(watcher, identity, &watcher.key, &columns)?;
    let as_written = |cell: &ExpectedCell| match cell {
        ExpectedCell::Text(text) => (Kind::Text, text.clone()),
        ExpectedCell::Number(number) => (Kind::Number, number.to_string()),
    };
    let turned = |cell: &ExpectedCell| match cell {
        ExpectedCell::Text(text) if crate::domain::value::parse_number(text).is_some() => (Kind::Number, text.clone()),
        ExpectedCell::Text(text) => (Kind::Text, text.clone()),
        ExpectedCell::Number(number) => (Kind::Text, number.to_string()),
    };
    let all = expected.iter().map(|cells| {
        let row = row_of(&columns, cells.iter().map(as_written));
        // Each cell may be either: few cells, so all combinations are few.
        let mut others = Vec::new();
        for bits in 1..1_u32 << cells.len().min(8) {
            let cells = cells.iter().enumerate().map(|(at, cell)| if bits >> at & 1 == 1 { turned(cell) } else { as_written(cell) });
            others.push(keys.fingerprint(&row_of(&columns, cells)));
        }
        ExpectedKey { fingerprint: keys.fingerprint(&row), key: keys.key_of(&row), others }
    });
    Ok(all.collect())
}

/// The expected keys that a query returned; each once.
///
/// # Errors
/// The name of the key column that its result does not have.
pub fn expected_rows(watcher: &Watcher, identity: &str, columns: &Columns, rows: &[Row]) -> Result<Vec<ExpectedKey>, String> {
    let keys = KeyColumns::of_watcher(watcher, identity, &watcher.key, columns)?;
    let mut seen = std::collections::HashSet::new();
    let key = |row: &Row| ExpectedKey { fingerprint: keys.fingerprint(row), key: keys.key_of(row), others: Vec::new() };
    Ok(rows.iter().map(key).filter(|expected| seen.insert(expected.fingerprint)).collect())
}

fn row_of(columns: &Arc<Columns>, cells: impl Iterator<Item = (Kind, String)>) -> Row {
    let mut row = Row::new(columns.clone());
    cells.for_each(|(kind, text)| row.push(kind, text.as_bytes()));
    row
}

/// Which of the expected keys were there.
#[derive(Debug)]
pub(super) struct Presence {
    places: HashMap<Fingerprint, usize>,
    present: Vec<bool>,
    unclear: Vec<bool>,
}

impl Presence {
    pub fn new(expected: &[ExpectedKey]) -> Presence {
        let mut places = HashMap::new();
        for (at, expected) in expected.iter().enumerate() {
            places.insert(expected.fingerprint, at);
            for other in &expected.others {
                places.entry(*other).or_insert(at);
            }
        }
        Presence { places, present: vec![false; expected.len()], unclear: vec![false; expected.len()] }
    }

    /// The place of a row's key among the expected ones; `None` for a row that nobody waits for.
    pub fn place(&self, fingerprint: Fingerprint) -> Option<usize> {
        self.places.get(&fingerprint).copied()
    }

    pub fn mark(&mut self, at: usize) {
        self.present[at] = true;
    }

    pub fn doubt(&mut self, at: usize) {
        self.unclear[at] = true;
    }

    /// Whether it is missing; `None` when its only rows could not be judged.
    pub fn is_missing(&self, at: usize) -> Option<bool> {
        match (self.present[at], self.unclear[at]) {
            (true, _) => Some(false),
            (false, true) => None,
            (false, false) => Some(true),
        }
    }
}
