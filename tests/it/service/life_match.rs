//! The life of `match` alerts: pending, firing, gone and back, escalated and calm, reminded, over.

use super::house::{House, low_stock};
use super::life::{Life, lived};

#[tokio::test]
async fn a_key_waits_fires_is_reminded_flaps_escalates_calms_down_and_ends() {
    let watcher = low_stock(
        "for = \"2m\"\nkeep_firing_for = \"3m\"\nrepeat_interval = \"5m\"\nseverity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]",
    );
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1.50'), ('b', 50, '2')", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "fired a").await;
        life.step(60, "update stock set qty = 4 where sku = 'a'", "-").await;
        // Gone for two minutes, and back.
        life.step(60, "update stock set qty = 50 where sku = 'a'", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "update stock set qty = 2 where sku = 'a'", "-").await;
        life.step(60, "", "repeated a").await;
        life.step(60, "update stock set qty = 0 where sku = 'a'", "escalated a").await;
        life.step(60, "update stock set qty = 1 where sku = 'a'", "-").await;
        life.step(60, "update stock set qty = 0 where sku = 'a'", "escalated a").await;
        // Polls that fail are neither presence nor absence.
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "alter table hidden rename to stock", "-").await;
        life.step(120, "", "-").await;
        life.step(60, "", "repeated a").await;
        life.step(60, "delete from stock where sku = 'a'", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "resolved a").await;
        life.step(60, "insert into stock values ('a', 0, '1')", "-").await;
        life.step(120, "", "fired a").await;
    })
    .await;
}

#[tokio::test]
async fn numbers_of_polls_count_only_polls_that_were_read() {
    let watcher = low_stock("for = 3\nkeep_firing_for = 2");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(3600, "", "-").await;
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "alter table hidden rename to stock", "fired a").await;
        // Gone, back, gone, a failure, gone: two polls in a row.
        life.step(60, "delete from stock", "-").await;
        life.step(60, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(60, "delete from stock", "-").await;
        life.step(60, "alter table stock rename to hidden", "-").await;
        life.step(60, "alter table hidden rename to stock", "resolved a").await;
        // A break in the row begins the count anew.
        life.step(60, "insert into stock values ('b', 3, '1')", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "update stock set qty = 50", "-").await;
        life.step(60, "update stock set qty = 3", "-").await;
        life.step(60, "update stock set qty = 4", "-").await;
        life.step(60, "update stock set qty = 5", "fired b").await;
    })
    .await;
}

#[tokio::test]
async fn a_time_must_pass_in_one_piece_and_failed_polls_do_not_break_it() {
    let watcher = low_stock("for = \"10m\"\nkeep_firing_for = \"10m\"");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(540, "update stock set qty = 20", "-").await;
        life.step(60, "update stock set qty = 3", "-").await;
        life.step(540, "alter table stock rename to hidden", "-").await;
        life.step(540, "alter table hidden rename to stock", "fired a").await;
        life.step(60, "delete from stock", "-").await;
        life.step(540, "insert into stock values ('a', 3, '1')", "-").await;
        life.step(540, "delete from stock", "-").await;
        life.step(599, "alter table stock rename to hidden", "-").await;
        life.step(60, "alter table hidden rename to stock", "resolved a").await;
    })
    .await;
}

#[tokio::test]
async fn between_when_and_clear_when_a_key_stays_as_it_is() {
    let watcher = low_stock("when = \"qty < 5\"\nclear_when = \"qty >= 8\"").replace(" where qty < 10", "");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 7, '1'), ('b', 4, '1')", "fired b").await;
        life.step(60, "update stock set qty = 7", "-").await;
        life.step(60, "update stock set qty = 5", "-").await;
        life.step(60, "update stock set qty = 4", "fired a").await;
        life.step(60, "update stock set qty = 7", "-").await;
        life.step(60, "update stock set qty = 8 where sku = 'a'", "resolved a").await;
        life.step(60, "update stock set qty = 7 where sku = 'a'", "-").await;
        life.step(60, "update stock set qty = null where sku = 'b'", "-").await;
        life.step(60, "delete from stock", "resolved b").await;
    })
    .await;
}

