//! The loops: when a watcher is due, its poll; when a delivery waits, its sending. All `await`, no decisions: those are
//! pure functions of `domain`.
//!
//! Races, and what is done about them:
//! - Two processes find the same watcher due: one gets the claim, the other's poll is not made.
//! - A process stops in the middle of a poll and its claim ends: the commit's epoch no longer matches, nothing is written.
//! - A process dies between the receiver's answer and our record of it: the delivery is sent again with the same
//!   `msgUuid`. Where the receiver honours that, no one sees it twice; else that is the one duplicate per crash.
//! - The store fails: nothing is sent that was not recorded as being sent, and nothing moves on. The next poll finds
//!   again what this one could not write.

mod cards;
mod conversation;
mod deliver;
mod digest;
mod edits;
mod escalate;
mod gather;
mod health;
mod illustrate;
mod look;
mod past;
mod poll;
mod preview;
mod question;
mod reading;
mod receipts;
mod schedule;
mod targets;
mod thoughts;
mod why;

pub use conversation::Conversation;
pub use deliver::Step;
pub use health::HELD;
pub use past::{NO_TIME, Past};
pub use poll::{PollReport, Slot};
pub use preview::Preview;
pub use question::{checkable, checkable_expected, planned, prepared};
pub use schedule::{Due, Roster};
pub use why::{gathered, steps};

use crate::clock::Clock;
use crate::domain::calendar::Calendars;
use crate::domain::evaluate::Thoughts;
use crate::domain::known::Known;
use crate::domain::message::Language;
use crate::domain::watcher::Watcher;
use crate::metrics::Metrics;
use crate::notify::dingtalk::Receiver;
use crate::source::{ColumnInfo, Source};
use crate::store::Store;
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::{Notify, Semaphore, broadcast};
use url::Url;

/// What the loops work with.
#[derive(Debug)]
pub struct Parts {
    /// Tells the time.
    pub clock: Clock,
    /// Our database.
    pub store: Store,
    /// The business databases, by name.
    pub sources: BTreeMap<String, Arc<Source>>,
    /// The receivers, by name.
    pub receivers: BTreeMap<String, Arc<Receiver>>,
    /// Working days, for watchers that have hours.
    pub calendars: Calendars,
    /// The language of messages.
    pub language: Language,
    /// The zone of the settings, in which digests show times.
    pub timezone: Tz,
    /// Where this service's own pages and pictures are found from outside.
    pub public_url: Option<Url>,
    /// Counts.
    pub metrics: Metrics,
    /// The name under which this process claims work.
    pub owner: String,
}

/// The engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What is known per watcher and source, and the version of the state it was read at.
type KnownCache = HashMap<(String, String), (i64, Arc<Known>)>;

/// What the last poll thought, per watcher and source, and the epoch of its claim.
type ThoughtsCache = HashMap<(String, String), (i64, Arc<Thoughts>)>;

/// The cursor's columns, by source, query and column.
type CursorColumns = HashMap<(String, String, String), ColumnInfo>;

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// Receivers that are apps.
    calls_nobody: Vec<String>,
    roster: RwLock<Roster>,
    known: Mutex<KnownCache>,
    thoughts: Mutex<ThoughtsCache>,
    cursor_columns: Mutex<CursorColumns>,
    looked: Mutex<escalate::Looked>,
    outbox_changed: Notify,
    turn: Arc<Semaphore>,
    roster_changed: Notify,
    notices: broadcast::Sender<Notice>,
}

/// What happened, for whoever watches the service work (the demo, a progress line).
#[derive(Clone, Debug)]
pub enum Notice {
    /// A poll has ended.
    Polled(Arc<PollReport>),
    /// An attempt has ended: receiver, title, outcome in words.
    Sent {
        /// To whom.
        receiver: String,
        /// What.
        title: String,
        /// What became of it.
        outcome: String,
    },
    /// A person has acted in DingTalk: by a card's button, or by a command.
    Acted {
        /// Who.
        by: String,
        /// The alerts that were taken: watcher, key in words.
        acknowledged: Vec<(String, String)>,
        /// How many silences were made.
        silences: usize,
    },
}

/// How many notices a slow watcher may lag behind before it misses some.
const NOTICES: usize = 1_000;

impl Engine {
    /// Puts the parts together. Nothing runs yet.
    pub fn new(parts: Parts) -> Engine {
        let apps = parts.receivers.values().filter(|receiver| receiver.app().is_some());
        let inner = Inner {
            calls_nobody: apps.map(|receiver| receiver.name().to_owned()).collect(),
            parts,
            roster: RwLock::default(),
            known: Mutex::default(),
            thoughts: Mutex::default(),
            cursor_columns: Mutex::default(),
            looked: Mutex::default(),
            outbox_changed: Notify::new(),
            turn: Arc::new(Semaphore::new(1)),
            roster_changed: Notify::new(),
            notices: broadcast::Sender::new(NOTICES),
        };
        Engine { inner: Arc::new(inner) }
    }

    /// What the engine works with.
    pub fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// Everything that happens from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    fn notice(&self, notice: Notice) {
        // No one needs to be listening.
        let _ = self.inner.notices.send(notice);
    }

    /// Takes the watchers that are to run from now on, and finds the next slot of each.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn set_watchers(&self, watchers: Vec<Arc<Watcher>>) -> Result<(), crate::store::StoreError> {
        let now = self.parts().clock.now();
        // At once, not at the next poll: a file that is renamed again before it would leave its state under the first name.
        for watcher in &watchers {
            if let Some(formerly) = &watcher.formerly
                && self.parts().store.adopt(formerly, &watcher.name).await?
            {
                tracing::info!(watcher.name = watcher.name, "took over what was known as `{formerly}`");
            }
        }
        let states = self.parts().store.watcher_states().await?;
        let fresh = {
            let mut roster = self.roster_mut();
            roster.replace(watchers, &states, now);
            self.looked().clear();
            roster.unknown_to(&states)
        };
        for (watcher, source, next) in fresh {
            self.parts().store.schedule(&watcher, &source, Some(next)).await?;
        }
        self.inner.roster_changed.notify_waiters();
        Ok(())
    }

    /// Takes the watchers that there are without giving them slots: for polls by hand.
    pub fn know_watchers(&self, watchers: Vec<Arc<Watcher>>) {
        self.roster_mut().replace(watchers, &[], self.parts().clock.now());
    }

    /// The watchers that run.
    pub fn watchers(&self) -> Vec<Arc<Watcher>> {
        self.roster_mut().watchers()
    }

    fn cursor_columns(&self) -> std::sync::MutexGuard<'_, CursorColumns> {
        self.inner.cursor_columns.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn roster_mut(&self) -> std::sync::RwLockWriteGuard<'_, Roster> {
        self.inner.roster.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
