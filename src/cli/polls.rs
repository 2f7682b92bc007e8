//! `rowbell polls`: the readings of the sources.

use super::moment::Wall;
use super::{Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::store::PollLine;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only of this watcher
    #[arg(value_name = "NAME")]
    watcher: Option<String>,
    /// Only those that did not go well
    #[arg(long)]
    failed: bool,
    /// At most so many, newest first; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

pub(super) async fn polls(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let watcher = options.watcher.as_deref();
    let lines = match options.failed {
        true => store.failed_polls(watcher, options.limit).await?,
        false => store.polls(watcher, options.limit).await?,
    };
    store.close().await;
    let wall = Wall::new(settings.timezone, Clock::System.now());
    output::list(global, &lines, "there are no such polls", |lines| table(lines, &wall));
    Ok(true)
}

fn table(lines: &[PollLine], wall: &Wall) -> comfy_table::Table {
    let mut table = output::table(&["id", "started", "watcher", "outcome", "rows", "ms", "error"]);
    for line in lines {
        let error = line.error.as_ref().map(|error| format!("{}: {}", error.kind, output::plain(&error.message)));
        table.add_row([
            line.id.to_string(),
            wall.shown(&line.started_at),
            line.watcher.clone(),
            line.outcome.clone(),
            line.rows.to_string(),
            line.duration_ms.to_string(),
            error.unwrap_or_default(),
        ]);
    }
    output::align_right(&mut table, &[4, 5]);
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5]);
    table
}
