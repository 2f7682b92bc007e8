//! The life of a `new` watcher that reads by a cursor: a baseline of any size, late rows, rows without a value,
//! reconciliation. SQLite has one writer, so a row that commits late is one that is inserted under a lower value.

use super::life::{Life, lived};

const ORDERS: &str = "create table orders (id integer, sku text)";

/// A watcher that reads the table `orders` by `id`.
fn orders(more: &str) -> String {
    format!(
        "source = \"shop\"\nevery = \"1m\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\noverlap = \"10m\"\nquery = \"select id, sku from orders\"\n{more}\n[[notify]]\nreceivers = [\"warehouse\"]\n"
    )
}

/// Ids from one to another, as rows to insert.
fn numbered(ids: std::ops::RangeInclusive<i64>) -> String {
    format!(
        "with recursive n(i) as (select {} union all select i + 1 from n where i < {}) insert into orders select i, 'x' from n",
        ids.start(),
        ids.end()
    )
}

#[tokio::test]
async fn new_rows_and_late_rows_are_told_once_and_only_what_is_new_is_read() {
    lived(&[("orders", &orders(""))], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=50)), "-").await;
        life.step(60, "insert into orders values (60, 'x'), (61, 'x')", "fired 60, fired 61").await;
        // They were begun before 60, and commit later.
        life.step(60, "insert into orders values (51, 'x'), (59, 'x')", "fired 51, fired 59").await;
        life.step(480, "insert into orders values (52, 'late by ten minutes')", "fired 52").await;
        life.step(60, "insert into orders values (70, 'x')", "fired 70").await;
        for _ in 0..10 {
            life.step(60, "", "-").await;
        }
        life.step(600, "insert into orders values (71, 'x'), (66, 'x')", "fired 71").await;
        life.step(600, "", "-").await;
        life.step(60, "", "-").await;
        assert_eq!(life.house.last_poll().await.rows, 1, "what is older than the overlap is not read again");
    })
    .await;
}

#[tokio::test]
async fn a_reconciliation_tells_what_was_missed_and_nothing_twice() {
    // The house's day begins at 09:30 in Shanghai.
    lived(&[("orders", &orders("reconcile = \"0 12 * * *\""))], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=50)), "-").await;
        life.step(60, "insert into orders values (100, 'x')", "fired 100").await;
        life.step(1200, "insert into orders values (101, 'x')", "fired 101").await;
        life.step(1200, "", "-").await;
        // Far below where is read by now.
        life.step(60, "insert into orders values (77, 'x')", "-").await;
        let late = life.events(2 * 3600).await;
        assert_eq!(late.len(), 1, "{late:?}");
        assert!(late[0].reason.contains("later than `overlap`"), "{}", late[0].reason);
        for day in 0..4 {
            life.step(3600, &format!("insert into orders values ({}, 'x')", 200 + day), &format!("fired {}", 200 + day)).await;
            life.step(1200, "", "-").await;
            life.step(1200, "", "-").await;
            life.step(86_400 - 6000, "", "-").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_that_leaves_a_quiet_table_and_comes_back_is_not_told_again() {
    let paid = orders("").replace("from orders", "from orders where sku = 'paid'");
    lived(&[("orders", &paid)], async |life: &mut Life| {
        life.step(0, ORDERS, "-").await;
        life.step(60, "insert into orders values (1, 'paid'), (2, 'paid')", "fired 1, fired 2").await;
        life.step(3600, "", "-").await;
        life.step(60, "update orders set sku = 'refunded' where id = 2", "-").await;
        life.step(3600, "", "-").await;
        life.step(60, "update orders set sku = 'paid' where id = 2", "-").await;
        life.step(3600, "insert into orders values (3, 'paid')", "fired 3").await;
        life.step(3600, "", "-").await;
        assert_eq!(life.known().await, 2, "what lies below the bound is forgotten");
    })
    .await;
}

#[tokio::test]
async fn a_reconciliation_that_is_asked_for_later_tells_nothing_twice() {
    let (without, with) = (orders(""), orders("reconcile = \"0 12 * * *\""));
    lived(&[("orders", &without)], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=30)), "-").await;
        life.step(60, "insert into orders values (31, 'x')", "fired 31").await;
        life.step(1200, "insert into orders values (32, 'x')", "fired 32").await;
        for _ in 0..4 {
            life.step(1200, "", "-").await;
        }
        life.edit(&[("orders", &with)]).await;
        life.step(60, "", "-").await;
        life.step(86_400, "insert into orders values (33, 'x'), (5, 'x')", "fired 33").await;
        life.step(86_400, "insert into orders values (32, 'the same id again')", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_watcher_whose_first_rows_were_told_tells_nothing_again_when_its_cursor_changes() {
    let first = orders("first_poll = \"alert\"");
    let without = first.replace("cursor = \"id\"\noverlap = \"10m\"\n", "");
    let other = first.replace("cursor = \"id\"", "cursor = \"n\"").replace("select id, sku", "select id, sku, id + 1000 as n");
    lived(&[("orders", &first)], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; insert into orders values (1, 'x'), (2, 'x')"), "fired 1, fired 2").await;
        for (at, watcher) in [&other, &without, &first].into_iter().enumerate() {
            life.step(1800, &format!("insert into orders values ({}, 'x')", 10 + at), &format!("fired {}", 10 + at)).await;
            life.step(1800, "", "-").await;
            life.step(1800, "", "-").await;
            life.edit(&[("orders", watcher)]).await;
            life.step(60, "", "-").await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_a_large_table_the_last_ten_thousand_rows_are_the_baseline() {
    lived(&[("orders", &orders(""))], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=25_000)), "-").await;
        assert_eq!(life.house.last_poll().await.rows, 10_000);
        life.step(60, "insert into orders values (25001, 'x')", "fired 25001").await;
        assert_eq!(life.house.last_poll().await.rows, 10_001, "read from the lowest of the baseline");
        // Below the baseline nobody looks.
        life.step(60, "delete from orders where id = 20000; insert into orders values (0, 'x')", "-").await;
        life.step(600, "insert into orders values (20000, 'the same id again')", "-").await;
        life.step(60, "", "-").await;
        assert_eq!(life.house.last_poll().await.rows, 1);
        life.step(1200, "", "-").await;
        assert!(life.known().await <= 2, "ten thousand keys are not kept for ever: {}", life.known().await);
        life.step(60, "insert into orders values (25002, 'x')", "fired 25002").await;
    })
    .await;
}

