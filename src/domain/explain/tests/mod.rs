//! Situations and what is said of them: the answer, then the timeline. Their facts are of a morning of 2026-11-23 in
//! Shanghai, with polls every five minutes.

mod fires;
mod quiet;
mod whole;

use super::*;
use crate::domain::alert::{AlertStatus, EventKind, Severity};
use crate::domain::evaluate::TraceWord;
use crate::domain::evaluate::tests::watcher;
use crate::domain::silence::Silence;
use crate::domain::watcher::Watcher;
use chrono::NaiveTime;
use serde_json::json;

/// A time of that day: `09:35`, `09:35:02`; of the day before: `-1 09:35`.
pub(super) fn t(text: &str) -> DateTime<Utc> {
    let (back, text) = match text.split_once(' ') {
        Some((days, time)) => (days.parse::<i64>().expect("days"), time),
        None => (0, text),
    };
    let form = if text.len() > 5 { "%H:%M:%S" } else { "%H:%M" };
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day") + TimeDelta::days(back);
    let wall = day.and_time(NaiveTime::parse_from_str(text, form).expect("a time"));
    wall.and_local_timezone(chrono_tz::Asia::Shanghai).single().expect("one").to_utc()
}

pub(super) fn object(text: &str) -> Object {
    let cell = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("name=value");
        (name.to_owned(), if value == "NULL" { json!(null) } else { json!(value) })
    };
    text.split_whitespace().map(cell).collect()
}

/// What there is to know at 10:40; nothing has happened.
pub(super) fn facts() -> Facts {
    let declared = Watcher { key: vec!["sku".into()], when: Some(crate::domain::evaluate::tests::sql("stock < 100")), ..watcher() };
    Facts {
        asked: Asked {
            watcher: "low_stock".into(),
            key: Vec::new(),
            at: None,
            since: t("09:00"),
            until: t("10:40"),
            is_since_named: false,
        },
        now: t("10:40"),
        zone: chrono_tz::Asia::Shanghai,
        declared: Some(declared),
        file: File::Valid,
        records: Records {
            states: vec![StateFact {
                source: "erp".into(),
                next_poll_at: Some(t("10:45")),
                baseline_at: Some(t("-3 08:00")),
                last_ok_at: Some(t("10:40")),
                ..StateFact::default()
            }],
            ..Records::default()
        },
        looks: Vec::new(),
        steps: Vec::new(),
    }
}

impl Facts {
    pub(super) fn declared(mut self, change: impl FnOnce(Watcher) -> Watcher) -> Facts {
        self.declared = self.declared.map(change);
        self
    }

    /// Asked about the key `sku A-17`, which the store knows.
    pub(super) fn about_a17(mut self) -> Facts {
        self.asked.key = vec![("sku".into(), "A-17".into())];
        self.records.keys = vec![KeyFact { fingerprint: "a17".into(), source: "erp".into(), key: object("sku=A-17"), alert: None }];
        self
    }

    /// Asked about a key that the store does not know.
    pub(super) fn about_unknown(mut self) -> Facts {
        self.asked.key = vec![("sku".into(), "X-1".into())];
        self
    }

    pub(super) fn at(mut self, at: &str) -> Facts {
        (self.asked.at, self.asked.since, self.asked.until) = (Some(t(at)), t(at) - AROUND, t(at) + AROUND);
        self
    }

    pub(super) fn alert(mut self, status: AlertStatus, since: &str) -> Facts {
        self.records.keys[0].alert = Some(AlertFact {
            status,
            severity: Severity::Warning,
            since: t(since),
            told_at: (status == AlertStatus::Firing).then(|| t(since)),
            gone_since: None,
            polls: 0,
            repeats: 0,
            acknowledged: None,
            row: object("sku=A-17 stock=3"),
        });
        self
    }

    pub(super) fn change_alert(mut self, change: impl FnOnce(&mut AlertFact)) -> Facts {
        change(self.records.keys[0].alert.as_mut().expect("an alert"));
        self
    }

    /// Polls from one time to another, every five minutes.
    pub(super) fn polls(mut self, from: &str, until: &str, rows: u64, matched: u64) -> Facts {
        let mut at = t(from);
        while at <= t(until) {
            self.records.polls.push(poll(self.records.polls.len() as i64 + 1, at, rows, matched));
            at += TimeDelta::minutes(5);
        }
        self
    }

    /// Changes the last poll.
    pub(super) fn last_poll(mut self, change: impl FnOnce(&mut PollFact)) -> Facts {
        change(self.records.polls.last_mut().expect("a poll"));
        self
    }

    pub(super) fn poll_of(&self, at: &str) -> Option<i64> {
        self.records.polls.iter().find(|poll| poll.started_at == t(at)).map(|poll| poll.id)
    }

