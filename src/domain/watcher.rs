//! A watcher: what a file in `watchers/` declares, as a value that cannot be wrong.

use super::active::Active;
use super::alert::Severity;
use super::chart::ChartRule;
use super::expression::Expression;
use super::query::Param;
use super::schedule::Schedule;
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Polls that may fail in a row before the watcher itself alerts.
pub const FAILURES_BEFORE_ALERT: u32 = 3;

/// How far a cursor reads again, unless the file says otherwise.
pub const OVERLAP: Duration = Duration::from_secs(600);

/// Polls in a row that must agree with a held result before it is taken, unless the file says otherwise.
pub const GUARD_POLLS: u32 = 3;

/// One declared watch on one source.
#[derive(Clone, Debug)]
pub struct Watcher {
    /// The stem of its file.
    pub name: String,
    /// The name that the file had before: what is known under it is taken over.
    pub formerly: Option<String>,
    /// What it is for, in the words of the people who receive it.
    pub description: Option<String>,
    /// The source it reads.
    pub source: String,
    /// All sources of a watcher that was declared with `sources`, each read by an instance of its own ([`Watcher::instances`]);
    /// empty for one with a single `source`. The key of each row gains the source.
    pub sources: Vec<String>,
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
    /// The values of names in it.
    pub params: Vec<(String, Param)>,
    /// Rows for which this does not hold are as if not returned; for `change`, changes that are not told.
    pub when: Option<Expression>,
    /// A firing key whose row is still returned stays firing until this holds.
    pub clear_when: Option<Expression>,
    /// How long a key must hold before it fires.
    pub hold_for: Span,
    /// How long a key must be gone before it resolves.
    pub keep_firing_for: Span,
    /// How bad a row is.
    pub severity: SeverityRule,
    /// How often to remind while it fires.
    pub repeat_interval: Option<Duration>,
    /// How many reminders at most, from one firing or escalation; every one when absent.
    pub max_repeats: Option<u32>,
    /// Whether the end of an alert is told.
    pub send_resolved: bool,
    /// Over the source's `query_timeout`.
    pub timeout: Option<Duration>,
    /// Over the source's `max_rows`.
    pub max_rows: Option<u64>,
    /// Polls that may fail in a row before the watcher itself alerts.
    pub failures_before_alert: u32,
    /// A result that moves more rows than this is held.
    pub guard: Option<Guard>,
    /// When it speaks; always when absent.
    pub active: Option<Active>,
    /// Templates; without them the built-in message is used.
    pub message: MessageTemplate,
    /// The picture in its messages.
    pub chart: Option<ChartRule>,
    /// Who is told.
    pub notify: Vec<Notify>,
}

/// What a returned row means.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertOn {
    /// A row is something in a bad state now: it fires when its key appears and resolves when it is gone.
    Match,
    /// A row is an event: told once per key, ever.
    New {
        /// Whether the rows of the very first poll are told too, or taken as the baseline.
        alert_on_first_poll: bool,
        /// Reads only what is new.
        cursor: Option<Cursor>,
    },
    /// A row is a thing whose columns are watched.
    Change {
        /// The watched columns; empty: all but the key.
        columns: Vec<String>,
        /// Which of its changes are told.
        rows: ChangedRows,
    },
    /// A row is a sign of life: what fires is that there is none.
    Missing {
        /// Of what.
        expect: Expect,
    },
    /// A row is a line of a report.
    Report {
        /// Whether a report without rows is told.
        send_empty: bool,
        /// The columns that are added up.
        sums: Vec<String>,
    },
}

impl AlertOn {
    /// The word of files, SQL and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            AlertOn::Match => "match",
            AlertOn::New { .. } => "new",
            AlertOn::Change { .. } => "change",
            AlertOn::Missing { .. } => "missing",
            AlertOn::Report { .. } => "report",
        }
    }
}

/// Incremental reading by one column that grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The column of the result.
    pub column: String,
    /// The first value of `:cursor`, for a query that names it by hand.
    pub start: Option<String>,
    /// How far back in time is read again, for rows that commit late.
    pub overlap: Duration,
    /// When everything is read again, to prove that nothing was missed.
    pub reconcile: Option<Schedule>,
}

/// Which rows of a `change` watcher are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedRows {
    /// A key that was not there.
    pub added: bool,
    /// A known key with other values.
    pub changed: bool,
    /// A known key that is gone.
    pub removed: bool,
}

/// What must be there for a `missing` watcher to be quiet.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Any row.
    AnyRow,
    /// A row for each of these keys, whose cells stand in the order of the watcher's key.
    Keys(Vec<Vec<ExpectedCell>>),
    /// A row for each key that this query returns.
    Query(String),
}

/// A cell of an expected key, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedCell {
    /// Text; it also stands for a number that is written so.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// A length that is a time or a number of polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// At least so long.
    Time(Duration),
    /// So many polls in a row.
    Polls(u32),
}

impl Span {
    /// At once.
    pub const ZERO: Span = Span::Time(Duration::ZERO);

