//! `explain`: why it did, and why it did not.

use super::house::{House, TOKEN};
use rowbell::notify::dingtalk::simulator::SimulatedRobot;
use serde_json::{Value as Json, json};

/// All products are returned; those below their reorder level count.
const STOCK: &str = "source = \"shop\"
every = \"5m\"
key = [\"sku\"]
query = \"select sku, name, stock, reorder_level from products\"
when = \"stock < reorder_level\"
[[notify]]
receivers = [\"warehouse\"]
";

async fn polled() -> House {
    let house = House::new().await;
    house.watcher("stock", STOCK);
    house.rowbell(&["poll"]).exit(0);
    house
}

fn texts(lines: &[Json], kind: &str) -> Vec<String> {
    lines.iter().filter(|line| line["kind"] == kind).map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_it_alerted_is_answered_with_the_row_the_poll_and_the_robots_answer() {
    let house = polled().await;
    let said = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0);
    let answer = said.out.lines().next().unwrap();
    assert!(answer.starts_with("sku A-17 has been firing since ") && answer.contains("warehouse was told at"), "{answer}");
    said.out_has("fired")
        .out_has("the row matches; the row: name 龙井茶 · stock 3")
        .out_has("DingTalk answered: 0 ok")
        .out_has("it goes on firing");
    let lines = house.rowbell(&["explain", "stock", "--key", "SKU=A-17", "--json"]).exit(0).json();
    assert_eq!(lines[0]["kind"], "answer");
    let fired = lines.iter().find(|line| line["kind"] == "fired").expect("the event");
    assert_eq!((&fired["poll"], &fired["event"], &fired["delivery"]), (&json!(1), &json!(1), &Json::Null));
    let told = lines.iter().find(|line| line["kind"] == "delivery").expect("the message");
    assert_eq!((&told["poll"], &told["delivery"]), (&Json::Null, &json!(1)));
    for line in &lines {
        let at = line["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.len() == 24, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_it_did_not_alert_is_answered_from_the_trace_and_from_a_look() {
    let house = polled().await;
    let said = house.rowbell(&["explain", "stock", "--key", "sku=C-9"]).exit(0);
    said.out_has("sku C-9 has not alerted: the poll at").out_has("`stock < reorder_level` is not true; stock is 50, reorder_level is 10");
    house.sql("update products set stock = 4 where sku = 'C-9'").await;
    house
        .rowbell(&["explain", "stock", "--key", "sku=C-9"])
        .exit(0)
        .out_has("`stock < reorder_level` is true, so it counts (warning); a poll now would fire it");
    let offline = house.rowbell(&["explain", "stock", "--key", "sku=C-9", "--offline", "--json"]).exit(0).json();
    assert_eq!(texts(&offline, "now"), Vec::<String>::new());
    assert_eq!(house.rowbell(&["alerts", "--json"]).json().len(), 2, "a look fires nothing");
    house
        .rowbell(&["explain", "stock", "--key", "sku=Z-1"])
        .exit(0)
        .out_has("sku Z-1 has not alerted: the poll at")
        .out_has("read 3 rows, and it was not among them. The query returns 3 rows now, and it is not among them.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_was_never_polled_is_explained_and_nothing_is_created() {
    let house = House::new().await;
    house.watcher("stock", STOCK);
    house.rowbell(&["explain", "stock"]).exit(0).out_has("No alert of stock fires. It has never been polled.");
    let said = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0);
    said.out_has("sku A-17 has not alerted: stock has never been polled. The query returns it now").out_has("a poll now would fire it");
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_wrongly_is_said_to_be_so() {
    let house = polled().await;
    house.rowbell(&["explain", "stok"]).exit(2).err_has("did you mean `stock`?");
    house.rowbell(&["explain", "stock", "--key", "name=x"]).exit(2).err_has("`name` is not in the key of `stock`, which is: sku");
    house.rowbell(&["explain", "stock", "--key", "sku"]).exit(2).err_has("write COLUMN=VALUE");
    house.rowbell(&["explain", "stock", "--at", "noon"]).exit(2).err_has("--at: `noon` is not a time");
    house.rowbell(&["explain", "stock", "--at", "2999-01-01"]).exit(2).err_has("lies ahead");
    house.watcher("all", &STOCK.replace("key = [\"sku\"]\n", ""));
    house.rowbell(&["explain", "all", "--key", "sku=A"]).exit(2).err_has("has no key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_waits_says_for_what() {
    let mut robot = SimulatedRobot::new(TOKEN, "warehouse");
    robot.keywords = vec!["警报".to_owned()];
    let house = House::with_robot(robot).await;
    house.watcher("stock", STOCK);
    house.rowbell(&["poll", "--timeout", "1s"]).exit(1);
    let said = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0);
    said.out_has("warehouse has not been told yet: warehouse is held until").out_has("try 1: refused").out_has("keyword");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_fail_are_told_with_the_databases_words() {
    let house = polled().await;
    house.sql("alter table products rename to gone").await;
    for _ in 0..3 {
        house.rowbell(&["poll"]).exit(1);
    }
    let said = house.rowbell(&["explain", "stock"]).exit(0);
    said.out_has("2 alerts of stock fire. Its polls fail since")
        .out_has("(3 in a row): sql:")
        .out_has("no such table: products")
        .out_has("that it fails was told");
    let said = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0);
    said.out_has("nothing is changed until one works").out_has("The query cannot be asked now").out_has("3 polls in a row failed");
    house.rowbell(&["explain", "stock", "--key", "sku=Q"]).exit(0).out_has("failed, and a poll that fails changes no alert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_secrets_what_was_recorded_is_told() {
    let house = polled().await;
    house.settings("[receivers.duty]\ntype = \"dingtalk_robot\"\nwebhook = \"${NOT_THERE}\"\n");
    let said = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0).err_has("the settings cannot be read whole");
    let said = said.out_has("sku A-17 has been firing since");
    assert!(!said.out.contains(" now "), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_or_broken_leaves_what_was_recorded() {
    let house = polled().await;
    house.watcher("stock", "source = 1\n");
    house.rowbell(&["explain", "stock"]).exit(0).out_has("Its file is broken now");
    std::fs::remove_file(house.path("watchers/stock.toml")).expect("removed");
    house.rowbell(&["explain", "stock"]).exit(0).out_has("There is no file of this name any more").out_has("fired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_source_of_a_watcher_is_explained() {
    let house = House::new().await;
    house.settings("[sources.other]\nurl = \"sqlite://other.db\"\n");
    std::fs::copy(house.path("shop.db"), house.path("other.db")).expect("copied");
    house.watcher("stock", &STOCK.replace("source = \"shop\"", "sources = [\"shop\", \"other\"]"));
    house.rowbell(&["poll"]).exit(0);
    house.rowbell(&["explain", "stock"]).exit(0).out_has("4 alerts of stock fire. It reads 2 sources, of which 2 were polled well.");
    house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0).out_has("2 keys of stock are meant by sku A-17; firing: source");
    let one = house.rowbell(&["explain", "stock", "--key", "sku=A-17", "--key", "source=other"]).exit(0);
    one.out_has("source other · sku A-17 has been firing since").out_has("it goes on firing");
    let none = house.rowbell(&["explain", "stock", "--key", "sku=Z"]).exit(0);
    none.out_has("The query does not return it now on any of its sources.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_long_timeline_the_newest_lines_are_shown() {
    let house = polled().await;
    let said = house.rowbell(&["explain", "stock", "--limit", "2"]).exit(0).err_has("2 more lines are not shown (2 earlier, 0 later)");
    assert_eq!(said.out.lines().count(), 4, "the answer, a blank line and two lines:\n{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_did_is_told_with_their_names() {
    let house = House::new().await;
    house.watcher("stock", &STOCK.replace("key =", "repeat_interval = \"1h\"\nkey ="));
    house.rowbell(&["silence", "add", "--key", "sku=B-*", "--for", "2h", "--reason", "stocktaking", "--by", "wang"]).exit(0);
    house.rowbell(&["poll"]).exit(0);
    let said = house.rowbell(&["explain", "stock", "--key", "sku=B-2"]).exit(0);
    said.out_has("warehouse was not told because of silence #1 by wang: stocktaking").out_has("silence #1 by wang: stocktaking begins");
    let told = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0).out_has("it is told again every 1h, the next from");
    assert!(!told.out.contains("silence"), "{}", told.out);
    let alerts = house.rowbell(&["alerts", "--json"]).exit(0).json();
    let id = alerts.iter().find(|alert| alert["key"]["sku"] == "A-17").expect("an alert")["id"].to_string();
    house.rowbell(&["ack", &id, "--by", "li", "--note", "ordered"]).exit(0);
    let told = house.rowbell(&["explain", "stock", "--key", "sku=A-17"]).exit(0);
    told.out_has("reminders stop because li acknowledged it at").out_has("(ordered)").out_has("it was acknowledged by li: ordered");
}
