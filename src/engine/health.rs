//! The watcher's own state after a poll: its schedule, whether its polls fail, and who is told of that. Pure.
//!
//! A watcher whose polls fail is told after `failures_before_alert` polls in a row, once, and told again when they work.
//! A source that cannot be reached fails all its watchers: it is told once, by the first of them whose polls have failed
//! often enough, to the receivers of all of them; and so is its return, by the first poll that reaches it. A result that
//! the guard holds is told at once.

use super::poll::Slot;
use crate::domain::alert::EventKind;
use crate::domain::watcher::Watcher;
use crate::store::{Failure, SourceState, WatcherState};
use chrono::{DateTime, Utc};

/// The kind of a failure that is the source's and not the watcher's.
const UNREACHABLE: &str = "connect";
/// The kind of a result that is held.
pub const HELD: &str = "guard";

/// What is known of a poll when it has ended.
pub(super) struct Ended<'a> {
    pub watcher: &'a Watcher,
    pub before: &'a WatcherState,
    pub source: &'a SourceState,
    pub slot: Slot,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    /// Whether its result was taken.
    pub is_taken: bool,
    pub failure: Option<&'a Failure>,
    /// The receivers of all watchers of the source.
    pub everyone: Vec<String>,
}

/// What follows.
pub(super) struct Health {
    pub state: WatcherState,
    /// The source's state, where it changes.
    pub source: Option<SourceState>,
    /// What is told: of the source, and of the watcher.
    pub own: Vec<Own>,
}

/// A watcher's own event.
pub(super) struct Own {
    pub kind: EventKind,
    pub since: DateTime<Utc>,
    /// How many polls in a row failed; 0: one is held.
    pub polls: u32,
    pub error: String,
    pub receivers: Vec<String>,
    /// It is the source's, and is not put off to the hours of the one watcher that found it.
    pub is_of_source: bool,
}

/// The state after a poll.
pub(super) fn after(ended: Ended<'_>) -> Health {
    let mut health = Health { state: ended.before.clone(), source: None, own: Vec::new() };
    scheduled(&ended, &mut health.state);
    let is_dead = ended.failure.is_some_and(|failure| failure.kind == UNREACHABLE);
    if !is_dead && ended.source.failing_since.is_some() {
        recovered_source(&ended, &mut health);
    }
    match ended.failure {
        Some(failure) => failed(&ended, failure, is_dead, &mut health),
        None => worked(&ended, &mut health),
    }
    health
}

fn scheduled(ended: &Ended<'_>, state: &mut WatcherState) {
    if ended.slot.advances || state.next_poll_at.is_none() {
        state.next_poll_at = ended.watcher.schedule.next_after(ended.ended_at);
    }
    if ended.is_taken {
        state.revision = Some(ended.watcher.revision());
        state.key = Some(ended.watcher.key.clone());
        state.alert_on = Some(ended.watcher.alert_on.as_str().to_owned());
        state.baseline_at = state.baseline_at.or(Some(ended.started_at));
        state.last_poll_at = Some(ended.started_at);
        (state.held_polls, state.held_reason, state.released_at) = (0, None, None);
    }
}

/// The source is there again, whatever else the poll came to.
fn recovered_source(ended: &Ended<'_>, health: &mut Health) {
    let before = ended.source;
    if let (Some(since), Some(_)) = (before.failing_since, before.told_at) {
        let polls = ended.before.failures.max(before.polls);
        health.own.push(Own {
            kind: EventKind::WatcherRecovered,
            since,
            polls,
            error: String::new(),
            receivers: before.receivers.clone(),
            is_of_source: true,
        });
    }
    health.source = Some(SourceState { source: before.source.clone(), version: before.version, ..SourceState::default() });
}

fn failed(ended: &Ended<'_>, failure: &Failure, is_dead: bool, health: &mut Health) {
    let state = &mut health.state;
    if state.told_by_source && (!is_dead || ended.source.told_at.is_none()) {
        // What was told was the source, and since then that it is there again: this is another fault, counted anew.
        (state.failures, state.failing_since, state.failing_told, state.told_by_source) = (0, None, false, false);
    }
    if failure.kind == HELD {
        state.held_polls = state.held_polls.saturating_add(1);
        state.held_reason = Some(failure.message.clone());
    }
    state.failures = state.failures.saturating_add(1);
    let since = *state.failing_since.get_or_insert(ended.started_at);
    // The watcher may have failed before for another reason.
    let dead_since = ended.source.failing_since.unwrap_or(ended.started_at);
    if is_dead && ended.source.failing_since.is_none() {
        health.source = Some(SourceState { failing_since: Some(dead_since), polls: state.failures, ..ended.source.clone() });
    }
    let is_enough = state.failures >= ended.watcher.failures_before_alert;
    let is_news = match () {
        // A result that is held is told when that begins, whatever else was told of the watcher before.
        () if failure.kind == HELD => state.held_polls == 1,
        // So is a source that is found dead again: what was told of the watcher is another fault.
        () if is_dead && state.failing_told => is_enough && ended.source.failing_since.is_some() && !state.told_by_source,
        () => is_enough && !state.failing_told,
    };
    if !is_news {
        return;
    }
    if !state.failing_told {
        (state.failing_told, state.told_by_source) = (true, is_dead);
    }
    let polls = state.failures;
    let error = format!("{}: {}", failure.kind, failure.message);
    if !is_dead {
        let receivers = ended.watcher.first_receivers();
        let polls = if failure.kind == HELD { 0 } else { polls };
        health.own.push(Own { kind: EventKind::WatcherFailed, since, polls, error, receivers, is_of_source: false });
    } else if ended.source.told_at.is_none() {
        let receivers = ended.everyone.clone();
        let told = SourceState {
            failing_since: Some(dead_since),
            told_at: Some(ended.started_at),
            receivers: receivers.clone(),
            polls,
            ..ended.source.clone()
        };
        health.source = Some(told);
        health.own.push(Own { kind: EventKind::WatcherFailed, since: dead_since, polls, error, receivers, is_of_source: true });
    }
}

fn worked(ended: &Ended<'_>, health: &mut Health) {
    let state = &mut health.state;
    state.last_ok_at = Some(ended.started_at);
    if let Some(since) = state.failing_since.filter(|_| state.failing_told && !state.told_by_source) {
        let receivers = ended.watcher.first_receivers();
        // What was only held did not fail: it is taken now.
        let polls = if state.failures == ended.before.held_polls { 0 } else { state.failures };
        health.own.push(Own { kind: EventKind::WatcherRecovered, since, polls, error: String::new(), receivers, is_of_source: false });
    }
    (state.failures, state.failing_since, state.failing_told, state.told_by_source) = (0, None, false, false);
}
