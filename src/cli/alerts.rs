//! `rowbell alerts`: what fires now, and what is about to.

use super::moment::Wall;
use super::{Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::read_hold_for;
use crate::domain::guard;
use crate::domain::watcher::Span;
use crate::store::{AlertLine, Store, StoreError};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only of this watcher
    #[arg(long, value_name = "NAME")]
    watcher: Option<String>,
    /// At most so many: what fires first, newest first; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

/// A line, with what only the watcher's file says.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: AlertLine,
    /// Pending: for how long, or how many polls, it must hold.
    waits_for: Option<String>,
}

pub(super) async fn alerts(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let now = Clock::System.now();
    let silences = store.open_silences().await?;
    let lines = store.alerts(options.watcher.as_deref(), options.limit).await?;
    let wall = Wall::new(settings.timezone, now);
    tell_failing(&store, options.watcher.as_deref(), &wall).await?;
    store.close().await;
    let lines = lines.into_iter().map(|line| line.covered(&silences, now)).collect();
    output::list(global, &shown(lines, &settings.watchers), "nothing fires", |lines| table(lines, &wall));
    Ok(true)
}

/// A watcher that fails sees nothing: what is listed of it may be over, and what is not listed may be there.
async fn tell_failing(store: &Store, wanted: Option<&str>, wall: &Wall) -> Result<(), StoreError> {
    for state in store.watcher_states().await? {
        let asked = wanted.is_none_or(|name| name == state.watcher);
        if !asked || state.failures == 0 {
            continue;
        }
        let name = &state.watcher;
        let since = state.failing_since.map(|since| format!(" since {}", wall.at(since))).unwrap_or_default();
        match &state.held_reason {
            Some(reason) => {
                eprintln!(
                    "note: the guard of `{name}` holds its result{since}: {}; `rowbell release {name}` takes the next",
                    guard::cause(reason)
                )
            }
            None => eprintln!("note: the polls of `{name}` fail{since} ({} in a row): `rowbell polls {name}` says why", state.failures),
        }
    }
    Ok(())
}

fn shown(lines: Vec<AlertLine>, watchers: &Path) -> Vec<Shown> {
    let mut known: BTreeMap<String, Option<Span>> = BTreeMap::new();
    let waits = |line: AlertLine| {
        let is_pending = line.status == "pending";
        let span = is_pending.then(|| *known.entry(line.watcher.clone()).or_insert_with(|| read_hold_for(watchers, &line.watcher)));
        let waits_for = span.flatten().map(|span| match span {
            Span::Time(length) => humantime::format_duration(length).to_string(),
            Span::Polls(polls) => format!("{polls} polls"),
        });
        Shown { line, waits_for }
    };
    lines.into_iter().map(waits).collect()
}

fn table(lines: &[Shown], wall: &Wall) -> comfy_table::Table {
    let is_narrow = output::is_narrow();
    let mut table = output::table(&["id", "since", "severity", "status", "watcher", "alert", "goes to"]);
    for shown in lines {
        let line = &shown.line;
        table.add_row([
            line.id.map(|id| id.to_string()).unwrap_or_default(),
            wall.shown(&line.since),
            line.severity.clone(),
            status(line).to_owned(),
            line.watcher.clone(),
            std::iter::once(what(line, is_narrow)).chain(details(shown, wall)).collect::<Vec<_>>().join("\n"),
            line.receivers.join(", "),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 6]);
    output::hide_when_narrow(&mut table, &[4, 6]);
    table
}

/// The alert in words; where its watcher has no column of its own, with that.
fn what(line: &AlertLine, names_watcher: bool) -> String {
    let watcher = if names_watcher { line.watcher.as_str() } else { "" };
    let count = if line.row_count > 1 { format!("{} rows, such as ", line.row_count) } else { String::new() };
    let row = count + &output::key_and_row(&line.key, &line.row);
    [watcher, &row].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The one word that says whether someone must look.
fn status(line: &AlertLine) -> &str {
    match () {
        () if line.status != "firing" => &line.status,
        () if line.acknowledged.is_some() => "acknowledged",
        () if line.silenced => "silenced",
        () if line.gone_since.is_some() => "gone",
        () => &line.status,
    }
}

/// What else is to be said of where it stands, a line each.
fn details(shown: &Shown, wall: &Wall) -> Vec<String> {
    let line = &shown.line;
    let waits = shown.waits_for.as_ref().map(|waits_for| match waits_for.ends_with("polls") {
        true => format!("pending: found by {} of {waits_for}", line.polls),
        false => format!("pending: fires when it has held for {waits_for}"),
    });
    let taken = line.acknowledged.as_ref().map(|taken| {
        let note = taken.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("acknowledged by {} {}{note}", taken.by, wall.shown(&taken.at))
    });
    let silenced = (!line.silences.is_empty()).then(|| {
        let numbers = line.silences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if line.silenced { format!("covered by silence {numbers}") } else { format!("covered in part by silence {numbers}") }
    });
    let gone = line.gone_since.as_ref().map(|since| format!("gone since {}, kept firing for now", wall.shown(since)));
    [waits, taken, silenced, gone].into_iter().flatten().map(|text| output::plain(&text)).collect()
}
