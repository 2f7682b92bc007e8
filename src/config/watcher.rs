//! `watchers/*.toml` as [`Watcher`]s. One bad file never hurts the others.
//!
//! A watcher that tells no one is a fault, not a choice: without a `[[notify]]` block the settings must name exactly
//! one receiver, which is told everything then.

use super::fault::Fault;
use super::field::{Kind, listed};
use super::node::{self, Content, Node, Place};
use super::reader::{Reader, Report, Text};
use super::settings::Settings;
use super::sheet::Sheet;
use super::watcher_fields::{BUTTON, LATER_ALERT_ON, MESSAGE, NOTIFY, SEVERITY, WATCHER};
use crate::domain::alert::Severity;
use crate::domain::expression::Expression;
use crate::domain::schedule::Schedule;
use crate::domain::template;
use crate::domain::watcher::{AlertOn, Button, FAILURES_BEFORE_ALERT, Mention, MessageTemplate, Notify, SeverityRule, Watcher};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// A file of the watchers' folder, and what became of it.
#[derive(Clone, Debug)]
pub struct WatcherFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its stem: the watcher's name.
    pub name: String,
    /// A hash of its text and of its query's file: while it stays the same, so does the watcher.
    pub text_hash: u64,
    /// The watcher, or all that is wrong with it.
    pub watcher: Result<Watcher, Vec<Fault>>,
}

/// Reads every `*.toml` of the folder but the tests (`*.test.toml`) and hidden files; in the order of their names.
pub fn load_watchers(folder: &Path, settings: &Settings) -> Result<Vec<WatcherFile>, Fault> {
    let paths = watcher_paths(folder).map_err(|error| unreadable_folder(folder, settings, &error))?;
    let mut seen = BTreeSet::new();
    let load = |path: PathBuf| {
        let mut file = load_watcher(&path, settings);
        if !seen.insert(file.name.clone()) {
            let message = format!("there is a watcher of the name `{}` already", file.name);
            file.watcher = Err(vec![Fault::of_file(&path, message, Some("rename one of the files".to_owned()))]);
        }
        file
    };
    Ok(paths.into_iter().map(load).collect())
}

/// Reads one file.
pub fn load_watcher(path: &Path, settings: &Settings) -> WatcherFile {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = match super::read_text(path) {
        Ok(text) => text,
        Err(fault) => return WatcherFile { path: path.to_owned(), name, text_hash: 0, watcher: Err(vec![fault]) },
    };
    let watcher = parse_watcher(&name, path, &text, settings);
    let query = watcher.as_ref().map(|watcher| watcher.query.as_str()).unwrap_or_default();
    let text_hash = xxh3_64(format!("{text}\0{query}").as_bytes());
    WatcherFile { path: path.to_owned(), name, text_hash, watcher }
}

/// Reads a watcher from the text of a file. `query_file` is looked up beside `path`.
pub fn parse_watcher(name: &str, path: &Path, text: &str, settings: &Settings) -> Result<Watcher, Vec<Fault>> {
    let sheet = Sheet::of_watcher(path, text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    if !super::is_name(name) {
        let message = format!("`{}` cannot be a watcher's name", name.escape_debug());
        let hint = "name the file with letters, digits, `_` and `-`, such as low_stock.toml".to_owned();
        report.push(Fault::of_file(path, message, Some(hint)));
    }
    let watcher = read(name, path, &root, settings, &mut report);
    report.finish(watcher)
}

fn watcher_paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let wanted = name.ends_with(".toml") && !name.ends_with(".test.toml") && !name.starts_with('.');
        if wanted && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable_folder(folder: &Path, settings: &Settings, error: &std::io::Error) -> Fault {
    let mut fault = settings.watchers_fault.clone();
    if folder != settings.watchers {
        fault = Fault::of_file(folder, format!("cannot read the folder of watchers `{}`", folder.display()), None);
    }
    fault.message = format!("{}: {}", fault.message, super::describe_io(error));
    fault.hint = Some("create it, or name another one in rowbell.toml: watchers = \"…\"".to_owned());
    fault
}

fn read(name: &str, path: &Path, root: &Node, settings: &Settings, report: &mut Report<'_>) -> Option<Watcher> {
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
        let (message, hint) = settings.unknown_source(text.value);
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
    match super::read_text(&query) {
        Ok(text) if text.trim().is_empty() => {
            report.at(file.place(), format!("the query file `{}` is empty", query.display()), None);
            None
        }
        Ok(text) => Some(text),
        Err(fault) => {
            let at = fault.line().map(|line| format!(" (line {line})")).unwrap_or_default();
            let hint = fault.hint.or_else(|| Some("a relative path is looked up beside the watcher's file".to_owned()));
            report.at(file.place(), format!("the query file `{}` cannot be used: {}{at}", query.display(), fault.message), hint);
            None
        }
    }
}

/// A SQL condition.
fn condition(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Expression> {
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
            let near = super::field::nearest(text.value, Severity::ALL.iter().map(|severity| severity.as_str()));
            let hint = near.map(|near| format!("did you mean \"{near}\"?"));
            report.at(&node.place, format!("{} is not \"info\", \"warning\" or \"critical\"", text.quoted()), hint);
            None
        }
    }
}

