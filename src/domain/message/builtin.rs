//! The built-in message: what, how many, since when, and the rows as short lists that read well on a phone.
//!
//! A few alerts are shown with a line for each column, many with a line for each alert. A client breaks no line inside a
//! paragraph, so whatever stands on a line of its own is a paragraph or an item of a list, with a blank line between the
//! two. What is worse comes first, for a message that is too long is cut from its end.

use super::buttons::Extras;
use super::form::{self, FeedLine};
use super::neutralise::neutralise_to;
use super::report;
use super::words::{self, Language};
use super::{MAX_TEXT_BYTES, Message, Setting, cut, duration_words, json_bytes, neutralise};
use crate::domain::alert::{Event, EventKind};
use crate::domain::row::Row;
use crate::domain::value::parse_number;
use crate::domain::watcher::Mention;
use bigdecimal::BigDecimal;
use std::cmp::Reverse;

/// Up to so many events each column gets a line of its own; more are one line each.
pub(super) const MOST_EXPANDED: usize = 4;
/// Columns shown of an event that has one line.
const MOST_COLUMNS_IN_LINE: usize = 6;
/// Columns shown of an event that is expanded.
const MOST_COLUMNS: usize = 16;
/// Rows shown of one alert without a key, or of one key with several rows.
const MOST_ROWS: usize = 10;
/// Characters of a value that shares its line with others.
const MOST_CHARS_IN_LINE: usize = 60;
/// Characters of a reason: a sentence of ours, or a database's words.
const MOST_CHARS_OF_REASON: usize = 1_000;

/// The order in which kinds are told: what is worse first.
const KINDS: [EventKind; 9] = [
    EventKind::WatcherFailed,
    EventKind::Escalated,
    EventKind::Fired,
    EventKind::Changed,
    EventKind::Repeated,
    EventKind::Report,
    EventKind::Acknowledged,
    EventKind::Resolved,
    EventKind::WatcherRecovered,
];

/// The events in the order in which they are told: by kind, the severe first, then by key as a person would sort it.
pub(super) fn in_order<'a>(events: &[&'a Event]) -> Vec<&'a Event> {
    let mut sorted = events.to_vec();
    sorted.sort_by_cached_key(|event| {
        let key = event.key.as_ref().map(|key| (0..key.len()).map(|at| sort_key(key, at)).collect::<Vec<_>>());
        (KINDS.iter().position(|kind| *kind == event.kind), Reverse(event.severity), key)
    });
    sorted
}

/// NULL first, then numbers by value, then texts. A number with an exponent sorts as a text: its digits could fill the
/// memory.
fn sort_key(key: &Row, at: usize) -> (bool, Option<BigDecimal>, String) {
    let Some(text) = key.text(at) else { return (false, None, String::new()) };
    let is_plain = text.len() <= 80 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    let number = is_plain.then(|| parse_number(&text)).flatten();
    (number.is_none(), number, text.into_owned())
}

/// Renders the events, which stand in their order. `extras` holds what belongs to each event, or nothing.
pub(super) fn message(setting: &Setting<'_>, events: &[&Event], extras: &[Extras], mentions: Vec<Mention>) -> Message {
    if let [event] = events
        && event.kind == EventKind::Report
    {
        return report::message(setting, event, mentions);
    }
    let name = neutralise(setting.description.unwrap_or(setting.watcher));
    let counts = counts(setting.language, events).join(" · ");
    let icon = lead_icon(events);
    let severity = top_severity(setting.language, events).map(|severity| format!(" · {severity}")).unwrap_or_default();
    let mut blocks = vec![format!("### {icon} {name}"), format!("**{counts}**{severity}")];
    let first_cuttable = blocks.len();
    let items = items(setting, events, extras);
    let cuttable = items.len();
    blocks.extend(items);
    blocks.push(foot(setting, events));
    let title = format!("{icon} {name}{}{counts}", setting.language.colon());
    Message {
        title: cut::to_chars(&title, super::MAX_TITLE_CHARS),
        blocks,
        first_cuttable,
        cuttable,
        omitted: events.len() - cuttable,
        language: setting.language,
        mentions,
        ..Message::default()
    }
}

/// A line of a feed for each event; nothing where one has no picture or no link.
pub(super) fn feed(setting: &Setting<'_>, events: &[&Event], extras: &[Extras]) -> Vec<FeedLine> {
    let lines = events.iter().zip(extras).map(|(event, extras)| {
        let text = line_item(setting, event, false, "");
        Some(form::feed_line(setting.language, event, &text, extras.links.first()?, extras.picture.as_deref()?))
    });
    lines.collect::<Option<_>>().unwrap_or_default()
}

