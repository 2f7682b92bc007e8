//! Sample events of every kind that a watcher can tell, made by the same evaluation that polls use: rows of made-up
//! values go in, without the watcher's conditions, and what would be told comes out.

use super::columns::find;
use crate::domain::alert::{Alert, Event, Severity};
use crate::domain::calendar::Calendars;
use crate::domain::compose::{self, Occasion};
use crate::domain::evaluate::{Basis, Evaluation, ExpectedKey, LastReport, Shape, expected_cells, expected_rows};
use crate::domain::known::{Known, KnownKey};
use crate::domain::message::Language;
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::value::Kind;
use crate::domain::watcher::{AlertOn, ChangedRows, Expect, ExpectedCell, MessageTemplate, Notify, SeverityRule, Span, Watcher};
use crate::source::ColumnInfo;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// An event, and what it is in words.
pub(super) struct Scene {
    pub label: &'static str,
    pub event: Event,
}

/// The made-up value of a column: of a kind, and with a fraction or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub kind: Kind,
    pub has_fraction: bool,
}

/// Every kind of event that the watcher can tell, of rows with such values.
pub(super) fn scenes(watcher: &Watcher, columns: &[ColumnInfo], samples: &[Sample], now: DateTime<Utc>) -> Vec<Scene> {
    let names = columns.iter().map(|column| column.name.clone()).collect();
    // Columns that cannot be told apart are told elsewhere.
    let Ok(result) = Columns::new(names) else { return Vec::new() };
    let row = |turn| sample_row(&result, samples, turn);
    let mut stage = Stage::new(watcher, result.clone(), now);
    match &watcher.alert_on {
        AlertOn::Match => {
            stage.poll("a `fired` event", Severity::Info, &[row(0)]);
            stage.go_on(watcher, &[row(0)]);
        }
        AlertOn::New { .. } => stage.poll("a `fired` event", Severity::Info, &[row(0)]),
        AlertOn::Change { rows, .. } => stage.changes(*rows, row, columns),
        AlertOn::Missing { expect } => {
            let there = stage.expect(expect, &row(0), columns);
            stage.poll("a `fired` event", Severity::Info, &[]);
            stage.go_on(watcher, &[]);
            stage.end(watcher, &[there]);
            return stage.scenes;
        }
        AlertOn::Report { send_empty, .. } => {
            stage.poll("a report", Severity::Info, &[row(0), row(1)]);
            if *send_empty {
                stage.poll("a report without rows", Severity::Info, &[]);
            }
        }
    }
    if watcher.alert_on == AlertOn::Match {
        stage.end(watcher, &[]);
    }
    stage.scenes
}

fn sample_row(columns: &Arc<Columns>, samples: &[Sample], turn: usize) -> Row {
    let mut row = Row::new(columns.clone());
    for sample in samples {
        row.push(sample.kind, sample.text(turn).as_bytes());
    }
    row
}

impl Sample {
    /// A text of its kind; another one in each of two turns.
    fn text(self, turn: usize) -> &'static str {
        let turns = match (self.kind, self.has_fraction) {
            (Kind::Number | Kind::Float, true) => ["1.50", "2.50"],
            (Kind::Number | Kind::Float | Kind::Text | Kind::Json | Kind::Other, _) => ["1", "2"],
            (Kind::Null, _) => ["", ""],
            (Kind::Bool, _) => ["true", "false"],
            (Kind::Bytes, _) => ["01", "02"],
            (Kind::Date, _) => ["2026-01-01", "2026-01-02"],
            (Kind::Time, _) => ["09:30:00", "09:31:00"],
            (Kind::DateTime, _) => ["2026-01-01 09:30:00", "2026-01-02 09:30:00"],
            (Kind::Instant, _) => ["2026-01-01 09:30:00+08", "2026-01-02 09:30:00+08"],
            (Kind::Interval, _) => ["P1D", "P2D"],
        };
        turns[turn % 2]
    }
}

/// A watcher without conditions, and what is known of it from poll to poll.
struct Stage {
    watcher: Watcher,
    columns: Arc<Columns>,
    expected: Option<Vec<ExpectedKey>>,
    alerts: HashMap<Fingerprint, Alert>,
    shape: Option<Shape>,
    last_report: Option<LastReport>,
    has_baseline: bool,
    now: DateTime<Utc>,
    scenes: Vec<Scene>,
}

impl Stage {
    fn new(watcher: &Watcher, columns: Arc<Columns>, now: DateTime<Utc>) -> Stage {
        let alert_on = match &watcher.alert_on {
            AlertOn::New { .. } => AlertOn::New { alert_on_first_poll: true, cursor: None },
            AlertOn::Change { columns, .. } => {
                AlertOn::Change { columns: columns.clone(), rows: ChangedRows { added: true, changed: true, removed: true } }
            }
            other => other.clone(),
        };
        let bare = Watcher {
            alert_on,
            when: None,
            clear_when: None,
            hold_for: Span::ZERO,
            keep_firing_for: Span::ZERO,
            repeat_interval: Some(Duration::from_secs(1)),
            max_repeats: None,
            guard: None,
            active: None,
            message: MessageTemplate::default(),
            notify: vec![Notify::at_once(vec![watcher.name.clone()])],
            ..watcher.clone()
        };
        Stage {
            watcher: bare,
            columns,
            expected: None,
            alerts: HashMap::new(),
            shape: None,
            last_report: None,
            has_baseline: false,
            now,
            scenes: Vec::new(),
        }
    }

