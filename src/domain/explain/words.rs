//! How times, keys and rows stand in a sentence.

use super::facts::{Facts, Object};
use crate::domain::message::{Language, duration_words};
use crate::domain::watcher::Span;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use std::time::Duration;

/// A value beyond this is cut: a sentence is no place for a document.
const MOST_OF_A_VALUE: usize = 60;
/// Columns of a row that are shown.
const MOST_COLUMNS: usize = 12;

/// Times as they are shown: on a wall clock, with the day where it is not today.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zone: Tz,
    today: NaiveDate,
}

impl Clock {
    pub(super) fn of(facts: &Facts) -> Clock {
        Clock { zone: facts.zone, today: facts.now.with_timezone(&facts.zone).date_naive() }
    }

    /// `09:35`, `09:35:02`, `11-22 09:35`, `2025-11-22 09:35`.
    pub(super) fn at(&self, at: DateTime<Utc>) -> String {
        let wall = at.with_timezone(&self.zone);
        let day = match wall.date_naive() {
            day if day == self.today => String::new(),
            day if day.year() == self.today.year() => day.format("%m-%d ").to_string(),
            day => day.format("%Y-%m-%d ").to_string(),
        };
        let time = if wall.second() == 0 { wall.format("%H:%M") } else { wall.format("%H:%M:%S") };
        format!("{day}{time}")
    }
}

/// `2 h 10 min`.
pub(super) fn length(length: TimeDelta) -> String {
    duration_words(Language::En, length)
}

/// A length from a watcher's file.
pub(super) fn span(span: Span) -> String {
    match span {
        Span::Time(time) => written(time),
        Span::Polls(1) => "1 poll".to_owned(),
        Span::Polls(polls) => format!("{polls} polls"),
    }
}

/// A length as a file has it: `10m`.
pub(super) fn written(length: Duration) -> String {
    humantime::format_duration(length).to_string()
}

/// Milliseconds: `12 ms`, `30.0 s`.
pub(super) fn took(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) }
}

/// `1 row`, `3 rows`.
pub(super) fn count(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The columns of a row: `stock 3 · name 龙井茶`.
pub(super) fn cells(row: &Object) -> String {
    let cell = |(name, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::Null => format!("{name} NULL"),
        serde_json::Value::String(text) => format!("{name} {}", clipped(text)),
        other => format!("{name} {other}"),
    };
    let more = if row.len() > MOST_COLUMNS { " · …" } else { "" };
    row.iter().take(MOST_COLUMNS).map(cell).collect::<Vec<_>>().join(" · ") + more
}

/// The columns of a row that are not in its key.
pub(super) fn without(row: &Object, key: Option<&Object>) -> Object {
    let is_in_key = |name: &String| key.is_some_and(|key| key.contains_key(name));
    row.iter().filter(|(name, _)| !is_in_key(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Text from outside as one line that cannot control a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn clipped(text: &str) -> String {
    let plain = plain(text);
    match plain.char_indices().nth(MOST_OF_A_VALUE) {
        Some((at, _)) => format!("{}…", &plain[..at]),
        None => plain,
    }
}

/// With a capital letter, unless it begins with a name that has none.
pub(super) fn sentence(text: &str) -> String {
    let mut all = text.chars();
    all.next().map(|first| first.to_uppercase().chain(all).collect()).unwrap_or_default()
}
