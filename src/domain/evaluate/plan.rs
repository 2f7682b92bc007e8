//! What a completed poll found: for each key what follows, before it is decided who is told.

use super::found::Found;
use super::lifecycle::{Reminder, Step};
use super::report::ReportFound;
use super::shape::Shape;
use super::trace::{Trace, TraceWord};
use crate::domain::alert::{AlertStatus, Severity};
use crate::domain::chart::{Sample, Sampled};
use crate::domain::cursor::CursorSeen;
use crate::domain::expression::ExpressionError;
use crate::domain::guard::Moved;
use crate::domain::known::KnownKey;
use crate::domain::row::{Fingerprint, Row};
use chrono::{DateTime, Utc};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Keys whose past is read: several times those that one chart shows, for receivers who are told of different ones.
const MOST_WITH_PAST: usize = 24;

/// Rows whose conditions could not be evaluated.
#[derive(Clone, Debug, Default)]
pub struct RowFaults {
    /// How many.
    pub count: u64,
    /// Why the first could not, by key and then by the words of the error; the key it belongs to and the error.
    pub first: Option<(Fingerprint, &'static str, ExpressionError)>,
}

impl RowFaults {
    pub(super) fn add(&mut self, fingerprint: Fingerprint, what: &'static str, error: ExpressionError) {
        self.count += 1;
        let is_first = match &self.first {
            Some((key, place, other)) => (fingerprint, what, &error.message) < (*key, *place, &other.message),
            None => true,
        };
        if is_first {
            self.first = Some((fingerprint, what, error));
        }
    }
}

/// How far a key that is pending, or gone, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMark {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// Polls in a row.
    pub polls: u32,
    /// Since when it is gone; `None` while it is there.
    pub gone_since: Option<DateTime<Utc>>,
}

/// What a completed poll found.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Keys that fire now.
    pub fired: Vec<Found>,
    /// Pending keys that fire now with the content they had.
    pub promoted: Vec<Fingerprint>,
    /// Keys that hold, but not yet for long enough.
    pub pending: Vec<Found>,
    /// Rows that are known from now on, told to no one.
    pub baseline: Vec<Found>,
    /// Keys whose content changed; nothing is told.
    pub refreshed: Vec<Found>,
    /// Firing keys whose severity rose.
    pub escalated: Vec<Found>,
    /// Watched rows that changed.
    pub changed: Vec<Found>,
    /// Watched rows that were not there before.
    pub added: Vec<Found>,
    /// Watched rows that are gone, and how bad that is.
    pub removed: Vec<(Fingerprint, Severity)>,
    /// Firing keys whose reminder is due.
    pub repeated: Vec<Fingerprint>,
    /// Firing keys that are over.
    pub resolved: Vec<Fingerprint>,
    /// Those of them that are over because nobody expects them any more.
    pub unexpected: BTreeSet<Fingerprint>,
    /// Alerts under a key that the watcher no longer has.
    pub rekeyed: Vec<Fingerprint>,
    /// Keys that are known no more, told to no one.
    pub forgotten: Vec<Fingerprint>,
    /// How far pending and gone keys have come.
    pub marks: Vec<KeyMark>,
    /// The report.
    pub report: Option<ReportFound>,
    /// The watched columns.
    pub shape: Option<Shape>,
    /// What was seen of the cursor.
    pub cursor: Option<CursorSeen>,
    /// Keys found while everything was read again, below where a usual read begins.
    pub late: BTreeSet<Fingerprint>,
    /// How much is moved.
    pub moved: Moved,
    /// Rows that could not be judged.
    pub faults: RowFaults,
    /// How many rows the result had.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// How many keys were returned more than once.
    pub repeated_keys: u64,
    /// What was thought without being told.
    pub traces: Vec<Trace>,
    /// Whether every row that does not count is among them, so that one which is not there was not returned.
    pub is_trace_whole: bool,
    /// The values of keys whose past is kept.
    pub samples: Vec<Sampled>,
    /// What is known of the past of those that [`Plan::needs_past`] named; whoever carries the plan out puts it in.
    pub past: HashMap<Fingerprint, Vec<Sample>>,
    /// The places of the known keys in the order in which they came, when that is far from the order in which they are.
    pub order: Vec<u32>,
}

