//! TOML as a tree in which every key and value knows its place, and the map from a string's content to the file.

use super::fault::Fault;
use super::sheet::Sheet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Bytes of the file.
    File(Range<usize>),
    /// The environment variable of this name.
    Variable(String),
}

/// A value and its place. It may hold secrets: it has no `Debug`.
#[derive(Clone)]
pub(super) struct Node {
    pub content: Content,
    pub place: Place,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Content {
    /// A string, and whether `${…}` was put into it.
    Text(String, bool),
    Integer(i128),
    /// As it is written.
    Float(String),
    Boolean(bool),
    /// As it is written.
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
}

/// The entries of a table, by name.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub name: String,
    pub key_place: Place,
    pub node: Node,
}

impl Table {
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl Node {
    /// What it is, in words.
    pub fn describe(&self) -> &'static str {
        match self.content {
            Content::Text(..) => "a string",
            Content::Integer(_) => "an integer",
            Content::Float(_) => "a number with a fraction",
            Content::Boolean(_) => "a boolean",
            Content::Datetime(_) => "a date or time",
            Content::Array(_) => "an array",
            Content::Table(_) => "a table",
        }
    }

    pub fn table(&self) -> Option<&Table> {
        match &self.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Reads the file as far as it can be read: the tree, and a fault for each place that is not TOML.
pub(super) fn parse(sheet: &Sheet) -> (Node, Vec<Fault>) {
    let (root, errors) = DeTable::parse_recoverable(&sheet.text);
    let faults = errors.iter().map(|error| syntax_fault(sheet, error)).collect();
    (Node { content: Content::Table(table(root.get_ref())), place: Place::File(0..0) }, faults)
}

/// The commonest slips in words of our own; the parser's for the others.
fn syntax_fault(sheet: &Sheet, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(0..0);
    let (message, hint) = match error.message() {
        text if text.starts_with("duplicate key") => ("this key stands twice", "remove one of them"),
        text if text.starts_with("string values must be quoted") && span.is_empty() => {
            ("there is no value after `=`", "write key = \"value\"")
        }
        text if text.starts_with("string values must be quoted") => ("text must stand in quotes", "write key = \"value\""),
        text if text.starts_with("key with no value") => ("there is no `=` and no value after the key", "write key = \"value\""),
        text if text.starts_with("invalid unquoted key") => return foreign_key(sheet, span),
        text if text.starts_with("invalid multi-line") && at_the_end(sheet, &span) => return endless(sheet, span),
        text if text.starts_with("invalid basic string") || text.starts_with("invalid literal string") => {
            ("the quotes are not closed", "text over several lines stands between ''' and '''")
        }
        text => return sheet.fault(span, format!("not valid TOML: {text}"), None),
    };
    sheet.fault(span, format!("not valid TOML: {message}"), Some(hint.to_owned()))
}

/// A key in the letters of another script, which TOML wants in quotes.
fn foreign_key(sheet: &Sheet, span: Range<usize>) -> Fault {
    let key = sheet.text.get(span.clone()).map_or("", str::trim);
    let name = if key.is_empty() || key.contains(['"', '\n']) { "name" } else { key };
    let message = "not valid TOML: a key of other characters than A-Z, a-z, 0-9, `_` and `-` must stand in quotes";
    let hint = format!("write \"{name}\" = …");
    sheet.fault(span, message.to_owned(), Some(hint))
}

fn at_the_end(sheet: &Sheet, span: &Range<usize>) -> bool {
    sheet.text.get(span.end..).is_some_and(|rest| rest.trim().is_empty())
}

/// The parser points at the end of the file, where nothing is; the string that never ends begins at the last quotes.
fn endless(sheet: &Sheet, end: Range<usize>) -> Fault {
    let before = sheet.text.get(..end.start).unwrap_or(&sheet.text);
    let start = ["'''", "\"\"\""].iter().filter_map(|quotes| before.rfind(quotes)).max();
    let span = start.map_or(end, |start| start..start + 3);
    let message = "not valid TOML: the string that begins here is never closed";
    sheet.fault(span, message.to_owned(), Some("close it with the same three quotes".to_owned()))
}

fn table(table: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry { name: key.get_ref().clone().into_owned(), key_place: Place::File(key.span()), node: node(value) })
        .collect();
    entries.sort_by_key(|entry| match &entry.key_place {
        Place::File(span) => span.start,
        Place::Variable(_) => usize::MAX,
    });
    Table { entries }
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.clone().into_owned(), false),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Content::Integer(number),
            Err(_) => Content::Float(number.as_str().to_owned()),
        },
        DeValue::Float(number) => Content::Float(number.as_str().to_owned()),
        DeValue::Boolean(boolean) => Content::Boolean(*boolean),
        DeValue::Datetime(moment) => Content::Datetime(moment.to_string()),
        DeValue::Array(items) => Content::Array(items.iter().map(node).collect()),
        DeValue::Table(entries) => Content::Table(table(entries)),
    };
    Node { content, place: Place::File(value.span()) }
}

/// Where the byte `wanted` of a string's content stands in the string as it is written, quotes, a first line break
/// and escapes included.
pub(super) fn written_offset(written: &str, wanted: usize) -> usize {
    let quotes = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quotes| written.starts_with(quotes));
    let Some(quotes) = quotes else { return 0 };
    let mut at = quotes.len();
    if quotes.len() == 3 {
        at += [2, 1].into_iter().find(|n| ["\r\n", "\n"].contains(&written.get(at..at + n).unwrap_or(""))).unwrap_or(0);
    }
    if quotes.starts_with('\'') {
        return (at + wanted).min(written.len());
    }
    let mut content = 0;
    while at < written.len() {
        let (step, bytes) = one_character(&written[at..]);
        // A line that goes on in the next one has bytes in the file and none in the content: it is stepped over.
        if bytes > 0 && content + bytes > wanted {
            break;
        }
        at += step;
        content += bytes;
    }
    at
}

/// The bytes that the first character of a basic string takes as it is written, and in the content.
fn one_character(written: &str) -> (usize, usize) {
    let mut characters = written.chars();
    let first = characters.next().map_or(1, char::len_utf8);
    if !written.starts_with('\\') {
        return (first, first);
    }
    let digits = match characters.next() {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some(c) if c.is_whitespace() => return (written.len() - written[1..].trim_start().len(), 0),
        Some(c) => return (1 + c.len_utf8(), 1),
        None => return (1, 1),
    };
    let code = written.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    // A broken escape can be met too: the file is read as far as it can be.
    code.map_or((2, 1), |c| (2 + digits, c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn where_is(written: &str, needle: &str) -> usize {
        let document = format!("a = {written}");
        let sheet = Sheet::of_watcher(std::path::Path::new("x"), &document);
        let (root, faults) = parse(&sheet);
        assert_eq!(faults, vec![]);
        let Some(Content::Text(content, _)) = root.table().and_then(|t| t.get("a")).map(|e| e.node.content.clone()) else {
            panic!("no string")
        };
        written_offset(written, content.find(needle).unwrap())
    }

    #[test]
    fn a_place_in_a_string_is_found_in_the_file() {
        for written in [
            "'stock < 1'",
            "\"stock < 1\"",
            "'''\n  stock < 1'''",
            "'''\r\n  a\r\n  stock < 1'''",
            "\"\"\"\nx \\\n   stock\"\"\"",
            "\"\\t\\u5e93\\U0001F514\\\"\\\\ stock\"",
            "\"库存 stock\"",
            "\"\\x41\\e stock\"",
        ] {
            assert_eq!(where_is(written, "stock"), written.find("stock").unwrap(), "{written}");
        }
    }
}
