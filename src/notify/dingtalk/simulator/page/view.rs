//! What the page shows, as values for its template.

use super::list::{COLOURS, List, Open};
use super::words::{Words, words};
use crate::notify::dingtalk::simulator::markdown::{self, Markup};
use crate::notify::dingtalk::simulator::received::{Call, Outcome, Received};
use crate::notify::dingtalk::simulator::state::State;
use crate::notify::dingtalk::simulator::{Fault, check};
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

/// How many messages of a chat are shown.
const MAX_SHOWN: usize = 200;
/// How many refused calls are shown.
const MAX_REFUSED: usize = 50;

/// The whole page.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ words.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% match open %}{% when Some with (chat) %}{{ chat.name }} ({{ chat.count }}) – {% when None %}{% endmatch %}{{ words.title }}</title>
<link rel="icon" href="/simulator/icon.svg">
<link rel="stylesheet" href="/simulator/chat.css">
<link rel="stylesheet" href="/simulator/talk.css">
<script src="/simulator/chat.js" defer></script>
</head>
<body class="{% if asked %}asked{% endif %}">
<div class="gone">{{ words.offline }}</div>
<aside>
<h1>{{ words.title }}</h1>
{{ list }}
<details class="help" id="help"><summary>{{ words.play }}</summary>
<p>{{ words.messages_json }}<code>curl http://{{ host }}/simulator/messages</code><code>curl http://{{ host }}/simulator/calls</code></p>
<p>{{ words.forget }}<code>curl -X DELETE http://{{ host }}/simulator/messages</code></p>
<p>{{ words.faults }}<code>curl -H content-type:application/json -d '{"robot":"{% match open %}{% when Some with (chat) %}{{ chat.name }}{% when None %}…{% endmatch %}","fault":"hang","times":1}' http://{{ host }}/simulator/faults</code></p>
<p class="faults">{% for fault in Fault::EXAMPLES %}<code>{{ fault }}</code>{% endfor %}</p>
</details>
</aside>
<main>
<header id="head">
<a class="back" href="/" aria-label="{{ words.back }}">‹</a>
{%- match open %}{% when Some with (chat) %}
<h2>{{ chat.name }}</h2><span class="count">{{ chat.count }} {{ words.messages }}</span>
{%- when None %}<h2>{{ words.title }}</h2>{% endmatch %}
{%- match silenced_until %}{% when Some with (until) %}<span class="silenced">{{ words.silenced }} {{ until }}</span>{% when None %}{% endmatch %}
</header>
<section id="messages">
{%- if older %}<p class="older">{{ words.older }}</p>{% endif %}
{%- if messages.is_empty() %}
<div class="empty">
<svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true"><path d="M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z"/></svg>
<p>{{ words.empty }}</p>
<p>{{ words.how }}<code>http://{{ host }}/robot/send?access_token=…</code></p>
</div>
{%- endif %}
{%- match open %}{% when Some with (chat) %}
{%- for message in messages %}
{%- match message.day %}{% when Some with (day) %}<p class="day">{{ day }}</p>{% when None %}{% endmatch %}
{{ message.drawn(chat, words) }}
{%- endfor %}
{%- when None %}{% endmatch %}
</section>
<footer id="refused">
<details id="calls"><summary>{{ words.refused }} {% if refused.is_empty() %}{{ words.none_refused }}{% else %}<b>{{ refused.len() }}</b>{% endif %}</summary>
<ol>
{%- for call in refused %}
<li><time>{{ call.time }}</time><span class="robot">{{ call.robot }}</span><span class="code">{{ call.code }}</span><span>{{ call.what }}</span></li>
{%- endfor %}
</ol></details>
</footer>
</main>
</body>
</html>"##
)]
pub(super) struct Page {
    pub words: &'static Words,
    pub list: List,
    /// The chat that is shown; on a phone only when it was asked for.
    pub open: Option<ChatRow>,
    pub asked: bool,
    /// How the browser calls this server: for the examples.
    pub host: String,
    pub older: bool,
    pub silenced_until: Option<String>,
    pub messages: Vec<MessageView>,
    pub refused: Vec<RefusedView>,
}

