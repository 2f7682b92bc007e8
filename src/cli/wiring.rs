//! From settings to parts: what every command that works with the store, the sources or the receivers begins with.

use super::{Failed, Global};
use crate::clock::Clock;
use crate::config::{
    self, Environment, Fault, ReceiverKind, RobotsSettings, Settings, WatcherFile, load_settings, load_watchers, render_faults,
};
use crate::domain::budget::{APP_BUDGET, BUDGET, QuotaKind, RobotTerms, Terms};
use crate::domain::delivery::AppForm;
use crate::domain::watcher::Watcher;
use crate::engine::{Conversation, Engine, Parts};
use crate::metrics::Metrics;
use crate::notify::dingtalk::app::{App, AppSettings};
use crate::notify::dingtalk::stream::{Stream, StreamSettings};
use crate::notify::dingtalk::{Channel, Pool, Receiver, Robot, RobotSettings};
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

/// The settings without sources and receivers, for commands that only look into the store: they need no secret.
pub(super) fn store_settings(global: &Global) -> Result<Settings, Failed> {
    let environment = Environment { store_only: true, ..Environment::of_process() };
    load_settings(global.config.as_deref(), &environment).map_err(|faults| invalid(&faults))
}

/// The settings as far as the tests of watchers need them: language, zone, folders, and the names of sources and receivers.
pub(super) fn test_settings(global: &Global) -> Result<Settings, Failed> {
    let environment = Environment { names_only: true, ..Environment::of_process() };
    load_settings(global.config.as_deref(), &environment).map_err(|faults| invalid(&faults))
}

/// The faults as a person reads them.
pub(super) fn invalid(faults: &[Fault]) -> Failed {
    Failed::Invalid(render_faults(faults, std::io::stderr().is_terminal()))
}

/// The watcher files, valid or not. A folder that cannot be read is a fault of the settings; before there are any
/// settings it is not expected to be there.
pub(super) fn watcher_files(settings: &Settings) -> Result<Vec<WatcherFile>, Failed> {
    if settings.file.is_none() && !settings.watchers.exists() {
        eprintln!("there is no folder `{}` yet: `rowbell new NAME` writes the first watcher", settings.watchers.display());
        return Ok(Vec::new());
    }
    load_watchers(&settings.watchers, settings).map_err(|fault| invalid(&[fault]))
}

