//! A message over several watchers that tells what was not told when it happened.
//!
//! Events of one alert are one line: what counts is how it stands now and when it began. What fires still comes first,
//! the severe before the others, then what came and went; within one watcher under its heading.

use super::neutralise::neutralise_to;
use super::words::{self, Language};
use super::{Message, neutralise};
use crate::domain::alert::{EventKind, Severity};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Characters of a value.
const MOST_CHARS: usize = 60;
/// More lines than fit into any message.
const MOST_LINES: usize = 500;
/// Columns of a row beside its key.
const MOST_COLUMNS: usize = 4;

/// Why a digest is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// The hours of watchers have begun.
    Opening,
    /// A silence has ended.
    SilenceEnded {
        /// What it was for.
        reason: String,
    },
    /// More was to be told than the receiver takes in one message each, or it wants it gathered.
    Merged {
        /// How many messages it stands for.
        messages: usize,
    },
}

/// What a digest is made of.
#[derive(Clone, Debug)]
pub struct Digest {
    /// Why it is made.
    pub kind: DigestKind,
    /// The language of built-in words.
    pub language: Language,
    /// The zone of shown times.
    pub zone: Tz,
    /// When it is made.
    pub now: DateTime<Utc>,
    /// The events, in the order in which they happened.
    pub lines: Vec<DigestLine>,
}

/// An event of the history.
#[derive(Clone, Debug)]
pub struct DigestLine {
    /// Its watcher, as its receivers know it.
    pub watcher: String,
    /// The word of the history.
    pub event: String,
    /// Likewise.
    pub severity: String,
    /// Which alert; `None` for a watcher's own events and for reports.
    pub fingerprint: Option<String>,
    /// The key columns.
    pub key: Map<String, Json>,
    /// The row.
    pub row: Map<String, Json>,
    /// Why.
    pub reason: String,
    /// When, in RFC 3339.
    pub at: String,
    /// Whether the alert fires still.
    pub is_firing: bool,
}

/// One line of the message: the last event of an alert, and when its first one was.
struct Item<'a> {
    last: &'a DigestLine,
    first: &'a DigestLine,
}

impl Item<'_> {
    fn kind(&self) -> EventKind {
        self.last.event.parse().unwrap_or(EventKind::Fired)
    }

    fn severity(&self) -> Severity {
        self.last.severity.parse().unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        matches!(self.kind(), EventKind::Resolved | EventKind::WatcherRecovered)
    }
}

/// Renders a digest.
pub fn digest(digest: &Digest) -> Message {
    let mut items = collapsed(&digest.lines);
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in &digest.lines {
        let next = places.len();
        places.entry(&line.watcher).or_insert(next);
    }
    items.sort_by_key(|item| (item.is_over(), Reverse(item.severity()), places.get(item.last.watcher.as_str()).copied()));
    let language = digest.language;
    let icon = items.first().map_or("", |item| words::icon(item.kind(), item.severity()));
    let count = |wanted: fn(&Item<'_>) -> bool| items.iter().filter(|item| wanted(item)).count();
    let (firing, over) = (count(|item| item.last.is_firing), count(|item| item.is_over() && !item.last.is_firing));
    let others = items.len() - firing - over;
    let heading = match &digest.kind {
        DigestKind::Opening => words::digest_opening(language).to_owned(),
        DigestKind::SilenceEnded { reason } => words::digest_silence(language, &neutralise(reason)),
        DigestKind::Merged { messages } => words::digest_merged(language, *messages),
    };
    let counts = words::digest_counts(language, firing, over, others);
    let mut blocks = vec![format!("### {icon} {heading}"), format!("**{counts}**")];
    let first_cuttable = blocks.len();
    let mut heading_of = "";
    for item in items.iter().take(MOST_LINES) {
        let mut block = line(digest, item);
        if item.last.watcher != heading_of {
            heading_of = &item.last.watcher;
            block.insert_str(0, &format!("**{}**\n\n", neutralise(heading_of)));
        }
        blocks.push(block);
    }
    let cuttable = items.len().min(MOST_LINES);
    let at = digest.now.with_timezone(&digest.zone).format("%Y-%m-%d %H:%M:%S");
    blocks.push(format!("> {at}"));
    let title = format!("{icon} {heading}{}{counts}", language.colon());
    Message {
        title: super::cut::to_chars(&title, super::MAX_TITLE_CHARS),
        blocks,
        first_cuttable,
        cuttable,
        omitted: items.len() - cuttable,
        language,
        ..Message::default()
    }
}

/// The events of one alert as one; those of the watcher itself likewise.
fn collapsed(lines: &[DigestLine]) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        let is_own = line.fingerprint.is_none() && line.event.starts_with("watcher_");
        let of = match &line.fingerprint {
            // Each change of a row is news, and so is each report.
            _ if matches!(line.event.as_str(), "changed" | "report") => None,
            Some(fingerprint) => Some(fingerprint.as_str()),
            None => Some(line.watcher.as_str()).filter(|_| is_own),
        };
        match of.and_then(|of| places.get(of)).and_then(|place| items.get_mut(*place)) {
            Some(item) => item.last = line,
            None => {
                if let Some(of) = of {
                    places.insert(of, items.len());
                }
                items.push(Item { last: line, first: line });
            }
        }
    }
    items
}

