//! Rows of a test: an array of tables, or a text.
//!
//! A value is what a database would hold: a number without quotes keeps all its digits, text stands in quotes, dates and
//! times are TOML's own. TOML has no NULL: in an array of rows it is `[]`, in a table of text the word NULL. A column of a
//! database has one type, so a column of the rows has too, unless `columns` names it without one.

use super::fields::KINDS;
use super::text_table::{self, Cell, TextTable};
use crate::config::field::nearest;
use crate::config::node::{Content, Node, Place, Table};
use crate::config::reader::{Reader, Report, Text};
use crate::domain::row::{Columns, Row};
use crate::domain::value::{Kind, Value, parse_datetime, parse_instant, parse_number};
use chrono::{NaiveDate, NaiveTime};
use std::ops::Range;
use std::sync::Arc;

/// What `columns` says.
pub(super) struct Declared {
    names: Vec<String>,
    kinds: Vec<Option<Kind>>,
}

impl Declared {
    /// The columns of a result without rows.
    pub fn columns(&self) -> Option<Arc<Columns>> {
        Columns::new(self.names.clone()).ok()
    }
}

/// Rows, and their columns where these are known.
pub(super) struct Rows {
    pub columns: Option<Arc<Columns>>,
    pub rows: Vec<Row>,
}

/// A cell that has been read: its kind and text, `None` for NULL, and where it stands.
struct Read<'a> {
    value: Option<(Kind, String)>,
    spot: Spot<'a>,
}

/// Where a cell stands.
#[derive(Clone)]
enum Spot<'a> {
    At(&'a Place),
    Inside(&'a Node, Range<usize>),
}

impl Spot<'_> {
    fn tell(&self, message: String, hint: Option<String>, report: &mut Report<'_>) {
        match self {
            Spot::At(place) => report.at(place, message, hint),
            Spot::Inside(node, span) => report.inside(node, span.clone(), message, hint),
        }
    }
}

/// The `columns` of a file.
pub(super) fn read_columns(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Declared> {
    let node = reader.node("columns")?;
    let Some(table) = node.table() else {
        let names: Vec<String> = reader.texts("columns", report)?.iter().map(|text| text.value.to_owned()).collect();
        let twice = (0..names.len()).find(|at| names[..*at].contains(&names[*at]));
        if let Some(at) = twice {
            report.at(&node.place, format!("the column `{}` stands twice", names[at]), Some("remove one of them".to_owned()));
        }
        return Some(Declared { kinds: vec![None; names.len()], names });
    };
    let mut declared = Declared { names: Vec::new(), kinds: Vec::new() };
    for entry in &table.entries {
        let word = Text::of(&entry.node);
        let kind = word.and_then(|word| kind_of(word.value));
        if kind.is_none() {
            let shown = word.map_or_else(|| entry.node.describe().to_owned(), |word| word.quoted());
            let near = word.and_then(|word| nearest(word.value, KINDS)).map(|near| format!("did you mean \"{near}\"? "));
            let hint = format!("{}a column holds one of {}", near.unwrap_or_default(), KINDS.join(", "));
            report.at(&entry.node.place, format!("{shown} is nothing that a column holds"), Some(hint));
        }
        declared.names.push(entry.name.clone());
        declared.kinds.push(kind);
    }
    Some(declared)
}

/// The rows of a node.
pub(super) fn read_rows(node: &Node, declared: Option<&Declared>, report: &mut Report<'_>) -> Option<Rows> {
    let (names, cells) = match &node.content {
        Content::Array(items) => from_tables(items, declared, report)?,
        Content::Text(text, _) => from_text(node, text, report)?,
        _ => {
            let hint = "write for example: rows = [{ sku = \"A\", stock = 3 }]".to_owned();
            report.at(&node.place, format!("expected rows, found {}", node.describe()), Some(hint));
            return None;
        }
    };
    let (names, cells) = match declared {
        Some(declared) => (declared.names.clone(), in_order(node, declared, &names, cells, report)?),
        None => {
            one_type_each(&names, &cells, report);
            (names, cells)
        }
    };
    if names.is_empty() {
        return Some(Rows { columns: None, rows: Vec::new() });
    }
    let columns = Columns::new(names).ok()?;
    let row = |cells: &Vec<Read<'_>>| {
        let cells = cells.iter().map(|cell| cell.value.as_ref().map_or((Kind::Null, None), |(kind, text)| (*kind, Some(text.as_str()))));
        Row::from_cells(columns.clone(), cells)
    };
    Some(Rows { rows: cells.iter().map(row).collect(), columns: Some(columns) })
}

