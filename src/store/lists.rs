//! What the commands, the pages and the API read: one line each, already in the words and forms of the contract.

use crate::domain::alert::{Acknowledgement, Severity};
use crate::domain::row::Row;
use crate::domain::silence::{Silence, Subject, covering};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// A JSON object of columns.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// What fires now, or is about to.
#[derive(Clone, Debug, Serialize)]
pub struct AlertLine {
    /// The number of the event that fired; none while it is pending.
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
    /// When it fired; of one that is pending, since when it holds.
    pub since: String,
    /// When it was last told.
    pub told_at: Option<String>,
    /// Who was told.
    pub receivers: Vec<String>,
    /// Pending: polls in a row that found it. Gone: that did not.
    pub polls: i64,
    /// Since when it is gone, while it is kept firing.
    pub gone_since: Option<String>,
    /// Reminders so far.
    pub repeats: i64,
    /// Who has taken it.
    pub acknowledged: Option<AcknowledgedLine>,
    /// Whether silences keep everyone from being told of it now; see [`AlertLine::covered`].
    pub silenced: bool,
    /// The numbers of those silences.
    pub silences: Vec<i64>,
}

impl AlertLine {
    /// Fills in which of these silences cover it now.
    pub fn covered(self, silences: &[Silence], now: DateTime<Utc>) -> AlertLine {
        let key = Row::from_json(&self.key, "");
        let severity: Severity = self.severity.parse().unwrap_or_default();
        let subject = Subject { watcher: &self.watcher, key: key.as_ref(), severity };
        let of = |receiver: &String| covering(silences, &subject, receiver, now).map(|silence| silence.id);
        let mut found: Vec<Option<i64>> = self.receivers.iter().map(of).collect();
        if found.is_empty() {
            // Whom it will be told to is not known yet: what is for everyone covers it.
            let everyone: Vec<Silence> = silences.iter().filter(|silence| silence.receiver.is_none()).cloned().collect();
            found.push(covering(&everyone, &subject, "", now).map(|silence| silence.id));
        }
        let silenced = found.iter().all(Option::is_some);
        let mut numbers: Vec<i64> = found.into_iter().flatten().collect();
        numbers.sort_unstable();
        numbers.dedup();
        AlertLine { silenced, silences: numbers, ..self }
    }
}

/// A person's word that an alert is taken care of.
#[derive(Clone, Debug, Serialize)]
pub struct AcknowledgedLine {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// What they had to say.
    pub note: Option<String>,
}

impl AcknowledgedLine {
    /// The line of an acknowledgement.
    pub fn of(by: &Acknowledgement) -> AcknowledgedLine {
        AcknowledgedLine { at: stamp(by.at), by: by.by.clone(), note: by.note.clone() }
    }
}

/// A silence.
#[derive(Clone, Debug, Serialize)]
pub struct SilenceLine {
    /// Its number.
    pub id: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Watchers, by a pattern; null: all.
    pub watcher: Option<String>,
    /// Columns of the key, each with a pattern; null: any key.
    pub key: Option<Object>,
    /// Only this severity.
    pub severity: Option<String>,
    /// Only what this receiver is told.
    pub receiver: Option<String>,
    /// From when.
    pub starts_at: String,
    /// Until when.
    pub ends_at: String,
    /// `active`, `pending` or `expired`.
    pub state: String,
}

impl SilenceLine {
    /// The line of a silence.
    pub fn of(silence: &Silence, now: DateTime<Utc>) -> SilenceLine {
        let key: Object = silence.key.iter().map(|(column, pattern)| (column.clone(), pattern.clone().into())).collect();
        SilenceLine {
            id: silence.id,
            author: silence.author.clone(),
            reason: silence.reason.clone(),
            watcher: silence.watcher.clone(),
            key: (!key.is_empty()).then_some(key),
            severity: silence.severity.map(|severity| severity.to_string()),
            receiver: silence.receiver.clone(),
            starts_at: stamp(silence.starts_at),
            ends_at: stamp(silence.ends_at),
            state: silence.state(now).as_str().to_owned(),
        }
    }
}

/// A time as every list has it: UTC with milliseconds.
fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
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
    /// Of an app: who has read it, by user id, as far as it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read_by: Vec<String>,
    /// Of an app: whom it reached and whom not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetLine>,
}

/// A person or conversation that an app's delivery is for, and what became of it there.
#[derive(Clone, Debug, Serialize)]
pub struct TargetLine {
    /// `user` or `conversation`.
    pub kind: String,
    /// The user id or conversation id; the mobile number of someone who is not known.
    pub target: String,
    /// `delivered` or `refused`.
    pub state: String,
    /// As what: `message`, `card`, `ding`, `work_notification`.
    pub form: String,
    /// When.
    pub at: String,
    /// Why it was refused.
    pub answer: Option<String>,
    /// When it was learned that it had been read.
    pub read_at: Option<String>,
    /// Of a conversation: the user ids of those who have read it.
    pub read_by: Vec<String>,
    /// When it was taken back.
    pub recalled_at: Option<String>,
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
    /// How it was cut down for its receiver: `none`, `shortened` (fewer rows), `reduced` (no text, which was refused).
    pub change: String,
    /// The digest that tells its events instead; its state is `discarded` then.
    pub merged_into: Option<i64>,
    /// The receiver it was made for, when that one's fallback has it.
    pub moved_from: Option<String>,
    /// The tries, oldest first.
    pub tries: Vec<AttemptLine>,
    /// Of an app: whom it reached and whom not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetLine>,
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
