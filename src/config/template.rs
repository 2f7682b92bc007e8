//! A commented watcher to begin with: made from the same list of fields that the reader uses, and valid as it stands
//! when its source exists.

use super::field::{Field, Spec};
use super::settings::Settings;
use super::watcher::fields::{MEANINGFUL_FOR, WATCHER};
use super::watcher::message_fields::MESSAGE;
use super::watcher::{LASTING, NOTIFY, STEP};

/// The widest line of a comment.
const WIDTH: usize = 100;

/// What stands in the file for a field instead of its example, by kind of watcher.
type Values = [(&'static str, &'static str)];

/// The fields that are active in a new file of each kind, and the examples of the others that fit its query.
struct Example {
    word: &'static str,
    active: &'static Values,
    others: &'static Values,
}

const EXAMPLES: [Example; 5] = [
    Example {
        word: "match",
        active: &[
            ("description", "\"stock is below the reorder level\""),
            ("every", "\"5m\""),
            ("alert_on", "\"match\""),
            ("key", "[\"sku\"]"),
            ("query", "'''\nselect sku, name, stock, reorder_level\nfrom products\nwhere stock < reorder_level\n'''"),
        ],
        others: &[],
    },
    Example {
        word: "new",
        active: &[
            ("description", "\"a large order came in\""),
            ("every", "\"30s\""),
            ("alert_on", "\"new\""),
            ("key", "[\"order_id\"]"),
            ("query", "'''\nselect order_id, customer, amount, created_at\nfrom orders\nwhere amount >= 10000\n'''"),
        ],
        others: &[
            ("when", "\"customer <> 'test'\""),
            ("cursor", "\"order_id\""),
            ("severity", "[{ when = \"amount >= 100000\", level = \"critical\" }, { level = \"warning\" }]"),
            ("title", "\"{{ events | length }} large orders\""),
            ("body", "'''\n{% for event in events %}\n- {{ event.row.customer }}: {{ event.row.amount }}\n{% endfor %}\n'''"),
            ("buttons", "[{ title = \"open\", url = \"https://erp.example/orders/{{ key.order_id }}\" }]"),
            ("picture", "\"https://erp.example/orders/{{ key.order_id }}.png\""),
            ("chart", "{ kind = \"bar\", x = \"customer\", y = \"amount\" }"),
        ],
    },
    Example {
        word: "change",
        active: &[
            ("description", "\"a price was changed\""),
            ("every", "\"1m\""),
            ("alert_on", "\"change\""),
            ("key", "[\"sku\"]"),
            ("query", "'''\nselect sku, name, price\nfrom products\n'''"),
            ("columns", "[\"price\"]"),
        ],
        others: &[
            ("when", "\"price > previous.price * 1.1\""),
            ("severity", "[{ when = \"price < 1\", level = \"critical\" }, { level = \"info\" }]"),
            ("title", "\"{{ events | length }} prices changed\""),
            ("chart", "{ kind = \"bar\", x = \"name\", y = \"price\" }"),
            (
                "body",
                "'''\n{% for event in events %}\n- {{ event.key.sku }}: {{ event.previous.price | default('–') }} → {{ event.row.price | default('–') }}\n{% endfor %}\n'''",
            ),
        ],
    },
    Example {
        word: "missing",
        active: &[
            ("description", "\"a shop has sold nothing for an hour\""),
            ("every", "\"5m\""),
            ("alert_on", "\"missing\""),
            ("key", "[\"shop\"]"),
            (
                "query",
                "'''\nselect shop, count(*) as orders, max(created_at) as last_order\nfrom orders\nwhere created_at > current_timestamp - interval '1' hour\ngroup by shop\n'''",
            ),
            ("expect", "[\"shop1\", \"shop2\"]"),
        ],
        others: &[
            ("when", "\"orders > 0\""),
            ("severity", "[{ when = \"shop = 'shop1'\", level = \"critical\" }, { level = \"warning\" }]"),
            ("title", "\"{{ events | length }} shops are silent\""),
            ("body", "'''\n{% for event in events %}\n- {{ event.key.shop }}\n{% endfor %}\n'''"),
            ("buttons", "[{ title = \"open\", url = \"https://erp.example/shops/{{ key.shop }}\" }]"),
            ("picture", "\"https://erp.example/shops/{{ key.shop }}.png\""),
        ],
    },
    Example {
        word: "report",
        active: &[
            ("description", "\"yesterday's sales\""),
            ("schedule", "\"0 9 * * *\""),
            ("alert_on", "\"report\""),
            (
                "query",
                "'''\nselect shop, count(*) as orders, sum(amount) as amount\nfrom orders\nwhere order_date = current_date - 1\ngroup by shop\norder by shop\n'''",
            ),
            ("sum", "[\"orders\", \"amount\"]"),
        ],
        others: &[
            ("when", "\"amount > 0\""),
            ("severity", "[{ when = \"amount = 0\", level = \"warning\" }, { level = \"info\" }]"),
            ("title", "\"yesterday: {{ events[0].rows | length }} shops\""),
            ("buttons", "[{ title = \"open\", url = \"https://erp.example/sales\" }]"),
            ("picture", "\"https://erp.example/sales.png\""),
            ("chart", "{ kind = \"bar\", x = \"shop\", y = \"amount\", sort = \"descending\" }"),
            ("body", "'''\n{% for row in events[0].rows %}\n- {{ row.shop }}: {{ row.amount }}\n{% endfor %}\n'''"),
        ],
    },
];