fn line(digest: &Digest, item: &Item<'_>) -> String {
    let line = item.last;
    let key = cells(&line.key, &Map::new(), usize::MAX);
    let key = (!key.is_empty()).then(|| format!("**{key}**"));
    let told = match line.event.as_str() {
        "changed" | "report" | "watcher_failed" | "watcher_recovered" => neutralise_to(our_part(&line.reason), 300),
        _ => cells(&line.row, &line.key, MOST_COLUMNS),
    };
    let when = when(digest, item);
    let parts = [key, Some(told).filter(|told| !told.is_empty()), Some(when)];
    let icon = words::icon(item.kind(), item.severity());
    format!("- {icon} {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

/// The reason without what was added about who is told when.
fn our_part(reason: &str) -> &str {
    let end = ["; it is outside the watcher's hours", " is not told: silence #"].iter().filter_map(|mark| reason.find(mark)).min();
    let part = end.map_or(reason, |end| &reason[..end]);
    // Before a silence stands the name of the receiver.
    if end.is_some_and(|end| reason[end..].starts_with(" is not told")) {
        part.rsplit_once("; ").map_or(part, |(part, _)| part)
    } else {
        part
    }
}

fn when(digest: &Digest, item: &Item<'_>) -> String {
    let shown = |line: &DigestLine| {
        let at = DateTime::parse_from_rfc3339(&line.at).map(|at| at.with_timezone(&digest.zone));
        at.map_or_else(|_| line.at.clone(), |at| at.format("%m-%d %H:%M").to_string())
    };
    let (first, last) = (shown(item.first), shown(item.last));
    match (item.is_over(), first == last) {
        (true, false) => words::digest_over(digest.language, &first, &last),
        (true, true) => words::digest_ended(digest.language, &last),
        (false, _) if item.last.is_firing => words::digest_since(digest.language, &first),
        (false, _) => last,
    }
}

/// `sku A-17 · qty 3`: the columns of a row, harmless, but those of another.
pub(in crate::domain) fn cells(row: &Map<String, Json>, but: &Map<String, Json>, most: usize) -> String {
    let text = |value: &Json| match value {
        Json::Null => words::NULL.to_owned(),
        Json::String(text) if text.is_empty() => words::EMPTY.to_owned(),
        Json::String(text) => neutralise_to(text, MOST_CHARS),
        other => other.to_string(),
    };
    let shown = row.iter().filter(|(name, _)| !but.contains_key(*name)).take(most);
    shown.map(|(name, value)| format!("{} {}", neutralise(name), text(value))).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
