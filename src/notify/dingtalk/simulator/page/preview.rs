//! A page of its own that shows messages before they are sent, as the chat would show them. It is one file: style inside, no
//! script, nothing from anywhere.
//!
//! The messages go through the simulator's own checks, so that what it says of them (an `@` that notifies nobody, markdown that
//! DingTalk garbles) is said here too.

use super::STYLE;
use super::view::{ChatRow, MessageView, bubbles, row};
use super::words::{Words, words};
use crate::clock::Clock;
use crate::notify::dingtalk::simulator::send::{Answer, Request, answer};
use crate::notify::dingtalk::simulator::state::State;
use crate::notify::dingtalk::simulator::{Language, SimulatedRobot, SimulatorSettings};
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::net::{IpAddr, Ipv4Addr};

/// What the page says beside the messages: the chat's style, made to be read from above to below.
const PREVIEW_STYLE: &str = include_str!("assets/preview.css");

/// What is shown.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The watcher.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Sentences about the poll.
    pub facts: Vec<String>,
    /// The names of the receivers, each with a chat of its own.
    pub receivers: Vec<String>,
    /// Messages: the number of the receiver, and the body as its robot would send it.
    pub messages: Vec<(usize, String)>,
    /// The language of the page.
    pub language: Language,
    /// The zone of the times it shows.
    pub timezone: Tz,
    /// When it is made.
    pub at: DateTime<Utc>,
}

/// The page.
///
/// # Errors
/// A message that the robot would refuse, in its words, or a page that cannot be rendered.
pub fn page(preview: &Preview) -> Result<String, String> {
    let state = posted(preview)?;
    let words = words(preview.language);
    let chats = (0..preview.receivers.len()).map(|chat| Chat { row: row(&state, chat), messages: bubbles(&state, chat) });
    let sheet = Sheet {
        words,
        title: &preview.title,
        description: &preview.description,
        at: preview.at.with_timezone(&preview.timezone).format("%Y-%m-%d %H:%M").to_string(),
        facts: &preview.facts,
        chats: chats.collect(),
    };
    sheet.render().map_err(|error| error.to_string())
}

/// A simulator that was sent the messages.
fn posted(preview: &Preview) -> Result<State, String> {
    let mut settings = SimulatorSettings::new(Clock::at(preview.at));
    (settings.language, settings.timezone, settings.limit.messages) = (preview.language, preview.timezone, usize::MAX);
    settings.robots = preview.receivers.iter().enumerate().map(|(at, name)| SimulatedRobot::new(&at.to_string(), name)).collect();
    let mut state = State::new(settings).map_err(|error| error.to_string())?;
    for (receiver, body) in &preview.messages {
        let request = Request {
            is_post: true,
            uri: String::new(),
            query: vec![("access_token".to_owned(), receiver.to_string())],
            content_type: "application/json".to_owned(),
            body: Some(body.clone().into_bytes()),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        match answer(&mut state, &request) {
            Answer::Json(said) if said["errcode"] == 0 => {}
            Answer::Json(said) | Answer::Faulty(_, said) => return Err(said["errmsg"].as_str().unwrap_or_default().to_owned()),
        }
    }
    Ok(state)
}

/// A receiver's chat.
struct Chat {
    row: ChatRow,
    messages: Vec<MessageView>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ words.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<title>{{ title }} – {{ words.preview }}</title>
<style>
{{ STYLE|safe }}
{{ PREVIEW_STYLE|safe }}
</style>
</head>
<body class="preview">
<header class="about">
<h1>{{ title }}{% if !description.is_empty() %} <small>{{ description }}</small>{% endif %}</h1>
<p class="when">{{ words.preview }} · {{ at }} · {{ words.nothing_sent }}</p>
<ul>{% for fact in facts %}<li>{{ fact }}</li>{% endfor %}</ul>
</header>
{%- if chats.is_empty() %}<p class="nothing">{{ words.nothing_told }}</p>{% endif %}
{%- for chat in chats %}
<section class="chat" id="chat-{{ chat.row.number }}">
<header class="head"><span class="avatar c{{ chat.row.colour }}">{{ chat.row.initial }}</span><h2>{{ chat.row.name }}</h2><span class="count">{{ chat.row.count }} {{ words.messages }}</span></header>
{%- for message in chat.messages %}
{{ message.drawn(chat.row, words) }}
{%- endfor %}
{%- if chat.messages.is_empty() %}<p class="nothing">{{ words.nothing_told }}</p>{% endif %}
</section>
{%- endfor %}
</body>
</html>
"##
)]
struct Sheet<'a> {
    words: &'static Words,
    title: &'a str,
    description: &'a str,
    at: String,
    facts: &'a [String],
    chats: Vec<Chat>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn preview(text: &str) -> Preview {
        let body = json!({ "msgtype": "markdown", "markdown": { "title": "库存不足", "text": text }, "at": {} }).to_string();
        Preview {
            title: "low_stock".into(),
            description: "库存 <低>".into(),
            facts: vec!["103 行，其中 2 行符合条件".into()],
            receivers: vec!["warehouse".into(), "duty".into()],
            messages: vec![(0, body.clone()), (0, body)],
            language: Language::Chinese,
            timezone: Tz::Asia__Shanghai,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_page_shows_each_receivers_messages_and_needs_nothing_else() {
        let html = page(&preview("### 🔴 **A-17** 缺货")).expect("a page");
        assert_eq!(html.matches("<article").count(), 2);
        assert!(html.contains("<strong>A-17</strong>") && html.contains("库存 &#60;低&#62;"), "{html}");
        assert!(html.contains("duty") && html.contains("没有要发送的消息"));
        for outside in ["<script", "src=", "href=\"/", "http-equiv=\"refresh\"", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn text_from_a_database_stays_text() {
        let html = page(&preview("<script>alert(1)</script> <img src=x onerror=alert(1)>")).expect("a page");
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }

    #[test]
    fn what_the_robot_would_refuse_is_told_in_its_words() {
        let broken = Preview { messages: vec![(0, "{}".into())], ..preview("x") };
        assert!(page(&broken).is_err());
    }
}
