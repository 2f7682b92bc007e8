//! What a receiver reads: the text of one or more events of one watcher, for one receiver.
//!
//! DingTalk's robot Markdown has no escape character and garbles tables on phones. So the built-in message is made of
//! short lists, every text from a database passes [`neutralise`], and a message is a list of blocks: where it would be
//! too long it is cut between two blocks, and says how many it leaves out.

mod builtin;
mod context;
mod neutralise;
mod words;

pub use neutralise::neutralise;
pub use words::{Language, duration_words};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What a phone's notification shows.
    pub title: String,
    /// Paragraphs of Markdown, in order; the first stays whatever is cut.
    pub blocks: Vec<String>,
    /// The blocks that stand for one event each: `first..first + count`, which may be cut from the end.
    pub first_cuttable: usize,
    /// How many may be cut.
    pub cuttable: usize,
    /// How many events were left out.
    pub omitted: usize,
    /// The language of its own words.
    pub language: Language,
    /// Who is called by name.
    pub mentions: Vec<Mention>,
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
    let own = events.iter().any(|event| matches!(event.kind, EventKind::WatcherFailed | EventKind::WatcherRecovered));
    if own || (setting.template.title.is_none() && setting.template.body.is_none() && setting.template.buttons.is_empty()) {
        return (builtin::message(setting, events, mentions), None);
    }
    match from_template(setting, events, mentions.clone()) {
        Ok(message) => (message, None),
        Err(error) => {
            let mut message = builtin::message(setting, events, mentions);
            message.blocks.push(words::template_failed(setting.language, &error.message));
            (message, Some(error))
        }
    }
}

fn from_template(setting: &Setting<'_>, events: &[&Event], mentions: Vec<Mention>) -> Result<Message, TemplateError> {
    let mut message = builtin::message(setting, events, mentions);
    let context = context::of_message(setting, events);
    if let Some(title) = &setting.template.title {
        let title = template::render(title, &context)?;
        message.title = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TITLE_CHARS).collect();
    }
    if let Some(body) = &setting.template.body {
        let foot = message.blocks.last().cloned();
        (message.blocks, message.omitted) = fitting_body(setting, events, body)?;
        message.first_cuttable = 1;
        message.cuttable = message.blocks.len().saturating_sub(1);
        message.blocks.extend(foot);
    }
    add_buttons(setting, events, &mut message)?;
    Ok(message)
}

/// The body over as many events as fit.
fn fitting_body(setting: &Setting<'_>, events: &[&Event], body: &str) -> Result<(Vec<String>, usize), TemplateError> {
    let render = |count: usize| template::render(body, &context::of_message(setting, &events[..count]));
    let whole = render(events.len())?;
    let (mut text, mut shown) = (whole, events.len());
    while json_bytes(&text) > MAX_TEXT_BYTES - 2_000 && shown > 1 {
        shown = shown * 3 / 4;
        text = render(shown)?;
    }
    Ok((paragraphs(&text), events.len() - shown))
}

/// Blank lines separate blocks: the template's own structure is where a message may be cut.
fn paragraphs(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").map(|block| block.trim_matches('\n').to_owned()).filter(|block| !block.trim().is_empty()).collect()
}

/// Buttons are links under the events: a robot's card with real buttons cannot call people by name.
fn add_buttons(setting: &Setting<'_>, events: &[&Event], message: &mut Message) -> Result<(), TemplateError> {
    let mut links = Vec::new();
    for event in events.iter().take(builtin::MOST_EXPANDED) {
        for button in &setting.template.buttons {
            let title = template::render(&button.title, &context::of_event(setting, event))?;
            let url = template::render(&button.url, &context::of_url(event))?;
            let is_http = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_http || url.contains(['(', ')', ' ', '<', '>', '"']) {
                let message = "the address of a button is not an http or https URL".to_owned();
                return Err(TemplateError { message, span: None });
            }
            let link = format!("[{title}]({url})");
            if !links.contains(&link) {
                links.push(link);
            }
        }
    }
    if !links.is_empty() {
        let foot = message.blocks.len().saturating_sub(1);
        message.blocks.insert(foot, links.join(" · "));
    }
    Ok(())
}

impl Message {
    /// The Markdown, cut between two blocks where it would exceed [`MAX_TEXT_BYTES`].
    pub fn text(&self) -> String {
        let mut fitted = self.clone();
        while json_bytes(&fitted.joined()) > MAX_TEXT_BYTES && fitted.cuttable > 1 {
            let over = json_bytes(&fitted.joined()) - MAX_TEXT_BYTES;
            fitted.cut_bytes(over);
        }
        let text = fitted.joined();
        if json_bytes(&text) <= MAX_TEXT_BYTES { text } else { cut_text(&text) }
    }

    /// How many events the text leaves out.
    fn joined(&self) -> String {
        let mut blocks = self.blocks.clone();
        if self.omitted > 0 {
            let at = (self.first_cuttable + self.cuttable).min(blocks.len());
            blocks.insert(at, words::omitted(self.language, self.omitted));
        }
        blocks.join("\n\n")
    }

    /// Takes blocks from the end of the cuttable ones until `bytes` are gone, but leaves one.
    fn cut_bytes(&mut self, bytes: usize) {
        let mut gone = 0;
        while gone < bytes.max(1) && self.cuttable > 1 {
            gone += json_bytes(&self.remove_last()) + 2;
        }
    }

    fn remove_last(&mut self) -> String {
        self.cuttable -= 1;
        self.omitted += 1;
        self.blocks.remove(self.first_cuttable + self.cuttable)
    }

    /// The same message with half of its rows; `false` when there is nothing left to leave out.
    pub fn shorten(&mut self) -> bool {
        let target = self.cuttable / 2;
        let can = self.cuttable > 1;
        while can && self.cuttable > target.max(1) {
            self.remove_last();
        }
        can
    }

    /// Only the title: no row, nothing from a database but what the title says.
    pub fn reduce(&mut self, name: &str) {
        self.title = name.to_owned();
        self.blocks = vec![words::reduced(self.language, name)];
        (self.first_cuttable, self.cuttable, self.omitted) = (1, 0, 0);
    }
}

/// The last resort for a single block that is too long: cut on a character, with an ellipsis.
fn cut_text(text: &str) -> String {
    let mut cut = String::new();
    let mut bytes = 2;
    for c in text.chars() {
        bytes += json_bytes(c.encode_utf8(&mut [0; 4])) - 2;
        if bytes > MAX_TEXT_BYTES - 8 {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// How many bytes a text takes in a JSON body, its quotes included.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
