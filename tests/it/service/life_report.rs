//! The life of a `report`: told at each poll, sums exact and beside the last ones, and it says so when there is nothing.

use super::house::{House, low_stock};
use super::life::{Life, lived, lived_with};
use crate::databases::{Product, TestDatabase};

/// A report of `stock`.
fn report(more: &str) -> String {
    low_stock(more).replace("\"match\"\nkey = [\"sku\"]", "\"report\"").replace(" where qty < 10", "")
}

/// The reason of the one report that a step made.
async fn told(life: &mut Life) -> String {
    let lines = life.events(60).await;
    assert_eq!(lines.iter().map(|line| line.event.as_str()).collect::<Vec<_>>(), ["report"], "{lines:?}");
    lines[0].reason.clone()
}

#[tokio::test]
async fn each_poll_is_a_report_beside_the_last_one() {
    lived(&[("day", &report("sum = [\"qty\", \"price\"]"))], async |life: &mut Life| {
        life.house
            .sql("drop table stock; create table stock (sku, qty, price); insert into stock values ('a', 3, 0.5), ('b', null, 2)")
            .await;
        assert_eq!(told(life).await, "2 rows; qty 3; price 2.5");
        assert_eq!(told(life).await, "2 rows (last time 2); qty 3 (last time 3); price 2.5 (last time 2.5)");
        life.house.sql("insert into stock values ('c', -4, 10)").await;
        assert_eq!(told(life).await, "3 rows (last time 2); qty -1 (last time 3); price 12.5 (last time 2.5)");
        // A poll that fails is no report, and the last one stays the last.
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.house.sql("alter table hidden rename to stock; delete from stock").await;
        assert_eq!(told(life).await, "0 rows (last time 3); qty 0 (last time -1); price 0 (last time 12.5)");
        let text = life.house.simulator.messages().pop().expect("a message").text;
        assert!(text.contains("Nothing to report") || text.to_lowercase().contains("nothing"), "{text}");
        assert_eq!(life.house.firing().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_empty_report_may_be_kept_quiet_and_counts_as_the_last_one() {
    lived(&[("day", &report("sum = [\"qty\"]\nsend_empty = false"))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.house.sql("insert into stock values ('a', 3, '1')").await;
        assert_eq!(told(life).await, "1 rows (last time 0); qty 3 (last time 0)");
        life.step(60, "delete from stock", "-").await;
        life.house.sql("insert into stock values ('a', 3, '1')").await;
        assert_eq!(told(life).await, "1 rows (last time 0); qty 3 (last time 0)");
    })
    .await;
}

#[tokio::test]
async fn rows_that_do_not_count_are_not_added_up_and_the_worst_is_how_bad_it_is() {
    let more = "sum = [\"qty\"]\nwhen = \"qty > 0\"\nseverity = [{ when = \"qty > 100\", level = \"critical\" }, { level = \"info\" }]";
    lived(&[("day", &report(more))], async |life: &mut Life| {
        life.house.sql("insert into stock values ('a', 3, '1'), ('b', -3, '1'), ('c', null, '1')").await;
        let lines = life.events(60).await;
        assert_eq!((lines[0].severity.as_str(), lines[0].reason.as_str()), ("info", "1 rows; qty 3"));
        life.house.sql("insert into stock values ('d', 101, '1')").await;
        assert_eq!(life.events(60).await[0].severity, "critical");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_added_up_is_a_fault_and_no_wrong_sum() {
    lived(&[("day", &report("sum = [\"qty\"]"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1'), ('b', 'many', '1')", "-").await;
        assert_eq!(life.outcome().await, "failed evaluation");
        let error = life.house.last_poll().await.error.expect("it failed");
        assert!(error.message.contains("the column `qty` cannot be added up") && !error.message.contains("many"), "{}", error.message);
        life.house.sql("delete from stock where sku = 'b'").await;
        assert_eq!(told(life).await, "1 rows; qty 3");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_are_exact_to_the_last_digit() {
    let watcher = report("sum = [\"amount\"]")
        .replace("\"shop\"", "\"erp\"")
        .replace("select sku, qty, price from stock order by sku", "select amount from amounts");
    for (product, kind, values, total) in [
        (Product::Postgres, "numeric", "(0.1), (0.2), (100000000000000000000.000000000001)", "100000000000000000000.300000000001"),
        (Product::Postgres, "bigint", "(9223372036854775807), (9223372036854775807), (1)", "18446744073709551615"),
        (Product::Mariadb, "decimal(30, 2)", "(0.10), (0.20), (99999999999999999999.99)", "100000000000000000000.29"),
        (Product::Mariadb, "bigint unsigned", "(18446744073709551615), (18446744073709551615)", "36893488147419103230"),
    ] {
        let database = TestDatabase::new(product).await;
        database.run(&format!("create table amounts (amount {kind}); insert into amounts values {values}, (null)")).await;
        let more = |_: &_, _: &_| format!("[sources.erp]\nurl = \"{}\"\n", database.url);
        lived_with(&[("day", &watcher)], more, async |life: &mut Life| {
            let reason = told(life).await;
            assert!(reason.ends_with(&format!("amount {total}")), "{kind}: {reason}");
            assert!(told(life).await.ends_with(&format!("amount {total} (last time {total})")));
        })
        .await;
    }
}

#[tokio::test]
async fn ten_thousand_rows_are_added_up_and_the_first_thousand_shown() {
    let house = House::new(&[("day", &report("sum = [\"qty\"]"))]).await;
    house.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) insert into stock select printf('%05d', i), i, '1' from n").await;
    house.step(0).await;
    let lines = house.history().await;
    assert_eq!((lines[0].reason.as_str(), lines[0].row_count), ("10000 rows; qty 50005000", 10_000));
    house.close().await;
}
