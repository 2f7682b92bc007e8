//! Finds names in a message template that nothing will fill: what needs no rows to be seen.
//!
//! It reads words, not meanings: `row.x` and `key.x` are taken for columns wherever they stand, and what is only asked
//! for (`row.x is defined`, `row.x | default('')`) is left alone. What it does not see shows in `preview`.

use crate::config::nearest;
use crate::domain::message::{EVENT_NAMES, MESSAGE_NAMES, URL_NAMES};
use crate::domain::template::undeclared;
use std::ops::Range;

/// What a template is rendered over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// All events of a message.
    Events,
    /// One event.
    OneEvent,
    /// One event, in the address of a button.
    OneEventForUrl,
}

impl Sees {
    fn names(self) -> &'static [&'static str] {
        match self {
            Sees::Events => &MESSAGE_NAMES,
            Sees::OneEvent => &EVENT_NAMES,
            Sees::OneEventForUrl => &URL_NAMES,
        }
    }
}

/// Functions that the template engine brings.
const FUNCTIONS: [&str; 6] = ["range", "dict", "namespace", "debug", "loop", "super"];

/// A name that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub message: String,
    pub hint: String,
    /// Its bytes in the template.
    pub span: Range<usize>,
}

/// Names that are no variable, and columns that the result does not have.
pub(super) fn unknown_names(source: &str, sees: Sees, row: &[&str], key: &[&str]) -> Vec<Unknown> {
    let tokens = tokens(source);
    let undeclared: Vec<String> = undeclared(source).into_iter().filter(|name| !FUNCTIONS.contains(&name.as_str())).collect();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let token = &tokens[at];
        if token.kind != Kind::Word || is_only_asked_for(&tokens[at..]) {
            continue;
        }
        let is_attribute = at > 0 && tokens[at - 1].text == ".";
        let known = sees.names();
        if !is_attribute && undeclared.iter().any(|name| name == token.text) && !known.contains(&token.text) {
            let message = format!("there is no `{}` here", token.text);
            found.push(Unknown { message, hint: hint(token.text, known), span: token.span.clone() });
            continue;
        }
        // In a body `key` alone is a variable of the template's own: `for key, value in row | items`.
        let columns = match token.text {
            "row" => row,
            "key" if is_attribute || sees != Sees::Events => key,
            _ => continue,
        };
        if let Some((name, span)) = member(&tokens[at..]).filter(|(name, _)| !columns.contains(name)) {
            let message = match token.text {
                "key" => format!("the key has no column `{name}`"),
                _ => format!("the result has no column `{name}`"),
            };
            found.push(Unknown { message, hint: hint(name, columns), span });
        }
    }
    found
}

fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the watcher has no `key`".to_owned(),
        None => format!("there are: {}", known.join(", ")),
    }
}

/// The column of `row.column` or `row["column"]`; none for what is called, such as `row.items()`.
fn member<'s>(tokens: &[Token<'s>]) -> Option<(&'s str, Range<usize>)> {
    let (name, after) = match (tokens.get(1)?.text, tokens.get(2)?.kind) {
        (".", Kind::Word) => (&tokens[2], 3),
        ("[", Kind::Text) if tokens.get(3)?.text == "]" => (&tokens[2], 4),
        _ => return None,
    };
    let is_called = tokens.get(after).is_some_and(|next| next.text == "(");
    (!is_called && !is_asked(&tokens[after.min(tokens.len())..])).then(|| (name.text, name.span.clone()))
}

