//! Values for MySQL and MariaDB: written into the statement as literals.
//!
//! They cannot be bound: rows are read in the text protocol, whose values are exact for every type, and only the binary
//! one has placeholders. So no value may be able to end its literal, under any `sql_mode` and character set. Each form
//! has its own small alphabet, and quotes only of ours:
//!
//! - A number is digits, `-`, `.`, `e`; [`ExactNumber`](crate::domain::query::ExactNumber) has looked at each of them.
//! - Text and bytes are hex digits: `_utf8mb4 0x27`, `0x00ff`. There is no quote to close and no backslash to read.
//! - Times are typed literals, printed from calendar fields: `TIMESTAMP'2026-11-23 09:30:00'`. What is no such time
//!   (`838:59:59`, a zero date) is text.
//!
//! An instant is a DATETIME in the session's zone, in whole seconds, as `now()` is there: a row of this second must not
//! seem older than a poll in the middle of it. Ask for it with `>=`.
//!
//! Literals have blanks around them: a query may say `limit:n`.
//!
//! As a cursor, a FLOAT of four bytes is not exactly what its text says, and a TIMESTAMP is shown without its offset, so
//! that the hour in which clocks are put back is there twice: DOUBLE, DECIMAL, a number are better.

use super::number::write_hex;
use crate::domain::query::{CursorValue, ExactNumber, Param, Query, Statement};
use crate::domain::sql_text::Dialect;
use crate::domain::value::Value;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// The time zone of a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum SessionZone {
    /// The server knows it by its name.
    Named(Tz),
    /// Its present offset.
    Offset(FixedOffset),
}

impl SessionZone {
    fn local(self, instant: DateTime<Utc>) -> NaiveDateTime {
        match self {
            SessionZone::Named(zone) => instant.with_timezone(&zone).naive_local(),
            SessionZone::Offset(offset) => instant.with_timezone(&offset).naive_local(),
        }
    }
}

/// Makes the statement of a query.
pub(super) fn write(query: &Query, zone: SessionZone) -> Statement {
    query.assemble(Dialect::Mysql, &mut |_, param| format!(" {} ", literal(param, zone)))
}

/// The same without the values: what is known of one statement holds for all of the same form.
pub(super) fn form(query: &Query) -> String {
    query.assemble(Dialect::Mysql, &mut |_, _| " ? ".to_owned()).sql
}

fn literal(param: &Param, zone: SessionZone) -> String {
    match param {
        Param::Null => "null".to_owned(),
        Param::Bool(value) => value.to_string(),
        Param::Number(number) => number.as_str().to_owned(),
        Param::Text(text) => text_literal(text),
        Param::Date(date) => date_literal(*date),
        Param::DateTime(time) => timestamp_literal(*time),
        Param::Instant(instant) => format!("TIMESTAMP'{}'", zone.local(*instant).format("%Y-%m-%d %H:%M:%S")),
        Param::Cursor(cursor) => cursor_literal(cursor),
    }
}

