//! `rowbell demo`: the whole thing on embedded parts. A sample shop that changes while you watch, its watchers, the service
//! itself, and a DingTalk simulator whose chat can be looked at in the browser. It needs no set-up, no network, and leaves
//! nothing behind but a folder that was asked for.
//!
//! Only two things are not as in `rowbell run`: time is shorter (the watchers poll every two seconds, reports are made every
//! minute, and steps of escalation come thirty times sooner than the files say), and what happens is printed.

mod chats;
mod folder;
mod plan;
mod screen;
mod shop;

use super::{Failed, Global, Outcome, run, wiring};
use crate::clock::Clock;
use crate::config::{Environment, Settings, parse_settings, render_faults};
use crate::domain::schedule::Schedule;
use crate::domain::watcher::{AlertOn, Watcher};
use crate::engine::Engine;
use anyhow::{Context, anyhow};
use chats::Chats;
use chrono::TimeDelta;
use clap::Args;
use folder::Folder;
use plan::Step;
use screen::Screen;
use shop::Shop;
use std::io::{ErrorKind, IsTerminal};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where the service answers, when the port is free.
const WEB_PORT: u16 = 7788;
/// How often each watcher polls.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How often each report is made: it tells at every poll.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// How many times sooner a step of escalation comes: after 15 minutes becomes after 30 seconds.
const SOONER: u32 = 30;
/// How long the end may take: polls in hand, and what still waits to be sent.
const SOFT_STOP: Duration = Duration::from_secs(5);
#[derive(Debug, Args)]
pub(super) struct Options {
    /// End after so many seconds [default: runs until Ctrl-C]
    #[arg(long, value_name = "N")]
    seconds: Option<u32>,
    /// Keep shop, settings, watchers and store in this new folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Run these watchers instead of the shipped ones; the source is `shop`
    #[arg(long, value_name = "DIR")]
    watchers: Option<PathBuf>,
    /// The language of built-in texts of messages and pages
    #[arg(long, default_value = "zh-CN", value_parser = ["zh-CN", "en"], value_name = "LANGUAGE")]
    language: String,
}

pub(super) async fn demo(global: &Global, options: Options) -> Outcome {
    let clock = Clock::System;
    let environment = Environment { variables: Default::default(), ..Environment::of_process() };
    let folder = Folder::create(options.folder.as_deref())?;
    let chats = Chats::new(&options.language);
    let simulator = chats.start(&clock, &environment, folder.path()).await?;
    let web = listen(WEB_PORT).await.context("listening for the service's routes")?;
    let file = folder.write_settings(&chats.receivers(&simulator), &options.language, web.local_addr()?, options.watchers.as_deref())?;
    let settings = parse_settings(&file.path, &file.text, &environment).map_err(|faults| wiring::invalid(&faults))?;

    let today = clock.now().with_timezone(&settings.timezone).date_naive();
    let shop = Shop::create(&folder.path().join("shop.db"), today).await?;
    let watchers = watchers(&settings)?;
    let store = wiring::store(&settings).await?;
    let lock = store.lock()?;
    let engine = wiring::engine(&settings, store.clone(), clock.clone())?;
    wiring::register_robots(&store, &engine.parts().receivers).await?;
    let chat = format!("{}place/1", simulator.page());
    let screen = Screen::new(global.json, options.language == "en", settings.timezone, chat, &folder);
    screen.welcome(&format!("http://{}", web.local_addr()?), watchers.len());

    let outcome = Demo { engine, settings, shop, screen, clock }.play(web, watchers, options.seconds).await;
    store.close().await;
    drop(lock);
    simulator.stop().await;
    folder.remove()?;
    outcome
}

