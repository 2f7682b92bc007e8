//! Escalation over the life of an alert: first the group, then the person, and the clock does not wait for polls. The
//! house's day is Monday 23 November 2026, 09:30 in Shanghai.

use super::house::{House, duty, low_stock};
use super::life::{Life, lived_with};
use rowbell::domain::silence::Silence;
use rowbell::notify::dingtalk::simulator::Simulator;
use std::path::Path;
use std::time::Duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const LEVELS: &str = "severity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]\n";
const AGAIN: &str = "insert into stock values ('a', 3, '1')";

/// A watcher that tells the warehouse at once and `duty` when nobody has acknowledged it for 15 minutes.
fn stepped(every: &str, more: &str) -> String {
    let step = "[[notify]]\nafter = \"15m\"\nunless = \"acknowledged\"\nreceivers = [\"duty\"]\n";
    low_stock(&format!("{LEVELS}{more}")).replace("every = \"1m\"", every) + step
}

fn robots(simulator: &Simulator, _: &Path) -> String {
    duty(simulator)
}

/// Who has got a message since the last look, each as often as that.
fn rung(life: &Life) -> Vec<String> {
    let mut robots: Vec<String> = life.house.simulator.messages().iter().map(|message| message.robot.clone()).collect();
    robots.sort();
    life.house.simulator.forget();
    robots
}

async fn last_reason(life: &Life) -> String {
    life.house.history().await[0].reason.clone()
}

