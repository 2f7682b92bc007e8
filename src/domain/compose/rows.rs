//! What changed rows and reports come to.

use super::Drafting;
use crate::domain::alert::{Alert, AlertStatus, Event, EventKind, Severity};
use crate::domain::evaluate::{Found, ReportFound};
use crate::domain::row::{Columns, Digest, Fingerprint, Row, differing};
use crate::domain::watcher::AlertOn;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

impl Drafting<'_> {
    pub(super) fn watched(
        &mut self,
        changed: Vec<Found>,
        added: Vec<Found>,
        removed: Vec<(Fingerprint, Severity)>,
        stored: &mut HashMap<Fingerprint, Alert>,
    ) {
        for found in changed {
            let previous = stored.remove(&found.fingerprint).and_then(|alert| alert.rows.into_iter().next());
            self.changed(found, previous);
        }
        for found in added {
            let alert = self.alert(found, AlertStatus::Seen);
            let event = self.alert_event(EventKind::Changed, &alert, "the row was added".into());
            self.tell(event, &alert);
            self.changes.put.push(alert);
        }
        for (fingerprint, severity) in removed {
            self.changes.remove.push(fingerprint);
            let Some(mut alert) = stored.remove(&fingerprint) else { continue };
            alert.severity = severity;
            let event = self.alert_event(EventKind::Changed, &alert, "the row was removed".into());
            let event = Event { previous: alert.rows.first().cloned(), rows: Vec::new(), row_count: 0, ..event };
            self.tell(event, &alert);
        }
    }

    pub(super) fn changed(&mut self, found: Found, previous: Option<Row>) {
        let alert = self.alert(found, AlertStatus::Seen);
        let watched = match &self.occasion.watcher.alert_on {
            AlertOn::Change { columns, .. } => columns.as_slice(),
            _ => &[],
        };
        let names = alert.rows.first().zip(previous.as_ref()).map(|(row, previous)| differing(row, previous, watched)).unwrap_or_default();
        let text = |row: Option<&Row>, name: &str| {
            let at = row.and_then(|row| row.columns().position(name).map(|at| (row, at)));
            at.and_then(|(row, at)| row.text(at).map(|text| clipped(&text))).unwrap_or_else(|| "NULL".to_owned())
        };
        let one = |name: &String| format!("{name}: {} → {}", text(previous.as_ref(), name), text(alert.rows.first(), name));
        let reason = names.iter().map(one).collect::<Vec<_>>().join("; ");
        let event = self.alert_event(EventKind::Changed, &alert, reason);
        self.tell(Event { previous, changed: names, ..event }, &alert);
        self.changes.put.push(alert);
    }

    pub(super) fn tell(&mut self, event: Event, alert: &Alert) {
        let routes = self.route(alert);
        self.push(event, routes);
    }

    pub(super) fn report(&mut self, report: ReportFound) {
        let AlertOn::Report { send_empty, .. } = self.occasion.watcher.alert_on else { return };
        if report.row_count == 0 && !send_empty {
            return;
        }
        let rows = match (report.row_count, report.rows_before) {
            (n, Some(before)) => format!("{n} rows (last time {before})"),
            (n, None) => format!("{n} rows"),
        };
        let sums = report.sums.iter().map(|sum| match &sum.before {
            Some(before) => format!("; {} {} (last time {before})", sum.column, sum.total),
            None => format!("; {} {}", sum.column, sum.total),
        });
        let reason = rows + &sums.collect::<String>();
        let severity = report.severity.unwrap_or(Severity::Info);
        let event = Event { row_count: report.row_count, reason, sums: report.sums, ..self.event(EventKind::Report, severity) };
        let told_of = Alert { rows: report.rows, severity, ..nothing(self.occasion.now) };
        let routes = self.route(&told_of);
        self.push(Event { rows: told_of.rows, ..event }, routes);
    }
}

/// An alert of nothing: a report has rows and no key.
fn nothing(now: DateTime<Utc>) -> Alert {
    let none = Columns::none();
    Alert {
        fingerprint: Fingerprint(0),
        status: AlertStatus::Seen,
        severity: Severity::Info,
        key: Row::new(none),
        rows: Vec::new(),
        row_count: 0,
        digest: Digest(0),
        since: now,
        told_at: None,
        receivers: Vec::new(),
        polls: 0,
        gone_since: None,
        repeats: 0,
        steps: Vec::new(),
        acknowledged: None,
    }
}

/// A value as it stands in a reason: one line, not too long.
fn clipped(text: &str) -> String {
    const MOST: usize = 80;
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    if text.chars().count() > MOST { one_line + "…" } else { one_line }
}
