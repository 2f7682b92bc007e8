//! What is known of a watcher's keys, small enough to stay in memory between polls: fingerprint, digest, verdict.

use super::alert::{AlertStatus, Severity};
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
    /// When it was last told.
    pub told_at: Option<DateTime<Utc>>,
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

    /// The place of a fingerprint among [`Known::keys`].
    pub fn position(&self, fingerprint: Fingerprint) -> Option<usize> {
        self.index.get(&fingerprint.0).map(|at| *at as usize)
    }

    /// The keys, in the order of the store.
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
