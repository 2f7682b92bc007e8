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
//! A condition on `previous` needs the row that was stored. Rows that did not change are their own previous; the others
//! wait until the result has ended, and [`Evaluation::wants`] names the stored alerts that [`Evaluation::finish`] needs.
//!
//! What it deliberately does not do: read the stored rows of an alert (it names the fingerprints it needs), decide who is
//! told (see `compose`), or write.

mod found;
mod judge;
mod keyed;
mod lifecycle;
mod missing;
mod plan;
mod report;
mod sampling;
mod shape;
mod signs;
mod trace;
mod watched;

pub use found::Found;
pub use judge::verdict;
pub use missing::{ExpectedKey, expected_cells, expected_rows};
pub use plan::{KeyMark, Plan, RowFaults};
pub use report::{LastReport, MAX_REPORT_ROWS, ReportFound};
pub use shape::Shape;
pub use trace::{MOST_WRITTEN, Thoughts, Trace, TraceChanges, TraceWord, UNMATCHED_TRACED};

use super::alert::{Alert, AlertStatus};
use super::cursor::{CursorSeen, CursorValue};
use super::known::{Known, KnownKey};
use super::row::{Columns, Digest, Fingerprint, KeyColumns, Row};
use super::watcher::{AlertOn, Watcher};
use chrono::{DateTime, Utc};
use missing::Presence;
use report::Gathering;
use sampling::Sampling;
use shape::Watched;
use std::collections::{BTreeSet, HashMap};
use trace::Reasons;

/// One key in so many may come at another place than in the poll before, before the order is learned anew.
const MOST_JUMPS_IN: usize = 8;

/// What the fold needs besides the rows.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The watcher.
    pub watcher: &'a Watcher,
    /// The name under which its keys are known: the one it had when it was first polled.
    pub identity: &'a str,
    /// What is known of its keys.
    pub known: &'a Known,
    /// Whether `known` was found by this same revision of the watcher.
    pub same_revision: bool,
    /// Whether no poll of it has ever been completed.
    pub is_first: bool,
    /// Whether a poll of it has been completed before, under the same key.
    pub has_baseline: bool,
    /// Whether what is known stands under another key: it is closed, and what is found begins anew.
    pub is_rekeyed: bool,
    /// What the watched columns of a `change` watcher were.
    pub shape: Option<&'a Shape>,
    /// What a `missing` watcher expects; `None`: any row.
    pub expected: Option<&'a [ExpectedKey]>,
    /// The last report.
    pub last_report: Option<&'a LastReport>,
    /// Which keys of an incremental watcher need not be known any more.
    pub forget: Option<Forget<'a>>,
    /// While everything is read again: where a usual read would have begun.
    pub usual_bound: Option<&'a CursorValue>,
    /// The time of the poll.
    pub now: DateTime<Utc>,
}

impl<'a> Basis<'a> {
    /// Of a watcher that was never polled; `nothing` is empty.
    pub fn of_nothing(watcher: &'a Watcher, nothing: &'a Known, now: DateTime<Utc>) -> Basis<'a> {
        Basis {
            watcher,
            identity: &watcher.name,
            known: nothing,
            same_revision: false,
            is_first: true,
            has_baseline: false,
            is_rekeyed: false,
            shape: None,
            expected: None,
            last_report: None,
            forget: None,
            usual_bound: None,
            now,
        }
    }
}

/// Keys that were first seen before a time and lie below a value of the cursor are not read again, and forgotten. The time
/// alone would not do: the last row of a quiet table is old and is read again by the next reconciliation.
#[derive(Clone, Copy)]
pub struct Forget<'a> {
    /// Only keys that are older are looked at.
    pub before: DateTime<Utc>,
    /// No read begins below it any more.
    pub below: &'a CursorValue,
}

/// The fold: feed it the columns, then every row, then [`finish`](Evaluation::finish) it when the result has ended.
pub struct Evaluation<'a> {
    basis: Basis<'a>,
    may_skip: bool,
    uses_previous: bool,
    remembers_rows: bool,
    keys: Option<KeyColumns>,
    scratch: Vec<u8>,
    seen: Seen,
    marks: Vec<Mark>,
    found: HashMap<Fingerprint, Found>,
    /// Rows whose verdict needs the stored row.
    waiting: Vec<Waiting>,
    /// Rows that do not count and are kept as what was seen last.
    remembered: HashMap<Fingerprint, Found>,
    faulty: BTreeSet<Fingerprint>,
    faults: RowFaults,
    rows: u64,
    matched: u64,
    reasons: Reasons,
    watched: Option<Watched>,
    /// Whether the watched columns are other ones than those that the digests were made of.
    is_reshaped: bool,
    presence: Option<Presence>,
    gathering: Gathering,
    failure: Option<String>,
    cursor: Option<(usize, CursorSeen)>,
    late: BTreeSet<Fingerprint>,
    sampling: Sampling,
}

