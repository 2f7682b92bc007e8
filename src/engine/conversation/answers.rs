//! From a command to what is done, and to what is answered.

use super::Talk;
use crate::domain::alert::{Acknowledgement, EventKind, Severity};
use crate::domain::chat::{self, AlertFact, EventFact, Failing, Held, InForce, Reply, Silenced, Status, Took};
use crate::domain::command::{self, Command, Misread};
use crate::domain::explain::{Asked as Question, BACK, File, explain};
use crate::domain::silence::Silence;
use crate::engine::{Engine, gathered, steps};
use crate::notify::dingtalk::stream::BotMessage;
use crate::store::{Acked, AlertLine, Deed, Heard, HistoryQuery, SilenceLine, StoreError};
use chrono::{DateTime, Utc};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The newest alerts among which the worst are looked for.
const ALERTS_READ: u64 = 500;
/// Events of a history that is answered.
const EVENTS_READ: u64 = 10;
/// Silences and waiting deliveries that are looked through.
const LINES_READ: u64 = 200;
/// Lines of a timeline.
const TIMELINE: usize = 5;

/// What a message asks.
pub(super) enum Asked {
    /// By someone who may not.
    NotAllowed {
        /// The receiver that would name them.
        receiver: String,
        /// Their user id.
        user: Option<String>,
    },
    /// Without words.
    NothingToRead,
    /// Not to be understood.
    Misread(Misread),
    /// Of a watcher that there is not.
    UnknownWatcher(String),
    /// A command, with names as they are written in the settings, of this person.
    Command(Command, String),
}

impl Engine {
    /// What a message asks, and whether the person may.
    pub(super) fn asked(&self, talk: &Talk, message: &BotMessage) -> Asked {
        let user = message.user.as_ref().filter(|user| talk.of.operators.contains(*user));
        let Some(user) = user else {
            let shown = message.user.as_deref().unwrap_or("of no user id");
            tracing::warn!(receiver.name = talk.of.receiver, user = shown, "a person who is not among `operators` wrote a command");
            return Asked::NotAllowed { receiver: talk.of.receiver.clone(), user: message.user.clone() };
        };
        let Some(text) = &message.text else { return Asked::NothingToRead };
        match command::parse(text).map(|command| self.with_names(command)) {
            Err(misread) => Asked::Misread(misread),
            Ok(Err(unknown)) => Asked::UnknownWatcher(unknown),
            Ok(Ok(command)) => Asked::Command(command, chat::person(Some(&message.name), user)),
        }
    }

    /// The command with the watcher's own name, or the name that no watcher has.
    fn with_names(&self, command: Command) -> Result<Command, String> {
        let named = |name: String| self.names().into_iter().find(|own| own.to_lowercase() == name).ok_or(name);
        Ok(match command {
            Command::Alerts(Some(name)) => Command::Alerts(Some(named(name)?)),
            Command::History(name) => Command::History(named(name)?),
            Command::Silence { watcher, length, reason } => Command::Silence { watcher: named(watcher)?, length, reason },
            Command::Why { watcher, key } => Command::Why { watcher: named(watcher)?, key },
            other => other,
        })
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.watchers().iter().map(|watcher| watcher.name.clone()).collect();
        names.dedup();
        names
    }

    /// What is to be done for it.
    pub(super) fn deed(&self, asked: &Asked, now: DateTime<Utc>) -> Deed {
        match asked {
            Asked::Command(Command::Acknowledge { ids, note }, by) => {
                Deed::Acknowledge { events: ids.clone(), by: Acknowledgement { at: now, by: by.clone(), note: note.clone() } }
            }
            Asked::Command(Command::Silence { watcher, length, reason }, by) => Deed::Silence(vec![Silence {
                id: 0,
                author: by.clone(),
                reason: reason.clone().unwrap_or_else(|| chat::no_reason(&self.setting()).to_owned()),
                watcher: Some(watcher.clone()),
                key: Vec::new(),
                severity: None,
                receiver: None,
                starts_at: now,
                ends_at: now + *length,
            }]),
            _ => Deed::Nothing,
        }
    }