#[tokio::test]
async fn a_step_is_told_at_its_time_between_polls_and_its_receiver_hears_the_end() {
    lived_with(&[("low", &stepped("schedule = \"*/10 * * * *\"", ""))], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(10 * MINUTE, AGAIN, "fired a").await;
        assert_eq!(rung(life), ["warehouse"]);
        life.step(10 * MINUTE, "", "-").await;
        life.step(4 * MINUTE, "", "-").await;
        assert_eq!(rung(life), [""; 0]);
        let polls = life.house.engine.parts().store.polls(None, 0).await.expect("polls").len();
        life.step(MINUTE, "", "escalated a").await;
        assert_eq!(life.house.engine.parts().store.polls(None, 0).await.expect("polls").len(), polls, "no poll was made");
        assert_eq!(last_reason(life).await, "nobody has acknowledged it for 15m: duty is told");
        assert_eq!(rung(life), ["duty"]);
        life.step(20 * MINUTE, "", "-").await;
        life.step(10 * MINUTE, "delete from stock", "resolved a").await;
        assert_eq!(rung(life), ["duty", "warehouse"]);
        life.step(10 * MINUTE, AGAIN, "fired a").await;
        assert_eq!(rung(life), ["warehouse"]);
        life.step(10 * MINUTE, "", "-").await;
        life.step(5 * MINUTE, "", "escalated a").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_due_with_a_poll_waits_for_what_it_finds() {
    lived_with(&[("low", &stepped("schedule = \"*/5 * * * *\"", ""))], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(5 * MINUTE, AGAIN, "fired a").await;
        life.step(15 * MINUTE, "delete from stock", "resolved a").await;
        assert_eq!(rung(life), ["warehouse", "warehouse"]);
    })
    .await;
}

#[tokio::test]
async fn an_acknowledgement_ends_it_until_the_alert_becomes_worse() {
    lived_with(&[("low", &stepped("every = \"1m\"", ""))], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(MINUTE, AGAIN, "fired a").await;
        life.step(10 * MINUTE, "", "-").await;
        life.acknowledge().await;
        life.step(30 * MINUTE, "", "-").await;
        assert_eq!(rung(life), ["warehouse"]);
        life.step(MINUTE, "update stock set qty = 0", "escalated a").await;
        let reason = "severity rose from warning to critical; wang's acknowledgement is over; firing for 41m: duty is told";
        assert_eq!(last_reason(life).await, reason);
        assert_eq!(rung(life).len(), 2);
        life.step(30 * MINUTE, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_step_is_told_while_the_source_is_dead_and_says_when_it_was_last_seen() {
    lived_with(&[("low", &stepped("schedule = \"*/5 * * * *\"", ""))], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(5 * MINUTE, AGAIN, "fired a").await;
        life.step(5 * MINUTE, "alter table stock rename to hidden", "-").await;
        life.step(5 * MINUTE, "", "-").await;
        life.step(5 * MINUTE, "", "watcher_failed -, escalated a").await;
        let reason =
            "nobody has acknowledged it for 15m: duty is told; the watcher's polls fail, the last good one was at 2026-11-23 09:35";
        assert_eq!(last_reason(life).await, reason);
        assert_eq!(rung(life), ["duty", "warehouse", "warehouse"], "that it fails wakes nobody");
        life.step(5 * MINUTE, "alter table hidden rename to stock", "watcher_recovered -").await;
    })
    .await;
}

#[tokio::test]
async fn what_became_due_while_the_service_was_down_is_told_once_in_one_message() {
    lived_with(&[("low", &stepped("every = \"1m\"", ""))], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(MINUTE, "insert into stock values ('a', 3, '1'), ('b', 3, '1')", "fired a, fired b").await;
        life.step(5 * MINUTE, "insert into stock values ('c', 3, '1')", "fired c").await;
        rung(life);
        life.step(2 * HOUR, "delete from stock where sku = 'b'", "resolved b, escalated a, escalated c").await;
        assert_eq!(last_reason(life).await, "nobody has acknowledged it for 2h: duty is told");
        assert_eq!(rung(life), ["duty", "warehouse"]);
        life.step(HOUR, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_step_in_a_silence_is_recorded_and_told_at_its_end_unless_somebody_has_taken_it() {
    for is_taken in [false, true] {
        lived_with(&[("low", &stepped("every = \"1m\"", ""))], robots, async |life: &mut Life| {
            life.step(0, "", "-").await;
            life.step(MINUTE, AGAIN, "fired a").await;
            let now = life.house.clock.now();
            let silence = Silence {
                id: 0,
                author: "wang".into(),
                reason: "stocktaking".into(),
                watcher: Some("low".into()),
                key: Vec::new(),
                severity: None,
                receiver: None,
                starts_at: now,
                ends_at: now + chrono::TimeDelta::hours(1),
            };
            life.house.engine.parts().store.add_silence(silence, now).await.expect("written");
            life.step(15 * MINUTE, "", "escalated a").await;
            let line = life.house.history().await.remove(0);
            assert!(line.silenced && line.reason.contains("duty is not told: silence #1 by wang: stocktaking"), "{}", line.reason);
            assert_eq!(rung(life), ["warehouse"]);
            if is_taken {
                life.acknowledge().await;
            }
            life.step(45 * MINUTE, "", "-").await;
            assert_eq!(rung(life), if is_taken { vec![] } else { vec!["duty"] });
            life.step(HOUR, "", "-").await;
        })
        .await;
    }
}

#[tokio::test]
async fn at_night_a_step_waits_for_the_morning_and_gives_the_group_its_time() {
    let watcher = stepped("schedule = \"*/5 * * * *\"", "active = { hours = \"09:00-18:00\" }\n");
    lived_with(&[("low", &watcher)], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        // 19:30.
        life.step(10 * HOUR, AGAIN, "fired a").await;
        life.step(HOUR, "", "-").await;
        // 20:35.
        life.step(5 * MINUTE, "insert into stock values ('b', 0, '1')", "fired b").await;
        assert_eq!(rung(life), ["warehouse"]);
        life.step(15 * MINUTE, "", "escalated b").await;
        assert_eq!(rung(life), ["duty"], "critical passes");
        // 09:00.
        life.step(12 * HOUR + 10 * MINUTE, "", "-").await;
        assert_eq!(rung(life), ["warehouse"]);
        life.step(10 * MINUTE, "", "-").await;
        life.step(5 * MINUTE, "", "escalated a").await;
        assert_eq!(rung(life), ["duty"]);
    })
    .await;
}

#[tokio::test]
async fn the_steps_of_a_watcher_are_those_of_its_file_and_end_with_it() {
    let before = stepped("every = \"1m\"", "");
    lived_with(&[("low", &before)], robots, async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(MINUTE, AGAIN, "fired a").await;
        life.edit(&[("low", &before.replace("15m", "30m"))]).await;
        life.step(15 * MINUTE, "", "-").await;
        life.edit(&[("low", &before.replace("15m", "10m"))]).await;
        life.step(30, "", "escalated a").await;
        life.edit(&[("low", &before.replace("15m", "20m"))]).await;
        life.edit(&[("other", &before)]).await;
        life.step(HOUR, "", "resolved a, fired a").await;
        life.step(15 * MINUTE, "", "escalated a").await;
        rung(life);
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_has_steps_too() {
    let watcher = stepped("every = \"1m\"", "").replace("\"match\"", "\"missing\"").replace("key = [\"sku\"]\n", "").replace(LEVELS, "");
    lived_with(&[("low", &watcher)], robots, async |life: &mut Life| {
        life.step(0, "", "fired all").await;
        life.step(15 * MINUTE, "", "escalated all").await;
        assert_eq!(rung(life), ["duty", "warehouse"]);
        life.step(MINUTE, AGAIN, "resolved all").await;
    })
    .await;
}

#[tokio::test]
async fn two_services_on_one_store_tell_a_step_once() {
    let watcher = stepped("schedule = \"*/10 * * * *\"", "");
    let mut house = House::furnished(&[("low", &watcher)], |settings| settings, robots).await;
    house.step(0).await;
    house.sql(AGAIN).await;
    house.step(10 * MINUTE).await;
    let first = house.engine.clone();
    house.restart(&[("low", &watcher)]).await;
    house.clock.advance(chrono::TimeDelta::minutes(10));
    house.engine.tick().await;
    house.clock.advance(chrono::TimeDelta::minutes(5));
    let (one, other) = (first.tell_due(), house.engine.tell_due());
    tokio::join!(one, other);
    house.step(0).await;
    assert_eq!(house.told().await, ["fired a", "escalated a"]);
    house.close().await;
}

#[tokio::test]
async fn a_poll_of_another_process_does_not_hold_a_step_up_and_cannot_forget_it() {
    let watcher = stepped("schedule = \"*/10 * * * *\"", "");
    let house = House::furnished(&[("low", &watcher)], |settings| settings, robots).await;
    house.step(0).await;
    house.sql(AGAIN).await;
    house.step(10 * MINUTE).await;
    house.step(10 * MINUTE).await;
    let claimed = claim(&house).await;
    house.clock.advance(chrono::TimeDelta::minutes(5));
    house.engine.tell_due().await;
    assert_eq!(house.told().await, ["fired a", "escalated a"]);
    // What was read before the step cannot be written as if there had been none.
    let error = house.engine.parts().store.commit_poll(claimed, Default::default()).await.expect_err("it is refused");
    assert!(matches!(error, rowbell::store::StoreError::Raced), "{error}");
    house.engine.deliver_due().await.expect("delivered");
    house.close().await;
}

/// A poll that another process has begun, and what it would write.
async fn claim(house: &House) -> rowbell::store::PollCommit {
    let store = &house.engine.parts().store;
    let now = house.clock.now();
    let claim = store.claim_poll("low", "shop", "other", now, Duration::from_secs(3600)).await.expect("an answer").expect("a claim");
    let record = rowbell::store::PollRecord {
        scheduled_at: now,
        started_at: now,
        ended_at: now,
        duration_ms: 0,
        outcome: rowbell::store::PollOutcome::Ok,
        rows: 0,
        matched: 0,
        missed: 0,
        failure: None,
        warnings: Vec::new(),
    };
    let version = Some(claim.state.version);
    rowbell::store::PollCommit { state: claim.state.clone(), claim, record, source: None, version }
}

#[tokio::test]
async fn the_scheduler_wakes_up_for_a_step() {
    let watcher = stepped("schedule = \"0 * * * *\"", "");
    let house = House::furnished(&[("low", &watcher)], |settings| settings, robots).await;
    house.sql(AGAIN).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let engine = house.engine.clone();
    let running = tokio::spawn(async move { engine.run_scheduler(stopped).await });
    let happened = async |count: usize| {
        while house.told().await.len() < count {
            tokio::task::yield_now().await;
        }
    };
    // The poll at ten, and a step at a quarter past.
    house.clock.advance(chrono::TimeDelta::minutes(30));
    tokio::time::timeout(Duration::from_secs(20), happened(1)).await.expect("polled");
    house.clock.advance(chrono::TimeDelta::minutes(15));
    tokio::time::timeout(Duration::from_secs(20), happened(2)).await.expect("told");
    assert_eq!(house.told().await, ["fired a", "escalated a"]);
    stop.send(true).expect("it runs");
    running.await.expect("it ends");
    house.engine.deliver_due().await.expect("delivered");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_was_reading_when_a_step_was_told_tells_the_end_to_its_receiver_too() {
    let slow = "(with recursive n(x) as (select 1 union all select x + 1 from n where x < coalesce((select qty from stock where sku = 'slow'), 1)) select count(*) from n) > 0 and qty < 10";
    let watcher = stepped("schedule = \"*/10 * * * *\"", "").replace("qty < 10", slow);
    let house = House::furnished(&[("low", &watcher)], |settings| settings, robots).await;
    house.step(0).await;
    house.sql(AGAIN).await;
    house.step(10 * MINUTE).await;
    house.sql("delete from stock; insert into stock values ('slow', 3000000, '1')").await;
    let polled = house.engine.clone();
    let slot = rowbell::engine::Slot { scheduled_at: house.clock.now(), missed: 0, advances: false };
    let of = polled.watchers().remove(0);
    let poll = tokio::spawn(async move { polled.poll(of, slot).await });
    let store = house.engine.parts().store.clone();
    let now = house.clock.now();
    while let Some(claim) = store.claim_poll("low", "shop", "other", now, Duration::ZERO).await.expect("an answer") {
        store.release_poll(&claim).await.expect("given back");
    }
    house.clock.advance(chrono::TimeDelta::minutes(15));
    house.engine.tell_due().await;
    assert_eq!(house.told().await, ["fired a", "escalated a"], "the poll is still reading");
    assert!(poll.await.expect("it ends").failure.is_none());
    assert_eq!(house.told().await, ["fired a", "escalated a", "resolved a"]);
    let told: Vec<String> = house.history().await[0].deliveries.iter().map(|delivery| delivery.receiver.clone()).collect();
    assert_eq!(told, ["warehouse", "duty"]);
    house.engine.deliver_due().await.expect("delivered");
    house.close().await;
}
