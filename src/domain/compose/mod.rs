//! From what happened to what is written: new alert states, history events, and one message per receiver. Pure.
//!
//! Who is told: an event goes to every `[[notify]]` block whose condition holds for one of its rows. A condition that
//! cannot be evaluated tells too: rather a message too many than one too few. The end of an alert goes to those who were
//! told of it before. Blocks with `after` are steps and are told later (see `escalation`). What a silence covers is recorded and makes no message; what happens outside the watcher's hours is
//! recorded and put off until they begin (see `route`).

mod chart;
mod ends;
mod route;
mod rows;
mod steps;

pub use ends::closed;
pub use route::wants;
pub use steps::{Polls, steps};

use super::alert::{Alert, AlertStatus, Event, EventKind, Severity};
use super::calendar::Calendars;
use super::chart::{Sample, Sampled};
use super::evaluate::{Found, KeyMark, LastReport, Plan, ReportFound, Trace, TraceWord};
use super::expression::Scope;
use super::message::{self, Language, Message, Setting, words};
use super::row::Fingerprint;
use super::silence::Silence;
use super::watcher::{AlertOn, Mention, Watcher};
use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;

/// What one poll writes besides its own record, all in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Alerts to write whole.
    pub put: Vec<Alert>,
    /// How far pending and gone alerts have come.
    pub marks: Vec<KeyMark>,
    /// Alerts that are over, and keys that are known no more.
    pub remove: Vec<Fingerprint>,
    /// Alerts that are worse than what a person may have taken: an acknowledgement of them is over.
    pub unacknowledge: Vec<Fingerprint>,
    /// Lines of the history.
    pub events: Vec<Event>,
    /// Messages.
    pub deliveries: Vec<Draft>,
    /// Events that are told later.
    pub deferred: Vec<Deferral>,
    /// Whom a silence keeps from being told.
    pub silenced: Vec<Silenced>,
    /// What was thought without being told.
    pub traces: Vec<Trace>,
    /// See [`Plan::is_trace_whole`].
    pub is_trace_whole: bool,
    /// Lines of the trace that no longer hold.
    pub traces_over: Vec<i64>,
    /// The values of keys whose past is kept.
    pub samples: Vec<Sampled>,
    /// The pictures that messages link to.
    pub pictures: Vec<DraftPicture>,
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

/// A picture that is to be found under our address.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftPicture {
    /// Which of [`Changes::deliveries`] shows it.
    pub delivery: usize,
    /// The part of its address that nobody can guess.
    pub token: String,
    /// The picture.
    pub png: Vec<u8>,
    /// After this it is gone.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for DraftPicture {
    /// Whoever knows the token can see the picture.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DraftPicture({} bytes)", self.png.len())
    }
}

/// An event that a receiver is told of later, in a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// Which of [`Changes::events`].
    pub event: usize,
    /// To whom.
    pub receiver: String,
    /// Not before.
    pub due_at: DateTime<Utc>,
}

/// A receiver who is not told of an event because of a silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// Which of [`Changes::events`].
    pub event: usize,
    /// Who.
    pub receiver: String,
    /// The silence's number.
    pub silence: i64,
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
    /// The silences in force.
    pub silences: &'a [Silence],
    /// Working days, for the watcher's hours.
    pub calendars: &'a Calendars,
    /// Outside the watcher's hours: when they begin again. What is not critical is put off until then.
    pub opens_at: Option<DateTime<Utc>>,
}

/// Carries a plan out on paper. `stored` holds the alerts that [`Plan::needs_stored`] named.
pub fn changes(occasion: &Occasion<'_>, plan: Plan, stored: HashMap<Fingerprint, Alert>) -> Changes {
    let mut draft = Drafting::new(occasion);
    let mut stored = stored;
    draft.changes.marks = plan.marks;
    (draft.changes.samples, draft.past) = (plan.samples, plan.past);
    (draft.changes.traces, draft.changes.is_trace_whole) = (plan.traces, plan.is_trace_whole);
    draft.rekeyed(&oldest_first(plan.rekeyed, &stored), &mut stored);
    let late = &plan.late;
    for found in plan.fired {
        let is_late = late.contains(&found.fingerprint);
        draft.fired(found, is_late, &stored);
    }
    for fingerprint in oldest_first(plan.promoted, &stored) {
        draft.promoted(fingerprint, &mut stored);
    }
    for found in plan.pending {
        let alert = draft.alert(found, AlertStatus::Pending);
        draft.changes.put.push(Alert { polls: 1, ..alert });
    }
    draft.baseline(plan.baseline);
    draft.watched(plan.changed, plan.added, plan.removed, &mut stored);
    for found in plan.escalated {
        draft.escalated(found, &mut stored);
    }
    let refreshed: HashMap<Fingerprint, &Found> = plan.refreshed.iter().map(|found| (found.fingerprint, found)).collect();
    for fingerprint in oldest_first(plan.repeated, &stored) {
        draft.repeated(fingerprint, refreshed.get(&fingerprint).copied(), &mut stored);
    }
    for found in plan.refreshed {
        draft.refreshed(found, &mut stored);
    }
    for fingerprint in oldest_first(plan.resolved, &stored) {
        let is_unexpected = plan.unexpected.contains(&fingerprint);
        draft.resolved(fingerprint, is_unexpected, &mut stored);
    }
    draft.changes.remove.extend(plan.forgotten);
    if let Some(report) = plan.report {
        draft.report(report);
    }
    draft.finish()
}

