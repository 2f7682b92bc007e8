//! Where a key stood at a moment: from what happened to it and what was thought of it until then.

use super::facts::{AlertFact, EventFact, Facts, KeyFact, TraceFact};
use crate::domain::alert::{AlertStatus, EventKind};
use crate::domain::evaluate::TraceWord;
use crate::domain::watcher::AlertOn;
use chrono::{DateTime, Utc};

/// Where a key stood.
#[derive(Debug)]
pub(super) enum Standing<'f> {
    /// It fired and was not over.
    Firing {
        /// What happened to it since it fired, the firing first.
        life: Vec<&'f EventFact>,
    },
    /// It held, but not yet for long enough.
    Pending {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It had fired and was over.
    Over {
        /// The firing, where it is still known.
        fired: Option<&'f EventFact>,
        /// The end.
        resolved: &'f EventFact,
    },
    /// A row of a `new` watcher that was told: there is no end of it.
    Told {
        /// When it was.
        fired: &'f EventFact,
    },
    /// A watched row that had changed.
    Changed {
        /// The last change.
        changed: &'f EventFact,
    },
    /// It was known and told to no one: a row of a baseline.
    Known {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Nothing had ever happened to it.
    Never,
}

/// Where `key` stood at `at`.
pub(super) fn standing<'f>(facts: &'f Facts, key: &'f KeyFact, at: DateTime<Utc>) -> Standing<'f> {
    let of_key = |event: &&EventFact| event.fingerprint.as_deref() == Some(&key.fingerprint) && event.at <= at;
    let events: Vec<&EventFact> = facts.records.events.iter().filter(of_key).collect();
    let alert = key.alert.as_ref().filter(|alert| alert.since <= at);
    let Some(last) = events.last() else { return without_events(facts, key, alert, at) };
    match last.kind {
        EventKind::Changed => Standing::Changed { changed: last },
        EventKind::Resolved => over(facts, key, alert, &events, last, at),
        EventKind::Fired if is_told_once(facts, alert) => Standing::Told { fired: last },
        _ => {
            let first = events.iter().rposition(|event| event.kind == EventKind::Fired).unwrap_or(0);
            Standing::Firing { life: events[first..].to_vec() }
        }
    }
}

/// Whether a key that fired has no end. It need not be known any more: a cursor forgets what it has passed.
fn is_told_once(facts: &Facts, alert: Option<&AlertFact>) -> bool {
    let is_new = facts.declared.as_ref().is_some_and(|watcher| matches!(watcher.alert_on, AlertOn::New { .. }));
    is_new || alert.is_some_and(|alert| alert.status == AlertStatus::Seen)
}

fn without_events<'f>(facts: &'f Facts, key: &KeyFact, alert: Option<&AlertFact>, at: DateTime<Utc>) -> Standing<'f> {
    match alert.map(|alert| (alert.status, alert.since)) {
        Some((AlertStatus::Pending, since)) => Standing::Pending { since },
        Some((AlertStatus::Seen, since)) => Standing::Known { since },
        // An alert that fires without an event in the history: its lines were removed for their age.
        Some((AlertStatus::Firing, _)) => Standing::Firing { life: Vec::new() },
        None => pending(facts, key, at, None).map_or(Standing::Never, |since| Standing::Pending { since }),
    }
}

fn over<'f>(
    facts: &'f Facts,
    key: &KeyFact,
    alert: Option<&AlertFact>,
    events: &[&'f EventFact],
    resolved: &'f EventFact,
    at: DateTime<Utc>,
) -> Standing<'f> {
    let again = alert.filter(|alert| alert.status == AlertStatus::Pending).map(|alert| alert.since);
    match again.or_else(|| pending(facts, key, at, Some(resolved.at))) {
        Some(since) => Standing::Pending { since },
        None => Standing::Over { fired: events.iter().rfind(|event| event.kind == EventKind::Fired).copied(), resolved },
    }
}

/// Since when a key was pending at a moment, by the trace.
fn pending(facts: &Facts, key: &KeyFact, at: DateTime<Utc>, after: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let mut since = None;
    for trace in thoughts(facts, key, at).filter(|trace| after.is_none_or(|after| trace.at > after)) {
        since = match trace.word {
            TraceWord::Pending => since.or(Some(trace.at)),
            _ => None,
        };
    }
    since
}

/// What was thought of a key until a moment, oldest first.
pub(super) fn thoughts<'f>(facts: &'f Facts, key: &KeyFact, at: DateTime<Utc>) -> impl Iterator<Item = &'f TraceFact> {
    let fingerprint = key.fingerprint.clone();
    facts.records.traces.iter().filter(move |trace| trace.fingerprint == fingerprint && trace.at <= at)
}

/// The last thought of a kind that still held at a moment.
pub(super) fn lasting<'f>(facts: &'f Facts, key: &KeyFact, word: TraceWord, at: DateTime<Utc>) -> Option<&'f TraceFact> {
    let of_word = thoughts(facts, key, at).filter(|trace| trace.word == word && trace.until.is_none_or(|until| until > at));
    of_word.last()
}
