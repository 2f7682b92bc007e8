//! Pictures for messages of the app: uploaded once each, shown in DingTalk's clients only.

use super::App;
use super::api::Api;
use super::call::{Payload, Refusal, unspoken};
use crate::clock::Clock;
use crate::domain::chart::Chart;
use crate::domain::delivery::AppForm;
use crate::domain::message::{Message, Picture};
use crate::picture::png;
use xxhash_rust::xxh3::xxh3_64;

/// How many ids of pictures are remembered.
const MOST_REMEMBERED: usize = 500;

impl App {
    /// DingTalk's id of a PNG picture, which it is given when it does not have it yet.
    ///
    /// # Errors
    /// DingTalk did not take it.
    pub async fn media_id(&self, png: &[u8], clock: &Clock) -> Result<String, Refusal> {
        let hash = xxh3_64(png);
        if let Some(id) = self.remembered().get(&hash) {
            return Ok(id.clone());
        }
        let answer = self.calls.call(Api::UploadMedia, Payload::Png(png.to_vec()), clock).await?;
        let id = answer["media_id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| unspoken(200, "no media_id in the answer to a picture".to_owned()))?.to_owned();
        let mut remembered = self.remembered();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash, id.clone());
        Ok(id)
    }

    /// The message as its form can show it: with its chart uploaded where it has no address, without one where a picture would
    /// be read out as text. A picture that cannot be uploaded keeps no message back: the numbers go instead.
    pub(super) async fn illustrated(&self, message: &Message, clock: &Clock) -> Option<Message> {
        let picture = message.chart.as_ref()?;
        match self.form {
            AppForm::Ding | AppForm::DingSms | AppForm::DingPhone => Some(Message { chart: None, ..message.clone() }),
            AppForm::Message | AppForm::WorkNotification if picture.url.is_none() => {
                let uploaded = self.upload(picture.chart.clone(), clock).await;
                let url = uploaded.inspect_err(|why| tracing::warn!("a message goes without its picture: {why}")).ok()?;
                Some(Message { chart: Some(Picture { url: Some(url), ..picture.clone() }), ..message.clone() })
            }
            AppForm::Message | AppForm::WorkNotification | AppForm::Card => None,
        }
    }

    async fn upload(&self, chart: Chart, clock: &Clock) -> Result<String, String> {
        let drawn = tokio::task::spawn_blocking(move || png(&chart)).await.map_err(|error| error.to_string())?;
        let png = drawn.map_err(|error| error.to_string())?;
        self.media_id(&png, clock).await.map_err(|refusal| refusal.answer)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<u64, String>> {
        self.media.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
