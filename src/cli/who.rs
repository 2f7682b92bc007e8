//! Who acts, and what they say: the options that `ack` and `silence add` have in common.

use super::Failed;
use clap::Args;

/// Characters of what a person writes: a sentence or two, which stands in tables and messages.
const MOST_CHARS: usize = 500;
/// Characters of a person's name.
const MOST_NAME_CHARS: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Who {
    /// Who does it [default: the user of the operating system]
    #[arg(long, value_name = "NAME", env = "ROWBELL_USER", hide_env_values = true)]
    by: Option<String>,
}

impl Who {
    /// The name that is written down.
    pub(super) fn name(self) -> Result<String, Failed> {
        let of_system = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
        let name = self.by.into_iter().chain(of_system).map(|name| name.trim().to_owned()).find(|name| !name.is_empty());
        let missing = || "error: who are you? write --by NAME, or set ROWBELL_USER".to_owned();
        said("--by", &name.ok_or_else(missing).map_err(Failed::Invalid)?, MOST_NAME_CHARS)
    }
}

/// What a person wrote: something, on one line, and not too much of it.
pub(super) fn words(option: &str, text: &str) -> Result<String, Failed> {
    said(option, text, MOST_CHARS)
}

fn said(option: &str, text: &str, most: usize) -> Result<String, Failed> {
    let text = super::output::plain(text).trim().to_owned();
    let length = text.chars().count();
    match length {
        0 => Err(Failed::Invalid(format!("error: {option} says nothing"))),
        _ if length > most => Err(Failed::Invalid(format!("error: {option} has {length} characters; at most {most} are kept"))),
        _ => Ok(text),
    }
}
