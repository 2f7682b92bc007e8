//! Rows that commit late, under a lower number than rows that are visible already: real writers on real servers, read by
//! the real engine with its cursor, and beside it by a cursor that goes on from the last number it saw. That one loses
//! rows, which shows that there was something to lose.
//!
//! Only here tests sleep: what is measured is the order in which transactions of twelve connections begin, take their
//! numbers and commit, and a virtual clock does not move a database. In the suite it is short (8 s, transactions of up
//! to 1 s); with `ROWBELL_LATE_COMMITS=full` it runs for 60 s with transactions of up to 5 s, and also with an overlap
//! that is shorter than they are, where only what the databases tell of open transactions keeps the cursor back.

use crate::databases::{Product, TestDatabase};
use rowbell::clock::Clock;
use rowbell::config::{Environment, parse_settings, parse_watcher};
use rowbell::domain::watcher::Watcher;
use rowbell::engine::{Engine, Parts, Slot};
use rowbell::metrics::Metrics;
use rowbell::source::{Source, SourceSettings};
use rowbell::store::{HistoryQuery, Store};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

const WRITERS: u64 = 12;

/// How long it takes.
#[derive(Clone, Copy)]
struct Size {
    length: Duration,
    /// The longest transaction.
    longest: Duration,
}

const SHORT: Size = Size { length: Duration::from_secs(8), longest: Duration::from_secs(1) };
const FULL: Size = Size { length: Duration::from_secs(60), longest: Duration::from_secs(5) };

fn size() -> Size {
    if std::env::var("ROWBELL_LATE_COMMITS").is_ok_and(|size| size == "full") { FULL } else { SHORT }
}

/// What is written to, and how far back the cursor reads.
#[derive(Clone, Copy)]
struct Case {
    product: Product,
    /// Numbers that a connection of PostgreSQL takes at once. A block of twenty is used up by three transactions at most.
    cache: u32,
    overlap: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_row_that_commits_late_is_lost_or_told_twice() {
    let size = size();
    let enough = size.longest * 4;
    let mut cases = vec![
        Case { product: Product::Postgres, cache: 1, overlap: enough },
        Case { product: Product::Postgres, cache: 20, overlap: enough },
        Case { product: Product::Mariadb, cache: 1, overlap: enough },
    ];
    if size.length == FULL.length {
        cases.push(Case { product: Product::Postgres, cache: 1, overlap: Duration::from_secs(1) });
        cases.push(Case { product: Product::Mariadb, cache: 1, overlap: Duration::from_secs(1) });
    }
    let running: Vec<_> = cases.into_iter().map(|case| tokio::spawn(run(case, size))).collect();
    for case in running {
        case.await.expect("no row is lost or told twice");
    }
}

async fn run(case: Case, size: Size) {
    let database = Arc::new(TestDatabase::new(case.product).await);
    database.run(&tables(case)).await;
    let reader = Reader::new(case, &database).await;
    assert_eq!(reader.poll().await, 0, "an empty table is the baseline");
    let is_over = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(naive_cursor(database.clone(), is_over.clone()));
    let end = Instant::now() + size.length;
    let writers: Vec<_> = (0..WRITERS).map(|number| tokio::spawn(write(database.clone(), number, size, end))).collect();
    let mut chance = Chance(WRITERS + 1);
    let polling = async {
        while !is_over.load(Ordering::SeqCst) {
            reader.poll().await;
            sleep(Duration::from_millis(chance.between(100, 250))).await;
        }
        reader.poll().await
    };
    let writing = async {
        let mut committed = BTreeSet::new();
        for writer in writers {
            committed.extend(writer.await.expect("a writer ends well"));
        }
        is_over.store(true, Ordering::SeqCst);
        committed
    };
    let (read_last, committed) = tokio::join!(polling, writing);
    report(case, &committed, &reader.told().await, &naive.await.expect("the naive cursor ends well"));
    assert!(read_last < committed.len() as u64, "the cursor never moved: the last poll read {read_last} rows");
}

fn report(case: Case, committed: &BTreeSet<i64>, told: &[i64], naive: &BTreeSet<i64>) {
    let once: BTreeSet<i64> = told.iter().copied().collect();
    let lost: Vec<&i64> = committed.difference(&once).collect();
    let twice = told.len() - once.len();
    let lost_by_naive = committed.difference(naive).count();
    println!(
        "{:?}, cache {}, overlap {} s: {} committed, {} told, {} lost, {twice} twice; the naive cursor lost {lost_by_naive}",
        case.product,
        case.cache,
        case.overlap.as_secs(),
        committed.len(),
        told.len(),
        lost.len()
    );
    assert!(lost.is_empty(), "lost on {:?}: {lost:?}", case.product);
    assert_eq!(twice, 0, "told twice on {:?}", case.product);
    assert_eq!(once.difference(committed).count(), 0, "told without having been committed on {:?}", case.product);
    assert!(committed.len() > 200, "only {} rows were committed", committed.len());
    assert!(lost_by_naive > 0, "nothing was late on {:?}: the control lost nothing", case.product);
}

fn tables(case: Case) -> String {
    match case.product {
        Product::Postgres => format!(
            "create sequence numbers cache {}; create table orders (id bigint primary key default nextval('numbers'), writer int)",
            case.cache
        ),
        _ => "create table orders (id bigint primary key auto_increment, writer int) engine = InnoDB".to_owned(),
    }
}

/// Random numbers that are the same in every run; what is done between them is not.
struct Chance(u64);

impl Chance {
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (self.0 >> 33) % (high - low + 1)
    }
}

