//! One poll: claim, read, evaluate, commit. A poll that was not read whole changes no alert.

use super::{Engine, KnownCache, Notice};
use crate::domain::alert::{AlertStatus, EventKind};
use crate::domain::compose::{self, Changes, Occasion};
use crate::domain::evaluate::{Basis, Evaluation, Plan, RowFaults};
use crate::domain::known::{Known, KnownKey};
use crate::domain::query::Query;
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::watcher::Watcher;
use crate::source::{Limits, RowSink};
use crate::store::{Claim, Committed, Failure, PollCommit, PollOutcome, PollRecord, StoreError, WatcherState};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// A claim outlives the read's own time limit by this much; after that the process counts as dead.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// The slot a poll is made for.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// When it was due.
    pub scheduled_at: DateTime<Utc>,
    /// Slots that passed before it.
    pub missed: u32,
    /// Whether the watcher moves on to its next slot; a poll made by hand leaves the schedule alone.
    pub advances: bool,
}

/// What a poll came to.
#[derive(Clone, Debug)]
pub struct PollReport {
    /// Whose.
    pub watcher: String,
    /// How it ended; `skipped` when another process held the claim.
    pub outcome: PollOutcome,
    /// Rows read.
    pub rows: u64,
    /// How long reading and evaluating took.
    pub duration_ms: u64,
    /// Its number; `None` when it was not recorded.
    pub poll_id: Option<i64>,
    /// What was found, one line each: kind, key in words, severity.
    pub events: Vec<(EventKind, String, String)>,
    /// Rows of a `new` watcher's first poll: known from now on, told to no one.
    pub baseline: usize,
    /// How many deliveries were made.
    pub deliveries: usize,
    /// Why it is not `ok`.
    pub failure: Option<Failure>,
    /// What went wrong on the way without losing anything.
    pub warnings: Vec<String>,
}

/// What reading and evaluating came to.
struct Reading {
    result: Result<Plan, Failure>,
    rows: u64,
    duration: Duration,
}

impl Engine {
    /// Polls a watcher now. It runs in a task of its own: a caller that is dropped does not break it off.
    pub async fn poll(&self, watcher: Arc<Watcher>, slot: Slot) -> Arc<PollReport> {
        let engine = self.clone();
        let of = watcher.clone();
        let task = tokio::spawn(async move { engine.poll_cycle(&of, slot).await });
        let result = match task.await {
            Ok(result) => result,
            Err(panic) => Err(StoreError::Task(panic.to_string())),
        };
        let report = result.unwrap_or_else(|error| {
            tracing::error!(watcher.name = watcher.name, "the poll could not be recorded, nothing has changed: {error}");
            PollReport::unrecorded(&watcher.name, Failure { kind: "store".into(), message: error.to_string() })
        });
        let report = Arc::new(report);
        let lag = (self.parts().clock.now() - slot.scheduled_at).to_std().unwrap_or_default();
        let duration = Duration::from_millis(report.duration_ms);
        self.parts().metrics.poll(&report.watcher, report.outcome.as_str(), duration, lag.saturating_sub(duration));
        self.notice(Notice::Polled(report.clone()));
        report
    }

    async fn poll_cycle(&self, watcher: &Arc<Watcher>, slot: Slot) -> Result<PollReport, StoreError> {
        let parts = self.parts();
        let started_at = parts.clock.now();
        let Some(source) = parts.sources.get(&watcher.source) else {
            let message = format!("the source `{}` is not in the settings", watcher.source);
            return Ok(PollReport::unrecorded(&watcher.name, Failure { kind: "config".into(), message }));
        };
        let limits = source.limits(watcher.timeout, watcher.max_rows);
        let lease = limits.timeout + LEASE_MARGIN;
        let Some(claim) = parts.store.claim_poll(&watcher.name, &watcher.source, &parts.owner, started_at, lease).await? else {
            return Ok(PollReport::skipped(&watcher.name));
        };
        let known = match self.known(&claim).await {
            Ok(known) => known,
            Err(error) => {
                parts.store.release_poll(&claim).await?;
                return Err(error);
            }
        };
        let reading = self.read(watcher, &claim, &known, limits, started_at).await;
        drop(known);
        let recorded = self.record(watcher, claim.clone(), slot, started_at, reading).await;
        if let Err(error) = &recorded {
            // The store may be failing as a whole; then the claim ends by itself.
            if let Err(second) = parts.store.release_poll(&claim).await {
                tracing::warn!(watcher.name = watcher.name, "the claim could not be given back after `{error}`: {second}");
            }
        }
        recorded
    }

