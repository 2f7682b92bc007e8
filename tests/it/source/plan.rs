//! The planner is asked how it would read, and nothing runs.

use super::{endless, on_every_database, open};
use crate::databases::{Product, TestDatabase};
use chrono::{TimeZone, Utc};
use rowbell::domain::query::{CursorValue, ExactNumber, Param, Query, Window};
use rowbell::domain::value::Kind;
use rowbell::source::{PlanNote, Source, SourceErrorKind};
use std::time::{Duration, Instant};

on_every_database!(
    a_scan_of_a_whole_table_is_told_with_its_size,
    a_window_on_an_index_scans_nothing,
    a_window_without_an_index_scans_the_table,
    a_cursor_written_by_hand_uses_its_index,
    nothing_runs,
    what_is_not_reading_is_refused,
);

/// 20,000 rows; an index on the id and on the time, none on the number.
async fn big(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    let (at, fill) = match product {
        Product::Postgres => (
            "timestamptz",
            "insert into big select i, to_timestamp(1795397400 + i), i, repeat('x', 50) from generate_series(1, 20000) i; analyze big",
        ),
        Product::Mariadb => (
            "datetime",
            "insert into big select seq, from_unixtime(1795397400 + seq), seq, repeat('x', 50) from seq_1_to_20000; analyze table big",
        ),
        Product::Sqlite => (
            "text",
            "insert into big with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) \
             select i, datetime(1795397400 + i, 'unixepoch'), i, 'x' from n",
        ),
    };
    database
        .run(&format!(
            "create table big (id integer primary key, at {at}, number integer, note varchar(60)); create index by_at on big (at)"
        ))
        .await;
    database.run(fill).await;
    database
}

fn number(digits: &str) -> Param {
    Param::Number(ExactNumber::parse(digits).expect("a number"))
}

async fn notes(source: &Source, query: &Query) -> Vec<PlanNote> {
    source.explain(query).await.unwrap_or_else(|error| panic!("{query:?}: {error}"))
}

async fn scans(source: &Source, query: &Query) -> Vec<(String, u64)> {
    let scan = |note| match note {
        PlanNote::FullScan { table, rows, access } => Some((format!("{access} {table}"), rows.expect("a size"))),
        PlanNote::Returns { .. } => None,
    };
    notes(source, query).await.into_iter().filter_map(scan).collect()
}

async fn a_scan_of_a_whole_table_is_told_with_its_size(product: Product) {
    let database = big(product).await;
    let source = open(&database.url);
    let expected = match product {
        Product::Postgres => "Seq Scan big",
        Product::Mariadb => "ALL big",
        Product::Sqlite => "SCAN big",
    };
    for query in [
        Query::plain("select * from big where note like '%y%' and number = 3"),
        Query::plain("select * from big"),
        Query::plain("select * from big where number = :p; -- one row").with("p", number("3")),
        Query::plain("with b as (select * from big where number > 3) select count(*) as n from b"),
    ] {
        let found = scans(&source, &query).await;
        assert_eq!(found.len(), 1, "{query:?}: {found:?}");
        assert_eq!(found[0].0, expected, "{query:?}");
        assert!((18_000..=22_000).contains(&found[0].1), "of the table, not of what is returned: {found:?}");
    }
    let indexed = Query::plain("select * from big where id = 7");
    assert_eq!(scans(&source, &indexed).await, []);
    assert_eq!(scans(&source, &Query::plain("select 1 as one")).await, []);
}

async fn a_window_on_an_index_scans_nothing(product: Product) {
    let database = big(product).await;
    let source = open(&database.url);
    let instant = Param::Instant(Utc.timestamp_opt(1_795_397_400 + 19_990, 0).single().expect("a time"));
    let id = |type_name: Option<&str>| {
        Param::Cursor(CursorValue { text: "19990".into(), kind: Kind::Number, type_name: type_name.map(str::to_owned) })
    };
    for text in [
        "select * from big",
        "select * from big order by id",
        "select * from big order by at desc; -- the end",
        "select id, at, number from big where number <> :p",
        "with b as (select * from big) select * from b",
    ] {
        for window in [
            Window::From { column: "id".into(), value: number("19990") },
            Window::From { column: "id".into(), value: id(None) },
            Window::From { column: "id".into(), value: id(Some("int8")) },
            Window::From { column: "at".into(), value: instant.clone() },
            Window::Latest { column: "id".into(), rows: 10 },
            Window::Latest { column: "at".into(), rows: 10 },
        ] {
            let is_latest = matches!(window, Window::Latest { .. });
            let orders_by_another = text.contains("order by") && !text.contains(&format!("order by {}", column_of(&window)));
            // The two that are known to read all of it.
            if product == Product::Postgres && is_latest && text.starts_with("with") || product == Product::Sqlite && orders_by_another {
                continue;
            }
            let query = Query::plain(text).with("p", number("3")).within(window);
            assert_eq!(scans(&source, &query).await, [], "{query:?}");
        }
    }
}

