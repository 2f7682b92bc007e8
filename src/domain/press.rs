//! What a button of a card does. Pure.
//!
//! A card tells alerts, and its buttons act on those of them that still fire, in the life that the card tells: nothing is taken or
//! silenced of which the person has read nothing. A second press, by whomever, finds nothing left to do.
//!
//! Silencing is meant as "I know of these, let me work". So it covers the keys of the card, each at the severity it has: another
//! key, and the same one when it becomes worse, still ring. Of more keys than a person reads one by one it covers the watcher, at
//! those severities.

use super::alert::{Alert, AlertStatus, EventKind, Severity};
use super::card::CardEvent;
use super::command::SILENCE_LENGTH;
use super::row::Row;
use super::silence::{Silence, Subject};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Up to so many alerts are silenced one by one.
const FEW: usize = 10;
/// What a silence in force covers for at least so long is not silenced anew.
const STILL_LONG: TimeDelta = TimeDelta::hours(1);

/// A button that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// 认领.
    Acknowledge,
    /// 静默 2 小时.
    Silence,
}

impl Button {
    /// The button of an action's id.
    pub fn of_action(id: &str) -> Option<Button> {
        match id {
            "acknowledge" => Some(Button::Acknowledge),
            "silence" => Some(Button::Silence),
            _ => None,
        }
    }
}

/// The events by which a person takes what a card tells and nobody has taken yet.
pub fn to_take(events: &[CardEvent]) -> Vec<i64> {
    firing(events).filter(|(_, alert)| alert.acknowledged.is_none()).map(|(event, _)| event.id).collect()
}

/// The silences that a press makes, beside those in force.
pub fn to_silence(events: &[CardEvent], in_force: &[Silence], author: &str, reason: &str, now: DateTime<Utc>) -> Vec<Silence> {
    let mut groups: BTreeMap<(&str, Severity), Vec<&Row>> = BTreeMap::new();
    for (event, alert) in firing(events) {
        let subject = Subject { watcher: &event.watcher, key: Some(&alert.key), severity: alert.severity };
        let is_covered = |silence: &Silence| silence.receiver.is_none() && silence.is_active(now) && silence.covers(&subject);
        if !in_force.iter().any(|silence| is_covered(silence) && silence.ends_at - now >= STILL_LONG) {
            groups.entry((&event.watcher, alert.severity)).or_default().push(&alert.key);
        }
    }
    let silence = |watcher: &str, severity: Severity, key: Vec<(String, String)>| Silence {
        id: 0,
        author: author.to_owned(),
        reason: reason.to_owned(),
        watcher: Some(watcher.to_owned()),
        key,
        severity: Some(severity),
        receiver: None,
        starts_at: now,
        ends_at: now + SILENCE_LENGTH,
    };
    let of_group = |((watcher, severity), keys): ((&str, Severity), Vec<&Row>)| match keys.len() {
        count if count > FEW => vec![silence(watcher, severity, Vec::new())],
        _ => keys.into_iter().map(|key| silence(watcher, severity, patterns(key))).collect(),
    };
    groups.into_iter().flat_map(of_group).collect()
}

/// The last event of each alert that fires in the life which the card tells.
fn firing(events: &[CardEvent]) -> impl Iterator<Item = (&CardEvent, &Alert)> {
    let is_last = |at: usize| !events[at + 1..].iter().any(|later| later.fingerprint == events[at].fingerprint);
    let last = (0..events.len()).filter(move |at| events[*at].fingerprint.is_some() && is_last(*at)).map(|at| &events[at]);
    last.filter_map(|event| {
        let alert = event.present.as_ref().filter(|alert| alert.status == AlertStatus::Firing)?;
        (event.ended_at.is_none() && event.kind != EventKind::Resolved).then_some((event, alert))
    })
}

/// The columns of a key as patterns that cover it. A `*` of its own would cover anything.
fn patterns(key: &Row) -> Vec<(String, String)> {
    let value = |at: usize| key.text(at).map_or_else(|| "NULL".to_owned(), |text| text.replace('*', "?"));
    key.columns().names().iter().take(key.len()).enumerate().map(|(at, column)| (column.clone(), value(at))).collect()
}

#[cfg(test)]
#[path = "press_tests.rs"]
mod tests;