    /// Whether it is over, after `polls` polls in a row over `elapsed`. Polls do not begin on the millisecond, so a time may
    /// be over by [`Span::slack`] early.
    pub fn is_over(self, elapsed: TimeDelta, polls: u32) -> bool {
        match self {
            Span::Polls(wanted) => polls >= wanted,
            Span::Time(length) => elapsed.to_std().unwrap_or_default() + Span::slack(length) >= length,
        }
    }

    /// How much earlier than a length of time a poll may come and still count: a second, of short lengths a hundredth.
    pub fn slack(length: Duration) -> Duration {
        Duration::from_secs(1).min(length / 100)
    }
}

/// A result that would move more than this is held until a person releases it or the next polls confirm it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// The most keys that may vanish in one poll.
    pub vanished: Option<Share>,
    /// The most keys that may fire, change or be added in one poll.
    pub fired: Option<Share>,
    /// How many polls in a row must find so before it is believed.
    pub polls: u32,
}

/// A number of keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So many in a hundred of those that are known.
    Percent(f64),
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
    /// The address of a picture, rendered per event; a template whose result must be http or https, or nothing.
    pub picture: Option<String>,
}

/// A link under an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says; a template.
    pub title: String,
    /// Where it leads; a template whose result must be http or https.
    pub url: String,
}

/// One `[[notify]]` block: who gets the rows for which `when` holds, at once or as a step of [`escalation`](super::escalation).
#[derive(Clone, Debug)]
pub struct Notify {
    /// Every row when absent.
    pub when: Option<Expression>,
    /// Names of receivers.
    pub receivers: Vec<String>,
    /// Who is called by name in the message.
    pub mention: Vec<Mention>,
    /// A step: it is told when an alert has been firing for so long. Told at once when absent.
    pub after: Option<Duration>,
    /// Whether a step is left out while a person has taken the alert.
    pub unless_acknowledged: bool,
}

impl Notify {
    /// A block that tells these receivers of every row, at once.
    pub fn at_once(receivers: Vec<String>) -> Notify {
        Notify { when: None, receivers, mention: Vec::new(), after: None, unless_acknowledged: false }
    }
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
    /// One watcher for each source it reads.
    pub fn instances(&self) -> Vec<Watcher> {
        if self.sources.is_empty() {
            return vec![self.clone()];
        }
        self.sources
            .iter()
            .map(|source| Watcher { source: source.clone(), schedule: self.schedule.of(&self.name, source), ..self.clone() })
            .collect()
    }

    /// Whether it reads several sources, so that a key says which.
    pub fn names_source(&self) -> bool {
        !self.sources.is_empty()
    }

    /// A hash of all that decides which rows alert. While it stays the same, an unchanged row has an unchanged verdict.
    pub fn revision(&self) -> String {
        let text = |expression: &Option<Expression>| expression.as_ref().map(|expression| expression.text().to_owned());
        let severity: Vec<String> = self.severity.cases.iter().map(|(when, level)| format!("{:?} {level}", text(when))).collect();
        let conditions = [text(&self.when), text(&self.clear_when)];
        let text = format!(
            "{:?}\n{:?}\n{}\n{:?}\n{conditions:?}\n{severity:?}\n{} {}",
            self.alert_on, self.key, self.query, self.params, self.source, self.timezone
        );
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }

    /// The cursor of an incremental watcher.
    pub fn cursor(&self) -> Option<&Cursor> {
        match &self.alert_on {
            AlertOn::New { cursor, .. } => cursor.as_ref(),
            _ => None,
        }
    }

    /// The conditions that decide whether a row counts, and how much.
    fn conditions(&self) -> impl Iterator<Item = &Expression> {
        let severity = self.severity.cases.iter().filter_map(|(when, _)| when.as_ref());
        self.when.iter().chain(&self.clear_when).chain(severity)
    }

    /// Whether a verdict can change while the row does not: a condition that asks for the time.
    pub fn verdict_depends_on_time(&self) -> bool {
        self.conditions().any(Expression::uses_now)
    }

    /// Whether a verdict compares with what was seen before.
    pub fn uses_previous(&self) -> bool {
        self.conditions().any(Expression::uses_previous)
    }

    /// Whether rows that do not alert are kept too: as what a change, or a condition on `previous`, is told against.
    pub fn remembers_rows(&self) -> bool {
        match self.alert_on {
            AlertOn::Change { .. } => true,
            AlertOn::Match => self.uses_previous(),
            AlertOn::New { .. } | AlertOn::Missing { .. } | AlertOn::Report { .. } => false,
        }
    }

    /// Every receiver the watcher names, each once, in the order of the file.
    pub fn receivers(&self) -> Vec<String> {
        receivers_of(self.notify.iter())
    }

    /// The receivers that are told at once. That the watcher itself fails is told to them: nobody is woken by a step for
    /// that. All of them where every block is a step.
    pub fn first_receivers(&self) -> Vec<String> {
        let first = receivers_of(self.notify.iter().filter(|block| block.after.is_none()));
        if first.is_empty() { self.receivers() } else { first }
    }

    /// Whether someone is told later only.
    pub fn has_steps(&self) -> bool {
        self.notify.iter().any(|block| block.after.is_some())
    }
}

fn receivers_of<'a>(blocks: impl Iterator<Item = &'a Notify>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in blocks.flat_map(|block| &block.receivers) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
