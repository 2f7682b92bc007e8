//! `rowbell migrate`: the store's schema.

use super::{Global, Outcome, output, wiring};

pub(super) async fn migrate(global: &Global) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let store = wiring::store(&settings).await?;
    store.close().await;
    output::line("the store's schema is up to date");
    Ok(true)
}
