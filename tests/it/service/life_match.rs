//! The life of `match` alerts: pending, firing, gone and back, escalated and calm, reminded, over.

use super::house::low_stock;
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
