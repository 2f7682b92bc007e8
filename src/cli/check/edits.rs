//! What the edits of the files would do at the next poll: for every watcher that is not what its last completed poll was
//! made by. The queries of those are read, as a preview reads them; nothing is written.
//!
//! Where there is no store yet there is nothing to compare with.

use super::Checked;
use crate::cli::{Failed, output, wiring};
use crate::clock::Clock;
use crate::config::{Fault, Part, Settings, nearest};
use crate::domain::alert::{AlertStatus, Event, EventKind};
use crate::domain::watcher::{AlertOn, Watcher};
use crate::engine::{Engine, HELD, Preview};
use crate::store::{Store, WatcherState};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Keys of each sort that are shown.
const KEYS_SHOWN: usize = 3;

/// What the next poll of an edited watcher would do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Edit {
    /// Keys that would fire or change, or the report.
    fires: usize,
    /// Alerts that would be over.
    resolves: usize,
    /// Alerts that would be closed because the key is another one.
    rekeys: usize,
    /// Rows that would be known from then on, told to no one.
    baseline: usize,
    #[serde(skip)]
    escalates: usize,
    #[serde(skip)]
    pending: usize,
    #[serde(skip)]
    unchanged: usize,
    #[serde(skip)]
    is_new: bool,
    /// Rows of each report.
    #[serde(skip)]
    reported: Vec<u64>,
    #[serde(skip)]
    fired_keys: Vec<String>,
    #[serde(skip)]
    resolved_keys: Vec<String>,
    #[serde(skip)]
    troubles: Vec<String>,
}

/// Looks what has changed since the last polls; `is_whole`: the files are all that the folder has. A store that cannot be
/// read is told, and is no fault of the files.
pub(super) async fn look(checked: &mut [Checked], settings: &Settings, is_whole: bool) {
    let why = match compare(checked, settings, is_whole).await {
        Ok(()) => return,
        Err(Failed::Run(error)) => format!("{error:#}"),
        Err(Failed::Invalid(text)) => text,
    };
    eprintln!("warning: what the edits of the files would do is not known: {why}");
}

async fn compare(checked: &mut [Checked], settings: &Settings, is_whole: bool) -> Result<(), Failed> {
    let url = settings.store.url.expose_secret();
    if !Store::exists(url)? {
        return Ok(());
    }
    let engine = wiring::engine(settings, wiring::store(settings).await?, Clock::System)?;
    let states = engine.parts().store.watcher_states().await?;
    for one in checked.iter_mut() {
        one.former_name(&states);
        if one.faults.is_empty() && one.unreachable.is_empty() {
            one.edit = edit(&engine, one, &states).await;
        }
    }
    tell_closed(&engine, settings, checked, is_whole, &states).await?;
    for source in engine.parts().sources.values() {
        source.close().await;
    }
    engine.parts().store.close().await;
    Ok(())
}

/// What the next poll would do; `None` where the file is what it was.
async fn edit(engine: &Engine, one: &Checked, states: &[WatcherState]) -> Option<Edit> {
    let instances = one.watcher()?.instances();
    let changed: Vec<Watcher> = instances.into_iter().filter(|instance| is_changed(instance, states)).collect();
    if changed.is_empty() {
        return None;
    }
    let mut edit = Edit { is_new: true, ..Edit::default() };
    for instance in changed {
        let shown = if instance.names_source() { format!("on `{}` ", instance.source) } else { String::new() };
        let instance = Arc::new(instance);
        match engine.preview(&instance).await {
            Ok(preview) => edit.add(&instance, &preview),
            Err(failure) => edit.troubles.push(format!("{shown}the poll would fail and change nothing: {}", failure.message)),
        }
    }
    Some(edit)
}

