//! `check` tells beforehand what an edit of the files would do at the next poll, and changes nothing.

use super::house::{House, LOW_STOCK, Said};
use serde_json::{Value as Json, json};

/// The products whose stock is below a number of one's own: A-17 has 3, B-2 none, C-9 fifty.
fn below(stock: u32) -> String {
    format!(
        "source = \"shop\"\nevery = \"5m\"\nkey = [\"sku\"]\nquery = \"select sku, name, stock from products\"\nwhen = \"stock < {stock}\"\n"
    )
}

/// What `check --json` says of each watcher's edit.
fn edits(house: &House) -> Vec<(String, Json)> {
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    lines.into_iter().map(|mut line| (line["name"].as_str().expect("a name").to_owned(), line["edit"].take())).collect()
}

fn edit(house: &House, name: &str) -> Json {
    edits(house).into_iter().find(|(other, _)| other == name).expect("the watcher is listed").1
}

fn counts(fires: u32, resolves: u32, rekeys: u32, baseline: u32) -> Json {
    json!({ "fires": fires, "resolves": resolves, "rekeys": rekeys, "baseline": baseline })
}

fn poll(house: &House) -> Said {
    house.rowbell(&["poll"]).exit(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_condition_says_what_it_would_fire_and_resolve() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    poll(&house);
    assert_eq!(edit(&house, "low"), Json::Null, "nothing was edited");
    house.watcher("low", &format!("{}[message]\ntitle = \"other words\"\n", below(10)));
    assert_eq!(edit(&house, "low"), Json::Null, "a new message text changes nothing");

    house.watcher("low", &below(2).replace("stock < 2", "stock < 2 or stock > 40"));
    assert_eq!(edit(&house, "low"), counts(1, 1, 0, 0));
    let words = "  edited: the next poll would fire 1 (sku C-9), resolve 1 (sku A-17); 1 alert goes on firing";
    let said = house.rowbell(&["check"]).exit(0);
    assert!(said.out.replace("\n    ", " ").contains(words), "{}", said.out);
    assert_eq!(edit(&house, "low"), counts(1, 1, 0, 0), "a check changes nothing");
    assert_eq!(house.rowbell(&["check", "--json", "--offline"]).exit(0).json()[0]["edit"], Json::Null);

    // What was said is what happens.
    poll(&house).out_has("fired").out_has("sku C-9").out_has("resolved").out_has("sku A-17");
    assert_eq!(edit(&house, "low"), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_says_what_it_would_close() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    poll(&house);
    house.watcher("low", &below(10).replace("[\"sku\"]", "[\"name\"]"));
    assert_eq!(edit(&house, "low"), counts(2, 0, 2, 0));
    let said = house.rowbell(&["check"]).exit(0);
    let words = "would fire 2 (name 龙井茶; name 铁观音), close 2 of the old key without a message";
    assert!(said.out.replace("\n    ", " ").contains(words), "{}", said.out);
    poll(&house);
    assert_eq!(house.rowbell(&["alerts", "--json"]).json().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_watcher_says_what_its_first_poll_would_do() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    poll(&house);
    let of_kind = |kind: &str| below(10).replace("key =", &format!("alert_on = \"{kind}\"\nkey ="));
    house.watcher("also_low", &below(60));
    house.watcher("arrived", &of_kind("new"));
    house.watcher("watched", &of_kind("change"));
    house.watcher("patient", &format!("for = \"10m\"\n{}", below(10)));
    house.watcher("listed", "source = \"shop\"\nevery = \"5m\"\nalert_on = \"report\"\nquery = \"select sku from products\"\n");
    let edits = edits(&house);
    let of = |name: &str| edits.iter().find(|(other, _)| other == name).expect("listed").1.clone();
    assert_eq!(of("low"), Json::Null);
    assert_eq!(of("also_low"), counts(3, 0, 0, 0));
    assert_eq!(of("arrived"), counts(0, 0, 0, 2));
    assert_eq!(of("watched"), counts(0, 0, 0, 3));
    assert_eq!(of("patient"), counts(0, 0, 0, 0));
    assert_eq!(of("listed"), counts(1, 0, 0, 0));
    let said = house.rowbell(&["check"]).exit(0);
    for words in [
        "new: the first poll would fire 3 (sku A-17; sku B-2; sku C-9)",
        "new: the first poll would take 2 rows as known and tell no one of them",
        "new: the first poll would hold 2 back until `for` has passed",
        "new: the first poll would send a report of 3 rows",
    ] {
        assert!(said.out.replace("\n    ", " ").contains(words), "`{words}` is missing in:\n{}", said.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_says_what_is_closed_with_it() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    house.watcher("stays", LOW_STOCK);
    poll(&house);
    std::fs::rename(house.path("watchers/low.toml"), house.path("watchers/lower.toml")).expect("renamed");
    let words = "warning: the file of `low` is gone: its 2 firing alerts will be closed, and no one is told";
    let hint = "if it has another name now, write there: formerly = \"low\"";
    house.rowbell(&["check"]).exit(0).err_has(words).err_has(hint).err_has("watchers/low.toml").out_has("new: the first poll would fire 2");
    assert!(!house.rowbell(&["check", "stays"]).exit(0).err.contains("gone"), "whoever names files does not ask for the others");
    house.watcher("lower", &format!("formerly = \"low\"\n{}", below(10)));
    let said = house.rowbell(&["check"]).exit(0);
    assert!(!said.err.contains("gone") && !said.out.contains("new:"), "{}{}", said.out, said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_name_that_nobody_knows_is_told_with_the_nearest() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    poll(&house);
    house.watcher("lower", &format!("formerly = \"lou\"\n{}", below(10)));
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let warning = &lines[1]["warnings"][0];
    let message = "nothing is known of a watcher `lou`: there is nothing to take over";
    assert_eq!((&warning["line"], &warning["message"], &warning["hint"]), (&json!(1), &json!(message), &json!("did you mean \"low\"?")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_no_longer_read_says_what_is_closed_with_it() {
    let house = House::new().await;
    house.settings("[sources.shop_2]\nurl = \"sqlite://shop.db\"\n");
    house.watcher("many", &below(10).replace("source = \"shop\"", "sources = [\"shop*\"]"));
    poll(&house);
    house.watcher("many", &below(10).replace("source = \"shop\"", "sources = [\"shop\"]"));
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let warning = &lines[0]["warnings"][0];
    let message = "it no longer reads `shop_2`: its 2 firing alerts there will be closed, and no one is told";
    assert_eq!((&warning["line"], &warning["column"], &warning["message"]), (&json!(1), &json!(11), &json!(message)));
    assert_eq!(lines[0]["edit"], Json::Null, "the source that stays is read as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_guard_would_hold_and_what_would_fail_is_said() {
    let house = House::new().await;
    house.watcher("low", &format!("guard = {{ vanished = 1 }}\n{}", below(60)));
    poll(&house);
    house.watcher("low", &format!("guard = {{ vanished = 1 }}\n{}", below(1)));
    house.watcher("failing", &below(10).replace("stock < 10", "stock / 0 > name"));
    let said = house.rowbell(&["check"]).exit(0);
    let out = said.out.replace("\n    ", " ");
    assert!(out.contains("but the guard would hold that: 2 keys vanished at once, more than 1;"), "{out}");
    assert!(out.contains("new; 3 of 3 rows could not be judged and keep their state"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_be_read_is_told_and_is_no_fault_of_the_files() {
    let house = House::new().await;
    house.watcher("low", &below(10));
    house.write("rowbell.db", "this is no database, whatever its name says");
    house
        .rowbell(&["check"])
        .exit(0)
        .out_has("✓ low")
        .err_has("warning: what the edits of the files would do is not known: opening the store");
}
