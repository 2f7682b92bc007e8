//! What a receiver may be sent, and what it is sent next: pure decisions over what the store counts.
//!
//! A custom robot takes 20 messages a minute and an organisation so many a month. Both are counted in the store, so that
//! restarts and other processes change nothing.

use super::alert::Severity;
use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// At most this many messages leave for one robot in any rolling [`BUDGET_WINDOW`]. DingTalk's limit is 20, after which
/// it refuses everything for ten minutes; two are left for other programs that use the same robot.
pub const BUDGET: usize = 18;
/// What an app may send in a rolling [`BUDGET_WINDOW`]: 20 calls a second, which are paced where they are made.
pub const APP_BUDGET: usize = 20 * 60;
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

/// Of a robot's budget, one in so many is kept for what is critical.
const KEPT_FOR_CRITICAL: usize = 6;
/// After messages had to be merged, the next ones are gathered for so long, until a minute has passed without that.
const GATHER: TimeDelta = TimeDelta::seconds(10);
/// Below one in so many left of a month, what is not critical is spaced so that the rest lasts.
const LOW: u64 = 5;
/// One in so many of a month is kept for what is critical.
const MONTH_KEPT: u64 = 20;
/// What is left of a robot's messages a minute for what is not critical.
pub const fn ordinary(per_minute: usize) -> usize {
    per_minute - per_minute / KEPT_FOR_CRITICAL
}

/// More events are not told by one digest.
pub const MOST_MERGED: u64 = 20_000;

/// What is known of a robot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RobotFacts {
    /// Which.
    pub name: String,
    /// Nothing is sent before.
    pub held_until: Option<DateTime<Utc>>,
    /// Why, or why it was held last; nothing once it has taken a message since.
    pub reason: Option<String>,
    /// It was sent too much.
    pub throttled: bool,
    /// It refuses for good.
    pub gone: bool,
    /// Failures in a row.
    pub failures: u32,
    /// When the attempts of the last window ended.
    pub sent: Vec<DateTime<Utc>>,
    /// When merged messages last left in that window.
    pub merged_at: Option<DateTime<Utc>>,
    /// The same of such as were critical.
    pub merged_critical_at: Option<DateTime<Utc>>,
    /// Its own month, when an administrator has capped it.
    pub cap: Option<MonthUse>,
}

/// What has been used of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthUse {
    /// How much there is.
    pub quota: u64,
    /// How much was used.
    pub used: u64,
    /// When the last of it was.
    pub last_at: Option<DateTime<Utc>>,
}

/// A delivery that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: i64,
    /// Whose; its messages leave in order.
    pub watcher: String,
    /// Whether it stands for no watcher, and in no order.
    pub is_digest: bool,
    /// How bad.
    pub severity: Severity,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Not tried before.
    pub not_before: DateTime<Utc>,
    /// Whether it was tried: then it may have arrived, and stays as it is.
    pub tried: bool,
    /// The robot that may have taken it, which is the only one that would know it again.
    pub bound_to: Option<String>,
    /// How many events it tells; one that tells none cannot be merged.
    pub events: u64,
}

/// What is to be done for a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// This delivery leaves now, by this robot.
    Send {
        /// Which.
        id: i64,
        /// By which robot.
        robot: String,
    },
    /// These become one.
    Merge(Vec<i64>),
    /// All that waits goes to the fallback.
    FallBack,
    /// Nothing before then.
    NotBefore(DateTime<Utc>),
    /// Nothing waits.
    Nothing,
}

/// Decides what is sent next. `waiting` is in the order in which it was made.
///
/// A watcher's messages leave in order; of the watchers the one with the worst that waits goes first. What does not fit
/// into what is left of the budget is merged into one message.
pub fn plan(terms: &Terms, robots: &[RobotFacts], month: Option<&MonthUse>, waiting: &[Waiting], now: DateTime<Utc>) -> Plan {
    if waiting.is_empty() {
        return Plan::Nothing;
    }
    let is_held = |robot: &RobotFacts| robot.held_until.is_some_and(|until| until > now);
    if terms.fallback.is_some() && robots.iter().all(|robot| robot.gone && is_held(robot)) {
        return Plan::FallBack;
    }
    let desk = Desk { terms, robots, month, now };
    let groups = groups(waiting);
    let of = |critical: bool| groups.iter().filter(move |group| group.is_critical() == critical).collect::<Vec<_>>();
    let mut later = Vec::new();
    for critical in [true, false] {
        match desk.step(critical, &of(critical), waiting) {
            Ok(plan) => return plan,
            Err(at) => later.extend(at),
        }
    }
    later.into_iter().min().map_or(Plan::Nothing, Plan::NotBefore)
}

