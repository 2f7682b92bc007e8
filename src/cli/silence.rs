//! `rowbell silence`: for a time, events are recorded and no one is told.
//!
//! A silence is an intent in the store. The engine heeds it at each poll, and tells at its end what still fires.

use super::moment::{self, Edge, Wall};
use super::who::{self, Who};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::{Settings, nearest, watcher_names};
use crate::domain::alert::Severity;
use crate::domain::message::{Language, duration_words};
use crate::domain::silence::{Silence, matches};
use crate::store::{Ended, SilenceLine, Store};
use chrono::{DateTime, TimeDelta, Utc};
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Subcommand};
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Begin one, now or later. It covers what all its options name
    Add(Add),
    /// Those in force and to come, newest first
    List(List),
    /// End some now. What they kept back and still fires is told
    Expire(Expire),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("end").args(["until", "length"]).required(true))]
struct Add {
    /// Only watchers named like this; * and ? stand for anything
    #[arg(long, value_name = "PATTERN")]
    watcher: Option<String>,
    /// Only where the key is like this: sku=A-*; again for more columns
    #[arg(long, value_name = "COLUMN=PATTERN", value_parser = column_and_pattern)]
    key: Vec<(String, String)>,
    /// Only of this severity
    #[arg(long, value_parser = PossibleValuesParser::new(Severity::ALL.iter().map(|severity| severity.as_str())))]
    severity: Option<String>,
    /// Only what this receiver is told
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,
    /// Everything: of all watchers, to everyone
    #[arg(long, conflicts_with = "watcher")]
    all_watchers: bool,
    /// From when: 22:00, "2026-11-26 08:00", a day, or in how long: 30m [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when: 18:00, "2026-11-26 08:00", or a day with all its hours
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For how long: 2h, 3d
    #[arg(long = "for", id = "length", value_parser = humantime::parse_duration, value_name = "DURATION")]
    length: Option<Duration>,
    /// Why
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
struct List {
    /// Those that have ended too
    #[arg(long)]
    all: bool,
    /// At most so many; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

#[derive(Debug, Args)]
struct Expire {
    /// Their numbers, as `rowbell silence list` has them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
}

pub(super) async fn silence(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let now = Clock::System.now();
    match options.action {
        Action::Add(options) => add(global, &settings, options, now).await,
        Action::List(options) => list(global, &settings, options, now).await,
        Action::Expire(options) => expire(global, &settings, options, now).await,
    }
}

fn column_and_pattern(text: &str) -> Result<(String, String), String> {
    let (column, pattern) = text.split_once('=').ok_or("write COLUMN=PATTERN, such as sku=A-*")?;
    match column.trim() {
        "" => Err("write COLUMN=PATTERN, such as sku=A-*".to_owned()),
        column => Ok((column.to_owned(), pattern.to_owned())),
    }
}

async fn add(global: &Global, settings: &Settings, options: Add, now: DateTime<Utc>) -> Outcome {
    let silence = wanted(settings, options, now)?;
    warn(settings, &silence);
    let store = wiring::store(settings).await?;
    let id = store.add_silence(silence.clone(), now).await?;
    let silence = Silence { id, ..silence };
    let covered = covered(&store, &silence, now).await?;
    store.close().await;
    let line = SilenceLine::of(&silence, now);
    if global.json {
        output::json(&line);
        return Ok(true);
    }
    let wall = Wall::new(settings.timezone, now);
    let from = if silence.is_active(now) { String::new() } else { format!("from {} ", wall.minute(&line.starts_at)) };
    let length = duration_words(Language::En, silence.ends_at - silence.starts_at);
    output::line(&format!("silence {id} covers {} {from}until {} ({length})", covers(&line), wall.minute(&line.ends_at)));
    match covered {
        1 => output::line("1 alert that fires now is covered"),
        count => output::line(&format!("{count} alerts that fire now are covered")),
    }
    Ok(true)
}

/// The silence that was asked for, or why it cannot be meant.
fn wanted(settings: &Settings, options: Add, now: DateTime<Utc>) -> Result<Silence, Failed> {
    let (starts_at, ends_at) = span(settings, &options, now)?;
    let mut key = options.key;
    key.sort();
    if let Some(pair) = key.windows(2).find(|pair| pair[0].0.to_lowercase() == pair[1].0.to_lowercase()) {
        return Err(Failed::Invalid(format!("error: --key names the column `{}` twice; make a silence for each pattern", pair[0].0)));
    }
    let silence = Silence {
        id: 0,
        author: options.who.name()?,
        reason: who::words("--reason", &options.reason)?,
        watcher: options.watcher,
        key,
        severity: options.severity.and_then(|word| word.parse().ok()),
        receiver: options.receiver,
        starts_at,
        ends_at,
    };
    if silence.is_for_all() && !options.all_watchers {
        let hint = "name a --watcher, --key, --severity or --receiver; if you do mean everything, say --all-watchers";
        return Err(Failed::Invalid(format!("error: this silence would cover everything: {hint}")));
    }
    Ok(silence)
}

fn span(settings: &Settings, options: &Add, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), Failed> {
    let zone = settings.timezone;
    let read = |option: &str, text: &str, edge, after| {
        moment::to_come(text, edge, after, zone).map_err(|error| Failed::Invalid(format!("error: {option}: {error}")))
    };
    let from = options.from.as_deref().map(|text| read("--from", text, Edge::Begin, now)).transpose()?.unwrap_or(now);
    let until = match (&options.until, options.length) {
        (Some(text), _) => read("--until", text, Edge::End, from.max(now))?,
        (None, Some(length)) => {
            let length = TimeDelta::from_std(length).ok().and_then(|length| from.checked_add_signed(length));
            length.ok_or_else(|| Failed::Invalid("error: --for: that is longer than there are times".to_owned()))?
        }
        // One of them is required.
        (None, None) => from,
    };
    let wall = Wall::new(zone, now);
    match () {
        () if until <= from => Err(format!("ends at {}, which is not after its start at {}", wall.at(until), wall.at(from))),
        () if until <= now => Err(format!("ended at {}; it is {} now", wall.at(until), wall.at(now))),
        () => Ok((from, until)),
    }
    .map_err(|why| Failed::Invalid(format!("error: this silence {why}")))
}

/// A name that nothing has is more likely a slip than a plan.
fn warn(settings: &Settings, silence: &Silence) {
    let hint = |name: &str, known: &[String]| {
        nearest(name, known.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    };
    if let Some(pattern) = &silence.watcher {
        let names = watcher_names(&settings.watchers);
        if !names.iter().any(|name| matches(pattern, name)) {
            eprintln!("warning: no watcher is named like `{pattern}`{}", hint(pattern, &names));
        }
    }
    if let Some(receiver) = &silence.receiver
        && !settings.receiver_names.contains(receiver)
    {
        eprintln!("warning: the receiver `{receiver}` is not in the settings{}", hint(receiver, &settings.receiver_names));
    }
}

/// How many alerts that fire now would not be told while it is in force.
async fn covered(store: &Store, silence: &Silence, now: DateTime<Utc>) -> Result<usize, Failed> {
    let in_force = [Silence { starts_at: now, ends_at: DateTime::<Utc>::MAX_UTC, ..silence.clone() }];
    let alerts = store.alerts(None, 0).await?.into_iter().filter(|line| line.status == "firing");
    Ok(alerts.map(|line| line.covered(&in_force, now)).filter(|line| !line.silences.is_empty()).count())
}

async fn list(global: &Global, settings: &Settings, options: List, now: DateTime<Utc>) -> Outcome {
    let Some(store) = wiring::existing_store(settings).await? else { return Ok(true) };
    let lines = store.silences(options.all, now, options.limit).await?;
    store.close().await;
    let empty = if options.all { "there was no silence" } else { "no silence is in force or to come" };
    let wall = Wall::new(settings.timezone, now);
    output::list(global, &lines, empty, |lines| table(lines, &wall));
    Ok(true)
}

fn table(lines: &[SilenceLine], wall: &Wall) -> comfy_table::Table {
    let mut table = output::table(&["id", "state", "from", "until", "covers", "by", "reason"]);
    for line in lines {
        table.add_row([
            line.id.to_string(),
            line.state.clone(),
            wall.minute(&line.starts_at),
            wall.minute(&line.ends_at),
            covers(line),
            line.author.clone(),
            output::plain(&line.reason),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 5]);
    table
}

/// What a silence covers, in words.
fn covers(line: &SilenceLine) -> String {
    let key = line.key.as_ref().map(output::cells);
    let parts = [line.watcher.clone(), key, line.severity.clone(), line.receiver.as_ref().map(|receiver| format!("to {receiver}"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "everything".to_owned() } else { output::plain(&parts.join(" · ")) }
}

async fn expire(global: &Global, settings: &Settings, options: Expire, now: DateTime<Utc>) -> Outcome {
    let results = match wiring::existing_store(settings).await? {
        Some(store) => {
            let results = store.end_silences(options.ids, now).await?;
            store.close().await;
            results
        }
        None => options.ids.into_iter().map(|id| (id, Ended::Unknown)).collect(),
    };
    let wall = Wall::new(settings.timezone, now);
    let mut refused = Vec::new();
    let mut is_wrong_use = false;
    for (id, ended) in results {
        match ended {
            Ended::Now(silence) if global.json => output::json(&SilenceLine::of(&silence, now)),
            Ended::Now(silence) if silence.starts_at == silence.ends_at => output::line(&format!("silence {id} will not begin")),
            Ended::Now(_) => output::line(&format!(
                "silence {id} has ended; the running service tells within half a minute what still fires of it, or `rowbell poll` does"
            )),
            Ended::Before(at) => refused.push(format!("error: silence {id} ended at {} already", wall.at(at))),
            Ended::Unknown => {
                is_wrong_use = true;
                refused.push(format!("error: there is no silence {id}; `rowbell silence list` has them"));
            }
        }
    }
    if is_wrong_use {
        return Err(Failed::Invalid(refused.join("\n")));
    }
    refused.iter().for_each(|line| eprintln!("{line}"));
    Ok(refused.is_empty())
}
