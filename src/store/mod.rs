//! OUR database: the only place with our SQL. What is known, what happened, what is to be sent.
//!
//! The contract, which the tests in `tests/it/store` hold every backend to:
//! - A poll is **claimed** before its source is read. The claim raises the epoch; a commit under an older epoch changes
//!   nothing and says so. Alert states, history, deliveries and the poll's record are one transaction.
//! - A delivery is claimed in a short transaction that also writes the attempt, is sent with no transaction open, and is
//!   recorded in another. At most one delivery per receiver is in flight: a constraint, not a habit.
//! - What a person says ([`Store::acknowledge`], [`Store::release_held`], silences) is one transaction of its own and takes
//!   effect beside a poll that is under way: the poll's commit neither undoes it nor needs to know of it. Only an alert that
//!   has become worse, or is over, ends an acknowledgement; only a result that was taken uses a release up.
//! - What a silence or a watcher's hours keep back is never lost: it stays on a list until the transaction that tells it, and
//!   a digest that no longer tells the truth is refused ([`StoreError::Raced`]) and made anew.
//! - Whoever dies leaves claims behind. They end by themselves, or at once when a service starts ([`Store::take_over`]).
//! - Every statement runs in a task of its own that nobody cancels: a caller may be dropped at any time.
//!
//! One backend is here: SQLite. A second one becomes a variant of [`Store`] and passes the same tests.

mod conversation;
mod lists;
mod model;
mod outgoing;
mod sqlite;
mod told;

pub use conversation::{Deed, Heard};
pub use lists::{
    AcknowledgedLine, AlertLine, AttemptLine, DeliveryLine, EventDelivery, HistoryLine, HistoryQuery, Object, PollError, PollLine,
    SilenceLine, TargetLine,
};
pub use model::{
    Acked, Claim, Committed, DeferredEvent, DigestDraft, DigestOf, Digests, Ended, Failure, KeptBack, LastingTrace, Later, PollCommit,
    PollOutcome, PollRecord, RecordsQuery, SourceState, StepsCommit, StoreError, Taken, Until, WatcherState,
};
pub use outgoing::{ClaimedDelivery, DeliveryResult, MonthOwner, MonthShare, NextDelivery, Notice, QueuedMessage, ToMerge};
pub use told::{CardFacts, OpenCard, ReadBy, Told};

use crate::domain::alert::{Acknowledgement, Alert};
use crate::domain::budget::Terms;
use crate::domain::chart::Sample;
use crate::domain::compose::Changes;
use crate::domain::explain::Records;
use crate::domain::known::Known;
use crate::domain::message::Message;
use crate::domain::row::Fingerprint;
use crate::domain::silence::Silence;
use crate::domain::standing::Standing;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

/// The store, opened and migrated. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// One file, one writer.
    Sqlite(sqlite::Sqlite),
}

/// Runs a statement of the backend in a task of its own, so that a dropped caller does not cancel it.
macro_rules! detached {
    ($self:ident, $backend:ident => $call:expr) => {
        match $self.clone() {
            Store::Sqlite($backend) => detach(async move { $call.await }).await,
        }
    };
}

async fn detach<T: Send + 'static>(work: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Result<T, StoreError> {
    tokio::spawn(work).await.map_err(|error| StoreError::Task(error.to_string()))?
}

impl Store {
    /// Whether there is a store behind a URL already: whoever only looks creates none.
    ///
    /// # Errors
    /// A URL of another kind.
    pub fn exists(url: &str) -> Result<bool, StoreError> {
        sqlite::Sqlite::exists(url)
    }

