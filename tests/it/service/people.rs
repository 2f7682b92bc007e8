//! What people do, over the whole life of an alert and under the virtual clock: silences and who takes an alert. Each life
//! is lived twice: by one process, and by one that dies after every step.

use super::house::{House, duty, low_stock, start_time};
use chrono::{DateTime, TimeDelta, Utc};
use rowbell::domain::alert::{Acknowledgement, Severity};
use rowbell::domain::silence::Silence;
use rowbell::store::{Acked, Store};

/// A house whose service may die after every step.
struct Life {
    house: House,
    watchers: Vec<(&'static str, String)>,
    dies: bool,
}

impl Life {
    async fn new(dies: bool, watchers: &[(&'static str, String)]) -> Life {
        let files: Vec<(&str, &str)> = watchers.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Life {
            house: House::furnished(&files, |settings| settings, |simulator, _| duty(simulator)).await,
            watchers: watchers.to_vec(),
            dies,
        }
    }

    fn store(&self) -> &Store {
        &self.house.engine.parts().store
    }

    fn now(&self) -> DateTime<Utc> {
        self.house.clock.now()
    }

    async fn sql(&self, statement: &str) {
        self.house.sql(statement).await;
    }

    /// So many seconds pass, what is due is done, and what receivers got of it is told: `robot: title`.
    async fn step(&mut self, seconds: i64) -> Vec<String> {
        let before = self.house.simulator.messages().len();
        self.house.step(seconds).await;
        let told: Vec<String> =
            self.house.simulator.messages()[before..].iter().map(|message| format!("{}: {}", message.robot, message.title)).collect();
        if self.dies {
            self.restart().await;
        }
        told
    }

    async fn restart(&mut self) {
        let files: Vec<(&str, &str)> = self.watchers.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.house.restart(&files).await;
    }

    /// The text of the last message.
    fn last_text(&self) -> String {
        self.house.simulator.messages().pop().expect("a message").text
    }

    async fn silence(&self, seconds: i64, change: impl FnOnce(Silence) -> Silence) -> i64 {
        let whole = Silence {
            id: 0,
            author: "wang".into(),
            reason: "stocktaking".into(),
            watcher: None,
            key: Vec::new(),
            severity: None,
            receiver: None,
            starts_at: self.now(),
            ends_at: self.now() + TimeDelta::seconds(seconds),
        };
        self.store().add_silence(change(whole), self.now()).await.expect("written")
    }

    async fn ack(&self, event: i64) -> Acked {
        let by = Acknowledgement { at: self.now(), by: "wang".into(), note: None };
        self.store().acknowledge(vec![event], by).await.expect("an answer").remove(0).1
    }

    /// The number of the last event of a key.
    async fn event_of(&self, key: &str) -> i64 {
        let history = self.house.history().await;
        history.iter().find(|line| line.key.as_ref().is_some_and(|columns| columns["sku"] == key)).expect("an event").id
    }

    async fn owner_of(&self, key: &str) -> Option<String> {
        let alerts = self.store().alerts(None, 0).await.expect("alerts");
        alerts.into_iter().find(|line| line.key["sku"] == key).expect("it fires").acknowledged.map(|taken| taken.by)
    }

    async fn close(self) {
        self.house.close().await;
    }
}

/// Products with less than ten are told to both receivers; those with none are critical.
fn both(more: &str) -> String {
    let severity = "severity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]\n";
    low_stock(&format!("{severity}{more}")).replace("[\"warehouse\"]", "[\"warehouse\", \"duty\"]")
}

fn one(more: &str) -> String {
    both(more).replace(", \"duty\"", "")
}

#[tokio::test]
async fn a_silence_covers_what_all_of_it_names_and_only_that() {
    type Change = fn(Silence) -> Silence;
    let cases: [(&str, Change, &[&str]); 6] = [
        ("everything", |all| all, &["low a -", "low b -", "other a -", "other b -"]),
        (
            "a watcher",
            |all| Silence { watcher: Some("l?w".into()), ..all },
            &["low a -", "low b -", "other a duty warehouse", "other b duty warehouse"],
        ),
        (
            "a key",
            |all| Silence { key: vec![("sku".into(), "A*".to_lowercase())], ..all },
            &["low a -", "low b duty warehouse", "other a -", "other b duty warehouse"],
        ),
        (
            "a severity",
            |all| Silence { severity: Some(Severity::Critical), ..all },
            &["low a duty warehouse", "low b -", "other a duty warehouse", "other b -"],
        ),
        (
            "a receiver",
            |all| Silence { receiver: Some("duty".into()), ..all },
            &["low a warehouse", "low b warehouse", "other a warehouse", "other b warehouse"],
        ),
        (
            "all of them",
            |all| Silence {
                watcher: Some("low".into()),
                key: vec![("sku".into(), "b".into())],
                severity: Some(Severity::Critical),
                receiver: Some("duty".into()),
                ..all
            },
            &["low a duty warehouse", "low b warehouse", "other a duty warehouse", "other b duty warehouse"],
        ),
    ];
    for (what, change, expected) in cases {
        let mut life = Life::new(false, &[("low", both("")), ("other", both(""))]).await;
        life.silence(3_600, change).await;
        life.sql("insert into stock values ('a', 3, '1'), ('b', 0, '1')").await;
        life.step(0).await;
        let mut told = Vec::new();
        for line in life.house.history().await {
            let mut receivers: Vec<String> = line.deliveries.iter().map(|delivery| delivery.receiver.clone()).collect();
            receivers.sort();
            assert_eq!(line.silenced, receivers.is_empty(), "{what}: {line:?}");
            let kept = ["duty", "warehouse"].iter().filter(|name| !receivers.iter().any(|receiver| receiver == *name));
            for name in kept {
                assert!(line.reason.contains(&format!("{name} is not told: silence #1 by wang: stocktaking")), "{what}: {}", line.reason);
            }
            let receivers = if receivers.is_empty() { "-".to_owned() } else { receivers.join(" ") };
            told.push(format!("{} {} {receivers}", line.watcher, line.key.expect("a key")["sku"].as_str().expect("text")));
        }
        told.sort();
        assert_eq!(told, expected, "{what}");
        life.close().await;
    }
}

#[tokio::test]
async fn at_the_end_one_summary_tells_what_still_fires_and_what_was_told_before_and_is_over() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(""))]).await;
        life.sql("insert into stock values ('before', 3, '1'), ('stays', 3, '1')").await;
        assert_eq!(life.step(0).await.len(), 1);
        life.silence(600, |all| all).await;
        life.sql("insert into stock values ('fires', 3, '1'), ('came and went', 3, '1')").await;
        assert!(life.step(60).await.is_empty());
        life.sql("delete from stock where sku in ('before', 'came and went'); update stock set qty = 1 where sku = 'fires'").await;
        assert!(life.step(60).await.is_empty());
        assert!(life.step(479).await.is_empty(), "a second before the end");
        assert_eq!(life.step(1).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing · 1 resolved"]);
        let text = life.last_text();
        assert!(text.contains("fires** · qty 1 · price 1 · since 11-23 09:31"), "as it is now, since it fired: {text}");
        assert!(text.contains("before** · qty 3 · price 1 · over at 11-23 09:32"), "{text}");
        assert!(!text.contains("came and went") && !text.contains("stays"), "{text}");
        assert!(life.step(600).await.is_empty(), "once");
        life.sql("delete from stock").await;
        assert_eq!(life.step(60).await, ["warehouse: 🟢 low: 2 resolved"], "whoever was told by the summary is told the end");
        let told = life.house.told().await;
        let events = [
            "fired before",
            "fired stays",
            "fired came and went",
            "fired fires",
            "resolved before",
            "resolved came and went",
            "resolved stays",
            "resolved fires",
        ];
        assert_eq!(told, events);
        life.close().await;
    }
}

