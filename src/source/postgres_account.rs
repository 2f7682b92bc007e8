//! What the account of a PostgreSQL source could do beside reading.

use super::{Account, SourceError, is_loopback, postgres_error};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{Executor, Row as _};
use std::time::Duration;

/// Asks catalogs that everybody may read.
const ACCOUNT: &str = "
select current_user::text as account, current_setting('server_version') as version, pg_is_in_recovery() as is_replica,
  case when pg_is_in_recovery() and pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
       then extract(epoch from now() - pg_last_xact_replay_timestamp())::float8 end as lag,
  r.rolsuper as is_superuser, r.rolcreaterole as creates_roles, r.rolcreatedb as creates_databases, r.rolreplication as replicates,
  (select string_agg(g.rolname::text, ', ') from pg_roles g where pg_has_role(current_user, g.oid, 'member') and g.rolname in
    ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data', 'pg_signal_backend')) as powers,
  t.tables, t.example,
  (select string_agg(quote_ident(nspname), ', ') from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    and has_schema_privilege(oid, 'CREATE')) as schemas
from pg_roles r, (select count(*) as tables, min(quote_ident(n.nspname) || '.' || quote_ident(c.relname)) as example
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) t
where r.rolname = current_user";

pub(super) async fn ask(connection: &mut PgConnection, options: &PgConnectOptions) -> Result<Account, SourceError> {
    let row = connection.fetch_one(sqlx::raw_sql(ACCOUNT)).await.map_err(|error| postgres_error::reading(&error))?;
    let mut account = of_row(&row).map_err(|error| postgres_error::reading(&error))?;
    let is_open = matches!(options.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer);
    if is_open && options.get_socket().is_none() && !is_loopback(options.get_host()) {
        account.notes.push("the connection may be unencrypted: add ?sslmode=verify-full to the url".to_owned());
    }
    Ok(account)
}

fn of_row(row: &PgRow) -> Result<Account, sqlx::Error> {
    let lag: Option<f64> = row.try_get("lag")?;
    Ok(Account {
        user: row.try_get("account")?,
        server: format!("PostgreSQL {}", row.try_get::<String, _>("version")?),
        can_write: reasons(row)?,
        replica: row.try_get("is_replica")?,
        lag: lag.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        notes: Vec::new(),
    })
}

fn reasons(row: &PgRow) -> Result<Vec<String>, sqlx::Error> {
    if row.try_get("is_superuser")? {
        return Ok(vec!["it is a superuser: it can do anything, also run programs on the server".to_owned()]);
    }
    let mut reasons = Vec::new();
    for (column, reason) in [
        ("creates_roles", "it can create roles"),
        ("creates_databases", "it can create databases"),
        ("replicates", "it has the REPLICATION attribute"),
    ] {
        if row.try_get(column)? {
            reasons.push(reason.to_owned());
        }
    }
    if let Some(powers) = row.try_get::<Option<String>, _>("powers")? {
        reasons.push(format!("it is a member of {powers}"));
    }
    let tables: i64 = row.try_get("tables")?;
    if let Some(example) = row.try_get::<Option<String>, _>("example")? {
        reasons.push(format!("it may change the content of {tables} tables or views, among them {example}"));
    }
    if let Some(schemas) = row.try_get::<Option<String>, _>("schemas")? {
        reasons.push(format!("it may create tables in the schemas {schemas}"));
    }
    Ok(reasons)
}
