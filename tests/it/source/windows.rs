//! A window reads a part of a result by its cursor, whatever the text looks like, and nothing falls between two windows.

use super::{fails_with, on_every_database, open, read_query, rows_of};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::{CursorValue, ExactNumber, Param, Query, Window};
use rowbell::domain::value::Kind;
use rowbell::source::SourceErrorKind;

on_every_database!(
    from_a_value_there_are_its_equals_and_what_has_none,
    the_last_rows_are_read_with_the_equals_of_the_first_of_them,
    an_empty_table_has_empty_windows,
    the_end_of_a_text_does_not_matter,
    a_text_may_be_any_query,
    a_column_is_found_by_its_exact_name,
    an_unknown_cursor_is_an_error,
    an_error_in_a_wrapped_text_has_its_place,
    parameters_go_into_a_wrapped_text,
    a_wrapped_text_can_be_prepared,
    times_and_texts_are_cursors_too,
);

fn number(digits: &str) -> Param {
    Param::Number(ExactNumber::parse(digits).expect("a number"))
}

fn from(column: &str, value: &str) -> Window {
    Window::From { column: column.to_owned(), value: number(value) }
}

fn latest(column: &str, rows: u64) -> Window {
    Window::Latest { column: column.to_owned(), rows }
}

/// Ids 1 to 8; the cursors are 10, 20, 20, 30, 30, 40, none, none.
async fn events(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    database.run("create table events (id integer primary key, seq integer, word varchar(20)); create index by_seq on events (seq)").await;
    database
        .run(
            "insert into events values (1, 10, 'a'), (2, 20, 'b'), (3, 20, 'c'), (4, 30, 'd'), (5, 30, 'e'), (6, 40, 'f'), (7, null, 'g'), (8, null, 'h')",
        )
        .await;
    database
}

/// The ids, which are the first column, in order.
async fn ids(source: &rowbell::source::Source, text: &str, window: Window) -> Vec<String> {
    ids_of(source, &Query::plain(text).within(window)).await
}

async fn ids_of(source: &rowbell::source::Source, query: &Query) -> Vec<String> {
    let mut ids: Vec<String> = rows_of(source, query).await.into_iter().map(|row| row[0].trim_start_matches("n:").to_owned()).collect();
    ids.sort();
    ids
}

async fn from_a_value_there_are_its_equals_and_what_has_none(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for (value, expected) in [
        ("0", "12345678"),
        ("20", "2345678"),
        ("21", "45678"),
        ("30", "45678"),
        ("40", "678"),
        ("41", "78"),
        ("18446744073709551615", "78"),
        ("19.99999999999999999999", "2345678"),
    ] {
        // SQLite's floats have 15 digits.
        if product == Product::Sqlite && value.len() > 20 {
            continue;
        }
        assert_eq!(ids(&source, "select * from events", from("seq", value)).await.concat(), expected, "{value}");
    }
    let unknown = Window::From { column: "seq".to_owned(), value: Param::Null };
    assert_eq!(ids(&source, "select * from events", unknown).await.concat(), "78");
}

async fn the_last_rows_are_read_with_the_equals_of_the_first_of_them(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for (rows, expected) in
        [(0, "78"), (1, "678"), (2, "45678"), (3, "45678"), (4, "2345678"), (6, "12345678"), (7, "12345678"), (u64::MAX, "12345678")]
    {
        assert_eq!(ids(&source, "select * from events", latest("seq", rows)).await.concat(), expected, "{rows}");
    }
}

async fn an_empty_table_has_empty_windows(product: Product) {
    let database = events(product).await;
    database.run("delete from events").await;
    let source = open(&database.url);
    for window in [from("seq", "1"), latest("seq", 5)] {
        for _ in 0..2 {
            let query = Query::plain("select id, word, seq from events").within(window.clone());
            let (result, stats) = read_query(&source, &query, source.limits(None, None)).await.expect("an empty result");
            assert_eq!((result.columns, stats.rows), (Some(["id", "word", "seq"].map(str::to_owned).to_vec()), 0));
        }
    }
    database.run("insert into events values (1, null, 'a')").await;
    assert_eq!(ids(&source, "select * from events", latest("seq", 5)).await.concat(), "1", "only rows without a cursor");
}

async fn the_end_of_a_text_does_not_matter(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for text in [
        "select * from events;",
        "select * from events ; ;\n",
        "select * from events -- the end",
        "select * from events; -- it's the end",
        "select * from events /* the ; end */",
        "/* begin */ select * from events -- )\n",
        "select id, ';' as a, '--' as b, seq from events",
    ] {
        assert_eq!(ids(&source, text, from("seq", "40")).await.concat(), "678", "{text}");
        assert_eq!(ids(&source, text, latest("seq", 1)).await.concat(), "678", "{text}");
    }
    let hash = if product == Product::Mariadb { "select * from events # it's the end )" } else { "select * from events --" };
    assert_eq!(ids(&source, hash, from("seq", "40")).await.concat(), "678");
    if product == Product::Sqlite {
        assert_eq!(ids(&source, "select * from events /* the end", from("seq", "40")).await.concat(), "678");
    }
}

