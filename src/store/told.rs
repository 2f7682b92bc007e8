//! The values that cross the store's border for what an app has sent: who has read it, what is taken back, cards.

use super::{Store, StoreError, detach};
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

/// Runs a statement of the backend in a task of its own, so that a dropped caller does not cancel it.
macro_rules! detached {
    ($self:ident, $backend:ident => $call:expr) => {
        match $self.clone() {
            Store::Sqlite($backend) => detach(async move { $call.await }).await,
        }
    };
}

impl Store {
    /// What was sent by apps and may have been read, as far as it is time to ask.
    pub async fn receipts_due(&self, now: DateTime<Utc>) -> Result<Vec<Told>, StoreError> {
        detached!(self, store => store.receipts_due(now))
    }

    /// Records who has read something; that it was asked counts in any case.
    pub async fn record_receipt(&self, told: Told, read: ReadBy, now: DateTime<Utc>) -> Result<(), StoreError> {
        detached!(self, store => store.record_receipt(&told, &read, now))
    }

    /// What these receivers have sent in the last 24 hours, of which everything is over.
    pub async fn recalls_due(&self, receivers: Vec<String>, now: DateTime<Utc>) -> Result<Vec<Told>, StoreError> {
        detached!(self, store => store.recalls_due(&receivers, now))
    }

    /// Records that something was taken back, or cannot be.
    pub async fn record_recall(&self, told: Told, kept: Option<String>, now: DateTime<Utc>) -> Result<(), StoreError> {
        detached!(self, store => store.record_recall(&told, kept.as_deref(), now))
    }

    /// Mobile numbers of people and their user ids, as an app has found them in the last 30 days.
    pub async fn people(&self, app: &str, now: DateTime<Utc>) -> Result<Vec<(String, String)>, StoreError> {
        let app = app.to_owned();
        detached!(self, store => store.people(&app, now))
    }

    /// Records whom an app has found by number, and whose user ids are not valid any more.
    pub async fn record_people(
        &self,
        app: &str,
        found: Vec<(String, String)>,
        lost: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let app = app.to_owned();
        detached!(self, store => store.record_people(&app, &found, &lost, now))
    }

    /// Counts calls of the API toward the month of an organisation.
    pub async fn count_api_calls(&self, organisation: &str, calls: u64, now: DateTime<Utc>) -> Result<(), StoreError> {
        let organisation = organisation.to_owned();
        detached!(self, store => store.count_use(&organisation, "api", calls, now))
    }

    /// Counts a push through Stream, or an answer to one, toward the month of an organisation.
    pub async fn count_stream_use(&self, organisation: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let organisation = organisation.to_owned();
        detached!(self, store => store.count_use(&organisation, "webhook", 1, now))
    }

    /// How many calls of the API an organisation has made in this month, on China's calendar.
    pub async fn api_calls_of_month(&self, organisation: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let organisation = organisation.to_owned();
        detached!(self, store => store.api_calls_of_month(&organisation, now))
    }

    /// How many work notifications a person was sent since then.
    pub async fn notified_since(&self, user: &str, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let user = user.to_owned();
        detached!(self, store => store.notified_since(&user, since))
    }

    /// The cards that may still change, the newest first.
    pub async fn open_cards(&self, now: DateTime<Utc>) -> Result<Vec<OpenCard>, StoreError> {
        detached!(self, store => store.open_cards(now))
    }

    /// The card with this outTrackId.
    pub async fn card_by_id(&self, out_track_id: &str) -> Result<Option<OpenCard>, StoreError> {
        let id = out_track_id.to_owned();
        detached!(self, store => store.card_by_id(&id))
    }

    /// What the card of a delivery is made of; `None` when there is no such delivery.
    pub async fn card_facts(&self, delivery: i64) -> Result<Option<CardFacts>, StoreError> {
        detached!(self, store => store.card_facts(delivery))
    }

    /// Records what a card shows, and whether nothing of it will change any more.
    pub async fn record_card(&self, card: OpenCard, shown: String, is_over: bool) -> Result<(), StoreError> {
        detached!(self, store => store.record_card(&card, &shown, is_over))
    }
}
