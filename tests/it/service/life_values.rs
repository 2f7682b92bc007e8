//! Values at the very threshold, through each database's own types: what is exact there is exact here.

use super::house::House;
use super::life::{Life, lived_with};
use crate::databases::{Product, TestDatabase};

/// The settings of a source of its own.
fn erp(database: &TestDatabase) -> String {
    format!("[sources.erp]\nurl = \"{}\"\n", database.url)
}

/// A watcher on the table `amounts`, whose `amount` is compared with a threshold.
fn above(threshold: &str, kind: &str) -> String {
    format!(
        "source = \"erp\"\nevery = \"1m\"\nalert_on = \"{kind}\"\nkey = [\"amount\"]\nquery = \"select name, amount from amounts order by name\"\nwhen = \"amount > {threshold}\"\n[[notify]]\nreceivers = [\"warehouse\"]\n"
    )
}

/// A type of a database, a threshold, the values that lie above it, and those that do not.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const POSTGRES: &[Case] = &[
    ("numeric(20, 2)", "100000", &["100000.01"], &["100000.00", "99999.99"]),
    ("numeric", "100000", &["100000.0000000000000000000001"], &["100000", "1e5", "100000.000"]),
    ("numeric", "0.1 + 0.2", &["0.30000000000000000000001"], &["0.3", "0.30", "0.29999999999999999"]),
    ("bigint", "9007199254740992", &["9007199254740993", "9223372036854775807"], &["9007199254740992", "9007199254740991"]),
    ("numeric(20)", "18446744073709551614", &["18446744073709551615"], &["18446744073709551614"]),
];

const MARIADB: &[Case] = &[
    ("decimal(20, 2)", "100000", &["100000.01"], &["100000.00", "99999.99"]),
    ("decimal(40, 23)", "0.1 + 0.2", &["0.30000000000000000000001"], &["0.3", "0.29999999999999999"]),
    ("bigint", "9007199254740992", &["9007199254740993", "9223372036854775807"], &["9007199254740992", "-9007199254740993"]),
    ("bigint unsigned", "18446744073709551614", &["18446744073709551615"], &["18446744073709551614", "9223372036854775808"]),
];

const SQLITE: &[Case] = &[
    ("integer", "9007199254740992", &["9007199254740993", "9223372036854775807"], &["9007199254740992", "9007199254740991"]),
    ("integer", "100000", &["100001"], &["100000", "99999"]),
];

