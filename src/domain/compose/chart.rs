//! The chart of a message: of the rows that it tells, or of the past of its keys.

use super::{Drafting, Occasion};
use crate::domain::alert::{Event, EventKind, Severity};
use crate::domain::chart::{Chart, ChartOf, ChartRule, History, Sample, of_history, of_rows, threshold};
use crate::domain::message::Picture;
use std::cmp::Reverse;

impl Drafting<'_> {
    /// The picture of a message that tells these events; `None` where there is nothing to draw.
    ///
    /// # Errors
    /// Why there is none although there should be.
    pub(super) fn picture(&self, told: &[&Event]) -> Result<Option<Picture>, String> {
        let Some(rule) = &self.occasion.watcher.chart else { return Ok(None) };
        let is_past = matches!(rule.of, ChartOf::History { .. });
        let chart = if is_past { self.of_past(rule, told)? } else { self.of_told_rows(rule, told)? };
        let Some(chart) = chart else { return Ok(None) };
        // The built-in message lists the rows: their numbers are not said twice.
        let says_more = is_past || self.occasion.watcher.message.body.is_some();
        let numbers = if says_more { chart.numbers() } else { String::new() };
        Ok(Some(Picture { chart, numbers, url: None }))
    }

    fn of_told_rows(&self, rule: &ChartRule, told: &[&Event]) -> Result<Option<Chart>, String> {
        use EventKind::{Changed, Escalated, Fired, Repeated, Report};
        let shown = || told.iter().filter(|event| matches!(event.kind, Fired | Repeated | Escalated | Changed | Report));
        let rows = shown().flat_map(|event| &event.rows);
        let count = shown().map(|event| event.row_count).sum();
        of_rows(rule, rows, count, worst(told), self.occasion.language)
    }

    fn of_past(&self, rule: &ChartRule, told: &[&Event]) -> Result<Option<Chart>, String> {
        let Some(column) = rule.sampled() else { return Ok(None) };
        let mut events: Vec<&&Event> = told.iter().filter(|event| event.fingerprint.is_some()).collect();
        if let Some(row) = events.iter().find_map(|event| event.rows.first()).filter(|row| row.columns().position(column).is_none()) {
            return Err(format!("the result has no column `{column}`, which has: {}", row.columns().names().join(", ")));
        }
        events.sort_by_key(|event| (event.kind == EventKind::Resolved, Reverse(event.severity)));
        let keys = events.iter().filter_map(|event| self.history_of(rule, event)).collect();
        let Occasion { language, watcher, .. } = *self.occasion;
        Ok(of_history(rule, keys, events.len(), worst(told), language, watcher.timezone))
    }

    /// The past of a key, and its value now.
    fn history_of(&self, rule: &ChartRule, event: &Event) -> Option<History> {
        let fingerprint = event.fingerprint?;
        let mut samples = self.past.get(&fingerprint).cloned().unwrap_or_default();
        let now = self.changes.samples.iter().find(|sampled| sampled.fingerprint == fingerprint);
        samples.extend(now.map(|sampled| Sample { at: self.occasion.now, value: sampled.value.clone() }));
        let key = event.key.as_ref()?;
        let cells = key.columns().names().iter().enumerate().map(|(at, name)| format!("{name} {}", key.text(at).unwrap_or("NULL".into())));
        let threshold = event.rows.first().and_then(|row| threshold(rule, row));
        Some(History { name: cells.collect::<Vec<_>>().join(" · "), samples, threshold })
    }
}

/// How bad the worst of them is.
fn worst(told: &[&Event]) -> Severity {
    told.iter().map(|event| event.severity).max().unwrap_or_default()
}
