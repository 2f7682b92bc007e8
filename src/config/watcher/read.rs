//! Reads the tree of a watcher's file, key by key, and goes on after each fault.

use super::fields::{LATER_ALERT_ON, SEVERITY, WATCHER};
use super::notify::{read_message, read_notify};
use crate::config::field::{Kind, nearest};
use crate::config::node::{Content, Node};
use crate::config::read_text;
use crate::config::reader::{Reader, Report, Text};
use crate::config::settings::Settings;
use crate::domain::alert::Severity;
use crate::domain::expression::Expression;
use crate::domain::schedule::Schedule;
use crate::domain::watcher::{AlertOn, FAILURES_BEFORE_ALERT, SeverityRule, Watcher};
use chrono_tz::Tz;
use std::path::Path;

/// The watcher, when it is whole; what is wrong is in the report.
pub(super) fn read(name: &str, path: &Path, root: &Node, settings: &Settings, report: &mut Report<'_>) -> Option<Watcher> {
    let reader = Reader::new(&WATCHER, root, report)?;
    reader.require(report);
    let timezone = reader.zone("timezone", report).unwrap_or(settings.timezone);
    let description = reader.text("description", report).map(|text| text.value.to_owned());
    let source = read_source(&reader, settings, report);
    let schedule = read_schedule(&reader, name, timezone, report);
    let alert_on = read_alert_on(&reader, report);
    let key = read_key(&reader, alert_on, report);
    let query = read_query(&reader, path, report);
    let when = condition(&reader, "when", report);
    let severity = read_severity(&reader, report);
    let repeat_interval = reader.duration("repeat_interval", report);
    let send_resolved = reader.boolean("send_resolved", report);
    let timeout = reader.duration("timeout", report);
    let max_rows = reader.count("max_rows", report);
    let failures_before_alert =
        reader.count("failures_before_alert", report).and_then(|count| u32::try_from(count).ok()).unwrap_or(FAILURES_BEFORE_ALERT);
    let message = read_message(&reader, report);
    let notify = read_notify(&reader, settings, report);
    Some(Watcher {
        name: name.to_owned(),
        description,
        source: source?,
        schedule: schedule?,
        timezone,
        alert_on: alert_on?,
        key,
        query: query?,
        when,
        severity: severity?,
        repeat_interval,
        send_resolved: send_resolved?,
        timeout,
        max_rows,
        failures_before_alert,
        message,
        notify,
    })
}

fn read_source(reader: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("source", report)?;
    if !settings.sources.contains_key(text.value) {
        let (message, hint) = settings.unknown_source(text);
        report.at(text.place(), message, Some(hint));
    }
    Some(text.value.to_owned())
}

fn read_schedule(reader: &Reader<'_>, name: &str, zone: Tz, report: &mut Report<'_>) -> Option<Schedule> {
    let every = reader.duration("every", report).map(|interval| Schedule::every(interval, name));
    let cron = reader.text("schedule", report).and_then(|text| match Schedule::cron(text.value, zone) {
        Ok(schedule) => Some(schedule),
        Err(error) => {
            report.inside(text.node, error.span, error.message, error.hint);
            None
        }
    });
    either(reader, "schedule", "every", "when does it poll? write every = \"5m\", or schedule = \"*/5 * * * *\"", report);
    cron.or(every)
}

/// Reports when both or none of two keys stand there.
fn either(reader: &Reader<'_>, one: &str, other: &str, hint: &str, report: &mut Report<'_>) {
    match (reader.key_place(one), reader.key_place(other)) {
        (Some(_), Some(place)) => {
            let message = format!("`{other}` and `{one}` cannot both stand in a watcher");
            report.at(place, message, Some("remove one of them".to_owned()));
        }
        (None, None) => report.missing(reader.place, format!("`{one}` or `{other}` is missing"), Some(hint.to_owned())),
        _ => {}
    }
}

