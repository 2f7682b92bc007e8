//! From the rows of one poll and what is known to what happened: a pure fold.
//!
//! Wanted properties, each held by a test:
//! - Evaluating the same result again finds nothing.
//! - The order of the rows does not matter: a key that is returned several times is one alert, whose digest is the sum
//!   of its rows' digests and whose speaker is the row that ranks first by severity, then by digest. (Without a key the
//!   rows of the one alert are shown in the order of the query, but for those that are worse: they come first.)
//! - A row that did not change is hashed and not decoded, and leaves nothing in memory but a mark: while the watcher's
//!   revision is the same and no condition asks for the time, the verdict on the same content is the same.
//! - A row whose condition cannot be evaluated keeps the state of its key, which is neither over nor less severe until
//!   all of its rows can be judged again; the other rows go on.
//! - A poll that did not end is never finished: the fold is dropped, and nothing has changed.
//!
//! What it deliberately does not do: read the stored rows of an alert (the plan names the fingerprints it needs),
//! decide who is told (see `compose`), or write.

use super::alert::{Alert, AlertStatus, MAX_ROWS_KEPT, Severity};
use super::expression::{ExpressionError, Scope};
use super::known::{Known, KnownKey};
use super::row::{Columns, Digest, Fingerprint, KeyColumns, Row};
use super::watcher::{AlertOn, Watcher};
use chrono::{DateTime, TimeDelta, Utc};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Added to the digest of a key of which some rows could not be judged, so that no row alone is taken for all of it.
const INCOMPLETE: u128 = 1;
/// A reminder may come this much early: polls do not begin on the millisecond, and one that is due every hour must not
/// wait for the poll after next. For short intervals it is a hundredth.
const REMINDER_SLACK: Duration = Duration::from_secs(1);

/// One key in so many may come at another place than in the poll before, before the order is learned anew.
const MOST_JUMPS_IN: usize = 8;

/// What the fold needs besides the rows.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The watcher.
    pub watcher: &'a Watcher,
    /// What is known of its keys.
    pub known: &'a Known,
    /// Whether `known` was found by this same revision of the watcher.
    pub same_revision: bool,
    /// Whether a poll of a `new` watcher has been completed before.
    pub has_baseline: bool,
    /// The time of the poll.
    pub now: DateTime<Utc>,
}

/// The fold: feed it the columns, then every row, then [`finish`](Evaluation::finish) it when the result has ended.
pub struct Evaluation<'a> {
    basis: Basis<'a>,
    may_skip: bool,
    keys: Option<KeyColumns>,
    scratch: Vec<u8>,
    seen: Seen,
    marks: Vec<Mark>,
    found: HashMap<Fingerprint, Found>,
    faulty: BTreeSet<Fingerprint>,
    faults: RowFaults,
    rows: u64,
}

/// In which order the known keys come.
#[derive(Default)]
struct Seen {
    /// Their places.
    places: Vec<u32>,
    /// How many came at another place than the one after the last.
    jumps: usize,
}

impl Seen {
    fn find(&mut self, known: &Known, fingerprint: Fingerprint) -> Option<usize> {
        let guess = self.places.last().map_or(0, |last| *last as usize + 1);
        let at = known.position_near(guess, fingerprint)?;
        self.jumps += usize::from(at != guess);
        self.places.push(at as u32);
        Some(at)
    }

    /// The order, when it is worth keeping the keys in it.
    fn worth_keeping(self) -> Vec<u32> {
        if self.jumps > self.places.len() / MOST_JUMPS_IN { self.places } else { Vec::new() }
    }
}

/// What was seen of a known key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Absent,
    Unchanged,
}

/// The rows found under one key that is new or changed.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// The key cells.
    pub key: Row,
    /// Its rows, the speaker first; at most [`MAX_ROWS_KEPT`].
    pub rows: Vec<Row>,
    /// How many rows there were.
    pub row_count: u64,
    /// The sum of their digests.
    pub digest: Digest,
    /// The highest severity among them.
    pub severity: Severity,
    /// One of the rows is the stored one: it was recognised by its digest and not kept.
    pub includes_stored: bool,
    /// Whether the rows have an order of their own; else they stay in the order of the result.
    ranked: bool,
    ranks: Vec<Rank>,
    /// Where in the result its first row stood: events are told in the order of the query.
    arrival: u64,
}

