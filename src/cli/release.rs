//! `rowbell release`: the next result of a watcher is taken although its guard holds it.

use super::moment::{self, Wall};
use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::{Settings, nearest, watcher_names};
use crate::domain::guard;
use crate::store::{Store, WatcherState};
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The watcher
    #[arg(value_name = "NAME")]
    name: String,
}

pub(super) async fn release(global: &Global, options: Options) -> Outcome {
    let settings = wiring::store_settings(global)?;
    let name = options.name;
    let now = Clock::System.now();
    let wall = Wall::new(settings.timezone, now);
    let Some(store) = wiring::existing_store(&settings).await? else { return Err(unknown(&settings, &name, &[])) };
    let held = store.release_held(&name, now).await?;
    if held.is_empty() {
        let why = why_nothing(&settings, &store, &name, &wall).await;
        store.close().await;
        return Err(why?);
    }
    store.close().await;
    for state in &held {
        tell(global, state, &wall);
    }
    Ok(true)
}

fn tell(global: &Global, state: &WatcherState, wall: &Wall) {
    let reason = guard::cause(state.held_reason.as_deref().unwrap_or_default());
    if global.json {
        output::json(&json!({
            "watcher": state.watcher, "source": state.source, "reason": reason, "held_polls": state.held_polls,
            "next_poll_at": state.next_poll_at.map(moment::stamp),
        }));
        return;
    }
    let polls = if state.held_polls == 1 { "1 poll".to_owned() } else { format!("{} polls", state.held_polls) };
    let next = state.next_poll_at.map(|next| format!(" at {}", wall.at(next))).unwrap_or_default();
    output::line(&format!("{} on {}: the guard held {polls}: {reason}", state.watcher, state.source));
    output::line(&format!(
        "the next result is taken, whatever it moves: the running service polls{next}, `rowbell poll {}` now",
        state.watcher
    ));
}

/// Why there is nothing to release.
async fn why_nothing(settings: &Settings, store: &Store, name: &str, wall: &Wall) -> Result<Failed, Failed> {
    let states = store.watcher_states().await?;
    let of_name: Vec<&WatcherState> = states.iter().filter(|state| state.watcher == name).collect();
    let names = watcher_names(&settings.watchers);
    if of_name.is_empty() && !names.iter().any(|known| known == name) {
        return Ok(unknown(settings, name, &states));
    }
    let failing = of_name.iter().find(|state| state.failures > 0);
    let good = of_name.iter().filter_map(|state| state.last_ok_at).max();
    let hint = match (failing, good) {
        (Some(state), _) => format!("its polls fail ({} in a row): `rowbell polls {name}` says why", state.failures),
        (None, Some(at)) => format!("its last poll, at {}, was taken", wall.at(at)),
        (None, None) => "it has not been polled yet".to_owned(),
    };
    Ok(Failed::Run(anyhow::anyhow!("no result of `{name}` is held by its guard; {hint}")))
}

fn unknown(settings: &Settings, name: &str, states: &[WatcherState]) -> Failed {
    let mut known = watcher_names(&settings.watchers);
    known.extend(states.iter().map(|state| state.watcher.clone()));
    let hint = nearest(name, known.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Failed::Invalid(format!("error: there is no watcher `{name}`{hint}"))
}
