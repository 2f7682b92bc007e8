//! What the polls say: those that found nothing new are told together, those that failed with their reason, and slots in
//! which there was none.

use super::Line;
use super::facts::{Facts, PollFact, StateFact};
use super::words::{Clock, count, plain, took};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;

/// A poll may begin so much after its slot before that is worth a word.
const LATE: TimeDelta = TimeDelta::seconds(5);

/// The kind of a failure whose result is held by the guard.
const HELD: &str = "guard";

/// The lines of the polls. `eventful` names those of which something else is told.
pub(super) fn lines(facts: &Facts, eventful: &HashSet<i64>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut sources: Vec<&str> = facts.records.polls.iter().map(|poll| poll.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let names_source = sources.len() > 1;
    for source in sources {
        let polls: Vec<&PollFact> = facts.records.polls.iter().filter(|poll| poll.source == source && is_shown(facts, poll)).collect();
        let on = if names_source { format!(" on {source}") } else { String::new() };
        for run in runs(&polls, eventful) {
            lines.extend(missed(facts, run[0], &on));
            lines.push(told(facts, run, eventful, &on));
        }
    }
    lines.extend(overdue(facts, names_source));
    lines
}

/// The last poll before a window and the first one after it are shown where a moment was asked for.
fn is_shown(facts: &Facts, poll: &PollFact) -> bool {
    facts.asked.at.is_some() || (facts.asked.since <= poll.started_at && poll.started_at <= facts.asked.until)
}

/// Polls that are told in one line: all that found nothing new, all that failed for the same reason.
fn runs<'p, 'a>(polls: &'p [&'a PollFact], eventful: &HashSet<i64>) -> impl Iterator<Item = &'p [&'a PollFact]> {
    let is_quiet = |poll: &PollFact| !eventful.contains(&poll.id) && poll.warnings.is_empty();
    polls.chunk_by(move |one, next| {
        is_quiet(one) && is_quiet(next) && next.missed == 0 && one.outcome == next.outcome && one.error == next.error
    })
}

fn told(facts: &Facts, run: &[&PollFact], eventful: &HashSet<i64>, on: &str) -> Line {
    let clock = Clock::of(facts);
    let (first, last) = (run[0], run[run.len() - 1]);
    let text = match (run, &first.error) {
        ([poll], Some((kind, words))) => failed(poll, kind, words, on),
        (_, Some((kind, words))) => {
            let words = format!("{kind}: {}", plain(words));
            format!("{} polls in a row{on} failed, the last at {}: {words}; no alert was changed", run.len(), clock.at(last.started_at))
        }
        ([poll], None) => {
            let new = if eventful.contains(&poll.id) { "" } else { "; nothing new" };
            format!("poll {}{on} read {}{}", poll.id, rows(run), new) + &late(poll, &clock) + &warnings(poll)
        }
        _ => format!("{} polls{on}, the last at {}, read {}; nothing new", run.len(), clock.at(last.started_at), rows(run)),
    };
    Line { at: first.started_at, kind: "poll", text, poll: Some(first.id), event: None, delivery: None }
}

fn failed(poll: &PollFact, kind: &str, words: &str, on: &str) -> String {
    let words = plain(words);
    match (kind, poll.outcome.as_str()) {
        (HELD, _) => format!("poll {}{on} read {}, and its result is held: {words}", poll.id, count(poll.rows, "row")),
        (_, "partial") => format!("poll {}{on} read {}; {kind}: {words}", poll.id, rows(&[poll])),
        _ => format!("poll {}{on} failed after {}: {kind}: {words}; no alert was changed", poll.id, took(poll.duration_ms)),
    }
}

/// `120 rows, of which 3 count`, for several polls `118 to 120 rows, of which 3 count`.
fn rows(run: &[&PollFact]) -> String {
    let range = |of: fn(&PollFact) -> u64| {
        let all = run.iter().map(|poll| of(poll));
        (all.clone().min().unwrap_or(0), all.max().unwrap_or(0))
    };
    let ((least, most), (fewest, all)) = (range(|poll| poll.rows), range(|poll| poll.matched));
    let read = if least == most { count(most, "row") } else { format!("{least} to {most} rows") };
    match () {
        () if least == fewest && most == all => read,
        () if fewest == all => format!("{read}, of which {all} {}", if all == 1 { "counts" } else { "count" }),
        () => format!("{read}, of which {fewest} to {all} count"),
    }
}

