//! What a receiver's answer means, and what to do next: pure decisions of the deliverer.
//!
//! A sender (see `notify`) classifies each attempt on the spot into a [`Verdict`]; [`decide`] turns it, with the
//! attempts made so far, into a [`Decision`]. Nothing is ever called delivered but by the receiver's own word, and
//! nothing is dropped without a reason that a person can read.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it means.
    pub verdict: Verdict,
    /// The HTTP status, when there was one.
    pub http_status: Option<u16>,
    /// The receiver's own code, when there was one.
    pub errcode: Option<i64>,
    /// The receiver's own words, or the failure of the transport; free of secrets, at most 500 characters.
    pub answer: String,
}

/// The class of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// Nothing is wrong with the message: the network, the receiver's own trouble. `uncertain`: it may have arrived.
    Transient {
        /// Whether the request had left, so that the receiver may have taken the message.
        uncertain: bool,
    },
    /// Too many messages: the receiver refuses all of them for a while.
    Throttled {
        /// How long to be silent.
        wait: Duration,
    },
    /// A person must mend something (keyword, sign, address list, token, quota); every message would be refused.
    Refused {
        /// What to do, in words.
        remedy: &'static str,
        /// The receiver itself is gone (removed, switched off, its group dissolved, its token unknown): it will refuse
        /// everything until it is set up anew.
        for_good: bool,
    },
    /// The message is too long for the receiver.
    TooLong,
    /// The receiver does not like what the message says.
    ContentRefused,
    /// A code that is not known.
    Unknown,
}

/// What happens to the delivery and to its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has arrived.
    Delivered,
    /// Try this delivery again at `at`; others of the receiver may go before it.
    Retry {
        /// Not before.
        at: DateTime<Utc>,
        /// How to change the message before.
        change: Change,
    },
    /// Nothing is sent to this receiver until `until`; then this delivery is tried first.
    Hold {
        /// Not before.
        until: DateTime<Utc>,
        /// Why, for ops.
        reason: String,
    },
    /// Given up.
    Discard {
        /// Why, for ops.
        reason: String,
    },
}

/// How a message is changed before it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// As it is.
    None,
    /// To about half of its length, cut at a row.
    Shorten,
    /// To its title and number only: no text from the database.
    Reduce,
}

/// What the deliverer knows of a delivery when it decides.
#[derive(Clone, Debug)]
pub struct History {
    /// Attempts made, this one included.
    pub attempts: u32,
    /// When the delivery was first tried: what only had to wait is not given up for that.
    pub tried_since: DateTime<Utc>,
    /// Refusals and failures of the robot or app in a row, this one included.
    pub failures: u32,
    /// Whether the message has been shortened to its limit already.
    pub shortest: bool,
    /// Whether it has been reduced already.
    pub reduced: bool,
}

/// The first wait after a failure; it doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two tries: a receiver that was mended is found within this time.
pub const BACKOFF_MAX: Duration = Duration::from_secs(600);
/// A delivery that could not be made for this long is given up, and told.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3600);

/// After so many refusals with a code that is not known, the message is sent without its rows.
const REDUCE_AFTER: u32 = 5;

/// Decides what follows from an attempt. `jitter` is in 0..1 and takes up to a quarter off a wait, so that
/// receivers that failed together do not come back together.
pub fn decide(attempt: &Attempt, history: &History, now: DateTime<Utc>, jitter: f64) -> Decision {
    if attempt.verdict == Verdict::Delivered {
        return Decision::Delivered;
    }
    if now - history.tried_since >= seconds(GIVE_UP_AFTER) {
        return Decision::Discard { reason: format!("given up after 72 hours; the last answer was: {}", attempt.answer) };
    }
    let hold = |reason: String| Decision::Hold { until: now + backoff(history.failures, jitter), reason };
    match &attempt.verdict {
        Verdict::Delivered => Decision::Delivered,
        Verdict::Transient { .. } => hold(attempt.answer.clone()),
        Verdict::Throttled { wait } => Decision::Hold { until: now + seconds(*wait), reason: attempt.answer.clone() },
        Verdict::Refused { remedy, .. } => hold(format!("{}: {remedy}", attempt.answer)),
        Verdict::TooLong if history.shortest && history.reduced => discard("too long even when reduced", attempt),
        Verdict::TooLong if history.shortest => Decision::Retry { at: now, change: Change::Reduce },
        Verdict::TooLong => Decision::Retry { at: now, change: Change::Shorten },
        Verdict::ContentRefused if history.reduced => discard("refused for its content even when reduced", attempt),
        Verdict::ContentRefused => Decision::Retry { at: now, change: Change::Reduce },
        // A message that is refused again and again may be refused for what it says; those behind it wait.
        Verdict::Unknown if history.attempts >= REDUCE_AFTER && !history.reduced => Decision::Retry { at: now, change: Change::Reduce },
        Verdict::Unknown => Decision::Retry { at: now + backoff(history.attempts, jitter), change: Change::None },
    }
}

