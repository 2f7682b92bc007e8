//! Parameters arrive as the values they are, whatever is in them, and leave the rest of the text alone.

use super::{fails_with, on_every_database, open, read_query, rows, rows_of};
use crate::databases::{Product, TestDatabase};
use chrono::{NaiveDate, TimeZone, Utc};
use rowbell::clock::Clock;
use rowbell::domain::query::{CursorValue, ExactNumber, Param, Query};
use rowbell::domain::value::Kind;
use rowbell::source::{Source, SourceErrorKind};

on_every_database!(
    each_value_arrives_as_it_is,
    hostile_text_is_text,
    a_parameter_may_stand_wherever_a_value_may,
    what_is_no_parameter_is_left_alone,
    one_parameter_may_be_used_many_times_and_others_not_at_all,
    a_parameter_that_nothing_fills_is_still_an_error,
    an_error_behind_parameters_has_its_place_in_the_text,
    a_query_with_parameters_can_be_prepared,
    an_empty_result_with_parameters_tells_its_columns,
);

fn number(digits: &str) -> Param {
    Param::Number(ExactNumber::parse(digits).expect("a number"))
}

fn text(text: &str) -> Param {
    Param::Text(text.to_owned())
}

async fn shown(source: &Source, param: Param) -> String {
    rows_of(source, &Query::plain("select :p as v").with("p", param)).await.remove(0).remove(0)
}

async fn each_value_arrives_as_it_is(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let day = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
    let time = day.and_hms_micro_opt(9, 30, 0, 120_000).expect("a time");
    let instant = Utc.timestamp_opt(1_795_397_400, 123_456_789).single().expect("an instant");
    let decimal = "1234567890123456789012345678901234567.0123456789012345678901234567";
    // PostgreSQL, MariaDB, SQLite.
    for (param, expected) in [
        (Param::Null, ["NULL", "NULL", "NULL"]),
        (Param::Bool(true), ["b:true", "n:1", "n:1"]),
        (Param::Bool(false), ["b:false", "n:0", "n:0"]),
        (number("7"), ["n:7"; 3]),
        (number("-9223372036854775808"), ["n:-9223372036854775808"; 3]),
        (number("9223372036854775808"), ["n:9223372036854775808", "n:9223372036854775808", "f:9.223372036854776e18"]),
        (number("18446744073709551615"), ["n:18446744073709551615", "n:18446744073709551615", "f:1.8446744073709552e19"]),
        (number("1.50"), ["n:1.50", "n:1.50", "f:1.5"]),
        (number(decimal), [&format!("n:{decimal}"), &format!("n:{decimal}"), "f:1.2345678901234568e36"]),
        (text("张三"), ["t:张三"; 3]),
        (text(""), ["t:"; 3]),
        (Param::Date(day), ["d:2026-11-23", "d:2026-11-23", "t:2026-11-23"]),
        (Param::DateTime(time), ["w:2026-11-23 09:30:00.12", "w:2026-11-23 09:30:00.12", "t:2026-11-23 09:30:00.120"]),
        (Param::Instant(instant), ["z:2026-11-23 09:30:00.123456+08", "w:2026-11-23 09:30:00", "t:2026-11-23 01:30:00"]),
    ] {
        let index = [Product::Postgres, Product::Mariadb, Product::Sqlite].iter().position(|known| *known == product).expect("known");
        assert_eq!(shown(&source, param.clone()).await, expected[index], "{param:?}");
    }
}

async fn hostile_text_is_text(product: Product) {
    let database = TestDatabase::new(product).await;
    database.run("create table x (id integer, word varchar(200))").await;
    let source = open(&database.url);
    for hostile in [
        "'; drop table x; --",
        "\\'; drop table x; --",
        "\\",
        "'",
        "''",
        "\"`$$]",
        "$1 :p ? %s {0}",
        "*/ select 1 /*!",
        "\u{bf}' or 1=1 -- 縗'",
        "行\n\t\r\u{1}\u{7f}末",
        "\u{1F514}\u{200b}",
        "0x41",
        "1 or 1",
        "NULL",
    ] {
        assert_eq!(shown(&source, text(hostile)).await, format!("t:{hostile}"));
        let written = hostile.replace('\'', "''");
        let written = if product == Product::Mariadb { written.replace('\\', "\\\\") } else { written };
        database.run(&format!("delete from x; insert into x values (1, '{written}'), (2, 'other')")).await;
        let found = Query::plain("select id, word from x where word = :p and word in ('none', :p)").with("p", text(hostile));
        assert_eq!(rows_of(&source, &found).await, [["n:1".to_owned(), format!("t:{hostile}")]], "{hostile}");
    }
    assert_eq!(rows(&source, "select count(*) as n from x").await, [["n:2"]]);
}

