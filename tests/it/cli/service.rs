//! `run`: the service as other programs see it.

use super::house::{House, LOW_STOCK};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_answers_and_stops_softly() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let mut service = house.run();
    service.wait_for("delivered");
    assert_eq!(service.get("/healthz").0, 200);
    let (status, body) = service.get("/readyz");
    assert_eq!((status, body.contains("\"ready\":true")), (200, true), "{body}");
    let (status, metrics) = service.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "rowbell_polls_total{watcher=\"low_stock\",outcome=\"ok\"}",
        "rowbell_alerts_firing{watcher=\"low_stock\"",
        "rowbell_outbox_pending{receiver=\"warehouse\"} 0",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing in:\n{metrics}");
    }
    assert_eq!(service.get("/nowhere").0, 404);
    assert_eq!(house.simulator.messages().len(), 1);
    assert_eq!(service.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_service_on_the_same_store_is_refused() {
    let house = House::new().await;
    let service = house.run();
    house.rowbell(&["run"]).exit(1).err_has("another rowbell service works on this store");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(house.run().stop(), Some(0), "the store is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_by_hand_goes_well_while_the_service_runs() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let mut service = house.run();
    service.wait_for("delivered");
    house.sql("update products set stock = 50 where sku = 'B-2'").await;
    house.rowbell(&["poll", "low_stock"]).exit(0).out_has("resolved");
    house.rowbell(&["history", "--json", "--event", "resolved"]).exit(0).out_has("B-2");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(house.simulator.messages().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_taken_up_while_it_runs_and_a_broken_one_keeps_its_old_version() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let mut service = house.run();
    service.wait_for("delivered");
    // Added: it polls at once. Broken in the same breath: the version that ran stays.
    house.watcher("empty", &LOW_STOCK.replace("stock < reorder_level", "stock > reorder_level"));
    house.watcher("low_stock", "every = \"1s\"\nsource = \"nowhere\"\n");
    service.wait_for("watchers/low_stock.toml");
    service.wait_for("delivered");
    assert!(service.get("/metrics").1.contains("rowbell_polls_total{watcher=\"empty\",outcome=\"ok\"}"));
    // Changed: it runs by its new schedule.
    house.sql("update products set stock = 1 where sku = 'C-9'").await;
    house.watcher("low_stock", &LOW_STOCK.replace("5m", "1s"));
    service.wait_for("delivered");
    assert!(house.simulator.messages().iter().any(|message| message.text.contains("Earl Grey")));
    // Gone: it no longer runs.
    std::fs::remove_file(house.path("watchers/empty.toml")).unwrap();
    service.wait_for("file was removed");
    assert_eq!(service.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_does_not_stop_the_start() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.watcher("broken", "every = \"5m\"\n");
    let mut service = house.run();
    service.wait_for("delivered");
    assert!(service.get("/metrics").1.contains("rowbell_polls_total{watcher=\"low_stock\""));
    assert_eq!(service.stop(), Some(0));
}