#[tokio::test]
async fn nothing_is_told_at_the_end_when_nothing_is_left() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", both(""))]).await;
        life.step(0).await;
        let id = life.silence(600, |all| all).await;
        life.sql("insert into stock values ('a', 0, '1')").await;
        life.step(60).await;
        life.sql("delete from stock").await;
        life.step(60).await;
        for _ in 0..3 {
            assert!(life.step(300).await.is_empty());
        }
        assert_eq!(life.house.told().await, ["fired a", "resolved a"]);
        assert!(life.store().open_silences().await.expect("silences").is_empty(), "its end was seen to");
        assert_eq!(life.store().silences(true, life.now(), 0).await.expect("silences")[0].id, id);
        life.close().await;
    }
}

#[tokio::test]
async fn what_a_longer_silence_still_covers_is_told_at_its_end() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(""))]).await;
        life.step(0).await;
        life.silence(300, |all| all).await;
        life.silence(600, |all| Silence { key: vec![("sku".into(), "a*".into())], reason: "delivery".into(), ..all }).await;
        life.sql("insert into stock values ('a1', 3, '1'), ('a2', 3, '1'), ('b', 3, '1')").await;
        assert!(life.step(60).await.is_empty());
        assert_eq!(life.step(240).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("sku b"), "{}", life.last_text());
        life.sql("delete from stock where sku = 'a2'").await;
        assert!(life.step(60).await.is_empty(), "it began in the first and ended in the second");
        assert_eq!(life.step(240).await, ["warehouse: 🟠 The silence has ended (delivery): 1 still firing"]);
        assert!(life.last_text().contains("sku a1"), "{}", life.last_text());
        assert!(life.step(300).await.is_empty());
        life.close().await;
    }
}

