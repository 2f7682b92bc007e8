//! `rowbell test`: the tests of watchers. Rows are given, poll by poll, on a virtual clock; what follows is held against what
//! the file expects. It reads no database, sends nothing, needs no secret, and works without any settings.

mod compare;
mod play;
mod show;
mod update;

use super::{Failed, Global, Outcome, output, wiring};
use crate::config::watcher_test::{SUFFIX, WatcherTestFile, WatcherTests, load_watcher_tests, test_files};
use crate::config::{Settings, nearest, render_faults};
use anyhow::Context;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use compare::{Mismatch, compare};
use play::{Seen, play};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use update::{Correction, corrected};

#[derive(Debug, Args)]
#[command(after_long_help = FORM)]
pub(super) struct Options {
    /// Files of tests or of watchers, names of watchers, or folders [default: all tests in the watchers' folder]
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Write what was seen into the files, where it is not what they expect
    #[arg(long)]
    update: bool,
}

/// What `--help` tells of the form.
const FORM: &str = "\
The tests of watchers/low_stock.toml stand in watchers/low_stock.test.toml:

  [[test]]
  name = \"fires once, reminds after four hours, resolves\"

  [[test.poll]]
  rows   = [{ sku = \"A\", stock = 3 }]        # what the query returns; NULL is []
  events = [\"fired A [warning]\"]             # all that happens
  message.warehouse = { contains = \"A\" }     # or the exact text: '''…'''

  [[test.poll]]
  after  = \"4h\"                              # or at = \"13:00\"; default: the watcher's next slot
  events = [\"repeated A\"]                    # without rows: those of the poll before

  [[test.poll]]
  fails  = \"timeout\"                         # no answer is not an empty answer

  [[test.poll]]
  rows   = []
  events = [\"resolved A\"]

`rowbell new NAME --test` writes a file to begin with, `rowbell schema test` tells all keys. Write rows, and `--update` fills in the rest.";

/// The file of tests that was run.
struct Played {
    path: PathBuf,
    name: String,
    zone: Tz,
    verdicts: Vec<Verdict>,
}

/// What became of a test.
struct Verdict {
    name: String,
    line: usize,
    polls: Vec<PlayedPoll>,
}

/// What became of a poll.
struct PlayedPoll {
    line: usize,
    at: DateTime<Utc>,
    seen: Seen,
    mismatches: Vec<Mismatch>,
}

impl Verdict {
    fn has_passed(&self) -> bool {
        self.polls.iter().all(|poll| poll.mismatches.is_empty())
    }
}

pub(super) async fn test(global: &Global, options: Options) -> Outcome {
    let settings = wiring::test_settings(global)?;
    let paths = chosen_files(&settings, &options.files)?;
    if paths.is_empty() {
        return Err(Failed::Invalid(format!(
            "error: there are no tests in {}: `rowbell new NAME --test` writes the first",
            settings.watchers.display()
        )));
    }
    let (mut faults, mut passed, mut failed) = (Vec::new(), 0, 0);
    for path in &paths {
        let file = load_watcher_tests(path, &settings);
        match &file.tests {
            Ok(tests) => {
                let played = played(&file, tests, &settings, options.update).await?;
                let well = played.verdicts.iter().filter(|verdict| verdict.has_passed()).count();
                (passed, failed) = (passed + well, failed + played.verdicts.len() - well);
                if global.json { show::print_json(&played) } else { show::print(&played) }
            }
            Err(found) => {
                if global.json {
                    output::json(&json!({ "watcher": file.name, "file": path.display().to_string(), "valid": false, "faults": found }));
                } else {
                    output::line(&format!("✗ {:<24} not valid", file.name));
                }
                faults.extend(found.iter().cloned());
            }
        }
    }
    finish(global, &faults, passed, failed)
}

/// The last words, and the exit code.
fn finish(global: &Global, faults: &[crate::config::Fault], passed: usize, failed: usize) -> Outcome {
    let mut told = Vec::new();
    if !faults.is_empty() && !global.json {
        told.push(render_faults(faults, std::io::stderr().is_terminal()));
    }
    let all = if passed + failed == 1 { "1 test".to_owned() } else { format!("{} tests", passed + failed) };
    let failures = if failed > 0 { format!(", {failed} failed; `--update` writes what was seen") } else { String::new() };
    told.push(format!("{all}: {passed} passed{failures}"));
    let text = told.join("\n\n");
    if !faults.is_empty() {
        return Err(Failed::Invalid(text));
    }
    eprintln!("{text}");
    Ok(failed == 0)
}

/// Runs a file; with `update` what was seen is written into it, and the file is run as it is then.
async fn played(file: &WatcherTestFile, tests: &WatcherTests, settings: &Settings, update: bool) -> Result<Played, Failed> {
    let played = run(file, tests, settings).await?;
    if !update || played.verdicts.iter().all(Verdict::has_passed) {
        return Ok(played);
    }
    let path = &file.path;
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let new = corrected(&text, &corrections(tests, &played)).with_context(|| format!("reading {} again", path.display()))?;
    std::fs::write(path, new).with_context(|| format!("writing {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    let again = load_watcher_tests(path, settings);
    let tests = again.tests.as_ref().map_err(|faults| wiring::invalid(faults))?;
    run(&again, tests, settings).await
}

async fn run(file: &WatcherTestFile, tests: &WatcherTests, settings: &Settings) -> Result<Played, Failed> {
    let mut verdicts = Vec::new();
    for test in &tests.tests {
        let seen = play(tests, test, settings).await?;
        let poll = |(poll, seen): (&crate::config::watcher_test::TestPoll, Seen)| PlayedPoll {
            line: poll.line,
            at: poll.at,
            mismatches: compare(poll, &seen),
            seen,
        };
        let polls = test.polls.iter().zip(seen).map(poll).collect();
        verdicts.push(Verdict { name: test.name.clone(), line: test.line, polls });
    }
    Ok(Played { path: file.path.clone(), name: file.name.clone(), zone: tests.watcher.timezone, verdicts })
}

fn corrections<'a>(tests: &'a WatcherTests, played: &'a Played) -> Vec<Correction<'a>> {
    let mut corrections = Vec::new();
    for (test, (declared, verdict)) in tests.tests.iter().zip(&played.verdicts).enumerate() {
        for (number, (poll, played)) in declared.polls.iter().zip(&verdict.polls).enumerate() {
            let keys = played.mismatches.iter().map(|mismatch| mismatch.what.as_str()).collect();
            corrections.push(Correction { test, number, poll, seen: &played.seen, keys });
        }
    }
    corrections
}

/// The files that were named, by path, by the watcher's path or by its name; else all of the watchers' folder.
fn chosen_files(settings: &Settings, named: &[String]) -> Result<Vec<PathBuf>, Failed> {
    if named.is_empty() {
        return test_files(&settings.watchers).map_err(|fault| wiring::invalid(&[fault]));
    }
    let mut chosen: Vec<PathBuf> = Vec::new();
    for name in named {
        let path = Path::new(name);
        let found = match path {
            folder if folder.is_dir() => test_files(folder).map_err(|fault| wiring::invalid(&[fault]))?,
            file if name.ends_with(".toml") && file.exists() => vec![of_watcher(file)],
            _ => vec![of_watcher(&settings.watchers.join(format!("{}.toml", name.trim_end_matches(".toml").trim_end_matches(".test"))))],
        };
        for path in found {
            if !path.exists() {
                return Err(no_tests(&path, settings));
            }
            if !chosen.contains(&path) {
                chosen.push(path);
            }
        }
    }
    Ok(chosen)
}

/// The file of tests beside a watcher's file.
fn of_watcher(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.ends_with(SUFFIX) {
        true => path.to_owned(),
        false => path.with_file_name(format!("{}{SUFFIX}", name.trim_end_matches(".toml"))),
    }
}

fn no_tests(path: &Path, settings: &Settings) -> Failed {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().trim_end_matches(SUFFIX).to_owned();
    let wanted = name(path);
    if path.with_file_name(format!("{wanted}.toml")).exists() {
        return Failed::Invalid(format!(
            "error: the watcher `{wanted}` has no tests: `rowbell new {wanted} --test` writes a file to begin with"
        ));
    }
    let known: Vec<String> = test_files(&settings.watchers).unwrap_or_default().iter().map(|path| name(path)).collect();
    let hint = match nearest(&wanted, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "`rowbell new NAME --test` writes the first".to_owned(),
        None => format!("there are tests of {}", known.join(", ")),
    };
    Failed::Invalid(format!("error: there are no tests {}; {hint}", path.display()))
}
