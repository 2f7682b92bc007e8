//! What the contract says a watcher tells, in as few words as it takes: poll by poll, one key at a time, all in memory.
//! It knows nothing of how rowbell does it, and shares no code with it.
//!
//! A row matches when `v > 2`, is critical when `v > 4`, and clears when `v < 1`. A `v` that is a text cannot be judged.

use std::collections::{BTreeMap, BTreeSet};

/// A cell: NULL, a whole number (which may be written with a fraction of nothing), or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Number(i64),
    Spelled(i64),
    Text,
}

/// A length of seconds, or of polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Seconds(i64),
    Polls(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Match { keyed: bool },
    New { tells_first: bool },
    Change { added: bool, changed: bool, removed: bool },
    MissingAny,
    MissingEach,
    Report { send_empty: bool },
}

/// What a watcher declares.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub kind: Kind,
    pub hold: Span,
    pub keep: Span,
    pub clears: bool,
    pub repeat: Option<i64>,
    pub most_repeats: Option<u32>,
}

/// The keys that a `missing` watcher expects.
pub const EXPECTED: [&str; 2] = ["a", "b"];

/// What a silence covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    Everything,
    KeyA,
    Critical,
}

pub type Key = Option<&'static str>;
pub type Rows = [(Key, Cell)];

struct Life {
    fires: bool,
    since: i64,
    polls: u32,
    critical: bool,
    told_at: i64,
    repeats: u32,
    gone: Option<(i64, u32)>,
    taken: bool,
    /// Its beginning was silenced; something of it was told; its last event was silenced, and was a reminder.
    began_silent: bool,
    was_told: bool,
    kept: Option<bool>,
}

pub struct Reference {
    spec: Spec,
    pub now: i64,
    lives: BTreeMap<Key, Life>,
    seen: BTreeSet<Key>,
    watched: BTreeMap<Key, Cell>,
    watched_kinds: BTreeSet<bool>,
    has_polled: bool,
    failures: u32,
    failing_told: bool,
    last_report: Option<(usize, i64)>,
    pub silence: Option<(Covers, i64)>,
    told: Vec<String>,
}

fn number(cell: Cell) -> Option<i64> {
    if let Cell::Number(n) | Cell::Spelled(n) = cell { Some(n) } else { None }
}

impl Reference {
    pub fn new(spec: Spec) -> Reference {
        let (lives, seen, watched, watched_kinds) = Default::default();
        let (has_polled, failing_told, failures) = (false, false, 0);
        Reference {
            spec,
            now: 0,
            lives,
            seen,
            watched,
            watched_kinds,
            has_polled,
            failures,
            failing_told,
            last_report: None,
            silence: None,
            told: Vec::new(),
        }
    }

    /// What was told since the last look.
    pub fn told(&mut self) -> Vec<String> {
        let mut told = std::mem::take(&mut self.told);
        told.sort();
        told
    }

    /// What is pending and what fires.
    pub fn standing(&self) -> Vec<String> {
        let shown = |(key, life): (&Key, &Life)| {
            format!("{} {} {}", if life.fires { "firing" } else { "pending" }, self.shown(*key), level(life.critical))
        };
        let mut standing: Vec<String> = self.lives.iter().map(shown).collect();
        standing.sort();
        standing
    }

    /// A silence that has ended tells once what still fires, from where reminders count.
    pub fn look(&mut self) {
        if self.silence.is_none_or(|(_, until)| until > self.now) {
            return;
        }
        self.silence = None;
        for life in self.lives.values_mut().filter(|life| life.fires) {
            let Some(was_reminder) = life.kept.take() else { continue };
            if !(was_reminder && life.taken && (life.was_told || !life.began_silent)) {
                (life.told_at, life.was_told) = (self.now, true);
            }
        }
    }

    pub fn acknowledge(&mut self) {
        let taken: Vec<(Key, bool)> =
            self.lives.iter().filter(|(_, life)| life.fires && !life.taken).map(|(key, life)| (*key, life.critical)).collect();
        for (key, critical) in taken {
            self.lives.entry(key).and_modify(|life| life.taken = true);
            self.told.push(format!("acknowledged {} {}", self.shown(key), level(critical)));
        }
    }

    /// A poll that was not read whole.
    pub fn fail(&mut self) {
        self.health(false);
    }

    /// A poll that was.
    pub fn poll(&mut self, rows: &Rows) {
        let went_well = match self.spec.kind {
            Kind::Match { keyed } => self.matching(rows, keyed),
            Kind::New { tells_first } => self.arrivals(rows, tells_first),
            Kind::Change { added, changed, removed } => match self.changes(rows, [added, changed, removed]) {
                Some(went_well) => went_well,
                // A result of another shape is a failed poll.
                None => return self.health(false),
            },
            Kind::MissingAny | Kind::MissingEach => self.missing(rows),
            Kind::Report { send_empty } => self.report(rows, send_empty),
        };
        self.has_polled = true;
        self.health(went_well);
    }

