//! Tells the steps of escalation at their time, from what is stored: whoever polls, and whether the polls work.
//!
//! A poll of the same watcher that is under way is waited for, as it may find that the alert is over, but not for long: a
//! database in trouble is what the steps are for. Its commit is then refused and made of what is known after the step.

use super::Engine;
use crate::domain::compose::{self, Changes, Polls};
use crate::domain::escalation;
use crate::domain::silence::Silence;
use crate::domain::watcher::Watcher;
use crate::store::{StepsCommit, StoreError, WatcherState};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// How long steps wait for a poll that is under way.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);
/// How soon steps that could not be told are tried again.
const RETRY: TimeDelta = TimeDelta::seconds(5);
/// How often steps are looked at anew because a person or a poll has changed something in the meantime.
const RACES: usize = 20;

/// The version of a watcher's alerts at which its steps were looked at last, and when the next one is due by that.
pub(super) type Looked = HashMap<(String, String), (i64, Option<DateTime<Utc>>)>;

impl Engine {
    /// Tells what is due between polls, digests before steps; when there is something again.
    pub async fn tell_due(&self) -> Option<DateTime<Utc>> {
        let digests = self.tell_digests().await;
        let steps = self.tell_steps().await;
        digests.into_iter().chain(steps).min()
    }

    /// Tells the steps that are due; when the next one will be.
    pub(super) async fn tell_steps(&self) -> Option<DateTime<Utc>> {
        let watchers: Vec<_> = self.watchers().into_iter().filter(|watcher| watcher.has_steps()).collect();
        if watchers.is_empty() {
            return None;
        }
        match self.tell_steps_of(&watchers).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!("the steps of escalation could not be looked at, they are tried again: {error}");
                Some(self.parts().clock.now() + RETRY)
            }
        }
    }

    async fn tell_steps_of(&self, watchers: &[std::sync::Arc<Watcher>]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let states = self.parts().store.watcher_states().await?;
        let mut next = None;
        for watcher in watchers {
            let state = states.iter().find(|state| state.watcher == watcher.name && state.source == watcher.source);
            let Some(state) = state.filter(|state| state.baseline_at.is_some()) else { continue };
            let at = match self.steps_of(watcher, state.clone()).await {
                Ok(at) => at,
                Err(error) => {
                    tracing::error!(watcher.name = watcher.name, "steps of escalation could not be told, they are tried again: {error}");
                    Some(self.parts().clock.now() + RETRY)
                }
            };
            next = next.into_iter().chain(at).min();
        }
        Ok(next)
    }

    /// Tells the steps of a watcher that are due; when its next one will be.
    async fn steps_of(&self, watcher: &Watcher, state: WatcherState) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (store, now) = (&self.parts().store, self.parts().clock.now());
        let name = (watcher.name.clone(), watcher.source.clone());
        if let Some(until) = self.roster_mut().polling_since(&name).map(|since| since + PATIENCE)
            && until > now
        {
            return Ok(Some(until));
        }
        if let Some(next) = self.looked_at(&name, state.version, watcher, now) {
            return Ok(next);
        }
        let mut state = Some(state);
        for _ in 0..RACES {
            let Some(before) = state else { return Ok(None) };
            let silences = store.open_silences().await?;
            match self.look_at_steps(watcher, &before, &silences, now).await {
                Err(StoreError::Raced) => state = store.state_of(&watcher.name, &watcher.source).await?,
                Ok((version, next)) => {
                    self.looked().insert(name, (version, next));
                    return Ok(next);
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Raced)
    }

    /// When the next step is due, if nothing has changed since that was found out and it is still ahead.
    fn looked_at(&self, name: &(String, String), version: i64, watcher: &Watcher, now: DateTime<Utc>) -> Option<Option<DateTime<Utc>>> {
        let asks_for_time = watcher.notify.iter().any(|block| block.when.as_ref().is_some_and(|when| when.uses_now()));
        let (at, next) = self.looked().get(name).copied()?;
        (at == version && !asks_for_time && next.is_none_or(|next| next > now)).then_some(next)
    }

    async fn look_at_steps(
        &self,
        watcher: &Watcher,
        state: &WatcherState,
        silences: &[Silence],
        now: DateTime<Utc>,
    ) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
        let store = &self.parts().store;
        let alerts = store.alerts_with_steps(&watcher.name, &watcher.source, escalation::names(watcher)).await?;
        let polls = if state.failures > 0 { Polls::Fail(state.last_ok_at) } else { Polls::Work };
        let (mut changes, next) = compose::steps(&self.occasion(watcher, now, silences), alerts, polls);
        for warning in std::mem::take(&mut changes.warnings) {
            tracing::warn!(watcher.name = watcher.name, "{warning}");
        }
        if changes.put.is_empty() {
            return Ok((state.version, next));
        }
        self.write_steps(watcher, state.version, changes, now).await?;
        Ok((state.version + 1, next))
    }

    async fn write_steps(&self, watcher: &Watcher, version: i64, changes: Changes, at: DateTime<Utc>) -> Result<(), StoreError> {
        let (events, deliveries, is_later) = (changes.events.len(), changes.deliveries.len(), !changes.deferred.is_empty());
        let commit = StepsCommit { watcher: watcher.name.clone(), source: watcher.source.clone(), version, at, changes };
        self.parts().store.commit_steps(commit).await?;
        tracing::info!(watcher.name = watcher.name, events, deliveries, "steps of escalation were told");
        self.inner.outbox_changed.notify_waiters();
        if is_later {
            self.inner.roster_changed.notify_waiters();
        }
        Ok(())
    }

    pub(super) fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        self.inner.looked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