/// The valid watchers among the files, one for each source that they read.
pub(super) fn valid(files: &[WatcherFile]) -> Vec<Arc<Watcher>> {
    files.iter().filter_map(|file| file.watcher.as_ref().ok()).flat_map(|watcher| watcher.instances()).map(Arc::new).collect()
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

/// The store of a command that only looks; `None`, and a word about it, when there is none yet.
pub(super) async fn existing_store(settings: &Settings) -> Result<Option<Store>, Failed> {
    if Store::exists(settings.store.url.expose_secret())? {
        return store(settings).await.map(Some);
    }
    eprintln!("nothing has been recorded yet: `rowbell run` or `rowbell poll` begins");
    Ok(None)
}

/// The store as it is. Where there is none yet, an empty one that is thrown away: whoever only looks creates nothing.
pub(super) async fn store_to_read(url: &str) -> Result<(Store, Option<ScratchFile>), Failed> {
    if Store::exists(url)? {
        return Ok((Store::open(url).await?, None));
    }
    scratch_store().await.map(|(store, scratch)| (store, Some(scratch)))
}

/// An empty store that is thrown away.
pub(super) async fn scratch_store() -> Result<(Store, ScratchFile), Failed> {
    let scratch = ScratchFile(std::env::temp_dir().join(format!("rowbell-{}.db", uuid::Uuid::new_v4())));
    let store = Store::open(&format!("sqlite://{}", scratch.0.display())).await?;
    Ok((store, scratch))
}

/// A file that is removed, with what SQLite puts beside it.
pub(super) struct ScratchFile(std::path::PathBuf);

impl Drop for ScratchFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // What is not there needs no removal.
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Opens every source; none is connected to yet.
pub(super) fn sources(settings: &Settings) -> Result<BTreeMap<String, Arc<Source>>, Failed> {
    each(&settings.sources, |name| source(settings, name))
}

/// Opens a source without connecting to it.
fn source(settings: &Settings, name: &str) -> Result<Source, Fault> {
    let source = &settings.sources[name];
    let own = SourceSettings {
        name: name.to_owned(),
        url: source.url.clone(),
        timezone: source.timezone,
        max_connections: source.max_connections,
        query_timeout: source.query_timeout,
        max_rows: source.max_rows,
    };
    Source::open(own).map_err(|error| fault(settings, format!("the source `{name}`: {}", error.message), error.hint))
}

/// The receivers, ready to send.
pub(super) fn receivers(settings: &Settings) -> Result<BTreeMap<String, Arc<Receiver>>, Failed> {
    each(&settings.receivers, |name| receiver(settings, name))
}

fn receiver(settings: &Settings, name: &str) -> Result<Receiver, Fault> {
    let receiver = &settings.receivers[name];
    let (organisation, quotas) = settings.organisation_of(receiver);
    let (channel, robots, quota_kind) = match &receiver.kind {
        ReceiverKind::Robots(own) => pool(settings, name, own)?,
        ReceiverKind::App(own) => app(settings, name, own)?,
    };
    let quota = if quota_kind == QuotaKind::Webhook { quotas.monthly_quota } else { quotas.api_quota };
    let terms = Terms {
        receiver: name.to_owned(),
        robots,
        per_minute: if quota_kind == QuotaKind::Webhook { BUDGET } else { APP_BUDGET },
        organisation,
        quota_kind,
        quota,
        tell: quotas.tell,
        digest: receiver.digest,
        fallback: receiver.fallback.clone(),
    };
    Ok(Receiver { terms, channel })
}

fn app(settings: &Settings, name: &str, own: &config::AppSettings) -> Result<(Channel, Vec<RobotTerms>, QuotaKind), Fault> {
    let app = App::new(AppSettings {
        name: name.to_owned(),
        client_id: own.client_id.clone(),
        client_secret: own.client_secret.clone(),
        robot_code: own.robot_code.clone(),
        users: own.users.clone(),
        mobiles: own.mobiles.clone(),
        conversations: own.conversations.clone(),
        form: own.form,
        card_template: own.card_template.clone(),
        agent_id: own.agent_id,
        api_url: own.api_url.clone(),
        oapi_url: own.oapi_url.clone(),
        public_url: settings.public_url.clone(),
        language: settings.language,
        recall_resolved: own.recall_resolved,
        operators: own.operators.clone(),
    });
    let app = app.map_err(|error| fault(settings, error.to_string(), None))?;
    let terms = vec![RobotTerms { name: app.standing_name(), cap: None }];
    Ok((Channel::App(Box::new(app)), terms, QuotaKind::Api))
}

/// The apps that are talked with: those that send cards, and those that name operators. Receivers with the same Client ID are one.
pub(super) fn conversations(settings: &Settings) -> Result<Vec<Conversation>, Failed> {
    let apps = settings.receivers.iter().filter_map(|(name, receiver)| match &receiver.kind {
        ReceiverKind::App(own) if own.form == AppForm::Card || !own.operators.is_empty() => Some((name, own)),
        _ => None,
    });
    let mut made: BTreeMap<&str, Conversation> = BTreeMap::new();
    for (name, own) in apps {
        if let Some(known) = made.get_mut(own.client_id.as_str()) {
            known.operators.extend(own.operators.iter().cloned());
            continue;
        }
        let stream = Stream::new(StreamSettings {
            name: name.clone(),
            client_id: own.client_id.clone(),
            client_secret: own.client_secret.clone(),
            api_url: own.api_url.clone(),
            oapi_url: own.oapi_url.clone(),
        });
        let stream = stream.map_err(|error| invalid(&[fault(settings, error.to_string(), None)]))?;
        let conversation = Conversation { stream, receiver: name.clone(), operators: own.operators.iter().cloned().collect() };
        made.insert(&own.client_id, conversation);
    }
    Ok(made.into_values().collect())
}

fn pool(settings: &Settings, name: &str, own: &RobotsSettings) -> Result<(Channel, Vec<RobotTerms>, QuotaKind), Fault> {
    let robot = |robot: &crate::config::RobotSettings| {
        let own = RobotSettings {
            name: name.to_owned(),
            webhook: robot.webhook.clone(),
            secret: robot.secret.clone(),
            keyword: robot.keyword.clone(),
        };
        Robot::new(own).map_err(|error| fault(settings, error.to_string(), None))
    };
    let robots: Vec<Robot> = own.robots.iter().map(robot).collect::<Result<_, _>>()?;
    let terms: Vec<RobotTerms> =
        robots.iter().map(|robot| RobotTerms { name: robot.fingerprint().to_owned(), cap: own.monthly_cap }).collect();
    if let Some(twice) = (1..terms.len()).find(|at| terms[..*at].contains(&terms[*at])) {
        let message = format!("robot {} of [receivers.{name}] stands twice in `robots`: it has the token of another", twice + 1);
        return Err(fault(settings, message, Some("write the webhook of another robot, or remove it".to_owned())));
    }
    Ok((Channel::Robots(Pool::new(robots)), terms, QuotaKind::Webhook))
}

/// Makes each of a table; all that cannot be made are told at once.
fn each<S, T>(table: &BTreeMap<String, S>, make: impl Fn(&str) -> Result<T, Fault>) -> Result<BTreeMap<String, Arc<T>>, Failed> {
    let (mut made, mut faults) = (BTreeMap::new(), Vec::new());
    for name in table.keys() {
        match make(name) {
            Ok(one) => _ = made.insert(name.clone(), Arc::new(one)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(made) } else { Err(invalid(&faults)) }
}

fn fault(settings: &Settings, message: String, hint: Option<String>) -> Fault {
    Fault::of_file(settings.file.clone().unwrap_or_else(|| "rowbell.toml".into()), message, hint)
}

/// Tells the store which robots are behind the receivers.
pub(super) async fn register_robots(store: &Store, receivers: &BTreeMap<String, Arc<Receiver>>) -> Result<(), Failed> {
    Ok(store.register_robots(receivers.values().map(|receiver| receiver.terms.clone()).collect()).await?)
}

/// The engine of these settings over an opened store.
pub(super) fn engine(settings: &Settings, store: Store, clock: Clock) -> Result<Engine, Failed> {
    engine_over(settings, store, clock, sources(settings)?)
}

/// The same over other sources.
pub(super) fn engine_over(
    settings: &Settings,
    store: Store,
    clock: Clock,
    sources: BTreeMap<String, Arc<Source>>,
) -> Result<Engine, Failed> {
    let parts = Parts {
        clock,
        store,
        sources,
        receivers: receivers(settings)?,
        calendars: settings.calendars.clone(),
        language: settings.language,
        timezone: settings.timezone,
        public_url: settings.public_url.clone(),
        metrics: Metrics::new(),
        owner: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4()),
    };
    Ok(Engine::new(parts))
}

/// The watchers that were named, or all valid ones. A named one that is broken or does not exist is an error; the state
/// of other files does not matter.
pub(super) fn chosen(files: &[WatcherFile], names: &[String]) -> Result<Vec<Arc<Watcher>>, Failed> {
    if names.is_empty() {
        let broken = faults(files);
        if !broken.is_empty() {
            eprintln!("{}\nthe other watchers are polled", render_faults(&broken, std::io::stderr().is_terminal()));
        }
        return Ok(valid(files));
    }
    let mut watchers = Vec::new();
    for name in names {
        let file = files.iter().find(|file| file.name == *name).ok_or_else(|| no_such_watcher(files, name))?;
        let watcher = file.watcher.clone().map_err(|faults| invalid(&faults))?;
        watchers.extend(watcher.instances().into_iter().map(Arc::new));
    }
    Ok(watchers)
}

pub(super) fn no_such_watcher(files: &[WatcherFile], name: &str) -> Failed {
    let nearest = files.iter().map(|file| (strsim::jaro_winkler(&file.name, name), &file.name)).max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match nearest {
        Some((likeness, nearest)) if likeness > 0.7 => format!("did you mean `{nearest}`?"),
        _ if files.is_empty() => "there are no watchers yet: `rowbell new NAME` writes one".to_owned(),
        _ => format!("there are: {}", files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    Failed::Invalid(format!("error: there is no watcher `{name}`; {hint}"))
}
