//! Who is told of an event, and when: `[[notify]]` blocks, silences, the watcher's hours.

use super::{Deferral, Drafting, Occasion, Routes, Scope, Silenced};
use crate::domain::alert::{Alert, Event, EventKind, Severity};
use crate::domain::escalation;
use crate::domain::expression::ExpressionError;
use crate::domain::silence::{self, Subject};
use crate::domain::watcher::{Mention, Notify, Watcher};
use chrono::{DateTime, Utc};

impl Drafting<'_> {
    /// The receivers that the watcher's blocks name for an alert: those that are told at once, and those of steps that were
    /// told.
    pub(super) fn route(&mut self, alert: &Alert) -> Routes {
        let mut routes: Routes = Vec::new();
        for block in &self.occasion.watcher.notify {
            let is_its_time = escalation::name(block).is_none_or(|step| alert.steps.contains(&step));
            let holds = is_its_time && self.wants(block, alert);
            for receiver in block.receivers.iter().filter(|_| holds) {
                add_route(&mut routes, receiver, &block.mention);
            }
        }
        routes
    }

    /// Whether a block is for an alert; one whose condition cannot be evaluated is, with a warning.
    pub(super) fn wants(&mut self, block: &Notify, alert: &Alert) -> bool {
        let (holds, error) = wants(self.occasion.watcher, block, alert, self.occasion.now);
        if let Some(error) = error {
            self.warn(format!("a `notify` condition could not be evaluated, so its receivers were told: {error}"));
        }
        holds
    }

    /// Those who are told now. The event says who is not, and why.
    pub(super) fn allowed(&mut self, event: &mut Event, routes: Routes) -> Routes {
        let reaches_no_one = routes.is_empty();
        let routes = self.unsilenced(event, routes);
        if reaches_no_one && event.kind != EventKind::Resolved {
            let words = if self.occasion.watcher.has_steps() { "is told yet" } else { "is told" };
            event.reason.push_str(&format!("; no `notify` block holds for it, so no one {words}"));
        }
        let Some(due_at) = self.occasion.opens_at.filter(|_| event.severity < Severity::Critical && !routes.is_empty()) else {
            return routes;
        };
        let at = due_at.with_timezone(&self.occasion.watcher.timezone).format("%Y-%m-%d %H:%M");
        event.reason.push_str(&format!("; it is outside the watcher's hours and is told at {at}"));
        let number = self.changes.events.len();
        self.changes.deferred.extend(routes.into_iter().map(|(receiver, _)| Deferral { event: number, receiver, due_at }));
        Vec::new()
    }

    fn unsilenced(&mut self, event: &mut Event, routes: Routes) -> Routes {
        let Occasion { silences, now, .. } = *self.occasion;
        if routes.is_empty() || silences.is_empty() {
            return routes;
        }
        let number = self.changes.events.len();
        let mut told = Vec::new();
        for (receiver, mentions) in routes {
            let subject = Subject { watcher: &event.watcher, key: event.key.as_ref(), severity: event.severity };
            let Some(silence) = silence::covering(silences, &subject, &receiver, now) else {
                told.push((receiver, mentions));
                continue;
            };
            event.reason.push_str(&format!("; {receiver} is not told: silence {}", silence.words()));
            self.changes.silenced.push(Silenced { event: number, receiver, silence: silence.id });
        }
        event.silenced = told.is_empty();
        told
    }

    /// Whether what is no worse than this waits for the watcher's hours.
    pub(super) fn is_put_off(&self, severity: Severity) -> bool {
        self.occasion.opens_at.is_some() && severity < Severity::Critical
    }
}

/// Whether a block is for an alert: its condition holds for one of the rows, or cannot be evaluated for one and holds for
/// none, which is the error. An alert without a row (something is missing) is asked by its key.
pub fn wants(watcher: &Watcher, block: &Notify, alert: &Alert, now: DateTime<Utc>) -> (bool, Option<ExpressionError>) {
    let Some(when) = &block.when else { return (true, None) };
    let scope = |row| Scope { row, previous: None, severity: Some(alert.severity), now, zone: watcher.timezone };
    let only_key = if alert.rows.is_empty() { Some(&alert.key) } else { None };
    let verdicts: Vec<_> = alert.rows.iter().chain(only_key).map(|row| when.holds(&scope(row))).collect();
    if verdicts.contains(&Ok(true)) {
        return (true, None);
    }
    let error = verdicts.into_iter().find_map(Result::err);
    (error.is_some(), error)
}

pub(super) fn add_route(routes: &mut Routes, receiver: &str, called: &[Mention]) {
    match routes.iter_mut().find(|(name, _)| name == receiver) {
        Some((_, mentions)) => add_mentions(mentions, called),
        None => routes.push((receiver.to_owned(), called.to_vec())),
    }
}

/// Nobody is called by name twice in one message.
pub(super) fn add_mentions(mentions: &mut Vec<Mention>, called: &[Mention]) {
    for mention in called {
        if !mentions.contains(mention) {
            mentions.push(mention.clone());
        }
    }
}