async fn a_text_may_be_any_query(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for text in [
        "with e as (select * from events) select id, seq from e",
        "WITH e AS (select * from events where word <> ')') select id, seq from e order by seq desc;",
        "select id, seq from events order by id desc",
        "select id, seq from events where id < 4 union all select id, seq from events where id >= 4",
        "select e.id, e.seq from events e join events f on f.id = e.id",
        "select max(id) as id, max(seq) as seq from events group by id",
        "select distinct id, seq from events",
        "select id, seq from events order by id limit 1000",
        "select id, (select max(seq) from events f where f.id = e.id) as seq from events e",
    ] {
        assert_eq!(ids(&source, text, from("seq", "30")).await.concat(), "45678", "{text}");
        assert_eq!(ids(&source, text, latest("seq", 2)).await.concat(), "45678", "{text}");
    }
}

async fn a_column_is_found_by_its_exact_name(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    let quote = if product == Product::Mariadb { "`" } else { "\"" };
    for name in ["SeqNo", "编号", "the seq", "a\"b`c'd", "order", "1st", "select"] {
        let text = format!("select id, seq as {quote}{}{quote} from events", name.replace(quote, &quote.repeat(2)));
        assert_eq!(ids(&source, &text, from(name, "40")).await.concat(), "678", "{name}");
        assert_eq!(ids(&source, &text, latest(name, 1)).await.concat(), "678", "{name}");
    }
    let two = "select id, seq as \"Seq\", 0 as seq from events";
    if product == Product::Postgres {
        assert_eq!(ids(&source, two, from("Seq", "40")).await.concat(), "678");
        assert_eq!(ids(&source, two, from("seq", "1")).await.concat(), "");
    }
}

async fn an_unknown_cursor_is_an_error(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for window in [from("no_such", "1"), latest("no_such", 1), from("x' or '1", "1")] {
        let query = Query::plain("select * from events").within(window);
        let error = fails_with(&source, &query).await;
        assert_eq!(error.kind, SourceErrorKind::Sql, "{error}");
        assert!(error.message.contains("no_such") || error.message.contains("x' or '1"), "{error}");
        assert!(source.prepare(&query).await.is_err());
    }
}

async fn an_error_in_a_wrapped_text_has_its_place(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for window in [from("seq", "1"), latest("seq", 3)] {
        for (text, position) in [
            ("select id, '选'\n  FROMM events", 24),
            ("select :p as a, id, '选'\n  FROMM events -- x", 33),
            ("select id, seq from events where", 33),
            ("select id, seq from events where id in (1", 42),
        ] {
            let query = Query::plain(text).with("p", Param::Text("longer than its name".into())).within(window.clone());
            let error = fails_with(&source, &query).await;
            assert_eq!((error.kind, error.position), (SourceErrorKind::Sql, Some(position)), "{text}: {error}");
            assert!(!error.message.contains("rowbell") && !error.message.contains("longer"), "{error}");
            assert!(position < 33 || text.contains("FROMM") || error.message.contains("the end"), "{error}");
        }
    }
}

async fn parameters_go_into_a_wrapped_text(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    let query = Query::plain("select * from events where word <> :not and id < :below")
        .with("below", number("8"))
        .with("not", Param::Text("e".into()));
    assert_eq!(ids_of(&source, &query.clone().within(from("seq", "30"))).await.concat(), "467");
    assert_eq!(ids_of(&source, &query.within(latest("seq", 2))).await.concat(), "467");
}

async fn a_wrapped_text_can_be_prepared(product: Product) {
    let database = events(product).await;
    let source = open(&database.url);
    for window in [from("seq", "30"), Window::From { column: "seq".into(), value: Param::Null }, latest("seq", 2)] {
        let columns =
            source.prepare(&Query::plain("select word, seq from events where id > :p").with("p", Param::Null).within(window)).await;
        let names: Vec<String> = columns.expect("prepared").into_iter().map(|column| column.name).collect();
        assert_eq!(names, ["word", "seq"]);
    }
}

/// The value of the last row, read and handed back, begins the next window.
async fn times_and_texts_are_cursors_too(product: Product) {
    let database = TestDatabase::new(product).await;
    let (time, float) = match product {
        Product::Postgres => ("timestamptz", "float8"),
        Product::Mariadb => ("datetime(6)", "double"),
        Product::Sqlite => ("text", "real"),
    };
    database.run(&format!("create table log (id integer, at {time}, code varchar(20), weight {float})")).await;
    database
        .run(
            "insert into log values (1, '2026-11-23 09:30:00.123455', 'a\\b''c', 0.1), (2, '2026-11-23 09:30:00.123456', 'b', 0.7), \
             (3, '2026-11-23 09:30:00.123456', 'b', 0.7)",
        )
        .await;
    let source = open(&database.url);
    for column in ["at", "code", "weight"] {
        let query = Query::plain(format!("select id, {column} from log where id = 2"));
        let (result, stats) = read_query(&source, &query, source.limits(None, None)).await.expect("a row");
        let (code, text) = result.rows[0][1].split_once(':').expect("a value");
        let kind = Kind::from_code(code.chars().next().expect("a letter"));
        let value = Param::Cursor(CursorValue { text: text.to_owned(), kind, type_name: stats.column_types.get(1).cloned() });
        let window = Window::From { column: column.to_owned(), value };
        assert_eq!(ids(&source, "select * from log", window).await.concat(), "23", "{column}");
        assert_eq!(ids(&source, "select * from log", latest(column, 1)).await.concat(), "23", "{column}");
    }
}
