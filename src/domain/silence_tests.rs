//! What a silence covers, and what is told when it has ended.

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

#[test]
fn its_state_is_told_in_words() {
    let silence = silence();
    assert_eq!([0, 1, 2, 3].map(|hour| silence.state(at(hour)).as_str()), ["pending", "active", "active", "expired"]);
}

#[test]
fn a_silence_that_names_nothing_is_for_all() {
    assert!(silence().is_for_all());
    for narrower in [
        Silence { watcher: Some("*".into()), ..silence() },
        Silence { key: vec![("sku".into(), "A".into())], ..silence() },
        Silence { severity: Some(Severity::Info), ..silence() },
        Silence { receiver: Some("duty".into()), ..silence() },
    ] {
        assert!(!narrower.is_for_all(), "{narrower:?}");
    }
}

#[test]
fn what_is_kept_back_is_told_when_nothing_keeps_it_back_any_more() {
    let subject = |severity| Subject { watcher: "w", key: None, severity };
    let duty = Silence { receiver: Some("duty".into()), id: 9, ..silence() };
    let of = |receiver, severity, silences: &[Silence], opens_at| fate(&subject(severity), receiver, silences, opens_at, at(2));
    let silences = [duty, silence()];
    assert_eq!(of("duty", Severity::Warning, &silences, None), Fate::Silence(9), "the first that covers it");
    assert_eq!(of("warehouse", Severity::Critical, &silences, Some(at(9))), Fate::Silence(3));
    assert_eq!(of("warehouse", Severity::Warning, &silences[..1], Some(at(9))), Fate::PutOff(at(9)));
    assert_eq!(of("warehouse", Severity::Critical, &silences[..1], Some(at(9))), Fate::Tell, "critical passes");
    assert_eq!(of("warehouse", Severity::Info, &[], None), Fate::Tell);
    let over = [Silence { ends_at: at(2), ..silence() }];
    assert_eq!(of("warehouse", Severity::Info, &over, None), Fate::Tell);
}

/// An alert that was kept back from its beginning on.
fn kept(event: EventKind, is_firing: bool) -> Kept {
    Kept { event, is_firing, is_acknowledged: false, began: true, was_told: false, was_told_since: false }
}

#[test]
fn what_fires_still_is_told_and_what_came_and_went_is_not() {
    for event in [EventKind::Fired, EventKind::Repeated, EventKind::Escalated, EventKind::WatcherFailed] {
        assert!(kept(event, true).is_news() && !kept(event, false).is_news(), "{event}");
    }
    assert!(!kept(EventKind::Resolved, false).is_news() && !kept(EventKind::WatcherRecovered, false).is_news());
}

#[test]
fn the_end_of_what_was_told_before_is_told() {
    assert!(Kept { began: false, ..kept(EventKind::Resolved, false) }.is_news(), "it began before the silence");
    assert!(Kept { was_told: true, ..kept(EventKind::Resolved, false) }.is_news(), "it was told between two silences");
    assert!(Kept { began: false, ..kept(EventKind::WatcherRecovered, false) }.is_news());
}

#[test]
fn what_was_told_since_is_not_told_again() {
    for event in [EventKind::Fired, EventKind::Resolved] {
        assert!(!Kept { was_told: true, was_told_since: true, ..kept(event, true) }.is_news(), "{event}");
    }
}

#[test]
fn a_reminder_of_what_a_person_has_taken_is_none() {
    let repeated = Kept { is_acknowledged: true, ..kept(EventKind::Repeated, true) };
    assert!(repeated.is_news(), "nothing was told of it yet");
    assert!(!Kept { began: false, ..repeated }.is_news());
    assert!(Kept { began: false, is_acknowledged: false, ..repeated }.is_news());
}
