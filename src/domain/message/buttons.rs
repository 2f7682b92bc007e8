//! What a template adds to an event besides its text: links and a picture.

use super::form::{behind, title_or};
use super::{Link, Setting, context};
use crate::domain::alert::Event;
use crate::domain::template::{self, TemplateError};
use crate::domain::watcher::Button;

/// Events that get links of their own: a message has no room for more.
const MOST_LINKED: usize = 600;
/// The longest address. Longer ones are refused by some clients, and a value must not fill the message.
const MAX_URL_BYTES: usize = 2_000;

/// What belongs to one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    pub links: Vec<Link>,
    /// The address of its picture.
    pub picture: Option<String>,
}

impl Extras {
    /// The links as a line of Markdown.
    pub fn line(&self) -> String {
        self.links.iter().map(Link::markdown).collect::<Vec<_>>().join(" · ")
    }
}

/// Renders what belongs to every event that can be shown.
pub(super) fn render(setting: &Setting<'_>, events: &[&Event]) -> Result<Vec<Extras>, TemplateError> {
    events.iter().take(MOST_LINKED).map(|event| of_event(setting, event)).collect()
}

/// Links for the end of a text that a template wrote: those of its first events, which say whose they are.
pub(super) fn at_the_end(events: &[&Event], extras: &[Extras], most: usize) -> String {
    let told: Vec<(&&Event, &Extras)> = events.iter().zip(extras).take(most).collect();
    let titles = |extras: &Extras| extras.links.iter().map(|link| link.title.clone()).collect::<Vec<_>>();
    let mut distinct: Vec<Vec<String>> = told.iter().map(|(_, extras)| titles(extras)).collect();
    distinct.sort();
    distinct.dedup();
    // Titles that differ say by themselves whose they are.
    let say_whose = distinct.len() < told.len();
    let links = told.iter().flat_map(|(event, extras)| {
        let whose = if say_whose { behind(&key_words(event)) } else { String::new() };
        extras.links.iter().map(move |link| Link { title: format!("{}{whose}", link.title), url: link.url.clone() }.markdown())
    });
    links.collect::<Vec<_>>().join(" · ")
}

fn key_words(event: &Event) -> String {
    let cells = event.key.iter().flat_map(|key| (0..key.len()).filter_map(|at| key.text(at)));
    cells.collect::<Vec<_>>().join(" ")
}

fn of_event(setting: &Setting<'_>, event: &Event) -> Result<Extras, TemplateError> {
    let links = setting.template.buttons.iter().map(|button| link(setting, event, button)).collect::<Result<_, _>>()?;
    let picture = setting.template.picture.as_ref().map(|source| address(event, source, "a picture")).transpose()?;
    // A row may have none.
    Ok(Extras { links, picture: picture.flatten() })
}

fn link(setting: &Setting<'_>, event: &Event, button: &Button) -> Result<Link, TemplateError> {
    let title = template::render(&button.title, &context::of_event(setting, event))?;
    let title = title_or(setting.language, title.split_whitespace().collect::<Vec<_>>().join(" "));
    let url = address(event, &button.url, "a button")?.ok_or_else(|| refused("a button", "not an http or https URL"))?;
    Ok(Link { title, url })
}

/// An address whose values are parts of it only; `None` where the template says nothing.
fn address(event: &Event, source: &str, of: &str) -> Result<Option<String>, TemplateError> {
    let url = template::render(source, &context::of_url(event))?;
    let url = url.trim();
    if url.is_empty() {
        return Ok(None);
    }
    if !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) || url.contains(breaks_a_link) {
        return Err(refused(of, "not an http or https URL"));
    }
    if url.len() > MAX_URL_BYTES {
        return Err(refused(of, "too long"));
    }
    Ok(Some(url.to_owned()))
}

fn refused(of: &str, what: &str) -> TemplateError {
    TemplateError { message: format!("the address of {of} is {what}"), line: None, span: None }
}

fn breaks_a_link(c: char) -> bool {
    c.is_control() || c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '"' | '\\')
}
