//! What the commands, the pages and the API read: one line each, already in the words and forms of the contract.

use serde::Serialize;

/// A JSON object of columns.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// What fires now.
#[derive(Clone, Debug, Serialize)]
pub struct AlertLine {
    /// The number of the event that fired.
    pub id: Option<i64>,
    /// Whose.
    pub watcher: String,
    /// Where it was read.
    pub source: String,
    /// `pending` or `firing`.
    pub status: String,
    /// How bad.
    pub severity: String,
    /// Which key.
    pub fingerprint: String,
    /// The key columns.
    pub key: Object,
    /// The row last seen.
    pub row: Object,
    /// How many rows the key had.
    pub row_count: i64,
    /// When it fired.
    pub since: String,
    /// When it was last told.
    pub told_at: Option<String>,
    /// Who was told.
    pub receivers: Vec<String>,
    /// Since when it is gone, while it is kept firing.
    pub gone_since: Option<String>,
    /// Reminders so far.
    pub repeats: i64,
    /// When a person took it.
    pub acknowledged_at: Option<String>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// What they had to say.
    pub acknowledged_note: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryLine {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: String,
    /// Whose.
    pub watcher: String,
    /// Where it was read.
    pub source: String,
    /// What.
    pub event: String,
    /// How bad.
    pub severity: String,
    /// Which key; null for the watcher's own events.
    pub fingerprint: Option<String>,
    /// The key columns.
    pub key: Option<Object>,
    /// The row.
    pub row: Option<Object>,
    /// The row before, for `changed`.
    pub previous: Option<Object>,
    /// How many rows the key had.
    pub row_count: i64,
    /// When the alert fired.
    pub since: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// Whether no message was made because of a silence.
    pub silenced: bool,
    /// The poll that found it.
    pub poll: Option<i64>,
    /// Who was told, and what became of it.
    pub deliveries: Vec<EventDelivery>,
}

/// What became of an event's message for one receiver.
#[derive(Clone, Debug, Serialize)]
pub struct EventDelivery {
    /// The delivery's number.
    pub id: i64,
    /// To whom.
    pub receiver: String,
    /// Where it stands.
    pub state: String,
    /// Tries so far.
    pub attempts: i64,
    /// The receiver's last answer.
    pub answer: Option<String>,
    /// When it was taken.
    pub delivered_at: Option<String>,
}

/// Which lines of the history.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// Of this watcher.
    pub watcher: Option<String>,
    /// Of this event.
    pub event: Option<String>,
    /// Of this severity.
    pub severity: Option<String>,
    /// Told to this receiver.
    pub receiver: Option<String>,
    /// Whose key has each of these columns with this text.
    pub key: Vec<(String, String)>,
    /// Not before (store form of a time).
    pub since: Option<String>,
    /// Before.
    pub until: Option<String>,
    /// Whose key, row, watcher or reason holds this text.
    pub search: Option<String>,
    /// Only these numbers; empty: any.
    pub ids: Vec<i64>,
    /// Older than this number.
    pub before: Option<i64>,
    /// At most so many; 0 is all.
    pub limit: u64,
}

/// A reading.
#[derive(Clone, Debug, Serialize)]
pub struct PollLine {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub watcher: String,
    /// What was read.
    pub source: String,
    /// The slot it was due in.
    pub scheduled_at: String,
    /// When it began.
    pub started_at: String,
    /// How it ended.
    pub outcome: String,
    /// Rows read.
    pub rows: i64,
    /// How many of them count.
    pub matched: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// Slots that passed before it.
    pub missed: i64,
    /// What went wrong without losing anything.
    pub warnings: Vec<String>,
    /// Why it is not `ok`.
    pub error: Option<PollError>,
}

/// Why a poll is not `ok`.
#[derive(Clone, Debug, Serialize)]
pub struct PollError {
    /// A word.
    pub kind: String,
    /// In words.
    pub message: String,
}

/// A delivery with its tries.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryLine {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub created_at: String,
    /// To whom.
    pub receiver: String,
    /// Whose.
    pub watcher: String,
    /// What a phone's notification shows.
    pub title: String,
    /// How many events it tells.
    pub events: i64,
    /// Where it stands.
    pub state: String,
    /// How many tries.
    pub attempts: i64,
    /// The last answer.
    pub answer: Option<String>,
    /// Not tried before.
    pub not_before: String,
    /// Why its receiver is held, when it is.
    pub held: Option<String>,
    /// Until when.
    pub held_until: Option<String>,
    /// When it was taken.
    pub delivered_at: Option<String>,
    /// Why it was given up.
    pub reason: Option<String>,
    /// The tries, oldest first.
    pub tries: Vec<AttemptLine>,
}

/// One try.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptLine {
    /// 1 for the first.
    pub attempt: i64,
    /// When it began.
    pub started_at: String,
    /// When the answer was there.
    pub ended_at: Option<String>,
    /// What it came to.
    pub outcome: Option<String>,
    /// Of the answer.
    pub http_status: Option<i64>,
    /// DingTalk's.
    pub errcode: Option<i64>,
    /// In words.
    pub answer: Option<String>,
}