/// What was not looked at again has no place in the result: the oldest is told first.
fn oldest_first(mut fingerprints: Vec<Fingerprint>, stored: &HashMap<Fingerprint, Alert>) -> Vec<Fingerprint> {
    fingerprints.sort_by_cached_key(|fingerprint| {
        stored.get(fingerprint).map(|alert| (alert.since, Json::Object(alert.key.to_json()).to_string()))
    });
    fingerprints
}

/// The watcher's own event: its polls fail, or work again. Those who are named are told.
///
/// `polls` is how many failed in a row (0: the result of one is held), `error` why the last one did.
pub fn watcher_event(
    occasion: &Occasion<'_>,
    kind: EventKind,
    since: DateTime<Utc>,
    polls: u32,
    error: &str,
    receivers: Vec<String>,
) -> Changes {
    let mut draft = Drafting::new(occasion);
    let mut event = draft.event(kind, Severity::Warning);
    event.since = Some(since);
    event.row_count = u64::from(polls);
    event.reason = match kind {
        EventKind::WatcherRecovered => words::works_again(Language::En, event.row_count),
        _ if polls == 0 => words::held(Language::En).to_owned() + error,
        _ => words::failing(Language::En, event.row_count) + error,
    };
    let routes = receivers.into_iter().map(|receiver| (receiver, Vec::new())).collect();
    draft.push(event, routes);
    draft.finish()
}

/// To whom an event goes, and whom the message calls by name.
type Routes = Vec<(String, Vec<Mention>)>;

struct Drafting<'a> {
    occasion: &'a Occasion<'a>,
    changes: Changes,
    /// Who is told now of each event.
    routes: Vec<Routes>,
    /// The past of keys, for charts.
    past: HashMap<Fingerprint, Vec<Sample>>,
}