#[tokio::test]
async fn hysteresis_and_waiting_go_together() {
    let watcher = low_stock("when = \"qty < 5\"\nclear_when = \"qty >= 8\"\nfor = 2\nkeep_firing_for = 2").replace(" where qty < 10", "");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 4, '1')", "-").await;
        life.step(60, "update stock set qty = 6", "-").await;
        life.step(60, "update stock set qty = 3", "-").await;
        life.step(60, "", "fired a").await;
        life.step(60, "update stock set qty = 9", "-").await;
        life.step(60, "update stock set qty = 6", "-").await;
        life.step(60, "update stock set qty = 9", "-").await;
        life.step(60, "", "resolved a").await;
    })
    .await;
}

#[tokio::test]
async fn reminders_are_counted_and_an_acknowledgement_stops_them_until_it_escalates() {
    let watcher = low_stock(
        "repeat_interval = \"10m\"\nmax_repeats = 2\nseverity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]",
    );
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "insert into stock values ('a', 3, '1')", "fired a").await;
        life.step(540, "", "-").await;
        life.step(60, "", "repeated a").await;
        life.step(600, "update stock set qty = 4", "repeated a").await;
        life.step(600, "", "-").await;
        life.step(600, "", "-").await;
        life.step(60, "update stock set qty = 0", "escalated a").await;
        life.step(600, "", "repeated a").await;
        life.acknowledge().await;
        life.step(600, "", "-").await;
        life.step(60, "update stock set qty = 1", "-").await;
        life.step(600, "", "-").await;
        life.step(60, "update stock set qty = 0", "escalated a").await;
        life.step(600, "", "repeated a").await;
        life.acknowledge().await;
        life.step(600, "delete from stock", "resolved a").await;
        life.step(60, "insert into stock values ('a', 3, '1')", "fired a").await;
        life.step(600, "", "repeated a").await;
    })
    .await;
}

#[tokio::test]
async fn keys_of_several_columns_and_keys_with_null_live_their_own_lives() {
    let watcher = low_stock("").replace("key = [\"sku\"]", "key = [\"price\", \"kind\"]").replace("select sku,", "select sku, kind,");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        let rows = "alter table stock add column kind text; insert into stock values ('1', 3, null, null), ('2', 3, null, ''), ('3', 3, '', null), ('4', 3, 'a', 'b-c'), ('5', 3, 'a-b', 'c')";
        life.step(0, rows, "fired NULL/NULL, fired NULL/, fired /NULL, fired a/b-c, fired a-b/c").await;
        life.step(60, "delete from stock where sku in ('1', '4')", "resolved a/b-c, resolved NULL/NULL").await;
        life.step(60, "update stock set price = 'NULL', kind = 'NULL' where sku = '2'", "fired NULL/NULL, resolved NULL/").await;
        life.step(60, "update stock set price = null, kind = null where sku = '5'", "fired NULL/NULL, resolved a-b/c").await;
        assert_eq!(life.house.firing().await, ["NULL", "NULLNULL", "NULLNULL"]);
    })
    .await;
}

#[tokio::test]
async fn without_a_key_the_whole_result_is_one_alert() {
    let watcher = low_stock("for = 2\nrepeat_interval = \"5m\"").replace("key = [\"sku\"]\n", "");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(60, "insert into stock values ('a', 3, '1'), ('b', 4, '1')", "-").await;
        life.step(60, "delete from stock where sku = 'a'; insert into stock values ('c', 4, '1')", "fired all").await;
        life.step(300, "insert into stock values ('d', 4, '1')", "repeated all").await;
        life.step(60, "delete from stock where sku <> 'd'", "-").await;
        life.step(60, "delete from stock", "resolved all").await;
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_alerts_fire_are_reminded_of_and_end() {
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) insert into stock select printf('%05d', i), 1, '1' from n";
    let house = House::new(&[("low", &low_stock("for = 2\nrepeat_interval = \"10m\"\nkeep_firing_for = \"2m\""))]).await;
    let count = async |event: &str| house.history().await.iter().filter(|line| line.event == event).count();
    house.step(0).await;
    house.sql(many).await;
    house.step(60).await;
    assert_eq!(count("fired").await, 0);
    house.step(60).await;
    assert_eq!(count("fired").await, 10_000);
    house.step(600).await;
    assert_eq!(count("repeated").await, 10_000);
    house.sql("update stock set qty = 99 where sku > '00001'").await;
    house.step(60).await;
    house.sql("update stock set qty = 1 where sku > '05000'").await;
    house.step(60).await;
    assert_eq!(count("resolved").await, 0);
    house.step(60).await;
    assert_eq!((count("resolved").await, house.firing().await.len()), (4_999, 5_001));
    house.close().await;
}
