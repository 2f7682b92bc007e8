//! The same watcher on the same data is the same alert, whichever database the data is in: same event, same severity, same
//! key, same fingerprint. The shipped watchers prove it, because they use all of the language.

use crate::databases::{Product, TestDatabase};
use chrono::{DateTime, TimeDelta};
use rowbell::clock::Clock;
use rowbell::config::{Environment, Settings, load_watchers, parse_settings, render_faults};
use rowbell::domain::watcher::Watcher;
use rowbell::engine::{Engine, Parts, Slot};
use rowbell::metrics::Metrics;
use rowbell::source::{Source, SourceSettings};
use rowbell::store::{HistoryQuery, PollOutcome, Store};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Statements that mean the same everywhere. The clock of the test stands at 2026-11-23.
const CHANGES: &str = "
    update orders set shipped_date = '2026-11-20' where order_id <= 11040;
    update orders set required_date = '2026-11-24' where order_id = 11045;
    update orders set required_date = '2026-11-22' where order_id = 11051;
    update orders set required_date = '2026-12-24' where order_id = 11054;
    update products set units_in_stock = 0, units_on_order = 0 where product_id = 10;
    update products set units_in_stock = 4, reorder_level = 5 where product_id = 33;
    update products set units_in_stock = 90 where product_id = 3;
    update products set unit_price = 0.99 where product_id = 62;
    update products set unit_price = 1.00 where product_id = 20;
    update products set unit_price = null where product_id = 12;
    update products set unit_price = 23.09 where product_id = 4;
    update products set unit_price = 26.25 where product_id = 6;
    update products set unit_price = 6.99 where product_id = 3;
    update products set supplier_id = null where product_id = 40;
    insert into orders (order_id, customer_id, employee_id, order_date, required_date) values
        (11100, 'QUICK', 1, '2026-11-23', '2026-12-20'), (11101, 'PARIS', 2, '2026-11-23', '2026-12-20'),
        (11102, 'ALFKI', 3, '2026-11-23', '2026-12-20'), (11103, 'ALFKI', 3, '2026-11-23', '2026-12-20'),
        (11104, 'BERGS', 3, '2026-11-23', null);
    insert into order_details (order_id, product_id, unit_price, quantity, discount) values
        (11100, 38, 200.00, 100, 0), (11101, 59, 55.10, 200, 0.10), (11102, 47, 9.50, 10, 0.26),
        (11103, 47, 9.50, 10, 0.25), (11103, 59, 100.00, 99, 0), (11103, 11, 1.09, 80, 0);
";

fn settings(folder: &Path, shop: &str) -> Settings {
    let mut text = format!(
        "timezone = \"Asia/Shanghai\"\n[store]\nurl = \"sqlite://{}/state.db\"\n[sources.shop]\nurl = \"{shop}\"\n",
        folder.display()
    );
    for receiver in ["warehouse", "sales", "duty"] {
        text.push_str(&format!(
            "[receivers.{receiver}]\ntype = \"dingtalk_robot\"\nwebhook = \"http://127.0.0.1:9/robot/send?access_token={receiver}\"\n"
        ));
    }
    parse_settings(&folder.join("rowbell.toml"), &text, &Environment::default()).expect("valid settings")
}

