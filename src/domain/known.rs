//! What is known of a watcher's keys, small enough to stay in memory between polls: fingerprint, digest, verdict.

use super::alert::{Alert, AlertStatus, Severity};
use super::evaluate::KeyMark;
use super::row::{Digest, Fingerprint};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Which.
    pub fingerprint: Fingerprint,
    /// The digest of its rows when they were last stored.
    pub digest: Digest,
    /// Where it stands.
    pub status: AlertStatus,
    /// The severity last evaluated.
    pub severity: Severity,
    /// See [`Alert::since`].
    pub since: DateTime<Utc>,
    /// When it was last told.
    pub told_at: Option<DateTime<Utc>>,
    /// See [`Alert::gone_since`].
    pub gone_since: Option<DateTime<Utc>>,
    /// See [`Alert::polls`].
    pub polls: u32,
    /// See [`Alert::repeats`].
    pub repeats: u32,
    /// Whether a person has taken it.
    pub acknowledged: bool,
}

impl KnownKey {
    /// What is known of a stored alert.
    pub fn of(alert: &Alert) -> KnownKey {
        KnownKey {
            fingerprint: alert.fingerprint,
            digest: alert.digest,
            status: alert.status,
            severity: alert.severity,
            since: alert.since,
            told_at: alert.told_at,
            gone_since: alert.gone_since,
            polls: alert.polls,
            repeats: alert.repeats,
            acknowledged: alert.acknowledged.is_some(),
        }
    }
}

/// All known keys of one watcher on one source.
#[derive(Clone, Debug, Default)]
pub struct Known {
    index: HashMap<u128, u32, BuildHasherDefault<FingerprintHasher>>,
    keys: Vec<KnownKey>,
}

impl Known {
    /// Takes the keys as the store has them; each fingerprint stands once.
    pub fn new(keys: Vec<KnownKey>) -> Known {
        let index = keys.iter().enumerate().map(|(at, key)| (key.fingerprint.0, at as u32)).collect();
        Known { index, keys }
    }

    /// Takes what a commit removed and then wrote, without reading it all again. The order of the keys may change.
    pub fn apply(&mut self, put: Vec<KnownKey>, remove: &[Fingerprint]) {
        for fingerprint in remove {
            let Some(at) = self.index.remove(&fingerprint.0) else { continue };
            self.keys.swap_remove(at as usize);
            if let Some(moved) = self.keys.get(at as usize) {
                self.index.insert(moved.fingerprint.0, at);
            }
        }
        for key in put {
            match self.position(key.fingerprint) {
                Some(at) => self.keys[at] = key,
                None => {
                    self.index.insert(key.fingerprint.0, self.keys.len() as u32);
                    self.keys.push(key);
                }
            }
        }
    }

    /// Takes how far pending and gone keys have come.
    pub fn mark(&mut self, marks: &[KeyMark]) {
        for mark in marks {
            if let Some(at) = self.position(mark.fingerprint) {
                (self.keys[at].polls, self.keys[at].gone_since) = (mark.polls, mark.gone_since);
            }
        }
    }

    /// Puts the keys at these places first, in this order. Keys that are looked up in their order are found without a
    /// jump through the memory, which costs more than the rest of a look at an unchanged row.
    pub fn reorder(&mut self, places: &[u32]) {
        let mut is_left = vec![true; self.keys.len()];
        let mut keys = Vec::with_capacity(self.keys.len());
        for &at in places {
            if let Some(left) = is_left.get_mut(at as usize)
                && std::mem::take(left)
            {
                keys.push(self.keys[at as usize]);
            }
        }
        keys.extend(self.keys.iter().zip(&is_left).filter(|(_, is_left)| **is_left).map(|(key, _)| *key));
        *self = Known::new(keys);
    }

    /// The place of a fingerprint, which is likely to be `guess`.
    pub fn position_near(&self, guess: usize, fingerprint: Fingerprint) -> Option<usize> {
        match self.keys.get(guess) {
            Some(key) if key.fingerprint == fingerprint => Some(guess),
            _ => self.position(fingerprint),
        }
    }

    /// The place of a fingerprint among [`Known::keys`].
    pub fn position(&self, fingerprint: Fingerprint) -> Option<usize> {
        self.index.get(&fingerprint.0).map(|at| *at as usize)
    }

    /// The keys, in no order that means anything.
    pub fn keys(&self) -> &[KnownKey] {
        &self.keys
    }
}

/// A fingerprint is a hash already: half of it serves as the map's.
#[derive(Clone, Copy, Debug, Default)]
pub struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fingerprint: u128, digest: u128) -> KnownKey {
        KnownKey {
            fingerprint: Fingerprint(fingerprint),
            digest: Digest(digest),
            status: AlertStatus::Firing,
            severity: Severity::Warning,
            since: DateTime::UNIX_EPOCH,
            told_at: None,
            gone_since: None,
            polls: 0,
            repeats: 0,
            acknowledged: false,
        }
    }

    #[test]
    fn keys_in_another_order_are_the_same_keys() {
        let mut known = Known::new((0..6).map(|n| key(n, n)).collect());
        known.reorder(&[4, 2, 4, 99]);
        let order: Vec<u128> = known.keys().iter().map(|key| key.fingerprint.0).collect();
        assert_eq!(order, [4, 2, 0, 1, 3, 5]);
        for guess in 0..7 {
            let places: Vec<_> = order.iter().map(|n| known.position_near(guess, Fingerprint(*n))).collect();
            assert_eq!(places, (0..6).map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_a_commit_wrote_is_as_if_it_had_been_read_again() {
        let mut known = Known::new((0..10).map(|n| key(n, 0)).collect());
        known.apply(
            vec![key(3, 1), key(20, 1), key(9, 2)],
            &[Fingerprint(0), Fingerprint(20), Fingerprint(9), Fingerprint(5), Fingerprint(77)],
        );
        let wanted: Vec<KnownKey> =
            [(1, 0), (2, 0), (3, 1), (4, 0), (6, 0), (7, 0), (8, 0), (9, 2), (20, 1)].map(|(f, d)| key(f, d)).into();
        let mut keys = known.keys().to_vec();
        keys.sort_by_key(|key| key.fingerprint);
        assert_eq!(keys, wanted);
        for fingerprint in (0..25).map(Fingerprint) {
            let found = known.position(fingerprint).map(|at| known.keys()[at]);
            assert_eq!(found, wanted.iter().find(|key| key.fingerprint == fingerprint).copied());
        }
    }
}
