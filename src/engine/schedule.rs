//! Which watcher is due, and the loop that polls it.

use super::Engine;
use super::poll::Slot;
use crate::domain::watcher::Watcher;
use crate::store::WatcherState;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The scheduler looks up at least this often: a watchdog sees that it is alive, and a clock that was set is noticed.
const LONGEST_SLEEP: TimeDelta = TimeDelta::seconds(30);
/// How soon a poll that could not be recorded is made again.
const RETRY: TimeDelta = TimeDelta::seconds(10);
/// Missed slots are counted up to here.
const MISSED_MAX: u32 = 10_000;

/// The watchers that run and their next slots.
#[derive(Debug, Default)]
pub struct Roster {
    /// By watcher and source.
    entries: BTreeMap<(String, String), Entry>,
}

#[derive(Debug)]
struct Entry {
    watcher: Arc<Watcher>,
    next: Option<DateTime<Utc>>,
    /// Since when it is being polled.
    running: Option<DateTime<Utc>>,
}

/// A watcher whose slot has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// Which.
    pub watcher: Arc<Watcher>,
    /// The slot.
    pub slot: Slot,
}

impl Roster {
    /// Takes a new set of watchers. A slot that the store knows stays, unless the schedule now has an earlier one.
    pub(super) fn replace(&mut self, watchers: Vec<Arc<Watcher>>, states: &[WatcherState], now: DateTime<Utc>) {
        let mut entries = BTreeMap::new();
        for watcher in watchers {
            let of = |name: &str| states.iter().find(|state| state.watcher == name && state.source == watcher.source);
            let state = of(&watcher.name).or_else(|| watcher.formerly.as_deref().and_then(of));
            let stored = state.and_then(|state| state.next_poll_at);
            let next = match stored {
                Some(stored) => watcher.schedule.next_after(now).map_or(Some(stored), |next| Some(next.min(stored))),
                None => watcher.schedule.first(now),
            };
            let name = (watcher.name.clone(), watcher.source.clone());
            let running = self.entries.get(&name).and_then(|entry| entry.running);
            entries.insert(name, Entry { watcher, next, running });
        }
        self.entries = entries;
    }

    pub(super) fn watchers(&self) -> Vec<Arc<Watcher>> {
        self.entries.values().map(|entry| entry.watcher.clone()).collect()
    }

    /// Marks every watcher that is due as running and gives it out: a poll never overlaps itself.
    pub(super) fn take_due(&mut self, now: DateTime<Utc>) -> Vec<Due> {
        let mut due = Vec::new();
        for entry in self.entries.values_mut().filter(|entry| entry.running.is_none()) {
            // A clock that jumped forward and back must not leave a slot far ahead.
            entry.next = entry.next.map(|next| entry.watcher.schedule.next_after(now).map_or(next, |regular| regular.min(next)));
            let Some(at) = entry.next.filter(|at| *at <= now) else { continue };
            entry.running = Some(now);
            let missed = entry.watcher.schedule.slots_between(at, now, MISSED_MAX);
            due.push(Due { watcher: entry.watcher.clone(), slot: Slot { scheduled_at: at, missed, advances: true } });
        }
        due
    }

    /// The poll has ended. One that could not be recorded (the store failed, another process has the claim) was none: it
    /// is tried again soon.
    pub(super) fn finished(&mut self, name: &(String, String), now: DateTime<Utc>, was_recorded: bool) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.running = None;
            let next = entry.watcher.schedule.next_after(now);
            entry.next = if was_recorded { next } else { Some(next.map_or(now + RETRY, |next| next.min(now + RETRY))) };
        }
    }

    /// The first slots of watchers that the store does not know: a restart before them must not forget them.
    pub(super) fn unknown_to(&self, states: &[WatcherState]) -> Vec<(String, String, DateTime<Utc>)> {
        let known = |entry: &Entry| states.iter().any(|state| state.watcher == entry.watcher.name && state.source == entry.watcher.source);
        let fresh = self.entries.values().filter(|entry| !known(entry));
        fresh.filter_map(|entry| Some((entry.watcher.name.clone(), entry.watcher.source.clone(), entry.next?))).collect()
    }

    /// When the next watcher is due.
    pub(super) fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.entries.values().filter(|entry| entry.running.is_none()).filter_map(|entry| entry.next).min()
    }

    /// Since when a watcher is being polled, if it is.
    pub(super) fn polling_since(&self, name: &(String, String)) -> Option<DateTime<Utc>> {
        self.entries.get(name).and_then(|entry| entry.running)
    }

    fn is_idle(&self) -> bool {
        self.entries.values().all(|entry| entry.running.is_none())
    }
}

impl Engine {
    /// Tells what was kept back until now, polls every watcher that is due, waits for all of them, and tells the steps that
    /// are due then: one step of the loop.
    pub async fn tick(&self) {
        let mut polls = JoinSet::new();
        self.tell_digests().await;
        self.start_due(&mut polls);
        while polls.join_next().await.is_some() {}
        self.tell_steps().await;
    }

    /// Polls watchers in their slots until told to stop; polls in hand are finished.
    pub async fn run_scheduler(&self, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        let mut polls = JoinSet::new();
        while !*stop.borrow() {
            let changed = self.inner.roster_changed.notified();
            self.parts().metrics.beat(clock.now());
            let digest = self.tell_digests().await;
            self.start_due(&mut polls);
            let steps = self.tell_steps().await;
            let wake = self.roster_mut().next_wake().into_iter().chain(digest).chain(steps).min();
            let latest = clock.now() + LONGEST_SLEEP;
            tokio::select! {
                () = clock.sleep_until(wake.unwrap_or(latest).min(latest)) => {}
                () = changed => {}
                Some(_) = polls.join_next() => {}
                _ = stop.changed() => {}
            }
        }
        while polls.join_next().await.is_some() {}
    }

    fn start_due(&self, polls: &mut JoinSet<()>) {
        let now = self.parts().clock.now();
        let due = self.roster_mut().take_due(now);
        for due in due {
            let engine = self.clone();
            polls.spawn(async move {
                let name = (due.watcher.name.clone(), due.watcher.source.clone());
                let report = engine.poll(due.watcher, due.slot).await;
                engine.roster_mut().finished(&name, engine.parts().clock.now(), report.poll_id.is_some());
                engine.inner.roster_changed.notify_waiters();
            });
        }
    }

    /// Whether no poll is under way.
    pub fn is_idle(&self) -> bool {
        self.roster_mut().is_idle()
    }
}
