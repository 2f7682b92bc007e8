//! `check` on PostgreSQL, MariaDB and SQLite: what only a database can find, at its place, with what to do.

use super::house::House;
use crate::databases::{Product, TestDatabase};
use serde_json::Value as Json;

/// A shop with one product, and a table that no one but its owner may read.
const SHOP: &str = "
    create table products (sku varchar(20) primary key, name varchar(40), stock integer, price decimal(10, 2), made date);
    insert into products values ('A-17', '龙井茶', 3, 68.00, '2026-11-01');
    create table salaries (id integer);
    create table orders (id integer primary key, shop varchar(20), amount decimal(10, 2));
";

/// A wrong watcher, and what is said of it on PostgreSQL, on MariaDB and on SQLite: `line:column message | hint`.
struct Wrong {
    name: &'static str,
    /// What stands behind `source` and `every`, in lines 1 and 2.
    text: &'static str,
    said: [&'static [&'static str]; 3],
}

/// What is said on all of them.
fn everywhere(said: &'static [&'static str]) -> [&'static [&'static str]; 3] {
    [said, said, said]
}

/// What is wrong with the chart of a report; SQLite does not tell that a column holds text.
const CHART_FAULTS: &[&str] = &[
    "4:29 the result has no column `nme` | did you mean `name`?",
    "4:50 the column `name` cannot be drawn: it holds text | let the query cast it to a number, or remove it",
    "4:58 the result has no column `amout` | did you mean `amount`?",
    "4:80 the result has no column `prce` | did you mean `price`?",
];
const CHART_FAULTS_OF_SQLITE: &[&str] = &[CHART_FAULTS[0], CHART_FAULTS[2], CHART_FAULTS[3]];

