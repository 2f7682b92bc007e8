//! The life of a `change` watcher: old → new for each watched column, rows that come and go when that is asked for; and
//! that a result of another shape is a fault and not a million changes.

use super::house::low_stock;
use super::life::{Life, lived};

/// A watcher that tells what changes in `stock`.
fn changes(more: &str) -> String {
    low_stock(more).replace("\"match\"", "\"change\"").replace(" where qty < 10", "")
}

const ALL: &str = "rows = [\"added\", \"changed\", \"removed\"]";

#[tokio::test]
async fn each_change_of_a_known_row_is_told_once_with_old_and_new() {
    lived(&[("changes", &changes(""))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1.50'), ('b', 50, null)", "-").await;
        life.step(60, "", "-").await;
        life.house.sql("update stock set qty = 4, price = '2' where sku = 'a'; insert into stock values ('new', 1, '1')").await;
        let lines = life.events(60).await;
        assert_eq!(lines.len(), 1, "a row that is added is not told unless it is asked for: {lines:?}");
        assert_eq!(lines[0].reason, "qty: 3 → 4; price: 1.50 → 2");
        assert_eq!(lines[0].previous.as_ref().map(|row| row["qty"].clone()), Some("3".into()));
        life.step(60, "", "-").await;
        life.house.sql("update stock set price = '' where sku = 'b'").await;
        assert_eq!(life.events(60).await[0].reason, "price: NULL → ", "NULL and the empty text are two");
        life.step(60, "update stock set qty = 3 where sku = 'a'; update stock set qty = 5 where sku = 'new'", "changed a, changed new")
            .await;
        life.step(60, "update stock set qty = 4 where sku = 'a'", "changed a").await;
        life.step(60, "delete from stock where sku = 'a'", "-").await;
        life.step(60, "insert into stock values ('a', 77, '1')", "-").await;
        life.step(60, "update stock set qty = 78 where sku = 'a'", "changed a").await;
        assert_eq!(life.house.firing().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn rows_that_come_and_go_are_told_when_that_is_asked_for() {
    lived(&[("changes", &changes(ALL))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(60, "insert into stock values ('b', 4, '1')", "changed b").await;
        life.house
            .sql("delete from stock where sku = 'a'; update stock set qty = 5 where sku = 'b'; insert into stock values ('c', 1, null)")
            .await;
        let lines = life.events(60).await;
        let reasons: Vec<&str> = lines.iter().map(|line| line.reason.as_str()).collect();
        assert_eq!(reasons, ["qty: 4 → 5", "the row was added", "the row was removed"]);
        assert_eq!((lines[2].row.as_ref(), lines[2].previous.as_ref().map(|row| row["qty"].clone())), (None, Some("3".into())));
        life.step(60, "", "-").await;
        life.step(60, "delete from stock", "changed b, changed c").await;
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('a', 3, '1')", "changed a").await;
    })
    .await;
    lived(&[("changes", &changes("rows = [\"removed\"]"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(60, "insert into stock values ('b', 4, '1'); update stock set qty = 9 where sku = 'a'", "-").await;
        life.house.sql("delete from stock where sku = 'a'").await;
        let lines = life.events(60).await;
        assert_eq!(lines[0].previous.as_ref().map(|row| row["qty"].clone()), Some("9".into()), "what it was last");
    })
    .await;
}

#[tokio::test]
async fn only_the_watched_columns_count() {
    lived(&[("changes", &changes("columns = [\"price\"]"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(60, "update stock set qty = 4", "-").await;
        life.house.sql("update stock set qty = 5, price = '2'").await;
        let lines = life.events(60).await;
        assert_eq!(lines[0].reason, "price: 1 → 2");
        life.step(60, "update stock set qty = 6", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_condition_sees_the_row_before() {
    lived(
        &[("changes", &changes("when = \"qty < previous.qty - 10\"\nseverity = [{ when = \"qty = 0\", level = \"critical\" }]"))],
        async |life: &mut Life| {
            life.step(0, "insert into stock values ('a', 100, '1'), ('b', null, '1')", "-").await;
            life.step(60, "update stock set qty = 90 where sku = 'a'", "-").await;
            life.step(60, "update stock set qty = 79 where sku = 'a'", "changed a").await;
            life.step(60, "update stock set qty = 75 where sku = 'a'; update stock set qty = 5 where sku = 'b'", "-").await;
            life.step(60, "update stock set qty = 66 where sku = 'a'", "-").await;
            life.house.sql("update stock set qty = 0 where sku = 'a'").await;
            let lines = life.events(60).await;
            assert_eq!((lines[0].severity.as_str(), lines[0].reason.as_str()), ("critical", "qty: 66 → 0"));
        },
    )
    .await;
}

#[tokio::test]
async fn a_key_that_comes_twice_is_a_fault_and_keeps_its_state() {
    let watcher = changes(ALL).replace("from stock", "from (select * from stock union all select * from twice)");
    lived(&[("changes", &watcher)], async |life: &mut Life| {
        life.step(0, "create table twice (sku, qty, price); insert into stock values ('a', 3, '1'), ('b', 3, '1')", "-").await;
        life.step(60, "insert into twice values ('a', 9, '9'); update stock set qty = 4 where sku = 'b'", "changed b").await;
        assert_eq!(life.outcome().await, "partial duplicate_key");
        life.step(60, "", "-").await;
        life.step(60, "", "watcher_failed -").await;
        life.step(60, "delete from twice", "watcher_recovered -").await;
        life.step(60, "update stock set qty = 5 where sku = 'a'", "changed a").await;
    })
    .await;
}

#[tokio::test]
async fn a_result_of_another_shape_is_a_fault_and_not_a_change() {
    let watcher = changes("").replace("select sku, qty, price", "select *");
    lived(&[("changes", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1'), ('b', 4, '2')", "-").await;
        // A column that is added has no value before: it changes nothing.
        life.step(60, "alter table stock add column note text default 'x'", "-").await;
        assert_eq!(life.outcome().await, "ok");
        life.step(60, "update stock set note = 'y' where sku = 'a'", "changed a").await;
        life.step(60, "alter table stock drop column price", "-").await;
        let error = life.house.last_poll().await.error.expect("it failed");
        assert!(error.message.contains("the watched column `price` is gone"), "{}", error.message);
        assert_eq!(life.outcome().await, "failed evaluation");
        life.step(60, "alter table stock add column price; update stock set price = '1' where sku = 'a'; update stock set price = '2' where sku = 'b'", "-").await;
        assert_eq!(life.outcome().await, "ok", "in another place it is the same column");
        life.step(60, "update stock set price = 1.0 where sku = 'a'; update stock set price = 2 where sku = 'b'", "-").await;
        assert_eq!(life.outcome().await, "failed schema");
        life.step(60, "", "-").await;
        life.step(60, "update stock set qty = 99", "watcher_failed -").await;
        life.step(60, "update stock set price = '1' where sku = 'a'; update stock set price = '2' where sku = 'b'", "changed a, changed b, watcher_recovered -").await;
    })
    .await;
}

#[tokio::test]
async fn a_number_written_otherwise_is_the_same_number() {
    let watcher = changes("").replace("select sku, qty, price", "select sku, qty, qty * 1.0 as price");
    lived(&[("changes", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1'), ('b', 4, '2')", "-").await;
        let other = watcher.replace("qty * 1.0 as price", "qty as price");
        life.edit(&[("changes", &other)]).await;
        life.step(60, "", "-").await;
        life.step(60, "update stock set qty = 4 where sku = 'a'", "changed a").await;
        life.step(60, "update stock set qty = null where sku = 'a'", "changed a").await;
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_rows_are_watched_and_an_empty_result_is_one_too() {
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) insert into stock select printf('%05d', i), 1, '1' from n";
    lived(&[("changes", &changes(ALL))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.house.sql(many).await;
        assert_eq!(life.events(60).await.len(), 10_000);
        life.step(60, "", "-").await;
        life.step(60, "update stock set qty = 2 where sku = '07777'", "changed 07777").await;
        life.house.sql("update stock set qty = 3").await;
        assert_eq!(life.events(60).await.len(), 10_000);
        life.house.sql("delete from stock").await;
        assert_eq!(life.events(60).await.len(), 10_000);
        life.step(60, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_failed_poll_is_no_change_and_what_changed_meanwhile_is_one() {
    lived(&[("changes", &changes(ALL))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1'), ('b', 4, '2')", "-").await;
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "update hidden set qty = 5 where sku = 'a'", "-").await;
        life.step(60, "update hidden set qty = 6 where sku = 'a'; alter table hidden rename to stock", "changed a").await;
        life.step(60, "", "-").await;
    })
    .await;
}
