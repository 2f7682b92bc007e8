//! What the poll before thought of keys without telling anyone: from memory, or from the trace itself when this process did
//! not make that poll. So a thought that lasts is written once also by processes that live for one poll.

use super::{Engine, ThoughtsCache};
use crate::domain::compose::Changes;
use crate::domain::evaluate::{Thoughts, TraceChanges};
use crate::domain::row::Fingerprint;
use crate::store::{Claim, StoreError};
use std::collections::HashSet;
use std::sync::Arc;

impl Engine {
    /// Leaves in the trace of a poll only what is new in it. A poll whose result is not taken thinks nothing, and what was
    /// thought before it lasts.
    pub(super) async fn think(&self, claim: &Claim, changes: &mut Changes, is_taken: bool) -> Result<TraceChanges, StoreError> {
        let before = self.thoughts_before(claim).await?;
        if !is_taken {
            return Ok(before.unchanged());
        }
        let events = changes.events.iter().filter_map(|event| event.fingerprint);
        let touched: HashSet<Fingerprint> = changes.put.iter().map(|alert| alert.fingerprint).chain(events).collect();
        let next = before.next(&changes.traces, &touched, changes.is_trace_whole);
        (changes.traces, changes.traces_over) = (next.news.clone(), next.over.clone());
        Ok(next)
    }

    async fn thoughts_before(&self, claim: &Claim) -> Result<Arc<Thoughts>, StoreError> {
        let name = (claim.watcher.clone(), claim.source.clone());
        let ours = self.thoughts().get(&name).filter(|(epoch, _)| epoch + 1 == claim.epoch).map(|(_, thoughts)| thoughts.clone());
        if let Some(ours) = ours {
            return Ok(ours);
        }
        let lines = self.parts().store.lasting_traces(&claim.watcher, &claim.source).await?;
        Ok(Arc::new(Thoughts::new(lines.iter().map(|(id, fingerprint, word, text)| (*id, *fingerprint, *word, text.as_str())))))
    }

    /// Keeps the thoughts of a poll that was recorded.
    pub(super) fn keep_thoughts(&self, claim: &Claim, thoughts: Thoughts) {
        self.thoughts().insert((claim.watcher.clone(), claim.source.clone()), (claim.epoch, Arc::new(thoughts)));
    }

    fn thoughts(&self) -> std::sync::MutexGuard<'_, ThoughtsCache> {
        self.inner.thoughts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
