//! What an edit of the files does beside the polls: alerts of a watcher that is gone are closed, quietly and with a line
//! in the history.

use super::Engine;
use crate::domain::compose;
use crate::domain::watcher::Watcher;
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// Closes what is known of watchers, or of sources of a watcher, that no file declares any more. `declared` names every
    /// file of the folder, also those that are broken: their watchers are not gone. How many were closed.
    ///
    /// An empty folder closes nothing: it is more likely that it was not mounted.
    ///
    /// # Errors
    /// The store failed; what is not closed now is closed the next time.
    pub async fn close_removed(&self, declared: &BTreeSet<String>, running: &[Arc<Watcher>]) -> Result<usize, StoreError> {
        if declared.is_empty() {
            return Ok(0);
        }
        let store = &self.parts().store;
        let has_broken = declared.iter().any(|name| !running.iter().any(|watcher| watcher.name == *name));
        let mut closed = 0;
        for state in store.watcher_states().await? {
            let runs = running.iter().any(|watcher| watcher.name == state.watcher && watcher.source == state.source);
            let is_adopted = running.iter().any(|watcher| watcher.formerly.as_deref() == Some(&state.watcher));
            // A broken file may be the renamed one, whose `formerly` cannot be read: then no name is taken for gone.
            let is_broken = has_broken && !running.iter().any(|watcher| watcher.name == state.watcher);
            if runs || is_adopted || is_broken {
                continue;
            }
            let why = match declared.contains(&state.watcher) {
                true => "the watcher no longer reads this source; no one is told",
                false => "the watcher's file was removed; no one is told",
            };
            self.close(&state.watcher, &state.source, why).await?;
            tracing::warn!(watcher.name = state.watcher, source.name = state.source, "closed: {why}");
            closed += 1;
        }
        Ok(closed)
    }

    async fn close(&self, name: &str, source: &str, why: &str) -> Result<(), StoreError> {
        let parts = self.parts();
        let alerts = parts.store.alerts_of_watcher(name, source).await?;
        let changes = compose::closed(name, source, parts.clock.now(), &alerts, why);
        parts.store.close_watcher(name, source, changes).await
    }
}
