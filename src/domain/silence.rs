//! A silence: for a time, events that it covers are recorded and no message is made of them. Pure.

use super::alert::Severity;
use super::row::Row;
use chrono::{DateTime, Utc};
use wildmatch::WildMatch;

/// One silence. What is `None`, or empty, covers everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Its number.
    pub id: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Watchers, by a pattern with `*` and `?`.
    pub watcher: Option<String>,
    /// Columns of the key, each with a pattern for its text; a watcher's own events have no key and are not covered.
    pub key: Vec<(String, String)>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only what this receiver is told.
    pub receiver: Option<String>,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; that moment is not covered any more.
    pub ends_at: DateTime<Utc>,
}

/// What a silence is asked about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Whose event.
    pub watcher: &'a str,
    /// Its key; `None` for the watcher's own.
    pub key: Option<&'a Row>,
    /// How bad it is.
    pub severity: Severity,
}

impl Silence {
    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && now < self.ends_at
    }

    /// Whether it covers an event, for whomever it is told to.
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        let watcher = self.watcher.as_ref().is_none_or(|pattern| matches(pattern, subject.watcher));
        let severity = self.severity.is_none_or(|severity| severity == subject.severity);
        watcher && severity && self.covers_key(subject.key)
    }

    /// Whether it keeps a receiver from being told of an event that it covers.
    pub fn is_for(&self, receiver: &str) -> bool {
        self.receiver.as_ref().is_none_or(|name| name == receiver)
    }

    fn covers_key(&self, key: Option<&Row>) -> bool {
        let Some(key) = key else { return self.key.is_empty() };
        self.key.iter().all(|(column, pattern)| {
            let at = key.columns().position(column).filter(|at| *at < key.len());
            at.is_some_and(|at| matches(pattern, key.text(at).as_deref().unwrap_or("NULL")))
        })
    }

    /// In words: `#3 by wang: stocktaking`.
    pub fn words(&self) -> String {
        format!("#{} by {}: {}", self.id, self.author, self.reason)
    }
}

/// Whether a text matches a pattern with `*` and `?`.
pub fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::row::Columns;
    use crate::domain::value::Kind;
    use chrono::TimeDelta;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn silence() -> Silence {
        Silence {
            id: 3,
            author: "wang".into(),
            reason: "stocktaking".into(),
            watcher: None,
            key: Vec::new(),
            severity: None,
            receiver: None,
            starts_at: at(1),
            ends_at: at(3),
        }
    }

    fn covers(silence: &Silence, watcher: &str, sku: Option<&str>) -> bool {
        let key = sku.map(|sku| {
            let columns = Columns::new(vec!["sku".into()]).expect("one column");
            Row::from_cells(columns, [(Kind::Text, (sku != "NULL").then_some(sku))])
        });
        silence.covers(&Subject { watcher, key: key.as_ref(), severity: Severity::Warning })
    }

    #[test]
    fn it_is_in_force_from_its_start_and_not_at_its_end() {
        let silence = silence();
        assert_eq!([0, 1, 2, 3].map(|hour| silence.is_active(at(hour))), [false, true, true, false]);
    }

    #[test]
    fn what_it_does_not_name_it_covers() {
        assert!(covers(&silence(), "low_stock", Some("A-1")));
        assert!(covers(&silence(), "low_stock", None));
    }

    #[test]
    fn watchers_and_keys_are_named_by_patterns() {
        let stock = Silence { watcher: Some("*_stock".into()), ..silence() };
        assert!(covers(&stock, "low_stock", None) && !covers(&stock, "stock_low", None));
        let of_a = Silence { key: vec![("SKU".into(), "A-*".into())], ..silence() };
        assert!(covers(&of_a, "w", Some("A-17")) && !covers(&of_a, "w", Some("B-17")));
        assert!(!covers(&of_a, "w", None), "the watcher's own events have no key");
        let null = Silence { key: vec![("sku".into(), "NULL".into())], ..silence() };
        assert!(covers(&null, "w", Some("NULL")));
        let other = Silence { key: vec![("shop".into(), "*".into())], ..silence() };
        assert!(!covers(&other, "w", Some("A-17")), "the key has no such column");
    }

    #[test]
    fn a_severity_and_a_receiver_are_named_exactly() {
        assert!(!covers(&Silence { severity: Some(Severity::Critical), ..silence() }, "w", Some("A")));
        assert!(covers(&Silence { severity: Some(Severity::Warning), ..silence() }, "w", Some("A")));
        let one = Silence { receiver: Some("duty".into()), ..silence() };
        assert!(one.is_for("duty") && !one.is_for("warehouse") && silence().is_for("warehouse"));
    }
}
