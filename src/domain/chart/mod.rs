//! A chart as a value: what a `[chart]` declares, and what it comes to for one message. Pure; pixels are made in `picture`.
//!
//! - Numbers stay the exact text that they were in the database; only where they lie on the paper is a float.
//! - NULL is a gap, never 0. So is a value that is no number, and a poll in which the key was not returned.
//! - What does not fit is added up as "others" where a sum means something, and counted where not: nothing is left out
//!   in silence.

mod history;
mod numbers;
mod rows;
mod scale;
#[cfg(test)]
mod tests;

pub use history::{History, MOST_LINES, of_history};
pub use rows::of_rows;
pub(in crate::domain) use rows::threshold;
pub use scale::{Tick, number_words, ticks};

use super::alert::Severity;
use super::message::Language;
use super::message::is_invisible;
use super::row::{Fingerprint, Row};
use super::value::{Kind, parse_number};
use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Characters of a label or a name.
const MOST_CHARS: usize = 60;
/// Digits before or behind the point: a number with an exponent must not fill the memory.
const MOST_DIGITS: i64 = 320;
/// Samples that are kept of a key.
pub const SAMPLES_OF_A_KEY: u32 = 288;
/// How long a sample is kept, in days.
pub const SAMPLE_DAYS: i64 = 7;
/// Keys of one poll whose values are kept: the first of the result.
pub const MOST_SAMPLED: usize = 500;

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Bars from zero.
    Bar,
    /// A line through the points.
    Line,
    /// Shares of a whole.
    Pie,
}

/// What a watcher's `[chart]` declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRule {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What stands above it; the names of the columns when absent.
    pub title: Option<String>,
    /// What it shows.
    pub of: ChartOf,
    /// A line across it.
    pub threshold: Option<ThresholdRule>,
}

/// What a chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartOf {
    /// The rows that the message tells.
    Rows {
        /// The column of the labels.
        x: String,
        /// The columns of the numbers.
        y: Vec<String>,
        /// By the first of them; as the query returns them when absent.
        sort: Option<Sort>,
        /// The most labels; the others are added up.
        limit: Option<usize>,
    },
    /// What a column of each key was over the last polls.
    History {
        /// The column.
        value: String,
    },
}

/// An order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// Where the line across a chart is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThresholdRule {
    /// At this number.
    Number(String),
    /// At what a column of the row says.
    Column(String),
}

/// A chart, ready to be drawn. It is made once, with its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What stands above it.
    pub title: String,
    /// The language of its own words.
    pub language: Language,
    /// What each place along x is called; empty for a history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Of a history: when, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<i64>,
    /// Of a history: times that are written along x.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<TimeMark>,
    /// What is drawn: a value for each place.
    pub series: Vec<Series>,
    /// The line across it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    /// How bad it is: the colour of that line.
    pub severity: Severity,
    /// Whether the last label stands for all others.
    #[serde(default)]
    pub has_others: bool,
    /// How many rows, or keys, are not drawn.
    #[serde(default)]
    pub omitted: u64,
}

/// A time along x.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeMark {
    /// When, in seconds since 1970.
    pub at: i64,
    /// As it is shown.
    pub label: String,
}

/// Values of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// The exact numbers; `None` is a gap.
    pub values: Vec<Option<String>>,
}

/// The value of a key in one poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the poll began.
    pub at: DateTime<Utc>,
    /// The exact number; `None` when the row had none.
    pub value: Option<String>,
}

/// What a poll saw of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// The exact number; `None` when the row had none.
    pub value: Option<String>,
}

impl ChartRule {
    /// The column whose past is kept.
    pub fn sampled(&self) -> Option<&str> {
        match &self.of {
            ChartOf::History { value } => Some(value),
            ChartOf::Rows { .. } => None,
        }
    }
}

impl Chart {
    /// The numbers of a series, for whoever computes with them.
    pub fn exact(&self, series: usize) -> Vec<Option<BigDecimal>> {
        let values = self.series.get(series).map(|series| series.values.as_slice()).unwrap_or_default();
        values.iter().map(|value| value.as_deref().and_then(parse_number)).collect()
    }

    /// The same numbers as text: what a message carries where no picture can be shown.
    pub fn numbers(&self) -> String {
        numbers::numbers(self)
    }
}

/// The number in a cell, exact; `None` for NULL and for what is no number.
pub fn number_in(row: &Row, at: usize) -> Option<String> {
    if at >= row.len() || matches!(row.kind(at), Kind::Null | Kind::Bytes) {
        return None;
    }
    let text = row.text(at)?;
    let number = parse_number(text.trim()).filter(|number| number.as_bigint_and_exponent().1.abs() <= MOST_DIGITS)?;
    (number.digits() <= MOST_DIGITS.unsigned_abs()).then(|| number.to_plain_string())
}

/// A text as it can be drawn: on one line, without what cannot be seen, not too long.
fn clean(text: &str) -> String {
    let one_line = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_invisible(*c));
    let mut shown: String = one_line.take(MOST_CHARS + 1).collect();
    if shown.chars().count() > MOST_CHARS {
        shown = shown.chars().take(MOST_CHARS).collect::<String>() + "…";
    }
    shown.trim().to_owned()
}

/// The text of a cell as a label.
fn label(row: &Row, at: usize) -> String {
    match row.text(at).filter(|_| at < row.len()) {
        None => "NULL".to_owned(),
        Some(text) => Some(clean(&text)).filter(|text| !text.is_empty()).unwrap_or_else(|| "''".to_owned()),
    }
}
