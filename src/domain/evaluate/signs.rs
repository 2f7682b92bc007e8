//! Rows of `missing` and `report`: signs of life, and lines to be gathered.

use super::found::Found;
use super::judge::{Verdict, judge};
use super::lifecycle::{Holds, Step, reminder_is_due, step};
use super::missing::{self, ExpectedKey};
use super::plan::Plan;
use super::{Basis, Evaluation};
use crate::domain::alert::{AlertStatus, Severity};
use crate::domain::expression::{Expression, Scope};
use crate::domain::row::Row;
use std::collections::BTreeSet;

impl Evaluation<'_> {
    pub(super) fn life_sign(&mut self, row: &Row) {
        let fingerprint = self.fingerprint(row);
        let place = self.presence.as_ref().map(|presence| presence.place(fingerprint));
        if place == Some(None) {
            // Nobody waits for this key.
            return;
        }
        let place = place.flatten();
        match judge(&self.basis, row, None, false) {
            Ok(Verdict::Counts(_)) => {
                self.matched += 1;
                if let (Some(presence), Some(at)) = (&mut self.presence, place) {
                    presence.mark(at);
                }
            }
            Ok(_) => self.unmatched(fingerprint, None, row, row.digest(), self.rows),
            Err((what, error)) => {
                if let (Some(presence), Some(at)) = (&mut self.presence, place) {
                    presence.doubt(at);
                }
                self.faults.add(fingerprint, what, error);
            }
        }
    }

    pub(super) fn report_row(&mut self, row: &Row) {
        match judge(&self.basis, row, None, false) {
            Ok(Verdict::Counts(severity)) => {
                self.matched += 1;
                if let Err(message) = self.gathering.row(row, severity) {
                    self.failure.get_or_insert(message);
                }
            }
            Ok(_) => {}
            Err((what, error)) => {
                let fingerprint = self.fingerprint(row);
                self.faults.add(fingerprint, what, error);
            }
        }
    }

    pub(super) fn finish_missing(&mut self, plan: &mut Plan) {
        let any = missing::any_row(self.basis.watcher, self.basis.identity);
        let expected: Vec<&ExpectedKey> = match self.basis.expected {
            Some(expected) => expected.iter().collect(),
            None => vec![&any],
        };
        let mut still_expected = BTreeSet::new();
        for (at, expected) in expected.into_iter().enumerate() {
            still_expected.insert(expected.fingerprint);
            let is_missing = match &self.presence {
                Some(presence) => presence.is_missing(at),
                None if self.matched > 0 => Some(false),
                None => (self.faults.count == 0).then_some(true),
            };
            let holds = match is_missing {
                Some(true) => Holds::Yes,
                Some(false) => Holds::No,
                None => Holds::Unknown,
            };
            self.step_missing(expected, holds, plan);
        }
        // A key that nobody expects any more cannot be missing.
        let gone = self.basis.known.keys().iter().filter(|known| !self.basis.is_rekeyed && !still_expected.contains(&known.fingerprint));
        for known in gone {
            match known.status {
                AlertStatus::Firing => {
                    plan.unexpected.insert(known.fingerprint);
                    plan.resolved.push(known.fingerprint);
                }
                AlertStatus::Pending | AlertStatus::Seen => plan.forgotten.push(known.fingerprint),
            }
        }
    }

    pub(super) fn step_missing(&self, expected: &ExpectedKey, holds: Holds, plan: &mut Plan) {
        let (watcher, now) = (self.basis.watcher, self.basis.now);
        let known = self.known_of(expected.fingerprint);
        if let Some(known) = known.filter(|known| known.status == AlertStatus::Firing) {
            plan.moved.known += 1;
            plan.moved.vanished += u64::from(holds == Holds::No && known.gone_since.is_none());
            plan.remind(known, reminder_is_due(watcher, known, holds, now));
        }
        match (known.filter(|known| known.status != AlertStatus::Seen), step(watcher, known, holds, now)) {
            (Some(known), next) => plan.step(known, next),
            (None, next @ (Step::Fire | Step::Pend(_))) => {
                let severity = judge_key(&self.basis, &expected.key);
                let mut found = Found::new(expected.fingerprint, expected.key.clone(), true, 0, None);
                found.severity = severity;
                plan.place(found, None, next, self.basis.is_rekeyed);
            }
            (None, _) => {}
        }
    }
}

/// The severity of a key that is missing: its conditions see the key's columns only.
fn judge_key(basis: &Basis<'_>, key: &Row) -> Severity {
    let scope = Scope { row: key, previous: None, severity: None, now: basis.now, zone: basis.watcher.timezone };
    let cases = &basis.watcher.severity.cases;
    let holds = |when: &Option<Expression>| when.as_ref().is_none_or(|when| when.holds(&scope) == Ok(true));
    cases.iter().find(|(when, _)| holds(when)).map_or(Severity::default(), |(_, severity)| *severity)
}
