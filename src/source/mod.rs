//! Reads business databases, and never writes them.
//!
//! A [`Source`] runs one DBA-written query and hands its rows on, one at a time, in one buffer that is used again. What
//! is wanted of a read:
//!
//! - **All or nothing.** `Ok` means that the server said "end of result". Whatever else happens (time, size, a cut
//!   connection, a vanished table) is an error, and the rows that came before it count for nothing.
//! - **It cannot write.** The account is the only real boundary, so [`Source::account`] tells when it can write. On top
//!   each driver lets its server refuse everything but one reading statement: a cursor in a read-only transaction on
//!   PostgreSQL, a prepared single statement in a read-only transaction on MySQL and MariaDB, the authorizer on SQLite.
//!   The transaction is always rolled back.
//! - **It costs no more than the query.** Few connections, used again; limits that hold on the server; a query that
//!   is given up is ended on the server from a second connection. No session is left in a transaction: a connection
//!   comes back to its source only clean (see `connections`), any other is closed.
//! - **The same data gives the same text.** Rows are compared by hashes of their bytes, so each driver sets every
//!   session setting that shapes text and brings each value to the form that [`Kind`] documents. A type nobody thought
//!   of is [`Kind::Other`] with the text its database shows.
//!
//! What a row means is decided elsewhere; nothing here decodes a value.

mod connections;
mod error;
mod intake;
mod mysql;
mod mysql_account;
mod mysql_error;
mod mysql_horizon;
mod mysql_params;
mod mysql_plan;
mod mysql_types;
mod number;
mod plan;
mod postgres;
mod postgres_account;
mod postgres_error;
mod postgres_params;
mod postgres_plan;
mod postgres_types;
mod replay;
mod sqlite;
mod sqlite_guard;
mod sqlite_params;
mod sqlite_plan;

pub use error::{SourceError, SourceErrorKind};
pub use plan::PlanNote;
pub use replay::{Answer, Replay};

use crate::domain::query::Query;
use crate::domain::row::{Columns, Row};
use crate::domain::sql_text::Dialect;
use crate::domain::value::Kind;
use error::without_quoted;
use mysql::MysqlSource;
use postgres::PostgresSource;
use secrecy::{ExposeSecret, SecretString};
use sqlite::SqliteSource;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A row beyond this is an error: an alert is not the place for it, and memory must stay bounded.
pub const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;

/// How much longer than the server we wait before we end a query from outside.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// What is needed to read a business database.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// Its name in the settings.
    pub name: String,
    /// `postgres://`, `mysql://`, `mariadb://` or `sqlite://`, with the password.
    pub url: SecretString,
    /// What `current_date` means in a query.
    pub timezone: chrono_tz::Tz,
    /// How many connections may be open at a time.
    pub max_connections: u32,
    /// How long a query may run.
    pub query_timeout: Duration,
    /// How many rows a query may return.
    pub max_rows: u64,
}

/// The limits of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the query may run, on the server.
    pub timeout: Duration,
    /// How many rows it may return; one more is an error.
    pub max_rows: u64,
}

/// Takes the rows of a read. An error stops it, as [`SourceErrorKind::Evaluation`].
pub trait RowSink: Send {
    /// The columns; told once, before the rows, also when there are none.
    ///
    /// # Errors
    /// Why no row can be taken.
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String>;

    /// A row; the buffer is used again for the next one.
    ///
    /// # Errors
    /// Why no further row can be taken.
    fn row(&mut self, row: &Row) -> Result<(), String>;
}

/// What a read came to, beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// How many rows.
    pub rows: u64,
    /// Their size in our form.
    pub bytes: u64,
    /// Which transactions were still open, if the query asked for it; never on SQLite, which has one writer at a time:
    /// what is committed later was written later.
    pub horizon: Option<Horizon>,
    /// The type of each column as [`CursorValue`](crate::domain::query::CursorValue) takes it back. Only PostgreSQL tells
    /// them, and only when there are rows.
    pub column_types: Vec<String>,
}

/// Which transactions were still open when a read looked: rows of theirs may yet come, under lower cursor values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// PostgreSQL, at the read's own snapshot: all transactions below `xmin` were over, and none from `xmax` on had begun. On
    /// a replica, which does not know of those that have not ended, `xmax` is only what the snapshot says.
    Transactions {
        /// The oldest that was open.
        xmin: u64,
        /// The next to be given out.
        xmax: u64,
    },
    /// MySQL and MariaDB, from a moment between the call and the read.
    Oldest {
        /// How long ago the oldest transaction that may write had begun, to the second; none if none was open.
        age: Option<Duration>,
    },
    /// MySQL and MariaDB: the list of transactions was an old one, as others look at it all the time.
    Unclear,
    /// MySQL and MariaDB: the account may not see transactions (it needs PROCESS), or the server has no list of them.
    Hidden,
}

/// A column of a query that has not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds, where the database knows that beforehand (SQLite does not).
    pub kind: Option<Kind>,
    /// The database's name of its type.
    pub type_name: String,
}

/// Who reads, and what the account could do beside reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The account's name; empty where there are no accounts.
    pub user: String,
    /// The server's product and version.
    pub server: String,
    /// Sentences that say why the account could write; empty when it can only read.
    pub can_write: Vec<String>,
    /// Whether the server is a replica.
    pub replica: bool,
    /// How far the replica is behind, where the server says so.
    pub lag: Option<Duration>,
    /// What else a person should know: an unencrypted connection, missing time zones.
    pub notes: Vec<String>,
}

