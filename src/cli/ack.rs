//! `rowbell ack`: a person takes an alert. It is not repeated until it escalates or is over; both are told.
//!
//! It is one transaction on the store, beside a service that runs and a poll that is under way.

use super::moment::{self, Wall};
use super::who::{self, Who};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::alert::Acknowledgement;
use crate::store::{Acked, AcknowledgedLine, Object, Taken};
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The numbers of alerts, as `rowbell alerts` lists them, or of any of their events in the history
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    /// What is being done about it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    who: Who,
}

pub(super) async fn ack(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let now = Clock::System.now();
    let note = options.note.map(|note| who::words("--note", &note)).transpose()?;
    let by = Acknowledgement { at: now, by: options.who.name()?, note };
    let results = match wiring::existing_store(&settings).await? {
        Some(store) => {
            let results = store.acknowledge(options.ids, by).await?;
            store.close().await;
            results
        }
        None => options.ids.into_iter().map(|id| (id, Acked::Unknown)).collect(),
    };
    let wall = Wall::new(settings.timezone, now);
    let mut refused = Vec::new();
    let mut is_wrong_use = false;
    for (id, acked) in results {
        match &acked {
            Acked::Taken(taken) | Acked::Theirs(taken) => tell(global, id, taken, &wall),
            other => {
                is_wrong_use |= matches!(other, Acked::Unknown | Acked::NoAlert { .. });
                refused.push(format!("error: {}", why_not(id, other, &wall)));
            }
        }
    }
    if is_wrong_use {
        return Err(Failed::Invalid(refused.join("\n")));
    }
    refused.iter().for_each(|line| eprintln!("{line}"));
    Ok(refused.is_empty())
}

fn tell(global: &Global, id: i64, taken: &Taken, wall: &Wall) {
    if global.json {
        output::json(&json!({
            "id": id, "watcher": taken.watcher, "source": taken.source, "severity": taken.severity.as_str(), "key": taken.key,
            "since": moment::stamp(taken.since), "acknowledged": AcknowledgedLine::of(&taken.by), "before": taken.before.as_ref().map(AcknowledgedLine::of), "event": taken.event,
        }));
        return;
    }
    let said = taken.by.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let what = named(&taken.watcher, &taken.key);
    let before = taken.before.as_ref().filter(|before| before.by != taken.by.by);
    let before = before.map(|before| format!(", who takes it over from {}", before.by)).unwrap_or_default();
    let line = match taken.event {
        Some(_) => format!("{id}  {what}: acknowledged by {}{before}{said}", taken.by.by),
        None => format!("{id}  {what}: acknowledged by {} since {} already{said}", taken.by.by, wall.at(taken.by.at)),
    };
    output::line(&line);
}

fn why_not(id: i64, acked: &Acked, wall: &Wall) -> String {
    match acked {
        Acked::Over { watcher, key, at, again } => {
            let since = at.map(|at| format!(" since {}", wall.at(at))).unwrap_or_default();
            let again = again.map(|again| format!("; it fires again as {again}: `rowbell ack {again}`")).unwrap_or_default();
            format!("{id} ({}) is over{since}{again}", named(watcher, key))
        }
        Acked::Pending { watcher, key, since } => format!(
            "{id} ({}) is pending since {}: it holds, but has not fired and no one was told; it can be acknowledged when it fires",
            named(watcher, key),
            wall.at(*since)
        ),
        Acked::NoAlert { watcher, event } => format!(
            "{id} is `{event}` of {watcher}, which nothing reminds of: only an alert that fires can be acknowledged (`rowbell alerts` lists them)"
        ),
        _ => format!("there is no event {id}; `rowbell alerts` lists what fires, with its numbers"),
    }
}

/// An alert in words: `low_stock · sku A-17`.
fn named(watcher: &str, key: &Object) -> String {
    if key.is_empty() { watcher.to_owned() } else { format!("{watcher} · {}", output::cells(key)) }
}
