//! Cards follow their alerts: when what a card would show differs from what it shows, it is changed in place.

use super::Engine;
use crate::domain::card::{Card, card, card_alerts};
use crate::domain::delivery::AppForm;
use crate::notify::dingtalk::app::{App, CardData, card_data};
use crate::store::{CardFacts, OpenCard, StoreError};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tokio::sync::watch;

/// How often the loop looks whether a card is to be changed.
const LOOK: TimeDelta = TimeDelta::seconds(5);

impl Engine {
    /// Changes cards until told to stop.
    pub async fn run_cards(&self, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        while !*stop.borrow() {
            if let Err(error) = self.refresh_cards().await {
                tracing::error!("cards cannot be looked through, it is tried again: {error}");
            }
            tokio::select! {
                () = clock.sleep_until(clock.now() + LOOK) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Changes every card that shows what is not true any more: one step of the loop.
    ///
    /// # Errors
    /// The store failed.
    pub async fn refresh_cards(&self) -> Result<(), StoreError> {
        let parts = self.parts();
        let mut made: BTreeMap<i64, Option<Card>> = BTreeMap::new();
        for open in parts.store.open_cards(parts.clock.now()).await? {
            let Some(app) = self.app(&open.receiver) else { continue };
            let card = match made.entry(open.delivery) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.card_of(open.delivery).await?),
            };
            if let Some(card) = card {
                self.refresh(app, &open, card).await?;
            }
        }
        self.count_calls().await
    }

    async fn refresh(&self, app: &App, open: &OpenCard, card: &Card) -> Result<(), StoreError> {
        let parts = self.parts();
        let data = card_data(card, open.delivery, app.language(), app.public_url());
        if data.hash() == open.shown && !card.is_over {
            return Ok(());
        }
        if data.hash() != open.shown {
            match app.update_card(&open.out_track_id, &data, &parts.clock).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(receiver.name = open.receiver, delivery.id = open.delivery, "the card cannot be changed any more");
                    return parts.store.record_card(open.clone(), data.hash(), true).await;
                }
                Err(refusal) => {
                    tracing::warn!(
                        receiver.name = open.receiver,
                        delivery.id = open.delivery,
                        "the card is not changed yet: {}",
                        refusal.answer
                    );
                    return Ok(());
                }
            }
        }
        parts.store.record_card(open.clone(), data.hash(), card.is_over).await
    }

    /// What the card of a delivery shows now; `None` when there is no such delivery.
    ///
    /// # Errors
    /// The store failed.
    pub async fn card_of(&self, delivery: i64) -> Result<Option<Card>, StoreError> {
        let Some(facts) = self.parts().store.card_facts(delivery).await? else { return Ok(None) };
        self.card_from(&facts).await.map(Some)
    }

    async fn card_from(&self, facts: &CardFacts) -> Result<Card, StoreError> {
        let parts = self.parts();
        let silences = parts.store.open_silences().await?;
        let alerts = card_alerts(&facts.events, &silences, &facts.receiver, parts.clock.now());
        Ok(card(&facts.message, &alerts, parts.timezone))
    }

    /// The card that a delivery is sent as: none where its receiver takes none, or where it tells nothing that can change.
    pub(super) async fn card_to_send(&self, app: &App, delivery: i64) -> Result<Option<Card>, StoreError> {
        if app.form() != AppForm::Card {
            return Ok(None);
        }
        Ok(self.card_of(delivery).await?.filter(|card| !card.is_over))
    }

    /// The card with this outTrackId as it shows now, for the answer to a press of one of its buttons.
    ///
    /// # Errors
    /// The store failed.
    pub async fn card_by_id(&self, out_track_id: &str) -> Result<Option<CardData>, StoreError> {
        let Some(open) = self.parts().store.card_by_id(out_track_id).await? else { return Ok(None) };
        let Some(app) = self.app(&open.receiver) else { return Ok(None) };
        let Some(card) = self.card_of(open.delivery).await? else { return Ok(None) };
        Ok(Some(card_data(&card, open.delivery, app.language(), app.public_url())))
    }
}
