//! Claim, send, decide, record: one delivery of one receiver at a time.

use super::gather::as_sent;
use super::{Engine, Notice};
use crate::domain::delivery::{self, Attempt, Change, Decision, History, Verdict};
use crate::domain::message::Message;
use crate::notify::dingtalk::{Parcel, Receiver, Sent};
use crate::store::{ClaimedDelivery, DeliveryResult, NextDelivery, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

/// How long a claim lasts: longer than the longest request, so that a live process never loses it.
const LEASE: Duration = Duration::from_secs(30);
/// How often an idle receiver looks for what another process has put into the outbox.
const IDLE_LOOK: TimeDelta = TimeDelta::seconds(5);
/// How long the deliverer waits when the store fails.
const STORE_FAILED: TimeDelta = TimeDelta::seconds(5);

/// Receivers send in turn, so that a crash finds at most one message between its receiver's answer and our record of
/// it. One that is slower than this gives its turn away: a receiver that hangs does not hold up the others.
const TURN: Duration = Duration::from_secs(1);

/// What one step of the deliverer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done: an attempt, or deliveries were put together. There may be more.
    Tried,
    /// Something waits, but not before then.
    NotBefore(DateTime<Utc>),
    /// Nothing waits.
    Nothing,
}

impl Engine {
    /// Makes one attempt for a receiver, if one is due. It runs in a task of its own, which nobody cancels.
    ///
    /// # Errors
    /// The store failed: nothing was sent, or what was sent will be sent again with the same `msgUuid`.
    pub async fn deliver_next(&self, receiver: &str) -> Result<Step, StoreError> {
        let Some(receiver) = self.parts().receivers.get(receiver).cloned() else { return Ok(Step::Nothing) };
        let engine = self.clone();
        let step = tokio::spawn(async move { engine.attempt(&receiver).await });
        step.await.map_err(|error| StoreError::Task(error.to_string()))?
    }

    /// Sends everything that can be sent now, for all receivers: one step of the loop.
    ///
    /// # Errors
    /// The store failed.
    pub async fn deliver_due(&self) -> Result<(), StoreError> {
        for receiver in self.parts().receivers.keys() {
            while self.deliver_next(receiver).await? == Step::Tried {}
        }
        Ok(())
    }

