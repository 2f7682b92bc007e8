//! What a poll would do, had it been made now.

use super::Engine;
use super::health::HELD;
use super::poll::{held, partial};
use super::reading::store_failed;
use crate::domain::alert::{Alert, AlertStatus};
use crate::domain::compose::{self, Changes, Occasion};
use crate::domain::evaluate::Plan;
use crate::domain::known::Known;
use crate::domain::row::{Fingerprint, Row};
use crate::domain::watcher::{AlertOn, Span, Watcher};
use crate::source::Source;
use crate::store::{Claim, Failure, WatcherState};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Rows of a `new` watcher that stand for those that may come.
const SAMPLE_ROWS: usize = 3;

/// What a poll would do.
#[derive(Debug)]
pub struct Preview {
    /// Which source was read.
    pub source: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Rows read.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// Rows that would become known and are told to no one.
    pub baseline: usize,
    /// Keys that would wait for `for` to pass, and since when.
    pub pending: Vec<(Row, DateTime<Utc>)>,
    /// Keys that fire and stay as they are.
    pub unchanged: usize,
    /// Whether a poll has been completed before.
    pub has_baseline: bool,
    /// Alerts under a key that the watcher no longer has; they would be closed without a message.
    pub rekeyed: Vec<Fingerprint>,
    /// What would be written.
    pub changes: Changes,
    /// What would be told if there were no silence and no hours; where that is something else.
    pub kept_back: Option<Changes>,
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
        let limits = self.source_of(watcher)?.limits(watcher.timeout, watcher.max_rows);
        let now = parts.clock.now();
        let (state, known_as) = self.state_of(watcher).await?;
        let claim = Claim { watcher: watcher.name.clone(), source: watcher.source.clone(), epoch: 0, state };
        let known = parts.store.known(&known_as, &watcher.source).await.map_err(store_failed)?;
        let firing = known.keys().iter().filter(|key| key.status == AlertStatus::Firing).count();
        let reading = self.read(watcher, &claim, &known, limits, now).await;
        let mut plan = reading.result?;
        self.recall_past(watcher, &mut plan).await.map_err(store_failed)?;
        let stored = parts.store.alerts_of(plan.needs_stored()).await.map_err(store_failed)?;
        let is_held = held(watcher, &claim.state, &plan).map(|message| Failure { kind: HELD.into(), message });
        let silences = parts.store.open_silences().await.map_err(store_failed)?;
        let occasion = self.occasion(watcher, now, &silences);
        let mut preview = Preview {
            source: watcher.source.clone(),
            at: now,
            rows: plan.rows,
            matched: plan.matched,
            baseline: plan.baseline.len(),
            pending: self.pending(&known_as, &watcher.source, &plan, now).await?,
            unchanged: firing.saturating_sub(plan.resolved.len() + plan.rekeyed.len()),
            has_baseline: claim.state.baseline_at.is_some(),
            rekeyed: plan.rekeyed.clone(),
            failure: is_held.or_else(|| partial(&plan.faults, plan.rows)),
            changes: compose::changes(&occasion, plan.clone(), stored.clone()),
            kept_back: None,
            warnings: reading.warnings,
        };
        preview.warnings.append(&mut preview.changes.warnings);
        if !preview.changes.deferred.is_empty() || !preview.changes.silenced.is_empty() {
            let free = Occasion { silences: &[], opens_at: None, ..occasion };
            preview.kept_back = Some(compose::changes(&free, plan, stored));
        }
        Ok(preview)
    }

    /// The keys that wait after the poll, and since when.
    async fn pending(&self, watcher: &str, source: &str, plan: &Plan, now: DateTime<Utc>) -> Result<Vec<(Row, DateTime<Utc>)>, Failure> {
        let alerts = self.parts().store.alerts_of_watcher(watcher, source).await.map_err(store_failed)?;
        let fired = plan.fired.iter().map(|found| found.fingerprint);
        let over: HashSet<Fingerprint> =
            fired.chain([&plan.promoted, &plan.forgotten, &plan.rekeyed].into_iter().flatten().copied()).collect();
        let waits = |alert: &Alert| alert.status == AlertStatus::Pending && !over.contains(&alert.fingerprint);
        let before = alerts.into_iter().filter(waits).map(|alert| (alert.key, alert.since));
        Ok(before.chain(plan.pending.iter().map(|found| (found.key.clone(), now))).collect())
    }

    /// How the rows that are there would be told if they were new: by a watcher that knows nothing and waits for nothing.
    /// `None` where that would tell nothing either. It asks the database again.
    pub async fn as_if_new(&self, watcher: &Watcher) -> Option<Changes> {
        let limits = self.source_of(watcher).ok()?.limits(watcher.timeout, watcher.max_rows);
        let now = self.parts().clock.now();
        let eager = Arc::new(Watcher { hold_for: Span::ZERO, active: None, guard: None, ..watcher.clone() });
        let state = WatcherState { watcher: watcher.name.clone(), source: watcher.source.clone(), ..WatcherState::default() };
        let claim = Claim { watcher: watcher.name.clone(), source: watcher.source.clone(), epoch: 0, state };
        let mut plan = self.read(&eager, &claim, &Known::default(), limits, now).await.result.ok()?;
        if matches!(watcher.alert_on, AlertOn::New { .. }) {
            let rows = plan.baseline.len().min(SAMPLE_ROWS);
            plan.fired.extend(plan.baseline.drain(..rows));
        }
        let changes = compose::changes(&self.occasion(&eager, now, &[]), plan, HashMap::new());
        (!changes.deliveries.is_empty()).then_some(changes)
    }

    /// The source that a watcher reads.
    pub(super) fn source_of(&self, watcher: &Watcher) -> Result<&Arc<Source>, Failure> {
        let missing = || Failure { kind: "config".into(), message: format!("the source `{}` is not in the settings", watcher.source) };
        self.parts().sources.get(&watcher.source).ok_or_else(missing)
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
