//! A watcher's own life: its polls fail, which is told after some of them and once, and work again, which is told once.

use super::house::{duty, low_stock};
use super::life::{Life, lived, lived_with};

#[tokio::test]
async fn a_watcher_that_fails_is_told_after_so_many_polls_and_recovered_once() {
    lived(&[("low", &low_stock("failures_before_alert = 4"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "fired a").await;
        life.house.sql("alter table stock rename to hidden").await;
        for _ in 0..3 {
            life.step(60, "", "-").await;
        }
        let told = life.events(60).await;
        assert_eq!(told.len(), 1);
        assert!(
            told[0].reason.starts_with("4 polls in a row failed. sql: ") && told[0].reason.contains("no such table"),
            "{}",
            told[0].reason
        );
        assert_eq!(told[0].since.as_deref(), Some("2026-11-23T01:31:00.000Z"));
        for _ in 0..10 {
            life.step(3600, "", "-").await;
        }
        life.step(60, "alter table hidden rename to stock", "watcher_recovered -").await;
        assert_eq!(life.house.firing().await, ["a"]);
        life.step(60, "", "-").await;
        // It is counted anew.
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "alter table hidden rename to stock", "-").await;
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "watcher_failed -").await;
    })
    .await;
}

#[tokio::test]
async fn everyone_whom_a_watcher_names_is_told_that_it_fails() {
    let watcher = low_stock("failures_before_alert = 1") + "[[notify]]\nwhen = \"qty > 1000\"\nreceivers = [\"duty\", \"warehouse\"]\n";
    lived_with(
        &[("low", &watcher)],
        |simulator, _| duty(simulator),
        async |life: &mut Life| {
            life.house.sql("alter table stock rename to hidden").await;
            let told = life.events(0).await;
            let receivers: Vec<&str> = told[0].deliveries.iter().map(|delivery| delivery.receiver.as_str()).collect();
            assert_eq!(receivers, ["warehouse", "duty"]);
        },
    )
    .await;
}

#[tokio::test]
async fn rows_that_cannot_be_judged_are_told_like_a_failed_poll_and_the_others_live_on() {
    lived(
        &[("low", &low_stock("failures_before_alert = 2\nwhen = \"qty < 5\"").replace(" where qty < 10", ""))],
        async |life: &mut Life| {
            life.step(0, "insert into stock values ('a', 3, '1'), ('b', 3, '1')", "fired a, fired b").await;
            life.step(60, "update stock set qty = 'few' where sku = 'a'", "-").await;
            life.step(60, "update stock set qty = 50 where sku = 'b'", "resolved b, watcher_failed -").await;
            life.step(60, "insert into stock values ('c', 'few', '1'), ('d', 1, '1')", "fired d").await;
            assert_eq!(life.house.firing().await, ["a", "d"]);
            life.step(
                60,
                "update stock set qty = 3 where sku = 'c'; update stock set qty = 9 where sku = 'a'",
                "fired c, resolved a, watcher_recovered -",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test]
async fn too_many_rows_are_a_fault_and_the_alerts_stay() {
    lived(&[("low", &low_stock("max_rows = 3\nfailures_before_alert = 1"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1'), ('b', 3, '1'), ('c', 3, '1')", "fired a, fired b, fired c").await;
        life.step(60, "insert into stock values ('d', 3, '1')", "watcher_failed -").await;
        assert_eq!(life.outcome().await, "failed max_rows");
        life.step(60, "delete from stock where sku in ('a', 'b')", "fired d, resolved a, resolved b, watcher_recovered -").await;
    })
    .await;
}

#[tokio::test]
async fn a_first_poll_that_fails_is_told_too() {
    lived(&[("low", &low_stock(""))], async |life: &mut Life| {
        life.step(0, "alter table stock rename to hidden; insert into hidden values ('a', 3, '1')", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "watcher_failed -").await;
        life.step(60, "alter table hidden rename to stock", "fired a, watcher_recovered -").await;
    })
    .await;
}
