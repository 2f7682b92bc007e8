//! The list at the left: robots in groups, an app's conversations, its people's phones.

use super::talk_words::TalkWords;
use super::words::{Words, words};
use crate::notify::dingtalk::simulator::app::{AppMessage, Form, Place};
use crate::notify::dingtalk::simulator::state::State;
use askama::Template;
use chrono::{DateTime, Utc};

/// Colours of avatars, by class name.
pub(super) const COLOURS: usize = 6;
/// How much of a message the list shows.
const MAX_PREVIEW: usize = 80;

/// The list.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<nav id="list" aria-label="{{ words.groups }}">
{%- for section in sections %}
{%- match section.title %}{% when Some with (title) %}<h2>{{ title }}</h2>{% when None %}{% endmatch %}
{%- for row in section.rows %}
<a class="row{% if row.active %} active{% endif %}" href="{{ row.href }}">
<span class="avatar c{{ row.colour }}">{{ row.initial }}</span>
<span class="name">{{ row.name }}</span><time>{{ row.time }}</time>
<span class="preview">{{ row.preview }}</span><span class="count{% if row.is_unread %} unread{% endif %}">{% if row.count > 0 %}{{ row.count }}{% endif %}</span>
</a>
{%- endfor %}
{%- endfor %}
{%- if sections.is_empty() %}<div class="empty">{{ words.no_robot }}</div>{% endif %}
</nav>"##
)]
pub(super) struct List {
    words: &'static Words,
    sections: Vec<Section>,
}

impl askama::filters::HtmlSafe for List {}

/// Rows of one kind.
struct Section {
    title: Option<&'static str>,
    rows: Vec<Row>,
}

/// Something to open.
struct Row {
    href: String,
    name: String,
    initial: String,
    colour: usize,
    count: usize,
    is_unread: bool,
    preview: String,
    time: String,
    active: bool,
    latest: Option<DateTime<Utc>>,
}

/// What is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// The robot with this number, from 0.
    Robot(usize),
    /// The place with this number, from 0.
    Place(usize),
    /// Nothing.
    Nothing,
}

/// Every place of every app: the number of the app, and the place. Their order is that of the settings.
pub(super) fn places(state: &State) -> Vec<(usize, Place)> {
    let of = |(at, app): (usize, &crate::notify::dingtalk::simulator::app::App)| {
        let conversations = app.settings.conversations.iter().map(|conversation| Place::Conversation(conversation.id.clone()));
        let people = app.settings.people.iter().map(|person| Place::User(person.user_id.clone()));
        conversations.chain(people).map(|place| (at, place)).collect::<Vec<_>>()
    };
    state.apps.iter().enumerate().flat_map(of).collect()
}

/// The number of a place of an app, from 0.
pub(super) fn number_of(state: &State, app: usize, place: &Place) -> Option<usize> {
    places(state).into_iter().position(|(of, listed)| of == app && listed == *place)
}

/// The colour of the place with this number.
pub(super) fn colour(number: usize) -> usize {
    (number + 3) % COLOURS
}

/// The name of a place.
pub(super) fn name_of(state: &State, app: usize, place: &Place) -> String {
    let settings = &state.apps[app].settings;
    match place {
        Place::User(user) => settings.name_of(user).to_owned(),
        Place::Conversation(id) => settings.conversation(id).map_or(id, |conversation| &conversation.title).clone(),
    }
}

impl List {
    /// The list, with what is open marked.
    pub fn of(state: &State, open: Open) -> List {
        let talk = TalkWords::of(state.settings.language);
        let mut robots: Vec<Row> = (0..state.chats.len()).map(|chat| robot(state, chat, open == Open::Robot(chat))).collect();
        robots.sort_by_key(|row| std::cmp::Reverse(row.latest));
        let (mut conversations, mut people) = (Vec::new(), Vec::new());
        for (number, (app, place)) in places(state).into_iter().enumerate() {
            let rows = if matches!(place, Place::User(_)) { &mut people } else { &mut conversations };
            rows.push(talk_row(state, number, app, &place, open == Open::Place(number)));
        }
        let titled = !conversations.is_empty() || !people.is_empty();
        let section = |(title, rows): (&'static str, Vec<Row>)| Section { title: titled.then_some(title), rows };
        let sections = [(talk.robots, robots), (talk.conversations, conversations), (talk.people, people)];
        let sections = sections.into_iter().filter(|(_, rows)| !rows.is_empty()).map(section).collect();
        List { words: words(state.settings.language), sections }
    }
}

fn robot(state: &State, chat: usize, active: bool) -> Row {
    let row = super::view::row(state, chat);
    let latest = state.messages().rfind(|message| message.chat == chat + 1).map(|message| message.at);
    Row {
        href: format!("/chat/{}", row.number),
        name: row.name,
        initial: row.initial,
        colour: row.colour,
        count: row.count,
        is_unread: false,
        preview: row.preview,
        time: row.time,
        active,
        latest,
    }
}

fn talk_row(state: &State, number: usize, app: usize, place: &Place, active: bool) -> Row {
    let here = || state.apps[app].messages().filter(|message| message.place == *place);
    let last = here().next_back();
    let name = name_of(state, app, place);
    let unread = |user: &String| here().filter(|message| message.form != Form::Said && !message.read_by.contains(user)).count();
    let (count, is_unread) = match place {
        Place::User(user) => (unread(user), true),
        Place::Conversation(_) => (here().count(), false),
    };
    Row {
        href: format!("/place/{}", number + 1),
        initial: initial(&name),
        name,
        colour: colour(number),
        count,
        is_unread,
        preview: last.map(|message| preview(state, app, message)).unwrap_or_default(),
        time: last.map(|message| message.at.with_timezone(&state.settings.timezone).format("%H:%M").to_string()).unwrap_or_default(),
        active,
        latest: last.map(|message| message.at),
    }
}

/// What stands in an avatar.
pub(super) fn initial(name: &str) -> String {
    name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default()
}

fn preview(state: &State, app: usize, message: &AppMessage) -> String {
    if message.recalled_at.is_some() {
        return TalkWords::of(state.settings.language).recalled.to_owned();
    }
    let card = message.card.as_ref().and_then(|id| state.apps[app].cards.iter().find(|card| card.out_track_id == *id));
    let title = card.and_then(|card| card.data.get("title")?.as_str()).unwrap_or(&message.title);
    let text = if title.is_empty() { &message.text } else { title };
    text.chars().take(MAX_PREVIEW).collect()
}
