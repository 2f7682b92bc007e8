//! `rowbell check`: every fault of the settings and of all watchers at once, and what the sources have against the queries.

mod budget;
mod columns;
mod edits;
mod lint;
mod offline;
mod online;
mod plan;
mod print;
mod receivers;
mod scenes;
mod template;
mod trial;

use super::{Failed, Global, Outcome, wiring};
use crate::clock::Clock;
use crate::config::{Fault, Settings, WatcherFile, WatcherText, load_watcher, render_faults};
use crate::domain::watcher::Watcher;
use clap::Args;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

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
    /// Its text, when it is valid so far.
    text: Option<WatcherText>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    /// Why a database could not be asked: there may be more faults.
    unreachable: Vec<Fault>,
    /// What the next poll would do, when the file is not what it was at the last one.
    edit: Option<edits::Edit>,
}

pub(super) async fn check(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global).map_err(|faults| with_watchers(global, faults))?;
    let files = chosen_files(&settings, &options.files)?;
    let mut told = Vec::new();
    let sources = keep_going(wiring::sources(&settings), &mut told)?;
    let receivers = keep_going(wiring::receivers(&settings), &mut told)?;
    let settings_are_valid = told.is_empty();
    let mut checked: Vec<Checked> = files.into_iter().map(Checked::new).collect();
    let now = Clock::System.now();
    offline::check(&mut checked, &settings, now);
    budget::check(&mut checked, &receivers, now);
    if !options.offline {
        online::check(&mut checked, &sources, now).await;
        if settings_are_valid {
            edits::look(&mut checked, &settings, options.files.is_empty()).await;
        }
    }
    print::watchers(global, &settings, &checked, now);
    if !global.json {
        told.extend(print::findings(&checked));
        // The findings stand apart from the list.
        if let Some(first) = told.first_mut() {
            first.insert(0, '\n');
        }
    }
    told.extend(receivers::notes(&settings));
    told.push(print::summary(&settings, &checked));
    if !settings_are_valid || checked.iter().any(Checked::is_invalid) {
        return Err(Failed::Invalid(told.join("\n\n")));
    }
    eprintln!("{}", told.join("\n\n"));
    Ok(checked.iter().all(|one| one.unreachable.is_empty()))
}

/// Whether what is told to people goes to a terminal, in colour.
fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
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
        false => Failed::Invalid(format!("{text}\n\n{}", render_faults(&own, is_terminal()))),
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
        let mut faults = file.watcher.as_ref().err().cloned().unwrap_or_default();
        let text = match file.watcher.is_ok().then(|| WatcherText::read(&file.path)) {
            Some(Err(fault)) => {
                faults.push(fault);
                None
            }
            text => text.and_then(Result::ok),
        };
        Checked { file, text, faults, warnings: Vec::new(), unreachable: Vec::new(), edit: None }
    }

    fn watcher(&self) -> Option<&Watcher> {
        self.file.watcher.as_ref().ok()
    }

    /// Whether something in the file is wrong, as far as could be seen.
    fn is_invalid(&self) -> bool {
        !self.faults.is_empty()
    }
}
