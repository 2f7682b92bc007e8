//! The values that cross the store's border.

use super::lists::{HistoryLine, Object};
use crate::domain::alert::{Acknowledgement, EventKind, Severity};
use crate::domain::compose::Changes;
use crate::domain::cursor::CursorState;
use crate::domain::evaluate::{LastReport, Shape, TraceWord};
use crate::domain::message::Message;
use crate::domain::row::Fingerprint;
use crate::domain::silence::Silence;
use chrono::{DateTime, Utc};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is of no backend that there is.
    #[error("the store's url `{0}` is not supported: write sqlite://FILE")]
    Url(String),
    /// The file cannot be opened, or a statement failed.
    #[error("{doing} in the store failed: {source}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// The database's words.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the store's schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Another service works on this store.
    #[error("another rowbell service works on this store (it holds {0}); stop it first, or give this one a store of its own")]
    InUse(String),
    /// The lock file cannot be made.
    #[error("the lock file {path} cannot be opened: {source}")]
    Lock {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no longer where it was opened.
    #[error("the store's file {0} was removed or replaced while it is in use; put it back, or restart to begin anew")]
    Gone(String),
    /// The claim was lost: another process took over.
    #[error("another process took this over in the meantime; nothing was written")]
    Stale,
    /// Another process changed what was decided on at the same time: decide again.
    #[error("another process changed what this was decided on in the meantime; nothing was written")]
    Raced,
    /// A stored value cannot be read.
    #[error("the store holds {0} that cannot be read")]
    Corrupt(String),
    /// The task of a statement died.
    #[error("a task of the store died: {0}")]
    Task(String),
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// Read whole, every row judged.
    Ok,
    /// Read whole; some rows could not be judged and kept their state.
    Partial,
    /// Not read whole: nothing has changed.
    Failed,
    /// Not made.
    Skipped,
}

impl PollOutcome {
    /// The word of SQL, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            PollOutcome::Ok => "ok",
            PollOutcome::Partial => "partial",
            PollOutcome::Failed => "failed",
            PollOutcome::Skipped => "skipped",
        }
    }
}

/// Why a poll is not `ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A word: `timeout`, `sql`, `evaluation` …
    pub kind: String,
    /// What was wrong, in words.
    pub message: String,
}

/// What is kept of a poll.
#[derive(Clone, Debug)]
pub struct PollRecord {
    /// The slot it was due in.
    pub scheduled_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it is recorded.
    pub ended_at: DateTime<Utc>,
    /// How long reading and evaluating took.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: PollOutcome,
    /// Rows read.
    pub rows: u64,
    /// How many of them count.
    pub matched: u64,
    /// Slots that passed before it.
    pub missed: u32,
    /// Why it is not `ok`.
    pub failure: Option<Failure>,
    /// What went wrong without losing anything.
    pub warnings: Vec<String>,
}

/// The right to poll one watcher once.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose.
    pub watcher: String,
    /// On what.
    pub source: String,
    /// The number that a commit must match.
    pub epoch: i64,
    /// Where the watcher stood when it was claimed.
    pub state: WatcherState,
}

/// Where a watcher stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatcherState {
    /// Its name.
    pub watcher: String,
    /// What it reads.
    pub source: String,
    /// Its next slot.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// The revision of its last completed poll.
    pub revision: Option<String>,
    /// When its first poll was completed.
    pub baseline_at: Option<DateTime<Utc>>,
    /// Failed or faulty polls in a row.
    pub failures: u32,
    /// The first of them.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether `watcher_failed` was told.
    pub failing_told: bool,
    /// Rises with each change of its alerts.
    pub version: i64,
    /// The name its keys are hashed with, where it is not its own: the one it was first polled under.
    pub identity: Option<String>,
    /// The key of the last completed poll.
    pub key: Option<Vec<String>>,
    /// What a row meant at the last completed poll.
    pub alert_on: Option<String>,
    /// How far an incremental watcher has read.
    pub cursor: Option<CursorState>,
    /// The watched columns of a `change` watcher.
    pub shape: Option<Shape>,
    /// The last report.
    pub last_report: Option<LastReport>,
    /// Polls in a row whose result the guard has held.
    pub held_polls: u32,
    /// Why.
    pub held_reason: Option<String>,
    /// A person wants the next result taken, whatever it moves.
    pub released_at: Option<DateTime<Utc>>,
    /// When its last good poll began.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// When its last completed poll began.
    pub last_poll_at: Option<DateTime<Utc>>,
    /// That its polls fail was told once for its source.
    pub told_by_source: bool,
}

impl WatcherState {
    /// The name its keys are hashed with.
    pub fn identity(&self) -> &str {
        self.identity.as_deref().unwrap_or(&self.watcher)
    }
}

/// Whether a source can be reached, over all its watchers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub source: String,
    /// Since when it cannot be reached.
    pub failing_since: Option<DateTime<Utc>>,
    /// When that was told.
    pub told_at: Option<DateTime<Utc>>,
    /// Who was told.
    pub receivers: Vec<String>,
    /// Polls that failed.
    pub polls: u32,
    /// Rises with each change.
    pub version: i64,
}

