//! `rowbell run`: the wiring of the service, in order.

use super::{Failed, Global, Outcome, reload, wiring};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::delivery::GIVE_UP_AFTER;
use crate::engine::Engine;
use crate::web::{self, WebState};
use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use clap::Args;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// How long polls and attempts in hand may take to finish after the first signal.
const SOFT_STOP: Duration = Duration::from_secs(30);
/// How often what is old is removed from the store.
const JANITOR: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Args)]
pub(super) struct Options {}

pub(super) async fn run(global: &Global, _options: Options) -> Outcome {
    let mut signals = Signals::listen()?;
    let settings = wiring::settings(global)?;
    let store = wiring::store(&settings).await?;
    let lock = store.lock()?;
    store.take_over().await?;
    let engine = wiring::engine(&settings, store.clone(), Clock::System)?;
    wiring::register_robots(&store, &engine.parts().receivers).await?;
    let files = wiring::watcher_files(&settings)?;
    reload::tell_broken(&engine, &files);
    engine.set_watchers(wiring::valid(&files)).await?;
    let listener = TcpListener::bind(settings.web.listen).await.with_context(|| format!("listening on {}", settings.web.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(
        watchers = engine.watchers().len(),
        sources = settings.sources.len(),
        receivers = settings.receivers.len(),
        "rowbell runs; http://{address}/readyz"
    );
    warn_of_unknown_receivers(&engine).await?;

    let (stop, stopped) = watch::channel(false);
    let mut loops = JoinSet::new();
    start(&mut loops, &engine, &settings, listener, &stopped)?;
    loops.spawn(named("reload", reload::watch_files(engine.clone(), settings.clone(), files, stopped.clone())));
    loops.spawn(named("janitor", janitor(engine.clone(), settings.clone(), stopped.clone())));
    tokio::spawn(tell_accounts(engine.clone()));

    let outcome = until_stopped(&mut signals, &mut loops, &stop).await;
    store.close().await;
    drop(lock);
    outcome
}

/// The loops that the service and the demo have: all but those that look after files and what is old.
pub(super) fn start(
    loops: &mut JoinSet<&'static str>,
    engine: &Engine,
    settings: &Settings,
    listener: TcpListener,
    stopped: &watch::Receiver<bool>,
) -> Result<(), Failed> {
    let with = || (engine.clone(), stopped.clone());
    let (scheduler, stop) = with();
    loops.spawn(named("scheduler", async move { scheduler.run_scheduler(stop).await }));
    for name in settings.receivers.keys() {
        let ((deliverer, stop), receiver) = (with(), name.clone());
        loops.spawn(named("deliverer", async move { deliverer.run_deliverer(&receiver, stop).await }));
    }
    if engine.parts().receivers.values().any(|receiver| receiver.app().is_some()) {
        let ((follower, until), (refresher, till)) = (with(), with());
        loops.spawn(named("receipts", async move { follower.run_receipts(until).await }));
        loops.spawn(named("cards", async move { refresher.run_cards(till).await }));
    }
    for conversation in wiring::conversations(settings)? {
        let (hearer, stop) = with();
        loops.spawn(named("conversation", async move { hearer.run_conversation(conversation, stop).await }));
    }
    loops.spawn(named("web", serve(listener, engine.clone(), stopped.clone())));
    Ok(())
}

/// Which loop has ended, or why.
pub(super) fn name_of(ended: Option<Result<&'static str, JoinError>>) -> String {
    ended.map_or_else(|| "every loop".to_owned(), |ended| ended.map_or_else(|error| error.to_string(), str::to_owned))
}

/// The signals that stop the service; listened to from the start, so that an early one is a soft stop too.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Names a loop, so that one that ends too early can be told.
async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.await;
    name
}

/// Runs until a signal, or until a loop dies: half a service must not look like a whole one.
async fn until_stopped(signals: &mut Signals, loops: &mut JoinSet<&'static str>, stop: &watch::Sender<bool>) -> Outcome {
    let died = tokio::select! {
        () = signals.next() => None,
        ended = loops.join_next() => Some(ended),
    };
    stop.send_replace(true);
    if let Some(ended) = died {
        return Err(Failed::Run(anyhow!(
            "a loop of the service ended by itself ({}); the service stops so that it can be started anew",
            name_of(ended)
        )));
    }
    tracing::info!("stopping: polls and deliveries in hand are finished; a second signal stops at once");
    let finish = async { while loops.join_next().await.is_some() {} };
    tokio::select! {
        () = finish => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped at once; what was in hand is taken up at the next start"),
        () = tokio::time::sleep(SOFT_STOP) => tracing::warn!("stopped with work in hand, which is taken up at the next start"),
    }
    Ok(true)
}

async fn serve(listener: TcpListener, engine: Engine, mut stopped: watch::Receiver<bool>) {
    let parts = engine.parts();
    let state = WebState {
        store: parts.store.clone(),
        metrics: parts.metrics.clone(),
        clock: parts.clock.clone(),
        timezone: parts.timezone,
        receivers: parts.receivers.values().map(|receiver| receiver.terms.clone()).collect(),
    };
    let stop = async move {
        // The sender outlives the loops; an error would mean that the service is gone, which is a stop as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, web::router(state)).with_graceful_shutdown(stop).await {
        tracing::error!("the HTTP server failed: {error}");
    }
}

async fn janitor(engine: Engine, settings: Settings, mut stopped: watch::Receiver<bool>) {
    let clock = &engine.parts().clock;
    let retention = TimeDelta::from_std(settings.store.retention).unwrap_or(TimeDelta::MAX);
    while !*stopped.borrow() {
        let now = clock.now();
        if let Some(before) = now.checked_sub_signed(retention) {
            match engine.parts().store.purge(before, now).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(lines = gone, "removed what is older than the retention"),
                Err(error) => tracing::error!("what is old could not be removed: {error}"),
            }
        }
        give_up_orphans(&engine).await;
        tokio::select! {
            () = clock.sleep_until(clock.now() + JANITOR) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// A receiver that was taken out of the settings is not waited for longer than one that refuses.
async fn give_up_orphans(engine: &Engine) {
    let before = engine.parts().clock.now() - TimeDelta::from_std(GIVE_UP_AFTER).unwrap_or(TimeDelta::MAX);
    match engine.parts().store.discard_orphans(engine.parts().receivers.keys().cloned().collect(), before).await {
        Ok(0) => {}
        Ok(count) => {
            tracing::error!("{count} deliveries were given up: their receiver is not in the settings (`rowbell deliveries` shows them)")
        }
        Err(error) => tracing::error!("the outbox cannot be looked through: {error}"),
    }
}

/// Tells at start which accounts can write, and which sources cannot be reached.
async fn tell_accounts(engine: Engine) {
    for (name, source) in &engine.parts().sources {
        match source.account().await {
            Ok(account) => {
                tracing::info!(source.name = name, user = account.user, "connected to {}", account.server);
                for reason in account.can_write.iter().chain(&account.notes) {
                    tracing::warn!(source.name = name, user = account.user, "{reason}");
                }
            }
            Err(error) => tracing::warn!(source.name = name, "the source cannot be reached yet: {error}"),
        }
    }
}

/// Deliveries of a receiver that is gone from the settings would wait without a word.
async fn warn_of_unknown_receivers(engine: &Engine) -> Result<(), Failed> {
    for (receiver, count) in engine.parts().store.waiting().await? {
        if !engine.parts().receivers.contains_key(&receiver) {
            tracing::error!(
                receiver.name = receiver,
                "{count} deliveries wait for a receiver that is not in the settings; put it back, and they are sent"
            );
        }
    }
    Ok(())
}