#[tokio::test]
async fn a_silence_that_a_person_ends_is_told_at_the_next_look_and_one_that_is_to_come_does_nothing_before() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(""))]).await;
        let id = life.silence(3_600, |all| all).await;
        life.sql("insert into stock values ('a', 3, '1')").await;
        assert!(life.step(0).await.is_empty());
        let later = life.now() + TimeDelta::seconds(600);
        let to_come = life.silence(3_600, |all| Silence { starts_at: later, ..all }).await;
        life.store().end_silences(vec![id], life.now()).await.expect("ended");
        assert_eq!(life.step(1).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        life.sql("insert into stock values ('b', 3, '1')").await;
        assert_eq!(life.step(60).await.len(), 1, "the next has not begun");
        life.sql("insert into stock values ('c', 3, '1')").await;
        assert!(life.step(600).await.is_empty(), "now it has");
        life.store().end_silences(vec![to_come], life.now()).await.expect("ended");
        assert_eq!(life.step(1).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("sku c"), "{}", life.last_text());
        life.close().await;
    }
}

#[tokio::test]
async fn a_silence_that_ends_while_the_service_is_down_is_told_when_it_starts() {
    let mut life = Life::new(false, &[("low", one(""))]).await;
    life.sql("insert into stock values ('told', 3, '1')").await;
    life.step(0).await;
    life.silence(600, |all| all).await;
    life.sql("delete from stock; insert into stock values ('a', 3, '1'), ('b', 3, '1')").await;
    assert!(life.step(60).await.is_empty());
    life.house.clock.advance(TimeDelta::hours(3));
    life.sql("delete from stock where sku = 'b'").await;
    life.restart().await;
    let told = life.step(0).await;
    assert_eq!(told, ["warehouse: 🟠 The silence has ended (stocktaking): 2 still firing · 1 resolved", "warehouse: 🟢 low: 1 resolved"]);
    assert!(life.step(60).await.is_empty());
    life.close().await;
}

#[tokio::test]
async fn reminders_are_kept_back_too_and_count_from_the_summary() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one("repeat_interval = \"2m\""))]).await;
        life.sql("insert into stock values ('a', 3, '1')").await;
        assert_eq!(life.step(0).await.len(), 1);
        life.silence(300, |all| all).await;
        for _ in 0..4 {
            assert!(life.step(60).await.is_empty());
        }
        let kept = life.house.history().await;
        assert!(kept.iter().filter(|line| line.event == "repeated").count() == 2 && kept[0].silenced, "{kept:?}");
        assert_eq!(life.step(60).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("since 11-23 09:30"), "since it fired: {}", life.last_text());
        assert!(life.step(60).await.is_empty(), "the next reminder counts from there");
        assert_eq!(life.step(60).await, ["warehouse: 🟠 low: 1 still firing"]);
        life.close().await;
    }
}