fn discard(why: &str, attempt: &Attempt) -> Decision {
    Decision::Discard { reason: format!("{why}: {}", attempt.answer) }
}

fn seconds(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// 1, 2, 4 … seconds up to ten minutes for the first, second, third … failure in a row.
fn backoff(failures: u32, jitter: f64) -> TimeDelta {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let full = doubled.min(BACKOFF_MAX);
    seconds(full.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0)))
}

/// As what people get a message of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppForm {
    /// A message of the app's robot.
    Message,
    /// An interactive card.
    Card,
    /// A DING in the app.
    Ding,
    /// A DING by SMS.
    DingSms,
    /// A DING by phone call.
    DingPhone,
    /// A work notification.
    WorkNotification,
}

/// What a target of an app's delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A person, by user id.
    User,
    /// A group, by conversation id.
    Conversation,
}

/// What became of a target; one that is still to be reached has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// DingTalk took the message for it.
    Delivered,
    /// It cannot be reached, for good: an unknown user.
    Refused,
}

/// As what a target was sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// A message of the app's robot.
    Message,
    /// An interactive card.
    Card,
    /// A DING.
    Ding,
    /// A work notification.
    WorkNotification,
}

/// What became of one target of an app's delivery. A robot's delivery has none: its group is all it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetResult {
    /// What it is.
    pub kind: TargetKind,
    /// Its user id or conversation id.
    pub target: String,
    /// What became of it.
    pub state: TargetState,
    /// As what it was sent.
    pub form: TargetForm,
    /// DingTalk's name for what was sent: processQueryKey, outTrackId, openDingId, task id.
    pub handle: Option<String>,
    /// Of a card: the processQueryKey that tells who has read it.
    pub carrier: Option<String>,
    /// Of a card: a hash of what it shows.
    pub shown: Option<String>,
    /// Why it was refused; free of secrets.
    pub answer: Option<String>,
}

/// Words that the store keeps: each type with its variants.
macro_rules! stored_words {
    ($($kind:ident { $($variant:ident = $word:literal),+ })+) => {$(
        impl $kind {
            /// The word of SQL and JSON.
            pub fn as_str(self) -> &'static str {
                match self { $($kind::$variant => $word),+ }
            }

            /// From the word; `None` for one that is not known.
            pub fn of_word(word: &str) -> Option<$kind> {
                match word { $($word => Some($kind::$variant),)+ _ => None }
            }
        }
    )+};
}

stored_words! {
    TargetKind { User = "user", Conversation = "conversation" }
    TargetState { Delivered = "delivered", Refused = "refused" }
    TargetForm { Message = "message", Card = "card", Ding = "ding", WorkNotification = "work_notification" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn decision(verdict: Verdict, attempts: u32) -> Decision {
        let attempt = Attempt { verdict, http_status: Some(200), errcode: Some(1), answer: "words".into() };
        let history = History { attempts, tried_since: now() - TimeDelta::hours(1), failures: attempts, shortest: false, reduced: false };
        decide(&attempt, &history, now(), 0.0)
    }

    #[test]
    fn backoff_doubles_to_ten_minutes() {
        let waits: Vec<i64> = [1, 2, 3, 4, 10, 11, 60].iter().map(|n| backoff(*n, 0.0).num_seconds()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 512, 600, 600]);
    }

    #[test]
    fn only_the_receivers_word_delivers() {
        for verdict in [
            Verdict::Transient { uncertain: true },
            Verdict::TooLong,
            Verdict::ContentRefused,
            Verdict::Unknown,
            Verdict::Throttled { wait: Duration::from_secs(600) },
            Verdict::Refused { remedy: "x", for_good: false },
        ] {
            assert!(!matches!(decision(verdict.clone(), 1), Decision::Delivered | Decision::Discard { .. }), "{verdict:?}");
        }
        assert_eq!(decision(Verdict::Delivered, 1), Decision::Delivered);
    }

    #[test]
    fn a_throttle_silences_the_receiver_for_its_whole_length() {
        let until = now() + TimeDelta::minutes(10);
        assert_eq!(decision(Verdict::Throttled { wait: Duration::from_secs(600) }, 1), Decision::Hold { until, reason: "words".into() });
    }
}