/// The worst first; among equals by digest where rows are ranked, else by their order in the result.
type Rank = (Reverse<Severity>, Option<Digest>);

/// Rows whose conditions could not be evaluated.
#[derive(Clone, Debug, Default)]
pub struct RowFaults {
    /// How many.
    pub count: u64,
    /// Why the first could not, by key and then by the words of the error; the key it belongs to and the error.
    pub first: Option<(Fingerprint, &'static str, ExpressionError)>,
}

/// What a completed poll found.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Keys that fire now.
    pub fired: Vec<Found>,
    /// Rows of a `new` watcher's first poll: known from now on, told to no one.
    pub baseline: Vec<Found>,
    /// Firing keys whose content changed; nothing is told.
    pub refreshed: Vec<Found>,
    /// Firing keys whose severity rose.
    pub escalated: Vec<Found>,
    /// Firing keys whose reminder is due.
    pub repeated: Vec<Fingerprint>,
    /// Firing keys that are over.
    pub resolved: Vec<Fingerprint>,
    /// Rows that could not be judged.
    pub faults: RowFaults,
    /// How many rows the result had.
    pub rows: u64,
    /// How many keys were returned more than once.
    pub repeated_keys: u64,
    /// The places of the known keys in the order in which they came, when that is far from the order in which they are.
    pub order: Vec<u32>,
}

