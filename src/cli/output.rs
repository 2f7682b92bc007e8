//! How commands speak: data on stdout, progress on stderr when that is a terminal.

use super::Global;
use crate::store::Object;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Writes a line. A reader that went away (`| head`) ends the program quietly, as every other one does.
pub(super) fn line(text: &str) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Writes one JSON object on a line.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => eprintln!("error: a line could not be written as JSON: {error}"),
    }
}

/// A table without lines, as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.iter().map(|name| name.to_uppercase()));
    table
}

/// A terminal of fewer columns shows only what is looked for first; `--json` has all.
const WIDE: u16 = 100;

/// Whether the terminal is a narrow one; what is no terminal has room for all.
pub(super) fn is_narrow() -> bool {
    Table::new().width().is_some_and(|width| width < WIDE)
}

/// A table without lines and without a header.
pub(super) fn bare_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// Writes sentences, broken to the width of the terminal.
pub(super) fn paragraph(text: &str) {
    let mut table = bare_table();
    table.add_row([text]);
    table.lines().for_each(|text| line(text.trim()));
}

/// Lists lines: as JSON, or as a table; when there is none, says so to the person and nothing to the program.
pub(super) fn list<T: Serialize>(global: &Global, lines: &[T], empty: &str, table: impl FnOnce(&[T]) -> Table) {
    if lines.is_empty() {
        eprintln!("{empty}");
    } else if global.json {
        lines.iter().for_each(json);
    } else {
        table(lines).lines().for_each(|text| line(text.trim_end()));
    }
}

/// A column that is to stay whole may be this wide; what is wider is broken after all.
const WHOLE_MAX: u16 = 20;

/// Columns that are not broken into several lines.
pub(super) fn keep_whole(table: &mut Table, columns: &[usize]) {
    let widths = table.column_max_content_widths();
    for at in columns {
        let fits = widths.get(*at).is_none_or(|width| *width <= WHOLE_MAX);
        let constraint = if fits { ColumnConstraint::ContentWidth } else { ColumnConstraint::LowerBoundary(Width::Fixed(WHOLE_MAX)) };
        if let Some(column) = table.column_mut(*at) {
            column.set_constraint(constraint);
        }
    }
}

/// Columns that a narrow terminal has no room for.
pub(super) fn hide_when_narrow(table: &mut Table, columns: &[usize]) {
    for at in columns.iter().filter(|_| is_narrow()) {
        if let Some(column) = table.column_mut(*at) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
}

/// Columns of numbers.
pub(super) fn align_right(table: &mut Table, columns: &[usize]) {
    for at in columns {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The columns of a row in one cell: `sku A-17 · stock 3`.
pub(super) fn cells(row: &Object) -> String {
    let cell = |(name, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::Null => format!("{name} NULL"),
        serde_json::Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    };
    plain(&row.iter().map(cell).collect::<Vec<_>>().join(" · "))
}

/// The columns of a row that are not in its key.
pub(super) fn without(row: &Object, key: &Object) -> Object {
    row.iter().filter(|(name, _)| !key.contains_key(*name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A row in one cell, its key first.
pub(super) fn key_and_row(key: &Object, row: &Object) -> String {
    let parts = [cells(key), cells(&without(row, key))];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Text from outside as one line that cannot control the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A progress bar that is only seen on a terminal.
pub(super) fn progress(length: u64, what: &'static str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{prefix} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length), target).with_style(style).with_prefix(what)
}
