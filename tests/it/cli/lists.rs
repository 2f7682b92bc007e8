//! `alerts`, `history`, `polls`, `deliveries`: what they list, in which form, and how they are narrowed down.

use super::house::{House, LOW_STOCK, Said};
use serde_json::{Value as Json, json};
use std::process::Stdio;

/// Two products fire, then one of them resolves; a broken watcher fails once.
async fn lived_in() -> House {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["poll"]).exit(0);
    house.sql("update products set stock = 50 where sku = 'B-2'").await;
    house.rowbell(&["poll"]).exit(0);
    house.watcher("broken", &LOW_STOCK.replace("products", "nowhere"));
    house.rowbell(&["poll", "broken"]).exit(1);
    house
}

fn keys(line: &Json) -> Vec<&str> {
    line.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn ids(said: Said) -> Vec<i64> {
    said.exit(0).json().iter().map(|line| line["id"].as_i64().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_anything_is_recorded_nothing_is_created() {
    let house = House::new().await;
    for command in ["alerts", "history", "polls", "deliveries"] {
        let said = house.rowbell(&[command, "--json"]).exit(0).err_has("nothing has been recorded yet");
        assert_eq!(said.out, "");
    }
    house.rowbell(&["deliveries", "retry", "1"]).exit(1).err_has("nothing has been recorded yet");
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_has_the_fields_that_programs_rely_on() {
    let house = lived_in().await;
    let lines = house.rowbell(&["history", "--json"]).exit(0).json();
    assert_eq!(lines.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), ["resolved", "fired", "fired"]);
    let resolved = &lines[0];
    for field in
        ["id", "at", "watcher", "source", "event", "severity", "fingerprint", "key", "row", "previous", "reason", "silenced", "deliveries"]
    {
        assert!(keys(resolved).contains(&field), "{field}");
    }
    assert_eq!(resolved["key"], json!({ "sku": "B-2" }));
    assert_eq!(lines[1]["row"]["stock"], json!("0"), "exact numbers are strings");
    assert_eq!((&resolved["silenced"], &resolved["previous"]), (&json!(false), &Json::Null));
    let delivery = &resolved["deliveries"][0];
    for field in ["receiver", "state", "attempts", "answer", "delivered_at"] {
        assert!(keys(delivery).contains(&field), "{field}");
    }
    assert_eq!((&delivery["receiver"], &delivery["state"], &delivery["attempts"]), (&json!("warehouse"), &json!("delivered"), &json!(1)));
    let at = resolved["at"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.len() == 24, "{at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_narrowed_down() {
    let house = lived_in().await;
    let all = ids(house.rowbell(&["history", "--json"]));
    let [resolved, second, first] = all[..] else { panic!("{all:?}") };
    let last = house.rowbell(&["history", "--json", "--limit", "1"]).json()[0]["at"].as_str().unwrap().to_owned();
    for (arguments, expected) in [
        (vec!["--event", "fired"], vec![second, first]),
        (vec!["--severity", "warning"], vec![first]),
        (vec!["--watcher", "other"], vec![]),
        (vec!["--receiver", "warehouse"], vec![resolved, second, first]),
        (vec!["--receiver", "duty"], vec![]),
        (vec!["--key", "sku=B-2"], vec![resolved, second]),
        (vec!["--key", "sku=B-2", "--key", "sku=A-17"], vec![]),
        (vec!["--search", "龙井"], vec![first]),
        (vec!["--since", "2h"], vec![resolved, second, first]),
        (vec!["--since", &last], vec![resolved]),
        (vec!["--until", &last], vec![second, first]),
        (vec!["--until", "2020-01-01"], vec![]),
        (vec!["--since", "2020-01-01 09:30"], vec![resolved, second, first]),
        (vec!["--limit", "2"], vec![resolved, second]),
        (vec!["--limit", "0"], vec![resolved, second, first]),
    ] {
        let said = house.rowbell(&[vec!["history", "--json"], arguments.clone()].concat());
        assert_eq!(ids(said), expected, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_mean_nothing_are_refused_with_those_that_do() {
    let house = House::new().await;
    house.rowbell(&["history", "--event", "fird"]).exit(2).err_has("fired, repeated, changed");
    house.rowbell(&["history", "--severity", "fatal"]).exit(2).err_has("info, warning, critical");
    house.rowbell(&["history", "--since", "yesterday"]).exit(2).err_has("is not a time");
    house.rowbell(&["history", "--key", "sku"]).exit(2).err_has("COLUMN=VALUE");
    house.rowbell(&["alerts", "--limit", "many"]).exit(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fires_is_listed_until_it_is_over() {
    let house = lived_in().await;
    let lines = house.rowbell(&["alerts", "--json"]).exit(0).json();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&line["key"], &line["status"], &line["severity"]), (&json!({ "sku": "A-17" }), &json!("firing"), &json!("warning")));
    let shown = house.rowbell(&["alerts"]).exit(0).out_has("sku A-17").out_has("name 龙井茶 · stock 3").out;
    assert!(shown.lines().next().unwrap().trim_start().starts_with("ID"), "{shown}");
    house.rowbell(&["alerts", "--watcher", "other"]).exit(0).err_has("nothing fires");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_are_listed_with_what_went_wrong() {
    let house = lived_in().await;
    let lines = house.rowbell(&["polls", "--json"]).exit(0).json();
    assert_eq!(lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect::<Vec<_>>(), ["failed", "ok", "ok"]);
    for field in ["watcher", "started_at", "outcome", "rows", "duration_ms", "error"] {
        assert!(keys(&lines[0]).contains(&field), "{field}");
    }
    assert_eq!(lines[0]["error"]["kind"], json!("sql"));
    assert!(lines[0]["error"]["message"].as_str().unwrap().contains("nowhere"));
    assert_eq!(lines[1]["error"], Json::Null);
    assert_eq!(house.rowbell(&["polls", "low_stock", "--json", "--limit", "1"]).json().len(), 1);
    assert_eq!(house.rowbell(&["polls", "--failed", "--json"]).json().len(), 1);
    house.rowbell(&["polls", "--failed", "low_stock"]).exit(0).err_has("no such polls");
    house.rowbell(&["polls", "broken"]).exit(0).out_has("no such table: nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_listed_and_only_those_that_can_be_are_retried() {
    let house = lived_in().await;
    let lines = house.rowbell(&["deliveries", "--json"]).exit(0).json();
    assert_eq!(lines.iter().map(|line| line["state"].as_str().unwrap()).collect::<Vec<_>>(), ["delivered", "delivered"]);
    assert_eq!(lines[0]["tries"][0]["errcode"], json!(0));
    house.rowbell(&["deliveries", "--waiting"]).exit(0).err_has("nothing waits");
    house.rowbell(&["deliveries", "retry", "999"]).exit(1).err_has("no delivery 999");
    house.rowbell(&["deliveries", "retry", "x"]).exit(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_ends_the_list_quietly() {
    let house = lived_in().await;
    for arguments in [vec!["history", "--json"], vec!["polls"], vec!["schema", "watcher"]] {
        let mut child = house.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), err.as_ref()), (Some(0), ""), "{arguments:?}");
    }
}
