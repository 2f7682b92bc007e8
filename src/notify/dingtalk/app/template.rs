//! A message as DingTalk's templates for robots of apps have it: a key, and its parameters as a JSON *text*.
//!
//! The form follows from what the message holds (see [`Form`]). These templates call nobody by name, so a message that would
//! for a robot is a card or a picture here; and there is none for several pictures, which go as Markdown.

use crate::domain::delivery::AppForm;
use crate::domain::message::{Form, Link, MAX_TEXT_BYTES, Message, Parts, is_pair};
use serde_json::{Map, Value, json};

/// The most bytes that the parameters of a message to a conversation may have (15,000), and some to spare.
pub(super) const MAX_PARAM_BYTES: usize = 14_800;
/// The longest title, in characters; phones show less.
const MAX_TITLE_CHARS: usize = 100;

/// `msgKey` and `msgParam`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub key: &'static str,
    pub param: String,
}

impl super::App {
    /// A message as it would be sent, taken apart. What is no message of the robot shows all of it as a text.
    pub fn shown(&self, message: &Message) -> Parts {
        match self.form {
            AppForm::Message => fitted(message, None).0,
            AppForm::Card | AppForm::Ding | AppForm::DingSms | AppForm::DingPhone | AppForm::WorkNotification => message.as_markdown(),
        }
    }
}

/// The message in its form, cut on a row where it would be too long. `open` is a button that opens a page.
pub(super) fn of(message: &Message, open: Option<Link>) -> Template {
    fitted(message, open).1
}

/// The parts with as much text as there is room for, and what is sent of them.
fn fitted(message: &Message, open: Option<Link>) -> (Parts, Template) {
    let mut message = Message { mentions: Vec::new(), ..message.clone() };
    if let Some(open) = open {
        message.attached.feed.clear();
        message.attached.buttons.push(open);
    }
    let mut room = MAX_TEXT_BYTES.min(MAX_PARAM_BYTES);
    loop {
        let parts = message.parts(room);
        let form = if parts.form == Form::Feed { Form::Markdown } else { parts.form };
        let parts = Parts { form, feed: Vec::new(), title: title(&parts.title), ..parts };
        let template = template(&parts);
        let over = template.param.len().saturating_sub(MAX_PARAM_BYTES);
        if over == 0 || over >= room {
            return (parts, template);
        }
        room -= over;
    }
}

fn template(parts: &Parts) -> Template {
    let Parts { title, text, .. } = parts;
    let (key, param) = match parts.form {
        Form::Text => ("sampleText", json!({ "content": text })),
        Form::Markdown | Form::Feed => ("sampleMarkdown", json!({ "title": title, "text": text })),
        Form::Card => card(parts),
        Form::Link => {
            let url = parts.buttons.first().map(Link::outside);
            ("sampleLink", json!({ "title": title, "text": text, "picUrl": parts.picture, "messageUrl": url }))
        }
    };
    Template { key, param: param.to_string() }
}

/// Each number of buttons has a template of its own, and each of those its own names.
fn card(parts: &Parts) -> (&'static str, Value) {
    let buttons = parts.buttons.as_slice();
    let (key, title_name, url_name) = match buttons.len() {
        0 | 1 => ("sampleActionCard", "singleTitle", "singleURL"),
        2 if is_pair(buttons) => ("sampleActionCard6", "buttonTitle", "buttonUrl"),
        2 => ("sampleActionCard2", "actionTitle", "actionURL"),
        3 => ("sampleActionCard3", "actionTitle", "actionURL"),
        4 => ("sampleActionCard4", "actionTitle", "actionURL"),
        _ => ("sampleActionCard5", "actionTitle", "actionURL"),
    };
    let mut param = Map::new();
    param.insert("title".to_owned(), json!(parts.title));
    param.insert("text".to_owned(), json!(parts.text));
    for (at, button) in buttons.iter().enumerate() {
        let number = if buttons.len() > 1 { (at + 1).to_string() } else { String::new() };
        param.insert(format!("{title_name}{number}"), json!(button.button_title()));
        param.insert(format!("{url_name}{number}"), json!(button.outside()));
    }
    (key, Value::Object(param))
}

/// One line, not empty.
pub(super) fn title(title: &str) -> String {
    let line: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TITLE_CHARS).collect();
    if line.is_empty() { "rowbell".to_owned() } else { line }
}
