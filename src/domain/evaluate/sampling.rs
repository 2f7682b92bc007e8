//! The values of keys that a chart of their past is made of.

use crate::domain::chart::{ChartRule, MOST_SAMPLED, Sampled, number_in};
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::watcher::Watcher;
use std::collections::HashSet;

/// Takes the value of each key as it is returned first, of as many keys as are kept.
#[derive(Default)]
pub(super) struct Sampling {
    /// Where the value stands; `None`: nothing is kept.
    place: Option<usize>,
    seen: HashSet<Fingerprint>,
    samples: Vec<Sampled>,
}

impl Sampling {
    /// A column that is not there is told when a chart is made of it.
    pub fn new(watcher: &Watcher, columns: &Columns) -> Sampling {
        let column = watcher.chart.as_ref().and_then(ChartRule::sampled);
        Sampling { place: column.and_then(|name| columns.position(name)), ..Sampling::default() }
    }

    pub fn see(&mut self, fingerprint: Fingerprint, row: &Row) {
        let Some(at) = self.place.filter(|_| self.samples.len() < MOST_SAMPLED) else { return };
        if self.seen.insert(fingerprint) {
            self.samples.push(Sampled { fingerprint, value: number_in(row, at) });
        }
    }

    pub fn finish(self) -> Vec<Sampled> {
        self.samples
    }
}
