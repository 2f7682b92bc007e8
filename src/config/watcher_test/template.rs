//! A file of tests to begin with: polls that fit the kind of the watcher, with the columns that it names.

use super::Tested;
use crate::config::settings::Settings;
use crate::domain::expression::Expression;
use crate::domain::watcher::{AlertOn, Expect, ExpectedCell, Watcher};
use std::path::Path;

/// What the sample's key is.
const KEY: &str = "\"A\"";

/// A poll of the sample: what it shows, and its rows: each is a number that stands in the columns beside the key.
struct Poll {
    comment: &'static str,
    rows: Option<&'static [u32]>,
    fails: bool,
}

const fn poll(comment: &'static str, rows: &'static [u32]) -> Poll {
    Poll { comment, rows: Some(rows), fails: false }
}

const AGAIN: Poll = Poll {
    comment: "Without rows those of the poll before. `after = \"4h\"` or `at = \"13:00\"`: not in the watcher's next slot.",
    rows: None,
    fails: false,
};
const FAILS: Poll = Poll { comment: "No answer is not an empty answer: nothing changes.", rows: None, fails: true };

fn polls(alert_on: &AlertOn) -> (&'static str, [Poll; 4]) {
    const ROWS: &str = "What the query returns: rows, or a table as text ('''…'''). NULL is [].";
    match alert_on {
        AlertOn::Match => ("fires once and resolves", [poll(ROWS, &[1]), AGAIN, FAILS, poll("", &[])]),
        AlertOn::New { .. } => ("a new row is told once", [poll("The baseline.", &[]), poll(ROWS, &[1]), AGAIN, FAILS]),
        AlertOn::Change { .. } => ("a change is told", [poll(ROWS, &[1]), poll("", &[2]), AGAIN, FAILS]),
        AlertOn::Missing { .. } => ("what is missing is told, and its return", [poll(ROWS, &[1]), FAILS, poll("", &[]), poll("", &[1])]),
        AlertOn::Report { .. } => ("the report is told at each poll", [poll(ROWS, &[1, 2]), AGAIN, FAILS, poll("", &[])]),
    }
}

/// The text of a new file of tests for the watcher in the file `NAME.toml` beside `path`; of a watcher that is not valid
/// yet only the form.
pub fn new_watcher_test(name: &str, path: &Path, settings: &Settings) -> String {
    let watcher = Tested::beside(path, name).ok().and_then(|tested| tested.watcher(settings, &[]).ok());
    let alert_on = watcher.as_ref().map_or(&AlertOn::Match, |watcher| &watcher.alert_on);
    let columns = watcher.as_ref().map_or_else(|| vec!["sku".to_owned()], columns);
    let keys = watcher.as_ref().map_or(1, |watcher| watcher.key.len());
    let first = watcher.as_ref().and_then(expected_key).unwrap_or_default();
    let (title, polls) = polls(alert_on);
    let mut text = format!(
        "# Tests of {name}.toml; `rowbell test {name}` runs them without a database.\n\
         # Write what the query returns, and `rowbell test {name} --update` writes what follows: read it before you believe it.\n\
         # `message.RECEIVER = \"\"` asks for the text of the message too. All keys: `rowbell schema test`.\n\n\
         [[test]]\nname = \"{title}\"\n"
    );
    for Poll { comment, rows, fails } in polls {
        text.push('\n');
        if !comment.is_empty() {
            text.push_str(&format!("# {comment}\n"));
        }
        text.push_str("[[test.poll]]\n");
        let row = |number: &u32| {
            let value = |at: usize| if at < keys { first.get(at).cloned().unwrap_or_else(|| KEY.to_owned()) } else { number.to_string() };
            let cells: Vec<String> =
                columns.iter().enumerate().map(|(at, name)| format!("{} = {}", quoted_name(name), value(at))).collect();
            format!("{{ {} }}", cells.join(", "))
        };
        if let Some(rows) = rows {
            text.push_str(&format!("rows = [{}]\n", rows.iter().map(row).collect::<Vec<_>>().join(", ")));
        }
        if matches!(alert_on, AlertOn::Missing { expect: Expect::Query(_) }) && rows.is_some() {
            text.push_str(&format!("expect_rows = [{}]\n", row(&1)));
        }
        if fails {
            text.push_str("fails = \"timeout\"\n");
        }
    }
    text
}

/// The key, then every other column that the watcher names.
fn columns(watcher: &Watcher) -> Vec<String> {
    let conditions = watcher.when.iter().chain(&watcher.clear_when);
    let severity = watcher.severity.cases.iter().filter_map(|(when, _)| when.as_ref());
    let notify = watcher.notify.iter().filter_map(|block| block.when.as_ref());
    let of = |expression: &Expression| expression.columns().into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let named = match &watcher.alert_on {
        AlertOn::Change { columns, .. } if columns.is_empty() => vec!["value".to_owned()],
        AlertOn::Change { columns, .. } => columns.clone(),
        AlertOn::Report { sums, .. } if sums.is_empty() => vec!["value".to_owned()],
        AlertOn::Report { sums, .. } => sums.clone(),
        AlertOn::New { cursor: Some(cursor), .. } => vec![cursor.column.clone()],
        _ => Vec::new(),
    };
    let mut names: Vec<String> = watcher.key.clone();
    for name in named.into_iter().chain(conditions.chain(severity).chain(notify).flat_map(of)) {
        if !names.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    if names.is_empty() { vec!["value".to_owned()] } else { names }
}

/// The first key that the watcher expects, as TOML.
fn expected_key(watcher: &Watcher) -> Option<Vec<String>> {
    let AlertOn::Missing { expect: Expect::Keys(keys) } = &watcher.alert_on else { return None };
    let cell = |cell: &ExpectedCell| match cell {
        ExpectedCell::Text(text) => toml::Value::from(text.as_str()).to_string(),
        ExpectedCell::Number(number) => number.to_string(),
    };
    keys.first().map(|key| key.iter().map(cell).collect())
}

/// A key of TOML.
fn quoted_name(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    // TOML 1.1 has no other letters in a bare key.
    if is_bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}
