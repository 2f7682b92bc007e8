//! The guard against mass changes: a result that moves suspiciously many keys is held. Pure.
//!
//! A table that is emptied and filled again, a permission that hides rows, a replica that fell back: the query succeeds and
//! most of its rows are gone. Taken as it is, that would resolve every alert and fire them all again a minute later.

use super::watcher::{Guard, Share};

/// Below so many known keys a percentage says nothing.
const PERCENT_FROM: u64 = 10;

/// How many keys a poll moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Keys that were known before: that fired, or that are watched for changes.
    pub known: u64,
    /// Known keys that are there no more.
    pub vanished: u64,
    /// Keys that fire, change or are added.
    pub fired: u64,
}

/// Why a result is held; `None` for one that is not suspicious.
pub fn suspicion(guard: &Guard, moved: Moved) -> Option<String> {
    let limit = |share: Option<Share>, count: u64| match share? {
        Share::Count(most) if count > most => Some(format!("more than {most}")),
        Share::Percent(most) if moved.known >= PERCENT_FROM && count as f64 * 100.0 > most * moved.known as f64 => {
            Some(format!("more than {most} % of the {} that were known", moved.known))
        }
        _ => None,
    };
    let vanished = limit(guard.vanished, moved.vanished).map(|most| format!("{} keys vanished at once, {most}", moved.vanished));
    let fired = limit(guard.fired, moved.fired).map(|most| format!("{} keys fire or change at once, {most}", moved.fired));
    let both: Vec<String> = vanished.into_iter().chain(fired).collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// The message of a result that is held: why, and what can be done. `left` is how many polls would still confirm it.
pub fn held(why: &str, watcher: &str, left: u32) -> String {
    let polls = if left == 1 { "the next poll confirms it".to_owned() } else { format!("{left} more polls confirm it") };
    format!("{why}{UNCHANGED}. `rowbell release {watcher}` takes the next result, or {polls}")
}

/// Why a result was held, of such a message.
pub fn cause(message: &str) -> &str {
    message.split(UNCHANGED).next().unwrap_or(message)
}

/// What stands between why a result is held and what can be done.
const UNCHANGED: &str = "; nothing was changed";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vanished: Option<Share>, fired: Option<Share>, known: u64, gone: u64, new: u64) -> Option<String> {
        suspicion(&Guard { vanished, fired, polls: 3 }, Moved { known, vanished: gone, fired: new })
    }

    #[test]
    fn a_limit_may_be_reached_but_not_exceeded() {
        let most = Some(Share::Count(5));
        assert_eq!(of(most, None, 100, 5, 99), None);
        assert_eq!(of(most, None, 100, 6, 0).as_deref(), Some("6 keys vanished at once, more than 5"));
        let half = Some(Share::Percent(50.0));
        assert_eq!(of(half, None, 100, 50, 0), None);
        assert_eq!(of(half, None, 100, 51, 0).as_deref(), Some("51 keys vanished at once, more than 50 % of the 100 that were known"));
    }

    #[test]
    fn a_percentage_of_few_keys_says_nothing() {
        assert_eq!(of(Some(Share::Percent(50.0)), Some(Share::Percent(50.0)), 9, 9, 9), None);
    }

    #[test]
    fn both_limits_are_told() {
        let told = of(Some(Share::Count(1)), Some(Share::Count(1)), 10, 2, 3).expect("held");
        assert!(told.contains("2 keys vanished") && told.contains("3 keys fire"), "{told}");
    }

    #[test]
    fn what_is_held_says_why_and_what_can_be_done() {
        let message = held("6 keys vanished at once, more than 5", "low_stock", 1);
        assert_eq!(
            message,
            "6 keys vanished at once, more than 5; nothing was changed. `rowbell release low_stock` takes the next result, or the next poll confirms it"
        );
        assert!(held("x", "w", 2).ends_with("or 2 more polls confirm it"));
        assert_eq!((cause(&message), cause("other words")), ("6 keys vanished at once, more than 5", "other words"));
    }
}
