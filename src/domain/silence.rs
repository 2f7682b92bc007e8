//! A silence: for a time, events that it covers are recorded and no message is made of them. Pure.
//!
//! What was kept back is told when it may be: at the end of a silence unless another one covers it then, and within the
//! watcher's hours unless it is critical. Told is only what is still of use ([`Kept::is_news`]).

use super::alert::{EventKind, Severity};
use super::row::Row;
use chrono::{DateTime, Utc};
use wildmatch::WildMatch;

/// One silence. What is `None`, or empty, covers everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Its number; 0 before the store has given it one.
    pub id: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Watchers, by a pattern with `*` and `?`.
    pub watcher: Option<String>,
    /// Columns of the key, each with a pattern for its text; a watcher's own events have no key and are not covered.
    pub key: Vec<(String, String)>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only what this receiver is told.
    pub receiver: Option<String>,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; that moment is not covered any more.
    pub ends_at: DateTime<Utc>,
}

/// Where a silence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceState {
    /// It is to come.
    Pending,
    /// It is in force.
    Active,
    /// It has ended.
    Expired,
}

impl SilenceState {
    /// The word of commands and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }
}

/// What a silence is asked about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Whose event.
    pub watcher: &'a str,
    /// Its key; `None` for the watcher's own.
    pub key: Option<&'a Row>,
    /// How bad it is.
    pub severity: Severity,
}

impl Silence {
    /// Where it stands.
    pub fn state(&self, now: DateTime<Utc>) -> SilenceState {
        match () {
            () if self.ends_at <= now => SilenceState::Expired,
            () if self.starts_at <= now => SilenceState::Active,
            () => SilenceState::Pending,
        }
    }

    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.state(now) == SilenceState::Active
    }

    /// Whether it is for everything: it names nothing.
    pub fn is_for_all(&self) -> bool {
        self.watcher.is_none() && self.key.is_empty() && self.severity.is_none() && self.receiver.is_none()
    }

    /// Whether it covers an event, for whomever it is told to.
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        let watcher = self.watcher.as_ref().is_none_or(|pattern| matches(pattern, subject.watcher));
        let severity = self.severity.is_none_or(|severity| severity == subject.severity);
        watcher && severity && self.covers_key(subject.key)
    }

    /// Whether it keeps a receiver from being told of an event that it covers.
    pub fn is_for(&self, receiver: &str) -> bool {
        self.receiver.as_ref().is_none_or(|name| name == receiver)
    }

    fn covers_key(&self, key: Option<&Row>) -> bool {
        let Some(key) = key else { return self.key.is_empty() };
        self.key.iter().all(|(column, pattern)| {
            let at = key.columns().position(column).filter(|at| *at < key.len());
            at.is_some_and(|at| matches(pattern, key.text(at).as_deref().unwrap_or("NULL")))
        })
    }

    /// In words: `#3 by wang: stocktaking`.
    pub fn words(&self) -> String {
        format!("#{} by {}: {}", self.id, self.author, self.reason)
    }
}

/// The silence in force that keeps a receiver from being told: the first of them.
pub fn covering<'a>(silences: &'a [Silence], subject: &Subject<'_>, receiver: &str, now: DateTime<Utc>) -> Option<&'a Silence> {
    silences.iter().find(|silence| silence.is_active(now) && silence.is_for(receiver) && silence.covers(subject))
}

/// What becomes of something that was not told to a receiver when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is told now.
    Tell,
    /// This silence covers it now: it is told at its end.
    Silence(i64),
    /// It is outside the watcher's hours: it is told when they begin.
    PutOff(DateTime<Utc>),
}

/// Decides on what is to be told at last. `opens_at` says when the watcher's hours begin, when it is outside of them now.
pub fn fate(subject: &Subject<'_>, receiver: &str, silences: &[Silence], opens_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Fate {
    match (covering(silences, subject, receiver, now), opens_at) {
        (Some(silence), _) => Fate::Silence(silence.id),
        (None, Some(at)) if subject.severity < Severity::Critical => Fate::PutOff(at),
        (None, _) => Fate::Tell,
    }
}

/// What is known of an alert, or of a watcher's own failure, of which a receiver was not told because of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The last event that was kept back.
    pub event: EventKind,
    /// Whether it fires still, or fails.
    pub is_firing: bool,
    /// Whether a person has taken it.
    pub is_acknowledged: bool,
    /// Whether its beginning was kept back too.
    pub began: bool,
    /// Whether something of it was told before.
    pub was_told: bool,
    /// Whether something of it was told since.
    pub was_told_since: bool,
}

impl Kept {
    /// Whether the receiver is told of it at the end: of what still fires, and of what they were told before that is over.
    /// What came and went in silence was nothing to them; a reminder of what a person has taken is none, nor is that nobody
    /// had taken it.
    pub fn is_news(&self) -> bool {
        let is_known = self.was_told || !self.began;
        match self.event {
            _ if self.was_told_since => false,
            EventKind::Resolved | EventKind::WatcherRecovered => is_known,
            EventKind::Repeated | EventKind::Escalated if self.is_acknowledged => self.is_firing && !is_known,
            _ => self.is_firing,
        }
    }
}

/// Whether a text matches a pattern with `*` and `?`.
pub fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

#[cfg(test)]
#[path = "silence_tests.rs"]
mod tests;