/// A chat in the list.
#[derive(Clone)]
pub(super) struct ChatRow {
    pub number: usize,
    pub name: String,
    pub initial: String,
    pub colour: usize,
    pub count: usize,
    pub preview: String,
    pub time: String,
}

/// A message in the chat.
pub(super) struct MessageView {
    pub id: u64,
    /// The date, when it is another than the one of the message above.
    pub day: Option<String>,
    pub time: String,
    pub notification: String,
    pub content: Content,
    pub at_all: bool,
    pub listed_only: String,
    pub warnings: Vec<String>,
    pub repeats: u32,
    pub bytes: usize,
    pub body: String,
}

/// What kind of bubble it is.
pub(super) enum Content {
    /// Lines of text.
    Plain(Markup),
    /// Markdown, and the buttons of an `actionCard`.
    Rich { html: Markup, buttons: Vec<Link>, side_by_side: bool },
    /// A `link`.
    Link { link: Link, text: String },
    /// A `feedCard`.
    Feed(Vec<Link>),
}

/// Something to click; without an address when it may not lead anywhere.
pub(super) struct Link {
    pub title: String,
    pub address: Option<String>,
    pub picture: Option<Picture>,
}

/// A small picture beside a link.
pub(super) enum Picture {
    /// Served by this machine, and shown.
    Here(String),
    /// Only its address is known: nothing is fetched from outside.
    Elsewhere(String),
}

/// A call that did not end in a message of its own.
pub(super) struct RefusedView {
    pub time: String,
    pub robot: String,
    pub code: String,
    pub what: String,
}

impl Page {
    /// The page of this chat, or of the one with the latest message.
    pub fn of(state: &State, asked: Option<usize>, host: &str) -> Page {
        let words = words(state.settings.language);
        let latest = state.messages().next_back().map(|message| message.chat - 1);
        let shown = asked.or(latest).or((!state.chats.is_empty()).then_some(0));
        let list = List::of(state, shown.map_or(Open::Nothing, Open::Robot));
        let open = shown.map(|chat| row(state, chat));
        let messages = shown.map(|chat| bubbles(state, chat)).unwrap_or_default();
        let refused = state.calls().rev().filter_map(|call| refused(call, words, state.settings.timezone)).take(MAX_REFUSED).collect();
        let banned = shown.and_then(|chat| state.chats[chat].banned_until).filter(|until| *until > state.now());
        Page {
            words,
            older: open.as_ref().is_some_and(|row| row.count > messages.len()),
            silenced_until: banned.map(|until| clock(until, state.settings.timezone, "%H:%M:%S")),
            list,
            open,
            asked: asked.is_some(),
            host: host.to_owned(),
            messages,
            refused,
        }
    }
}

pub(super) fn row(state: &State, chat: usize) -> ChatRow {
    let name = state.chats[chat].robot.name.clone();
    let last = state.messages().rfind(|message| message.chat == chat + 1);
    ChatRow {
        number: chat + 1,
        initial: name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default(),
        colour: chat % COLOURS,
        count: state.messages().filter(|message| message.chat == chat + 1).count(),
        preview: last.map(preview).unwrap_or_default(),
        time: last.map(|message| clock(message.at, state.settings.timezone, "%H:%M")).unwrap_or_default(),
        name,
    }
}

/// What a phone's notification says: the title, for a text its beginning.
fn preview(message: &Received) -> String {
    let text = if message.title.is_empty() { &message.text } else { &message.title };
    text.chars().take(80).collect()
}

pub(super) fn bubbles(state: &State, chat: usize) -> Vec<MessageView> {
    let zone = state.settings.timezone;
    let mut shown: Vec<&Received> = state.messages().rev().filter(|message| message.chat == chat + 1).take(MAX_SHOWN).collect();
    shown.reverse();
    let mut last_day = None;
    shown
        .into_iter()
        .map(|message| {
            let day = clock(message.at, zone, "%Y-%m-%d");
            let is_new = last_day.replace(day.clone()).as_ref() != Some(&day);
            bubble(message, is_new.then_some(day), zone)
        })
        .collect()
}

