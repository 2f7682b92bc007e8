//! `new`, `schema`, and the help.

use super::house::House;
use serde_json::Value as Json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_watcher_is_valid_and_nothing_is_overwritten() {
    let house = House::new().await;
    house.sql("create table orders (order_id int primary key, customer text, amount int, created_at text);").await;
    house.rowbell(&["new", "low_stock"]).exit(0).out_has("wrote watchers/low_stock.toml").err_has("rowbell check low_stock");
    house.rowbell(&["new", "orders", "--alert-on", "new"]).exit(0);
    house.rowbell(&["check"]).exit(0).err_has("2 watchers: 2 valid");
    let before = std::fs::read_to_string(house.path("watchers/low_stock.toml")).unwrap();
    assert!(before.contains("source = \"shop\"") && before.contains("receivers = [\"warehouse\"]"), "{before}");
    house.rowbell(&["new", "low_stock", "--alert-on", "new"]).exit(2).err_has("is there already");
    assert_eq!(std::fs::read_to_string(house.path("watchers/low_stock.toml")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_no_name_writes_nothing() {
    let house = House::new().await;
    for name in ["../escape", "a b", "", "x.test"] {
        house.rowbell(&["new", name]).exit(2).err_has("cannot be a watcher's name");
    }
    assert_eq!(std::fs::read_dir(house.path("watchers")).unwrap().count(), 0);
    let said = house.rowbell(&["new", "库存", "--stdout"]).exit(0).out_has("query = '''");
    assert!(said.err.is_empty(), "{}", said.err);
    assert_eq!(std::fs::read_dir(house.path("watchers")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_watcher_of_all_creates_the_folder() {
    let house = House::new().await;
    std::fs::remove_dir(house.path("watchers")).unwrap();
    std::fs::remove_file(house.path("rowbell.toml")).unwrap();
    house.rowbell(&["new", "first"]).exit(0).err_has("no source yet").err_has("no receiver yet");
    assert!(house.path("watchers/first.toml").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schemas_are_json() {
    let house = House::new().await;
    for (of, key) in [("watcher", "query"), ("test", "columns"), ("settings", "sources")] {
        let said = house.rowbell(&["schema", of]).exit(0);
        let schema: Json = serde_json::from_str(&said.out).unwrap();
        assert!(schema["properties"][key].is_object(), "{of}");
    }
    house.rowbell(&["schema", "nothing"]).exit(2).err_has("watcher, test, settings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_has_a_help() {
    let house = House::new().await;
    let help = house.rowbell(&["--help"]).exit(0).out;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    for command in
        ["run", "poll", "preview", "check", "test", "alerts", "history", "polls", "deliveries", "send-test", "new", "schema", "simulator"]
    {
        assert!(commands.contains(&command), "{command} is missing in {commands:?}");
        house.rowbell(&[command, "--help"]).exit(0).out_has("Usage: rowbell");
    }
    house.rowbell(&["--version"]).exit(0).out_has(env!("CARGO_PKG_VERSION"));
    house.rowbell(&["no-such-command"]).exit(2);
}
