//! How alerts end: over, under another key, or with their watcher's file.

use super::{Changes, Drafting, Occasion};
use crate::domain::alert::{Alert, AlertStatus, Event, EventKind};
use crate::domain::row::Fingerprint;
use crate::domain::watcher::AlertOn;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

impl Drafting<'_> {
    pub(super) fn resolved(&mut self, fingerprint: Fingerprint, is_unexpected: bool, stored: &mut HashMap<Fingerprint, Alert>) {
        self.changes.remove.push(fingerprint);
        let Some(alert) = stored.remove(&fingerprint) else { return };
        let watcher = self.occasion.watcher;
        let told = if watcher.send_resolved { alert.receivers.as_slice() } else { &[] };
        let routes = told.iter().map(|receiver| (receiver.clone(), Vec::new())).collect();
        let over = match watcher.alert_on {
            AlertOn::Missing { .. } if is_unexpected => "the key is expected no more",
            AlertOn::Missing { .. } => "a row is there again",
            _ => "the row no longer matches",
        };
        let reason = match watcher.send_resolved {
            true => over.to_owned(),
            false => format!("{over}; send_resolved is false, so no one is told"),
        };
        let event = self.alert_event(EventKind::Resolved, &alert, reason);
        self.push(event, routes);
    }

    /// Alerts under a key that the watcher no longer has.
    pub(super) fn rekeyed(&mut self, fingerprints: &[Fingerprint], stored: &mut HashMap<Fingerprint, Alert>) {
        let Occasion { watcher, now, .. } = *self.occasion;
        for fingerprint in fingerprints {
            self.changes.remove.push(*fingerprint);
            if let Some(alert) = stored.remove(fingerprint).filter(|alert| alert.status == AlertStatus::Firing) {
                let why = "the watcher's key was changed; no one is told, and what is there fires under the new key";
                self.push(over(&watcher.name, &watcher.source, now, &alert, why), Vec::new());
            }
        }
    }
}

/// Closes alerts of a watcher that is gone, without a message, and says why in the history.
pub fn closed(watcher: &str, source: &str, now: DateTime<Utc>, alerts: &[Alert], why: &str) -> Changes {
    let mut changes = Changes::default();
    for alert in alerts {
        changes.remove.push(alert.fingerprint);
        if alert.status == AlertStatus::Firing {
            changes.events.push(over(watcher, source, now, alert, why));
        }
    }
    changes
}

fn over(watcher: &str, source: &str, now: DateTime<Utc>, alert: &Alert, why: &str) -> Event {
    Event {
        at: now,
        watcher: watcher.to_owned(),
        source: source.to_owned(),
        kind: EventKind::Resolved,
        severity: alert.severity,
        fingerprint: Some(alert.fingerprint),
        key: Some(alert.key.clone()),
        rows: alert.rows.clone(),
        row_count: alert.row_count,
        previous: None,
        since: Some(alert.since),
        reason: why.to_owned(),
        silenced: false,
        changed: Vec::new(),
        sums: Vec::new(),
    }
}
