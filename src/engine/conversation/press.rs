//! From the press of a card's button to what is done, and to what the card shows then.

use super::Talk;
use crate::domain::alert::Acknowledgement;
use crate::domain::chat;
use crate::domain::press::{self, Button};
use crate::engine::Engine;
use crate::notify::dingtalk::stream::{CardPress, Done};
use crate::store::{Deed, StoreError};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

impl Engine {
    pub(super) async fn take_press(&self, talk: &Talk, id: &str, press: CardPress, done: Done) {
        let _acting = talk.acting.lock().await;
        match self.pressed(talk, id, &press).await {
            Ok(response) => done.with(response),
            // The person is told that it failed, and may press again; nothing was done.
            Err(error) => tracing::error!("the press of a card's button cannot be worked on: {error}"),
        }
    }

    /// Does what was pressed, unless it was done before; the card as it shows now. That is not recorded as shown: whether the answer
    /// arrives is not known, and the loop that changes cards makes sure.
    async fn pressed(&self, talk: &Talk, id: &str, press: &CardPress) -> Result<Value, StoreError> {
        let now = self.parts().clock.now();
        let deed = self.deed_of_press(talk, press, now).await?;
        let heard = self.hear(id, deed, now).await?;
        let user = press.user.as_deref().unwrap_or_default();
        if !heard.acked.is_empty() || !heard.silences.is_empty() {
            let (acknowledged, silences) = (heard.acked.len(), heard.silences.len());
            tracing::info!(receiver.name = talk.of.receiver, user, acknowledged, silences, "a button of a card was pressed");
        }
        let Some(data) = self.card_by_id(&press.card).await? else {
            tracing::warn!(receiver.name = talk.of.receiver, user, "a button was pressed on a card that is not known any more");
            return Ok(json!({}));
        };
        Ok(json!({ "cardUpdateOptions": { "updateCardDataByKey": true }, "cardData": { "cardParamMap": data.0 } }))
    }

    async fn deed_of_press(&self, talk: &Talk, press: &CardPress, now: DateTime<Utc>) -> Result<Deed, StoreError> {
        let store = &self.parts().store;
        let button = press.action.as_deref().and_then(Button::of_action);
        let (Some(button), Some(user)) = (button, &press.user) else { return Ok(Deed::Nothing) };
        let Some(open) = store.card_by_id(&press.card).await? else { return Ok(Deed::Nothing) };
        let Some(facts) = store.card_facts(open.delivery).await? else { return Ok(Deed::Nothing) };
        let by = chat::person(store.name_of(&talk.app, user).await?.as_deref(), user);
        Ok(match button {
            Button::Acknowledge => {
                let events = press::to_take(&facts.events);
                Deed::Acknowledge { events, by: Acknowledgement { at: now, by, note: None } }
            }
            Button::Silence => {
                let in_force = store.open_silences().await?;
                Deed::Silence(press::to_silence(&facts.events, &in_force, &by, chat::by_card(&self.setting()), now))
            }
        })
    }
}
