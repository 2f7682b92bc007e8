//! Buttons are links in the text: a robot's card with real buttons cannot call people by name.

use super::{Setting, context, neutralise};
use crate::domain::alert::Event;
use crate::domain::template::{self, TemplateError};
use crate::domain::watcher::Button;

/// Events that get links of their own: a message has no room for more.
const MOST_LINKED: usize = 600;
/// The longest address. Longer ones are refused by some clients, and a value must not fill the message.
const MAX_URL_BYTES: usize = 2_000;

/// The links of a message.
pub(super) enum Links {
    /// The same under every event, or only one event: they stand once, at the end.
    Once(String),
    /// Different ones, in the order of the events.
    PerEvent(Vec<String>),
}

/// Renders the links of every event that can be shown.
pub(super) fn render(setting: &Setting<'_>, events: &[&Event]) -> Result<Links, TemplateError> {
    let lines = events.iter().take(MOST_LINKED).map(|event| of_event(setting, event, ""));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let all_same = lines.windows(2).all(|pair| pair[0] == pair[1]);
    Ok(if all_same { Links::Once(lines.into_iter().next().unwrap_or_default()) } else { Links::PerEvent(lines) })
}

/// Links for the end of a text that a template wrote: those of its first events, which say whose they are.
pub(super) fn at_the_end(setting: &Setting<'_>, events: &[&Event], most: usize) -> Result<String, TemplateError> {
    let told: Vec<&Event> = events.iter().take(most).copied().collect();
    let titles = |event: &&Event| of_event(setting, event, "").map(|line| line.split("](").next().unwrap_or_default().to_owned());
    let mut distinct = told.iter().map(titles).collect::<Result<Vec<_>, _>>()?;
    distinct.sort();
    distinct.dedup();
    // Titles that differ say by themselves whose they are.
    let behind = |event: &Event| if distinct.len() == told.len() { String::new() } else { key_words(event) };
    let lines = told.iter().map(|event| of_event(setting, event, &behind(event)));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join(" · "))
}

fn key_words(event: &Event) -> String {
    let cells = event.key.iter().flat_map(|key| (0..key.len()).filter_map(|at| key.text(at)));
    cells.map(|text| format!(" {}", neutralise(&text))).collect()
}

fn of_event(setting: &Setting<'_>, event: &Event, behind: &str) -> Result<String, TemplateError> {
    let links = setting.template.buttons.iter().map(|button| link(setting, event, button, behind));
    Ok(links.collect::<Result<Vec<_>, _>>()?.join(" · "))
}

fn link(setting: &Setting<'_>, event: &Event, button: &Button, behind: &str) -> Result<String, TemplateError> {
    let refuse = |what: &str| TemplateError { message: format!("the address of a button is {what}"), line: None, span: None };
    let title = template::render(&button.title, &context::of_event(setting, event))?;
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let url = template::render(&button.url, &context::of_url(event))?;
    let url = url.trim();
    if !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) || url.contains(breaks_a_link) {
        return Err(refuse("not an http or https URL"));
    }
    if url.len() > MAX_URL_BYTES {
        return Err(refuse("too long"));
    }
    Ok(format!("[{title}{behind}]({url})"))
}

fn breaks_a_link(c: char) -> bool {
    c.is_control() || c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '"' | '\\')
}
