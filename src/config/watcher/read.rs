//! Reads the tree of a watcher's file, key by key, and goes on after each fault.

use super::active::read_active;
use super::chart::read_chart;
use super::fields::{SEVERITY, WATCHER};
use super::guard::read_guard;
use super::notify::{read_message, read_notify};
use super::params::read_params;
use super::watching::{Given, read_alert_on};
use crate::config::field::{Kind, nearest};
use crate::config::node::{Content, Node};
use crate::config::read_text;
use crate::config::reader::{Reader, Report, Text};
use crate::config::settings::Settings;
use crate::domain::alert::Severity;
use crate::domain::expression::Expression;
use crate::domain::schedule::Schedule;
use crate::domain::silence;
use crate::domain::sql_text::Dialect;
use crate::domain::watcher::{FAILURES_BEFORE_ALERT, SeverityRule, Watcher};
use chrono_tz::Tz;
use std::path::Path;

/// The watcher, when it is whole; what is wrong is in the report.
pub(super) fn read(name: &str, path: &Path, root: &Node, settings: &Settings, report: &mut Report<'_>) -> Option<Watcher> {
    let reader = Reader::new(&WATCHER, root, report)?;
    reader.require(report);
    let timezone = reader.zone("timezone", report).unwrap_or(settings.timezone);
    let description = reader.text("description", report).map(|text| text.value.to_owned());
    let sources = read_sources(&reader, settings, report);
    let schedule = read_schedule(&reader, name, timezone, report);
    let word = reader.word("alert_on", report);
    let key = read_key(&reader, word, report);
    let query = read_query(&reader, path, report);
    let dialect =
        sources.as_ref().and_then(|(source, _)| settings.sources.get(source)).map_or(Dialect::Postgres, |source| source.dialect());
    let given = Given { key: &key, query: query.as_deref().unwrap_or_default(), dialect, zone: timezone };
    let alert_on = word.and_then(|word| read_alert_on(&reader, word, &given, report));
    let conditions = Conditions {
        knows_previous: matches!(word, Some("match" | "change")),
        no_previous: "`previous` is only known for alert_on = \"match\" or \"change\"",
    };
    let when = conditions.read(&reader, "when", report);
    let clear_when = read_clear_when(&reader, &conditions, report);
    let usual = if word == Some("report") { Severity::Info } else { Severity::Warning };
    let severity = read_severity(&reader, usual, &conditions, report);
    let (hold_for, keep_firing_for) = (reader.span("for", report), reader.span("keep_firing_for", report));
    let repeat_interval = reader.duration("repeat_interval", report);
    let max_repeats = read_max_repeats(&reader, report);
    let send_resolved = reader.boolean("send_resolved", report);
    let timeout = reader.duration("timeout", report);
    let max_rows = reader.count("max_rows", report);
    let failures_before_alert =
        reader.count("failures_before_alert", report).and_then(|count| u32::try_from(count).ok()).unwrap_or(FAILURES_BEFORE_ALERT);
    let guard = read_guard(&reader, report);
    let active = read_active(&reader, settings, report);
    let params = read_params(&reader, report);
    let message = read_message(&reader, report);
    let chart = read_chart(&reader, word, &key, report);
    let notify = read_notify(&reader, word, settings, report);
    let formerly = read_formerly(&reader, name, report);
    let (source, sources) = sources?;
    Some(Watcher {
        name: name.to_owned(),
        formerly,
        description,
        source,
        sources,
        schedule: schedule?,
        timezone,
        alert_on: alert_on?,
        key,
        query: query?,
        params,
        when,
        clear_when,
        hold_for,
        keep_firing_for,
        severity: severity?,
        repeat_interval,
        max_repeats,
        send_resolved: send_resolved?,
        timeout,
        max_rows,
        failures_before_alert,
        guard,
        active,
        message,
        chart,
        notify,
    })
}

