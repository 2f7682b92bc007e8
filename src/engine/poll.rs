//! One poll: claim, read, evaluate, commit. A poll that was not read whole changes no alert.

use super::health::{self, Ended, HELD, Health};
use super::reading::Reading;
use super::{Engine, KnownCache, Notice};
use crate::domain::alert::{AlertStatus, EventKind};
use crate::domain::compose::{self, Changes, Occasion};
use crate::domain::evaluate::{KeyMark, Plan, RowFaults};
use crate::domain::guard;
use crate::domain::known::{Known, KnownKey};
use crate::domain::row::{Fingerprint, Row};
use crate::domain::silence::Silence;
use crate::domain::watcher::Watcher;
use crate::store::{Claim, Committed, Failure, PollCommit, PollOutcome, PollRecord, StoreError, WatcherState};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// A claim outlives the read's own time limit by this much; after that the process counts as dead.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// How often a commit is decided anew because another poll changed the state of the source at the same time.
const RACES: usize = 20;

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
    /// What was read.
    pub source: String,
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
            PollReport::unrecorded(&watcher, Failure { kind: "store".into(), message: error.to_string() })
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
        if let Some(formerly) = &watcher.formerly
            && parts.store.adopt(formerly, &watcher.name).await?
        {
            tracing::info!(watcher.name = watcher.name, "took over what was known as `{formerly}`");
        }
        let started_at = parts.clock.now();
        let Some(source) = parts.sources.get(&watcher.source) else {
            let message = format!("the source `{}` is not in the settings", watcher.source);
            return Ok(PollReport::unrecorded(watcher, Failure { kind: "config".into(), message }));
        };
        let limits = source.limits(watcher.timeout, watcher.max_rows);
        let lease = limits.timeout + LEASE_MARGIN;
        let Some(claim) = parts.store.claim_poll(&watcher.name, &watcher.source, &parts.owner, started_at, lease).await? else {
            return Ok(PollReport::skipped(watcher));
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
        if !written.put.is_empty() || !written.remove.is_empty() || !written.marks.is_empty() {
            let known = Arc::make_mut(known);
            known.apply(written.put, &written.remove);
            known.mark(&written.marks);
            *version += 1;
        }
    }

    fn known_cache(&self) -> std::sync::MutexGuard<'_, KnownCache> {
        self.inner.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn record(
        &self,
        watcher: &Arc<Watcher>,
        claim: Claim,
        slot: Slot,
        started_at: DateTime<Utc>,
        reading: Reading,
    ) -> Result<PollReport, StoreError> {
        let parts = self.parts();
        let silences = parts.store.open_silences().await?;
        let occasion = self.occasion(watcher, started_at, &silences);
        let mut found = self.found(&occasion, &claim.state, reading).await?;
        let mut changes = std::mem::take(&mut found.changes);
        let everyone = self.receivers_of(&watcher.source);
        // Steps are told beside the polls of such a watcher.
        let mut version = found.plan.as_ref().map(|_| claim.state.version);
        for _ in 0..RACES {
            let source = parts.store.source_state(&watcher.source).await?;
            let ended_at = parts.clock.now();
            let ended = Ended {
                watcher,
                before: &claim.state,
                source: &source,
                slot,
                started_at,
                ended_at,
                is_taken: found.outcome != PollOutcome::Failed,
                failure: found.failure.as_ref(),
                everyone: everyone.clone(),
            };
            let health = health::after(ended);
            // Only a commit that writes the source's state can be raced; a hundred thousand alerts are not copied for nothing.
            let own = if health.source.is_some() { changes.clone() } else { std::mem::take(&mut changes) };
            match self.commit(&occasion, &claim, slot, ended_at, &found, own, health, version).await {
                Err(StoreError::Raced) => {
                    if let Some(plan) = &found.plan {
                        let (now, again) = self.composed_again(&occasion, plan).await?;
                        (version, changes) = (now, again);
                    }
                }
                done => return done,
            }
        }
        Err(StoreError::Raced)
    }

    /// Those who are told at once by the watchers that read a source.
    fn receivers_of(&self, source: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for watcher in self.watchers().iter().filter(|watcher| watcher.source == source) {
            names.extend(watcher.first_receivers().into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        }
        names
    }

    pub(super) fn occasion<'a>(&'a self, watcher: &'a Watcher, now: DateTime<Utc>, silences: &'a [Silence]) -> Occasion<'a> {
        let calendars = &self.parts().calendars;
        let closed = watcher.active.as_ref().filter(|active| !active.is_open(now, watcher.timezone, calendars));
        let opens_at = closed.and_then(|active| active.next_opening(now, watcher.timezone, calendars));
        Occasion { watcher, now, language: self.parts().language, silences, calendars, opens_at, calls_nobody: &self.inner.calls_nobody }
    }

    /// What follows from a plan by what is known now, and the version of that.
    async fn composed_again(&self, occasion: &Occasion<'_>, plan: &Plan) -> Result<(Option<i64>, Changes), StoreError> {
        let (store, watcher) = (&self.parts().store, occasion.watcher);
        let state = store.state_of(&watcher.name, &watcher.source).await?;
        let stored = store.alerts_of(plan.needs_stored()).await?;
        Ok((state.map(|state| state.version), compose::changes(occasion, plan.clone(), stored)))
    }

    /// What was found, as it is to be written; a result that the guard holds moves nothing.
    async fn found(&self, occasion: &Occasion<'_>, before: &WatcherState, reading: Reading) -> Result<FoundOut, StoreError> {
        let mut found = FoundOut {
            changes: Changes::default(),
            order: Vec::new(),
            failure: None,
            outcome: PollOutcome::Failed,
            rows: reading.rows,
            matched: 0,
            duration: reading.duration,
            state: before.clone(),
            plan: None,
            warnings: reading.warnings,
        };
        let held = |plan: &Plan| held(occasion.watcher, before, plan);
        match reading.result {
            Ok(plan) if held(&plan).is_some() => {
                let message = held(&plan).unwrap_or_default();
                found.failure = Some(Failure { kind: HELD.into(), message });
            }
            Ok(mut plan) => {
                found.order = std::mem::take(&mut plan.order);
                found.matched = plan.matched;
                found.failure = partial(&plan.faults, plan.rows);
                found.outcome = if found.failure.is_some() { PollOutcome::Partial } else { PollOutcome::Ok };
                found.state.shape = plan.shape.clone();
                found.state.last_report = compose::last_report(&plan).or(found.state.last_report);
                found.state.cursor = reading.cursor;
                if plan.repeated_keys > 0 {
                    found.warnings.push(format!("{} keys were returned more than once; each is one alert", plan.repeated_keys));
                }
                self.recall_past(occasion.watcher, &mut plan).await?;
                let stored = self.parts().store.alerts_of(plan.needs_stored()).await?;
                found.plan = occasion.watcher.has_steps().then(|| plan.clone());
                found.changes = compose::changes(occasion, plan, stored);
                found.warnings.append(&mut found.changes.warnings);
            }
            Err(failure) => found.failure = Some(failure),
        }
        Ok(found)
    }

    #[allow(clippy::too_many_arguments)] // each is a different thing that the one commit writes
    async fn commit(
        &self,
        occasion: &Occasion<'_>,
        claim: &Claim,
        slot: Slot,
        ended_at: DateTime<Utc>,
        found: &FoundOut,
        mut changes: Changes,
        health: Health,
        version: Option<i64>,
    ) -> Result<PollReport, StoreError> {
        for own in health.own {
            let opens_at = occasion.opens_at.filter(|_| !own.is_of_source);
            let of_source = own.is_of_source.then(|| of_source(occasion));
            let occasion = Occasion { opens_at, watcher: of_source.as_ref().unwrap_or(occasion.watcher), ..*occasion };
            merge(&mut changes, compose::watcher_event(&occasion, own.kind, own.since, own.polls, &own.error, own.receivers));
        }
        let mut state = health.state;
        if found.outcome != PollOutcome::Failed {
            (state.shape, state.last_report, state.cursor) =
                (found.state.shape.clone(), found.state.last_report.clone(), found.state.cursor.clone());
        }
        let mut warnings = found.warnings.clone();
        warnings.extend(self.illustrate(&mut changes, ended_at).await);
        let trace = self.think(claim, &mut changes, found.outcome != PollOutcome::Failed).await?;
        let record = PollRecord {
            scheduled_at: slot.scheduled_at,
            started_at: occasion.now,
            ended_at,
            duration_ms: u64::try_from(found.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: found.outcome,
            rows: found.rows,
            matched: found.matched,
            missed: slot.missed,
            failure: found.failure.clone(),
            warnings,
        };
        let report = PollReport::new(occasion.watcher, &record, &changes);
        let written = Written::of(claim, &changes, found.order.clone());
        let has_digest = !changes.deferred.is_empty();
        let commit = PollCommit { claim: claim.clone(), record, state, source: health.source, version };
        let committed = self.parts().store.commit_poll(commit, changes).await?;
        self.remember(written);
        self.keep_thoughts(claim, trace.written(&committed.traces));
        if committed.deliveries > 0 {
            self.inner.outbox_changed.notify_waiters();
        }
        if has_digest {
            self.inner.roster_changed.notify_waiters();
        }
        log(&report, &committed);
        Ok(PollReport { poll_id: Some(committed.poll_id), ..report })
    }
}

