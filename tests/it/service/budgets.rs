//! What a robot and a month take: nothing is lost in a storm, the worst goes first, and no limit is ever exceeded, whatever
//! restarts, and however many processes share the store.

use super::house::{House, TOKEN, low_stock};
use crate::store as fixture;
use chrono::{DateTime, TimeDelta, Utc};
use rowbell::domain::alert::{EventKind, Severity};
use rowbell::domain::budget::BUDGET;
use rowbell::domain::compose::Changes;
use rowbell::notify::dingtalk::simulator::{Fault, SimulatorSettings};
use rowbell::store::{HistoryQuery, Store};

/// DingTalk's limit on a robot.
const LIMIT: usize = 20;

/// The most calls that the simulator saw within any rolling minute.
fn most_in_a_minute(house: &House) -> usize {
    let mut at: Vec<DateTime<Utc>> = house.simulator.calls().iter().map(|call| call.at).collect();
    at.sort_unstable();
    let within = |first: DateTime<Utc>| at.iter().filter(|at| **at >= first && **at - first < TimeDelta::seconds(60)).count();
    at.iter().map(|first| within(*first)).max().unwrap_or(0)
}

/// A poll of a watcher found these keys.
async fn found(store: &Store, watcher: &str, severity: Severity, keys: &[String], now: DateTime<Utc>) {
    let alerts: Vec<_> = keys.iter().map(|key| rowbell::domain::alert::Alert { severity, ..fixture::alert(watcher, key) }).collect();
    let event = |alert: &rowbell::domain::alert::Alert| rowbell::domain::alert::Event {
        watcher: watcher.into(),
        at: now,
        ..fixture::event(EventKind::Fired, alert)
    };
    let events: Vec<_> = alerts.iter().map(event).collect();
    let all: Vec<usize> = (0..events.len()).collect();
    let deliveries = vec![fixture::draft("warehouse", &format!("{watcher} {severity}"), &all)];
    fixture::poll(store, watcher, now, Changes { put: alerts, events, deliveries, ..Changes::default() }).await;
}

/// Every event is in a message that the robot has taken, and in one only.
async fn all_told(house: &House, events: usize) {
    let lines = house.engine.parts().store.history(HistoryQuery::default()).await.expect("the history is read");
    assert_eq!(lines.len(), events);
    for line in &lines {
        let delivered: Vec<_> = line.deliveries.iter().map(|delivery| delivery.state.as_str()).collect();
        assert_eq!(delivered, ["delivered"], "{line:?}");
    }
}

async fn until_quiet(house: &House) -> i64 {
    let mut seconds = 0;
    while house.waiting().await > 0 {
        house.clock.advance(TimeDelta::seconds(1));
        seconds += 1;
        house.engine.deliver_due().await.expect("the outbox is worked on");
        assert!(seconds < 4_000, "never delivered");
    }
    seconds
}

#[tokio::test]
async fn ten_thousand_events_in_a_minute_are_told_in_twenty_messages_the_worst_first() {
    let organisation = "[organisations.main]\nmonthly_quota = 3000\n".to_owned();
    let house = House::furnished(&[], |settings| SimulatorSettings { webhook_quota: Some(3_000), ..settings }, |_, _| organisation).await;
    let mut key = 0;
    for second in 0..60 {
        for watcher in 0..10 {
            let severity = [Severity::Critical, Severity::Warning, Severity::Info][watcher % 3];
            let keys: Vec<String> = (0..if second < 40 { 17 } else { 16 }).map(|n| format!("k{:05}", key + n)).collect();
            key += keys.len();
            found(&house.engine.parts().store, &format!("w{watcher}"), severity, &keys, house.clock.now()).await;
        }
        house.engine.deliver_due().await.expect("the outbox is worked on");
        house.clock.advance(TimeDelta::seconds(1));
    }
    house.engine.deliver_due().await.expect("the outbox is worked on");
    let seconds = until_quiet(&house).await;
    let messages = house.simulator.messages();
    eprintln!(
        "{key} events, {} messages, the last {seconds} s after the minute; the most in a rolling minute {}",
        messages.len(),
        most_in_a_minute(&house)
    );
    assert!(key >= 10_000 && messages.len() <= 20, "{key} events, {} messages", messages.len());
    assert!(most_in_a_minute(&house) <= BUDGET && house.simulator.calls().len() == messages.len());
    all_told(&house, key).await;
    assert!(messages[0].text.contains("critical"), "{}", messages[0].text);
    let digest = messages.iter().max_by_key(|message| message.text.len()).expect("a digest");
    let first = |mark: &str| digest.text.find(mark);
    assert!(first("🔴").is_some_and(|worst| first("🟡").is_none_or(|other| worst < other)), "{}", digest.text);
    assert!(digest.text.contains("more"), "says how many it leaves out: {}", digest.text);
    assert!(digest.bytes <= 20_000);
    assert_eq!(house.simulator.month_use().0 as usize, messages.len());
    house.close().await;
}

