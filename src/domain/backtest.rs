//! A backtest: which moments of the past are polled again, and what comes of it for each receiver. Pure.

use super::budget::{BUDGET, BUDGET_WINDOW};
use super::schedule::Schedule;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A backtest asks its source no more often: a week of every five minutes.
pub const MOST_POLLS: usize = 2_100;
/// Keys that are named as the noisiest.
pub const MOST_KEYS: usize = 10;

/// The moments that are polled again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moments {
    /// In order.
    pub at: Vec<DateTime<Utc>>,
    /// How many slots the schedule has in that time, counted up to a million.
    pub slots: u32,
}

impl Moments {
    /// The slots of a schedule in `(since, until]`; where there are more than `most`, as many of them, evenly.
    pub fn of(schedule: &Schedule, since: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Moments {
        let slots = schedule.slots_between(since, until, 1_000_000);
        let next = |after: DateTime<Utc>| schedule.next_after(after).filter(|at| *at <= until);
        if slots as usize <= most {
            let at = std::iter::successors(next(since), |at| next(*at)).collect();
            return Moments { at, slots };
        }
        let most = i32::try_from(most).unwrap_or(i32::MAX).max(1);
        let part = (until - since) / most;
        let mut at: Vec<DateTime<Utc>> = (0..most).filter_map(|n| next(since + part * n)).collect();
        at.dedup();
        Moments { at, slots }
    }

    /// Every `step` from `since` on.
    ///
    /// # Errors
    /// The shortest step, where there would be more than `most`.
    pub fn every(step: Duration, since: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Result<Moments, Duration> {
        let step = TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX).max(TimeDelta::seconds(1));
        let count = (until - since).num_milliseconds() / step.num_milliseconds().max(1);
        if count > most as i64 {
            let shortest = (until - since).num_seconds().unsigned_abs().div_ceil(most.max(1) as u64);
            return Err(Duration::from_secs(shortest));
        }
        let at: Vec<DateTime<Utc>> = (1..=count).filter_map(|n| Some(since + step.checked_mul(i32::try_from(n).ok()?)?)).collect();
        let slots = u32::try_from(at.len()).unwrap_or(u32::MAX);
        Ok(Moments { at, slots })
    }

    /// Whether only some of the slots are polled.
    pub fn are_thinned(&self) -> bool {
        self.slots as usize > self.at.len()
    }
}

/// A message that would have been made.
#[derive(Clone, Debug)]
pub struct Told {
    /// To whom.
    pub receiver: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How many events it tells.
    pub events: u64,
}

/// What a receiver would have had.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Who.
    pub receiver: String,
    /// Events that it would have been told of.
    pub events: u64,
    /// Messages that would have been sent.
    pub messages: u64,
    /// Events and messages of each day with any.
    pub days: BTreeMap<NaiveDate, (u64, u64)>,
    /// The most messages within a minute to its robot, by all of its receivers, and when that began.
    pub peak: Option<(u64, DateTime<Utc>)>,
}

impl Load {
    /// How many messages of the busiest minute would have had to wait.
    pub fn over_budget(&self) -> u64 {
        self.peak.map_or(0, |(messages, _)| messages.saturating_sub(BUDGET as u64))
    }

    /// The day with the most messages.
    pub fn busiest(&self) -> Option<(NaiveDate, u64)> {
        let most = self.days.iter().max_by_key(|(day, (_, messages))| (*messages, std::cmp::Reverse(**day)))?;
        Some((*most.0, most.1.1))
    }
}

/// What each receiver would have had. `receivers` names them with their robots, in the order in which they are told.
pub fn loads(told: &[Told], receivers: &[(String, String)], zone: Tz) -> Vec<Load> {
    let load = |(name, robot): &(String, String)| {
        let own: Vec<&Told> = told.iter().filter(|told| told.receiver == *name).collect();
        let mut days: BTreeMap<NaiveDate, (u64, u64)> = BTreeMap::new();
        for told in &own {
            let day = days.entry(told.at.with_timezone(&zone).date_naive()).or_default();
            *day = (day.0 + told.events, day.1 + 1);
        }
        let shares = |receiver: &str| receivers.iter().any(|(other, of)| other == receiver && of == robot);
        let times: Vec<DateTime<Utc>> = told.iter().filter(|told| shares(&told.receiver)).map(|told| told.at).collect();
        let peak = if own.is_empty() { None } else { peak(times) };
        Load { receiver: name.clone(), events: own.iter().map(|told| told.events).sum(), messages: own.len() as u64, days, peak }
    };
    receivers.iter().map(load).collect()
}

/// The most within one window of the budget, and when it began.
fn peak(mut times: Vec<DateTime<Utc>>) -> Option<(u64, DateTime<Utc>)> {
    let window = TimeDelta::from_std(BUDGET_WINDOW).unwrap_or(TimeDelta::MAX);
    times.sort_unstable();
    let mut most: Option<(u64, DateTime<Utc>)> = None;
    let mut end = 0;
    for (begin, at) in times.iter().enumerate() {
        while end < times.len() && times[end] - *at < window {
            end += 1;
        }
        let count = (end - begin) as u64;
        if most.is_none_or(|(before, _)| count > before) {
            most = Some((count, *at));
        }
    }
    most
}