fn is_only_asked_for(tokens: &[Token<'_>]) -> bool {
    is_asked(&tokens[1..])
}

/// Whether `is defined`, `is not defined` or `| default` follows.
fn is_asked(after: &[Token<'_>]) -> bool {
    let words: Vec<&str> = after.iter().take(3).map(|token| token.text).collect();
    matches!(words[..], ["is", "defined" | "undefined", ..] | ["is", "not", "defined" | "undefined"] | ["|", "default" | "d", ..])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Sign,
}

#[derive(Debug)]
struct Token<'s> {
    kind: Kind,
    text: &'s str,
    span: Range<usize>,
}

/// The tokens of all `{{ … }}` and `{% … %}`; a sign without meaning closes each.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|offset| at + offset) {
        let (close, is_code) = match source.as_bytes().get(open + 1) {
            Some(b'{') => ("}}", true),
            Some(b'%') => ("%}", true),
            Some(b'#') => ("#}", false),
            _ => {
                at = open + 1;
                continue;
            }
        };
        at = if is_code {
            block(source, open + 2, close, &mut tokens)
        } else {
            source[open..].find(close).map_or(source.len(), |offset| open + offset + 2)
        };
    }
    tokens
}

/// Reads the tokens of one block; where it ends.
fn block<'s>(source: &'s str, mut at: usize, close: &str, tokens: &mut Vec<Token<'s>>) -> usize {
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if rest.starts_with(close) {
            tokens.push(Token { kind: Kind::Sign, text: ";", span: at..at });
            return at + close.len();
        }
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word > 0 {
            tokens.push(Token { kind: Kind::Word, text: &rest[..word], span: at..at + word });
            at += word;
        } else if c == '"' || c == '\'' {
            let length = rest[1..].find(c).unwrap_or(rest.len() - 1);
            tokens.push(Token { kind: Kind::Text, text: &rest[1..1 + length], span: at + 1..at + 1 + length });
            at = (at + length + 2).min(source.len());
        } else {
            if !c.is_whitespace() {
                tokens.push(Token { kind: Kind::Sign, text: &rest[..c.len_utf8()], span: at..at + c.len_utf8() });
            }
            at += c.len_utf8();
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(source: &str, sees: Sees) -> Vec<(&str, String)> {
        let found = unknown_names(source, sees, &["sku", "name", "stock"], &["sku"]);
        found.into_iter().map(|unknown| (&source[unknown.span], unknown.hint)).collect()
    }

    #[test]
    fn columns_that_the_result_does_not_have_are_found() {
        for (source, name) in [
            ("{{ events[0].row.stok }}", "stok"),
            ("{% for e in events %}{{ e.key.name }}{% endfor %}", "name"),
            ("{% for row in events[0].rows %}{{ row.skuu }}{% endfor %}", "skuu"),
            ("{{ events[0].row['stok'] }}", "stok"),
            ("{{ \"}}\" }} 库存 {{ events[0].row.库存 }}", "库存"),
        ] {
            let found = unknown(source, Sees::Events);
            assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [name], "{source}");
        }
    }

    #[test]
    fn what_is_there_or_only_asked_for_is_left_alone() {
        for source in [
            "{{ events | length }} {{ watcher.name }} {{ now }}",
            "{% for e in events %}{{ e.row.sku }} {{ e.key.sku }} {{ loop.index }}{% endfor %}",
            "{% if events[0].row.note is defined %}{{ events[0].row.note | default('') }}{% endif %}",
            "{% for key, value in events[0].row | items %}{{ key }}: {{ value }}{% endfor %}",
            "row.x {# {{ row.x }} #} {{ 'row.x' }}",
            "{% set row = events[0].row %}{{ row.stock }}",
            "{% for i in range(3) %}{{ i }}{% endfor %}",
        ] {
            assert_eq!(unknown(source, Sees::Events), [], "{source}");
        }
    }

    #[test]
    fn variables_that_nothing_fills_are_found_with_the_nearest_name() {
        assert_eq!(unknown("{{ event | length }}", Sees::Events), [("event", "did you mean `events`?".to_owned())]);
        assert_eq!(unknown("{{ row.sku }}", Sees::Events).first().map(|(name, _)| *name), Some("row"));
    }

    #[test]
    fn a_button_sees_one_event() {
        assert_eq!(unknown("https://erp/{{ key.sku }}/{{ row.stock }}?{{ severity }}", Sees::OneEventForUrl), []);
        assert_eq!(unknown("{{ key.stock }}", Sees::OneEvent).len(), 1);
        assert_eq!(unknown("{{ events }}", Sees::OneEvent).len(), 1);
    }
}
