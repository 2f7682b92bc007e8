//! The whole life of a watcher, told as a story of steps and lived twice: once by one engine, and once by engines that
//! die before every poll and again between the poll and the delivery of what it found. Both must tell the same, in the
//! same words, at the same times.

use super::house::House;
use rowbell::notify::dingtalk::simulator::Simulator;
use rowbell::store::HistoryLine;
use std::path::{Path, PathBuf};

/// A house whose engine may die at every step.
pub struct Life {
    pub house: House,
    watchers: Vec<(String, String)>,
    dies: bool,
    /// The number of the last event that a step has told.
    last: i64,
}

/// Lives a story twice in a plain house.
pub async fn lived(watchers: &[(&str, &str)], story: impl AsyncFn(&mut Life)) {
    lived_with(watchers, |_| String::new(), story).await;
}

/// Lives a story twice in a house with more settings.
pub async fn lived_with(watchers: &[(&str, &str)], more: impl Fn(&Simulator) -> String, story: impl AsyncFn(&mut Life)) {
    let mut records = Vec::new();
    for dies in [false, true] {
        let mut life = Life::begin(watchers, &more, dies).await;
        story(&mut life).await;
        records.push(life.record().await);
        life.house.close().await;
    }
    let (once, again) = (&records[0], &records[1]);
    for (one, other) in once.iter().zip(again) {
        assert_eq!(one, other, "an engine that died at every step told something else");
    }
    assert_eq!(once.len(), again.len(), "an engine that died at every step told more or less");
}

impl Life {
    async fn begin(watchers: &[(&str, &str)], more: impl Fn(&Simulator) -> String, dies: bool) -> Life {
        let house = House::furnished(watchers, |settings| settings, more).await;
        let watchers = watchers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Life { house, watchers, dies, last: 0 }
    }

    /// The shop changes, time passes, what is due is polled and told; what happened is as expected: `fired a, resolved b`,
    /// or `-` for nothing.
    pub async fn step(&mut self, seconds: i64, sql: &str, expected: &str) {
        if !sql.is_empty() {
            self.house.sql(sql).await;
        }
        let told = self.pass(seconds).await;
        assert_eq!(told, expected, "{} s later, after `{sql}`{}", seconds, if self.dies { ", with a restart" } else { "" });
    }

    /// Time passes, what is due is polled and told; what happened.
    pub async fn pass(&mut self, seconds: i64) -> String {
        let lines = self.events(seconds).await;
        let told: Vec<String> = lines.iter().map(|line| format!("{} {}", line.event, key_text(line))).collect();
        if told.is_empty() { "-".to_owned() } else { told.join(", ") }
    }

    /// The same; what happened as lines of the history, the oldest first.
    pub async fn events(&mut self, seconds: i64) -> Vec<HistoryLine> {
        self.die().await;
        self.house.clock.advance(chrono::TimeDelta::seconds(seconds));
        self.house.engine.tick().await;
        self.die().await;
        self.house.engine.deliver_due().await.expect("the outbox is worked on");
        let mut lines = self.house.history().await;
        lines.retain(|line| line.id > self.last);
        lines.reverse();
        self.last = lines.last().map_or(self.last, |line| line.id);
        lines
    }

    async fn die(&mut self) {
        if self.dies {
            let watchers: Vec<(&str, &str)> = self.watchers.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            self.house.restart(&watchers).await;
        }
    }

    /// The files of the watchers change while the service runs; those of watchers that are gone are closed.
    pub async fn edit(&mut self, watchers: &[(&str, &str)]) {
        self.watchers = watchers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        self.house.set_watchers(watchers).await;
        let declared = watchers.iter().map(|(name, _)| (*name).to_owned()).collect();
        self.house.engine.close_removed(&declared, &self.house.engine.watchers()).await.expect("what is gone is closed");
    }

    /// How the last poll ended, and why it is not `ok`.
    pub async fn outcome(&self) -> String {
        let poll = self.house.last_poll().await;
        poll.error.map_or(poll.outcome.clone(), |error| format!("{} {}", poll.outcome, error.kind))
    }

    /// Changes the store as a person's command does, and has the watchers' alerts read again.
    pub async fn by_hand(&self, statement: &str) {
        let url = format!("sqlite://{}", self.house.folder.path().join("state.db").display());
        let store = sqlx::SqlitePool::connect(&url).await.expect("the store");
        let statements = format!("{statement}; update watcher_state set version = version + 1");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&store).await.expect("the store changes");
        store.close().await;
    }

    /// A person takes what fires.
    pub async fn acknowledge(&self) {
        let at = self.house.clock.now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        self.by_hand(&format!(
            "update alert_state set acknowledged_at = '{at}', acknowledged_by = 'wang' where status = 'firing' and acknowledged_at is null"
        ))
        .await;
    }

    /// How many keys are known.
    pub async fn known(&self) -> usize {
        let parts = self.house.engine.parts();
        let state = parts.store.watcher_states().await.expect("the watchers are read").remove(0);
        parts.store.known(&state.watcher, &state.source).await.expect("the keys are read").keys().len()
    }

    /// All that was told and said, and what is known at the end.
    async fn record(&self) -> Vec<String> {
        let store = &self.house.engine.parts().store;
        let history = self.house.history().await;
        let alerts = store.alerts(None, 0).await.expect("the alerts are read");
        let polls = store.polls(None, 0).await.expect("the polls are read");
        let mut record: Vec<String> = history.iter().rev().map(|line| json(line)).collect();
        record.extend(alerts.iter().map(|alert| json(alert)));
        record.extend(polls.iter().map(|poll| {
            let error = poll.error.as_ref().map(|error| error.message.replace(&self.folder(), ""));
            format!("{} {} {} {} {} {error:?}", poll.watcher, poll.started_at, poll.outcome, poll.rows, poll.matched)
        }));
        record.extend(self.house.simulator.messages().iter().map(|message| format!("{} {} {}", message.at, message.robot, message.text)));
        record.iter().map(|line| line.replace(&self.folder(), "")).collect()
    }

    fn folder(&self) -> String {
        self.house.folder.path().display().to_string()
    }

    /// A file of the house.
    pub fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.folder()).join(name)
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("json")
}

/// The key of an event as `a/1`; `-` for a watcher's own.
fn key_text(line: &HistoryLine) -> String {
    let Some(key) = &line.key else { return "-".to_owned() };
    let cells: Vec<&str> = key.values().map(|value| value.as_str().unwrap_or("NULL")).collect();
    if cells.is_empty() { "all".to_owned() } else { cells.join("/") }
}
