//! The text of one file: finds the line and column of a byte, and the line as it may be shown.
//!
//! A line of the settings is shown in full only when it is a table's header or gives a value to a key that is known
//! to hold no secret; of every other line only the key is shown. So a misspelt `webhok`, a broken quote, or a secret
//! over several lines is masked too, without the file having to be valid. A watcher's file holds no secrets by
//! contract; what looks like one all the same is masked.

use super::fault::{Excerpt, Fault, Origin};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What stands where a value is hidden.
const MASK: &str = "***";

/// Longer values are not repeated in a message.
const QUOTED_LENGTH: usize = 60;

/// Parts of keys that give a secret away in any file.
const SECRET_KEYS: [&str; 5] = ["secret", "webhook", "password", "passwd", "token"];

/// The text of one file.
pub(super) struct Sheet {
    pub path: PathBuf,
    pub text: String,
    /// Keys whose values may be shown; `None`: all but what looks like a secret.
    open_keys: Option<Vec<&'static str>>,
}

impl Sheet {
    pub fn of_settings(path: &Path, text: &str, open_keys: Vec<&'static str>) -> Sheet {
        Sheet { path: path.to_owned(), text: without_mark(text), open_keys: Some(open_keys) }
    }

    pub fn of_watcher(path: &Path, text: &str) -> Sheet {
        Sheet { path: path.to_owned(), text: without_mark(text), open_keys: None }
    }

    /// The fault at these bytes of the text.
    pub fn fault(&self, span: Range<usize>, message: String, hint: Option<String>) -> Fault {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let excerpt = self.excerpt(line, start - line_start..end - line_start);
        let number = self.line(line_start);
        let column = excerpt.line[..excerpt.mark.start].chars().count() + 1;
        Fault::new(Origin::Place { file: self.path.clone(), line: number, column }, message, hint, Some(excerpt))
    }

    /// The line of a byte of the text, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    /// The line without what must stay hidden. A mark in the hidden part moves to its beginning: neither the place
    /// nor the length of a secret's parts are told.
    fn excerpt(&self, line: &str, mark: Range<usize>) -> Excerpt {
        let mark = mark.start.min(line.len())..mark.end.min(line.len());
        match self.hidden_from(line) {
            None => Excerpt { line: line.to_owned(), mark },
            Some(hidden) => {
                let shown = format!("{}{MASK}", &line[..hidden]);
                let start = mark.start.min(hidden);
                let end = if mark.end > hidden { shown.len() } else { mark.end };
                Excerpt { line: shown, mark: start..end.max(start) }
            }
        }
    }

    /// Where the part of the line begins that must not be shown.
    fn hidden_from(&self, line: &str) -> Option<usize> {
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            return None;
        }
        let value = value_start(line);
        match &self.open_keys {
            Some(open_keys) => {
                let header = value.is_none() && is_header(line);
                let open = value.is_some_and(|at| open_keys.contains(&last_key(&line[..at])));
                if !header && !open {
                    return Some(value.unwrap_or(line.len() - trimmed.len()));
                }
                comment_start(line).or_else(|| looks_secret(line).then(|| value.unwrap_or(0)))
            }
            None => {
                let key = value.map(|at| last_key(&line[..at]).to_lowercase());
                let secret_key = key.is_some_and(|key| SECRET_KEYS.iter().any(|word| key.contains(word)));
                (secret_key || looks_secret(line)).then(|| value.unwrap_or(line.len() - trimmed.len()))
            }
        }
    }
}

/// Editors on Windows begin a file with a byte order mark; it has no column.
fn without_mark(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()
}

/// Where the value of a line `key = value` begins.
fn value_start(line: &str) -> Option<usize> {
    let equals = line.find('=')?;
    let key = line[..equals].trim();
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-. \"'".contains(c));
    let value = &line[equals + 1..];
    plain.then(|| line.len() - value.trim_start().len())
}

/// The last part of the key of a line, given what stands before its value.
fn last_key(before_value: &str) -> &str {
    let key = before_value.trim_end().trim_end_matches('=').trim();
    key.rsplit('.').next().unwrap_or(key).trim_matches([' ', '"', '\''])
}

/// Whether a line is `[table]` or `[[table]]`, its first name without quotes: so may a line of an array not begin.
fn is_header(line: &str) -> bool {
    let code = comment_start(line).map_or(line, |at| &line[..at]).trim();
    code.ends_with(']') && code.starts_with('[') && code.trim_start_matches(['[', ' ']).starts_with(|c: char| c.is_alphabetic())
}

/// Where a comment begins: at the first `#` outside of quotes.
fn comment_start(line: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '#') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether a name or a value may be repeated in a message.
pub(super) fn may_be_shown(text: &str) -> bool {
    text.chars().count() <= QUOTED_LENGTH && !text.contains('\n') && !looks_secret(text)
}

/// Whether a line holds a password in a URL or a robot's token.
fn looks_secret(line: &str) -> bool {
    let user_in_url = line.find("://").is_some_and(|at| line[at..].contains('@') && line[at + 3..].contains(':'));
    user_in_url || line.contains("access_token=") || line.contains("\"SEC")
}
