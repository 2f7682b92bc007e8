//! The `[chart]` of a watcher.

use super::fields::WATCHER;
use crate::config::field::{Field, Kind, Spec};
use crate::config::node::Content;
use crate::config::reader::{Reader, Report, Text};
use crate::domain::chart::{ChartKind, ChartOf, ChartRule, Sort, ThresholdRule};
use crate::domain::value::parse_number;

/// Columns of numbers that one chart may show.
const MOST_COLUMNS: usize = 6;

pub(in crate::config) static CHART: Spec = Spec {
    title: "[chart]",
    doc: "A picture in the message: of the rows that it tells, or of what a column of each key was over the last polls.",
    fields: &[
        Field {
            name: "kind",
            kind: Kind::Word(&["bar", "line", "pie"]),
            doc: "How it is drawn.",
            default: None,
            example: "\"bar\"",
            required: true,
        },
        Field { name: "x", kind: Kind::Text, doc: "The column of the labels.", default: None, example: "\"name\"", required: false },
        Field {
            name: "y",
            kind: Kind::TextOrTexts,
            doc: "The column of the numbers, or several.",
            default: None,
            example: "\"stock\"",
            required: false,
        },
        Field {
            name: "value",
            kind: Kind::Text,
            doc: "Instead of `x` and `y`: a column whose past is drawn, key by key. Only for `match` with a `key`. Kept are the last \
                  288 polls, at most 7 days, of the first 500 keys of a result.",
            default: None,
            example: "\"stock\"",
            required: false,
        },
        Field {
            name: "title",
            kind: Kind::Text,
            doc: "What stands above it. Default: the names of the columns.",
            default: None,
            example: "\"库存\"",
            required: false,
        },
        Field {
            name: "threshold",
            kind: Kind::NumberOrText,
            doc: "A line across it: a number, or a column of the row. Not for a pie.",
            default: None,
            example: "100",
            required: false,
        },
        Field {
            name: "sort",
            kind: Kind::Word(&["ascending", "descending"]),
            doc: "The order of the rows, by the first column of `y`. Default: that of the query; of a pie descending.",
            default: None,
            example: "\"descending\"",
            required: false,
        },
        Field {
            name: "limit",
            kind: Kind::Count(1, 100),
            doc: "The most labels; the others are added up. Default: all of them; of a pie 8.",
            default: None,
            example: "10",
            required: false,
        },
    ],
    later: &[],
    above: Some(&WATCHER),
};

/// The table, for a watcher with this meaning of its rows and this key.
pub(super) fn read_chart(root: &Reader<'_>, alert_on: Option<&str>, key: &[String], report: &mut Report<'_>) -> Option<ChartRule> {
    let node = root.node("chart")?;
    if node.table().is_none() {
        let hint = "write for example: chart = { kind = \"bar\", x = \"name\", y = \"stock\" }".to_owned();
        report.at(&node.place, format!("expected a table, found {}", node.describe()), Some(hint));
        return None;
    }
    let reader = Reader::new(&CHART, node, report)?;
    reader.require(report);
    let kind = match reader.word("kind", report) {
        Some("bar") => Some(ChartKind::Bar),
        Some("line") => Some(ChartKind::Line),
        Some("pie") => Some(ChartKind::Pie),
        _ => None,
    };
    let has_past = alert_on == Some("match") && !key.is_empty();
    let is_past = reader.node("value").is_some() || (has_past && reader.node("x").is_none() && reader.node("y").is_some());
    let of = if is_past { read_past(&reader, kind, has_past, report) } else { read_rows(&reader, kind, report) };
    let threshold = read_threshold(&reader, report);
    refuse_for(&reader, kind, is_past, report);
    Some(ChartRule { kind: kind?, title: reader.text("title", report).map(|text| text.value.to_owned()), of: of?, threshold })
}

fn read_past(reader: &Reader<'_>, kind: Option<ChartKind>, has_past: bool, report: &mut Report<'_>) -> Option<ChartOf> {
    for name in ["x", "y"] {
        if let (Some(_), Some(place)) = (reader.node("value"), reader.key_place(name)) {
            let hint = "`value` draws the past of each key, `x` and `y` the rows of a message: remove one".to_owned();
            report.at(place, format!("`{name}` and `value` cannot both stand in a chart"), Some(hint));
        }
    }
    if let Some(place) = reader.key_place("value").filter(|_| !has_past) {
        let hint = "draw the rows: x = \"name\", y = \"stock\"".to_owned();
        report.at(place, "`value` draws the past of a key, which only alert_on = \"match\" with a `key` has", Some(hint));
    }
    if kind == Some(ChartKind::Pie)
        && let Some(node) = reader.node("kind")
    {
        report.at(&node.place, "the past of a value is no pie", Some("write kind = \"line\"".to_owned()));
    }
    let text = reader.text("value", report).or_else(|| one_of(reader, report))?;
    Some(ChartOf::History { value: text.value.to_owned() })
}

