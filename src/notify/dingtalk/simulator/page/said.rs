//! One message of a place, as it is drawn.

use super::list::{colour, initial, number_of};
use super::talk_words::TalkWords;
use crate::notify::dingtalk::simulator::app::card::Variables;
use crate::notify::dingtalk::simulator::app::msgkey;
use crate::notify::dingtalk::simulator::app::{App, AppMessage, Form, Place, talk};
use crate::notify::dingtalk::simulator::markdown::{self, Dialect, Markup};
use crate::notify::dingtalk::simulator::state::State;
use askama::Template;
use serde_json::Value;

/// A message.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<article class="message{% if own %} own{% endif %}{% if recalled %} recalled{% endif %}" id="a{{ id }}">
<span class="avatar c{{ colour }}">{{ initial }}</span>
<div class="who">{{ who }}{% if !tag.is_empty() %}<span class="tag {{ form }}">{{ tag }}</span>{% endif %}<time>{{ time }}</time></div>
<div class="bubble {{ form }}">
{%- if recalled %}<p class="gone-back">{{ talk.recalled }}</p>{% else %}
{%- if !title.is_empty() %}<p class="title">{{ title }}</p>{% endif %}
{%- match picture %}{% when Some with (source) %}<img src="{{ source }}" alt="">{% when None %}{% endmatch %}
{{- html }}
{%- if !tips.is_empty() %}<p class="tips">{{ tips }}</p>{% endif %}
{%- if !rows.is_empty() %}<dl>{% for (key, value) in rows %}<div><dt>{{ key }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>{% endif %}
{%- if !buttons.is_empty() %}<div class="buttons{% if side_by_side %} pair{% endif %}">
{%- for button in buttons %}{% match button.does %}
{%- when Does::Open with (address) %}<a class="b-{{ button.colour }}" href="{{ address }}" target="_blank" rel="noopener noreferrer nofollow">{{ button.text }}</a>
{%- when Does::Press with (action) %}<button type="button" class="b-{{ button.colour }}" data-card="{{ card }}" data-action="{{ action }}">{{ button.text }}</button>
{%- when Does::Nothing %}<span class="dead">{{ button.text }}</span>
{%- endmatch %}{% endfor -%}
</div>{% endif %}
{%- endif %}</div>
<div class="notes">
{%- if !read.is_empty() %}<span class="{% if is_read %}is-read{% else %}is-unread{% endif %}">{{ read }}</span>{% endif %}
{%- for press in presses %}<span class="press">☝ {{ press }}</span>{% endfor %}
{%- if updates > 0 %}<span>↻ {{ updates }} {{ talk.updated }}</span>{% endif %}
<details id="d{{ id }}"><summary>{{ kind }}</summary><pre>{{ body }}</pre></details>
</div>
</article>"##
)]
pub(super) struct Said {
    talk: &'static TalkWords,
    /// The date, when it is another than the one of the message above.
    pub day: Option<String>,
    id: u64,
    time: String,
    own: bool,
    recalled: bool,
    who: String,
    initial: String,
    colour: usize,
    form: &'static str,
    tag: &'static str,
    title: String,
    picture: Option<String>,
    html: Markup,
    tips: String,
    rows: Vec<(String, String)>,
    buttons: Vec<Button>,
    side_by_side: bool,
    card: String,
    read: String,
    is_read: bool,
    presses: Vec<String>,
    updates: u32,
    kind: String,
    body: String,
}

impl askama::filters::HtmlSafe for Said {}

/// Something to press.
struct Button {
    text: String,
    colour: &'static str,
    does: Does,
}

/// What pressing does.
enum Does {
    Open(String),
    Press(String),
    Nothing,
}

/// What is in the bubble.
#[derive(Default)]
struct Inside {
    title: String,
    picture: Option<String>,
    html: Markup,
    tips: String,
    rows: Vec<(String, String)>,
    buttons: Vec<Button>,
    side_by_side: bool,
}

/// The messages of a place, oldest first.
pub(super) fn said(state: &State, app: usize, messages: &[&AppMessage]) -> Vec<Said> {
    let mut last_day = None;
    let mut drawn = Vec::new();
    for message in messages {
        let day = message.at.with_timezone(&state.settings.timezone).format("%Y-%m-%d").to_string();
        let is_new = last_day.replace(day.clone()).as_ref() != Some(&day);
        drawn.push(one(state, app, message, is_new.then_some(day)));
    }
    drawn
}