/// A row that is judged when the result has ended.
struct Waiting {
    fingerprint: Fingerprint,
    known: Option<usize>,
    row: Row,
    digest: Digest,
    arrival: u64,
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
    /// A row of the stored content.
    Unchanged,
    /// Some row; what it comes to is among those found, or it does not count.
    Returned,
}

/// Why a result that was read whole is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A word: `schema`, `evaluation`.
    pub kind: &'static str,
    /// In words.
    pub message: String,
}

impl<'a> Evaluation<'a> {
    /// Starts a fold.
    pub fn new(basis: Basis<'a>) -> Evaluation<'a> {
        let may_skip = basis.same_revision && !basis.is_rekeyed && !basis.watcher.verdict_depends_on_time();
        let presence = basis.expected.map(Presence::new);
        Evaluation {
            basis,
            may_skip,
            uses_previous: basis.watcher.uses_previous(),
            remembers_rows: basis.watcher.remembers_rows(),
            keys: None,
            scratch: Vec::new(),
            seen: Seen::default(),
            marks: vec![Mark::Absent; basis.known.keys().len()],
            found: HashMap::new(),
            waiting: Vec::new(),
            remembered: HashMap::new(),
            faulty: BTreeSet::new(),
            faults: RowFaults::default(),
            rows: 0,
            matched: 0,
            reasons: Reasons::default(),
            watched: None,
            is_reshaped: false,
            presence,
            gathering: Gathering::default(),
            failure: None,
            cursor: None,
            late: BTreeSet::new(),
            sampling: Sampling::default(),
        }
    }

    /// Takes the result's columns, before its rows.
    ///
    /// # Errors
    /// A sentence that names the column which the result does not have, or which the key names twice.
    pub fn columns(&mut self, columns: &Columns) -> Result<(), String> {
        let watcher = self.basis.watcher;
        let places: Vec<_> = watcher.key.iter().map(|name| columns.position(name)).collect();
        if let Some(at) = (1..places.len()).find(|at| places[*at].is_some() && places[..*at].contains(&places[*at])) {
            return Err(format!("the key names the column `{}` twice", watcher.key[at]));
        }
        let has = || columns.names().join(", ");
        let missing = |what: &str, name: String| format!("the {what} `{name}` is not in the result, which has: {}", has());
        let keys = KeyColumns::of_watcher(watcher, self.basis.identity, &watcher.key, columns);
        self.keys = Some(keys.map_err(|name| missing("key column", name))?);
        self.sampling = Sampling::new(watcher, columns);
        match &watcher.alert_on {
            AlertOn::Change { columns: named, .. } => self.watch(named, columns, has)?,
            AlertOn::Report { sums, .. } => self.gathering.columns(sums, columns).map_err(|name| missing("column", name))?,
            AlertOn::New { cursor: Some(cursor), .. } => {
                let at = columns.position(&cursor.column).ok_or_else(|| missing("cursor column", cursor.column.clone()))?;
                self.cursor = Some((at, CursorSeen::default()));
            }
            AlertOn::Match | AlertOn::New { .. } | AlertOn::Missing { .. } => {}
        }
        Ok(())
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        self.rows += 1;
        match self.basis.watcher.alert_on {
            AlertOn::Match | AlertOn::New { .. } => self.keyed_row(row),
            AlertOn::Change { .. } => self.watched_row(row),
            AlertOn::Missing { .. } => self.life_sign(row),
            AlertOn::Report { .. } => self.report_row(row),
        }
    }

    fn fingerprint(&mut self, row: &Row) -> Fingerprint {
        self.keys.as_ref().map_or(Fingerprint(0), |keys| keys.fingerprint_in(row, &mut self.scratch))
    }

    fn key_of(&self, row: &Row) -> Row {
        self.keys.as_ref().map_or_else(|| row.clone(), |keys| keys.key_of(row))
    }

    /// Keeps why a row does not count, or counts although `when` does not hold.
    fn reason(&mut self, fingerprint: Fingerprint, row: &Row, digest: Digest, word: TraceWord, words: impl FnOnce(String) -> String) {
        if self.reasons.wants(word, fingerprint, digest) {
            let text = words(judge::why_not(&self.basis, row));
            self.reasons.keep(Trace { fingerprint, key: Some(self.key_of(row)), word, text }, digest);
        }
    }

    /// The stored alerts that [`Evaluation::finish`] needs; ask when the result has ended.
    pub fn wants(&self) -> Vec<Fingerprint> {
        let mut wanted: Vec<Fingerprint> =
            self.waiting.iter().filter(|waiting| waiting.known.is_some()).map(|waiting| waiting.fingerprint).collect();
        if let AlertOn::Change { rows, .. } = &self.basis.watcher.alert_on
            && rows.removed
            && self.basis.has_baseline
        {
            let absent = self.marks.iter().zip(self.basis.known.keys()).filter(|(mark, _)| **mark == Mark::Absent);
            wanted.extend(absent.map(|(_, known)| known.fingerprint));
        }
        wanted.extend(self.forgettable());
        wanted
    }

    /// Ends the fold: the result has come whole. `stored` holds the alerts that [`Evaluation::wants`] named.
    ///
    /// # Errors
    /// The result is not taken: its shape has changed, or a report cannot be added up.
    pub fn finish(mut self, stored: &HashMap<Fingerprint, Alert>) -> Result<Plan, Refused> {
        if let Some(message) = self.failure.take() {
            return Err(Refused { kind: "evaluation", message });
        }
        self.judge_waiting(stored);
        let mut plan = Plan {
            rows: self.rows,
            matched: self.matched,
            order: std::mem::take(&mut self.seen).worth_keeping(),
            cursor: self.cursor.take().map(|(_, seen)| seen),
            late: std::mem::take(&mut self.late),
            samples: std::mem::take(&mut self.sampling).finish(),
            ..Plan::default()
        };
        match &self.basis.watcher.alert_on {
            AlertOn::Match => self.finish_match(&mut plan),
            AlertOn::New { .. } => self.finish_new(stored, &mut plan),
            AlertOn::Change { rows, .. } => self.finish_change(rows.added, rows.removed, stored, &mut plan)?,
            AlertOn::Missing { .. } => self.finish_missing(&mut plan),
            AlertOn::Report { .. } => {
                plan.report = Some(std::mem::take(&mut self.gathering).finish(self.basis.last_report));
            }
        }
        if self.basis.is_rekeyed {
            let of = |alert: bool| self.basis.known.keys().iter().filter(move |known| (known.status != AlertStatus::Seen) == alert);
            plan.rekeyed = of(true).map(|known| known.fingerprint).collect();
            plan.forgotten = of(false).map(|known| known.fingerprint).collect();
        }
        let (reasons, is_whole) = self.reasons.finish();
        plan.traces.extend(reasons);
        plan.is_trace_whole = is_whole && self.faults.count == 0 && !self.basis.is_rekeyed && sees_every_row(self.basis.watcher);
        plan.faults = self.faults;
        plan.sort();
        Ok(plan)
    }

    fn judge_waiting(&mut self, stored: &HashMap<Fingerprint, Alert>) {
        for Waiting { fingerprint, known, row, digest, arrival } in std::mem::take(&mut self.waiting) {
            let previous = stored.get(&fingerprint).and_then(|alert| alert.rows.first());
            match &self.basis.watcher.alert_on {
                AlertOn::Change { .. } if self.faulty.contains(&fingerprint) => {}
                AlertOn::Change { .. } => {
                    let differs = |watched: &Watched| previous.is_none_or(|previous| watched.differ(&row, previous));
                    let changed = !self.is_reshaped || self.watched.as_ref().is_none_or(differs);
                    match changed {
                        true => self.judge_change(fingerprint, &row, previous, digest, arrival),
                        false => self.keep_quietly(fingerprint, &row, digest, arrival),
                    }
                }
                _ => self.judge_row(fingerprint, known, &row, previous, digest, arrival),
            }
        }
    }

    fn known_of(&self, fingerprint: Fingerprint) -> Option<&'a KnownKey> {
        if self.basis.is_rekeyed {
            return None;
        }
        self.basis.known.position(fingerprint).map(|at| &self.basis.known.keys()[at])
    }
}

/// Whether a poll of the watcher says of each of its keys whether its row was returned.
fn sees_every_row(watcher: &Watcher) -> bool {
    let is_state = match &watcher.alert_on {
        AlertOn::Match | AlertOn::Missing { .. } => true,
        AlertOn::New { cursor, .. } => cursor.is_none(),
        AlertOn::Change { .. } | AlertOn::Report { .. } => false,
    };
    is_state && !watcher.key.is_empty()
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod world;
