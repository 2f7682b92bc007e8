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
    let mut table = output::table(&["id", "started", "watcher", "outcome", "rows", "matched", "ms", "error"]);
    for line in lines {
        table.add_row([
            line.id.to_string(),
            wall.shown(&line.started_at),
            line.watcher.clone(),
            line.outcome.clone(),
            line.rows.to_string(),
            line.matched.to_string(),
            line.duration_ms.to_string(),
            output::plain(&wrong(line)),
        ]);
    }
    output::align_right(&mut table, &[4, 5, 6]);
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5, 6]);
    output::hide_when_narrow(&mut table, &[6]);
    table
}

/// All that went wrong; of a result that is held it says what can be done.
fn wrong(line: &PollLine) -> String {
    let error = line.error.as_ref().map(|error| format!("{}: {}", error.kind, error.message));
    let warnings = line.warnings.iter().map(|warning| format!("warning: {warning}"));
    error.into_iter().chain(warnings).collect::<Vec<_>>().join("; ")
}