    /// Something happened to `sku A-17`.
    pub(super) fn event(self, at: &str, kind: EventKind, reason: &str) -> Facts {
        self.event_of(at, kind, Severity::Warning, Some(("a17", "sku=A-17", "sku=A-17 stock=3")), reason)
    }

    pub(super) fn event_of(mut self, at: &str, kind: EventKind, severity: Severity, of: Option<(&str, &str, &str)>, reason: &str) -> Facts {
        let since = self.records.events.iter().rfind(|event| event.kind == EventKind::Fired).map(|event| event.at);
        let event = EventFact {
            id: 100 + self.records.events.len() as i64,
            at: t(at),
            watcher: "low_stock".into(),
            source: "erp".into(),
            kind,
            severity,
            fingerprint: of.map(|(fingerprint, ..)| fingerprint.into()),
            key: of.map(|(_, key, _)| object(key)),
            row: of.map(|(.., row)| object(row)),
            since: since.filter(|_| kind != EventKind::Fired),
            reason: reason.into(),
            silenced: false,
            poll: self.poll_of(at),
        };
        self.records.events.push(event);
        self
    }

    pub(super) fn trace(mut self, at: &str, until: Option<&str>, word: TraceWord, text: &str) -> Facts {
        self.records.traces.push(TraceFact {
            at: t(at),
            until: until.map(t),
            source: "erp".into(),
            poll: self.poll_of(at),
            fingerprint: "a17".into(),
            key: Some(object("sku=A-17")),
            word,
            text: text.into(),
        });
        self
    }

    /// A message of the last event that was taken a moment later.
    pub(super) fn delivered(self, receiver: &str, at: &str) -> Facts {
        self.delivery(receiver, at, |delivery| {
            let at = delivery.created_at + TimeDelta::milliseconds(300);
            delivery.state = "delivered".into();
            delivery.delivered_at = Some(at);
            delivery.attempts = vec![attempt(1, delivery.created_at, at, "delivered", Some(0), "0 ok")];
        })
    }

    pub(super) fn delivery(mut self, receiver: &str, at: &str, change: impl FnOnce(&mut DeliveryFact)) -> Facts {
        let mut delivery = DeliveryFact {
            id: 10 + self.records.deliveries.len() as i64,
            created_at: t(at),
            receiver: receiver.into(),
            title: "🟠 库存低于补货点".into(),
            is_digest: false,
            state: "pending".into(),
            events: self.records.events.last().map(|event| event.id).into_iter().collect(),
            answer: None,
            not_before: t(at),
            delivered_at: None,
            reason: None,
            change: "none".into(),
            attempts: Vec::new(),
            held: None,
            most_sent: 0,
            refused_before: None,
            moved_from: None,
            merged: None,
        };
        change(&mut delivery);
        self.records.deliveries.push(delivery);
        self
    }

    /// As a person reads it.
    pub(super) fn told(&self) -> String {
        let explanation = explain(self, 0);
        let zone = self.zone;
        let line = |line: &Line| {
            let numbers = [("poll", line.poll), ("event", line.event), ("delivery", line.delivery)];
            let numbers: Vec<String> = numbers.iter().filter_map(|(name, id)| id.map(|id| format!("{name} {id}"))).collect();
            let at = line.at.with_timezone(&zone).format("%d %H:%M:%S");
            format!("{at} {:<12} {}  [{}]", line.kind, line.text, numbers.join(", "))
        };
        format!("{}\n\n{}", explanation.answer, explanation.lines.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

pub(super) fn poll(id: i64, at: DateTime<Utc>, rows: u64, matched: u64) -> PollFact {
    PollFact {
        id,
        source: "erp".into(),
        scheduled_at: at,
        started_at: at,
        duration_ms: 12,
        outcome: "ok".into(),
        rows,
        matched,
        missed: 0,
        error: None,
        warnings: Vec::new(),
    }
}

pub(super) fn failed(poll: &mut PollFact, kind: &str, words: &str) {
    (poll.outcome, poll.rows, poll.matched) = ("failed".into(), 0, 0);
    poll.error = Some((kind.into(), words.into()));
}

pub(super) fn attempt(
    attempt: i64,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    outcome: &str,
    errcode: Option<i64>,
    answer: &str,
) -> AttemptFact {
    AttemptFact {
        attempt,
        started_at,
        ended_at: Some(ended_at),
        outcome: Some(outcome.into()),
        errcode,
        http_status: Some(200),
        answer: Some(answer.into()),
    }
}

pub(super) fn silence(from: &str, until: &str) -> Silence {
    Silence {
        id: 3,
        author: "wang".into(),
        reason: "stocktaking".into(),
        watcher: Some("low_*".into()),
        key: Vec::new(),
        severity: None,
        receiver: None,
        starts_at: t(from),
        ends_at: t(until),
    }
}
