//! Renders a watcher's message with sample rows, once for every kind of event that it can tell: a template that fails for
//! `resolved`, or for a report without rows, is found before it is needed.
//!
//! A sample can only say what holds for every row of its kinds. So what fails for each sample is a fault. What fails for
//! some, or looks up something by a row's content, is a warning.

use super::columns::find;
use super::scenes::{Sample, Scene, scenes};
use crate::config::{Fault, Part, WatcherText, nearest};
use crate::domain::message::{self, EVENT_NAMES, Language, Setting};
use crate::domain::template::TemplateError;
use crate::domain::value::Kind;
use crate::domain::watcher::{Button, MessageTemplate, Watcher};
use crate::source::ColumnInfo;
use chrono::{DateTime, Utc};

/// Columns of unknown kind that are tried one by one; of more, all are tried at once.
const MOST_TRIED_ALONE: usize = 12;

/// What the trial found.
#[derive(Default)]
pub(super) struct Verdict {
    pub faults: Vec<Fault>,
    pub warnings: Vec<Fault>,
}

/// Renders every part of the message but those of which it is known that they are wrong.
pub(super) fn trial(watcher: &Watcher, columns: &[ColumnInfo], text: &WatcherText, wrong: &[Part], now: DateTime<Utc>) -> Verdict {
    let mut verdict = Verdict::default();
    // Without its key there is no event to render.
    if watcher.message == MessageTemplate::default() || watcher.key.iter().any(|name| find(columns, name).is_none()) {
        return verdict;
    }
    let variants: Vec<Vec<Scene>> = variants(columns).iter().map(|samples| scenes(watcher, columns, samples, now)).collect();
    let fractions = fractions(columns).map(|samples| scenes(watcher, columns, &samples, now));
    for (part, template) in parts(&watcher.message).into_iter().filter(|(part, _)| !wrong.contains(part)) {
        let failures: Vec<Option<Failure>> = variants.iter().map(|scenes| first_failure(watcher, &template, scenes)).collect();
        let fails_always = failures.iter().all(Option::is_some);
        if let Some(failure) = failures.into_iter().flatten().next().filter(|_| fails_always) {
            let source = source_of(part, &watcher.message);
            let hangs_on_content = failure.error.span.clone().and_then(|span| source.get(span)).is_some_and(looks_up_content);
            match hangs_on_content {
                true => verdict.warnings.push(failure.told(part, text, " with a sample row")),
                false => verdict.faults.push(failure.told(part, text, "")),
            }
        } else if !fails_always && let Some(failure) = fractions.as_ref().and_then(|scenes| first_failure(watcher, &template, scenes)) {
            verdict.warnings.push(failure.told(part, text, " where a number has a fraction"));
        }
    }
    verdict
}

/// How a part fails.
struct Failure {
    label: &'static str,
    /// Whether the event is of something that is missing.
    is_missing: bool,
    error: TemplateError,
}

impl Failure {
    fn told(self, part: Part, text: &WatcherText, condition: &str) -> Fault {
        let what = match part {
            Part::Title => "the title",
            Part::Body => "the body",
            _ => "the button",
        };
        let words = self.error.message.as_str();
        let undefined = words.strip_prefix("undefined value");
        let meant = undefined.and_then(event_name).map(|near| format!("did you mean `{near}`?"));
        let hint = match undefined {
            Some(_) if self.is_missing => Some("what is missing has no row, only its key: {{ event.key }}"),
            Some(_) if self.label.contains("without rows") => {
                Some("ask first: {% if events[0].rows %} … {% endif %}; or write send_empty = false")
            }
            Some(_) if meant.is_some() => meant.as_deref(),
            Some(_) => Some("ask first: {% if … is defined %}, or give it a default: {{ … | default('') }}"),
            None if words.starts_with("invalid operation") => {
                Some("a number with a fraction is text here, with all its digits: let the query compute with it")
            }
            None => None,
        };
        let why = undefined.map_or(words, |rest| rest.strip_prefix(": ").unwrap_or("something is undefined"));
        let message = format!("{what} fails for {}{condition}: {why}", self.label);
        text.fault(part, self.error.span, message, hint.map(str::to_owned))
    }
}

/// The name of an event's that was probably meant by what is undefined: `: \`e.sinc\` is undefined`.
fn event_name(undefined: &str) -> Option<&'static str> {
    let (owner, name) = undefined.split('`').nth(1)?.rsplit_once('.')?;
    let of_rows = ["row", "key", "previous"].iter().any(|object| owner == *object || owner.ends_with(&format!(".{object}")));
    nearest(name, EVENT_NAMES).filter(|near| !of_rows && *near != name)
}

