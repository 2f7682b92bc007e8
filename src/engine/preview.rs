//! What a poll would do, had it been made now.

use super::Engine;
use super::health::HELD;
use super::poll::{held, partial};
use super::reading::store_failed;
use crate::domain::alert::AlertStatus;
use crate::domain::compose::{self, Changes};
use crate::domain::row::Fingerprint;
use crate::domain::watcher::Watcher;
use crate::store::{Claim, Failure, WatcherState};
use std::sync::Arc;

/// What a poll would do.
#[derive(Debug)]
pub struct Preview {
    /// Rows read.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// Rows that would become known and are told to no one.
    pub baseline: usize,
    /// Keys that would wait for `for` to pass.
    pub pending: usize,
    /// Keys that fire and stay as they are.
    pub unchanged: usize,
    /// Whether a poll has been completed before.
    pub has_baseline: bool,
    /// Alerts under a key that the watcher no longer has; they would be closed without a message.
    pub rekeyed: Vec<Fingerprint>,
    /// What would be written.
    pub changes: Changes,
    /// Why some rows could not be judged, or why the result would be held.
    pub failure: Option<Failure>,
    /// What went wrong without losing anything.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Reads and evaluates as a poll does, and writes nothing.
    ///
    /// # Errors
    /// Why a poll would fail.
    pub async fn preview(&self, watcher: &Arc<Watcher>) -> Result<Preview, Failure> {
        let parts = self.parts();
        let source = parts
            .sources
            .get(&watcher.source)
            .ok_or_else(|| Failure { kind: "config".into(), message: format!("the source `{}` is not in the settings", watcher.source) })?;
        let limits = source.limits(watcher.timeout, watcher.max_rows);
        let now = parts.clock.now();
        let (state, known_as) = self.state_of(watcher).await?;
        let has_baseline = state.baseline_at.is_some();
        let claim = Claim { watcher: watcher.name.clone(), source: watcher.source.clone(), epoch: 0, state };
        let known = Arc::new(parts.store.known(&known_as, &watcher.source).await.map_err(store_failed)?);
        let firing = known.keys().iter().filter(|key| key.status == AlertStatus::Firing).count();
        let reading = self.read(watcher, &claim, &known, limits, now).await;
        let plan = reading.result?;
        let stored = parts.store.alerts_of(plan.needs_stored()).await.map_err(store_failed)?;
        let (rows, matched) = (plan.rows, plan.matched);
        let (baseline, pending) = (plan.baseline.len(), plan.pending.len());
        let is_held = held(watcher, &claim.state, &plan).map(|message| Failure { kind: HELD.into(), message });
        let failure = is_held.or_else(|| partial(&plan.faults, plan.rows));
        let rekeyed = plan.rekeyed.clone();
        let unchanged = firing.saturating_sub(plan.resolved.len() + plan.rekeyed.len());
        let silences = parts.store.open_silences().await.map_err(store_failed)?;
        let mut changes = compose::changes(&self.occasion(watcher, now, &silences), plan, stored);
        let mut warnings = reading.warnings;
        warnings.append(&mut changes.warnings);
        Ok(Preview { rows, matched, baseline, pending, unchanged, has_baseline, rekeyed, changes, failure, warnings })
    }

    /// The watcher's state, also under its former name, and the name that its alerts are stored under.
    pub(super) async fn state_of(&self, watcher: &Watcher) -> Result<(WatcherState, String), Failure> {
        let states = self.parts().store.watcher_states().await.map_err(store_failed)?;
        let find = |name: &str| states.iter().find(|state| state.watcher == name && state.source == watcher.source).cloned();
        let own = find(&watcher.name).filter(|state| state.baseline_at.is_some());
        let former = || watcher.formerly.as_deref().and_then(find);
        let known_as = own.as_ref().map_or_else(|| former().map(|state| state.watcher), |state| Some(state.watcher.clone()));
        let empty = || WatcherState { watcher: watcher.name.clone(), source: watcher.source.clone(), ..WatcherState::default() };
        Ok((own.or_else(former).unwrap_or_else(empty), known_as.unwrap_or_else(|| watcher.name.clone())))
    }
}
