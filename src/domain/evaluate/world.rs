//! A little world for tests: a watcher, what a store would hold of it, and the time. Known keys are rebuilt before every
//! poll, as after a restart.

use super::*;
use crate::domain::alert::Severity;
use crate::domain::calendar::Calendars;
use crate::domain::compose::{Changes, Occasion, Polls, changes, steps};
use crate::domain::expression::Expression;
use crate::domain::message::Language;
use crate::domain::schedule::Schedule;
use crate::domain::silence::Silence;
use crate::domain::value::Kind;
use crate::domain::watcher::{FAILURES_BEFORE_ALERT, MessageTemplate, Notify, SeverityRule, Span};
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::sync::Arc;
use std::time::Duration;

/// A watcher on the key `id`: a row matches when `v > 1`, and is critical when `v > 4`.
pub(crate) fn watcher() -> Watcher {
    Watcher {
        name: "low_stock".into(),
        formerly: None,
        description: Some("库存低于补货点".into()),
        source: "erp".into(),
        sources: Vec::new(),
        schedule: Schedule::every(Duration::from_secs(60), "low_stock"),
        timezone: Tz::Asia__Shanghai,
        alert_on: AlertOn::Match,
        key: vec!["id".into()],
        query: "select id, v from t".into(),
        params: Vec::new(),
        when: Some(sql("v > 1")),
        clear_when: None,
        hold_for: Span::ZERO,
        keep_firing_for: Span::ZERO,
        severity: SeverityRule { cases: vec![(Some(sql("v > 4")), Severity::Critical), (None, Severity::Warning)] },
        repeat_interval: None,
        max_repeats: None,
        send_resolved: true,
        timeout: None,
        max_rows: None,
        failures_before_alert: FAILURES_BEFORE_ALERT,
        guard: None,
        active: None,
        message: MessageTemplate::default(),
        chart: None,
        notify: vec![Notify::at_once(vec!["warehouse".into()])],
    }
}

pub(crate) fn sql(text: &str) -> Expression {
    Expression::parse(text).expect("an expression")
}

pub(crate) fn columns(names: &[&str]) -> Arc<Columns> {
    Columns::new(names.iter().map(|name| (*name).to_owned()).collect()).expect("distinct names")
}

/// Rows of `id v`, separated by commas: `a 2, b NULL, '' x`. A number is a number, `''` is the empty text.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let columns = columns(&["id", "v"]);
    let rows = text.split(',').map(str::trim).filter(|row| !row.is_empty());
    rows.map(|row| Row::from_cells(columns.clone(), row.split_whitespace().map(cell))).collect()
}

