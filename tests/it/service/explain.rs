//! What the store has for an explanation, gathered from a service that lived through it under a virtual clock.

use super::house::{House, low_stock};
use chrono::{DateTime, TimeDelta, Utc};
use rowbell::config::parse_watcher;
use rowbell::domain::calendar::Calendars;
use rowbell::domain::explain::{AROUND, Asked, Facts, File, StepFact, explain};
use rowbell::domain::row::Fingerprint;
use rowbell::store::RecordsQuery;
use sqlx::SqlitePool;
use std::path::Path;

/// The answer and the timeline about the key `sku`, or the watcher as a whole.
async fn explained(house: &House, watcher: &str, sku: Option<&str>, at: Option<DateTime<Utc>>) -> String {
    let now = house.clock.now();
    let declared = parse_watcher("w", Path::new("w.toml"), watcher, &house.settings()).expect("a valid watcher");
    let key: Vec<(String, String)> = sku.map(|sku| ("sku".to_owned(), sku.to_owned())).into_iter().collect();
    let (since, until) = at.map_or((now - TimeDelta::days(1), now), |at| (at - AROUND, at + AROUND));
    let query = RecordsQuery { watchers: vec!["w".into()], key: key.clone(), since, until, now };
    let records = house.engine.parts().store.records(query).await.expect("the records");
    let asked = Asked { watcher: "w".into(), key, at, since, until, is_since_named: false };
    let zone = chrono_tz::Asia::Shanghai;
    let keys = records.keys.iter().filter_map(|key| Fingerprint::parse(&key.fingerprint)).collect();
    let alerts = house.engine.parts().store.alerts_of(keys).await.expect("the alerts");
    let steps = alerts.values().flat_map(|alert| StepFact::of(&declared, &Calendars::default(), alert, now)).collect();
    let facts = Facts { asked, now, zone, declared: Some(declared), file: File::Valid, records, looks: Vec::new(), steps };
    let told = explain(&facts, 0);
    let lines: Vec<String> = told.lines.iter().map(|line| format!("{}: {}", line.kind, line.text)).collect();
    format!("{}\n{}", told.answer, lines.join("\n"))
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "`{words}` is missing in:\n{text}");
    }
}

async fn store_sql(house: &House, statement: &'static str) {
    let pool = SqlitePool::connect(&format!("sqlite://{}/state.db", house.folder.path().display())).await.expect("the store");
    sqlx::query(statement).execute(&pool).await.expect("the store is written");
    pool.close().await;
}

#[tokio::test]
async fn a_time_without_polls_is_told_from_a_time_in_which_others_were_polled() {
    let watcher = low_stock("");
    let house = House::new(&[("w", &watcher), ("other", &watcher)]).await;
    house.step(0).await;
    house.step(60).await;
    // Nothing runs for an hour; then both are polled.
    house.step(3_600).await;
    let then = house.clock.now() - TimeDelta::minutes(30);
    let told = explained(&house, &watcher, Some("a"), Some(then)).await;
    has(
        &told,
        &[
            "did not alert: there was no poll from 09:31 to 10:31: nothing was polled in that time: the service did not run",
            "slots after it were skipped",
        ],
    );
    // Only the other one is polled for an hour.
    house.set_watchers(&[("other", &watcher)]).await;
    for _ in 0..60 {
        house.step(60).await;
    }
    house.set_watchers(&[("w", &watcher), ("other", &watcher)]).await;
    house.step(60).await;
    let then = house.clock.now() - TimeDelta::minutes(30);
    has(&explained(&house, &watcher, Some("a"), Some(then)).await, &["other watchers were polled in that time, this one was not"]);
    house.close().await;
}

#[tokio::test]
async fn a_silence_and_who_it_kept_from_being_told_are_named() {
    let watcher = low_stock("");
    let house = House::new(&[("w", &watcher)]).await;
    store_sql(
        &house,
        "insert into silence (created_at, author, reason, watcher, starts_at, ends_at) values
            ('2026-11-23T01:00:00.000Z', 'wang', 'stocktaking', 'w', '2026-11-23T01:00:00.000Z', '2026-11-23T03:00:00.000Z'),
            ('2026-11-23T01:00:00.000Z', 'li', 'not this one', 'v', '2026-11-23T01:00:00.000Z', '2026-11-23T03:00:00.000Z')",
    )
    .await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    let told = explained(&house, &watcher, Some("a"), None).await;
    has(
        &told,
        &[
            "warehouse was not told because of silence #1 by wang: stocktaking; what still fires is told when the silence ends",
            "silence: silence #1 by wang: stocktaking begins, until 11:00",
        ],
    );
    assert!(!told.contains("not this one"), "{told}");
    house.step(5_400).await;
    let told = explained(&house, &watcher, Some("a"), None).await;
    has(&told, &["silence #1 ends", "warehouse was told in digest"]);
    house.close().await;
}

