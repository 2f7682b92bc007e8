//! Reads what a watcher says and to whom: `[message]` and `[[notify]]`.

use super::fields::{SECOND, WATCHER, YEAR};
use super::message_fields::{BUTTON, MESSAGE};
use super::read::notify_condition;
use crate::config::field::{Field, Kind, Spec, nearest};
use crate::config::node::{Content, Node, Place};
use crate::config::reader::{Reader, Report, Text};
use crate::config::settings::Settings;
use crate::domain::escalation;
use crate::domain::template;
use crate::domain::watcher::{Button, Mention, MessageTemplate, Notify};

pub(in crate::config) static NOTIFY: Spec = Spec {
    title: "[[notify]]",
    doc: "Who gets the rows for which `when` holds; every block is looked at.",
    fields: &[
        Field {
            name: "receivers",
            kind: Kind::Texts,
            doc: "Names below [receivers] in the settings.",
            default: None,
            example: "[\"warehouse\"]",
            required: true,
        },
        Field {
            name: "when",
            kind: Kind::Condition,
            doc: "A SQL condition over the row's columns and `severity`. Default: every row.",
            default: None,
            example: "\"severity = 'critical'\"",
            required: false,
        },
        Field {
            name: "mention",
            kind: Kind::Texts,
            doc: "Who is called by name: phone numbers, user ids, or \"all\".",
            default: None,
            example: "[\"13800000000\"]",
            required: false,
        },
        Field {
            name: "after",
            kind: Kind::Duration(SECOND, YEAR),
            doc: "A step of escalation: told once, when an alert has been firing for so long and `when` holds. Default: told at \
                  once. For `match` and `missing`.",
            default: None,
            example: "\"15m\"",
            required: false,
        },
        Field {
            name: "unless",
            kind: Kind::Word(&["acknowledged"]),
            doc: "acknowledged: the step is left out while a person has taken the alert.",
            default: None,
            example: "\"acknowledged\"",
            required: false,
        },
    ],
    later: &[],
    above: Some(&WATCHER),
};

/// The values of `alert_on` whose alerts go on: what is told once, or at each poll, has no time in which nobody answers.
pub(in crate::config) const LASTING: [&str; 2] = ["match", "missing"];

/// The keys of a block that make a step of it.
pub(in crate::config) const STEP: [&str; 2] = ["after", "unless"];

/// The `[message]` table.
pub(super) fn read_message(root: &Reader<'_>, report: &mut Report<'_>) -> MessageTemplate {
    let Some(reader) = root.node("message").and_then(|node| Reader::new(&MESSAGE, node, report)) else {
        return MessageTemplate::default();
    };
    let title = read_template(&reader, "title", report);
    let body = read_template(&reader, "body", report);
    let buttons = reader.tables("buttons", &BUTTON, report).iter().filter_map(|button| read_button(button, report)).collect();
    let picture = read_address(&reader, "picture", report);
    MessageTemplate { title, body, buttons, picture }
}

