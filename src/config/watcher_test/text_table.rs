//! Rows as a table of text, as a database's own client prints them:
//!
//! ```text
//!  sku | stock | note        +-----+-------+        | sku | stock |
//! -----+-------+------       | sku | stock |        |-----|-------|
//!  A   |     3 | NULL        +-----+-------+        | A   |     3 |
//! (1 row)                    | A   |     3 |
//! ```
//!
//! It tells names and cells, and where each stands; what a cell holds is decided elsewhere.

use std::ops::Range;

/// A table as it is written.
pub(super) struct TextTable {
    pub names: Vec<Cell>,
    pub rows: Vec<Vec<Cell>>,
}

/// A cell, and the bytes of the text where it stands.
pub(super) struct Cell {
    pub text: String,
    pub is_quoted: bool,
    pub span: Range<usize>,
}

/// Why a text is no table.
pub(super) struct TableError {
    pub span: Range<usize>,
    pub message: String,
    pub hint: &'static str,
}

/// Reads a table; `None` when there is no line in it.
pub(super) fn parse(text: &str) -> Result<Option<TextTable>, TableError> {
    let mut table: Option<TextTable> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let line = line.trim_end();
        if is_decoration(line) {
            continue;
        }
        let cells = cells(line, at)?;
        match &mut table {
            None => table = Some(TextTable { names: names(cells)?, rows: Vec::new() }),
            Some(table) if table.names.len() == cells.len() => table.rows.push(cells),
            Some(table) => {
                let message = format!("this row has {} cells, and the table {} columns", cells.len(), table.names.len());
                let indent = line.len() - line.trim_start().len();
                return Err(TableError {
                    span: at + indent..at + line.len(),
                    message,
                    hint: "separate cells by |; a | in a cell needs quotes",
                });
            }
        }
    }
    Ok(table)
}

/// Lines between the rows, and psql's count of them.
fn is_decoration(line: &str) -> bool {
    let line = line.trim();
    let is_rule = line.contains('-') && line.chars().all(|c| "-+|:= ".contains(c));
    let is_count = line.starts_with('(') && (line.ends_with(" rows)") || line.ends_with(" row)"));
    line.is_empty() || is_rule || is_count
}

fn names(cells: Vec<Cell>) -> Result<Vec<Cell>, TableError> {
    for (at, cell) in cells.iter().enumerate() {
        let twice = cells[..at].iter().any(|other| other.text == cell.text);
        if cell.text.is_empty() || twice {
            let message = if twice { format!("the column `{}` stands twice", cell.text) } else { "this column has no name".to_owned() };
            return Err(TableError { span: cell.span.clone(), message, hint: "the first line names each column once" });
        }
    }
    Ok(cells)
}

/// The cells of a line that begins at byte `at` of the text.
fn cells(line: &str, at: usize) -> Result<Vec<Cell>, TableError> {
    let body = line.trim_start();
    let mut from = line.len() - body.len();
    if body.starts_with('|') {
        from += 1;
    }
    let mut cells = Vec::new();
    while from < line.len() || cells.is_empty() {
        let (cell, end) = cell(line, from, at)?;
        cells.push(cell);
        from = end + 1;
        // The border on the right is none of a cell.
        if end + 1 == line.len() && line.ends_with('|') && body.starts_with('|') {
            break;
        }
        if end + 1 == line.len() {
            cells.push(Cell { text: String::new(), is_quoted: false, span: at + line.len()..at + line.len() });
        }
    }
    Ok(cells)
}

/// The cell that begins at `from`, and where it ends: at a `|`, or at the end of the line.
fn cell(line: &str, from: usize, at: usize) -> Result<(Cell, usize), TableError> {
    let rest = &line[from..];
    let start = from + rest.len() - rest.trim_start().len();
    let quote = line[start..].chars().next().filter(|c| ['"', '\''].contains(c));
    if let Some(quote) = quote {
        let inside = start + 1;
        let Some(close) = line[inside..].find(quote).map(|close| inside + close) else {
            let message = "these quotes are not closed".to_owned();
            return Err(TableError {
                span: at + start..at + line.len(),
                message,
                hint: "a cell that begins with a quote ends with the same",
            });
        };
        let after = &line[close + 1..];
        let end = after.find('|').map_or(line.len(), |bar| close + 1 + bar);
        if line[close + 1..end].trim().is_empty() {
            let span = at + start..at + close + 1;
            return Ok((Cell { text: line[inside..close].to_owned(), is_quoted: true, span }, end));
        }
    }
    let end = rest.find('|').map_or(line.len(), |bar| from + bar);
    let text = line[from..end].trim();
    let start = if text.is_empty() { from } else { start };
    Ok((Cell { text: text.to_owned(), is_quoted: false, span: at + start..at + start + text.len().max(1) }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        let table = parse(text).unwrap_or_else(|error| panic!("{}", error.message)).expect("a table");
        let show = |cells: &Vec<Cell>| {
            let one = |cell: &Cell| {
                let written = &text[cell.span.clone()];
                let written = if cell.is_quoted { &written[1..written.len() - 1] } else { written };
                assert!(cell.text.is_empty() || written == cell.text, "{written} is not {}", cell.text);
                if cell.is_quoted { format!("'{}'", cell.text) } else { cell.text.clone() }
            };
            cells.iter().map(one).collect()
        };
        std::iter::once(&table.names).chain(&table.rows).map(show).collect()
    }

    #[test]
    fn what_database_clients_print_is_read() {
        let psql = " sku | stock | note \n-----+-------+------\n A   |     3 | \n 库  |   120 | x y\n(2 rows)\n";
        let mysql = "+------+-------+------+\n| sku  | stock | note |\n+------+-------+------+\n| A    |     3 |      |\n| 库   |   120 | x y  |\n+------+-------+------+\n";
        let markdown = "| sku | stock | note |\n|:----|------:|---|\n|A|3||\n|库|120|x y|\n";
        for text in [psql, mysql, markdown] {
            assert_eq!(read(text), [["sku", "stock", "note"], ["A", "3", ""], ["库", "120", "x y"]], "{text}");
        }
    }

    #[test]
    fn quotes_keep_what_is_in_them() {
        let text = "a | b\n'x|y' | \"\"\n\"it's\" | 'NULL'\nit's | 5\" ";
        assert_eq!(read(text), [["a", "b"], ["'x|y'", "''"], ["'it's'", "'NULL'"], ["it's", "5\""]]);
    }

    #[test]
    fn a_column_alone_is_a_table() {
        assert_eq!(read("sku\nA\nB"), [["sku"], ["A"], ["B"]]);
        assert!(parse("\n  \n").is_ok_and(|table| table.is_none()));
    }

    #[test]
    fn what_is_no_table_is_told_with_its_place() {
        for (text, message, at) in [
            ("a | b\n  1 | 2 | 3", "this row has 3 cells, and the table 2 columns", 8..17),
            ("a | a\n1 | 2", "the column `a` stands twice", 4..5),
            ("a | | b", "this column has no name", 3..4),
            ("a | b\n'1 | 2", "these quotes are not closed", 6..12),
        ] {
            let error = parse(text).err().expect("a fault");
            assert_eq!((error.message.as_str(), error.span), (message, at), "{text}");
        }
    }
}
