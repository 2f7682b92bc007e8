//! What is known about what was asked: the records of the store, the watcher as its file has it now, and a look at its
//! query now.

use super::would::Would;
use crate::domain::alert::{Acknowledgement, Alert, AlertStatus, EventKind, Severity};
use crate::domain::calendar::Calendars;
use crate::domain::compose;
use crate::domain::escalation::{self, Standing};
use crate::domain::evaluate::TraceWord;
use crate::domain::silence::Silence;
use crate::domain::watcher::{Notify, Watcher};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// A JSON object of columns.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// All that an explanation is made of.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What was asked.
    pub asked: Asked,
    /// When.
    pub now: DateTime<Utc>,
    /// In which zone times are shown.
    pub zone: Tz,
    /// The watcher as its file declares it now; `None` where there is no file, or a broken one.
    pub declared: Option<Watcher>,
    /// Where its file is.
    pub file: File,
    /// What the store has.
    pub records: Records,
    /// What its query returns now, per source; empty when it was not asked.
    pub looks: Vec<Look>,
    /// Where the steps of the watcher's file stand for the keys that fire.
    pub steps: Vec<StepFact>,
}

/// A step of escalation, and where it stands for a key that fires.
#[derive(Clone, Debug)]
pub struct StepFact {
    /// Of which key.
    pub fingerprint: String,
    /// After how long.
    pub after: String,
    /// Whether it is left out while a person has taken the alert.
    pub unless_acknowledged: bool,
    /// Who is told, in words.
    pub receivers: String,
    /// Where it stands.
    pub standing: Standing,
}

impl StepFact {
    /// The steps of a watcher for an alert that fires.
    pub fn of(watcher: &Watcher, calendars: &Calendars, alert: &Alert, now: DateTime<Utc>) -> Vec<StepFact> {
        let step = |block: &Notify| {
            let wants = || compose::wants(watcher, block, alert, now).0;
            Some(StepFact {
                fingerprint: alert.fingerprint.to_string(),
                after: escalation::written(block.after?),
                unless_acknowledged: block.unless_acknowledged,
                receivers: block.receivers.join(", "),
                standing: escalation::standing(watcher, calendars, block, alert, now, wants)?,
            })
        };
        watcher.notify.iter().filter_map(step).collect()
    }
}

/// A watcher's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// It is there, and valid.
    Valid,
    /// It is there, and broken.
    Broken,
    /// There is none of that name.
    Gone,
    /// The files could not be read.
    Unknown,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The watcher's name.
    pub watcher: String,
    /// Columns of the key with their values; empty: the watcher as a whole.
    pub key: Vec<(String, String)>,
    /// Around which moment.
    pub at: Option<DateTime<Utc>>,
    /// The window that is shown.
    pub since: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Whether its beginning was named.
    pub is_since_named: bool,
}

/// What the store has about it, each list oldest first.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Where the watcher stands, per source.
    pub states: Vec<StateFact>,
    /// The keys that what was asked names, where the store knows any.
    pub keys: Vec<KeyFact>,
    /// How many of its alerts fire.
    pub firing: u64,
    /// How many are pending.
    pub pending: u64,
    /// Its polls in the window, with the last one before and the first one after it.
    pub polls: Vec<PollFact>,
    /// What happened in the window, and the last of it before.
    pub events: Vec<EventFact>,
    /// What was thought in the window or lasted into it.
    pub traces: Vec<TraceFact>,
    /// The messages that tell of the events.
    pub deliveries: Vec<DeliveryFact>,
    /// Whom a silence kept from being told.
    pub silenced: Vec<SilencedFact>,
    /// Events that are still to be told.
    pub deferred: Vec<DeferredFact>,
    /// Silences that were in force in the window.
    pub silences: Vec<Silence>,
    /// How many polls of any watcher began in a stretch in which this one was not polled: `(from, until, polls)`.
    pub elsewhere: Vec<(DateTime<Utc>, DateTime<Utc>, u64)>,
    /// Whether there was more than is taken into account.
    pub is_cut: bool,
}

/// Where a watcher stands on a source.
#[derive(Clone, Debug, Default)]
pub struct StateFact {
    /// The source.
    pub source: String,
    /// Its next slot.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// When its first poll was completed.
    pub baseline_at: Option<DateTime<Utc>>,
    /// Failed polls in a row.
    pub failures: u32,
    /// The first of them.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why its result is held.
    pub held_reason: Option<String>,
    /// When its last good poll began.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// Since when the source cannot be reached.
    pub source_failing_since: Option<DateTime<Utc>>,
    /// When that was told, by whichever of its watchers.
    pub source_told_at: Option<DateTime<Utc>>,
    /// Where an incremental watcher's next read begins: column and value.
    pub cursor: Option<(String, String)>,
}

/// A key that was asked about.
#[derive(Clone, Debug)]
pub struct KeyFact {
    /// Its fingerprint, as the tables have it.
    pub fingerprint: String,
    /// Where it was read.
    pub source: String,
    /// Its columns.
    pub key: Object,
    /// Where it stands now.
    pub alert: Option<AlertFact>,
}

