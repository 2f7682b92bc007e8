//! MySQL, MariaDB and what speaks their protocol, as a source.
//!
//! A query is prepared once, which admits one statement only and tells its columns; what is no query has none. Each
//! read then sets the limits, begins a read-only transaction, runs the same text in the text protocol, whose values
//! are exact for every type (the binary one reports zero dates as NULL), and rolls back. MariaDB lets DDL and a few
//! more through a read-only transaction; `wall` refuses them by their words.
//!
//! The time limit is the server's own (`max_statement_time` on MariaDB, `max_execution_time` on MySQL). A read that stops
//! early ends the query from a second connection (KILL QUERY) and closes its own, rather than draining the rest.
//!
//! Parameters are written into the text as literals that no value can break out of, see `mysql_params`.
//!
//! The driver cannot send connection attributes, so the query carries a comment: the process list shows
//! `/* rowbell:erp */ select …`.

use super::connections::{Connections, Session};
use super::intake::{Intake, columns_of};
use super::mysql_horizon::OpenTransactions;
use super::mysql_params::{SessionZone, form, write};
use super::mysql_types::{CellType, MysqlCells, cell_types};
use super::{
    Account, CANCEL_GRACE, ColumnInfo, Horizon, Limits, PlanNote, ReadStats, RowSink, SourceError, SourceErrorKind, SourceSettings,
    mysql_account, mysql_error, mysql_plan, url_error,
};
use crate::domain::query::{Query, Statement};
use crate::domain::row::Columns;
use crate::domain::sql_text::{Dialect, first_word, tokens};
use chrono::{DateTime, FixedOffset, Offset};
use chrono_tz::Tz;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, Row as _, SqlSafeStr, Statement as _, TypeInfo};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{timeout, timeout_at};

/// How long a query may wait for a lock that another session holds.
const LOCK_TIMEOUT_S: u32 = 2;
/// How long ending a transaction or a query may take before the connection is closed instead.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// How many prepared queries are remembered.
const REMEMBERED_QUERIES: usize = 1000;
/// The server has no table of named time zones.
const UNKNOWN_TIME_ZONE: u16 = 1298;

/// A MySQL or MariaDB database.
pub(super) struct MysqlSource {
    connections: Connections<MySession>,
    comment: String,
    /// The columns of what was prepared, by its form.
    verified: Mutex<HashMap<String, Arc<Columns>>>,
    open_transactions: OpenTransactions,
}

pub(super) struct MyOptions {
    pub(super) connect: MySqlConnectOptions,
    pub(super) timezone: Tz,
}

/// A read that has begun.
struct Begun {
    statement: Statement,
    columns: Arc<Columns>,
    horizon: Option<Horizon>,
}

pub(super) struct MySession {
    pub(super) connection: MySqlConnection,
    id: u64,
    pub(super) version: String,
    /// Whether the server knows the zone by its name; else its offset is set anew for each read.
    pub(super) knows_zone: bool,
}

impl Session for MySession {
    type Options = MyOptions;

    async fn open(options: &MyOptions) -> Result<Self, SourceError> {
        let (host, port) = (options.connect.get_host(), options.connect.get_port());
        let failed = |error: sqlx::Error| mysql_error::connecting(host, port, &error);
        let mut connection = options.connect.connect().await.map_err(failed)?;
        let row = connection.fetch_one(sqlx::raw_sql("select version(), connection_id()")).await;
        let row = row.map_err(failed)?;
        let read = || Ok::<(String, u64), sqlx::Error>((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
        let (version, id) = read().map_err(failed)?;
        let knows_zone = set_named_zone(&mut connection, options.timezone).await.map_err(failed)?;
        Ok(MySession { connection, id, version, knows_zone })
    }

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a mysql connection did not close cleanly");
        }
    }
}

impl MysqlSource {
    pub(super) fn open(settings: &SourceSettings) -> Result<MysqlSource, SourceError> {
        let url = settings.url.expose_secret();
        let options =
            MySqlConnectOptions::from_str(url).map_err(|error| url_error(&error, "mysql://reader:password@host:3306/database"))?;
        // The session keeps the server's sql_mode: the DBA's query means here what it means in the DBA's client.
        let connect = options
            .timezone(None)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let name: String = settings.name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
        Ok(MysqlSource {
            connections: Connections::new(MyOptions { connect, timezone: settings.timezone }, settings.max_connections),
            comment: format!("/* rowbell:{name} */ "),
            verified: Mutex::default(),
            open_transactions: OpenTransactions::default(),
        })
    }

