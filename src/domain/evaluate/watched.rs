//! Rows of `change`: what differs from the row that was stored under the same key.

use super::found::Found;
use super::judge::{Verdict, judge, judge_whole};
use super::plan::Plan;
use super::shape::Watched;
use super::trace::TraceWord;
use super::{Evaluation, Mark, Refused, Waiting};
use crate::domain::alert::{Alert, Severity};
use crate::domain::expression::ExpressionError;
use crate::domain::guard::Moved;
use crate::domain::row::{Columns, Digest, Fingerprint, Row};
use crate::domain::watcher::AlertOn;
use std::collections::HashMap;

impl Evaluation<'_> {
    pub(super) fn watch(&mut self, named: &[String], columns: &Columns, has: impl Fn() -> String) -> Result<(), String> {
        let watched = Watched::new(named, &self.basis.watcher.key, columns)
            .map_err(|name| format!("the watched column `{name}` is not in the result, which has: {}", has()))?;
        if let Some(shape) = self.basis.shape.filter(|_| self.basis.has_baseline) {
            let gone = shape.columns.iter().find(|(name, _)| !watched.names().contains(name));
            if let Some((name, _)) = gone.filter(|_| self.basis.same_revision) {
                return Err(format!("the watched column `{name}` is gone from the result, which has: {}", has()));
            }
            self.is_reshaped = !shape.has_columns(watched.names());
        }
        self.watched = Some(watched);
        Ok(())
    }

    pub(super) fn watched_row(&mut self, row: &Row) {
        let fingerprint = self.fingerprint(row);
        let known = if self.basis.is_rekeyed { None } else { self.seen.find(self.basis.known, fingerprint) };
        let Some(watched) = &mut self.watched else { return };
        let digest = watched.digest(row);
        self.matched += 1;
        let is_second = known.is_some_and(|at| self.marks[at] != Mark::Absent)
            || self.found.contains_key(&fingerprint)
            || self.faulty.contains(&fingerprint);
        if is_second {
            let message = "the query returns this key more than once, so it cannot be told what changed".to_owned();
            let error = ExpressionError { message, span: 0..0, hint: Some("make the key name one row".to_owned()) };
            // A key is one fault, whatever is wrong with which of its rows.
            self.faults.count -= u64::from(self.faulty.contains(&fingerprint));
            return self.fault(fingerprint, "key", error);
        }
        let Some(at) = known else {
            return self.judge_change(fingerprint, row, None, digest, self.rows);
        };
        if self.basis.known.keys()[at].digest == digest && !self.is_reshaped {
            self.marks[at] = Mark::Unchanged;
            return;
        }
        self.marks[at] = Mark::Returned;
        self.waiting.push(Waiting { fingerprint, known, row: row.clone(), digest, arrival: self.rows });
    }

    pub(super) fn judge_change(&mut self, fingerprint: Fingerprint, row: &Row, previous: Option<&Row>, digest: Digest, arrival: u64) {
        let verdict = match previous {
            Some(_) => judge(&self.basis, row, previous, false),
            None => judge_whole(&self.basis, row),
        };
        let (severity, is_told) = match verdict {
            Ok(Verdict::Counts(severity)) => (severity, true),
            Ok(Verdict::Not | Verdict::Held(_)) => (Severity::Info, false),
            Err((what, error)) => return self.fault(fingerprint, what, error),
        };
        if !is_told && previous.is_some() {
            self.reason(fingerprint, row, digest, TraceWord::Unmatched, |why| format!("it changed, but {why}"));
        }
        let key = self.key_of(row);
        let mut found = Found::new(fingerprint, key, true, arrival, None);
        found.add(row, digest, severity);
        found.is_told = is_told;
        self.found.insert(fingerprint, found);
    }

    /// A row whose content is the same under the new shape of the result.
    pub(super) fn keep_quietly(&mut self, fingerprint: Fingerprint, row: &Row, digest: Digest, arrival: u64) {
        let mut found = Found::new(fingerprint, self.key_of(row), true, arrival, None);
        found.add(row, digest, Severity::Info);
        found.is_told = false;
        self.found.insert(fingerprint, found);
    }

    pub(super) fn finish_change(
        &mut self,
        tells_added: bool,
        tells_removed: bool,
        stored: &HashMap<Fingerprint, Alert>,
        plan: &mut Plan,
    ) -> Result<(), Refused> {
        let Some(watched) = &self.watched else { return Ok(()) };
        let before = self.basis.shape.filter(|_| self.basis.same_revision && self.basis.has_baseline);
        plan.shape = Some(watched.shape(before).map_err(|message| Refused { kind: "schema", message })?);
        let tells_changed = match &self.basis.watcher.alert_on {
            AlertOn::Change { rows, .. } => rows.changed,
            _ => false,
        };
        for fingerprint in &self.faulty {
            self.found.remove(fingerprint);
        }
        for (fingerprint, found) in std::mem::take(&mut self.found) {
            let known = self.known_of(fingerprint).filter(|_| self.basis.has_baseline);
            match known {
                None if self.basis.has_baseline && tells_added && found.is_told => plan.added.push(found),
                None => plan.baseline.push(found),
                Some(_) if found.is_told && tells_changed => plan.changed.push(found),
                Some(_) => plan.refreshed.push(found),
            }
        }
        let absent: Vec<Fingerprint> = self
            .marks
            .iter()
            .zip(self.basis.known.keys())
            .filter(|(mark, known)| **mark == Mark::Absent && !self.faulty.contains(&known.fingerprint))
            .map(|(_, known)| known.fingerprint)
            .collect();
        plan.moved = Moved {
            known: self.basis.known.keys().len() as u64,
            vanished: absent.len() as u64,
            fired: (plan.changed.len() + plan.added.len()) as u64,
        };
        for fingerprint in absent {
            match stored.get(&fingerprint).filter(|_| tells_removed && self.basis.has_baseline && !self.basis.is_rekeyed) {
                Some(alert) => self.removed(alert, plan),
                None => plan.forgotten.push(fingerprint),
            }
        }
        Ok(())
    }

    /// A row that is gone, judged by what it was.
    pub(super) fn removed(&mut self, alert: &Alert, plan: &mut Plan) {
        let Some(row) = alert.rows.first() else { return plan.forgotten.push(alert.fingerprint) };
        match judge_whole(&self.basis, row) {
            Ok(Verdict::Counts(severity)) => plan.removed.push((alert.fingerprint, severity)),
            Ok(_) => plan.forgotten.push(alert.fingerprint),
            Err((what, error)) => self.faults.add(alert.fingerprint, what, error),
        }
    }
}
