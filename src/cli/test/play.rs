//! Runs a test: the engine itself, on a store of its own, with sources that answer what the test says and a clock that
//! moves from poll to poll. What the polls come to is read from the store, as every other command reads it.

use crate::cli::Failed;
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::watcher_test::{TestPoll, TestRead, TestRows, WatcherTest, WatcherTests};
use crate::domain::alert::{Acknowledgement, AlertStatus, EventKind, Severity};
use crate::domain::message::Message;
use crate::domain::row::{Fingerprint, KeyColumns};
use crate::domain::silence::Silence;
use crate::domain::watcher::{AlertOn, Expect, Mention, Watcher};
use crate::engine::{Engine, Parts, PollReport, Slot};
use crate::metrics::Metrics;
use crate::source::{Answer, Replay, Source, SourceErrorKind, SourceSettings};
use crate::store::{HistoryLine, HistoryQuery, Object, Store};
use anyhow::Context;
use chrono::TimeDelta;
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The limits of a source that no settings are read of.
const MAX_ROWS: u64 = 100_000;
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Whoever acknowledges and silences in a test.
const PERSON: &str = "tester";

/// What a poll came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub events: Vec<SeenEvent>,
    pub firing: Vec<String>,
    pub pending: Vec<String>,
    /// By receiver, in the order in which they were made.
    pub messages: Vec<(String, SeenMessage)>,
    /// What is wrong with the poll, but for what the test itself has fail.
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
    /// Keys, and why no one is told of them.
    pub thoughts: Vec<(String, String)>,
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct SeenEvent {
    pub kind: EventKind,
    /// The texts of its columns, separated by `/`; empty for an event without a key.
    pub key: String,
    pub severity: Severity,
    pub receivers: Vec<String>,
    pub reason: String,
}

/// A message as its receiver gets it, but for what its robot adds.
#[derive(Clone, Debug)]
pub(super) struct SeenMessage {
    pub title: String,
    pub text: String,
    pub mentions: Vec<String>,
}

/// Runs a test; what each of its polls came to.
pub(super) async fn play(tests: &WatcherTests, test: &WatcherTest, settings: &Settings) -> Result<Vec<Seen>, Failed> {
    let mut stage = Stage::open(tests, test, settings).await?;
    let mut seen = Vec::new();
    for poll in &test.polls {
        seen.push(stage.poll(poll).await?);
    }
    stage.engine.parts().store.close().await;
    Ok(seen)
}

/// Everything that a test runs on.
struct Stage<'a> {
    tests: &'a WatcherTests,
    settings: &'a Settings,
    clock: Clock,
    watchers: Vec<Arc<Watcher>>,
    replays: BTreeMap<String, Replay>,
    engine: Engine,
    folder: ScratchFolder,
    /// The number of the last event that has been seen, and of the last message.
    last_event: i64,
    last_message: i64,
}