/// The watcher that found a source dead, or back, under the source's name: it speaks for all that read it.
fn of_source(occasion: &Occasion<'_>) -> Watcher {
    let description = crate::domain::message::of_source(occasion.language, &occasion.watcher.source);
    Watcher { description: Some(description), ..occasion.watcher.clone() }
}

/// What a poll came to, as it is to be written.
struct FoundOut {
    changes: Changes,
    order: Vec<u32>,
    failure: Option<Failure>,
    outcome: PollOutcome,
    rows: u64,
    matched: u64,
    duration: Duration,
    /// The parts of the watcher's state that the reading changes.
    state: WatcherState,
    /// What it was composed of, where that may have to be done again.
    plan: Option<Plan>,
    warnings: Vec<String>,
}

/// Why the guard holds a result. It does not, when a person has released it or when enough polls have found the same.
pub(super) fn held(watcher: &Watcher, before: &WatcherState, plan: &Plan) -> Option<String> {
    let guard = watcher.guard.as_ref().filter(|_| before.baseline_at.is_some() && plan.rekeyed.is_empty())?;
    let why = guard::suspicion(guard, plan.moved)?;
    let is_confirmed = before.released_at.is_some() || before.held_polls.saturating_add(1) >= guard.polls;
    (!is_confirmed).then(|| guard::held(&why, &watcher.name, guard.polls - before.held_polls - 1))
}

