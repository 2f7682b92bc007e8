//! A row of a result as its database gave it, and its two hashes.
//!
//! A row is one flat buffer: for each cell its kind, the length of its text and the text. A source fills the same
//! buffer again and again; a row that did not change is hashed and never decoded. So the form must be canonical: the
//! same content gives the same bytes at every poll (sources set all session settings that shape text).
//!
//! - The **fingerprint** identifies a row: a hash of the watcher, the source and the key cells. Numbers are
//!   normalised in it (`1.50` is `1.5`), NULL, `''` and `'NULL'` differ, and cells are length-prefixed.
//! - The **digest** tells whether a row's content changed: a hash of the whole buffer and the column names.
//!
//! Both are XXH3-128, whose output is a published, stable specification. It is not a cryptographic hash.

use super::value::{Kind, Value};
use super::watcher::Watcher;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128, xxh3_128_with_seed};

/// Identifies one row of one watcher on one source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

/// Changes when the content of a row does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub u128);

macro_rules! hex_128 {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl $name {
            /// Reads the 32 hex digits that `Display` writes.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map($name)).flatten()
            }
        }
    };
}
hex_128!(Fingerprint);
hex_128!(Digest);

/// The names of a result's columns, in order, each once.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    seed: u64,
}

impl Columns {
    /// Takes the names of a result's columns.
    ///
    /// # Errors
    /// The name that stands twice: a row could not be shown as an object without losing one of the two.
    pub fn new(names: Vec<String>) -> Result<Arc<Columns>, String> {
        let mut seen = HashMap::new();
        for name in &names {
            if seen.insert(name.as_str(), ()).is_some() {
                return Err(name.clone());
            }
        }
        let seed = xxh3_64(names.join("\u{0}").as_bytes());
        Ok(Arc::new(Columns { names, seed }))
    }

    /// No columns.
    pub fn none() -> Arc<Columns> {
        Arc::new(Columns { names: Vec::new(), seed: 0 })
    }

    /// The names, in the order of the result.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column: its exact name first, else the one that differs only in case.
    pub fn position(&self, name: &str) -> Option<usize> {
        let exact = self.names.iter().position(|n| n == name);
        exact.or_else(|| self.names.iter().position(|n| n.to_lowercase() == name.to_lowercase()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    kind: Kind,
    start: u32,
    end: u32,
}

/// One row: kinds and texts in one buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    columns: Arc<Columns>,
    data: Vec<u8>,
    cells: Vec<Cell>,
}

impl fmt::Debug for Row {
    /// Row contents stay out of logs: only the shape is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} cells, {} bytes)", self.cells.len(), self.data.len())
    }
}

impl Row {
    /// An empty row to fill with [`Row::push`], one cell per column.
    pub fn new(columns: Arc<Columns>) -> Row {
        Row { columns, data: Vec::new(), cells: Vec::new() }
    }

    /// Builds a whole row; `None` is NULL. For tests and for reading stored rows.
    pub fn from_cells<'a>(columns: Arc<Columns>, cells: impl IntoIterator<Item = (Kind, Option<&'a str>)>) -> Row {
        let mut row = Row::new(columns);
        for (kind, text) in cells {
            match text {
                Some(text) => row.push(kind, text.as_bytes()),
                None => row.push(Kind::Null, b""),
            }
        }
        row
    }

    /// Empties the row and keeps its memory, for the next row of the same result.
    pub fn clear(&mut self) {
        self.data.clear();
        self.cells.clear();
    }

    /// Adds the next cell. `text` is in the form of its [`Kind`]; of NULL it is ignored.
    pub fn push(&mut self, kind: Kind, text: &[u8]) {
        let text = if kind == Kind::Null { b"" } else { text };
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.data.push(kind.code() as u8);
        self.data.extend_from_slice(&length.to_le_bytes());
        let start = self.data.len() as u32;
        self.data.extend_from_slice(text);
        self.cells.push(Cell { kind, start, end: self.data.len() as u32 });
    }

    /// The columns of the result that the row belongs to.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many cells have been filled.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether no cell has been filled.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The size of the row in bytes.
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// The kind of a cell.
    pub fn kind(&self, at: usize) -> Kind {
        self.cells[at].kind
    }

    /// The bytes of a cell's text, as its database sent them (which may not be valid UTF-8).
    pub fn bytes(&self, at: usize) -> &[u8] {
        let cell = self.cells[at];
        &self.data[cell.start as usize..cell.end as usize]
    }

    /// The text of a cell; `None` is NULL. Bytes that are not UTF-8 are shown as U+FFFD.
    pub fn text(&self, at: usize) -> Option<Cow<'_, str>> {
        (self.kind(at) != Kind::Null).then(|| String::from_utf8_lossy(self.bytes(at)))
    }

    /// The decoded value of a cell.
    pub fn value(&self, at: usize) -> Value {
        Value::decode(self.kind(at), &String::from_utf8_lossy(self.bytes(at)))
    }

    /// The decoded value of a column; `None` when there is no such column.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.columns.position(name).map(|at| self.value(at))
    }

    /// The hash of the whole content.
    pub fn digest(&self) -> Digest {
        Digest(xxh3_128_with_seed(&self.data, self.columns.seed))
    }

    /// The row as a JSON object for people and programs: NULL is null, exact numbers are strings with all their
    /// digits, finite floats are numbers, everything else is a string.
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        let cells = self.columns.names.iter().enumerate().take(self.cells.len());
        cells.map(|(at, name)| (name.clone(), self.cell_json(at))).collect()
    }

    fn cell_json(&self, at: usize) -> serde_json::Value {
        use serde_json::Value as Json;
        let Some(text) = self.text(at) else { return Json::Null };
        match self.kind(at) {
            Kind::Bool => Json::Bool(text == "true"),
            Kind::Float => {
                let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
                number.map_or_else(|| Json::String(text.into_owned()), Json::Number)
            }
            _ => Json::String(text.into_owned()),
        }
    }

    /// The one-letter kinds of the cells, in order: with [`Row::to_json`] it is all that [`Row::from_json`] needs.
    pub fn kinds(&self) -> String {
        self.cells.iter().map(|cell| cell.kind.code()).collect()
    }

    /// Reads a row back from its object and its kinds.
    pub fn from_json(object: &serde_json::Map<String, serde_json::Value>, kinds: &str) -> Option<Row> {
        use serde_json::Value as Json;
        let columns = Columns::new(object.keys().cloned().collect()).ok()?;
        let mut row = Row::new(columns);
        let mut kinds = kinds.chars();
        for value in object.values() {
            let kind = kinds.next().map_or(Kind::Other, Kind::from_code);
            match value {
                Json::Null => row.push(Kind::Null, b""),
                Json::String(text) => row.push(kind, text.as_bytes()),
                other => row.push(kind, other.to_string().as_bytes()),
            }
        }
        Some(row)
    }
}

