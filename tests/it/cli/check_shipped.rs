//! `check` finds nothing in what is shipped, and nothing in what `new` writes with every optional line used.

use super::house::{House, TOKEN};
use crate::databases::{Product, TestDatabase};
use serde_json::{Value as Json, json};

/// What is wrong, and what is worth a look, but for the year that a calendar has no data for: that comes every autumn.
fn findings(lines: &[Json]) -> Vec<String> {
    let of = |line: &Json| {
        let all = line["faults"].as_array().into_iter().chain(line["warnings"].as_array()).flatten();
        all.map(|fault| format!("{} {}", line["name"], fault["message"])).collect::<Vec<_>>()
    };
    lines.iter().flat_map(of).filter(|text| !text.contains("has no data for")).collect()
}

async fn the_shipped_watchers_pass(product: Product) {
    let shop = TestDatabase::northwind(product).await;
    let house = House::new().await;
    let webhook = house.simulator.webhook(TOKEN);
    let settings = std::fs::read_to_string(house.path("rowbell.toml")).expect("the settings");
    let mut settings = settings.replace("sqlite://shop.db", &shop.url);
    for receiver in ["sales", "duty"] {
        settings.push_str(&format!("[receivers.{receiver}]\ntype = \"dingtalk_robot\"\nwebhook = \"{webhook}\"\n"));
    }
    house.write("rowbell.toml", &settings);
    for entry in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers")).expect("the folder") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, house.path("watchers").join(path.file_name().expect("a name"))).expect("a copy");
    }
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    assert!(lines.len() >= 11 && lines.iter().all(|line| line["valid"] == json!(true)));
    assert_eq!(findings(&lines), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_watchers_pass_on_postgresql() {
    the_shipped_watchers_pass(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_watchers_pass_on_mariadb() {
    the_shipped_watchers_pass(Product::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_watchers_pass_on_sqlite() {
    the_shipped_watchers_pass(Product::Sqlite).await;
}

/// A file of `new` with its optional lines used, but for those that cannot stand beside what they replace.
fn with_optional_lines(text: &str) -> String {
    let alternatives = ["schedule", "every", "query_file", "sources", "expect_query", "params"];
    let mut used = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let optional = line.strip_prefix("# ").filter(|_| !line.starts_with("##"));
        if let Some((key, _)) = optional.and_then(|line| line.split_once(" = ")) {
            skipping = alternatives.contains(&key);
        }
        skipping &= !optional.is_some_and(|line| line.starts_with('['));
        used.push_str(optional.filter(|_| !skipping).unwrap_or(line));
        used.push('\n');
    }
    used
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_new_writes_passes_on_tables_of_its_kind() {
    let database = TestDatabase::new(Product::Postgres).await;
    database
        .run(
            "create table products (sku text primary key, name text, stock integer, reorder_level integer, price numeric(10, 2));
             create table orders (order_id bigint primary key, customer text, amount numeric(12, 2), created_at timestamptz, shop text, \
             order_date date);",
        )
        .await;
    let house = House::new().await;
    let settings = std::fs::read_to_string(house.path("rowbell.toml")).expect("the settings");
    house.write("rowbell.toml", &settings.replace("sqlite://shop.db", &database.url));
    for kind in ["match", "new", "change", "missing", "report"] {
        let name = format!("a_{kind}");
        house.rowbell(&["new", &name, "--alert-on", kind]).exit(0);
        let text = std::fs::read_to_string(house.path(&format!("watchers/{name}.toml"))).expect("the file");
        house.watcher(&format!("whole_{kind}"), &with_optional_lines(&text));
    }
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    assert_eq!((lines.len(), findings(&lines)), (10, Vec::new()));
}