fn items(setting: &Setting<'_>, events: &[&Event], extras: &[Extras]) -> Vec<String> {
    let icons = events.iter().any(|event| icon(event) != icon(events[0]));
    let links: Vec<String> = extras.iter().map(Extras::line).collect();
    let link = |at: usize| links.get(at).map(String::as_str).unwrap_or_default();
    if events.len() <= MOST_EXPANDED {
        let picture = |at: usize| extras.get(at).and_then(|extras| extras.picture.as_ref());
        let with_picture = |(at, event): (usize, &&Event)| {
            let item = expanded_item(setting, event, icons, link(at));
            picture(at).map_or(item.clone(), |picture| format!("{item}\n\n![]({picture})"))
        };
        let items: Vec<_> = events.iter().enumerate().map(with_picture).collect();
        if events.len() == 1 || items.iter().map(|item| json_bytes(item)).sum::<usize>() < MAX_TEXT_BYTES - 2_000 {
            return items;
        }
    }
    // What is beyond the limit would only be cut again; of a hundred thousand events that is nearly all.
    let mut bytes = 0;
    let lines = events.iter().enumerate().map(|(at, event)| format!("- {}", line_item(setting, event, icons, link(at))));
    let fits = |line: &String| {
        let before = bytes;
        bytes += json_bytes(line);
        before <= MAX_TEXT_BYTES
    };
    lines.take_while(fits).collect()
}

/// Whose it is, where it was read, and when.
pub(super) fn foot(setting: &Setting<'_>, events: &[&Event]) -> String {
    let at = events.first().map(|event| event.at.with_timezone(&setting.zone).format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
    format!("> {} · {} · {at}", neutralise(setting.watcher), neutralise(setting.source))
}

fn counts(language: Language, events: &[&Event]) -> Vec<String> {
    let number = |kind| events.iter().filter(|event| event.kind == kind).count();
    let is_new = |kind| events.iter().any(|event| event.kind == kind && event.since.is_none());
    KINDS.iter().filter(|kind| number(**kind) > 0).map(|kind| words::count(language, *kind, is_new(*kind), number(*kind))).collect()
}

fn is_over(event: &Event) -> bool {
    matches!(event.kind, EventKind::Resolved | EventKind::WatcherRecovered)
}

fn icon(event: &Event) -> &'static str {
    words::icon(event.kind, event.severity)
}

fn lead_icon(events: &[&Event]) -> &'static str {
    events.iter().min_by_key(|event| (is_over(event), Reverse(event.severity))).map_or("", |event| icon(event))
}

fn top_severity(language: Language, events: &[&Event]) -> Option<&'static str> {
    let open = events.iter().filter(|event| !is_over(event));
    open.map(|event| event.severity).max().map(|severity| words::severity(language, severity))
}

