//! The trace: what polls thought of keys without telling anyone, for whoever asks later why (`rowbell explain`). Pure.
//!
//! - A thought that lasts is written once, and its line says when it ended: [`Thoughts`] knows those of the poll before, by
//!   their words. A row whose other columns change at every poll is the same thought.
//! - That a row which did not count is no longer returned is a thought too; it is only had where every row that does not
//!   count was kept.
//! - Of rows that do not count only the first by their fingerprint are kept, whatever the order of the result: the same
//!   ones at every poll. What is not kept is not worded either.
//! - A poll writes no more than [`MOST_WRITTEN`] lines. What lasts and was left out is written by the next polls.
//!
//! How long lines are kept is the store's to say.

use crate::domain::row::{Digest, Fingerprint, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64;

/// Rows of one poll of which it is kept why they do not count.
pub const UNMATCHED_TRACED: usize = 200;
/// Lines of the trace that one poll may write.
pub const MOST_WRITTEN: usize = 500;

/// What a poll thought of a key without telling anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraceWord {
    /// It holds, but not yet for long enough.
    Pending,
    /// It was pending and no longer holds.
    Dropped,
    /// It fires and is gone, but not yet for long enough.
    Gone,
    /// It is there again.
    Back,
    /// `when` does not hold, but neither does `clear_when`.
    Held,
    /// Its severity fell.
    Calmed,
    /// A reminder was due and not made.
    NotRepeated,
    /// It was returned and does not count.
    Unmatched,
    /// It was returned, did not count, and is no longer returned.
    Absent,
}

impl TraceWord {
    const ALL: [TraceWord; 9] = [
        TraceWord::Pending,
        TraceWord::Dropped,
        TraceWord::Gone,
        TraceWord::Back,
        TraceWord::Held,
        TraceWord::Calmed,
        TraceWord::NotRepeated,
        TraceWord::Unmatched,
        TraceWord::Absent,
    ];

    /// The word of SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            TraceWord::Pending => "pending",
            TraceWord::Dropped => "dropped",
            TraceWord::Gone => "gone",
            TraceWord::Back => "back",
            TraceWord::Held => "held",
            TraceWord::Calmed => "calmed",
            TraceWord::NotRepeated => "not_repeated",
            TraceWord::Unmatched => "unmatched",
            TraceWord::Absent => "absent",
        }
    }
}

impl FromStr for TraceWord {
    type Err = String;

    fn from_str(text: &str) -> Result<TraceWord, String> {
        let found = TraceWord::ALL.into_iter().find(|word| word.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no word of the trace"))
    }
}

/// One line of the trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Which key.
    pub fingerprint: Fingerprint,
    /// Its cells, where they are at hand.
    pub key: Option<Row>,
    /// What was thought.
    pub word: TraceWord,
    /// Why, in words.
    pub text: String,
}

/// Why rows do not count, or count although `when` does not hold: of so many of them.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// Those of firing alerts come first.
    kept: BTreeMap<(bool, Fingerprint, Digest), Trace>,
    is_cut: bool,
}

impl Reasons {
    fn place(word: TraceWord, fingerprint: Fingerprint, digest: Digest) -> (bool, Fingerprint, Digest) {
        (word != TraceWord::Held, fingerprint, digest)
    }

    /// Whether this one is to be kept; it is worded only then.
    pub(super) fn wants(&mut self, word: TraceWord, fingerprint: Fingerprint, digest: Digest) -> bool {
        let place = Reasons::place(word, fingerprint, digest);
        let has_room = self.kept.len() < UNMATCHED_TRACED || self.kept.last_key_value().is_some_and(|(last, _)| place < *last);
        self.is_cut |= !has_room;
        has_room
    }

    pub(super) fn keep(&mut self, trace: Trace, digest: Digest) {
        self.kept.insert(Reasons::place(trace.word, trace.fingerprint, digest), trace);
        if self.kept.len() > UNMATCHED_TRACED {
            self.kept.pop_last();
            self.is_cut = true;
        }
    }

    /// The lines, and whether they are all.
    pub(super) fn finish(self) -> (impl Iterator<Item = Trace>, bool) {
        (self.kept.into_values(), !self.is_cut)
    }
}

/// The thoughts that the poll before had, each with the number of its line.
#[derive(Clone, Debug, Default)]
pub struct Thoughts(HashMap<Thought, i64>);

/// A key, a word, and a hash of the text.
type Thought = (Fingerprint, TraceWord, u64);

/// What a poll does to the trace.
#[derive(Clone, Debug, Default)]
pub struct TraceChanges {
    /// Lines to be written.
    pub news: Vec<Trace>,
    /// The numbers of the lines that no longer hold.
    pub over: Vec<i64>,
    /// The lines that still hold.
    lasting: HashMap<Thought, i64>,
}

impl Thoughts {
    /// Takes the lines that still hold: number, key, word, text.
    pub fn new<'a>(lines: impl Iterator<Item = (i64, Fingerprint, TraceWord, &'a str)>) -> Thoughts {
        Thoughts(lines.map(|(id, fingerprint, word, text)| ((fingerprint, word, xxh3_64(text.as_bytes())), id)).collect())
    }

    /// What a poll that thought this does to the trace. `touched` names the keys of which it wrote or told something else;
    /// `is_whole` says that every row which did not count is among its thoughts.
    pub fn next(&self, thought: &[Trace], touched: &HashSet<Fingerprint>, is_whole: bool) -> TraceChanges {
        let lasting: HashMap<Thought, i64> =
            thought.iter().filter_map(|trace| self.0.get_key_value(&place(trace))).map(|(k, v)| (*k, *v)).collect();
        let mut over: Vec<i64> = self.0.iter().filter(|(thought, _)| !lasting.contains_key(*thought)).map(|(_, id)| *id).collect();
        over.sort_unstable();
        let mut news: Vec<Trace> = thought.iter().filter(|trace| !lasting.contains_key(&place(trace))).cloned().collect();
        if is_whole {
            news.extend(self.absent(thought, touched));
        }
        news.truncate(MOST_WRITTEN);
        TraceChanges { news, over, lasting }
    }

    /// What a poll does to the trace that has thought nothing: it was not read.
    pub fn unchanged(&self) -> TraceChanges {
        TraceChanges { lasting: self.0.clone(), ..TraceChanges::default() }
    }

    fn absent(&self, thought: &[Trace], touched: &HashSet<Fingerprint>) -> Vec<Trace> {
        let present: HashSet<Fingerprint> = thought.iter().map(|trace| trace.fingerprint).collect();
        let unmatched = self.0.keys().filter(|(_, word, _)| *word == TraceWord::Unmatched).map(|(fingerprint, _, _)| *fingerprint);
        let gone: BTreeSet<Fingerprint> = unmatched.filter(|key| !present.contains(key) && !touched.contains(key)).collect();
        let text = "the query no longer returns it";
        gone.into_iter().map(|fingerprint| Trace { fingerprint, key: None, word: TraceWord::Absent, text: text.to_owned() }).collect()
    }
}

impl TraceChanges {
    /// The thoughts after the poll, when its lines have been written under these numbers.
    pub fn written(mut self, ids: &[i64]) -> Thoughts {
        self.lasting.extend(self.news.iter().map(place).zip(ids.iter().copied()));
        Thoughts(self.lasting)
    }
}

fn place(trace: &Trace) -> Thought {
    (trace.fingerprint, trace.word, xxh3_64(trace.text.as_bytes()))
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