fn shipped(settings: &Settings) -> Vec<Arc<Watcher>> {
    let files = load_watchers(&Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers"), settings).expect("the folder");
    let valid = |file: rowbell::config::WatcherFile| match file.watcher {
        Ok(watcher) => Arc::new(watcher),
        Err(faults) => panic!("{}", render_faults(&faults, false)),
    };
    files.into_iter().map(valid).collect()
}

async fn engine(settings: &Settings, clock: &Clock) -> Engine {
    let shop = &settings.sources["shop"];
    let source = Source::open(SourceSettings {
        name: "shop".to_owned(),
        url: shop.url.clone(),
        timezone: shop.timezone,
        max_connections: shop.max_connections,
        query_timeout: shop.query_timeout,
        max_rows: shop.max_rows,
    });
    Engine::new(Parts {
        clock: clock.clone(),
        store: Store::open(settings.store.url.expose_secret()).await.expect("the store opens"),
        sources: BTreeMap::from([("shop".to_owned(), Arc::new(source.expect("a source")))]),
        receivers: BTreeMap::new(),
        calendars: settings.calendars.clone(),
        language: settings.language,
        timezone: settings.timezone,
        public_url: None,
        metrics: Metrics::new(),
        owner: "test".to_owned(),
    })
}

async fn poll_all(engine: &Engine, watchers: &[Arc<Watcher>], clock: &Clock) {
    for watcher in watchers {
        let slot = Slot { scheduled_at: clock.now(), missed: 0, advances: true };
        let report = engine.poll(watcher.clone(), slot).await;
        assert_eq!(report.outcome, PollOutcome::Ok, "{}: {:?}", watcher.name, report.failure);
        assert!(report.warnings.is_empty(), "{}: {:?}", watcher.name, report.warnings);
    }
}

/// What three polls of every watcher find, one before and two after the changes (some want to see it twice): without what
/// differs by right, which is the row.
async fn events(product: Product) -> Vec<String> {
    let database = TestDatabase::northwind(product).await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path(), &database.url);
    let watchers = shipped(&settings);
    let clock = Clock::at(DateTime::parse_from_rfc3339("2026-11-23T01:30:00Z").expect("a time").to_utc());
    let engine = engine(&settings, &clock).await;
    poll_all(&engine, &watchers, &clock).await;
    database.run(CHANGES).await;
    for _ in 0..2 {
        clock.advance(TimeDelta::seconds(60));
        poll_all(&engine, &watchers, &clock).await;
    }
    let store = &engine.parts().store;
    let lines = store.history(HistoryQuery { limit: 0, ..HistoryQuery::default() }).await.expect("the history");
    let words = lines.into_iter().map(|line| {
        let key = serde_json::to_string(&line.key).expect("a key");
        format!("{} {} {} {} {key} {}", line.at, line.watcher, line.event, line.severity, line.fingerprint.unwrap_or_default())
    });
    let mut words: Vec<String> = words.collect();
    words.sort();
    store.close().await;
    words
}

#[tokio::test]
async fn the_shipped_watchers_find_the_same_on_every_database() {
    let sqlite = events(Product::Sqlite).await;
    assert_eq!(events(Product::Postgres).await, sqlite);
    assert_eq!(events(Product::Mariadb).await, sqlite);
}

/// So that the test above cannot pass because nothing was found.
#[tokio::test]
async fn the_shipped_watchers_find_what_they_are_for() {
    let events = events(Product::Sqlite).await;
    let found: Vec<String> = events
        .iter()
        .filter(|line| !line.starts_with("2026-11-23T01:30:00"))
        .map(|line| line.split(' ').skip(1).take(4).collect::<Vec<_>>().join(" ").replace(['"', '{', '}'], ""))
        .collect();
    for expected in [
        "deep_discount fired warning 订单号:11102,产品号:47",
        "empty_order fired warning 订单号:11104",
        "first_order fired info 客户号:PARIS",
        "idle_salesperson resolved info 工号:3,姓名:Leverling",
        "incomplete_product fired info 编号:12",
        "incomplete_product fired info 编号:40",
        "large_order fired critical order_id:11100",
        "late_order resolved critical 订单号:11008",
        "low_stock fired warning 编号:33",
        "low_stock resolved info 编号:3",
        "no_orders resolved critical",
        "out_of_stock fired critical 编号:10",
        "price_change changed info 编号:6",
        "price_change changed warning 编号:3",
        "sales_report report info",
        "wrong_price fired warning 编号:12",
        "wrong_price fired warning 编号:62",
    ] {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: not in {found:#?}");
    }
    let deep: Vec<_> = found.iter().filter(|line| line.starts_with("deep_discount")).collect();
    assert_eq!(deep.len(), 1, "0.25 is not more than a quarter: {deep:?}");
    let prices = found.iter().filter(|line| line.starts_with("wrong_price fired")).count();
    assert_eq!(prices, 2, "1.00 is not less than 1.00: {found:#?}");
    let changes: Vec<_> = found.iter().filter(|line| line.starts_with("price_change")).collect();
    assert_eq!(changes.len(), 4, "22.00 to 23.09 is less than five percent: {changes:?}");
}