/// The only column of `y`.
fn one_of<'a>(reader: &Reader<'a>, report: &mut Report<'_>) -> Option<Text<'a>> {
    let texts = reader.node("y").filter(|_| reader.node("value").is_none()).and_then(|_| reader.text_or_texts("y", report))?;
    if let [_, second, ..] = texts[..] {
        let hint = "write one column; or name the labels for a chart of the rows: x = \"name\"".to_owned();
        report.at(second.place(), "the past of one column is drawn", Some(hint));
    }
    texts.into_iter().next()
}

fn read_rows(reader: &Reader<'_>, kind: Option<ChartKind>, report: &mut Report<'_>) -> Option<ChartOf> {
    for (name, what) in [("x", "labels"), ("y", "numbers")] {
        if reader.node(name).is_none() && !reader.has_unknown() {
            let hint = format!("name the column of the {what}: {name} = \"…\"");
            report.missing(reader.place, format!("`{name}` is missing in [chart]"), Some(hint));
        }
    }
    let x = reader.text("x", report).map(|text| text.value.to_owned());
    let texts = reader.text_or_texts("y", report)?;
    let mut y: Vec<String> = Vec::new();
    for text in &texts {
        if y.iter().any(|name| name == text.value) {
            report.at(text.place(), format!("the column {} stands twice in `y`", text.quoted()), Some("remove one".to_owned()));
        }
        y.push(text.value.to_owned());
    }
    let most = if kind == Some(ChartKind::Pie) { 1 } else { MOST_COLUMNS };
    if let Some(text) = texts.get(most) {
        let (message, hint) = match most {
            1 => ("a pie has one column of numbers".to_owned(), "write one, or kind = \"bar\"".to_owned()),
            _ => (format!("a chart has at most {MOST_COLUMNS} columns of numbers"), "remove some".to_owned()),
        };
        report.at(text.place(), message, Some(hint));
    }
    if let (true, Some(node)) = (texts.is_empty(), reader.node("y")) {
        report.at(&node.place, "`y` names no column", Some("name the column of the numbers: y = \"…\"".to_owned()));
    }
    let sort = match reader.word("sort", report) {
        Some("ascending") => Some(Sort::Ascending),
        Some(_) => Some(Sort::Descending),
        None => None,
    };
    let limit = reader.count("limit", report).and_then(|limit| usize::try_from(limit).ok());
    Some(ChartOf::Rows { x: x?, y, sort, limit })
}

fn read_threshold(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<ThresholdRule> {
    let node = reader.node("threshold")?;
    match &node.content {
        Content::Integer(number) => Some(ThresholdRule::Number(number.to_string())),
        Content::Float(written) => {
            let number = parse_number(&written.replace('_', "")).map(|number| ThresholdRule::Number(number.to_plain_string()));
            if number.is_none() {
                report.at(&node.place, "`threshold` must be a finite number", None);
            }
            number
        }
        Content::Text(text, _) if parse_number(text.trim()).is_some() => {
            let hint = format!("write it without quotes: threshold = {}", text.trim());
            report.at(&node.place, "a number stands in quotes here, and would be taken for a column", Some(hint));
            None
        }
        _ => reader.text("threshold", report).map(|text| ThresholdRule::Column(text.value.to_owned())),
    }
}

/// Keys that mean nothing for this kind of chart.
fn refuse_for(reader: &Reader<'_>, kind: Option<ChartKind>, is_past: bool, report: &mut Report<'_>) {
    let mut refuse = |name: &str, message: &str| {
        if let Some(place) = reader.key_place(name) {
            report.at(place, message, Some("remove it".to_owned()));
        }
    };
    if kind == Some(ChartKind::Pie) {
        refuse("threshold", "a pie has no `threshold`");
    }
    for name in ["sort", "limit"] {
        if is_past {
            refuse(name, &format!("`{name}` has no meaning for the past of a value"));
        } else if kind == Some(ChartKind::Line) {
            refuse(name, &format!("`{name}` has no meaning for a line, which is drawn as the query returns it"));
        }
    }
}
