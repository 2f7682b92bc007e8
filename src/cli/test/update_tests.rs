use super::*;
use crate::cli::test::compare::compare;
use crate::cli::test::compare::tests::poll_of;
use crate::cli::test::play::SeenEvent;
use crate::config::watcher_test::{Expected, ExpectedEvent};
use crate::domain::alert::{EventKind, Severity};

fn fired(key: &str) -> SeenEvent {
    SeenEvent { kind: EventKind::Fired, key: key.into(), severity: Severity::Warning, receivers: vec![], reason: String::new() }
}

fn message(text: &str) -> (String, SeenMessage) {
    ("duty".into(), SeenMessage { title: "stock".into(), text: text.into(), mentions: vec!["all".into()] })
}

/// The file after its second poll came to this.
fn update(text: &str, expected: Expected, seen: Seen) -> String {
    let poll = poll_of(expected);
    let mismatches = compare(&poll, &seen);
    let keys = mismatches.iter().map(|mismatch| mismatch.what.as_str()).collect();
    corrected(text, &[Correction { test: 0, number: 1, poll: &poll, seen: &seen, keys }]).expect("TOML")
}

const FILE: &str =
    "# What it shows.\n[[test]]\nname = \"one\"   # a name\n\n[[test.poll]]\nrows = [{ a = 1.50 }]\n\n# The second.\n[[test.poll]]\n";

#[test]
fn events_are_written_and_everything_else_stays() {
    let seen = Seen { events: vec![fired("A"), fired("B")], ..Seen::default() };
    let new = update(&format!("{FILE}rows = []\n"), Expected::default(), seen);
    assert_eq!(new, format!("{FILE}rows = []\nevents = [\"fired A [warning]\", \"fired B [warning]\"]\n"));
}

#[test]
fn an_event_that_was_as_expected_stays_as_it_is_written() {
    let wanted = |key: &str| ExpectedEvent { kind: EventKind::Fired, key: Some(key.into()), severity: None, receivers: None, reason: None };
    let expected = Expected { events: vec![wanted("A"), wanted("C")], ..Expected::default() };
    let file = format!("{FILE}events = [  # all of them\n    {{ event = \"fired\", key = \"A\" }},\n    \"fired C\",\n]\nrows = []\n");
    let new = update(&file, expected, Seen { events: vec![fired("B"), fired("A")], ..Seen::default() });
    assert_eq!(new, format!("{FILE}events = [\"fired B [warning]\", {{ event = \"fired\", key = \"A\" }}]\nrows = []\n"));
}

#[test]
fn what_did_not_happen_is_emptied_or_removed() {
    let wanted = ExpectedEvent { kind: EventKind::Fired, key: None, severity: None, receivers: None, reason: None };
    let expected = Expected { events: vec![wanted], error: vec!["guard".into()], firing: Some(vec!["A".into()]), ..Expected::default() };
    let new = update(&format!("{FILE}events = [\"fired\"]\nerror = \"guard\"\nfiring = [\"A\"]\n"), expected, Seen::default());
    assert_eq!(new, format!("{FILE}events = []\nfiring = []\n"));
}

#[test]
fn a_long_list_has_a_line_for_each() {
    let seen = Seen { events: vec![fired(&"A".repeat(50)), fired(&"B".repeat(50))], ..Seen::default() };
    let new = update(FILE, Expected::default(), seen);
    let (a, b) = ("A".repeat(50), "B".repeat(50));
    assert_eq!(new, format!("{FILE}events = [\n    \"fired {a} [warning]\",\n    \"fired {b} [warning]\",\n]\n"));
}

fn of_message(written: &str, expected: Vec<ExpectedMessage>, seen: Vec<(String, SeenMessage)>) -> String {
    let expected = Expected { messages: vec![("duty".into(), expected)], ..Expected::default() };
    let seen = Seen { messages: seen, events: vec![fired("A")], ..Seen::default() };
    let new = update(&format!("{FILE}{written}\n"), expected, seen);
    new.strip_prefix(FILE).expect("what stood before").to_owned()
}

#[test]
fn a_text_is_written_between_three_quotes_and_behind_the_events() {
    let text = |text: &str| ExpectedMessage { text: Some(text.into()), ..ExpectedMessage::default() };
    let events = "events = [\"fired A [warning]\"]\n";
    let new = of_message("message.duty = \"\"  # exact", vec![text("")], vec![message("### A\n\n`x` \"y\" \\")]);
    assert_eq!(new, format!("{events}message.duty = '''\n### A\n\n`x` \"y\" \\\n'''  # exact\n"));
    let two = of_message("message.duty = \"\"", vec![text("")], vec![message("one"), message("two")]);
    assert_eq!(two, format!("{events}message.duty = [\"one\", \"two\"]\n"));
    let none = of_message("message.duty = \"x\"", vec![text("x")], vec![]);
    assert_eq!(none, events);
}

#[test]
fn of_a_message_only_what_is_named_is_written() {
    let expected = ExpectedMessage { title: Some("x".into()), contains: vec!["gone".into()], ..ExpectedMessage::default() };
    let new = of_message("message.duty = { title = \"x\", contains = \"gone\" }", vec![expected], vec![message("text")]);
    assert!(new.contains("message.duty = { title = \"stock\", contains = \"gone\" }"), "{new}");
    let expected = ExpectedMessage { mentions: Some(vec![]), ..ExpectedMessage::default() };
    let new = of_message("[test.poll.message.duty]\nmentions = []", vec![expected], vec![message("text")]);
    assert!(new.contains("[test.poll.message.duty]\nmentions = [\"all\"]"), "{new}");
}

#[test]
fn polls_in_one_array_are_corrected_too() {
    let file = "[[test]]\nname = \"one\"\npoll = [{ rows = [] }, { rows = [] }]\n";
    let new = update(file, Expected::default(), Seen { events: vec![fired("A")], ..Seen::default() });
    assert_eq!(new, "[[test]]\nname = \"one\"\npoll = [{ rows = [] }, { rows = [] , events = [\"fired A [warning]\"] }]\n");
}
