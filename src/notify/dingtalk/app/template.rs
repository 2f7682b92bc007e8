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
        let template = of(message);
        json!({ "robotCode": self.robot_code, "userIds": self.users, "msgKey": template.key, "msgParam": template.param }).to_string()
    }
}

/// The message in its form, cut on a row where it would be too long.
pub(super) fn of(message: &Message) -> Template {
    let title = title(&message.title);
    let text = message.text_within(MAX_PARAM_BYTES - json!({ "title": title, "text": "" }).to_string().len());
    Template { key: "sampleMarkdown", param: json!({ "title": title, "text": text }).to_string() }
}

/// One line, not empty.
pub(super) fn title(title: &str) -> String {
    let line: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TITLE_CHARS).collect();
    if line.is_empty() { "rowbell".to_owned() } else { line }
}
