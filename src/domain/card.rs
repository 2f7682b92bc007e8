//! What an interactive card shows: the message it was sent as, and how its alerts stand now. Pure.
//!
//! A card is sent once and changed in place. So it shows nothing that is not true any more: while something fires it can
//! be acknowledged and silenced; what a person has taken names them; what is over says so and has no buttons but the one
//! that opens the page.

use super::alert::{Acknowledgement, Alert, AlertStatus, EventKind, Severity};
use super::message::{Language, Message, neutralise};
use super::row::Row;
use super::silence::{Silence, Subject, covering};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};
use std::fmt::Write as _;

/// The most bytes of a value of a card: DingTalk documents 1 KB.
pub const MAX_VALUE_BYTES: usize = 1_000;
/// The most lines about rows that have changed since the card was sent.
const MOST_CHANGES: usize = 5;
/// The most columns of such a line.
const MOST_COLUMNS: usize = 3;

/// How an alert of a card stands.
#[derive(Clone, Debug, PartialEq)]
pub struct CardAlert {
    /// The key columns.
    pub key: Map<String, Json>,
    /// The row as it was told.
    pub told: Map<String, Json>,
    /// The severity as it was told.
    pub told_severity: Severity,
    /// Where it stands now.
    pub standing: Standing,
}

/// Where an alert stands now.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It fires.
    Firing {
        /// The row as it is.
        row: Map<String, Json>,
        /// How bad it is.
        severity: Severity,
        /// Who has taken it.
        acknowledged: Option<Acknowledgement>,
        /// Until when no message is made of it, and who has said so.
        silenced: Option<(DateTime<Utc>, String)>,
    },
    /// It is over.
    Over {
        /// Since when, as far as it is known.
        at: Option<DateTime<Utc>>,
    },
    /// It was news and has no end.
    News,
}

/// An event that a card was sent for, and what is known of its alert now.
#[derive(Clone, Debug)]
pub struct CardEvent {
    /// Its number in the history.
    pub id: i64,
    /// Whose.
    pub watcher: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// Which alert; none for the watcher's own events and for reports.
    pub fingerprint: Option<String>,
    /// The key columns.
    pub key: Map<String, Json>,
    /// The row as it was told.
    pub told: Map<String, Json>,
    /// How bad it was.
    pub severity: Severity,
    /// The alert as it is stored now.
    pub present: Option<Alert>,
    /// When the alert was over for the first time after the event.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How the alerts of a card stand: each once, by its last event.
pub fn card_alerts(events: &[CardEvent], silences: &[Silence], receiver: &str, now: DateTime<Utc>) -> Vec<CardAlert> {
    let is_last = |at: usize| match &events[at].fingerprint {
        Some(fingerprint) => !events[at + 1..].iter().any(|later| later.fingerprint.as_ref() == Some(fingerprint)),
        None => true,
    };
    let last = (0..events.len()).filter(|at| is_last(*at)).map(|at| &events[at]);
    last.map(|event| CardAlert {
        key: event.key.clone(),
        told: event.told.clone(),
        told_severity: event.severity,
        standing: standing(event, silences, receiver, now),
    })
    .collect()
}

fn standing(event: &CardEvent, silences: &[Silence], receiver: &str, now: DateTime<Utc>) -> Standing {
    match (event.kind, &event.present) {
        (EventKind::Resolved | EventKind::WatcherRecovered, _) => Standing::Over { at: Some(event.at) },
        _ if event.ended_at.is_some() => Standing::Over { at: event.ended_at },
        (EventKind::Report | EventKind::WatcherFailed, _) => Standing::News,
        (_, Some(alert)) if alert.status == AlertStatus::Firing => {
            let key = Row::from_json(&event.key, "");
            let subject = Subject { watcher: &event.watcher, key: key.as_ref(), severity: alert.severity };
            let silence = covering(silences, &subject, receiver, now);
            Standing::Firing {
                row: alert.rows.first().map(Row::to_json).unwrap_or_default(),
                severity: alert.severity,
                acknowledged: alert.acknowledged.clone(),
                silenced: silence.map(|silence| (silence.ends_at, silence.author.clone())),
            }
        }
        (_, Some(_)) => Standing::News,
        (_, None) => Standing::Over { at: None },
    }
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What a notification shows.
    pub title: String,
    /// The message, within [`MAX_VALUE_BYTES`].
    pub markdown: String,
    /// How it stands, in one line.
    pub tips: String,
    /// What can be done.
    pub buttons: Vec<CardButton>,
    /// Nothing will change any more.
    pub is_over: bool,
}

/// What can be done with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardButton {
    /// 认领: a person takes what fires.
    Acknowledge,
    /// 静默 2 小时: no messages of it for a while.
    Silence,
    /// 查看: opens the page.
    Open,
}

impl CardButton {
    /// What it says.
    pub fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (CardButton::Acknowledge, Language::ZhCn) => "认领",
            (CardButton::Acknowledge, Language::En) => "Acknowledge",
            (CardButton::Silence, Language::ZhCn) => "静默 2 小时",
            (CardButton::Silence, Language::En) => "Silence 2 h",
            (CardButton::Open, Language::ZhCn) => "查看",
            (CardButton::Open, Language::En) => "Open",
        }
    }
}