#[tokio::test]
async fn what_is_put_off_and_told_in_a_digest_is_followed_to_its_end() {
    let watcher = low_stock("active = { hours = \"10:00-18:00\" }");
    let house = House::new(&[("w", &watcher)]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    has(&explained(&house, &watcher, Some("a"), None).await, &["warehouse is to be told at 10:00, when the watcher's hours begin"]);
    house.step(1_800).await;
    has(
        &explained(&house, &watcher, Some("a"), None).await,
        &["warehouse was told at 10:00 in a digest", "delivery: warehouse was told in digest"],
    );
    house.close().await;
}

#[tokio::test]
async fn the_whole_life_of_a_key_is_one_timeline() {
    let watcher = low_stock(
        "for = \"2m\"\nkeep_firing_for = \"2m\"\nrepeat_interval = \"5m\"\nseverity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]",
    );
    let house = House::new(&[("w", &watcher)]).await;
    house.step(0).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    for change in ["", "", "", "update stock set qty = 0", "", "", "", "", "", "update stock set qty = 50", "", ""] {
        house.step(60).await;
        house.sql(change).await;
    }
    house.step(60).await;
    let told = explained(&house, &watcher, Some("a"), None).await;
    let kinds: Vec<&str> = told.lines().skip(1).filter_map(|line| line.split(':').next()).filter(|kind| *kind != "poll").collect();
    assert_eq!(
        kinds,
        ["pending", "fired", "delivery", "escalated", "delivery", "repeated", "delivery", "gone", "resolved", "delivery"],
        "{told}"
    );
    has(&told, &["sku a does not fire: it fired at", "as the row no longer matches", "it resolved after"]);
    house.close().await;
}

#[tokio::test]
async fn a_dead_source_that_another_watcher_told_of_is_named() {
    let watcher = low_stock("");
    let first = low_stock("failures_before_alert = 2");
    let watchers = [("another", first.as_str()), ("w", watcher.as_str())];
    let mut house = House::new(&watchers).await;
    house.step(0).await;
    std::fs::rename(house.folder.path().join("shop.db"), house.folder.path().join("away.db")).expect("moved");
    house.restart(&watchers).await;
    for _ in 0..4 {
        house.step(60).await;
    }
    let told = explained(&house, &watcher, None, None).await;
    has(&told, &["Its polls fail since", "that the source shop fails was told at", "another told that the source shop fails"]);
    std::fs::rename(house.folder.path().join("away.db"), house.folder.path().join("shop.db")).expect("moved back");
    house.step(60).await;
    house.close().await;
}

#[tokio::test]
async fn a_message_that_waited_for_the_budget_says_so() {
    let watcher = low_stock("");
    let house = House::new(&[("w", &watcher)]).await;
    house.step(0).await;
    for n in 0..19 {
        house.sql(&format!("insert into stock values ('k{n}', 3, '1')")).await;
        house.clock.advance(TimeDelta::seconds(1));
        let of = house.engine.watchers().remove(0);
        let slot = rowbell::engine::Slot { scheduled_at: house.clock.now(), missed: 0, advances: false };
        house.engine.poll(of, slot).await;
        house.engine.deliver_due().await.expect("delivered");
    }
    house.step(60).await;
    has(&explained(&house, &watcher, Some("k18"), None).await, &["the robot's budget of 18 messages a minute was used up"]);
    house.close().await;
}

#[tokio::test]
async fn who_comes_next_and_why_somebody_was_not_told() {
    let step = |after: &str, more: &str| {
        format!("[[notify]]\nafter = \"{after}\"\nunless = \"acknowledged\"\nreceivers = [\"warehouse\"]\n{more}")
    };
    let watcher = low_stock("") + &step("15m", "") + &step("20m", "when = \"qty = 0\"\n") + &step("1h", "");
    let house = House::new(&[("w", &watcher)]).await;
    house.step(0).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(60).await;
    let told = explained(&house, &watcher, Some("a"), None).await;
    has(&told, &["warehouse is told at 09:46 unless it is acknowledged (`after` is 15m)", "warehouse is told at 10:31 unless"]);
    house.step(1_500).await;
    let told = explained(&house, &watcher, Some("a"), None).await;
    has(
        &told,
        &[
            "it escalated at 09:56, and warehouse was told at 09:56",
            "warehouse is not told after 20m, as the `when` of that block does not hold",
            "it escalated: nobody has acknowledged it for 25m: warehouse is told",
        ],
    );
    let fired = house.history().await.last().expect("an event").id;
    let by = rowbell::domain::alert::Acknowledgement { at: house.clock.now(), by: "wang".into(), note: None };
    house.engine.parts().store.acknowledge(vec![fired], by).await.expect("taken");
    has(&explained(&house, &watcher, Some("a"), None).await, &["warehouse is not told after 1h, as wang acknowledged it"]);
    house.close().await;
}
