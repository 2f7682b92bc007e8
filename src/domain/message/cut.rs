//! Where a text may be cut: at a row, else between words of the text itself. Never inside a character as a person sees it
//! (an emoji of several code points, a letter with its marks), a link or picture, an entity, a coloured or an emphasised
//! span.

use super::{json_bytes, plain};
use pulldown_cmark::{Event, Parser, Tag};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// What stands for the rest.
const MARK: &str = "…";

/// A text of at most so many characters, with an ellipsis where it was longer.
pub(super) fn to_chars(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    prefix(text, |prefix| prefix.chars().count() < most) + MARK
}

/// A plain text of at most so many bytes as JSON, cut at a line where there is one.
pub(super) fn to_bytes(text: &str, most: usize) -> String {
    if json_bytes(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(MARK.len());
    let whole = prefix(text, |prefix| json_bytes(prefix) <= room);
    match whole.rfind('\n').filter(|at| *at > whole.len() / 2) {
        Some(at) => format!("{}\n{MARK}", &whole[..at]),
        None => whole + MARK,
    }
}

/// As many characters from the beginning as fit.
fn prefix(text: &str, fits: impl Fn(&str) -> bool) -> String {
    let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
    let count = ends.partition_point(|end| fits(&text[..*end]));
    ends.get(count.saturating_sub(1)).map(|end| text[..*end].to_owned()).unwrap_or_default()
}

/// A block of Markdown that is shorter by at least so many bytes of JSON: cut at a line where that leaves one, else at a
/// place where nothing is broken.
pub(super) fn block(block: &str, bytes: usize) -> String {
    let room = json_bytes(block).saturating_sub(bytes + MARK.len() + 4);
    let mut places = places(block);
    places.truncate(places.partition_point(|at| json_bytes(&block[..*at]) <= room));
    let at_line = places.iter().rev().find(|at| block[..**at].ends_with('\n') && !block[..**at].trim().is_empty());
    let last = places.last().copied().unwrap_or(0);
    match at_line {
        Some(at) if is_item(&block[..*at]) => format!("{}- {MARK}", &block[..*at]),
        Some(at) => format!("{}{MARK}", &block[..*at]),
        None if !block[..last].trim().is_empty() => format!("{}{MARK}", block[..last].trim_end()),
        // One link or span is longer than there is room: what it says is cut, and stays words.
        None => prefix(&neutralise_all(&plain::of_markdown(block)), |prefix| json_bytes(prefix) <= room) + MARK,
    }
}

fn is_item(lines: &str) -> bool {
    lines.trim_end().rsplit('\n').next().is_some_and(|line| line.starts_with("- "))
}

fn neutralise_all(text: &str) -> String {
    text.split('\n').map(|line| super::neutralise::neutralise_to(line, line.len())).collect::<Vec<_>>().join(" ")
}

/// Where this Markdown may be cut, in ascending order.
fn places(text: &str) -> Vec<usize> {
    let mut is_inside = vec![false; text.len()];
    let spans = marked(text).into_iter().chain(pairs(text)).chain(fonts(text)).chain(entities(text));
    for span in spans {
        is_inside[span.start + 1..span.end].fill(true);
    }
    text.grapheme_indices(true).map(|(at, _)| at).filter(|at| !is_inside[*at]).collect()
}

/// What Markdown makes of the text: links, pictures, emphasis, code, decoded characters, HTML.
fn marked(text: &str) -> Vec<Range<usize>> {
    let is_span = |event: &Event<'_>, range: &Range<usize>| match event {
        Event::Start(tag) => {
            matches!(tag, Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis | Tag::Strong | Tag::CodeBlock(_))
        }
        Event::Text(words) => words.as_ref() != &text[range.clone()],
        Event::Code(_) | Event::Html(_) | Event::InlineHtml(_) => true,
        _ => false,
    };
    Parser::new(text)
        .into_offset_iter()
        .filter(|(event, range)| is_span(event, range) && !range.is_empty())
        .map(|(_, range)| range)
        .collect()
}

/// `**…**` within a line: what CommonMark does not take for a pair (`**中文：**后`) DingTalk may.
fn pairs(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let marks: Vec<usize> = line.match_indices("**").map(|(at, _)| start + at).collect();
        spans.extend(marks.chunks(2).map(|pair| pair[0]..pair.get(1).unwrap_or(&pair[0]) + 2));
        start += line.len();
    }
    spans
}

/// `<font …>…</font>`; one that is not closed is its tag only.
fn fonts(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut spans = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, _) in lower.match_indices('<') {
        let end = lower[at..].find('>').map_or(lower.len(), |end| at + end + 1);
        if lower[at..].starts_with("<font") {
            open.push(at);
            spans.push(at..end);
        } else if let Some(start) = open.pop_if(|_| lower[at..].starts_with("</font")) {
            spans.push(start..end);
        }
    }
    spans
}

/// `&nbsp;`, `&#160`: DingTalk knows them without the semicolon too.
fn entities(text: &str) -> Vec<Range<usize>> {
    const LONGEST: usize = 32;
    let end = |at: usize| {
        let name = text[at + 1..].bytes().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
        at + 1 + name + usize::from(text[at + 1 + name..].starts_with(';'))
    };
    text.match_indices('&').map(|(at, _)| at..end(at)).collect()
}

/// Whether a paragraph leaves a `<font …>` open, which goes on in the next.
pub(super) fn leaves_font_open(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.matches("<font").count() > lower.matches("</font").count()
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