    /// Opens the store behind a URL and brings its schema up to date.
    ///
    /// # Errors
    /// A URL of another kind, a file that cannot be opened, a schema of a later version.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let url = url.to_owned();
        detach(async move { sqlite::Sqlite::open(&url).await.map(Store::Sqlite) }).await
    }

    /// Makes this process the one service of the store. The lock is held as long as the value lives.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another service holds it.
    pub fn lock(&self) -> Result<std::fs::File, StoreError> {
        match self {
            Store::Sqlite(sqlite) => sqlite.lock(),
        }
    }

    /// Ends the claims of a service that died; call it once, after [`Store::lock`].
    pub async fn take_over(&self) -> Result<(), StoreError> {
        detached!(self, store => store.take_over())
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        detached!(self, store => store.ping())
    }

    /// Waits for what is under way and closes the files.
    pub async fn close(&self) {
        match self {
            Store::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    // ---- polls

    /// Claims a watcher's poll; `None` while another holds it.
    pub async fn claim_poll(
        &self,
        watcher: &str,
        source: &str,
        owner: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let (watcher, source, owner) = (watcher.to_owned(), source.to_owned(), owner.to_owned());
        detached!(self, store => store.claim_poll(&watcher, &source, &owner, now, lease))
    }

    /// What is known of a watcher's keys.
    pub async fn known(&self, watcher: &str, source: &str) -> Result<Known, StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.known(&watcher, &source))
    }

    /// The stored alerts of these fingerprints; one that is not there is left out.
    pub async fn alerts_of(&self, fingerprints: Vec<Fingerprint>) -> Result<HashMap<Fingerprint, Alert>, StoreError> {
        detached!(self, store => store.alerts_of(&fingerprints))
    }

    /// Records a poll and everything that follows from it, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the claim was lost in the meantime: nothing was written.
    pub async fn commit_poll(&self, commit: PollCommit, changes: Changes) -> Result<Committed, StoreError> {
        detached!(self, store => store.commit_poll(&commit, &changes))
    }

    /// The values that keys had in the last polls, oldest first; a key of which none is kept is left out.
    pub async fn past(&self, fingerprints: Vec<Fingerprint>) -> Result<HashMap<Fingerprint, Vec<Sample>>, StoreError> {
        detached!(self, store => store.past(&fingerprints))
    }

    /// The picture under a token, as long as it has not expired.
    pub async fn picture(&self, token: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let token = token.to_owned();
        detached!(self, store => store.picture(&token, now))
    }

    /// The lines of a watcher's trace that still hold.
    pub async fn lasting_traces(&self, watcher: &str, source: &str) -> Result<Vec<LastingTrace>, StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.lasting_traces(&watcher, &source))
    }

    /// Gives a claim back without a record: the poll was not made.
    pub async fn release_poll(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        detached!(self, store => store.release_poll(&claim))
    }

    /// The state of every watcher ever polled or scheduled.
    pub async fn watcher_states(&self) -> Result<Vec<WatcherState>, StoreError> {
        detached!(self, store => store.watcher_states())
    }

    /// Writes a watcher's next slot.
    pub async fn schedule(&self, watcher: &str, source: &str, next: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.schedule(&watcher, &source, next))
    }

    /// Whether a source can be reached, over all its watchers.
    pub async fn source_state(&self, source: &str) -> Result<SourceState, StoreError> {
        let source = source.to_owned();
        detached!(self, store => store.source_state(&source))
    }

    /// Takes over what is known under a former name of a watcher, once; `false` when there is nothing to take over.
    pub async fn adopt(&self, formerly: &str, name: &str) -> Result<bool, StoreError> {
        let (formerly, name) = (formerly.to_owned(), name.to_owned());
        detached!(self, store => store.adopt(&formerly, &name))
    }

    /// The pending and firing alerts of a watcher on a source.
    pub async fn alerts_of_watcher(&self, watcher: &str, source: &str) -> Result<Vec<Alert>, StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.alerts_of_watcher(&watcher, &source))
    }

    /// Forgets a watcher on a source; what was closed by that stands in the history.
    pub async fn close_watcher(&self, watcher: &str, source: &str, changes: Changes) -> Result<(), StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.close_watcher(&watcher, &source, &changes))
    }

    // ---- what people do

    /// A person takes the alerts of these events, which is a line of the history each; what became of each, in order.
    pub async fn acknowledge(&self, events: Vec<i64>, by: Acknowledgement) -> Result<Vec<(i64, Acked)>, StoreError> {
        detached!(self, store => store.acknowledge(&events, &by))
    }

    /// Has the next result of a watcher taken although its guard holds it; the state of each of its sources where one is held.
    pub async fn release_held(&self, watcher: &str, now: DateTime<Utc>) -> Result<Vec<WatcherState>, StoreError> {
        let watcher = watcher.to_owned();
        detached!(self, store => store.release_held(&watcher, now))
    }

    /// Writes a silence; its number.
    pub async fn add_silence(&self, silence: Silence, now: DateTime<Utc>) -> Result<i64, StoreError> {
        detached!(self, store => store.add_silence(&silence, now))
    }

    /// Ends silences now; what became of each, in order. What still fires is told at the next look for digests.
    pub async fn end_silences(&self, ids: Vec<i64>, now: DateTime<Utc>) -> Result<Vec<(i64, Ended)>, StoreError> {
        detached!(self, store => store.end_silences(&ids, now))
    }

    /// The silences that are in force or to come, or all, newest first; `limit` 0 is all.
    pub async fn silences(&self, all: bool, now: DateTime<Utc>, limit: u64) -> Result<Vec<SilenceLine>, StoreError> {
        detached!(self, store => store.silences(all, now, limit))
    }

    // ---- what people say through DingTalk

    /// Does what a push is to do, unless it has come before; both in one transaction.
    pub async fn hear(&self, push: &str, deed: Deed, now: DateTime<Utc>) -> Result<Heard, StoreError> {
        let push = push.to_owned();
        detached!(self, store => store.hear(&push, &deed, now))
    }

    /// The answer to a push was taken.
    pub async fn answered(&self, push: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let push = push.to_owned();
        detached!(self, store => store.answered(&push, now))
    }

    /// Remembers the name of a person who has written to an app.
    pub async fn meet(&self, app: &str, user: &str, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (app, user, name) = (app.to_owned(), user.to_owned(), name.to_owned());
        detached!(self, store => store.meet(&app, &user, &name, now))
    }

    /// The name of a person, if they have ever written to the app.
    pub async fn name_of(&self, app: &str, user: &str) -> Result<Option<String>, StoreError> {
        let (app, user) = (app.to_owned(), user.to_owned());
        detached!(self, store => store.name_of(&app, &user))
    }

    /// Takes or renews the lead of something that only one process may do; `false` while another has it.
    pub async fn take_lead(&self, name: &str, owner: &str, now: DateTime<Utc>, lease: Duration) -> Result<bool, StoreError> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        detached!(self, store => store.take_lead(&name, &owner, now, lease))
    }

    /// Gives the lead back, so that another may take it at once.
    pub async fn give_lead(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        detached!(self, store => store.give_lead(&name, &owner))
    }

    // ---- silences and digests

    /// The silences that are in force, will be, or whose end has not been told.
    pub async fn open_silences(&self) -> Result<Vec<Silence>, StoreError> {
        detached!(self, store => store.open_silences())
    }

    /// The events that were put off and are to be told by now.
    pub async fn due_events(&self, now: DateTime<Utc>) -> Result<Vec<DeferredEvent>, StoreError> {
        detached!(self, store => store.due_events(now))
    }

    /// What is to be told at the end of a silence: what still fires, and what was told before it and is over.
    pub async fn kept_back(&self, silence: i64) -> Result<KeptBack, StoreError> {
        detached!(self, store => store.kept_back(silence))
    }

    /// When the next event that was put off is to be told, or the next silence ends.
    pub async fn next_digest_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        detached!(self, store => store.next_digest_at())
    }

    /// Writes digests and what is kept back for longer, in one transaction; how many deliveries that were.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when what they were made of has changed in the meantime: nothing was written.
    pub async fn commit_digests(&self, digests: Digests, now: DateTime<Utc>) -> Result<usize, StoreError> {
        detached!(self, store => store.commit_digests(&digests, now))
    }

    // ---- escalation

    /// The alerts of a watcher on a source that fire and have other steps told than these.
    pub async fn alerts_with_steps(&self, watcher: &str, source: &str, told: Vec<String>) -> Result<Vec<Alert>, StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.alerts_with_steps(&watcher, &source, &told))
    }

    /// Where a watcher stands on a source; `None` when it was never scheduled.
    pub async fn state_of(&self, watcher: &str, source: &str) -> Result<Option<WatcherState>, StoreError> {
        let (watcher, source) = (watcher.to_owned(), source.to_owned());
        detached!(self, store => store.state_of(&watcher, &source))
    }

    /// Writes steps as told, with their events and messages, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when the watcher's alerts have changed since they were looked at: nothing was written.
    pub async fn commit_steps(&self, commit: StepsCommit) -> Result<(), StoreError> {
        detached!(self, store => store.commit_steps(&commit))
    }

    // ---- the outbox

    /// Claims a receiver's next delivery and writes its attempt, or says when there is one.
    pub async fn claim_delivery(
        &self,
        terms: &Terms,
        owner: &str,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<NextDelivery, StoreError> {
        let (terms, owner) = (terms.clone(), owner.to_owned());
        detached!(self, store => store.claim_delivery(&terms, &owner, now, lease))
    }

    /// Records what became of an attempt; the shares of a month that it has reached and that are still to be told.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the claim was lost in the meantime: only the attempt's own line is written.
    pub async fn record_delivery(&self, claimed: ClaimedDelivery, result: DeliveryResult) -> Result<Vec<MonthShare>, StoreError> {
        detached!(self, store => store.record_delivery(&claimed, &result))
    }

    /// What deliveries of a receiver tell that are to become one.
    pub async fn to_merge(&self, receiver: &str, deliveries: Vec<i64>) -> Result<ToMerge, StoreError> {
        let receiver = receiver.to_owned();
        detached!(self, store => store.to_merge(&receiver, &deliveries))
    }

    /// Makes one delivery of several that wait and were never tried; its number.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when one of them does not wait any more: nothing was written.
    pub async fn merge(&self, receiver: &str, deliveries: Vec<i64>, message: Message, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let receiver = receiver.to_owned();
        detached!(self, store => store.merge(&receiver, &deliveries, &message, now))
    }

    /// Tells once what is used of a month; `false` when it has been told.
    pub async fn tell_month(
        &self,
        share: MonthShare,
        receivers: Vec<String>,
        message: Message,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        detached!(self, store => store.tell_month(&share, &receivers, &message, now))
    }

    /// Reserves a place in a robot's budget for a test message; `Err` of the inner result is when there is one again.
    pub async fn claim_test(&self, terms: &Terms, robot: &str, now: DateTime<Utc>) -> Result<Result<i64, DateTime<Utc>>, StoreError> {
        let (terms, robot) = (terms.clone(), robot.to_owned());
        detached!(self, store => store.claim_test(&terms, &robot, now))
    }

    /// Records the answer to a test message; an accepted one frees a held robot.
    pub async fn record_test(&self, id: i64, robot: &str, result: DeliveryResult) -> Result<(), StoreError> {
        let robot = robot.to_owned();
        detached!(self, store => store.record_test(id, &robot, &result))
    }

    /// How many deliveries wait, per receiver.
    pub async fn waiting(&self) -> Result<Vec<(String, u64)>, StoreError> {
        detached!(self, store => store.waiting())
    }

    /// Lets a receiver be tried now, whatever it was held for, but for a throttle: that would only last longer.
    pub async fn probe_now(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        detached!(self, store => store.probe_now(now))
    }

    /// Tells which robots are behind each receiver, for those who only look into the store.
    pub async fn register_robots(&self, terms: Vec<Terms>) -> Result<(), StoreError> {
        detached!(self, store => store.register_robots(&terms))
    }

    /// Gives up what has waited since `before` for a receiver that is none of these; how many deliveries that were.
    pub async fn discard_orphans(&self, receivers: Vec<String>, before: DateTime<Utc>) -> Result<u64, StoreError> {
        detached!(self, store => store.discard_orphans(&receivers, before))
    }

    /// Puts a delivery that was given up, or that waits, at once in its place again; `false` when there is none to retry.
    pub async fn retry_delivery(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        detached!(self, store => store.retry_delivery(id, now))
    }

    /// How a receiver stands: its robots, its month, what waits.
    pub async fn standing(&self, terms: &Terms, now: DateTime<Utc>) -> Result<Standing, StoreError> {
        let terms = terms.clone();
        detached!(self, store => store.standing(&terms, now))
    }

    // ---- what people and pages read

    /// What fires now, newest first; `limit` 0 is all.
    pub async fn alerts(&self, watcher: Option<&str>, limit: u64) -> Result<Vec<AlertLine>, StoreError> {
        let watcher = watcher.map(str::to_owned);
        detached!(self, store => store.alerts(watcher.as_deref(), limit))
    }

    /// What happened, newest first.
    pub async fn history(&self, query: HistoryQuery) -> Result<Vec<HistoryLine>, StoreError> {
        detached!(self, store => store.history(&query))
    }

    /// The readings, newest first.
    pub async fn polls(&self, watcher: Option<&str>, limit: u64) -> Result<Vec<PollLine>, StoreError> {
        let watcher = watcher.map(str::to_owned);
        detached!(self, store => store.polls(watcher.as_deref(), false, limit))
    }

    /// The readings that did not go well, newest first.
    pub async fn failed_polls(&self, watcher: Option<&str>, limit: u64) -> Result<Vec<PollLine>, StoreError> {
        let watcher = watcher.map(str::to_owned);
        detached!(self, store => store.polls(watcher.as_deref(), true, limit))
    }

    /// Deliveries, newest first; `waiting_only` leaves out what is settled.
    pub async fn deliveries(&self, waiting_only: bool, limit: u64) -> Result<Vec<DeliveryLine>, StoreError> {
        detached!(self, store => store.deliveries(waiting_only, limit))
    }

    /// What is recorded about a watcher or one of its keys, for an explanation.
    pub async fn records(&self, query: RecordsQuery) -> Result<Records, StoreError> {
        detached!(self, store => store.records(&query))
    }

    /// The messages of deliveries with a higher number than this, oldest first.
    pub async fn messages_after(&self, delivery: i64) -> Result<Vec<QueuedMessage>, StoreError> {
        detached!(self, store => store.messages_after(delivery))
    }

    /// How many alerts fire, per watcher and severity.
    pub async fn firing_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        detached!(self, store => store.firing_counts())
    }

    /// Removes history, polls and settled deliveries from before a time, and lines of the trace that are too old by `now` or
    /// too many; how many lines went. Firing alerts and what waits stay.
    pub async fn purge(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        detached!(self, store => store.purge(before, now))
    }
}
