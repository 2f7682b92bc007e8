//! A message as DingTalk's templates for robots of apps have it: a key, and its parameters as a JSON *text*.

use crate::domain::message::Message;
use serde_json::json;

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
    /// The body of a message to people as it would be sent, to look at: it holds no secret.
    pub fn body(&self, message: &Message) -> String {
        let template = of(message, None);
        json!({ "robotCode": self.robot_code, "userIds": self.users, "msgKey": template.key, "msgParam": template.param }).to_string()
    }
}

/// The message in its form, cut on a row where it would be too long. `open` is a button that opens a page.
pub(super) fn of(message: &Message, open: Option<&Open>) -> Template {
    let title = title(&message.title);
    let with = |text: &str| match open {
        Some(open) => json!({ "title": title, "text": text, "singleTitle": open.label, "singleURL": open.url }),
        None => json!({ "title": title, "text": text }),
    };
    let text = message.text_within(MAX_PARAM_BYTES.saturating_sub(with("").to_string().len()));
    Template { key: if open.is_some() { "sampleActionCard" } else { "sampleMarkdown" }, param: with(&text).to_string() }
}

/// A button that opens a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub label: &'static str,
    pub url: String,
}

/// One line, not empty.
pub(super) fn title(title: &str) -> String {
    let line: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TITLE_CHARS).collect();
    if line.is_empty() { "rowbell".to_owned() } else { line }
}
