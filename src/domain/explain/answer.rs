//! The answer: one or two sentences before the timeline.

use super::deliveries;
use super::facts::{EventFact, Facts, KeyFact, Object, PollFact};
use super::polls::{around, is_overdue, why_none};
use super::standing::{Standing, lasting, standing, thoughts};
use super::timeline::{end_of, returns};
use super::words::{Clock, cells, count, length, list, plain, sentence, span, written};
use super::would::Would;
use crate::domain::alert::EventKind;
use crate::domain::evaluate::{TraceWord, UNMATCHED_TRACED};
use crate::domain::watcher::{AlertOn, Watcher};
use chrono::{DateTime, TimeDelta, Utc};

/// Keys that are named one by one.
pub(super) const MOST_NAMED: usize = 5;
/// Lines of the trace are kept for so long.
const TRACE_KEPT: TimeDelta = TimeDelta::days(7);

/// The sentences that answer what was asked.
pub(super) fn answer(facts: &Facts) -> String {
    let asking = Asking { facts, clock: Clock::of(facts), at: facts.asked.at, as_of: facts.asked.at.map_or(facts.now, end_of) };
    let mut sentences = match (facts.asked.key.is_empty(), facts.records.keys.as_slice()) {
        (true, _) => asking.whole(),
        (false, [key]) => asking.of_key(key),
        (false, []) => vec![asking.never(&asking.asked_key(), None)],
        (false, keys) => asking.of_keys(keys),
    };
    sentences.extend(asking.doubt());
    sentences.extend(asking.now());
    sentences.join(" ")
}

/// What is asked, and as of when.
pub(super) struct Asking<'f> {
    pub(super) facts: &'f Facts,
    pub(super) clock: Clock,
    /// The moment that was named.
    pub(super) at: Option<DateTime<Utc>>,
    /// The end of its minute, else now.
    pub(super) as_of: DateTime<Utc>,
}

