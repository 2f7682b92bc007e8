use super::*;
use crate::domain::alert::{EventKind, Severity};

fn event(kind: EventKind, key: &str, severity: Severity) -> SeenEvent {
    SeenEvent { kind, key: key.into(), severity, receivers: vec!["duty".into(), "warehouse".into()], reason: "the row matches".into() }
}

fn wanted(kind: EventKind, key: &str, severity: Option<Severity>) -> ExpectedEvent {
    ExpectedEvent { kind, key: Some(key.into()), severity, receivers: None, reason: None }
}

fn message(text: &str) -> SeenMessage {
    SeenMessage { title: "low stock".into(), text: text.into(), mentions: vec!["all".into()] }
}

/// A poll of which this is expected.
pub(in crate::cli::test) fn poll_of(expected: Expected) -> TestPoll {
    TestPoll {
        line: 7,
        at: chrono::DateTime::UNIX_EPOCH,
        restart: false,
        release: false,
        ack: Vec::new(),
        silence: None,
        reads: Default::default(),
        expected,
    }
}

/// The differences as they are shown: `events: -fired A | +fired B [warning]`.
fn differences(expected: Expected, seen: Seen) -> Vec<String> {
    let poll = poll_of(expected);
    let sign = |line: &DiffLine| match line {
        Same(text) => format!(" {text}"),
        Missing(text) => format!("-{text}"),
        There(text) => format!("+{text}"),
        Why(text) => format!("?{text}"),
    };
    let show = |found: Mismatch| format!("{}: {}", found.what, found.lines.iter().map(sign).collect::<Vec<_>>().join(" | "));
    compare(&poll, &seen).into_iter().map(show).collect()
}

fn of_events(wanted: Vec<ExpectedEvent>, seen: Vec<SeenEvent>) -> Vec<String> {
    differences(Expected { events: wanted, ..Expected::default() }, Seen { events: seen, ..Seen::default() })
}

#[test]
fn events_are_the_same_in_any_order_and_what_is_not_named_does_not_count() {
    use EventKind::{Fired, Resolved};
    let seen = vec![event(Fired, "A", Severity::Critical), event(Resolved, "B/1", Severity::Info)];
    let loose = vec![wanted(Resolved, "B/1", None), wanted(Fired, "A", Some(Severity::Critical))];
    assert_eq!(of_events(loose, seen.clone()), Vec::<String>::new());
    let any_key = ExpectedEvent { key: None, ..wanted(Resolved, "", None) };
    assert_eq!(of_events(vec![any_key, wanted(Fired, "A", None)], seen), Vec::<String>::new());
}

#[test]
fn every_event_must_be_expected_and_every_expected_one_must_come() {
    use EventKind::{Escalated, Fired, Resolved};
    let seen = vec![event(Fired, "A", Severity::Warning), event(Escalated, "B", Severity::Critical)];
    assert_eq!(of_events(Vec::new(), seen.clone()), ["events: +fired A [warning] | +escalated B [critical]"]);
    let other = vec![wanted(Fired, "C", None), wanted(Resolved, "B", None), wanted(Fired, "A", None)];
    assert_eq!(of_events(other, seen), ["events:  fired A [warning] | -resolved B | +escalated B [critical] | -fired C"]);
    let twice = vec![wanted(Fired, "A", None), wanted(Fired, "A", None)];
    assert_eq!(of_events(twice, vec![event(Fired, "A", Severity::Info)]), ["events:  fired A [info] | -fired A"]);
}

#[test]
fn why_an_event_is_missing_is_told_where_the_poll_thought_of_it() {
    let thoughts = vec![("A".to_owned(), "it holds".to_owned()), ("*".to_owned(), "it is gone".to_owned())];
    let expected = Expected {
        events: vec![wanted(EventKind::Fired, "A", None), wanted(EventKind::Resolved, "", None), wanted(EventKind::Fired, "B", None)],
        ..Expected::default()
    };
    let seen = Seen { thoughts, ..Seen::default() };
    assert_eq!(differences(expected, seen), ["events: -fired A | ?it holds | -resolved | ?it is gone | -fired B"]);
}