async fn a_parameter_may_stand_wherever_a_value_may(product: Product) {
    let database = TestDatabase::new(product).await;
    database.run("create table t (id integer, price decimal(10,2)); insert into t values (1, 1.50), (2, 2.50), (3, 99.10)").await;
    let source = open(&database.url);
    for (query, param, expected) in [
        ("select id from t where id=:p", number("2"), "n:2"),
        ("select id from t where id-:p=5", number("-3"), "n:2"),
        ("select id from t where id--:p=5".replace("--", "- -").as_str(), number("3"), "n:2"),
        ("select id from t where price > :p", number("10.000000000000000000000000001"), "n:3"),
        ("select id from t order by id desc limit:p", number("1"), "n:3"),
        ("select id from t where id in (0,:p) and id between:p and 9", number("3"), "n:3"),
        ("select case when:p then id else 0 end as id from t where id = 1", Param::Bool(true), "n:1"),
        ("select coalesce(:p, 5) as id", Param::Null, "n:5"),
        ("select max(id) as id from (select id from t where id < :p) as q", number("3"), "n:2"),
        ("with w as (select id from t where id < :p) select max(id) as id from w", number("3"), "n:2"),
    ] {
        assert_eq!(rows_of(&source, &Query::plain(query).with("p", param)).await, [[expected]], "{query}");
    }
}

async fn what_is_no_parameter_is_left_alone(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let queries: &[(&str, &[&str])] = match product {
        Product::Postgres => &[
            ("select ':p' as a, E'\\':p' as b, $x$:p$x$ as c, :p as d -- :p", &["t::p", "t:':p", "t::p", "n:7"]),
            (
                "select (array[1,2,3])[1:2] as a, '{\"p\":1}'::jsonb ? 'p' as b, '{\"p\":\"x\"}'::jsonb->>'p' as c, :p::text as d",
                &["o:{1,2}", "b:true", "t:x", "t:7"],
            ),
            (
                "select to_char(timestamp '2026-11-23 09:30:00', 'HH24:MI') as a, 'x%' like '%' as b /* :p /* :p */ */, :p as d",
                &["t:09:30", "b:true", "n:7"],
            ),
        ],
        Product::Mariadb => &[
            ("select ':p' as a, '\\':p' as b, \":p\" as c, :p as d # :p", &["t::p", "t:':p", "t::p", "n:7"]),
            ("select @x := 5 as a, date_format('2026-11-23 09:30:00', '%H:%i') as b, :p as `:p` -- :p", &["n:5", "t:09:30", "n:7"]),
        ],
        Product::Sqlite => &[
            (
                "select ':p' as a, '\\' as b, strftime('%H:%M', '2026-11-23 09:30:00') as c, :p as [:p] -- :p",
                &["t::p", "t:\\", "t:09:30", "n:7"],
            ),
            ("select '{\"p\":\"x\"}'->>'p' as a, :p as d /* :p", &["t:x", "n:7"]),
        ],
    };
    for (query, expected) in queries {
        assert_eq!(rows_of(&source, &Query::plain(*query).with("p", number("7"))).await, [*expected], "{query}");
    }
}

async fn one_parameter_may_be_used_many_times_and_others_not_at_all(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let mut query = Query::plain("select :p3 + :p1 * :p3 as a, :p12 as b").with("unused", text("x"));
    for at in 0..15 {
        query = query.with(format!("p{at}"), number(&at.to_string()));
    }
    assert_eq!(rows_of(&source, &query).await, [["n:6", "n:12"]]);
    // The same statement with other values.
    query.params.iter_mut().for_each(|(_, value)| *value = number("5"));
    assert_eq!(rows_of(&source, &query).await, [["n:30", "n:5"]]);
}

async fn a_parameter_that_nothing_fills_is_still_an_error(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let own: &[&str] = match product {
        Product::Postgres => &["select :p as a, $1::int as b", "select $1::int as b"],
        Product::Mariadb => &["select :p as a, ? as b", "select ? as b"],
        Product::Sqlite => &[
            "select :p as a, ? as b",
            "select ? as b",
            "select :p as a, ?1 as b",
            "select :p as a, $1 as b",
            "select :q as a",
            "select @p as a",
        ],
    };
    for query in own {
        let query = Query::plain(*query).with("p", number("7"));
        assert_eq!(fails_with(&source, &query).await.kind, SourceErrorKind::Sql, "{query:?}");
        assert_eq!(source.prepare(&query).await.expect_err("not filled").kind, SourceErrorKind::Sql, "{query:?}");
    }
    assert_eq!(fails_with(&source, &Query::plain("select :q as a").with("p", number("7"))).await.kind, SourceErrorKind::Sql);
}