fn cases() -> Vec<Wrong> {
    vec![
        Wrong {
            name: "no_such_column",
            text: r#"key = ["sku"]
query = '''
select sku,
  nme, stock
from products
'''
"#,
            said: [
                &[r#"6:3 column "nme" does not exist | Perhaps you meant to reference the column "products.name"."#],
                &["6:3 Unknown column 'nme'"],
                &["6:3 no such column: nme"],
            ],
        },
        Wrong {
            name: "no_such_table",
            text: r#"key = ["sku"]
query = '''
select sku
from prodcts
'''
"#,
            said: [
                &[r#"6:6 relation "prodcts" does not exist"#],
                &["6:6 Table 'DB.prodcts' doesn't exist"],
                &["6:6 no such table: prodcts"],
            ],
        },
        Wrong {
            name: "syntax",
            text: r#"key = ["sku"]
query = '''
select sku
form products
where stock < 10
'''
"#,
            said: [
                &[r#"6:6 syntax error at or near "products""#],
                &["6:6 syntax error near `products`"],
                &[r#"6:6 near "products": syntax error"#],
            ],
        },
        Wrong {
            name: "syntax_at_the_end",
            text: r#"key = ["sku"]
query = "select sku from products where stock <"
"#,
            said: everywhere(&["4:48 syntax error at the end of the query"]),
        },
        Wrong {
            name: "two_statements",
            text: r#"query = "select 1 as x; select 2 as x"
"#,
            said: [
                &["3:9 the query is more than one statement | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
                &["3:25 the query is more than one statement | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
                &["3:24 the query is more than one statement | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
            ],
        },
        Wrong {
            name: "a_query_that_writes",
            text: r#"query = "delete from products"
"#,
            said: [
                &["3:10 the statement is not a query | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
                &["3:9 the statement is not a query | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
                &["3:9 the query does more than read: not authorized | a query is one SELECT (or WITH … SELECT, VALUES) that only reads"],
            ],
        },
        Wrong {
            name: "a_function_that_is_not_there",
            text: r#"query = "select nofunc(stock) as n from products"
"#,
            said: [
                &[
                    "3:17 function nofunc(integer) does not exist | No function matches the given name and argument types. You might need to add explicit type casts.",
                ],
                &["3:17 FUNCTION DB.nofunc does not exist"],
                &["3:17 no such function: nofunc"],
            ],
        },
        Wrong {
            name: "two_columns_of_one_name",
            text: r#"query = "select sku, name as sku from products"
"#,
            said: everywhere(&["3:9 the result has two columns named `sku` | name each column differently with AS"]),
        },
        Wrong {
            name: "misspelt_parameter",
            text: r#"key = ["sku"]
query = "select sku from products where made > :lastpoll"
"#,
            said: [
                &[r#"4:48 syntax error at or near ":" | `:lastpoll` is no parameter: did you mean `:last_poll`?"#],
                &["4:48 syntax error near `:lastpoll` | `:lastpoll` is no parameter: did you mean `:last_poll`?"],
                &["4:48 the query has a parameter that nothing fills | `:lastpoll` is no parameter: did you mean `:last_poll`?"],
            ],
        },
        Wrong {
            name: "unknown_parameter",
            text: r#"key = ["sku"]
query = "select sku from products where stock < :limit"
params = { most = 1 }
"#,
            said: [
                &[r#"4:49 syntax error at or near ":" | `:limit` is no parameter: give it a value in the watcher: params = { limit = … }"#],
                &["4:49 syntax error near `:limit` | `:limit` is no parameter: give it a value in the watcher: params = { limit = … }"],
                &[
                    "4:49 the query has a parameter that nothing fills | `:limit` is no parameter: give it a value in the watcher: params = { limit = … }",
                ],
            ],
        },
        Wrong {
            name: "expect_query_of_another_table",
            text: r#"alert_on = "missing"
key = ["shop"]
query = "select shop from orders"
expect_query = "select shop from shops"
"#,
            said: [&[r#"6:34 relation "shops" does not exist"#], &["6:34 Table 'DB.shops' doesn't exist"], &["6:34 no such table: shops"]],
        },
        Wrong {
            name: "names",
            text: r#"alert_on = "match"
key = ["skuu"]
query = "select sku, name, stock from products"
when = "stok < 10"
clear_when = "previous.stock > nme"
severity = [{ when = "severity = 'info'", level = "critical" }, { level = "info" }]
[message]
title = "{{ events[0].row.nam }}"
buttons = [{ title = "{{ row.nam }}", url = "https://erp/{{ key.sku }}" }]
[[notify]]
when = "naem = 'x'"
receivers = ["warehouse"]
"#,
            said: everywhere(&[
                "4:8 the result has no column `skuu` | did you mean `sku`?",
                "6:9 unknown column `stok` | did you mean `stock`?",
                "7:32 unknown column `nme` | did you mean `name`?",
                "8:23 the severity is not known yet when this is evaluated | it can be asked in the `when` of a [[notify]] block",
                "10:27 the result has no column `nam` | did you mean `name`?",
                "11:30 the result has no column `nam` | did you mean `name`?",
                "13:9 unknown column `naem` | did you mean `name`?",
            ]),
        },
        Wrong {
            name: "kinds",
            text: r#"key = ["sku"]
query = "select sku, name, stock, made from products"
when = "stock < '10'"
clear_when = "name > 5"
severity = [{ when = "made > 5", level = "critical" }, { level = "info" }]
"#,
            said: [
                &[
                    "5:9 cannot compare a number with text | a number is written without quotes: 10",
                    "6:15 cannot compare text with a number | write cast(name as numeric)",
                    "7:23 cannot compare a date with a number | a date is written '2026-11-23'",
                ],
                &[
                    "5:9 cannot compare a number with text | a number is written without quotes: 10",
                    "6:15 cannot compare text with a number | write cast(name as numeric)",
                    "7:23 cannot compare a date with a number | a date is written '2026-11-23'",
                ],
                &[],
            ],
        },
        Wrong {
            name: "watched",
            text: r#"alert_on = "change"
key = ["sku"]
columns = ["stock", "pric"]
query = "select sku, stock, price from products"
"#,
            said: everywhere(&["5:21 the result has no column `pric` | did you mean `price`?"]),
        },
        Wrong {
            name: "nothing_is_watched",
            text: r#"alert_on = "change"
key = ["sku"]
query = "select sku from products"
"#,
            said: everywhere(&["5:9 nothing is watched: the result has no column but the key's | select the columns that change, too"]),
        },
        Wrong {
            name: "sums",
            text: r#"alert_on = "report"
sum = ["price", "name", "amout"]
query = "select name, price, stock as amount from products order by name"
"#,
            said: [
                &[
                    "4:17 the column `name` cannot be added up: it holds text | let the query cast it to a number, or remove it",
                    "4:25 the result has no column `amout` | did you mean `amount`?",
                ],
                &[
                    "4:17 the column `name` cannot be added up: it holds text | let the query cast it to a number, or remove it",
                    "4:25 the result has no column `amout` | did you mean `amount`?",
                ],
                &["4:25 the result has no column `amout` | did you mean `amount`?"],
            ],
        },
        Wrong {
            name: "chart",
            text: r#"alert_on = "report"
chart = { kind = "bar", x = "nme", y = ["price", "name", "amout"], threshold = "prce" }
query = "select name, price, stock as amount from products order by name"
"#,
            said: [CHART_FAULTS, CHART_FAULTS, CHART_FAULTS_OF_SQLITE],
        },
        Wrong {
            name: "past",
            text: r#"key = ["sku"]
chart = { kind = "line", y = "stok" }
query = "select sku, stock from products"
"#,
            said: everywhere(&["4:30 the result has no column `stok` | did you mean `stock`?"]),
        },
        Wrong {
            name: "cursor",
            text: r#"alert_on = "new"
key = ["sku"]
cursor = "skuu"
query = "select sku from products"
"#,
            said: everywhere(&["5:10 the result has no column `skuu` | did you mean `sku`?"]),
        },
        Wrong {
            name: "cursor_of_text",
            text: r#"alert_on = "new"
key = ["sku"]
cursor = "sku"
query = "select sku from products"
"#,
            said: [
                &["5:10 the cursor column `sku` holds text, whose order is not known here | use a number or a time that grows"],
                &["5:10 the cursor column `sku` holds text, whose order is not known here | use a number or a time that grows"],
                &[],
            ],
        },
        Wrong {
            name: "cursor_start",
            text: r#"alert_on = "new"
key = ["id"]
cursor = "id"
cursor_start = "2026-01-01"
query = "select id from orders where id >= :cursor"
"#,
            said: [
                &["6:16 `2026-01-01` is not a number, which the cursor column `id` holds | write for example: cursor_start = 0"],
                &["6:16 `2026-01-01` is not a number, which the cursor column `id` holds | write for example: cursor_start = 0"],
                &[],
            ],
        },
        Wrong {
            name: "expected",
            text: r#"alert_on = "missing"
key = ["shop", "id"]
expect = [["shop1", 1], ["shop1", "one"]]
query = "select id, shop, amount from orders"
severity = [{ when = "amount > 1", level = "critical" }, { level = "info" }]
[[notify]]
when = "amount > 1"
receivers = ["warehouse"]
"#,
            said: [
                &[
                    "5:35 `one` is never there: the key column `id` holds a number",
                    "7:23 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                    "9:9 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                ],
                &[
                    "5:35 `one` is never there: the key column `id` holds a number",
                    "7:23 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                    "9:9 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                ],
                &[
                    "7:23 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                    "9:9 there is no `amount` when a row is missing | only the key's columns are known here: shop, id",
                ],
            ],
        },
        Wrong {
            name: "expected_of_another_kind",
            text: r#"alert_on = "missing"
key = ["id"]
query = "select id from orders"
expect_query = "select sku as id from products"
"#,
            said: [
                &[
                    "6:16 nothing expected is ever there: `id` holds text in `expect_query`, and a number in the query | let one of the queries cast it",
                ],
                &[
                    "6:16 nothing expected is ever there: `id` holds text in `expect_query`, and a number in the query | let one of the queries cast it",
                ],
                &[],
            ],
        },
        Wrong {
            name: "expected_without_the_key",
            text: r#"alert_on = "missing"
key = ["shop"]
query = "select shop from orders"
expect_query = "select name as shp from products"
"#,
            said: everywhere(&["6:16 the result of `expect_query` has no key column `shop` | did you mean `shp`?"]),
        },
        Wrong {
            name: "message",
            text: r#"key = ["sku"]
query = "select sku, name, stock from products"
[message]
title = "{{ firing[0].row.sku }}"
body = "{% for e in events %}{{ e.since }} {{ e.sinc }}{% endfor %}"
buttons = [{ title = "x", url = "{{ row.name }}" }]
"#,
            said: everywhere(&[
                "6:19 the title fails for a `resolved` event: `firing[0]` is undefined | ask first: {% if … is defined %}, or give it a default: {{ … | default('') }}",
                "7:47 the body fails for a `fired` event: `e.sinc` is undefined | did you mean `since`?",
                "8:33 the button fails for a `fired` event: the address of a button is not an http or https URL",
            ]),
        },
        Wrong {
            name: "empty_report",
            text: r#"alert_on = "report"
query = "select name from products order by name"
[message]
body = "{{ events[0].rows[0].name }}"
"#,
            said: everywhere(&[
                "6:26 the body fails for a report without rows: `events[0].rows[0]` is undefined | ask first: {% if events[0].rows %} … {% endif %}; or write send_empty = false",
            ]),
        },
        Wrong {
            name: "message_of_what_is_missing",
            text: r#"alert_on = "missing"
key = ["shop"]
expect = ["shop1"]
query = "select shop, id from orders"
[message]
body = "{% for e in events %}{{ e.row.shop }}{% endfor %}"
"#,
            said: everywhere(&[
                "8:33 the body fails for a `fired` event: `e.row.shop` is undefined | what is missing has no row, only its key: {{ event.key }}",
            ]),
        },
        Wrong {
            name: "message_of_added_rows",
            text: r#"alert_on = "change"
rows = ["added"]
key = ["sku"]
query = "select sku, stock from products"
[message]
body = "{% for e in events %}{{ e.previous.stock }}{% endfor %}"
"#,
            said: everywhere(&[
                "8:33 the body fails for an added row: `e.previous.stock` is undefined | ask first: {% if … is defined %}, or give it a default: {{ … | default('') }}",
            ]),
        },
    ]
}

/// A database with the shop, and a house whose source `db` it is.
async fn house(product: Product) -> (TestDatabase, House) {
    let database = TestDatabase::new(product).await;
    database.run(SHOP).await;
    let house = House::new().await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\n", database.url));
    (database, house)
}

/// The faults of each watcher, by its name.
fn said(house: &House, database: &TestDatabase) -> Vec<(String, Vec<String>)> {
    let lines = house.rowbell(&["check", "--json"]).json();
    let fault = |fault: &Json| {
        let message = fault["message"].as_str().expect("a message").replace(database.name(), "DB");
        // Which clause is meant is called differently by each version of MariaDB.
        let message = message.split(" in '").next().unwrap_or_default().to_owned();
        let hint = fault["hint"].as_str().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{}:{} {message}{hint}", fault["line"], fault["column"])
    };
    let of = |line: &Json| {
        let faults = line["faults"].as_array().expect("faults").iter().map(fault).collect();
        (line["name"].as_str().expect("a name").to_owned(), faults)
    };
    lines.iter().map(of).collect()
}

async fn wrong_watchers_are_told_at_their_places(product: Product) {
    let (database, house) = house(product).await;
    let cases = cases();
    for case in &cases {
        house.watcher(case.name, &format!("source = \"db\"\nevery = \"5m\"\n{}", case.text));
    }
    let said = said(&house, &database);
    let of = match product {
        Product::Postgres => 0,
        Product::Mariadb => 1,
        Product::Sqlite => 2,
    };
    for case in &cases {
        let (_, faults) = said.iter().find(|(name, _)| name == case.name).expect("the watcher is listed");
        assert_eq!(faults, case.said[of], "{} on {product:?}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_watchers_are_told_at_their_places_on_postgresql() {
    wrong_watchers_are_told_at_their_places(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_watchers_are_told_at_their_places_on_mariadb() {
    wrong_watchers_are_told_at_their_places(Product::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_watchers_are_told_at_their_places_on_sqlite() {
    wrong_watchers_are_told_at_their_places(Product::Sqlite).await;
}

/// A table that the account may not read is told where the query names it.
async fn a_table_that_may_not_be_read(product: Product) -> Vec<String> {
    let (database, house) = house(product).await;
    let user = format!("reader_{}", &database.name()[13..29]);
    let (grant, revoke) = match product {
        Product::Postgres => (
            format!("create role {user} login password 'pw'; grant select on products to {user}"),
            format!("drop owned by {user}; drop role {user}"),
        ),
        _ => (
            format!("create user '{user}'@'%' identified by 'pw'; grant select on {}.products to '{user}'@'%'", database.name()),
            format!("drop user '{user}'@'%'"),
        ),
    };
    database.run(&grant).await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\n", database.url_as(&user, "pw")));
    house.watcher("w", "source = \"db\"\nevery = \"5m\"\nquery = \"select p.sku from products p, salaries s\"\n");
    let said = said(&house, &database);
    database.run(&revoke).await;
    said.into_iter().flat_map(|(_, faults)| faults).map(|fault| fault.replace(&user, "USER")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_may_not_be_read_on_postgresql() {
    assert_eq!(a_table_that_may_not_be_read(Product::Postgres).await, ["3:40 permission denied for table salaries"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_may_not_be_read_on_mariadb() {
    let said = a_table_that_may_not_be_read(Product::Mariadb).await;
    let [said] = &said[..] else { panic!("{said:?}") };
    assert!(said.starts_with("3:40 SELECT command denied to user 'USER'@"), "{said}");
}

/// A cursor that the query computes with has a type only where it begins.
async fn a_cursor_that_the_query_computes_with(product: Product, computed: &str) {
    let database = TestDatabase::new(product).await;
    let time = if product == Product::Postgres { "timestamptz" } else { "datetime" };
    database
        .run(&format!("create table events (id integer primary key, made {time}); insert into events values (1, '2026-11-20 08:00:00')"))
        .await;
    let house = House::new().await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\n", database.url));
    let head = "source = \"db\"\nevery = \"5m\"\nalert_on = \"new\"\nfirst_poll = \"alert\"\nkey = [\"id\"]\ncursor = \"made\"\n";
    house.watcher("w", &format!("{head}cursor_start = 2026-01-01\nquery = \"select id, made from events where made >= {computed}\"\n"));
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    assert_eq!(lines[0]["faults"], Json::Array(Vec::new()));
    house.rowbell(&["poll"]).exit(0).out_has("fired");
    house.rowbell(&["poll"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_the_query_computes_with_on_postgresql() {
    a_cursor_that_the_query_computes_with(Product::Postgres, ":cursor - interval '1 hour'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_the_query_computes_with_on_mariadb() {
    a_cursor_that_the_query_computes_with(Product::Mariadb, ":cursor - interval 1 hour").await;
}
