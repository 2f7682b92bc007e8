//! What a receiver reads: the text of one or more events of one watcher, for one receiver.
//!
//! DingTalk's robot Markdown has no escape character and garbles tables on phones. So the built-in message is made of
//! short lists, every text from a database passes [`neutralise`], and a message is a list of blocks: where it would be
//! too long it is cut between two blocks, and says how many it leaves out. As what it is sent (Markdown, a card with
//! buttons, a picture …) follows from what it holds: see [`Form`].

mod builtin;
mod buttons;
mod context;
mod cut;
mod digest;
mod form;
mod neutralise;
mod notices;
mod picture;
mod plain;
mod report;
pub(in crate::domain) mod words;

pub use context::{EVENT_NAMES, MESSAGE_NAMES, URL_NAMES};
pub(in crate::domain) use digest::cells;
pub use digest::{Digest, DigestKind, DigestLine, digest};
pub use form::{Attached, FeedLine, Form, Link, MAX_BUTTONS, Parts, is_pair, outside};
pub(in crate::domain) use neutralise::is_invisible;
pub use neutralise::neutralise;
pub(in crate::domain) use neutralise::neutralise_to;
pub use notices::{month_share, refuses_for_good};
pub use picture::Picture;
pub use words::{Language, duration_words, of_source};

use super::alert::{Event, EventKind};
use super::template::{self, TemplateError};
use super::watcher::{Mention, MessageTemplate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// The most bytes of Markdown, as JSON writes it, that a message may have. The robot takes a body of 20,000 bytes; the
/// rest is for the title, the keyword, and fifty people called by name.
pub const MAX_TEXT_BYTES: usize = 17_000;
/// The most characters of a title: it is what a phone's notification shows.
const MAX_TITLE_CHARS: usize = 80;

/// A rendered message. It is made once, with its delivery, and every attempt sends the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What a phone's notification shows.
    pub title: String,
    /// Paragraphs of Markdown, in order; the first stays whatever is cut.
    pub blocks: Vec<String>,
    /// The blocks that stand for one event each: `first_cuttable..first_cuttable + cuttable`, which may be cut from the end.
    pub first_cuttable: usize,
    /// How many may be cut.
    pub cuttable: usize,
    /// The blocks are paragraphs of a template, which stand for no certain number of events.
    #[serde(default)]
    pub is_uncounted: bool,
    /// How many events were left out.
    pub omitted: usize,
    /// The language of its own words.
    pub language: Language,
    /// Who is called by name.
    pub mentions: Vec<Mention>,
    /// Links and pictures.
    #[serde(default)]
    pub attached: Attached,
    /// The picture that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Picture>,
}

/// Everything besides the events that a message is made of.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The watcher's name.
    pub watcher: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// The source.
    pub source: &'a str,
    /// Templates, or none.
    pub template: &'a MessageTemplate,
    /// The language of the built-in words.
    pub language: Language,
    /// The zone of shown times.
    pub zone: Tz,
}

/// Renders a message.
///
/// A template that fails is replaced by the built-in message, which says so; the error comes back for the record.
pub fn compose(setting: &Setting<'_>, events: &[&Event], mentions: Vec<Mention>) -> (Message, Option<TemplateError>) {
    let events = &builtin::in_order(events);
    let own = events.iter().any(|event| matches!(event.kind, EventKind::WatcherFailed | EventKind::WatcherRecovered));
    if own || *setting.template == MessageTemplate::default() {
        return (builtin::message(setting, events, &[], mentions), None);
    }
    match from_template(setting, events, mentions.clone()) {
        Ok(message) => (message, None),
        Err(error) => {
            let mut message = builtin::message(setting, events, &[], mentions);
            message.insert_before_foot(words::template_failed(setting.language, &error.to_string()));
            (message, Some(error))
        }
    }
}

fn from_template(setting: &Setting<'_>, events: &[&Event], mentions: Vec<Mention>) -> Result<Message, TemplateError> {
    let extras = buttons::render(setting, events)?;
    let is_common = extras.windows(2).all(|pair| pair[0] == pair[1]);
    let per_event = if is_common || setting.template.body.is_some() { &[] } else { extras.as_slice() };
    let mut message = builtin::message(setting, events, per_event, mentions);
    if let Some(title) = &setting.template.title {
        let title = template::render(title, &context::of_message(setting, events, events.len()))?;
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if !title.is_empty() {
            message.title = cut::to_chars(&title, MAX_TITLE_CHARS);
        }
    }
    if let Some(body) = &setting.template.body {
        let foot = message.blocks.pop();
        (message.blocks, message.omitted) = fitting_body(setting, events, body)?;
        message.first_cuttable = message.blocks.len().min(1);
        message.cuttable = message.blocks.len() - message.first_cuttable;
        message.is_uncounted = true;
        message.blocks.extend(foot);
    }
    if is_common {
        let common = extras.into_iter().next().unwrap_or_default();
        (message.attached.buttons, message.attached.picture) = (common.links, common.picture);
    } else if setting.template.body.is_some() {
        let links = buttons::at_the_end(events, &extras, builtin::MOST_EXPANDED);
        message.insert_before_foot(links);
    } else if form::may_be_feed(events.len()) {
        message.attached.feed = builtin::feed(setting, events, &extras);
    }
    Ok(message)
}