/// A business database.
pub struct Source {
    settings: SourceSettings,
    driver: Driver,
}

enum Driver {
    Postgres(PostgresSource),
    Mysql(MysqlSource),
    Sqlite(SqliteSource),
    Replay(Replay, Dialect),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.settings.name).field("product", &self.product()).finish_non_exhaustive()
    }
}

impl Source {
    /// Takes the settings; connects at first use.
    ///
    /// # Errors
    /// The URL names no database that can be read.
    pub fn open(settings: SourceSettings) -> Result<Source, SourceError> {
        let driver = match open_driver(&settings) {
            Ok(driver) => driver,
            Err(error) => return Err(error.named(&settings.name)),
        };
        Ok(Source { settings, driver })
    }

    /// A source whose results are given. The URL says what database it stands for; it is not connected to.
    pub fn replay(settings: SourceSettings, replay: Replay) -> Source {
        let dialect = Dialect::of_url(settings.url.expose_secret()).unwrap_or(Dialect::Postgres);
        Source { settings, driver: Driver::Replay(replay, dialect) }
    }

    /// The name in the settings.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The settings.
    pub fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// `postgresql`, `mysql` (also MariaDB) or `sqlite`; `replay` where results are given.
    pub fn product(&self) -> &'static str {
        match self.driver {
            Driver::Postgres(_) => "postgresql",
            Driver::Mysql(_) => "mysql",
            Driver::Sqlite(_) => "sqlite",
            Driver::Replay(..) => "replay",
        }
    }

    /// How its SQL is written.
    pub fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Postgres(_) => Dialect::Postgres,
            Driver::Mysql(_) => Dialect::Mysql,
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Replay(_, dialect) => dialect,
        }
    }

    /// The limits of a read: a watcher's own, else the source's.
    pub fn limits(&self, timeout: Option<Duration>, max_rows: Option<u64>) -> Limits {
        Limits { timeout: timeout.unwrap_or(self.settings.query_timeout), max_rows: max_rows.unwrap_or(self.settings.max_rows) }
    }

    /// Runs a query and hands its rows to `sink`. Only after `Ok` do they count.
    ///
    /// # Errors
    /// Everything but a whole result within the limits.
    pub async fn read<S: RowSink>(&self, query: &Query, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let read = match &self.driver {
            Driver::Postgres(source) => source.read(query, limits, sink).await,
            Driver::Mysql(source) => source.read(query, limits, sink).await,
            Driver::Sqlite(source) => source.read(query, limits, sink).await,
            Driver::Replay(source, _) => source.read(query, limits, sink),
        };
        read.map_err(|error| error.named(self.name()))
    }

    /// Lets the database check a query without running it.
    ///
    /// # Errors
    /// What the database has against it.
    pub async fn prepare(&self, query: &Query) -> Result<Vec<ColumnInfo>, SourceError> {
        let wait = self.settings.query_timeout;
        let prepared = match &self.driver {
            Driver::Postgres(source) => source.prepare(query, wait).await,
            Driver::Mysql(source) => source.prepare(query, wait).await,
            Driver::Sqlite(source) => source.prepare(query, wait).await,
            Driver::Replay(source, _) => source.prepare(query),
        };
        prepared.map_err(|error| error.named(self.name()))
    }

    /// Asks the planner how it would run a query, which does not run.
    ///
    /// # Errors
    /// What the database has against it.
    pub async fn explain(&self, query: &Query) -> Result<Vec<PlanNote>, SourceError> {
        let wait = self.settings.query_timeout;
        let explained = match &self.driver {
            Driver::Postgres(source) => source.explain(query, wait).await,
            Driver::Mysql(source) => source.explain(query, wait).await,
            Driver::Sqlite(source) => source.explain(query, wait).await,
            Driver::Replay(..) => Ok(Vec::new()),
        };
        explained.map_err(|error| error.named(self.name()))
    }

    /// Asks who reads, and what that account could do beside reading.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn account(&self) -> Result<Account, SourceError> {
        let wait = self.settings.query_timeout;
        let account = match &self.driver {
            Driver::Postgres(source) => source.account(wait).await,
            Driver::Mysql(source) => source.account(wait).await,
            Driver::Sqlite(source) => source.account(wait).await,
            Driver::Replay(..) => Ok(Account::default()),
        };
        account.map_err(|error| error.named(self.name()))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.driver {
            Driver::Postgres(source) => source.close().await,
            Driver::Mysql(source) => source.close().await,
            Driver::Sqlite(source) => source.close().await,
            Driver::Replay(..) => {}
        }
    }
}

fn open_driver(settings: &SourceSettings) -> Result<Driver, SourceError> {
    match Dialect::of_url(settings.url.expose_secret()) {
        Some(Dialect::Postgres) => Ok(Driver::Postgres(PostgresSource::open(settings)?)),
        Some(Dialect::Mysql) => Ok(Driver::Mysql(MysqlSource::open(settings)?)),
        Some(Dialect::Sqlite) => Ok(Driver::Sqlite(SqliteSource::open(settings)?)),
        None => {
            let message = "the url names no database that can be read";
            Err(SourceError::new(SourceErrorKind::Connect, message).hint("begin it with postgres://, mysql://, mariadb:// or sqlite://"))
        }
    }
}

/// The driver's words, without what they quote: it may be a part of a password that was not encoded.
fn url_error(error: &sqlx::Error, example: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Connect, format!("the url cannot be read: {}", without_quoted(&error.to_string(), '"')))
        .hint(format!("it looks like {example}"))
}

/// Whether a connection stays on this machine.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
