//! From settings to parts: what every command that works with the store, the sources or the receivers begins with.

use super::{Failed, Global};
use crate::clock::Clock;
use crate::config::{Environment, Fault, ReceiverSettings, Settings, WatcherFile, load_settings, load_watchers, render_faults};
use crate::domain::watcher::Watcher;
use crate::engine::{Engine, Parts};
use crate::metrics::Metrics;
use crate::notify::dingtalk::{Robot, RobotSettings};
use crate::source::{Source, SourceSettings};
use crate::store::Store;
use anyhow::Context;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

/// Reads the settings, or tells every fault of them.
pub(super) fn settings(global: &Global) -> Result<Settings, Failed> {
    load_settings(global.config.as_deref(), &Environment::of_process()).map_err(|faults| invalid(&faults))
}

/// The faults as a person reads them.
pub(super) fn invalid(faults: &[Fault]) -> Failed {
    Failed::Invalid(render_faults(faults, std::io::stderr().is_terminal()))
}

/// The watcher files, valid or not. A folder that cannot be read is a fault of the settings.
pub(super) fn watcher_files(settings: &Settings) -> Result<Vec<WatcherFile>, Failed> {
    load_watchers(&settings.watchers, settings).map_err(|fault| invalid(&[fault]))
}

/// The valid watchers among the files.
pub(super) fn valid(files: &[WatcherFile]) -> Vec<Arc<Watcher>> {
    files.iter().filter_map(|file| file.watcher.as_ref().ok()).map(|watcher| Arc::new(watcher.clone())).collect()
}

/// The faults of all files together.
pub(super) fn faults(files: &[WatcherFile]) -> Vec<Fault> {
    files.iter().filter_map(|file| file.watcher.as_ref().err()).flatten().cloned().collect()
}

/// Opens the store.
pub(super) async fn store(settings: &Settings) -> Result<Store, Failed> {
    let url = settings.store.url.expose_secret();
    Ok(Store::open(url).await.with_context(|| "opening the store")?)
}

/// Opens every source; none is connected to yet.
pub(super) fn sources(settings: &Settings) -> Result<BTreeMap<String, Arc<Source>>, Failed> {
    let mut sources = BTreeMap::new();
    for (name, source) in &settings.sources {
        let own = SourceSettings {
            name: name.clone(),
            url: source.url.clone(),
            timezone: source.timezone,
            max_connections: source.max_connections,
            query_timeout: source.query_timeout,
            max_rows: source.max_rows,
        };
        let source = Source::open(own).map_err(|error| Failed::Invalid(format!("error: the source `{name}`: {error}")))?;
        sources.insert(name.clone(), Arc::new(source));
    }
    Ok(sources)
}

/// The receivers, ready to send.
pub(super) fn receivers(settings: &Settings) -> Result<BTreeMap<String, Arc<Robot>>, Failed> {
    let mut receivers = BTreeMap::new();
    for (name, receiver) in &settings.receivers {
        let ReceiverSettings::DingtalkRobot { webhook, secret, keyword } = receiver;
        let own = RobotSettings { name: name.clone(), webhook: webhook.clone(), secret: secret.clone(), keyword: keyword.clone() };
        let robot = Robot::new(own).map_err(|error| Failed::Invalid(format!("error: the receiver `{name}`: {error}")))?;
        receivers.insert(name.clone(), Arc::new(robot));
    }
    Ok(receivers)
}

/// The engine of these settings over an opened store.
pub(super) fn engine(settings: &Settings, store: Store, clock: Clock) -> Result<Engine, Failed> {
    let parts = Parts {
        clock,
        store,
        sources: sources(settings)?,
        receivers: receivers(settings)?,
        language: settings.language,
        metrics: Metrics::new(),
        owner: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4()),
    };
    Ok(Engine::new(parts))
}
