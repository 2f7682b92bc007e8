//! SQLite as a source: a file that another program writes.
//!
//! The file is opened read-only and never created. Four walls, each enough for most mistakes: the read-only open,
//! `query_only`, the authorizer and the compiler's verdict (see `sqlite_guard`). A progress handler is the time limit:
//! it ends the statement in the library itself. Each value has its own type, whatever its column was declared as.
//! SQLite has no session time zone: `current_date` and `date('now')` are UTC, as its manual says.

use super::connections::{Connections, Lease, Session};
use super::intake::{Intake, columns_of};
use super::number::{write_float, write_hex};
use super::sqlite_params::{Bound, bind};
use super::{
    Account, CANCEL_GRACE, ColumnInfo, Limits, PlanNote, ReadStats, RowSink, SourceError, SourceErrorKind, SourceSettings, sqlite_guard,
    sqlite_plan, url_error,
};
use crate::domain::query::Query;
use crate::domain::row::Row;
use crate::domain::value::Kind;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Decode, Either, Executor, Row as _, Sqlite, TypeInfo, ValueRef};
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long to wait for a lock that the file's writer holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the time limit is looked at, in steps of SQLite's virtual machine.
const PROGRESS_STEPS: i32 = 10_000;

/// A SQLite file.
pub(super) struct SqliteSource {
    connections: Connections<LiteSession>,
}

struct LiteSession {
    connection: SqliteConnection,
    deadline: Deadline,
    path: PathBuf,
    /// Device and number of the file that was opened. A file that another takes the place of, which is how exports are
    /// replaced, would be read for as long as the connection lives.
    file: Option<(u64, u64)>,
}

impl SqliteSource {
    pub(super) fn open(settings: &SourceSettings) -> Result<SqliteSource, SourceError> {
        let url = settings.url.expose_secret();
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(
                SourceError::new(SourceErrorKind::Connect, "a database in memory cannot be read by another program").hint("name a file")
            );
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|error| url_error(&error, "sqlite://path/to/file.db"))?;
        let options = options
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("query_only", "ON")
            .pragma("trusted_schema", "OFF")
            .thread_name(|id| format!("sqlite-source-{id}"))
            .disable_statement_logging();
        Ok(SqliteSource { connections: Connections::new(options, settings.max_connections) })
    }

    pub(super) async fn read<S: RowSink>(&self, query: &Query, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(limits.timeout).await?;
        lease.session.deadline.set(Some(limits.timeout));
        let read = run(&mut lease.session.connection, &query.text, &bound, Intake::new(limits, sink));
        let result = timeout(limits.timeout + CANCEL_GRACE, read).await.unwrap_or_else(|_| Err(out_of_time(limits.timeout)));
        end(lease, result.as_ref().err()).await;
        result.map_err(|error| if error.kind == SourceErrorKind::Timeout { out_of_time(limits.timeout) } else { error })
    }

    pub(super) async fn prepare(&self, query: &Query, wait: Duration) -> Result<Vec<ColumnInfo>, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(wait).await?;
        let compiled = compile(&mut lease.session.connection, &query.text, &bound).await;
        end(lease, compiled.as_ref().err()).await;
        let compiled = compiled?;
        columns_of(compiled.columns.iter().map(|(name, _)| name.as_str()))?;
        // The type of a value is known only when it is there.
        Ok(compiled.columns.into_iter().map(|(name, type_name)| ColumnInfo { name, kind: None, type_name }).collect())
    }

    pub(super) async fn explain(&self, query: &Query, wait: Duration) -> Result<Vec<PlanNote>, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(wait).await?;
        lease.session.deadline.set(Some(wait));
        let connection = &mut lease.session.connection;
        let explain = async {
            compile(connection, &query.text, &bound).await?;
            sqlite_plan::explain(connection, &query.text, &bound).await
        };
        let explained = timeout(wait + CANCEL_GRACE, explain).await.unwrap_or_else(|_| Err(out_of_time(wait)));
        end(lease, explained.as_ref().err()).await;
        explained
    }

    pub(super) async fn account(&self, wait: Duration) -> Result<Account, SourceError> {
        self.connections.lease(wait).await?.give_back();
        Ok(Account::default())
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}

impl Session for LiteSession {
    type Options = SqliteConnectOptions;

    async fn open(options: &SqliteConnectOptions) -> Result<Self, SourceError> {
        let path = options.get_filename();
        let mut connection = options.connect().await.map_err(|error| connect_error(&error, path))?;
        // SQLite opens a file when it is first read: find out now that it is none of its own.
        connection.execute("select 1 from sqlite_master limit 1").await.map_err(|error| connect_error(&error, path))?;
        let deadline = Deadline::new();
        let watched = Arc::clone(&deadline.0);
        let mut handle = connection.lock_handle().await.map_err(|error| connect_error(&error, path))?;
        handle.set_progress_handler(PROGRESS_STEPS, move || millis() < watched.load(Ordering::Relaxed));
        sqlite_guard::allow_only_reading(&mut handle)?;
        drop(handle);
        Ok(LiteSession { connection, deadline, file: file_id(path), path: path.to_path_buf() })
    }

    async fn is_alive(&mut self) -> bool {
        file_id(&self.path) == self.file && self.connection.ping().await.is_ok()
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a sqlite source did not close cleanly");
        }
    }
}

