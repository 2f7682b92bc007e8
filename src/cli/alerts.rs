//! `rowbell alerts`: what fires now.

use super::moment::Wall;
use super::{Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::store::{AlertLine, Store, StoreError};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only of this watcher
    #[arg(long, value_name = "NAME")]
    watcher: Option<String>,
    /// At most so many, newest first; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

pub(super) async fn alerts(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let lines = store.alerts(options.watcher.as_deref(), options.limit).await?;
    tell_failing(&store, options.watcher.as_deref()).await?;
    store.close().await;
    let wall = Wall::new(settings.timezone, Clock::System.now());
    output::list(global, &lines, "nothing fires", |lines| table(lines, &wall));
    Ok(true)
}

/// A watcher that fails sees nothing: what is listed of it may be over, and what is not listed may be there.
async fn tell_failing(store: &Store, wanted: Option<&str>) -> Result<(), StoreError> {
    for state in store.watcher_states().await? {
        let asked = wanted.is_none_or(|name| name == state.watcher);
        if asked && state.failures > 0 {
            let since = state.failing_since.map(|since| since.format(" since %Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
            eprintln!(
                "note: the polls of `{}` fail{since} ({} in a row): `rowbell polls {}` says why",
                state.watcher, state.failures, state.watcher
            );
        }
    }
    Ok(())
}

fn table(lines: &[AlertLine], wall: &Wall) -> comfy_table::Table {
    let mut table = output::table(&["id", "since", "watcher", "severity", "key", "row", "told"]);
    for line in lines {
        let severity = if line.status == "firing" { line.severity.clone() } else { format!("{} ({})", line.severity, line.status) };
        let count = if line.row_count > 1 { format!("{} rows, such as ", line.row_count) } else { String::new() };
        table.add_row([
            line.id.map(|id| id.to_string()).unwrap_or_default(),
            wall.shown(&line.since),
            line.watcher.clone(),
            severity,
            output::cells(&line.key),
            count + &output::cells(&output::without(&line.row, &line.key)),
            line.receivers.join(", "),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 6]);
    table
}