fn read_button(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Button> {
    reader.require(report);
    let title = read_template(reader, "title", report);
    let url = read_address(reader, "url", report);
    Some(Button { title: title?, url: url? })
}

/// A template whose result is an address.
fn read_address(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<String> {
    let url = read_template(reader, name, report)?;
    if let Some(node) = reader.node(name).filter(|_| !["http://", "https://", "{"].iter().any(|start| url.starts_with(start))) {
        let hint = "write it whole: \"https://…\"".to_owned();
        let what = if name == "url" { "the `url` of a button" } else { "the address of a picture" };
        report.at(&node.place, format!("{what} must begin with http:// or https://"), Some(hint));
    }
    Some(url)
}

fn read_template(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text(name, report)?;
    if let Err(error) = template::check_syntax(text.value) {
        let filter = error.message.strip_prefix("there is no filter `").map(|name| name.trim_end_matches('`'));
        let hint = filter.and_then(|name| nearest(name, template::FILTERS)).map(|near| format!("did you mean `{near}`?"));
        match error.span {
            Some(span) => report.inside(text.node, span, error.message, hint),
            None => report.at(text.place(), error.message, hint),
        }
    }
    Some(text.value.to_owned())
}

/// The `[[notify]]` blocks.
pub(super) fn read_notify(reader: &Reader<'_>, alert_on: Option<&str>, settings: &Settings, report: &mut Report<'_>) -> Vec<Notify> {
    if reader.node("notify").is_none() {
        return everyone(reader.place, settings, report);
    }
    let mut blocks: Vec<Notify> = Vec::new();
    for block in reader.tables("notify", &NOTIFY, report) {
        let read = read_block(&block, settings, report);
        check_step(&block, &read, &blocks, alert_on, report);
        blocks.push(read);
    }
    blocks
}

/// What stands in a block that is told later.
fn check_step(block: &Reader<'_>, read: &Notify, before: &[Notify], alert_on: Option<&str>, report: &mut Report<'_>) {
    let Some(place) = block.key_place("after") else {
        if let Some(place) = block.key_place("unless") {
            let hint = "write after = \"15m\", or remove it".to_owned();
            report.at(place, "`unless` belongs to an `after`: what is told at once cannot be acknowledged before", Some(hint));
        }
        return;
    };
    if let Some(word) = alert_on.filter(|word| !LASTING.contains(word)) {
        let message = format!("`after` has no meaning for alert_on = \"{word}\": there is no alert that goes on firing");
        report.at(place, message, Some("it is for alert_on = \"match\" or \"missing\": remove it".to_owned()));
    }
    let is_same = |other: &Notify| read.after.is_some() && escalation::name(other) == escalation::name(read);
    if before.iter().any(is_same) {
        let hint = "write one block, with the conditions joined by `or`".to_owned();
        report.at(place, "there is a step with this `after` for these receivers already, and each is told once", Some(hint));
    }
}

/// Without a block: the only receiver there is.
fn everyone(place: &Place, settings: &Settings, report: &mut Report<'_>) -> Vec<Notify> {
    let names: Vec<&str> = settings.receivers.keys().map(String::as_str).collect();
    if let [only] = names[..] {
        return vec![Notify::at_once(vec![only.to_owned()])];
    }
    let example = names.first().copied().unwrap_or("warehouse");
    let known = match names.is_empty() {
        true => ", and [receivers.warehouse] to rowbell.toml, which has no receiver yet".to_owned(),
        false => format!("; the settings have {}", names.join(", ")),
    };
    let hint = format!("add at the end of the file{known}:\n[[notify]]\nreceivers = [\"{example}\"]");
    report.missing(place, "no one is told: there is no [[notify]] block", Some(hint));
    Vec::new()
}

fn read_block(block: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Notify {
    block.require(report);
    let receivers = block.texts("receivers", report).unwrap_or_default();
    if let Some(Node { content: Content::Array(items), place }) = block.node("receivers")
        && items.is_empty()
    {
        report.at(place, "`receivers` names no one", Some("name a receiver, or remove the block".to_owned()));
    }
    for receiver in receivers.iter().filter(|receiver| !settings.receivers.contains_key(receiver.value)) {
        let (message, hint) = settings.unknown_receiver(*receiver);
        report.at(receiver.place(), message, Some(hint));
    }
    let mention = block.some_texts("mention", report).unwrap_or_default();
    Notify {
        when: notify_condition(block, "when", report),
        receivers: unique(&receivers),
        mention: unique(&mention).iter().map(|text| Mention::parse(text)).collect(),
        after: block.duration("after", report),
        unless_acknowledged: block.word("unless", report).is_some(),
    }
}

/// Each once, in order.
fn unique(texts: &[Text<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in texts {
        if !names.iter().any(|name| name == text.value) {
            names.push(text.value.to_owned());
        }
    }
    names
}
