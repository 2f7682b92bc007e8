//! At most 20 calls a second to one API: DingTalk refuses an app's further ones.

use super::api::Api;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// Calls a second of one app to one API, on the standard edition.
pub(super) const CALLS_A_SECOND: usize = 20;
/// The window of the limit, and a hair: DingTalk's clock is not ours.
const WINDOW: TimeDelta = TimeDelta::milliseconds(1_050);

/// When the last calls to each API were made.
#[derive(Default)]
pub(super) struct Pace {
    calls: Mutex<BTreeMap<Api, VecDeque<DateTime<Utc>>>>,
}

impl Pace {
    /// Reserves a call now, or says when there is room for one.
    pub fn take(&self, api: Api, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let mut calls = self.lock();
        let made = calls.entry(api).or_default();
        forget(made, now);
        if made.len() >= CALLS_A_SECOND {
            return Err(made[made.len() - CALLS_A_SECOND] + WINDOW);
        }
        made.push_back(now);
        Ok(())
    }

    /// When so many calls (at most 20) may be made in a row: `None` is now.
    pub fn free_at(&self, api: Api, calls: usize, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut made = self.lock();
        let made = made.entry(api).or_default();
        forget(made, now);
        let over = (made.len() + calls.min(CALLS_A_SECOND)).checked_sub(CALLS_A_SECOND).filter(|over| *over > 0)?;
        Some(made[over - 1] + WINDOW)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Api, VecDeque<DateTime<Utc>>>> {
        self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Calls that the window has left behind. One of the future was made before the clock was set back.
fn forget(made: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) {
    made.retain(|at| *at + WINDOW > now && *at <= now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_calls_a_second_and_api() {
        let pace = Pace::default();
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        for _ in 0..20 {
            assert_eq!(pace.take(Api::SendToPeople, now), Ok(()));
        }
        assert_eq!(pace.take(Api::SendToPeople, now), Err(now + WINDOW));
        assert_eq!(pace.take(Api::Ding, now), Ok(()));
        assert_eq!(pace.free_at(Api::SendToPeople, 1, now), Some(now + WINDOW));
        assert_eq!(pace.free_at(Api::Ding, 19, now), None);
        assert_eq!(pace.free_at(Api::Ding, 20, now), Some(now + WINDOW));
        assert_eq!(pace.take(Api::SendToPeople, now + WINDOW), Ok(()));
    }
}
