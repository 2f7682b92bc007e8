//! The timeline: a sentence for each thing that happened, in order.

use super::Line;
use super::deliveries;
use super::facts::{DeliveryFact, EventFact, Facts, Look, Object, Seen, TraceFact};
use super::polls;
use super::words::{Clock, cells, count, length, plain, span, without};
use crate::domain::alert::EventKind;
use crate::domain::evaluate::TraceWord;
use crate::domain::row::Row;
use crate::domain::silence::{Silence, Subject};
use crate::domain::watcher::Span;
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// All lines, oldest first.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let events: Vec<&EventFact> = facts.records.events.iter().filter(|event| is_shown(facts, event)).collect();
    let is_thought = |trace: &&TraceFact| is_in_window(facts, trace) && is_of_key(facts, Some(&trace.fingerprint));
    let traces: Vec<&TraceFact> = facts.records.traces.iter().filter(is_thought).collect();
    let eventful: HashSet<i64> = events.iter().filter_map(|event| event.poll).chain(traces.iter().filter_map(|trace| trace.poll)).collect();
    let mut lines = polls::lines(facts, &eventful);
    lines.extend(events.iter().map(|event| happened(facts, event)));
    lines.extend(traces.iter().map(|trace| thought(facts, trace)));
    let shown: HashSet<i64> = events.iter().map(|event| event.id).collect();
    // A digest may tell what happened before the window.
    let is_new = |delivery: &&DeliveryFact| {
        facts.asked.since <= delivery.created_at && delivery.created_at <= facts.asked.until
            || delivery.events.iter().any(|event| shown.contains(event))
    };
    let told = facts.records.deliveries.iter().filter(is_new);
    lines.extend(told.flat_map(|delivery| deliveries::lines(facts, delivery)));
    lines.extend(facts.records.silences.iter().filter(|silence| concerns(facts, silence)).flat_map(|silence| silenced(facts, silence)));
    lines.extend(facts.looks.iter().map(|look| looked(facts, look)));
    lines.sort_by_key(|line| (line.at, rank(line.kind), line.event, line.delivery));
    lines
}

/// What comes first of things that have the same time.
fn rank(kind: &str) -> u8 {
    match kind {
        "schedule" => 0,
        "silence" => 1,
        "poll" => 2,
        "delivery" | "attempt" => 4,
        "now" => 5,
        _ => 3,
    }
}

/// Whether a fingerprint is among the keys that were asked about.
fn is_of_key(facts: &Facts, fingerprint: Option<&str>) -> bool {
    facts.asked.key.is_empty() || fingerprint.is_some_and(|fingerprint| facts.records.keys.iter().any(|key| key.fingerprint == fingerprint))
}

/// The events of what was asked about, and those of the watcher itself.
fn is_shown(facts: &Facts, event: &EventFact) -> bool {
    let is_own = matches!(event.kind, EventKind::WatcherFailed | EventKind::WatcherRecovered);
    let is_in_window = facts.asked.since <= event.at && event.at <= facts.asked.until;
    is_in_window && (is_own || is_of_key(facts, event.fingerprint.as_deref()))
}

/// Whether something was thought in the window, or lasted into it.
fn is_in_window(facts: &Facts, trace: &TraceFact) -> bool {
    let lasts = trace.until.is_none_or(|until| until > facts.asked.since);
    trace.at <= facts.asked.until && (trace.at >= facts.asked.since || lasts)
}

/// `it` where one key was asked about, else the key.
fn subject(facts: &Facts, key: Option<&Object>) -> String {
    match key {
        _ if !facts.asked.key.is_empty() && facts.records.keys.len() == 1 => "it".to_owned(),
        Some(key) if !key.is_empty() => cells(key),
        _ => "it".to_owned(),
    }
}

fn happened(facts: &Facts, event: &EventFact) -> Line {
    let it = subject(facts, event.key.as_ref());
    let (severity, reason) = (event.severity, plain(&event.reason));
    let text = match event.kind {
        EventKind::Fired => format!("{it} fired ({severity}): {reason}{}", the_row(event)),
        EventKind::Repeated => format!("a reminder of {} was made: {reason}", if it == "it" { "it" } else { &it }),
        EventKind::Changed => format!("{it} changed ({severity}): {reason}"),
        EventKind::Escalated => format!("{it} escalated: {reason}{}", the_row(event)),
        EventKind::Resolved => format!("{it} resolved{}: {reason}", after(event)),
        EventKind::Acknowledged => format!("{it} was acknowledged {reason}"),
        EventKind::Report => format!("a report was made ({severity}): {reason}"),
        EventKind::WatcherFailed if event.watcher != facts.asked.watcher => {
            format!("{} told that the source {} fails: {reason}", event.watcher, event.source)
        }
        EventKind::WatcherRecovered if event.watcher != facts.asked.watcher => {
            format!("{} told that the source {} works again", event.watcher, event.source)
        }
        EventKind::WatcherFailed => format!("that it fails was told: {reason}"),
        EventKind::WatcherRecovered => format!("that it works again was told: {reason}"),
    };
    Line { at: event.at, kind: event.kind.as_str(), text, poll: event.poll, event: Some(event.id), delivery: None }
}

/// The row, without its key.
fn the_row(event: &EventFact) -> String {
    let row = event.row.as_ref().map(|row| without(row, event.key.as_ref())).filter(|row| !row.is_empty());
    row.map(|row| format!("; the row: {}", cells(&row))).unwrap_or_default()
}

fn after(event: &EventFact) -> String {
    event.since.map(|since| format!(" after {}", length(event.at - since))).unwrap_or_default()
}

