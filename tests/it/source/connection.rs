//! The session of a source: its time zone, and what is left of it afterwards.

use super::{assert_server_is_quiet, fails, open, rows, settings};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::Query;
use rowbell::source::{Source, SourceErrorKind, SourceSettings};
use std::sync::Arc;

async fn in_zone(database: &TestDatabase, timezone: chrono_tz::Tz) -> Source {
    Source::open(SourceSettings { timezone, ..settings(&database.url) }).expect("a source")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_of_postgresql_has_the_sources_time_zone() {
    let database = TestDatabase::new(Product::Postgres).await;
    for (zone, shown) in [(chrono_tz::Asia::Shanghai, "+08"), (chrono_tz::Asia::Kolkata, "+05:30"), (chrono_tz::UTC, "+00")] {
        let source = in_zone(&database, zone).await;
        let query = "select current_setting('TimeZone') as zone, \
            (now() at time zone current_setting('TimeZone'))::date = current_date as today, timestamptz '2026-11-23 00:00:00+00' as instant";
        let row = rows(&source, query).await.remove(0);
        assert_eq!((row[0].as_str(), row[1].as_str()), (format!("t:{}", zone.name()).as_str(), "b:true"));
        assert!(row[2].starts_with("z:2026-11-23 0") && row[2].ends_with(shown), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_of_mariadb_has_the_sources_time_zone() {
    let database = TestDatabase::new(Product::Mariadb).await;
    // Tokyo is known by its name to the servers of tests/run, the others by their offsets.
    for (zone, minutes) in
        [(chrono_tz::Asia::Shanghai, 480), (chrono_tz::Asia::Tokyo, 540), (chrono_tz::Asia::Kolkata, 330), (chrono_tz::UTC, 0)]
    {
        let source = in_zone(&database, zone).await;
        let query = "select timestampdiff(minute, utc_timestamp(), now()) as ahead, curdate() = date(utc_timestamp() + interval \
            timestampdiff(minute, utc_timestamp(), now()) minute) as today, from_unixtime(1795392000) as instant";
        let row = rows(&source, query).await.remove(0);
        let shown = chrono::DateTime::from_timestamp(1_795_392_000, 0).expect("a time").with_timezone(&zone).format("w:%F %T").to_string();
        assert_eq!(row, [format!("n:{minutes}"), "n:1".to_owned(), shown], "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pipes_mean_in_mariadb_what_the_server_says() {
    let database = TestDatabase::new(Product::Mariadb).await;
    assert_eq!(rows(&open(&database.url), "select 0 || 1 as either").await, [["n:1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_prepared_statement_stays_behind() {
    let database = TestDatabase::new(Product::Postgres).await;
    let source = Source::open(SourceSettings { max_connections: 1, ..settings(&database.url) }).expect("a source");
    for number in 0..10 {
        rows(&source, &format!("select {number} as n where false")).await;
        rows(&source, &format!("select {number} as n")).await;
        source.prepare(&Query::plain(format!("select {number} as m"))).await.expect("prepared");
    }
    let mine = "select count(*) as n from pg_prepared_statements where name <> ''";
    assert_eq!(rows(&source, mine).await, [["n:0"]]);
    assert_eq!(
        database
            .ask("select count(*)::text from pg_stat_activity where application_name = 'rowbell' and datname = current_database()")
            .await,
        "1"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_a_schema_change_is_not_waited_for() {
    use sqlx::{ConnectOptions, Executor};
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table stock (id integer)").await;
    let options: sqlx::postgres::PgConnectOptions = database.url.parse().expect("a url");
    let mut other = options.connect().await.expect("a session");
    other.execute("begin; lock table stock in access exclusive mode").await.expect("locked");
    let error = fails(&open(&database.url), "select * from stock").await;
    assert_eq!(error.kind, SourceErrorKind::Timeout, "{error}");
    assert!(error.message.contains("locked"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_the_dba_cancels_is_interrupted() {
    let database = Arc::new(TestDatabase::new(Product::Postgres).await);
    let source = open(&database.url);
    let killer = Arc::clone(&database);
    let killing = tokio::spawn(async move {
        let cancel = "select count(pg_cancel_backend(pid))::text from pg_stat_activity where datname = current_database() \
            and application_name = 'rowbell' and state = 'active' and query like '%fetch%'";
        while killer.ask(cancel).await == "0" {}
    });
    let error = fails(&source, super::endless(Product::Postgres)).await;
    killing.await.expect("killed");
    assert_eq!(error.kind, SourceErrorKind::Interrupted, "{error}");
    assert_server_is_quiet(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drops_its_sessions_is_connected_to_again() {
    let database = TestDatabase::new(Product::Postgres).await;
    let source = open(&database.url);
    for _ in 0..3 {
        assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
        database
            .ask("select count(pg_terminate_backend(pid))::text from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
            .await;
    }
}
