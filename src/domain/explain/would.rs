//! What a poll would do to one key, had it been made now.

use crate::domain::alert::AlertStatus;
use crate::domain::evaluate::{Found, Plan};
use crate::domain::known::KnownKey;
use crate::domain::row::Fingerprint;
use crate::domain::watcher::{AlertOn, Watcher};

/// What a poll would do to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Would {
    /// Fire it.
    Fire,
    /// Have it wait for `for`.
    Pend,
    /// Tell that it is worse.
    Escalate,
    /// Tell that it changed, was added or is gone.
    TellChange,
    /// Tell that it is over.
    Resolve,
    /// Take it as known.
    TakeAsKnown,
    /// Nothing: it fires already.
    KeepFiring,
    /// Nothing: it waits already.
    KeepPending,
    /// Nothing: it was told, or is known.
    KeepKnown,
    /// Nothing: what is watched is the same.
    KeepUnchanged,
}

impl Would {
    /// What a plan does to a key; `None` when there is nothing to say of it.
    pub fn of(watcher: &Watcher, plan: &Plan, known: Option<&KnownKey>, key: Fingerprint) -> Option<Would> {
        let has = |list: &[Found]| list.iter().any(|found| found.fingerprint == key);
        let is_new = matches!(watcher.alert_on, AlertOn::New { .. });
        match () {
            () if has(&plan.fired) || plan.promoted.contains(&key) => Some(Would::Fire),
            () if has(&plan.pending) => Some(Would::Pend),
            () if has(&plan.escalated) => Some(Would::Escalate),
            () if has(&plan.changed) || has(&plan.added) || plan.removed.iter().any(|(removed, _)| *removed == key) => {
                Some(Would::TellChange)
            }
            () if plan.resolved.contains(&key) => Some(Would::Resolve),
            () if has(&plan.baseline) && is_new => Some(Would::TakeAsKnown),
            () => match known?.status {
                AlertStatus::Firing => Some(Would::KeepFiring),
                AlertStatus::Pending => Some(Would::KeepPending),
                AlertStatus::Seen if is_new => Some(Would::KeepKnown),
                AlertStatus::Seen => matches!(watcher.alert_on, AlertOn::Change { .. }).then_some(Would::KeepUnchanged),
            },
        }
    }

    /// Whether it leaves the key as it is.
    pub fn is_nothing(self) -> bool {
        matches!(self, Would::KeepFiring | Would::KeepPending | Would::KeepKnown | Would::KeepUnchanged)
    }

    /// As a clause.
    pub fn words(self) -> &'static str {
        match self {
            Would::Fire => "a poll now would fire it",
            Would::Pend => "a poll now would have it wait until it has held for long enough",
            Would::Escalate => "a poll now would escalate it",
            Would::TellChange => "a poll now would tell of that change",
            Would::Resolve => "a poll now would resolve it",
            Would::TakeAsKnown => "a poll now would take it into the baseline and tell no one",
            Would::KeepFiring => "it goes on firing",
            Would::KeepPending => "it goes on waiting",
            Would::KeepKnown => "it is known already, so nothing is told of it",
            Would::KeepUnchanged => "nothing that is watched has changed",
        }
    }
}
