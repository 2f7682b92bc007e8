//! From what happened to what is written: new alert states, history events, and one message per receiver. Pure.
//!
//! Who is told: an event goes to every `[[notify]]` block whose condition holds for one of its rows. A condition that
//! cannot be evaluated tells too: rather a message too many than one too few. The end of an alert goes to those who were
//! told of it before.

use super::alert::{Alert, AlertStatus, Event, EventKind, Severity};
use super::evaluate::{Found, Plan};
use super::expression::{Expression, Scope};
use super::message::{self, Language, Message, Setting, words};
use super::row::Fingerprint;
use super::watcher::{AlertOn, Mention, Watcher};
use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use std::collections::HashMap;

/// What one poll writes besides its own record, all in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Alerts to write whole.
    pub put: Vec<Alert>,
    /// Alerts that are over.
    pub remove: Vec<Fingerprint>,
    /// Lines of the history.
    pub events: Vec<Event>,
    /// Messages.
    pub deliveries: Vec<Draft>,
    /// What went wrong on the way without losing anything: a template or a `notify` condition that failed.
    pub warnings: Vec<String>,
}

/// A delivery that is to be made.
#[derive(Clone, Debug)]
pub struct Draft {
    /// To whom.
    pub receiver: String,
    /// What it says.
    pub message: Message,
    /// Which of [`Changes::events`] it tells.
    pub events: Vec<usize>,
}

/// Where and when the changes happen.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// Whose poll it was.
    pub watcher: &'a Watcher,
    /// When.
    pub now: DateTime<Utc>,
    /// The language of built-in texts.
    pub language: Language,
}

/// Carries a plan out on paper. `stored` holds the alerts that [`Plan::needs_stored`] named.
pub fn changes(occasion: &Occasion<'_>, plan: Plan, stored: HashMap<Fingerprint, Alert>) -> Changes {
    let mut draft = Drafting { occasion, changes: Changes::default(), routes: Vec::new() };
    let mut stored = stored;
    draft.fired(plan.fired);
    draft.baseline(plan.baseline);
    for found in plan.escalated {
        draft.escalated(found, &mut stored);
    }
    let refreshed: HashMap<Fingerprint, &Found> = plan.refreshed.iter().map(|found| (found.fingerprint, found)).collect();
    for fingerprint in plan.repeated {
        draft.repeated(fingerprint, refreshed.get(&fingerprint).copied(), &mut stored);
    }
    for found in plan.refreshed {
        draft.refreshed(found, &mut stored);
    }
    // What is over has no place in the result any more: the oldest is told first.
    let mut resolved = plan.resolved;
    resolved.sort_by_cached_key(|fingerprint| {
        stored.get(fingerprint).map(|alert| (alert.since, Json::Object(alert.key.to_json()).to_string()))
    });
    for fingerprint in resolved {
        draft.resolved(fingerprint, &mut stored);
    }
    draft.finish()
}

/// The watcher's own event: its polls fail, or work again. Everyone it names is told.
///
/// `polls` is how many failed in a row, `error` why the last one did.
pub fn watcher_event(occasion: &Occasion<'_>, kind: EventKind, since: DateTime<Utc>, polls: u32, error: &str) -> Changes {
    let mut draft = Drafting { occasion, changes: Changes::default(), routes: Vec::new() };
    let mut event = draft.event(kind, Severity::Warning);
    event.since = Some(since);
    event.row_count = u64::from(polls);
    event.reason = match kind {
        EventKind::WatcherRecovered => words::works_again(Language::En, event.row_count),
        _ => words::failing(Language::En, event.row_count) + error,
    };
    let routes = occasion.watcher.receivers().into_iter().map(|receiver| (receiver, Vec::new())).collect();
    draft.push(event, routes);
    draft.finish()
}

/// To whom an event goes, and whom the message calls by name.
type Routes = Vec<(String, Vec<Mention>)>;

struct Drafting<'a> {
    occasion: &'a Occasion<'a>,
    changes: Changes,
    routes: Vec<Routes>,
}

