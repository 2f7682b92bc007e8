//! A read that asks for it also tells which transactions were still open.

use super::{Source, open, read_query, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::{Query, Window};
use rowbell::source::Horizon;
use sqlx::{ConnectOptions, Connection, Executor, Row};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn horizon(source: &Source) -> Option<Horizon> {
    let query = Query::plain("select 1 as one").with_horizon();
    read_query(source, &query, source.limits(None, None)).await.expect("a read").1.horizon
}

/// Reads until the horizon is as expected: other tests have transactions on the same server.
async fn until(source: &Source, is_expected: impl Fn(Option<Horizon>) -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    let mut last = horizon(source).await;
    while !is_expected(last) {
        assert!(Instant::now() < until, "it stayed at {last:?}");
        last = horizon(source).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_it_is_the_snapshot_of_the_read() {
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table t (id integer)").await;
    let source = open(&database.url);
    let text = "select txid_snapshot_xmin(txid_current_snapshot()) as xmin, txid_snapshot_xmax(txid_current_snapshot()) as xmax";
    for query in [Query::plain(text), Query::plain(text).within(Window::Latest { column: "xmin".into(), rows: 1 })] {
        let (result, stats) = read_query(&source, &query.with_horizon(), source.limits(None, None)).await.expect("a read");
        let Some(Horizon::Transactions { xmin, xmax }) = stats.horizon else { panic!("{stats:?}") };
        assert_eq!(result.rows[0][0], format!("n:{xmin}"));
        let of_snapshot: u64 = result.rows[0][1].trim_start_matches("n:").parse().expect("a number");
        assert!(xmax >= of_snapshot, "those that are open are added: {xmax} {of_snapshot}");
    }
    let empty = Query::plain("select id from t").with_horizon();
    assert!(read_query(&source, &empty, source.limits(None, None)).await.expect("a read").1.horizon.is_some(), "also of an empty result");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_it_stays_at_an_open_transaction_and_moves_on_when_that_ends() {
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table t (id integer)").await;
    let source = open(&database.url);
    let options: sqlx::postgres::PgConnectOptions = database.url.parse().expect("a url");
    let mut writer = options.connect().await.expect("a session");
    writer.execute("begin; insert into t values (1)").await.expect("written");
    let own: i64 = writer.fetch_one(sqlx::raw_sql("select txid_current()")).await.expect("a row").get(0);
    let own = own.cast_unsigned();
    for _ in 0..3 {
        // Also while no later transaction has ended, and the snapshot ends below this one.
        let Some(Horizon::Transactions { xmin, xmax }) = horizon(&source).await else { panic!("no horizon") };
        assert!(xmin <= own && own < xmax, "{xmin} {own} {xmax}");
        database.run("insert into t values (2)").await;
        let Some(Horizon::Transactions { xmin, xmax }) = horizon(&source).await else { panic!("no horizon") };
        assert!(xmin <= own && own < xmax, "{xmin} {own} {xmax}");
        assert_eq!(rows(&source, "select count(*) as n from t where id = 1").await, [["n:0"]]);
    }
    writer.execute("commit").await.expect("committed");
    until(&source, |horizon| matches!(horizon, Some(Horizon::Transactions { xmin, .. }) if xmin > own)).await;
    writer.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_it_is_the_age_of_the_oldest_transaction_that_may_write() {
    let database = TestDatabase::new(Product::Mariadb).await;
    database.run("create table t (id integer) engine = innodb").await;
    let source = open(&database.url);
    let options: sqlx::mysql::MySqlConnectOptions = database.url.parse().expect("a url");
    let mut writer = options.connect().await.expect("a session");
    until(&source, |horizon| horizon == Some(Horizon::Oldest { age: None })).await;
    writer.execute("begin").await.expect("begun");
    writer.execute("insert into t values (1)").await.expect("written");
    // In seconds, not in hours: the server's zone is not the session's.
    until(&source, |horizon| matches!(horizon, Some(Horizon::Oldest { age: Some(age) }) if age < Duration::from_secs(30))).await;
    writer.execute("commit").await.expect("committed");
    until(&source, |horizon| horizon == Some(Horizon::Oldest { age: None })).await;
    writer.execute("start transaction read only").await.expect("begun");
    writer.execute("select * from t").await.expect("read");
    until(&source, |horizon| horizon == Some(Horizon::Oldest { age: None })).await;
    writer.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_who_may_not_see_transactions_is_told_so() {
    let database = TestDatabase::new(Product::Mariadb).await;
    let user = format!("watcher_{}", &database.name()[13..29]);
    database.run(&format!("create user '{user}'@'%' identified by 'pw'; grant select on {}.* to '{user}'@'%'", database.name())).await;
    let source = open(&database.url_as(&user, "pw"));
    let without = horizon(&source).await;
    let reads_on = rows(&source, "select 1 as one").await;
    source.close().await;
    database.run(&format!("grant process on *.* to '{user}'@'%'")).await;
    let source = open(&database.url_as(&user, "pw"));
    until(&source, |horizon| matches!(horizon, Some(Horizon::Oldest { .. }))).await;
    source.close().await;
    database.run(&format!("drop user '{user}'@'%'")).await;
    assert_eq!(without, Some(Horizon::Hidden));
    assert_eq!(reads_on, [["n:1"]]);
}

/// InnoDB shows who looks all the time an old list, in which a new transaction is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_an_open_transaction_is_never_missed_by_those_who_ask_all_the_time() {
    let database = TestDatabase::new(Product::Mariadb).await;
    database.run("create table t (id integer) engine = innodb").await;
    let sources = [Arc::new(open(&database.url)), Arc::new(open(&database.url))];
    let options: sqlx::mysql::MySqlConnectOptions = database.url.parse().expect("a url");
    for _ in 0..3 {
        let asking: Vec<_> =
            sources.iter().cycle().take(4).cloned().map(|source| tokio::spawn(async move { horizon(&source).await })).collect();
        let mut writer = options.clone().connect().await.expect("a session");
        writer.execute("begin").await.expect("begun");
        writer.execute("insert into t values (1)").await.expect("written");
        for source in sources.iter().chain(&sources) {
            let missed = horizon(source).await == Some(Horizon::Oldest { age: None });
            assert!(!missed, "the transaction is open");
        }
        writer.close().await.expect("closed");
        for one in asking {
            one.await.expect("asked");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_only_when_asked_for() {
    for product in [Product::Postgres, Product::Mariadb, Product::Sqlite] {
        let database = TestDatabase::new(product).await;
        let source = open(&database.url);
        let stats = read_query(&source, &Query::plain("select 1 as one"), source.limits(None, None)).await.expect("a read").1;
        assert_eq!(stats.horizon, None, "{product:?}");
    }
    let database = TestDatabase::new(Product::Sqlite).await;
    assert_eq!(horizon(&open(&database.url)).await, None, "SQLite has one writer at a time");
}