/// What is not what its kind says is text, which is always safe.
fn cursor_literal(cursor: &CursorValue) -> String {
    let typed = match Value::decode(cursor.kind, &cursor.text) {
        Value::Null => Some("null".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(_) => ExactNumber::parse(&cursor.text).map(|number| number.as_str().to_owned()),
        // Without an exponent it would be a decimal, which compares differently.
        Value::Float(value) if value.is_finite() => Some(format!("{value:e}")),
        Value::Date(date) => Some(date_literal(date)),
        Value::DateTime(time) => Some(timestamp_literal(time)),
        Value::Time(time) => Some(format!("TIME'{}'", time.format("%H:%M:%S%.6f"))),
        Value::Bytes(bytes) => Some(hex_literal(&bytes, "x''")),
        _ => None,
    };
    typed.unwrap_or_else(|| text_literal(&cursor.text))
}

fn date_literal(date: NaiveDate) -> String {
    format!("DATE'{}'", date.format("%Y-%m-%d"))
}

fn timestamp_literal(time: NaiveDateTime) -> String {
    format!("TIMESTAMP'{}'", time.format("%Y-%m-%d %H:%M:%S%.6f"))
}

fn text_literal(text: &str) -> String {
    format!("_utf8mb4 {}", hex_literal(text.as_bytes(), "''"))
}

fn hex_literal(bytes: &[u8], empty: &str) -> String {
    if bytes.is_empty() {
        return empty.to_owned();
    }
    let mut hex = Vec::new();
    write_hex(&mut hex, bytes);
    format!("0x{}", String::from_utf8_lossy(&hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::Kind;
    use chrono::TimeZone;
    use proptest::prelude::*;

    fn cursor(kind: Kind, text: &str) -> Param {
        Param::Cursor(CursorValue { text: text.to_owned(), kind, type_name: Some("'; drop table t; --".to_owned()) })
    }

    fn written(param: &Param) -> String {
        literal(param, SessionZone::Named(chrono_tz::Asia::Shanghai))
    }

    #[test]
    fn each_value_has_its_literal() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
        let time = day.and_hms_micro_opt(9, 30, 0, 500_000).expect("a time");
        for (param, expected) in [
            (Param::Null, "null"),
            (Param::Bool(true), "true"),
            (Param::Text("a'\\".to_owned()), "_utf8mb4 0x61275c"),
            (Param::Text(String::new()), "_utf8mb4 ''"),
            (Param::Date(day), "DATE'2026-11-23'"),
            (Param::DateTime(time), "TIMESTAMP'2026-11-23 09:30:00.500000'"),
            (Param::Instant(Utc.timestamp_opt(1_795_397_400, 900_000_000).single().expect("a time")), "TIMESTAMP'2026-11-23 09:30:00'"),
            (cursor(Kind::Number, "18446744073709551615"), "18446744073709551615"),
            (cursor(Kind::Float, "0.1"), "1e-1"),
            (cursor(Kind::Float, "NaN"), "_utf8mb4 0x4e614e"),
            (cursor(Kind::DateTime, "2026-11-23 09:30:00.5"), "TIMESTAMP'2026-11-23 09:30:00.500000'"),
            (cursor(Kind::DateTime, "0000-00-00 00:00:00"), "_utf8mb4 0x303030302d30302d30302030303a30303a3030"),
            (cursor(Kind::Time, "09:30:00"), "TIME'09:30:00.000000'"),
            (cursor(Kind::Bytes, "00ff"), "0x00ff"),
            (cursor(Kind::Bytes, ""), "x''"),
            (cursor(Kind::Number, "1 or 1"), "_utf8mb4 0x31206f722031"),
            (cursor(Kind::Number, ".5"), "_utf8mb4 0x2e35"),
        ] {
            assert_eq!(written(&param), expected);
        }
    }

    #[test]
    fn an_instant_is_written_in_the_sessions_zone() {
        let instant = Param::Instant(Utc.timestamp_opt(1_795_397_400, 0).single().expect("a time"));
        let offset = SessionZone::Offset(FixedOffset::west_opt(5 * 3600).expect("an offset"));
        assert_eq!(literal(&instant, offset), "TIMESTAMP'2026-11-22 20:30:00'");
    }

    /// Whatever it is, a value is a word, or a quoted literal of ours with nothing in it that ends it.
    fn is_harmless(literal: &str) -> bool {
        let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b' ' | b'.' | b'-'));
        match literal.split_once('\'') {
            None => is_word(literal) && !literal.contains("--"),
            Some((before, quoted)) => {
                let inside = quoted.strip_suffix('\'').unwrap_or("'");
                before.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b' '))
                    && inside.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b':' | b' ' | b'.'))
            }
        }
    }

    proptest! {
        #[test]
        fn no_value_can_end_its_literal(text in "\\PC*|[-'\"\\\\0-9;/*#`:. e]{0,20}", code in "[0bnftxdhwzijo]") {
            let kind = Kind::from_code(code.chars().next().unwrap_or('0'));
            prop_assert!(is_harmless(&written(&cursor(kind, &text))));
            prop_assert!(is_harmless(&written(&Param::Text(text.clone()))));
            if let Some(number) = ExactNumber::parse(&text) {
                prop_assert!(is_harmless(&written(&Param::Number(number))));
            }
        }
    }
}
