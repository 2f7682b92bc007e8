//! (in work)
use super::Outcome;
use clap::Args;
#[derive(Debug, Args)]
pub(super) struct Options {}
pub(super) fn schema(_options: &Options) -> Outcome {
    Ok(true)
}
