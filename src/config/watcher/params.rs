//! Reads `[params]`: values that the query names, bound and not pasted.

use crate::config::node::{Content, Node};
use crate::config::reader::{Reader, Report};
use crate::domain::query::{ExactNumber, Param};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Names that rowbell itself gives a value.
pub(in crate::config) const OWN_PARAMS: [&str; 3] = ["cursor", "now", "last_poll"];

/// The values, by name.
pub(super) fn read_params(root: &Reader<'_>, report: &mut Report<'_>) -> Vec<(String, Param)> {
    let Some(node) = root.node("params") else { return Vec::new() };
    let Some(table) = node.table() else {
        report.at(&node.place, format!("expected a table, found {}", node.describe()), Some("write params = { limit = 100 }".to_owned()));
        return Vec::new();
    };
    let mut params = Vec::new();
    for entry in &table.entries {
        let is_name = entry.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && entry.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if OWN_PARAMS.contains(&entry.name.as_str()) {
            let message = format!("`:{}` has a value of its own", entry.name);
            report.at(&entry.key_place, message, Some("choose another name".to_owned()));
        } else if !is_name {
            let hint = "write a letter, then letters, digits and `_`".to_owned();
            report.at(&entry.key_place, "this cannot be the name of a parameter", Some(hint));
        } else if let Some(param) = read_param(&entry.node, report) {
            params.push((entry.name.clone(), param));
        }
    }
    params
}

fn read_param(node: &Node, report: &mut Report<'_>) -> Option<Param> {
    let read = match &node.content {
        Content::Text(text, _) => Some(Param::Text(text.clone())),
        Content::Integer(number) => ExactNumber::parse(&number.to_string()).map(Param::Number),
        Content::Float(text) => ExactNumber::parse(&text.replace('_', "")).map(Param::Number),
        Content::Boolean(boolean) => Some(Param::Bool(*boolean)),
        Content::Datetime(text) => moment(text),
        Content::Array(_) | Content::Table(_) => None,
    };
    if read.is_none() {
        let hint = "a parameter is one value: text, a number, true, false, a date or a time".to_owned();
        let what = match &node.content {
            Content::Float(written) => format!("`{written}`"),
            _ => node.describe().to_owned(),
        };
        report.at(&node.place, format!("{what} cannot be a parameter"), Some(hint));
    }
    read
}

fn moment(text: &str) -> Option<Param> {
    let instant = DateTime::parse_from_rfc3339(text).ok().map(|at| Param::Instant(at.to_utc()));
    let local = || NaiveDateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S%.f").ok().map(Param::DateTime);
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Param::Date);
    instant.or_else(local).or_else(day)
}
