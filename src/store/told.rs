//! The values that cross the store's border for what an app has sent: who has read it, what is taken back, cards.

use crate::domain::card::CardEvent;
use crate::domain::delivery::{TargetForm, TargetKind};
use crate::domain::message::Message;
use chrono::{DateTime, Utc};

/// Something that an app has sent in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which delivery it is of.
    pub delivery: i64,
    /// Through which receiver.
    pub receiver: String,
    /// What its targets are.
    pub kind: TargetKind,
    /// As what it was sent.
    pub form: TargetForm,
    /// DingTalk's name for it, by which it is asked about and taken back.
    pub key: String,
    /// Whom it reached: user ids, or one conversation id.
    pub targets: Vec<String>,
}

/// What has become known of something that was sent.
#[derive(Clone, Debug, Default)]
pub struct ReadBy {
    /// Who has read it.
    pub users: Vec<String>,
    /// Who never got it, and why.
    pub refused: Vec<(String, String)>,
    /// It is not asked about again.
    pub is_final: bool,
}

/// A card that was sent and may still change.
#[derive(Clone, Debug)]
pub struct OpenCard {
    /// Which delivery it is of.
    pub delivery: i64,
    /// Through which receiver.
    pub receiver: String,
    /// Its target.
    pub kind: TargetKind,
    /// Likewise.
    pub target: String,
    /// DingTalk's name for it: the outTrackId.
    pub out_track_id: String,
    /// A hash of what it shows.
    pub shown: String,
}

/// What a card is made of.
#[derive(Clone, Debug)]
pub struct CardFacts {
    /// For whom.
    pub receiver: String,
    /// What was sent.
    pub message: Message,
    /// What it tells, oldest first.
    pub events: Vec<CardEvent>,
}

/// How long DingTalk says who has read something, and takes it back: 24 hours, less what a look may come late.
pub const KNOWN_FOR_HOURS: i64 = 24;

/// When who has read a message is asked, in minutes after it was sent: each time costs calls of the month's quota.
pub const ASKED_AFTER_MINUTES: [i64; 6] = [1, 5, 15, 60, 6 * 60, 23 * 60];

/// When the question `asked` (0 for the first) is due for something that was sent at `at`; none: no more.
pub fn asked_at(at: DateTime<Utc>, asked: usize) -> Option<DateTime<Utc>> {
    ASKED_AFTER_MINUTES.get(asked).map(|minutes| at + chrono::TimeDelta::minutes(*minutes))
}
