//! Why a watcher did or did not alert: from what is known to sentences. Pure.
//!
//! An explanation begins with one or two sentences that are the answer (`answer`), and goes on with the timeline they are
//! taken from (`timeline`). Both tell only what was recorded, what the file says, and what the query returns now; where that
//! does not tell, they say so instead of guessing.
//!
//! What it deliberately does not do: read anything. The store gathers [`Records`], the engine [looks](Look) at the query.

mod answer;
mod deliveries;
mod facts;
mod of_watcher;
mod polls;
mod standing;
mod steps;
mod timeline;
mod words;
mod would;

pub use facts::{
    AlertFact, Asked, AttemptFact, DeferredFact, DeliveryFact, EventFact, Facts, File, KeyFact, Look, Object, PollFact, Records, Seen,
    SilencedFact, StateFact, StepFact, TraceFact,
};

pub use would::Would;

use chrono::{DateTime, TimeDelta, Utc};

/// Around a moment so much is shown before and after it, and the polls next to it however far they are.
pub const AROUND: TimeDelta = TimeDelta::minutes(10);
/// How far back is looked when no time is named.
pub const BACK: TimeDelta = TimeDelta::hours(24);

/// Why it did or did not alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One or two sentences that are the answer.
    pub answer: String,
    /// What happened, oldest first.
    pub lines: Vec<Line>,
    /// How many lines are left out at its beginning.
    pub earlier: usize,
    /// How many at its end.
    pub later: usize,
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// What it is about: `poll`, `schedule`, `silence`, an event's or a trace's word, `delivery`, `attempt`, `now`.
    pub kind: &'static str,
    /// What happened, as a sentence.
    pub text: String,
    /// The poll's number.
    pub poll: Option<i64>,
    /// The event's.
    pub event: Option<i64>,
    /// The delivery's.
    pub delivery: Option<i64>,
}

/// Explains; of the timeline at most `limit` lines (0: all), those nearest to what was asked.
pub fn explain(facts: &Facts, limit: usize) -> Explanation {
    let answer = answer::answer(facts);
    let mut lines = timeline::lines(facts);
    let (earlier, later) = nearest(&lines, facts.asked.at, limit);
    lines.truncate(lines.len() - later);
    lines.drain(..earlier);
    Explanation { answer, lines, earlier, later }
}

/// How many lines to leave out at both ends. Those nearest to the moment stay; without one the newest.
fn nearest(lines: &[Line], at: Option<DateTime<Utc>>, limit: usize) -> (usize, usize) {
    let (mut first, mut last) = (0, lines.len());
    while limit > 0 && last - first > limit {
        let far = |line: &Line| at.map_or(TimeDelta::zero(), |at| (line.at - at).abs());
        if far(&lines[first]) >= far(&lines[last - 1]) { first += 1 } else { last -= 1 }
    }
    (first, lines.len() - last)
}

/// The stretches in which a watcher's schedule had slots and it was not polled; the store is to say whether anything else was.
pub fn gaps(polls: &[PollFact], states: &[StateFact], now: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    polls::gaps(polls, states, now)
}

#[cfg(test)]
mod tests;
