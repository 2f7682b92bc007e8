//! What the account of a MySQL or MariaDB source could do beside reading.

use super::mysql::{MyOptions, MySession};
use super::{Account, SourceError, is_loopback, mysql_error};
use sqlx::mysql::MySqlSslMode;
use sqlx::{Executor, Row as _};

/// Privileges that change nothing.
const HARMLESS: [&str; 9] = [
    "USAGE",
    "SELECT",
    "SHOW VIEW",
    "SHOW DATABASES",
    "PROCESS",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
];

pub(super) async fn ask(session: &mut MySession, options: &MyOptions) -> Result<Account, SourceError> {
    let failed = |error: sqlx::Error| mysql_error::reading(&error, "", None);
    let row = session.connection.fetch_one(sqlx::raw_sql("select current_user(), @@global.read_only")).await.map_err(failed)?;
    let grants = session.connection.fetch_all(sqlx::raw_sql("show grants")).await.map_err(failed)?;
    let grants = grants.iter().map(|row| row.try_get_unchecked::<String, _>(0)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let read_only: i64 = row.try_get_unchecked(1).map_err(failed)?;
    let product = if session.is_mariadb() { "MariaDB" } else { "MySQL" };
    Ok(Account {
        user: row.try_get_unchecked(0).map_err(failed)?,
        server: format!("{product} {}", session.version),
        can_write: grants.iter().filter_map(|grant| reason(grant)).collect(),
        replica: read_only != 0,
        lag: None,
        notes: notes(session, options),
    })
}

fn notes(session: &MySession, options: &MyOptions) -> Vec<String> {
    let mut notes = Vec::new();
    let is_open = matches!(options.connect.get_ssl_mode(), MySqlSslMode::Disabled | MySqlSslMode::Preferred);
    if is_open && options.connect.get_socket().is_none() && !is_loopback(options.connect.get_host()) {
        notes.push("the connection may be unencrypted: add ?ssl-mode=VERIFY_IDENTITY to the url".to_owned());
    }
    if !session.knows_zone {
        notes.push(format!(
            "the server does not know the time zone {} by its name, so its present offset is used (load the zones with mysql_tzinfo_to_sql)",
            options.timezone.name()
        ));
    }
    notes
}

/// A sentence for a grant that allows more than reading. The grant itself may contain a password's hash: only its
/// privileges and object are shown.
fn reason(grant: &str) -> Option<String> {
    let body = grant.strip_prefix("GRANT ")?;
    // Without ON it is a role; what that allows is listed on its own when it is active.
    let (privileges, rest) = body.split_once(" ON ")?;
    let object = rest.split(" TO ").next()?;
    let harmful: Vec<String> = split_privileges(privileges).into_iter().filter(|name| !HARMLESS.contains(&name.as_str())).collect();
    (!harmful.is_empty()).then(|| format!("it has {} on {object}", harmful.join(", ")))
}

/// `SELECT (a, b), INSERT` is SELECT and INSERT.
fn split_privileges(privileges: &str) -> Vec<String> {
    let mut depth = 0;
    let outside: String = privileges
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '(');
            let is_outside = depth == 0;
            depth -= i32::from(*c == ')');
            is_outside
        })
        .collect();
    outside.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_grants_give_no_reason() {
        for grant in
            ["GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*AB'", "GRANT SELECT (`a`, `b`), SHOW VIEW ON `erp`.* TO `r`@`%`"]
        {
            assert_eq!(reason(grant), None);
        }
    }

    #[test]
    fn writing_grants_are_told_without_the_password_hash() {
        let reason = reason("GRANT SELECT, INSERT (`a`), FILE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*AB'");
        assert_eq!(reason.as_deref(), Some("it has INSERT, FILE on *.*"));
    }
}
