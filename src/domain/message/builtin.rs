//! The built-in message: what, how many, since when, and the rows as short lists that read well on a phone.

use super::words::{self, Language};
use super::{Message, Setting, duration_words, neutralise};
use crate::domain::alert::{Event, EventKind};
use crate::domain::row::Row;
use crate::domain::watcher::Mention;

/// Up to so many events each column gets a line of its own; more are one line each.
pub(super) const MOST_EXPANDED: usize = 4;
/// Columns shown of an event that has one line.
const MOST_COLUMNS_IN_LINE: usize = 6;
/// Columns shown of an event that is expanded.
const MOST_COLUMNS: usize = 16;
/// Rows shown of one alert without a key, or of one key with several rows.
const MOST_ROWS: usize = 10;

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

/// Renders the events, none of which may be missing from the count.
pub(super) fn message(setting: &Setting<'_>, events: &[&Event], mentions: Vec<Mention>) -> Message {
    let name = neutralise(setting.description.unwrap_or(setting.watcher));
    let counts = counts(setting.language, events);
    let icon = lead_icon(events);
    let mut blocks = vec![format!("### {icon} {name}"), format!("**{}**", counts.join(" · "))];
    if let Some(severity) = top_severity(setting.language, events) {
        blocks[1].push_str(&format!(" · {severity}"));
    }
    let first_cuttable = blocks.len();
    let expanded = events.len() <= MOST_EXPANDED;
    for kind in KINDS {
        for event in events.iter().filter(|event| event.kind == kind) {
            blocks.push(if expanded { expanded_item(setting, event) } else { line_item(setting, event) });
        }
    }
    let cuttable = blocks.len() - first_cuttable;
    let at = events.first().map(|event| event.at.with_timezone(&setting.zone).format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
    blocks.push(format!("> {} @ {} · {at}", neutralise(setting.watcher), neutralise(setting.source)));
    let title = format!("{icon} {name}{}{}", setting.language.colon(), counts.join(" · "));
    Message {
        title: title.chars().take(super::MAX_TITLE_CHARS).collect(),
        blocks,
        first_cuttable,
        cuttable,
        omitted: 0,
        language: setting.language,
        mentions,
    }
}

fn counts(language: Language, events: &[&Event]) -> Vec<String> {
    let number = |kind| events.iter().filter(|event| event.kind == kind).count();
    let is_new = |kind| events.iter().any(|event| event.kind == kind && event.since.is_none());
    KINDS.iter().filter(|kind| number(**kind) > 0).map(|kind| words::count(language, *kind, is_new(*kind), number(*kind))).collect()
}

fn lead_icon(events: &[&Event]) -> &'static str {
    let lead = events
        .iter()
        .min_by_key(|event| (matches!(event.kind, EventKind::Resolved | EventKind::WatcherRecovered), std::cmp::Reverse(event.severity)));
    lead.map_or("", |event| words::icon(event.kind, event.severity))
}

fn top_severity(language: Language, events: &[&Event]) -> Option<&'static str> {
    let open = events.iter().filter(|event| !matches!(event.kind, EventKind::Resolved | EventKind::WatcherRecovered));
    open.map(|event| event.severity).max().map(|severity| words::severity(language, severity))
}

/// One event with a line for each column.
fn expanded_item(setting: &Setting<'_>, event: &Event) -> String {
    let mut lines = vec![head(setting, event)];
    if event.fingerprint.is_none() {
        return format!("{}\n\n{}", lines[0], neutralise_long(&event.reason));
    }
    match event.rows.as_slice() {
        [row] => lines.extend(
            columns_but_key(event, row).take(MOST_COLUMNS).map(|(name, value)| format!("- {name}{}{value}", setting.language.colon())),
        ),
        rows => lines
            .extend(rows.iter().take(MOST_ROWS).map(|row| format!("- {}", joined(columns_but_key(event, row).take(MOST_COLUMNS_IN_LINE))))),
    }
    if lines.len() == 1 { lines.remove(0) } else { format!("{}\n\n{}", lines[0], lines[1..].join("\n")) }
}

/// One event on one line.
fn line_item(setting: &Setting<'_>, event: &Event) -> String {
    let columns = event.rows.first().map(|row| joined(columns_but_key(event, row).take(MOST_COLUMNS_IN_LINE))).unwrap_or_default();
    let head = head(setting, event);
    if columns.is_empty() { format!("- {head}") } else { format!("- {head} · {columns}") }
}

/// The sign, the key in bold, how many rows, how long.
fn head(setting: &Setting<'_>, event: &Event) -> String {
    let key = event.key.as_ref().filter(|key| !key.is_empty()).map(|key| format!("**{}**", joined(cells(key))));
    let mut parts = vec![format!("{} {}", words::icon(event.kind, event.severity), key.unwrap_or_default()).trim().to_owned()];
    if event.row_count > 1 {
        parts.push(words::rows(setting.language, event.row_count));
    }
    if let Some(since) = event.since.filter(|since| *since < event.at) {
        parts.push(words::lasted(setting.language, event.kind, &duration_words(setting.language, event.at - since)));
    }
    parts.join(" · ")
}

fn joined<'a>(cells: impl Iterator<Item = (String, String)> + 'a) -> String {
    cells.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(" · ")
}

fn cells(row: &Row) -> impl Iterator<Item = (String, String)> + '_ {
    row.columns()
        .names()
        .iter()
        .enumerate()
        .map(|(at, name)| (neutralise(name), row.text(at).map_or_else(|| words::NULL.to_owned(), |text| neutralise(&text))))
}

fn columns_but_key<'a>(event: &'a Event, row: &'a Row) -> impl Iterator<Item = (String, String)> + 'a {
    let key: Vec<String> = event.key.iter().flat_map(|key| key.columns().names()).map(|name| neutralise(name)).collect();
    cells(row).filter(move |(name, _)| !key.contains(name))
}

/// A reason is a sentence of ours or a database's words: neutralised in pieces, so that it may be longer than a value.
fn neutralise_long(text: &str) -> String {
    let chars: Vec<char> = text.chars().take(1_000).collect();
    chars.chunks(200).map(|chunk| neutralise(&chunk.iter().collect::<String>())).collect()
}