fn one(state: &State, number: usize, message: &AppMessage, day: Option<String>) -> Said {
    let app = &state.apps[number];
    let talk = TalkWords::of(state.settings.language);
    let zone = state.settings.timezone;
    let card = message.card.as_ref().and_then(|id| app.cards.iter().find(|card| card.out_track_id == *id));
    let viewer = match &message.place {
        Place::User(user) => Some(user.as_str()),
        Place::Conversation(_) => None,
    };
    let inside = match card {
        Some(card) => of_card(&card.seen_by(viewer)),
        None => of_message(message),
    };
    let who = message.from.as_deref().map_or(app.settings.name.as_str(), |user| app.settings.name_of(user));
    let person = message.from.as_ref().and_then(|user| number_of(state, number, &Place::User(user.clone())));
    let (read, is_read) = read(app, message, talk);
    let body = card.map_or_else(|| message.body.clone(), |card| Value::Object(card.data.clone()));
    let press = |press: &crate::notify::dingtalk::simulator::app::Press| {
        let time = press.at.with_timezone(&zone).format("%H:%M:%S");
        let told = talk.pressed(press.outcome);
        let told = if told.is_empty() { "✓" } else { told };
        format!("{} {time} {} {told}", app.settings.name_of(&press.user_id), press.action_id)
    };
    Said {
        talk,
        day,
        id: message.id,
        time: message.at.with_timezone(&zone).format("%H:%M:%S").to_string(),
        own: message.form == Form::Said,
        recalled: message.recalled_at.is_some(),
        initial: initial(who),
        who: who.to_owned(),
        colour: person.map_or(0, colour),
        form: class(message.form),
        tag: tag(message.form, talk),
        title: inside.title,
        picture: inside.picture,
        html: inside.html,
        tips: inside.tips,
        rows: inside.rows,
        buttons: inside.buttons,
        side_by_side: inside.side_by_side,
        card: message.card.clone().unwrap_or_default(),
        read,
        is_read,
        presses: card.map(|card| card.presses.iter().map(press).collect()).unwrap_or_default(),
        updates: card.map_or(0, |card| card.updates),
        kind: message.kind.clone(),
        body: serde_json::to_string_pretty(&body).unwrap_or_default(),
    }
}

fn class(form: Form) -> &'static str {
    match form {
        Form::Message | Form::Reply => "plain-form",
        Form::Card => "card",
        Form::Ding | Form::DingSms | Form::DingPhone => "ding",
        Form::WorkNotification => "work",
        Form::Said => "said",
    }
}

fn tag(form: Form, talk: &TalkWords) -> &'static str {
    match form {
        Form::Ding => talk.ding,
        Form::DingSms => talk.ding_sms,
        Form::DingPhone => talk.ding_phone,
        Form::WorkNotification => talk.work,
        Form::Message | Form::Card | Form::Said | Form::Reply => "",
    }
}

/// Who has read it, in words.
fn read(app: &App, message: &AppMessage, talk: &TalkWords) -> (String, bool) {
    let readers = message.read_by.len();
    match &message.place {
        _ if matches!(message.form, Form::Said) => (String::new(), false),
        Place::User(user) => {
            let is_read = message.read_by.contains(user);
            (if is_read { talk.read } else { talk.unread }.to_owned(), is_read)
        }
        Place::Conversation(_) => (format!("{readers}/{} {}", app.settings.people.len(), talk.read_by), readers > 0),
    }
}

fn of_card(data: &Variables) -> Inside {
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let markdown = ["markdown", "msgContent", "content"].into_iter().map(text).find(|text| !text.is_empty()).unwrap_or_default();
    let title = ["title", "msgTitle"].into_iter().map(text).find(|text| !text.is_empty()).unwrap_or_default();
    Inside {
        title: title.to_owned(),
        html: markdown::render_as(Dialect::Card, markdown, &[]).html,
        tips: text("tips").to_owned(),
        buttons: talk::buttons(data).iter().map(card_button).collect(),
        side_by_side: true,
        ..Inside::default()
    }
}

/// A button of a card: it leads to an address, or comes back when it says so.
fn card_button(button: &Value) -> Button {
    let text = |name: &str| button.get(name).and_then(Value::as_str).unwrap_or_default();
    let colour = match text("color") {
        "blue" => "blue",
        "red" => "red",
        _ => "gray",
    };
    let does = match (markdown::allowed(text("url")), button["request"] == true) {
        (Some(address), _) => Does::Open(address.to_owned()),
        (None, true) if !text("id").is_empty() => Does::Press(text("id").to_owned()),
        _ => Does::Nothing,
    };
    Button { text: text("text").to_owned(), colour, does }
}