fn read_alert_on(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<AlertOn> {
    if let Some(text) = reader.node("alert_on").and_then(Text::of)
        && LATER_ALERT_ON.contains(&text.value)
    {
        let hint = "this version knows \"match\" and \"new\"".to_owned();
        report.at(text.place(), format!("`alert_on = \"{}\"` is not available in this version", text.value), Some(hint));
        return None;
    }
    let word = reader.word("alert_on", report)?;
    let first_poll = reader.word("first_poll", report);
    let (other, misplaced) = if word == "new" { ("match", "repeat_interval") } else { ("new", "first_poll") };
    if let Some(place) = reader.key_place(misplaced) {
        let message = format!("`{misplaced}` has no meaning for alert_on = \"{word}\"");
        report.at(place, message, Some(format!("it is for alert_on = \"{other}\": remove it")));
    }
    Some(if word == "new" { AlertOn::New { alert_on_first_poll: first_poll == Some("alert") } } else { AlertOn::Match })
}

fn read_key(reader: &Reader<'_>, alert_on: Option<AlertOn>, report: &mut Report<'_>) -> Vec<String> {
    let columns = reader.texts("key", report);
    let is_new = matches!(alert_on, Some(AlertOn::New { .. }));
    if is_new && reader.node("key").is_none() {
        let hint = "name the columns by which a row is known again: key = [\"id\"]".to_owned();
        report.missing(reader.place, "`key` is missing: alert_on = \"new\" tells each key once", Some(hint));
    }
    let Some(columns) = columns else { return Vec::new() };
    if columns.is_empty()
        && let Some(node) = reader.node("key")
    {
        let hint = "name columns, or remove it: without a key the whole result is one alert".to_owned();
        report.at(&node.place, "`key` names no column", Some(hint));
    }
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        if names.iter().any(|name| name == column.value) {
            report.at(column.place(), format!("the column {} stands twice in `key`", column.quoted()), Some("remove one".to_owned()));
        } else {
            names.push(column.value.to_owned());
        }
    }
    names
}

fn read_query(reader: &Reader<'_>, path: &Path, report: &mut Report<'_>) -> Option<String> {
    either(reader, "query", "query_file", "write query = '''select …''', or query_file = \"name.sql\"", report);
    if let Some(query) = reader.text("query", report) {
        return Some(query.value.to_owned());
    }
    let file = reader.text("query_file", report)?;
    let query = path.parent().unwrap_or(Path::new("")).join(file.value);
    match read_text(&query) {
        Ok(text) if text.trim().is_empty() => {
            report.at(file.place(), format!("the query file `{}` is empty", query.display()), None);
            None
        }
        // Editors on Windows begin a file with a byte order mark, which PostgreSQL takes for a part of the query.
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()),
        Err(fault) => {
            let at = fault.line().map(|line| format!(" (line {line})")).unwrap_or_default();
            let hint = fault.hint.or_else(|| Some("a relative path is looked up beside the watcher's file".to_owned()));
            report.at(file.place(), format!("the query file `{}` cannot be used: {}{at}", query.display(), fault.message), hint);
            None
        }
    }
}

/// A SQL condition.
pub(super) fn condition(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Expression> {
    let text = reader.text(name, report)?;
    match Expression::parse(text.value) {
        Ok(expression) if expression.uses_previous() => {
            let start = text.value.to_lowercase().find("previous").filter(|at| text.value.is_char_boundary(*at)).unwrap_or(0);
            let message = "`previous` is not available in this version";
            report.inside(text.node, start..start + "previous".len(), message, Some("compare columns of the row itself".to_owned()));
            None
        }
        Ok(expression) => Some(expression),
        Err(error) => {
            report.inside(text.node, error.span, error.message, error.hint);
            None
        }
    }
}

fn read_severity(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<SeverityRule> {
    let Some(node) = reader.node("severity") else { return Some(SeverityRule::fixed(Severity::Warning)) };
    let Content::Array(items) = &node.content else { return fixed_severity(node, report) };
    if items.is_empty() {
        report.at(&node.place, "`severity` has no case", Some("write for example: severity = \"warning\"".to_owned()));
    }
    let mut cases: Vec<(Option<Expression>, Severity)> = Vec::new();
    let mut always = false;
    for item in items {
        if always {
            let hint = "put the case without `when` last".to_owned();
            report.at(&item.place, "this case can never be reached: the one before it always holds", Some(hint));
        }
        let Some(case) = Reader::new(&SEVERITY, item, report) else { continue };
        case.require(report);
        always |= case.node("when").is_none();
        let when = condition(&case, "when", report);
        let level = case.word("level", report).and_then(|word| word.parse().ok());
        cases.extend(level.map(|level| (when, level)));
    }
    if !always {
        cases.push((None, Severity::Warning));
    }
    Some(SeverityRule { cases })
}

fn fixed_severity(node: &Node, report: &mut Report<'_>) -> Option<SeverityRule> {
    let kind = Kind::Severity(&SEVERITY);
    let Some(text) = Text::of(node) else {
        report.at(&node.place, format!("expected {}, found {}", kind.expected(), node.describe()), None);
        return None;
    };
    match text.value.parse::<Severity>() {
        Ok(severity) => Some(SeverityRule::fixed(severity)),
        Err(_) => {
            let near = nearest(text.value, Severity::ALL.iter().map(|severity| severity.as_str()));
            let hint = near.map(|near| format!("did you mean \"{near}\"?"));
            report.at(&node.place, format!("{} is not \"info\", \"warning\" or \"critical\"", text.quoted()), hint);
            None
        }
    }
}
