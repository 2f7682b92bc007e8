//! `rowbell alerts`: what fires now.

use super::moment::Wall;
use super::{Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::store::AlertLine;
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
    let settings = wiring::settings(global)?;
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let lines = store.alerts(options.watcher.as_deref(), options.limit).await?;
    store.close().await;
    let wall = Wall::new(settings.timezone, Clock::System.now());
    output::list(global, &lines, "nothing fires", |lines| table(lines, &wall));
    Ok(true)
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
