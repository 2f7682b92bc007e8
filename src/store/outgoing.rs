//! The values of the outbox that cross the store's border.

use super::model::DeferredEvent;
use crate::domain::budget::{QuotaKind, Terms};
use crate::domain::delivery::{Attempt, Decision, TargetResult};
use crate::domain::message::Message;
use crate::domain::watcher::Mention;
use chrono::{DateTime, Utc};

/// A message in the outbox, whatever became of it.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// The delivery's number.
    pub id: i64,
    /// To whom.
    pub receiver: String,
    /// What it says.
    pub message: Message,
}

/// A delivery that this process may send now.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// Its number.
    pub id: i64,
    /// The number that recording must match.
    pub epoch: i64,
    /// The line of its attempt.
    pub attempt_id: i64,
    /// When it was claimed.
    pub began: DateTime<Utc>,
    /// Attempts, this one included.
    pub attempts: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was first tried since it was made, or since a person asked to try it anew.
    pub tried_since: DateTime<Utc>,
    /// Whose.
    pub watcher: String,
    /// What it says.
    pub message: Message,
    /// DingTalk's idempotency key.
    pub msg_uuid: String,
    /// On what terms it was claimed.
    pub terms: Terms,
    /// The robot, or app, that sends it.
    pub robot: String,
    /// Failures of that robot in a row, before this attempt.
    pub failures: u32,
    /// Whether it has been reduced already.
    pub reduced: bool,
    /// The receiver it was made for, when that one's fallback sends it.
    pub moved_from: Option<String>,
    /// Targets that earlier attempts have settled.
    pub targets: Vec<TargetResult>,
}

/// A receiver's next delivery.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // made once per message, and moved once
pub enum NextDelivery {
    /// This one, now.
    Claimed(ClaimedDelivery),
    /// These are to become one before anything is sent.
    Merge(Vec<i64>),
    /// All that waited has been given to the fallback.
    Moved {
        /// How many.
        count: u64,
        /// To whom.
        to: String,
    },
    /// Not before then: the receiver is held, its budget is used up, or its deliveries are waiting.
    NotBefore(DateTime<Utc>),
    /// Nothing waits.
    Nothing,
}

/// Deliveries that are to become one, and what they tell.
#[derive(Clone, Debug)]
pub struct ToMerge {
    /// Their events, in the order in which they happened.
    pub events: Vec<DeferredEvent>,
    /// Whom they call by name.
    pub mentions: Vec<Mention>,
}

/// A share of a month's quota that has been used, and whom to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthShare {
    /// Of which organisation, or of which receiver's robot when an administrator capped it.
    pub owner: MonthOwner,
    /// The month: `2026-11`.
    pub month: String,
    /// 80 or 100.
    pub percent: u8,
    /// How much was used.
    pub used: u64,
    /// How much there is.
    pub quota: u64,
}

/// Whose month it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonthOwner {
    /// An organisation's.
    Organisation(String, QuotaKind),
    /// A robot's, with an administrator's cap.
    Robot(String),
}

/// What one attempt came to, and what follows.
#[derive(Clone, Debug)]
pub struct DeliveryResult {
    /// When the answer was there.
    pub ended_at: DateTime<Utc>,
    /// The answer.
    pub attempt: Attempt,
    /// What follows.
    pub decision: Decision,
    /// The message as it is to be sent next time, where it changes.
    pub message: Option<Message>,
    /// Targets that the attempt has settled.
    pub targets: Vec<TargetResult>,
    /// What is said when its robot did not refuse for good before.
    pub notice: Option<Notice>,
}

/// A message of rowbell's own to those who look after it.
#[derive(Clone, Debug)]
pub struct Notice {
    /// To whom.
    pub receivers: Vec<String>,
    /// What it says.
    pub message: Message,
}
