use super::*;
use crate::domain::alert::Acknowledgement;
use crate::domain::row::{Columns, KeyColumns};
use crate::domain::value::Kind;
use serde_json::Map;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn event(id: i64, sku: &str, severity: Severity) -> CardEvent {
    let columns = Columns::new(vec!["sku".to_owned()]).expect("a column");
    let key = Row::from_cells(columns, [(Kind::Text, Some(sku))]);
    let fingerprint = KeyColumns::new("w", "shop", &["sku".to_owned()], key.columns()).expect("a key").fingerprint(&key);
    let alert = Alert {
        fingerprint,
        status: AlertStatus::Firing,
        severity,
        digest: key.digest(),
        rows: vec![key.clone()],
        key,
        row_count: 1,
        since: now(),
        told_at: None,
        receivers: Vec::new(),
        polls: 0,
        gone_since: None,
        repeats: 0,
        acknowledged: None,
        steps: Default::default(),
    };
    CardEvent {
        id,
        watcher: "w".into(),
        kind: EventKind::Fired,
        at: now(),
        fingerprint: Some(fingerprint.to_string()),
        key: Map::new(),
        told: Map::new(),
        severity,
        present: Some(alert),
        ended_at: None,
    }
}

fn taken(mut event: CardEvent) -> CardEvent {
    let acknowledged = Some(Acknowledgement { at: now(), by: "李四".into(), note: None });
    event.present = event.present.map(|alert| Alert { acknowledged, ..alert });
    event
}

fn silences(events: &[CardEvent], in_force: &[Silence]) -> Vec<Silence> {
    to_silence(events, in_force, "张三 (manager01)", "card", now())
}

#[test]
fn what_fires_and_is_nobodys_is_taken() {
    let over = CardEvent { ended_at: Some(now()), ..event(2, "B", Severity::Warning) };
    let gone = CardEvent { present: None, ..event(3, "C", Severity::Warning) };
    let report = CardEvent { fingerprint: None, kind: EventKind::Report, ..event(4, "D", Severity::Warning) };
    let resolved = CardEvent { kind: EventKind::Resolved, ..event(5, "E", Severity::Warning) };
    let events = [
        event(1, "A", Severity::Warning),
        over,
        gone,
        report,
        resolved,
        taken(event(6, "F", Severity::Info)),
        event(7, "A", Severity::Warning),
    ];
    assert_eq!(to_take(&events), [7], "the last event of A");
    assert!(to_take(&events[1..6]).is_empty());
}

#[test]
fn few_alerts_are_silenced_by_key_and_severity_for_two_hours() {
    let made =
        silences(&[event(1, "A*", Severity::Warning), event(2, "B", Severity::Critical), taken(event(3, "C", Severity::Warning))], &[]);
    let shown: Vec<(Option<&str>, &str, Option<Severity>)> =
        made.iter().map(|silence| (silence.watcher.as_deref(), silence.key[0].1.as_str(), silence.severity)).collect();
    let expected =
        [(Some("w"), "A?", Some(Severity::Warning)), (Some("w"), "C", Some(Severity::Warning)), (Some("w"), "B", Some(Severity::Critical))];
    assert_eq!(shown, expected);
    assert!(made.iter().all(|silence| silence.ends_at - silence.starts_at == TimeDelta::hours(2) && silence.receiver.is_none()));
    // What becomes worse rings.
    let key = event(1, "C", Severity::Critical).present.map(|alert| alert.key);
    let worse = Subject { watcher: "w", key: key.as_ref(), severity: Severity::Critical };
    assert!(!made.iter().any(|silence| silence.covers(&worse)));
}

#[test]
fn many_alerts_are_silenced_by_their_watcher() {
    let many: Vec<CardEvent> = (0..11).map(|n| event(n, &format!("S{n}"), Severity::Warning)).collect();
    let made = silences(&many, &[]);
    assert_eq!((made.len(), made[0].key.len(), made[0].severity), (1, 0, Some(Severity::Warning)));
    assert_eq!(silences(&many[..10], &[]).len(), 10);
}

#[test]
fn what_is_silent_for_long_enough_is_not_silenced_again() {
    let events = [event(1, "A", Severity::Warning)];
    let made = silences(&events, &[]);
    assert!(silences(&events, &made).is_empty());
    let ending = [Silence { ends_at: now() + TimeDelta::minutes(59), ..made[0].clone() }];
    assert_eq!(silences(&events, &ending).len(), 1);
    let of_one = [Silence { receiver: Some("duty".into()), ..made[0].clone() }];
    assert_eq!(silences(&events, &of_one).len(), 1, "it keeps only one receiver from being told");
}