fn of_message(message: &AppMessage) -> Inside {
    let is_work = message.form == Form::WorkNotification;
    let inner = if is_work || message.form == Form::Reply { &message.body[&message.kind] } else { &message.body };
    let text = |name: &str| inner.get(name).and_then(Value::as_str).unwrap_or_default();
    let rich = |title: &str| Inside {
        title: title.to_owned(),
        html: markdown::render_as(Dialect::App, &message.text, &[]).html,
        ..Inside::default()
    };
    let plain = |text: &str| Inside { html: markdown::plain(text, &[]), ..Inside::default() };
    match message.kind.as_str() {
        "text" | "sampleText" | "ding" => plain(&message.text),
        "sampleImageMsg" => picture(text("photoURL")),
        "image" => picture(text("media_id")),
        "markdown" | "sampleMarkdown" => rich(""),
        "sampleLink" | "link" => {
            let address = if text("messageUrl").is_empty() { text("message_url") } else { text("messageUrl") };
            let picture = markdown::media(text("picUrl"));
            Inside { picture, buttons: vec![open(text("title"), address)], ..plain(&message.text) }
        }
        "action_card" => Inside { buttons: work_buttons(inner), side_by_side: inner["btn_orientation"] == "1", ..rich("") },
        "actionCard" => Inside { buttons: reply_buttons(inner), side_by_side: inner["btnOrientation"] == "1", ..rich("") },
        "feedCard" => {
            let links = inner.get("links").and_then(Value::as_array).into_iter().flatten();
            let link = |link: &Value| open(link["title"].as_str().unwrap_or_default(), link["messageURL"].as_str().unwrap_or_default());
            Inside { buttons: links.map(link).collect(), ..Inside::default() }
        }
        "oa" => oa(inner, message),
        kind if kind.starts_with("sampleActionCard") => {
            Inside { buttons: app_buttons(inner, kind), side_by_side: kind == "sampleActionCard6", ..rich("") }
        }
        _ => plain(&format!("📎 {}", if message.title.is_empty() { &message.kind } else { &message.title })),
    }
}

fn picture(address: &str) -> Inside {
    match markdown::media(address) {
        Some(source) => Inside { picture: Some(source), ..Inside::default() },
        None => Inside { html: markdown::plain(&format!("🖼 {address}"), &[]), ..Inside::default() },
    }
}

fn oa(inner: &Value, message: &AppMessage) -> Inside {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let form = inner.pointer("/body/form").and_then(Value::as_array).into_iter().flatten();
    let rows = form.map(|row| (string(&row["key"]), string(&row["value"]))).collect();
    let address = inner["message_url"].as_str().unwrap_or_default();
    let buttons = if address.is_empty() { Vec::new() } else { vec![open(&message.title, address)] };
    Inside { title: message.title.clone(), html: markdown::plain(&message.text, &[]), rows, buttons, ..Inside::default() }
}

fn app_buttons(param: &Value, kind: &str) -> Vec<Button> {
    let text = |name: String| param.get(name).and_then(Value::as_str).unwrap_or_default();
    match msgkey::buttons(kind) {
        0 if kind == "sampleActionCard6" => (1..=2).map(|n| open(text(format!("buttonTitle{n}")), text(format!("buttonUrl{n}")))).collect(),
        0 => vec![open(text("singleTitle".to_owned()), text("singleURL".to_owned()))],
        count => (1..=count).map(|n| open(text(format!("actionTitle{n}")), text(format!("actionURL{n}")))).collect(),
    }
}

fn work_buttons(card: &Value) -> Vec<Button> {
    listed(card, ("single_title", "single_url"), ("btn_json_list", "action_url"))
}

fn reply_buttons(card: &Value) -> Vec<Button> {
    listed(card, ("singleTitle", "singleURL"), ("btns", "actionURL"))
}

/// A single button wins over a list of them.
fn listed(card: &Value, (title, url): (&str, &str), (list, list_url): (&str, &str)) -> Vec<Button> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if !text(card, title).is_empty() {
        return vec![open(&text(card, title), &text(card, url))];
    }
    let buttons = card.get(list).and_then(Value::as_array).into_iter().flatten();
    buttons.map(|button| open(&text(button, "title"), &text(button, list_url))).collect()
}

fn open(text: &str, address: &str) -> Button {
    let does = markdown::allowed(address).map_or(Does::Nothing, |address| Does::Open(address.to_owned()));
    Button { text: text.to_owned(), colour: "link", does }
}
