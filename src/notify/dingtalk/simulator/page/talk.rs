//! The page of a place: a person's phone, or a conversation of an app. What is said, pressed and read here goes the way it goes
//! in DingTalk.

use super::list::{List, Open, name_of, places};
use super::said::{Said, said};
use super::talk_words::TalkWords;
use super::words::{Words, words};
use crate::notify::dingtalk::simulator::app::{ApiCall, ApiOutcome, AppMessage, Place, Pressed};
use crate::notify::dingtalk::simulator::state::State;
use askama::Template;

/// How many refused calls are shown.
const MAX_REFUSED: usize = 50;
/// How many messages of a place are shown.
const MAX_SHOWN: usize = 200;

/// The whole page.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ words.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }} – {{ words.title }}</title>
<link rel="icon" href="/simulator/icon.svg">
<link rel="stylesheet" href="/simulator/chat.css">
<link rel="stylesheet" href="/simulator/talk.css">
<script src="/simulator/chat.js" defer></script>
<script src="/simulator/talk.js" defer></script>
</head>
<body class="{% if asked %}asked{% endif %}">
<div class="gone">{{ words.offline }}</div>
<aside>
<h1>{{ words.title }}</h1>
{{ list }}
</aside>
<main>
<header id="head">
<a class="back" href="/" aria-label="{{ words.back }}">‹</a>
<h2>{{ name }}</h2><span class="count">{{ about }}</span>
<span class="streams{% if streams == 0 %} none{% endif %}" title="{% if streams == 0 %}{{ talk.no_stream }}{% endif %}">{{ talk.stream }} {{ streams }}</span>
</header>
<section id="messages">
{%- if older %}<p class="older">{{ words.older }}</p>{% endif %}
{%- if messages.is_empty() %}<div class="empty"><p>{{ talk.nothing }}</p></div>{% endif %}
{%- for message in messages %}
{%- match message.day %}{% when Some with (day) %}<p class="day">{{ day }}</p>{% when None %}{% endmatch %}
{{ message }}
{%- endfor %}
</section>
<form id="say" data-conversation="{{ conversation }}" data-not-taken="{{ talk.not_taken }}"
{%- for (name, told) in failures %} data-{{ name }}="{{ told }}"{% endfor %}>
<label class="as"{% if conversation.is_empty() %} hidden{% endif %}><span>{{ talk.as_person }}</span><select name="user">
{%- for (id, name) in people %}<option value="{{ id }}">{{ name }}</option>{% endfor -%}
</select></label>
<input name="text" maxlength="2000" autocomplete="off" placeholder="{{ talk.say_here }}" aria-label="{{ talk.say_here }}" required>
<button>{{ talk.send }}</button>
<output role="status"></output>
</form>
<footer id="refused">
<details id="calls"><summary>{{ words.refused }} {% if refused.is_empty() %}{{ words.none_refused }}{% else %}<b>{{ refused.len() }}</b>{% endif %}</summary>
<ol>
{%- for call in refused %}
<li><time>{{ call.time }}</time><span class="robot">{{ call.app }}</span><span class="code">{{ call.status }}</span><span>{{ call.what }}</span></li>
{%- endfor %}
</ol></details>
</footer>
</main>
</body>
</html>"##
)]
pub(super) struct TalkPage {
    words: &'static Words,
    talk: &'static TalkWords,
    list: List,
    asked: bool,
    name: String,
    /// What the place is.
    about: String,
    /// How many connections hear what is said and pressed here.
    streams: usize,
    /// Empty on a person's phone.
    conversation: String,
    /// Who may speak here.
    people: Vec<(String, String)>,
    /// What is told when a press is not taken.
    failures: Vec<(&'static str, &'static str)>,
    older: bool,
    messages: Vec<Said>,
    refused: Vec<RefusedCall>,
}

/// A call of the API that was not simply accepted.
struct RefusedCall {
    time: String,
    app: String,
    status: String,
    what: String,
}

impl TalkPage {
    /// The page of the place with this number, from 0.
    pub fn of(state: &State, number: usize, asked: bool) -> Option<TalkPage> {
        let (at, place) = places(state).into_iter().nth(number)?;
        let app = &state.apps[at];
        let talk = TalkWords::of(state.settings.language);
        let person = |person: &crate::notify::dingtalk::simulator::SimulatedPerson| (person.user_id.clone(), person.name.clone());
        let (conversation, people, about) = match &place {
            Place::User(user) => {
                let people = app.settings.person(user).map(person).into_iter().collect();
                (String::new(), people, format!("{} · {user}", talk.phone))
            }
            Place::Conversation(id) => (id.clone(), app.settings.people.iter().map(person).collect(), app.settings.name.clone()),
        };
        let all: Vec<&AppMessage> = app.messages().filter(|message| message.place == place).collect();
        let shown = &all[all.len().saturating_sub(MAX_SHOWN)..];
        Some(TalkPage {
            words: words(state.settings.language),
            talk,
            list: List::of(state, Open::Place(number)),
            asked,
            name: name_of(state, at, &place),
            about,
            streams: app.gateway.connected(),
            conversation,
            people,
            failures: failures(talk),
            older: shown.len() < all.len(),
            messages: said(state, at, shown),
            refused: state.api_calls().rev().filter_map(|call| refused(state, call)).take(MAX_REFUSED).collect(),
        })
    }
}

fn refused(state: &State, call: &ApiCall) -> Option<RefusedCall> {
    let words = words(state.settings.language);
    let (status, what) = match &call.outcome {
        ApiOutcome::Accepted => return None,
        ApiOutcome::Refused { status, code, words } => (status.to_string(), format!("{}: {code} {words}", call.api)),
        ApiOutcome::Fault { fault, accepted } => {
            let posted = if *accepted { format!("; {}", words.posted) } else { String::new() };
            let fault = serde_json::to_string(fault).unwrap_or_default().replace('"', "");
            ("–".to_owned(), format!("{}: {}: {fault}{posted}", call.api, words.misbehaved))
        }
    };
    let time = call.at.with_timezone(&state.settings.timezone).format("%H:%M:%S").to_string();
    Some(RefusedCall { time, app: call.app.clone().unwrap_or_else(|| words.unknown.to_owned()), status, what })
}

/// What is told for each way in which a press is not taken, by the way's name.
fn failures(talk: &TalkWords) -> Vec<(&'static str, &'static str)> {
    [
        ("no_card", Pressed::NoCard),
        ("no_button", Pressed::NoButton),
        ("no_callback", Pressed::NoCallback),
        ("no_connection", Pressed::NoConnection),
        ("failed", Pressed::Failed),
    ]
    .map(|(name, pressed)| (name, talk.pressed(pressed)))
    .to_vec()
}
