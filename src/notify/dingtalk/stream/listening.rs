//! Keeps a connection open: a new one when one ends, or says that it will; after failures with growing pauses.

use super::Stream;
use super::connection::Connection;
use super::open::OpenError;
use super::push::Push;
use crate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use xxhash_rust::xxh3::xxh3_64;

/// Pushes that wait to be worked on. More are refused, and may come again.
const WAITING: usize = 64;
/// A connection that has served so long is not the cause of its own end: the next one is opened at once.
const STEADY: TimeDelta = TimeDelta::seconds(30);
/// The first pause after a failure, which doubles.
const PAUSE_FIRST: TimeDelta = TimeDelta::seconds(1);
/// The longest pause while nobody answers.
const PAUSE_MOST: TimeDelta = TimeDelta::seconds(60);
/// The first pause after a refusal that a person must mend, which doubles.
const PROBE_FIRST: TimeDelta = TimeDelta::seconds(60);
/// The longest of them: what was mended is found within this time.
const PROBE_MOST: TimeDelta = TimeDelta::seconds(600);

/// An app that listens. Dropped, it hears nothing more.
#[derive(Debug)]
pub struct Listening {
    pushes: mpsc::Receiver<Push>,
    connected: watch::Receiver<u64>,
    closing: watch::Sender<bool>,
    task: AbortOnDrop,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stream {
    /// Begins to listen.
    pub fn listen(&self, clock: Clock) -> Listening {
        let (pushes_in, pushes) = mpsc::channel(WAITING);
        let (connected_in, connected) = watch::channel(0);
        let (closing, closing_out) = watch::channel(false);
        let keeper = Keeper { stream: self.clone(), clock, pushes: pushes_in, connected: connected_in, closing: closing_out, told: None };
        Listening { pushes, connected, closing, task: AbortOnDrop(tokio::spawn(keeper.run())) }
    }
}

impl Listening {
    /// The next push; `None` when it was closed.
    pub async fn next(&mut self) -> Option<Push> {
        self.pushes.recv().await
    }

    /// How many connections have come about so far.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connected.clone()
    }

    /// Refuses what comes from now on: it may come again, elsewhere. What was taken is still acknowledged when it is done.
    pub fn refuse(&mut self) {
        self.pushes.close();
        while self.pushes.try_recv().is_ok() {}
    }

    /// Acknowledges what is done and closes the connection.
    pub async fn close(mut self) {
        self.refuse();
        self.closing.send_replace(true);
        // A task that died has closed its connections.
        let _ = (&mut self.task.0).await;
    }
}

/// The task that keeps a connection open.
struct Keeper {
    stream: Stream,
    clock: Clock,
    pushes: mpsc::Sender<Push>,
    connected: watch::Sender<u64>,
    closing: watch::Receiver<bool>,
    /// The failure that was told last, until a connection comes about.
    told: Option<OpenError>,
}

impl Keeper {
    async fn run(mut self) {
        let mut connections = JoinSet::new();
        let mut failures = 0;
        while !*self.closing.borrow() {
            while connections.try_join_next().is_some() {}
            let mut closing = self.closing.clone();
            let opened = tokio::select! {
                opened = self.stream.open() => opened,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let pause = match opened {
                Ok(socket) => {
                    self.tell_connected();
                    let (leaves, left) = oneshot::channel();
                    let (clock, pushes, closing) = (self.clock.clone(), self.pushes.clone(), self.closing.clone());
                    let name = self.stream.name().to_owned();
                    connections.spawn(async move {
                        let ended = Connection { socket, clock, pushes, leaves: Some(leaves), closing }.serve().await;
                        tracing::info!(receiver.name = name, "a Stream connection has ended: {ended}");
                    });
                    let began = self.clock.now();
                    // It says that it leaves, or it is gone.
                    let _ = left.await;
                    failures = if self.clock.now() - began >= STEADY { 0 } else { failures + 1 };
                    pause(failures, PAUSE_FIRST, PAUSE_MOST, self.jitter(failures))
                }
                Err(error) => {
                    failures += 1;
                    let is_lasting = error.is_lasting();
                    self.tell_failed(error);
                    match is_lasting {
                        true => pause(failures, PROBE_FIRST, PROBE_MOST, self.jitter(failures)),
                        false => pause(failures, PAUSE_FIRST, PAUSE_MOST, self.jitter(failures)),
                    }
                }
            };
            let mut closing = self.closing.clone();
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now() + pause) => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
        }
        while connections.join_next().await.is_some() {}
    }

    fn tell_connected(&mut self) {
        self.told = None;
        self.connected.send_modify(|count| *count += 1);
        tracing::info!(receiver.name = self.stream.name(), "listens to DingTalk over a Stream connection");
    }

    /// The same is told once, until it is over.
    fn tell_failed(&mut self, error: OpenError) {
        let name = self.stream.name();
        match &self.told {
            Some(told) if told.is_lasting() == error.is_lasting() => tracing::debug!(receiver.name = name, "{error}"),
            _ if error.is_lasting() => tracing::error!(receiver.name = name, "card buttons and chat commands do not work: {error}"),
            _ => tracing::warn!(receiver.name = name, "card buttons and chat commands do not work for now: {error}"),
        }
        self.told = Some(error);
    }

    /// 0..1, another for each app and each failure.
    fn jitter(&self, failures: u32) -> f64 {
        xxh3_64(format!("{} {failures} {}", self.stream.fingerprint(), stamp(self.clock.now())).as_bytes()) as f64 / u64::MAX as f64
    }
}

fn stamp(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// No pause without a failure; then one that doubles, of which `jitter` takes up to a quarter off.
fn pause(failures: u32, first: TimeDelta, most: TimeDelta, jitter: f64) -> TimeDelta {
    if failures == 0 {
        return TimeDelta::zero();
    }
    let doubled = first.checked_mul(1 << (failures - 1).min(20)).unwrap_or(most).min(most);
    let milliseconds = doubled.num_milliseconds() as f64 * (1.0 - 0.25 * jitter.clamp(0.0, 1.0));
    TimeDelta::milliseconds(milliseconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit() {
        let seconds = |failures| pause(failures, PAUSE_FIRST, PAUSE_MOST, 0.0).num_seconds();
        assert_eq!([0, 1, 2, 3, 6, 7, 100].map(seconds), [0, 1, 2, 4, 32, 60, 60]);
        assert_eq!(pause(7, PAUSE_FIRST, PAUSE_MOST, 1.0).num_seconds(), 45);
    }
}
