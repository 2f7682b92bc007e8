//! What is told later: events outside a watcher's hours when they begin again, and at the end of a silence what still
//! fires. One message per receiver, over all watchers.

use super::Engine;
use crate::domain::message::{self, Digest, DigestKind, DigestLine};
use crate::domain::silence::Silence;
use crate::store::{DeferredEvent, DigestDraft, StoreError};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

impl Engine {
    /// Makes the digests that are due now; when the next one will be.
    pub async fn tell_digests(&self) -> Option<DateTime<Utc>> {
        match self.make_digests().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!("digests could not be made, what they are to tell is kept: {error}");
                None
            }
        }
    }

    async fn make_digests(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let parts = self.parts();
        let now = parts.clock.now();
        if parts.store.next_digest_at().await?.is_none_or(|at| at > now) {
            return parts.store.next_digest_at().await;
        }
        let due = parts.store.due_events(now).await?;
        let mut written = 0;
        if !due.is_empty() {
            let drafts = self.drafts(DigestKind::Opening, due);
            written += parts.store.commit_digests(drafts, now, None, now).await?;
        }
        for silence in parts.store.open_silences().await?.into_iter().filter(|silence| silence.ends_at <= now) {
            written += self.end_silence(&silence, now).await?;
        }
        if written > 0 {
            tracing::info!(deliveries = written, "digests were made");
            self.inner.outbox_changed.notify_waiters();
        }
        parts.store.next_digest_at().await
    }

    async fn end_silence(&self, silence: &Silence, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let store = &self.parts().store;
        let events = store.silenced_events(silence.id).await?;
        // What another silence still covers is told at the end of that one.
        let open = store.open_silences().await?;
        let others: Vec<&Silence> = open.iter().filter(|other| other.id != silence.id && other.is_active(now)).collect();
        let is_free = |event: &DeferredEvent| !others.iter().any(|other| covers(other, event));
        let drafts = self.drafts(DigestKind::SilenceEnded { reason: silence.reason.clone() }, events.into_iter().filter(is_free).collect());
        store.commit_digests(drafts, now, Some(silence.id), now).await
    }

    fn drafts(&self, kind: DigestKind, events: Vec<DeferredEvent>) -> Vec<DigestDraft> {
        let parts = self.parts();
        let mut by_receiver: BTreeMap<String, Vec<DeferredEvent>> = BTreeMap::new();
        for event in events {
            by_receiver.entry(event.receiver.clone()).or_default().push(event);
        }
        let draft = |(receiver, events): (String, Vec<DeferredEvent>)| {
            let digest = Digest {
                kind: kind.clone(),
                language: parts.language,
                zone: parts.timezone,
                now: parts.clock.now(),
                lines: events.iter().map(|event| self.line(event)).collect(),
            };
            let told = events.iter().filter(|event| event.is_firing).filter_map(|event| event.event.fingerprint.clone());
            DigestDraft {
                receiver,
                message: message::digest(&digest),
                told: told.collect(),
                events: events.iter().map(|event| event.event.id).collect(),
            }
        };
        by_receiver.into_iter().map(draft).collect()
    }

    fn line(&self, deferred: &DeferredEvent) -> DigestLine {
        let event = &deferred.event;
        let watcher = self.watchers().into_iter().find(|watcher| watcher.name == event.watcher);
        DigestLine {
            watcher: watcher.and_then(|watcher| watcher.description.clone()).unwrap_or_else(|| event.watcher.clone()),
            event: event.event.clone(),
            severity: event.severity.clone(),
            fingerprint: event.fingerprint.clone(),
            key: event.key.clone().unwrap_or_default(),
            row: event.row.clone().unwrap_or_default(),
            reason: event.reason.clone(),
            at: event.at.clone(),
            is_firing: deferred.is_firing,
        }
    }
}

fn covers(silence: &Silence, deferred: &DeferredEvent) -> bool {
    let event = &deferred.event;
    let key = event.key.as_ref().and_then(|key| crate::domain::row::Row::from_json(key, ""));
    let severity = event.severity.parse().unwrap_or_default();
    let subject = crate::domain::silence::Subject { watcher: &event.watcher, key: key.as_ref(), severity };
    silence.is_for(&deferred.receiver) && silence.covers(&subject)
}