/// Where a key stands now.
#[derive(Clone, Debug)]
pub struct AlertFact {
    /// Pending, firing, or only known.
    pub status: AlertStatus,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it was last told.
    pub told_at: Option<DateTime<Utc>>,
    /// Since when it is gone, while it is kept firing.
    pub gone_since: Option<DateTime<Utc>>,
    /// Pending: polls in a row.
    pub polls: u32,
    /// Reminders so far.
    pub repeats: u32,
    /// Who took it.
    pub acknowledged: Option<Acknowledgement>,
    /// The row last seen.
    pub row: Object,
}

impl AlertFact {
    /// Whether it is pending or firing, and not only known.
    pub fn is_alert(&self) -> bool {
        self.status != AlertStatus::Seen
    }
}

/// A reading.
#[derive(Clone, Debug)]
pub struct PollFact {
    /// Its number.
    pub id: i64,
    /// What was read.
    pub source: String,
    /// The slot it was due in.
    pub scheduled_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: u64,
    /// `ok`, `partial`, `failed`, `skipped`.
    pub outcome: String,
    /// Rows read.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// Slots that passed before it.
    pub missed: u64,
    /// Kind and words of what was wrong.
    pub error: Option<(String, String)>,
    /// What went wrong without losing anything.
    pub warnings: Vec<String>,
}

/// A line of the history.
#[derive(Clone, Debug)]
pub struct EventFact {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Whose: another watcher's, where that told that the source is dead.
    pub watcher: String,
    /// Where it was read.
    pub source: String,
    /// What.
    pub kind: EventKind,
    /// How bad.
    pub severity: Severity,
    /// Which key.
    pub fingerprint: Option<String>,
    /// Its columns.
    pub key: Option<Object>,
    /// The row.
    pub row: Option<Object>,
    /// When the alert fired.
    pub since: Option<DateTime<Utc>>,
    /// Why, in words.
    pub reason: String,
    /// Whether a silence kept everyone from being told.
    pub silenced: bool,
    /// The poll that found it.
    pub poll: Option<i64>,
}

/// A line of the trace.
#[derive(Clone, Debug)]
pub struct TraceFact {
    /// When.
    pub at: DateTime<Utc>,
    /// When it no longer was; `None`: it lasts.
    pub until: Option<DateTime<Utc>>,
    /// Where it was read.
    pub source: String,
    /// In which poll.
    pub poll: Option<i64>,
    /// Which key.
    pub fingerprint: String,
    /// Its columns, where they were at hand.
    pub key: Option<Object>,
    /// What.
    pub word: TraceWord,
    /// Why, in words.
    pub text: String,
}

/// A message for a receiver.
#[derive(Clone, Debug)]
pub struct DeliveryFact {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// To whom.
    pub receiver: String,
    /// What a phone's notification shows.
    pub title: String,
    /// Whether it is a digest of several watchers.
    pub is_digest: bool,
    /// `pending`, `sending`, `delivered`, `discarded`.
    pub state: String,
    /// Which of the events it tells.
    pub events: Vec<i64>,
    /// The last answer.
    pub answer: Option<String>,
    /// Not tried before.
    pub not_before: DateTime<Utc>,
    /// When it was taken.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Why it was given up.
    pub reason: Option<String>,
    /// How it was cut down: `none`, `shortened`, `reduced`.
    pub change: String,
    /// Its tries.
    pub attempts: Vec<AttemptFact>,
    /// Until when its receiver is held now, and why.
    pub held: Option<(DateTime<Utc>, String)>,
    /// The most messages that its robot was sent in a minute while it waited for its first try.
    pub most_sent: u64,
    /// Why the receiver refused another message while this one waited.
    pub refused_before: Option<String>,
    /// The receiver it was made for, when that one's fallback took it over.
    pub moved_from: Option<String>,
    /// How many messages that waited it stands for, and when the first of them was made.
    pub merged: Option<(u64, DateTime<Utc>)>,
}

/// A try.
#[derive(Clone, Debug)]
pub struct AttemptFact {
    /// 1 for the first.
    pub attempt: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When the answer was there.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it came to.
    pub outcome: Option<String>,
    /// DingTalk's code.
    pub errcode: Option<i64>,
    /// Of the answer.
    pub http_status: Option<i64>,
    /// In words.
    pub answer: Option<String>,
}

/// A receiver who was not told of an event.
#[derive(Clone, Debug)]
pub struct SilencedFact {
    /// The event.
    pub event: i64,
    /// Who.
    pub receiver: String,
    /// The silence in words: `#3 by wang: stocktaking`.
    pub silence: String,
}

/// An event that a receiver is told of later.
#[derive(Clone, Debug)]
pub struct DeferredFact {
    /// The event.
    pub event: i64,
    /// Who.
    pub receiver: String,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// What a query returns now.
#[derive(Clone, Debug)]
pub struct Look {
    /// Which source was asked.
    pub source: String,
    /// What it said, or why it could not be asked.
    pub answer: Result<Seen, String>,
}

/// What a query returned.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many rows.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// The rows of the key that was asked about, and what the verdict on each is.
    pub of_key: Vec<(Object, String)>,
    /// What a poll now would do to the key.
    pub would: Option<Would>,
    /// From where an incremental watcher reads: column and value.
    pub reads_from: Option<(String, String)>,
}