    /// The keys as the last commit left them: from memory while no one else has changed them.
    async fn known(&self, claim: &Claim) -> Result<Arc<Known>, StoreError> {
        let name = (claim.watcher.clone(), claim.source.clone());
        let cached = self.known_cache().get(&name).filter(|(version, _)| *version == claim.state.version).map(|(_, known)| known.clone());
        if let Some(known) = cached {
            return Ok(known);
        }
        let known = Arc::new(self.parts().store.known(&claim.watcher, &claim.source).await?);
        self.known_cache().insert(name, (claim.state.version, known.clone()));
        Ok(known)
    }

    /// Brings the keys in memory to where the commit has left those in the store. Whatever else has changed them raised
    /// their version too, so that they are read again.
    fn remember(&self, written: Written) {
        let mut cache = self.known_cache();
        let Some((version, known)) = cache.get_mut(&written.name).filter(|(version, _)| *version == written.version) else { return };
        if !written.order.is_empty() {
            Arc::make_mut(known).reorder(&written.order);
        }
        if !written.put.is_empty() || !written.remove.is_empty() {
            Arc::make_mut(known).apply(written.put, &written.remove);
            *version += 1;
        }
    }

    fn known_cache(&self) -> std::sync::MutexGuard<'_, KnownCache> {
        self.inner.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn read(&self, watcher: &Arc<Watcher>, claim: &Claim, known: &Known, limits: Limits, now: DateTime<Utc>) -> Reading {
        let revision = watcher.revision();
        let basis = Basis {
            watcher,
            known,
            same_revision: claim.state.revision.as_deref() == Some(revision.as_str()),
            has_baseline: claim.state.baseline_at.is_some(),
            now,
        };
        let mut sink = Sink { evaluation: Evaluation::new(basis), rows: 0 };
        let started = std::time::Instant::now();
        let read = match self.parts().sources.get(&watcher.source) {
            Some(source) => source
                .read(&Query::plain(watcher.query.clone()), &limits, &mut sink)
                .await
                .map(drop)
                .map_err(|error| Failure { kind: error.kind.as_str().into(), message: error.to_string() }),
            None => Err(Failure { kind: "config".into(), message: "the source is not in the settings".into() }),
        };
        let rows = sink.rows;
        let result = read.map(|()| sink.evaluation.finish());
        Reading { result, rows, duration: started.elapsed() }
    }

    async fn record(
        &self,
        watcher: &Arc<Watcher>,
        claim: Claim,
        slot: Slot,
        started_at: DateTime<Utc>,
        reading: Reading,
    ) -> Result<PollReport, StoreError> {
        let occasion = Occasion { watcher, now: started_at, language: self.parts().language };
        let mut order = Vec::new();
        let (mut changes, failure, outcome) = match reading.result {
            Ok(mut plan) => {
                order = std::mem::take(&mut plan.order);
                let failure = partial(&plan.faults, plan.rows);
                let stored = self.parts().store.alerts_of(plan.needs_stored()).await?;
                let outcome = if failure.is_some() { PollOutcome::Partial } else { PollOutcome::Ok };
                (compose::changes(&occasion, plan, stored), failure, outcome)
            }
            Err(failure) => (Changes::default(), Some(failure), PollOutcome::Failed),
        };
        let ended_at = self.parts().clock.now();
        let state = next_state(watcher, &claim.state, slot, started_at, ended_at, outcome, failure.as_ref(), &occasion, &mut changes);
        let record = PollRecord {
            scheduled_at: slot.scheduled_at,
            started_at,
            ended_at,
            duration_ms: u64::try_from(reading.duration.as_millis()).unwrap_or(u64::MAX),
            outcome,
            rows: reading.rows,
            missed: slot.missed,
            failure,
        };
        let report = PollReport::new(watcher, &record, &changes);
        let written = Written::of(&claim, &changes, order);
        let commit = PollCommit { claim, record, state };
        let committed = self.parts().store.commit_poll(commit, changes).await?;
        self.remember(written);
        if committed.deliveries > 0 {
            self.inner.outbox_changed.notify_waiters();
        }
        log(&report, &committed);
        Ok(PollReport { poll_id: Some(committed.poll_id), ..report })
    }
}

