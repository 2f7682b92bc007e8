//! The one place that reads the machine's clock. Everything else is told what time it is, so that tests move time
//! instead of waiting for it.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::sync::watch;

/// Tells the time, and waits for it. Cheap to clone; clones of a virtual clock move together.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until a test moves it.
    Virtual(Arc<watch::Sender<DateTime<Utc>>>),
}

impl Clock {
    /// A virtual clock that shows `at`.
    pub fn at(at: DateTime<Utc>) -> Clock {
        Clock::Virtual(Arc::new(watch::Sender::new(at)))
    }

    /// What time it is.
    #[allow(clippy::disallowed_methods)] // this is the one place
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Virtual(time) => *time.borrow(),
        }
    }

    /// Moves a virtual clock forward; the machine's clock does not obey.
    pub fn advance(&self, by: TimeDelta) {
        if let Clock::Virtual(time) = self {
            time.send_modify(|now| *now += by);
        }
    }

    /// Waits until the clock shows `at` or later.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        match self {
            Clock::System => {
                if let Ok(wait) = (at - self.now()).to_std() {
                    tokio::time::sleep(wait).await;
                }
            }
            Clock::Virtual(time) => {
                // The sender lives in `self`, so the wait cannot fail.
                let _ = time.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }
}
