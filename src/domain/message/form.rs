//! As what a message is sent: the form follows from what it holds, and from whether anyone is called by name.
//!
//! | it holds | form |
//! |---|---|
//! | people who are called by name | markdown: the only rich form that is sure to notify them; links stand in the text |
//! | only the call | text |
//! | one event with a picture and one link, and a short text | link |
//! | two to eight events, each with a picture and a link | feed |
//! | one to five links that belong to all of it | card with buttons |
//! | anything else | markdown |

use super::words::Language;
use super::{Message, neutralise, plain, words};
use crate::domain::alert::Event;
use serde::{Deserialize, Serialize};

/// The most buttons of a card; more are links in the text. The app robot knows no card with more.
pub const MAX_BUTTONS: usize = 5;
/// The most characters of a button: DingTalk cuts what is longer.
const MAX_BUTTON_CHARS: usize = 20;
/// The most bytes of all buttons of a card, as they are sent.
const MAX_BUTTON_BYTES: usize = 6_000;
/// The most events of a feed: each takes a line with a picture.
const MAX_FEED: usize = 8;
/// The most bytes of a feed, as it is sent.
const MAX_FEED_BYTES: usize = 14_000;
/// The most characters of a line of a feed.
const MAX_FEED_CHARS: usize = 100;
/// The most characters of the text beside a picture: of a longer one the client shows a part only.
const MAX_LINK_CHARS: usize = 200;
/// Two buttons stand side by side when neither is wider, a Chinese character counted as two.
const MAX_PAIR_WIDTH: usize = 14;

/// As what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Text,
    /// Markdown, with links in the text.
    Markdown,
    /// Markdown with buttons below it.
    Card,
    /// A picture with a title and a short text, which is one link.
    Link,
    /// Lines with a picture each, which are links.
    Feed,
}

impl Form {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Text => "text",
            Form::Markdown => "markdown",
            Form::Card => "card",
            Form::Link => "link",
            Form::Feed => "feed",
        }
    }
}

/// What a message holds besides its text. All of it is shown in the text where the form has no place for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attached {
    /// Links that belong to all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Link>,
    /// The address of a picture that belongs to all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// A line of a feed for each event, in the order of the blocks that may be cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feed: Vec<FeedLine>,
    /// It is plain text, and only calls people by name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_call: bool,
}

/// A link, or a button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it says; never empty.
    pub title: String,
    /// Where it leads: http or https.
    pub url: String,
}

/// A line of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLine {
    /// What it says; never empty.
    pub title: String,
    /// Where it leads: http or https.
    pub url: String,
    /// The address of its picture: http or https.
    pub picture: String,
}

/// A message taken apart for a receiver that has a place for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// As what it is sent.
    pub form: Form,
    /// What a phone's notification shows.
    pub title: String,
    /// Markdown; of [`Form::Text`] and [`Form::Link`] plain text. What has no other place in this form stands in it.
    pub text: String,
    /// Buttons: of [`Form::Card`] one to five, of [`Form::Link`] one.
    pub buttons: Vec<Link>,
    /// Of [`Form::Link`].
    pub picture: Option<String>,
    /// Of [`Form::Feed`]; the first line is the heading.
    pub feed: Vec<FeedLine>,
}

impl Link {
    /// The link as Markdown; its title cannot end it early.
    pub fn markdown(&self) -> String {
        format!("[{}]({})", self.title.replace('[', "［").replace(']', "］"), self.url)
    }

    /// The address that opens in the browser: on a computer a plain one opens in DingTalk's side bar, which is narrow and is
    /// not logged in anywhere.
    pub fn outside(&self) -> String {
        outside(&self.url)
    }

    /// What the button says: cut where DingTalk would cut it.
    pub fn button_title(&self) -> String {
        super::cut::to_chars(&self.title, MAX_BUTTON_CHARS)
    }
}

/// An address in the form that opens in the browser.
pub fn outside(url: &str) -> String {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("url", url).append_pair("pc_slide", "false").finish();
    format!("dingtalk://dingtalkclient/page/link?{query}")
}

/// Whether these buttons stand side by side.
pub fn is_pair(buttons: &[Link]) -> bool {
    let width = |title: &str| title.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    buttons.len() == 2 && buttons.iter().all(|button| width(&button.button_title()) <= MAX_PAIR_WIDTH)
}

/// A line of a feed for an event with this text.
pub(super) fn feed_line(language: Language, event: &Event, text: &str, link: &Link, picture: &str) -> FeedLine {
    let title = plain::of_markdown(&format!("{} {text}", words::icon(event.kind, event.severity))).replace('\n', " ");
    let title = if title.trim().is_empty() { words::open(language).to_owned() } else { title };
    FeedLine { title: super::cut::to_chars(title.trim(), MAX_FEED_CHARS), url: link.url.clone(), picture: picture.to_owned() }
}