fn late(poll: &PollFact, clock: &Clock) -> String {
    match poll.started_at - poll.scheduled_at {
        late if late > LATE && poll.missed == 0 => format!(" (it was due at {})", clock.at(poll.scheduled_at)),
        _ => String::new(),
    }
}

fn warnings(poll: &PollFact) -> String {
    poll.warnings.iter().map(|warning| format!("; warning: {}", plain(warning))).collect()
}

/// Slots that passed before a poll.
fn missed(facts: &Facts, poll: &PollFact, on: &str) -> Option<Line> {
    (poll.missed > 0).then(|| {
        let clock = Clock::of(facts);
        let skipped = match poll.missed {
            1 => "1 slot after it was skipped".to_owned(),
            n => format!("{n} slots after it were skipped"),
        };
        let why = why_none(facts, &poll.source, poll.scheduled_at, poll.started_at);
        let (due, made) = (clock.at(poll.scheduled_at), clock.at(poll.started_at));
        let text = format!("the poll{on} that was due at {due} was made at {made}; {skipped}: {why}");
        Line { at: poll.scheduled_at, kind: "schedule", text, poll: Some(poll.id), event: None, delivery: None }
    })
}

/// Why there was no poll of the watcher in a stretch, as far as the records tell.
pub(super) fn why_none(facts: &Facts, source: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
    let before = facts.records.polls.iter().rfind(|poll| poll.source == source && poll.started_at < from);
    let ended = before.map(|poll| poll.started_at + TimeDelta::milliseconds(i64::try_from(poll.duration_ms).unwrap_or(i64::MAX)));
    if let Some(ended) = ended.filter(|ended| *ended > from) {
        return format!("the poll before ran until {}", Clock::of(facts).at(ended));
    }
    if facts.records.polls.iter().any(|poll| poll.source == source && from < poll.started_at && poll.started_at < until) {
        return "it was polled by hand in that time".to_owned();
    }
    let others = facts.records.elsewhere.iter().find(|(since, to, _)| *since <= from && until <= *to).map(|(_, _, polls)| *polls);
    match others {
        Some(0) => "nothing was polled in that time: the service did not run".to_owned(),
        Some(_) => "other watchers were polled in that time, this one was not: its file was not there or broken".to_owned(),
        None => "the records do not say why".to_owned(),
    }
}

/// A slot that has passed without a poll.
fn overdue(facts: &Facts, names_source: bool) -> Vec<Line> {
    let is_asked = facts.asked.until >= facts.now;
    let passed = facts.records.states.iter().filter(|state| is_asked && is_overdue(&facts.records.polls, state, facts.now));
    let line = |state: &StateFact| {
        let due = state.next_poll_at?;
        let on = if names_source { format!(" on {}", state.source) } else { String::new() };
        let why = why_none(facts, &state.source, due, facts.now);
        let text = format!("the poll{on} that was due at {} has not been made: {why}", Clock::of(facts).at(due));
        Some(Line { at: due, kind: "schedule", text, poll: None, event: None, delivery: None })
    };
    passed.filter_map(line).collect()
}

/// A poll may be under way: it is overdue only a while after its slot, and only when none was made by hand since.
pub(super) fn is_overdue(polls: &[PollFact], state: &StateFact, now: DateTime<Utc>) -> bool {
    let is_made = |due: DateTime<Utc>| polls.iter().any(|poll| poll.source == state.source && poll.started_at >= due);
    state.next_poll_at.is_some_and(|due| now - due > TimeDelta::minutes(1) && !is_made(due))
}

/// See [`super::gaps`].
pub(super) fn gaps(polls: &[PollFact], states: &[StateFact], now: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let missed = polls.iter().filter(|poll| poll.missed > 0).map(|poll| (poll.scheduled_at, poll.started_at));
    let overdue = states.iter().filter(|state| is_overdue(polls, state, now)).filter_map(|state| Some((state.next_poll_at?, now)));
    missed.chain(overdue).collect()
}

/// The poll that says what was known at a moment, and the one after it.
pub(super) fn around<'f>(facts: &'f Facts, source: Option<&str>, at: DateTime<Utc>) -> (Option<&'f PollFact>, Option<&'f PollFact>) {
    let of = |poll: &&PollFact| source.is_none_or(|source| poll.source == source);
    let polls = || facts.records.polls.iter().filter(of);
    let before = polls().filter(|poll| poll.started_at <= at).max_by_key(|poll| poll.started_at);
    let after = polls().filter(|poll| poll.started_at > at).min_by_key(|poll| poll.started_at);
    (before, after)
}