/// A connection to either server.
enum Client {
    Postgres(PgConnection),
    Mariadb(MySqlConnection),
}

impl Client {
    async fn connect(database: &TestDatabase) -> Client {
        match database.product {
            Product::Postgres => Client::Postgres(PgConnection::connect(&database.url).await.expect("postgresql")),
            _ => Client::Mariadb(MySqlConnection::connect(&database.url).await.expect("mariadb")),
        }
    }

    /// Runs a statement; the numbers it returns.
    async fn numbers(&mut self, sql: &str) -> Vec<i64> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Client::Postgres(connection) => query.fetch_all(connection).await.expect(sql).iter().map(|row| row.get(0)).collect(),
            Client::Mariadb(connection) => query.fetch_all(connection).await.expect(sql).iter().map(|row| row.get(0)).collect(),
        }
    }
}

/// Transactions of ten to twenty rows, some of them taken long before the commit; one in fifteen is rolled back.
async fn write(database: Arc<TestDatabase>, number: u64, size: Size, end: Instant) -> Vec<i64> {
    let mut client = Client::connect(&database).await;
    let mut chance = Chance(number);
    let mut committed = Vec::new();
    while Instant::now() < end {
        let (early, late) = (chance.between(1, 10), chance.between(9, 10));
        let hold = chance.between(0, u64::try_from(size.longest.as_millis()).expect("a short time"));
        client.numbers("begin").await;
        let mut ids = client.numbers(&insert(number, early)).await;
        sleep(Duration::from_millis(hold)).await;
        ids.extend(client.numbers(&insert(number, late)).await);
        if chance.between(1, 15) == 1 {
            client.numbers("rollback").await;
        } else {
            client.numbers("commit").await;
            committed.extend(ids);
        }
    }
    committed
}

fn insert(writer: u64, rows: u64) -> String {
    let values: Vec<String> = (0..rows).map(|_| format!("({writer})")).collect();
    format!("insert into orders (writer) values {} returning id", values.join(", "))
}

/// What most do: go on from the last number.
async fn naive_cursor(database: Arc<TestDatabase>, is_over: Arc<AtomicBool>) -> BTreeSet<i64> {
    let mut client = Client::connect(&database).await;
    let mut chance = Chance(WRITERS + 2);
    let mut seen = BTreeSet::new();
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let last = seen.last().copied().unwrap_or(0);
        seen.extend(client.numbers(&format!("select id from orders where id > {last} order by id")).await);
        if was_over {
            return seen;
        }
        sleep(Duration::from_millis(chance.between(100, 250))).await;
    }
}

/// The engine, a store, and one watcher.
struct Reader {
    engine: Engine,
    watcher: Arc<Watcher>,
    _folder: TempDir,
}

impl Reader {
    async fn new(case: Case, database: &TestDatabase) -> Reader {
        use secrecy::ExposeSecret;
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "[store]\nurl = \"sqlite://{}/state.db\"\n[sources.erp]\nurl = \"{}\"\n[receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"http://127.0.0.1:9/robot/send?access_token=0\"\n",
            folder.path().display(),
            database.url
        );
        let settings = parse_settings(&folder.path().join("rowbell.toml"), &settings, &Environment::default()).expect("settings");
        let text = format!(
            "source = \"erp\"\nevery = \"1s\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\noverlap = \"{}s\"\nquery = \"select id, writer from orders\"\n",
            case.overlap.as_secs()
        );
        let watcher = Arc::new(parse_watcher("orders", Path::new("orders.toml"), &text, &settings).expect("a watcher"));
        let own = SourceSettings {
            name: "erp".to_owned(),
            url: database.url.as_str().into(),
            timezone: settings.timezone,
            max_connections: 2,
            query_timeout: Duration::from_secs(20),
            max_rows: 100_000,
        };
        let engine = Engine::new(Parts {
            clock: Clock::System,
            store: Store::open(settings.store.url.expose_secret()).await.expect("a store"),
            sources: BTreeMap::from([("erp".to_owned(), Arc::new(Source::open(own).expect("a source")))]),
            receivers: BTreeMap::new(),
            calendars: settings.calendars.clone(),
            language: settings.language,
            timezone: settings.timezone,
            public_url: None,
            metrics: Metrics::new(),
            owner: "test".into(),
        });
        engine.know_watchers(vec![watcher.clone()]);
        Reader { engine, watcher, _folder: folder }
    }

    /// Polls; how many rows were read.
    async fn poll(&self) -> u64 {
        let slot = Slot { scheduled_at: self.engine.parts().clock.now(), missed: 0, advances: false };
        let report = self.engine.poll(self.watcher.clone(), slot).await;
        assert!(report.failure.is_none(), "{report:?}");
        report.rows
    }

    /// The numbers that were told, as often as they were.
    async fn told(&self) -> Vec<i64> {
        let history = self.engine.parts().store.history(HistoryQuery::default()).await.expect("the history");
        let number = |key: &rowbell::store::Object| key["id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
        history.iter().filter_map(|line| line.key.as_ref()).map(number).collect()
    }
}
