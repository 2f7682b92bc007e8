//! PostgreSQL's types: what kind each one is, and how its text becomes ours.

use super::number::plain_float;
use super::{SourceError, postgres_error};
use crate::domain::row::Row;
use crate::domain::value::Kind;
use sqlx::postgres::{PgConnection, PgRow, PgValueRef};
use sqlx::{AssertSqlSafe, Executor, Row as _, ValueRef};

/// The settings that shape the text of a value. They are local to the transaction.
pub(super) const TEXTS_OF_TYPES: &str = "set local datestyle = 'ISO, YMD'; set local intervalstyle = iso_8601; \
    set local bytea_output = hex; set local extra_float_digits = 3; ";

const BPCHAR: u32 = 1042;

/// A type: what a cell of it holds, and the name under which a value can be cast to it: `int8`, `shop."Mood"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PgType {
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// A type that every server has under the same number; `None` for all others.
pub(super) fn builtin(oid: u32) -> Option<PgType> {
    let (kind, name) = match oid {
        16 => (Kind::Bool, "bool"),
        17 => (Kind::Bytes, "bytea"),
        18 => (Kind::Text, "\"char\""),
        19 => (Kind::Text, "name"),
        20 => (Kind::Number, "int8"),
        21 => (Kind::Number, "int2"),
        23 => (Kind::Number, "int4"),
        25 => (Kind::Text, "text"),
        26 => (Kind::Number, "oid"),
        114 => (Kind::Json, "json"),
        142 => (Kind::Other, "xml"),
        650 => (Kind::Other, "cidr"),
        700 => (Kind::Float, "float4"),
        701 => (Kind::Float, "float8"),
        // An untyped literal that came through.
        705 => (Kind::Text, "text"),
        790 => (Kind::Other, "money"),
        869 => (Kind::Other, "inet"),
        1005 => (Kind::Other, "_int2"),
        1007 => (Kind::Other, "_int4"),
        1009 => (Kind::Other, "_text"),
        1015 => (Kind::Other, "_varchar"),
        1016 => (Kind::Other, "_int8"),
        BPCHAR => (Kind::Text, "bpchar"),
        1043 => (Kind::Text, "varchar"),
        1082 => (Kind::Date, "date"),
        1083 => (Kind::Time, "time"),
        1114 => (Kind::DateTime, "timestamp"),
        1184 => (Kind::Instant, "timestamptz"),
        1186 => (Kind::Interval, "interval"),
        1231 => (Kind::Other, "_numeric"),
        1266 => (Kind::Other, "timetz"),
        1560 => (Kind::Other, "bit"),
        1562 => (Kind::Other, "varbit"),
        1700 => (Kind::Number, "numeric"),
        2950 => (Kind::Text, "uuid"),
        3802 => (Kind::Json, "jsonb"),
        _ => return None,
    };
    Some(PgType { kind, name: name.to_owned() })
}

/// Asks what the server itself or its extensions define: an enum is text, so is what is string-like (`citext`).
pub(super) async fn lookup_types(connection: &mut PgConnection, oids: &[u32]) -> Result<Vec<(u32, PgType)>, SourceError> {
    let list = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let statement = format!(
        "select t.oid::int8, t.typcategory in ('E', 'S'), quote_ident(n.nspname) || '.' || quote_ident(t.typname) \
         from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid in ({list})"
    );
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(statement))).await.map_err(|error| postgres_error::reading(&error))?;
    let read = |row: &PgRow| Ok::<(i64, bool, String), sqlx::Error>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let found: Vec<(i64, bool, String)> =
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| postgres_error::reading(&error))?;
    let of = |oid: u32| match found.iter().find(|(known, ..)| *known == i64::from(oid)) {
        Some((_, is_text, name)) => PgType { kind: if *is_text { Kind::Text } else { Kind::Other }, name: name.clone() },
        None => PgType { kind: Kind::Other, name: String::new() },
    };
    Ok(oids.iter().map(|oid| (*oid, of(*oid))).collect())
}

/// Adds a cell that came in text format.
pub(super) fn push_cell(oid: u32, kind: Kind, value: PgValueRef<'_>, scratch: &mut String, out: &mut Row) -> Result<(), SourceError> {
    if value.is_null() {
        out.push(Kind::Null, b"");
        return Ok(());
    }
    let text = value.as_bytes().map_err(SourceError::broke_off)?;
    match kind {
        Kind::Bool => out.push(kind, if text == b"t" { b"true" } else { b"false" }),
        Kind::Bytes => out.push(kind, text.strip_prefix(b"\\x").unwrap_or(text)),
        // NUMERIC has NaN and the infinities too.
        Kind::Number if text.ends_with(b"N") || text.ends_with(b"y") => out.push(Kind::Float, text),
        Kind::Float => out.push(kind, plain_float(text, scratch)),
        // The blanks of CHARACTER(n) are padding: they do not count in comparisons, and MySQL does not send them.
        Kind::Text if oid == BPCHAR => out.push(kind, text.trim_ascii_end()),
        _ => out.push(kind, text),
    }
    Ok(())
}