    pub(super) async fn read<S: RowSink>(&self, query: &Query, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let mut lease = self.connections.lease(limits.timeout).await?;
        let session = &mut lease.session;
        let id = session.id;
        let begin = timeout(limits.timeout + CANCEL_GRACE, self.begin(session, query, limits.timeout)).await;
        let begun = match begin.unwrap_or_else(|_| Err(mysql_error::out_of_time(limits.timeout))) {
            Ok(begun) => begun,
            Err(error) => {
                self.end(lease, error.kind).await;
                return Err(error);
            }
        };
        let deadline = tokio::time::Instant::now() + limits.timeout;
        let run = self.run(&mut session.connection, &query.text, begun, Intake::new(limits, sink));
        let result = timeout_at(deadline + CANCEL_GRACE, run).await.unwrap_or_else(|_| Err(mysql_error::out_of_time(limits.timeout)));
        // The server may end a function (`sleep`, `benchmark`) instead of the statement, and go on with a made-up value: what
        // took as long as it may is no answer, whatever it says.
        let is_late = tokio::time::Instant::now() >= deadline;
        let result = result.and_then(|stats| if is_late { Err(mysql_error::out_of_time(limits.timeout)) } else { Ok(stats) });
        match &result {
            Ok(_) => self.end(lease, SourceErrorKind::Sql).await,
            // The result was not read to its end: the connection goes with it.
            Err(error) => self.kill(id, error).await,
        }
        result.map_err(|error| mysql_error::of_limit(error, limits.timeout))
    }

    pub(super) async fn prepare(&self, query: &Query, wait: Duration) -> Result<Vec<ColumnInfo>, SourceError> {
        let mut lease = self.connections.lease(wait).await?;
        let statement = write(query, SessionZone::Named(self.connections.options().timezone));
        let prepare = prepare(&mut lease.session.connection, &query.text, &statement);
        let prepared = timeout(wait + CANCEL_GRACE, prepare).await.unwrap_or_else(|_| Err(mysql_error::out_of_time(wait)));
        let kind = prepared.as_ref().err().map_or(SourceErrorKind::Sql, |error| error.kind);
        self.end(lease, kind).await;
        prepared
    }

