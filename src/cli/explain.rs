//! `rowbell explain`: why a watcher did or did not alert. The store's records, the file and a look at the query are gathered;
//! the sentences are made by `domain::explain`.

use super::moment::{self, Edge, Wall};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::{Settings, WatcherFile};
use crate::domain::explain::{AROUND, Asked, BACK, Explanation, Facts, File, explain as explanation};
use crate::domain::row::SOURCE_COLUMN;
use crate::domain::watcher::Watcher;
use crate::engine::{gathered, steps};
use chrono::{DateTime, Utc};
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher
    name: String,
    /// Only this key: sku=A-17; again for more columns
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = super::history::column_and_value)]
    key: Vec<(String, String)>,
    /// Around this moment: 09:35, "2026-11-23 09:35", or how long ago: 2h
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// From this time on: the same, or a day [default: a day ago, or since the alert fires]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many lines, those nearest to what is asked; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    /// Tell only what was recorded: do not ask the database what the query returns now
    #[arg(long)]
    offline: bool,
}

pub(super) async fn explain(global: &Global, options: Options) -> Outcome {
    let now = Clock::System.now();
    let (settings, is_whole) = settings(global)?;
    let (declared, file) = declared(&settings, is_whole, &options.name)?;
    if let Some(watcher) = &declared {
        check_key(watcher, &options.key)?;
    }
    let asked = asked(&options, &settings, now)?;
    let (store, _scratch) = wiring::store_to_read(settings.store.url.expose_secret()).await?;
    let mut facts = gathered(&store, asked, declared, file, settings.timezone, now).await?;
    let is_unknown = facts.records.states.is_empty() && facts.records.events.is_empty() && facts.records.polls.is_empty();
    if facts.file == File::Gone && is_unknown {
        store.close().await;
        return Err(wiring::no_such_watcher(&wiring::watcher_files(&settings)?, &options.name));
    }
    facts.steps = steps(&store, &settings.calendars, &facts).await?;
    if !options.offline && is_whole && !options.key.is_empty() {
        facts.looks = wiring::engine(&settings, store.clone(), Clock::System)?.looks(&facts).await;
    }
    store.close().await;
    print(global, &explanation(&facts, options.limit), &facts);
    Ok(true)
}

/// The settings; where their secrets are not at hand, what is needed to look into the store. Whether they are whole.
fn settings(global: &Global) -> Result<(Settings, bool), Failed> {
    match wiring::settings(global) {
        Ok(settings) => Ok((settings, true)),
        Err(_) => {
            let settings = wiring::store_settings(global)?;
            eprintln!("the settings cannot be read whole (`rowbell check` says why): only what was recorded is told");
            Ok((settings, false))
        }
    }
}

/// The watcher as its file has it.
fn declared(settings: &Settings, is_whole: bool, name: &str) -> Result<(Option<Watcher>, File), Failed> {
    if !is_whole {
        return Ok((None, File::Unknown));
    }
    let files: Vec<WatcherFile> = wiring::watcher_files(settings)?;
    Ok(match files.into_iter().find(|file| file.name == name).map(|file| file.watcher) {
        Some(Ok(watcher)) => (Some(watcher), File::Valid),
        Some(Err(_)) => (None, File::Broken),
        None => (None, File::Gone),
    })
}

/// A column that is not in the key would only find nothing.
fn check_key(watcher: &Watcher, key: &[(String, String)]) -> Result<(), Failed> {
    let is_known = |column: &str| {
        let is_source = watcher.names_source() && [SOURCE_COLUMN, "rowbell_source"].contains(&column);
        is_source || watcher.key.iter().any(|name| name.to_lowercase() == column.to_lowercase())
    };
    let Some((wrong, _)) = key.iter().find(|(column, _)| !is_known(column)) else { return Ok(()) };
    let name = &watcher.name;
    Err(Failed::Invalid(match watcher.key.is_empty() && !watcher.names_source() {
        true => format!("error: `{name}` has no key: its whole result is one alert; leave `--key` out"),
        false => {
            let source = if watcher.names_source() { format!("{SOURCE_COLUMN}, ") } else { String::new() };
            format!("error: `{wrong}` is not in the key of `{name}`, which is: {source}{}", watcher.key.join(", "))
        }
    }))
}

fn asked(options: &Options, settings: &Settings, now: DateTime<Utc>) -> Result<Asked, Failed> {
    let read = |option: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(|text| moment::parse(text, Edge::Begin, now, settings.timezone)).transpose();
        parsed.map_err(|error| Failed::Invalid(format!("error: {option}: {error}")))
    };
    let (at, since) = (read("--at", &options.at)?, read("--since", &options.since)?);
    if let Some(ahead) = at.into_iter().chain(since).find(|time| *time > now) {
        let ahead = ahead.with_timezone(&settings.timezone).format("%Y-%m-%d %H:%M:%S");
        return Err(Failed::Invalid(format!("error: {ahead} lies ahead; `rowbell preview {}` tells what a poll would do", options.name)));
    }
    let until = at.map_or(now, |at| (at + AROUND).min(now));
    let since = since.unwrap_or_else(|| at.map_or(now - BACK, |at| at - AROUND));
    Ok(Asked { watcher: options.name.clone(), key: options.key.clone(), at, since, until, is_since_named: options.since.is_some() })
}

fn print(global: &Global, explained: &Explanation, facts: &Facts) {
    if global.json {
        let now = moment::stamp(facts.now);
        output::json(&json!({ "at": now, "kind": "answer", "text": explained.answer, "poll": null, "event": null, "delivery": null }));
        for line in &explained.lines {
            let (at, kind, text) = (moment::stamp(line.at), line.kind, &line.text);
            output::json(
                &json!({ "at": at, "kind": kind, "text": text, "poll": line.poll, "event": line.event, "delivery": line.delivery }),
            );
        }
        return;
    }
    output::paragraph(&explained.answer);
    if !explained.lines.is_empty() {
        output::line("");
    }
    let wall = Wall::new(facts.zone, facts.now);
    let mut table = output::bare_table();
    for line in &explained.lines {
        table.add_row([wall.shown(&moment::stamp(line.at)), line.kind.to_owned(), line.text.clone()]);
    }
    output::keep_whole(&mut table, &[0, 1]);
    table.lines().for_each(|text| output::line(text.trim_end()));
    tell_left_out(explained, facts);
}

fn tell_left_out(explained: &Explanation, facts: &Facts) {
    let left_out = explained.earlier + explained.later;
    if left_out > 0 {
        eprintln!("{left_out} more lines are not shown ({} earlier, {} later): `--limit 0` shows all", explained.earlier, explained.later);
    }
    if facts.records.is_cut {
        eprintln!("there was more in that time than is taken into account: name a shorter one with `--since` or `--at`");
    }
}
