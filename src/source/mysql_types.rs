//! The types of MySQL and MariaDB: what kind each one is, and how its text becomes ours.

use super::number::{plain_float, write_hex};
use super::{SourceError, mysql_error};
use crate::domain::row::Row;
use crate::domain::value::Kind;
use sqlx::mysql::{MySqlRow, MySqlTypeInfo};
use sqlx::{Column, Decode, MySql, Row as _, Type, TypeInfo, ValueRef};

/// What is to be done with the text of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellType {
    /// Nothing.
    As(Kind),
    /// A float: one form for one number.
    Float,
    /// A time: the fraction loses its trailing zeros, as in PostgreSQL.
    Time(Kind),
    /// BIT: big-endian bytes that are a number.
    Bits,
    /// Bytes.
    Bytes,
}

impl CellType {
    /// Decides by the type, and between text and bytes by the character set: the names of types lie (MariaDB's JSON is
    /// called BLOB, its UUID BINARY).
    pub(super) fn of(type_info: &MySqlTypeInfo) -> CellType {
        match type_info.name() {
            "FLOAT" | "DOUBLE" => CellType::Float,
            "DATE" => CellType::As(Kind::Date),
            "TIME" => CellType::Time(Kind::Time),
            // A TIMESTAMP is shown in the session's zone, without an offset.
            "DATETIME" | "TIMESTAMP" => CellType::Time(Kind::DateTime),
            "BIT" => CellType::Bits,
            "JSON" => CellType::As(Kind::Json),
            "NULL" => CellType::As(Kind::Null),
            "DECIMAL" | "YEAR" => CellType::As(Kind::Number),
            _ if <str as Type<MySql>>::compatible(type_info) => CellType::As(Kind::Text),
            name if name == "BOOLEAN" || name.contains("INT") => CellType::As(Kind::Number),
            _ => CellType::Bytes,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            CellType::As(kind) | CellType::Time(kind) => kind,
            CellType::Float => Kind::Float,
            CellType::Bits => Kind::Number,
            CellType::Bytes => Kind::Bytes,
        }
    }
}

/// The types of a row's cells.
pub(super) fn cell_types(row: &MySqlRow) -> Vec<CellType> {
    row.columns().iter().map(|column| CellType::of(column.type_info())).collect()
}

/// Puts the texts of a row into our row, with memory that is used again.
#[derive(Default)]
pub(super) struct MysqlCells {
    hex: Vec<u8>,
    float: String,
}

impl MysqlCells {
    pub(super) fn fill(&mut self, row: &MySqlRow, types: &[CellType], out: &mut Row) -> Result<(), SourceError> {
        for (at, cell_type) in types.iter().enumerate() {
            let value = row.try_get_raw(at).map_err(|error| mysql_error::reading(&error, "", None))?;
            if value.is_null() {
                out.push(Kind::Null, b"");
                continue;
            }
            let text = <&[u8] as Decode<MySql>>::decode(value).map_err(SourceError::broke_off)?;
            self.push(*cell_type, text, out);
        }
        Ok(())
    }

    fn push(&mut self, cell_type: CellType, text: &[u8], out: &mut Row) {
        let kind = cell_type.kind();
        match cell_type {
            CellType::As(_) => out.push(kind, text),
            CellType::Float => out.push(kind, plain_float(text, &mut self.float)),
            CellType::Time(_) => out.push(kind, short_fraction(text)),
            CellType::Bits => {
                let number = text.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
                out.push(kind, number.to_string().as_bytes());
            }
            CellType::Bytes => {
                write_hex(&mut self.hex, text);
                out.push(kind, &self.hex);
            }
        }
    }
}

/// `09:30:00.500000` is `09:30:00.5`, `09:30:00.000000` is `09:30:00`.
fn short_fraction(text: &[u8]) -> &[u8] {
    if !text.contains(&b'.') {
        return text;
    }
    let end = text.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1);
    text[..end].strip_suffix(b".").unwrap_or(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_seconds_are_as_short_as_in_postgresql() {
        for (text, short) in [("09:30:00.500000", "09:30:00.5"), ("10:00:00.000000", "10:00:00"), ("10:00:00", "10:00:00")] {
            assert_eq!(short_fraction(text.as_bytes()), short.as_bytes());
        }
    }
}
