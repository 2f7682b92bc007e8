//! What is sent: a message as the bytes of a JSON body.
//!
//! The form follows from what the message holds (see [`Form`]). Here is added what only a robot needs (the keyword, the `@`
//! marks, addresses that open in the browser), and all of it is counted as it is sent: the text gets what is left.

use crate::domain::message::{FeedLine, Form, Link, MAX_TEXT_BYTES, Message, Parts, is_pair, outside};
use crate::domain::watcher::Mention;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The longest body that DingTalk takes, in bytes.
pub const MAX_BODY_BYTES: usize = 20_000;
/// A body is cut to so many bytes: what exactly DingTalk counts is not documented.
pub const FULL_BODY_BYTES: usize = 19_000;
/// The most people one message may call by name; further ones are left out.
pub const MAX_MENTIONS: usize = 50;
/// The longest title: a phone shows less, and the rest of the body is for the text.
const MAX_TITLE_CHARS: usize = 100;

/// A message on its way to a robot.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// One per delivery, the same over all its attempts: DingTalk posts it once.
    pub uuid: &'a str,
    /// What it says, and whom it calls by name.
    pub message: &'a Message,
}

/// The exact size of the body that a robot with this keyword would send.
pub fn body_size(message: &Outgoing<'_>, keyword: Option<&str>) -> usize {
    body(message, keyword).len()
}

/// The body as it goes over the wire: UTF-8, no `\u` escapes (they would triple Chinese text), no longer than
/// [`FULL_BODY_BYTES`] unless what cannot be cut is longer by itself.
pub(super) fn body(outgoing: &Outgoing<'_>, keyword: Option<&str>) -> String {
    let (parts, title) = fitted(outgoing, keyword);
    json(outgoing, &parts, &title, keyword).to_string()
}

/// The text of it as a receiver reads it: with the keyword, and with the marks of those who are called by name.
pub(super) fn shown(outgoing: &Outgoing<'_>, keyword: Option<&str>) -> Parts {
    let (parts, title) = fitted(outgoing, keyword);
    let text = text(outgoing, &parts, &title, keyword);
    Parts { text, title, ..parts }
}

/// The parts with as much text as there is room for, and the title.
fn fitted(outgoing: &Outgoing<'_>, keyword: Option<&str>) -> (Parts, String) {
    let mut room = MAX_TEXT_BYTES;
    loop {
        let parts = outgoing.message.parts(room);
        let title = title(&parts, keyword);
        let over = json(outgoing, &parts, &title, keyword).to_string().len().saturating_sub(FULL_BODY_BYTES);
        if over == 0 || over >= room {
            return (parts, title);
        }
        room -= over;
    }
}

fn json(outgoing: &Outgoing<'_>, parts: &Parts, title: &str, keyword: Option<&str>) -> Value {
    let text = text(outgoing, parts, title, keyword);
    let people = Mentioned::of(&outgoing.message.mentions);
    let uuid = outgoing.uuid;
    match parts.form {
        Form::Text => json!({ "msgtype": "text", "text": { "content": text }, "at": people.at(), "msgUuid": uuid }),
        Form::Markdown => {
            json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text }, "at": people.at(), "msgUuid": uuid })
        }
        Form::Card => json!({ "msgtype": "actionCard", "actionCard": card(parts, title, &text), "msgUuid": uuid }),
        Form::Link => json!({ "msgtype": "link", "link": link(parts, title, &text), "msgUuid": uuid }),
        Form::Feed => {
            let lines: Vec<Value> = parts.feed.iter().enumerate().map(|(at, line)| feed_line(line, (at == 0).then_some(title))).collect();
            json!({ "msgtype": "feedCard", "feedCard": { "links": lines }, "msgUuid": uuid })
        }
    }
}

/// One button is the whole card's, several are a list: where both are given DingTalk looks at the first only.
fn card(parts: &Parts, title: &str, text: &str) -> Value {
    match parts.buttons.as_slice() {
        [button] => json!({ "title": title, "text": text, "singleTitle": button.button_title(), "singleURL": button.outside() }),
        buttons => {
            let list: Vec<Value> =
                buttons.iter().map(|button| json!({ "title": button.button_title(), "actionURL": button.outside() })).collect();
            json!({ "title": title, "text": text, "btnOrientation": if is_pair(buttons) { "1" } else { "0" }, "btns": list })
        }
    }
}

