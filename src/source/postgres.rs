//! PostgreSQL as a source, also behind pgbouncer in transaction mode.
//!
//! A read is one transaction, `repeatable read read only`, that ends in ROLLBACK:
//!
//! 1. `begin` and all session settings as SET LOCAL, in one message. No start-up options: pgbouncer refuses them.
//! 2. `declare … no scroll cursor for <query>` in the extended protocol. The server's own grammar admits one SELECT,
//!    VALUES or WITH there, and nothing that writes; a COMMIT, SET or COPY is a syntax error.
//! 3. `fetch` in the simple protocol, whose rows are text: exact for every type there is. The driver's own decoders
//!    panic on `infinity` and lose `24:00:00`. The first FETCH takes one row, to learn the columns and look up the types
//!    the driver does not know.
//! 4. `statement_timeout` counts from each FETCH, so each one sets what is left of the whole limit.
//!
//! No prepared statement stays behind: unnamed ones only, and those of `prepare` are closed inside the transaction.
//!
//! The horizon of a read is taken with the `begin`. Its `xmin` is that of the read's own snapshot: a row that a later read
//! finds and this one did not was written by a transaction that is `>= xmin`. The snapshot's `xmax` is one above the last
//! transaction that has *ended*; those that have begun since then and are open are found by the locks that each of them
//! holds on its own number, prepared ones too. It is asked for only when it is wanted, since not every server that speaks
//! PostgreSQL's protocol has it.

use super::connections::{Connections, Lease, Session};
use super::intake::{Intake, columns_of};
use super::postgres_params::{Bound, bind};
use super::postgres_types::{PgType, TEXTS_OF_TYPES, builtin, lookup_types, push_cell};
use super::{
    Account, CANCEL_GRACE, ColumnInfo, Horizon, Limits, PlanNote, ReadStats, RowSink, SourceError, SourceErrorKind, SourceSettings,
    postgres_account, postgres_error, postgres_plan, url_error,
};
use crate::domain::query::Query;
use crate::domain::row::{Columns, Row};
use crate::domain::value::Kind;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgColumn, PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, Row as _, SqlSafeStr, Statement};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How many rows one FETCH takes: few enough that stopping early costs little.
const BATCH: u64 = 2000;
/// How long a query may wait for a lock that a writer holds.
const LOCK_TIMEOUT_MS: u32 = 2000;
/// How long ending a transaction or a query may take before the connection is closed instead.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// How many queries' columns are remembered.
const REMEMBERED_QUERIES: usize = 1000;

/// A database without an encoding holds text in any: it is taken as it is, instead of being refused as wrong UTF-8.
const BYTES_AS_THEY_ARE: &str =
    "set_config('client_encoding', case current_setting('server_encoding') when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, true)";

/// The lower bound of the snapshot that all of the transaction sees, and one above the highest number that has been given
/// out. The numbers in `pg_locks` have 32 bits: they are taken as distances from the snapshot's, which are short.
const HORIZON: &str = ", txid_snapshot_xmin(txid_current_snapshot()), txid_snapshot_xmax(txid_current_snapshot()) + \
    coalesce((select max(greatest(0, (transactionid::text::bigint % 4294967296 \
        - txid_snapshot_xmax(txid_current_snapshot()) % 4294967296 + 6442450944) % 4294967296 - 2147483648 + 1)) \
    from pg_catalog.pg_locks where locktype = 'transactionid'), 0)";

const DECLARE: &str = "declare rowbell_cursor no scroll cursor for ";

/// A PostgreSQL database.
pub(super) struct PostgresSource {
    connections: Connections<PgSession>,
    begin: String,
    /// The columns of statements that returned no row yet: they are asked for once.
    columns: Mutex<HashMap<String, Arc<Columns>>>,
    /// The types that the server defines itself: enums, extensions.
    types: Mutex<HashMap<u32, PgType>>,
}

/// A rollback does not give back the advisory locks of a session, and the session is used again.
const END: &str = "rollback; select pg_advisory_unlock_all()";

pub(super) struct PgSession {
    connection: PgConnection,
}

impl Session for PgSession {
    type Options = PgConnectOptions;

