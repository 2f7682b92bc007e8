//! What is sent: a markdown message as the bytes of a JSON body.
//!
//! It does not compose or shorten a text; it adds what only DingTalk needs (the keyword, the `@` marks) and tells the exact
//! size, so that whoever composes can cut at a row.

use crate::domain::watcher::Mention;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The longest body that DingTalk takes, in bytes.
pub const MAX_BODY_BYTES: usize = 20_000;
/// The most people one message may call by name; further ones are left out.
pub const MAX_MENTIONS: usize = 50;
/// The longest title: a phone shows less, and the rest of the body is for the text.
const MAX_TITLE_CHARS: usize = 100;

/// A message on its way to a robot.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// One per delivery, the same over all its attempts: DingTalk posts it once.
    pub uuid: &'a str,
    /// What a phone shows in its notification; not a part of the message itself.
    pub title: &'a str,
    /// Markdown, in the small subset that DingTalk knows.
    pub text: &'a str,
    /// Who is called by name.
    pub mentions: &'a [Mention],
}

/// The exact size of the body that a robot with this keyword would send.
pub fn body_size(message: &Outgoing<'_>, keyword: Option<&str>) -> usize {
    body(message, keyword).len()
}

/// The body as it goes over the wire: UTF-8, no `\u` escapes (they would triple Chinese text).
pub(super) fn body(message: &Outgoing<'_>, keyword: Option<&str>) -> String {
    json!({
        "msgtype": "markdown",
        "markdown": { "title": title(message), "text": text(message, keyword) },
        "at": Mentioned::of(message.mentions).at(),
        "msgUuid": message.uuid,
    })
    .to_string()
}

/// The text with the keyword and the marks of those who are called by name.
pub(super) fn text(message: &Outgoing<'_>, keyword: Option<&str>) -> String {
    format!("{}{}", with_keyword(&title(message), message.text, keyword), Mentioned::of(message.mentions).marks())
}

/// An empty title would make an empty notification and is refused by DingTalk: the text's first line serves then.
fn title(message: &Outgoing<'_>) -> String {
    let first = message.text.lines().map(|line| line.trim_matches(['#', '>', '*', ' '])).find(|line| !line.is_empty());
    let title = Some(message.title.trim()).filter(|title| !title.is_empty()).or(first).unwrap_or("rowbell");
    title.replace(['\r', '\n'], " ").chars().take(MAX_TITLE_CHARS).collect()
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
mod tests {
    use super::*;

    fn sent(title: &str, text: &str, keyword: Option<&str>, mentions: &[Mention]) -> Value {
        let body = body(&Outgoing { uuid: "u", title, text, mentions }, keyword);
        serde_json::from_str(&body).expect("JSON")
    }

    fn text(title: &str, text: &str, keyword: &str) -> String {
        sent(title, text, Some(keyword), &[])["markdown"]["text"].as_str().expect("a text").to_owned()
    }

    #[test]
    fn the_keyword_goes_into_the_first_line_when_it_is_nowhere() {
        assert_eq!(text("t", "### stock\n\nrow", "alert"), "### alert · stock\n\nrow");
        assert_eq!(text("t", "- row", "告警"), "告警\n\n- row");
        assert_eq!(text("t", "#hash", "k"), "k\n\n#hash");
        assert_eq!(text("t", "", "k"), "k\n\n");
    }

    #[test]
    fn the_keyword_is_not_repeated() {
        assert_eq!(text("an alert", "row", "alert"), "row");
        assert_eq!(text("t", "row\n\nalert", "alert"), "row\n\nalert");
        assert_eq!(text("t", "row", ""), "row");
    }

    #[test]
    fn people_are_listed_beside_the_message_and_marked_in_it() {
        let people = [Mention::Mobile("13800000000".into()), Mention::User("manager01".into()), Mention::Mobile("13800000000".into())];
        let body = sent("t", "row", None, &people);
        assert_eq!(body["markdown"]["text"], "row\n\n@13800000000 @manager01");
        assert_eq!(body["at"], json!({ "atMobiles": ["13800000000"], "atUserIds": ["manager01"], "isAtAll": false }));
        assert!(body["markdown"].get("at").is_none());
    }

    #[test]
    fn everyone_needs_no_mark() {
        let body = sent("t", "row", None, &[Mention::All]);
        assert_eq!(body["markdown"]["text"], "row");
        assert_eq!(body["at"]["isAtAll"], true);
    }

    #[test]
    fn at_most_fifty_people_are_called() {
        let people: Vec<Mention> = (0..60).map(|n| Mention::User(format!("user{n}"))).collect();
        let body = sent("t", "row", None, &people);
        assert_eq!(body["at"]["atUserIds"].as_array().map(Vec::len), Some(50));
        assert_eq!(body["markdown"]["text"].as_str().map(|text| text.matches('@').count()), Some(50));
    }

    #[test]
    fn an_empty_title_is_taken_from_the_text() {
        assert_eq!(sent(" ", "\n### low stock\n\nrow", None, &[])["markdown"]["title"], "low stock");
        assert_eq!(sent("", "", None, &[])["markdown"]["title"], "rowbell");
        assert_eq!(sent("a\nb", "x", None, &[])["markdown"]["title"], "a b");
    }

    #[test]
    fn the_size_counts_bytes_of_utf8() {
        let message = |text| body_size(&Outgoing { uuid: "u", title: "t", text, mentions: &[] }, None);
        assert_eq!(message("库存") - message(""), 6);
        assert_eq!(message("\"\n") - message(""), 4);
    }
}