#[tokio::test]
async fn what_grows_worse_than_a_silence_covers_rings_and_is_not_told_again_at_its_end() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(""))]).await;
        life.silence(600, |all| Silence { severity: Some(Severity::Warning), ..all }).await;
        life.sql("insert into stock values ('a', 3, '1'), ('b', 3, '1')").await;
        assert!(life.step(0).await.is_empty());
        life.sql("update stock set qty = 0 where sku = 'a'").await;
        assert_eq!(life.step(60).await, ["warehouse: 🔴 low: 1 escalated"]);
        assert_eq!(life.step(540).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("sku b") && !life.last_text().contains("sku a"), "{}", life.last_text());
        life.close().await;
    }
}

#[tokio::test]
async fn a_watcher_that_fails_still_at_the_end_of_a_silence_is_told() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one("failures_before_alert = 1"))]).await;
        life.step(0).await;
        life.silence(300, |all| Silence { watcher: Some("low".into()), ..all }).await;
        life.sql("alter table stock rename to hidden").await;
        assert!(life.step(60).await.is_empty());
        let told = life.step(240).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(life.last_text().contains("no such table: stock") && !life.last_text().contains("silence #"), "{}", life.last_text());
        life.sql("alter table hidden rename to stock").await;
        assert_eq!(life.step(60).await.len(), 1, "that it works again is told");
        // In the next silence it fails and works again: nothing is left to be told.
        life.silence(300, |all| Silence { watcher: Some("low".into()), ..all }).await;
        life.sql("alter table stock rename to hidden").await;
        life.step(60).await;
        life.sql("alter table hidden rename to stock").await;
        for _ in 0..3 {
            assert!(life.step(120).await.is_empty());
        }
        life.close().await;
    }
}

/// Half past nine in the morning is when a life begins; the hours are until six.
const HOURS: &str = "active = { hours = \"09:00-18:00\" }";

#[tokio::test]
async fn a_silence_that_ends_outside_of_hours_is_told_when_they_begin_and_critical_at_once() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(HOURS))]).await;
        life.step(0).await;
        life.silence(12 * 3_600, |all| all).await;
        life.sql("insert into stock values ('a', 3, '1'), ('b', 0, '1')").await;
        assert!(life.step(60).await.is_empty());
        assert_eq!(life.step(12 * 3_600 - 60).await, ["warehouse: 🔴 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("sku b"), "{}", life.last_text());
        assert!(life.step(3_600).await.is_empty());
        assert_eq!(life.step(10 * 3_600 + 1_800).await, ["warehouse: 🟠 While you were away: 1 still firing"], "nine in the morning");
        assert!(life.last_text().contains("sku a"), "{}", life.last_text());
        assert!(life.step(3_600).await.is_empty());
        life.close().await;
    }
}

#[tokio::test]
async fn what_was_put_off_and_is_silenced_when_hours_begin_is_told_at_the_end_of_the_silence() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one(HOURS))]).await;
        life.step(0).await;
        life.sql("insert into stock values ('a', 3, '1'), ('b', 3, '1')").await;
        assert!(life.step(12 * 3_600).await.is_empty(), "half past nine in the evening");
        life.silence(13 * 3_600, |all| Silence { key: vec![("sku".into(), "a".into())], ..all }).await;
        assert_eq!(life.step(11 * 3_600 + 1_800).await, ["warehouse: 🟠 While you were away: 1 still firing"]);
        assert!(life.last_text().contains("sku b"), "{}", life.last_text());
        assert_eq!(life.step(3_600 + 1_800).await, ["warehouse: 🟠 The silence has ended (stocktaking): 1 still firing"]);
        assert!(life.last_text().contains("sku a"), "{}", life.last_text());
        life.close().await;
    }
}

