//! Charts become pictures before their messages are written, so that a message never links to nothing.

use super::Engine;
use crate::domain::chart::{Chart, ChartRule};
use crate::domain::compose::{Changes, DraftPicture};
use crate::domain::evaluate::Plan;
use crate::domain::watcher::Watcher;
use crate::picture::png;
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// How long a picture is to be seen.
const PICTURE_AGE: TimeDelta = TimeDelta::days(30);
/// How long drawing may take; a message goes without its picture then.
const DRAWING: Duration = Duration::from_secs(5);

impl Engine {
    /// Puts what is known of the past of keys into a plan, where the watcher's chart shows it.
    pub(super) async fn recall_past(&self, watcher: &Watcher, plan: &mut Plan) -> Result<(), StoreError> {
        let wanted = plan.needs_past();
        if watcher.chart.as_ref().and_then(ChartRule::sampled).is_some() && !wanted.is_empty() {
            plan.past = self.parts().store.past(wanted).await?;
        }
        Ok(())
    }

    /// Draws the charts of messages where our address is known to their receivers; what went wrong, in words. A message whose
    /// chart cannot be drawn has the numbers instead.
    pub(super) async fn illustrate(&self, changes: &mut Changes, now: DateTime<Utc>) -> Vec<String> {
        let Some(public_url) = &self.parts().public_url else { return Vec::new() };
        let base = public_url.as_str().trim_end_matches('/');
        let mut warnings = Vec::new();
        let mut last: Option<(Chart, Vec<u8>)> = None;
        for (delivery, draft) in changes.deliveries.iter_mut().enumerate() {
            let Some(picture) = &mut draft.message.chart else { continue };
            // Several receivers mostly get the same one.
            let png = match &last {
                Some((chart, png)) if *chart == picture.chart => Ok(png.clone()),
                _ => drawn(picture.chart.clone()).await,
            };
            match png {
                Ok(png) => {
                    let token = token();
                    picture.url = Some(format!("{base}/pictures/{token}.png"));
                    last = Some((picture.chart.clone(), png.clone()));
                    changes.pictures.push(DraftPicture { delivery, token, png, expires_at: now + PICTURE_AGE });
                }
                Err(why) => warnings.push(format!("a message goes without its picture: {why}")),
            }
        }
        warnings.dedup();
        warnings
    }
}

/// Draws beside the loops, which must not wait for it.
async fn drawn(chart: Chart) -> Result<Vec<u8>, String> {
    let drawing = tokio::task::spawn_blocking(move || png(&chart));
    match tokio::time::timeout(DRAWING, drawing).await {
        Ok(Ok(drawn)) => drawn.map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(format!("drawing it failed: {error}")),
        Err(_) => Err(format!("drawing it took longer than {} s", DRAWING.as_secs())),
    }
}

/// 244 random bits, in hexadecimal digits.
fn token() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}