async fn an_error_behind_parameters_has_its_place_in_the_text(product: Product) {
    let database = TestDatabase::new(product).await;
    database.run("create table people (id integer, name varchar(40))").await;
    let source = open(&database.url);
    for (query, position) in [("select :p as 选, id,\n :p as b\n  FROMM people", 32), ("select id from people where id > :p FORM x", 37)] {
        let query = Query::plain(query).with("p", text("a long value, longer than its name, 'and quoted'"));
        let error = fails_with(&source, &query).await;
        assert_eq!((error.kind, error.position), (SourceErrorKind::Sql, Some(position)), "{error}");
        assert_eq!(source.prepare(&query).await.expect_err("wrong").position, Some(position));
        assert!(!error.to_string().contains("longer"), "values stay out of errors: {error}");
    }
    let query = Query::plain("select :p as a, no_such_column from people").with("p", text("no_such_column, and longer"));
    let error = fails_with(&source, &query).await;
    assert_eq!((error.kind, error.position), (SourceErrorKind::Sql, Some(17)), "{error}");
}

async fn a_query_with_parameters_can_be_prepared(product: Product) {
    let database = TestDatabase::new(product).await;
    database.run("create table t (id bigint, at timestamp null, word varchar(20))").await;
    let source = open(&database.url);
    let now = Param::Instant(Clock::System.now());
    let select = "select id, word from t where id >= :cursor and (at > :last_poll or at is null) and word <> :word";
    for query in [
        Query::plain(select).with("cursor", Param::Null).with("last_poll", Param::Null).with("word", Param::Null),
        Query::plain(select).with("cursor", number("5")).with("last_poll", now.clone()).with("word", text("x")),
    ] {
        let columns = source.prepare(&query).await.expect("prepared");
        assert_eq!(columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "word"]);
    }
}

async fn an_empty_result_with_parameters_tells_its_columns(product: Product) {
    let database = TestDatabase::new(product).await;
    database.run("create table t (id integer)").await;
    let source = open(&database.url);
    for digits in ["1", "2"] {
        let query = Query::plain("select id, id + 1 as next from t where id = :p").with("p", number(digits));
        let (result, stats) = read_query(&source, &query, source.limits(None, None)).await.expect("an empty result");
        assert_eq!((result.columns, stats.rows), (Some(vec!["id".to_owned(), "next".to_owned()]), 0));
    }
}