/// Feeds the fold; it holds nothing but the marks of the rows it has seen.
struct Sink<'a> {
    evaluation: Evaluation<'a>,
    rows: u64,
}

impl RowSink for Sink<'_> {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        self.evaluation.columns(columns)
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        self.rows += 1;
        self.evaluation.row(row);
        Ok(())
    }
}

/// What a commit changes of the keys of a watcher on a source.
struct Written {
    name: (String, String),
    /// The version before.
    version: i64,
    put: Vec<KnownKey>,
    remove: Vec<Fingerprint>,
    /// See [`Plan::order`].
    order: Vec<u32>,
}

impl Written {
    fn of(claim: &Claim, changes: &Changes, order: Vec<u32>) -> Written {
        Written {
            name: (claim.watcher.clone(), claim.source.clone()),
            version: claim.state.version,
            put: changes.put.iter().map(KnownKey::of).collect(),
            remove: changes.remove.clone(),
            order,
        }
    }
}

/// Why a poll that was read whole is only `partial`.
fn partial(faults: &RowFaults, rows: u64) -> Option<Failure> {
    let (_, what, error) = faults.first.as_ref()?;
    let count = faults.count;
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let message = format!(
        "{count} of {rows} rows could not be judged and keep their state: `{what}`, character {}: {}{hint}",
        error.span.start + 1,
        error.message
    );
    Some(Failure { kind: "evaluation".into(), message })
}

/// The watcher's state after the poll; its own events are added to the changes.
#[allow(clippy::too_many_arguments)] // each is a different thing that the one poll knows
fn next_state(
    watcher: &Watcher,
    before: &WatcherState,
    slot: Slot,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    outcome: PollOutcome,
    failure: Option<&Failure>,
    occasion: &Occasion<'_>,
    changes: &mut Changes,
) -> WatcherState {
    let mut state = before.clone();
    if slot.advances || state.next_poll_at.is_none() {
        state.next_poll_at = watcher.schedule.next_after(ended_at);
    }
    if outcome != PollOutcome::Failed {
        state.revision = Some(watcher.revision());
        state.baseline_at = state.baseline_at.or(Some(started_at));
    }
    match failure {
        Some(failure) => {
            state.failures = state.failures.saturating_add(1);
            let since = *state.failing_since.get_or_insert(started_at);
            if state.failures >= watcher.failures_before_alert && !state.failing_told {
                state.failing_told = true;
                let error = format!("{}: {}", failure.kind, failure.message);
                merge(changes, compose::watcher_event(occasion, EventKind::WatcherFailed, since, state.failures, &error));
            }
        }
        None => {
            if let Some(since) = state.failing_since.filter(|_| state.failing_told) {
                merge(changes, compose::watcher_event(occasion, EventKind::WatcherRecovered, since, state.failures, ""));
            }
            (state.failures, state.failing_since, state.failing_told) = (0, None, false);
        }
    }
    state
}

fn merge(changes: &mut Changes, own: Changes) {
    let first = changes.events.len();
    changes.events.extend(own.events);
    changes.deliveries.extend(own.deliveries.into_iter().map(|mut draft| {
        draft.events.iter_mut().for_each(|at| *at += first);
        draft
    }));
}

fn log(report: &PollReport, committed: &Committed) {
    let (watcher, rows, duration_ms) = (&report.watcher, report.rows, report.duration_ms);
    for warning in &report.warnings {
        tracing::warn!(watcher.name = watcher, "{warning}");
    }
    match &report.failure {
        Some(failure) => tracing::warn!(
            watcher.name = watcher,
            poll.id = committed.poll_id,
            rows,
            duration_ms,
            error.kind = failure.kind,
            "the poll is {}: {}",
            report.outcome.as_str(),
            failure.message
        ),
        None if committed.events.is_empty() => {
            tracing::debug!(watcher.name = watcher, poll.id = committed.poll_id, rows, duration_ms, "polled, nothing new")
        }
        None => tracing::info!(
            watcher.name = watcher,
            poll.id = committed.poll_id,
            rows,
            duration_ms,
            events = committed.events.len(),
            deliveries = committed.deliveries,
            "polled"
        ),
    }
}