impl<'a> Drafting<'a> {
    fn new(occasion: &'a Occasion<'a>) -> Drafting<'a> {
        Drafting { occasion, changes: Changes::default(), routes: Vec::new(), past: HashMap::new() }
    }

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
            silenced: false,
            changed: Vec::new(),
            sums: Vec::new(),
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

    /// Adds an event; who of those it goes to is told now, later or not at all is decided here.
    fn push(&mut self, mut event: Event, routes: Routes) {
        let routes = self.allowed(&mut event, routes);
        self.changes.events.push(event);
        self.routes.push(routes);
    }

    fn fired(&mut self, found: Found, is_late: bool, stored: &HashMap<Fingerprint, Alert>) {
        let Occasion { watcher, now, .. } = *self.occasion;
        let is_new = matches!(watcher.alert_on, AlertOn::New { .. });
        let held = found.pending_since.map(|since| now - since);
        let found = match stored.get(&found.fingerprint) {
            Some(stored) => found.with_stored(stored),
            None => found,
        };
        let mut alert = self.alert(found, if is_new { AlertStatus::Seen } else { AlertStatus::Firing });
        let why = match (&watcher.alert_on, is_late) {
            (AlertOn::New { .. }, false) => "a new row",
            (AlertOn::New { .. }, true) => "a new row that the cursor had passed: it became visible later than `overlap` allows for",
            (AlertOn::Missing { .. }, _) if alert.key.is_empty() => "no row was returned",
            (AlertOn::Missing { .. }, _) => "no row was returned for this key",
            _ => "the row matches",
        };
        let reason = with_held(with_rows(why, &alert), held);
        self.fire(&mut alert, reason);
        if is_new {
            alert.rows.clear();
        }
        self.changes.put.push(alert);
    }

    /// A pending alert whose content did not change fires.
    fn promoted(&mut self, fingerprint: Fingerprint, stored: &mut HashMap<Fingerprint, Alert>) {
        let Some(mut alert) = stored.remove(&fingerprint) else { return };
        let held = self.occasion.now - alert.since;
        (alert.status, alert.since, alert.polls) = (AlertStatus::Firing, self.occasion.now, 0);
        let why = if matches!(self.occasion.watcher.alert_on, AlertOn::Missing { .. }) { "no row was returned" } else { "the row matches" };
        let reason = with_held(with_rows(why, &alert), Some(held));
        self.fire(&mut alert, reason);
        self.changes.put.push(alert);
    }

    fn fire(&mut self, alert: &mut Alert, reason: String) {
        let routes = self.route(alert);
        alert.receivers = routes.iter().map(|(receiver, _)| receiver.clone()).collect();
        alert.told_at = Some(self.occasion.now);
        let event = self.alert_event(EventKind::Fired, alert, reason);
        self.push(event, routes);
    }

    fn baseline(&mut self, found: Vec<Found>) {
        let keeps_rows = self.occasion.watcher.remembers_rows();
        for found in found {
            let mut alert = self.alert(found, AlertStatus::Seen);
            if !keeps_rows {
                alert.rows.clear();
            }
            self.changes.put.push(alert);
        }
    }

    fn escalated(&mut self, found: Found, stored: &mut HashMap<Fingerprint, Alert>) {
        let Some((mut alert, before)) = self.merged(found, stored) else { return };
        let taken_back = alert.acknowledged.take().map(|taken| format!("; {}'s acknowledgement is over", taken.by)).unwrap_or_default();
        let steps = self.take_steps(&mut alert);
        let routes = self.route(&alert);
        remember(&mut alert.receivers, &routes);
        (alert.told_at, alert.repeats, alert.gone_since, alert.polls) = (Some(self.occasion.now), 0, None, 0);
        // Also of an alert that nobody had taken when it was read: whoever has taken it since took something less bad.
        self.changes.unacknowledge.push(alert.fingerprint);
        let reason = format!("severity rose from {before} to {}{taken_back}{steps}", alert.severity);
        let event = self.alert_event(EventKind::Escalated, &alert, reason);
        self.push(event, routes);
        self.changes.put.push(alert);
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
        if self.is_put_off(shown.severity) {
            let text = "no reminder: it is outside the watcher's hours".to_owned();
            self.changes.traces.push(Trace { fingerprint, key: None, word: TraceWord::NotRepeated, text });
            return;
        }
        let routes = self.route(&shown);
        shown.told_at = Some(self.occasion.now);
        shown.repeats = shown.repeats.saturating_add(1);
        remember(&mut shown.receivers, &routes);
        let event = self.alert_event(EventKind::Repeated, &shown, "it still fires, and repeat_interval has passed".into());
        self.push(event, routes);
        if refreshed.is_none() {
            self.changes.put.push(shown);
        } else if let Some(alert) = stored.get_mut(&fingerprint) {
            (alert.told_at, alert.receivers, alert.repeats) = (shown.told_at, shown.receivers, shown.repeats);
        }
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
            polls: 0,
            gone_since: None,
            repeats: 0,
            steps: Vec::new(),
            acknowledged: None,
        }
    }

    /// The stored alert with what was found now, and the severity before.
    fn merged(&self, found: Found, stored: &mut HashMap<Fingerprint, Alert>) -> Option<(Alert, Severity)> {
        let mut alert = stored.remove(&found.fingerprint)?;
        let before = alert.severity;
        refresh(&mut alert, found);
        Some((alert, before))
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
        for (mut draft, warnings) in drafts {
            let call = draft.message.take_call();
            // Right after the message that it calls people for, and in the same transaction.
            let call = call.map(|message| Draft { message, receiver: draft.receiver.clone(), events: draft.events.clone() });
            self.changes.deliveries.push(draft);
            self.changes.deliveries.extend(call);
            warnings.into_iter().for_each(|warning| self.warn(warning));
        }
        self.changes
    }

    fn draft(&self, receiver: &str) -> (Draft, Vec<String>) {
        let mut mentions: Vec<Mention> = Vec::new();
        let mut events = Vec::new();
        for (at, routes) in self.routes.iter().enumerate() {
            for (_, called) in routes.iter().filter(|(name, _)| name == receiver) {
                events.push(at);
                route::add_mentions(&mut mentions, called);
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
        let (mut message, error) = message::compose(&setting, &told, mentions);
        let mut warnings: Vec<String> =
            error.into_iter().map(|error| format!("the message template failed, the built-in message was sent: {error}")).collect();
        match self.picture(&told) {
            Ok(picture) => message.chart = picture,
            Err(why) => warnings.push(format!("the chart was left out: {why}")),
        }
        (Draft { receiver: receiver.to_owned(), message, events }, warnings)
    }
}

/// The report's last state, where the poll made one.
pub fn last_report(plan: &Plan) -> Option<LastReport> {
    plan.report.as_ref().map(ReportFound::last)
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

/// For how long it had held before it fired.
fn with_held(reason: String, held: Option<chrono::TimeDelta>) -> String {
    match held {
        Some(held) => format!("{reason}, and has for {}", message::duration_words(Language::En, held)),
        None => reason,
    }
}

#[cfg(test)]
mod tests;
