//! A preview in the terminal, and for programs.

use super::{Sample, Shown, as_sent};
use crate::cli::moment::{self, Wall};
use crate::cli::output;
use crate::domain::alert::Event;
use crate::domain::compose::{Changes, Draft};
use crate::domain::escalation;
use crate::domain::message::{Form, Parts};
use crate::domain::row::Row;
use crate::domain::watcher::{AlertOn, Notify};
use crate::engine::{Engine, Preview};
use chrono::{DateTime, Utc};
use serde_json::json;

/// Events and keys that are listed one by one.
const MOST_LISTED: usize = 20;

/// What a poll would do, then the messages.
pub(super) fn print(engine: &Engine, shown: &Shown, names_source: bool) {
    let preview = &shown.preview;
    let on = if names_source { format!(" on {}", preview.source) } else { String::new() };
    let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    let counted = if preview.matched == preview.rows { String::new() } else { format!(", of which {} count", preview.matched) };
    output::line(&format!("{}{on}: {}{counted}", shown.watcher.name, rows(preview.rows)));
    events(&preview.changes);
    let wall = Wall::new(engine.parts().timezone, engine.parts().clock.now());
    for sentence in sentences(shown, &wall) {
        output::paragraph(&sentence);
    }
    for draft in shown.messages() {
        message(draft, &as_sent(engine, draft));
    }
    if names_source {
        output::line("");
    }
}

/// The message, and below it what its form shows besides a text.
fn message(draft: &Draft, sent: &Parts) {
    let form = if sent.form == Form::Markdown { String::new() } else { format!(" ({})", sent.form.as_str()) };
    output::line(&format!("\n── to {} ── {}{form}", draft.receiver, output::plain(&sent.title)));
    if sent.form != Form::Feed {
        sent.text.lines().for_each(|text| output::line(&output::plain(text)));
    }
    if let Some(picture) = &sent.picture {
        output::line(&format!("\n[picture {}]", output::plain(picture)));
    }
    for line in &sent.feed {
        output::line(&output::plain(&format!("▸ {}  {}  [picture {}]", line.title, line.url, line.picture)));
    }
    if !sent.buttons.is_empty() {
        output::line("");
    }
    for button in &sent.buttons {
        output::line(&output::plain(&format!("[ {} ] {}", button.button_title(), button.url)));
    }
}

fn events(changes: &Changes) {
    if changes.events.is_empty() {
        return;
    }
    let mut table = output::bare_table();
    for (at, event) in changes.events.iter().enumerate().take(MOST_LISTED) {
        let key = event.key.as_ref().map(|key| output::cells(&key.to_json())).unwrap_or_default();
        let told = if told(changes, at).is_empty() { String::new() } else { format!("→ {}", told(changes, at).join(", ")) };
        table.add_row([event.kind.to_string(), event.severity.to_string(), key, output::plain(&event.reason), told]);
    }
    output::keep_whole(&mut table, &[0, 1, 4]);
    table.lines().for_each(|text| output::line(&format!(" {}", text.trim_end())));
    if changes.events.len() > MOST_LISTED {
        output::line(&format!("  … and {} more events", changes.events.len() - MOST_LISTED));
    }
}

/// The receivers that are told of an event now.
fn told(changes: &Changes, event: usize) -> Vec<&str> {
    changes.deliveries.iter().filter(|draft| draft.events.contains(&event)).map(|draft| draft.receiver.as_str()).collect()
}

fn sentences(shown: &Shown, wall: &Wall) -> Vec<String> {
    let preview = &shown.preview;
    let mut all = Vec::new();
    if preview.baseline > 0 {
        all.extend(baseline(shown));
    }
    if !preview.pending.is_empty() {
        all.push(pending(preview, wall));
    }
    let nothing = preview.changes.events.is_empty().then(|| "nothing to tell".to_owned());
    let kept = match preview.unchanged {
        0 => None,
        1 => Some("1 alert goes on firing".to_owned()),
        count => Some(format!("{count} alerts go on firing")),
    };
    let both: Vec<String> = nothing.into_iter().chain(kept).collect();
    all.extend((!both.is_empty()).then(|| both.join("; ")));
    if !preview.rekeyed.is_empty() {
        all.push(format!("{} alerts under the old key would be closed without a message", preview.rekeyed.len()));
    }
    all.extend(steps(shown));
    all.extend(preview.failure.as_ref().map(|failure| format!("{}: {}", failure.kind, output::plain(&failure.message))));
    all.extend(warnings(shown).iter().map(|warning| format!("warning: {}", output::plain(warning))));
    let pictures = shown.messages().iter().filter(|draft| draft.message.chart.is_some()).count();
    all.extend((pictures > 0).then(|| "with a picture, which --chart FILE.png and --html show".to_owned()));
    all.extend(shown.sample.as_ref().map(|(why, _)| sample(*why, preview, wall)));
    all
}

/// Who is told later of what fires, where the watcher says so.
fn steps(shown: &Shown) -> Option<String> {
    let steps: Vec<String> = shown.watcher.notify.iter().filter_map(escalation::describe).collect();
    (!steps.is_empty()).then(|| format!("while it fires: {}", output::plain(&steps.join("; "))))
}