    pub(super) async fn explain(&self, query: &Query, wait: Duration) -> Result<Vec<PlanNote>, SourceError> {
        let mut lease = self.connections.lease(wait).await?;
        let explain = async {
            let begun = self.begin(&mut lease.session, query, wait).await?;
            let explain = format!("{}{}{}", self.comment, mysql_plan::EXPLAIN, begun.statement.sql);
            let rows = lease.session.connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(explain))).await;
            let rows = rows.map_err(|error| mysql_error::reading(&error, &query.text, Some(&begun.statement)))?;
            Ok(mysql_plan::notes(&rows, &query.window))
        };
        let explained = timeout(wait + CANCEL_GRACE, explain).await.unwrap_or_else(|_| Err(mysql_error::out_of_time(wait)));
        let kind = explained.as_ref().err().map_or(SourceErrorKind::Sql, |error| error.kind);
        self.end(lease, kind).await;
        explained
    }

    pub(super) async fn account(&self, wait: Duration) -> Result<Account, SourceError> {
        let mut lease = self.connections.lease(wait).await?;
        let ask = mysql_account::ask(&mut lease.session, self.connections.options());
        let account = timeout(wait + CANCEL_GRACE, ask).await.unwrap_or_else(|_| Err(mysql_error::out_of_time(wait)))?;
        lease.give_back();
        Ok(account)
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    /// Verifies the query, once per form, asks for its horizon, and begins the transaction.
    async fn begin(&self, session: &mut MySession, query: &Query, limit: Duration) -> Result<Begun, SourceError> {
        let mut set = session_statement(session.is_mariadb(), limit);
        let mut zone = SessionZone::Named(self.connections.options().timezone);
        if !session.knows_zone {
            let offset = self.offset_now(&mut session.connection).await?;
            set.push_str(&format!(", time_zone = '{offset}'"));
            zone = SessionZone::Offset(offset);
        }
        let statement = write(query, zone);
        let columns = self.verify(&mut session.connection, query, &statement).await?;
        let mut horizon = None;
        if query.wants_horizon {
            horizon = Some(self.open_transactions.horizon(&mut session.connection, &set).await?);
        }
        let begin = format!("{set}; start transaction read only");
        let begun = session.connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await;
        begun.map_err(|error| mysql_error::reading(&error, "", None))?;
        Ok(Begun { statement, columns, horizon })
    }

    async fn verify(&self, connection: &mut MySqlConnection, query: &Query, statement: &Statement) -> Result<Arc<Columns>, SourceError> {
        let form = form(query);
        if let Some(known) = lock(&self.verified).get(&form) {
            return Ok(Arc::clone(known));
        }
        let described = prepare(connection, &query.text, statement).await?;
        let columns = columns_of(described.iter().map(|column| column.name.as_str()))?;
        let mut verified = lock(&self.verified);
        if verified.len() >= REMEMBERED_QUERIES {
            verified.clear();
        }
        verified.insert(form, Arc::clone(&columns));
        Ok(columns)
    }

    /// The offset of the source's zone at the server's own present, in whole minutes.
    async fn offset_now(&self, connection: &mut MySqlConnection) -> Result<FixedOffset, SourceError> {
        let failed = |error: sqlx::Error| mysql_error::reading(&error, "", None);
        let row = connection.fetch_one(sqlx::raw_sql("select unix_timestamp()")).await.map_err(failed)?;
        let now = DateTime::from_timestamp(row.try_get_unchecked(0).map_err(failed)?, 0).unwrap_or_default();
        let offset = now.with_timezone(&self.connections.options().timezone).offset().fix();
        Ok(FixedOffset::east_opt(offset.local_minus_utc() / 60 * 60).unwrap_or(offset))
    }

    async fn run<S: RowSink>(
        &self,
        connection: &mut MySqlConnection,
        text: &str,
        begun: Begun,
        mut intake: Intake<'_, S>,
    ) -> Result<ReadStats, SourceError> {
        let statement = format!("{}{}", self.comment, begun.statement.sql);
        let mut types: Vec<CellType> = Vec::new();
        let mut cells = MysqlCells::default();
        let mut is_complete = false;
        let mut rows = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(statement)));
        while let Some(part) = rows.try_next().await.map_err(|error| mysql_error::reading(&error, text, Some(&begun.statement)))? {
            match part {
                Either::Right(row) => {
                    if types.is_empty() {
                        types = cell_types(&row);
                        intake.columns(&columns_of(row.columns().iter().map(|column| column.name()))?)?;
                    }
                    intake.row(|out| cells.fill(&row, &types, out))?;
                }
                Either::Left(_) => is_complete = true,
            }
        }
        if !is_complete {
            return Err(SourceError::broke_off("the server sent no end of the result"));
        }
        if types.is_empty() {
            // An empty result comes without its columns.
            intake.columns(&begun.columns)?;
        }
        Ok(ReadStats { horizon: begun.horizon, ..intake.stats() })
    }

    /// Rolls back and gives the connection back, if that works; else it is closed.
    async fn end(&self, mut lease: super::connections::Lease<MySession>, kind: SourceErrorKind) {
        let is_cut = matches!(kind, SourceErrorKind::Interrupted | SourceErrorKind::Timeout);
        if !is_cut && matches!(timeout(END_TIMEOUT, lease.session.connection.execute("rollback")).await, Ok(Ok(_))) {
            lease.give_back();
        }
    }

    /// Ends what still runs on a connection that is about to be closed.
    async fn kill(&self, id: u64, why: &SourceError) {
        let may_run = matches!(
            why.kind,
            SourceErrorKind::MaxRows
                | SourceErrorKind::RowSize
                | SourceErrorKind::Evaluation
                | SourceErrorKind::Columns
                | SourceErrorKind::Timeout
        );
        if !may_run {
            return;
        }
        let kill = async {
            let mut session = self.connections.extra().await?;
            let done = session.connection.execute(AssertSqlSafe(format!("kill query {id}"))).await;
            session.close().await;
            done.map(drop).map_err(|error| mysql_error::reading(&error, "", None))
        };
        if let Ok(Err(error)) | Err(error) = timeout(END_TIMEOUT, kill).await.map_err(|_| mysql_error::out_of_time(END_TIMEOUT)) {
            tracing::warn!(%error, "a query that was given up could not be ended from outside; its connection is closed");
        }
    }
}

