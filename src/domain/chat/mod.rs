//! What is answered to a command in a chat: short Markdown for a phone. Pure.
//!
//! Every text from a database, from a file or from a person passes [`neutralise`]; every list is bounded and says what it leaves
//! out. The numbers before alerts are those that 认领 takes, and `rowbell ack`.

mod acts;
mod lists;
mod refusals;
mod status;

pub use acts::{Silenced, Took, acknowledged, by_card, no_reason, repeated, silenced, why};
pub use lists::{AlertFact, EventFact, alerts, history};
pub use refusals::{failed, help, misread, not_allowed, nothing_to_read, unknown_key, unknown_watcher};
pub use status::{Failing, Held, InForce, Status, status};

use super::alert::{EventKind, Severity};
use super::message::{Language, neutralise, words};
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};

/// The most lines of a list.
const MOST_LINES: usize = 10;
/// Columns of a row beside its key.
const MOST_COLUMNS: usize = 3;

/// Characters of a person's name.
const MOST_NAME_CHARS: usize = 30;

/// A JSON object of columns.
pub type Object = Map<String, Json>;

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The language of its words.
    pub language: Language,
    /// The zone of its times.
    pub zone: Tz,
    /// When it is given.
    pub now: DateTime<Utc>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What a notification shows.
    pub title: String,
    /// Markdown.
    pub text: String,
}

impl Reply {
    /// A heading and blocks below it: items of a list stand together, all else has a blank line between.
    fn new(title: String, blocks: &[String]) -> Reply {
        let mut text = format!("### {title}");
        let mut in_list = false;
        for block in blocks {
            let is_item = block.starts_with("- ");
            text.push_str(if in_list && is_item { "\n" } else { "\n\n" });
            text.push_str(block);
            in_list = is_item;
        }
        Reply { title, text }
    }

    /// One sentence.
    fn said(title: &str, sentence: String) -> Reply {
        Reply { title: title.to_owned(), text: sentence }
    }
}

impl Setting {
    fn pick<'a>(&self, chinese: &'a str, english: &'a str) -> &'a str {
        self.language.pick(chinese, english)
    }

    /// `09:35`, `11-24 09:35`: the day where it is not today.
    fn at(&self, at: DateTime<Utc>) -> String {
        let wall = at.with_timezone(&self.zone);
        let today = self.now.with_timezone(&self.zone);
        let form = match () {
            () if wall.date_naive() == today.date_naive() => "%H:%M",
            () if wall.year() == today.year() => "%m-%d %H:%M",
            () => "%Y-%m-%d %H:%M",
        };
        wall.format(form).to_string()
    }

    /// A time of a list, in RFC 3339.
    fn shown(&self, at: &str) -> String {
        DateTime::parse_from_rfc3339(at).map_or_else(|_| neutralise(at), |at| self.at(at.to_utc()))
    }

    fn icon(&self, severity: Severity) -> &'static str {
        words::icon(EventKind::Fired, severity)
    }

    /// The last line of a list that leaves some out.
    fn more(&self, left_out: usize) -> Option<String> {
        (left_out > 0).then(|| match self.language {
            Language::ZhCn => format!("**+ 另有 {left_out} 项**"),
            Language::En => format!("**+ {left_out} more**"),
        })
    }

    fn comma(&self) -> &'static str {
        self.pick("，", ", ")
    }
}

/// `张三 (manager01)`: how the history names a person of a chat. The name is what they call themselves; the user id is theirs.
pub fn person(name: Option<&str>, user: &str) -> String {
    let harmless = |text: &str| text.chars().filter(|c| !c.is_control() && !matches!(c, '(' | ')' | '（' | '）')).collect::<String>();
    let user = harmless(user);
    let name: String = name.map(|name| harmless(name).trim().chars().take(MOST_NAME_CHARS).collect()).unwrap_or_default();
    if name.is_empty() || name == user { user } else { format!("{name} ({user})") }
}

#[cfg(test)]
mod tests;