/// The key of a watcher as places in a result.
#[derive(Clone, Debug)]
pub struct KeyColumns {
    prefix: Vec<u8>,
    places: Vec<usize>,
    /// The source, where the key says which of several it is.
    source: Option<String>,
    /// The names of the key's columns, shared by all keys; `None` when the key names a column twice.
    columns: Option<Arc<Columns>>,
}

/// The name of the key's column that says which of several sources a row is of.
pub const SOURCE_COLUMN: &str = "source";

impl KeyColumns {
    /// Finds the key columns of a watcher in a result. `identity` is the name under which its keys are known.
    ///
    /// # Errors
    /// The name of the first key column that the result does not have.
    pub fn new(identity: &str, source: &str, key: &[String], columns: &Columns) -> Result<KeyColumns, String> {
        let mut prefix = Vec::new();
        for part in [identity, source] {
            prefix.extend_from_slice(&(part.len() as u32).to_le_bytes());
            prefix.extend_from_slice(part.as_bytes());
        }
        let places = key.iter().map(|name| columns.position(name).ok_or_else(|| name.clone())).collect::<Result<Vec<_>, _>>()?;
        let columns = Columns::new(places.iter().map(|&at| columns.names[at].clone()).collect()).ok();
        Ok(KeyColumns { prefix, places, source: None, columns })
    }

    /// The same for a watcher, whose key gains the source where it reads several.
    ///
    /// # Errors
    /// As [`KeyColumns::new`].
    pub fn of_watcher(watcher: &Watcher, identity: &str, key: &[String], columns: &Columns) -> Result<KeyColumns, String> {
        let mut keys = KeyColumns::new(identity, &watcher.source, key, columns)?;
        if watcher.names_source() {
            let own = keys.columns.as_ref().map(|columns| columns.names.clone()).unwrap_or_default();
            let name = if own.iter().any(|name| name == SOURCE_COLUMN) { "rowbell_source" } else { SOURCE_COLUMN };
            keys.columns = Columns::new(std::iter::once(name.to_owned()).chain(own).collect()).ok();
            keys.source = Some(watcher.source.clone());
        }
        Ok(keys)
    }

    /// The fingerprint of a row.
    pub fn fingerprint(&self, row: &Row) -> Fingerprint {
        self.fingerprint_in(row, &mut Vec::new())
    }

    /// The same, with memory that is used again.
    pub fn fingerprint_in(&self, row: &Row, bytes: &mut Vec<u8>) -> Fingerprint {
        bytes.clear();
        bytes.extend_from_slice(&self.prefix);
        for &at in &self.places {
            push_normal(bytes, row, at);
        }
        Fingerprint(xxh3_128(bytes))
    }

    /// The key cells of a row as a row of their own.
    pub fn key_of(&self, row: &Row) -> Row {
        let columns = self.columns.as_ref().unwrap_or(&row.columns);
        let mut key = Row::new(Arc::clone(columns));
        if let Some(source) = &self.source {
            key.push(Kind::Text, source.as_bytes());
        }
        for &at in &self.places {
            key.push(row.kind(at), row.bytes(at));
        }
        key
    }
}

