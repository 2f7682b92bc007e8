//! `rowbell history`: what happened.

use super::moment::{self, Edge, Wall};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::alert::{EventKind, Severity};
use crate::store::{EventDelivery, HistoryLine, HistoryQuery};
use clap::Args;
use clap::builder::PossibleValuesParser;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only of this watcher
    #[arg(long, value_name = "NAME")]
    watcher: Option<String>,
    /// Only this event
    #[arg(long, value_parser = PossibleValuesParser::new(EventKind::ALL.iter().map(|kind| kind.as_str())))]
    event: Option<String>,
    /// Only of this severity
    #[arg(long, value_parser = PossibleValuesParser::new(Severity::ALL.iter().map(|severity| severity.as_str())))]
    severity: Option<String>,
    /// Only what this receiver was told
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,
    /// Only where the key has this value: sku=A-17; again for more columns
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = column_and_value)]
    key: Vec<(String, String)>,
    /// Not before: a time, a day, or how long ago (2026-11-23, "2026-11-23 09:30", 2h, 7d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before: the same; a day is meant with all its hours
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only where key, row, watcher or reason hold this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// At most so many, newest first; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

pub(super) async fn history(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let now = Clock::System.now();
    let time = |option: &'static str, text: Option<String>, edge| {
        let read = |text: String| moment::parse(&text, edge, now, settings.timezone).map(moment::stamp);
        text.map(read).transpose().map_err(|error| Failed::Invalid(format!("error: {option}: {error}")))
    };
    let query = HistoryQuery {
        since: time("--since", options.since, Edge::Begin)?,
        until: time("--until", options.until, Edge::End)?,
        watcher: options.watcher,
        event: options.event,
        severity: options.severity,
        receiver: options.receiver,
        key: options.key,
        search: options.search,
        ids: Vec::new(),
        before: None,
        limit: options.limit,
    };
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let lines = store.history(query).await?;
    store.close().await;
    let wall = Wall::new(settings.timezone, now);
    output::list(global, &lines, "nothing of that kind has happened", |lines| table(lines, &wall));
    Ok(true)
}

pub(super) fn column_and_value(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("write COLUMN=VALUE, such as sku=A-17")?;
    Ok((column.trim().to_owned(), value.to_owned()))
}

fn table(lines: &[HistoryLine], wall: &Wall) -> comfy_table::Table {
    if output::is_narrow() {
        return narrow(lines, wall);
    }
    let mut table = output::table(&["id", "at", "watcher", "event", "severity", "key", "reason", "told"]);
    for line in lines {
        table.add_row([
            line.id.to_string(),
            wall.shown(&line.at),
            line.watcher.clone(),
            line.event.clone(),
            line.severity.clone(),
            line.key.as_ref().map(output::cells).unwrap_or_default(),
            output::plain(&line.reason),
            told(line),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 7]);
    table
}

/// The same for a narrow terminal: what needs many columns stands in one.
fn narrow(lines: &[HistoryLine], wall: &Wall) -> comfy_table::Table {
    let mut table = output::table(&["id", "at", "watcher", "event", "what"]);
    for line in lines {
        let key = line.key.as_ref().map(output::cells).filter(|key| !key.is_empty());
        let told = Some(told(line)).filter(|told| !told.is_empty()).map(|told| format!("→ {told}"));
        let what = [key, Some(line.severity.clone()), Some(output::plain(&line.reason)), told];
        table.add_row([
            line.id.to_string(),
            wall.shown(&line.at),
            line.watcher.clone(),
            line.event.clone(),
            what.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3]);
    table
}

/// Who was told; for all that was not delivered, where it stands.
fn told(line: &HistoryLine) -> String {
    if line.silenced {
        return "silenced".to_owned();
    }
    let one = |delivery: &EventDelivery| match delivery.state.as_str() {
        "delivered" if !delivery.read_by.is_empty() => format!("{} (read by {})", delivery.receiver, delivery.read_by.join(", ")),
        "delivered" => delivery.receiver.clone(),
        state => format!("{} ({state})", delivery.receiver),
    };
    line.deliveries.iter().map(one).collect::<Vec<_>>().join(", ")
}
