//! What the deliverer does besides sending: it puts together what waits, hands over to a fallback, and tells when a month's
//! quota is nearly used, or a robot refuses for good.

use super::digest::line;
use super::{Engine, Step};
use crate::domain::delivery::{Attempt, Decision, Verdict};
use crate::domain::message::{self, Digest, DigestKind, Message};
use crate::notify::dingtalk::Receiver;
use crate::store::{ClaimedDelivery, MonthOwner, MonthShare, Notice, StoreError};
use chrono::{DateTime, Utc};

impl Engine {
    /// Makes one message of several that wait. When one of them has left in the meantime, the next look decides anew.
    pub(super) async fn merge(&self, receiver: &Receiver, deliveries: Vec<i64>, now: DateTime<Utc>) -> Result<Step, StoreError> {
        let parts = self.parts();
        let told = parts.store.to_merge(receiver.name(), deliveries.clone()).await?;
        let watchers = self.watchers();
        let digest = Digest {
            kind: DigestKind::Merged { messages: deliveries.len() },
            language: parts.language,
            zone: parts.timezone,
            now,
            lines: told.events.iter().map(|event| line(event, &watchers)).collect(),
        };
        let message = Message { mentions: told.mentions, ..message::digest(&digest) };
        let count = deliveries.len();
        match parts.store.merge(receiver.name(), deliveries, message, now).await {
            Ok(id) => tracing::info!(receiver.name = receiver.name(), delivery.id = id, "{count} deliveries that waited became one"),
            Err(StoreError::Raced) => {}
            Err(error) => return Err(error),
        }
        Ok(Step::Tried)
    }

    pub(super) fn moved(&self, receiver: &Receiver, count: u64, to: &str) -> Step {
        tracing::error!(receiver.name = receiver.name(), "the receiver refuses for good: {count} deliveries go to `{to}` instead");
        self.inner.outbox_changed.notify_waiters();
        Step::Tried
    }

    /// What those who look after the organisation are told when a robot begins to refuse for good, and who speaks instead.
    pub(super) fn notice_of_refusal(&self, receiver: &Receiver, attempt: &Attempt, decision: &Decision) -> Option<Notice> {
        let (Verdict::Refused { for_good: true, .. }, Decision::Hold { reason, .. }) = (&attempt.verdict, decision) else { return None };
        let terms = &receiver.terms;
        let receivers: Vec<String> = terms.tell.iter().filter(|name| **name != terms.receiver).cloned().collect();
        let is_pool = terms.robots.len() > 1;
        let message = message::refuses_for_good(self.parts().language, &terms.receiver, reason, is_pool, terms.fallback.as_deref());
        (!receivers.is_empty()).then_some(Notice { receivers, message })
    }

    /// Tells once that much, or all, of a month is used.
    pub(super) async fn tell_month(&self, receiver: &Receiver, share: MonthShare, now: DateTime<Utc>) -> Result<(), StoreError> {
        let parts = self.parts();
        let (name, what) = match &share.owner {
            MonthOwner::Organisation(name, kind) => (name.clone(), kind.as_str()),
            MonthOwner::Robot(_) => (receiver.name().to_owned(), "cap"),
        };
        let message = message::month_share(parts.language, what, &name, &share.month, share.percent, share.used, share.quota);
        let receivers = if receiver.terms.tell.is_empty() { vec![receiver.name().to_owned()] } else { receiver.terms.tell.clone() };
        if parts.store.tell_month(share.clone(), receivers, message, now).await? {
            let MonthShare { percent, used, quota, month, .. } = share;
            tracing::warn!(
                receiver.name = receiver.name(),
                month,
                "{percent} % of a month's quota are used ({used} of {quota}, {what} of `{name}`)"
            );
            self.inner.outbox_changed.notify_waiters();
        }
        Ok(())
    }
}

/// The message as this receiver sends it: a fallback says for whom it does.
pub(super) fn as_sent(claimed: &ClaimedDelivery) -> Message {
    let mut message = claimed.message.clone();
    if let Some(receiver) = claimed.moved_from.as_deref().filter(|receiver| *receiver != claimed.terms.receiver) {
        message.say_moved_from(receiver);
    }
    message
}