/// Everything that went wrong without losing anything, also in the messages that are shown.
fn warnings(shown: &Shown) -> Vec<&String> {
    let of_sample = shown.sample.iter().flat_map(|(_, changes)| &changes.warnings);
    let mut all: Vec<&String> = shown.preview.warnings.iter().collect();
    all.extend(of_sample.filter(|warning| !shown.preview.warnings.contains(warning)));
    all
}

fn baseline(shown: &Shown) -> Option<String> {
    let count = shown.preview.baseline;
    match shown.watcher.alert_on {
        _ if shown.preview.has_baseline => None,
        AlertOn::Change { .. } => Some(format!("the first poll takes {count} rows as the baseline; what changes after it is told")),
        AlertOn::New { .. } => Some(format!("the first poll takes {count} rows as the baseline and tells no one of them")),
        AlertOn::Match | AlertOn::Missing { .. } | AlertOn::Report { .. } => None,
    }
}

fn pending(preview: &Preview, wall: &Wall) -> String {
    let (pending, now) = (&preview.pending, preview.at);
    let one = |(key, since): &(Row, DateTime<Utc>)| {
        let name = if key.is_empty() { "the whole result".to_owned() } else { output::cells(&key.to_json()) };
        if *since == now { name } else { format!("{name} (since {})", wall.shown(&moment::stamp(*since))) }
    };
    let named: Vec<String> = pending.iter().take(MOST_LISTED).map(one).collect();
    let more = pending.len().saturating_sub(MOST_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let wait = if pending.len() == 1 { "1 key waits".to_owned() } else { format!("{} keys wait", pending.len()) };
    format!("{wait} until it has held for long enough: {}{more}", named.join("; "))
}

fn sample(why: Sample, preview: &Preview, wall: &Wall) -> String {
    let due = preview.changes.deferred.iter().map(|deferral| deferral.due_at).min();
    match (why, due) {
        (Sample::AsIfNew, _) if !preview.pending.is_empty() => {
            "no one would be told now; once it has held for long enough, this would be:".to_owned()
        }
        (Sample::AsIfNew, _) => "no one would be told now; if its rows were new, this would be:".to_owned(),
        (Sample::KeptBack, Some(due)) => {
            format!(
                "no one would be told now, but at {} in a digest; within the watcher's hours it would be:",
                wall.shown(&moment::stamp(due))
            )
        }
        (Sample::KeptBack, None) => "no one would be told now, because of a silence; without it, it would be:".to_owned(),
    }
}

/// One JSON object for each source.
pub(super) fn print_json(engine: &Engine, shown: &Shown) {
    let (preview, changes) = (&shown.preview, &shown.preview.changes);
    let event = |(at, event): (usize, &Event)| {
        let deferred = changes.deferred.iter().filter(|deferral| deferral.event == at);
        let deferred: Vec<_> =
            deferred.map(|deferral| json!({ "receiver": deferral.receiver, "at": moment::stamp(deferral.due_at) })).collect();
        let silenced: Vec<&str> =
            changes.silenced.iter().filter(|silenced| silenced.event == at).map(|silenced| silenced.receiver.as_str()).collect();
        json!({
            "event": event.kind.as_str(), "severity": event.severity.as_str(), "key": event.key.as_ref().map(Row::to_json),
            "row": event.rows.first().map(Row::to_json), "previous": event.previous.as_ref().map(Row::to_json), "reason": event.reason,
            "told": told(changes, at), "put_off": deferred, "silenced": silenced,
        })
    };
    let messages = shown.messages().iter().map(|draft| {
        let sent = as_sent(engine, draft);
        json!({
            "receiver": draft.receiver, "form": sent.form.as_str(), "title": draft.message.title, "text": sent.text,
            "buttons": sent.buttons, "picture": sent.picture, "feed": sent.feed, "mention": draft.message.mentions,
            "chart": draft.message.chart.as_ref().map(|picture| &picture.chart),
        })
    });
    let messages: Vec<_> = messages.collect();
    let pending: Vec<_> =
        preview.pending.iter().map(|(key, since)| json!({ "key": key.to_json(), "since": moment::stamp(*since) })).collect();
    let step = |block: &Notify| {
        let unless = block.unless_acknowledged.then_some("acknowledged");
        let when = block.when.as_ref().map(|when| when.text().trim());
        Some(json!({ "after": escalation::written(block.after?), "unless": unless, "receivers": block.receivers, "when": when }))
    };
    let steps: Vec<_> = shown.watcher.notify.iter().filter_map(step).collect();
    let sample = shown.sample.as_ref().map(|(why, _)| if *why == Sample::AsIfNew { "as_if_new" } else { "kept_back" });
    output::json(&json!({
        "watcher": shown.watcher.name, "source": preview.source, "rows": preview.rows, "matched": preview.matched,
        "baseline": preview.baseline, "unchanged": preview.unchanged, "pending": pending,
        "events": changes.events.iter().enumerate().map(event).collect::<Vec<_>>(),
        "messages": messages, "steps": steps, "sample": sample, "warnings": warnings(shown),
        "error": preview.failure.as_ref().map(|failure| json!({ "kind": failure.kind, "message": failure.message })),
    }));
}
