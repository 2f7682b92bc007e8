//! How a backtest is told.

use super::play::Played;
use super::{Global, Window, moment, output};
use crate::cli::moment::Wall;
use crate::config::Settings;
use crate::domain::backtest::{Load, Noise};
use crate::domain::budget::BUDGET;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::json;
use std::collections::BTreeSet;

/// Days that are listed one by one.
const MOST_DAYS: usize = 31;

pub(super) fn print(global: &Global, played: &Played, window: &Window, settings: &Settings) {
    if global.json {
        return output::json(&as_json(played, window));
    }
    let wall = Wall::new(settings.timezone, window.until);
    let shown = |at| wall.shown(&moment::stamp(at));
    output::paragraph(&headline(played, &shown(window.since), &shown(window.until)));
    if let Some(failure) = &played.failure {
        output::paragraph(&format!("{} polls failed; the first: {}: {}", played.failed, failure.kind, failure.message));
    }
    if let Some(at) = played.stopped_at {
        output::paragraph(&format!("it was stopped at {}, after {} events: that is too much for anyone", shown(at), played.tally.total()));
    }
    if played.without_time > 0 {
        output::paragraph(&format!("{} rows carry no time in their cursor and are left out", played.without_time));
    }
    output::line("");
    receivers(&played.loads, window, settings.timezone);
    days(&played.loads);
    keys(&played.tally.noisiest());
}

fn headline(played: &Played, since: &str, until: &str) -> String {
    let by_event: Vec<String> = played.tally.by_event().iter().map(|(event, count)| format!("{count} {event}")).collect();
    let events = if by_event.is_empty() { "no event".to_owned() } else { by_event.join(", ") };
    let queries = if played.queries == 1 { "1 query".to_owned() } else { format!("{} queries", played.queries) };
    format!("{} from {since} to {until}, {} polls by {queries}: {events}", played.name, played.polls)
}

fn receivers(loads: &[Load], window: &Window, zone: Tz) {
    let minute = |at: DateTime<Utc>| at.with_timezone(&zone).format("%m-%d %H:%M").to_string();
    let days = ((window.until - window.since).num_seconds() as f64 / 86_400.0).max(1.0 / 24.0);
    let mut table = output::table(&["receiver", "events", "a day", "messages", "a day", "most a day", "most a minute"]);
    for load in loads {
        let most = load.busiest().map(|(day, messages)| format!("{messages} ({})", day.format("%m-%d"))).unwrap_or_default();
        let peak = match load.peak {
            Some((messages, at)) if load.over_budget() > 0 => {
                format!("{messages} of {BUDGET} ({}): {} would wait", minute(at), load.over_budget())
            }
            Some((messages, at)) => format!("{messages} of {BUDGET} ({})", minute(at)),
            None => String::new(),
        };
        let average = |count: u64| format!("{:.1}", count as f64 / days);
        let (events, messages) = (load.events.to_string(), load.messages.to_string());
        table.add_row([load.receiver.clone(), events, average(load.events), messages, average(load.messages), most, peak]);
    }
    output::align_right(&mut table, &[1, 2, 3, 4]);
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5]);
    table.lines().for_each(|text| output::line(text.trim_end()));
}

/// Messages and events of each day.
fn days(loads: &[Load]) {
    let all: BTreeSet<NaiveDate> = loads.iter().flat_map(|load| load.days.keys().copied()).collect();
    if all.len() < 2 || all.len() > MOST_DAYS {
        return;
    }
    output::line("");
    let names: Vec<&str> = std::iter::once("day").chain(loads.iter().map(|load| load.receiver.as_str())).collect();
    let mut table = output::table(&names);
    for day in all {
        let cell = |load: &Load| match load.days.get(&day) {
            Some((events, messages)) => format!("{messages} messages, {events} events"),
            None => String::new(),
        };
        table.add_row(std::iter::once(day.format("%m-%d %a").to_string()).chain(loads.iter().map(cell)));
    }
    output::keep_whole(&mut table, &[0]);
    table.lines().for_each(|text| output::line(text.trim_end()));
}

fn keys(noisiest: &[Noise]) {
    if noisiest.is_empty() {
        return;
    }
    output::line("");
    let mut table = output::table(&["noisiest keys", "events", ""]);
    for noise in noisiest {
        let events: Vec<String> = noise.events.iter().map(|(event, count)| format!("{count} {event}")).collect();
        table.add_row([output::plain(&noise.key), noise.total().to_string(), events.join(", ")]);
    }
    output::align_right(&mut table, &[1]);
    table.lines().for_each(|text| output::line(text.trim_end()));
}

fn as_json(played: &Played, window: &Window) -> serde_json::Value {
    let load = |load: &Load| {
        let days: Vec<_> = load
            .days
            .iter()
            .map(|(day, (events, messages))| json!({ "day": day.to_string(), "events": events, "messages": messages }))
            .collect();
        let peak = load.peak.map(|(messages, at)| json!({ "at": moment::stamp(at), "messages": messages, "budget": BUDGET }));
        json!({ "receiver": load.receiver, "events": load.events, "messages": load.messages, "days": days, "peak": peak })
    };
    let noise = |noise: &Noise| json!({ "key": noise.key, "total": noise.total(), "events": noise.events });
    json!({
        "watcher": played.name, "since": moment::stamp(window.since), "until": moment::stamp(window.until),
        "polls": played.polls, "queries": played.queries, "failed": played.failed,
        "error": played.failure.as_ref().map(|failure| json!({ "kind": failure.kind, "message": failure.message })),
        "stopped_at": played.stopped_at.map(moment::stamp), "without_time": played.without_time,
        "events": played.tally.by_event(),
        "receivers": played.loads.iter().map(load).collect::<Vec<_>>(),
        "keys": played.tally.noisiest().iter().map(noise).collect::<Vec<_>>(),
    })
}
