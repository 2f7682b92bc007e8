//! A look at what a query returns now, for `rowbell explain`: it reads and evaluates as a poll does, and writes nothing.

use super::Engine;
use super::reading::{Spy, store_failed};
use crate::domain::alert::AlertStatus;
use crate::domain::evaluate::verdict;
use crate::domain::explain::{Look, Seen, Would};
use crate::domain::known::KnownKey;
use crate::domain::row::{Fingerprint, KeyColumns, Row, SOURCE_COLUMN};
use crate::domain::watcher::Watcher;
use crate::store::{Claim, Failure};
use std::sync::Arc;

impl Engine {
    /// What the query of a watcher returns now of a key: its columns with their values, and the fingerprints it is known
    /// under. Without a key, of the whole.
    pub async fn look(&self, watcher: &Arc<Watcher>, key: &[(String, String)], known_as: &[Fingerprint]) -> Look {
        let answer = self.seen(watcher, key, known_as).await;
        Look { source: watcher.source.clone(), answer: answer.map_err(|failure| format!("{}: {}", failure.kind, failure.message)) }
    }

    async fn seen(&self, watcher: &Arc<Watcher>, key: &[(String, String)], known_as: &[Fingerprint]) -> Result<Seen, Failure> {
        let parts = self.parts();
        let limits = self.source_of(watcher)?.limits(watcher.timeout, watcher.max_rows);
        let now = parts.clock.now();
        let (state, name) = self.state_of(watcher).await?;
        let claim = Claim { watcher: watcher.name.clone(), source: watcher.source.clone(), epoch: 0, state };
        let known = parts.store.known(&name, &watcher.source).await.map_err(store_failed)?;
        let mut spy = Spy { wanted: columns_of_row(watcher, key), rows: Vec::new() };
        let reading = self.read_spying(watcher, &claim, &known, limits, now, &mut spy).await;
        let plan = reading.result?;
        let find = |fingerprint: Fingerprint| known.position(fingerprint).map(|at| &known.keys()[at]);
        let fingerprint_of = |row: &Row| {
            let keys = KeyColumns::of_watcher(watcher, claim.state.identity(), &watcher.key, row.columns()).ok()?;
            Some(keys.fingerprint(row))
        };
        let of_key: Vec<Option<Fingerprint>> = spy.rows.iter().map(fingerprint_of).collect();
        let previous = parts.store.alerts_of(of_key.iter().flatten().copied().collect()).await.map_err(store_failed)?;
        let judged = spy.rows.iter().zip(&of_key).map(|(row, fingerprint)| {
            let known: Option<&KnownKey> = fingerprint.and_then(find);
            let before = fingerprint.and_then(|fingerprint| previous.get(&fingerprint)?.rows.first());
            let is_firing = known.is_some_and(|known| known.status == AlertStatus::Firing);
            (row.to_json(), verdict(watcher, row, before, is_firing, now))
        });
        let judged = judged.collect();
        let all = of_key.into_iter().flatten().chain(known_as.iter().copied());
        let would = all.filter(|_| !key.is_empty()).find_map(|fingerprint| Would::of(watcher, &plan, find(fingerprint), fingerprint));
        Ok(Seen { rows: plan.rows, matched: plan.matched, of_key: judged, would, reads_from: reading.reads_from })
    }
}

/// The columns of the key that stand in a row: the source is none of them.
fn columns_of_row(watcher: &Watcher, key: &[(String, String)]) -> Vec<(String, String)> {
    let is_source =
        |column: &str| watcher.names_source() && column == SOURCE_COLUMN && !watcher.key.iter().any(|name| name == SOURCE_COLUMN);
    key.iter().filter(|(column, _)| !is_source(column)).cloned().collect()
}