impl MySession {
    pub(super) fn is_mariadb(&self) -> bool {
        self.version.to_ascii_lowercase().contains("mariadb")
    }
}

async fn set_named_zone(connection: &mut MySqlConnection, timezone: Tz) -> Result<bool, sqlx::Error> {
    match connection.execute(AssertSqlSafe(format!("set time_zone = '{}'", timezone.name()))).await {
        Ok(_) => Ok(true),
        Err(error) if mysql_error::number(&error) == Some(UNKNOWN_TIME_ZONE) => Ok(false),
        Err(error) => Err(error),
    }
}

fn session_statement(is_mariadb: bool, limit: Duration) -> String {
    let millis = limit.as_millis().clamp(1, i32::MAX as u128);
    let limit = match is_mariadb {
        true => format!("max_statement_time = {}.{:03}", millis / 1000, millis % 1000),
        false => format!("max_execution_time = {millis}"),
    };
    format!("set session {limit}, lock_wait_timeout = {LOCK_TIMEOUT_S}, innodb_lock_wait_timeout = {LOCK_TIMEOUT_S}")
}

/// Lets the server check the query, and refuses what it would run although it does more than read.
async fn prepare(connection: &mut MySqlConnection, text: &str, statement: &Statement) -> Result<Vec<ColumnInfo>, SourceError> {
    wall(text)?;
    let prepared = connection.prepare(AssertSqlSafe(statement.sql.clone()).into_sql_str()).await;
    let prepared = prepared.map_err(|error| mysql_error::reading(&error, text, Some(statement)))?;
    if matches!(prepared.parameters(), Some(Either::Right(count)) if count > 0) {
        return Err(SourceError::new(SourceErrorKind::Sql, "the query has a parameter that nothing fills"));
    }
    if prepared.columns().is_empty() {
        return Err(SourceError::not_a_query("the statement returns no columns"));
    }
    columns_of(prepared.columns().iter().map(|column| column.name()))?;
    let info = |column: &sqlx::mysql::MySqlColumn| ColumnInfo {
        name: column.name().to_owned(),
        kind: Some(CellType::of(column.type_info()).kind()),
        type_name: column.type_info().name().to_lowercase(),
    };
    Ok(prepared.columns().iter().map(info).collect())
}

/// Refuses by words what passes the server's read-only transaction. A convenience: the account is the boundary.
fn wall(query: &str) -> Result<(), SourceError> {
    let first = first_word(query, Dialect::Mysql);
    if !first.is_some_and(|word| matches!(word.as_str(), "select" | "with" | "values" | "table")) {
        return Err(SourceError::not_a_query("the statement is not a query"));
    }
    let tokens = tokens(query, Dialect::Mysql);
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let quoted_get_lock = query.to_lowercase().contains("`get_lock`");
    let refused = words.iter().enumerate().find_map(|(at, word)| match (*word, words.get(at + 1).copied()) {
        ("/*!" | "/*M", _) => Some((at, "a comment that is executed")),
        ("into", Some("outfile" | "dumpfile")) => Some((at, "it writes a file")),
        ("for", Some("update" | "share")) | ("lock", Some("in")) => Some((at, "it locks rows")),
        ("get_lock", Some("(")) => Some((at, "it takes a lock")),
        ("`", Some("(")) if quoted_get_lock => Some((at, "it takes a lock")),
        _ => None,
    });
    let Some((at, why)) = refused else { return Ok(()) };
    let position = tokens.get(at).and_then(|token| super::error::char_position(query, token.span.start));
    Err(SourceError::not_a_query(format!("the query does more than read: {why}")).at(position))
}

/// A panic elsewhere leaves this memory as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_more_than_read_are_refused() {
        for query in [
            "select 1 into outfile '/tmp/x'",
            "select * from t for update",
            "select * from t lock in share mode",
            "select /*!50000 1 */",
            "select get_lock('a', 1)",
            "select `get_lock` ('a', 1)",
            "select 5--1 as x, get_lock('a', 0)",
            "delete from t",
            "",
        ] {
            assert_eq!(wall(query).map_err(|error| error.kind), Err(SourceErrorKind::NotAQuery), "{query}");
        }
    }

    #[test]
    fn the_same_words_in_strings_and_comments_are_harmless() {
        for query in ["select 'for update' -- lock in share mode", "(select 1) union (select 2)", "select `into outfile` from t"] {
            assert_eq!(wall(query), Ok(()), "{query}");
        }
    }
}
