//! Writes what was seen into a file of tests. Comments, order and everything that was as expected stay as they are.

use super::compare::{event_text, matched, messages_of, told};
use super::play::{Seen, SeenMessage};
use crate::config::watcher_test::{ExpectedMessage, TestPoll};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, TomlError, Value};

/// An array that is longer stands on several lines.
const LINE_WIDTH: usize = 100;

/// What a poll expects.
const EXPECTED: [&str; 7] = ["events", "firing", "pending", "told", "message", "error", "warnings"];

/// A poll whose expectations are to be brought to what was seen.
pub(super) struct Correction<'a> {
    /// Which test, from 0.
    pub test: usize,
    /// Which of its polls, from 0.
    pub number: usize,
    pub poll: &'a TestPoll,
    pub seen: &'a Seen,
    /// The keys that are not as expected.
    pub keys: Vec<&'a str>,
}

/// The text of the file with what was seen.
///
/// # Errors
/// The text is not TOML: it has changed since it was read.
pub(super) fn corrected(text: &str, corrections: &[Correction<'_>]) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    for correction in corrections {
        let test = document.get_mut("test").and_then(|tests| nth(tests, correction.test));
        let polls = test.and_then(|test| test.get_mut("poll"));
        let Some(polls) = polls else { continue };
        let before = nth(polls, correction.number).map(|poll| keys(poll)).unwrap_or_default();
        if let Some(poll) = nth(polls, correction.number) {
            correction.keys.iter().for_each(|key| correct(poll, key, correction));
        }
        if let Some(block) = polls.as_array_of_tables_mut().and_then(|blocks| blocks.get_mut(correction.number)) {
            in_order(block, &before);
        }
    }
    Ok(document.to_string())
}

/// A table of `[[blocks]]` or of an array of inline tables.
fn nth(tables: &mut Item, at: usize) -> Option<&mut dyn TableLike> {
    match tables {
        Item::ArrayOfTables(blocks) => blocks.get_mut(at).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(items)) => items.get_mut(at)?.as_inline_table_mut().map(|table| table as &mut dyn TableLike),
        _ => None,
    }
}

fn keys(table: &dyn TableLike) -> Vec<String> {
    table.iter().map(|(key, _)| key.to_owned()).collect()
}

/// A key that was not there before comes before what else is expected: behind what the poll is given.
fn in_order(block: &mut Table, before: &[String]) {
    let all = keys(block);
    let (old, new): (Vec<&String>, Vec<&String>) = all.iter().partition(|key| before.contains(key));
    let at = old.iter().position(|key| EXPECTED.contains(&key.as_str())).unwrap_or(old.len());
    let order: Vec<&String> = old[..at].iter().chain(&new).chain(&old[at..]).copied().collect();
    // Receivers below `message` are none of these, and stay as they are.
    let place = |key: &str| order.iter().position(|other| *other == key);
    block.sort_values_by(|one, _, other, _| match (place(one.get()), place(other.get())) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => std::cmp::Ordering::Equal,
    });
}

fn correct(poll: &mut dyn TableLike, key: &str, correction: &Correction<'_>) {
    let seen = correction.seen;
    match key {
        "events" => correct_events(poll, correction),
        "firing" => put(poll, key, array(seen.firing.iter().map(Value::from).collect())),
        "pending" => put(poll, key, array(seen.pending.iter().map(Value::from).collect())),
        "told" => put(poll, key, array(told(seen).iter().map(Value::from).collect())),
        "error" => put_texts(poll, key, &seen.errors),
        "warnings" => put_texts(poll, key, &seen.warnings),
        _ => {
            let receiver = key.trim_start_matches("message.");
            let expected = correction.poll.expected.messages.iter().find(|(name, _)| name == receiver);
            let messages = poll.get_mut("message").and_then(Item::as_table_like_mut);
            if let (Some(messages), Some((_, expected))) = (messages, expected) {
                correct_messages(messages, receiver, expected, &messages_of(seen, receiver));
            }
        }
    }
}