impl Drafting<'_> {
    fn event(&self, kind: EventKind, severity: Severity) -> Event {
        let Occasion { watcher, now, .. } = *self.occasion;
        Event {
            at: now,
            watcher: watcher.name.clone(),
            source: watcher.source.clone(),
            kind,
            severity,
            fingerprint: None,
            key: None,
            rows: Vec::new(),
            row_count: 0,
            previous: None,
            since: None,
            reason: String::new(),
        }
    }

    fn alert_event(&self, kind: EventKind, alert: &Alert, reason: String) -> Event {
        Event {
            fingerprint: Some(alert.fingerprint),
            key: Some(alert.key.clone()),
            rows: alert.rows.clone(),
            row_count: alert.row_count,
            since: (alert.status == AlertStatus::Firing).then_some(alert.since),
            reason,
            ..self.event(kind, alert.severity)
        }
    }

    fn push(&mut self, event: Event, routes: Routes) {
        self.changes.events.push(event);
        self.routes.push(routes);
    }

    fn fired(&mut self, found: Vec<Found>) {
        let is_new = matches!(self.occasion.watcher.alert_on, AlertOn::New { .. });
        for found in found {
            let mut alert = self.alert(found, if is_new { AlertStatus::Seen } else { AlertStatus::Firing });
            let routes = self.route(&alert);
            alert.receivers = routes.iter().map(|(receiver, _)| receiver.clone()).collect();
            alert.told_at = Some(self.occasion.now);
            let reason = if is_new { "a new row" } else { "the row matches" };
            let event = self.alert_event(EventKind::Fired, &alert, with_rows(reason, &alert));
            self.push(event, routes);
            if is_new {
                alert.rows.clear();
            }
            self.changes.put.push(alert);
        }
    }

    fn baseline(&mut self, found: Vec<Found>) {
        for found in found {
            let mut alert = self.alert(found, AlertStatus::Seen);
            alert.rows.clear();
            self.changes.put.push(alert);
        }
    }

    fn escalated(&mut self, found: Found, stored: &mut HashMap<Fingerprint, Alert>) {
        let Some(mut alert) = self.merged(found, stored) else { return };
        let before = alert.1;
        let routes = self.route(&alert.0);
        remember(&mut alert.0.receivers, &routes);
        alert.0.told_at = Some(self.occasion.now);
        let event = self.alert_event(EventKind::Escalated, &alert.0, format!("severity rose from {before} to {}", alert.0.severity));
        self.push(event, routes);
        self.changes.put.push(alert.0);
    }

    fn refreshed(&mut self, found: Found, stored: &mut HashMap<Fingerprint, Alert>) {
        if let Some((alert, _)) = self.merged(found, stored) {
            self.changes.put.push(alert);
        }
    }

    fn repeated(&mut self, fingerprint: Fingerprint, refreshed: Option<&Found>, stored: &mut HashMap<Fingerprint, Alert>) {
        let Some(alert) = stored.get(&fingerprint) else { return };
        let mut shown = alert.clone();
        if let Some(found) = refreshed {
            refresh(&mut shown, found.clone());
        }
        let routes = self.route(&shown);
        shown.told_at = Some(self.occasion.now);
        remember(&mut shown.receivers, &routes);
        let event = self.alert_event(EventKind::Repeated, &shown, "it still fires, and repeat_interval has passed".into());
        self.push(event, routes);
        if refreshed.is_none() {
            self.changes.put.push(shown);
        } else if let Some(alert) = stored.get_mut(&fingerprint) {
            (alert.told_at, alert.receivers) = (shown.told_at, shown.receivers);
        }
    }

    fn resolved(&mut self, fingerprint: Fingerprint, stored: &mut HashMap<Fingerprint, Alert>) {
        self.changes.remove.push(fingerprint);
        let Some(alert) = stored.remove(&fingerprint) else { return };
        let send = self.occasion.watcher.send_resolved;
        let routes = if send { alert.receivers.iter().map(|receiver| (receiver.clone(), Vec::new())).collect() } else { Vec::new() };
        let reason =
            if send { "the row no longer matches" } else { "the row no longer matches; send_resolved is false, so no one is told" };
        let event = self.alert_event(EventKind::Resolved, &alert, reason.into());
        self.push(event, routes);
    }

    fn alert(&self, found: Found, status: AlertStatus) -> Alert {
        Alert {
            fingerprint: found.fingerprint,
            status,
            severity: found.severity,
            key: found.key,
            rows: found.rows,
            row_count: found.row_count,
            digest: found.digest,
            since: self.occasion.now,
            told_at: None,
            receivers: Vec::new(),
        }
    }

    /// The stored alert with what was found now, and the severity before.
    fn merged(&self, found: Found, stored: &mut HashMap<Fingerprint, Alert>) -> Option<(Alert, Severity)> {
        let mut alert = stored.remove(&found.fingerprint)?;
        let before = alert.severity;
        refresh(&mut alert, found);
        Some((alert, before))
    }

    fn route(&mut self, alert: &Alert) -> Routes {
        let mut routes: Routes = Vec::new();
        for block in &self.occasion.watcher.notify {
            let holds = block.when.as_ref().is_none_or(|when| self.holds(when, alert));
            for receiver in block.receivers.iter().filter(|_| holds) {
                add_route(&mut routes, receiver, &block.mention);
            }
        }
        routes
    }

    /// Whether a `notify` condition holds for one of the rows, or cannot be evaluated for one and holds for none.
    fn holds(&mut self, when: &Expression, alert: &Alert) -> bool {
        let Occasion { watcher, now, .. } = *self.occasion;
        let scope = |row| Scope { row, previous: None, severity: Some(alert.severity), now, zone: watcher.timezone };
        let verdicts: Vec<_> = alert.rows.iter().map(|row| when.holds(&scope(row))).collect();
        if verdicts.is_empty() || verdicts.contains(&Ok(true)) {
            return true;
        }
        let error = verdicts.into_iter().find_map(Result::err);
        if let Some(error) = &error {
            self.warn(format!("a `notify` condition could not be evaluated, so its receivers were told: {error}"));
        }
        error.is_some()
    }

    fn warn(&mut self, warning: String) {
        if !self.changes.warnings.contains(&warning) {
            self.changes.warnings.push(warning);
        }
    }

    /// One message per receiver for all its events.
    fn finish(mut self) -> Changes {
        let mut receivers: Vec<&str> = Vec::new();
        for (receiver, _) in self.routes.iter().flatten() {
            if !receivers.contains(&receiver.as_str()) {
                receivers.push(receiver);
            }
        }
        let drafts: Vec<_> = receivers.iter().map(|receiver| self.draft(receiver)).collect();
        for (draft, warning) in drafts {
            self.changes.deliveries.push(draft);
            warning.into_iter().for_each(|warning| self.warn(warning));
        }
        for (event, routes) in self.changes.events.iter_mut().zip(&self.routes) {
            if routes.is_empty() && event.kind != EventKind::Resolved {
                event.reason.push_str("; no `notify` block holds for it, so no one is told");
            }
        }
        self.changes
    }

    fn draft(&self, receiver: &str) -> (Draft, Option<String>) {
        let mut mentions: Vec<Mention> = Vec::new();
        let mut events = Vec::new();
        for (at, routes) in self.routes.iter().enumerate() {
            for (_, called) in routes.iter().filter(|(name, _)| name == receiver) {
                events.push(at);
                add_mentions(&mut mentions, called);
            }
        }
        let Occasion { watcher, language, .. } = *self.occasion;
        let setting = Setting {
            watcher: &watcher.name,
            description: watcher.description.as_deref(),
            source: &watcher.source,
            template: &watcher.message,
            language,
            zone: watcher.timezone,
        };
        let told: Vec<&Event> = events.iter().map(|at| &self.changes.events[*at]).collect();
        let (message, error) = message::compose(&setting, &told, mentions);
        let warning = error.map(|error| format!("the message template failed, the built-in message was sent: {error}"));
        (Draft { receiver: receiver.to_owned(), message, events }, warning)
    }
}

