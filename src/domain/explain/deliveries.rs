//! Who was told of an event, when, and what DingTalk said.

use super::Line;
use super::facts::{AttemptFact, DeliveryFact, EventFact, Facts};
use super::words::{Clock, length, list, plain};
use crate::domain::budget::{BUDGET, ordinary};
use chrono::TimeDelta;

/// A message that leaves later than this after it was made has waited for something.
const WAITED: TimeDelta = TimeDelta::seconds(3);
/// A try that takes no longer than this is told in one line with its delivery.
const SHORT: TimeDelta = TimeDelta::seconds(10);

/// The lines of a delivery: one when it was taken at once, else one for each thing that happened.
pub(super) fn lines(facts: &Facts, delivery: &DeliveryFact) -> Vec<Line> {
    let clock = Clock::of(facts);
    let line = |at, kind, text| Line { at, kind, text, poll: None, event: None, delivery: Some(delivery.id) };
    let name = name(delivery);
    if let (Some(at), [only]) = (delivery.delivered_at, delivery.attempts.as_slice())
        && at - delivery.created_at <= SHORT
        && waited(delivery).is_none()
        && delivery.merged.is_none()
    {
        let text = format!("{} was told in {name}; DingTalk answered: {}", delivery.receiver, answer(only));
        return vec![line(at, "delivery", text)];
    }
    let made_for = for_whom(delivery);
    let mut lines = vec![line(delivery.created_at, "delivery", format!("{name} was made for {made_for}: {}", plain(&delivery.title)))];
    if let Some((messages, since)) = delivery.merged {
        let waited = length(delivery.created_at - since);
        let why = "its receiver was to be told more than its budget takes, or gathers (`digest`)";
        let text = format!("{name} was put together of {messages} messages, the first of which had waited {waited}: {why}");
        lines.push(line(delivery.created_at, "delivery", text));
    }
    if let (Some(first), Some(why)) = (delivery.attempts.first(), waited(delivery)) {
        lines.push(line(first.started_at, "delivery", format!("{name} waited {}: {why}", length(first.started_at - delivery.created_at))));
    }
    for attempt in &delivery.attempts {
        let at = attempt.ended_at.unwrap_or(attempt.started_at);
        lines.push(line(at, "attempt", format!("{name}, try {}: {}", attempt.attempt, came_to(attempt, &delivery.receiver))));
    }
    if delivery.state == "discarded" {
        let at = delivery.attempts.last().and_then(|last| last.ended_at).unwrap_or(delivery.not_before);
        lines.push(line(at, "delivery", format!("{name} was given up: {}", plain(delivery.reason.as_deref().unwrap_or_default()))));
    }
    if delivery.change != "none" && delivery.state == "delivered" {
        let how = if delivery.change == "reduced" { "without the text of its rows" } else { "with fewer rows" };
        lines.push(line(delivery.delivered_at.unwrap_or(delivery.created_at), "delivery", format!("{name} went out {how}")));
    }
    if is_waiting(delivery) {
        lines.push(line(
            facts.now,
            "now",
            format!("{name} still waits for {}: {}", delivery.receiver, why_waiting(facts, delivery, &clock)),
        ));
    }
    lines
}

fn name(delivery: &DeliveryFact) -> String {
    if delivery.is_digest { format!("digest {}", delivery.id) } else { format!("message {}", delivery.id) }
}

/// The receiver, and in whose place it is told.
fn for_whom(delivery: &DeliveryFact) -> String {
    match &delivery.moved_from {
        Some(receiver) => format!("{} in the place of {receiver}, which refuses for good", delivery.receiver),
        None => delivery.receiver.clone(),
    }
}

fn is_waiting(delivery: &DeliveryFact) -> bool {
    matches!(delivery.state.as_str(), "pending" | "sending")
}

/// Why the first try came so late, as far as the records tell.
fn waited(delivery: &DeliveryFact) -> Option<String> {
    let first = delivery.attempts.first()?;
    (first.started_at - delivery.created_at > WAITED).then(|| match &delivery.refused_before {
        _ if delivery.most_sent >= ordinary(BUDGET) as u64 => used_up(),
        Some(refused) => format!("{} was held, as it had refused another message: {}", delivery.receiver, plain(refused)),
        None => "nobody was there to send it, or others went before it".to_owned(),
    })
}

