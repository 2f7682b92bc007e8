//! Time, rows and size: a read that exceeds a limit fails loudly and leaves nothing running.

use super::{Collect, assert_server_is_quiet, endless, many, on_every_database, open, read, read_with, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::Query;
use rowbell::source::{Limits, SourceErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

on_every_database!(
    a_query_that_takes_too_long_is_ended_on_the_server,
    a_slow_stream_is_ended_too,
    more_rows_than_allowed_is_an_error,
    as_many_rows_as_allowed_is_fine,
    a_receiver_that_stops_leaves_nothing_running,
    a_read_that_is_dropped_leaves_nothing_running,
    a_huge_row_is_an_error,
    reads_share_the_allowed_connections,
);

const SHORT: Duration = Duration::from_millis(400);

async fn a_query_that_takes_too_long_is_ended_on_the_server(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let began = Instant::now();
    let error = read_with(&source, endless(product), source.limits(Some(SHORT), None)).await.expect_err("too long");
    assert_eq!(error.kind, SourceErrorKind::Timeout, "{error}");
    assert!(error.message.contains("400ms"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_server_is_quiet(&database).await;
    assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
}

/// MariaDB ends the function and not the statement: what it makes up is no answer.
#[tokio::test]
async fn a_function_that_was_ended_is_no_answer() {
    let database = TestDatabase::new(Product::Mariadb).await;
    let source = open(&database.url);
    let query = "select benchmark(100000000000, md5('x')) as s";
    let error = read_with(&source, query, source.limits(Some(SHORT), None)).await.expect_err("too long");
    assert_eq!(error.kind, SourceErrorKind::Timeout, "{error}");
    assert_server_is_quiet(&database).await;
}

/// An advisory lock that a query took is not left on the session that the next one uses.
#[tokio::test]
async fn a_lock_that_a_query_took_ends_with_it() {
    let database = TestDatabase::new(Product::Postgres).await;
    let (source, other) = (open(&database.url), open(&database.url));
    for source in [&source, &other, &source] {
        assert_eq!(rows(source, "select pg_try_advisory_lock(4242) as taken").await, [["b:true"]]);
    }
}

/// Each batch is quick, all of them together are not.
async fn a_slow_stream_is_ended_too(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let limits = Limits { timeout: SHORT, max_rows: u64::MAX };
    let query = many(product, 100_000_000);
    let mut sink = Count::default();
    let error = source.read(&Query::plain(query), &limits, &mut sink).await.expect_err("too long");
    assert_eq!(error.kind, SourceErrorKind::Timeout, "{error}");
    assert!(sink.0 > 0, "rows had come");
    assert_server_is_quiet(&database).await;
}

#[derive(Default)]
struct Count(u64);

impl rowbell::source::RowSink for Count {
    fn columns(&mut self, _: &Arc<rowbell::domain::row::Columns>) -> Result<(), String> {
        Ok(())
    }
    fn row(&mut self, _: &rowbell::domain::row::Row) -> Result<(), String> {
        self.0 += 1;
        Ok(())
    }
}

async fn more_rows_than_allowed_is_an_error(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    for (returned, allowed) in [(1, 0), (11, 10), (2002, 2001), (1_000_000, 3000)] {
        let error = read_with(&source, &many(product, returned), source.limits(None, Some(allowed))).await.expect_err("too many");
        assert_eq!(error.kind, SourceErrorKind::MaxRows, "{error}");
        assert!(error.message.contains(&allowed.to_string()), "{error}");
    }
    assert_server_is_quiet(&database).await;
}

async fn as_many_rows_as_allowed_is_fine(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    for count in [1_u32, 10, 2000, 2001, 4001] {
        let result = read_with(&source, &many(product, count), source.limits(None, Some(count.into()))).await.expect("rows");
        assert_eq!(result.rows.len(), count as usize);
    }
}

async fn a_receiver_that_stops_leaves_nothing_running(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let began = Instant::now();
    let mut sink = Collect { stop_after: Some(5), ..Collect::default() };
    let error = source.read(&Query::plain(many(product, 50_000_000)), &source.limits(None, None), &mut sink).await.expect_err("stopped");
    assert_eq!((error.kind, error.message.as_str()), (SourceErrorKind::Evaluation, "enough"));
    assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
    assert_server_is_quiet(&database).await;
    assert!(began.elapsed() < Duration::from_secs(8), "the rest was not read: {:?}", began.elapsed());
}

async fn a_read_that_is_dropped_leaves_nothing_running(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    for _ in 0..4 {
        let read = read_with(&source, endless(product), source.limits(Some(Duration::from_secs(2)), None));
        assert!(tokio::time::timeout(Duration::from_millis(150), read).await.is_err(), "it would have run on");
    }
    // The connections are free at once, and the server's own limit ends the queries.
    assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
    assert_server_is_quiet(&database).await;
}

async fn a_huge_row_is_an_error(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let query = match product {
        Product::Sqlite => "select 1 as id, printf('%9000000s', 'x') as a, printf('%9000000s', 'x') as b",
        _ => "select 1 as id, repeat('x', 9000000) as a, repeat('y', 9000000) as b",
    };
    let error = read(&source, query).await.expect_err("too large");
    assert_eq!(error.kind, SourceErrorKind::RowSize, "{error}");
    assert!(error.message.contains("16 MiB") && error.message.contains('`'), "{error}");
    assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
}

async fn reads_share_the_allowed_connections(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = Arc::new(open(&database.url));
    let reads = (0..16).map(|_| {
        let source = Arc::clone(&source);
        // Spawned: a read must be able to move between threads.
        tokio::spawn(async move { read(&source, &many(product, 3000)).await.expect("rows").rows.len() })
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await.expect("finished"), 3000);
    }
    let open_now = match product {
        Product::Postgres => {
            "select count(*)::text from pg_stat_activity where datname = current_database() and application_name = 'rowbell'"
        }
        Product::Mariadb => {
            "select cast(count(*) as char) from information_schema.processlist where db = database() and id <> connection_id()"
        }
        Product::Sqlite => "select '2'",
    };
    let count: u32 = database.ask(open_now).await.parse().expect("a number");
    assert!((1..=2).contains(&count), "{count} connections are open");
    assert_server_is_quiet(&database).await;
    source.close().await;
    assert_eq!(read(&source, "select 1 as one").await.expect_err("closed").kind, SourceErrorKind::Connect);
}
