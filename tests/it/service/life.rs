//! The whole life of a watcher, told as a story of steps and lived twice: once by one engine, and once by engines that
//! die before every poll and again between the poll and the delivery of what it found. Both must tell the same, in the
//! same words, at the same times.

use super::house::House;
use rowbell::domain::alert::Acknowledgement;
use rowbell::notify::dingtalk::simulator::Simulator;
use rowbell::store::HistoryLine;
use std::path::Path;

/// A house whose engine may die at every step.
pub struct Life {
    pub house: House,
    watchers: Vec<(String, String)>,
    dies: bool,
    /// The number of the last event that a step has told.
    last: i64,
    /// Steps so far.
    pub steps: u32,
}

/// Lives a story twice in a plain house.
pub async fn lived(watchers: &[(&str, &str)], story: impl AsyncFn(&mut Life)) {
    lived_with(watchers, |_, _| String::new(), story).await;
}

/// Lives a story twice in a house with more settings.
pub async fn lived_with(watchers: &[(&str, &str)], more: impl Fn(&Simulator, &Path) -> String, story: impl AsyncFn(&mut Life)) {
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
    async fn begin(watchers: &[(&str, &str)], more: impl Fn(&Simulator, &Path) -> String, dies: bool) -> Life {
        let house = House::furnished(watchers, |settings| settings, more).await;
        let watchers = watchers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Life { house, watchers, dies, last: 0, steps: 0 }
    }

    /// The shop changes, time passes, what is due is polled and told; what happened is as expected: `fired a, resolved b`,
    /// or `-` for nothing.
    pub async fn step(&mut self, seconds: i64, sql: &str, expected: &str) {
        if !sql.is_empty() {
            self.house.sql(sql).await;
        }
        let told = self.pass(seconds).await;
        let restarted = if self.dies { ", with a restart" } else { "" };
        assert_eq!(told, expected, "step {}: {seconds} s later, after `{sql}`{restarted}", self.steps);
    }

    /// Time passes, what is due is polled and told; what happened.
    pub async fn pass(&mut self, seconds: i64) -> String {
        let lines = self.events(seconds).await;
        let mut told: Vec<String> = lines.iter().map(|line| format!("{} {}", line.event, key_text(line))).collect();
        if self.house.engine.watchers().len() > 1 {
            // They are polled at the same time, and told in any order.
            told.sort();
        }
        if told.is_empty() { "-".to_owned() } else { told.join(", ") }
    }

    /// The same; what happened as lines of the history, the oldest first.
    pub async fn events(&mut self, seconds: i64) -> Vec<HistoryLine> {
        self.steps += 1;
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

    /// A person takes what fires.
    pub async fn acknowledge(&mut self) {
        let store = &self.house.engine.parts().store;
        let firing = store.alerts(None, 0).await.expect("the alerts are read");
        let events = firing.iter().filter(|alert| alert.acknowledged.is_none()).filter_map(|alert| alert.id).collect();
        let by = Acknowledgement { at: self.house.clock.now(), by: "wang".to_owned(), note: None };
        store.acknowledge(events, by).await.expect("acknowledged");
        self.last = self.house.history().await.first().map_or(0, |line| line.id);
    }

    /// How many keys are known.
    pub async fn known(&self) -> usize {
        let parts = self.house.engine.parts();
        let state = parts.store.watcher_states().await.expect("the watchers are read").remove(0);
        parts.store.known(&state.watcher, &state.source).await.expect("the keys are read").keys().len()
    }

    /// All that was told and said, and what is known at the end. How much was read is left out: how far a cursor reads back
    /// depends on what else its server does.
    async fn record(&self) -> Vec<String> {
        let store = &self.house.engine.parts().store;
        let history = self.house.history().await;
        let alerts = store.alerts(None, 0).await.expect("the alerts are read");
        let polls = store.polls(None, 0).await.expect("the polls are read");
        let mut record: Vec<String> = history.iter().rev().map(unnumbered).collect();
        record.extend(alerts.iter().map(|alert| json(&rowbell::store::AlertLine { id: None, ..alert.clone() })));
        record.extend(polls.iter().map(|poll| {
            let error = poll.error.as_ref().map(|error| error.message.replace(&self.folder(), ""));
            format!("{} {} {} {error:?}", poll.watcher, poll.started_at, poll.outcome)
        }));
        record.extend(self.house.simulator.messages().iter().map(|message| format!("{} {} {}", message.at, message.robot, message.text)));
        if self.house.engine.watchers().len() > 1 {
            record.sort();
        }
        record.iter().map(|line| line.replace(&self.folder(), "")).collect()
    }

    fn folder(&self) -> String {
        self.house.folder.path().display().to_string()
    }
}

/// A line of the history without the numbers, which depend on what else happened at the same time.
fn unnumbered(line: &HistoryLine) -> String {
    let mut line = line.clone();
    (line.id, line.poll) = (0, None);
    line.deliveries.iter_mut().for_each(|delivery| delivery.id = 0);
    json(&line)
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