#[tokio::test]
async fn who_takes_an_alert_is_not_reminded_until_it_escalates_and_is_told_the_end() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one("repeat_interval = \"2m\""))]).await;
        life.sql("insert into stock values ('a', 3, '1'), ('b', 3, '1')").await;
        life.step(0).await;
        let event = life.event_of("a").await;
        assert!(matches!(life.ack(event).await, Acked::Taken(_)));
        for minute in 1..=5 {
            let told = life.step(60).await;
            assert_eq!(told.len(), usize::from(minute % 2 == 0), "b is reminded of, at minute {minute}: {told:?}");
        }
        assert!(life.house.history().await.iter().all(|line| line.event != "repeated" || line.key.as_ref().expect("a key")["sku"] == "b"));
        assert_eq!(life.owner_of("a").await.as_deref(), Some("wang"));
        // It gets worse: it rings, is nobody's, and is reminded of again.
        life.sql("delete from stock where sku = 'b'; update stock set qty = 0").await;
        assert_eq!(life.step(60).await, ["warehouse: 🔴 low: 1 escalated · 1 resolved"]);
        assert_eq!(life.owner_of("a").await, None);
        let escalated = life.house.history().await.into_iter().find(|line| line.event == "escalated").expect("it did");
        assert_eq!(escalated.reason, "severity rose from warning to critical; wang's acknowledgement is over");
        assert!(life.step(60).await.is_empty());
        assert_eq!(life.step(60).await, ["warehouse: 🔴 low: 1 still firing"]);
        // Taken again, it is quiet, also when it calms down, and its end is told.
        assert!(matches!(life.ack(event).await, Acked::Taken(_)));
        life.sql("update stock set qty = 2").await;
        for _ in 0..4 {
            assert!(life.step(60).await.is_empty());
        }
        assert_eq!(life.owner_of("a").await.as_deref(), Some("wang"));
        life.sql("delete from stock").await;
        assert_eq!(life.step(60).await, ["warehouse: 🟢 low: 1 resolved"]);
        assert!(matches!(life.ack(event).await, Acked::Over { again: None, .. }));
        // A new life is nobody's.
        life.sql("insert into stock values ('a', 3, '1')").await;
        assert_eq!(life.step(60).await.len(), 1);
        assert_eq!(life.owner_of("a").await, None);
        assert!(matches!(life.ack(event).await, Acked::Over { again: Some(_), .. }));
        life.close().await;
    }
}

#[tokio::test]
async fn an_alert_that_is_gone_but_kept_firing_is_taken_and_one_that_is_pending_is_not() {
    for dies in [false, true] {
        let mut life = Life::new(dies, &[("low", one("for = 2\nkeep_firing_for = 2\nrepeat_interval = \"1m\""))]).await;
        life.sql("insert into stock values ('a', 3, '1')").await;
        assert!(life.step(0).await.is_empty());
        let pending = life.store().alerts(None, 0).await.expect("alerts").remove(0);
        assert_eq!((pending.status.as_str(), pending.id, pending.polls), ("pending", None, 1), "there is no number to take it by");
        assert_eq!(life.step(60).await.len(), 1);
        life.sql("delete from stock").await;
        assert!(life.step(60).await.is_empty());
        let event = life.event_of("a").await;
        assert!(matches!(life.ack(event).await, Acked::Taken(_)));
        life.sql("insert into stock values ('a', 3, '1')").await;
        assert!(life.step(60).await.is_empty(), "it is back, and taken");
        assert_eq!(life.owner_of("a").await.as_deref(), Some("wang"));
        life.sql("delete from stock").await;
        assert!(life.step(60).await.is_empty());
        assert_eq!(life.step(60).await, ["warehouse: 🟢 low: 1 resolved"]);
        life.sql("insert into stock values ('a', 3, '1')").await;
        life.step(60).await;
        let acked = life.ack(event).await;
        assert!(matches!(acked, Acked::Pending { since, .. } if since == start_time() + TimeDelta::minutes(6)), "{acked:?}");
        life.close().await;
    }
}

#[tokio::test]
async fn a_reminder_that_was_kept_back_is_not_told_of_an_alert_that_is_taken() {
    let mut life = Life::new(false, &[("low", one("repeat_interval = \"2m\""))]).await;
    life.sql("insert into stock values ('a', 3, '1')").await;
    life.step(0).await;
    life.silence(300, |all| all).await;
    life.step(120).await;
    assert!(matches!(life.ack(life.event_of("a").await).await, Acked::Taken(_)));
    for _ in 0..4 {
        assert!(life.step(120).await.is_empty());
    }
    life.close().await;
}
