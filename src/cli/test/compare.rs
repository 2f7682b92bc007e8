//! Holds what was seen against what was expected. Pure.

use super::play::{Seen, SeenEvent, SeenMessage};
use crate::config::watcher_test::{Expected, ExpectedEvent, ExpectedMessage, TestPoll};
use DiffLine::{Missing, Same, Seen as There, Why};
use similar::{ChangeTag, TextDiff};

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The key of the file: `events`, `message.warehouse`.
    pub what: String,
    /// Its line, or that of the poll.
    pub line: usize,
    /// What was expected and what was seen.
    pub lines: Vec<DiffLine>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DiffLine {
    /// Both have it.
    Same(String),
    /// It was expected and is not there.
    Missing(String),
    /// It is there and was not expected.
    Seen(String),
    /// Why something is missing.
    Why(String),
}

/// Everything in which a poll is not as expected.
pub(super) fn compare(poll: &TestPoll, seen: &Seen) -> Vec<Mismatch> {
    let expected = &poll.expected;
    let mut found = vec![
        ("error".to_owned(), texts(&expected.error, &seen.errors)),
        ("events".to_owned(), events(&expected.events, seen)),
        ("warnings".to_owned(), texts(&expected.warnings, &seen.warnings)),
    ];
    for (name, wanted, is) in
        [("firing", &expected.firing, &seen.firing), ("pending", &expected.pending, &seen.pending), ("told", &expected.told, &told(seen))]
    {
        found.extend(wanted.as_ref().map(|wanted| (name.to_owned(), same_set(wanted, is))));
    }
    for (receiver, wanted) in &expected.messages {
        found.push((format!("message.{receiver}"), messages(wanted, &messages_of(seen, receiver))));
    }
    let differs = |lines: &[DiffLine]| lines.iter().any(|line| !matches!(line, Same(_)));
    let mismatch = |(what, lines): (String, Vec<DiffLine>)| Mismatch { line: line_of(expected, &what).unwrap_or(poll.line), what, lines };
    found.into_iter().filter(|(_, lines)| differs(lines)).map(mismatch).collect()
}

fn line_of(expected: &Expected, what: &str) -> Option<usize> {
    expected.lines.get(what).copied().filter(|line| *line > 0)
}

/// The receivers of messages, each once.
pub(super) fn told(seen: &Seen) -> Vec<String> {
    let mut names: Vec<String> = seen.messages.iter().map(|(receiver, _)| receiver.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The messages of one receiver.
pub(super) fn messages_of<'a>(seen: &'a Seen, receiver: &str) -> Vec<&'a SeenMessage> {
    seen.messages.iter().filter(|(name, _)| name == receiver).map(|(_, message)| message).collect()
}

/// An event as a file of tests has it.
pub(super) fn event_text(event: &SeenEvent) -> String {
    let key = if event.key.is_empty() { String::new() } else { format!(" {}", event.key) };
    format!("{}{key} [{}]", event.kind, event.severity)
}

fn expected_text(event: &ExpectedEvent) -> String {
    let key = event.key.as_ref().filter(|key| !key.is_empty()).map(|key| format!(" {key}")).unwrap_or_default();
    let severity = event.severity.map(|severity| format!(" [{severity}]")).unwrap_or_default();
    let receivers = event.receivers.as_ref().map(|receivers| format!(" → {}", receivers.join(", "))).unwrap_or_default();
    let reason = event.reason.as_ref().map(|reason| format!(": … {reason} …")).unwrap_or_default();
    format!("{}{key}{severity}{receivers}{reason}", event.kind)
}

/// Whether an event is one that was expected.
pub(super) fn fits(wanted: &ExpectedEvent, event: &SeenEvent) -> bool {
    wanted.kind == event.kind
        && wanted.key.as_ref().is_none_or(|key| *key == event.key)
        && wanted.severity.is_none_or(|severity| severity == event.severity)
        && wanted.receivers.as_ref().is_none_or(|receivers| is_same_set(receivers, &event.receivers))
        && wanted.reason.as_ref().is_none_or(|reason| event.reason.contains(reason))
}

/// For each event the expectation that it meets; no expectation is met twice.
pub(super) fn matched(wanted: &[ExpectedEvent], seen: &[SeenEvent]) -> Vec<Option<usize>> {
    let mut is_met = vec![false; wanted.len()];
    let mut meet = |event: &SeenEvent| {
        let at = (0..wanted.len()).find(|at| !is_met[*at] && fits(&wanted[*at], event))?;
        is_met[at] = true;
        Some(at)
    };
    seen.iter().map(&mut meet).collect()
}