    /// Reminders and a rising severity, where the watcher has them.
    fn go_on(&mut self, watcher: &Watcher, rows: &[Row]) {
        if watcher.repeat_interval.is_some() {
            self.poll("a `repeated` event", Severity::Info, rows);
        }
        let levels = |level: Severity| watcher.severity.cases.iter().any(|(_, other)| *other != level);
        if watcher.severity.cases.first().is_some_and(|(_, level)| levels(*level)) {
            self.poll("an `escalated` event", Severity::Critical, rows);
        }
    }

    fn end(&mut self, watcher: &Watcher, rows: &[Row]) {
        if watcher.send_resolved {
            self.poll("a `resolved` event", Severity::Info, rows);
        }
    }

    /// The key under test leads from row to row, whatever else of them differs.
    fn changes(&mut self, told: ChangedRows, row: impl Fn(usize) -> Row, columns: &[ColumnInfo]) {
        let (before, other) = (row(0), row(1));
        let after = self.with_key(&other, &before, columns);
        self.poll("", Severity::Info, std::slice::from_ref(&before));
        if told.changed {
            self.poll("a changed row", Severity::Info, std::slice::from_ref(&after));
        }
        if told.added {
            self.poll("an added row", Severity::Info, &[if told.changed { after } else { before }, other]);
        }
        if told.removed {
            self.poll("a removed row", Severity::Info, &[]);
        }
    }

    /// A row whose key is that of another.
    fn with_key(&self, row: &Row, key_of: &Row, columns: &[ColumnInfo]) -> Row {
        let is_key = |at: usize| self.watcher.key.iter().filter_map(|name| find(columns, name)).any(|key| key.name == columns[at].name);
        let mut mixed = Row::new(self.columns.clone());
        for at in 0..row.len() {
            let from = if is_key(at) { key_of } else { row };
            mixed.push(from.kind(at), from.bytes(at));
        }
        mixed
    }

    /// Takes what is expected; a row that is one of it.
    fn expect(&mut self, expect: &Expect, row: &Row, columns: &[ColumnInfo]) -> Row {
        let expected = match expect {
            Expect::AnyRow => None,
            Expect::Keys(keys) => expected_cells(&self.watcher, &self.watcher.name, &keys[..keys.len().min(1)]).ok(),
            Expect::Query(_) => expected_rows(&self.watcher, &self.watcher.name, &self.columns, std::slice::from_ref(row)).ok(),
        };
        self.expected = expected;
        match expect {
            Expect::Keys(keys) => keys.first().map_or_else(|| row.clone(), |cells| self.with_cells(row, cells, columns)),
            _ => row.clone(),
        }
    }

    fn with_cells(&self, row: &Row, cells: &[ExpectedCell], columns: &[ColumnInfo]) -> Row {
        let mut filled = Row::new(self.columns.clone());
        for at in 0..row.len() {
            let in_key = self.watcher.key.iter().position(|name| find(columns, name).is_some_and(|key| key.name == columns[at].name));
            match in_key.and_then(|place| cells.get(place)) {
                Some(ExpectedCell::Text(text)) => filled.push(Kind::Text, text.as_bytes()),
                Some(ExpectedCell::Number(number)) => filled.push(Kind::Number, number.to_string().as_bytes()),
                None => filled.push(row.kind(at), row.bytes(at)),
            }
        }
        filled
    }

    /// Polls these rows, all of this severity, and keeps the event that comes of it. What cannot be evaluated is told
    /// elsewhere.
    fn poll(&mut self, label: &'static str, severity: Severity, rows: &[Row]) {
        self.now += TimeDelta::hours(1);
        self.watcher.severity = SeverityRule::fixed(severity);
        let Some(events) = self.events(rows) else { return };
        let event = events.into_iter().next().filter(|_| !label.is_empty());
        self.scenes.extend(event.map(|event| Scene { label, event }));
    }

    fn events(&mut self, rows: &[Row]) -> Option<Vec<Event>> {
        let known = Known::new(self.alerts.values().map(KnownKey::of).collect());
        let basis = Basis {
            has_baseline: self.has_baseline,
            shape: self.shape.as_ref(),
            expected: self.expected.as_deref(),
            last_report: self.last_report.as_ref(),
            is_first: !self.has_baseline,
            ..Basis::of_nothing(&self.watcher, &known, self.now)
        };
        let mut evaluation = Evaluation::new(basis);
        evaluation.columns(&self.columns).ok()?;
        rows.iter().for_each(|row| evaluation.row(row));
        let plan = evaluation.finish(&self.alerts).ok()?;
        let (shape, last_report) = (plan.shape.clone(), compose::last_report(&plan));
        let occasion = Occasion {
            watcher: &self.watcher,
            now: self.now,
            language: Language::En,
            silences: &[],
            calendars: &Calendars::default(),
            opens_at: None,
            calls_nobody: &[],
        };
        let changes = compose::changes(&occasion, plan, self.alerts.clone());
        changes.remove.iter().for_each(|fingerprint| drop(self.alerts.remove(fingerprint)));
        self.alerts.extend(changes.put.into_iter().map(|alert| (alert.fingerprint, alert)));
        (self.shape, self.last_report, self.has_baseline) = (shape, last_report, true);
        Some(changes.events)
    }
}
