//! What deduplication knows of a key, and what the history tells of it.

use super::row::{Fingerprint, Row};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How bad it is. Ordered: `Info < Warning < Critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Someone should look.
    #[default]
    Warning,
    /// Someone must act now.
    Critical,
}

/// What happened, as the history names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A key began to match, or a new row was seen.
    Fired,
    /// It still fires, and `repeat_interval` has passed.
    Repeated,
    /// A watched column of a row changed.
    Changed,
    /// The severity of a firing alert rose, or it has been firing for so long that someone more is told.
    Escalated,
    /// It is over.
    Resolved,
    /// A person took it.
    Acknowledged,
    /// A report was made.
    Report,
    /// The watcher's polls fail.
    WatcherFailed,
    /// They work again.
    WatcherRecovered,
}

/// Where a key stands between polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertStatus {
    /// It holds, but not yet for long enough.
    Pending,
    /// It has fired and is not over.
    Firing,
    /// A row of a `new` watcher that was told, or was there at the baseline.
    Seen,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every case, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word used in files, SQL and JSON.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err(format!("`{word}` is not one of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}
words!(Severity { Info = "info", Warning = "warning", Critical = "critical" });
words!(EventKind {
    Fired = "fired",
    Repeated = "repeated",
    Changed = "changed",
    Escalated = "escalated",
    Resolved = "resolved",
    Acknowledged = "acknowledged",
    Report = "report",
    WatcherFailed = "watcher_failed",
    WatcherRecovered = "watcher_recovered",
});
words!(AlertStatus { Pending = "pending", Firing = "firing", Seen = "seen" });

/// What is known of one key of one watcher: a row of `alert_state`.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// Where it stands.
    pub status: AlertStatus,
    /// The severity last evaluated.
    pub severity: Severity,
    /// The key cells.
    pub key: Row,
    /// The rows last seen under this key, the one that speaks for it first; at most [`MAX_ROWS_KEPT`].
    pub rows: Vec<Row>,
    /// How many rows the key had.
    pub row_count: u64,
    /// The digest of all of them.
    pub digest: super::row::Digest,
    /// When it fired; of one that is pending when it began to hold, of one that was only seen when that was.
    pub since: DateTime<Utc>,
    /// When the last message of it was made; repeats count from here.
    pub told_at: Option<DateTime<Utc>>,
    /// Who was told that it fired: they are told that it is over.
    pub receivers: Vec<String>,
    /// Pending: polls in a row that found it. Firing: polls in a row that did not, while it is kept firing.
    pub polls: u32,
    /// Firing: since when it is gone, while it is kept firing.
    pub gone_since: Option<DateTime<Utc>>,
    /// Reminders since it fired or last escalated.
    pub repeats: u32,
    /// The steps of [`escalation`](super::escalation) that were told of this firing, each by its name.
    pub steps: Vec<String>,
    /// Who took it. It is written by a person's command only; a poll takes it back when the alert escalates or is over.
    pub acknowledged: Option<Acknowledgement>,
}

/// A person's word that an alert is taken care of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What they had to say.
    pub note: Option<String>,
}

/// How many rows of one key are kept to be shown.
pub const MAX_ROWS_KEPT: usize = 20;

/// One line of the alert history, before the store numbers it.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it was found: the time of the poll.
    pub at: DateTime<Utc>,
    /// Whose.
    pub watcher: String,
    /// Where it was read.
    pub source: String,
    /// What happened.
    pub kind: EventKind,
    /// How bad it is.
    pub severity: Severity,
    /// Which key; `None` for the watcher's own events.
    pub fingerprint: Option<Fingerprint>,
    /// The key cells.
    pub key: Option<Row>,
    /// The rows of the key, the one that speaks for it first.
    pub rows: Vec<Row>,
    /// How many rows the key had, of which `rows` may show fewer.
    pub row_count: u64,
    /// The whole row before, for `changed`.
    pub previous: Option<Row>,
    /// When the alert fired, for every event after `fired`.
    pub since: Option<DateTime<Utc>>,
    /// Why, in words.
    pub reason: String,
    /// Whether no message was made because of a silence.
    pub silenced: bool,
    /// The watched columns that differ, for `changed`.
    pub changed: Vec<String>,
    /// What a report adds up.
    pub sums: Vec<Sum>,
}

/// A column of a report, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Its name.
    pub column: String,
    /// The sum, exact.
    pub total: String,
    /// The sum of the last report, where it had the column.
    pub before: Option<String>,
}
