//! From rows to the history: what fires, stays, is repeated, is over; and that a bad poll changes nothing.

use super::house::{House, low_stock};

#[tokio::test]
async fn a_row_is_told_once_and_its_end_once() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.sql("insert into stock values ('a', 3, '1.50'), ('b', 50, '2')").await;
    house.step(0).await;
    house.step(60).await;
    house.sql("update stock set qty = 99 where sku = 'a'; update stock set qty = 1 where sku = 'b'").await;
    house.step(60).await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a", "fired b", "resolved a"]);
    assert_eq!(house.firing().await, ["b"]);
    assert_eq!(house.simulator.messages().len(), 2, "one message per poll");
    house.close().await;
}

#[tokio::test]
async fn a_restart_at_every_step_tells_nothing_twice() {
    let watcher = low_stock("repeat_interval = \"2m\"");
    let watchers = [("low", watcher.as_str())];
    let mut house = House::new(&watchers).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house.restart(&watchers).await;
    house.step(60).await;
    house.restart(&watchers).await;
    house.step(60).await;
    house.restart(&watchers).await;
    house.sql("delete from stock").await;
    house.step(60).await;
    house.restart(&watchers).await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a", "repeated a", "resolved a"]);
    house.close().await;
}

#[tokio::test]
async fn a_new_row_is_told_once_ever_and_the_first_poll_is_the_baseline() {
    let watcher =
        low_stock("").replace("match", "new").replace("where qty < 10", "where qty > 100").replace("key", "when = \"price > 100000\"\nkey");
    let watcher = watcher.replace("select sku, qty, price", "select sku, qty, cast(price as real) as price");
    let mut house = House::new(&[("large", &watcher)]).await;
    house.sql("insert into stock values ('old', 200, '200000')").await;
    house.step(0).await;
    house.sql("insert into stock values ('exact', 200, '100000.00'), ('over', 200, '100000.01')").await;
    house.step(60).await;
    house.sql("delete from stock where sku = 'over'").await;
    house.step(60).await;
    house.restart(&[("large", &watcher)]).await;
    house.sql("insert into stock values ('over', 200, '100000.01')").await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired over"]);
    house.close().await;
}

#[tokio::test]
async fn a_failed_poll_changes_no_alert_says_why_and_alerts_after_three() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house.sql("alter table stock rename to hidden").await;
    for _ in 0..4 {
        house.step(60).await;
    }
    let poll = house.last_poll().await;
    assert_eq!(poll.outcome, "failed");
    assert!(poll.error.as_ref().is_some_and(|error| error.kind == "sql" && error.message.contains("no such table")), "{poll:?}");
    assert_eq!(house.firing().await, ["a"]);
    house.sql("alter table hidden rename to stock").await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a", "watcher_failed -", "watcher_recovered -"]);
    assert_eq!(house.firing().await, ["a"]);
    house.close().await;
}

#[tokio::test]
async fn more_rows_than_max_rows_is_a_failure_and_not_a_recovery() {
    let house = House::new(&[("low", &low_stock("max_rows = 2"))]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house.sql("insert into stock values ('b', 3, '1'), ('c', 3, '1')").await;
    house.step(60).await;
    let poll = house.last_poll().await;
    assert_eq!((poll.outcome.as_str(), poll.error.map(|error| error.kind)), ("failed", Some("max_rows".to_owned())));
    assert_eq!(house.firing().await, ["a"]);
    house.close().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_judged_keeps_its_state_and_the_others_go_on() {
    let house =
        House::new(&[("low", &low_stock("when = \"price > 0\"").replace("select sku, qty, price", "select sku, qty, price as price"))])
            .await;
    house.sql("insert into stock values ('a', 3, 5), ('b', 3, 5)").await;
    house.sql("create table kept as select * from stock; drop table stock; create table stock (sku, qty, price); insert into stock select sku, qty, cast(price as integer) from kept").await;
    house.step(0).await;
    assert_eq!(house.firing().await, ["a", "b"]);
    house.sql("update stock set price = 'abc' where sku = 'a'; delete from stock where sku = 'b'").await;
    house.step(60).await;
    let poll = house.last_poll().await;
    assert_eq!(poll.outcome, "partial");
    assert!(poll.error.as_ref().is_some_and(|error| error.kind == "evaluation" && !error.message.contains("abc")), "{poll:?}");
    assert_eq!(house.firing().await, ["a"], "b is over, a keeps its state");
    house.close().await;
}

#[tokio::test]
async fn a_key_that_a_join_returns_twice_in_any_order_is_one_alert() {
    let watcher =
        low_stock("").replace("from stock where qty < 10 order by sku", "from stock join (select 1 as n union select 2) where qty < 10");
    let house = House::new(&[("low", &watcher)]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    let turned = watcher.replace("where qty < 10", "where qty < 10 order by n desc");
    house.set_watchers(&[("low", &turned)]).await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a"]);
    assert!(house.history().await[0].reason.contains("2 times"), "the message says how many there are");
    house.close().await;
}

#[tokio::test]
async fn missed_slots_are_counted_and_run_once() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.step(0).await;
    house.step(600).await;
    assert_eq!(house.last_poll().await.missed, 9);
    house.step(0).await;
    assert_eq!(house.engine.parts().store.polls(None, 0).await.expect("polls").len(), 2);
    house.close().await;
}

#[tokio::test]
async fn severity_that_rises_is_told_and_reaches_who_must_act() {
    let watcher = low_stock("severity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]");
    let house = House::new(&[("low", &watcher)]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house.sql("update stock set qty = 0").await;
    house.step(60).await;
    house.sql("update stock set qty = 2").await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a", "escalated a"]);
    house.close().await;
}

#[tokio::test]
async fn a_store_that_was_full_is_worked_with_again_and_the_poll_is_made_soon() {
    let house = House::new(&[("low", &low_stock("").replace("1m", "1h"))]).await;
    house.step(0).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    // Whoever opens the file may say how many pages it may have; a trigger stands in for the disk's end here.
    let store = sqlx::SqlitePool::connect(&format!("sqlite://{}/state.db", house.folder.path().display())).await.expect("the store");
    let full = "create trigger full before insert on poll begin select raise(rollback, 'database or disk is full'); end";
    sqlx::raw_sql(full).execute(&store).await.expect("a trigger");
    house.step(3_600).await;
    assert!(house.told().await.is_empty(), "nothing was recorded");
    sqlx::raw_sql("drop trigger full").execute(&store).await.expect("dropped");
    house.engine.parts().store.ping().await.expect("the store works again");
    house.step(10).await;
    assert_eq!(house.told().await, ["fired a"], "not an hour later");
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_jumped_ahead_and_back_leaves_nothing_waiting() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.step(0).await;
    house.clock.advance(chrono::TimeDelta::days(365));
    house.engine.tick().await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.clock.advance(chrono::TimeDelta::days(-365));
    // The scheduler looks up every 30 seconds, whatever the next slot is.
    house.step(30).await;
    house.step(60).await;
    assert_eq!(house.told().await, ["fired a"]);
    house.close().await;
}

#[tokio::test]
async fn a_store_that_was_removed_is_noticed() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.step(0).await;
    house.engine.parts().store.ping().await.expect("it is there");
    std::fs::remove_file(house.folder.path().join("state.db")).expect("removed");
    let error = house.engine.parts().store.ping().await.expect_err("it is gone");
    assert!(error.to_string().contains("removed or replaced"), "{error}");
}
