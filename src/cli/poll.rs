//! `rowbell poll`: polls now, for real, and delivers all that waits.

use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::alert::EventKind;
use crate::domain::watcher::Watcher;
use crate::engine::{Engine, PollReport, Slot, Step};
use crate::store::PollOutcome;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before a claim that another process holds is tried again.
const CLAIM_RETRY: TimeDelta = TimeDelta::milliseconds(250);
/// How long to wait at most before the outbox is looked at again.
const OUTBOX_LOOK: TimeDelta = TimeDelta::seconds(1);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watchers to poll [default: all that are valid]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How long the whole may take
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    timeout: Duration,
}

pub(super) async fn poll(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global)?;
    let files = wiring::watcher_files(&settings)?;
    let watchers = wiring::chosen(&files, &options.names)?;
    let store = wiring::store(&settings).await?;
    let lock = store.lock();
    if lock.is_ok() {
        store.take_over().await?;
    }
    let engine = wiring::engine(&settings, store.clone(), Clock::System)?;
    // Whoever is told that a source is dead is told for all its watchers, also those that are not polled now.
    engine.know_watchers(wiring::valid(&files));
    wiring::register_robots(&store, &engine.parts().receivers).await?;
    let deadline = engine.parts().clock.now() + TimeDelta::from_std(options.timeout).unwrap_or(TimeDelta::MAX);
    engine.tell_digests().await;
    let mut well = true;
    let progress = output::progress(watchers.len() as u64, "polling");
    for watcher in watchers {
        progress.set_message(watcher.name.clone());
        let report = poll_one(&engine, watcher, deadline).await;
        well &= report.outcome == PollOutcome::Ok;
        progress.suspend(|| print(global, &report));
        progress.inc(1);
    }
    progress.finish_and_clear();
    engine.tell_due().await;
    let waiting = deliver(&engine, deadline).await?;
    for (receiver, count) in &waiting {
        tell_waiting(global, &engine, receiver, *count).await?;
    }
    store.close().await;
    Ok(well && waiting.is_empty())
}

/// Polls a watcher; while a running service polls it, waits for its turn.
async fn poll_one(engine: &Engine, watcher: Arc<Watcher>, deadline: DateTime<Utc>) -> Arc<PollReport> {
    let clock = &engine.parts().clock;
    loop {
        let slot = Slot { scheduled_at: clock.now(), missed: 0, advances: false };
        let report = engine.poll(watcher.clone(), slot).await;
        if report.outcome != PollOutcome::Skipped || clock.now() >= deadline {
            return report;
        }
        clock.sleep_until(clock.now() + CLAIM_RETRY).await;
    }
}

/// Sends until nothing waits or the time is up; what still waits, per receiver.
async fn deliver(engine: &Engine, deadline: DateTime<Utc>) -> Result<Vec<(String, u64)>, Failed> {
    let parts = engine.parts();
    parts.store.probe_now(parts.clock.now()).await?;
    loop {
        let mut wake = parts.clock.now() + OUTBOX_LOOK;
        let mut hopeless = true;
        for receiver in parts.receivers.keys() {
            let step = loop {
                match engine.deliver_next(receiver).await? {
                    Step::Tried if parts.clock.now() < deadline => {}
                    step => break step,
                }
            };
            if let Step::NotBefore(at) = step {
                wake = wake.min(at);
                hopeless &= at > deadline;
            }
        }
        let waiting = parts.store.waiting().await?;
        if waiting.is_empty() || hopeless || parts.clock.now() >= deadline {
            return Ok(waiting);
        }
        parts.clock.sleep_until(wake.min(deadline)).await;
    }
}

fn print(global: &Global, report: &PollReport) {
    if global.json {
        let events: Vec<_> =
            report.events.iter().map(|(kind, key, severity)| json!({ "event": kind.as_str(), "key": key, "severity": severity })).collect();
        let error = report.failure.as_ref().map(|failure| json!({ "kind": failure.kind, "message": failure.message }));
        output::json(&json!({
            "watcher": report.watcher, "source": report.source, "outcome": report.outcome.as_str(), "rows": report.rows, "duration_ms": report.duration_ms,
            "poll": report.poll_id, "events": events, "baseline": report.baseline, "deliveries": report.deliveries, "warnings": report.warnings, "error": error,
        }));
        return;
    }
    let found = match report.events.len() {
        0 if report.baseline > 0 => format!("baseline: {} rows are known from now on, no one is told of them", report.baseline),
        0 => "nothing new".to_owned(),
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    output::line(&format!(
        "{:<24} {:<8} {:>7} rows {:>6} ms  {found}",
        report.watcher,
        report.outcome.as_str(),
        report.rows,
        report.duration_ms
    ));
    for (kind, key, severity) in &report.events {
        let key = match kind {
            EventKind::WatcherFailed | EventKind::WatcherRecovered => "(the watcher itself)",
            _ if key.is_empty() => "(the whole result)",
            _ => key,
        };
        output::line(&format!("  {kind:<10} {severity:<9} {}", output::plain(key)));
    }
    for warning in &report.warnings {
        output::line(&format!("  warning: {warning}"));
    }
    if let Some(failure) = &report.failure {
        output::line(&format!("  {}: {}", failure.kind, failure.message));
    }
    if report.outcome == PollOutcome::Skipped {
        output::line("  another process polls it all the time");
    }
}

async fn tell_waiting(global: &Global, engine: &Engine, receiver: &str, count: u64) -> Result<(), Failed> {
    let known = engine.parts().receivers.contains_key(receiver);
    let lines = engine.parts().store.deliveries(true, 0).await?;
    let held = lines.iter().filter(|line| line.receiver == receiver).find_map(|line| line.held.clone().or(line.answer.clone()));
    let why = match (known, held) {
        (false, _) => "it is not in the settings; put it back, and they are sent".to_owned(),
        (true, Some(reason)) => reason,
        (true, None) => "its budget of messages a minute is used up".to_owned(),
    };
    if global.json {
        output::json(&json!({ "receiver": receiver, "waiting": count, "reason": why }));
    } else {
        output::line(&format!("{count} deliveries still wait for {receiver}: {why}"));
    }
    Ok(())
}