/// How often something happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// The key in words; empty: the whole result, or the watcher itself.
    pub key: String,
    /// How often which event.
    pub events: BTreeMap<&'static str, u64>,
}

impl Noise {
    /// All of its events.
    pub fn total(&self) -> u64 {
        self.events.values().sum()
    }
}

/// Counts events by key.
#[derive(Clone, Debug, Default)]
pub struct Tally(HashMap<String, BTreeMap<&'static str, u64>>);

impl Tally {
    /// Takes an event.
    pub fn add(&mut self, key: &str, event: &'static str) {
        *self.0.entry(key.to_owned()).or_default().entry(event).or_default() += 1;
    }

    /// How many events there were.
    pub fn total(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).sum()
    }

    /// How often which event, over all keys.
    pub fn by_event(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for (event, count) in self.0.values().flatten() {
            *all.entry(*event).or_default() += count;
        }
        all
    }

    /// The keys with the most events, the noisiest first.
    pub fn noisiest(&self) -> Vec<Noise> {
        let mut all: Vec<Noise> = self.0.iter().map(|(key, events)| Noise { key: key.clone(), events: events.clone() }).collect();
        all.sort_by(|one, other| (other.total(), &one.key).cmp(&(one.total(), &other.key)));
        all.truncate(MOST_KEYS);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time") + TimeDelta::seconds(seconds)
    }

    fn told(receiver: &str, seconds: i64, events: u64) -> Told {
        Told { receiver: receiver.into(), at: at(seconds), events }
    }

    #[test]
    fn the_slots_of_the_schedule_are_polled_again() {
        let schedule = Schedule::cron("*/5 * * * *", Tz::UTC).expect("a schedule");
        let moments = Moments::of(&schedule, at(0), at(3_600), MOST_POLLS);
        assert_eq!((moments.at.len(), moments.slots, moments.are_thinned()), (12, 12, false));
        assert_eq!((moments.at[0], moments.at[11]), (at(300), at(3_600)));
    }

    #[test]
    fn of_too_many_slots_some_are_taken_evenly() {
        let schedule = Schedule::every(Duration::from_secs(10), "w");
        let week = 7 * 86_400;
        let moments = Moments::of(&schedule, at(0), at(week), MOST_POLLS);
        assert_eq!((moments.slots, moments.at.len(), moments.are_thinned()), (60_480, MOST_POLLS, true));
        let gaps: Vec<i64> = moments.at.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
        assert!(gaps.iter().all(|gap| (280..=300).contains(gap)), "{gaps:?}");
        assert!(moments.at.iter().all(|at| schedule.next_after(*at - TimeDelta::milliseconds(1)) == Some(*at)), "all are slots");
    }

    #[test]
    fn a_step_is_taken_as_it_is_or_refused() {
        let moments = Moments::every(Duration::from_secs(60), at(0), at(600), MOST_POLLS).expect("few");
        assert_eq!((moments.at.len(), moments.at[0], moments.at[9]), (10, at(60), at(600)));
        assert_eq!(Moments::every(Duration::from_secs(60), at(0), at(7 * 86_400), MOST_POLLS), Err(Duration::from_secs(288)));
        assert_eq!(Moments::every(Duration::from_secs(288), at(0), at(7 * 86_400), MOST_POLLS).expect("as many").at.len(), MOST_POLLS);
    }

    #[test]
    fn loads_are_by_day_and_receiver_and_the_peak_is_by_robot() {
        let mut messages =
            vec![told("a", 0, 3), told("b", 30, 1), told("a", 59, 1), told("a", 60, 1), told("c", 61, 5), told("a", 90_000, 2)];
        messages.extend((0..20).map(|n| told("c", 200_000 + n, 1)));
        let receivers = [("a", "r1"), ("b", "r1"), ("c", "r2"), ("d", "r3")].map(|(name, robot)| (name.to_owned(), robot.to_owned()));
        let loads = loads(&messages, &receivers, Tz::UTC);
        let shown: Vec<_> = loads.iter().map(|load| (load.events, load.messages, load.days.len(), load.peak, load.over_budget())).collect();
        assert_eq!(
            shown,
            [(7, 4, 2, Some((3, at(0))), 0), (1, 1, 1, Some((3, at(0))), 0), (25, 21, 2, Some((20, at(200_000))), 2), (0, 0, 0, None, 0),]
        );
        assert_eq!(loads[0].busiest().map(|(_, messages)| messages), Some(3));
    }

    #[test]
    fn the_noisiest_keys_come_first() {
        let mut tally = Tally::default();
        for n in 0..30 {
            (0..n % 4 + 1).for_each(|_| tally.add(&format!("k{n:02}"), "fired"));
        }
        tally.add("k03", "resolved");
        let noisiest = tally.noisiest();
        assert_eq!((noisiest.len(), noisiest[0].key.as_str(), noisiest[0].total()), (MOST_KEYS, "k03", 5));
        assert_eq!((noisiest[1].key.as_str(), noisiest[1].total()), ("k07", 4));
        assert_eq!((tally.total(), tally.by_event()["resolved"]), (74, 1));
    }
}