/// Adds a cell in the form in which equal contents have equal bytes, whatever their spelling.
pub fn push_normal(bytes: &mut Vec<u8>, row: &Row, at: usize) {
    let text = row.bytes(at);
    let (class, text) = match row.kind(at) {
        Kind::Null => (b'0', Cow::Borrowed(&b""[..])),
        Kind::Number | Kind::Float => (b'n', normal_number(text)),
        Kind::Bytes => (b'x', Cow::Borrowed(text)),
        _ => (b't', Cow::Borrowed(text)),
    };
    bytes.push(class);
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&text);
}

/// The columns of `row` whose content differs in `before`, which may be of a result with other columns: of these, or of all
/// where none are named.
pub fn differing(row: &Row, before: &Row, of: &[String]) -> Vec<String> {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut differs = |at: usize, name: &String| {
        let Some(then) = before.columns.position(name).filter(|then| *then < before.len()) else { return false };
        one.clear();
        other.clear();
        push_normal(&mut one, row, at);
        push_normal(&mut other, before, then);
        one != other
    };
    let wanted = |name: &String| of.is_empty() || of.iter().any(|wanted| wanted.to_lowercase() == name.to_lowercase());
    let columns = row.columns.names.iter().enumerate().take(row.len());
    columns.filter(|(at, name)| wanted(name) && differs(*at, name)).map(|(_, name)| name.clone()).collect()
}

/// One form for one number: `1.50`, `1.5` and `+1.5` are `1.5`; `-0` and `0.00` are `0`.
fn normal_number(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let plain = text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    if !plain || !text.contains(&b'.') {
        return Cow::Borrowed(if text == b"-0" { b"0" } else { text });
    }
    let end = text.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1);
    let trimmed = text[..end].strip_suffix(b".").unwrap_or(&text[..end]);
    match trimmed {
        b"" | b"-" | b"-0" => Cow::Borrowed(b"0"),
        other => Cow::Borrowed(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Arc<Columns> {
        Columns::new(names.iter().map(|n| (*n).to_owned()).collect()).expect("distinct names")
    }

    fn fingerprint(cells: &[(Kind, Option<&str>)]) -> Fingerprint {
        let names: Vec<String> = (0..cells.len()).map(|n| format!("c{n}")).collect();
        let columns = Columns::new(names.clone()).expect("distinct names");
        let key = KeyColumns::new("w", "s", &names, &columns).expect("key");
        key.fingerprint(&Row::from_cells(columns, cells.iter().copied()))
    }

    #[test]
    fn null_empty_and_the_word_null_are_three_keys() {
        let keys = [fingerprint(&[(Kind::Null, None)]), fingerprint(&[(Kind::Text, Some(""))]), fingerprint(&[(Kind::Text, Some("NULL"))])];
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn composite_keys_do_not_run_together() {
        let one = fingerprint(&[(Kind::Text, Some("a-b")), (Kind::Text, Some("c"))]);
        let two = fingerprint(&[(Kind::Text, Some("a")), (Kind::Text, Some("b-c"))]);
        assert_ne!(one, two);
    }

    #[test]
    fn one_number_is_one_key_however_it_is_written() {
        let number = |text| fingerprint(&[(Kind::Number, Some(text))]);
        assert_eq!(number("1.50"), number("1.5"));
        assert_eq!(number("100"), number("100.00"));
        assert_eq!(number("-0"), number("0.000"));
        assert_ne!(number("100"), number("1"));
        assert_ne!(number("1"), fingerprint(&[(Kind::Text, Some("1"))]));
    }

    #[test]
    fn a_row_survives_the_store() {
        let columns = columns(&["id", "price", "ratio", "note", "ok"]);
        let cells = [
            (Kind::Number, Some("18446744073709551615")),
            (Kind::Number, Some("1.50")),
            (Kind::Float, Some("0.5")),
            (Kind::Null, None),
            (Kind::Bool, Some("true")),
        ];
        let row = Row::from_cells(columns, cells);
        let back = Row::from_json(&row.to_json(), &row.kinds()).expect("a row");
        assert_eq!(back, row);
        assert_eq!(
            serde_json::Value::Object(row.to_json()).to_string(),
            r#"{"id":"18446744073709551615","price":"1.50","ratio":0.5,"note":null,"ok":true}"#
        );
    }

    #[test]
    fn digest_changes_with_content_and_with_column_names() {
        let make = |name: &str, text| Row::from_cells(columns(&[name]), [(Kind::Text, Some(text))]).digest();
        assert_eq!(make("a", "x"), make("a", "x"));
        assert_ne!(make("a", "x"), make("a", "y"));
        assert_ne!(make("a", "x"), make("b", "x"));
    }
}
