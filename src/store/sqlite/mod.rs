//! The store in an SQLite file: WAL, `synchronous=FULL`, one writer, a few readers.

mod cards;
mod codec;
mod conversation;
mod digests;
mod explain;
mod explain_told;
mod merging;
mod months;
mod outbox;
mod people;
mod pictures;
mod polls;
mod read;
mod receipts;
mod robots;
mod silences;
mod steps;
mod targets;
mod traces;
mod watchers;

use super::model::StoreError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite as Db, Transaction};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers: pages, lists, the scheduler's look.
const READERS: u32 = 4;

/// How often opening is tried while another process makes the same file.
const OPEN_TRIES: u32 = 200;
/// The pause between two tries.
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// An opened file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    reader: SqlitePool,
    path: PathBuf,
    /// Device and number of the file that was opened: it may be removed or replaced under its name.
    file: Option<(u64, u64)>,
}

/// Names what was attempted when a statement fails.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { doing, source })
    }
}

/// Opens the writer. The first switch of a file to WAL does not wait for another process that does the same, whatever the
/// busy timeout: it is tried again.
async fn connect(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pool = || SqlitePoolOptions::new().max_connections(1).connect_with(options.clone());
    for _ in 1..OPEN_TRIES {
        match pool().await {
            Err(error) if is_busy(&error) => tokio::time::sleep(OPEN_PAUSE).await,
            done => return done,
        }
    }
    pool().await
}

fn is_busy(error: &sqlx::Error) -> bool {
    // The lower byte of SQLite's code is SQLITE_BUSY; the others say more.
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

impl Sqlite {
    pub(super) fn exists(url: &str) -> Result<bool, StoreError> {
        Ok(options(url)?.get_filename().exists())
    }

    pub(super) async fn open(url: &str) -> Result<Sqlite, StoreError> {
        let options = options(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let path = options.get_filename().to_path_buf();
        // Each connection would have a database of its own, and a restart would forget every alert.
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(StoreError::Url("sqlite in memory".to_owned()));
        }
        let writer = connect(&options).await.doing("opening the file")?;
        let reader =
            SqlitePoolOptions::new().max_connections(READERS).min_connections(0).connect_lazy_with(options.pragma("query_only", "on"));
        // One lock for one file, by whatever path it is named.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let file = file_id(&path);
        let store = Sqlite { writer, reader, path, file };
        store.migrate().await?;
        Ok(store)
    }

    /// Brings the schema up to date under the write lock: two processes that start at once must not both make the tables.
    async fn migrate(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // `run` would not compile inside a spawned task; `run_direct` is there for that.
        MIGRATIONS.run_direct(None, &mut *tx, false).await?;
        tx.commit().await.doing("bringing the schema up to date")
    }

    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let path = name.to_string_lossy().into_owned();
        let failed = |source| StoreError::Lock { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path)),
            Err(TryLockError::Error(source)) => Err(StoreError::Lock { path, source }),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let path = self.path.display().to_string();
        if file_id(&self.path) != self.file {
            return Err(StoreError::Gone(path));
        }
        self.begin().await?.rollback().await.doing("rolling back")
    }

    pub(super) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// A write transaction that has the write lock from its start: an upgrade would fail at once when another wrote.
    async fn begin(&self) -> Result<Transaction<'static, Db>, StoreError> {
        match self.writer.begin_with("begin immediate").await {
            Err(sqlx::Error::InvalidSavePointStatement) => {
                // SQLite has rolled back by itself (a full disk, an I/O error), which sqlx has not noticed: a new connection.
                let stuck = self.writer.acquire().await.doing("beginning a transaction")?;
                stuck.close().await.doing("closing a connection whose transaction failed")?;
                self.writer.begin_with("begin immediate").await.doing("beginning a transaction")
            }
            begun => begun.doing("beginning a transaction"),
        }
    }
}

fn file_id(path: &std::path::Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    if !url.starts_with("sqlite:") {
        return Err(StoreError::Url(url.split(':').next().unwrap_or_default().to_owned()));
    }
    SqliteConnectOptions::from_str(url).doing("reading the url")
}
