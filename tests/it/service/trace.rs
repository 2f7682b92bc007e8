//! The trace does not grow while nothing changes: not with many keys, not by a restart, not by a poll that fails.

use super::house::{House, low_stock};
use sqlx::SqlitePool;

/// Every row is returned, and counts below 5.
fn all_rows(more: &str) -> String {
    format!(
        "source = \"shop\"\nevery = \"1m\"\nkey = [\"sku\"]\nquery = \"select sku, qty from stock order by sku\"\nwhen = \"qty < 5\"\n{more}\n[[notify]]\nreceivers = [\"warehouse\"]\n"
    )
}

/// Rows `k1`, `k2`, … with this quantity.
async fn fill(house: &House, rows: u32, qty: u32) {
    house
        .sql(&format!(
            "delete from stock; insert into stock (sku, qty) with recursive n (n) as (select 1 union all select n + 1 from n where n < {rows}) select 'k' || n, {qty} from n"
        ))
        .await;
}

async fn lines(house: &House) -> Vec<(String, i64)> {
    let pool = SqlitePool::connect(&format!("sqlite://{}/state.db", house.folder.path().display())).await.expect("the store");
    let lines = sqlx::query_as("select word, count(*) from trace group by word order by word").fetch_all(&pool).await.expect("the trace");
    pool.close().await;
    lines
}

fn is(lines: &[(&str, i64)]) -> Vec<(String, i64)> {
    lines.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
}

#[tokio::test]
async fn why_rows_do_not_count_is_written_once_for_ten_thousand_rows() {
    let watcher = all_rows("");
    let mut house = House::new(&[("w", &watcher)]).await;
    fill(&house, 10_000, 120).await;
    for _ in 0..4 {
        house.step(60).await;
    }
    assert_eq!(lines(&house).await, is(&[("unmatched", 200)]));
    house.restart(&[("w", &watcher)]).await;
    house.step(60).await;
    assert_eq!(lines(&house).await, is(&[("unmatched", 200)]), "a restart writes nothing again");
    house.sql("alter table stock rename to hidden").await;
    house.step(60).await;
    house.sql("alter table hidden rename to stock").await;
    house.step(60).await;
    assert_eq!(lines(&house).await, is(&[("unmatched", 200)]), "a poll that fails ends no thought");
    fill(&house, 10_000, 119).await;
    house.step(60).await;
    house.step(60).await;
    assert_eq!(lines(&house).await, is(&[("unmatched", 400)]), "other values are another thought");
    house.close().await;
}

#[tokio::test]
async fn a_row_that_did_not_count_and_is_gone_is_noted_once() {
    let watcher = all_rows("");
    let house = House::new(&[("w", &watcher)]).await;
    fill(&house, 3, 120).await;
    house.step(60).await;
    house.sql("delete from stock where sku = 'k1'; update stock set qty = 3 where sku = 'k2'").await;
    house.step(60).await;
    house.step(60).await;
    assert_eq!(lines(&house).await, is(&[("absent", 1), ("unmatched", 3)]));
    house.close().await;
}

#[tokio::test]
async fn ten_thousand_keys_that_wait_and_are_gone_do_not_fill_the_trace_while_they_last() {
    let watcher = all_rows("for = \"10m\"\nkeep_firing_for = \"10m\"");
    let mut house = House::new(&[("w", &watcher)]).await;
    fill(&house, 10_000, 3).await;
    for _ in 0..3 {
        house.step(60).await;
    }
    assert_eq!(lines(&house).await, is(&[("pending", 500)]), "a poll writes 500 lines, and those that wait are not thought of again");
    house.restart(&[("w", &watcher)]).await;
    house.step(540).await;
    house.sql("delete from stock").await;
    for _ in 0..3 {
        house.step(60).await;
    }
    assert_eq!(lines(&house).await, is(&[("gone", 500), ("pending", 500)]));
    house.close().await;
}

#[tokio::test]
async fn an_alert_that_two_thoughts_are_had_of_is_written_twice_and_not_again() {
    let watcher = all_rows("clear_when = \"qty > 8\"\nrepeat_interval = \"1m\"\nmax_repeats = 1");
    let mut house = House::new(&[("w", &watcher)]).await;
    fill(&house, 1, 3).await;
    house.step(60).await;
    house.sql("update stock set qty = 6").await;
    for _ in 0..3 {
        house.step(60).await;
    }
    let written = is(&[("held", 1), ("not_repeated", 1)]);
    assert_eq!(lines(&house).await, written);
    for _ in 0..3 {
        house.restart(&[("w", &watcher)]).await;
        house.step(60).await;
    }
    assert_eq!(lines(&house).await, written);
    house.close().await;
}

#[tokio::test]
async fn a_watcher_that_is_renamed_takes_its_trace_along() {
    let watcher = all_rows("");
    let mut house = House::new(&[("w", &watcher)]).await;
    fill(&house, 2, 120).await;
    house.step(60).await;
    let renamed = all_rows("formerly = \"w\"");
    house.restart(&[("stock", &renamed)]).await;
    house.step(60).await;
    house.step(60).await;
    assert_eq!(lines(&house).await, is(&[("unmatched", 2)]));
    house.close().await;
}

#[tokio::test]
async fn rows_that_count_leave_no_trace() {
    let house = House::new(&[("low_stock", &low_stock(""))]).await;
    fill(&house, 50, 3).await;
    house.step(60).await;
    house.step(60).await;
    assert_eq!(lines(&house).await, []);
    house.close().await;
}
