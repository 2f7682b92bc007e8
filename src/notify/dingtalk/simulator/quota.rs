//! What an organisation, or an admin's cap, leaves of a month. The months are China's.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;

/// What is used of a month.
#[derive(Clone, Debug, Default)]
pub(super) struct Quota {
    /// How much a month has; absent: no limit.
    limit: Option<u32>,
    /// Months since year 0.
    month: i32,
    used: u32,
}

impl Quota {
    pub fn new(limit: Option<u32>) -> Quota {
        Quota { limit, ..Quota::default() }
    }

    /// Whether nothing is left of this month.
    pub fn is_used_up(&mut self, now: DateTime<Utc>) -> bool {
        self.turn(now);
        self.limit.is_some_and(|limit| self.used >= limit)
    }

    /// Uses one.
    pub fn take(&mut self, now: DateTime<Utc>) {
        self.turn(now);
        self.used += 1;
    }

    /// How many were used this month.
    pub fn used(&mut self, now: DateTime<Utc>) -> u32 {
        self.turn(now);
        self.used
    }

    fn turn(&mut self, now: DateTime<Utc>) {
        let date = now.with_timezone(&Tz::Asia__Shanghai).date_naive();
        let month = date.year() * 12 + date.month0() as i32;
        if month != self.month {
            (self.month, self.used) = (month, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_midnight_in_china() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let mut quota = Quota::new(Some(2));
        quota.take(at("2026-11-30T15:59:59Z"));
        quota.take(at("2026-11-30T15:59:59Z"));
        assert!(quota.is_used_up(at("2026-11-30T15:59:59Z")));
        assert!(!quota.is_used_up(at("2026-11-30T16:00:00Z")));
        assert_eq!(quota.used(at("2026-11-30T16:00:00Z")), 0);
    }
}