/// The body over as many events as fit.
fn fitting_body(setting: &Setting<'_>, events: &[&Event], body: &str) -> Result<(Vec<String>, usize), TemplateError> {
    let render = |count: usize| template::render(body, &context::of_message(setting, &events[..count], events.len()));
    let whole = render(events.len())?;
    let (mut text, mut shown) = (whole, events.len());
    while json_bytes(&text) > MAX_TEXT_BYTES - 2_000 && shown > 1 {
        shown = shown * 3 / 4;
        text = render(shown)?;
    }
    Ok((paragraphs(&text), events.len() - shown))
}

/// Blank lines separate blocks: the template's own structure is where a message may be cut. A colour that is left open
/// goes on in the next paragraph: the two are one block.
fn paragraphs(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty()).map(|block| block.join("\n"));
    let mut blocks: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        match blocks.last_mut().filter(|block| cut::leaves_font_open(block)) {
            Some(open) => open.push_str(&format!("\n\n{paragraph}")),
            None => blocks.push(paragraph),
        }
    }
    blocks
}

impl Message {
    /// A message of our own words, of which nothing can be cut.
    pub fn plain(language: Language, title: &str, blocks: Vec<String>) -> Message {
        let first_cuttable = blocks.len();
        Message { title: cut::to_chars(title, MAX_TITLE_CHARS), blocks, first_cuttable, language, ..Message::default() }
    }

    /// All of it as Markdown, with links and pictures in the text; at most [`MAX_TEXT_BYTES`].
    pub fn text(&self) -> String {
        self.text_within(MAX_TEXT_BYTES)
    }

    /// The same with another limit, in bytes as JSON writes them: cut between two blocks, or at a line of one.
    pub fn text_within(&self, max_bytes: usize) -> String {
        let mut whole = self.clone();
        whole.insert_picture();
        let buttons = std::mem::take(&mut whole.attached.buttons);
        whole.insert_before_foot(buttons.iter().map(Link::markdown).collect::<Vec<_>>().join(" · "));
        whole.fit(max_bytes);
        whole.joined()
    }

    /// The same without the links that belong to all of it.
    fn text_beside_buttons(&self, max_bytes: usize) -> String {
        let mut text = self.clone();
        text.insert_picture();
        text.fit(max_bytes);
        text.joined()
    }

    /// The same message with half of its rows; `false` when there is nothing left to leave out.
    pub fn shorten(&mut self) -> bool {
        self.fit(MAX_TEXT_BYTES);
        let can = self.cuttable > 1;
        let target = (self.cuttable / 2).max(1);
        while self.cuttable > target {
            self.remove_last();
        }
        can
    }

    /// Only the title: no row, nothing from a database but what the title says.
    pub fn reduce(&mut self, name: &str) {
        self.title = neutralise(name);
        self.blocks = vec![words::reduced(self.language, name)];
        (self.first_cuttable, self.cuttable, self.omitted, self.is_uncounted) = (1, 0, 0, false);
        self.attached = Attached::default();
        self.chart = None;
    }

    fn insert_before_foot(&mut self, block: String) {
        if !block.is_empty() {
            let foot = self.blocks.len().saturating_sub(1);
            self.blocks.insert(foot, block);
        }
    }

    /// Below the heading.
    fn insert_picture(&mut self) {
        if let Some(picture) = self.attached.picture.take() {
            self.blocks.insert(self.first_cuttable.min(self.blocks.len()), format!("![]({picture})"));
            self.first_cuttable += 1;
        }
    }

    /// The blocks as one text: items of a list that follow one another are one list, all else has a blank line between.
    fn joined(&self) -> String {
        let left_out = (self.omitted > 0).then(|| match self.is_uncounted {
            true => words::cut_short(self.language).to_owned(),
            false => words::omitted(self.language, self.omitted),
        });
        let (shown, rest) = self.blocks.split_at((self.first_cuttable + self.cuttable).min(self.blocks.len()));
        let (head, shown) = shown.split_at(self.first_cuttable.min(shown.len()));
        let picture = self.chart.as_ref().and_then(Picture::block);
        let mut text = String::new();
        let mut in_list = false;
        for block in head.iter().chain(&picture).chain(shown).chain(&left_out).chain(rest) {
            let is_item = block.starts_with("- ");
            text.push_str(if text.is_empty() {
                ""
            } else if in_list && is_item {
                "\n"
            } else {
                "\n\n"
            });
            text.push_str(block);
            in_list = is_item;
        }
        text
    }

    /// Leaves out what does not fit: blocks from the end of those that may be cut, then lines of the longest block.
    fn fit(&mut self, max_bytes: usize) {
        loop {
            let over = json_bytes(&self.joined()).saturating_sub(max_bytes);
            if over == 0 {
                return;
            }
            if self.cuttable > 1 {
                self.cut_blocks(over);
                continue;
            }
            let Some(longest) = self.blocks.iter_mut().max_by_key(|block| block.len()) else { return };
            let shorter = cut::block(longest, over);
            if shorter.len() >= longest.len() {
                return; // there is nothing left that could be cut
            }
            *longest = shorter;
        }
    }

    /// Takes blocks from the end of those that may be cut until `bytes` are gone, but leaves one.
    fn cut_blocks(&mut self, bytes: usize) {
        let mut gone = 0;
        while gone < bytes && self.cuttable > 1 {
            gone += json_bytes(&self.remove_last());
        }
    }

    fn remove_last(&mut self) -> String {
        self.cuttable -= 1;
        self.omitted += 1;
        self.blocks.remove(self.first_cuttable + self.cuttable)
    }
}

/// How many bytes a text takes in a JSON body, its quotes included.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
