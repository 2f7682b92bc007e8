//! `rowbell schema`: the JSON Schema of the files, for editors.

use super::{Outcome, output};
use crate::config::schema;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Of which file: watchers/NAME.toml, watchers/NAME.test.toml, or rowbell.toml
    #[arg(value_name = "FILE")]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Watcher,
    Test,
    Settings,
}

pub(super) fn schema(options: &Options) -> Outcome {
    let schema = match options.of {
        Of::Watcher => schema::watcher(),
        Of::Test => schema::watcher_test(),
        Of::Settings => schema::settings(),
    };
    output::line(&serde_json::to_string_pretty(&schema)?);
    Ok(true)
}
