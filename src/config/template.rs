//! A commented watcher to begin with: made from the same list of fields that the reader uses, and valid as it stands
//! when its source exists.

use super::field::{Field, Kind, Spec};
use super::settings::Settings;
use super::watcher::fields::{MESSAGE, NOTIFY, WATCHER};
use crate::domain::watcher::AlertOn;

/// The widest line of a comment.
const WIDTH: usize = 100;

/// What stands in the file for a field instead of its example, by kind of watcher; the fields named here are active.
type Values = [(&'static str, &'static str)];

const MATCH: &Values = &[
    ("description", "\"stock is below the reorder level\""),
    ("every", "\"5m\""),
    ("alert_on", "\"match\""),
    ("key", "[\"sku\"]"),
    ("query", "'''\nselect sku, name, stock, reorder_level\nfrom products\nwhere stock < reorder_level\n'''"),
];

const NEW: &Values = &[
    ("description", "\"a large order came in\""),
    ("every", "\"30s\""),
    ("alert_on", "\"new\""),
    ("key", "[\"order_id\"]"),
    ("query", "'''\nselect order_id, customer, amount, created_at\nfrom orders\nwhere amount >= 10000\n'''"),
];

/// The examples that would not fit the query of `new`.
const NEW_EXAMPLES: &Values = &[
    ("when", "\"customer <> 'test'\""),
    ("severity", "[{ when = \"amount >= 100000\", level = \"critical\" }, { level = \"warning\" }]"),
    ("title", "\"{{ events | length }} large orders\""),
    ("body", "'''\n{% for event in events %}\n- {{ event.row.customer }}: {{ event.row.amount }}\n{% endfor %}\n'''"),
    ("buttons", "[{ title = \"open\", url = \"https://erp.example/orders/{{ key.order_id }}\" }]"),
];

/// The text of a new watcher's file. The first source and receiver of the settings are named in it, where there are any.
pub fn new_watcher(name: &str, alert_on: AlertOn, settings: Option<&Settings>) -> String {
    let source = settings.and_then(|settings| settings.sources.keys().next()).map_or("erp", String::as_str);
    let receiver = settings.and_then(|settings| settings.receivers.keys().next()).map_or("warehouse", String::as_str);
    let is_new = matches!(alert_on, AlertOn::New { .. });
    let (active, examples) = if is_new { (NEW, NEW_EXAMPLES) } else { (MATCH, &[] as &Values) };
    let senseless: &[&str] = if is_new { &["repeat_interval", "send_resolved"] } else { &["first_poll"] };

    let mut text = String::new();
    comment(&mut text, &format!("The watcher `{name}`. What begins with `# key = …` is optional: remove the `# ` to use it."));
    comment(&mut text, "Look at it with: rowbell check, rowbell preview");
    text.push('\n');
    for field in WATCHER.fields.iter().filter(|field| !senseless.contains(&field.name) && !is_table(field)) {
        match field.name {
            "source" => write_field(&mut text, field, &quoted(source), true),
            other => match find(active, other) {
                Some(value) => write_field(&mut text, field, value, true),
                None => write_field(&mut text, field, find(examples, other).unwrap_or(field.example), false),
            },
        }
    }
    write_message(&mut text, examples);
    write_notify(&mut text, &quoted(receiver));
    text
}

fn write_message(text: &mut String, examples: &Values) {
    write_header(text, &MESSAGE, false);
    for field in MESSAGE.fields {
        write_field(text, field, find(examples, field.name).unwrap_or(field.example), false);
    }
}

fn write_notify(text: &mut String, receiver: &str) {
    write_header(text, &NOTIFY, true);
    for field in NOTIFY.fields {
        match field.name {
            "receivers" => write_field(text, field, &format!("[{receiver}]"), true),
            _ => write_field(text, field, field.example, false),
        }
    }
}

fn write_header(text: &mut String, spec: &Spec, active: bool) {
    comment(text, spec.doc);
    text.push_str(if active { "" } else { "# " });
    text.push_str(spec.title);
    text.push_str("\n\n");
}

/// What the field means, and its line: as it counts, or as a comment.
fn write_field(text: &mut String, field: &Field, value: &str, active: bool) {
    comment(text, field.doc);
    for line in format!("{} = {value}", field.name).lines() {
        text.push_str(if active { "" } else { "# " });
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
}

/// Comment lines, broken between words.
fn comment(text: &mut String, sentence: &str) {
    let mut line = String::from("##");
    for word in sentence.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("##");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

fn is_table(field: &Field) -> bool {
    matches!(field.kind, Kind::Table(_) | Kind::Tables(_))
}

fn find(values: &Values, name: &str) -> Option<&'static str> {
    values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