impl Asking<'_> {
    /// `At 09:35 sku A-17`, or `sku A-17`.
    fn opening(&self, name: &str) -> String {
        self.at.map_or_else(|| name.to_owned(), |at| format!("At {} {name}", self.clock.at(at)))
    }

    fn asked_key(&self) -> String {
        let key: Object = self.facts.asked.key.iter().map(|(column, value)| (column.clone(), value.as_str().into())).collect();
        cells(&key)
    }

    pub(super) fn declared(&self) -> Option<&Watcher> {
        self.facts.declared.as_ref()
    }

    /// Whether something happened in the very minute that was asked for.
    fn is_then(&self, at: DateTime<Utc>) -> bool {
        self.at.is_some_and(|asked| asked <= at && at <= self.as_of)
    }

    fn of_key(&self, key: &KeyFact) -> Vec<String> {
        let name = cells(&key.key);
        match standing(self.facts, key, self.as_of) {
            Standing::Firing { life } => self.firing(&name, key, &life),
            Standing::Pending { since } => self.pending(&name, key, since),
            Standing::Over { fired, resolved } => self.over(&name, key, fired, resolved),
            Standing::Told { fired } => {
                let (when, severity, why) = (self.clock.at(fired.at), fired.severity, cause(fired));
                let first = format!("{name} fired at {when} ({severity}): {why}; a `new` watcher tells each key once, ever.");
                vec![first, self.told(fired)]
            }
            Standing::Changed { changed } => self.changed(&name, changed),
            Standing::Known { since } => vec![self.known(&name, key, since)],
            Standing::Never => vec![self.never(&name, Some(key))],
        }
    }

    fn firing(&self, name: &str, key: &KeyFact, life: &[&EventFact]) -> Vec<String> {
        let Some(fired) = life.first() else {
            let since = key.alert.as_ref().map(|alert| self.clock.at(alert.since)).unwrap_or_default();
            return vec![format!("{} has been firing since {since}; the history of that time is not kept any more.", name)];
        };
        let (severity, why) = (life.last().map_or(fired.severity, |last| last.severity), cause(fired));
        let since = self.clock.at(fired.at);
        let first = match self.at {
            None => format!("{} has been firing since {since} ({}), {severity}: {why}.", name, length(self.as_of - fired.at)),
            Some(_) if self.is_then(fired.at) => format!("{} fired at {since} ({severity}): {why}.", name),
            Some(_) => format!("{} was firing already, since {since} ({severity}): {why}.", self.opening(name)),
        };
        let worse = life.iter().rfind(|event| event.kind == EventKind::Escalated);
        let worse = worse.map(|event| format!("it escalated at {}, and {}", self.clock.at(event.at), self.told(event)));
        let told = self.told(fired);
        let clauses: Vec<String> = [Some(told.trim_end_matches('.').to_owned()), worse]
            .into_iter()
            .flatten()
            .chain(self.steps(key))
            .chain(self.goes_on(key, life))
            .collect();
        let end =
            self.at.and_then(|_| self.next_event(key, EventKind::Resolved)).map(|end| format!("It was over at {}.", self.clock.at(end.at)));
        let second = clauses.into_iter().filter(|clause| !clause.is_empty()).map(|clause| clause.trim_end_matches('.').to_owned());
        [Some(first), Some(second.collect::<Vec<_>>().join("; ") + "."), end].into_iter().flatten().filter(|text| text != ".").collect()
    }

    /// Why nothing more is told of an alert that fires, or when.
    fn goes_on(&self, key: &KeyFact, life: &[&EventFact]) -> Option<String> {
        if let Some(held) = lasting(self.facts, key, TraceWord::Held, self.as_of) {
            return Some(format!("it stays firing, as {}", plain(&held.text)));
        }
        let alert = key.alert.as_ref().filter(|_| self.at.is_none());
        if let Some(gone) = alert.and_then(|alert| alert.gone_since) {
            let kept = self.declared().map(|watcher| format!(" for {}", span(watcher.keep_firing_for))).unwrap_or_default();
            return Some(format!("it is gone since {}, and stays firing until it has been gone{kept}", self.clock.at(gone)));
        }
        // A rise takes an acknowledgement back; a step of escalation, which is told under the same word, does not.
        let rises = |at: usize| life[at].kind == EventKind::Escalated && at > 0 && life[at].severity > life[at - 1].severity;
        let taken = (0..life.len()).rfind(|at| life[*at].kind == EventKind::Acknowledged || rises(*at));
        let taken = taken.map(|at| life[at]).filter(|event| event.kind == EventKind::Acknowledged);
        match (taken, alert.and_then(|alert| alert.acknowledged.as_ref())) {
            (_, Some(ack)) => {
                let note = ack.note.as_ref().map(|note| format!(" ({})", plain(note))).unwrap_or_default();
                return Some(format!("reminders stop because {} acknowledged it at {}{note}", plain(&ack.by), self.clock.at(ack.at)));
            }
            (Some(event), None) => {
                return Some(format!("reminders stop because it was acknowledged at {} {}", self.clock.at(event.at), plain(&event.reason)));
            }
            (None, None) => {}
        }
        let id = life.first()?.id;
        if self.facts.records.silenced.iter().any(|silenced| silenced.event == id) {
            return Some("what still fires is told when the silence ends".to_owned());
        }
        let is_told = self.facts.records.deliveries.iter().any(|delivery| delivery.delivered_at.is_some() && delivery.events.contains(&id));
        self.reminders(life, alert.and_then(|alert| alert.told_at)).filter(|_| is_told)
    }

    fn reminders(&self, life: &[&EventFact], told_at: Option<DateTime<Utc>>) -> Option<String> {
        let watcher = self.declared()?;
        let Some(interval) = watcher.repeat_interval else {
            return Some("it is not told again while it fires, as `repeat_interval` is not set".to_owned());
        };
        let repeats = life.iter().filter(|event| event.kind == EventKind::Repeated).count();
        if watcher.max_repeats.is_some_and(|most| repeats >= most as usize) {
            return Some(format!("there are no more reminders, as `max_repeats` is {repeats}"));
        }
        let next = told_at
            .and_then(|told| Some(told + TimeDelta::from_std(interval).ok()?))
            .map(|next| format!(", the next from {} on", self.clock.at(next)));
        Some(format!("it is told again every {}{}", written(interval), next.unwrap_or_default()))
    }

    fn pending(&self, name: &str, key: &KeyFact, since: DateTime<Utc>) -> Vec<String> {
        let wanted = self.declared().map(|watcher| span(watcher.hold_for)).unwrap_or_else(|| "longer".to_owned());
        let when = self.clock.at(since);
        if self.at.is_none() {
            return vec![format!(
                "{} has not fired yet: it holds since {when} ({}), and must hold for {wanted}.",
                name,
                length(self.as_of - since)
            )];
        }
        let first = format!("{} did not alert yet: it had held since {when}, and must hold for {wanted}.", self.opening(name));
        let fired = self.next_event(key, EventKind::Fired).map(|event| (event.at, format!("It fired at {}.", self.clock.at(event.at))));
        let later = self.facts.records.traces.iter().filter(|trace| trace.fingerprint == key.fingerprint && trace.at > self.as_of);
        let dropped = later.filter(|trace| trace.word == TraceWord::Dropped).min_by_key(|trace| trace.at);
        let dropped = dropped.map(|trace| (trace.at, format!("It no longer held at {}, so it never fired.", self.clock.at(trace.at))));
        let next = fired.into_iter().chain(dropped).min_by_key(|(at, _)| *at).map(|(_, text)| text);
        [Some(first), next].into_iter().flatten().collect()
    }

    fn next_event(&self, key: &KeyFact, kind: EventKind) -> Option<&EventFact> {
        let of_key = |event: &&EventFact| event.fingerprint.as_deref() == Some(&key.fingerprint) && event.at > self.as_of;
        self.facts.records.events.iter().filter(of_key).find(|event| event.kind == kind)
    }

    fn over(&self, name: &str, key: &KeyFact, fired: Option<&EventFact>, resolved: &EventFact) -> Vec<String> {
        let (end, why) = (self.clock.at(resolved.at), cause(resolved));
        let began = fired.map(|fired| format!("it fired at {} and ", self.clock.at(fired.at))).unwrap_or_default();
        let first = match self.at {
            Some(_) if self.is_then(resolved.at) => format!("{} resolved at {end}: {why}.", name),
            Some(_) => format!("{} did not alert: {began}was over at {end} ({why}); {}.", self.opening(name), self.why_not(Some(key))),
            None => format!("{} does not fire: {began}was over at {end}, as {why}.", name),
        };
        let told = fired.filter(|_| self.at.is_none() || self.is_then(resolved.at)).map(|fired| self.told(fired));
        [Some(first), told].into_iter().flatten().filter(|text| !text.is_empty()).collect()
    }

    fn changed(&self, name: &str, changed: &EventFact) -> Vec<String> {
        let (when, why) = (self.clock.at(changed.at), cause(changed));
        match self.at {
            Some(_) if !self.is_then(changed.at) => {
                vec![format!("{} had not changed since {when} ({why}), so there was nothing to tell.", self.opening(name))]
            }
            _ => vec![format!("{} last changed at {when}: {why}.", name), self.told(changed)],
        }
    }

    fn known(&self, name: &str, key: &KeyFact, since: DateTime<Utc>) -> String {
        let since = self.clock.at(since);
        match self.declared().map(|watcher| &watcher.alert_on) {
            Some(AlertOn::Change { .. }) => {
                format!("{name} is watched since {since}, and none of its watched columns has changed since then.")
            }
            Some(AlertOn::Match) => self.never(name, Some(key)),
            _ => format!("{name} was there when the first poll took its baseline, at {since}: it is known since then, and told to no one."),
        }
    }

    fn never(&self, name: &str, key: Option<&KeyFact>) -> String {
        let not = if self.at.is_some() { "did not alert" } else { "has not alerted" };
        format!("{} {not}: {}.", self.opening(name), self.why_not(key))
    }

    /// Why a key that nothing has happened to did not alert.
    fn why_not(&self, key: Option<&KeyFact>) -> String {
        let source = key.map(|key| key.source.as_str());
        let (poll, next) = around(self.facts, source, self.as_of);
        let Some(poll) = poll else { return self.not_polled(next) };
        let is_read = poll.outcome != "failed" && !self.is_gap(next);
        let by_trace = || key.and_then(|key| self.by_trace(key, poll)).unwrap_or_else(|| self.by_absence(poll));
        if is_read { by_trace() } else { self.not_read(poll, next) }
    }

    /// Whether the moment lies in a stretch without polls.
    pub(super) fn is_gap(&self, next: Option<&PollFact>) -> bool {
        self.at.is_some() && next.is_some_and(|next| next.missed > 0 && next.scheduled_at <= self.as_of)
    }

    /// Why nothing was read.
    pub(super) fn not_read(&self, poll: &PollFact, next: Option<&PollFact>) -> String {
        if let Some(gap) = next.filter(|next| self.is_gap(Some(next))) {
            let (from, until) = (self.clock.at(poll.started_at), self.clock.at(gap.started_at));
            return format!(
                "there was no poll from {from} to {until}: {}",
                why_none(self.facts, &gap.source, gap.scheduled_at, gap.started_at)
            );
        }
        let when = self.clock.at(poll.started_at);
        match &poll.error {
            Some((kind, words)) if kind == "guard" => format!("the result of the poll at {when} is held: {}", plain(words)),
            Some((kind, words)) => format!("the poll at {when} failed, and a poll that fails changes no alert ({kind}: {})", plain(words)),
            None => format!("the poll at {when} went well"),
        }
    }

    pub(super) fn not_polled(&self, next: Option<&PollFact>) -> String {
        let name = &self.facts.asked.watcher;
        match (next, self.facts.records.states.iter().filter_map(|state| state.next_poll_at).min()) {
            (Some(next), _) => format!("{name} had not been polled before {}", self.clock.at(next.started_at)),
            (None, Some(due)) => format!("{name} has not been polled in that time; its next poll is due at {}", self.clock.at(due)),
            (None, None) => format!("{name} has never been polled"),
        }
    }

    /// What was thought of the key.
    fn by_trace(&self, key: &KeyFact, poll: &PollFact) -> Option<String> {
        if let Some(unmatched) = lasting(self.facts, key, TraceWord::Unmatched, self.as_of) {
            let why = plain(&unmatched.text);
            return Some(match unmatched.at == poll.started_at {
                true => format!("the poll at {} read its row, and {why}", self.clock.at(poll.started_at)),
                false => format!("its row is returned and does not count since {}: {why}", self.clock.at(unmatched.at)),
            });
        }
        let last = thoughts(self.facts, key, self.as_of).last()?;
        match last.word {
            TraceWord::Absent => Some(format!("the query has not returned it since {}", self.clock.at(last.at))),
            TraceWord::Dropped => Some(format!("it no longer held at {}, before it had for long enough", self.clock.at(last.at))),
            _ => None,
        }
    }

    /// What follows from that nothing was thought of the key.
    fn by_absence(&self, poll: &PollFact) -> String {
        let (when, read) = (self.clock.at(poll.started_at), count(poll.rows, "row"));
        let unmatched = poll.rows.saturating_sub(poll.matched);
        if self.facts.now - self.as_of > TRACE_KEPT {
            return format!(
                "the poll at {when} read {read}, of which {} counted; what it thought of the others is not kept any more",
                poll.matched
            );
        }
        let partly = poll.error.as_ref().map(|(_, words)| format!(" ({})", plain(words))).unwrap_or_default();
        match self.declared().map(|watcher| &watcher.alert_on) {
            _ if poll.rows == 0 => format!("the poll at {when} went well, and the query returned no row"),
            Some(AlertOn::Change { .. }) => format!("the poll at {when} read {read} and found no change of it"),
            Some(AlertOn::Report { .. }) => format!("the poll at {when} made a report of {read}; a report has no alerts"),
            Some(AlertOn::Missing { .. }) => format!("the poll at {when} read {read} and did not miss it"),
            Some(AlertOn::New { cursor: Some(_), .. }) => {
                format!("the poll at {when} read {read} from its cursor on, and none of it was a new row of this key{partly}")
            }
            _ if unmatched > UNMATCHED_TRACED as u64 => format!(
                "the poll at {when} read {read}, of which {} counted; why a row does not count is kept for {UNMATCHED_TRACED} of them, and this one is not among those, if it was returned at all",
                poll.matched
            ),
            _ => format!("the poll at {when} read {read}, and it was not among them{partly}"),
        }
    }

    fn told(&self, event: &EventFact) -> String {
        let none = event.reason.contains("no one is told").then(|| "no one was told, as no `notify` block holds for it".to_owned());
        deliveries::told(self.facts, event).or(none).map(|told| told + ".").unwrap_or_default()
    }

    fn of_keys(&self, keys: &[KeyFact]) -> Vec<String> {
        let standings: Vec<(&KeyFact, Standing<'_>)> = keys.iter().map(|key| (key, standing(self.facts, key, self.as_of))).collect();
        let firing: Vec<String> =
            standings.iter().filter(|(_, at)| matches!(at, Standing::Firing { .. })).map(|(key, _)| cells(&key.key)).collect();
        let of_them = match (firing.as_slice(), self.at) {
            ([], None) => "none of them fires".to_owned(),
            ([], Some(_)) => "none of them was firing".to_owned(),
            (firing, None) => format!("firing: {}", named(firing)),
            (firing, Some(_)) => format!("then firing: {}", named(firing)),
        };
        let keys = keys.len();
        vec![sentence(
            format!(
                "{} {keys} keys of {} are meant by {}; {of_them}.",
                self.opening("").trim(),
                self.facts.asked.watcher,
                self.asked_key()
            )
            .trim_start(),
        )]
    }

    /// Polls that fail, or are not made, say nothing of how a key stands now.
    fn doubt(&self) -> Option<String> {
        let [key] = self.facts.records.keys.as_slice() else { return None };
        let states = self.facts.records.states.iter();
        let ill = states.filter(|state| {
            state.source == key.source && (state.failures > 0 || is_overdue(&self.facts.records.polls, state, self.facts.now))
        });
        let is_asked = self.at.is_none() && !self.facts.asked.key.is_empty() && key.alert.is_some();
        ill.last().filter(|_| is_asked).map(|state| self.health(state, ""))
    }

    /// What the query returns now, where it was asked about a key.
    fn now(&self) -> Vec<String> {
        if self.facts.asked.key.is_empty() {
            return Vec::new();
        }
        // What the records say already need not be said again.
        let is_news =
            |look: &&super::Look| self.at.is_some() || !matches!(&look.answer, Ok(seen) if seen.would.is_some_and(Would::is_nothing));
        let several = self.facts.looks.len() > 1;
        let one = |look: &super::Look| {
            let on = if several { format!(" on {}", look.source) } else { String::new() };
            match &look.answer {
                Ok(seen) if several && seen.of_key.is_empty() => None,
                Ok(seen) => Some(format!("The query{on} {}.", returns(seen))),
                Err(_) => Some(format!("The query{on} cannot be asked now.")),
            }
        };
        let told: Vec<String> = self.facts.looks.iter().filter(is_news).filter_map(one).collect();
        if several && told.is_empty() && self.facts.looks.iter().all(|look| is_news(&look)) {
            return vec!["The query does not return it now on any of its sources.".to_owned()];
        }
        told
    }
}

/// Why an event happened, without who was told.
fn cause(event: &EventFact) -> String {
    let is_about_telling = |clause: &&str| {
        ["is not told: silence", "no one is told", "outside the watcher's hours"].iter().any(|words| clause.contains(words))
    };
    let reason = plain(&event.reason);
    reason.split("; ").filter(|clause| !is_about_telling(clause)).collect::<Vec<_>>().join("; ")
}

/// So many of a list, and how many more.
pub(super) fn named(items: &[String]) -> String {
    match items.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", items[..MOST_NAMED].join(", ")),
        None => list(items),
    }
}