#[tokio::test]
async fn the_minute_s_limit_holds_over_restarts_and_two_processes_on_one_store() {
    for seed in 1..=6_u64 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut house = House::new(&[]).await;
        let mut other = house.beside("another").await;
        let mut events = 0;
        let mut last_of: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
        for _ in 0..240 {
            for _ in 0..random.below(4) {
                let watcher = format!("w{}", random.below(12));
                let severity = [Severity::Info, Severity::Warning, Severity::Critical][random.below(3)];
                let keys: Vec<String> = (0..=random.below(3)).map(|n| format!("k{}", events + n)).collect();
                events += keys.len();
                found(&house.engine.parts().store, &watcher, severity, &keys, house.clock.now()).await;
            }
            if random.below(40) == 0 {
                let fault = [Fault::CutAfterAccept, Fault::Status(502), Fault::Cut, Fault::Errcode(-1)][random.below(4)].clone();
                assert!(house.simulator.misbehave(TOKEN, fault, 1));
            }
            match random.below(8) {
                0 => house.restart(&[]).await,
                1 => other = house.beside("another").await,
                2 => drop(tokio::join!(house.engine.deliver_due(), other.deliver_due())),
                3 => other.deliver_due().await.expect("the outbox is worked on"),
                4 => {}
                _ => house.engine.deliver_due().await.expect("the outbox is worked on"),
            }
            house.clock.advance(TimeDelta::milliseconds(random.below(2_000) as i64));
        }
        until_quiet(&house).await;
        assert!(most_in_a_minute(&house) <= BUDGET.min(LIMIT), "seed {seed}: {} in a minute", most_in_a_minute(&house));
        all_told(&house, events).await;
        in_order(&house, &mut last_of).await;
        house.simulator.messages().iter().for_each(|message| assert!(message.bytes <= 20_000));
        house.close().await;
    }
}

/// A watcher's own messages are in the order in which they were made.
async fn in_order(house: &House, last_of: &mut std::collections::BTreeMap<String, i64>) {
    let mut lines = house.engine.parts().store.deliveries(false, 0).await.expect("deliveries");
    lines.retain(|line| line.state == "delivered" && line.watcher != "*");
    lines.sort_by_key(|line| (line.delivered_at.clone(), line.id));
    for line in lines {
        let last = last_of.insert(line.watcher.clone(), line.id).unwrap_or(0);
        assert!(last < line.id, "{} of {} came after {last}", line.id, line.watcher);
    }
}

/// The same in each run: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[tokio::test]
async fn a_receiver_that_gathers_is_told_the_critical_at_once_and_the_rest_in_one_message() {
    let severity = "severity = [{ when = \"qty < 1\", level = \"critical\" }]";
    let watchers = [("a", low_stock(severity)), ("b", low_stock(""))];
    let watchers: Vec<(&str, &str)> = watchers.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut house = House::gathering("10m").await;
    house.set_watchers(&watchers).await;
    house.sql("insert into stock values ('x', 3, '1')").await;
    house.step(0).await;
    assert_eq!((house.waiting().await, house.simulator.messages().len()), (2, 0), "gathered");
    house.sql("insert into stock values ('y', 0, '1')").await;
    house.step(60).await;
    let messages = house.simulator.messages();
    assert!(messages.len() <= 2, "{messages:?}");
    house.restart(&watchers).await;
    for _ in 0..10 {
        house.step(60).await;
    }
    let messages = house.simulator.messages();
    assert_eq!(house.waiting().await, 0);
    assert!(messages.iter().any(|message| message.title.contains("Summary")), "{messages:?}");
    house.close().await;
}