/// The state that a watcher on a source goes on from: its own, else that of its former name.
fn state_of<'s>(watcher: &Watcher, states: &'s [WatcherState]) -> Option<&'s WatcherState> {
    let find =
        |name: &str| states.iter().find(|state| state.watcher == name && state.source == watcher.source && state.baseline_at.is_some());
    find(&watcher.name).or_else(|| watcher.formerly.as_deref().and_then(find))
}

/// Whether what decides on rows is not what it was at the last completed poll.
fn is_changed(watcher: &Watcher, states: &[WatcherState]) -> bool {
    state_of(watcher, states).is_none_or(|state| {
        let is_same = state.revision.as_deref() == Some(&watcher.revision())
            && state.key.as_ref().is_none_or(|key| *key == watcher.key)
            && state.alert_on.as_deref().is_none_or(|word| word == watcher.alert_on.as_str());
        !is_same
    })
}

impl Checked {
    /// A former name under which nothing is known takes nothing over.
    fn former_name(&mut self, states: &[WatcherState]) {
        let (Some(watcher), Some(text)) = (self.file.watcher.as_ref().ok(), &self.text) else { return };
        let Some(formerly) = &watcher.formerly else { return };
        let is_known = |name: &str| states.iter().any(|state| state.watcher == *name && state.baseline_at.is_some());
        if is_known(formerly) || is_known(&watcher.name) {
            return;
        }
        let names: BTreeSet<&str> = states.iter().map(|state| state.watcher.as_str()).filter(|name| is_known(name)).collect();
        let hint = match nearest(formerly, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if names.is_empty() => "nothing has been polled yet".to_owned(),
            None => format!("known are: {}", names.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("nothing is known of a watcher `{formerly}`: there is nothing to take over");
        self.warnings.push(text.fault(Part::Formerly, None, message, Some(hint)));
    }
}

/// Tells of alerts that will be closed because no file reads for them any more.
async fn tell_closed(
    engine: &Engine,
    settings: &Settings,
    checked: &mut [Checked],
    is_whole: bool,
    states: &[WatcherState],
) -> Result<(), Failed> {
    let left_behind: Vec<&WatcherState> = states.iter().filter(|state| is_left_behind(state, checked, is_whole)).collect();
    for state in left_behind {
        let alerts = engine.parts().store.alerts_of_watcher(&state.watcher, &state.source).await?;
        let alerts = match alerts.iter().filter(|alert| alert.status == AlertStatus::Firing).count() {
            0 => continue,
            1 => "its 1 firing alert".to_owned(),
            firing => format!("its {firing} firing alerts"),
        };
        let reader = checked.iter_mut().find(|one| one.file.name == state.watcher);
        match reader.and_then(|one| Some((one.text.as_ref()?, &mut one.warnings))) {
            Some((text, warnings)) => {
                let message = format!("it no longer reads `{}`: {alerts} there will be closed, and no one is told", state.source);
                warnings.push(text.fault(Part::Source, None, message, None));
            }
            None => {
                let message = format!("the file of `{}` is gone: {alerts} will be closed, and no one is told", state.watcher);
                let hint = format!("if it has another name now, write there: formerly = \"{}\"", state.watcher);
                let warning = Fault::of_file(settings.watchers.join(format!("{}.toml", state.watcher)), message, Some(hint));
                eprintln!("{}\n", warning.render_warning(super::is_terminal()));
            }
        }
    }
    Ok(())
}

/// Whether what is known of a watcher on a source is of none that there is now. A broken file is not gone, and an empty
/// folder says nothing: it is more likely that it was not mounted.
fn is_left_behind(state: &WatcherState, checked: &[Checked], is_whole: bool) -> bool {
    let is_adopted = |watcher: &Watcher| watcher.formerly.as_ref() == Some(&state.watcher);
    if checked.iter().filter_map(Checked::watcher).any(is_adopted) {
        return false;
    }
    match checked.iter().find(|one| one.file.name == state.watcher) {
        Some(one) => one.watcher().is_some_and(|watcher| watcher.instances().iter().all(|instance| instance.source != state.source)),
        None => is_whole && !checked.is_empty(),
    }
}

impl Edit {
    fn add(&mut self, watcher: &Watcher, preview: &Preview) {
        let is_rekeyed = |event: &Event| event.fingerprint.is_some_and(|fingerprint| preview.rekeyed.contains(&fingerprint));
        for event in &preview.changes.events {
            match event.kind {
                EventKind::Report => {
                    self.fires += 1;
                    self.reported.push(event.row_count);
                }
                EventKind::Fired | EventKind::Changed => {
                    self.fires += 1;
                    self.fired_keys.push(key_words(event));
                }
                EventKind::Resolved if is_rekeyed(event) => self.rekeys += 1,
                EventKind::Resolved => {
                    self.resolves += 1;
                    self.resolved_keys.push(key_words(event));
                }
                EventKind::Escalated => self.escalates += 1,
                _ => {}
            }
        }
        self.baseline += preview.baseline;
        self.pending += preview.pending.iter().filter(|(_, since)| *since == preview.at).count();
        self.unchanged += preview.unchanged;
        self.is_new &= !preview.has_baseline;
        let failure = preview.failure.as_ref().map(|failure| match failure.kind == HELD {
            true => format!("but the guard would hold that: {}", failure.message),
            false => failure.message.clone(),
        });
        self.troubles.extend(failure);
        let has_late_baseline = preview.has_baseline && preview.baseline > 0 && matches!(watcher.alert_on, AlertOn::New { .. });
        if has_late_baseline {
            self.troubles.push("what it reads counts as known already, as at a first poll".to_owned());
        }
    }

    /// For people: `edited: the next poll would fire 2 (sku A-17, sku B-2) and resolve 1 (sku C-9)`.
    pub fn words(&self) -> String {
        let (what, poll) = if self.is_new { ("new", "first poll") } else { ("edited", "next poll") };
        let mut parts = Vec::new();
        let mut part = |count: usize, text: String| {
            if count > 0 {
                parts.push(text);
            }
        };
        let (reports, fires) = (self.reported.len(), self.fires - self.reported.len());
        let rows = self.reported.iter().sum::<u64>();
        part(reports, format!("send a report of {}", counted(usize::try_from(rows).unwrap_or(usize::MAX))));
        part(fires, format!("fire {fires}{}", shown(&self.fired_keys)));
        part(self.escalates, format!("escalate {}", self.escalates));
        part(self.resolves, format!("resolve {}{}", self.resolves, shown(&self.resolved_keys)));
        part(self.rekeys, format!("close {} of the old key without a message", self.rekeys));
        part(self.pending, format!("hold {} back until `for` has passed", self.pending));
        part(self.baseline, format!("take {} as known and tell no one of them", counted(self.baseline)));
        let goes_on = match self.unchanged {
            0 => String::new(),
            1 => "; 1 alert goes on firing".to_owned(),
            n => format!("; {n} alerts go on firing"),
        };
        let done = match parts.len() {
            0 if self.troubles.is_empty() => format!("{what}: the {poll} would tell nothing{goes_on}"),
            0 => what.to_owned(),
            _ => format!("{what}: the {poll} would {}{goes_on}", parts.join(", ")),
        };
        std::iter::once(done).chain(self.troubles.iter().cloned()).collect::<Vec<_>>().join("; ")
    }
}

fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn key_words(event: &Event) -> String {
    event.key.as_ref().map(|key| output::cells(&key.to_json())).unwrap_or_default()
}

/// ` (sku A-17; sku B-2; …)`, or nothing where there is no key.
fn shown(keys: &[String]) -> String {
    let mut first: Vec<&str> = keys.iter().take(KEYS_SHOWN).map(String::as_str).filter(|key| !key.is_empty()).collect();
    if first.is_empty() {
        return String::new();
    }
    if keys.len() > KEYS_SHOWN {
        first.push("…");
    }
    format!(" ({})", first.join("; "))
}