/// What a card of this message shows when its alerts stand like this.
pub fn card(message: &Message, alerts: &[CardAlert], zone: Tz) -> Card {
    let language = message.language;
    let changes = changes(language, alerts);
    let room = MAX_VALUE_BYTES.saturating_sub(changes.len());
    let count = |wanted: fn(&Standing) -> bool| alerts.iter().filter(|alert| wanted(&alert.standing)).count();
    let firing = count(|standing| matches!(standing, Standing::Firing { .. }));
    let open = count(|standing| matches!(standing, Standing::Firing { acknowledged: None, .. }));
    let loud = count(|standing| matches!(standing, Standing::Firing { silenced: None, .. }));
    let mut buttons = Vec::new();
    if open > 0 {
        buttons.push(CardButton::Acknowledge);
    }
    if loud > 0 {
        buttons.push(CardButton::Silence);
    }
    buttons.push(CardButton::Open);
    Card {
        title: message.title.clone(),
        markdown: format!("{}{changes}", without_heading(&message.text_within(room), &message.title)),
        tips: tips(language, alerts, zone),
        buttons,
        is_over: firing == 0,
    }
}

/// The text without a heading that the title says as well: a card shows the title above it.
fn without_heading<'a>(text: &'a str, title: &str) -> &'a str {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_said = first.starts_with('#') && title.starts_with(first.trim_start_matches('#').trim());
    if is_said && !rest.trim().is_empty() { rest.trim_start() } else { text }
}

/// `🔴 2 未处理 · 🙋 张三 已认领 10:05 · ✅ 1 已恢复`: each standing once, with a number where there are several alerts.
pub fn tips(language: Language, alerts: &[CardAlert], zone: Tz) -> String {
    let several = alerts.len() > 1;
    let number = |n: usize| if several { format!("{n} ") } else { String::new() };
    let word = |chinese: &'static str, english: &'static str| if language == Language::ZhCn { chinese } else { english };
    let mut parts = Vec::new();
    let mut groups: Vec<(Group<'_>, usize, Option<DateTime<Utc>>)> = Vec::new();
    for alert in alerts {
        let (group, at) = Group::of(&alert.standing);
        match groups.iter_mut().find(|(known, _, _)| *known == group) {
            Some((_, n, latest)) => (*n, *latest) = (*n + 1, at.max(*latest)),
            None => groups.push((group, 1, at)),
        }
    }
    groups.sort_by_key(|(group, _, _)| group.rank());
    for (group, n, at) in groups {
        let at = at.map(|at| format!(" {}", at.with_timezone(&zone).format("%H:%M"))).unwrap_or_default();
        let n = number(n);
        parts.push(match group {
            Group::Open => format!("🔴 {n}{}", word("未处理", "open")),
            Group::Silenced(by) => format!("🔕 {n}{} {} {}", neutralise(by), word("已静默至", "silenced until"), at.trim()),
            Group::Taken(by) => match language {
                Language::ZhCn => format!("🙋 {n}{} 已认领{at}", neutralise(by)),
                Language::En => format!("🙋 {n}acknowledged by {}{at}", neutralise(by)),
            },
            Group::Over => format!("✅ {n}{}{at}", word("已恢复", "resolved")),
            Group::News => continue,
        });
    }
    parts.join(" · ")
}

/// Alerts that one word says it of.
#[derive(PartialEq)]
enum Group<'a> {
    Open,
    Silenced(&'a str),
    Taken(&'a str),
    Over,
    News,
}

impl Group<'_> {
    fn of(standing: &Standing) -> (Group<'_>, Option<DateTime<Utc>>) {
        match standing {
            Standing::Firing { acknowledged: Some(taken), .. } => (Group::Taken(&taken.by), Some(taken.at)),
            Standing::Firing { silenced: Some((until, by)), .. } => (Group::Silenced(by), Some(*until)),
            Standing::Firing { .. } => (Group::Open, None),
            Standing::Over { at } => (Group::Over, *at),
            Standing::News => (Group::News, None),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Group::Open => 0,
            Group::Taken(_) => 1,
            Group::Silenced(_) => 2,
            Group::Over => 3,
            Group::News => 4,
        }
    }
}

/// What is not any more as the message says: `**A-17** 现为 严重 · qty 3 → 1`.
fn changes(language: Language, alerts: &[CardAlert]) -> String {
    let mut text = String::new();
    let changed = alerts.iter().filter_map(|alert| Some((alert, difference(language, alert)?))).take(MOST_CHANGES);
    for (alert, difference) in changed {
        let key: Vec<String> = alert.key.values().map(shown).collect();
        let now = if language == Language::ZhCn { "现为" } else { "now" };
        let _ = write!(text, "\n\n- **{}** {now} {difference}", key.join(" · "));
    }
    // A list of changes that leaves no room for the message tells too much.
    if text.len() > MAX_VALUE_BYTES / 2 { String::new() } else { text }
}

fn difference(language: Language, alert: &CardAlert) -> Option<String> {
    let Standing::Firing { row, severity, .. } = &alert.standing else { return None };
    let severity = (*severity != alert.told_severity).then(|| super::message::words::severity(language, *severity).to_owned());
    let columns = row.iter().filter(|(column, value)| alert.told.get(*column).is_some_and(|told| told != *value));
    let columns = columns.take(MOST_COLUMNS).map(|(column, value)| {
        let told = alert.told.get(column).map(shown).unwrap_or_default();
        format!("{} {told} → {}", neutralise(column), shown(value))
    });
    let parts: Vec<String> = severity.into_iter().chain(columns).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn shown(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Null => "NULL".to_owned(),
        value => value.to_string(),
    };
    neutralise(&text.chars().take(40).collect::<String>())
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