impl<'a> Stage<'a> {
    async fn open(tests: &'a WatcherTests, test: &WatcherTest, settings: &'a Settings) -> Result<Stage<'a>, Failed> {
        let folder = ScratchFolder::create()?;
        let clock = Clock::at(test.start);
        let watchers: Vec<Arc<Watcher>> = tests.watcher.instances().into_iter().map(Arc::new).collect();
        let replays = watchers.iter().map(|watcher| (watcher.source.clone(), Replay::default())).collect();
        let engine = engine(tests, settings, &clock, &replays, &folder).await?;
        engine.know_watchers(watchers.clone());
        Ok(Stage { tests, settings, clock, watchers, replays, engine, folder, last_event: 0, last_message: 0 })
    }

    /// Makes a poll of every source, at its time.
    async fn poll(&mut self, poll: &TestPoll) -> Result<Seen, Failed> {
        self.engine.pass_until(poll.at).await;
        if poll.restart {
            self.restart().await?;
        }
        let mut seen = Seen::default();
        self.act(poll, &mut seen).await?;
        for watcher in self.watchers.clone() {
            let Some(read) = poll.reads.get(&watcher.source) else { continue };
            self.answer(&watcher, read);
            let slot = Slot { scheduled_at: poll.at, missed: 0, advances: true };
            let report = self.engine.poll(watcher.clone(), slot).await;
            seen.take(&report, read, self.watchers.len() > 1)?;
        }
        self.engine.tell_due().await;
        self.look(poll, &mut seen).await?;
        Ok(seen)
    }

    /// The program ends and a new one takes up what it left in the store.
    async fn restart(&mut self) -> Result<(), Failed> {
        self.engine.parts().store.close().await;
        self.engine = engine(self.tests, self.settings, &self.clock, &self.replays, &self.folder).await?;
        self.engine.parts().store.take_over().await?;
        self.engine.know_watchers(self.watchers.clone());
        Ok(())
    }

    /// What people do before a poll, by what their commands do.
    async fn act(&self, poll: &TestPoll, seen: &mut Seen) -> Result<(), Failed> {
        let (store, now, watcher) = (&self.engine.parts().store, self.clock.now(), &self.tests.watcher.name);
        if poll.release {
            store.release_held(watcher, now).await?;
        }
        if let Some(length) = poll.silence.and_then(|length| TimeDelta::from_std(length).ok()) {
            let silence = Silence {
                id: 0,
                author: PERSON.to_owned(),
                reason: "a test".to_owned(),
                watcher: Some(watcher.clone()),
                key: Vec::new(),
                severity: None,
                receiver: None,
                starts_at: now,
                ends_at: now + length,
            };
            store.add_silence(silence, now).await?;
        }
        if poll.ack.is_empty() {
            return Ok(());
        }
        let alerts = store.alerts(Some(watcher), 0).await?;
        for key in &poll.ack {
            let found = alerts.iter().find(|alert| alert.id.is_some() && named(&alert.key) == *key).and_then(|alert| alert.id);
            let Some(id) = found else {
                seen.errors.push(format!("ack: `{key}` does not fire"));
                continue;
            };
            store.acknowledge(vec![id], Acknowledgement { at: now, by: PERSON.to_owned(), note: None }).await?;
        }
        Ok(())
    }

    fn answer(&self, watcher: &Watcher, read: &TestRead) {
        let Some(replay) = self.replays.get(&watcher.source) else { return };
        let kind = |word: &str| SourceErrorKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        let failure = read.failure.as_ref().and_then(|(word, message)| Some((kind(word)?, message.clone())));
        let answer = |rows: &TestRows| Answer { columns: rows.columns.clone(), rows: rows.rows.clone(), failure: None };
        replay.give(&watcher.query, Answer { failure, ..answer(&read.rows) });
        if let (AlertOn::Missing { expect: Expect::Query(query) }, Some(rows)) = (&watcher.alert_on, &read.expect_rows) {
            replay.give(query, answer(rows));
        }
    }

    /// Reads what is in the store now and was not before.
    async fn look(&mut self, poll: &TestPoll, seen: &mut Seen) -> Result<(), Failed> {
        let store = &self.engine.parts().store;
        let mut lines = store.history(HistoryQuery { limit: 0, ..HistoryQuery::default() }).await?;
        lines.retain(|line| line.id > self.last_event);
        lines.reverse();
        self.last_event = lines.last().map_or(self.last_event, |line| line.id);
        seen.events = lines.iter().map(SeenEvent::of).collect();
        for queued in store.messages_after(self.last_message).await? {
            self.last_message = queued.id;
            seen.messages.push((queued.receiver, SeenMessage::of(&queued.message)));
        }
        let mut keys: HashMap<Fingerprint, String> = HashMap::new();
        for watcher in &self.watchers {
            for alert in store.alerts_of_watcher(&watcher.name, &watcher.source).await? {
                let key = named(&alert.key.to_json());
                keys.insert(alert.fingerprint, key.clone());
                match alert.status {
                    AlertStatus::Firing => seen.firing.push(key),
                    AlertStatus::Pending => seen.pending.push(key),
                    AlertStatus::Seen => {}
                }
            }
        }
        seen.thoughts = self.thoughts(poll, keys).await?;
        Ok(())
    }

    /// What the poll thought of keys without telling anyone: what `rowbell explain` tells. `keys` has those of alerts.
    async fn thoughts(&self, poll: &TestPoll, mut keys: HashMap<Fingerprint, String>) -> Result<Vec<(String, String)>, Failed> {
        let mut thoughts = Vec::new();
        for watcher in &self.watchers {
            let rows = poll.reads.get(&watcher.source).map(|read| &read.rows);
            let columns = rows.and_then(|rows| KeyColumns::of_watcher(watcher, &watcher.name, &watcher.key, &rows.columns).ok());
            if let (Some(rows), Some(columns)) = (rows, columns) {
                keys.extend(rows.rows.iter().map(|row| (columns.fingerprint(row), named(&columns.key_of(row).to_json()))));
            }
            let traces = self.engine.parts().store.lasting_traces(&watcher.name, &watcher.source).await?;
            thoughts.extend(traces.into_iter().filter_map(|(_, fingerprint, _, text)| Some((keys.get(&fingerprint)?.clone(), text))));
        }
        Ok(thoughts)
    }
}

