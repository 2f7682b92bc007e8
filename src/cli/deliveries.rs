//! `rowbell deliveries`: the outbox, and what a person does about it.

use super::moment::Wall;
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::Settings;
use crate::store::DeliveryLine;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only what waits to be sent
    #[arg(long)]
    waiting: bool,
    /// At most so many, newest first; 0 is all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a delivery that was given up, or that waits for its next try, into its place again
    Retry {
        /// Its number
        id: i64,
    },
}

pub(super) async fn deliveries(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    if let Some(Action::Retry { id }) = options.action {
        return retry(global, &settings, id).await;
    }
    let Some(store) = wiring::existing_store(&settings).await? else { return Ok(true) };
    let lines = store.deliveries(options.waiting, options.limit).await?;
    store.close().await;
    let empty = if options.waiting { "nothing waits to be sent" } else { "there are no deliveries" };
    let wall = Wall::new(settings.timezone, Clock::System.now());
    output::list(global, &lines, empty, |lines| table(lines, &wall));
    Ok(true)
}

async fn retry(global: &Global, settings: &Settings, id: i64) -> Outcome {
    let found = match wiring::existing_store(settings).await? {
        Some(store) => {
            let found = store.retry_delivery(id, Clock::System.now()).await?;
            store.close().await;
            found
        }
        None => false,
    };
    if !found {
        let hint = "`rowbell deliveries` lists them; what was delivered, or is being sent, cannot be retried";
        return Err(Failed::Run(anyhow::anyhow!("there is no delivery {id} to retry; {hint}")));
    }
    if global.json {
        output::json(&json!({ "id": id, "retried": true }));
    } else {
        output::line(&format!("delivery {id} waits again: the running service sends it, or `rowbell poll` does"));
    }
    Ok(true)
}

fn table(lines: &[DeliveryLine], wall: &Wall) -> comfy_table::Table {
    let mut table = output::table(&["id", "created", "receiver", "watcher", "state", "tries", "title", "answer"]);
    for line in lines {
        table.add_row([
            line.id.to_string(),
            wall.shown(&line.created_at),
            line.receiver.clone(),
            line.watcher.clone(),
            state(line).to_owned(),
            line.attempts.to_string(),
            output::plain(&line.title),
            output::plain(&why(line, wall)),
        ]);
    }
    output::align_right(&mut table, &[5]);
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5]);
    table
}

/// What of a message that was taken had to be left out.
fn left_out(line: &DeliveryLine) -> String {
    match line.change.as_str() {
        "reduced" => "without its text, which was refused; the history has it".to_owned(),
        "shortened" => "with fewer rows: it was too long; the history has them".to_owned(),
        _ => String::new(),
    }
}

/// What was merged is told by another, which is not to be given up.
fn state(line: &DeliveryLine) -> &str {
    if line.merged_into.is_some() { "merged" } else { &line.state }
}

/// Why it stands where it stands, and for whom it was made.
fn why(line: &DeliveryLine, wall: &Wall) -> String {
    let stands = stands(line, wall);
    match &line.moved_from {
        Some(receiver) if stands.is_empty() => format!("for {receiver}, which refuses for good"),
        Some(receiver) => format!("for {receiver}, which refuses for good; {stands}"),
        None => stands,
    }
}

fn stands(line: &DeliveryLine, wall: &Wall) -> String {
    match (line.state.as_str(), &line.held) {
        ("delivered", _) => {
            [left_out(line), not_reached(line)].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
        }
        ("discarded", _) => line.reason.clone().unwrap_or_default(),
        (_, Some(held)) => format!("held until {}: {held}", line.held_until.as_deref().map(|at| wall.shown(at)).unwrap_or_default()),
        _ => match &line.answer {
            Some(answer) => format!("{answer}; next try {}", wall.shown(&line.not_before)),
            None => String::new(),
        },
    }
}

/// Whom an app's delivery did not reach, and why.
fn not_reached(line: &DeliveryLine) -> String {
    let refused = line.targets.iter().filter(|target| target.state == "refused");
    let one = |target: &crate::store::TargetLine| format!("not to {}: {}", target.target, target.answer.as_deref().unwrap_or("refused"));
    refused.map(one).collect::<Vec<_>>().join("; ")
}
