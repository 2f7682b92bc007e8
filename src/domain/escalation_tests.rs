//! When steps are told, to whom, and in which words.

use super::*;
use crate::domain::active::parse_hours;
use crate::domain::alert::{Acknowledgement, Event};
use crate::domain::compose::Changes;
use crate::domain::evaluate::tests::{World, noon, rows, sql, watcher};
use crate::domain::watcher::Span;
use chrono::WeekdaySet;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn first(receiver: &str) -> Notify {
    Notify::at_once(vec![receiver.to_owned()])
}

fn step(after: Duration, receiver: &str) -> Notify {
    Notify { after: Some(after), unless_acknowledged: true, ..first(receiver) }
}

/// First the group, then the person, then the phone.
fn three() -> Vec<Notify> {
    vec![first("group"), step(minutes(15), "person"), step(minutes(60), "phone")]
}

fn world(notify: Vec<Notify>) -> World {
    World::new(Watcher { notify, ..watcher() })
}

fn at(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

fn take(world: &mut World) {
    let by = Acknowledgement { at: world.now, by: "wang".into(), note: None };
    world.alerts.values_mut().for_each(|alert| alert.acknowledged = Some(by.clone()));
}

/// `receiver: how many events`.
fn told(changes: &Changes) -> Vec<String> {
    changes.deliveries.iter().map(|draft| format!("{}: {}", draft.receiver, draft.events.len())).collect()
}

fn told_at(world: &mut World, minutes: i64) -> Vec<String> {
    world.now = at(minutes);
    told(&world.tell_steps().0)
}

fn reasons(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.reason.as_str()).collect()
}

#[test]
fn first_the_group_then_the_person_then_the_phone_each_once() {
    let mut world = world(three());
    assert_eq!(told(&world.poll_rows(&rows("a 2"))), ["group: 1"]);
    assert_eq!(world.tell_steps().1, Some(at(15)), "when the next one is due");
    assert_eq!(told_at(&mut world, 14), [""; 0]);
    world.now = at(15);
    let (changes, next) = world.tell_steps();
    assert_eq!((told(&changes), next), (vec!["person: 1".to_owned()], Some(at(60))));
    assert_eq!(reasons(&changes.events), ["nobody has acknowledged it for 15m: person is told"]);
    assert_eq!(changes.events[0].since, Some(noon()));
    assert_eq!(told_at(&mut world, 59), [""; 0]);
    assert_eq!(told_at(&mut world, 60), ["phone: 1"]);
    assert_eq!(told_at(&mut world, 600), [""; 0]);
    assert_eq!(world.tell_steps().1, None);
    assert_eq!(told(&world.poll_rows(&[])), ["group: 1", "person: 1", "phone: 1"], "whoever was told is told the end");
}

#[test]
fn what_became_due_while_nobody_looked_is_told_once_and_says_for_how_long_it_really_fires() {
    let mut world = world(three());
    world.poll("a 2, b 2");
    world.now = at(135);
    let (changes, _) = world.tell_steps();
    assert_eq!(told(&changes), ["person: 2", "phone: 2"], "one message for each receiver");
    assert_eq!(reasons(&changes.events), ["nobody has acknowledged it for 2h 15m: person, phone are told"; 2]);
}

#[test]
fn what_a_person_has_taken_goes_no_further_until_it_becomes_worse() {
    let mut notify = three();
    notify.push(Notify { unless_acknowledged: false, ..step(minutes(30), "log") });
    let mut world = world(notify);
    world.poll("a 2");
    take(&mut world);
    assert_eq!(told_at(&mut world, 20), [""; 0]);
    world.now = at(30);
    let (changes, _) = world.tell_steps();
    assert_eq!(told(&changes), ["log: 1"]);
    assert_eq!(reasons(&changes.events), ["firing for 30m: log is told"]);
    assert!(changes.unacknowledge.is_empty() && world.alerts.values().all(|alert| alert.acknowledged.is_some()), "it stays theirs");
    world.now = at(61);
    let worse = world.poll_rows(&rows("a 5"));
    assert_eq!(told(&worse), ["group: 1", "person: 1", "phone: 1", "log: 1"]);
    let reason = "severity rose from warning to critical; wang's acknowledgement is over; firing for 1h 1m: person, phone are told";
    assert_eq!(reasons(&worse.events), [reason]);
    assert_eq!(told_at(&mut world, 120), [""; 0], "they were told with the rise");
}

#[test]
fn a_rise_reaches_those_who_were_told_and_those_whose_time_has_come() {
    let critical = |block: Notify| Notify { when: Some(sql("severity = 'critical'")), ..block };
    let mut world =
        world(vec![first("group"), step(minutes(15), "person"), critical(step(minutes(20), "phone")), step(minutes(60), "boss")]);
    world.poll("a 2");
    assert_eq!(told_at(&mut world, 15), ["person: 1"]);
    assert_eq!(told_at(&mut world, 40), [""; 0], "it is not critical");
    world.now = at(41);
    let worse = world.poll_rows(&rows("a 5"));
    assert_eq!(told(&worse), ["group: 1", "person: 1", "phone: 1"]);
    assert_eq!(reasons(&worse.events), ["severity rose from warning to critical; firing for 41m: phone is told"]);
}

#[test]
fn a_step_looks_at_the_alert_as_it_is_when_its_time_comes_and_after() {
    let mut world = world(vec![first("group"), Notify { when: Some(sql("v = 4")), ..step(minutes(15), "person") }]);
    world.poll("a 4");
    world.now = at(14);
    world.poll("a 3");
    assert_eq!(told_at(&mut world, 15), [""; 0]);
    world.now = at(40);
    world.poll("a 4");
    assert_eq!(told_at(&mut world, 40), ["person: 1"]);
}

