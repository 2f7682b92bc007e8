//! `rowbell schema`: the JSON Schema of the files, for editors.

use super::{Outcome, output};
use crate::config::schema;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Of which file: watchers/NAME.toml, or rowbell.toml
    #[arg(value_name = "FILE")]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Watcher,
    Settings,
}

pub(super) fn schema(options: &Options) -> Outcome {
    let schema = match options.of {
        Of::Watcher => schema::watcher(),
        Of::Settings => schema::settings(),
    };
    output::line(&serde_json::to_string_pretty(&schema)?);
    Ok(true)
}
