//! `rowbell preview`: what a poll would fire and the exact message, per receiver. It writes nothing and sends nothing,
//! unless a receiver is named that is to get one test message of it.

use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::compose::{Changes, Draft};
use crate::domain::watcher::{AlertOn, Watcher};
use crate::engine::{Engine, Preview};
use crate::notify::dingtalk::Outgoing;
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher
    name: String,
    /// Send the first message to this receiver, as a test
    #[arg(long, value_name = "RECEIVER")]
    send_to: Option<String>,
}

pub(super) async fn preview(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global)?;
    let files = wiring::watcher_files(&settings)?;
    let watchers = wiring::chosen(&files, std::slice::from_ref(&options.name))?;
    let Some(watcher) = watchers.into_iter().next() else { return Ok(false) };
    let (store, _scratch) = wiring::store_to_read(settings.store.url.expose_secret()).await?;
    let engine = wiring::engine(&settings, store, Clock::System)?;
    let preview = match engine.preview(&watcher).await {
        Ok(preview) => preview,
        Err(failure) => {
            return Err(Failed::Run(anyhow::anyhow!(
                "the poll of `{}` would fail and change no alert: {}: {}",
                watcher.name,
                failure.kind,
                failure.message
            )));
        }
    };
    let sample = sample(&engine, &watcher, &preview).await;
    let shown = sample.as_ref().unwrap_or(&preview.changes);
    if global.json {
        print_json(&engine, &watcher, &preview, shown)
    } else {
        print(&engine, &watcher, &preview, shown, sample.is_some())
    }
    if let Some(receiver) = &options.send_to {
        return send(&engine, receiver, shown).await;
    }
    Ok(preview.failure.is_none())
}

/// A `new` watcher before its baseline would tell nothing: what a new row will look like is shown by those that are there.
async fn sample(engine: &Engine, watcher: &Arc<Watcher>, preview: &Preview) -> Option<Changes> {
    if preview.baseline == 0 {
        return None;
    }
    let mut eager = Watcher::clone(watcher);
    let AlertOn::New { alert_on_first_poll, .. } = &mut eager.alert_on else { return None };
    *alert_on_first_poll = true;
    engine.preview(&Arc::new(eager)).await.ok().map(|preview| preview.changes)
}

fn print(engine: &Engine, watcher: &Watcher, preview: &Preview, shown: &Changes, is_sample: bool) {
    output::line(&format!("{}: {} rows", watcher.name, preview.rows));
    if preview.baseline > 0 {
        output::line(&format!("  the first poll takes {} rows as the baseline and tells no one of them;", preview.baseline));
        output::line("  below is how they would be told if they were new");
    }
    for event in preview.changes.events.iter().take(20) {
        let key = event.key.as_ref().map(|key| serde_json::Value::Object(key.to_json()).to_string()).unwrap_or_default();
        output::line(&format!("  {:<10} {:<9} {key}  {}", event.kind, event.severity, event.reason));
    }
    if preview.changes.events.len() > 20 {
        output::line(&format!("  … and {} more events", preview.changes.events.len() - 20));
    }
    if preview.changes.events.is_empty() && !is_sample {
        output::line(&format!("  nothing to tell; {} alerts go on firing", preview.unchanged));
    }
    if let Some(failure) = &preview.failure {
        output::line(&format!("  {}: {}", failure.kind, failure.message));
    }
    for warning in &shown.warnings {
        output::line(&format!("  warning: {warning}"));
    }
    for draft in &shown.deliveries {
        output::line(&format!("\n── to {} ── {}", draft.receiver, draft.message.title));
        output::line(&final_text(engine, draft));
    }
}

/// The text as the receiver would get it: with its keyword, and with those who are called by name.
fn final_text(engine: &Engine, draft: &Draft) -> String {
    let text = draft.message.text();
    let outgoing = Outgoing { uuid: "", title: &draft.message.title, text: &text, mentions: &draft.message.mentions };
    engine.parts().receivers.get(&draft.receiver).map_or_else(|| text.clone(), |robot| robot.final_text(&outgoing))
}

fn print_json(engine: &Engine, watcher: &Watcher, preview: &Preview, shown: &Changes) {
    let events: Vec<_> = preview.changes.events.iter().map(|event| json!({ "event": event.kind.as_str(), "severity": event.severity.as_str(), "key": event.key.as_ref().map(|key| key.to_json()), "row": event.rows.first().map(|row| row.to_json()), "reason": event.reason })).collect();
    let messages: Vec<_> = shown.deliveries.iter().map(|draft| json!({ "receiver": draft.receiver, "title": draft.message.title, "text": final_text(engine, draft), "mention": draft.message.mentions })).collect();
    let error = preview.failure.as_ref().map(|failure| json!({ "kind": failure.kind, "message": failure.message }));
    output::json(
        &json!({ "watcher": watcher.name, "rows": preview.rows, "baseline": preview.baseline, "unchanged": preview.unchanged, "events": events, "messages": messages, "warnings": shown.warnings, "error": error }),
    );
}

/// Sends the first message, marked as a test by its number alone: it is what the receiver would get.
async fn send(engine: &Engine, receiver: &str, shown: &Changes) -> Outcome {
    let Some(robot) = engine.parts().receivers.get(receiver) else {
        return Err(Failed::Invalid(format!("error: there is no receiver `{receiver}` in the settings")));
    };
    let Some(draft) = shown.deliveries.first() else {
        return Err(Failed::Run(anyhow::anyhow!("there is no message to send: nothing would be told now")));
    };
    let uuid = uuid::Uuid::new_v4().to_string();
    let text = draft.message.text();
    // People are not called by name for a test.
    let attempt =
        robot.send(&Outgoing { uuid: &uuid, title: &draft.message.title, text: &text, mentions: &[] }, engine.parts().clock.now()).await;
    output::line(&format!("\nsent to {receiver} as a test: {}", attempt.answer));
    Ok(attempt.verdict == crate::domain::delivery::Verdict::Delivered)
}
