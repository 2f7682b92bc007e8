//! PostgreSQL's types: what kind each one is, and how its text becomes ours.

use super::number::plain_float;
use super::{SourceError, postgres_error};
use crate::domain::row::Row;
use crate::domain::value::Kind;
use sqlx::postgres::{PgConnection, PgValueRef};
use sqlx::{AssertSqlSafe, Executor, Row as _, ValueRef};

/// The settings that shape the text of a value. They are local to the transaction.
pub(super) const TEXTS_OF_TYPES: &str = "set local datestyle = 'ISO, YMD'; set local intervalstyle = iso_8601; \
    set local bytea_output = hex; set local extra_float_digits = 3; ";

const BPCHAR: u32 = 1042;

/// The kind of a type that every server has under the same number; `None` for all others.
pub(super) fn builtin_kind(oid: u32) -> Option<Kind> {
    Some(match oid {
        16 => Kind::Bool,
        17 => Kind::Bytes,
        // "char", name, text, unknown, character(n), varchar, uuid
        18 | 19 | 25 | 705 | BPCHAR | 1043 | 2950 => Kind::Text,
        // int8, int2, int4, oid, numeric
        20 | 21 | 23 | 26 | 1700 => Kind::Number,
        700 | 701 => Kind::Float,
        114 | 3802 => Kind::Json,
        1082 => Kind::Date,
        1083 => Kind::Time,
        1114 => Kind::DateTime,
        1184 => Kind::Instant,
        1186 => Kind::Interval,
        // timetz, money, xml, inet, cidr, bit, varbit, and arrays of the common types
        1266 | 790 | 142 | 869 | 650 | 1560 | 1562 | 1005 | 1007 | 1009 | 1015 | 1016 | 1231 => Kind::Other,
        _ => return None,
    })
}

/// Asks what the server itself or its extensions define: an enum is text, so is what is string-like (`citext`).
pub(super) async fn lookup_kinds(connection: &mut PgConnection, oids: &[u32]) -> Result<Vec<(u32, Kind)>, SourceError> {
    let list = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let statement = format!("select oid::int8, typcategory in ('E', 'S') from pg_catalog.pg_type where oid in ({list})");
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(statement))).await.map_err(|error| postgres_error::reading(&error))?;
    let mut kinds: Vec<(u32, Kind)> = oids.iter().map(|oid| (*oid, Kind::Other)).collect();
    for row in rows {
        let read = || Ok::<(i64, bool), sqlx::Error>((row.try_get(0)?, row.try_get(1)?));
        let (oid, is_text) = read().map_err(|error| postgres_error::reading(&error))?;
        if is_text {
            kinds.iter_mut().filter(|(known, _)| i64::from(*known) == oid).for_each(|(_, kind)| *kind = Kind::Text);
        }
    }
    Ok(kinds)
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
