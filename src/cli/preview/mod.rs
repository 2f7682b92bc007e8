//! `rowbell preview`: what a poll would fire and the exact message, per receiver. It writes nothing and sends nothing,
//! unless a receiver is named that is to get one test message of it.

mod chart;
mod html;
mod show;

use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::compose::{Changes, Draft};
use crate::domain::message::{MAX_TEXT_BYTES, Message, Parts};
use crate::domain::watcher::Watcher;
use crate::engine::{Engine, Preview};
use crate::store::Failure;
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher
    name: String,
    /// Write a page that shows the messages as the chat would, and print its path [default: a file of its own among the temporary ones]
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    html: Option<Option<PathBuf>>,
    /// Write the picture of the first message that has one
    #[arg(long, value_name = "FILE.png")]
    chart: Option<PathBuf>,
    /// Send the first message to this receiver, as a test
    #[arg(long, value_name = "RECEIVER")]
    send_to: Option<String>,
}

/// What a poll of one source would do, and which messages are shown of it.
struct Shown {
    watcher: Arc<Watcher>,
    preview: Preview,
    sample: Option<(Sample, Changes)>,
}

/// A watcher on a source that could not be read, and why.
type Unread = (Arc<Watcher>, Failure);

/// Why other messages are shown than those of now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sample {
    /// A silence covers them, or it is outside the watcher's hours.
    KeptBack,
    /// Nothing is new: the rows are shown as if they were.
    AsIfNew,
}

impl Shown {
    /// The messages that are shown.
    fn messages(&self) -> &[Draft] {
        match &self.sample {
            Some((_, changes)) => &changes.deliveries,
            None => &self.preview.changes.deliveries,
        }
    }
}

pub(super) async fn preview(global: &Global, options: Options) -> Outcome {
    let page = options.html.map(|file| html::place(&options.name, file)).transpose()?;
    let picture = options.chart.map(chart::place).transpose()?;
    let settings = wiring::settings(global)?;
    let files = wiring::watcher_files(&settings)?;
    let watchers = wiring::chosen(&files, std::slice::from_ref(&options.name))?;
    let (store, _scratch) = wiring::store_to_read(settings.store.url.expose_secret()).await?;
    let engine = wiring::engine(&settings, store.clone(), Clock::System)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for watcher in &watchers {
        match engine.preview(watcher).await {
            Ok(preview) => shown.push(with_sample(&engine, watcher, preview).await),
            Err(failure) => failures.push((watcher.clone(), failure)),
        }
    }
    for one in &shown {
        if global.json { show::print_json(&engine, one) } else { show::print(&engine, one, watchers.len() > 1) }
    }
    if let Some(path) = page.filter(|_| !shown.is_empty()) {
        let path = html::write(&engine, &options.name, path, &shown, &failures)?;
        let path = path.display().to_string();
        if global.json { output::json(&json!({ "html": path })) } else { output::line(&format!("\n{path}")) }
    }
    if let Some(path) = picture.filter(|_| !shown.is_empty()) {
        chart::write(&path, &shown)?;
        let path = path.display().to_string();
        if global.json { output::json(&json!({ "chart": path })) } else { output::line(&format!("\n{path}")) }
    }
    let mut well = failures.is_empty() && shown.iter().all(|one| one.preview.failure.is_none());
    if let Some(receiver) = &options.send_to {
        well &= send(&engine, receiver, &shown).await?;
    }
    store.close().await;
    tell_failures(&failures)?;
    Ok(well)
}

/// Sources that cannot be read do not keep the others from being shown.
fn tell_failures(failures: &[Unread]) -> Result<(), Failed> {
    let words = |(watcher, failure): &Unread| {
        let on = if watcher.names_source() { format!(" on {}", watcher.source) } else { String::new() };
        format!("the poll of `{}`{on} would fail and change no alert: {}: {}", watcher.name, failure.kind, failure.message)
    };
    match failures {
        [] => Ok(()),
        failures => Err(Failed::Run(anyhow::anyhow!(failures.iter().map(words).collect::<Vec<_>>().join("\n")))),
    }
}

/// Where nothing would be told now, how it would look otherwise.
async fn with_sample(engine: &Engine, watcher: &Arc<Watcher>, mut preview: Preview) -> Shown {
    let kept_back = preview.kept_back.take().map(|changes| (Sample::KeptBack, changes));
    let sample = match (preview.changes.deliveries.is_empty(), kept_back) {
        (false, _) => None,
        (true, Some(kept_back)) => Some(kept_back),
        (true, None) => engine.as_if_new(watcher).await.map(|changes| (Sample::AsIfNew, changes)),
    };
    Shown { watcher: watcher.clone(), preview, sample }
}

/// The message as its receiver would get it: with its keyword, and with those who are called by name.
fn as_sent(engine: &Engine, draft: &Draft) -> Parts {
    let message = chart::with_address(engine, &draft.message);
    let receiver = engine.parts().receivers.get(&draft.receiver);
    receiver.map_or_else(|| message.parts(MAX_TEXT_BYTES), |receiver| receiver.shown(&message))
}

/// Sends the first message, marked as a test by its number alone: it is what the receiver would get.
async fn send(engine: &Engine, receiver: &str, shown: &[Shown]) -> Result<bool, Failed> {
    let Some(to) = engine.parts().receivers.get(receiver) else {
        return Err(Failed::Invalid(format!("error: there is no receiver `{receiver}` in the settings")));
    };
    let Some(draft) = shown.iter().find_map(|one| one.messages().first()) else {
        return Err(Failed::Run(anyhow::anyhow!("there is no message to send: nothing would be told now")));
    };
    let uuid = uuid::Uuid::new_v4().to_string();
    // People are not called by name for a test.
    let message = Message { mentions: Vec::new(), ..draft.message.clone() };
    let robot = to.terms.robots.first().map(|robot| robot.name.as_str()).unwrap_or_default();
    let (attempt, _) = to.send_whole(&uuid, &message, None, robot, &engine.parts().clock).await;
    output::line(&format!("\nsent to {receiver} as a test: {}", attempt.answer));
    Ok(attempt.verdict == crate::domain::delivery::Verdict::Delivered)
}