    /// Delivers to one receiver until told to stop; the attempt in hand is finished.
    pub async fn run_deliverer(&self, receiver: &str, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        while !*stop.borrow() {
            let changed = self.inner.outbox_changed.notified();
            let wake = match self.deliver_next(receiver).await {
                Ok(Step::Tried) => continue,
                Ok(Step::NotBefore(at)) => at.min(clock.now() + IDLE_LOOK),
                Ok(Step::Nothing) => clock.now() + IDLE_LOOK,
                Err(error) => {
                    tracing::error!(receiver.name = receiver, "the outbox cannot be worked on, nothing is lost: {error}");
                    clock.now() + STORE_FAILED
                }
            };
            tokio::select! {
                () = clock.sleep_until(wake) => {}
                () = changed => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn attempt(&self, receiver: &Receiver) -> Result<Step, StoreError> {
        let parts = self.parts();
        let turn = self.inner.turn.clone().acquire_owned().await.map_err(|error| StoreError::Task(error.to_string()))?;
        let now = parts.clock.now();
        if let Some(at) = receiver.app().and_then(|app| app.free_at(now)) {
            return Ok(Step::NotBefore(at));
        }
        let claimed = match parts.store.claim_delivery(&receiver.terms, &parts.owner, now, LEASE).await? {
            NextDelivery::Claimed(claimed) => claimed,
            NextDelivery::Merge(ids) => return self.merge(receiver, ids, now).await,
            NextDelivery::Moved { count, to } => return Ok(self.moved(receiver, count, &to)),
            NextDelivery::NotBefore(at) => return Ok(Step::NotBefore(at)),
            NextDelivery::Nothing => return Ok(Step::Nothing),
        };
        let mut turn = Some(turn);
        let sent = {
            let (people, card) = self.enclosures(receiver, claimed.id).await?;
            let message = as_sent(&claimed);
            let parcel = Parcel {
                delivery: claimed.id,
                created_at: claimed.created_at,
                uuid: &claimed.msg_uuid,
                message: &message,
                card: card.as_ref(),
                robot: &claimed.robot,
                reached: &claimed.targets,
                people: &people,
            };
            let mut sending = pin!(receiver.send(&parcel, &parts.clock));
            match tokio::time::timeout(TURN, &mut sending).await {
                Ok(sent) => sent,
                Err(_) => {
                    turn = None;
                    sending.await
                }
            }
        };
        let ended_at = parts.clock.now();
        let (decision, message) = decide(&claimed, &sent, ended_at);
        let Sent { attempt, targets, found, lost, .. } = sent;
        let notice = self.notice_of_refusal(receiver, &attempt, &decision);
        let result = DeliveryResult { ended_at, attempt, decision, message, targets, notice };
        let shares = parts.store.record_delivery(claimed.clone(), result.clone()).await?;
        drop(turn);
        self.remember_people(receiver, found, lost, ended_at).await?;
        self.count_calls().await?;
        self.tell_targets(receiver, claimed.id, &result.targets, ended_at).await?;
        for share in shares {
            self.tell_month(receiver, share, ended_at).await?;
        }
        self.tell(receiver.name(), &claimed, &result.attempt, &result.decision, ended_at);
        Ok(Step::Tried)
    }

    fn tell(&self, receiver: &str, claimed: &ClaimedDelivery, attempt: &Attempt, decision: &Decision, now: DateTime<Utc>) {
        let (id, attempts) = (claimed.id, claimed.attempts);
        let (word, outcome) = match decision {
            Decision::Delivered => ("delivered", "delivered".to_owned()),
            Decision::Retry { change, .. } => ("retry", format!("to be tried again{}: {}", changed(*change), attempt.answer)),
            Decision::Hold { until, reason } => ("hold", format!("held until {}: {reason}", until.format("%H:%M:%S UTC"))),
            Decision::Discard { reason } => ("discarded", format!("given up: {reason}")),
        };
        let is_a_part = attempt.verdict == Verdict::Delivered && matches!(decision, Decision::Retry { .. });
        match decision {
            Decision::Delivered => tracing::info!(receiver.name = receiver, delivery.id = id, attempts, "delivered"),
            Decision::Discard { .. } => tracing::error!(receiver.name = receiver, delivery.id = id, attempts, "the delivery was {outcome}"),
            Decision::Retry { .. } if is_a_part => {
                tracing::debug!(receiver.name = receiver, delivery.id = id, attempts, "a part of the delivery has arrived")
            }
            Decision::Retry { .. } | Decision::Hold { .. } => {
                tracing::warn!(receiver.name = receiver, delivery.id = id, attempts, "the delivery is {outcome}")
            }
        }
        let after = matches!(decision, Decision::Delivered).then(|| (now - claimed.created_at).to_std().unwrap_or_default());
        self.parts().metrics.attempt(receiver, word, after);
        if !is_a_part {
            self.notice(Notice::Sent { receiver: receiver.to_owned(), title: claimed.message.title.clone(), outcome });
        }
    }
}

/// The decision, and the message as it is to be sent next time where it changes.
fn decide(claimed: &ClaimedDelivery, sent: &Sent, now: DateTime<Utc>) -> (Decision, Option<Message>) {
    let attempt = &sent.attempt;
    if attempt.verdict == Verdict::Delivered && !sent.is_whole {
        return (Decision::Retry { at: now, change: Change::None }, None);
    }
    let history = History {
        attempts: claimed.attempts,
        tried_since: claimed.tried_since,
        failures: claimed.failures.saturating_add(u32::from(attempt.verdict != Verdict::Delivered)),
        shortest: claimed.message.cuttable <= 1,
        reduced: claimed.reduced,
    };
    let jitter = xxh3_64(format!("{} {}", claimed.msg_uuid, claimed.attempts).as_bytes()) as f64 / u64::MAX as f64;
    let decision = delivery::decide(attempt, &history, now, jitter);
    let mut message = claimed.message.clone();
    match decision {
        Decision::Retry { change: Change::Shorten, .. } => {
            message.shorten();
            (decision, Some(message))
        }
        Decision::Retry { change: Change::Reduce, .. } => {
            // A digest is of no one watcher.
            message.reduce(if claimed.watcher == "*" { "rowbell" } else { &claimed.watcher });
            (decision, Some(message))
        }
        _ => (decision, None),
    }
}

fn changed(change: Change) -> &'static str {
    match change {
        Change::None => "",
        Change::Shorten => " with fewer rows",
        Change::Reduce => " without its text",
    }
}
