//! Escalation: who is told when nobody does anything. First the group, then the person, then the phone. Pure.
//!
//! ```toml
//! [[notify]]
//! receivers = ["warehouse"]
//! [[notify]]
//! after     = "15m"
//! unless    = "acknowledged"
//! receivers = ["duty"]
//! ```
//!
//! A `[[notify]]` block with `after` is a **step**. It is not an event that comes and passes, but a question that is asked as
//! long as the alert fires: is it time, and is there still nobody? A step is told at the first moment at which all of this
//! holds, and then never again for this firing ([`standing`]):
//!
//! - The alert has been firing for `after`, counted from when it fired.
//! - The block's `when` holds for the alert as it is now, with its present rows and severity. An alert that becomes critical
//!   after an hour reaches at once the step that is for what is critical after 15 minutes.
//! - With `unless = "acknowledged"`: nobody has taken it. What a person has taken stays theirs until the alert is over or
//!   becomes worse: until then the step waits, and at the rise everything that is due is told with it.
//! - Its row is there. While `keep_firing_for` keeps alive what is gone, nobody is called; when it is back, they are.
//!
//! **It does not wait for a poll.** Steps are told from what is stored, at their time. No answer is not an empty answer: while
//! the source is dead, or the watcher's polls fail, the alert still fires and its steps are told; the reason says when the
//! last good poll was. Only a poll of the same watcher that is under way is waited for, and not for long: it may find that
//! the alert is over.
//!
//! **Hours.** What is not critical is not told outside the watcher's hours, and steps are no exception. But a night is not a
//! night's worth of nobody answering: an alert that fired outside the hours is told to the first receivers when they begin,
//! so its steps count from there. A step whose time falls outside is told when the hours begin next, if it still holds.
//! What is critical is told at any time, and counts from when it fired.
//!
//! **Silences** work as for every event: a receiver who is covered is not told, the history says so, and the step counts as
//! told; at the silence's end they are told if it still fires and nobody has taken it.
//!
//! **Who else hears of it.** A step that was told joins the first blocks: its receivers are told of a rise, of reminders and
//! of the end. It moves no reminder and takes back no acknowledgement; in the history it is `escalated`, with its reason.
//! That a watcher itself fails is told to the first receivers only.
//!
//! **Edits.** Steps are those of the file as it is now. A step is known by its `after` and its receivers ([`name`]): one
//! that is new, or changed in these, has not been told; one that only changed its `when` or whom it mentions has. A watcher
//! that is gone has no alerts, and so no steps.
//!
//! What is tolerated: an acknowledgement that comes in the same instant as the step's transaction may come after it. Nobody is
//! told twice: the steps that were told stand in the alert's state and change in one transaction with their messages, which
//! is refused when anything of that watcher has changed since it was looked at; so is a poll's that did not know of a step.

use super::alert::{Alert, Severity};
use super::calendar::Calendars;
use super::watcher::{Notify, Watcher};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Where a step stands for an alert that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was told.
    Told,
    /// It waits for as long as this person has the alert.
    Acknowledged(String),
    /// Its time comes then.
    Ahead(DateTime<Utc>),
    /// Its time never comes: the watcher's hours do not begin again.
    Never,
    /// It waits until the row is there again.
    Gone,
    /// It waits until its `when` holds.
    Unwanted,
    /// It is told now.
    Due,
}

/// The name by which a step is known: `15m duty`. `None` for a block that is told at once.
pub fn name(block: &Notify) -> Option<String> {
    block.after.map(|after| format!("{} {}", written(after), block.receivers.join(",")))
}

/// A step for people: `after 15m unless acknowledged: duty, where severity = 'critical'`.
pub fn describe(block: &Notify) -> Option<String> {
    let after = written(block.after?);
    let unless = if block.unless_acknowledged { " unless acknowledged" } else { "" };
    let when = block.when.as_ref().map(|when| format!(", where {}", when.text().trim())).unwrap_or_default();
    Some(format!("after {after}{unless}: {}{when}", block.receivers.join(", ")))
}

/// The names of all steps of a watcher, in the order of its file.
pub fn names(watcher: &Watcher) -> Vec<String> {
    watcher.notify.iter().filter_map(name).collect()
}

/// Where a step stands; `None` for a block that is told at once. `wants` says whether its `when` holds; it is asked last.
pub fn standing(
    watcher: &Watcher,
    calendars: &Calendars,
    block: &Notify,
    alert: &Alert,
    now: DateTime<Utc>,
    wants: impl FnOnce() -> bool,
) -> Option<Standing> {
    let (after, name) = (block.after?, name(block)?);
    let taken = alert.acknowledged.as_ref().filter(|_| block.unless_acknowledged);
    Some(match (taken, due_at(watcher, calendars, after, alert, now)) {
        _ if alert.steps.contains(&name) => Standing::Told,
        (Some(taken), _) => Standing::Acknowledged(taken.by.clone()),
        (None, None) => Standing::Never,
        (None, Some(at)) if at > now => Standing::Ahead(at),
        _ if alert.gone_since.is_some() => Standing::Gone,
        _ if !wants() => Standing::Unwanted,
        _ => Standing::Due,
    })
}

/// The time of a step; when that has passed outside the watcher's hours, when they begin again.
fn due_at(watcher: &Watcher, calendars: &Calendars, after: Duration, alert: &Alert, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let after = TimeDelta::from_std(after).ok()?;
    let Some(active) = watcher.active.as_ref().filter(|_| alert.severity < Severity::Critical) else {
        return alert.since.checked_add_signed(after);
    };
    let open = |at: DateTime<Utc>| match active.is_open(at, watcher.timezone, calendars) {
        true => Some(at),
        false => active.next_opening(at, watcher.timezone, calendars),
    };
    let at = open(open(alert.since)?.checked_add_signed(after)?)?;
    if at > now { Some(at) } else { open(now) }
}

/// A length as files have it: `1h 30m`.
pub fn written(length: Duration) -> String {
    humantime::format_duration(length).to_string()
}

#[cfg(test)]
#[path = "escalation_tests.rs"]
mod tests;
