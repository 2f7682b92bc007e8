//! The row that the cases see, and how their results are shown; the cases are in the files beside.

mod errors;
mod properties;
mod values;

use super::*;
use crate::domain::row::Columns;
use chrono::TimeZone;

const ZONE: Tz = chrono_tz::Asia::Shanghai;

/// The columns of the row that the cases see, their kinds and texts.
const CELLS: &[(&str, Kind, Option<&str>)] = &[
    ("sku", Kind::Text, Some("A-1")),
    ("name", Kind::Text, Some("Chai Tea")),
    ("stock", Kind::Number, Some("5")),
    ("reorder_level", Kind::Number, Some("10")),
    ("price", Kind::Number, Some("1.50")),
    ("big", Kind::Number, Some("18446744073709551615")),
    ("rate", Kind::Float, Some("0.1")),
    ("nan", Kind::Float, Some("NaN")),
    ("infinite", Kind::Float, Some("Infinity")),
    ("gone", Kind::Null, None),
    ("flag", Kind::Number, Some("1")),
    ("off", Kind::Number, Some("0")),
    ("active", Kind::Bool, Some("true")),
    ("due", Kind::Date, Some("2026-11-20")),
    ("at", Kind::Time, Some("09:30:00")),
    ("created", Kind::DateTime, Some("2026-11-23 09:00:00")),
    ("seen", Kind::Instant, Some("2026-11-23 01:00:00+00")),
    ("lite", Kind::Text, Some("2026-11-23 08:00:00")),
    ("lag", Kind::Interval, Some("PT2H")),
    ("doc", Kind::Json, Some("{\"a\":1}")),
    ("tag", Kind::Other, Some("0f3a")),
    ("raw", Kind::Bytes, Some("00ff")),
    ("Mixed Case", Kind::Number, Some("7")),
    ("中文列", Kind::Text, Some("缺货")),
    ("code", Kind::Text, Some("100%_off")),
    ("date", Kind::Date, Some("2026-01-31")),
];

/// It is 09:30 in Shanghai.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 1, 30, 0).unwrap()
}

fn row(cells: &[(&str, Kind, Option<&str>)]) -> Row {
    let columns = Columns::new(cells.iter().map(|(name, ..)| (*name).to_owned()).collect()).unwrap();
    Row::from_cells(columns, cells.iter().map(|(_, kind, text)| (*kind, *text)))
}

fn evaluate(text: &str) -> Result<Value, ExpressionError> {
    let row = row(CELLS);
    let previous = super::super::row::Row::from_cells(
        row.columns().clone(),
        CELLS.iter().map(|(name, kind, text)| match *name {
            "price" => (Kind::Number, Some("1.20")),
            _ => (*kind, *text),
        }),
    );
    let scope = Scope { row: &row, previous: Some(&previous), severity: Some(Severity::Warning), now: now(), zone: ZONE };
    Expression::parse(text)?.evaluate(&scope)
}

/// The value in one word: `true`, `null`, `1.50`, `'abc'`.
fn shown(text: &str) -> String {
    match evaluate(text) {
        Ok(Value::Null) => "null".to_owned(),
        Ok(Value::Text(text)) => format!("'{text}'"),
        Ok(value) => cast::show(&value).unwrap(),
        Err(error) => format!("error: {}", error.message),
    }
}

fn table(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| shown(text) != *expected)
        .map(|(text, expected)| format!("{text}  is  {}  and not  {expected}", shown(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
