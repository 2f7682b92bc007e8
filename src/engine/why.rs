//! What an explanation is made of: the records about what was asked, and looks at the query. The sentences are those of
//! `domain::explain`.

use super::Engine;
use crate::domain::alert::AlertStatus;
use crate::domain::calendar::Calendars;
use crate::domain::explain::{AROUND, Asked, Facts, File, KeyFact, Look, Records, StepFact};
use crate::domain::row::{Fingerprint, SOURCE_COLUMN};
use crate::domain::watcher::Watcher;
use crate::store::{RecordsQuery, Store, StoreError};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::sync::Arc;

/// The records of what was asked. Where no time was named they begin when the alert that is asked about did.
///
/// # Errors
/// The store cannot be read.
pub async fn gathered(
    store: &Store,
    mut asked: Asked,
    declared: Option<Watcher>,
    file: File,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Facts, StoreError> {
    let former = declared.as_ref().and_then(|watcher| watcher.formerly.clone());
    let watchers: Vec<String> = std::iter::once(asked.watcher.clone()).chain(former).collect();
    let query =
        |asked: &Asked| RecordsQuery { watchers: watchers.clone(), key: asked.key.clone(), since: asked.since, until: asked.until, now };
    let mut records = store.records(query(&asked)).await?;
    if let Some(since) = began(&records).filter(|since| *since - AROUND < asked.since && asked.at.is_none() && !asked.is_since_named) {
        asked.since = since - AROUND;
        records = store.records(query(&asked)).await?;
    }
    Ok(Facts { asked, now, zone, declared, file, records, looks: Vec::new(), steps: Vec::new() })
}

/// Where the steps of the watcher's file stand for the keys that were asked about and fire.
///
/// # Errors
/// The store cannot be read.
pub async fn steps(store: &Store, calendars: &Calendars, facts: &Facts) -> Result<Vec<StepFact>, StoreError> {
    let Some(declared) = facts.declared.as_ref().filter(|watcher| watcher.has_steps()) else { return Ok(Vec::new()) };
    let asked: Vec<Fingerprint> = facts.records.keys.iter().filter_map(|key| Fingerprint::parse(&key.fingerprint)).collect();
    let alerts = store.alerts_of(asked).await?;
    let firing = alerts.values().filter(|alert| alert.status == AlertStatus::Firing);
    Ok(firing.flat_map(|alert| StepFact::of(declared, calendars, alert, facts.now)).collect())
}

/// When the alerts that are asked about began.
fn began(records: &Records) -> Option<DateTime<Utc>> {
    let alert = |key: &KeyFact| key.alert.as_ref().filter(|alert| alert.is_alert()).map(|alert| alert.since);
    records.keys.iter().filter_map(alert).min()
}

impl Engine {
    /// What the query returns now, on each source that the key may be of.
    pub async fn looks(&self, facts: &Facts) -> Vec<Look> {
        let Some(declared) = &facts.declared else { return Vec::new() };
        let known_as: Vec<Fingerprint> = facts.records.keys.iter().filter_map(|key| Fingerprint::parse(&key.fingerprint)).collect();
        let named = facts.asked.key.iter().find(|(column, _)| declared.names_source() && column == SOURCE_COLUMN).map(|(_, source)| source);
        let mut looks = Vec::new();
        for instance in declared.instances() {
            if named.is_none_or(|source| *source == instance.source) {
                looks.push(self.look(&Arc::new(instance), &facts.asked.key, &known_as).await);
            }
        }
        looks
    }
}
