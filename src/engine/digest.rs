//! What is told later: events outside a watcher's hours when they begin again, and at the end of a silence what still
//! fires. One message per receiver, over all watchers.
//!
//! The scheduler makes digests before it polls: at the moment at which hours begin or a silence ends, what was kept back is
//! told first, and what the poll then finds comes after it.

use super::Engine;
use crate::domain::message::{self, Digest, DigestKind, DigestLine};
use crate::domain::row::Row;
use crate::domain::silence::{Fate, Silence, Subject, fate};
use crate::domain::watcher::Watcher;
use crate::store::{DeferredEvent, DigestDraft, DigestOf, Digests, Later, StoreError, Until};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often digests are made anew because what they tell has changed in the meantime.
const RACES: usize = 20;

impl Engine {
    /// Makes the digests that are due now; when the next one will be.
    pub async fn tell_digests(&self) -> Option<DateTime<Utc>> {
        for _ in 0..RACES {
            match self.make_digests().await {
                Ok(next) => return next,
                Err(StoreError::Raced) => {}
                Err(error) => {
                    tracing::error!("digests could not be made, what they are to tell is kept: {error}");
                    return None;
                }
            }
        }
        tracing::warn!("digests could not be made: what they are to tell changes all the time; they are made at the next look");
        None
    }

    /// Lets a virtual clock run to a moment. What is to be told until then is told at its time.
    pub async fn pass_until(&self, at: DateTime<Utc>) {
        let clock = &self.parts().clock;
        let mut next = self.tell_due().await;
        while let Some(due) = next.filter(|due| *due > clock.now() && *due < at) {
            clock.advance(due - clock.now());
            next = self.tell_due().await;
        }
        clock.advance(at - clock.now());
    }

    async fn make_digests(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let store = &self.parts().store;
        let now = self.parts().clock.now();
        if store.next_digest_at().await?.is_none_or(|at| at > now) {
            return store.next_digest_at().await;
        }
        let silences = store.open_silences().await?;
        let due = store.due_events(now).await?;
        if !due.is_empty() {
            self.tell_kept(DigestKind::Opening, DigestOf::PutOff, due, &silences, now).await?;
        }
        for silence in silences.iter().filter(|silence| silence.ends_at <= now) {
            let kept = store.kept_back(silence.id).await?;
            let of = DigestOf::Silence { id: silence.id, count: kept.count };
            self.tell_kept(DigestKind::SilenceEnded { reason: silence.reason.clone() }, of, kept.events, &silences, now).await?;
        }
        store.next_digest_at().await
    }

    /// Tells what may be told now, and keeps the rest back for longer.
    async fn tell_kept(
        &self,
        kind: DigestKind,
        of: DigestOf,
        events: Vec<DeferredEvent>,
        silences: &[Silence],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let watchers = self.watchers();
        let (mut told, mut later) = (Vec::new(), Vec::new());
        for event in events {
            let until = match self.fate(&event, &watchers, silences, now) {
                Fate::Tell => {
                    told.push(event);
                    continue;
                }
                Fate::Silence(id) => Until::Silence(id),
                Fate::PutOff(at) => Until::Time(at),
            };
            later.push(Later { event: event.event.id, receiver: event.receiver, until });
        }
        let drafts = self.drafts(&kind, told, &watchers, now);
        for draft in drafts.iter().filter(|draft| !self.parts().receivers.contains_key(&draft.receiver)) {
            let receiver = &draft.receiver;
            tracing::error!(
                receiver.name = receiver,
                "a digest waits for a receiver that is not in the settings; put it back, and it is sent"
            );
        }
        let digests = Digests { of, drafts, later };
        let written = self.parts().store.commit_digests(digests, now).await?;
        if written > 0 {
            tracing::info!(deliveries = written, "digests were made");
            self.inner.outbox_changed.notify_waiters();
        }
        Ok(())
    }

    fn fate(&self, deferred: &DeferredEvent, watchers: &[Arc<Watcher>], silences: &[Silence], now: DateTime<Utc>) -> Fate {
        let event = &deferred.event;
        let key = event.key.as_ref().and_then(|key| Row::from_json(key, ""));
        let subject = Subject { watcher: &event.watcher, key: key.as_ref(), severity: event.severity.parse().unwrap_or_default() };
        let of = |watcher: &&Arc<Watcher>| watcher.name == event.watcher && watcher.source == event.source;
        // That a watcher fails is not put off again.
        let watcher = watchers.iter().find(of).filter(|_| !event.event.starts_with("watcher_"));
        let opens_at = watcher.and_then(|watcher| self.occasion(watcher, now, &[]).opens_at);
        fate(&subject, &deferred.receiver, silences, opens_at, now)
    }

    fn drafts(&self, kind: &DigestKind, events: Vec<DeferredEvent>, watchers: &[Arc<Watcher>], now: DateTime<Utc>) -> Vec<DigestDraft> {
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
                now,
                lines: events.iter().map(|event| line(event, watchers)).collect(),
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
}

pub(super) fn line(deferred: &DeferredEvent, watchers: &[Arc<Watcher>]) -> DigestLine {
    let event = &deferred.event;
    let watcher = watchers.iter().find(|watcher| watcher.name == event.watcher);
    // What fires still has done so since it fired, whatever was the last that was to be told of it.
    let since = event.since.as_ref().filter(|_| deferred.is_firing);
    DigestLine {
        watcher: watcher.and_then(|watcher| watcher.description.clone()).unwrap_or_else(|| event.watcher.clone()),
        event: event.event.clone(),
        severity: event.severity.clone(),
        fingerprint: event.fingerprint.clone(),
        key: event.key.clone().unwrap_or_default(),
        row: event.row.clone().unwrap_or_default(),
        reason: event.reason.clone(),
        at: since.unwrap_or(&event.at).clone(),
        is_firing: deferred.is_firing,
    }
}