    async fn open(options: &PgConnectOptions) -> Result<Self, SourceError> {
        let connection =
            options.connect().await.map_err(|error| postgres_error::connecting(options.get_host(), options.get_port(), &error))?;
        Ok(PgSession { connection })
    }

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a postgresql connection did not close cleanly");
        }
    }
}

impl PostgresSource {
    pub(super) fn open(settings: &SourceSettings) -> Result<PostgresSource, SourceError> {
        let url = settings.url.expose_secret();
        let options =
            PgConnectOptions::from_str(url).map_err(|error| url_error(&error, "postgres://reader:password@host:5432/database"))?;
        let options = options.application_name("rowbell").extra_float_digits(None).disable_statement_logging();
        Ok(PostgresSource {
            connections: Connections::new(options, settings.max_connections),
            begin: begin_statement(settings.timezone.name()),
            columns: Mutex::default(),
            types: Mutex::default(),
        })
    }

    pub(super) async fn read<S: RowSink>(&self, query: &Query, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(limits.timeout).await?;
        let deadline = Instant::now() + limits.timeout;
        let mut pid = None;
        let run = self.run(&mut lease.session.connection, query, &bound, deadline, &mut pid, Intake::new(limits, sink));
        match timeout_at(deadline + CANCEL_GRACE, run).await {
            Ok(result) => {
                self.end(lease, &result).await;
                result.map_err(|error| postgres_error::of_limit(error, limits.timeout, deadline))
            }
            Err(_) => {
                self.cancel(pid).await;
                Err(postgres_error::out_of_time(limits.timeout))
            }
        }
    }