    fn matching(&mut self, rows: &Rows, keyed: bool) -> bool {
        let of = |key: &Key| if keyed { *key } else { None };
        let keys: BTreeSet<Key> = rows.iter().map(|(key, _)| of(key)).chain(self.lives.keys().copied()).collect();
        for key in keys {
            let fires = self.lives.get(&key).is_some_and(|life| life.fires);
            let counts = |cell: &Cell| {
                number(*cell).is_some_and(|v| v > 2)
                    || (self.spec.clears && fires && *cell != Cell::Text && number(*cell).is_none_or(|v| v >= 1))
            };
            let mine: Vec<Cell> = rows.iter().filter(|(other, _)| of(other) == key).map(|(_, cell)| *cell).collect();
            let faulty = mine.contains(&Cell::Text);
            let counting: Vec<&Cell> = mine.iter().filter(|cell| counts(cell)).collect();
            let critical = counting.iter().any(|cell| number(**cell).is_some_and(|v| v > 4));
            // What cannot be judged does not make it less severe.
            let critical = critical || (faulty && self.lives.get(&key).is_some_and(|life| life.fires && life.critical));
            self.live(
                key,
                if !counting.is_empty() {
                    Some(true)
                } else if faulty {
                    None
                } else {
                    Some(false)
                },
                critical,
            );
        }
        !rows.iter().any(|(_, cell)| *cell == Cell::Text)
    }

    fn missing(&mut self, rows: &Rows) -> bool {
        let each = self.spec.kind == Kind::MissingEach;
        let keys: Vec<Key> = if each { EXPECTED.iter().map(|key| Some(*key)).collect() } else { vec![None] };
        let waited_for = |key: &Key| !each || keys.contains(key);
        for key in &keys {
            let mine = || rows.iter().filter(|(other, _)| !each || other == key).map(|(_, cell)| *cell);
            let is_there = mine().any(|cell| number(cell).is_some_and(|v| v > 2));
            let is_unclear = mine().any(|cell| cell == Cell::Text);
            self.live(
                *key,
                if is_there {
                    Some(false)
                } else if is_unclear {
                    None
                } else {
                    Some(true)
                },
                *key == Some("a"),
            );
        }
        !rows.iter().any(|(key, cell)| waited_for(key) && *cell == Cell::Text)
    }

    fn arrivals(&mut self, rows: &Rows, tells_first: bool) -> bool {
        let before = self.seen.clone();
        let unseen: BTreeSet<Key> = rows.iter().map(|(key, _)| *key).filter(|key| !before.contains(key)).collect();
        for key in unseen {
            let values = rows.iter().filter(|(other, _)| *other == key).filter_map(|(_, cell)| number(*cell));
            let Some(worst) = values.filter(|v| *v > 2).max() else { continue };
            self.seen.insert(key);
            if self.has_polled || tells_first {
                self.tell("fired", key, level(worst > 4));
            }
        }
        // What is known is not judged again.
        !rows.iter().any(|(key, cell)| *cell == Cell::Text && !before.contains(key))
    }

    fn changes(&mut self, rows: &Rows, [added, changed, removed]: [bool; 3]) -> Option<bool> {
        let kinds: BTreeSet<bool> = rows.iter().filter(|(_, cell)| *cell != Cell::Null).map(|(_, cell)| *cell == Cell::Text).collect();
        if !self.watched_kinds.is_empty() && !kinds.is_empty() && kinds.is_disjoint(&self.watched_kinds) {
            return None;
        }
        self.watched_kinds.extend(kinds);
        let mut went_well = true;
        let keys: BTreeSet<Key> = rows.iter().map(|(key, _)| *key).chain(self.watched.keys().copied()).collect();
        for key in keys {
            let mine: Vec<Cell> = rows.iter().filter(|(other, _)| *other == key).map(|(_, cell)| *cell).collect();
            let before = self.watched.get(&key).copied();
            let (now, is_told) = match (mine.as_slice(), before) {
                ([], _) => (None, removed),
                ([now], Some(before)) if *now == before || (number(*now).is_some() && number(*now) == number(before)) => continue,
                ([Cell::Text], _) | ([_, _, ..], _) => {
                    went_well = false;
                    continue;
                }
                ([now], None) => (Some(*now), added),
                ([now], Some(_)) => (Some(*now), changed),
            };
            if let Some(v) = now.or(before).and_then(number).filter(|v| *v > 2 && is_told && self.has_polled) {
                self.tell("changed", key, level(v > 4));
            }
            match now {
                Some(now) => self.watched.insert(key, now),
                None => self.watched.remove(&key),
            };
        }
        Some(went_well)
    }

    fn report(&mut self, rows: &Rows, send_empty: bool) -> bool {
        let values: Vec<i64> = rows.iter().filter_map(|(_, cell)| number(*cell)).filter(|v| *v > 2).collect();
        let (count, sum) = (values.len(), values.iter().sum());
        let last = |last: Option<String>| last.map(|last| format!(" (last time {last})")).unwrap_or_default();
        let (count_before, sum_before) = self.last_report.map(|(count, sum)| (count.to_string(), sum.to_string())).unzip();
        if count > 0 || send_empty {
            let worst = values.iter().max().map_or("info", |v| level(*v > 4));
            self.tell_of_all("report", &format!("{worst} {count} rows{}; v {sum}{}", last(count_before), last(sum_before)));
        }
        self.last_report = Some((count, sum));
        !rows.iter().any(|(_, cell)| *cell == Cell::Text)
    }