/// Reads a value, hands it back as a cursor, and finds its row, and nothing above it.
async fn comes_back(source: &Source, column: &str) {
    let (read, stats) =
        read_query(source, &Query::plain(format!("select {column} as c from odd")), source.limits(None, None)).await.expect("a row");
    let (code, text) = read.rows[0][0].split_once(':').expect("a value");
    let kind = Kind::from_code(code.chars().next().expect("a letter"));
    let cursor = Param::Cursor(CursorValue { text: text.to_owned(), kind, type_name: stats.column_types.first().cloned() });
    for (operator, found) in [(">=", 1), ("=", 1), ("<=", 1), (">", 0), ("<", 0)] {
        let query = Query::plain(format!("select 1 as one from odd where {column} {operator} :cursor")).with("cursor", cursor.clone());
        assert_eq!(rows_of(source, &query).await.len(), found, "{column} {operator} {cursor:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_every_type_comes_back_exactly_to_postgresql() {
    let database = TestDatabase::new(Product::Postgres).await;
    database
        .run(
            "create extension if not exists citext; create schema \"My \"\"Schema\"; create type \"My \"\"Schema\".\"Mood.x\" as enum ('ok', 'bad'); \
             create table odd (i2 int2, i4 int4, i8 int8, n numeric, big numeric, f4 float4, f8 float8, t text, v varchar(20), c char(5), ci citext, \
             u uuid, b bytea, d date, tm time, ts timestamp, tz timestamptz, inf timestamptz, iv interval, m \"My \"\"Schema\".\"Mood.x\", ip inet, \
             bo bool, x xid8, o oid, na name, ch \"char\", mo money, ttz timetz, j jsonb, a int4[], bi bit(3), vb varbit); \
             insert into odd values (-5, 7, 9223372036854775807, 1.50, 12345678901234567890123456789012345678901234567890.123456789, 0.7, 1e300, \
             'it''s \\ ; --', '张三', 'ab', 'AbC', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', '2026-11-23', '24:00:00', \
             '2026-11-23 09:30:00.123456', '2026-11-23 09:30:00.123456+08', 'infinity', '1 year 2 days 3.5 seconds', 'bad', '10.0.0.1/8', true, \
             '18446744073709551615', 4294967295, 'n', 'x', 12.5, '09:30:00+02', '{\"a\": 1}', '{1,2}', b'101', b'1')",
        )
        .await;
    let source = open(&database.url);
    for column in [
        "i2", "i4", "i8", "n", "big", "f4", "f8", "t", "v", "c", "ci", "u", "b", "d", "tm", "ts", "tz", "inf", "iv", "m", "ip", "bo", "x",
        "o", "na", "ch", "mo", "ttz", "j", "a", "bi", "vb",
    ] {
        comes_back(&source, column).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_every_type_comes_back_exactly_to_mariadb() {
    let database = TestDatabase::new(Product::Mariadb).await;
    database
        .run(
            "create table odd (i int, b bigint unsigned, d decimal(65,30), z date, zd datetime, y year, e enum('ok','bad'), bits bit(10), \
             g varchar(20) character set gbk, l varchar(20) character set latin1, bin binary(3), vb varbinary(9), em varbinary(9), bl blob, u uuid, \
             t time, neg time, t6 time(6), dt datetime, dt6 datetime(6), ts timestamp, ts6 timestamp(6), c char(5), cs varchar(20) collate utf8mb4_bin, \
             f double, small double, i6 inet6, day date, s set('a','b','c'), j json) character set utf8mb4; \
             set sql_mode = ''; set time_zone = '+08:00'; \
             insert into odd values (-5, 18446744073709551615, 12345678901234567890123456789012345.123456789012345678901234567890, '0000-00-00', \
             '0000-00-00 00:00:00', 2026, 'bad', b'1000000001', '中文''\\\\', 'é', x'00ff01', x'00ff', '', x'abcd', \
             'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '09:30:00', '-838:59:59', '09:30:00.500000', '2026-11-23 09:30:00', \
             '2026-11-23 09:30:00.123456', '2026-11-23 09:30:00', '2026-11-23 09:30:00.5', 'ab', 'it''s \\\\ ; --', 1e300, 0.1, '::1', '2026-11-23', \
             'a,c', '{\"b\":1}')",
        )
        .await;
    let source = open(&database.url);
    for column in [
        "i", "b", "d", "z", "zd", "y", "e", "bits", "g", "l", "bin", "vb", "em", "bl", "u", "t", "neg", "t6", "dt", "dt6", "ts", "ts6",
        "c", "cs", "f", "small", "i6", "day", "s", "j",
    ] {
        comes_back(&source, column).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_every_type_comes_back_exactly_to_sqlite() {
    let database = TestDatabase::new(Product::Sqlite).await;
    database
        .run(
            "create table odd (i integer, r real, inf real, t text, b blob, any1, day date, price decimal(10,2)); \
             insert into odd values (-9223372036854775808, 0.1, 9e999, 'it''s \\ ; --', x'00ff', '5', '2026-11-23', 1.50)",
        )
        .await;
    let source = open(&database.url);
    for column in ["i", "r", "inf", "t", "b", "any1", "day", "price"] {
        comes_back(&source, column).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instant_stands_next_to_the_databases_own_now() {
    for (product, now) in [
        (Product::Postgres, "current_timestamp"),
        (Product::Postgres, "now()::timestamp"),
        (Product::Mariadb, "now()"),
        (Product::Mariadb, "current_timestamp(6)"),
        (Product::Sqlite, "current_timestamp"),
        (Product::Sqlite, "datetime('now')"),
    ] {
        let database = TestDatabase::new(product).await;
        // Kolkata is known to these servers by its offset only, if at all.
        for timezone in [chrono_tz::Asia::Shanghai, chrono_tz::Asia::Kolkata, chrono_tz::UTC] {
            let source = Source::open(rowbell::source::SourceSettings { timezone, ..super::settings(&database.url) }).expect("a source");
            let before = Clock::System.now();
            let after = before + chrono::Duration::seconds(30);
            let query = Query::plain(format!("select {now} >= :before and {now} < :after as near"));
            let near = rows_of(&source, &query.with("before", Param::Instant(before)).with("after", Param::Instant(after))).await;
            assert!(matches!(near[0][0].as_str(), "b:true" | "n:1"), "{product:?} {now} {timezone}: {near:?}");
        }
    }
}