/// The source, or all that `sources` names and the first of them.
fn read_sources(reader: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Option<(String, Vec<String>)> {
    either(reader, "source", "sources", "name the database that it reads, below [sources] in the settings: source = \"erp\"", report);
    if let Some(text) = reader.text("source", report) {
        if !settings.sources.contains_key(text.value) {
            let (message, hint) = settings.unknown_source(text);
            report.at(text.place(), message, Some(hint));
        }
        return Some((text.value.to_owned(), Vec::new()));
    }
    let mut all: Vec<String> = Vec::new();
    let texts = reader.text_or_texts("sources", report)?;
    if texts.is_empty()
        && let Some(node) = reader.node("sources")
    {
        report.at(&node.place, "`sources` names no source", Some("write for example: sources = [\"shop_*\"]".to_owned()));
    }
    for text in texts {
        let found: Vec<&String> = settings.sources.keys().filter(|name| silence::matches(text.value, name)).collect();
        if found.is_empty() && !text.value.contains(['*', '?']) {
            let (message, hint) = settings.unknown_source(text);
            report.at(text.place(), message, Some(hint));
        } else if found.is_empty() {
            let known = settings.sources.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            report.at(text.place(), format!("no source is named like {}", text.quoted()), Some(format!("the settings have {known}")));
        }
        for name in found {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
    }
    Some((all.first()?.clone(), all))
}

fn read_formerly(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("formerly", report)?;
    if text.value == name {
        report.at(text.place(), "`formerly` is the name that the watcher has now", Some("write the name it had before".to_owned()));
    }
    Some(text.value.to_owned())
}

/// A row for which `when` does not hold may go on firing; without a `when` there is no such row.
fn read_clear_when(reader: &Reader<'_>, conditions: &Conditions, report: &mut Report<'_>) -> Option<Expression> {
    if reader.node("when").is_none()
        && let Some(place) = reader.key_place("clear_when")
    {
        let hint = "write the condition on which it fires: when = \"stock < 100\"; or remove it".to_owned();
        report.missing(place, "`clear_when` belongs to a `when`: without it every row fires, and goes on firing", Some(hint));
    }
    conditions.read(reader, "clear_when", report)
}

fn read_max_repeats(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<u32> {
    let most = reader.count("max_repeats", report)?;
    if reader.node("repeat_interval").is_none()
        && let Some(place) = reader.key_place("max_repeats")
    {
        let hint = "write repeat_interval = \"4h\", or remove it".to_owned();
        report.at(place, "`max_repeats` belongs to a `repeat_interval`", Some(hint));
    }
    u32::try_from(most).ok()
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

fn read_key(reader: &Reader<'_>, alert_on: Option<&str>, report: &mut Report<'_>) -> Vec<String> {
    let columns = reader.texts("key", report);
    let needs = match alert_on {
        Some("new") => Some("tells each key once"),
        Some("change") => Some("compares each key with what it was"),
        _ => None,
    };
    if let (Some(why), Some(word), None) = (needs, alert_on, reader.node("key")) {
        let hint = "name the columns by which a row is known again: key = [\"id\"]".to_owned();
        report.missing(reader.place, format!("`key` is missing: alert_on = \"{word}\" {why}"), Some(hint));
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

/// Whether conditions may ask for what was before.
pub(super) struct Conditions {
    knows_previous: bool,
    /// Why they may not.
    no_previous: &'static str,
}

impl Conditions {
    fn read(&self, reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Expression> {
        let text = reader.text(name, report)?;
        match Expression::parse(text.value) {
            Ok(expression) if expression.uses_previous() && !self.knows_previous => {
                let start = text.value.to_lowercase().find("previous").filter(|at| text.value.is_char_boundary(*at)).unwrap_or(0);
                let hint = "compare columns of the row itself".to_owned();
                report.inside(text.node, start..start + "previous".len(), self.no_previous, Some(hint));
                None
            }
            Ok(expression) => Some(expression),
            Err(error) => {
                report.inside(text.node, error.span, error.message, error.hint);
                None
            }
        }
    }
}

/// The condition of a `[[notify]]` block, which sees the row as it is now.
pub(super) fn notify_condition(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Expression> {
    let conditions =
        Conditions { knows_previous: false, no_previous: "`previous` is not known here: who is told hangs on the row as it is" };
    conditions.read(reader, name, report)
}

fn read_severity(reader: &Reader<'_>, usual: Severity, conditions: &Conditions, report: &mut Report<'_>) -> Option<SeverityRule> {
    let Some(node) = reader.node("severity") else { return Some(SeverityRule::fixed(usual)) };
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
        let when = conditions.read(&case, "when", report);
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
