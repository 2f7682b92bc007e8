//! Receivers that could never be sent what their watchers tell: a robot takes so many messages a minute, whatever names it
//! has in the settings.
//!
//! Only what is certain is counted: a report is told at every poll, a reminder at every `repeat_interval` while anything
//! fires. Of other watchers nobody knows how often they will have something to tell.

use super::Checked;
use super::plan::grouped;
use crate::config::{Fault, Part};
use crate::domain::budget::BUDGET;
use crate::domain::watcher::{AlertOn, Watcher};
use crate::notify::dingtalk::Receiver;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far ahead the schedules are looked at: what comes every week is in it.
const HOURS_AHEAD: i64 = 7 * 24;
/// A pool has no more robots.
const MOST_ROBOTS: u32 = 6;
/// Watchers that are named in a warning.
const MOST_NAMED: usize = 5;

/// One robot, or one pool: the names of its receivers, and how many robots it has.
#[derive(Default)]
struct Outlet {
    names: Vec<String>,
    robots: u32,
}

impl Outlet {
    fn hourly_budget(&self) -> u32 {
        hourly_budget().saturating_mul(self.robots)
    }

    /// What it takes, in words.
    fn takes(&self) -> String {
        let (hourly, a_minute) = (grouped(u64::from(self.hourly_budget())), self.hourly_budget() / 60);
        match self.robots {
            1 => format!("its robot takes {hourly} ({a_minute} a minute)"),
            robots => format!("its {robots} robots take {hourly} ({a_minute} a minute)"),
        }
    }
}

/// What a watcher sends to one robot.
struct Load<'a> {
    at: usize,
    watcher: &'a Watcher,
    instances: Vec<Watcher>,
    /// Messages that one poll of one source makes.
    copies: u32,
}

/// Warns of every robot that its reports are too many for, and of every watcher whose reminders are.
pub(super) fn check(checked: &mut [Checked], receivers: &BTreeMap<String, Arc<Receiver>>, now: DateTime<Utc>) {
    let mut outlets: BTreeMap<String, Outlet> = BTreeMap::new();
    for (name, receiver) in receivers {
        let outlet = outlets.entry(receiver.terms.robot_names()).or_default();
        outlet.robots = u32::try_from(receiver.terms.robots.len()).unwrap_or(u32::MAX);
        outlet.names.push(name.clone());
    }
    let mut warnings = Vec::new();
    for outlet in outlets.values() {
        warnings.extend(reports(&loads(checked, &outlet.names), outlet, now).and_then(|found| found.at_its_place(checked)));
        let reminders = loads(checked, &outlet.names).into_iter().filter_map(|load| reminders(&load, outlet, now));
        warnings.extend(reminders.filter_map(|found| found.at_its_place(checked)).collect::<Vec<_>>());
    }
    for (at, warning) in warnings {
        checked[at].warnings.push(warning);
    }
}

/// A warning, and the watcher at which it is told.
struct Found {
    at: usize,
    part: Part,
    message: String,
    hint: String,
}

impl Found {
    fn at_its_place(self, checked: &[Checked]) -> Option<(usize, Fault)> {
        let text = checked[self.at].text.as_ref()?;
        Some((self.at, text.fault(self.part, None, self.message, Some(self.hint))))
    }
}

fn loads<'a>(checked: &'a [Checked], names: &[String]) -> Vec<Load<'a>> {
    let load = |(at, one): (usize, &'a Checked)| {
        let watcher = one.watcher()?;
        let copies = watcher.receivers().iter().filter(|name| names.contains(name)).count();
        let copies = u32::try_from(copies).ok().filter(|copies| *copies > 0)?;
        Some(Load { at, watcher, instances: watcher.instances(), copies })
    };
    checked.iter().enumerate().filter_map(load).collect()
}

/// Looks for an hour in which reports alone are more than the robot takes in an hour.
fn reports(loads: &[Load<'_>], outlet: &Outlet, now: DateTime<Utc>) -> Option<Found> {
    let budget = outlet.hourly_budget();
    let reports: Vec<&Load<'_>> = loads.iter().filter(|load| matches!(load.watcher.alert_on, AlertOn::Report { .. })).collect();
    // Whole hours of the clock: what is told does not hang on the minute in which it is asked.
    let this_hour = now - TimeDelta::seconds(now.timestamp().rem_euclid(3600));
    let (loads, total) = (0..HOURS_AHEAD).find_map(|hour| {
        let from = this_hour + TimeDelta::hours(hour);
        let mut sent: Vec<(&Load<'_>, u32)> = reports.iter().map(|load| (*load, load.messages(from))).collect();
        let total: u32 = sent.iter().map(|(_, messages)| messages).sum();
        sent.sort_by_key(|(load, messages)| (std::cmp::Reverse(*messages), load.at));
        sent.retain(|(_, messages)| *messages > 0);
        (total > budget).then_some((sent, total))
    })?;
    let (first, _) = loads.first()?;
    let watchers: Vec<&str> = loads.iter().map(|(load, _)| load.watcher.name.as_str()).collect();
    let message = format!(
        "{} cannot take these reports: {} an hour of {}, and {}",
        receivers(&outlet.names),
        grouped(u64::from(total)),
        named(&watchers),
        outlet.takes()
    );
    let hint = "poll less often, or give some of them a receiver with a robot of its own".to_owned();
    Some(Found { at: first.at, part: Part::Schedule, message, hint })
}

/// Reminders of one watcher that come faster than its robot takes messages, as long as anything fires.
fn reminders(load: &Load<'_>, outlet: &Outlet, now: DateTime<Utc>) -> Option<Found> {
    let interval = i64::try_from(load.watcher.repeat_interval?.as_secs()).unwrap_or(i64::MAX).max(1);
    let polls = load.messages(now);
    let reminded = u32::try_from(3600 / interval).unwrap_or(u32::MAX).saturating_mul(load.copies * load.instances.len() as u32);
    let budget = outlet.hourly_budget();
    let total = polls.min(reminded);
    (total > budget).then(|| Found {
        at: load.at,
        part: Part::RepeatInterval,
        message: format!(
            "while anything fires, {} is reminded {} times an hour, and {}",
            receivers(&outlet.names),
            grouped(u64::from(total)),
            outlet.takes()
        ),
        hint: "remind less often: repeat_interval = \"1h\"".to_owned(),
    })
}

impl Load<'_> {
    /// The messages of the hour that begins here, were there one at each poll.
    fn messages(&self, from: DateTime<Utc>) -> u32 {
        let most = hourly_budget().saturating_mul(MOST_ROBOTS) + 1;
        let slots = |instance: &Watcher| instance.schedule.slots_between(from, from + TimeDelta::hours(1), 3600.max(most));
        self.instances.iter().map(slots).sum::<u32>().saturating_mul(self.copies)
    }
}

fn hourly_budget() -> u32 {
    u32::try_from(BUDGET).unwrap_or(u32::MAX).saturating_mul(60)
}

fn receivers(names: &[String]) -> String {
    match names {
        [only] => format!("`{only}`"),
        several => format!("the one robot of {}", several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")),
    }
}

fn named(watchers: &[&str]) -> String {
    let shown: Vec<String> = watchers.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    match watchers.len().saturating_sub(MOST_NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} others", shown.join(", ")),
    }
}
