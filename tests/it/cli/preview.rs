//! `preview`: each kind of watcher, before it goes live and while it runs; in the terminal, as JSON and as a page.

use super::house::{House, LOW_STOCK, SECRET, TOKEN};
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt;

/// A watcher of the table of products, of another kind.
fn products(more: &str) -> String {
    format!(
        "source = \"shop\"\nevery = \"5m\"\nkey = [\"sku\"]\nquery = \"select sku, name, stock from products\"\n{more}\n[[notify]]\nreceivers = [\"warehouse\"]\n"
    )
}

fn seen(house: &House, name: &str) -> Json {
    house.rowbell(&["preview", name, "--json"]).exit(0).json().remove(0)
}

fn keys(events: &Json) -> Vec<String> {
    events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["key"]["sku"].as_str().unwrap_or("-")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_match_shows_what_fires_who_is_told_and_what_goes_on() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house
        .rowbell(&["preview", "low_stock"])
        .exit(0)
        .out_has("low_stock: 2 rows")
        .out_has("fired  critical  sku B-2")
        .out_has("── to warehouse ──");
    house.rowbell(&["poll"]).exit(0);
    let said = house.rowbell(&["preview", "low_stock"]).exit(0);
    said.out_has("nothing to tell; 2 alerts go on firing")
        .out_has("no one would be told now; if its rows were new, this would be:")
        .out_has("铁观音");
    house.sql("update products set stock = 99 where sku = 'B-2'").await;
    let told = seen(&house, "low_stock");
    assert_eq!((keys(&told["events"]), &told["unchanged"], &told["sample"]), (vec!["resolved B-2".to_owned()], &json!(1), &Json::Null));
    assert_eq!((&told["events"][0]["told"], &told["events"][0]["put_off"]), (&json!(["warehouse"]), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_wait_is_named_and_shown_as_it_will_be_told() {
    let house = House::new().await;
    house.watcher("wait", &LOW_STOCK.replace("key =", "for = \"10m\"\nkey ="));
    let said = house.rowbell(&["preview", "wait"]).exit(0).out_has("2 keys wait until it has held for long enough: sku A-17; sku B-2");
    said.out_has("once it has held for long enough, this would be:").out_has("── to warehouse ──");
    house.rowbell(&["poll"]).exit(0);
    house.rowbell(&["preview", "wait"]).exit(0).out_has("sku A-17 (since ");
    house.sql("update products set stock = 99 where sku = 'B-2'").await;
    let told = seen(&house, "wait");
    assert_eq!((told["pending"].as_array().unwrap().len(), &told["pending"][0]["key"]), (1, &json!({ "sku": "A-17" })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_watcher_shows_its_baseline_and_how_a_row_would_be_told() {
    let house = House::new().await;
    for (name, cursor) in [("new", ""), ("new_cursor", "cursor = \"stock\"\n")] {
        house.watcher(name, &products(&format!("alert_on = \"new\"\n{cursor}")));
        let said =
            house.rowbell(&["preview", name]).exit(0).out_has("the first poll takes 3 rows as the baseline and tells no one of them");
        said.out_has("nothing to tell").out_has("if its rows were new, this would be:").out_has("龙井茶");
        house.rowbell(&["poll", name]).exit(0);
    }
    house.sql("insert into products values ('D-4', '普洱', 70, 1)").await;
    for name in ["new", "new_cursor"] {
        let told = seen(&house, name);
        assert_eq!((keys(&told["events"]), &told["sample"]), (vec!["fired D-4".to_owned()], &Json::Null), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_missing_rows_and_reports_are_shown() {
    let house = House::new().await;
    house.watcher("change", &products("alert_on = \"change\"\ncolumns = [\"stock\"]"));
    house.rowbell(&["preview", "change"]).exit(0).out_has("the first poll takes 3 rows as the baseline; what changes after it is told");
    house.rowbell(&["poll"]).exit(0);
    house.sql("update products set stock = 7 where sku = 'A-17'").await;
    house.rowbell(&["preview", "change"]).exit(0).out_has("stock: 3 → 7");
    assert_eq!(seen(&house, "change")["events"][0]["previous"]["stock"], "3");
    house.watcher("missing", &products("alert_on = \"missing\"\nexpect = [\"A-17\", \"Z-9\"]"));
    house.rowbell(&["preview", "missing"]).exit(0).out_has("no row was returned for this key").out_has("sku Z-9");
    house.watcher("report", &products("alert_on = \"report\"\nsum = [\"stock\"]").replace("key = [\"sku\"]\n", ""));
    house.rowbell(&["preview", "report"]).exit(0).out_has("3 rows; stock 57").out_has("── to warehouse ──");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hours_or_a_silence_keep_back_is_shown_as_it_would_be_without() {
    let house = House::new().await;
    let closed = "active = { days = [\"mon\"], hours = \"00:00-00:01\" }\nkey =";
    house.watcher("night", &LOW_STOCK.replace("key =", closed).replace("\"critical\"", "\"warning\""));
    let said = house.rowbell(&["preview", "night"]).exit(0).out_has("outside the watcher's hours and is told at");
    said.out_has("in a digest; within the watcher's hours it would be:").out_has("── to warehouse ──");
    let told = seen(&house, "night");
    assert_eq!(
        (&told["sample"], &told["events"][0]["told"], &told["events"][0]["put_off"][0]["receiver"]),
        (&json!("kept_back"), &json!([]), &json!("warehouse"))
    );
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["silence", "add", "--watcher", "low_*", "--for", "2h", "--reason", "stocktaking", "--by", "wang"]).exit(0);
    let said = house.rowbell(&["preview", "low_stock"]).exit(0).out_has("warehouse is not told: silence #1 by wang: stocktaking");
    said.out_has("because of a silence; without it, it would be:").out_has("铁观音");
    assert_eq!(seen(&house, "low_stock")["events"][0]["silenced"], json!(["warehouse"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_source_is_previewed_and_one_that_is_dead_does_not_hide_the_others() {
    let house = House::new().await;
    house.settings("[sources.other]\nurl = \"sqlite://other.db\"\n");
    std::fs::copy(house.path("shop.db"), house.path("other.db")).expect("copied");
    house.watcher("stock", &LOW_STOCK.replace("source = \"shop\"", "sources = [\"shop\", \"other\"]"));
    let lines = house.rowbell(&["preview", "stock", "--json"]).exit(0).json();
    assert_eq!(lines.iter().map(|line| line["source"].as_str().unwrap()).collect::<Vec<_>>(), ["shop", "other"]);
    assert_eq!(lines[1]["events"][0]["key"], json!({ "source": "other", "sku": "A-17" }));
    std::fs::remove_file(house.path("other.db")).expect("removed");
    let said = house.rowbell(&["preview", "stock"]).exit(1).out_has("stock on shop: 2 rows");
    said.err_has("the poll of `stock` on other would fail and change no alert: connect:");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_the_messages_and_is_for_its_writer_only() {
    let house = House::new().await;
    house.settings(&format!("secret = \"{SECRET}\"\nkeyword = \"警\"\n"));
    house.watcher("low_stock", LOW_STOCK);
    let said = house.rowbell(&["preview", "low_stock", "--html", "page.html"]).exit(0).out_has("page.html");
    assert!(said.out.trim_end().ends_with("page.html"), "the path comes last");
    let page = std::fs::read_to_string(house.path("page.html")).expect("a page");
    assert!(page.contains("龙井茶") && page.contains("warehouse") && page.contains("2 rows read, of which 2 count; 2 events"), "{page}");
    assert!(page.contains("警"), "with the robot's keyword");
    for secret in [TOKEN, SECRET, "<script", "src=", "http://127"] {
        assert!(!page.contains(secret), "{secret}");
    }
    let mode = std::fs::metadata(house.path("page.html")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    house.rowbell(&["preview", "low_stock", "--html", "rowbell.toml"]).exit(2).err_has("does not end in .html");
    assert_eq!(house.files(), ["page.html", "rowbell.toml", "shop.db", "watchers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_name_the_page_is_a_temporary_file() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let lines = house.rowbell(&["preview", "low_stock", "--json", "--html"]).exit(0).json();
    let path = lines[1]["html"].as_str().expect("the path").to_owned();
    assert!(path.contains("rowbell-low_stock-") && std::fs::read_to_string(&path).expect("a page").contains("龙井茶"), "{path}");
    std::fs::remove_file(path).expect("removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_is_announced_written_and_shown_on_the_page() {
    let house = House::new().await;
    house.watcher("low_stock", &format!("{LOW_STOCK}[chart]\nkind = \"bar\"\nx = \"name\"\ny = \"stock\"\n"));
    house.rowbell(&["preview", "low_stock", "--chart", "stock.png"]).exit(0).out_has("with a picture").out_has("stock.png");
    let picture = std::fs::read(house.path("stock.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG\r\n") && picture.len() < 60_000, "{}", picture.len());
    let told = seen(&house, "low_stock");
    assert_eq!(told["messages"][0]["chart"]["labels"], json!(["龙井茶", "铁观音"]), "{told}");
    house.rowbell(&["preview", "low_stock", "--html", "page.html"]).exit(0);
    let page = std::fs::read_to_string(house.path("page.html")).expect("a page");
    assert_eq!(
        (page.matches("<img ").count(), page.contains("src=\"data:image/png;base64,iVBOR"), page.contains("http://127")),
        (1, true, false)
    );
    house.rowbell(&["preview", "low_stock", "--chart", "rowbell.toml"]).exit(2).err_has("does not end in .png");
    house.watcher("plain", LOW_STOCK);
    house.rowbell(&["preview", "plain", "--chart", "plain.png"]).exit(1).err_has("no message that is shown has a chart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_later_is_listed() {
    let house = House::new().await;
    let steps = "[[notify]]\nreceivers = [\"warehouse\"]\n[[notify]]\nafter = \"15m\"\nunless = \"acknowledged\"\nreceivers = [\"warehouse\"]\n[[notify]]\nafter = \"1h 30m\"\nreceivers = [\"warehouse\"]\nwhen = \"severity = 'critical'\"\n";
    house.watcher("stepped", &format!("{LOW_STOCK}{steps}"));
    let words = "while it fires: after 15m unless acknowledged: warehouse; after 1h 30m: warehouse, where severity = 'critical'";
    house.rowbell(&["preview", "stepped"]).exit(0).out_has(words);
    let told = seen(&house, "stepped");
    assert_eq!(told["steps"][0], json!({ "after": "15m", "unless": "acknowledged", "receivers": ["warehouse"], "when": null }));
    assert_eq!(told["events"][0]["told"], json!(["warehouse"]));
}
