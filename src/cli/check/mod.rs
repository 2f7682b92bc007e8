//! `rowbell check`: every fault of the settings and of all watchers at once, and what the sources have against the queries.

mod online;
mod template;

use super::{Failed, Global, Outcome, moment, output, wiring};
use crate::clock::Clock;
use crate::config::{Fault, Settings, WatcherFile, load_watcher, render_faults};
use crate::domain::watcher::Watcher;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

/// How many of the next polls are told.
const NEXT_POLLS: usize = 5;
/// How many of them fit on a person's line.
const NEXT_SHOWN: usize = 3;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Files of watchers, or their names [default: all]
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Leave the databases alone: check only what stands in the files
    #[arg(long)]
    offline: bool,
}

/// What became of a file.
struct Checked {
    file: WatcherFile,
    faults: Vec<Fault>,
    /// The database could not be asked, so there may be more.
    unreachable: bool,
}

pub(super) async fn check(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global).map_err(|faults| with_watchers(global, faults))?;
    let files = chosen_files(&settings, &options.files)?;
    let mut told = Vec::new();
    let sources = keep_going(wiring::sources(&settings), &mut told)?;
    let _ = keep_going(wiring::receivers(&settings), &mut told)?;
    let settings_are_valid = told.is_empty();
    let mut checked: Vec<Checked> = files.into_iter().map(Checked::new).collect();
    if !options.offline {
        online::check(&mut checked, &sources).await;
    }
    let now = Clock::System.now();
    for one in &checked {
        if global.json { one.print_json(now) } else { one.print(now, settings.timezone) }
    }
    if !global.json {
        let faults: Vec<Fault> = checked.iter().flat_map(|one| one.faults.iter().cloned()).collect();
        told.extend((!faults.is_empty()).then(|| render_faults(&faults, std::io::stderr().is_terminal())));
    }
    told.push(summary(&settings, &checked));
    if !settings_are_valid || checked.iter().any(Checked::is_invalid) {
        return Err(Failed::Invalid(told.join("\n\n")));
    }
    eprintln!("{}", told.join("\n\n"));
    Ok(checked.iter().all(|one| one.faults.is_empty()))
}

/// The faults of the settings, and behind them those of the watchers that do not hang on what is wrong there.
fn with_watchers(global: &Global, faults: Failed) -> Failed {
    let Failed::Invalid(text) = faults else { return faults };
    let Ok(files) = wiring::store_settings(global).and_then(|settings| wiring::watcher_files(&settings)) else {
        return Failed::Invalid(text);
    };
    // Without the settings no source and no receiver is known.
    let hangs_on_settings =
        |fault: &Fault| ["receiver", "is not in the settings", "no one is told"].iter().any(|words| fault.message.contains(words));
    let own: Vec<Fault> = wiring::faults(&files).into_iter().filter(|fault| !hangs_on_settings(fault)).collect();
    match own.is_empty() {
        true => Failed::Invalid(text),
        false => Failed::Invalid(format!("{text}\n\n{}", render_faults(&own, std::io::stderr().is_terminal()))),
    }
}

/// The value; faults of files are put aside to be told with all others.
fn keep_going<T>(read: Result<BTreeMap<String, T>, Failed>, told: &mut Vec<String>) -> Result<BTreeMap<String, T>, Failed> {
    match read {
        Err(Failed::Invalid(text)) => {
            told.push(text);
            Ok(BTreeMap::new())
        }
        other => other,
    }
}

/// The files that were named, by path or by the watcher's name; else all.
fn chosen_files(settings: &Settings, named: &[String]) -> Result<Vec<WatcherFile>, Failed> {
    if named.is_empty() {
        return wiring::watcher_files(settings);
    }
    let mut chosen: Vec<WatcherFile> = Vec::new();
    for name in named {
        let path = Path::new(name);
        let file = if path.is_file() {
            load_watcher(path, settings)
        } else {
            let files = wiring::watcher_files(settings)?;
            let stem = name.strip_suffix(".toml").unwrap_or(name);
            let found = files.iter().find(|file| file.name == stem).cloned();
            found.ok_or_else(|| wiring::no_such_watcher(&files, name))?
        };
        // A pattern such as watchers/*.toml names the tests too; they are none.
        if !name.ends_with(".test.toml") && !chosen.iter().any(|other| other.path == file.path) {
            chosen.push(file);
        }
    }
    Ok(chosen)
}

