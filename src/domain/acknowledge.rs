//! A person takes an alert: what the number they give stands for, and what the history says of it. Pure.
//!
//! A number names one life of an alert, from its firing to its end: the number of an event of an earlier life does not
//! take the present one, of which the person may know nothing.

use super::alert::{Acknowledgement, Alert, AlertStatus, Event, EventKind};
use chrono::{DateTime, Utc};

/// The event of the history that a person named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whether it is of a key; a watcher's own events are not.
    pub has_key: bool,
    /// When the alert had fired; `None` for what is told once and has no end.
    pub since: Option<DateTime<Utc>>,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The alert is the person's.
    Take,
    /// It is theirs already, with the same note.
    Theirs,
    /// It has not fired yet: there is nothing to take.
    Pending,
    /// That life of it is over.
    Over,
    /// Nothing that could be taken: a report, a change, a row that is told once, a watcher's own event.
    NoAlert,
}

/// Decides on a person's word about an event, by the alert of the same key as it is now.
pub fn verdict(named: Named, alert: Option<&Alert>, by: &str, note: Option<&str>) -> Verdict {
    let Some(since) = named.since.filter(|_| named.has_key) else { return Verdict::NoAlert };
    match alert {
        Some(alert) if alert.status == AlertStatus::Firing && alert.since == since => match &alert.acknowledged {
            Some(taken) if taken.by == by && taken.note.as_deref() == note => Verdict::Theirs,
            _ => Verdict::Take,
        },
        Some(alert) if alert.status == AlertStatus::Pending => Verdict::Pending,
        _ => Verdict::Over,
    }
}

/// The line of the history.
pub fn acknowledged(watcher: &str, source: &str, alert: &Alert, by: &Acknowledgement) -> Event {
    Event {
        at: by.at,
        watcher: watcher.to_owned(),
        source: source.to_owned(),
        kind: EventKind::Acknowledged,
        severity: alert.severity,
        fingerprint: Some(alert.fingerprint),
        key: Some(alert.key.clone()),
        rows: alert.rows.clone(),
        row_count: alert.row_count,
        previous: None,
        since: Some(alert.since),
        reason: words(by),
        silenced: false,
        changed: Vec::new(),
        sums: Vec::new(),
    }
}

/// `by wang: the supplier is called`.
pub fn words(by: &Acknowledgement) -> String {
    match &by.note {
        Some(note) => format!("by {}: {note}", by.by),
        None => format!("by {}", by.by),
    }
}

#[cfg(test)]
#[path = "acknowledge_tests.rs"]
mod tests;
