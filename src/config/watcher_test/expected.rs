//! Reads what a poll is expected to come to.

use super::fields::{EVENT, EVENT_WORDS, EXPECTED_MESSAGE};
use super::{Expected, ExpectedEvent, ExpectedMessage};
use crate::config::field::{nearest, quoted};
use crate::config::node::{Content, Node};
use crate::config::reader::{Reader, Report, Text};
use crate::domain::alert::{EventKind, Severity};

/// Everything that a `[[test.poll]]` block expects.
pub(super) fn read_expected(reader: &Reader<'_>, report: &mut Report<'_>) -> Expected {
    let mut expected = Expected {
        events: read_events(reader, report),
        firing: read_texts(reader, "firing", report),
        pending: read_texts(reader, "pending", report),
        told: read_texts(reader, "told", report),
        messages: read_messages(reader, report),
        error: read_text_or_texts(reader, "error", report),
        warnings: read_text_or_texts(reader, "warnings", report),
        lines: Default::default(),
    };
    for name in ["events", "firing", "pending", "told", "error", "warnings"] {
        if let Some(place) = reader.key_place(name) {
            expected.lines.insert(name.to_owned(), report.line(place));
        }
    }
    for entry in reader.node("message").and_then(Node::table).map(|table| &table.entries).into_iter().flatten() {
        expected.lines.insert(format!("message.{}", entry.name), report.line(&entry.key_place));
    }
    expected
}

/// Texts, or none of them; `None` when the key is absent.
pub(super) fn read_texts(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Vec<String>> {
    Some(reader.texts(name, report)?.iter().map(|text| text.value.to_owned()).collect())
}

fn read_text_or_texts(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Vec<String> {
    let texts = reader.text_or_texts(name, report).unwrap_or_default();
    texts.iter().map(|text| text.value.to_owned()).collect()
}

fn read_events(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<ExpectedEvent> {
    let Some(node) = reader.node("events") else { return Vec::new() };
    let Content::Array(items) = &node.content else {
        let hint = Text::of(node).and_then(|text| text.shown()).map(|text| format!("write it in brackets: events = [\"{text}\"]"));
        report.at(&node.place, format!("expected an array of events, found {}", node.describe()), hint);
        return Vec::new();
    };
    items.iter().filter_map(|item| if item.table().is_some() { event_table(item, report) } else { event_text(item, report) }).collect()
}

fn event_table(node: &Node, report: &mut Report<'_>) -> Option<ExpectedEvent> {
    let reader = Reader::new(&EVENT, node, report)?;
    reader.require(report);
    let kind = reader.word("event", report).and_then(|word| word.parse::<EventKind>().ok());
    let severity = reader.word("severity", report).and_then(|word| word.parse::<Severity>().ok());
    let key = reader.text("key", report).map(|text| text.value.to_owned());
    let receivers = read_texts(&reader, "receivers", report);
    let reason = reader.text("reason", report).map(|text| text.value.to_owned());
    Some(ExpectedEvent { kind: kind?, key, severity, receivers, reason })
}

/// `fired A [warning]`: the event, the key, and the severity in brackets. A text says that there is no key, where it names
/// none.
fn event_text(node: &Node, report: &mut Report<'_>) -> Option<ExpectedEvent> {
    let Some(text) = Text::of(node) else {
        let hint = "write for example: \"fired A [warning]\"".to_owned();
        report.at(&node.place, format!("expected an event, found {}", node.describe()), Some(hint));
        return None;
    };
    let written = text.value.trim();
    let (word, rest) = written.split_once(' ').unwrap_or((written, ""));
    let Ok(kind) = word.parse::<EventKind>() else {
        let near = nearest(word, EVENT_WORDS).map(|near| format!("did you mean \"{near}\"? "));
        let hint = format!("{}an event begins with one of {}", near.unwrap_or_default(), quoted(&EVENT_WORDS));
        report.inside(node, 0..word.len(), format!("`{word}` is not an event"), Some(hint));
        return None;
    };
    let rest = rest.trim();
    let in_brackets = rest.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    let severity = in_brackets.and_then(|(_, word)| word.parse::<Severity>().ok());
    let key = in_brackets.filter(|_| severity.is_some()).map_or(rest, |(key, _)| key.trim());
    Some(ExpectedEvent { kind, key: Some(key.to_owned()), severity, receivers: None, reason: None })
}

fn read_messages(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<(String, Vec<ExpectedMessage>)> {
    let Some(node) = reader.node("message") else { return Vec::new() };
    let Some(table) = node.table() else {
        let hint = "say who gets it: message.warehouse = '''…'''".to_owned();
        report.at(&node.place, format!("expected a table of receivers, found {}", node.describe()), Some(hint));
        return Vec::new();
    };
    let of = |node: &Node, report: &mut Report<'_>| match &node.content {
        Content::Array(items) => items.iter().filter_map(|item| read_message(item, report)).collect(),
        _ => read_message(node, report).into_iter().collect(),
    };
    table.entries.iter().map(|entry| (entry.name.clone(), of(&entry.node, report))).collect()
}

fn read_message(node: &Node, report: &mut Report<'_>) -> Option<ExpectedMessage> {
    if let Some(text) = Text::of(node) {
        return Some(ExpectedMessage { text: Some(text.value.to_owned()), ..ExpectedMessage::default() });
    }
    let reader = Reader::new(&EXPECTED_MESSAGE, node, report)?;
    if EXPECTED_MESSAGE.fields.iter().all(|field| reader.node(field.name).is_none()) {
        let hint = "write the text, or for example: { contains = \"A-17\" }; who gets a message at all is told = [\"…\"]".to_owned();
        report.missing(reader.place, "nothing is expected of this message", Some(hint));
    }
    // An empty one is to be filled in by `--update`.
    let mut text = |name: &str| match reader.node(name).and_then(Text::of) {
        Some(text) => Some(text.value.to_owned()),
        None => reader.text(name, report).map(|text| text.value.to_owned()),
    };
    Some(ExpectedMessage {
        title: text("title"),
        text: text("text"),
        contains: read_text_or_texts(&reader, "contains", report),
        mentions: read_texts(&reader, "mentions", report),
    })
}
