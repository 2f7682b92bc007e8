//! The cases: a floor, and polls of the same query.

use crate::databases::{Product, TestDatabase};
use crate::usage::{Measured, Meter};
use futures_util::TryStreamExt;
use rowbell::clock::Clock;
use rowbell::config::{Environment, Settings, parse_settings, parse_watcher};
use rowbell::domain::watcher::Watcher;
use rowbell::engine::{Engine, Parts, PollReport, Slot};
use rowbell::metrics::Metrics;
use rowbell::source::{Source, SourceSettings};
use rowbell::store::{PollOutcome, Store};
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolCopyExt, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// How many rows the query returns.
pub const ROWS: usize = 100_000;
/// The variable that tells a case where its database is.
pub const URL: &str = "ROWBELL_BENCH_URL";
/// How often what leaves nothing behind is measured.
const RUNS: u32 = 30;
/// A condition that is evaluated for each row and holds for none.
const SIMPLE: &str = "qty < 0";
const LONGER: &str = "(qty * 2 < 0 or name like '%recalled%') and updated_at is not null";
const QUERY: &str = "select id, sku, name, warehouse, qty, price, updated_at from stock";

/// The cases in order, and what they are called in the table.
pub const CASES: [(&str, &str); 7] = [
    ("floor", "floor: COPY TO STDOUT, or a bare fetch"),
    ("first", "first poll: every row is new and fires"),
    ("start", "what is known is loaded (once per start)"),
    ("unchanged", "nothing changed"),
    ("changed", "1 % of the rows changed"),
    ("condition", "no row matches: when = \"qty < 0\""),
    ("conditions", "no row matches: a condition of three parts"),
];

/// Makes the table that is read.
pub async fn fill(database: &TestDatabase) {
    let (number, time, series) = match database.product {
        Product::Sqlite => {
            ("text", "text", "(with recursive s(n) as (select 1 union all select n + 1 from s where n < {}) select n from s)")
        }
        _ => ("numeric(12, 2)", "timestamptz", "generate_series(1, {}) as s(n)"),
    };
    let pad = if database.product == Product::Sqlite { "printf('%07d', n)" } else { "lpad(n::text, 7, '0')" };
    let at = if database.product == Product::Sqlite {
        "datetime('2026-01-01', '+' || n || ' seconds')"
    } else {
        "timestamptz '2026-01-01' + n * interval '1 second'"
    };
    let price = if database.product == Product::Sqlite { "printf('%.2f', n * 0.37)" } else { "n * 0.37" };
    let series = series.replace("{}", &ROWS.to_string());
    database
        .run(&format!(
            "create table stock (id integer primary key, sku text, name text, warehouse text, qty integer, price {number}, updated_at {time});
             insert into stock select n, 'SKU-' || {pad}, 'Organic tea, box ' || n, 'Shanghai ' || n % 7, n % 50, {price}, {at} from {series}"
        ))
        .await;
    database.run(if database.product == Product::Sqlite { "analyze" } else { "vacuum analyze stock" }).await;
}

/// Runs one case in this process and prints what it took.
pub async fn run(name: &str, product: &str, folder: &Path) {
    let url = std::env::var(URL).expect("the database's url");
    let measured = match name {
        "floor" if product == "sqlite" => fetch(&url).await,
        "floor" => copy(&url).await,
        "first" => first(&url, folder).await,
        "start" => start(&url, folder).await,
        "unchanged" => polls(&url, folder, watch("stock", None), None, PollOutcome::Ok).await,
        "changed" => polls(&url, folder, watch("stock", None), Some(ROWS / 100), PollOutcome::Ok).await,
        "condition" => polls(&url, folder, watch("one", Some(SIMPLE)), None, PollOutcome::Ok).await,
        "conditions" => polls(&url, folder, watch("three", Some(LONGER)), None, PollOutcome::Ok).await,
        _ => panic!("there is no case {name}"),
    };
    println!("{}", serde_json::to_string(&measured).expect("JSON"));
}

async fn copy(url: &str) -> Measured {
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await.expect("postgresql");
    let once = async || {
        let statement = format!("copy ({QUERY}) to stdout");
        let mut stream = pool.copy_out_raw(&statement).await.expect("a copy");
        let mut bytes = 0;
        while let Some(part) = stream.try_next().await.expect("a part") {
            bytes += part.len();
        }
        assert!(bytes > ROWS * 50, "the copy is not whole");
    };
    once().await;
    let mut meter = Meter::start();
    for _ in 0..RUNS {
        meter.run(once()).await;
    }
    meter.end()
}

async fn fetch(url: &str) -> Measured {
    let mut connection = SqliteConnectOptions::from_str(url).expect("a url").connect().await.expect("sqlite");
    let mut once = async || {
        let mut rows = connection.fetch(sqlx::query(QUERY));
        let mut count = 0;
        while rows.try_next().await.expect("a row").is_some() {
            count += 1;
        }
        assert_eq!(count, ROWS, "the result is not whole");
    };
    once().await;
    let mut meter = Meter::start();
    for _ in 0..RUNS {
        meter.run(once()).await;
    }
    meter.end()
}

