//! The life of one alert, poll by poll: when it begins to hold, fires, is gone, comes back, is over. Pure.
//!
//! ```text
//!            holds                 held for `for`              gone
//!   nothing ───────▶ pending ─────────────────────▶ firing ───────────▶ firing, gone since …
//!      ▲               │ no longer holds              ▲  holds again       │   │ gone for `keep_firing_for`
//!      └───────────────┘                              └───────────────────┘   └──▶ resolved
//! ```
//!
//! What cannot be judged moves nothing: neither fires nor resolves, and no poll is counted.

use crate::domain::alert::AlertStatus;
use crate::domain::known::KnownKey;
use crate::domain::watcher::{Span, Watcher};
use chrono::{DateTime, TimeDelta, Utc};

/// What a poll found of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// It is in the state that is watched for.
    Yes,
    /// It is not.
    No,
    /// It cannot be told.
    Unknown,
}

/// What follows for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stays as it is.
    Nothing,
    /// It fires.
    Fire,
    /// It holds, but not yet for long enough; so many polls in a row.
    Pend(u32),
    /// It was pending and no longer holds.
    Drop,
    /// It fires and is gone, but not yet for long enough.
    Gone {
        /// Since when.
        since: DateTime<Utc>,
        /// Polls in a row.
        polls: u32,
    },
    /// It was gone and is there again.
    Back,
    /// It is over.
    Resolve,
}

/// Decides what follows for one key.
pub(super) fn step(watcher: &Watcher, known: Option<&KnownKey>, holds: Holds, now: DateTime<Utc>) -> Step {
    let status = known.map(|known| known.status);
    match (status, known, holds) {
        (_, _, Holds::Unknown) => Step::Nothing,
        (Some(AlertStatus::Pending), Some(known), Holds::Yes) => {
            match (pend(watcher, now - known.since, known.polls.saturating_add(1)), watcher.hold_for) {
                // Since when is known; how many polls that were does not matter.
                (Step::Pend(_), Span::Time(_)) => Step::Nothing,
                (next, _) => next,
            }
        }
        (Some(AlertStatus::Pending), _, Holds::No) => Step::Drop,
        (Some(AlertStatus::Firing), Some(known), Holds::Yes) => match known.gone_since {
            Some(_) => Step::Back,
            None => Step::Nothing,
        },
        (Some(AlertStatus::Firing), Some(known), Holds::No) => gone(watcher, known, now),
        (_, _, Holds::Yes) => pend(watcher, TimeDelta::zero(), 1),
        (_, _, Holds::No) => Step::Nothing,
    }
}

fn pend(watcher: &Watcher, elapsed: TimeDelta, polls: u32) -> Step {
    if watcher.hold_for.is_over(elapsed, polls) { Step::Fire } else { Step::Pend(polls) }
}

fn gone(watcher: &Watcher, known: &KnownKey, now: DateTime<Utc>) -> Step {
    let since = known.gone_since.unwrap_or(now);
    let polls = if known.gone_since.is_some() { known.polls.saturating_add(1) } else { 1 };
    match (watcher.keep_firing_for, known.gone_since) {
        (span, _) if span.is_over(now - since, polls) => Step::Resolve,
        (Span::Time(_), Some(_)) => Step::Nothing,
        _ => Step::Gone { since, polls },
    }
}

/// Whether a reminder is due for a key that fires: not while it is gone, but when it is back.
pub(super) fn reminder_is_due(watcher: &Watcher, known: &KnownKey, holds: Holds, now: DateTime<Utc>) -> Reminder {
    let Some(interval) = watcher.repeat_interval else { return Reminder::NotDue };
    let enough = TimeDelta::from_std(interval - Span::slack(interval)).unwrap_or(TimeDelta::MAX);
    let is_time = known.told_at.is_some_and(|told| now - told >= enough);
    match () {
        () if !is_time || holds == Holds::No => Reminder::NotDue,
        () if holds == Holds::Unknown && known.gone_since.is_some() => Reminder::NotDue,
        () if known.acknowledged => Reminder::Acknowledged,
        () if watcher.max_repeats.is_some_and(|most| known.repeats >= most) => Reminder::UsedUp,
        () => Reminder::Due,
    }
}

