//! Plays the past: poll by poll, on a virtual clock.

use super::{Failed, Window, output, wiring};
use crate::config::Settings;
use crate::domain::alert::EventKind;
use crate::domain::backtest::{Load, Tally, Told, loads};
use crate::domain::row::{Columns, Row};
use crate::domain::watcher::Watcher;
use crate::engine::{Engine, NO_TIME, Past, PollReport, Slot};
use crate::source::{Answer, Replay, Source};
use crate::store::{Failure, PollOutcome, Store, StoreError};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After so many polls in a row that fail the database is left alone.
const MOST_FAILURES: u64 = 3;
/// A watcher with more events than this is too noisy for a closer look; it is stopped there.
const MOST_EVENTS: u64 = 200_000;

/// What came of it.
pub(super) struct Played {
    pub name: String,
    /// Polls that were made.
    pub polls: usize,
    /// How often the database was asked.
    pub queries: usize,
    pub failed: u64,
    /// Why the first poll that failed did.
    pub failure: Option<Failure>,
    pub tally: Tally,
    pub loads: Vec<Load>,
    /// Rows of an incremental watcher that carry no time.
    pub without_time: u64,
    /// When it was stopped for its noise.
    pub stopped_at: Option<DateTime<Utc>>,
}

/// Asks the database for each poll.
pub(super) async fn each_poll(engine: Engine, instances: &[Arc<Watcher>], window: &Window) -> Result<Played, Failed> {
    let mut stage = Stage::open(engine, instances, window);
    stage.begin().await?;
    for (at, number) in &window.polls {
        if !stage.poll(*at, *number).await? {
            break;
        }
    }
    let queries = stage.polls + instances.len();
    stage.finish(queries, 0).await
}

/// Asks the database once for each source, and gives the rows back in the polls after their time.
pub(super) async fn once(engine: Engine, settings: &Settings, instances: &[Arc<Watcher>], window: &Window) -> Result<Played, Failed> {
    let mut pasts = Vec::new();
    for instance in instances {
        let past = engine.past(instance, window.since, window.until).await.map_err(|failure| refused(instance, &failure))?;
        pasts.push(past);
    }
    let replays: Vec<Replay> = instances.iter().map(|_| Replay::default()).collect();
    let given = instances.iter().zip(&replays).filter_map(|(instance, replay)| {
        let source = engine.parts().sources.get(&instance.source)?;
        Some((instance.source.clone(), Arc::new(Source::replay(source.settings().clone(), replay.clone()))))
    });
    let given: BTreeMap<String, Arc<Source>> = given.collect();
    let engine = wiring::engine_over(settings, engine.parts().store.clone(), engine.parts().clock.clone(), given)?;
    let mut stage = Stage::open(engine, instances, window);
    for (number, past) in pasts.iter().enumerate() {
        replays[number].give(&instances[number].query, answer(past, &[]));
    }
    stage.begin().await?;
    let mut given = vec![0; instances.len()];
    for (at, number) in &window.polls {
        let past = &pasts[*number];
        let until = past.rows.partition_point(|(time, _)| time <= at);
        replays[*number].give(&instances[*number].query, answer(past, &past.rows[given[*number]..until]));
        given[*number] = until;
        if !stage.poll(*at, *number).await? {
            break;
        }
    }
    stage.finish(instances.len(), pasts.iter().map(|past| past.without_time).sum()).await
}

fn answer(past: &Past, rows: &[(DateTime<Utc>, Row)]) -> Answer {
    let columns: Arc<Columns> = past.columns.clone();
    Answer { columns, rows: rows.iter().map(|(_, row)| row.clone()).collect(), failure: None }
}

fn refused(watcher: &Watcher, failure: &Failure) -> Failed {
    let Failure { kind, message } = failure;
    match kind.as_str() {
        NO_TIME => {
            Failed::Invalid(format!("error: `{}`: {message}: name a column that holds one, or write a query with `:now`", watcher.name))
        }
        _ => Failed::Run(anyhow::anyhow!("the rows of `{}` cannot be read: {kind}: {message}", watcher.name)),
    }
}

/// Everything that a backtest runs on.
struct Stage<'a> {
    engine: Engine,
    instances: &'a [Arc<Watcher>],
    progress: indicatif::ProgressBar,
    polls: usize,
    failed: u64,
    failed_in_a_row: u64,
    failure: Option<Failure>,
    tally: Tally,
    /// The last message of the polls that only found what was there at the beginning.
    last_before: i64,
    stopped_at: Option<DateTime<Utc>>,
}