fn file_id(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// When the running statement is to be ended, in milliseconds since [`START`]. Dropping it ends the statement: a read
/// that was given up must not go on in its thread.
struct Deadline(Arc<AtomicU64>);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn millis() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Deadline {
    fn new() -> Deadline {
        LazyLock::force(&START);
        Deadline(Arc::new(AtomicU64::new(u64::MAX)))
    }

    fn set(&self, after: Option<Duration>) {
        let after = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        self.0.store(after.map_or(u64::MAX, |after| millis().saturating_add(after)), Ordering::Relaxed);
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Begins a read transaction, in which the schema cannot change, and compiles the query in it. The driver would take
/// the columns of `select *` from before an ALTER TABLE, and stumble over the rows after it.
async fn compile(connection: &mut SqliteConnection, text: &str, bound: &Bound) -> Result<sqlite_guard::Compiled, SourceError> {
    connection.execute("begin; select 1 from sqlite_master limit 1").await.map_err(|error| read_error(&error))?;
    let mut handle = connection.lock_handle().await.map_err(|error| read_error(&error))?;
    sqlite_guard::compile(&mut handle, text, bound)
}

/// Ends the transaction and gives the connection back, if the statement has come to its end; else it is closed.
async fn end(mut lease: Lease<LiteSession>, error: Option<&SourceError>) {
    let was_refused =
        |error: &SourceError| matches!(error.kind, SourceErrorKind::Sql | SourceErrorKind::NotAQuery | SourceErrorKind::Columns);
    lease.session.deadline.set(None);
    if error.is_none_or(was_refused) && lease.session.connection.execute("rollback").await.is_ok() {
        lease.give_back();
    }
}

async fn run<S: RowSink>(
    connection: &mut SqliteConnection,
    text: &str,
    bound: &Bound,
    mut intake: Intake<'_, S>,
) -> Result<ReadStats, SourceError> {
    let compiled = compile(connection, text, bound).await?;
    intake.columns(&columns_of(compiled.columns.iter().map(|(name, _)| name.as_str()))?)?;
    let mut cells = Cells::default();
    let mut is_complete = false;
    let query = bound.apply(sqlx::query(AssertSqlSafe(bound.statement.sql.clone()))).persistent(false);
    let mut rows = connection.fetch_many(query);
    while let Some(part) = rows.try_next().await.map_err(|error| read_error(&error))? {
        match part {
            Either::Right(row) => intake.row(|out| cells.fill(&row, out))?,
            Either::Left(_) => is_complete = true,
        }
    }
    // The driver's thread may have died without a word: only its end-of-result counts.
    if is_complete { Ok(intake.stats()) } else { Err(SourceError::broke_off("the reader ended without an end of the result")) }
}

/// Turns values into texts, with memory that is used again.
#[derive(Default)]
struct Cells {
    text: String,
    hex: Vec<u8>,
}

impl Cells {
    fn fill(&mut self, row: &SqliteRow, out: &mut Row) -> Result<(), SourceError> {
        for at in 0..row.len() {
            let value = row.try_get_raw(at).map_err(|error| read_error(&error))?;
            if value.is_null() {
                out.push(Kind::Null, b"");
                continue;
            }
            let type_info = value.type_info().into_owned();
            self.push(type_info.name(), value, out).map_err(SourceError::broke_off)?;
        }
        Ok(())
    }

    fn push(&mut self, type_name: &str, value: sqlx::sqlite::SqliteValueRef<'_>, out: &mut Row) -> Result<(), sqlx::error::BoxDynError> {
        match type_name {
            "INTEGER" => {
                self.text.clear();
                write!(self.text, "{}", <i64 as Decode<Sqlite>>::decode(value)?)?;
                out.push(Kind::Number, self.text.as_bytes());
            }
            "REAL" => {
                write_float(&mut self.text, <f64 as Decode<Sqlite>>::decode(value)?);
                out.push(Kind::Float, self.text.as_bytes());
            }
            "BLOB" => {
                write_hex(&mut self.hex, <&[u8] as Decode<Sqlite>>::decode(value)?);
                out.push(Kind::Bytes, &self.hex);
            }
            // Taken as bytes: a text need not be valid UTF-8.
            _ => out.push(Kind::Text, <&[u8] as Decode<Sqlite>>::decode(value)?),
        }
        Ok(())
    }
}

fn connect_error(error: &sqlx::Error, path: &Path) -> SourceError {
    let message = format!("cannot open {}: {}", path.display(), words(error));
    let error = SourceError::new(SourceErrorKind::Connect, message);
    if path.exists() { error } else { error.hint("there is no such file; it is never created") }
}

pub(super) fn read_error(error: &sqlx::Error) -> SourceError {
    let primary = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    let kind = match primary {
        Some(libsqlite3_sys::SQLITE_INTERRUPT) => SourceErrorKind::Timeout,
        Some(libsqlite3_sys::SQLITE_BUSY | libsqlite3_sys::SQLITE_LOCKED) => {
            let message = format!("another program has held the file's lock for {} s", BUSY_TIMEOUT.as_secs());
            return SourceError::new(SourceErrorKind::Interrupted, message);
        }
        Some(libsqlite3_sys::SQLITE_TOOBIG) => SourceErrorKind::RowSize,
        Some(libsqlite3_sys::SQLITE_ERROR) => SourceErrorKind::Sql,
        Some(libsqlite3_sys::SQLITE_AUTH | libsqlite3_sys::SQLITE_READONLY) => return SourceError::not_a_query(words(error)),
        _ => return SourceError::broke_off(words(error)),
    };
    SourceError::new(kind, words(error))
}

fn words(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

fn out_of_time(limit: Duration) -> SourceError {
    SourceError::new(SourceErrorKind::Timeout, format!("the query was ended after {}", humantime::format_duration(limit)))
}
