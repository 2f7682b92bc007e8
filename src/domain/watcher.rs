//! A watcher: what a file in `watchers/` declares, as a value that cannot be wrong.

use super::alert::Severity;
use super::expression::Expression;
use super::schedule::Schedule;
use chrono_tz::Tz;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Polls that may fail in a row before the watcher itself alerts.
pub const FAILURES_BEFORE_ALERT: u32 = 3;

/// One declared watch.
#[derive(Clone, Debug)]
pub struct Watcher {
    /// The stem of its file.
    pub name: String,
    /// What it is for, in the words of the people who receive it.
    pub description: Option<String>,
    /// The source it reads.
    pub source: String,
    /// When it polls.
    pub schedule: Schedule,
    /// The zone of its schedule and of the times it shows.
    pub timezone: Tz,
    /// What a returned row means.
    pub alert_on: AlertOn,
    /// The columns that identify a row; empty: the whole result is one alert.
    pub key: Vec<String>,
    /// The DBA's SQL.
    pub query: String,
    /// Rows for which this does not hold are as if not returned.
    pub when: Option<Expression>,
    /// How bad a row is.
    pub severity: SeverityRule,
    /// How often to remind while it fires.
    pub repeat_interval: Option<Duration>,
    /// Whether the end of an alert is told.
    pub send_resolved: bool,
    /// Over the source's `query_timeout`.
    pub timeout: Option<Duration>,
    /// Over the source's `max_rows`.
    pub max_rows: Option<u64>,
    /// Polls that may fail in a row before the watcher itself alerts.
    pub failures_before_alert: u32,
    /// Templates; without them the built-in message is used.
    pub message: MessageTemplate,
    /// Who is told.
    pub notify: Vec<Notify>,
}

/// What a returned row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertOn {
    /// A row is something in a bad state now: it fires when its key appears and resolves when it is gone.
    Match,
    /// A row is an event: told once per key, ever.
    New {
        /// Whether the rows of the very first poll are told too, or taken as the baseline.
        alert_on_first_poll: bool,
    },
}

/// Fixed, or the first case that holds.
#[derive(Clone, Debug)]
pub struct SeverityRule {
    /// Tried in order; a case without a condition always holds.
    pub cases: Vec<(Option<Expression>, Severity)>,
}

impl SeverityRule {
    /// The same severity for every row.
    pub fn fixed(severity: Severity) -> SeverityRule {
        SeverityRule { cases: vec![(None, severity)] }
    }
}

/// The `[message]` table: MiniJinja sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageTemplate {
    /// What a phone shows in its notification.
    pub title: Option<String>,
    /// Markdown.
    pub body: Option<String>,
    /// Links, each rendered per event.
    pub buttons: Vec<Button>,
}

/// A link under an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says; a template.
    pub title: String,
    /// Where it leads; a template whose result must be http or https.
    pub url: String,
}

/// One `[[notify]]` block: who gets the rows for which `when` holds.
#[derive(Clone, Debug)]
pub struct Notify {
    /// Every row when absent.
    pub when: Option<Expression>,
    /// Names of receivers.
    pub receivers: Vec<String>,
    /// Who is called by name in the message.
    pub mention: Vec<Mention>,
}

/// Someone a message calls by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mention {
    /// A phone number.
    Mobile(String),
    /// A DingTalk user id.
    User(String),
    /// Everyone in the group.
    All,
}

impl Mention {
    /// Reads what stands in `mention`: `all`, a phone number (digits, with or without `+86-`), or a user id.
    pub fn parse(text: &str) -> Mention {
        let digits = text.trim_start_matches('+').replace('-', "");
        if text == "all" {
            Mention::All
        } else if (digits.len() >= 11 && digits.len() <= 15) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Mention::Mobile(text.to_owned())
        } else {
            Mention::User(text.to_owned())
        }
    }
}

impl Watcher {
    /// A hash of all that decides which rows alert. While it stays the same, an unchanged row has an unchanged verdict.
    pub fn revision(&self) -> String {
        let when = self.when.as_ref().map(Expression::text).unwrap_or_default();
        let severity: Vec<String> =
            self.severity.cases.iter().map(|(when, level)| format!("{:?} {level}", when.as_ref().map(Expression::text))).collect();
        let text = format!("{:?}\n{:?}\n{}\n{when}\n{severity:?}\n{} {}", self.alert_on, self.key, self.query, self.source, self.timezone);
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }

    /// Whether a verdict can change while the row does not: a condition that asks for the time.
    pub fn verdict_depends_on_time(&self) -> bool {
        let severity = self.severity.cases.iter().filter_map(|(when, _)| when.as_ref());
        self.when.iter().chain(severity).any(Expression::uses_now)
    }

    /// Every receiver the watcher names, each once, in the order of the file.
    pub fn receivers(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.notify.iter().flat_map(|block| &block.receivers) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}