impl<'a> Stage<'a> {
    fn open(engine: Engine, instances: &'a [Arc<Watcher>], window: &Window) -> Stage<'a> {
        engine.know_watchers(instances.to_vec());
        Stage {
            engine,
            instances,
            progress: output::progress(window.polls.len() as u64, "playing"),
            polls: 0,
            failed: 0,
            failed_in_a_row: 0,
            failure: None,
            tally: Tally::default(),
            last_before: 0,
            stopped_at: None,
        }
    }

    fn store(&self) -> &Store {
        &self.engine.parts().store
    }

    /// The polls at the very beginning find what fired already: they count for nothing.
    async fn begin(&mut self) -> Result<(), Failed> {
        for instance in self.instances {
            let report = self.made(instance).await;
            if let (PollOutcome::Failed, Some(failure)) = (report.outcome, &report.failure) {
                return Err(Failed::Run(anyhow::anyhow!("the poll of `{}` fails: {}: {}", instance.name, failure.kind, failure.message)));
            }
        }
        self.last_before = self.store().deliveries(false, 1).await?.first().map_or(0, |delivery| delivery.id);
        Ok(())
    }

    async fn made(&self, instance: &Arc<Watcher>) -> Arc<PollReport> {
        let slot = Slot { scheduled_at: self.engine.parts().clock.now(), missed: 0, advances: false };
        self.engine.poll(instance.clone(), slot).await
    }

    /// Makes a poll; whether to go on.
    async fn poll(&mut self, at: DateTime<Utc>, number: usize) -> Result<bool, Failed> {
        self.engine.pass_until(at).await;
        let report = self.made(&self.instances[number]).await;
        self.polls += 1;
        self.progress.inc(1);
        for (kind, key, _) in &report.events {
            self.tally.add(key_words(*kind, key), kind.as_str());
        }
        match (&report.failure, report.outcome) {
            (Some(failure), PollOutcome::Failed) if failure.kind != "guard" => {
                (self.failed, self.failed_in_a_row) = (self.failed + 1, self.failed_in_a_row + 1);
                self.failure.get_or_insert_with(|| failure.clone());
            }
            _ => self.failed_in_a_row = 0,
        }
        if self.failed_in_a_row >= MOST_FAILURES {
            let Failure { kind, message } = self.failure.clone().unwrap_or(Failure { kind: String::new(), message: String::new() });
            self.progress.finish_and_clear();
            return Err(Failed::Run(anyhow::anyhow!(
                "{MOST_FAILURES} polls in a row failed, so the database is left alone: {kind}: {message}"
            )));
        }
        if self.tally.total() > MOST_EVENTS {
            self.stopped_at = Some(at);
        }
        Ok(self.stopped_at.is_none())
    }

    async fn finish(self, queries: usize, without_time: u64) -> Result<Played, Failed> {
        self.engine.tell_due().await;
        self.progress.finish_and_clear();
        let told = told(self.store(), self.last_before).await?;
        let parts = self.engine.parts();
        let mut names: Vec<String> = Vec::new();
        for name in self.instances.iter().flat_map(|instance| instance.receivers()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let robot = |name: &String| parts.receivers.get(name).map_or_else(|| name.clone(), |receiver| receiver.terms.robot_names());
        let receivers: Vec<(String, String)> = names.iter().map(|name| (name.clone(), robot(name))).collect();
        Ok(Played {
            name: self.instances.first().map(|instance| instance.name.clone()).unwrap_or_default(),
            polls: self.polls,
            queries,
            failed: self.failed,
            failure: self.failure,
            tally: self.tally,
            loads: loads(&told, &receivers, parts.timezone),
            without_time,
            stopped_at: self.stopped_at,
        })
    }
}

fn key_words(kind: EventKind, key: &str) -> &str {
    match kind {
        EventKind::WatcherFailed | EventKind::WatcherRecovered => "(the watcher itself)",
        _ if key.is_empty() => "(the whole result)",
        _ => key,
    }
}

/// The messages that were made after the beginning.
async fn told(store: &Store, after: i64) -> Result<Vec<Told>, StoreError> {
    let lines = store.deliveries(false, 0).await?;
    let made = lines.iter().filter(|line| line.id > after).filter_map(|line| {
        let at = DateTime::parse_from_rfc3339(&line.created_at).ok()?.to_utc();
        Some(Told { receiver: line.receiver.clone(), at, events: line.events.unsigned_abs() })
    });
    Ok(made.collect())
}