    pub(super) async fn prepare(&self, query: &Query, wait: Duration) -> Result<Vec<ColumnInfo>, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(wait).await?;
        let prepare = async {
            let connection = &mut lease.session.connection;
            begin(connection, &self.begin, wait, false).await?;
            declare(connection, &query.text, &bound).await?;
            let columns = describe(connection, &query.text, &bound).await?;
            columns_of(columns.iter().map(|(name, _)| name.as_str()))?;
            let types = self.types_of(connection, columns.iter().map(|(_, oid)| *oid).collect()).await?;
            let info = |((name, _), (_, pg_type)): ((String, u32), (u32, PgType))| ColumnInfo {
                name,
                kind: Some(pg_type.kind),
                type_name: pg_type.name,
            };
            Ok(columns.into_iter().zip(types).map(info).collect())
        };
        let prepared = timeout(wait + CANCEL_GRACE, prepare).await.unwrap_or_else(|_| Err(postgres_error::out_of_time(wait)));
        self.end(lease, &prepared).await;
        prepared
    }

    pub(super) async fn explain(&self, query: &Query, wait: Duration) -> Result<Vec<PlanNote>, SourceError> {
        let bound = bind(query)?;
        let mut lease = self.connections.lease(wait).await?;
        let explain = async {
            begin(&mut lease.session.connection, &self.begin, wait, false).await?;
            postgres_plan::explain(&mut lease.session.connection, &query.text, &bound).await
        };
        let explained = timeout(wait + CANCEL_GRACE, explain).await.unwrap_or_else(|_| Err(postgres_error::out_of_time(wait)));
        self.end(lease, &explained).await;
        explained
    }

    pub(super) async fn account(&self, wait: Duration) -> Result<Account, SourceError> {
        let mut lease = self.connections.lease(wait).await?;
        let ask = async {
            begin(&mut lease.session.connection, &self.begin, wait, false).await?;
            postgres_account::ask(&mut lease.session.connection, self.connections.options()).await
        };
        let account = timeout(wait + CANCEL_GRACE, ask).await.unwrap_or_else(|_| Err(postgres_error::out_of_time(wait)));
        self.end(lease, &account).await;
        account
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    async fn run<S: RowSink>(
        &self,
        connection: &mut PgConnection,
        query: &Query,
        bound: &Bound,
        deadline: Instant,
        pid: &mut Option<i32>,
        mut intake: Intake<'_, S>,
    ) -> Result<ReadStats, SourceError> {
        let (process, horizon) = begin(connection, &self.begin, left(deadline), query.wants_horizon).await?;
        *pid = Some(process);
        declare(connection, &query.text, bound).await?;
        let Some(first) = fetch_first(connection, deadline).await? else {
            intake.columns(&self.columns_of_empty(connection, &query.text, bound).await?)?;
            return Ok(ReadStats { horizon, ..intake.stats() });
        };
        let types = self.types_of(connection, first.columns().iter().map(oid_of).collect()).await?;
        intake.columns(&columns_of(first.columns().iter().map(|column| column.name()))?)?;
        let column_types = types.iter().map(|(_, pg_type)| pg_type.name.clone()).collect();
        let mut take = RowTaker { types, scratch: String::new() };
        intake.row(|out| take.fill(&first, out))?;
        while fetch(connection, deadline, &mut intake, &mut take).await? {}
        Ok(ReadStats { horizon, column_types, ..intake.stats() })
    }

    /// An empty result comes without its columns; they are asked for once per statement.
    async fn columns_of_empty(&self, connection: &mut PgConnection, text: &str, bound: &Bound) -> Result<Arc<Columns>, SourceError> {
        if let Some(known) = lock(&self.columns).get(&bound.statement.sql) {
            return Ok(Arc::clone(known));
        }
        let described = describe(connection, text, bound).await?;
        let columns = columns_of(described.iter().map(|(name, _)| name.as_str()))?;
        let mut remembered = lock(&self.columns);
        if remembered.len() >= REMEMBERED_QUERIES {
            remembered.clear();
        }
        remembered.insert(bound.statement.sql.clone(), Arc::clone(&columns));
        Ok(columns)
    }

    async fn types_of(&self, connection: &mut PgConnection, oids: Vec<u32>) -> Result<Vec<(u32, PgType)>, SourceError> {
        let is_unknown = |oid: &u32| builtin(*oid).is_none() && !lock(&self.types).contains_key(oid);
        let unknown: Vec<u32> = oids.iter().copied().filter(is_unknown).collect();
        if !unknown.is_empty() {
            let learned = lookup_types(connection, &unknown).await?;
            lock(&self.types).extend(learned);
        }
        let known = lock(&self.types);
        let nameless = || PgType { kind: Kind::Other, name: String::new() };
        let of = |oid: u32| (oid, builtin(oid).or_else(|| known.get(&oid).cloned()).unwrap_or_else(nameless));
        Ok(oids.into_iter().map(of).collect())
    }

    /// Rolls back, and gives the connection back if that worked; else it is closed.
    async fn end<T>(&self, mut lease: Lease<PgSession>, result: &Result<T, SourceError>) {
        let was_cut = matches!(result, Err(error) if error.kind == SourceErrorKind::Interrupted);
        let rollback = timeout(END_TIMEOUT, lease.session.connection.execute(END));
        if !was_cut && matches!(rollback.await, Ok(Ok(_))) {
            lease.give_back();
        }
    }

    /// Ends a query from a second connection. Its own connection is closed by the caller in any case.
    async fn cancel(&self, pid: Option<i32>) {
        let Some(pid) = pid else { return };
        let cancel = async {
            let mut session = self.connections.extra().await?;
            let statement = format!("select pg_cancel_backend({pid})");
            let done = session.connection.execute(AssertSqlSafe(statement)).await;
            session.close().await;
            done.map(drop).map_err(|error| postgres_error::reading(&error))
        };
        if let Ok(Err(error)) | Err(error) = timeout(END_TIMEOUT, cancel).await.map_err(|_| postgres_error::out_of_time(END_TIMEOUT)) {
            tracing::warn!(%error, "a query that ran too long could not be ended from outside; its connection is closed");
        }
    }
}

