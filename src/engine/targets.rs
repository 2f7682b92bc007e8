//! What a delivery of an app needs besides its message, and what is told of those it could not reach.

use super::Engine;
use crate::domain::card::Card;
use crate::domain::delivery::{TargetForm, TargetKind, TargetResult, TargetState};
use crate::notify::dingtalk::{Person, Receiver};
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};

/// Work notifications of one app that a person sees in a day: DingTalk drops further ones without a word.
const MOST_NOTIFIED_A_DAY: u64 = 500;
/// From here on the operators are told.
const NEARLY_MOST: u64 = 450;

impl Engine {
    /// Whom an app knows by number, and the card that the delivery is sent as.
    pub(super) async fn enclosures(&self, receiver: &Receiver, delivery: i64) -> Result<(Vec<Person>, Option<Card>), StoreError> {
        let Some(app) = receiver.app() else { return Ok((Vec::new(), None)) };
        let parts = self.parts();
        let mut people = Vec::new();
        if !app.mobiles().is_empty() {
            people = parts.store.people(app.fingerprint(), parts.clock.now()).await?;
        }
        let people = people.into_iter().map(|(mobile, user_id)| Person { mobile, user_id }).collect();
        Ok((people, self.card_to_send(app, delivery).await?))
    }

    /// Keeps who was found by number, and forgets whose user id is not valid any more.
    pub(super) async fn remember_people(
        &self,
        receiver: &Receiver,
        found: Vec<Person>,
        lost: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(app) = receiver.app().filter(|_| !found.is_empty() || !lost.is_empty()) else { return Ok(()) };
        let found = found.into_iter().map(|person| (person.mobile, person.user_id)).collect();
        self.parts().store.record_people(app.fingerprint(), found, lost, now).await
    }

    /// Tells whom a delivery did not reach, and who is about to get no more work notifications today.
    pub(super) async fn tell_targets(
        &self,
        receiver: &Receiver,
        delivery: i64,
        targets: &[TargetResult],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let name = receiver.name();
        for target in targets.iter().filter(|target| target.state == TargetState::Refused) {
            let why = target.answer.as_deref().unwrap_or("refused");
            tracing::error!(receiver.name = name, delivery.id = delivery, "{} is not reached: {why}", target.target);
        }
        let notified =
            targets.iter().filter(|target| target.state == TargetState::Delivered && target.form == TargetForm::WorkNotification);
        for person in notified.filter(|target| target.kind == TargetKind::User) {
            let day = (now + TimeDelta::hours(8)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::hours(8);
            let count = self.parts().store.notified_since(&person.target, day).await?;
            if [NEARLY_MOST, MOST_NOTIFIED_A_DAY].contains(&count) {
                let user = &person.target;
                tracing::error!(
                    receiver.name = name,
                    "{user} has had {count} work notifications today; after {MOST_NOTIFIED_A_DAY} DingTalk drops them without a word: \
                     gather them with `digest`, or send them as messages"
                );
            }
        }
        Ok(())
    }
}