impl Checked {
    fn new(file: WatcherFile) -> Checked {
        let faults = file.watcher.as_ref().err().cloned().unwrap_or_default();
        Checked { file, faults, unreachable: false }
    }

    fn watcher(&self) -> Option<&Watcher> {
        self.file.watcher.as_ref().ok()
    }

    /// Whether something in the file is wrong, as far as could be seen.
    fn is_invalid(&self) -> bool {
        !self.faults.is_empty() && !self.unreachable
    }

    fn next_polls(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let Some(watcher) = self.watcher() else { return Vec::new() };
        std::iter::successors(watcher.schedule.next_after(now), |at| watcher.schedule.next_after(*at)).take(NEXT_POLLS).collect()
    }

    fn print_json(&self, now: DateTime<Utc>) {
        let next: Vec<String> = self.next_polls(now).into_iter().map(moment::stamp).collect();
        output::json(&json!({
            "name": self.file.name, "file": self.file.path.display().to_string(), "valid": self.faults.is_empty(), "faults": self.faults,
            "next_polls": next,
        }));
    }

    fn print(&self, now: DateTime<Utc>, zone: Tz) {
        let name = &self.file.name;
        match self.faults.len() {
            0 => output::line(&format!("✓ {name:<24} {}", next_in_words(&self.next_polls(now), now, zone))),
            _ if self.unreachable => output::line(&format!("? {name:<24} could not be checked on its source")),
            1 => output::line(&format!("✗ {name:<24} 1 fault")),
            count => output::line(&format!("✗ {name:<24} {count} faults")),
        }
    }
}

/// `next 09:35, 09:40, 09:45`: the day only where it is another one, seconds only where there are any.
fn next_in_words(polls: &[DateTime<Utc>], now: DateTime<Utc>, zone: Tz) -> String {
    let mut day = now.with_timezone(&zone).date_naive();
    let mut shown = Vec::new();
    for at in polls.iter().take(NEXT_SHOWN) {
        let local = at.with_timezone(&zone);
        let date = if local.date_naive() == day { "" } else { "%Y-%m-%d " };
        let time = if polls.iter().all(|at| at.timestamp() % 60 == 0) { "%H:%M" } else { "%H:%M:%S" };
        shown.push(local.format(&format!("{date}{time}")).to_string());
        day = local.date_naive();
    }
    if shown.is_empty() { "its schedule has no further slot".to_owned() } else { format!("next {}", shown.join(", ")) }
}

fn summary(settings: &Settings, checked: &[Checked]) -> String {
    if checked.is_empty() {
        return format!("there are no watchers in {}: `rowbell new NAME` writes one", settings.watchers.display());
    }
    let count = |which: fn(&Checked) -> bool| checked.iter().filter(|one| which(one)).count();
    let (invalid, unreachable) = (count(Checked::is_invalid), count(|one| one.unreachable));
    let all = if checked.len() == 1 { "1 watcher".to_owned() } else { format!("{} watchers", checked.len()) };
    let mut text = format!("{all}: {} valid", checked.len() - invalid - unreachable);
    if invalid > 0 {
        text.push_str(&format!(", {invalid} not valid"));
    }
    if unreachable > 0 {
        text.push_str(&format!(", {unreachable} could not be checked on their source"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(polls: &[&str]) -> String {
        let at = |text: &&str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let polls: Vec<_> = polls.iter().map(at).collect();
        next_in_words(&polls, at(&"2026-11-23T01:30:00Z"), chrono_tz::Asia::Shanghai)
    }

    #[test]
    fn the_next_polls_are_told_as_short_as_they_can_be() {
        assert_eq!(next(&["2026-11-23T01:35:00Z", "2026-11-23T01:40:00Z"]), "next 09:35, 09:40");
        assert_eq!(next(&["2026-11-23T01:35:10Z"]), "next 09:35:10");
        assert_eq!(next(&["2026-11-23T15:59:00Z", "2026-11-23T16:00:00Z", "2026-11-23T16:01:00Z"]), "next 23:59, 2026-11-24 00:00, 00:01");
        assert_eq!(next(&[]), "its schedule has no further slot");
    }
}