async fn first(url: &str, folder: &Path) -> Measured {
    let bench = Bench::open(url, folder, watch("stock", None)).await;
    let mut meter = Meter::start();
    let report = meter.run(bench.poll()).await;
    assert_eq!(report.events.len(), ROWS, "not every row fired");
    bench.close().await;
    meter.end()
}

async fn start(url: &str, folder: &Path) -> Measured {
    let bench = Bench::open(url, folder, watch("stock", None)).await;
    let mut meter = Meter::start();
    let known = meter.run(bench.engine.parts().store.known("stock", "shop")).await.expect("what is known");
    assert_eq!(known.keys().len(), ROWS, "not every key is known");
    bench.close().await;
    meter.end()
}

/// Polls again and again; before each poll, so many rows are changed.
async fn polls(url: &str, folder: &Path, watcher: (String, String), changed: Option<usize>, wanted: PollOutcome) -> Measured {
    let bench = Bench::open(url, folder, watcher).await;
    bench.poll().await;
    let mut meter = Meter::start();
    for run in 0..RUNS {
        if let Some(changed) = changed {
            change(url, ROWS / changed, run as usize).await;
        }
        let report = meter.run(bench.poll()).await;
        assert_eq!((report.outcome, report.rows, report.events.len()), (wanted, ROWS as u64, 0), "{:?}", report.failure);
    }
    bench.close().await;
    meter.end()
}

/// Changes each `step`th row.
async fn change(url: &str, step: usize, run: usize) {
    let statement = AssertSqlSafe(format!("update stock set qty = qty + 1 where id % {step} = {}", run % step));
    let done = if url.starts_with("sqlite") {
        let pool = SqlitePoolOptions::new().connect(url).await.expect("sqlite");
        let done = pool.execute(sqlx::raw_sql(statement)).await.map(|done| done.rows_affected());
        pool.close().await;
        done
    } else {
        let mut connection = PgConnectOptions::from_str(url).expect("a url").connect().await.expect("postgresql");
        connection.execute(sqlx::raw_sql(statement)).await.map(|done| done.rows_affected())
    };
    assert_eq!(done.expect("a change"), (ROWS / step) as u64);
}

/// An engine as `run` has it, and one watcher. Nothing is sent.
struct Bench {
    engine: Engine,
    watcher: Arc<Watcher>,
}

impl Bench {
    async fn open(url: &str, folder: &Path, (name, text): (String, String)) -> Bench {
        let settings = settings(url, folder);
        let watcher = parse_watcher(&name, Path::new(&name), &text, &settings).expect("a valid watcher");
        let store = Store::open(settings.store.url.expose_secret()).await.expect("the store opens");
        let shop = &settings.sources["shop"];
        let source = SourceSettings {
            name: "shop".into(),
            url: shop.url.clone(),
            timezone: shop.timezone,
            max_connections: shop.max_connections,
            query_timeout: shop.query_timeout,
            max_rows: shop.max_rows,
        };
        let engine = Engine::new(Parts {
            clock: Clock::System,
            store,
            sources: BTreeMap::from([("shop".to_owned(), Arc::new(Source::open(source).expect("a source")))]),
            receivers: BTreeMap::new(),
            calendars: settings.calendars.clone(),
            language: settings.language,
            timezone: settings.timezone,
            public_url: None,
            metrics: Metrics::new(),
            owner: "bench".into(),
        });
        Bench { engine, watcher: Arc::new(watcher) }
    }

    async fn poll(&self) -> Arc<PollReport> {
        let slot = Slot { scheduled_at: self.engine.parts().clock.now(), missed: 0, advances: true };
        self.engine.poll(self.watcher.clone(), slot).await
    }

    async fn close(&self) {
        self.engine.parts().sources["shop"].close().await;
        self.engine.parts().store.close().await;
    }
}

fn settings(url: &str, folder: &Path) -> Settings {
    let text = format!(
        "[store]\nurl = \"sqlite://{}/state.db\"\n[sources.shop]\nurl = \"{url}\"\nmax_rows = {ROWS}\n\
         [receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"http://127.0.0.1:9/robot/send?access_token=x\"\n",
        folder.display()
    );
    parse_settings(&folder.join("rowbell.toml"), &text, &Environment::default()).expect("valid settings")
}

/// Name and text of a watcher.
fn watch(name: &str, when: Option<&str>) -> (String, String) {
    let when = when.map(|when| format!("when = \"{when}\"\n")).unwrap_or_default();
    let text = format!(
        "source = \"shop\"\nevery = \"5m\"\nalert_on = \"match\"\nkey = [\"id\"]\nquery = \"{QUERY}\"\n{when}[[notify]]\nreceivers = [\"warehouse\"]\n"
    );
    (name.to_owned(), text)
}
