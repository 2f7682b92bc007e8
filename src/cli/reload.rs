//! Watcher files are picked up while the service runs. A bad file keeps its old version and is told.
//!
//! The folder is looked at, not listened to: that works the same on network mounts and in containers, and costs one
//! listing every two seconds.

use super::wiring;
use crate::config::{Settings, WatcherFile, load_watchers, render_faults};
use crate::domain::watcher::Watcher;
use crate::engine::Engine;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;

/// For how long the folder must be quiet before the alerts of a file that is gone are closed.
const GONE_FOR: TimeDelta = TimeDelta::seconds(15);
/// How often the folder is looked at.
const LOOK: TimeDelta = TimeDelta::seconds(2);

/// Tells the faults of broken files and counts them.
pub(super) fn tell_broken(engine: &Engine, files: &[WatcherFile]) {
    let broken = files.iter().filter(|file| file.watcher.is_err()).count();
    engine.parts().metrics.set_broken_files(broken);
    if broken > 0 {
        tracing::error!(
            "{broken} of {} watcher files are not valid and do not run (or run in their last valid version):\n{}",
            files.len(),
            render_faults(&wiring::faults(files), false)
        );
    }
}

/// Reloads the watchers whenever a file of the folder has changed.
pub(super) async fn watch_files(engine: Engine, settings: Settings, files: Vec<WatcherFile>, mut stopped: watch::Receiver<bool>) {
    let mut running = by_name(wiring::valid(&files));
    let mut seen = look(&settings);
    let mut settled = true;
    let clock = &engine.parts().clock;
    // Files may be away for a moment, or come back one by one: what is gone is closed when the folder has been quiet.
    let mut close_at = Some(clock.now() + GONE_FOR);
    while !*stopped.borrow() {
        tokio::select! {
            () = clock.sleep_until(clock.now() + LOOK) => {}
            _ = stopped.changed() => continue,
        }
        let now = look(&settings);
        // A file that is still being written is read when it has been quiet for one look.
        if now != seen {
            (seen, settled, close_at) = (now, false, Some(clock.now() + GONE_FOR));
        } else if !settled {
            settled = reload(&engine, &settings, &mut running).await;
        } else if close_at.is_some_and(|at| at <= clock.now()) {
            close_at = close_removed(&engine, &settings, &running).await.then(|| clock.now() + GONE_FOR);
        }
    }
}

/// Name, time and size of every file of the folder: what tells that one has changed.
fn look(settings: &Settings) -> Vec<(std::ffi::OsString, Option<SystemTime>, u64)> {
    let Ok(folder) = std::fs::read_dir(&settings.watchers) else { return Vec::new() };
    let is_ours = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "toml" || extension == "sql");
    let mut files: Vec<_> = folder
        .flatten()
        .filter(|entry| is_ours(&entry.path()))
        .filter_map(|entry| std::fs::metadata(entry.path()).ok().map(|meta| (entry.file_name(), meta.modified().ok(), meta.len())))
        .collect();
    files.sort();
    files
}

/// Takes the new versions of valid files, keeps the running ones of broken files; `false` when it must be tried again.
async fn reload(engine: &Engine, settings: &Settings, running: &mut BTreeMap<String, Vec<Arc<Watcher>>>) -> bool {
    let files = match load_watchers(&settings.watchers, settings) {
        Ok(files) => files,
        Err(fault) => {
            tracing::error!("the watchers were not reloaded, the running ones stay:\n{}", fault.render(false));
            return true;
        }
    };
    let mut next: BTreeMap<String, Vec<Arc<Watcher>>> = BTreeMap::new();
    for file in &files {
        let watchers = match &file.watcher {
            Ok(watcher) => Some(watcher.instances().into_iter().map(Arc::new).collect()),
            Err(_) => running.get(&file.name).cloned(),
        };
        if let Some(watchers) = watchers {
            next.insert(file.name.clone(), watchers);
        }
    }
    tell_broken(engine, &files);
    let all: Vec<Arc<Watcher>> = next.values().flatten().cloned().collect();
    match engine.set_watchers(all.clone()).await {
        Ok(()) => {
            tracing::info!(watchers = next.len(), "watchers reloaded");
            *running = next;
            true
        }
        Err(error) => {
            tracing::error!("the watchers were not reloaded, the running ones stay: {error}");
            false
        }
    }
}

fn by_name(watchers: Vec<Arc<Watcher>>) -> BTreeMap<String, Vec<Arc<Watcher>>> {
    let mut map: BTreeMap<String, Vec<Arc<Watcher>>> = BTreeMap::new();
    for watcher in watchers {
        map.entry(watcher.name.clone()).or_default().push(watcher);
    }
    map
}

/// Closes the alerts of watchers whose file is gone; whether it must be tried again.
async fn close_removed(engine: &Engine, settings: &Settings, running: &BTreeMap<String, Vec<Arc<Watcher>>>) -> bool {
    let Ok(files) = load_watchers(&settings.watchers, settings) else { return true };
    let declared = files.iter().map(|file| file.name.clone()).collect();
    let running: Vec<Arc<Watcher>> = running.values().flatten().cloned().collect();
    match engine.close_removed(&declared, &running).await {
        Ok(_) => files.iter().any(|file| file.watcher.is_err()),
        Err(error) => {
            tracing::error!("the alerts of watchers that are gone could not be closed, that is tried again: {error}");
            true
        }
    }
}