#[test]
fn receivers_and_reasons_are_shown_where_they_were_asked_for() {
    let seen = vec![event(EventKind::Fired, "A", Severity::Warning)];
    let right = ExpectedEvent {
        receivers: Some(vec!["warehouse".into(), "duty".into()]),
        reason: Some("matches".into()),
        ..wanted(EventKind::Fired, "A", None)
    };
    assert_eq!(of_events(vec![right.clone()], seen.clone()), Vec::<String>::new());
    let wrong = ExpectedEvent { receivers: Some(vec!["duty".into()]), reason: Some("late".into()), ..right };
    assert_eq!(of_events(vec![wrong], seen), ["events: -fired A → duty: … late … | +fired A [warning] → duty, warehouse: the row matches"]);
}

#[test]
fn errors_and_warnings_must_be_expected_by_a_part_of_them() {
    let seen = || Seen { errors: vec!["guard: 3 keys vanished".into()], warnings: vec!["1 keys twice".into()], ..Seen::default() };
    assert_eq!(differences(Expected::default(), seen()), ["error: +guard: 3 keys vanished", "warnings: +1 keys twice"]);
    let right = Expected { error: vec!["vanished".into()], warnings: vec!["twice".into()], ..Expected::default() };
    assert_eq!(differences(right, seen()), Vec::<String>::new());
    let more = Expected { error: vec!["vanished".into(), "timeout".into()], warnings: vec!["twice".into()], ..Expected::default() };
    assert_eq!(differences(more, seen()), ["error: -timeout |  guard: 3 keys vanished"]);
}

#[test]
fn what_fires_waits_and_is_told_is_looked_at_only_when_named() {
    let seen = || Seen {
        firing: vec!["A".into(), "B".into()],
        messages: vec![("duty".into(), message("x")), ("duty".into(), message("y"))],
        ..Seen::default()
    };
    assert_eq!(differences(Expected::default(), seen()), Vec::<String>::new());
    let right = Expected { firing: Some(vec!["B".into(), "A".into()]), told: Some(vec!["duty".into()]), ..Expected::default() };
    assert_eq!(differences(right, seen()), Vec::<String>::new());
    let wrong = Expected { firing: Some(vec!["A".into()]), pending: Some(vec!["C".into()]), told: Some(vec![]), ..Expected::default() };
    assert_eq!(differences(wrong, seen()), ["firing:  A | +B", "pending: -C", "told: +duty"]);
}

fn of_message(wanted: Vec<ExpectedMessage>, seen: &[&str]) -> Vec<String> {
    let messages = seen.iter().map(|text| ("warehouse".to_owned(), message(text))).collect();
    differences(Expected { messages: vec![("warehouse".into(), wanted)], ..Expected::default() }, Seen { messages, ..Seen::default() })
}

#[test]
fn a_message_is_compared_line_by_line() {
    let text = |text: &str| ExpectedMessage { text: Some(text.into()), ..ExpectedMessage::default() };
    assert_eq!(of_message(vec![text("a\nb\n\n")], &["a\nb"]), Vec::<String>::new());
    assert_eq!(of_message(vec![text("a\nb\n")], &["a\nc\nd"]), ["message.warehouse:  a | -b | +c | +d"]);
    assert_eq!(of_message(vec![text("a")], &["a\nb"]), ["message.warehouse:  a | +b"]);
    assert_eq!(of_message(vec![text("a\n")], &[]), ["message.warehouse: -a message | -a"]);
    assert_eq!(of_message(vec![text("a")], &["a", "b"]), ["message.warehouse:  a | +one more message, `low stock` | +b"]);
}

#[test]
fn of_a_message_only_what_is_named_counts() {
    let wanted =
        ExpectedMessage { contains: vec!["b\nc\n".into(), "a".into()], title: Some("low stock".into()), ..ExpectedMessage::default() };
    assert_eq!(of_message(vec![wanted.clone()], &["a\nb\nc\nd"]), Vec::<String>::new());
    let wrong =
        ExpectedMessage { title: Some("stock".into()), contains: vec!["x".into()], mentions: Some(vec![]), ..ExpectedMessage::default() };
    let expected = "message.warehouse: -title: stock | +title: low stock | -mentions:  | +mentions: all | -x | +a";
    assert_eq!(of_message(vec![wrong], &["a"]), [expected]);
}