/// What a commit changes of the keys of a watcher on a source.
struct Written {
    name: (String, String),
    /// The version before.
    version: i64,
    put: Vec<KnownKey>,
    remove: Vec<Fingerprint>,
    marks: Vec<KeyMark>,
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
            marks: changes.marks.clone(),
            order,
        }
    }
}

/// Why a poll that was read whole is only `partial`.
pub(super) fn partial(faults: &RowFaults, rows: u64) -> Option<Failure> {
    let (_, what, error) = faults.first.as_ref()?;
    let count = faults.count;
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    if *what == "key" {
        let message = format!("{count} of {rows} rows keep their state: {}{hint}", error.message);
        return Some(Failure { kind: "duplicate_key".into(), message });
    }
    let message = format!(
        "{count} of {rows} rows could not be judged and keep their state: `{what}`, character {}: {}{hint}",
        error.span.start + 1,
        error.message
    );
    Some(Failure { kind: "evaluation".into(), message })
}

fn merge(changes: &mut Changes, own: Changes) {
    let first = changes.events.len();
    changes.events.extend(own.events);
    let moved = |at: usize| at + first;
    changes.deferred.extend(own.deferred.into_iter().map(|deferral| compose::Deferral { event: moved(deferral.event), ..deferral }));
    changes.silenced.extend(own.silenced.into_iter().map(|silenced| compose::Silenced { event: moved(silenced.event), ..silenced }));
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
            source: watcher.source.clone(),
            outcome: record.outcome,
            rows: record.rows,
            duration_ms: record.duration_ms,
            poll_id: None,
            events: events.collect(),
            baseline: changes.put.iter().filter(|alert| alert.status == AlertStatus::Seen && alert.told_at.is_none()).count(),
            deliveries: changes.deliveries.len(),
            failure: record.failure.clone(),
            warnings: record.warnings.clone(),
        }
    }

    fn unrecorded(watcher: &Watcher, failure: Failure) -> PollReport {
        PollReport { outcome: PollOutcome::Failed, failure: Some(failure), ..PollReport::skipped(watcher) }
    }

    fn skipped(watcher: &Watcher) -> PollReport {
        PollReport {
            watcher: watcher.name.clone(),
            source: watcher.source.clone(),
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
pub(super) fn in_words(key: &Row) -> String {
    let cells = key.columns().names().iter().enumerate().map(|(at, name)| format!("{name} {}", key.text(at).unwrap_or("NULL".into())));
    cells.collect::<Vec<_>>().join(" · ")
}