/// Examples that say nothing without more, or that belong to few.
const LEFT_OUT: [&str; 2] = ["formerly", "cursor_start"];

/// The text of a new watcher's file, by the word of its `alert_on`. The first source and receiver of the settings are named
/// in it, where there are any.
pub fn new_watcher(name: &str, alert_on: &str, settings: Option<&Settings>) -> String {
    let source = settings.and_then(|settings| settings.sources.keys().next()).map_or("erp", String::as_str);
    let receiver = settings.and_then(|settings| settings.receivers.keys().next()).map_or("warehouse", String::as_str);
    let example = EXAMPLES.iter().find(|example| example.word == alert_on).unwrap_or(&EXAMPLES[0]);
    let is_senseless = |field: &Field| {
        let other_kind = MEANINGFUL_FOR.iter().any(|(key, kinds)| *key == field.name && !kinds.contains(&example.word));
        let is_new = matches!(example.word, "new" | "change" | "report") && field.name == "send_resolved";
        let needs_key = field.name == "key" && example.word == "report";
        other_kind || is_new || needs_key || LEFT_OUT.contains(&field.name)
    };

    let mut text = String::new();
    comment(&mut text, &format!("The watcher `{name}`. What begins with `# key = …` is optional: remove the `# ` to use it."));
    comment(&mut text, "Look at it with: rowbell check, rowbell preview");
    text.push('\n');
    for field in WATCHER.fields.iter().filter(|field| !is_senseless(field) && !is_below(field)) {
        match field.name {
            "source" => write_field(&mut text, field, &quoted(source), true),
            other => match find(example.active, other) {
                Some(value) => write_field(&mut text, field, value, true),
                None => write_field(&mut text, field, find(example.others, other).unwrap_or(field.example), false),
            },
        }
    }
    write_message(&mut text, example.others);
    write_notify(&mut text, &quoted(receiver));
    if LASTING.contains(&example.word) {
        write_step(&mut text, &quoted(receiver));
    }
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
    for field in NOTIFY.fields.iter().filter(|field| !STEP.contains(&field.name)) {
        match field.name {
            "receivers" => write_field(text, field, &format!("[{receiver}]"), true),
            _ => write_field(text, field, field.example, false),
        }
    }
}

/// A second block, which is told later.
fn write_step(text: &mut String, receiver: &str) {
    comment(text, "First the group, then the person, then the phone: a block with `after` is told later.");
    text.push_str("# [[notify]]\n\n");
    for field in NOTIFY.fields.iter().filter(|field| STEP.contains(&field.name)) {
        write_field(text, field, field.example, false);
    }
    if let Some(field) = NOTIFY.fields.iter().find(|field| field.name == "receivers") {
        write_field(text, field, &format!("[{receiver}]"), false);
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

/// Whether it stands below a header of its own.
fn is_below(field: &Field) -> bool {
    matches!(field.name, "message" | "notify")
}

fn find(values: &Values, name: &str) -> Option<&'static str> {
    values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
