//! The life of a `missing` watcher: what fires is that there is no row, any or of an expected key.

use super::house::low_stock;
use super::life::{Life, lived};

/// A watcher that misses signs of life in `stock`.
fn signs(more: &str) -> String {
    low_stock(more).replace("\"match\"", "\"missing\"").replace(" where qty < 10", "")
}

/// The same without a key: any row will do.
fn any(more: &str) -> String {
    signs(more).replace("key = [\"sku\"]\n", "")
}

#[tokio::test]
async fn no_row_at_all_fires_and_any_row_resolves() {
    lived(&[("signs", &any("for = \"2m\"\nkeep_firing_for = 2\nrepeat_interval = \"5m\"\nmax_repeats = 1"))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(60, "insert into stock values ('a', 1, '1')", "-").await;
        life.step(60, "delete from stock", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "fired all").await;
        life.step(240, "insert into stock values ('a', 1, '1')", "-").await;
        life.step(60, "delete from stock", "repeated all").await;
        life.step(60, "", "-").await;
        life.step(300, "", "-").await;
        life.step(60, "insert into stock values ('b', 1, '1')", "-").await;
        life.step(60, "", "resolved all").await;
        life.step(60, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_row_that_does_not_count_is_no_sign_of_life_and_a_failed_poll_says_nothing() {
    lived(&[("signs", &any("when = \"qty > 0\""))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 0, '1')", "fired all").await;
        life.step(60, "update stock set qty = 1", "resolved all").await;
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "alter table hidden rename to stock", "-").await;
        // What cannot be judged may be a sign of life.
        life.step(60, "update stock set qty = 'many'", "-").await;
        assert_eq!(life.outcome().await, "partial evaluation");
        life.step(60, "update stock set qty = 0", "fired all").await;
        life.step(60, "update stock set qty = 'many'", "-").await;
        life.step(60, "insert into stock values ('b', 1, '1')", "resolved all").await;
    })
    .await;
}

#[tokio::test]
async fn each_expected_key_is_missed_on_its_own() {
    lived(&[("signs", &signs("expect = [\"a\", \"b\", \"c\"]"))], async |life: &mut Life| {
        life.step(0, "insert into stock values ('b', 1, '1'), ('z', 1, '1')", "fired a, fired c").await;
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('a', 1, '1'); delete from stock where sku = 'b'", "fired b, resolved a").await;
        life.step(60, "insert into stock values ('b', 1, '1'), ('c', 1, '1')", "resolved c, resolved b").await;
        life.step(60, "delete from stock", "fired a, fired b, fired c").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_expected_no_more_is_over_and_says_so() {
    let (three, one) = (signs("expect = [\"a\", \"b\", \"c\"]\nfor = 2"), signs("expect = [\"c\"]\nfor = 2"));
    lived(&[("signs", &three)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('c', 1, '1')", "-").await;
        life.step(60, "insert into stock values ('b', 1, '1')", "fired a").await;
        life.step(60, "delete from stock where sku = 'b'", "-").await;
        life.edit(&[("signs", &one)]).await;
        let lines = life.events(60).await;
        assert_eq!(lines.len(), 1, "b was only pending: {lines:?}");
        assert_eq!((lines[0].event.as_str(), lines[0].reason.as_str()), ("resolved", "the key is expected no more"));
        life.step(60, "delete from stock", "-").await;
        life.step(60, "", "fired c").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_expected_may_be_asked_for() {
    let watcher = signs("expect_query = \"select sku from shops\"");
    lived(&[("signs", &watcher)], async |life: &mut Life| {
        life.step(0, "create table shops (sku); insert into shops values ('a'), ('b'), (null), ('a')", "fired a, fired b, fired NULL")
            .await;
        life.step(60, "delete from shops where sku = 'a'; insert into stock values (null, 1, '1')", "resolved a, resolved NULL").await;
        life.step(60, "alter table shops rename to hidden", "-").await;
        assert!(life.house.last_poll().await.error.expect("it failed").message.contains("expect_query"));
        life.step(60, "delete from hidden; alter table hidden rename to shops", "resolved b").await;
        life.step(60, "insert into shops values ('c')", "fired c").await;
    })
    .await;
}

#[tokio::test]
async fn numbers_that_are_written_as_texts_are_found_and_texts_as_numbers() {
    let watcher = signs("expect = [\"1\", 2, \"03\"]").replace("key = [\"sku\"]", "key = [\"qty\"]");
    lived(&[("signs", &watcher)], async |life: &mut Life| {
        life.step(0, "create table kinds (qty); insert into stock values ('x', 1, '1')", "fired 2, fired 03").await;
        let texts = watcher.replace("from stock", "from (select sku, qty, price from stock union all select qty, qty, qty from kinds)");
        life.edit(&[("signs", &texts)]).await;
        life.step(60, "insert into kinds values ('2'), ('03')", "resolved 03, resolved 2").await;
        life.step(60, "update kinds set qty = 2.0 where qty = '2'", "-").await;
        life.step(60, "delete from stock; insert into kinds values ('1')", "-").await;
        life.step(60, "delete from kinds", "fired 1, fired 2, fired 03").await;
    })
    .await;
}

#[tokio::test]
async fn expected_keys_may_have_several_columns() {
    let watcher = signs("expect = [[\"cn\", 1], [\"cn\", \"2\"], [\"de\", 1]]").replace("key = [\"sku\"]", "key = [\"price\", \"qty\"]");
    lived(&[("signs", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('x', 2, 'cn')", "fired cn/1, fired de/1").await;
        life.step(60, "insert into stock values ('y', 1, 'de'), ('z', 1, 'cn')", "resolved cn/1, resolved de/1").await;
        life.step(60, "delete from stock where qty = 2", "fired cn/2").await;
    })
    .await;
}

#[tokio::test]
async fn the_severity_of_what_is_missing_is_judged_by_its_key() {
    let watcher = signs(
        "expect = [\"a\", \"b\"]\nseverity = [{ when = \"sku = 'a'\", level = \"critical\" }, { level = \"info\" }]\nrepeat_interval = \"10m\"",
    );
    lived(&[("signs", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 1, '1'), ('b', 1, '1')", "-").await;
        life.house.sql("delete from stock").await;
        let severities: Vec<String> = life.events(60).await.into_iter().map(|line| line.severity).collect();
        assert_eq!(severities, ["critical", "info"]);
        life.step(600, "", "repeated a, repeated b").await;
        life.acknowledge().await;
        life.step(600, "", "-").await;
        life.step(60, "insert into stock values ('a', 1, '1'), ('b', 1, '1')", "resolved a, resolved b").await;
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_expected_keys_are_missed_and_found() {
    let watcher = signs(
        "expect_query = \"select printf('%05d', i) as sku from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select i from n)\"",
    );
    let house = super::house::House::new(&[("signs", &watcher)]).await;
    house.step(0).await;
    assert_eq!(house.firing().await.len(), 10_000);
    house.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 9999) insert into stock select printf('%05d', i), 1, '1' from n").await;
    house.step(60).await;
    assert_eq!(house.firing().await, ["10000"]);
    house.close().await;
}