#[tokio::test]
async fn a_row_without_a_value_is_told_once_by_its_key_and_again_never() {
    let by_sku = orders("").replace("key = [\"id\"]", "key = [\"sku\"]");
    lived(&[("orders", &by_sku)], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; insert into orders values (null, 'old'), (5, 'five')"), "-").await;
        life.step(60, "insert into orders values (null, 'draft'), (null, null)", "fired draft, fired NULL").await;
        life.step(1800, "insert into orders values (6, 'six'), (null, '')", "fired six, fired ").await;
        for _ in 0..3 {
            life.step(1800, "", "-").await;
        }
        // A draft gets its number.
        life.step(60, "update orders set id = 7 where sku = 'draft'", "-").await;
        life.step(60, "update orders set id = 3 where sku = 'old'", "-").await;
        life.step(1800, "update orders set id = null where sku = 'six'", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_query_that_names_the_cursor_by_hand_begins_where_it_is_told() {
    let by_hand = orders("cursor_start = 40").replace("from orders\"", "from orders where id >= :cursor and sku <> ':cursor'\"");
    lived(&[("orders", &by_hand)], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=50)), "-").await;
        assert_eq!(life.house.last_poll().await.rows, 11);
        life.step(60, "insert into orders values (60, 'x'), (61, ':cursor')", "fired 60").await;
        life.step(60, "insert into orders values (55, 'late'), (39, 'below')", "fired 55").await;
        life.step(600, "", "-").await;
        life.step(60, "", "-").await;
        assert_eq!(life.house.last_poll().await.rows, 1);
        life.step(60, "insert into orders values (59, 'too late'), (62, 'x')", "fired 62").await;
    })
    .await;
}

#[tokio::test]
async fn values_above_fifty_three_bits_are_told_apart() {
    let big = 9_007_199_254_740_993_i64;
    lived(&[("orders", &orders(""))], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; insert into orders values ({big}, 'x')"), "-").await;
        life.step(60, &format!("insert into orders values ({}, 'x')", big - 1), &format!("fired {}", big - 1)).await;
        life.step(1200, &format!("insert into orders values ({}, 'x')", big + 1), &format!("fired {}", big + 1)).await;
        life.step(1200, "", "-").await;
        life.step(60, "", "-").await;
        assert_eq!(life.house.last_poll().await.rows, 1);
    })
    .await;
}

#[tokio::test]
async fn failed_polls_move_nothing_and_what_came_meanwhile_is_told() {
    lived(&[("orders", &orders("reconcile = \"0 12 * * *\""))], async |life: &mut Life| {
        life.step(0, &format!("{ORDERS}; {}", numbered(1..=5)), "-").await;
        life.step(60, "insert into orders values (20, 'x'); alter table orders rename to hidden", "-").await;
        life.step(60, "", "-").await;
        life.step(3 * 3600, "insert into hidden values (10, 'late')", "watcher_failed -").await;
        life.step(3600, "alter table hidden rename to orders", "fired 20, fired 10, watcher_recovered -").await;
        life.step(60, "insert into orders values (15, 'later')", "fired 15").await;
        life.step(1200, "", "-").await;
        life.step(86_400, "", "-").await;
        life.step(86_400, "", "-").await;
    })
    .await;
}
