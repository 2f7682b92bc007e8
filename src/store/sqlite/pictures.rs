//! Charts: the past values of keys, and the pictures that messages link to.

use super::codec::{fingerprint, stamp, time};
use super::{Doing, Sqlite};
use crate::domain::chart::{SAMPLE_DAYS, SAMPLES_OF_A_KEY, Sample, Sampled};
use crate::domain::compose::DraftPicture;
use crate::domain::row::Fingerprint;
use crate::store::model::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;
use sqlx::{QueryBuilder, Row as _, Sqlite as Db, Transaction};
use std::collections::HashMap;

/// Samples per statement: each has three values, and SQLite takes 32,766.
const CHUNK: usize = 500;

impl Sqlite {
    pub(in crate::store) async fn past(&self, fingerprints: &[Fingerprint]) -> Result<HashMap<Fingerprint, Vec<Sample>>, StoreError> {
        let rows = sqlx::query(
            "select s.fingerprint, s.at, s.value from json_each(?) k join sample s on s.fingerprint = k.value order by s.fingerprint, s.at",
        )
        .bind(names(fingerprints.iter()))
        .fetch_all(&self.reader)
        .await
        .doing("reading the past of keys")?;
        let mut past: HashMap<Fingerprint, Vec<Sample>> = HashMap::new();
        for row in rows {
            let sample = Sample { at: time(row.get("at"))?, value: row.get("value") };
            past.entry(fingerprint(row.get("fingerprint"))?).or_default().push(sample);
        }
        Ok(past)
    }

    pub(in crate::store) async fn picture(&self, token: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("select png from picture where token = ? and expires_at > ?")
            .bind(token)
            .bind(stamp(now))
            .fetch_optional(&self.reader)
            .await
            .doing("reading a picture")?;
        Ok(row.map(|row| row.get("png")))
    }

    /// Removes pictures that have expired, and the past of keys that are not returned any more.
    pub(super) async fn purge_pictures(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let pictures = sqlx::query("delete from picture where expires_at <= ?").bind(stamp(now)).execute(&self.writer);
        let pictures = pictures.await.doing("removing pictures that have expired")?.rows_affected();
        let samples = sqlx::query("delete from sample where at < ?").bind(stamp(now - TimeDelta::days(SAMPLE_DAYS))).execute(&self.writer);
        Ok(pictures + samples.await.doing("removing old values of keys")?.rows_affected())
    }
}

/// Keeps the values that a poll has seen, and of each of these keys no more than the newest.
pub(super) async fn insert_samples(tx: &mut Transaction<'_, Db>, samples: &[Sampled], at: DateTime<Utc>) -> Result<(), StoreError> {
    for chunk in samples.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("insert or replace into sample (fingerprint, at, value) ");
        query.push_values(chunk, |mut values, sampled| {
            values.push_bind(sampled.fingerprint.to_string()).push_bind(stamp(at)).push_bind(&sampled.value);
        });
        query.build().execute(&mut **tx).await.doing("keeping values of keys")?;
        sqlx::query(
            "with bound as materialized (
                 select k.value as fingerprint,
                        max(?2, coalesce((select at from sample where fingerprint = k.value order by at desc limit 1 offset ?3), '')) as first
                 from json_each(?1) k
             )
             delete from sample where (fingerprint, at) in (
                 select s.fingerprint, s.at from bound b join sample s on s.fingerprint = b.fingerprint and s.at < b.first
             )",
        )
        .bind(names(chunk.iter().map(|sampled| &sampled.fingerprint)))
        .bind(stamp(at - TimeDelta::days(SAMPLE_DAYS)))
        .bind(SAMPLES_OF_A_KEY - 1)
        .execute(&mut **tx)
        .await
        .doing("removing old values of keys")?;
    }
    Ok(())
}

/// Writes the pictures of a poll's messages; `deliveries` are the numbers of these messages.
pub(super) async fn insert_pictures(tx: &mut Transaction<'_, Db>, pictures: &[DraftPicture], deliveries: &[i64]) -> Result<(), StoreError> {
    for picture in pictures {
        sqlx::query("insert into picture (token, delivery, png, expires_at) values (?, ?, ?, ?)")
            .bind(&picture.token)
            .bind(deliveries.get(picture.delivery))
            .bind(&picture.png)
            .bind(stamp(picture.expires_at))
            .execute(&mut **tx)
            .await
            .doing("writing a picture")?;
    }
    Ok(())
}

fn names<'f>(fingerprints: impl Iterator<Item = &'f Fingerprint>) -> String {
    Json::from(fingerprints.map(Fingerprint::to_string).collect::<Vec<_>>()).to_string()
}