    fn health(&mut self, went_well: bool) {
        self.failures = if went_well { 0 } else { self.failures + 1 };
        if went_well && self.failing_told {
            self.tell_of_all("watcher_recovered", "warning");
        } else if self.failures >= 3 && !self.failing_told {
            self.tell_of_all("watcher_failed", "warning");
        }
        self.failing_told = self.failures >= 3;
    }

    /// The life of one alert: whether it holds, as far as can be told.
    fn live(&mut self, key: Key, holds: Option<bool>, critical: bool) {
        let (spec, now) = (self.spec, self.now);
        let is_over = |span: Span, since: i64, polls: u32| match span {
            Span::Seconds(seconds) => now - since >= seconds,
            Span::Polls(wanted) => polls >= wanted,
        };
        let Some(life) = self.lives.get_mut(&key) else {
            if holds == Some(true) {
                self.lives.insert(key, Life::new(now, critical));
                self.try_to_fire(key, is_over(spec.hold, now, 1));
            }
            return;
        };
        match (life.fires, holds) {
            (false, Some(true)) => {
                (life.polls, life.critical) = (life.polls + 1, critical);
                let fires = is_over(spec.hold, life.since, life.polls);
                self.try_to_fire(key, fires);
            }
            (false, Some(false)) => drop(self.lives.remove(&key)),
            (false, None) => {}
            (true, Some(true)) => {
                life.gone = None;
                let rises = critical && !life.critical;
                life.critical = critical;
                if rises {
                    (life.told_at, life.repeats, life.taken) = (now, 0, false);
                    self.tell("escalated", key, level(critical));
                } else {
                    self.remind(key);
                }
            }
            (true, None) => self.remind(key),
            (true, Some(false)) => {
                let (since, polls) = life.gone.map_or((now, 1), |(since, polls)| (since, polls + 1));
                life.gone = Some((since, polls));
                if is_over(spec.keep, since, polls) {
                    let critical = life.critical;
                    self.tell("resolved", key, level(critical));
                    self.lives.remove(&key);
                }
            }
        }
    }

    fn try_to_fire(&mut self, key: Key, is_time: bool) {
        let Some(life) = self.lives.get_mut(&key).filter(|_| is_time) else { return };
        (life.fires, life.told_at) = (true, self.now);
        let critical = life.critical;
        self.tell("fired", key, level(critical));
    }

    fn remind(&mut self, key: Key) {
        let (Some(interval), Some(life)) = (self.spec.repeat, self.lives.get_mut(&key)) else { return };
        let is_due = life.gone.is_none() && self.now - life.told_at >= interval;
        if is_due && !life.taken && self.spec.most_repeats.is_none_or(|most| life.repeats < most) {
            (life.told_at, life.repeats) = (self.now, life.repeats + 1);
            let critical = life.critical;
            self.tell("repeated", key, level(critical));
        }
    }

    fn tell(&mut self, event: &str, key: Key, level: &str) {
        let covers = |covers: Covers| match covers {
            Covers::Everything => true,
            Covers::KeyA => key == Some("a"),
            Covers::Critical => level == "critical",
        };
        let is_silent = self.silence.is_some_and(|(what, until)| self.now < until && covers(what));
        if let Some(life) = self.lives.get_mut(&key) {
            life.began_silent |= is_silent && event == "fired";
            life.was_told |= !is_silent;
            life.kept = is_silent.then_some(event == "repeated");
        }
        self.told.push(format!("{event} {} {level}{}", self.shown(key), if is_silent { " silenced" } else { "" }));
    }

    /// An event without a key: of the watcher, or of all its rows.
    fn tell_of_all(&mut self, event: &str, what: &str) {
        let is_critical = what.starts_with("critical");
        let covers = |covers: Covers| covers == Covers::Everything || (covers == Covers::Critical && is_critical);
        let is_silent = self.silence.is_some_and(|(what, until)| self.now < until && covers(what));
        self.told.push(format!("{event} - {what}{}", if is_silent { " silenced" } else { "" }));
    }

    fn shown(&self, key: Key) -> &'static str {
        match self.spec.kind {
            Kind::Match { keyed: false } | Kind::MissingAny => "all",
            _ => key.unwrap_or("NULL"),
        }
    }
}

impl Life {
    fn new(now: i64, critical: bool) -> Life {
        let (fires, polls, told_at, repeats, gone, taken) = (false, 1, now, 0, None, false);
        Life { fires, since: now, polls, critical, told_at, repeats, gone, taken, began_silent: false, was_told: false, kept: None }
    }
}

fn level(critical: bool) -> &'static str {
    if critical { "critical" } else { "warning" }
}
