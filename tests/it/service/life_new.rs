//! The life of a `new` watcher: every key is told once, ever.

use super::house::low_stock;
use super::life::{Life, lived};

/// A watcher that tells each row of `stock` once.
fn arrivals(more: &str) -> String {
    low_stock(more).replace("\"match\"", "\"new\"").replace(" where qty < 10", "")
}

#[tokio::test]
async fn the_first_rows_are_the_baseline_and_each_later_key_is_told_once_ever() {
    lived(&[("arrivals", &arrivals(""))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 1, '1'), ('b', 1, '1')", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('c', 1, '1')", "fired c").await;
        life.step(60, "delete from stock", "-").await;
        life.step(3600, "insert into stock values ('a', 9, '9'), ('c', 9, '9'), ('d', 9, '9')", "fired d").await;
        life.step(86_400, "update stock set qty = qty + 1", "-").await;
        assert_eq!(life.house.firing().await, [""; 0], "an event does not go on");
    })
    .await;
}

#[tokio::test]
async fn an_empty_first_result_is_a_baseline_and_a_failed_poll_is_none() {
    lived(&[("arrivals", &arrivals(""))], async |life: &mut Life| {
        life.step(0, "alter table stock rename to hidden; insert into hidden values ('a', 1, '1')", "-").await;
        life.step(60, "alter table hidden rename to stock", "-").await;
        life.step(60, "insert into stock values ('b', 1, '1')", "fired b").await;
    })
    .await;
    lived(&[("arrivals", &arrivals(""))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(60, "insert into stock values ('a', 1, '1')", "fired a").await;
    })
    .await;
}

#[tokio::test]
async fn the_first_rows_are_told_when_that_is_asked_for() {
    lived(&[("arrivals", &arrivals("first_poll = \"alert\""))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 1, '1'), ('b', 1, '1')", "fired a, fired b").await;
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('c', 1, '1')", "fired c").await;
        life.step(60, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_row_counts_from_when_its_condition_holds() {
    lived(&[("arrivals", &arrivals("when = \"qty > 100\""))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('low', 1, '1'), ('high', 101, '1')", "-").await;
        life.step(60, "insert into stock values ('exact', 100, '1'), ('over', 101, '1')", "fired over").await;
        life.step(60, "update stock set qty = 200", "fired exact, fired low").await;
        life.step(60, "update stock set qty = 1", "-").await;
        life.step(60, "update stock set qty = 200", "-").await;
    })
    .await;
}

#[tokio::test]
async fn keys_of_several_columns_and_keys_with_null_are_told_apart() {
    let composite = arrivals("").replace("key = [\"sku\"]", "key = [\"qty\", \"price\"]").replace("order by sku", "order by rowid");
    lived(&[("arrivals", &composite)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('1', 1, null)", "-").await;
        life.step(
            60,
            "insert into stock values ('2', null, null), ('3', null, ''), ('4', null, 'NULL')",
            "fired NULL/NULL, fired NULL/, fired NULL/NULL",
        )
        .await;
        life.step(60, "insert into stock values ('5', 1, ''), ('6', 12, '3'), ('7', 1, '23')", "fired 1/, fired 12/3, fired 1/23").await;
        life.step(60, "insert into stock values ('8', null, null), ('9', 1, null)", "-").await;
        let twice = life.house.last_poll().await;
        assert_eq!((twice.outcome.as_str(), twice.rows), ("ok", 9), "known keys may come twice");
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_new_rows_are_told_once() {
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) insert into stock select printf('%05d', i), 1, '1' from n";
    lived(&[("arrivals", &arrivals(""))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.house.sql(many).await;
        let told = life.events(60).await;
        assert_eq!((told.len(), told[0].event.as_str(), told[9_999].event.as_str()), (10_000, "fired", "fired"));
        life.step(60, "", "-").await;
        life.step(60, "delete from stock where qty = 1 and sku <> '10000'; insert into stock values ('new', 1, '1')", "fired new").await;
        life.step(60, many.replace("insert into", "insert or ignore into").as_str(), "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_judged_is_told_when_it_can() {
    lived(&[("arrivals", &arrivals("when = \"qty > 10\""))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(60, "insert into stock values ('a', 'many', '1'), ('b', 11, '1')", "fired b").await;
        assert_eq!(life.outcome().await, "partial evaluation");
        life.step(60, "update stock set qty = 12 where sku = 'a'", "fired a").await;
        assert_eq!(life.outcome().await, "ok");
        life.step(60, "update stock set qty = 'many'", "-").await;
        assert_eq!(life.outcome().await, "ok", "what was told is not judged again");
    })
    .await;
}
