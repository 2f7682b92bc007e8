//! How a receiver stands, in words for whoever looks after it.

use super::budget::{Month, RobotFacts, Terms};
use chrono::{DateTime, Utc};

/// What is known of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its robots.
    pub robots: Vec<RobotFacts>,
    /// What its organisation has used of this month.
    pub used: u64,
    /// Deliveries that wait.
    pub waiting: u64,
    /// How many messages may leave now.
    pub left: usize,
}

impl Standing {
    /// What was used of the organisation's month, and of the robots' own ones: `12 of 3000`.
    pub fn month(&self, terms: &Terms) -> String {
        let of = |quota: Option<u64>| quota.map(|quota| format!(" of {quota}")).unwrap_or_default();
        let used = format!("{}{}", self.used, of(terms.quota));
        let caps: Vec<String> = self.caps().map(|(used, cap)| format!("{used} of {cap}")).collect();
        if caps.is_empty() { used } else { format!("{used}; capped {}", caps.join(", ")) }
    }

    /// What keeps messages from being sent, and what follows from it; `ok` when nothing does.
    pub fn words(&self, terms: &Terms, now: DateTime<Utc>, at: impl Fn(DateTime<Utc>) -> String) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.refuses_for_good() {
            let next = match &terms.fallback {
                Some(fallback) => format!("{fallback} is told in its place"),
                None => "nobody is told in its place: name a `fallback`".to_owned(),
            };
            words.push(format!("refuses for good; {next}"));
        }
        for (number, robot) in self.robots.iter().enumerate() {
            let which = if self.robots.len() > 1 { format!("robot {} ", number + 1) } else { String::new() };
            words.extend(held(robot, now, &at).map(|state| which + &state));
        }
        words.extend(self.month_words(terms, &at(Month::of(now).ends_at)));
        if words.is_empty() { "ok".to_owned() } else { words.join("; ") }
    }

    /// Whether every robot does.
    pub fn refuses_for_good(&self) -> bool {
        self.robots.iter().all(|robot| robot.gone)
    }

    fn caps(&self) -> impl Iterator<Item = (u64, u64)> {
        self.robots.iter().filter_map(|robot| robot.cap.as_ref()).map(|cap| (cap.used, cap.quota))
    }

    fn month_words(&self, terms: &Terms, ends: &str) -> Option<String> {
        let months = self.caps().chain(terms.quota.map(|quota| (self.used, quota)));
        match months.map(|(used, quota)| used.saturating_mul(100) / quota.max(1)).max()? {
            100.. => Some(format!("the month is used up: only what is critical is tried before {ends}")),
            95.. => Some(format!("the rest of the month is kept for what is critical, until {ends}")),
            81.. => Some(format!("the month is nearly used up: what is not critical is spaced until {ends}")),
            _ => None,
        }
    }
}

fn held(robot: &RobotFacts, now: DateTime<Utc>, at: impl Fn(DateTime<Utc>) -> String) -> Option<String> {
    let reason = robot.reason.as_deref()?;
    Some(match robot.held_until.filter(|until| *until > now) {
        Some(until) => format!("held until {}: {reason}", at(until)),
        None => format!("to be tried again: {reason}"),
    })
}