/// The shipped watchers, or those of the folder that was named, each with the demo's interval. Broken ones are told.
fn watchers(settings: &Settings) -> Result<Vec<Arc<Watcher>>, Failed> {
    let files = wiring::watcher_files(settings)?;
    let faults = wiring::faults(&files);
    let mut watchers: Vec<Watcher> = files.into_iter().filter_map(|file| file.watcher.ok()).collect();
    if watchers.is_empty() && !faults.is_empty() {
        return Err(wiring::invalid(&faults));
    }
    if watchers.is_empty() {
        return Err(Failed::Invalid(format!("error: there are no watchers in {}", settings.watchers.display())));
    }
    if !faults.is_empty() {
        eprintln!("{}\nthe other watchers run", render_faults(&faults, std::io::stderr().is_terminal()));
    }
    for watcher in &mut watchers {
        let interval = if matches!(watcher.alert_on, AlertOn::Report { .. }) { REPORT_INTERVAL } else { POLL_INTERVAL };
        watcher.schedule = Schedule::every(interval, &watcher.name);
        for block in &mut watcher.notify {
            block.after = block.after.map(|after| after / SOONER);
        }
    }
    Ok(watchers.into_iter().map(Arc::new).collect())
}

/// A port of this machine: the wanted one, or any when it is taken.
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
        listener => listener,
    }
}

/// Everything that is under way while the demo runs.
struct Demo {
    engine: Engine,
    settings: Settings,
    shop: Shop,
    screen: Screen,
    clock: Clock,
}

impl Demo {
    /// Runs the service's loops and changes the shop, until the time is over or a signal comes.
    async fn play(mut self, web: TcpListener, watchers: Vec<Arc<Watcher>>, seconds: Option<u32>) -> Outcome {
        let mut notices = self.engine.notices();
        let (stop, stopped) = watch::channel(false);
        let mut loops = JoinSet::new();
        self.engine.set_watchers(watchers).await?;
        run::start(&mut loops, &self.engine, &self.settings, web, &stopped)?;
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let began = self.clock.now();
        let end = seconds.map(|seconds| began + TimeDelta::seconds(seconds.into()));
        let mut steps = plan::steps().peekable();
        let ended = loop {
            let next = steps.peek().map(|step| began + TimeDelta::seconds(step.at));
            tokio::select! {
                biased;
                ended = loops.join_next() => break Err(ended),
                _ = interrupt.recv() => break Ok(()),
                _ = terminate.recv() => break Ok(()),
                () = at(&self.clock, end) => break Ok(()),
                notice = notices.recv() => self.screen.notice(notice, self.clock.now()),
                () = at(&self.clock, next) => if let Some(step) = steps.next() { self.step(&step).await? },
            }
        };
        stop.send_replace(true);
        if let Err(ended) = ended {
            return Err(Failed::Run(anyhow!("a loop of the demo ended by itself ({})", run::name_of(ended))));
        }
        self.finish(loops, notices).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Failed> {
        if let Some(change) = &step.change {
            let today = self.clock.now().with_timezone(&self.settings.timezone).date_naive();
            let what = self.shop.apply(change, today).await.context("changing the sample shop")?;
            self.screen.changed(&what, self.clock.now());
        } else {
            self.screen.remind();
        }
        Ok(())
    }

    /// Finishes what is in hand, sends what waits, and sums up.
    async fn finish(mut self, mut loops: JoinSet<&'static str>, mut notices: screen::Notices) -> Outcome {
        let rest = async {
            while loops.join_next().await.is_some() {}
            self.engine.deliver_due().await
        };
        match tokio::time::timeout(SOFT_STOP, rest).await {
            Ok(sent) => sent?,
            Err(_) => tracing::warn!("the demo ends with work in hand"),
        }
        while let Ok(notice) = notices.try_recv() {
            self.screen.notice(Ok(notice), self.clock.now());
        }
        let waiting: u64 = self.engine.parts().store.waiting().await?.iter().map(|(_, count)| count).sum();
        self.screen.goodbye(waiting);
        self.shop.close().await?;
        Ok(true)
    }
}

/// Waits for a time, or for ever.
async fn at(clock: &Clock, time: Option<chrono::DateTime<chrono::Utc>>) {
    match time {
        Some(time) => clock.sleep_until(time).await,
        None => std::future::pending().await,
    }
}