/// What was seen comes in its order, what is missing behind the event of the same key where there is one.
fn events(wanted: &[ExpectedEvent], seen: &Seen) -> Vec<DiffLine> {
    let matched = matched(wanted, &seen.events);
    let mut missing: Vec<&ExpectedEvent> = (0..wanted.len()).filter(|at| !matched.contains(&Some(*at))).map(|at| &wanted[at]).collect();
    let mut lines = Vec::new();
    for (event, met) in seen.events.iter().zip(&matched) {
        if met.is_some() {
            lines.push(Same(event_text(event)));
            continue;
        }
        let of_key = missing.iter().position(|wanted| wanted.key.as_ref().is_some_and(|key| *key == event.key));
        let instead = of_key.map(|at| missing.remove(at));
        lines.extend(instead.map(|wanted| Missing(expected_text(wanted))));
        // What only such an expectation asks for is shown only then.
        let receivers = instead.and_then(|wanted| wanted.receivers.as_ref()).map(|_| format!(" → {}", event.receivers.join(", ")));
        let reason = instead.and_then(|wanted| wanted.reason.as_ref()).map(|_| format!(": {}", event.reason));
        lines.push(There(event_text(event) + &receivers.unwrap_or_default() + &reason.unwrap_or_default()));
    }
    for wanted in missing {
        lines.push(Missing(expected_text(wanted)));
        let name = wanted.key.as_deref().filter(|key| !key.is_empty()).unwrap_or("*");
        lines.extend(seen.thoughts.iter().filter(|(key, _)| key == name).map(|(_, text)| Why(text.clone())));
    }
    lines
}

/// Texts of which parts are expected: every text must be, and every part must be in one.
fn texts(parts: &[String], seen: &[String]) -> Vec<DiffLine> {
    let is_expected = |text: &&String| parts.iter().any(|part| text.contains(part.as_str()));
    let unmet = parts.iter().filter(|part| !seen.iter().any(|text| text.contains(part.as_str())));
    let missing = unmet.map(|part| Missing(part.clone()));
    let there = seen.iter().map(|text| if is_expected(&text) { Same(text.clone()) } else { There(text.clone()) });
    missing.chain(there).collect()
}

fn is_same_set(wanted: &[String], seen: &[String]) -> bool {
    let (mut wanted, mut seen) = (wanted.to_vec(), seen.to_vec());
    wanted.sort();
    seen.sort();
    wanted == seen
}

fn same_set(wanted: &[String], seen: &[String]) -> Vec<DiffLine> {
    let mut missing = wanted.to_vec();
    let mut lines = Vec::new();
    for text in seen {
        match missing.iter().position(|other| other == text) {
            Some(at) => lines.push(Same(missing.remove(at))),
            None => lines.push(There(text.clone())),
        }
    }
    lines.extend(missing.into_iter().map(Missing));
    lines
}

fn messages(wanted: &[ExpectedMessage], seen: &[&SeenMessage]) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    for at in 0..wanted.len().max(seen.len()) {
        match (wanted.get(at), seen.get(at)) {
            (Some(wanted), Some(seen)) => lines.extend(message(wanted, seen)),
            (Some(wanted), None) => {
                lines.push(Missing("a message".to_owned()));
                lines.extend(wanted.text.iter().flat_map(|text| text.trim_end().lines()).map(|line| Missing(line.to_owned())));
            }
            (None, Some(seen)) => {
                lines.push(There(format!("one more message, `{}`", seen.title)));
                lines.extend(seen.text.lines().map(|line| There(line.to_owned())));
            }
            (None, None) => {}
        }
    }
    lines
}

fn message(wanted: &ExpectedMessage, seen: &SeenMessage) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    if let Some(title) = wanted.title.as_ref().filter(|title| **title != seen.title) {
        lines.extend([Missing(format!("title: {title}")), There(format!("title: {}", seen.title))]);
    }
    if let Some(mentions) = wanted.mentions.as_ref().filter(|mentions| !is_same_set(mentions, &seen.mentions)) {
        let of = |names: &[String]| format!("mentions: {}", names.join(", "));
        lines.extend([Missing(of(mentions)), There(of(&seen.mentions))]);
    }
    if let Some(text) = &wanted.text {
        lines.extend(line_by_line(text.trim_end(), &seen.text));
    }
    let absent: Vec<&String> = wanted.contains.iter().filter(|part| !seen.text.contains(part.trim_end())).collect();
    if !absent.is_empty() {
        lines.extend(absent.iter().flat_map(|part| part.lines()).map(|line| Missing(line.to_owned())));
        lines.extend(seen.text.lines().map(|line| There(line.to_owned())));
    }
    lines
}

fn line_by_line(wanted: &str, seen: &str) -> Vec<DiffLine> {
    let (wanted, seen): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), seen.trim_end().lines().collect());
    let line = |change: similar::Change<&str>| {
        let text = change.value().to_owned();
        match change.tag() {
            ChangeTag::Equal => Same(text),
            ChangeTag::Delete => Missing(text),
            ChangeTag::Insert => There(text),
        }
    };
    TextDiff::from_slices(&wanted, &seen).iter_all_changes().map(line).collect()
}

#[cfg(test)]
#[path = "compare_tests.rs"]
pub(super) mod tests;