fn used_up() -> String {
    format!("the robot's budget of {BUDGET} messages a minute was used up")
}

/// Why a message has not left, or is to be tried again.
pub(super) fn why_waiting(facts: &Facts, delivery: &DeliveryFact, clock: &Clock) -> String {
    match (&delivery.held, &delivery.answer) {
        (Some((until, reason)), _) if *until > facts.now => {
            format!("{} is held until {}: {}", delivery.receiver, clock.at(*until), plain(reason))
        }
        (_, Some(answer)) if delivery.not_before > facts.now => {
            format!("{}; the next try is at {}", plain(answer), clock.at(delivery.not_before))
        }
        _ if delivery.most_sent >= ordinary(BUDGET) as u64 => used_up(),
        (_, Some(answer)) => format!("the last answer was: {}", plain(answer)),
        _ => {
            "it was not tried yet; `rowbell run` or `rowbell poll` sends it, as soon as the budget that `rowbell receivers` shows has room"
                .to_owned()
        }
    }
}

fn answer(attempt: &AttemptFact) -> String {
    attempt.answer.as_deref().map(plain).unwrap_or_else(|| "nothing that was recorded".to_owned())
}

fn came_to(attempt: &AttemptFact, receiver: &str) -> String {
    let words = answer(attempt);
    match attempt.outcome.as_deref() {
        Some("delivered") => format!("{receiver} was told; DingTalk answered: {words}"),
        Some("transient") => format!("it did not arrive: {words}"),
        Some("uncertain") => format!("it may have arrived: {words}"),
        Some("throttled") => format!("refused, the robot was sent too many messages: {words}"),
        Some("refused") => format!("refused, {receiver} is held until that is mended: {words}"),
        Some("too_long") => format!("refused as too long: {words}"),
        Some("content_refused") => format!("refused for its content: {words}"),
        Some(_) => format!("refused with a code that is not known: {words}"),
        None => "its end was not recorded: the process died, or it is under way".to_owned(),
    }
}

/// Who was told of an event, or why nobody was: a sentence without its end.
pub(super) fn told(facts: &Facts, event: &EventFact) -> Option<String> {
    let clock = Clock::of(facts);
    let mut clauses: Vec<String> = Vec::new();
    let deliveries: Vec<&DeliveryFact> = facts.records.deliveries.iter().filter(|delivery| delivery.events.contains(&event.id)).collect();
    let mut reached: Vec<(String, String)> = Vec::new();
    for delivery in &deliveries {
        match (delivery.delivered_at, delivery.state.as_str()) {
            (Some(at), _) => {
                let how = if delivery.is_digest { format!("{} in a digest", clock.at(at)) } else { clock.at(at) };
                let how = match &delivery.moved_from {
                    Some(receiver) => format!("{how} in the place of {receiver}, which refused for good"),
                    None => how,
                };
                reached.push((how, delivery.receiver.clone()));
            }
            (None, "discarded") => {
                clauses.push(format!("{} was not told: {}", delivery.receiver, plain(delivery.reason.as_deref().unwrap_or_default())))
            }
            _ => clauses.push(format!("{} has not been told yet: {}", delivery.receiver, why_waiting(facts, delivery, &clock))),
        }
    }
    for (how, receivers) in grouped(reached).into_iter().rev() {
        let were = if receivers.len() == 1 { "was" } else { "were" };
        clauses.insert(0, format!("{} {were} told at {how}", list(&receivers)));
    }
    let silences = facts.records.silenced.iter().filter(|silenced| silenced.event == event.id);
    let silences = grouped(silences.map(|silenced| (silenced.silence.clone(), silenced.receiver.clone())).collect());
    for (silence, receivers) in silences {
        let were = if receivers.len() == 1 { "was" } else { "were" };
        clauses.push(format!("{} {were} not told because of silence {}", list(&receivers), plain(&silence)));
    }
    let later = facts.records.deferred.iter().filter(|deferred| deferred.event == event.id);
    for (at, receivers) in grouped(later.map(|deferred| (clock.at(deferred.due_at), deferred.receiver.clone())).collect()) {
        clauses.push(format!("{} is to be told at {at}, when the watcher's hours begin", list(&receivers)));
    }
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

/// The receivers of each thing, in order.
fn grouped(pairs: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (what, receiver) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, receivers)) => receivers.push(receiver),
            None => groups.push((what, vec![receiver])),
        }
    }
    groups
}
