//! The answer about a watcher as a whole.

use super::answer::{Asking, MOST_NAMED, named};
use super::facts::{EventFact, File, StateFact};
use super::polls::{around, is_overdue, why_none};
use super::words::{cells, count, plain, sentence};
use crate::domain::alert::EventKind;
use crate::domain::watcher::AlertOn;
use chrono::{DateTime, Utc};

impl Asking<'_> {
    /// How it stands, or what it found at a moment.
    pub(super) fn whole(&self) -> Vec<String> {
        let name = &self.facts.asked.watcher;
        let states = &self.facts.records.states;
        if let Some(at) = self.at {
            return self.whole_at(at);
        }
        let mut sentences = vec![self.found(name)];
        match states.as_slice() {
            [] => sentences.push("It has never been polled.".to_owned()),
            [state] => sentences.push(self.health(state, "")),
            states => {
                let is_well = |state: &&StateFact| state.failures == 0 && !is_overdue(&self.facts.records.polls, state, self.facts.now);
                let (well, ill): (Vec<&StateFact>, Vec<&StateFact>) = states.iter().partition(is_well);
                sentences.push(format!(
                    "It reads {} sources, of which {} {} polled well.",
                    states.len(),
                    well.len(),
                    if well.len() == 1 { "was" } else { "were" }
                ));
                sentences.extend(ill.iter().take(MOST_NAMED).map(|state| self.health(state, &format!("on {}: ", state.source))));
            }
        }
        match self.facts.file {
            File::Broken => sentences.push("Its file is broken now: `rowbell check` says what is wrong.".to_owned()),
            File::Gone => sentences.push("There is no file of this name any more.".to_owned()),
            File::Valid | File::Unknown => {}
        }
        sentences
    }

    /// What fires; of a watcher whose events have no end, how many there were.
    fn found(&self, name: &str) -> String {
        let what = match self.declared().map(|watcher| &watcher.alert_on) {
            Some(AlertOn::New { .. }) => "new row",
            Some(AlertOn::Change { .. }) => "change",
            Some(AlertOn::Report { .. }) => "report",
            Some(AlertOn::Match | AlertOn::Missing { .. }) | None => return self.firing_now(name),
        };
        let is_one = |event: &&EventFact| matches!(event.kind, EventKind::Fired | EventKind::Changed | EventKind::Report);
        let events: Vec<&EventFact> = self.facts.records.events.iter().filter(is_one).collect();
        let since = self.clock.at(self.facts.asked.since);
        match events.last() {
            Some(last) => {
                format!("{name} told of {} since {since}, the last at {}.", count(events.len() as u64, what), self.clock.at(last.at))
            }
            None => format!("{name} told of no {what} since {since}."),
        }
    }

    fn firing_now(&self, name: &str) -> String {
        let pending = if self.facts.records.pending > 0 { format!(", {} pending", self.facts.records.pending) } else { String::new() };
        let firing = match self.facts.records.firing {
            1 => format!("1 alert of {name} fires{pending}"),
            0 => format!("no alert of {name} fires{pending}"),
            n => format!("{n} alerts of {name} fire{pending}"),
        };
        sentence(&firing) + "."
    }

    /// How its polls go on a source.
    pub(super) fn health(&self, state: &StateFact, on: &str) -> String {
        let last = around(self.facts, Some(&state.source), self.as_of).0;
        let error =
            last.and_then(|poll| poll.error.as_ref()).map(|(kind, words)| format!(": {kind}: {}", plain(words))).unwrap_or_default();
        if let Some(reason) = &state.held_reason {
            return sentence(&format!("{on}its result is held by the guard: {}.", plain(reason)));
        }
        if state.failures > 0 {
            let since = state.failing_since.map(|since| format!(" since {}", self.clock.at(since))).unwrap_or_default();
            let told = self.failure_told(state);
            return sentence(&format!(
                "{on}its polls fail{since} ({} in a row){error}; nothing is changed until one works{told}.",
                state.failures
            ));
        }
        if let Some(due) = state.next_poll_at.filter(|_| is_overdue(&self.facts.records.polls, state, self.facts.now)) {
            return sentence(&format!(
                "{on}its poll of {} has not been made: {}.",
                self.clock.at(due),
                why_none(self.facts, &state.source, due, self.facts.now)
            ));
        }
        let next = state.next_poll_at.filter(|next| *next > self.facts.now);
        let next = next.map(|next| format!("; the next is due at {}", self.clock.at(next))).unwrap_or_default();
        match last {
            Some(poll) => {
                let counted = if poll.matched == poll.rows { String::new() } else { format!(", of which {} counted", poll.matched) };
                sentence(&format!(
                    "{on}its last poll, at {}, read {}{counted}{next}.",
                    self.clock.at(poll.started_at),
                    count(poll.rows, "row")
                ))
            }
            None => sentence(&format!("{on}it was not polled in that time{next}.")),
        }
    }

    fn failure_told(&self, state: &StateFact) -> String {
        if let (Some(_), Some(told)) = (state.source_failing_since, state.source_told_at) {
            return format!("; that the source {} fails was told at {}", state.source, self.clock.at(told));
        }
        let own = self.facts.records.events.iter().rfind(|event| event.kind == EventKind::WatcherFailed && event.source == state.source);
        match own.filter(|event| state.failing_since.is_some_and(|since| event.at >= since)) {
            Some(event) => format!("; that was told at {}", self.clock.at(event.at)),
            None => self
                .declared()
                .map(|watcher| format!("; that is told after {} in a row", watcher.failures_before_alert))
                .unwrap_or_default(),
        }
    }

    fn whole_at(&self, at: DateTime<Utc>) -> Vec<String> {
        let mut sources: Vec<&str> = self.facts.records.polls.iter().map(|poll| poll.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        match sources.as_slice() {
            [] => vec![sentence(&format!("{}.", self.not_polled(None)))],
            [source] => vec![self.poll_at(at, source, "")],
            sources => sources.iter().take(MOST_NAMED).map(|source| self.poll_at(at, source, &format!("On {source}: "))).collect(),
        }
    }

    /// What the poll that counts at a moment found.
    fn poll_at(&self, at: DateTime<Utc>, source: &str, on: &str) -> String {
        let (poll, next) = around(self.facts, Some(source), self.as_of);
        let Some(poll) = poll else { return format!("{on}{}.", self.not_polled(next)) };
        if self.is_gap(next) || poll.outcome == "failed" {
            return format!("{on}At {} {} found nothing: {}.", self.clock.at(at), self.facts.asked.watcher, self.not_read(poll, next));
        }
        let partly = poll.error.as_ref().map(|(_, words)| format!(" ({})", plain(words))).unwrap_or_default();
        let events: Vec<&EventFact> = self.facts.records.events.iter().filter(|event| event.poll == Some(poll.id)).collect();
        let one = |event: &&EventFact| match &event.key {
            Some(key) if !key.is_empty() => format!("{} {}", cells(key), event.kind),
            _ => event.kind.to_string(),
        };
        let found = if events.is_empty() { "nothing new".to_owned() } else { named(&events.iter().map(one).collect::<Vec<_>>()) };
        let until = next.map(|next| format!("; the next was at {}", self.clock.at(next.started_at))).unwrap_or_default();
        let (when, read) = (self.clock.at(poll.started_at), count(poll.rows, "row"));
        format!("{on}The poll at {when} read {read}, of which {} counted{partly}: {found}{until}.", poll.matched)
    }
}
