//! Cards that were sent: which may still change, and what each is made of.

use super::codec::{alert, object, stamp, time, time_or_null, word};
use super::{Doing, Sqlite};
use crate::domain::card::CardEvent;
use crate::domain::delivery::TargetKind;
use crate::store::model::StoreError;
use crate::store::told::{CardFacts, OpenCard};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A card that is older is not changed any more.
const CHANGED_FOR: TimeDelta = TimeDelta::days(14);
/// Cards per look; the newest first.
const MOST_A_LOOK: i64 = 500;
/// What stands behind the hash of a card on which nothing will change any more.
const OVER: &str = " over";

impl Sqlite {
    pub(in crate::store) async fn open_cards(&self, now: DateTime<Utc>) -> Result<Vec<OpenCard>, StoreError> {
        let rows = sqlx::query(
            "select t.*, d.receiver from delivery_target t join delivery d on d.id = t.delivery_id
             where t.form = 'card' and t.state = 'delivered' and t.recalled_at is null and t.handle is not null
               and t.at > ? and coalesce(t.shown, '') not like '% over' order by t.delivery_id desc, t.kind, t.target limit ?",
        )
        .bind(stamp(now - CHANGED_FOR))
        .bind(MOST_A_LOOK)
        .fetch_all(&self.reader)
        .await
        .doing("reading cards")?;
        rows.iter().map(open_card).collect()
    }

    /// The card with this outTrackId.
    pub(in crate::store) async fn card_by_id(&self, out_track_id: &str) -> Result<Option<OpenCard>, StoreError> {
        let row = sqlx::query(
            "select t.*, d.receiver from delivery_target t join delivery d on d.id = t.delivery_id where t.form = 'card' and t.handle = ?",
        )
        .bind(out_track_id)
        .fetch_optional(&self.reader)
        .await
        .doing("reading a card")?;
        row.as_ref().map(open_card).transpose()
    }

    /// What the card of a delivery is made of; `None` when there is no such delivery.
    pub(in crate::store) async fn card_facts(&self, delivery: i64) -> Result<Option<CardFacts>, StoreError> {
        let row = sqlx::query("select receiver, message from delivery where id = ?")
            .bind(delivery)
            .fetch_optional(&self.reader)
            .await
            .doing("reading a card")?;
        let Some(row) = row else { return Ok(None) };
        let message = serde_json::from_str(row.get("message"))
            .map_err(|error| StoreError::Corrupt(format!("the message of delivery {delivery} ({error})")))?;
        Ok(Some(CardFacts { receiver: row.get("receiver"), message, events: self.card_events(delivery).await? }))
    }

    async fn card_events(&self, delivery: i64) -> Result<Vec<CardEvent>, StoreError> {
        let rows = sqlx::query(
            "select h.*, (select min(r.at) from alert_history r
                          where r.fingerprint = h.fingerprint and r.id > h.id and r.event = 'resolved') as ended_at
             from delivery_event e join alert_history h on h.id = e.event_id where e.delivery_id = ? order by h.id",
        )
        .bind(delivery)
        .fetch_all(&self.reader)
        .await
        .doing("reading the events of a card")?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let fingerprint: Option<String> = row.get("fingerprint");
            let present = match &fingerprint {
                Some(fingerprint) => sqlx::query("select * from alert_state where fingerprint = ?")
                    .bind(fingerprint)
                    .fetch_optional(&self.reader)
                    .await
                    .doing("reading the alerts of a card")?
                    .as_ref()
                    .map(alert)
                    .transpose()?,
                None => None,
            };
            events.push(CardEvent {
                id: row.get("id"),
                watcher: row.get("watcher"),
                kind: word(row.get("event"))?,
                at: time(row.get("at"))?,
                fingerprint,
                key: object(row.get("key"))?.unwrap_or_default(),
                told: object(row.get("row"))?.unwrap_or_default(),
                severity: word(row.get("severity"))?,
                present,
                ended_at: time_or_null(row.get("ended_at"))?,
            });
        }
        Ok(events)
    }

    pub(in crate::store) async fn record_card(&self, card: &OpenCard, shown: &str, is_over: bool) -> Result<(), StoreError> {
        sqlx::query("update delivery_target set shown = ? where delivery_id = ? and kind = ? and target = ?")
            .bind(if is_over { format!("{shown}{OVER}") } else { shown.to_owned() })
            .bind(card.delivery)
            .bind(card.kind.as_str())
            .bind(&card.target)
            .execute(&self.writer)
            .await
            .doing("recording what a card shows")
            .map(drop)
    }
}

fn open_card(row: &SqliteRow) -> Result<OpenCard, StoreError> {
    let kind = TargetKind::of_word(row.get("kind")).ok_or_else(|| StoreError::Corrupt("the kind of a delivery's target".into()))?;
    let shown: Option<String> = row.get("shown");
    Ok(OpenCard {
        delivery: row.get("delivery_id"),
        receiver: row.get("receiver"),
        kind,
        target: row.get("target"),
        out_track_id: row.get("handle"),
        shown: shown.unwrap_or_default(),
    })
}