impl Plan {
    /// The stored alerts that are needed to carry the plan out.
    pub fn needs_stored(&self) -> Vec<Fingerprint> {
        let known = self.refreshed.iter().chain(&self.escalated).map(|found| found.fingerprint);
        let mut all: Vec<_> = known.chain(self.repeated.iter().copied()).chain(self.resolved.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl<'a> Evaluation<'a> {
    /// Starts a fold.
    pub fn new(basis: Basis<'a>) -> Evaluation<'a> {
        let may_skip = basis.same_revision && !basis.watcher.verdict_depends_on_time();
        Evaluation {
            basis,
            may_skip,
            keys: None,
            scratch: Vec::new(),
            seen: Seen::default(),
            marks: vec![Mark::Absent; basis.known.keys().len()],
            found: HashMap::new(),
            faulty: BTreeSet::new(),
            faults: RowFaults::default(),
            rows: 0,
        }
    }

    /// Takes the result's columns, before its rows.
    ///
    /// # Errors
    /// A sentence that names the key column which the result does not have, or which the key names twice.
    pub fn columns(&mut self, columns: &Columns) -> Result<(), String> {
        let watcher = self.basis.watcher;
        let places: Vec<_> = watcher.key.iter().map(|name| columns.position(name)).collect();
        if let Some(at) = (1..places.len()).find(|at| places[*at].is_some() && places[..*at].contains(&places[*at])) {
            return Err(format!("the key names the column `{}` twice", watcher.key[at]));
        }
        let keys = KeyColumns::new(&watcher.name, &watcher.source, &watcher.key, columns);
        let has = || columns.names().join(", ");
        self.keys = Some(keys.map_err(|name| format!("the key column `{name}` is not in the result, which has: {}", has()))?);
        Ok(())
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        let Some(keys) = &self.keys else { return };
        self.rows += 1;
        let fingerprint = keys.fingerprint_in(row, &mut self.scratch);
        let known = self.seen.find(self.basis.known, fingerprint);
        let digest = row.digest();
        if let Some(at) = known
            && self.is_settled(at, digest)
        {
            self.marks[at] = Mark::Unchanged;
            return;
        }
        match judge(&self.basis, row) {
            Ok(None) => {}
            Ok(Some(severity)) => self.found_row(fingerprint, known, row, digest, severity),
            Err((what, error)) => self.fault(fingerprint, what, error),
        }
    }

    /// Whether a row of a known key needs no second look.
    fn is_settled(&self, at: usize, digest: Digest) -> bool {
        let known = &self.basis.known.keys()[at];
        match self.basis.watcher.alert_on {
            AlertOn::New { .. } => true,
            // A key that does not fire has no verdict to keep: it was left by a time when the watcher was a `new` one.
            AlertOn::Match => {
                self.may_skip
                    && known.status == AlertStatus::Firing
                    && known.digest == digest
                    && self.marks[at] == Mark::Absent
                    && !self.found.contains_key(&known.fingerprint)
            }
        }
    }

    fn found_row(&mut self, fingerprint: Fingerprint, known: Option<usize>, row: &Row, digest: Digest, severity: Severity) {
        let Some(keys) = &self.keys else { return };
        let (ranked, arrival) = (!self.basis.watcher.key.is_empty(), self.rows);
        let found = self.found.entry(fingerprint).or_insert_with(|| {
            let stored = known.filter(|at| self.marks[*at] == Mark::Unchanged).map(|at| &self.basis.known.keys()[at]);
            Found { arrival, ..Found::new(fingerprint, keys.key_of(row), ranked, stored) }
        });
        found.add(row, digest, severity);
    }

    fn fault(&mut self, fingerprint: Fingerprint, what: &'static str, error: ExpressionError) {
        self.faulty.insert(fingerprint);
        self.faults.count += 1;
        let is_first = match &self.faults.first {
            Some((key, place, other)) => (fingerprint, what, &error.message) < (*key, *place, &other.message),
            None => true,
        };
        if is_first {
            self.faults.first = Some((fingerprint, what, error));
        }
    }

    /// Ends the fold: the result has come whole.
    pub fn finish(self) -> Plan {
        let mut plan = Plan { rows: self.rows, faults: self.faults.clone(), order: self.seen.worth_keeping(), ..Plan::default() };
        let mut found: BTreeMap<Fingerprint, Found> = self.found.into_iter().collect();
        for fingerprint in &self.faulty {
            if let Some(found) = found.get_mut(fingerprint) {
                let known = self.basis.known.position(*fingerprint).map(|at| &self.basis.known.keys()[at]);
                found.keep_severity(known);
            }
        }
        plan.repeated_keys = found.values().filter(|found| found.row_count > 1 && !self.basis.watcher.key.is_empty()).count() as u64;
        for (at, known) in self.basis.known.keys().iter().enumerate() {
            if known.status != AlertStatus::Firing {
                continue;
            }
            let seen = self.marks[at] == Mark::Unchanged || found.contains_key(&known.fingerprint);
            let holds = seen || self.faulty.contains(&known.fingerprint);
            if !holds {
                plan.resolved.push(known.fingerprint);
            } else if !rises(&found, known) && self.basis.reminder_due(known) {
                plan.repeated.push(known.fingerprint);
            }
        }
        // The keys come in no order; what is told of them does.
        plan.resolved.sort_unstable();
        plan.repeated.sort_unstable();
        for (fingerprint, found) in found {
            let known = self.basis.known.position(fingerprint).map(|at| &self.basis.known.keys()[at]);
            plan.place(found, known, &self.basis);
        }
        plan.fired.sort_by_key(|found| found.arrival);
        plan.escalated.sort_by_key(|found| found.arrival);
        plan
    }
}

impl Plan {
    fn place(&mut self, found: Found, known: Option<&KnownKey>, basis: &Basis<'_>) {
        let firing = known.filter(|known| known.status == AlertStatus::Firing);
        match (basis.watcher.alert_on, firing) {
            (AlertOn::New { alert_on_first_poll: false }, _) if !basis.has_baseline => self.baseline.push(found),
            (AlertOn::New { .. }, _) | (AlertOn::Match, None) => self.fired.push(found),
            (AlertOn::Match, Some(known)) if found.severity > known.severity => self.escalated.push(found),
            (AlertOn::Match, Some(known)) if found.digest != known.digest || found.severity != known.severity => self.refreshed.push(found),
            (AlertOn::Match, Some(_)) => {}
        }
    }
}

impl Basis<'_> {
    fn reminder_due(&self, known: &KnownKey) -> bool {
        let Some(interval) = self.watcher.repeat_interval else { return false };
        let enough = interval - REMINDER_SLACK.min(interval / 100);
        let enough = TimeDelta::from_std(enough).unwrap_or(TimeDelta::MAX);
        known.told_at.is_some_and(|told| self.now - told >= enough)
    }
}

fn rises(found: &BTreeMap<Fingerprint, Found>, known: &KnownKey) -> bool {
    found.get(&known.fingerprint).is_some_and(|found| found.severity > known.severity)
}

/// The severity of a row that counts; `None` for one that does not.
fn judge(basis: &Basis<'_>, row: &Row) -> Result<Option<Severity>, (&'static str, ExpressionError)> {
    let watcher = basis.watcher;
    let scope = Scope { row, previous: None, severity: None, now: basis.now, zone: watcher.timezone };
    if let Some(when) = &watcher.when
        && !when.holds(&scope).map_err(|error| ("when", error))?
    {
        return Ok(None);
    }
    for (when, severity) in &watcher.severity.cases {
        let holds = when.as_ref().map_or(Ok(true), |when| when.holds(&scope));
        if holds.map_err(|error| ("severity", error))? {
            return Ok(Some(*severity));
        }
    }
    Ok(Some(Severity::default()))
}

impl Found {
    fn new(fingerprint: Fingerprint, key: Row, ranked: bool, stored: Option<&KnownKey>) -> Found {
        Found {
            fingerprint,
            key,
            rows: Vec::new(),
            row_count: u64::from(stored.is_some()),
            digest: stored.map_or(Digest(0), |known| known.digest),
            severity: stored.map_or(Severity::Info, |known| known.severity),
            includes_stored: stored.is_some(),
            ranked,
            ranks: Vec::new(),
            arrival: 0,
        }
    }

    fn rank(&self, severity: Severity, digest: Digest) -> Rank {
        (Reverse(severity), self.ranked.then_some(digest))
    }

    /// Adds a row behind those that rank as high.
    fn add(&mut self, row: &Row, digest: Digest, severity: Severity) {
        self.row_count += 1;
        self.digest = Digest(self.digest.0.wrapping_add(digest.0));
        self.severity = if self.row_count == 1 { severity } else { self.severity.max(severity) };
        let rank = self.rank(severity, digest);
        let at = self.ranks.partition_point(|other| *other <= rank);
        if at < MAX_ROWS_KEPT {
            self.ranks.insert(at, rank);
            self.rows.insert(at, row.clone());
            self.ranks.truncate(MAX_ROWS_KEPT);
            self.rows.truncate(MAX_ROWS_KEPT);
        }
    }

    /// Some rows of the key could not be judged: those that could do not make it less severe.
    fn keep_severity(&mut self, known: Option<&KnownKey>) {
        if known.is_none_or(|known| known.digest != self.digest) {
            self.digest = Digest(self.digest.0.wrapping_add(INCOMPLETE));
        }
        let firing = known.filter(|known| known.status == AlertStatus::Firing);
        self.severity = firing.map_or(self.severity, |known| known.severity.max(self.severity));
    }

    /// Puts the stored row back in its place among the rows: it was recognised by its digest and not kept. It came before
    /// all the others, for only the first row of a key is recognised.
    pub fn with_stored(mut self, stored: &Alert) -> Found {
        if let Some(row) = stored.rows.first().filter(|_| self.includes_stored) {
            let rank = self.rank(stored.severity, stored.digest);
            let at = self.ranks.partition_point(|other| *other < rank);
            self.ranks.insert(at, rank);
            self.rows.insert(at, row.clone());
            self.ranks.truncate(MAX_ROWS_KEPT);
            self.rows.truncate(MAX_ROWS_KEPT);
        }
        self.includes_stored = false;
        self
    }
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
pub(crate) mod tests;
