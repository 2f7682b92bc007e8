//! How old the oldest transaction is that may still write, on MySQL and MariaDB.
//!
//! InnoDB lists its open transactions, to accounts with PROCESS; who may not see them, and who asks a server that has no
//! such list, gets [`Horizon::Hidden`], never an error. Transactions that began as read-only do not count, so neither do
//! our own nor plain SELECTs.
//!
//! The list is a copy that InnoDB makes anew only when nobody has looked at it for 0.1 s: who asks often, or next to
//! somebody who does, is shown the same old list for as long as that goes on. A transaction that is missing there would
//! be a lost alert. So we begin a transaction of our own before asking, and believe only a list that shows it with the
//! very statement that asks. Otherwise we wait until a new copy is due, and say [`Horizon::Unclear`] when others look too
//! often for that.

use super::{Horizon, SourceError, mysql_error};
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Executor, Row as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// After this time without a look, InnoDB makes a new copy of its list.
const NEW_COPY_AFTER: Duration = Duration::from_millis(120);
/// How long to wait before each attempt, in times of that. Longer each time, so that two who look get out of step.
const WAITS: [u32; 4] = [0, 1, 2, 4];

/// Asks for open transactions, one at a time: two who look in turn would keep each other's list old.
#[derive(Debug, Default)]
pub(super) struct OpenTransactions {
    last: Mutex<Option<Look>>,
    statements: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    began_at: Instant,
    ended_at: Instant,
    horizon: Horizon,
}

impl OpenTransactions {
    /// What was open at a moment between this call and its end; `set` puts limits on the session.
    pub(super) async fn horizon(&self, connection: &mut MySqlConnection, set: &str) -> Result<Horizon, SourceError> {
        let called_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(look) = *last {
            // Another read has looked while this one waited for its turn.
            if look.began_at >= called_at {
                return Ok(look.horizon);
            }
            sleep_until(look.ended_at + NEW_COPY_AFTER).await;
        }
        let began_at = Instant::now();
        let horizon = self.look(connection, set).await?;
        *last = Some(Look { began_at, ended_at: Instant::now(), horizon });
        Ok(horizon)
    }

    async fn look(&self, connection: &mut MySqlConnection, set: &str) -> Result<Horizon, SourceError> {
        for wait in WAITS {
            sleep(NEW_COPY_AFTER * wait).await;
            let mark = format!("rowbell-{}", self.statements.fetch_add(1, Ordering::Relaxed));
            let asked = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(ask(set, &mark)))).await;
            match asked.and_then(|row| answer(&row)) {
                Ok((true, seconds)) => return Ok(oldest(seconds)),
                // The list was old: somebody else looks too.
                Ok((false, _)) => {}
                Err(sqlx::Error::Database(_)) => return Ok(Horizon::Hidden),
                Err(error) => return Err(mysql_error::reading(&error, "", None)),
            }
        }
        Ok(Horizon::Unclear)
    }
}

/// The beginnings are listed in the machine's own time zone, in whole seconds.
fn ask(set: &str, mark: &str) -> String {
    format!(
        "{set}; start transaction with consistent snapshot, read only; \
         select cast(sum(trx_mysql_thread_id = connection_id() and trx_query like '%{mark};%') as signed), \
         cast(max(case when trx_is_read_only = 0 and trx_mysql_thread_id <> connection_id() \
         then timestampdiff(second, trx_started, convert_tz(utc_timestamp(), '+00:00', 'SYSTEM')) end) as signed) \
         from information_schema.innodb_trx"
    )
}

/// Whether the list is new, and the greatest age in it.
fn answer(row: &MySqlRow) -> Result<(bool, Option<i64>), sqlx::Error> {
    let own: Option<i64> = row.try_get_unchecked(0)?;
    Ok((own.is_some_and(|count| count > 0), row.try_get_unchecked(1)?))
}

/// The clock may have been put back meanwhile.
fn oldest(seconds: Option<i64>) -> Horizon {
    Horizon::Oldest { age: seconds.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))) }
}