/// What was as expected stays as it is written.
fn correct_events(poll: &mut dyn TableLike, correction: &Correction<'_>) {
    let written: Vec<Value> = match poll.get("events") {
        Some(Item::Value(Value::Array(items))) => items.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let matched = matched(&correction.poll.expected.events, &correction.seen.events);
    let items = correction.seen.events.iter().zip(matched).map(|(event, met)| match met.and_then(|at| written.get(at)) {
        Some(written) => written.clone().decorated("", ""),
        None => Value::from(event_text(event)),
    });
    put(poll, "events", array(items.collect()));
}

fn correct_messages(table: &mut dyn TableLike, receiver: &str, expected: &[ExpectedMessage], seen: &[&SeenMessage]) {
    if expected.len() != seen.len() {
        match seen {
            [] => _ = table.remove(receiver),
            [only] => put(table, receiver, text_value(&only.text)),
            several => put(table, receiver, array(several.iter().map(|message| text_value(&message.text)).collect())),
        }
        return;
    }
    let Some(Item::Value(value)) = table.get_mut(receiver) else {
        // `[test.poll.message.warehouse]` is a table of its own.
        if let (Some(fields), [expected], [seen]) = (table.get_mut(receiver).and_then(Item::as_table_like_mut), expected, seen) {
            correct_fields(fields, expected, seen);
        }
        return;
    };
    match value {
        Value::Array(items) => {
            for ((item, expected), seen) in items.iter_mut().zip(expected).zip(seen) {
                correct_message(item, expected, seen);
            }
        }
        single => {
            if let ([expected], [seen]) = (expected, seen) {
                correct_message(single, expected, seen);
            }
        }
    }
}

fn correct_message(value: &mut Value, expected: &ExpectedMessage, seen: &SeenMessage) {
    match value {
        Value::InlineTable(fields) => correct_fields(fields, expected, seen),
        text => replace(text, text_value(&seen.text)),
    }
}

/// Parts that the text does not contain stay: which part is meant now, only a person can tell.
fn correct_fields(fields: &mut dyn TableLike, expected: &ExpectedMessage, seen: &SeenMessage) {
    if expected.title.is_some() {
        put(fields, "title", Value::from(seen.title.as_str()));
    }
    if expected.text.is_some() {
        put(fields, "text", text_value(&seen.text));
    }
    if expected.mentions.is_some() {
        put(fields, "mentions", array(seen.mentions.iter().map(Value::from).collect()));
    }
}

fn put_texts(table: &mut dyn TableLike, key: &str, texts: &[String]) {
    match texts {
        [] => _ = table.remove(key),
        [only] => put(table, key, Value::from(only)),
        several => put(table, key, array(several.iter().map(Value::from).collect())),
    }
}

/// Sets a key; one that is there keeps its place and its comments.
fn put(table: &mut dyn TableLike, key: &str, value: Value) {
    match table.get_mut(key) {
        Some(Item::Value(old)) => replace(old, value),
        _ => _ = table.insert(key, Item::Value(value)),
    }
}

fn replace(old: &mut Value, mut value: Value) {
    *value.decor_mut() = old.decor().clone();
    *old = value;
}

/// An array on one line, or with a line for each item.
fn array(items: Vec<Value>) -> Value {
    let width: usize = items.iter().map(|item| item.to_string().chars().count() + 2).sum();
    let is_long = width > LINE_WIDTH || items.iter().any(|item| item.to_string().contains('\n'));
    let mut array = Array::new();
    for (at, item) in items.into_iter().enumerate() {
        let before = if is_long {
            "\n    "
        } else if at > 0 {
            " "
        } else {
            ""
        };
        array.push_formatted(item.decorated(before, ""));
    }
    if is_long {
        array.set_trailing_comma(true);
        array.set_trailing("\n");
    }
    Value::Array(array)
}

/// A text of several lines between three quotes, as it reads best.
fn text_value(text: &str) -> Value {
    let literal = (text.contains('\n') && !text.contains("'''") && !text.contains('\r')).then(|| format!("'''\n{}\n'''", text.trim_end()));
    literal.and_then(|literal| literal.parse().ok()).unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
