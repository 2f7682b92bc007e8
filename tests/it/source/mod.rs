//! Business databases are read wholly or not at all, and never written.

mod account;
mod bouncer;
mod connection;
mod contract;
mod horizon;
mod limits;
mod params;
mod plan;
mod proxy;
mod types;
mod walls;
mod windows;

use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::Query;
use rowbell::domain::row::{Columns, Row};
use rowbell::source::{Limits, ReadStats, RowSink, Source, SourceError, SourceErrorKind, SourceSettings};
use std::sync::Arc;
use std::time::Duration;

/// Runs each test once per database.
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        on_every_database!(@ postgresql, crate::databases::Product::Postgres, $($name),*);
        on_every_database!(@ mariadb, crate::databases::Product::Mariadb, $($name),*);
        on_every_database!(@ sqlite, crate::databases::Product::Sqlite, $($name),*);
    };
    (@ $module:ident, $product:expr, $($name:ident),*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($product).await;
                }
            )*
        }
    };
}
pub(crate) use on_every_database;

/// Keeps what it is given: each cell as its kind's letter and its text, `n:1.50`.
#[derive(Debug, Default)]
pub struct Collect {
    pub columns: Option<Vec<String>>,
    pub rows: Vec<Vec<String>>,
    pub stop_after: Option<usize>,
}

impl RowSink for Collect {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        assert!(self.columns.is_none(), "columns are told once");
        self.columns = Some(columns.names().to_vec());
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        if self.stop_after == Some(self.rows.len()) {
            return Err("enough".to_owned());
        }
        self.rows.push((0..row.len()).map(|at| cell(row, at)).collect());
        Ok(())
    }
}

fn cell(row: &Row, at: usize) -> String {
    row.text(at).map_or_else(|| "NULL".to_owned(), |text| format!("{}:{text}", row.kind(at).code()))
}

pub fn settings(url: &str) -> SourceSettings {
    SourceSettings {
        name: "erp".to_owned(),
        url: url.into(),
        timezone: chrono_tz::Asia::Shanghai,
        max_connections: 2,
        query_timeout: Duration::from_secs(20),
        max_rows: 100_000,
    }
}

pub fn open(url: &str) -> Source {
    Source::open(settings(url)).expect("a source")
}

pub async fn read_query(source: &Source, query: &Query, limits: Limits) -> Result<(Collect, ReadStats), SourceError> {
    let mut sink = Collect::default();
    let stats = source.read(query, &limits, &mut sink).await?;
    assert_eq!(stats.rows, sink.rows.len() as u64);
    assert!(sink.columns.is_some(), "columns are always told");
    Ok((sink, stats))
}

pub async fn read_with(source: &Source, query: &str, limits: Limits) -> Result<Collect, SourceError> {
    read_query(source, &Query::plain(query), limits).await.map(|(collected, _)| collected)
}

/// The rows of a query with parameters or a window.
pub async fn rows_of(source: &Source, query: &Query) -> Vec<Vec<String>> {
    match read_query(source, query, source.limits(None, None)).await {
        Ok((collected, _)) => collected.rows,
        Err(error) => panic!("{query:?}: {error}"),
    }
}

pub async fn read(source: &Source, query: &str) -> Result<Collect, SourceError> {
    read_with(source, query, source.limits(None, None)).await
}

pub async fn rows(source: &Source, query: &str) -> Vec<Vec<String>> {
    read(source, query).await.unwrap_or_else(|error| panic!("{query}: {error}")).rows
}

pub async fn fails(source: &Source, query: &str) -> SourceError {
    match read(source, query).await {
        Ok(result) => panic!("{query} was accepted: {result:?}"),
        Err(error) => error,
    }
}

pub async fn fails_with(source: &Source, query: &Query) -> SourceError {
    match read_query(source, query, source.limits(None, None)).await {
        Ok(result) => panic!("{query:?} was accepted: {result:?}"),
        Err(error) => error,
    }
}

pub async fn kind_of_failure(source: &Source, query: &str) -> SourceErrorKind {
    fails(source, query).await.kind
}

/// A query that would run for minutes.
pub fn endless(product: Product) -> &'static str {
    match product {
        Product::Postgres => "select count(*) as n from generate_series(1, 100000000000) a",
        Product::Mariadb => "select sum(a.seq * b.seq) as n from seq_1_to_10000000 a, seq_1_to_10000000 b",
        Product::Sqlite => "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n",
    }
}

/// A query that returns many rows quickly, numbered from 1.
pub fn many(product: Product, rows: u32) -> String {
    match product {
        Product::Postgres => format!("select i, repeat('x', 100) as filler from (select generate_series(1, {rows}) as i) n"),
        Product::Mariadb => format!("select seq as i, repeat('x', 100) as filler from seq_1_to_{rows}"),
        Product::Sqlite => format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) select i, printf('%100s', 'x') as filler from n"
        ),
    }
}

/// How many sessions of the database (beside the asking one) run something or hold a transaction.
pub async fn busy_sessions(database: &TestDatabase) -> String {
    let query = match database.product {
        Product::Postgres => {
            "select count(*)::text from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'"
        }
        Product::Mariadb => {
            "select cast(count(*) as char) from information_schema.processlist where db = database() and id <> connection_id() \
             and (command <> 'Sleep' or id in (select trx_mysql_thread_id from information_schema.innodb_trx))"
        }
        Product::Sqlite => "select '0'",
    };
    database.ask(query).await
}

/// Waits (bounded) until the server runs nothing of ours any more.
pub async fn assert_server_is_quiet(database: &TestDatabase) {
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while busy_sessions(database).await != "0" {
        assert!(std::time::Instant::now() < until, "a query still runs on the server");
    }
}
