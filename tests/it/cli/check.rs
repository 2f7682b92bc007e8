//! `check`: all faults at once, at their places.

use super::house::{House, LOW_STOCK, PASSWORD};
use serde_json::{Value as Json, json};

fn faults(lines: &[Json], name: &str) -> Vec<(u64, u64, String)> {
    let line = lines.iter().find(|line| line["name"] == name).expect("the watcher is listed");
    let faults = line["faults"].as_array().expect("faults");
    let place = |fault: &Json, of: &str| fault[of].as_u64().unwrap_or_default();
    faults.iter().map(|fault| (place(fault, "line"), place(fault, "column"), fault["message"].to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valid_watchers_are_told_with_their_next_polls() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["check"]).exit(0).out_has("✓ low_stock").err_has("1 watcher: 1 valid");
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "file", "valid", "faults", "warnings", "next_polls", "edit"]);
    assert_eq!((&line["file"], &line["valid"], &line["faults"]), (&json!("watchers/low_stock.toml"), &json!(true), &json!([])));
    assert_eq!((&line["warnings"], &line["edit"]), (&json!([]), &Json::Null), "without a store there is nothing to compare with");
    let next: Vec<&str> = line["next_polls"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    assert_eq!(next.len(), 5);
    assert!(next.iter().all(|at| at.ends_with('Z') && at.len() == "2026-11-23T01:30:00.000Z".len()), "{next:?}");
    assert!(next.is_sorted());
    assert!(!house.files().contains(&"rowbell.db".to_owned()), "a check creates no store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_faults_of_all_files_are_told_at_once() {
    let house = House::new().await;
    house.watcher("good", LOW_STOCK);
    house.watcher("typo", &LOW_STOCK.replace("every", "evry"));
    house.watcher("column", &LOW_STOCK.replace("name, stock", "nme, stock"));
    let said = house.rowbell(&["check"]).exit(2).err_has("watchers/typo.toml:3:1").err_has("watchers/column.toml:7:13");
    let said = said.err_has("no such column: nme").err_has("3 watchers: 1 valid, 2 not valid");
    assert!(said.out.contains("✓ good") && said.out.contains("✗ typo") && said.out.contains("✗ column"), "{}", said.out);
    let lines = house.rowbell(&["check", "--json"]).exit(2).json();
    assert_eq!(lines.iter().map(|line| &line["valid"]).collect::<Vec<_>>(), [&json!(false), &json!(true), &json!(false)]);
    assert_eq!(faults(&lines, "column").iter().map(|fault| (fault.0, fault.1)).collect::<Vec<_>>(), [(7, 13)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_checked_against_the_columns_of_the_result() {
    let house = House::new().await;
    let text = LOW_STOCK.replace("[\"sku\"]", "[\"sk\"]").replace("stock = 0", "stok = 0")
        + "[message]\ntitle = \"{{ evnts | length }}\"\nbody = '''\n{% for e in events %}{{ e.row.nam }}{% endfor %}'''\n\
           [[notify]]\nwhen = \"severity = 'critical' and naem = 'x'\"\nreceivers = [\"warehouse\"]\n";
    house.watcher("names", &text);
    let lines = house.rowbell(&["check", "--json"]).exit(2).json();
    let found = faults(&lines, "names");
    let places: Vec<(u64, u64)> = found.iter().map(|fault| (fault.0, fault.1)).collect();
    assert_eq!(places, [(4, 8), (5, 23), (12, 13), (14, 31), (16, 35)], "{found:?}");
    let hints: Vec<&Json> = lines[0]["faults"].as_array().unwrap().iter().map(|fault| &fault["hint"]).collect();
    let meant = ["sku", "stock", "events", "name", "name"].map(|name| json!(format!("did you mean `{name}`?")));
    assert_eq!(hints, meant.iter().collect::<Vec<_>>());
    house.rowbell(&["check", "--offline"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_a_query_file_is_told_in_that_file() {
    let house = House::new().await;
    house.write("watchers/q.sql", "select sku\nfrom prodcts\n");
    house.watcher("w", "source = \"shop\"\nevery = \"5m\"\nkey = [\"sku\"]\nquery_file = \"q.sql\"\n");
    let lines = house.rowbell(&["check", "--json"]).exit(2).json();
    let fault = &lines[0]["faults"][0];
    assert_eq!(fault["file"], "watchers/q.sql");
    assert!(fault["message"].to_string().contains("prodcts"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_cannot_be_reached_hides_no_other_fault() {
    let house = House::new().await;
    house.settings(&format!("[sources.far]\nurl = \"postgres://reader:{PASSWORD}@127.0.0.1:1/erp\"\n"));
    house.watcher("far", "source = \"far\"\nevery = \"5m\"\nquery = \"select 1 as x\"\n");
    house.watcher("good", LOW_STOCK);
    house.rowbell(&["check"]).exit(1).err_has("could not be checked").err_has("watchers/far.toml:1:10").out_has("✓ good");
    house.watcher("bad", &LOW_STOCK.replace("products", "nowhere"));
    house.rowbell(&["check"]).exit(2).err_has("could not be checked").err_has("no such table: nowhere");
    house.rowbell(&["check", "--offline"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_named_by_path_or_by_watcher() {
    let house = House::new().await;
    house.watcher("good", LOW_STOCK);
    house.watcher("bad", "every = \"5m\"\n");
    for arguments in [["check", "good"], ["check", "watchers/good.toml"], ["check", "good.toml"]] {
        let said = house.rowbell(&arguments).exit(0);
        assert_eq!(said.out.lines().count(), 1, "{}", said.out);
    }
    house.rowbell(&["check", "good", "bad"]).exit(2).err_has("watchers/bad.toml");
    house.rowbell(&["check", "god"]).exit(2).err_has("did you mean `good`?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_settings_are_told_with_the_place_and_without_their_secrets() {
    let house = House::new().await;
    house.watcher("good", LOW_STOCK);
    house.settings(&format!("[sources.erp]\nurl = \"postgrs://reader:{PASSWORD}@db/erp\"\n"));
    house.rowbell(&["check"]).exit(2).err_has("rowbell.toml:11:7");
    house.settings("[stor]\n");
    house.rowbell(&["check", "--json"]).exit(2).err_has("did you mean");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_watchers_it_is_said_how_to_begin() {
    let house = House::new().await;
    house.rowbell(&["check"]).exit(0).err_has("rowbell new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_on_the_clock_of_another_zone_are_told_with_its_name() {
    let house = House::new().await;
    let daily = LOW_STOCK.replace("every = \"5m\"", "schedule = \"0 9 * * *\"");
    house.watcher("here", &daily);
    house.watcher("tokyo", &format!("timezone = \"Asia/Tokyo\"\n{daily}"));
    let said = house.rowbell(&["check"]).exit(0);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("✓ here  ") && lines[0].matches(" 09:00").count() >= 3 && !lines[0].contains('('), "{}", said.out);
    assert!(lines[1].ends_with(" 09:00 (Asia/Tokyo)"), "{}", said.out);
}