fn first_failure(watcher: &Watcher, template: &MessageTemplate, scenes: &[Scene]) -> Option<Failure> {
    let setting = Setting {
        watcher: &watcher.name,
        description: watcher.description.as_deref(),
        source: &watcher.source,
        template,
        language: Language::En,
        zone: watcher.timezone,
    };
    scenes.iter().find_map(|scene| {
        let (_, error) = message::compose(&setting, &[&scene.event], Vec::new());
        error.map(|error| Failure { label: scene.label, is_missing: scene.event.row_count == 0 && scene.event.key.is_some(), error })
    })
}

/// Each part of the message as a message of its own, so that a failure is that of the part.
fn parts(message: &MessageTemplate) -> Vec<(Part, MessageTemplate)> {
    let none = MessageTemplate::default;
    let mut parts = Vec::new();
    parts.extend(message.title.iter().map(|title| (Part::Title, MessageTemplate { title: Some(title.clone()), ..none() })));
    parts.extend(message.body.iter().map(|body| (Part::Body, MessageTemplate { body: Some(body.clone()), ..none() })));
    for (at, Button { title, url }) in message.buttons.iter().enumerate() {
        let button =
            |title: &str, url: &str| MessageTemplate { buttons: vec![Button { title: title.to_owned(), url: url.to_owned() }], ..none() };
        parts.push((Part::ButtonTitle(at), button(title, "https://example.com")));
        parts.push((Part::ButtonUrl(at), button("x", url)));
    }
    parts.extend(message.picture.iter().map(|url| (Part::Picture, MessageTemplate { picture: Some(url.clone()), ..none() })));
    parts
}

fn source_of(part: Part, message: &MessageTemplate) -> &str {
    let button = |at: usize| message.buttons.get(at);
    match part {
        Part::Title => message.title.as_deref(),
        Part::Body => message.body.as_deref(),
        Part::ButtonTitle(at) => button(at).map(|button| button.title.as_str()),
        Part::ButtonUrl(at) => button(at).map(|button| button.url.as_str()),
        Part::Picture => message.picture.as_deref(),
        _ => None,
    }
    .unwrap_or_default()
}

/// Whether an expression of a template looks something up by what a row holds, or by its place in a list: `names[event.row.status]`,
/// `events[1]`.
fn looks_up_content(expression: &str) -> bool {
    expression.split('[').skip(1).any(|rest| {
        let index = rest.split(']').next().unwrap_or_default().trim();
        !(index == "0" || index == "-1" || index.starts_with(['"', '\'']))
    })
}

/// The samples that every template must be able to take: where the database does not tell the kind of a column, one of
/// these is right.
fn variants(columns: &[ColumnInfo]) -> Vec<Vec<Sample>> {
    let with = |unknown: &dyn Fn(usize) -> Kind| -> Vec<Sample> {
        let kind = |(at, column): (usize, &ColumnInfo)| column.kind.or_else(|| declared(&column.type_name)).unwrap_or_else(|| unknown(at));
        columns.iter().enumerate().map(kind).map(|kind| Sample { kind, has_fraction: kind == Kind::Float }).collect()
    };
    let unknown: Vec<usize> =
        (0..columns.len()).filter(|at| columns[*at].kind.is_none() && declared(&columns[*at].type_name).is_none()).collect();
    let mut variants = vec![with(&|_| Kind::Number)];
    if !unknown.is_empty() {
        variants.push(with(&|_| Kind::Text));
        for alone in unknown.iter().take(MOST_TRIED_ALONE) {
            variants.push(with(&|at| if at == *alone { Kind::Text } else { Kind::Number }));
            variants.push(with(&|at| if at == *alone { Kind::Number } else { Kind::Text }));
        }
    }
    variants
}

/// The same, with a fraction in every number that may have one; none where no number may.
fn fractions(columns: &[ColumnInfo]) -> Option<Vec<Sample>> {
    let may_have = |column: &ColumnInfo| {
        let name = column.type_name.to_lowercase();
        column.kind == Some(Kind::Number) && (name.contains("numeric") || name.contains("decimal"))
    };
    let sample = |column: &ColumnInfo| {
        let kind = column.kind.or_else(|| declared(&column.type_name)).unwrap_or(Kind::Number);
        Sample { kind, has_fraction: kind == Kind::Float || may_have(column) }
    };
    columns.iter().any(may_have).then(|| columns.iter().map(sample).collect())
}

/// What a declared type of SQLite mostly holds; none where anything may come.
fn declared(type_name: &str) -> Option<Kind> {
    let name = type_name.to_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match () {
        () if has(&["INT"]) => Some(Kind::Number),
        () if has(&["CHAR", "TEXT", "CLOB", "DATE", "TIME"]) => Some(Kind::Text),
        () if has(&["REAL", "FLOA", "DOUB"]) => Some(Kind::Float),
        () => None,
    }
}
