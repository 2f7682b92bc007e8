//! `poll`, `preview` and `send-test`.

use super::house::{House, LOW_STOCK, PASSWORD, SECRET, TOKEN};
use rowbell::notify::dingtalk::simulator::SimulatedRobot;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_delivers_and_ends_when_the_outbox_is_empty() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let lines = house.rowbell(&["poll", "--json"]).exit(0).json();
    assert_eq!((&lines[0]["outcome"], &lines[0]["rows"], &lines[0]["error"]), (&json!("ok"), &json!(2), &json!(null)));
    let messages = house.simulator.messages();
    assert_eq!(messages.len(), 1, "one message for both products");
    assert!(messages[0].text.contains("龙井茶") && messages[0].text.contains("铁观音"), "{}", messages[0].text);
    house.rowbell(&["poll"]).exit(0).out_has("nothing new");
    assert_eq!(house.simulator.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_other_files_does_not_matter() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.watcher("broken", "every = \"5m\"\n");
    house.rowbell(&["poll", "low_stock"]).exit(0);
    house.rowbell(&["poll"]).exit(0).err_has("watchers/broken.toml");
    house.rowbell(&["poll", "broken"]).exit(2).err_has("watchers/broken.toml");
    house.rowbell(&["poll", "low_stok"]).exit(2).err_has("did you mean `low_stock`?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_fails_is_exit_1_and_changes_no_alert() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["poll"]).exit(0);
    house.sql("alter table products rename to gone").await;
    house.rowbell(&["poll"]).exit(1).out_has("no such table: products");
    assert_eq!(house.rowbell(&["alerts", "--json"]).json().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_robot_refuses_waits_and_goes_out_when_it_is_mended() {
    let mut robot = SimulatedRobot::new(TOKEN, "warehouse");
    robot.keywords = vec!["警报".to_owned()];
    let house = House::with_robot(robot).await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["poll", "--timeout", "2s"]).exit(1).out_has("still wait for warehouse").out_has("keyword");
    assert_eq!(house.simulator.messages().len(), 0);
    house.rowbell(&["deliveries", "--waiting"]).exit(0).out_has("held until").out_has("pending");
    house.settings("keyword = \"警报\"\n");
    let id = house.rowbell(&["deliveries", "--json"]).json()[0]["id"].to_string();
    house.rowbell(&["deliveries", "retry", &id]).exit(0).out_has("waits again");
    house.rowbell(&["poll"]).exit(0);
    assert_eq!(house.simulator.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_writes_nothing_and_sends_nothing() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["preview", "low_stock"]).exit(0).out_has("to warehouse").out_has("龙井茶");
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"]);
    house.rowbell(&["poll"]).exit(0);
    house.sql("update products set stock = 50").await;
    house.rowbell(&["preview", "low_stock"]).exit(0).out_has("resolved");
    assert_eq!(house.rowbell(&["history", "--json"]).json().len(), 2, "the preview resolved nothing");
    assert_eq!(house.simulator.messages().len(), 1);
    house.rowbell(&["preview", "other"]).exit(2);
    house.watcher("broken", &LOW_STOCK.replace("products", "nowhere"));
    house.rowbell(&["preview", "broken"]).exit(1).err_has("no such table: nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_sends_one_test_message_when_asked_to() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["preview", "low_stock", "--send-to", "warehouse"]).exit(0);
    assert_eq!(house.simulator.messages().len(), 1);
    house.rowbell(&["preview", "low_stock", "--send-to", "nobody"]).exit(2).err_has("nobody");
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_message_explains_a_refusal() {
    let mut robot = SimulatedRobot::new(TOKEN, "warehouse");
    robot.secret = Some(SECRET.to_owned());
    robot.keywords = vec!["警报".to_owned()];
    let house = House::with_robot(robot).await;
    house.rowbell(&["send-test", "warehouse"]).exit(1).out_has("NOT delivered").out_has("secret");
    house.settings(&format!("secret = \"{SECRET}\"\n"));
    house.rowbell(&["send-test", "warehouse"]).exit(1).out_has("keyword");
    house.settings(&format!("secret = \"{SECRET}\"\nkeyword = \"警报\"\n"));
    house.rowbell(&["send-test", "warehouse"]).exit(0).out_has("warehouse: delivered");
    house.rowbell(&["send-test", "nobody"]).exit(2).err_has("warehouse");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_addresses_are_told_without_their_secrets() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.watcher("far", "source = \"far\"\nevery = \"5m\"\nquery = \"select 1 as x\"\n[[notify]]\nreceivers = [\"warehouse\"]\n");
    let far = |url: &str, robot: &str| {
        format!("[sources.far]\nurl = \"{url}\"\n[receivers.other]\ntype = \"dingtalk_robot\"\nwebhook = \"{robot}\"\n")
    };
    for (url, robot) in [
        (format!("postgres://reader:{PASSWORD}@127.0.0.1:1/erp"), format!("http://127.0.0.1:1/robot/send?access_token={TOKEN}")),
        (format!("mysql://reader:{PASSWORD}@127.0.0.1:1/erp"), format!("http://127.0.0.1:1/robot/send?token={TOKEN}")),
        (format!("postgres://reader:{PASSWORD}@:x/erp"), format!("ftp://host/{TOKEN}")),
        (PASSWORD.to_owned(), TOKEN.to_owned()),
        (format!("sqlite://{PASSWORD}?mode={PASSWORD}"), format!("http://user:{SECRET}@127.0.0.1:1/?access_token={TOKEN}")),
    ] {
        house.settings(&far(&url, &robot));
        for arguments in [
            vec!["--log", "debug", "check"],
            vec!["--log", "debug", "poll", "far", "--timeout", "1s"],
            vec!["--log", "debug", "preview", "far"],
            vec!["--log", "debug", "send-test", "other"],
            vec!["history"],
            vec!["polls", "--json"],
        ] {
            let said = house.rowbell(&arguments);
            assert!(matches!(said.code, Some(0..=2)), "{arguments:?} ended with {:?}: {}", said.code, said.err);
        }
    }
}