async fn judged(product: Product, cases: &[Case]) {
    for (kind, threshold, over, under) in cases {
        let database = TestDatabase::new(product).await;
        database.run(&format!("create table amounts (name varchar(9), amount {kind})")).await;
        let house = House::furnished(&[("above", &above(threshold, "match"))], |settings| settings, |_, _| erp(&database)).await;
        for (at, value) in over.iter().chain(*under).enumerate() {
            database.run(&format!("insert into amounts values ('{at}', {value})")).await;
        }
        house.step(0).await;
        house.step(60).await;
        let told: Vec<String> = over.iter().map(|value| format!("fired {value}")).collect();
        assert_eq!(house.told().await, told, "{kind} > {threshold}");
        database.run("delete from amounts").await;
        house.step(60).await;
        assert_eq!(house.firing().await, [""; 0], "{kind} > {threshold}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_values_of_postgresql_are_judged_exactly() {
    judged(Product::Postgres, POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_values_of_mariadb_are_judged_exactly() {
    judged(Product::Mariadb, MARIADB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_values_of_sqlite_are_judged_exactly() {
    judged(Product::Sqlite, SQLITE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_value_that_is_written_otherwise_or_in_a_wider_type_has_not_changed() {
    let changes = "source = \"erp\"\nevery = \"1m\"\nalert_on = \"change\"\nkey = [\"name\"]\nquery = \"select name, amount from amounts order by name\"\n[[notify]]\nreceivers = [\"warehouse\"]\n";
    let database = TestDatabase::new(Product::Postgres).await;
    lived_with(&[("changes", changes)], |_, _| erp(&database), async |life: &mut Life| {
        database.run("drop table if exists amounts; create table amounts (name text, amount int); insert into amounts values ('a', 1), ('b', 2)").await;
        life.step(0, "", "-").await;
        for wider in ["bigint", "numeric", "numeric(10, 2)", "numeric(20, 4)", "double precision"] {
            database.run(&format!("alter table amounts alter column amount type {wider}")).await;
            life.step(60, "", "-").await;
            assert_eq!(life.outcome().await, "ok", "{wider}");
        }
        database.run("update amounts set amount = 1.50 where name = 'a'").await;
        life.step(60, "", "changed a").await;
        database.run("alter table amounts alter column amount type numeric(20, 8)").await;
        life.step(60, "", "-").await;
        database.run("alter table amounts alter column amount type text").await;
        life.step(60, "", "-").await;
        assert_eq!(life.outcome().await, "failed schema");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_postgresql_that_stays_open_for_hours_loses_nothing() {
    use sqlx::{Connection, Executor};
    let orders = "source = \"erp\"\nevery = \"1m\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\nquery = \"select id from orders\"\nreconcile = \"0 12 * * *\"\n[[notify]]\nreceivers = [\"warehouse\"]\n";
    let database = TestDatabase::new(Product::Postgres).await;
    lived_with(
        &[("orders", orders)],
        |_, _| erp(&database),
        async |life: &mut Life| {
            database
                .run("drop table if exists orders; create table orders (id bigserial primary key); insert into orders default values")
                .await;
            life.step(0, "", "-").await;
            let mut slow = sqlx::PgConnection::connect(&database.url).await.expect("a connection");
            slow.execute("begin; insert into orders default values").await.expect("begun");
            database.run("insert into orders default values").await;
            life.step(60, "", "fired 3").await;
            for hour in 0..5 {
                database.run("insert into orders default values").await;
                life.step(3600, "", &format!("fired {}", 4 + hour)).await;
            }
            slow.execute("commit").await.expect("committed");
            slow.close().await.expect("closed");
            life.step(60, "", "fired 2").await;
            let warned = life.house.engine.parts().store.polls(None, 0).await.expect("polls");
            assert!(warned.iter().any(|poll| poll.warnings.iter().any(|warning| warning.contains("keeps the cursor back"))), "{warned:?}");
            for _ in 0..4 {
                life.step(1200, "", "-").await;
            }
            // Transactions of other tests on the same server may hold it back for a moment.
            while life.house.last_poll().await.rows > 1 {
                life.step(60, "", "-").await;
                assert!(life.steps < 1_000, "the bound never moves");
            }
            for day in 0..3 {
                database.run("insert into orders default values").await;
                life.step(3600, "", &format!("fired {}", 9 + day)).await;
                life.step(1200, "", "-").await;
                life.step(1200, "", "-").await;
                life.step(86_400 - 6000, "", "-").await;
            }
        },
    )
    .await;
}

/// The snapshot of a read ends at the last transaction that has ended: the open one that matters began after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_of_postgresql_is_waited_for_although_none_that_began_later_has_ended() {
    use sqlx::{Connection, Executor};
    let orders = "source = \"erp\"\nevery = \"1m\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\nquery = \"select id from orders\"\n[[notify]]\nreceivers = [\"warehouse\"]\n";
    let database = TestDatabase::new(Product::Postgres).await;
    lived_with(
        &[("orders", orders)],
        |_, _| erp(&database),
        async |life: &mut Life| {
            database
                .run("drop table if exists orders; create table orders (id bigserial primary key); insert into orders default values")
                .await;
            life.step(0, "", "-").await;
            let mut first = sqlx::PgConnection::connect(&database.url).await.expect("a connection");
            let mut second = sqlx::PgConnection::connect(&database.url).await.expect("a connection");
            first.execute("begin; insert into orders default values").await.expect("begun");
            second.execute("begin; insert into orders default values").await.expect("begun");
            first.execute("insert into orders default values; commit").await.expect("committed");
            first.close().await.expect("closed");
            life.step(60, "", "fired 2, fired 4").await;
            for _ in 0..3 {
                life.step(3600, "", "-").await;
            }
            second.execute("commit").await.expect("committed");
            second.close().await.expect("closed");
            life.step(60, "", "fired 3").await;
        },
    )
    .await;
}