fn bubble(message: &Received, day: Option<String>, zone: Tz) -> MessageView {
    MessageView {
        id: message.id,
        day,
        time: clock(message.at, zone, "%H:%M:%S"),
        notification: message.title.clone(),
        content: content(message),
        at_all: message.at_all,
        listed_only: message.listed_only.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(" "),
        warnings: message.warnings.clone(),
        repeats: message.repeats,
        bytes: message.bytes,
        body: serde_json::to_string_pretty(&message.body).unwrap_or_default(),
    }
}

fn content(message: &Received) -> Content {
    let body = &message.body;
    match message.msgtype.as_str() {
        "link" => {
            let text = |name: &str| check::string(body, &format!("/link/{name}"));
            let link = link(message.title.clone(), &text("messageUrl")).with_picture(&text("picUrl"));
            Content::Link { link, text: message.text.clone() }
        }
        "feedCard" => {
            let text = |item: &Value, name: &str| check::string(item, &format!("/{name}"));
            let one = |item: &Value| link(text(item, "title"), &text(item, "messageURL")).with_picture(&text(item, "picURL"));
            Content::Feed(items(body, "/feedCard/links").iter().map(one).collect())
        }
        "text" => Content::Plain(markdown::plain(&message.text, &message.mentioned)),
        _ => {
            let html = markdown::render(&message.text, &message.mentioned).html;
            let buttons = buttons(body);
            // Side by side is for two; DingTalk puts any other number one below the other.
            let side_by_side = check::string(body, "/actionCard/btnOrientation") == "1" && buttons.len() == 2;
            Content::Rich { html, buttons, side_by_side }
        }
    }
}

/// A single button wins over a list of them.
fn buttons(body: &Value) -> Vec<Link> {
    let single = check::string(body, "/actionCard/singleTitle");
    if !single.is_empty() {
        return vec![link(single, &check::string(body, "/actionCard/singleURL"))];
    }
    let buttons = items(body, "/actionCard/btns");
    buttons.iter().map(|button| link(check::string(button, "/title"), &check::string(button, "/actionURL"))).collect()
}

fn items<'a>(body: &'a Value, pointer: &str) -> &'a [Value] {
    body.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn link(title: String, address: &str) -> Link {
    Link { title, address: markdown::allowed(address).map(str::to_owned), picture: None }
}

impl Link {
    fn with_picture(self, address: &str) -> Link {
        let shown = |address: &str| match markdown::is_of_this_machine(address) {
            true => Picture::Here(address.to_owned()),
            false => Picture::Elsewhere(address.to_owned()),
        };
        Link { picture: markdown::allowed(address).map(shown), ..self }
    }
}

fn refused(call: &Call, words: &Words, zone: Tz) -> Option<RefusedView> {
    let (code, what) = match &call.outcome {
        Outcome::Accepted | Outcome::Fault { fault: Fault::ErrcodeAsString, .. } => return None,
        Outcome::Deduplicated => ("0".to_owned(), words.deduplicated.to_owned()),
        Outcome::Refused { code, words } => (code.to_string(), words.clone()),
        Outcome::Fault { fault, posted } => {
            let posted = if *posted { format!("; {}", words.posted) } else { String::new() };
            ("–".to_owned(), format!("{}: {}{posted}", words.misbehaved, serde_json::to_string(fault).unwrap_or_default().replace('"', "")))
        }
    };
    let robot = call.robot.clone().unwrap_or_else(|| words.unknown.to_owned());
    Some(RefusedView { time: clock(call.at, zone, "%H:%M:%S"), robot, code, what })
}

fn clock(at: DateTime<Utc>, zone: Tz, format: &str) -> String {
    at.with_timezone(&zone).format(format).to_string()
}
