//! `rowbell backtest`: what each receiver would have had, had the watcher run in the past. The engine itself polls again, on a
//! store of its own that is thrown away, with a clock that is moved from poll to poll.
//!
//! A query can be asked about the past when it names the time: by `:now` or `:last_poll` it is asked once for each poll; by
//! a cursor that is a time its rows are read once and come back in their polls. Any other query knows the present only,
//! and is refused.
//!
//! What it cannot know: rows are read as they are today. What was changed or deleted since is not seen as it was then, and
//! silences and acknowledgements of that time are left out.

mod play;
mod show;

use super::moment::{self, Edge};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::backtest::{MOST_POLLS, Moments};
use crate::domain::query::Query;
use crate::domain::sql_text::{Dialect, TokenSort, tokens};
use crate::domain::watcher::{AlertOn, Expect, Watcher};
use chrono::{DateTime, Utc};
use clap::Args;
use std::sync::Arc;
use std::time::Duration;

/// How a query says what time it is now: where one of these stands, `:now` may be meant.
const PRESENT: [&str; 12] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "sysdate",
    "curdate",
    "curtime",
    "utc_timestamp",
    "unix_timestamp",
    "clock_timestamp",
];

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher
    name: String,
    /// From when on: a day, a time, or how long ago (2026-11-16, "2026-11-16 09:30", 7d)
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// Until when: the same [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Poll every so often instead of in the schedule's slots
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    step: Option<Duration>,
}

/// The time that is played again, and the polls in it.
struct Window {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Each with the number of the watcher's instance, in order.
    polls: Vec<(DateTime<Utc>, usize)>,
}

/// How the past is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Once for each poll, with the time bound.
    EachPoll,
    /// Once, by the time of the cursor.
    Once,
}

pub(super) async fn backtest(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global)?;
    let files = wiring::watcher_files(&settings)?;
    let instances = wiring::chosen(&files, std::slice::from_ref(&options.name))?;
    let Some(first) = instances.first() else { return Ok(false) };
    let asked = how_asked(first, &settings)?;
    let window = window(&options, &settings, &instances, Clock::System.now())?;
    let (store, _scratch) = wiring::scratch_store().await?;
    let clock = Clock::at(window.since);
    let engine = wiring::engine(&settings, store.clone(), clock.clone())?;
    let played = match asked {
        Asked::EachPoll => play::each_poll(engine, &instances, &window).await?,
        Asked::Once => play::once(engine, &settings, &instances, &window).await?,
    };
    store.close().await;
    show::print(global, &played, &window, &settings);
    eprintln!("rows were read as they are today: what was changed or deleted since then is not seen as it was");
    Ok(played.failed == 0)
}

/// How the query can be asked about the past; a query that knows only the present is refused, with what to change.
fn how_asked(watcher: &Watcher, settings: &Settings) -> Result<Asked, Failed> {
    if watcher.cursor().is_some() {
        return Ok(Asked::Once);
    }
    let dialect = settings.sources.get(&watcher.source).map_or(Dialect::Postgres, |source| source.dialect());
    let names_time = |text: &str| ["now", "last_poll"].iter().any(|name| Query::uses(text, name, dialect));
    let expects_by_time = match &watcher.alert_on {
        AlertOn::Missing { expect: Expect::Query(text) } => names_time(text),
        _ => false,
    };
    if names_time(&watcher.query) || expects_by_time {
        return Ok(Asked::EachPoll);
    }
    let hint = match present(&watcher.query, dialect) {
        Some(word) => format!("write `:now` where it says `{word}`, and the same query can be asked about any time"),
        None => "a backtest needs rows that carry their time, and a query that compares it with `:now` (such as `created_at > :now - interval '1 hour' and created_at <= :now`: what is later than a slot must not be there yet), or a `cursor` on it".to_owned(),
    };
    Err(Failed::Invalid(format!("error: the query of `{}` tells only what is there now; {hint}", watcher.name)))
}

/// What a query calls the present, as it is written.
fn present(query: &str, dialect: Dialect) -> Option<&str> {
    let is_present = |text: &str| PRESENT.iter().any(|word| word.eq_ignore_ascii_case(text));
    let found = tokens(query, dialect).into_iter().find(|token| token.sort == TokenSort::Word && is_present(&token.text));
    let word = found.map(|token| {
        let called = if query[token.span.end..].starts_with("()") { 2 } else { 0 };
        &query[token.span.start..token.span.end + called]
    });
    // SQLite asks for it by a text.
    word.or_else(|| (dialect == Dialect::Sqlite && query.to_lowercase().contains("'now'")).then_some("'now'"))
}

fn window(options: &Options, settings: &Settings, instances: &[Arc<Watcher>], now: DateTime<Utc>) -> Result<Window, Failed> {
    let read = |option: &str, text: &str, edge| {
        moment::parse(text, edge, now, settings.timezone).map_err(|error| Failed::Invalid(format!("error: {option}: {error}")))
    };
    let since = read("--since", &options.since, Edge::Begin)?;
    let until = options.until.as_deref().map_or(Ok(now), |text| read("--until", text, Edge::End))?.min(now);
    if since >= until {
        return Err(Failed::Invalid("error: `--since` must lie before `--until`, and in the past".to_owned()));
    }
    let most = (MOST_POLLS / instances.len().max(1)).max(1);
    let mut polls = Vec::new();
    for (number, instance) in instances.iter().enumerate() {
        let moments = match options.step {
            Some(step) => Moments::every(step, since, until, most).map_err(too_many)?,
            None => Moments::of(&instance.schedule, since, until, most),
        };
        if moments.are_thinned() && number == 0 {
            eprintln!(
                "its schedule (`{}`) has {} slots in that time, of which {} are played: a backtest makes at most {MOST_POLLS} polls (`--step` sets when)",
                instance.schedule,
                moments.slots,
                moments.at.len()
            );
        }
        polls.extend(moments.at.into_iter().map(|at| (at, number)));
    }
    polls.sort_unstable();
    if polls.is_empty() {
        return Err(Failed::Invalid(format!("error: the schedule of `{}` has no slot in that time", options.name)));
    }
    Ok(Window { since, until, polls })
}

fn too_many(shortest: Duration) -> Failed {
    let shortest = humantime::format_duration(shortest);
    Failed::Invalid(format!(
        "error: --step: a backtest makes at most {MOST_POLLS} polls: a step of {shortest} or more, or a later `--since`"
    ))
}
