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
//! The driver cannot send connection attributes, so the query carries a comment: the process list shows
//! `/* rowbell:erp */ select …`.

use super::connections::{Connections, Session};
use super::intake::{Intake, columns_of};
use super::mysql_types::{CellType, MysqlCells, cell_types};
use super::sql_text::{Dialect, first_word, tokens, without_end};
use super::{
    Account, CANCEL_GRACE, ColumnInfo, Limits, ReadStats, RowSink, SourceError, SourceErrorKind, SourceSettings, mysql_account,
    mysql_error, url_error,
};
use crate::domain::row::Columns;
use chrono::{DateTime, Offset};
use chrono_tz::Tz;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, Row as _, SqlSafeStr, Statement, TypeInfo};
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
    verified: Mutex<HashMap<String, Arc<Columns>>>,
}

pub(super) struct MyOptions {
    pub(super) connect: MySqlConnectOptions,
    pub(super) timezone: Tz,
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
        })
    }

    pub(super) async fn read<S: RowSink>(&self, query: &str, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let mut lease = self.connections.lease(limits.timeout).await?;
        let session = &mut lease.session;
        let id = session.id;
        let begun = timeout(limits.timeout + CANCEL_GRACE, self.begin(session, query, limits.timeout)).await;
        let columns = match begun.unwrap_or_else(|_| Err(mysql_error::out_of_time(limits.timeout))) {
            Ok(columns) => columns,
            Err(error) => {
                self.end(lease, error.kind).await;
                return Err(error);
            }
        };
        let deadline = tokio::time::Instant::now() + limits.timeout;
        let run = self.run(&mut session.connection, query, columns, Intake::new(limits, sink));
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

    pub(super) async fn prepare(&self, query: &str, wait: Duration) -> Result<Vec<ColumnInfo>, SourceError> {
        let mut lease = self.connections.lease(wait).await?;
        let prepare = prepare(&mut lease.session.connection, query);
        let prepared = timeout(wait + CANCEL_GRACE, prepare).await.unwrap_or_else(|_| Err(mysql_error::out_of_time(wait)));
        let kind = prepared.as_ref().err().map_or(SourceErrorKind::Sql, |error| error.kind);
        self.end(lease, kind).await;
        prepared
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

    /// Verifies the query, once per text, and begins the transaction.
    async fn begin(&self, session: &mut MySession, query: &str, limit: Duration) -> Result<Arc<Columns>, SourceError> {
        let columns = self.verify(&mut session.connection, query).await?;
        let mut begin = session_statement(session.is_mariadb(), limit);
        if !session.knows_zone {
            let offset = self.offset_now(&mut session.connection).await?;
            begin.push_str(&format!(", time_zone = '{offset}'"));
        }
        begin.push_str("; start transaction read only");
        let begun = session.connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await;
        begun.map(|_| columns).map_err(|error| mysql_error::reading(&error, query))
    }

    async fn verify(&self, connection: &mut MySqlConnection, query: &str) -> Result<Arc<Columns>, SourceError> {
        if let Some(known) = lock(&self.verified).get(query) {
            return Ok(Arc::clone(known));
        }
        let described = prepare(connection, query).await?;
        let columns = columns_of(described.iter().map(|column| column.name.as_str()))?;
        let mut verified = lock(&self.verified);
        if verified.len() >= REMEMBERED_QUERIES {
            verified.clear();
        }
        verified.insert(query.to_owned(), Arc::clone(&columns));
        Ok(columns)
    }

    /// The offset of the source's zone at the server's own present: `+08:00`.
    async fn offset_now(&self, connection: &mut MySqlConnection) -> Result<String, SourceError> {
        let row = connection.fetch_one(sqlx::raw_sql("select unix_timestamp()")).await.map_err(|error| mysql_error::reading(&error, ""))?;
        let seconds: i64 = row.try_get_unchecked(0).map_err(|error| mysql_error::reading(&error, ""))?;
        let now = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let offset = now.with_timezone(&self.connections.options().timezone).offset().fix().local_minus_utc() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        Ok(format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60))
    }

    async fn run<S: RowSink>(
        &self,
        connection: &mut MySqlConnection,
        query: &str,
        prepared: Arc<Columns>,
        mut intake: Intake<'_, S>,
    ) -> Result<ReadStats, SourceError> {
        let statement = format!("{}{}", self.comment, without_end(query, Dialect::Mysql));
        let mut types: Vec<CellType> = Vec::new();
        let mut cells = MysqlCells::default();
        let mut is_complete = false;
        let mut rows = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(statement)));
        while let Some(part) = rows.try_next().await.map_err(|error| mysql_error::reading(&error, query))? {
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
            intake.columns(&prepared)?;
        }
        Ok(intake.stats())
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
            done.map(drop).map_err(|error| mysql_error::reading(&error, ""))
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
async fn prepare(connection: &mut MySqlConnection, query: &str) -> Result<Vec<ColumnInfo>, SourceError> {
    wall(query)?;
    let statement = without_end(query, Dialect::Mysql).to_owned();
    let prepared =
        connection.prepare(AssertSqlSafe(statement).into_sql_str()).await.map_err(|error| mysql_error::reading(&error, query))?;
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
        ("/*!" | "/*m!" | "/*m", _) => Some((at, "a comment that is executed")),
        ("into", Some("outfile" | "dumpfile")) => Some((at, "it writes a file")),
        ("for", Some("update" | "share")) | ("lock", Some("in")) => Some((at, "it locks rows")),
        ("get_lock", Some("(")) => Some((at, "it takes a lock")),
        ("`", Some("(")) if quoted_get_lock => Some((at, "it takes a lock")),
        _ => None,
    });
    let Some((at, why)) = refused else { return Ok(()) };
    let position = tokens.get(at).and_then(|token| super::error::char_position(query, token.start));
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