fn column_of(window: &Window) -> &str {
    match window {
        Window::Whole => "",
        Window::From { column, .. } | Window::Latest { column, .. } => column,
    }
}

async fn a_window_without_an_index_scans_the_table(product: Product) {
    let database = big(product).await;
    let source = open(&database.url);
    let query = Query::plain("select * from big").within(Window::From { column: "number".into(), value: number("19990") });
    let found = scans(&source, &query).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.ends_with(" big") && (18_000..=22_000).contains(&found[0].1), "{found:?}");
}

async fn a_cursor_written_by_hand_uses_its_index(product: Product) {
    let database = big(product).await;
    let source = open(&database.url);
    let cursor = Param::Cursor(CursorValue { text: "19990".into(), kind: Kind::Number, type_name: Some("int4".into()) });
    let query = Query::plain("select count(*) as n from big b where b.id >= :cursor").with("cursor", cursor);
    assert_eq!(scans(&source, &query).await, []);
}

async fn nothing_runs(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let began = Instant::now();
    notes(&source, &Query::plain(endless(product))).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

async fn what_is_not_reading_is_refused(product: Product) {
    let database = big(product).await;
    let source = open(&database.url);
    for text in ["delete from big", "select 1 as a; delete from big", "analyze delete from big", "explain select 1", ""] {
        let error = source.explain(&Query::plain(text)).await.expect_err(text);
        assert!(matches!(error.kind, SourceErrorKind::NotAQuery | SourceErrorKind::Sql), "{text}: {error}");
    }
    let error = source.explain(&Query::plain("select :p as a, id FORM big").with("p", number("123456"))).await.expect_err("wrong");
    assert_eq!((error.kind, error.position), (SourceErrorKind::Sql, Some(25)), "{error}");
    assert_eq!(super::rows(&source, "select count(*) as n from big").await, [["n:20000"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_view_may_ask_postgresql() {
    let database = big(Product::Postgres).await;
    let user = format!("planner_{}", &database.name()[13..29]);
    database
        .run(&format!(
            "create view few as select id, number from big; create role {user} login password 'pw'; grant select on few to {user}"
        ))
        .await;
    let source = open(&database.url_as(&user, "pw"));
    let explained = source.explain(&Query::plain("select * from few where number = 3")).await;
    source.close().await;
    database.run(&format!("drop owned by {user}; drop role {user}")).await;
    let explained = explained.expect("a plan");
    assert!(
        matches!(&explained[..], [PlanNote::FullScan { table, rows: Some(20_000), .. }, PlanNote::Returns { rows: 1 }] if table == "big"),
        "{explained:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_partitions_of_a_table_of_postgresql_are_one() {
    let database = TestDatabase::new(Product::Postgres).await;
    database
        .run(
            "create schema shop; create table shop.log (id int, note text) partition by range (id); \
             create table shop.log_1 partition of shop.log for values from (0) to (1000); \
             create table shop.log_2 partition of shop.log for values from (1000) to (5000); \
             insert into shop.log select i, 'x' from generate_series(1, 3000) i; analyze shop.log",
        )
        .await;
    let source = open(&database.url);
    let query = Query::plain("select * from shop.log a join shop.log b on b.note = a.note where a.note = 'y'");
    assert_eq!(scans(&source, &query).await, [("Seq Scan shop.log".to_owned(), 3000)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_postgresql_that_was_never_analyzed_has_no_size() {
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table fresh (id int) with (autovacuum_enabled = false); insert into fresh select generate_series(1, 100)").await;
    let source = open(&database.url);
    let scan = |rows| PlanNote::FullScan { table: "fresh".to_owned(), access: "Seq Scan".to_owned(), rows };
    assert_eq!(notes(&source, &Query::plain("select * from fresh where id + 1 = 7")).await.first(), Some(&scan(None)));
    let whole = notes(&source, &Query::plain("select * from fresh")).await;
    assert!(matches!(whole.first(), Some(PlanNote::FullScan { rows: Some(1..), .. })), "the planner's own guess: {whole:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_tells_the_table_behind_an_alias_and_its_size() {
    let database = big(Product::Sqlite).await;
    database.run("create view v as select vb.id, vb.number from big vb; create table noid (a text primary key, b) without rowid").await;
    let source = open(&database.url);
    for text in
        ["select * from big as \"b 1\" where number = 3", "select * from v where number = 3", "select count(b.note) as n from big b"]
    {
        assert_eq!(scans(&source, &Query::plain(text)).await, [("SCAN big".to_owned(), 20_000)], "{text}");
    }
    let without = notes(&source, &Query::plain("select * from noid where b = 1")).await;
    assert_eq!(without, [PlanNote::FullScan { table: "noid".to_owned(), access: "SCAN".to_owned(), rows: None }]);
    database.run("delete from big where id between 2 and 19000; analyze").await;
    assert_eq!(scans(&source, &Query::plain("select * from big")).await, [("SCAN big".to_owned(), 1001)], "what ANALYZE has counted");
}