fn add_route(routes: &mut Routes, receiver: &str, called: &[Mention]) {
    match routes.iter_mut().find(|(name, _)| name == receiver) {
        Some((_, mentions)) => add_mentions(mentions, called),
        None => routes.push((receiver.to_owned(), called.to_vec())),
    }
}

/// Nobody is called by name twice in one message.
fn add_mentions(mentions: &mut Vec<Mention>, called: &[Mention]) {
    for mention in called {
        if !mentions.contains(mention) {
            mentions.push(mention.clone());
        }
    }
}

/// Who is told of an alert is told that it is over.
fn remember(receivers: &mut Vec<String>, routes: &Routes) {
    for (receiver, _) in routes {
        if !receivers.contains(receiver) {
            receivers.push(receiver.clone());
        }
    }
}

fn refresh(alert: &mut Alert, found: Found) {
    let found = found.with_stored(alert);
    alert.severity = found.severity;
    alert.rows = found.rows;
    alert.row_count = found.row_count;
    alert.digest = found.digest;
}

fn with_rows(reason: &str, alert: &Alert) -> String {
    match alert.row_count {
        0 | 1 => reason.to_owned(),
        n if alert.key.is_empty() => format!("{reason}: {n} rows"),
        n => format!("{reason}; the query returned this key {n} times"),
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
