//! (in work)
use super::{Global, Outcome};
use clap::Args;
#[derive(Debug, Args)]
pub(super) struct AlertOptions {}
#[derive(Debug, Args)]
pub(super) struct HistoryOptions {}
#[derive(Debug, Args)]
pub(super) struct PollOptions {}
#[derive(Debug, Args)]
pub(super) struct DeliveryOptions {}
pub(super) async fn alerts(_global: &Global, _options: AlertOptions) -> Outcome {
    Ok(true)
}
pub(super) async fn history(_global: &Global, _options: HistoryOptions) -> Outcome {
    Ok(true)
}
pub(super) async fn polls(_global: &Global, _options: PollOptions) -> Outcome {
    Ok(true)
}
pub(super) async fn deliveries(_global: &Global, _options: DeliveryOptions) -> Outcome {
    Ok(true)
}