    /// What is answered, when it is done.
    pub(super) async fn reply_to(&self, asked: &Asked, heard: Heard) -> Result<Reply, StoreError> {
        let setting = self.setting();
        Ok(match asked {
            Asked::NotAllowed { receiver, user } => chat::not_allowed(&setting, receiver, user.as_deref()),
            Asked::NothingToRead => chat::nothing_to_read(&setting),
            Asked::Misread(misread) => chat::misread(&setting, misread),
            Asked::UnknownWatcher(name) => chat::unknown_watcher(&setting, name, self.nearest(name).as_deref()),
            Asked::Command(command, by) => match command {
                Command::Help => chat::help(&setting),
                Command::Status => chat::status(&setting, &self.status().await?),
                Command::Alerts(watcher) => self.alerts(watcher.as_deref()).await?,
                Command::History(watcher) => self.history(watcher).await?,
                Command::Why { watcher, key } => self.why(watcher, key).await?,
                Command::Acknowledge { .. } => {
                    tracing::info!(user = by, alerts = heard.acked.len(), "alerts were acknowledged in a chat");
                    let took: Vec<(i64, Took)> = heard.acked.into_iter().map(|(id, acked)| (id, took(acked))).collect();
                    chat::acknowledged(&setting, by, &took)
                }
                Command::Silence { watcher, length, .. } => {
                    tracing::info!(user = by, watcher.name = watcher, "a silence was made in a chat");
                    let covers = self.firing(watcher).await?;
                    let id = heard.silences.first().copied().unwrap_or_default();
                    chat::silenced(&setting, &Silenced { id, watcher: watcher.clone(), until: setting.now + *length, covers })
                }
            },
        })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let likeness = |own: String| (strsim::jaro_winkler(&own.to_lowercase(), name), own);
        let nearest = self.names().into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
        nearest.filter(|(likeness, _)| *likeness > 0.7).map(|(_, own)| own)
    }

    /// How many alerts of a watcher fire.
    async fn firing(&self, watcher: &str) -> Result<usize, StoreError> {
        let counts = self.parts().store.firing_counts().await?;
        let of_watcher = counts.iter().filter(|(name, _, _)| name == watcher);
        Ok(of_watcher.map(|(_, _, count)| usize::try_from(*count).unwrap_or(usize::MAX)).sum())
    }

    async fn status(&self) -> Result<Status, StoreError> {
        let store = &self.parts().store;
        let now = self.parts().clock.now();
        let mut firing: BTreeMap<Reverse<Severity>, u64> = BTreeMap::new();
        for (_, severity, count) in store.firing_counts().await? {
            *firing.entry(Reverse(severity.parse().unwrap_or_default())).or_default() += count;
        }
        let states = store.watcher_states().await?;
        let failing = states.into_iter().filter(|state| state.failures > 0).map(|state| Failing {
            watcher: state.watcher,
            since: state.failing_since,
            is_held: state.held_reason.is_some(),
        });
        let mut held: BTreeMap<String, Held> = BTreeMap::new();
        for line in store.deliveries(true, LINES_READ).await? {
            let until = line.held_until.as_deref().and_then(|until| DateTime::parse_from_rfc3339(until).ok()).map(|until| until.to_utc());
            if let Some(reason) = line.held.filter(|_| until.is_some_and(|until| until > now)) {
                held.entry(line.receiver.clone()).or_insert(Held { receiver: line.receiver, until, reason });
            }
        }
        let silences = store.open_silences().await?;
        let in_force = silences.iter().filter(|silence| silence.is_active(now));
        Ok(Status {
            firing: firing.into_iter().filter(|(_, count)| *count > 0).map(|(Reverse(severity), count)| (severity, count)).collect(),
            watchers: self.names().len(),
            failing: failing.collect(),
            waiting: store.waiting().await?,
            held: held.into_values().collect(),
            silences: in_force.map(|silence| in_force_line(silence, now)).collect(),
        })
    }