impl Plan {
    /// The stored alerts that are needed to carry the plan out.
    pub fn needs_stored(&self) -> Vec<Fingerprint> {
        let partly = self.fired.iter().filter(|found| found.includes_stored);
        let found = self.refreshed.iter().chain(&self.escalated).chain(&self.changed).chain(partly);
        let removed = self.removed.iter().map(|(fingerprint, _)| *fingerprint);
        let bare = self.repeated.iter().chain(&self.resolved).chain(&self.promoted).chain(&self.rekeyed);
        let mut all: Vec<_> = found.map(|found| found.fingerprint).chain(removed).chain(bare.copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The keys that are told now and whose past a chart may show, the worst first.
    pub fn needs_past(&self) -> Vec<Fingerprint> {
        let mut found: Vec<&Found> = self.fired.iter().chain(&self.escalated).collect();
        found.sort_by_key(|found| Reverse(found.severity));
        let bare = self.promoted.iter().chain(&self.repeated).chain(&self.resolved);
        found.into_iter().map(|found| found.fingerprint).chain(bare.copied()).take(MOST_WITH_PAST).collect()
    }

    /// Places what was found with its content: new keys, and known ones that changed.
    pub(super) fn place(&mut self, mut found: Found, known: Option<&KnownKey>, next: Step, is_rekeyed: bool) {
        let alert = known.filter(|known| known.status != AlertStatus::Seen);
        match (next, alert) {
            (Step::Fire, alert) => {
                self.moved.fired += 1;
                found.pending_since = alert.map(|alert| alert.since);
                self.fired.push(found);
            }
            // What was there under the old key is not asked to wait again.
            (Step::Pend(_), None) if is_rekeyed => self.fired.push(found),
            (Step::Pend(polls), None) => {
                self.trace(found.fingerprint, Some(found.key.clone()), TraceWord::Pending, pending_words(polls));
                self.pending.push(found);
            }
            (next, Some(known)) => {
                self.step(known, next);
                self.refresh(found, known);
            }
            (_, None) => {}
        }
    }

    /// The new content of an alert that goes on.
    fn refresh(&mut self, found: Found, known: &KnownKey) {
        if known.status == AlertStatus::Firing && found.severity > known.severity {
            return self.escalated.push(found);
        }
        if known.status == AlertStatus::Firing && found.severity < known.severity {
            let text = format!("its severity fell from {} to {}", known.severity, found.severity);
            self.trace(found.fingerprint, Some(found.key.clone()), TraceWord::Calmed, text);
        }
        if found.digest != known.digest || found.severity != known.severity {
            self.refreshed.push(found);
        }
    }

    /// Moves a known key whose content did not change, or that was not found.
    pub(super) fn step(&mut self, known: &KnownKey, next: Step) {
        let fingerprint = known.fingerprint;
        let note = |plan: &mut Plan, word, text: String| plan.trace(fingerprint, None, word, text);
        match next {
            Step::Nothing => {}
            Step::Fire => {
                self.moved.fired += 1;
                self.promoted.push(fingerprint);
            }
            Step::Pend(polls) => {
                note(self, TraceWord::Pending, pending_words(polls));
                self.mark(fingerprint, polls, None);
            }
            Step::Drop => {
                note(self, TraceWord::Dropped, "it no longer holds, so it never fired".to_owned());
                self.forgotten.push(fingerprint);
            }
            Step::Gone { since, polls } => {
                note(self, TraceWord::Gone, "it is gone, and stays firing until it has been gone for keep_firing_for".to_owned());
                self.mark(fingerprint, polls, Some(since));
            }
            Step::Back => {
                note(self, TraceWord::Back, "it is there again and has been firing all the time".to_owned());
                self.mark(fingerprint, 0, None);
            }
            Step::Resolve => self.resolved.push(fingerprint),
        }
    }

    pub(super) fn remind(&mut self, known: &KnownKey, reminder: Reminder) {
        let why = match reminder {
            Reminder::NotDue => return,
            Reminder::Due => return self.repeated.push(known.fingerprint),
            Reminder::Acknowledged => "no reminder: it is acknowledged",
            Reminder::UsedUp => "no reminder: max_repeats is reached",
        };
        self.trace(known.fingerprint, None, TraceWord::NotRepeated, why.to_owned());
    }

    fn mark(&mut self, fingerprint: Fingerprint, polls: u32, gone_since: Option<DateTime<Utc>>) {
        self.marks.push(KeyMark { fingerprint, polls, gone_since });
    }

    fn trace(&mut self, fingerprint: Fingerprint, key: Option<Row>, word: TraceWord, text: String) {
        self.traces.push(Trace { fingerprint, key, word, text });
    }

    /// The keys of which something is told or written already.
    pub(super) fn placed(&self) -> HashSet<Fingerprint> {
        let found = [&self.fired, &self.pending, &self.refreshed, &self.escalated];
        found.into_iter().flatten().map(|found| found.fingerprint).collect()
    }

    /// The known keys that are over with this poll.
    pub(super) fn ended(&self) -> HashSet<Fingerprint> {
        self.resolved.iter().chain(&self.forgotten).copied().collect()
    }

    /// The keys come in no order; what is told of them does.
    pub(super) fn sort(&mut self) {
        for list in [&mut self.resolved, &mut self.repeated, &mut self.promoted, &mut self.rekeyed, &mut self.forgotten] {
            list.sort_unstable();
        }
        self.removed.sort_unstable();
        self.marks.sort_unstable_by_key(|mark| mark.fingerprint);
        for list in [
            &mut self.fired,
            &mut self.pending,
            &mut self.baseline,
            &mut self.refreshed,
            &mut self.escalated,
            &mut self.changed,
            &mut self.added,
        ] {
            list.sort_by_key(|found| found.arrival);
        }
    }
}

fn pending_words(polls: u32) -> String {
    match polls {
        1 => "it holds, and fires when it has held for long enough".to_owned(),
        n => format!("it has held for {n} polls in a row, and fires when it has held for long enough"),
    }
}
