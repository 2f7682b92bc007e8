//! One value of a business row, decoded: exact numbers, dates, text, NULL.
//!
//! A [`Value`] is made from a cell's [`Kind`] and text (see `row`). Decoding never fails: what a kind cannot
//! hold (`infinity`, a zero date, `24:00:00`) becomes [`Value::Other`] with its text, so that nothing is lost.
//! Operators and comparison live in `expression`.

use bigdecimal::BigDecimal;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use std::str::FromStr;

/// What a cell holds, as its database declared it. The one-letter code is what the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SQL NULL; the cell has no text.
    Null,
    /// `true` or `false`.
    Bool,
    /// An exact number (integer of any width, NUMERIC, DECIMAL), as the database prints it: `1.50`.
    Number,
    /// An approximate number: `0.1`, `1e300`, `NaN`, `Infinity`, `-Infinity`.
    Float,
    /// Text.
    Text,
    /// Bytes, written as lower-case hex without a prefix.
    Bytes,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS[.ffffff]`.
    Time,
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]`, without a zone.
    DateTime,
    /// The same with an offset: `2026-11-23 09:30:00+08`.
    Instant,
    /// An ISO 8601 duration: `P1Y2M3DT4H5M6.5S`.
    Interval,
    /// JSON, as its exact text.
    Json,
    /// Any other type, as the text its database shows for it.
    Other,
}

impl Kind {
    /// The letter under which the store keeps the kind.
    pub fn code(self) -> char {
        match self {
            Kind::Null => '0',
            Kind::Bool => 'b',
            Kind::Number => 'n',
            Kind::Float => 'f',
            Kind::Text => 't',
            Kind::Bytes => 'x',
            Kind::Date => 'd',
            Kind::Time => 'h',
            Kind::DateTime => 'w',
            Kind::Instant => 'z',
            Kind::Interval => 'i',
            Kind::Json => 'j',
            Kind::Other => 'o',
        }
    }

    /// The kind of a stored letter; a letter of a later version reads as [`Kind::Other`].
    pub fn from_code(code: char) -> Kind {
        match code {
            '0' => Kind::Null,
            'b' => Kind::Bool,
            'n' => Kind::Number,
            'f' => Kind::Float,
            't' => Kind::Text,
            'x' => Kind::Bytes,
            'd' => Kind::Date,
            'h' => Kind::Time,
            'w' => Kind::DateTime,
            'z' => Kind::Instant,
            'i' => Kind::Interval,
            'j' => Kind::Json,
            _ => Kind::Other,
        }
    }

    /// The word for messages to people: `a number`, `a date`.
    pub fn describe(self) -> &'static str {
        match self {
            Kind::Null => "NULL",
            Kind::Bool => "a boolean",
            Kind::Number | Kind::Float => "a number",
            Kind::Text => "text",
            Kind::Bytes => "bytes",
            Kind::Date => "a date",
            Kind::Time => "a time",
            Kind::DateTime | Kind::Instant => "a timestamp",
            Kind::Interval => "an interval",
            Kind::Json => "JSON",
            Kind::Other => "a value of a special type",
        }
    }
}

/// A length of time as SQL has it: months and days are not fixed numbers of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Whole months (years are twelve).
    pub months: i32,
    /// Whole days (weeks are seven).
    pub days: i32,
    /// The rest, in microseconds.
    pub micros: i64,
}

/// A decoded value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL: unknown, never 0 and never ''.
    Null,
    /// A truth value.
    Bool(bool),
    /// An exact number with the scale it was written in (`1.50` keeps two digits).
    Number(BigDecimal),
    /// An approximate number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A calendar day.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A wall-clock timestamp without a zone.
    DateTime(NaiveDateTime),
    /// An instant.
    Instant(DateTime<FixedOffset>),
    /// A length of time.
    Interval(Interval),
    /// JSON as its exact text.
    Json(String),
    /// Anything else, as its text.
    Other(String),
}

impl Value {
    /// Decodes a cell. Text that its kind cannot hold comes back as [`Value::Other`].
    pub fn decode(kind: Kind, text: &str) -> Value {
        let decoded = match kind {
            Kind::Null => Some(Value::Null),
            Kind::Bool => match text {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::Number => parse_number(text).map(Value::Number),
            Kind::Float => f64::from_str(text).ok().map(Value::Float),
            Kind::Text => Some(Value::Text(text.to_owned())),
            Kind::Bytes => decode_hex(text).map(Value::Bytes),
            Kind::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Value::Date),
            Kind::Time => NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok().map(Value::Time),
            Kind::DateTime => parse_datetime(text).map(Value::DateTime),
            Kind::Instant => parse_instant(text).map(Value::Instant),
            Kind::Interval => parse_interval(text).map(Value::Interval),
            Kind::Json => Some(Value::Json(text.to_owned())),
            Kind::Other => None,
        };
        decoded.unwrap_or_else(|| Value::Other(text.to_owned()))
    }