impl PollReport {
    fn new(watcher: &Watcher, record: &PollRecord, changes: &Changes) -> PollReport {
        let events = changes
            .events
            .iter()
            .map(|event| (event.kind, event.key.as_ref().map(in_words).unwrap_or_default(), event.severity.as_str().to_owned()));
        PollReport {
            watcher: watcher.name.clone(),
            outcome: record.outcome,
            rows: record.rows,
            duration_ms: record.duration_ms,
            poll_id: None,
            events: events.collect(),
            baseline: changes.put.iter().filter(|alert| alert.status == AlertStatus::Seen && alert.told_at.is_none()).count(),
            deliveries: changes.deliveries.len(),
            failure: record.failure.clone(),
            warnings: changes.warnings.clone(),
        }
    }

    fn unrecorded(watcher: &str, failure: Failure) -> PollReport {
        PollReport { outcome: PollOutcome::Failed, failure: Some(failure), ..PollReport::skipped(watcher) }
    }

    fn skipped(watcher: &str) -> PollReport {
        PollReport {
            watcher: watcher.to_owned(),
            outcome: PollOutcome::Skipped,
            rows: 0,
            duration_ms: 0,
            poll_id: None,
            events: Vec::new(),
            baseline: 0,
            deliveries: 0,
            failure: None,
            warnings: Vec::new(),
        }
    }
}

/// A key in words: `sku A-17 · shop 3`.
fn in_words(key: &Row) -> String {
    let cells = key.columns().names().iter().enumerate().map(|(at, name)| format!("{name} {}", key.text(at).unwrap_or("NULL".into())));
    cells.collect::<Vec<_>>().join(" · ")
}

/// What a poll would do, had it been made now.
#[derive(Debug)]
pub struct Preview {
    /// Rows read.
    pub rows: u64,
    /// Rows that would become the baseline of a `new` watcher: told to no one.
    pub baseline: usize,
    /// Keys that fire and stay as they are.
    pub unchanged: usize,
    /// What would be written.
    pub changes: Changes,
    /// Why some rows could not be judged.
    pub failure: Option<Failure>,
}

impl Engine {
    /// Reads and evaluates as a poll does, and writes nothing.
    ///
    /// # Errors
    /// Why a poll would fail.
    pub async fn preview(&self, watcher: &Arc<Watcher>) -> Result<Preview, Failure> {
        let store_failed = |error: StoreError| Failure { kind: "store".into(), message: error.to_string() };
        let parts = self.parts();
        let source = parts
            .sources
            .get(&watcher.source)
            .ok_or_else(|| Failure { kind: "config".into(), message: format!("the source `{}` is not in the settings", watcher.source) })?;
        let limits = source.limits(watcher.timeout, watcher.max_rows);
        let now = parts.clock.now();
        let states = parts.store.watcher_states().await.map_err(store_failed)?;
        let state = states.into_iter().find(|state| state.watcher == watcher.name && state.source == watcher.source).unwrap_or_default();
        let claim = Claim { watcher: watcher.name.clone(), source: watcher.source.clone(), epoch: 0, state };
        let known = Arc::new(parts.store.known(&watcher.name, &watcher.source).await.map_err(store_failed)?);
        let firing = known.keys().iter().filter(|key| key.status == AlertStatus::Firing).count();
        let plan = self.read(watcher, &claim, &known, limits, now).await.result?;
        let stored = parts.store.alerts_of(plan.needs_stored()).await.map_err(store_failed)?;
        let (rows, baseline, failure) = (plan.rows, plan.baseline.len(), partial(&plan.faults, plan.rows));
        let unchanged = firing.saturating_sub(plan.resolved.len());
        let changes = compose::changes(&Occasion { watcher, now, language: parts.language }, plan, stored);
        Ok(Preview { rows, baseline, unchanged, changes, failure })
    }
}
