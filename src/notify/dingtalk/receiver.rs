//! A receiver of the settings, whatever is behind it.

use crate::domain::card::Card;
use crate::domain::delivery::{Attempt, TargetResult};
use crate::domain::message::Message;
use chrono::{DateTime, Utc};

/// A person who was looked up by mobile number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub mobile: String,
    /// The user id.
    pub user_id: String,
}

/// What is to be sent in one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The delivery's number; 0 for a test message.
    pub delivery: i64,
    /// When the delivery was made.
    pub created_at: DateTime<Utc>,
    /// DingTalk's idempotency key: the same for all attempts of a delivery.
    pub uuid: &'a str,
    /// What it says.
    pub message: &'a Message,
    /// What a card shows of it; none: it is no card.
    pub card: Option<&'a Card>,
    /// Which robot of the pool sends it, by the name of its terms.
    pub robot: &'a str,
    /// Targets that earlier attempts have settled.
    pub reached: &'a [TargetResult],
    /// People whose user ids are known by number.
    pub people: &'a [Person],
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The answer.
    pub attempt: Attempt,
    /// Targets that this attempt has settled.
    pub targets: Vec<TargetResult>,
    /// Whether a delivered attempt was the last: no target is left.
    pub is_whole: bool,
    /// People who were looked up on the way.
    pub found: Vec<Person>,
    /// Mobile numbers whose user ids are not valid any more.
    pub lost: Vec<String>,
}

impl From<Attempt> for Sent {
    /// An attempt that has no targets.
    fn from(attempt: Attempt) -> Sent {
        Sent { attempt, targets: Vec::new(), is_whole: true, found: Vec::new(), lost: Vec::new() }
    }
}