fn thought(facts: &Facts, trace: &TraceFact) -> Line {
    let it = subject(facts, trace.key.as_ref().or_else(|| key_of(facts, &trace.fingerprint)));
    let declared = facts.declared.as_ref();
    let setting = |value: Option<Span>| match value.filter(|value| *value != Span::ZERO) {
        Some(value) => format!(" ({})", span(value)),
        None => String::new(),
    };
    let about = plain(&trace.text);
    let text = match trace.word {
        TraceWord::Pending => format!("{}{}", of(&it, &about), setting(declared.map(|watcher| watcher.hold_for))),
        TraceWord::Gone => format!("{}{}", of(&it, &about), setting(declared.map(|watcher| watcher.keep_firing_for))),
        TraceWord::Unmatched => format!("{it} was returned and does not count: {about}{}", lasted(facts, trace)),
        TraceWord::Held => format!("{it} stays firing: {about}{}", lasted(facts, trace)),
        TraceWord::NotRepeated | TraceWord::Dropped | TraceWord::Back | TraceWord::Calmed | TraceWord::Absent => of(&it, &about),
    };
    Line { at: trace.at, kind: trace.word.as_str(), text, poll: trace.poll, event: None, delivery: None }
}

/// A thought is worded about `it`.
fn of(it: &str, about: &str) -> String {
    if it == "it" { about.to_owned() } else { format!("{it}: {about}") }
}

fn lasted(facts: &Facts, trace: &TraceFact) -> String {
    trace.until.map(|until| format!(" (until {})", Clock::of(facts).at(until))).unwrap_or_default()
}

fn key_of<'f>(facts: &'f Facts, fingerprint: &str) -> Option<&'f Object> {
    let known = facts.records.keys.iter().find(|key| key.fingerprint == fingerprint).map(|key| &key.key);
    let events = || facts.records.events.iter().rfind(|event| event.fingerprint.as_deref() == Some(fingerprint))?.key.as_ref();
    let traces = || facts.records.traces.iter().rfind(|trace| trace.fingerprint == fingerprint && trace.key.is_some())?.key.as_ref();
    known.or_else(events).or_else(traces)
}

/// Whether a silence covers what was asked about, whatever the severity and the receiver.
fn concerns(facts: &Facts, silence: &Silence) -> bool {
    let any = Silence { severity: None, key: if facts.asked.key.is_empty() { Vec::new() } else { silence.key.clone() }, ..silence.clone() };
    let covers = |key: Option<&Row>| any.covers(&Subject { watcher: &facts.asked.watcher, key, severity: Default::default() });
    let asked: Object = facts.asked.key.iter().map(|(column, value)| (column.clone(), value.as_str().into())).collect();
    match facts.records.keys.as_slice() {
        [] => covers(Row::from_json(&asked, "").as_ref()),
        keys => keys.iter().any(|key| covers(Row::from_json(&key.key, "").as_ref())),
    }
}

fn silenced(facts: &Facts, silence: &Silence) -> Vec<Line> {
    let line = |at, text| Line { at, kind: "silence", text, poll: None, event: None, delivery: None };
    let mut limits: Vec<String> = Vec::new();
    limits.extend(silence.severity.map(|severity| format!("only {severity}")));
    limits.extend(silence.receiver.as_ref().map(|receiver| format!("only for {receiver}")));
    limits.extend(silence.key.iter().map(|(column, pattern)| format!("only {column} {}", plain(pattern))));
    let limits = if limits.is_empty() { String::new() } else { format!("; {}", limits.join(", ")) };
    let until = Clock::of(facts).at(silence.ends_at);
    let mut lines = vec![line(silence.starts_at, format!("silence {} begins, until {until}{limits}", plain(&silence.words())))];
    if silence.ends_at <= facts.asked.until {
        lines.push(line(silence.ends_at, format!("silence #{} ends", silence.id)));
    }
    lines
}

fn looked(facts: &Facts, look: &Look) -> Line {
    let on = if facts.looks.len() > 1 { format!(" on {}", look.source) } else { String::new() };
    let text = match &look.answer {
        Err(why) => format!("the query{on} cannot be asked now: {}", plain(why)),
        Ok(seen) if facts.asked.key.is_empty() => {
            format!("the query{on} returns {} now, of which {} would count", count(seen.rows, "row"), seen.matched)
        }
        Ok(seen) => format!("the query{on} {}", returns(seen)),
    };
    Line { at: facts.now, kind: "now", text, poll: None, event: None, delivery: None }
}

/// Whether the query returns the row now, and what the verdict on it is.
pub(super) fn returns(seen: &Seen) -> String {
    let would = seen.would.map(|would| format!("; {}", would.words())).unwrap_or_default();
    match seen.of_key.as_slice() {
        [] => {
            let from = seen.reads_from.as_ref().map(|(column, value)| format!(" with {column} >= {}", plain(value))).unwrap_or_default();
            match seen.rows {
                0 => format!("returns no row now{from}{would}"),
                rows => format!("returns {} now{from}, and it is not among them{would}", count(rows, "row")),
            }
        }
        [(row, verdict)] => format!("returns it now ({}): {verdict}{would}", cells(row)),
        rows => {
            let verdicts: Vec<String> = rows.iter().take(3).map(|(row, verdict)| format!("{} ({verdict})", cells(row))).collect();
            format!("returns it now in {} rows: {}{would}", rows.len(), verdicts.join("; "))
        }
    }
}

/// When a moment that was asked for is over: a time without seconds is meant with all of its minute.
pub(super) fn end_of(at: DateTime<Utc>) -> DateTime<Utc> {
    if at.timestamp() % 60 == 0 && at.timestamp_subsec_millis() == 0 { at + chrono::TimeDelta::milliseconds(59_999) } else { at }
}