/// Names and cells of an array of tables. Without `columns` every row names the same.
fn from_tables<'a>(items: &'a [Node], declared: Option<&Declared>, report: &mut Report<'_>) -> Option<(Vec<String>, Vec<Vec<Read<'a>>>)> {
    let mut tables: Vec<(&Node, &Table)> = Vec::new();
    for item in items {
        match item.table() {
            Some(table) => tables.push((item, table)),
            None => report.at(&item.place, format!("expected a row such as {{ sku = \"A\" }}, found {}", item.describe()), None),
        }
    }
    let names: Vec<String> = match declared {
        Some(declared) => declared.names.clone(),
        None => tables.first().map(|(_, first)| first.entries.iter().map(|entry| entry.name.clone()).collect()).unwrap_or_default(),
    };
    let mut rows = Vec::new();
    for (node, table) in tables {
        for entry in table.entries.iter().filter(|entry| !names.contains(&entry.name)) {
            unknown_column(&entry.key_place, &entry.name, &names, declared.is_some(), report);
        }
        let cells = names.iter().map(|name| match table.get(name) {
            Some(entry) => read_cell(&entry.node, report),
            None => {
                if declared.is_none() {
                    let hint = format!(
                        "write it, {name} = [] for NULL, or name the columns once at the beginning of the file: columns = [\"{name}\", …]"
                    );
                    report.at(&node.place, format!("this row has no `{name}`, which the first one has"), Some(hint));
                }
                Read { value: None, spot: Spot::At(&node.place) }
            }
        });
        rows.push(cells.collect());
    }
    Some((names, rows))
}