/// Everything that shapes the text of a value, and every limit, local to the transaction.
fn begin_statement(timezone: &str) -> String {
    format!(
        "begin isolation level repeatable read read only; set local time zone '{timezone}'; {TEXTS_OF_TYPES}\
         set local lock_timeout = {LOCK_TIMEOUT_MS}; set local cursor_tuple_fraction = 1.0; "
    )
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// At least one: 0 would mean no limit.
fn millis(left: Duration) -> u128 {
    left.as_millis().clamp(1, i32::MAX as u128)
}

/// Begins the transaction; gives the process that serves it (behind pgbouncer not always the same), and the horizon of
/// its snapshot.
async fn begin(
    connection: &mut PgConnection,
    begin: &str,
    left: Duration,
    wants_horizon: bool,
) -> Result<(i32, Option<Horizon>), SourceError> {
    let idle = millis(left + CANCEL_GRACE * 2);
    let horizon = if wants_horizon { HORIZON } else { "" };
    let statement = format!(
        "{begin}set local idle_in_transaction_session_timeout = {idle}; set local statement_timeout = {}; select pg_backend_pid(), {BYTES_AS_THEY_ARE}{horizon}",
        millis(left)
    );
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(statement))).await.map_err(|error| postgres_error::reading(&error))?;
    let bound = |at: usize| row.try_get::<i64, _>(at).map(i64::cast_unsigned);
    let read = || {
        let horizon = if wants_horizon { Some(Horizon::Transactions { xmin: bound(2)?, xmax: bound(3)? }) } else { None };
        Ok((row.try_get(0)?, horizon))
    };
    read().map_err(|error: sqlx::Error| postgres_error::reading(&error))
}

async fn declare(connection: &mut PgConnection, text: &str, bound: &Bound) -> Result<(), SourceError> {
    let statement = AssertSqlSafe(format!("{DECLARE}{}", bound.statement.sql));
    let declare = bound.values.iter().fold(sqlx::query(statement), |query, value| query.bind(value));
    let declared = declare.persistent(false).execute(connection).await;
    declared.map(drop).map_err(|error| postgres_error::declaring(&error, text, &bound.statement, DECLARE.len()))
}

fn fetch_statement(deadline: Instant, rows: u64) -> String {
    format!("set local statement_timeout = {}; fetch {rows} from rowbell_cursor", millis(left(deadline)))
}

async fn fetch_first(connection: &mut PgConnection, deadline: Instant) -> Result<Option<PgRow>, SourceError> {
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(fetch_statement(deadline, 1)))).await;
    Ok(rows.map_err(|error| postgres_error::reading(&error))?.into_iter().next())
}

/// Takes the next batch; says whether there may be another.
async fn fetch<S: RowSink>(
    connection: &mut PgConnection,
    deadline: Instant,
    intake: &mut Intake<'_, S>,
    take: &mut RowTaker,
) -> Result<bool, SourceError> {
    let wanted = BATCH.min(intake.room());
    let (mut got, mut ends, mut told) = (0, 0, 0);
    let mut rows = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(fetch_statement(deadline, wanted))));
    while let Some(part) = rows.try_next().await.map_err(|error| postgres_error::reading(&error))? {
        match part {
            Either::Right(row) => {
                got += 1;
                intake.row(|out| take.fill(&row, out))?;
            }
            Either::Left(end) => (ends, told) = (ends + 1, end.rows_affected()),
        }
    }
    // One end is that of SET, one that of FETCH, which tells how many rows it sent.
    let is_complete = ends == 2 && told == got;
    if is_complete { Ok(got == wanted) } else { Err(SourceError::broke_off("the server sent no end of the result")) }
}

/// Puts the texts of a row into our row.
struct RowTaker {
    types: Vec<(u32, PgType)>,
    scratch: String,
}

impl RowTaker {
    fn fill(&mut self, row: &PgRow, out: &mut Row) -> Result<(), SourceError> {
        for (at, (oid, pg_type)) in self.types.iter().enumerate() {
            let value = row.try_get_raw(at).map_err(|error| postgres_error::reading(&error))?;
            push_cell(*oid, pg_type.kind, value, &mut self.scratch, out)?;
        }
        Ok(())
    }
}

/// Names and types of a query's columns. The driver names this statement, so it is closed at once.
async fn describe(connection: &mut PgConnection, text: &str, bound: &Bound) -> Result<Vec<(String, u32)>, SourceError> {
    let sql = AssertSqlSafe(bound.statement.sql.clone()).into_sql_str();
    let statement = connection.prepare(sql).await.map_err(|error| postgres_error::declaring(&error, text, &bound.statement, 0))?;
    let columns = statement.columns().iter().map(|column| (column.name().to_owned(), oid_of(column))).collect();
    connection.clear_cached_statements().await.map_err(|error| postgres_error::reading(&error))?;
    Ok(columns)
}

fn oid_of(column: &PgColumn) -> u32 {
    column.type_info().oid().map_or(0, |oid| oid.0)
}

/// A panic elsewhere leaves these memories as good as they were.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
