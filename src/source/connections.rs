//! The connections of one source: few, opened when first needed, used again, closed after some idle minutes.
//!
//! A pool of our own, because a read may stop anywhere and a business database must never be left with a transaction
//! that nobody ends: a session comes back only by [`Lease::give_back`], after its transaction was rolled back. A lease
//! that is dropped in any other way (an error, a cancelled task, a panic) closes its connection. Also, an unreachable
//! server is told at once in its own words, not as a pool's time-out.

use super::{SourceError, SourceErrorKind};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection may take to say that it is alive.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// After how long an idle connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A driver's connection.
pub(super) trait Session: Sized + Send + 'static {
    /// What is needed to open one.
    type Options: Send + Sync;
    fn open(options: &Self::Options) -> impl Future<Output = Result<Self, SourceError>> + Send;
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// The connections of one source.
pub(super) struct Connections<S: Session> {
    options: S::Options,
    max: u32,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Idle<S>>>,
}

struct Idle<S> {
    sessions: Vec<(Instant, S)>,
    is_watched: bool,
}

/// A session on loan. Dropped without [`Lease::give_back`], its connection is closed.
pub(super) struct Lease<S: Session> {
    pub(super) session: S,
    idle: Arc<Mutex<Idle<S>>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Session> Connections<S> {
    pub(super) fn new(options: S::Options, max: u32) -> Self {
        let idle = Idle { sessions: Vec::new(), is_watched: false };
        let permits = Arc::new(Semaphore::new(max.max(1) as usize));
        Connections { options, max: max.max(1), permits, idle: Arc::new(Mutex::new(idle)) }
    }

    pub(super) fn options(&self) -> &S::Options {
        &self.options
    }

    /// A live session; waits at most `wait` for a free one.
    pub(super) async fn lease(&self, wait: Duration) -> Result<Lease<S>, SourceError> {
        let permit = match timeout(wait, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(SourceError::new(SourceErrorKind::Connect, "the source is closed")),
            Err(_) => return Err(self.all_busy(wait)),
        };
        let session = match self.idle_session().await {
            Some(session) => session,
            None => open::<S>(&self.options).await?,
        };
        Ok(Lease { session, idle: Arc::clone(&self.idle), _permit: permit })
    }

    /// A session beside the others, to end what one of them runs.
    pub(super) async fn extra(&self) -> Result<S, SourceError> {
        open::<S>(&self.options).await
    }

    /// Closes what is idle; what is on loan is closed when it comes back.
    pub(super) async fn close(&self) {
        self.permits.close();
        let sessions = std::mem::take(&mut lock(&self.idle).sessions);
        for (_, session) in sessions {
            session.close().await;
        }
    }

    async fn idle_session(&self) -> Option<S> {
        loop {
            let (_, mut session) = lock(&self.idle).sessions.pop()?;
            if timeout(PING_TIMEOUT, session.is_alive()).await.unwrap_or(false) {
                return Some(session);
            }
        }
    }

    fn all_busy(&self, wait: Duration) -> SourceError {
        let message = format!("all {} connections (max_connections) were busy for {} s", self.max, wait.as_secs());
        SourceError::new(SourceErrorKind::Connect, message).hint("poll less often, make the queries faster, or raise max_connections")
    }
}

impl<S: Session> Lease<S> {
    /// Gives a session back that is as clean as it was: no transaction, no unread result.
    pub(super) fn give_back(self) {
        let Lease { session, idle, _permit } = self;
        let mut guard = lock(&idle);
        guard.sessions.push((Instant::now(), session));
        if !std::mem::replace(&mut guard.is_watched, true) {
            tokio::spawn(close_when_idle(Arc::downgrade(&idle)));
        }
    }
}

async fn open<S: Session>(options: &S::Options) -> Result<S, SourceError> {
    timeout(CONNECT_TIMEOUT, S::open(options)).await.unwrap_or_else(|_| {
        let message = format!("the server did not answer within {} s", CONNECT_TIMEOUT.as_secs());
        Err(SourceError::new(SourceErrorKind::Connect, message).hint("check host, port and firewall"))
    })
}

/// Ends when nothing is idle any more; the next session that comes back starts it again.
async fn close_when_idle<S: Session>(idle: Weak<Mutex<Idle<S>>>) {
    while let Some(due) = idle.upgrade().and_then(|idle| next_due(&idle)) {
        sleep_until(due).await;
        let Some(idle) = idle.upgrade() else { return };
        for session in take_due(&idle) {
            session.close().await;
        }
    }
}

fn next_due<S>(idle: &Mutex<Idle<S>>) -> Option<Instant> {
    let mut guard = lock(idle);
    let oldest = guard.sessions.iter().map(|(since, _)| *since).min();
    guard.is_watched = oldest.is_some();
    oldest.map(|since| since + IDLE_TIMEOUT)
}

fn take_due<S>(idle: &Mutex<Idle<S>>) -> Vec<S> {
    let mut guard = lock(idle);
    let sessions = std::mem::take(&mut guard.sessions);
    let (due, rest): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|(since, _)| since.elapsed() >= IDLE_TIMEOUT);
    guard.sessions = rest;
    due.into_iter().map(|(_, session)| session).collect()
}

/// A panic elsewhere leaves the list of idle sessions as good as it was.
fn lock<S>(idle: &Mutex<Idle<S>>) -> std::sync::MutexGuard<'_, Idle<S>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