/// One event with a line for each column, or for each of its rows.
fn expanded_item(setting: &Setting<'_>, event: &Event, with_icon: bool, links: &str) -> String {
    if event.fingerprint.is_none() {
        let parts = [neutralise_to(&reason(setting, event), MOST_CHARS_OF_REASON), lasted(setting, event).unwrap_or_default()];
        return parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    }
    if is_over(event) {
        return line_item(setting, event, with_icon, links);
    }
    if event.kind == EventKind::Changed {
        return changed_item(setting, event, with_icon, links);
    }
    let mut lines: Vec<String> = match event.rows.as_slice() {
        [row] => {
            let columns = columns_but_key(event, row, neutralise).take(MOST_COLUMNS);
            columns.map(|(name, value)| format!("- {name}{}{value}", setting.language.colon())).collect()
        }
        rows => rows.iter().take(MOST_ROWS).map(|row| format!("- {}", row_in_line(event, row))).collect(),
    };
    let shown = event.rows.len().min(MOST_ROWS) as u64;
    if event.row_count > shown {
        lines.push(format!("- {}", words::more_rows(setting.language, event.row_count - shown)));
    }
    if !links.is_empty() {
        lines.push(format!("- {links}"));
    }
    let parts = [head(setting, event, with_icon), lines.join("\n")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// A changed row: what it was and what it is, then what else there is to know of it.
fn changed_item(setting: &Setting<'_>, event: &Event, with_icon: bool, links: &str) -> String {
    let colon = setting.language.colon();
    let mut lines: Vec<String> = differences(event, neutralise).map(|(name, was, is)| format!("- {name}{colon}{was} → **{is}**")).collect();
    if let Some(row) = event.rows.first().or(event.previous.as_ref()) {
        let others =
            columns_but_key(event, row, neutralise).filter(|(name, _)| !event.changed.iter().any(|changed| neutralise(changed) == *name));
        lines.extend(others.take(MOST_COLUMNS.saturating_sub(lines.len())).map(|(name, value)| format!("- {name}{colon}{value}")));
    }
    if !links.is_empty() {
        lines.push(format!("- {links}"));
    }
    let parts = [head(setting, event, with_icon), lines.join("\n")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Each changed column with its value before and now.
fn differences<'a>(event: &'a Event, neutral: impl Fn(&str) -> String + Copy + 'a) -> impl Iterator<Item = (String, String, String)> + 'a {
    let cell = move |row: Option<&Row>, name: &str| {
        let found = row.and_then(|row| row.columns().position(name).filter(|at| *at < row.len()).map(|at| row.text(at)));
        match found {
            Some(Some(text)) if text.is_empty() => words::EMPTY.to_owned(),
            Some(Some(text)) => neutral(&text),
            Some(None) | None => words::NULL.to_owned(),
        }
    };
    event.changed.iter().map(move |name| (neutral(name), cell(event.previous.as_ref(), name), cell(event.rows.first(), name)))
}

/// One event on one line.
fn line_item(setting: &Setting<'_>, event: &Event, with_icon: bool, links: &str) -> String {
    let mut columns = event.rows.first().map(|row| row_in_line(event, row)).unwrap_or_default();
    if event.kind == EventKind::Changed && !event.changed.is_empty() {
        let changes = differences(event, |text| neutralise_to(text, MOST_CHARS_IN_LINE));
        columns = changes.map(|(name, was, is)| format!("{name} {was} → {is}")).collect::<Vec<_>>().join(" · ");
    }
    if is_over(event) && !columns.is_empty() {
        columns.insert_str(0, &format!("{} ", words::last_seen(setting.language)));
    }
    let parts = [head(setting, event, with_icon), columns, links.to_owned()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The sign, the key in bold, how many rows, how long.
fn head(setting: &Setting<'_>, event: &Event, with_icon: bool) -> String {
    let key = event.key.as_ref().filter(|key| !key.is_empty()).map(|key| format!("**{}**", joined(cells(key, neutralise))));
    let key = key.map(|key| if with_icon { format!("{} {key}", icon(event)) } else { key });
    let rows = (event.row_count > 1).then(|| words::rows(setting.language, event.row_count));
    let row_is = match (event.kind, event.rows.is_empty(), event.previous.is_some()) {
        (EventKind::Changed, false, false) => Some(words::added(setting.language).to_owned()),
        (EventKind::Changed, true, true) => Some(words::removed(setting.language).to_owned()),
        (EventKind::Fired | EventKind::Repeated, true, _) if event.fingerprint.is_some() => {
            Some(words::nothing_there(setting.language).to_owned())
        }
        _ => None,
    };
    [key, row_is, rows, lasted(setting, event)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// How long it has lasted; nothing for what has just begun.
fn lasted(setting: &Setting<'_>, event: &Event) -> Option<String> {
    let since = event.since.filter(|since| *since < event.at)?;
    let length = duration_words(setting.language, event.at - since);
    let since = since.with_timezone(&setting.zone).format("%m-%d %H:%M").to_string();
    Some(words::lasted(setting.language, is_over(event), &length, &since))
}

fn row_in_line(event: &Event, row: &Row) -> String {
    joined(columns_but_key(event, row, |text| neutralise_to(text, MOST_CHARS_IN_LINE)).take(MOST_COLUMNS_IN_LINE))
}

pub(super) fn joined(cells: impl Iterator<Item = (String, String)>) -> String {
    cells.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(" · ")
}

pub(super) fn cells<'a>(row: &'a Row, neutral: impl Fn(&str) -> String + 'a) -> impl Iterator<Item = (String, String)> + 'a {
    let or_empty = |text: String| if text.is_empty() { words::EMPTY.to_owned() } else { text };
    let names = row.columns().names().iter().enumerate().take(row.len());
    names.map(move |(at, name)| {
        (or_empty(neutral(name)), row.text(at).map_or_else(|| words::NULL.to_owned(), |text| or_empty(neutral(&text))))
    })
}

fn columns_but_key<'a>(
    event: &'a Event,
    row: &'a Row,
    neutral: impl Fn(&str) -> String + 'a,
) -> impl Iterator<Item = (String, String)> + 'a {
    let is_key = |at: usize| event.key.as_ref().is_some_and(|key| key.columns().names().contains(&row.columns().names()[at]));
    cells(row, neutral).enumerate().filter(move |(at, _)| !is_key(*at)).map(|(_, cell)| cell)
}

/// The reason of a watcher's own event in the language of the message; a database's words stay as they are.
fn reason(setting: &Setting<'_>, event: &Event) -> String {
    let polls = event.row_count;
    let error = event.reason.strip_prefix(&words::failing(Language::En, polls));
    if let Some(held) = event.reason.strip_prefix(words::held(Language::En)) {
        return words::held(setting.language).to_owned() + held;
    }
    match (event.kind, error) {
        (EventKind::WatcherFailed, Some(error)) => words::failing(setting.language, polls) + error,
        (EventKind::WatcherRecovered, _) if event.reason == words::works_again(Language::En, polls) => {
            words::works_again(setting.language, polls)
        }
        _ => event.reason.clone(),
    }
}