/// Whether so many events can be a feed.
pub(super) fn may_be_feed(events: usize) -> bool {
    (2..=MAX_FEED).contains(&events)
}

impl Message {
    /// As what it is sent.
    pub fn form(&self) -> Form {
        let Attached { buttons, picture, feed, is_call } = &self.attached;
        match () {
            () if *is_call => Form::Text,
            () if !self.mentions.is_empty() => Form::Markdown,
            // A feed has no place for a chart.
            () if !feed.is_empty() && self.chart.is_none() && bytes(feed) <= MAX_FEED_BYTES => Form::Feed,
            () if picture.is_some() && buttons.len() == 1 && self.is_short() => Form::Link,
            () if (1..=MAX_BUTTONS).contains(&buttons.len()) && button_bytes(buttons) <= MAX_BUTTON_BYTES => Form::Card,
            () => Form::Markdown,
        }
    }

    /// It taken apart. Its text takes at most so many bytes as JSON.
    pub fn parts(&self, max_bytes: usize) -> Parts {
        let form = self.form();
        let (text, buttons, picture, feed) = match form {
            Form::Text => (self.plain_text(max_bytes), Vec::new(), None, Vec::new()),
            Form::Markdown => (self.text_within(max_bytes), Vec::new(), None, Vec::new()),
            Form::Card => (self.text_beside_buttons(max_bytes), self.attached.buttons.clone(), None, Vec::new()),
            Form::Link => (self.beside_picture(), self.attached.buttons.clone(), self.attached.picture.clone(), Vec::new()),
            Form::Feed => (self.text_within(max_bytes), Vec::new(), None, self.feed()),
        };
        Parts { form, title: self.title.clone(), text, buttons, picture, feed }
    }

    /// All of it as Markdown, for a receiver that takes it in no other form.
    pub fn as_markdown(&self) -> Parts {
        Parts { form: Form::Markdown, title: self.title.clone(), text: self.text(), buttons: Vec::new(), picture: None, feed: Vec::new() }
    }

    /// The whole of it as plain text, for receivers that know no Markdown; at most so many bytes as JSON.
    pub fn plain_text(&self, max_bytes: usize) -> String {
        let text = plain::of_markdown(&self.text_within(max_bytes));
        super::cut::to_bytes(&text, max_bytes)
    }

    /// Where the form cannot call anyone by name: the people move to a second, short message, which comes back.
    ///
    /// Only pictures need it, as links and feeds; whatever else calls people is sent as Markdown, which can.
    pub fn take_call(&mut self) -> Option<Message> {
        let mentions = std::mem::take(&mut self.mentions);
        if mentions.is_empty() || !matches!(self.form(), Form::Link | Form::Feed) {
            self.mentions = mentions;
            return None;
        }
        let text = words::call(self.language, &self.title);
        let attached = Attached { is_call: true, ..Attached::default() };
        Some(Message { mentions, attached, ..Message::plain(self.language, &self.title, vec![text]) })
    }

    /// The heading, then a line for each event that is shown.
    fn feed(&self) -> Vec<FeedLine> {
        let Some(first) = self.attached.feed.first() else { return Vec::new() };
        let shown = self.cuttable.min(self.attached.feed.len());
        let omitted = (self.omitted > 0).then(|| format!(" · {}", plain::of_markdown(&words::omitted(self.language, self.omitted))));
        let heading = FeedLine { title: self.title.clone() + &omitted.unwrap_or_default(), ..first.clone() };
        std::iter::once(heading).chain(self.attached.feed.iter().take(shown).cloned()).collect()
    }

    fn is_short(&self) -> bool {
        self.cuttable <= 1
            && self.chart.is_none()
            && self.omitted == 0
            && !self.is_uncounted
            && self.beside_picture().chars().count() <= MAX_LINK_CHARS
    }

    /// What stands beside a picture: all but the heading, which is the title, and the foot.
    fn beside_picture(&self) -> String {
        let blocks = self.blocks.get(1..self.blocks.len().saturating_sub(1)).unwrap_or_default();
        let text = plain::of_markdown(&blocks.join("\n\n"));
        if text.trim().is_empty() { self.title.clone() } else { text }
    }
}

fn bytes(feed: &[FeedLine]) -> usize {
    // The heading repeats the first line's addresses.
    feed.iter().chain(feed.first()).map(|line| line.title.len() + outside(&line.url).len() + line.picture.len() + 50).sum()
}

fn button_bytes(buttons: &[Link]) -> usize {
    buttons.iter().map(|button| button.button_title().len() + button.outside().len() + 30).sum()
}

/// What a link says when its template says nothing.
pub(super) fn title_or(language: Language, title: String) -> String {
    if title.trim().is_empty() { words::open(language).to_owned() } else { title }
}

/// The words behind a link of one of several events.
pub(super) fn behind(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" {}", neutralise(words)) }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