fn link(parts: &Parts, title: &str, text: &str) -> Value {
    let url = parts.buttons.first().map(Link::outside);
    json!({ "title": title, "text": text, "messageUrl": url, "picUrl": parts.picture })
}

fn feed_line(line: &FeedLine, title: Option<&str>) -> Value {
    json!({ "title": title.unwrap_or(&line.title), "messageURL": outside(&line.url), "picURL": line.picture })
}

/// The text with the keyword and the marks of those who are called by name.
fn text(outgoing: &Outgoing<'_>, parts: &Parts, title: &str, keyword: Option<&str>) -> String {
    let marks = || Mentioned::of(&outgoing.message.mentions).marks();
    match parts.form {
        Form::Text => format!("{}{}", with_keyword("", &parts.text, keyword), marks()),
        Form::Markdown => format!("{}{}", with_keyword(title, &parts.text, keyword), marks()),
        Form::Card => with_keyword(title, &parts.text, keyword).into_owned(),
        // The keyword stands in the title.
        Form::Link | Form::Feed => parts.text.clone(),
    }
}

/// What a phone's notification shows. An empty title would make an empty notification and is refused by DingTalk: the
/// text's first line serves then. A card of links has no text of its own that a keyword could be put into.
fn title(parts: &Parts, keyword: Option<&str>) -> String {
    let given = if parts.form == Form::Feed { parts.feed.first().map_or("", |line| &line.title) } else { &parts.title };
    let first = parts.text.lines().map(|line| line.trim_matches(['#', '>', '*', ' '])).find(|line| !line.is_empty());
    let title = Some(given.trim()).filter(|title| !title.is_empty()).or(first).unwrap_or("rowbell").replace(['\r', '\n'], " ");
    let is_there = |word: &&str| title.contains(*word) || parts.form == Form::Link && parts.text.contains(*word);
    let missing = keyword.filter(|word| matches!(parts.form, Form::Link | Form::Feed) && !word.is_empty() && !is_there(word));
    let title = missing.map(|word| format!("{word} · {title}")).unwrap_or(title);
    title.chars().take(MAX_TITLE_CHARS).collect()
}

/// The text, with the keyword in its first line when it is nowhere yet: a robot that asks for a keyword refuses every
/// message without it.
fn with_keyword<'a>(title: &str, text: &'a str, keyword: Option<&str>) -> Cow<'a, str> {
    let Some(keyword) = keyword.filter(|word| !word.is_empty() && !title.contains(*word) && !text.contains(*word)) else {
        return Cow::Borrowed(text);
    };
    let marks = text.len() - text.trim_start_matches('#').len();
    match text[marks..].strip_prefix(' ') {
        Some(heading) if (1..=6).contains(&marks) => Cow::Owned(format!("{} {keyword} · {}", &text[..marks], heading.trim_start())),
        _ => Cow::Owned(format!("{keyword}\n\n{text}")),
    }
}

/// Those called by name, each once.
struct Mentioned<'a> {
    everyone: bool,
    people: Vec<&'a Mention>,
}

impl<'a> Mentioned<'a> {
    fn of(mentions: &'a [Mention]) -> Mentioned<'a> {
        let mut people: Vec<&Mention> = Vec::new();
        for mention in mentions {
            if *mention != Mention::All && !people.contains(&mention) {
                people.push(mention);
            }
        }
        people.truncate(MAX_MENTIONS);
        Mentioned { everyone: mentions.contains(&Mention::All), people }
    }

    /// `@…` for each, as a last paragraph: without it DingTalk notifies nobody. Everyone needs no mark.
    fn marks(&self) -> String {
        let marks: Vec<String> = self.people.iter().filter_map(|who| name(who)).map(|name| format!("@{name}")).collect();
        if marks.is_empty() { String::new() } else { format!("\n\n{}", marks.join(" ")) }
    }

    /// The `at` object, which stands beside the message and not in it.
    fn at(&self) -> Value {
        let mobiles: Vec<&str> = self.people.iter().filter(|who| matches!(who, Mention::Mobile(_))).filter_map(|who| name(who)).collect();
        let users: Vec<&str> = self.people.iter().filter(|who| matches!(who, Mention::User(_))).filter_map(|who| name(who)).collect();
        json!({ "atMobiles": mobiles, "atUserIds": users, "isAtAll": self.everyone })
    }
}

fn name(mention: &Mention) -> Option<&str> {
    match mention {
        Mention::Mobile(name) | Mention::User(name) => Some(name),
        Mention::All => None,
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
