//! Steps of [`escalation`](crate::domain::escalation) that are due: whom they tell, and what the history says of it.

use super::route::add_route;
use super::{Changes, Drafting, Occasion, Routes, oldest_first, remember};
use crate::domain::alert::{Alert, EventKind};
use crate::domain::escalation::{Standing, name, names, standing, written};
use crate::domain::watcher::Notify;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::time::Duration;

/// A step that is told within this of its time is told on time.
const ON_TIME: TimeDelta = TimeDelta::minutes(1);

/// What the watcher's polls say of an alert that fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polls {
    /// The last one was good.
    Work,
    /// They fail; the last good one was then.
    Fail(Option<DateTime<Utc>>),
}

/// Tells the steps that are due of alerts that fire, and says when the next one will be. Of each alert it is one event.
pub fn steps(occasion: &Occasion<'_>, firing: Vec<Alert>, polls: Polls) -> (Changes, Option<DateTime<Utc>>) {
    let mut draft = Drafting::new(occasion);
    let mut alerts: HashMap<_, _> = firing.into_iter().map(|alert| (alert.fingerprint, alert)).collect();
    let mut next: Option<DateTime<Utc>> = None;
    for fingerprint in oldest_first(alerts.keys().copied().collect(), &alerts) {
        let Some(alert) = alerts.remove(&fingerprint) else { continue };
        let (due, ahead) = draft.due(&alert);
        next = next.into_iter().chain(ahead).min();
        if !due.is_empty() {
            draft.step(alert, &due, polls);
        }
    }
    (draft.finish(), next)
}

impl<'a> Drafting<'a> {
    /// The steps that are due for an alert, and when the next one is.
    fn due(&mut self, alert: &Alert) -> (Vec<&'a Notify>, Option<DateTime<Utc>>) {
        let Occasion { watcher, calendars, now, .. } = *self.occasion;
        let (mut due, mut next) = (Vec::new(), None);
        for block in &watcher.notify {
            match standing(watcher, calendars, block, alert, now, || self.wants(block, alert)) {
                Some(Standing::Due) => due.push(block),
                Some(Standing::Ahead(at)) => next = next.into_iter().chain([at]).min(),
                _ => {}
            }
        }
        (due, next)
    }

    fn step(&mut self, mut alert: Alert, due: &[&Notify], polls: Polls) {
        let mut routes: Routes = Vec::new();
        for block in due {
            block.receivers.iter().for_each(|receiver| add_route(&mut routes, receiver, &block.mention));
        }
        remember(&mut alert.receivers, &routes);
        self.note(&mut alert, due);
        let reason = format!("{}: {} told{}", self.since_when(&alert, due), are(&routes), self.last_seen(polls));
        let event = self.alert_event(EventKind::Escalated, &alert, reason);
        self.push(event, routes);
        self.changes.put.push(alert);
    }

    /// With a rise of its severity an alert is told to everyone whose time has come; what the reason says of them.
    pub(super) fn take_steps(&mut self, alert: &mut Alert) -> String {
        let (due, _) = self.due(alert);
        self.note(alert, &due);
        let mut routes: Routes = Vec::new();
        due.iter().flat_map(|block| &block.receivers).for_each(|receiver| add_route(&mut routes, receiver, &[]));
        if due.is_empty() { String::new() } else { format!("; firing for {}: {} told", self.firing_for(alert, &due), are(&routes)) }
    }

    /// Writes steps down as told, in the order of the file.
    fn note(&self, alert: &mut Alert, due: &[&Notify]) {
        let told = std::mem::take(&mut alert.steps);
        let now: Vec<String> = due.iter().filter_map(|block| name(block)).collect();
        alert.steps = names(self.occasion.watcher);
        alert.steps.retain(|step| told.contains(step) || now.contains(step));
        // Those that are not in the file any more may come back into it.
        let gone = told.into_iter().filter(|step| !alert.steps.contains(step)).collect::<Vec<_>>();
        alert.steps.extend(gone);
    }

    fn since_when(&self, alert: &Alert, due: &[&Notify]) -> String {
        let length = self.firing_for(alert, due);
        match due.iter().all(|block| block.unless_acknowledged) {
            true => format!("nobody has acknowledged it for {length}"),
            false => format!("firing for {length}"),
        }
    }

    /// How long it has been firing: on time what the step says, later how long that really is.
    fn firing_for(&self, alert: &Alert, due: &[&Notify]) -> String {
        let after = due.iter().filter_map(|block| block.after).max().unwrap_or_default();
        let elapsed = self.occasion.now - alert.since;
        match TimeDelta::from_std(after) {
            Ok(wanted) if elapsed - wanted < ON_TIME => written(after),
            _ => written(Duration::from_secs(elapsed.num_minutes().unsigned_abs() * 60)),
        }
    }

    fn last_seen(&self, polls: Polls) -> String {
        let at = |at: DateTime<Utc>| at.with_timezone(&self.occasion.watcher.timezone).format("%Y-%m-%d %H:%M").to_string();
        match polls {
            Polls::Work => String::new(),
            Polls::Fail(Some(last)) => format!("; the watcher's polls fail, the last good one was at {}", at(last)),
            Polls::Fail(None) => "; the watcher's polls fail".to_owned(),
        }
    }
}

/// `duty is`, `duty, boss are`.
fn are(routes: &Routes) -> String {
    let names: Vec<&str> = routes.iter().map(|(receiver, _)| receiver.as_str()).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}