#[test]
fn a_condition_that_cannot_be_evaluated_tells_and_warns() {
    let mut world = world(vec![first("group"), Notify { when: Some(sql("id > 5")), ..step(minutes(15), "person") }]);
    world.poll("a 4");
    world.now = at(15);
    let (changes, _) = world.tell_steps();
    assert_eq!((told(&changes).len(), changes.warnings.len()), (1, 1));
}

#[test]
fn nobody_is_called_for_what_is_gone_until_it_is_back() {
    let mut world = world(three());
    world.watcher.keep_firing_for = Span::Time(minutes(30));
    world.poll("a 2");
    world.now = at(10);
    world.poll("");
    assert_eq!(told_at(&mut world, 16), [""; 0]);
    world.poll("a 2");
    assert_eq!(told_at(&mut world, 17), ["person: 1"]);
}

#[test]
fn a_new_firing_begins_from_the_first_step() {
    let mut world = world(three());
    world.poll("a 2");
    assert_eq!(told_at(&mut world, 15), ["person: 1"]);
    world.poll("");
    world.now = at(20);
    assert_eq!(told(&world.poll_rows(&rows("a 2"))), ["group: 1"]);
    assert_eq!(told_at(&mut world, 34), [""; 0]);
    assert_eq!(told_at(&mut world, 35), ["person: 1"]);
}

#[test]
fn reminders_keep_their_time_and_reach_steps_that_were_told() {
    let mut world = world(three());
    world.watcher.repeat_interval = Some(minutes(20));
    world.poll("a 2");
    assert_eq!(told_at(&mut world, 15), ["person: 1"]);
    world.now = at(20);
    assert_eq!(told(&world.poll_rows(&rows("a 2"))), ["group: 1", "person: 1"]);
}

#[test]
fn the_same_receiver_may_stand_at_first_and_as_a_step_that_calls_someone() {
    let again = Notify { mention: vec![crate::domain::watcher::Mention::All], ..step(minutes(15), "group") };
    let mut world = world(vec![first("group"), again]);
    assert!(world.poll_rows(&rows("a 2")).deliveries[0].message.mentions.is_empty());
    world.now = at(15);
    let (changes, _) = world.tell_steps();
    assert_eq!(changes.deliveries[0].message.mentions, [crate::domain::watcher::Mention::All]);
    assert_eq!(told(&world.poll_rows(&[])), ["group: 1"]);
}

#[test]
fn an_edit_of_a_step_is_a_new_step_and_one_of_its_condition_is_not() {
    let mut world = world(three());
    world.poll("a 2");
    assert_eq!(told_at(&mut world, 15), ["person: 1"]);
    world.watcher.notify[1].when = Some(sql("v > 0"));
    assert_eq!(told_at(&mut world, 16), [""; 0]);
    let before = std::mem::replace(&mut world.watcher.notify[1], step(minutes(15), "other"));
    assert_eq!(told_at(&mut world, 17), ["other: 1"]);
    world.watcher.notify[1] = before;
    assert_eq!(told_at(&mut world, 18), [""; 0], "what was told stays told");
    world.watcher.notify.truncate(1);
    assert_eq!(world.tell_steps().1, None);
    assert_eq!(told(&world.poll_rows(&[])), ["group: 1", "person: 1", "other: 1"]);
}

#[test]
fn what_no_first_block_tells_says_that_no_one_is_told_yet() {
    let mut world = world(vec![step(minutes(15), "person")]);
    let fired = world.poll_rows(&rows("a 2"));
    assert_eq!(reasons(&fired.events), ["the row matches; no `notify` block holds for it, so no one is told yet"]);
    assert_eq!(told_at(&mut world, 15), ["person: 1"]);
    assert_eq!(world.watcher.first_receivers(), ["person"], "someone hears that the watcher fails");
    assert_eq!(Watcher { notify: three(), ..watcher() }.first_receivers(), ["group"]);
}

#[test]
fn at_night_steps_wait_for_the_morning_and_count_from_there() {
    let hours = vec![parse_hours("09:00-18:00").expect("hours")];
    let mut world = world(three());
    world.watcher.active = Some(crate::domain::active::Active::new(WeekdaySet::ALL, hours, None));
    let alert = |world: &World| world.alerts.values().next().expect("an alert").clone();
    // The noon of these tests is 16:00 in Shanghai.
    world.poll("a 2");
    let fired_at = |hour: i64, minute: i64| noon() + TimeDelta::hours(hour - 16) + TimeDelta::minutes(minute);
    let due = |since: DateTime<Utc>, severity: Severity, now: DateTime<Utc>| {
        due_at(&world.watcher, &world.calendars, minutes(15), &Alert { since, severity, ..alert(&world) }, now)
    };
    let (warning, critical) = (Severity::Warning, Severity::Critical);
    assert_eq!(due(fired_at(17, 0), warning, fired_at(17, 0)), Some(fired_at(17, 15)));
    assert_eq!(due(fired_at(17, 50), warning, fired_at(17, 50)), Some(fired_at(33, 0)), "its time is at 18:05: in the morning");
    assert_eq!(due(fired_at(27, 0), warning, fired_at(27, 0)), Some(fired_at(33, 15)), "the group is told at nine");
    assert_eq!(due(fired_at(27, 0), critical, fired_at(27, 0)), Some(fired_at(27, 15)), "critical passes");
    assert_eq!(due(fired_at(17, 0), warning, fired_at(18, 30)), Some(fired_at(33, 0)), "nobody looked in time");
    assert_eq!(due(fired_at(17, 0), warning, fired_at(17, 30)), Some(fired_at(17, 30)), "it is now");
}
