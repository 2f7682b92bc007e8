//! A query cannot write, whatever it tries, even with an account that could.

use super::{fails, open, read, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::Query;
use rowbell::source::SourceErrorKind;

async fn stock(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    database.run("create table stock (id integer primary key, amount integer); insert into stock values (1, 5)").await;
    database
}

async fn refuses_all(database: &TestDatabase, queries: &[&str]) {
    let source = open(&database.url);
    for query in queries {
        let error = fails(&source, query).await;
        let refused = matches!(error.kind, SourceErrorKind::NotAQuery | SourceErrorKind::Sql);
        assert!(refused, "{query}: {error}");
        assert!(source.prepare(&Query::plain(*query)).await.is_err() || error.kind == SourceErrorKind::NotAQuery, "{query} was prepared");
        assert_eq!(rows(&source, "select amount from stock").await, [["n:5"]], "after {query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_refuses_what_is_not_reading() {
    let database = stock(Product::Postgres).await;
    let marker = database.name();
    database
        .run("create sequence numbers; create function grow() returns int language sql as 'update stock set amount = 9 returning 1'")
        .await;
    let program = format!("copy stock to program 'touch /tmp/{marker}'");
    refuses_all(
        &database,
        &[
            "delete from stock",
            "insert into stock values (2, 1) returning id",
            "with gone as (delete from stock returning *) select * from gone",
            "select 1 as a; delete from stock",
            "select 1 as a; commit; delete from stock",
            "commit",
            "rollback; delete from stock",
            "set role postgres",
            "set transaction read write",
            "show all",
            "explain analyze delete from stock",
            "do $$ begin delete from stock; end $$",
            "select * into copy_of_stock from stock",
            "create table t (id int)",
            "truncate stock",
            "lock table stock",
            "select * from stock for update",
            "select nextval('numbers') as n",
            "select grow() as n",
            "fetch all from rowbell_cursor",
            "copy stock to stdout",
            &program,
            "listen x",
            "",
            "-- nothing",
        ],
    )
    .await;
    assert!(!std::path::Path::new("/tmp").join(marker).exists());
    assert_eq!(database.ask("select coalesce(to_regclass('copy_of_stock')::text, '')").await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_refuses_what_is_not_reading() {
    let database = stock(Product::Mariadb).await;
    database.run("create function grow() returns int modifies sql data begin update stock set amount = 9; return 1; end").await;
    refuses_all(
        &database,
        &[
            "delete from stock",
            "insert into stock values (2, 1) returning id",
            "select 1 as a; delete from stock",
            "select 1 as a; commit; delete from stock",
            "commit",
            "set global max_connections = 7",
            "show tables",
            "truncate stock",
            "drop table stock",
            "create table t (id int)",
            "call nothing()",
            "do release_all_locks()",
            "handler stock open",
            "lock tables stock write",
            "select * from stock into outfile '/tmp/rowbell_out'",
            "select amount into @x from stock",
            "select * from stock for update",
            "select * from stock lock in share mode",
            "select get_lock('rowbell', 1) as l",
            "select 1 as a /*! into outfile '/tmp/rowbell_out' */",
            "select 1 as a /*M! , 2 as b */",
            "select grow() as n",
            "analyze select * from stock",
            "explain select * from stock",
            "execute immediate 'delete from stock'",
            "",
            "-- nothing",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_refuses_what_is_not_reading() {
    let database = stock(Product::Sqlite).await;
    let other = database.folder().join("other.db");
    let attach = format!("attach database '{}' as other", other.display());
    let vacuum = format!("vacuum into '{}'", other.display());
    refuses_all(
        &database,
        &[
            "delete from stock",
            "insert into stock values (2, 1) returning id",
            "select 1 as a; delete from stock",
            "select 1 as a; select 2 as b",
            "begin",
            "commit",
            "create temp table t (id)",
            "pragma query_only = off",
            "pragma table_info(stock)",
            "select * from pragma_table_info('stock')",
            "select load_extension('x') as n",
            "explain select 1",
            "reindex",
            &attach,
            &vacuum,
            "",
            "-- nothing",
        ],
    )
    .await;
    assert!(!other.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_changed_inside_a_query_do_not_outlive_it() {
    let database = stock(Product::Postgres).await;
    let source = open(&database.url);
    rows(&source, "select set_config('statement_timeout', '0', false) as a, set_config('search_path', 'nowhere', false) as b").await;
    assert_eq!(rows(&source, "select current_setting('search_path') as path, amount from stock").await, [["t:\"$user\", public", "n:5"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_sqlite_file_is_an_error_and_is_not_created() {
    let database = TestDatabase::new(Product::Sqlite).await;
    let path = database.folder().join("typo.db");
    let source = open(&format!("sqlite://{}", path.display()));
    let error = fails(&source, "select 1 as one").await;
    assert_eq!(error.kind, SourceErrorKind::Connect);
    assert!(error.to_string().contains("typo.db") && error.to_string().contains("never created"), "{error}");
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_database_is_an_error() {
    let database = TestDatabase::new(Product::Sqlite).await;
    let path = database.folder().join("notes.txt");
    std::fs::write(&path, "this is not a database, but it is long enough to be looked at as if it were one ".repeat(20)).expect("written");
    let error = read(&open(&format!("sqlite://{}", path.display())), "select 1 as one").await.expect_err("no database");
    assert_eq!(error.kind, SourceErrorKind::Connect, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_writer_with_a_write_ahead_log_is_read() {
    use sqlx::{ConnectOptions, Connection, Executor};
    let database = stock(Product::Sqlite).await;
    let options: sqlx::sqlite::SqliteConnectOptions = database.url.parse().expect("a url");
    let mut writer = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).connect().await.expect("a writer");
    let source = open(&database.url);
    for amount in 10..20 {
        writer.execute(sqlx::AssertSqlSafe(format!("update stock set amount = {amount}"))).await.expect("written");
        assert_eq!(rows(&source, "select amount from stock").await, [[format!("n:{amount}")]]);
        // A writer in the middle of its transaction is no obstacle, and what it has not committed is not seen.
        writer.execute("begin immediate; update stock set amount = -1").await.expect("written");
        assert_eq!(rows(&source, "select amount from stock").await, [[format!("n:{amount}")]]);
        writer.execute("rollback").await.expect("rolled back");
    }
    writer.close().await.expect("closed");
    assert_eq!(rows(&source, "select amount from stock").await, [["n:19"]], "also when the writer is gone");
}
