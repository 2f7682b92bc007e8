//! The rows that a poll found under one key.

use crate::domain::alert::{Alert, AlertStatus, MAX_ROWS_KEPT, Severity};
use crate::domain::known::KnownKey;
use crate::domain::row::{Digest, Fingerprint, Row};
use chrono::{DateTime, Utc};
use std::cmp::Reverse;

/// Added to the digest of a key of which some rows could not be judged, so that no row alone is taken for all of it.
const INCOMPLETE: u128 = 1;

/// The rows found under one key that is new or changed.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// The key cells.
    pub key: Row,
    /// Its rows, the speaker first; at most [`MAX_ROWS_KEPT`].
    pub rows: Vec<Row>,
    /// How many rows there were.
    pub row_count: u64,
    /// The sum of their digests.
    pub digest: Digest,
    /// The highest severity among them.
    pub severity: Severity,
    /// One of the rows is the stored one: it was recognised by its digest and not kept.
    pub includes_stored: bool,
    /// Whether a `change` is told; one for which `when` does not hold is not.
    pub is_told: bool,
    /// Since when it has been pending.
    pub pending_since: Option<DateTime<Utc>>,
    /// Whether the rows have an order of their own; else they stay in the order of the result.
    ranked: bool,
    ranks: Vec<Rank>,
    /// Where in the result its first row stood: events are told in the order of the query.
    pub(super) arrival: u64,
}

/// The worst first; among equals by digest where rows are ranked, else by their order in the result.
type Rank = (Reverse<Severity>, Option<Digest>);

impl Found {
    /// Nothing found yet; `stored` is the known key of which a row was recognised by its digest.
    pub(super) fn new(fingerprint: Fingerprint, key: Row, ranked: bool, arrival: u64, stored: Option<&KnownKey>) -> Found {
        Found {
            fingerprint,
            key,
            rows: Vec::new(),
            row_count: u64::from(stored.is_some()),
            digest: stored.map_or(Digest(0), |known| known.digest),
            severity: stored.map_or(Severity::Info, |known| known.severity),
            includes_stored: stored.is_some(),
            is_told: true,
            pending_since: None,
            ranked,
            ranks: Vec::new(),
            arrival,
        }
    }

    fn rank(&self, severity: Severity, digest: Digest) -> Rank {
        (Reverse(severity), self.ranked.then_some(digest))
    }

    /// Adds a row behind those that rank as high.
    pub(super) fn add(&mut self, row: &Row, digest: Digest, severity: Severity) {
        self.row_count += 1;
        self.digest = Digest(self.digest.0.wrapping_add(digest.0));
        self.severity = if self.row_count == 1 { severity } else { self.severity.max(severity) };
        let rank = self.rank(severity, digest);
        let at = self.ranks.partition_point(|other| *other <= rank);
        if at < MAX_ROWS_KEPT {
            self.ranks.insert(at, rank);
            self.rows.insert(at, row.clone());
            self.ranks.truncate(MAX_ROWS_KEPT);
            self.rows.truncate(MAX_ROWS_KEPT);
        }
    }

    /// Some rows of the key could not be judged: those that could do not make it less severe.
    pub(super) fn keep_severity(&mut self, known: Option<&KnownKey>) {
        if known.is_none_or(|known| known.digest != self.digest) {
            self.digest = Digest(self.digest.0.wrapping_add(INCOMPLETE));
        }
        let firing = known.filter(|known| known.status == AlertStatus::Firing);
        self.severity = firing.map_or(self.severity, |known| known.severity.max(self.severity));
    }

    /// Puts the stored row back in its place among the rows: it was recognised by its digest and not kept. It came before
    /// all the others, for only the first row of a key is recognised.
    pub fn with_stored(mut self, stored: &Alert) -> Found {
        if let Some(row) = stored.rows.first().filter(|_| self.includes_stored) {
            let rank = self.rank(stored.severity, stored.digest);
            let at = self.ranks.partition_point(|other| *other < rank);
            self.ranks.insert(at, rank);
            self.rows.insert(at, row.clone());
            self.ranks.truncate(MAX_ROWS_KEPT);
            self.rows.truncate(MAX_ROWS_KEPT);
        }
        self.includes_stored = false;
        self
    }
}