fn read_message(root: &Reader<'_>, report: &mut Report<'_>) -> MessageTemplate {
    let Some(reader) = root.node("message").and_then(|node| Reader::new(&MESSAGE, node, report)) else {
        return MessageTemplate::default();
    };
    let title = read_template(&reader, "title", report);
    let body = read_template(&reader, "body", report);
    let buttons = reader.tables("buttons", &BUTTON, report).iter().filter_map(|button| read_button(button, report)).collect();
    MessageTemplate { title, body, buttons }
}

fn read_button(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Button> {
    reader.require(report);
    let title = read_template(reader, "title", report);
    let url = read_template(reader, "url", report);
    if let (Some(url), Some(node)) = (&url, reader.node("url")) {
        let web = ["http://", "https://", "{"].iter().any(|start| url.starts_with(start));
        if !web {
            let hint = "write it whole: \"https://…\"".to_owned();
            report.at(&node.place, "the `url` of a button must begin with http:// or https://", Some(hint));
        }
    }
    Some(Button { title: title?, url: url? })
}

fn read_template(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text(name, report)?;
    if let Err(error) = template::check_syntax(text.value) {
        match error.span {
            Some(span) => report.inside(text.node, span, error.message, None),
            None => report.at(text.place(), error.message, None),
        }
    }
    Some(text.value.to_owned())
}

fn read_notify(reader: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Vec<Notify> {
    if reader.node("notify").is_none() {
        return everyone(reader.place, settings, report);
    }
    reader.tables("notify", &NOTIFY, report).iter().map(|block| read_block(block, settings, report)).collect()
}

/// Without a block: the only receiver there is.
fn everyone(place: &Place, settings: &Settings, report: &mut Report<'_>) -> Vec<Notify> {
    let names: Vec<&String> = settings.receivers.keys().collect();
    if let [only] = names[..] {
        return vec![Notify { when: None, receivers: vec![only.clone()], mention: Vec::new() }];
    }
    let example = names.first().map_or("warehouse", |name| name.as_str());
    let known = match names.is_empty() {
        true => "; the settings have no receiver yet: add [receivers.warehouse] to rowbell.toml".to_owned(),
        false => format!(" ({})", listed(names.iter().map(|name| format!("\"{name}\"")).collect())),
    };
    let hint = format!("add at the end of the file:\n[[notify]]\nreceivers = [\"{example}\"]{known}");
    report.missing(place, "no one is told: there is no [[notify]] block", Some(hint));
    Vec::new()
}

fn read_block(block: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Notify {
    block.require(report);
    let receivers = block.texts("receivers", report).unwrap_or_default();
    if let Some(Node { content: Content::Array(items), place }) = block.node("receivers")
        && items.is_empty()
    {
        report.at(place, "`receivers` names no one", Some("name a receiver, or remove the block".to_owned()));
    }
    for receiver in receivers.iter().filter(|receiver| !settings.receivers.contains_key(receiver.value)) {
        let (message, hint) = settings.unknown_receiver(receiver.value);
        report.at(receiver.place(), message, Some(hint));
    }
    let mention = block.texts("mention", report).unwrap_or_default();
    Notify {
        when: condition(block, "when", report),
        receivers: unique(&receivers),
        mention: unique(&mention).iter().map(|text| Mention::parse(text)).collect(),
    }
}

/// Each once, in order.
fn unique(texts: &[Text<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in texts {
        if !names.iter().any(|name| name == text.value) {
            names.push(text.value.to_owned());
        }
    }
    names
}
