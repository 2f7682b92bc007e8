//! Real databases for tests: each test gets its own, fresh, on each server, and it is dropped at the end.
//!
//! `tests/run` brings the servers up and names them in the environment. Without them the tests fail and say so: a
//! test that passes because nothing was tested is worth less than none.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use std::future::Future;
use std::str::FromStr;
use tempfile::TempDir;

/// The databases that rowbell reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Postgres,
    Mariadb,
    Sqlite,
}

/// A fresh database; dropped with this.
pub struct TestDatabase {
    pub product: Product,
    /// With an account that may do anything.
    pub url: String,
    name: String,
    /// Where the file of an SQLite database is; the server's url of the others.
    home: Home,
}

enum Home {
    Server(String),
    Folder(TempDir),
}

impl TestDatabase {
    /// Creates an empty database.
    pub async fn new(product: Product) -> TestDatabase {
        let name = format!("rowbell_test_{}", uuid::Uuid::new_v4().simple());
        let server = match product {
            Product::Postgres => server_url("ROWBELL_TEST_POSTGRES_URL"),
            Product::Mariadb => server_url("ROWBELL_TEST_MARIADB_URL"),
            Product::Sqlite => return sqlite_file(name).await,
        };
        run_on(product, &server, &format!("create database {name}")).await;
        let url = with_database(&server, &name);
        TestDatabase { product, url, name, home: Home::Server(server) }
    }

    /// Creates a database with the Northwind sample in it.
    pub async fn northwind(product: Product) -> TestDatabase {
        let database = TestDatabase::new(product).await;
        let script = match product {
            Product::Postgres => include_str!("../data/northwind/northwind.pg.sql"),
            Product::Mariadb => include_str!("../data/northwind/northwind.mariadb.sql"),
            Product::Sqlite => include_str!("../data/northwind/northwind.sqlite.sql"),
        };
        database.run(script).await;
        database
    }

    /// Runs statements, separated by semicolons.
    pub async fn run(&self, statements: &str) {
        run_on(self.product, &self.url, statements).await;
    }

    /// The first value of the first row, as text.
    pub async fn ask(&self, query: &str) -> String {
        match self.product {
            Product::Postgres => {
                let row = self.postgres().await.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await.expect("a row");
                row.try_get_unchecked::<Option<String>, _>(0).expect("text").unwrap_or_default()
            }
            Product::Mariadb => {
                let row = self.mariadb().await.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await.expect("a row");
                row.try_get_unchecked::<Option<String>, _>(0).expect("text").unwrap_or_default()
            }
            Product::Sqlite => {
                let row = self.sqlite().await.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await.expect("a row");
                row.try_get_unchecked::<Option<String>, _>(0).expect("text").unwrap_or_default()
            }
        }
    }

    /// The url with another account.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let mut url = url::Url::parse(&self.url).expect("a url");
        url.set_username(user).and_then(|()| url.set_password(Some(password))).expect("a url with an account");
        url.into()
    }

    /// The url through another port of this machine.
    pub fn url_through(&self, port: u16) -> String {
        let mut url = url::Url::parse(&self.url).expect("a url");
        url.set_host(Some("127.0.0.1")).and_then(|()| url.set_port(Some(port)).map_err(|()| url::ParseError::InvalidPort)).expect("a port");
        url.into()
    }

    /// Host and port of the server.
    pub fn address(&self) -> String {
        let url = url::Url::parse(&self.url).expect("a url");
        let port = if self.product == Product::Postgres { 5432 } else { 3306 };
        format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(port))
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    async fn postgres(&self) -> PgConnection {
        PgConnectOptions::from_str(&self.url).expect("a url").connect().await.expect("postgresql")
    }

    async fn mariadb(&self) -> MySqlConnection {
        MySqlConnectOptions::from_str(&self.url).expect("a url").connect().await.expect("mariadb")
    }

    async fn sqlite(&self) -> SqliteConnection {
        SqliteConnectOptions::from_str(&self.url).expect("a url").connect().await.expect("sqlite")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Home::Server(server) = &self.home else { return };
        let statement = match self.product {
            Product::Postgres => format!("drop database if exists {} with (force)", self.name),
            _ => format!("drop database if exists {}", self.name),
        };
        let (product, server) = (self.product, server.clone());
        // A test may fail in the middle of its own runtime; dropping needs another.
        let dropping = std::thread::spawn(move || block_on(async move { run_on(product, &server, &statement).await }));
        if dropping.join().is_err() {
            eprintln!("the test database {} could not be dropped", self.name);
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future);
}

fn server_url(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{variable} is not set: run tests/run, which brings up PostgreSQL and MariaDB"),
    }
}

fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("the server's url");
    url.set_path(name);
    url.into()
}

async fn sqlite_file(name: String) -> TestDatabase {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    options.connect().await.expect("a new file").close().await.expect("closed");
    TestDatabase { product: Product::Sqlite, url: format!("sqlite://{}", path.display()), name, home: Home::Folder(folder) }
}

impl TestDatabase {
    /// The folder of an SQLite database.
    pub fn folder(&self) -> &std::path::Path {
        match &self.home {
            Home::Folder(folder) => folder.path(),
            Home::Server(_) => panic!("only an SQLite database is a file"),
        }
    }
}

async fn run_on(product: Product, url: &str, statements: &str) {
    let script = sqlx::raw_sql(AssertSqlSafe(statements));
    let failed = |error: sqlx::Error| panic!("{error}, running: {}", statements.chars().take(200).collect::<String>());
    match product {
        Product::Postgres => {
            let mut connection = PgConnectOptions::from_str(url).expect("a url").connect().await.expect("postgresql");
            connection.execute(script).await.map(drop).unwrap_or_else(failed);
            connection.close().await.expect("closed");
        }
        Product::Mariadb => {
            let options = MySqlConnectOptions::from_str(url).expect("a url").timezone(None).no_engine_substitution(false);
            let mut connection = options.connect().await.expect("mariadb");
            connection.execute(script).await.map(drop).unwrap_or_else(failed);
            connection.close().await.expect("closed");
        }
        Product::Sqlite => {
            let mut connection = SqliteConnectOptions::from_str(url).expect("a url").connect().await.expect("sqlite");
            connection.execute(script).await.map(drop).unwrap_or_else(failed);
            connection.close().await.expect("closed");
        }
    }
}