/// Whether to remind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reminder {
    /// Not now.
    NotDue,
    /// Now.
    Due,
    /// It would be, but a person has taken the alert.
    Acknowledged,
    /// It would be, but there were as many as there may be.
    UsedUp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::Severity;
    use crate::domain::evaluate::tests::{noon, watcher};
    use crate::domain::row::{Digest, Fingerprint};
    use std::time::Duration;

    fn rule(hold_for: Span, keep_firing_for: Span) -> Watcher {
        Watcher { hold_for, keep_firing_for, ..watcher() }
    }

    fn known(status: AlertStatus, polls: u32) -> KnownKey {
        KnownKey {
            fingerprint: Fingerprint(1),
            digest: Digest(1),
            status,
            severity: Severity::Warning,
            since: noon(),
            told_at: Some(noon()),
            gone_since: None,
            polls,
            repeats: 0,
            acknowledged: false,
        }
    }

    fn minutes(n: i64) -> DateTime<Utc> {
        noon() + TimeDelta::minutes(n)
    }

    #[test]
    fn without_a_span_a_key_fires_and_resolves_at_once() {
        let rule = rule(Span::ZERO, Span::ZERO);
        assert_eq!(step(&rule, None, Holds::Yes, noon()), Step::Fire);
        assert_eq!(step(&rule, Some(&known(AlertStatus::Firing, 0)), Holds::No, minutes(1)), Step::Resolve);
    }

    #[test]
    fn a_time_must_be_full_but_for_the_slack_of_a_poll() {
        let rule = rule(Span::Time(Duration::from_secs(600)), Span::ZERO);
        let pending = known(AlertStatus::Pending, 1);
        assert_eq!(step(&rule, None, Holds::Yes, noon()), Step::Pend(1));
        assert_eq!(step(&rule, Some(&pending), Holds::Yes, minutes(9)), Step::Nothing);
        assert_eq!(step(&rule, Some(&pending), Holds::Yes, minutes(10) - TimeDelta::milliseconds(900)), Step::Fire);
        assert_eq!(step(&rule, Some(&pending), Holds::Yes, minutes(10) - TimeDelta::milliseconds(1_100)), Step::Nothing);
        assert_eq!(step(&rule, Some(&pending), Holds::No, minutes(9)), Step::Drop);
        assert_eq!(step(&rule, Some(&pending), Holds::Unknown, minutes(30)), Step::Nothing);
    }

    #[test]
    fn a_number_counts_polls_in_a_row() {
        let rule = rule(Span::Polls(3), Span::Polls(2));
        assert_eq!(step(&rule, None, Holds::Yes, noon()), Step::Pend(1));
        assert_eq!(step(&rule, Some(&known(AlertStatus::Pending, 1)), Holds::Yes, noon()), Step::Pend(2));
        assert_eq!(step(&rule, Some(&known(AlertStatus::Pending, 2)), Holds::Yes, noon()), Step::Fire);
        let firing = known(AlertStatus::Firing, 0);
        assert_eq!(step(&rule, Some(&firing), Holds::No, minutes(1)), Step::Gone { since: minutes(1), polls: 1 });
        let gone = KnownKey { gone_since: Some(minutes(1)), polls: 1, ..firing };
        assert_eq!(step(&rule, Some(&gone), Holds::Yes, minutes(2)), Step::Back);
        assert_eq!(step(&rule, Some(&gone), Holds::Unknown, minutes(2)), Step::Nothing);
        assert_eq!(step(&rule, Some(&gone), Holds::No, minutes(2)), Step::Resolve);
    }

    #[test]
    fn a_reminder_waits_for_its_time_its_number_and_nobody_who_took_the_alert() {
        let rule = Watcher { repeat_interval: Some(Duration::from_secs(3600)), max_repeats: Some(2), ..watcher() };
        let firing = known(AlertStatus::Firing, 0);
        let due = |known: KnownKey, at| reminder_is_due(&rule, &known, Holds::Yes, at);
        assert_eq!(due(firing, minutes(59)), Reminder::NotDue);
        assert_eq!(due(firing, minutes(60)), Reminder::Due);
        assert_eq!(due(KnownKey { repeats: 2, ..firing }, minutes(60)), Reminder::UsedUp);
        assert_eq!(due(KnownKey { acknowledged: true, ..firing }, minutes(60)), Reminder::Acknowledged);
        let gone = KnownKey { gone_since: Some(minutes(59)), ..firing };
        let when = |holds| reminder_is_due(&rule, &gone, holds, minutes(60));
        assert_eq!([Holds::No, Holds::Unknown, Holds::Yes].map(when), [Reminder::NotDue, Reminder::NotDue, Reminder::Due]);
    }
}