    /// The kind of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Number(_) => Kind::Number,
            Value::Float(_) => Kind::Float,
            Value::Text(_) => Kind::Text,
            Value::Bytes(_) => Kind::Bytes,
            Value::Date(_) => Kind::Date,
            Value::Time(_) => Kind::Time,
            Value::DateTime(_) => Kind::DateTime,
            Value::Instant(_) => Kind::Instant,
            Value::Interval(_) => Kind::Interval,
            Value::Json(_) => Kind::Json,
            Value::Other(_) => Kind::Other,
        }
    }
}

/// Reads an exact number of any size, plain or with an exponent; `None` for `NaN` and the like.
pub fn parse_number(text: &str) -> Option<BigDecimal> {
    let first = text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    BigDecimal::from_str(text).ok()
}

/// Reads `2026-11-23 09:30:00[.ffffff]`, also with a `T` between.
pub fn parse_datetime(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"))
        .ok()
}

/// Reads a timestamp with an offset in any of the forms databases print: `+08`, `+0800`, `+08:00`, `Z`.
pub fn parse_instant(text: &str) -> Option<DateTime<FixedOffset>> {
    let at = text.rfind(['+', '-', 'Z', 'z']).filter(|&at| at >= "YYYY-MM-DDTHH:MM".len())?;
    let local = parse_datetime(text[..at].trim_end())?;
    let offset = parse_offset(&text[at..])?;
    local.and_local_timezone(offset).single()
}

fn parse_offset(text: &str) -> Option<FixedOffset> {
    if matches!(text, "Z" | "z") {
        return FixedOffset::east_opt(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if digits.len() < 2 || digits.len() > 6 || !digits.is_ascii() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |d| d.parse::<i32>().ok());
    let seconds = part(0..2)? * 3600 + part(2..4)? * 60 + part(4..6)?;
    FixedOffset::east_opt(sign * seconds)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Reads an ISO 8601 duration (`P1Y2M3DT4H5M6.5S`, each part with its own sign, as PostgreSQL prints it).
pub fn parse_interval(text: &str) -> Option<Interval> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest.strip_prefix('P')?),
        None => (1, text.strip_prefix('P')?),
    };
    let mut interval = Interval::default();
    let mut in_time = false;
    let mut number = String::new();
    for c in body.chars() {
        match c {
            'T' => in_time = true,
            '0'..='9' | '.' | '-' | '+' => number.push(c),
            unit => add_part(&mut interval, unit, in_time, sign, &std::mem::take(&mut number))?,
        }
    }
    number.is_empty().then_some(interval)
}

fn add_part(interval: &mut Interval, unit: char, in_time: bool, sign: i64, number: &str) -> Option<()> {
    let whole = || number.parse::<i64>().ok().and_then(|n| n.checked_mul(sign));
    let add_months = |factor: i64| i32::try_from(whole()?.checked_mul(factor)?).ok();
    match (unit, in_time) {
        ('Y', false) => interval.months = interval.months.checked_add(add_months(12)?)?,
        ('M', false) => interval.months = interval.months.checked_add(add_months(1)?)?,
        ('W', false) => interval.days = interval.days.checked_add(add_months(7)?)?,
        ('D', false) => interval.days = interval.days.checked_add(add_months(1)?)?,
        ('H', true) => interval.micros = interval.micros.checked_add(whole()?.checked_mul(3_600_000_000)?)?,
        ('M', true) => interval.micros = interval.micros.checked_add(whole()?.checked_mul(60_000_000)?)?,
        ('S', true) => {
            let micros = (parse_number(number)? * BigDecimal::from(1_000_000)).with_scale(0);
            let micros = i64::from_str(&micros.to_string()).ok()?;
            interval.micros = interval.micros.checked_add(micros.checked_mul(sign)?)?;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Option<(i32, i32, i64)> {
        parse_interval(text).map(|i| (i.months, i.days, i.micros))
    }

    #[test]
    fn intervals_are_read_in_iso_8601() {
        assert_eq!(interval("P1Y2M3DT4H5M6.5S"), Some((14, 3, 14_706_500_000)));
        assert_eq!(interval("PT-0.25S"), Some((0, 0, -250_000)));
        assert_eq!(interval("-P1D"), Some((0, -1, 0)));
        assert_eq!(interval("P1"), None);
    }

    #[test]
    fn instants_are_read_with_every_offset_form() {
        for text in ["2026-11-23 09:30:00+08", "2026-11-23T09:30:00+0800", "2026-11-23 09:30:00.000+08:00", "2026-11-23 01:30:00Z"] {
            let instant = parse_instant(text).map(|i| i.timestamp());
            assert_eq!(instant, Some(1_795_397_400), "{text}");
        }
    }

    #[test]
    fn what_a_kind_cannot_hold_keeps_its_text() {
        for (kind, text) in [(Kind::Date, "infinity"), (Kind::Time, "24:00:00"), (Kind::Number, "NaN"), (Kind::Date, "0000-00-00")] {
            assert_eq!(Value::decode(kind, text), Value::Other(text.into()));
        }
    }

    #[test]
    fn numbers_keep_their_scale_and_every_digit() {
        for text in ["1.50", "18446744073709551615", "-0.10", "12345678901234567890123456789012345.0001"] {
            let Value::Number(number) = Value::decode(Kind::Number, text) else { panic!("{text}") };
            assert_eq!(number.to_plain_string(), text);
        }
    }
}