/// What waits of one watcher, in order.
struct Group<'a> {
    all: Vec<&'a Waiting>,
    worst: Severity,
}

impl Group<'_> {
    fn is_critical(&self) -> bool {
        self.worst == Severity::Critical
    }

    /// What may be merged: nothing that was tried, nor what must stay behind that.
    fn mergeable(&self) -> impl Iterator<Item = &Waiting> {
        let stays = self.all.iter().any(|one| one.tried || one.events == 0);
        self.all.iter().copied().filter(move |_| !stays)
    }
}

fn groups(waiting: &[Waiting]) -> Vec<Group<'_>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for one in waiting {
        let place = if one.is_digest { groups.len() } else { *places.entry(&one.watcher).or_insert(groups.len()) };
        match groups.get_mut(place) {
            Some(group) => {
                group.all.push(one);
                group.worst = group.worst.max(one.severity);
            }
            None => groups.push(Group { all: vec![one], worst: one.severity }),
        }
    }
    groups
}

/// What becomes one message: of these groups what may, and of the groups that go along.
fn merged<'w>(due: impl Iterator<Item = &'w Group<'w>>, along: &[&Waiting]) -> Vec<i64> {
    let mut chosen: Vec<&Waiting> = due.flat_map(Group::mergeable).collect();
    let stay: HashSet<&str> =
        along.iter().filter(|one| !one.is_digest && (one.tried || one.events == 0)).map(|one| one.watcher.as_str()).collect();
    let known: HashSet<i64> = chosen.iter().map(|one| one.id).collect();
    let may = |one: &&&Waiting| {
        !one.tried && one.events > 0 && !known.contains(&one.id) && (one.is_digest || !stay.contains(one.watcher.as_str()))
    };
    chosen.extend(along.iter().filter(may));
    let mut events = 0;
    let fits = |one: &&Waiting| {
        events += one.events;
        events <= MOST_MERGED
    };
    chosen.into_iter().take_while(fits).map(|one| one.id).collect()
}

/// All that a decision looks at but what waits.
struct Desk<'a> {
    terms: &'a Terms,
    robots: &'a [RobotFacts],
    month: Option<&'a MonthUse>,
    now: DateTime<Utc>,
}

