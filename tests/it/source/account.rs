//! The DBA sees who reads; the operator hears when that account could write.

use super::{kind_of_failure, open, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::source::{Source, SourceErrorKind};

/// An account of the server that a test may use; dropped by the test itself, since accounts outlive databases.
async fn reader(database: &TestDatabase) -> (String, String) {
    let user = format!("reader_{}", &database.name()[13..29]);
    match database.product {
        Product::Postgres => {
            database
                .run(&format!(
                    "create role {user} login password 'pw'; revoke create on schema public from public; grant select on open to {user}"
                ))
                .await;
        }
        _ => {
            database
                .run(&format!("create user '{user}'@'%' identified by 'pw'; grant select on {}.open to '{user}'@'%'", database.name()))
                .await
        }
    }
    (user.clone(), database.url_as(&user, "pw"))
}

async fn drop_reader(database: &TestDatabase, user: &str) {
    match database.product {
        Product::Postgres => database.run(&format!("drop owned by {user}; drop role {user}")).await,
        _ => database.run(&format!("drop user '{user}'@'%'")).await,
    }
}

async fn tables(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    database.run("create table open (id integer); create table secret (id integer)").await;
    database
}

async fn a_reader_reads_only_what_it_may(product: Product) {
    let database = tables(product).await;
    let (user, url) = reader(&database).await;
    let source = open(&url);
    let account = source.account().await.expect("an account");
    let readable = rows(&source, "select id from open").await;
    let refused = kind_of_failure(&source, "select id from secret").await;
    source.close().await;
    let overpowered = open(&database.url).account().await.expect("an account");
    drop_reader(&database, &user).await;
    assert!(account.user.starts_with(&user), "{account:?}");
    assert_eq!(account.can_write, Vec::<String>::new());
    assert!(!account.replica && !account.server.is_empty(), "{account:?}");
    assert_eq!((readable.len(), refused), (0, SourceErrorKind::Permission));
    assert!(!overpowered.can_write.is_empty(), "{overpowered:?}");
    assert!(!format!("{account:?}{overpowered:?}").contains("PASSWORD"), "no password hashes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_reads_only_what_it_may_on_postgresql() {
    a_reader_reads_only_what_it_may(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_reads_only_what_it_may_on_mariadb() {
    a_reader_reads_only_what_it_may(Product::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privileges_that_write_are_named() {
    let database = tables(Product::Postgres).await;
    let (user, url) = reader(&database).await;
    database.run(&format!("grant insert on secret to {user}; grant create on schema public to {user}")).await;
    let source = open(&url);
    let account = source.account().await.expect("an account");
    source.close().await;
    drop_reader(&database, &user).await;
    let reasons = account.can_write.join("; ");
    assert!(reasons.contains("public.secret") && reasons.contains("create tables"), "{reasons}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dba_sees_rowbell_in_postgresql() {
    let database = TestDatabase::new(Product::Postgres).await;
    let source = open(&database.url);
    let me = "select application_name as name from pg_stat_activity where pid = pg_backend_pid()";
    assert_eq!(rows(&source, me).await, [["t:rowbell"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dba_sees_rowbell_in_the_process_list_of_mariadb() {
    let database = TestDatabase::new(Product::Mariadb).await;
    let source = open(&database.url);
    let me = "select info like '/* rowbell:erp */%' as seen from information_schema.processlist where id = connection_id()";
    assert_eq!(rows(&source, me).await, [["n:1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_server_is_told_in_its_own_words() {
    for url in ["postgres://reader:topsecret@127.0.0.1:1/erp", "mysql://reader:topsecret@127.0.0.1:1/erp"] {
        let began = std::time::Instant::now();
        let error = open(url).account().await.expect_err("nothing listens");
        assert_eq!(error.kind, SourceErrorKind::Connect);
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(began.elapsed().as_secs() < 5, "it is not waited for");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_and_no_debug_shows_the_password() {
    for url in [
        "postgres://reader:topsecret@127.0.0.1:1/erp",
        "mysql://reader:topsecret@127.0.0.1:1/erp",
        "postgres://reader:topsecret@127.0.0.1:99999/erp",
        "mysql://reader:topsecret@[::1/erp",
        "oracle://reader:topsecret@host/erp",
        "sqlite://topsecret/none.db?key=topsecret",
    ] {
        let shown = match Source::open(super::settings(url)) {
            Ok(source) => format!("{source:?} {:?} {:?}", source.settings(), source.account().await),
            Err(error) => format!("{error} {error:?}"),
        };
        let shown = if url.starts_with("sqlite") { shown.replace("topsecret/none.db", "") } else { shown };
        assert!(!shown.contains("topsecret"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_a_failure_to_connect() {
    let database = tables(Product::Mariadb).await;
    let (user, _) = reader(&database).await;
    let error = open(&database.url_as(&user, "wrong")).account().await.expect_err("wrong password");
    drop_reader(&database, &user).await;
    assert_eq!(error.kind, SourceErrorKind::Connect, "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
}
