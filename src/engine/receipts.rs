//! What becomes of messages of apps after they were sent: who has read them, and that they are taken back when all they
//! told is over. Each question costs calls of the organisation's quota: they are few, and further and further apart.

use super::Engine;
use crate::domain::budget::Terms;
use crate::domain::delivery::TargetKind;
use crate::notify::dingtalk::app::{App, Question, Refusal, Sending};
use crate::store::{ReadBy, StoreError, Told};
use chrono::TimeDelta;
use tokio::sync::watch;

/// How often the loop looks whether a question is due.
const LOOK: TimeDelta = TimeDelta::seconds(30);
/// From this share of the month's quota on, nobody is asked who has read what.
const ASKED_UP_TO_PERCENT: u64 = 80;

impl Engine {
    /// Asks and takes back until told to stop.
    pub async fn run_receipts(&self, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        while !*stop.borrow() {
            if let Err(error) = self.follow_up().await {
                tracing::error!("it cannot be found out who has read what, it is tried again: {error}");
            }
            tokio::select! {
                () = clock.sleep_until(clock.now() + LOOK) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Asks who has read what, and takes back what is over: one step of the loop.
    ///
    /// # Errors
    /// The store failed.
    pub async fn follow_up(&self) -> Result<(), StoreError> {
        let parts = self.parts();
        for told in parts.store.receipts_due(parts.clock.now()).await? {
            let Some(receiver) = parts.receivers.get(&told.receiver) else { continue };
            let Some(app) = receiver.app() else { continue };
            // What is left of the month is for messages.
            if self.is_month_nearly_used(&receiver.terms).await? {
                parts.store.record_receipt(told.clone(), ReadBy::default(), parts.clock.now()).await?;
            } else {
                self.ask(app, &told).await?;
                self.count_calls().await?;
            }
        }
        let asked_for: Vec<String> = self.apps().filter(|app| app.recalls_resolved()).map(|app| app.name().to_owned()).collect();
        if !asked_for.is_empty() {
            for told in parts.store.recalls_due(asked_for, parts.clock.now()).await? {
                if let Some(app) = self.app(&told.receiver) {
                    self.take_back(app, &told).await?;
                }
            }
        }
        self.count_calls().await
    }

    async fn is_month_nearly_used(&self, terms: &Terms) -> Result<bool, StoreError> {
        let Some(quota) = terms.quota else { return Ok(false) };
        let used = self.parts().store.api_calls_of_month(&terms.organisation, self.parts().clock.now()).await?;
        Ok(used * 100 >= quota * ASKED_UP_TO_PERCENT)
    }

    async fn ask(&self, app: &App, told: &Told) -> Result<(), StoreError> {
        let parts = self.parts();
        let question = Question { form: told.form, kind: told.kind, handle: &told.key, conversation: conversation(told) };
        let read = match app.receipt(&question, &parts.clock).await {
            Ok(receipt) => {
                for (user, why) in &receipt.refused {
                    tracing::error!(receiver.name = told.receiver, delivery.id = told.delivery, "{user} did not get the message: {why}");
                }
                ReadBy { users: receipt.read_by, refused: receipt.refused, is_final: receipt.is_final }
            }
            Err(refusal) => {
                tracing::warn!(
                    receiver.name = told.receiver,
                    delivery.id = told.delivery,
                    "who has read it is not known: {}",
                    refusal.answer
                );
                ReadBy::default()
            }
        };
        parts.store.record_receipt(told.clone(), read, parts.clock.now()).await
    }

    async fn take_back(&self, app: &App, told: &Told) -> Result<(), StoreError> {
        let parts = self.parts();
        let handles = [told.key.clone()];
        let sending = Sending { form: told.form, kind: told.kind, conversation: conversation(told), handles: &handles };
        let kept = match app.recall(&sending, &parts.clock).await {
            Ok(kept) if kept.is_empty() => {
                tracing::info!(receiver.name = told.receiver, delivery.id = told.delivery, "taken back: all it told is over");
                None
            }
            Ok(kept) => Some(kept.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; ")),
            Err(refusal) if is_passing(&refusal) => {
                tracing::warn!(receiver.name = told.receiver, delivery.id = told.delivery, "not taken back yet: {}", refusal.answer);
                return Ok(());
            }
            Err(refusal) => Some(refusal.answer),
        };
        if let Some(why) = &kept {
            tracing::warn!(receiver.name = told.receiver, delivery.id = told.delivery, "it could not be taken back: {why}");
        }
        parts.store.record_recall(told.clone(), kept, parts.clock.now()).await
    }

    /// Counts the calls that apps have made toward the month of their organisation.
    pub(super) async fn count_calls(&self) -> Result<(), StoreError> {
        let parts = self.parts();
        for receiver in parts.receivers.values() {
            let Some(calls) = receiver.app().map(App::take_counted).filter(|calls| *calls > 0) else { continue };
            parts.store.count_api_calls(&receiver.terms.organisation, calls, parts.clock.now()).await?;
        }
        Ok(())
    }

    pub(super) fn app(&self, receiver: &str) -> Option<&App> {
        self.parts().receivers.get(receiver).and_then(|receiver| receiver.app())
    }

    fn apps(&self) -> impl Iterator<Item = &App> {
        self.parts().receivers.values().filter_map(|receiver| receiver.app())
    }
}

fn conversation(told: &Told) -> &str {
    match told.kind {
        TargetKind::Conversation => told.targets.first().map_or("", String::as_str),
        TargetKind::User => "",
    }
}

/// Whether it may go better the next time.
fn is_passing(refusal: &Refusal) -> bool {
    use crate::domain::delivery::Verdict;
    use crate::notify::dingtalk::app::Meaning;
    matches!(refusal.meaning, Meaning::Of(Verdict::Transient { .. } | Verdict::Throttled { .. }))
}