fn unknown_column(place: &Place, name: &str, names: &[String], is_declared: bool, report: &mut Report<'_>) {
    let near = nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`? "));
    let (whose, rest) = match is_declared {
        true => ("`columns` names no", "it names"),
        false => ("the first row has no", "it has"),
    };
    let hint = format!("{}{rest} {}", near.unwrap_or_default(), names.join(", "));
    report.at(place, format!("{whose} column `{name}`"), Some(hint));
}

fn read_cell<'a>(node: &'a Node, report: &mut Report<'_>) -> Read<'a> {
    let value = match &node.content {
        Content::Text(text, _) => Some((Kind::Text, text.clone())),
        Content::Integer(number) => Some((Kind::Number, number.to_string())),
        Content::Float(written) => Some(number_as_written(written)),
        Content::Boolean(boolean) => Some((Kind::Bool, boolean.to_string())),
        Content::Datetime(moment) => moment_of(moment),
        Content::Array(items) if items.is_empty() => None,
        Content::Array(_) | Content::Table(_) => {
            let hint = "NULL is []; JSON is text in quotes: columns = { name = \"json\" }".to_owned();
            report.at(&node.place, format!("a column does not hold {}", node.describe()), Some(hint));
            None
        }
    };
    Read { value, spot: Spot::At(&node.place) }
}

/// `1_000.50` keeps its digits; `inf` and `nan` are no exact numbers.
fn number_as_written(written: &str) -> (Kind, String) {
    let digits = written.replace('_', "");
    match digits.trim_start_matches('+') {
        "inf" => (Kind::Float, "Infinity".to_owned()),
        "-inf" => (Kind::Float, "-Infinity".to_owned()),
        "nan" | "-nan" => (Kind::Float, "NaN".to_owned()),
        exact => (Kind::Number, exact.to_owned()),
    }
}

/// Names and cells of a text. What has no quotes is what all of its column can be read as.
fn from_text<'a>(node: &'a Node, text: &str, report: &mut Report<'_>) -> Option<(Vec<String>, Vec<Vec<Read<'a>>>)> {
    let table = match text_table::parse(text) {
        Ok(Some(table)) => table,
        Ok(None) => {
            let hint = "write the columns in the first line, or rows = [] when there are none".to_owned();
            report.at(&node.place, "there are no rows in this text", Some(hint));
            return None;
        }
        Err(error) => {
            report.inside(node, error.span, error.message, Some(error.hint.to_owned()));
            return None;
        }
    };
    let TextTable { names, rows } = table;
    let kinds: Vec<Kind> = (0..names.len()).map(|at| kind_of_column(rows.iter().map(|row| &row[at]))).collect();
    let mut read = |cell: &Cell, kind: Kind| {
        let spot = Spot::Inside(node, cell.span.clone());
        let value = match (cell.is_quoted, cell.text.as_str()) {
            (true, text) => Some((Kind::Text, text.to_owned())),
            (false, "NULL" | "null") => None,
            (false, "") => {
                spot.tell("this cell is empty".to_owned(), Some("write NULL, or '' for an empty text".to_owned()), report);
                None
            }
            (false, text) => converted(kind, text).map(|text| (kind, text)),
        };
        Read { value, spot }
    };
    let rows = rows.iter().map(|row| row.iter().zip(&kinds).map(|(cell, kind)| read(cell, *kind)).collect()).collect();
    Some((names.into_iter().map(|name| name.text).collect(), rows))
}

fn kind_of_column<'c>(cells: impl Iterator<Item = &'c Cell> + Clone) -> Kind {
    const GUESSES: [Kind; 6] = [Kind::Number, Kind::Bool, Kind::Date, Kind::DateTime, Kind::Instant, Kind::Time];
    let bare = cells.filter(|cell| cell.is_quoted || !matches!(cell.text.as_str(), "NULL" | "null" | ""));
    // A number that begins with a zero is a code.
    let is_code = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let fits = |cell: &Cell, kind: Kind| {
        !cell.is_quoted && converted(kind, &cell.text).is_some() && !(kind == Kind::Number && is_code(&cell.text))
    };
    GUESSES.into_iter().find(|kind| bare.clone().next().is_some() && bare.clone().all(|cell| fits(cell, *kind))).unwrap_or(Kind::Text)
}

/// The cells in the order of `columns`, each as it says.
fn in_order<'a>(
    node: &'a Node,
    declared: &Declared,
    names: &[String],
    rows: Vec<Vec<Read<'a>>>,
    report: &mut Report<'_>,
) -> Option<Vec<Vec<Read<'a>>>> {
    for name in names.iter().filter(|name| !declared.names.contains(name)) {
        unknown_column(&node.place, name, &declared.names, true, report);
    }
    let places: Vec<Option<usize>> = declared.names.iter().map(|name| names.iter().position(|other| other == name)).collect();
    let mut whole = true;
    let mut ordered = Vec::new();
    for mut row in rows {
        let mut cells = Vec::new();
        for (at, kind) in places.iter().zip(&declared.kinds) {
            let nothing = || Read { value: None, spot: Spot::At(&node.place) };
            let mut cell = at.map_or_else(nothing, |at| std::mem::replace(&mut row[at], nothing()));
            if let (Some(kind), Some((_, text))) = (kind, &cell.value) {
                let value = converted(*kind, text);
                if value.is_none() {
                    let message = format!("`{text}` is not {}, which `columns` says it is", kind.describe());
                    cell.spot.tell(message, None, report);
                    whole = false;
                }
                cell.value = value.map(|text| (*kind, text));
            }
            cells.push(cell);
        }
        ordered.push(cells);
    }
    whole.then_some(ordered)
}

/// Tells where a column holds values of two types.
fn one_type_each(names: &[String], rows: &[Vec<Read<'_>>], report: &mut Report<'_>) {
    let class = |kind: Kind| if kind == Kind::Float { Kind::Number } else { kind };
    for (at, name) in names.iter().enumerate() {
        let mut known: Option<Kind> = None;
        for (cell, kind) in rows.iter().filter_map(|row| row[at].value.as_ref().map(|(kind, _)| (&row[at], class(*kind)))) {
            let first = *known.get_or_insert(kind);
            if first == kind {
                continue;
            }
            let message = format!("`{name}` holds {} here and {} in a row above", kind.describe(), first.describe());
            let hint = "a column of a database has one type: write numbers without quotes, texts with them, or say what it holds at the \
                        beginning of the file: columns = { … }";
            cell.spot.tell(message, Some(hint.to_owned()), report);
            break;
        }
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    Some(match word {
        "text" => Kind::Text,
        "number" => Kind::Number,
        "float" => Kind::Float,
        "boolean" => Kind::Bool,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "timestamp" => Kind::DateTime,
        "timestamptz" => Kind::Instant,
        "interval" => Kind::Interval,
        "bytes" => Kind::Bytes,
        "json" => Kind::Json,
        "other" => Kind::Other,
        _ => return None,
    })
}

/// A text in the form in which a source gives a value of the kind; `None` when it is none.
fn converted(kind: Kind, text: &str) -> Option<String> {
    let with_seconds = || format!("{text}:00");
    let text = match kind {
        Kind::Text | Kind::Json | Kind::Other => return Some(text.to_owned()),
        Kind::Number => return parse_number(text).map(|_| text.trim_start_matches('+').to_owned()),
        Kind::DateTime if parse_datetime(text).is_none() && parse_datetime(&with_seconds()).is_some() => with_seconds(),
        Kind::Time if NaiveTime::parse_from_str(text, "%H:%M").is_ok() => with_seconds(),
        _ => text.to_owned(),
    };
    let text = if matches!(kind, Kind::DateTime | Kind::Instant) { text.replacen('T', " ", 1) } else { text };
    (!matches!(Value::decode(kind, &text), Value::Other(_))).then_some(text)
}

/// A date or a time of TOML.
fn moment_of(text: &str) -> Option<(Kind, String)> {
    let kind = match () {
        () if parse_instant(text).is_some() => Kind::Instant,
        () if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() => Kind::Date,
        () if text.contains('T') => Kind::DateTime,
        () => Kind::Time,
    };
    converted(kind, text).map(|text| (kind, text))
}
