//! `rowbell new`: a commented watcher to edit, and tests of it.

use super::{Failed, Global, Outcome, output, wiring};
use crate::config::watcher_test::{SUFFIX, new_watcher_test};
use crate::config::{Settings, is_name, template};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::{ErrorKind, Write};
use std::path::Path;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher's name: letters, digits, `_` and `-`
    name: String,
    /// What a row means: something in a bad state now, an event that is told once, a thing whose columns are watched, a sign
    /// of life, or a line of a report
    #[arg(long, value_enum, default_value = "match", value_name = "KIND")]
    alert_on: Kind,
    /// Write tests of it too; of a watcher that is there already only these
    #[arg(long)]
    test: bool,
    /// Print it instead of writing the file
    #[arg(long)]
    stdout: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Match,
    New,
    Change,
    Missing,
    Report,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Match => "match",
            Kind::New => "new",
            Kind::Change => "change",
            Kind::Missing => "missing",
            Kind::Report => "report",
        }
    }
}

pub(super) fn new(global: &Global, options: &Options) -> Outcome {
    let settings = wiring::settings(global)?;
    let name = options.name.strip_suffix(".toml").unwrap_or(&options.name);
    if !is_name(name) {
        let shown = name.escape_debug();
        return Err(Failed::Invalid(format!("error: `{shown}` cannot be a watcher's name: write letters, digits, `_` and `-`")));
    }
    let path = settings.watchers.join(format!("{name}.toml"));
    let has_watcher = path.exists();
    if !options.test || !has_watcher {
        write(global, options, name, &path, &template::new_watcher(name, options.alert_on.word(), Some(&settings)))?;
    }
    if options.test {
        let tests = path.with_file_name(format!("{name}{SUFFIX}"));
        write(global, options, name, &tests, &new_watcher_test(name, &tests, &settings))?;
    }
    if !options.stdout {
        tell_next(&settings, name, has_watcher && options.test);
    }
    Ok(true)
}

/// Writes or prints a file.
fn write(global: &Global, options: &Options, name: &str, path: &Path, text: &str) -> Result<(), Failed> {
    if options.stdout {
        output::line(text.trim_end());
        return Ok(());
    }
    write_new(path, text)?;
    if global.json {
        output::json(&json!({ "name": name, "file": path.display().to_string() }));
    } else {
        output::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failed> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("creating the folder {}", folder.display()))?;
    }
    let mut file = match std::fs::File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let hint = "choose another name, or print it with --stdout";
            return Err(Failed::Invalid(format!("error: {} is there already; {hint}", path.display())));
        }
        Err(error) => return Err(anyhow::Error::from(error).context(format!("writing {}", path.display())).into()),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

fn tell_next(settings: &Settings, name: &str, only_tests: bool) {
    if only_tests {
        return eprintln!("next: write what its query returns, then `rowbell test {name} --update`");
    }
    for (table, names) in [("sources", settings.sources.is_empty()), ("receivers", settings.receivers.is_empty())] {
        if names {
            eprintln!("the settings have no {} yet: add one below [{table}.NAME] to rowbell.toml", table.trim_end_matches('s'));
        }
    }
    eprintln!("next: edit its query, then `rowbell check {name}` and `rowbell preview {name}`");
}
