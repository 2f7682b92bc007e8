//! (in work)
use super::{Global, Outcome};
use clap::Args;
#[derive(Debug, Args)]
pub(super) struct Options {}
pub(super) async fn demo(_global: &Global, _options: Options) -> Outcome {
    Ok(true)
}