impl Seen {
    /// Takes what a poll reports of itself.
    fn take(&mut self, report: &PollReport, read: &TestRead, names_source: bool) -> Result<(), Failed> {
        let of_source = |text: &str| if names_source { format!("{}: {text}", report.source) } else { text.to_owned() };
        if let (None, Some(failure)) = (report.poll_id, &report.failure) {
            return Err(Failed::Run(anyhow::anyhow!("a poll of `{}` could not be recorded: {}", report.watcher, failure.message)));
        }
        if let (None, Some(failure)) = (&read.failure, &report.failure) {
            self.errors.push(of_source(&format!("{}: {}", failure.kind, failure.message)));
        }
        self.warnings.extend(report.warnings.iter().map(|warning| of_source(warning)));
        Ok(())
    }
}

impl SeenEvent {
    fn of(line: &HistoryLine) -> SeenEvent {
        SeenEvent {
            kind: line.event.parse().unwrap_or(EventKind::Fired),
            key: line.key.as_ref().map(joined).unwrap_or_default(),
            severity: line.severity.parse().unwrap_or_default(),
            receivers: line.deliveries.iter().map(|delivery| delivery.receiver.clone()).collect(),
            reason: line.reason.clone(),
        }
    }
}

impl SeenMessage {
    fn of(message: &Message) -> SeenMessage {
        let mention = |mention: &Mention| match mention {
            Mention::Mobile(number) => number.clone(),
            Mention::User(user) => user.clone(),
            Mention::All => "all".to_owned(),
        };
        // What a test expects does not hang on a picture, nor on whether there can be one.
        let text = Message { chart: None, ..message.clone() }.text();
        SeenMessage { title: message.title.clone(), text, mentions: message.mentions.iter().map(mention).collect() }
    }
}

/// The key columns as one text.
fn joined(key: &Object) -> String {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "NULL".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    key.values().map(text).collect::<Vec<_>>().join("/")
}

/// The key of an alert; that of a watcher without a key is `*`.
fn named(key: &Object) -> String {
    if key.is_empty() { "*".to_owned() } else { joined(key) }
}

async fn engine(
    tests: &WatcherTests,
    settings: &Settings,
    clock: &Clock,
    replays: &BTreeMap<String, Replay>,
    folder: &ScratchFolder,
) -> Result<Engine, Failed> {
    let source = |(name, replay): (&String, &Replay)| {
        let url =
            settings.sources.get(name).map_or_else(|| SecretString::from("postgres://localhost/nowhere"), |source| source.url.clone());
        let own = SourceSettings {
            name: name.clone(),
            url,
            timezone: tests.watcher.timezone,
            max_connections: 1,
            query_timeout: QUERY_TIMEOUT,
            max_rows: MAX_ROWS,
        };
        (name.clone(), Arc::new(Source::replay(own, replay.clone())))
    };
    Ok(Engine::new(Parts {
        clock: clock.clone(),
        store: Store::open(&folder.store_url()).await.context("opening the store of a test")?,
        sources: replays.iter().map(source).collect(),
        receivers: BTreeMap::new(),
        calendars: settings.calendars.clone(),
        language: tests.language,
        timezone: tests.timezone,
        public_url: None,
        metrics: Metrics::new(),
        owner: "test".to_owned(),
    }))
}

/// The folder of a test's store; it is removed when the test is over.
struct ScratchFolder(PathBuf);

impl ScratchFolder {
    fn create() -> Result<ScratchFolder, Failed> {
        let path = std::env::temp_dir().join(format!("rowbell-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).with_context(|| format!("creating the folder {} for the store of a test", path.display()))?;
        Ok(ScratchFolder(path))
    }

    fn store_url(&self) -> String {
        format!("sqlite://{}/store.db", self.0.display())
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("the folder {} of a test could not be removed: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::watcher_test::FAILURES;

    #[test]
    fn every_way_to_fail_that_a_file_may_name_is_one_of_a_source() {
        let words: Vec<&str> = SourceErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(FAILURES.to_vec(), words);
    }
}