/// An event of the history that was not told when it happened.
#[derive(Clone, Debug)]
pub struct DeferredEvent {
    /// To whom.
    pub receiver: String,
    /// The event; of an alert that fires still, with the row and the severity of now.
    pub event: HistoryLine,
    /// Whether the alert fires still.
    pub is_firing: bool,
}

/// What a silence has kept back.
#[derive(Clone, Debug)]
pub struct KeptBack {
    /// What is to be told of it: the last event of each alert.
    pub events: Vec<DeferredEvent>,
    /// How many events it has kept back; a digest of fewer is refused.
    pub count: i64,
}

/// A digest: one message that tells events which are in the history already.
#[derive(Clone, Debug)]
pub struct DigestDraft {
    /// To whom.
    pub receiver: String,
    /// What it says.
    pub message: Message,
    /// Which events of the history it tells.
    pub events: Vec<i64>,
    /// The alerts of which it says that they fire: their reminders count from here.
    pub told: Vec<String>,
}

/// Of what digests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestOf {
    /// Of what was put off.
    PutOff,
    /// Of a silence that has ended.
    Silence {
        /// Its number.
        id: i64,
        /// See [`KeptBack::count`].
        count: i64,
    },
}

/// What becomes of events that were not told when they happened. All of it is written, or nothing.
#[derive(Clone, Debug)]
pub struct Digests {
    /// Where the events were kept.
    pub of: DigestOf,
    /// What is told now.
    pub drafts: Vec<DigestDraft>,
    /// What is told later still.
    pub later: Vec<Later>,
}

/// An event that a receiver is told of later still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Which.
    pub event: i64,
    /// Who.
    pub receiver: String,
    /// When.
    pub until: Until,
}

/// Until when an event is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the end of a silence.
    Silence(i64),
    /// Until the watcher's hours begin.
    Time(DateTime<Utc>),
}

/// What a poll's transaction writes besides the changes.
#[derive(Clone, Debug)]
pub struct PollCommit {
    /// The claim under which it was made.
    pub claim: Claim,
    /// Its record.
    pub record: PollRecord,
    /// The watcher's state afterwards; the claim is given back.
    pub state: WatcherState,
    /// The source's state, where the poll changes it; a commit fails as [`StoreError::Raced`] when another changed it since.
    pub source: Option<SourceState>,
    /// The version of the watcher's alerts that the changes were made of, where somebody else than polls tells of them: the
    /// commit fails as [`StoreError::Raced`] when it is another one.
    pub version: Option<i64>,
}

/// Steps that were found due, and what follows. All of it is written, or nothing.
#[derive(Clone, Debug)]
pub struct StepsCommit {
    /// Whose.
    pub watcher: String,
    /// On what.
    pub source: String,
    /// The version of the watcher's alerts at which they were looked at.
    pub version: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What follows.
    pub changes: Changes,
}

/// What is asked of the records about a watcher.
#[derive(Clone, Debug)]
pub struct RecordsQuery {
    /// Its name, and the one it had before.
    pub watchers: Vec<String>,
    /// Columns of the key with their values; empty: the watcher as a whole.
    pub key: Vec<(String, String)>,
    /// The window.
    pub since: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// The present.
    pub now: DateTime<Utc>,
}

/// A line of the trace that still holds: its number, key, word and text.
pub type LastingTrace = (i64, Fingerprint, TraceWord, String);

/// What was written.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The poll's number.
    pub poll_id: i64,
    /// The numbers of the events, in the order of the changes.
    pub events: Vec<(i64, EventKind)>,
    /// How many deliveries were made.
    pub deliveries: usize,
    /// The numbers of the lines of the trace, in the order of the changes.
    pub traces: Vec<i64>,
}

/// What became of a silence that a person ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It ends now, or will not begin.
    Now(Silence),
    /// It had ended by itself, or by another's word.
    Before(DateTime<Utc>),
    /// There is no silence of that number.
    Unknown,
}

/// What became of a person's word about one event.
#[derive(Clone, Debug)]
pub enum Acked {
    /// Its alert is theirs from now on.
    Taken(Taken),
    /// It was theirs already, with the same note.
    Theirs(Taken),
    /// It holds again, but has not fired.
    Pending {
        /// Whose.
        watcher: String,
        /// Which.
        key: Object,
        /// Since when it holds.
        since: DateTime<Utc>,
    },
    /// That alert is over.
    Over {
        /// Whose.
        watcher: String,
        /// Which.
        key: Object,
        /// Since when; `None` when the history no longer has it.
        at: Option<DateTime<Utc>>,
        /// The event with which it fired again.
        again: Option<i64>,
    },
    /// The event is of nothing that could be taken.
    NoAlert {
        /// Whose.
        watcher: String,
        /// What it is.
        event: String,
    },
    /// There is no event of that number.
    Unknown,
}

/// An alert that a person has taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Whose.
    pub watcher: String,
    /// Where it was read.
    pub source: String,
    /// How bad.
    pub severity: Severity,
    /// The key columns.
    pub key: Object,
    /// When it fired.
    pub since: DateTime<Utc>,
    /// The line of the history that tells of it; `None` when nothing is new.
    pub event: Option<i64>,
    /// Who has it now.
    pub by: Acknowledgement,
    /// Who had it before.
    pub before: Option<Acknowledgement>,
}
