//! What every driver promises, said once and run on each database.

use super::{endless, fails, kind_of_failure, many, on_every_database, open, read, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::Query;
use rowbell::domain::value::Kind;
use rowbell::source::SourceErrorKind;

on_every_database!(
    rows_arrive_with_their_columns_in_order,
    an_empty_result_tells_its_columns,
    the_same_source_reads_again_and_again,
    comments_and_a_final_semicolon_are_welcome,
    an_unknown_table_is_an_error_with_its_name,
    a_vanished_table_is_an_error_and_not_an_empty_result,
    a_syntax_error_has_its_place,
    columns_need_different_names,
    a_parameter_that_nothing_fills_is_an_error,
    a_column_may_come_and_go,
    preparing_tells_the_columns_and_runs_nothing,
    preparing_finds_the_faults,
    a_large_result_streams_through,
);

async fn people(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    database.run("create table people (id integer primary key, name varchar(40), age integer)").await;
    database.run("insert into people values (1, '张三', 30), (2, '', null), (3, 'O''Brien; -- x', 41)").await;
    database
}

async fn rows_arrive_with_their_columns_in_order(product: Product) {
    let database = people(product).await;
    let result = read(&open(&database.url), "select name, id, age from people order by id").await.expect("rows");
    assert_eq!(result.columns.as_deref(), Some(&["name".to_owned(), "id".to_owned(), "age".to_owned()][..]));
    assert_eq!(result.rows, [["t:张三", "n:1", "n:30"], ["t:", "n:2", "NULL"], ["t:O'Brien; -- x", "n:3", "n:41"]]);
}

async fn an_empty_result_tells_its_columns(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    for _ in 0..2 {
        let result = read(&source, "select id, name from people where id > 100").await.expect("an empty result");
        assert_eq!((result.columns, result.rows.len()), (Some(vec!["id".to_owned(), "name".to_owned()]), 0));
    }
}

async fn the_same_source_reads_again_and_again(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    for age in 50..60 {
        database.run(&format!("update people set age = {age} where id = 1")).await;
        assert_eq!(rows(&source, "select age from people where id = 1").await, [[format!("n:{age}")]]);
    }
}

async fn comments_and_a_final_semicolon_are_welcome(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    for query in [
        "select 1 as one;",
        "select 1 as one -- the end",
        "-- first\nselect 1 as one ; -- the end",
        "/* a */ select 1 as one; /* it's the end */\n",
        "(select 1 as one)",
        "with x as (select 1 as one) select one from x;",
    ] {
        if product == Product::Sqlite && query.starts_with('(') {
            continue; // not in its grammar
        }
        assert_eq!(rows(&source, query).await, [["n:1"]], "{query}");
    }
}

async fn an_unknown_table_is_an_error_with_its_name(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    let error = fails(&source, "select * from no_such_table").await;
    assert_eq!(error.kind, SourceErrorKind::Sql);
    assert!(error.to_string().contains("erp") && error.message.contains("no_such_table"), "{error}");
    assert_eq!(kind_of_failure(&source, "select no_such_column from people").await, SourceErrorKind::Sql);
}

async fn a_vanished_table_is_an_error_and_not_an_empty_result(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    assert_eq!(rows(&source, "select id from people").await.len(), 3);
    database.run("drop table people").await;
    assert_eq!(kind_of_failure(&source, "select id from people").await, SourceErrorKind::Sql);
    database.run("create table people (id integer)").await;
    assert_eq!(rows(&source, "select id from people").await.len(), 0);
}

async fn a_syntax_error_has_its_place(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    let error = fails(&source, "select id, '选'\n  FROMM people").await;
    // All take FROMM for the column's name and stumble over what follows.
    assert_eq!((error.kind, error.position), (SourceErrorKind::Sql, Some(24)), "{error}");
    assert_ne!(kind_of_failure(&source, "select").await, SourceErrorKind::Interrupted);
}

async fn columns_need_different_names(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    let error = fails(&source, "select id, name as id from people").await;
    assert_eq!(error.kind, SourceErrorKind::Columns);
    assert!(error.message.contains("`id`"), "{error}");
    // Also when nothing is returned.
    assert_eq!(kind_of_failure(&source, "select id, name as id from people where 1 = 0").await, SourceErrorKind::Columns);
}

async fn a_parameter_that_nothing_fills_is_an_error(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    let parameter = if product == Product::Postgres { "$1" } else { "?" };
    let query = format!("select * from people where id = {parameter}");
    assert_eq!(kind_of_failure(&source, &query).await, SourceErrorKind::Sql);
}

async fn a_column_may_come_and_go(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    assert_eq!(rows(&source, "select * from people where id = 1").await, [["n:1", "t:张三", "n:30"]]);
    database.run("alter table people add column city varchar(20)").await;
    assert_eq!(rows(&source, "select * from people where id = 1").await, [["n:1", "t:张三", "n:30", "NULL"]]);
    database.run("alter table people drop column age").await;
    assert_eq!(rows(&source, "select * from people where id = 1").await, [["n:1", "t:张三", "NULL"]]);
}

async fn preparing_tells_the_columns_and_runs_nothing(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    let columns = source.prepare(&Query::plain("select id, name from people")).await.expect("columns");
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "name"]);
    let kinds: Vec<Option<Kind>> = columns.iter().map(|column| column.kind).collect();
    let known = [Some(Kind::Number), Some(Kind::Text)];
    assert_eq!(kinds, if product == Product::Sqlite { [None, None] } else { known });
    source.prepare(&Query::plain(endless(product))).await.expect("prepared, not run");
}

