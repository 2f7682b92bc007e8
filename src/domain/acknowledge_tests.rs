//! Which alert a number stands for, and whose it is.

use super::*;
use crate::domain::alert::Severity;
use crate::domain::row::{Columns, Digest, Fingerprint, Row};
use chrono::TimeDelta;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn alert(status: AlertStatus, by: Option<(&str, Option<&str>)>) -> Alert {
    Alert {
        fingerprint: Fingerprint(7),
        status,
        severity: Severity::Warning,
        key: Row::new(Columns::none()),
        rows: Vec::new(),
        row_count: 2,
        digest: Digest(0),
        since: at(5),
        told_at: Some(at(5)),
        receivers: Vec::new(),
        polls: 0,
        gone_since: None,
        repeats: 0,
        steps: Vec::new(),
        acknowledged: by.map(|(by, note)| Acknowledgement { at: at(6), by: by.to_owned(), note: note.map(str::to_owned) }),
    }
}

fn of(since: Option<i64>, alert: Option<Alert>) -> Verdict {
    verdict(Named { has_key: true, since: since.map(at) }, alert.as_ref(), "wang", Some("called"))
}

#[test]
fn what_fires_is_taken() {
    assert_eq!(of(Some(5), Some(alert(AlertStatus::Firing, None))), Verdict::Take);
}

#[test]
fn another_person_or_another_note_takes_it_anew() {
    let taken = |by| of(Some(5), Some(alert(AlertStatus::Firing, Some(by))));
    assert_eq!(taken(("wang", Some("called"))), Verdict::Theirs);
    assert_eq!(taken(("wang", None)), Verdict::Take);
    assert_eq!(taken(("wang", Some("delivered"))), Verdict::Take);
    assert_eq!(taken(("li", Some("called"))), Verdict::Take);
}

#[test]
fn an_earlier_life_of_the_same_key_is_over() {
    assert_eq!(of(Some(1), Some(alert(AlertStatus::Firing, None))), Verdict::Over);
    assert_eq!(of(Some(1), None), Verdict::Over);
    assert_eq!(of(Some(1), Some(alert(AlertStatus::Seen, None))), Verdict::Over, "the watcher's kind was changed");
}

#[test]
fn what_has_not_fired_yet_cannot_be_taken() {
    assert_eq!(of(Some(1), Some(alert(AlertStatus::Pending, None))), Verdict::Pending);
}

#[test]
fn what_is_told_once_and_a_watchers_own_events_are_no_alerts() {
    assert_eq!(of(None, Some(alert(AlertStatus::Seen, None))), Verdict::NoAlert);
    let own = Named { has_key: false, since: Some(at(5)) };
    assert_eq!(verdict(own, None, "wang", None), Verdict::NoAlert);
}

#[test]
fn the_history_says_who_and_what_they_had_to_say() {
    let by = |note: Option<&str>| Acknowledgement { at: at(9), by: "wang".into(), note: note.map(str::to_owned) };
    let event = acknowledged("low_stock", "erp", &alert(AlertStatus::Firing, None), &by(Some("called")));
    assert_eq!((event.kind, event.at, event.since), (EventKind::Acknowledged, at(9), Some(at(5))));
    assert_eq!((event.reason.as_str(), words(&by(None)).as_str()), ("by wang: called", "by wang"));
}