impl Desk<'_> {
    /// What is done for the critical, or for the others; else when.
    fn step(&self, critical: bool, groups: &[&Group<'_>], waiting: &[Waiting]) -> Result<Plan, Option<DateTime<Utc>>> {
        let mut later: Option<DateTime<Utc>> = None;
        let mut not_before = |at: DateTime<Utc>| later = Some(later.map_or(at, |other| other.min(at)));
        let gathered = self.gathered(critical, groups);
        let mut due: Vec<(&Waiting, &Group<'_>)> = Vec::new();
        for group in groups.iter().copied() {
            let Some(head) = group.all.first().copied() else { continue };
            let waits = gathered.filter(|_| !head.tried && !head.is_digest).map_or(head.not_before, |at| at.max(head.not_before));
            if waits > self.now { not_before(waits) } else { due.push((head, group)) }
        }
        due.sort_by_key(|(head, group)| (!head.tried, Reverse(group.worst), head.id));
        let room: usize = self.robots.iter().filter_map(|robot| self.room(robot, critical).ok()).sum();
        let needed: usize = due.iter().map(|(_, group)| group.all.len()).sum();
        let is_gathered = gathered.is_some_and(|at| at <= self.now);
        let tried_first = due.first().is_some_and(|(head, _)| head.tried);
        if !tried_first && room > 0 && (needed > room || is_gathered) {
            // What is not critical would be merged next: it goes along.
            let along: Vec<&Waiting> = if critical { waiting.iter().collect() } else { Vec::new() };
            let merged = merged(due.iter().map(|(_, group)| *group), &along);
            if merged.len() > 1 {
                return Ok(Plan::Merge(merged));
            }
        }
        for (head, _) in &due {
            match self.robot_for(head, critical) {
                Ok(robot) => return Ok(Plan::Send { id: head.id, robot }),
                Err(at) => not_before(at),
            }
        }
        Err(later)
    }

    /// Until when what is not critical is gathered by choice.
    fn gathered(&self, critical: bool, groups: &[&Group<'_>]) -> Option<DateTime<Utc>> {
        let digest = self.terms.digest.filter(|_| !critical).and_then(|digest| TimeDelta::from_std(digest).ok())?;
        let untried = groups.iter().flat_map(|group| group.all.iter()).filter(|one| !one.tried && !one.is_digest);
        untried.map(|one| one.created_at + digest).min()
    }

    /// The robot that a delivery leaves by now; else when there is one.
    fn robot_for(&self, one: &Waiting, critical: bool) -> Result<String, DateTime<Utc>> {
        let knows = |robot: &&RobotFacts| one.bound_to.as_ref() == Some(&robot.name) && !robot.throttled && !robot.gone;
        let mut robots: Vec<&RobotFacts> = match self.robots.iter().find(knows) {
            Some(bound) => vec![bound],
            None => self.robots.iter().collect(),
        };
        robots.sort_by_key(|robot| Reverse(preference(&one.watcher, &robot.name)));
        let mut later: Option<DateTime<Utc>> = None;
        for robot in robots {
            match self.room(robot, critical) {
                Ok(_) => return Ok(robot.name.clone()),
                Err(at) => later = Some(later.map_or(at, |other| other.min(at))),
            }
        }
        Err(later.unwrap_or(self.now))
    }

    /// How many messages may leave by a robot now; else when one may.
    fn room(&self, robot: &RobotFacts, critical: bool) -> Result<usize, DateTime<Utc>> {
        if let Some(until) = robot.held_until.filter(|until| *until > self.now) {
            return Err(until);
        }
        let most = if critical { self.terms.per_minute } else { ordinary(self.terms.per_minute) };
        if let Some(at) = free_at(&robot.sent, most, self.now) {
            return Err(at);
        }
        let mut room = most - robot.sent.len().min(most);
        let merged_at = if critical { robot.merged_critical_at } else { robot.merged_at };
        if let (Some(_), Some(last)) = (merged_at, robot.sent.iter().max()) {
            room = 1;
            if *last + GATHER > self.now {
                return Err(*last + GATHER);
            }
        }
        for month in self.month.iter().copied().chain(&robot.cap).filter(|_| !critical) {
            room = room.min(month.room(self.now)?);
        }
        Ok(room)
    }
}

impl MonthUse {
    /// How much is left.
    pub fn left(&self) -> u64 {
        self.quota.saturating_sub(self.used)
    }

    /// How many messages that are not critical may leave now; else when one may.
    fn room(&self, now: DateTime<Utc>) -> Result<usize, DateTime<Utc>> {
        let month = Month::of(now);
        let rest = self.left().saturating_sub(self.quota.div_ceil(MONTH_KEPT));
        if rest == 0 {
            return Err(month.ends_at);
        }
        if self.left() * LOW >= self.quota {
            return Ok(usize::try_from(rest).unwrap_or(usize::MAX));
        }
        let apart = (month.ends_at - now) / i32::try_from(rest).unwrap_or(i32::MAX);
        match self.last_at.filter(|last| *last <= now).map(|last| last + apart).filter(|next| *next > now) {
            Some(next) => Err(next),
            None => Ok(1),
        }
    }
}

/// A calendar month as DingTalk counts it: of China.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// `2026-11`.
    pub name: String,
    /// When the next one begins.
    pub ends_at: DateTime<Utc>,
}

impl Month {
    /// The month of a moment.
    pub fn of(at: DateTime<Utc>) -> Month {
        let there = at.with_timezone(&Shanghai);
        let (year, month) = if there.month() == 12 { (there.year() + 1, 1) } else { (there.year(), there.month() + 1) };
        let ends_at = Shanghai.with_ymd_and_hms(year, month, 1, 0, 0, 0).earliest().map_or(at, |end| end.to_utc());
        Month { name: there.format("%Y-%m").to_string(), ends_at }
    }
}

/// What of a month's use is told: 80 or 100, the higher that is reached. That all is used is told while one message is
/// left to tell it.
pub fn told_share(used: u64, quota: u64) -> Option<u8> {
    match used.saturating_mul(100) / quota.max(1) {
        _ if used.saturating_add(1) >= quota => Some(100),
        80.. => Some(80),
        _ => None,
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
#[path = "budget_tests.rs"]
mod tests;
