//! What a receiver may be sent, and what it is sent next: pure decisions over what the store counts.
//!
//! A custom robot takes 20 messages a minute and an organisation so many a month. Both are counted in the store, so that
//! restarts and other processes change nothing.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// At most this many messages leave for one robot in any rolling [`BUDGET_WINDOW`]. DingTalk's limit is 20, after which
/// it refuses everything for ten minutes; two are left for other programs that use the same robot.
pub const BUDGET: usize = 18;
/// The window of [`BUDGET`].
pub const BUDGET_WINDOW: Duration = Duration::from_secs(60);

/// On what terms a receiver is sent to, as the settings have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its name.
    pub receiver: String,
    /// The robots behind it, or the app; at least one. Receivers that share one share its budget.
    pub robots: Vec<RobotTerms>,
    /// Messages that may leave for one of them in any rolling [`BUDGET_WINDOW`].
    pub per_minute: usize,
    /// Whose monthly quota it uses.
    pub organisation: String,
    /// Which of the organisation's quotas.
    pub quota_kind: QuotaKind,
    /// How many messages or calls a month the organisation has; `None`: counted, not limited.
    pub quota: Option<u64>,
    /// The receivers that are told when a month is nearly or wholly used; none: this one.
    pub tell: Vec<String>,
    /// How long what is not critical is gathered.
    pub digest: Option<Duration>,
    /// Who takes over while it refuses for good.
    pub fallback: Option<String>,
}

impl Terms {
    /// The robots as one text: the same for receivers that share all of them.
    pub fn robot_names(&self) -> String {
        let mut names: Vec<&str> = self.robots.iter().map(|robot| robot.name.as_str()).collect();
        names.sort_unstable();
        names.join(" ")
    }
}

/// A robot, or an app, behind a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotTerms {
    /// A hash of its token or client id: what tells it apart, and no secret.
    pub name: String,
    /// What an administrator lets it send in a month.
    pub cap: Option<u64>,
}

/// Which of an organisation's monthly quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaKind {
    /// Messages through webhooks and Stream.
    Webhook,
    /// Calls of the API.
    Api,
}

impl QuotaKind {
    /// The word of SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            QuotaKind::Webhook => "webhook",
            QuotaKind::Api => "api",
        }
    }
}

/// When the next message may leave, given when the messages of the last window did: `None` is now.
///
/// `sent` holds when each attempt ended (or the present moment for one that has not): a request cannot arrive later than
/// its answer, so no window at the receiver ever sees more than `most`.
pub fn free_at(sent: &[DateTime<Utc>], most: usize, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let window = TimeDelta::from_std(BUDGET_WINDOW).unwrap_or(TimeDelta::MAX);
    let mut recent: Vec<_> = sent.iter().copied().filter(|at| *at + window > now).collect();
    recent.sort_unstable();
    let over = (recent.len() + 1).checked_sub(most).filter(|over| *over > 0)?;
    Some(recent[over - 1] + window)
}

/// The order in which a watcher prefers the robots of a pool: the same in every process, and when one robot is out only
/// its own watchers move.
pub fn preference(watcher: &str, robot: &str) -> u64 {
    xxh3_64(format!("{watcher}\n{robot}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    #[test]
    fn the_budget_frees_itself_as_the_window_rolls() {
        let sent: Vec<_> = (0..18).map(|n| now() - TimeDelta::seconds(50 - n)).collect();
        assert_eq!(free_at(&sent[..17], BUDGET, now()), None);
        assert_eq!(free_at(&sent, BUDGET, now()), Some(now() + TimeDelta::seconds(10)));
        assert_eq!(free_at(&sent, BUDGET, now() + TimeDelta::seconds(11)), None);
    }

    #[test]
    fn a_watcher_stays_with_its_robot_when_another_leaves_the_pool() {
        let favourite = |watcher: &str, robots: &[&str]| {
            robots.iter().max_by_key(|robot| preference(watcher, robot)).map(|robot| (*robot).to_owned()).expect("a robot")
        };
        let watchers: Vec<String> = (0..100).map(|n| format!("w{n}")).collect();
        for watcher in &watchers {
            let before = favourite(watcher, &["a", "b", "c"]);
            let after = favourite(watcher, &["a", "b"]);
            assert!(before == after || before == "c", "{watcher} moved from {before} to {after}");
        }
        assert!(watchers.iter().any(|watcher| favourite(watcher, &["a", "b", "c"]) == "c"));
    }
}