async fn preparing_finds_the_faults(product: Product) {
    let database = people(product).await;
    let source = open(&database.url);
    for (query, kind) in [
        ("select * from no_such_table", SourceErrorKind::Sql),
        ("select id, id from people", SourceErrorKind::Columns),
        ("delete from people", SourceErrorKind::NotAQuery),
        ("select 1 as a; select 2 as b", SourceErrorKind::NotAQuery),
        ("", SourceErrorKind::NotAQuery),
    ] {
        assert_eq!(source.prepare(&Query::plain(query)).await.expect_err(query).kind, kind, "{query}");
    }
}

async fn a_large_result_streams_through(product: Product) {
    let database = TestDatabase::new(product).await;
    let source = open(&database.url);
    let rows = rows(&source, &many(product, 10_000)).await;
    assert_eq!(rows.len(), 10_000);
    assert!(rows.iter().zip(1..).all(|(row, number)| row[0] == format!("n:{number}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_data_gives_the_same_texts_on_all_databases() {
    let queries = [
        "select product_id, product_name, unit_price, units_in_stock, discontinued from products where units_in_stock < reorder_level order by product_id",
        "select order_id, customer_id, order_date, shipped_date, freight, ship_country from orders order by order_id",
        "select order_id, product_id, unit_price, quantity, discount from order_details order by order_id, product_id",
        "select customer_id, company_name, contact_name, city from customers order by customer_id",
        "select region_id, region_description from region order by region_id",
    ];
    let mut results = Vec::new();
    for product in [Product::Postgres, Product::Mariadb, Product::Sqlite] {
        let database = TestDatabase::northwind(product).await;
        let source = open(&database.url);
        let mut texts = Vec::new();
        for query in queries {
            texts.push(rows(&source, query).await.into_iter().map(plain).collect::<Vec<_>>());
        }
        results.push(texts);
    }
    assert_eq!(results[0][0].len(), 18, "low stock");
    assert_eq!(results[0], results[1], "postgresql and mariadb");
    assert_eq!(results[0], results[2], "postgresql and sqlite");
}

/// What a key is made of: the text, and of a number its value (SQLite stores 18.00 as the float 18).
fn plain(row: Vec<String>) -> Vec<String> {
    let plain = |cell: String| match cell.split_once(':') {
        Some(("n" | "f", number)) => {
            let number: bigdecimal::BigDecimal = number.parse().expect("a number");
            format!("n:{}", number.normalized())
        }
        Some((_, text)) => format!("t:{text}"),
        None => cell,
    };
    row.into_iter().map(plain).collect()
}