    async fn alerts(&self, watcher: Option<&str>) -> Result<Reply, StoreError> {
        let store = &self.parts().store;
        let setting = self.setting();
        let silences = store.open_silences().await?;
        let lines = store.alerts(watcher, ALERTS_READ).await?.into_iter().filter(|line| line.status == "firing");
        let mut alerts: Vec<AlertFact> = lines.map(|line| alert_fact(line.covered(&silences, setting.now))).collect();
        alerts.sort_by_key(|alert| (Reverse(alert.severity), alert.taken_by.is_some()));
        let counts = store.firing_counts().await?;
        let all =
            counts.iter().filter(|(name, _, _)| watcher.is_none_or(|watcher| name == watcher)).map(|(_, _, count)| *count).sum::<u64>();
        Ok(chat::alerts(&setting, watcher, &alerts, usize::try_from(all).unwrap_or(usize::MAX).max(alerts.len())))
    }

    async fn history(&self, watcher: &str) -> Result<Reply, StoreError> {
        let query = HistoryQuery { watcher: Some(watcher.to_owned()), limit: EVENTS_READ, ..HistoryQuery::default() };
        let lines = self.parts().store.history(query).await?;
        let events: Vec<EventFact> = lines
            .into_iter()
            .map(|line| EventFact {
                id: line.id,
                at: line.at,
                event: line.event.parse().unwrap_or(EventKind::Fired),
                severity: line.severity.parse().unwrap_or_default(),
                key: line.key.unwrap_or_default(),
                reason: line.reason,
                is_silenced: line.silenced,
            })
            .collect();
        Ok(chat::history(&self.setting(), watcher, &events))
    }

    async fn why(&self, name: &str, words: &[String]) -> Result<Reply, StoreError> {
        let setting = self.setting();
        let parts = self.parts();
        let Some(declared) = self.watchers().into_iter().find(|watcher| watcher.name == name) else {
            return Ok(chat::unknown_watcher(&setting, name, None));
        };
        let key = match command::key_of(&declared.key, words) {
            Ok(key) => key,
            Err(columns) => return Ok(chat::unknown_key(&setting, name, &columns)),
        };
        let (since, until) = (setting.now - BACK, setting.now);
        let asked = Question { watcher: name.to_owned(), key, at: None, since, until, is_since_named: false };
        let declared = Some(declared.as_ref().clone());
        let mut facts = gathered(&parts.store, asked, declared, File::Valid, parts.timezone, setting.now).await?;
        facts.steps = steps(&parts.store, &parts.calendars, &facts).await?;
        if !facts.asked.key.is_empty() {
            facts.looks = self.looks(&facts).await;
        }
        let explained = explain(&facts, TIMELINE);
        let timeline: Vec<(DateTime<Utc>, String)> = explained.lines.into_iter().map(|line| (line.at, line.text)).collect();
        Ok(chat::why(&setting, name, &explained.answer, &timeline))
    }
}

fn alert_fact(line: AlertLine) -> AlertFact {
    AlertFact {
        id: line.id,
        watcher: line.watcher,
        severity: line.severity.parse().unwrap_or_default(),
        key: line.key,
        row: line.row,
        since: line.since,
        taken_by: line.acknowledged.map(|taken| taken.by),
        is_silenced: line.silenced,
    }
}

fn in_force_line(silence: &Silence, now: DateTime<Utc>) -> InForce {
    let line = SilenceLine::of(silence, now);
    let key = line.key.map(|key| {
        key.iter().map(|(column, value)| format!("{column} {}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(" ")
    });
    let parts = [line.watcher, key, line.severity, line.receiver.map(|receiver| format!("→ {receiver}"))];
    let covers = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    InForce { id: silence.id, covers, until: silence.ends_at, author: silence.author.clone() }
}

fn took(acked: Acked) -> Took {
    match acked {
        Acked::Taken(taken) | Acked::Theirs(taken) => {
            let before = taken.before.map(|before| before.by).filter(|before| *before != taken.by.by);
            Took::Theirs { watcher: taken.watcher, key: taken.key, before }
        }
        Acked::Pending { watcher, key, .. } => Took::Pending { watcher, key },
        Acked::Over { watcher, key, at, again } => Took::Over { watcher, key, at, again },
        Acked::NoAlert { watcher, .. } => Took::NoAlert { watcher },
        Acked::Unknown => Took::Unknown,
    }
}