fn cell(text: &str) -> (Kind, Option<&str>) {
    match text {
        "NULL" => (Kind::Null, None),
        "''" => (Kind::Text, Some("")),
        _ if crate::domain::value::parse_number(text).is_some() => (Kind::Number, Some(text)),
        _ => (Kind::Text, Some(text)),
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

/// What a store holds, and the time.
pub(crate) struct World {
    pub watcher: Watcher,
    pub alerts: HashMap<Fingerprint, Alert>,
    pub now: DateTime<Utc>,
    pub silences: Vec<Silence>,
    pub opens_at: Option<DateTime<Utc>>,
    /// Receivers whose messages can call nobody by name.
    pub calls_nobody: Vec<String>,
    pub calendars: Calendars,
    pub expected: Option<Vec<ExpectedKey>>,
    pub(super) shape: Option<Shape>,
    pub(super) last_report: Option<LastReport>,
    pub(super) revision: Option<String>,
    pub(super) has_baseline: bool,
}

impl World {
    pub fn new(watcher: Watcher) -> World {
        World {
            watcher,
            alerts: HashMap::new(),
            now: noon(),
            silences: Vec::new(),
            opens_at: None,
            calls_nobody: Vec::new(),
            calendars: Calendars::default(),
            expected: None,
            shape: None,
            last_report: None,
            revision: None,
            has_baseline: false,
        }
    }

    /// What stays over a restart: each alert as its JSON.
    pub(super) fn reopened(&self) -> HashMap<Fingerprint, Alert> {
        let again = |row: &Row| Row::from_json(&row.to_json(), &row.kinds()).expect("a stored row");
        let alerts = self.alerts.values().map(|alert| {
            let rows = alert.rows.iter().map(again).collect();
            (alert.fingerprint, Alert { key: again(&alert.key), rows, ..alert.clone() })
        });
        alerts.collect()
    }

    pub(super) fn known(&self) -> Known {
        Known::new(self.alerts.values().map(KnownKey::of).collect())
    }

    pub(super) fn basis<'a>(&'a self, known: &'a Known) -> Basis<'a> {
        Basis {
            watcher: &self.watcher,
            known,
            same_revision: self.revision.as_deref() == Some(&self.watcher.revision()),
            is_first: !self.has_baseline,
            has_baseline: self.has_baseline,
            identity: &self.watcher.name,
            is_rekeyed: false,
            shape: self.shape.as_ref(),
            expected: self.expected.as_deref(),
            last_report: self.last_report.as_ref(),
            forget: None,
            usual_bound: None,
            now: self.now,
        }
    }

    pub fn plan(&self, rows: &[Row]) -> Plan {
        let known = self.known();
        let mut evaluation = Evaluation::new(self.basis(&known));
        let columns = rows.first().map_or_else(|| columns(&["id", "v"]), |row| row.columns().clone());
        evaluation.columns(&columns).expect("the key is there");
        rows.iter().for_each(|row| evaluation.row(row));
        let wanted = evaluation.wants();
        let stored = self.reopened().into_iter().filter(|(fingerprint, _)| wanted.contains(fingerprint)).collect();
        evaluation.finish(&stored).expect("a plan")
    }

    pub fn poll_rows(&mut self, rows: &[Row]) -> Changes {
        let plan = self.plan(rows);
        let stored = self.reopened();
        let needed = plan.needs_stored();
        let stored = stored.into_iter().filter(|(fingerprint, _)| needed.contains(fingerprint)).collect();
        (self.shape, self.last_report) = (plan.shape.clone(), plan.report.as_ref().map(ReportFound::last));
        let changes = changes(&self.occasion(), plan, stored);
        self.take(&changes);
        self.revision = Some(self.watcher.revision());
        self.has_baseline = true;
        changes
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            watcher: &self.watcher,
            now: self.now,
            language: Language::En,
            silences: &self.silences,
            calendars: &self.calendars,
            opens_at: self.opens_at,
            calls_nobody: &self.calls_nobody,
        }
    }

    /// Tells the steps that are due, and when the next one is.
    pub fn tell_steps(&mut self) -> (Changes, Option<DateTime<Utc>>) {
        let firing = self.alerts.values().filter(|alert| alert.status == AlertStatus::Firing).cloned().collect();
        let (changes, next) = steps(&self.occasion(), firing, Polls::Work);
        self.take(&changes);
        (changes, next)
    }

    fn take(&mut self, changes: &Changes) {
        changes.remove.iter().for_each(|fingerprint| drop(self.alerts.remove(fingerprint)));
        for alert in &changes.put {
            let acknowledged = self.alerts.get(&alert.fingerprint).and_then(|alert| alert.acknowledged.clone());
            self.alerts.insert(alert.fingerprint, Alert { acknowledged, ..alert.clone() });
        }
        for mark in &changes.marks {
            if let Some(alert) = self.alerts.get_mut(&mark.fingerprint) {
                (alert.polls, alert.gone_since) = (mark.polls, mark.gone_since);
            }
        }
        for fingerprint in &changes.unacknowledge {
            self.alerts.entry(*fingerprint).and_modify(|alert| alert.acknowledged = None);
        }
    }

    /// Polls, and tells what happened as `fired a, resolved b`; `-` when nothing was told and nothing written.
    pub fn poll(&mut self, text: &str) -> String {
        let changes = self.poll_rows(&rows(text));
        told(&changes)
    }

    pub(super) fn later(&mut self, by: TimeDelta) -> &mut World {
        self.now += by;
        self
    }
}

/// What happened, sorted; `refreshed` where an alert was only written.
pub(super) fn told(changes: &Changes) -> String {
    let show = |key: Option<&Row>| {
        let cells = key.map(|key| (0..key.len()).map(|at| key.text(at).map_or("NULL".to_owned(), |text| format!("{text:?}"))).collect());
        cells.map_or(String::new(), |cells: Vec<String>| cells.join("+").replace('"', ""))
    };
    let mut lines: Vec<String> =
        changes.events.iter().map(|event| format!("{} {}", event.kind, show(event.key.as_ref())).trim().to_owned()).collect();
    let of_events: BTreeSet<_> = changes.events.iter().filter_map(|event| event.fingerprint).collect();
    let quiet = changes.put.iter().filter(|alert| !of_events.contains(&alert.fingerprint));
    let word = |alert: &Alert| if alert.status == AlertStatus::Seen { "seen" } else { "refreshed" };
    lines.extend(quiet.map(|alert| format!("{} {}", word(alert), show(Some(&alert.key))).trim().to_owned()));
    lines.sort();
    if lines.is_empty() { "-".into() } else { lines.join(", ") }
}
