//! Rows of `match` and `new`: a key that is returned and counts is an alert, or an event.

use super::found::Found;
use super::judge::{Verdict, judge};
use super::lifecycle::{Holds, reminder_is_due, step};
use super::plan::Plan;
use super::trace::TraceWord;
use super::{Evaluation, Mark, Waiting};
use crate::domain::alert::{Alert, AlertStatus, Severity};
use crate::domain::cursor::CursorValue;
use crate::domain::expression::ExpressionError;
use crate::domain::guard::Moved;
use crate::domain::known::KnownKey;
use crate::domain::row::{Digest, Fingerprint, Row};
use crate::domain::watcher::AlertOn;
use std::collections::{BTreeMap, HashMap};

impl Evaluation<'_> {
    pub(super) fn keyed_row(&mut self, row: &Row) {
        let fingerprint = self.fingerprint(row);
        self.sampling.see(fingerprint, row);
        let known = if self.basis.is_rekeyed { None } else { self.seen.find(self.basis.known, fingerprint) };
        if let Some((at, seen)) = &mut self.cursor
            && let Some(value) = CursorValue::of(row, *at)
        {
            if known.is_none() && self.basis.usual_bound.is_some_and(|bound| value.order(bound) == Some(std::cmp::Ordering::Less)) {
                self.late.insert(fingerprint);
            }
            seen.see(value, self.basis.now, self.basis.watcher.timezone);
        }
        let digest = row.digest();
        if let Some(at) = known
            && self.is_settled(at, digest)
        {
            self.marks[at] = Mark::Unchanged;
            self.matched += 1;
            return;
        }
        let is_unchanged = known.is_some_and(|at| self.basis.known.keys()[at].digest == digest);
        if self.uses_previous && !is_unchanged && known.is_some() {
            self.waiting.push(Waiting { fingerprint, known, row: row.clone(), digest, arrival: self.rows });
            return;
        }
        let previous = (self.uses_previous && is_unchanged).then_some(row);
        self.judge_row(fingerprint, known, row, previous, digest, self.rows);
    }

    pub(super) fn judge_row(
        &mut self,
        fingerprint: Fingerprint,
        known: Option<usize>,
        row: &Row,
        previous: Option<&Row>,
        digest: Digest,
        arrival: u64,
    ) {
        let status = known.map(|at| self.basis.known.keys()[at].status);
        let verdict = judge(&self.basis, row, previous, status == Some(AlertStatus::Firing));
        match verdict {
            Ok(Verdict::Not) => self.unmatched(fingerprint, known, row, digest, arrival),
            Ok(Verdict::Counts(severity)) => {
                self.matched += 1;
                self.found_row(fingerprint, known, row, digest, severity, arrival);
            }
            Ok(Verdict::Held(severity)) => {
                self.matched += 1;
                // It keeps the alert firing and makes it no worse: its row does not match.
                let severity = known.map_or(severity, |at| severity.min(self.basis.known.keys()[at].severity));
                self.reason(fingerprint, row, digest, TraceWord::Held, |why| format!("{why}, but `clear_when` does not hold yet"));
                self.found_row(fingerprint, known, row, digest, severity, arrival);
            }
            Err((what, error)) => self.fault(fingerprint, what, error),
        }
    }

    pub(super) fn unmatched(&mut self, fingerprint: Fingerprint, known: Option<usize>, row: &Row, digest: Digest, arrival: u64) {
        self.reason(fingerprint, row, digest, TraceWord::Unmatched, |why| why);
        if !self.remembers_rows {
            return;
        }
        if let Some(at) = known {
            self.marks[at] = Mark::Returned;
        }
        let ranked = !self.basis.watcher.key.is_empty();
        let key = self.key_of(row);
        let entry = self.remembered.entry(fingerprint).or_insert_with(|| Found::new(fingerprint, key, ranked, arrival, None));
        entry.add(row, digest, Severity::Info);
    }

    /// Whether a row of a known key needs no second look.
    pub(super) fn is_settled(&self, at: usize, digest: Digest) -> bool {
        let known = &self.basis.known.keys()[at];
        match self.basis.watcher.alert_on {
            AlertOn::New { .. } => true,
            // A key that was only seen has no verdict to keep.
            _ => {
                self.may_skip
                    && known.status != AlertStatus::Seen
                    && known.digest == digest
                    && self.marks[at] == Mark::Absent
                    && !self.found.contains_key(&known.fingerprint)
                    && !self.uses_previous
            }
        }
    }

    pub(super) fn found_row(
        &mut self,
        fingerprint: Fingerprint,
        known: Option<usize>,
        row: &Row,
        digest: Digest,
        severity: Severity,
        arrival: u64,
    ) {
        let Some(keys) = &self.keys else { return };
        let ranked = !self.basis.watcher.key.is_empty();
        let found = self.found.entry(fingerprint).or_insert_with(|| {
            let stored = known.filter(|at| self.marks[*at] == Mark::Unchanged).map(|at| &self.basis.known.keys()[at]);
            Found::new(fingerprint, keys.key_of(row), ranked, arrival, stored)
        });
        found.add(row, digest, severity);
    }

    pub(super) fn fault(&mut self, fingerprint: Fingerprint, what: &'static str, error: ExpressionError) {
        self.faulty.insert(fingerprint);
        self.faults.add(fingerprint, what, error);
    }

    pub(super) fn finish_match(&mut self, plan: &mut Plan) {
        let mut found: BTreeMap<Fingerprint, Found> = std::mem::take(&mut self.found).into_iter().collect();
        for fingerprint in &self.faulty {
            let known = self.known_of(*fingerprint);
            if let Some(found) = found.get_mut(fingerprint) {
                found.keep_severity(known);
            }
        }
        plan.repeated_keys = found.values().filter(|found| found.row_count > 1 && !self.basis.watcher.key.is_empty()).count() as u64;
        if !self.basis.is_rekeyed {
            self.step_known(&found, plan);
        }
        for (fingerprint, found) in found {
            let known = self.known_of(fingerprint);
            let next = step(self.basis.watcher, known, Holds::Yes, self.basis.now);
            plan.place(found, known, next, self.basis.is_rekeyed);
        }
        self.remember(plan);
    }

    /// Keeps the rows that do not count, as what a condition on `previous` is told against.
    pub(super) fn remember(&mut self, plan: &mut Plan) {
        let (placed, ended) = (plan.placed(), plan.ended());
        for (fingerprint, remembered) in std::mem::take(&mut self.remembered) {
            let known = self.known_of(fingerprint);
            let goes_on = known.is_some_and(|known| known.status != AlertStatus::Seen) && !ended.contains(&fingerprint);
            let is_same = known.is_some_and(|known| known.status == AlertStatus::Seen && known.digest == remembered.digest);
            if !placed.contains(&fingerprint) && !goes_on && !is_same && !self.faulty.contains(&fingerprint) {
                plan.baseline.push(remembered);
            }
        }
    }

    /// What happens to the keys that were known, but for the rows found now.
    pub(super) fn step_known(&self, found: &BTreeMap<Fingerprint, Found>, plan: &mut Plan) {
        let watcher = self.basis.watcher;
        for (at, known) in self.basis.known.keys().iter().enumerate() {
            let is_found = found.contains_key(&known.fingerprint);
            if known.status == AlertStatus::Seen {
                if self.marks[at] == Mark::Absent && !is_found && !self.faulty.contains(&known.fingerprint) && self.remembers_rows {
                    plan.forgotten.push(known.fingerprint);
                }
                continue;
            }
            let holds = match () {
                () if self.marks[at] == Mark::Unchanged || is_found => Holds::Yes,
                () if self.faulty.contains(&known.fingerprint) => Holds::Unknown,
                () => Holds::No,
            };
            plan.moved.known += u64::from(known.status == AlertStatus::Firing);
            plan.moved.vanished += u64::from(known.status == AlertStatus::Firing && holds == Holds::No && known.gone_since.is_none());
            let next = step(watcher, Some(known), holds, self.basis.now);
            // What was found with other content is placed with it.
            if !is_found {
                plan.step(known, next);
            }
            if known.status == AlertStatus::Firing && !rises(found, known) {
                plan.remind(known, reminder_is_due(watcher, known, holds, self.basis.now));
            }
        }
    }

    pub(super) fn finish_new(&mut self, stored: &HashMap<Fingerprint, Alert>, plan: &mut Plan) {
        let found: BTreeMap<Fingerprint, Found> = std::mem::take(&mut self.found).into_iter().collect();
        plan.repeated_keys = found.values().filter(|found| found.row_count > 1).count() as u64;
        let AlertOn::New { alert_on_first_poll, .. } = &self.basis.watcher.alert_on else { return };
        let is_baseline = !(self.basis.has_baseline || *alert_on_first_poll && self.basis.is_first);
        plan.moved = Moved { known: self.basis.known.keys().len() as u64, vanished: 0, fired: found.len() as u64 };
        if is_baseline {
            plan.baseline.extend(found.into_values())
        } else {
            plan.fired.extend(found.into_values())
        }
        let passed =
            self.forgettable().into_iter().filter(|fingerprint| stored.get(fingerprint).is_some_and(|alert| self.is_passed(alert)));
        plan.forgotten.extend(passed);
    }

    /// The keys that are old enough to be forgotten; where they lie stands in their alerts. A key without the cursor's
    /// column may be returned at any time, under another value.
    pub(super) fn forgettable(&self) -> Vec<Fingerprint> {
        let Some(forget) = self.basis.forget.filter(|_| !self.basis.is_rekeyed) else { return Vec::new() };
        let is_in_key = |column: &str| self.basis.watcher.key.iter().any(|name| name.eq_ignore_ascii_case(column));
        if !self.basis.watcher.cursor().is_some_and(|cursor| is_in_key(&cursor.column)) {
            return Vec::new();
        }
        let keys = self.marks.iter().zip(self.basis.known.keys());
        keys.filter(|(mark, known)| **mark == Mark::Absent && known.since < forget.before).map(|(_, known)| known.fingerprint).collect()
    }

    /// Whether a key lies below where any read begins from now on.
    fn is_passed(&self, alert: &Alert) -> bool {
        let column = self.basis.watcher.cursor().and_then(|cursor| alert.key.columns().position(&cursor.column));
        let value = column.filter(|at| *at < alert.key.len()).and_then(|at| CursorValue::of(&alert.key, at));
        let order = value.zip(self.basis.forget).and_then(|(value, forget)| value.order(forget.below));
        order == Some(std::cmp::Ordering::Less)
    }
}

fn rises(found: &BTreeMap<Fingerprint, Found>, known: &KnownKey) -> bool {
    found.get(&known.fingerprint).is_some_and(|found| found.severity > known.severity)
}
