//! Who is told what, and what is written of it.

use super::*;
use crate::domain::evaluate::tests::{World, noon, rows, sql, watcher};
use crate::domain::watcher::{MessageTemplate, Notify};
use chrono::TimeDelta;
use std::time::Duration;

fn block(when: Option<&str>, receivers: &[&str], mention: &[&str]) -> Notify {
    Notify {
        when: when.map(sql),
        receivers: receivers.iter().map(|name| (*name).to_owned()).collect(),
        mention: mention.iter().map(|who| Mention::parse(who)).collect(),
        after: None,
        unless_acknowledged: false,
    }
}

fn world(notify: Vec<Notify>) -> World {
    World::new(Watcher { notify, ..watcher() })
}

/// `receiver: how many events, who is called`.
fn told(changes: &Changes) -> Vec<String> {
    let called = |draft: &Draft| -> Vec<String> {
        let names = draft.message.mentions.iter().map(|mention| match mention {
            Mention::Mobile(name) | Mention::User(name) => name.clone(),
            Mention::All => "all".into(),
        });
        names.collect()
    };
    changes
        .deliveries
        .iter()
        .map(|draft| format!("{}: {} {}", draft.receiver, draft.events.len(), called(draft).join(" ")).trim().to_owned())
        .collect()
}

#[test]
fn each_block_whose_condition_holds_gets_the_event() {
    let mut world = world(vec![
        block(None, &["warehouse"], &[]),
        block(Some("severity = 'critical'"), &["duty", "warehouse"], &["13800000000"]),
        block(Some("id = 'z'"), &["nobody"], &[]),
    ]);
    let changes = world.poll_rows(&rows("a 2, b 5"));
    assert_eq!(told(&changes), ["warehouse: 2 13800000000", "duty: 1 13800000000"]);
    let critical = changes.events.iter().position(|event| event.severity == Severity::Critical).expect("b");
    assert_eq!(changes.deliveries[1].events, [critical]);
}

#[test]
fn one_message_per_receiver_tells_all_of_a_poll() {
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.poll("a 2, b 2");
    let changes = world.poll_rows(&rows("b 5, c 2"));
    assert_eq!(told(&changes), ["warehouse: 3"]);
    assert_eq!(changes.events.len(), 3);
}

#[test]
fn nobody_is_called_twice_in_one_message() {
    let twice = block(None, &["warehouse", "warehouse"], &["13800000000", "13800000000", "all"]);
    let mut world = world(vec![twice.clone(), twice, block(None, &["warehouse"], &["manager01"])]);
    let changes = world.poll_rows(&rows("a 2, b 2"));
    assert_eq!(told(&changes), ["warehouse: 2 13800000000 all manager01"]);
}

#[test]
fn a_second_message_that_calls_people_is_only_for_receivers_that_can() {
    let message = MessageTemplate {
        buttons: vec![crate::domain::watcher::Button { title: "打开".into(), url: "https://erp.example/1".into() }],
        picture: Some("https://erp.example/1.png".into()),
        ..MessageTemplate::default()
    };
    let mut world = world(vec![block(None, &["warehouse", "duty"], &["13800000000"])]);
    world.watcher.message = message;
    assert_eq!(told(&world.poll_rows(&rows("a 2"))), ["warehouse: 1", "warehouse: 1 13800000000", "duty: 1", "duty: 1 13800000000"]);
    world.calls_nobody = vec!["duty".into()];
    assert_eq!(told(&world.poll_rows(&rows("a 2, b 2"))), ["warehouse: 1", "warehouse: 1 13800000000", "duty: 1 13800000000"]);
    let duty = world.poll_rows(&rows("a 2, b 2, c 2")).deliveries.pop().expect("a message").message;
    assert!(duty.attached.picture.is_some() && !duty.attached.is_call, "it is the message itself");
}

#[test]
fn a_block_is_told_when_its_condition_holds_for_any_row_of_the_alert() {
    let notify =
        vec![block(Some("id = 'a'"), &["north"], &[]), block(Some("id = 'b'"), &["south"], &[]), block(Some("id = 'c'"), &["west"], &[])];
    let mut world = World::new(Watcher { key: Vec::new(), ..world(notify).watcher });
    assert_eq!(told(&world.poll_rows(&rows("a 2, b 3"))), ["north: 1", "south: 1"]);
}

#[test]
fn the_end_is_told_to_those_who_were_told_of_the_beginning_and_calls_nobody() {
    let mut world = world(vec![block(Some("v < 5"), &["warehouse"], &["13800000000"]), block(Some("v >= 5"), &["duty"], &[])]);
    world.poll("a 2");
    world.watcher.notify = vec![block(None, &["other"], &[])];
    assert_eq!(told(&world.poll_rows(&[])), ["warehouse: 1"]);
}

#[test]
fn an_escalation_reaches_the_receiver_it_is_for_and_both_are_told_the_end() {
    let mut world =
        world(vec![block(Some("severity = 'warning'"), &["warehouse"], &[]), block(Some("severity = 'critical'"), &["duty"], &["all"])]);
    assert_eq!(told(&world.poll_rows(&rows("a 2"))), ["warehouse: 1"]);
    let escalated = world.poll_rows(&rows("a 5"));
    assert_eq!(told(&escalated), ["duty: 1 all"]);
    assert_eq!(escalated.events[0].reason, "severity rose from warning to critical");
    assert_eq!(escalated.unacknowledge, [escalated.put[0].fingerprint], "whoever has taken it since it was read took less");
    assert_eq!(told(&world.poll_rows(&[])), ["warehouse: 1", "duty: 1"]);
}

#[test]
fn who_is_told_by_a_reminder_is_told_the_end() {
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.watcher.repeat_interval = Some(Duration::from_secs(3600));
    world.poll("a 2");
    world.watcher.notify.push(block(None, &["duty"], &[]));
    for (values, hours) in [("a 2", 1), ("a 3", 2)] {
        world.now = noon() + TimeDelta::hours(hours);
        assert_eq!(told(&world.poll_rows(&rows(values))), ["warehouse: 1", "duty: 1"]);
    }
    let over = world.poll_rows(&[]);
    assert_eq!(told(&over), ["warehouse: 1", "duty: 1"]);
    assert_eq!(over.events[0].since, Some(noon()));
    assert_eq!(over.events[0].rows[0].text(1).as_deref(), Some("3"), "the row last seen is told");
}

#[test]
fn an_end_that_nobody_is_to_hear_of_is_in_the_history() {
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.watcher.send_resolved = false;
    world.poll("a 2");
    let changes = world.poll_rows(&[]);
    assert_eq!(told(&changes), [""; 0]);
    assert_eq!((changes.events[0].kind, changes.remove.len()), (EventKind::Resolved, 1));
    assert!(changes.events[0].reason.contains("send_resolved is false"), "{}", changes.events[0].reason);
}

#[test]
fn an_event_that_no_block_wants_is_in_the_history_and_says_so() {
    let mut world = world(vec![block(Some("v > 100"), &["duty"], &[])]);
    let changes = world.poll_rows(&rows("a 2"));
    assert_eq!((told(&changes).len(), changes.put.len()), (0, 1));
    assert!(changes.events[0].reason.ends_with("no `notify` block holds for it, so no one is told"), "{}", changes.events[0].reason);
}

#[test]
fn a_notify_condition_that_cannot_be_evaluated_tells_and_warns_once() {
    let mut world = world(vec![block(Some("id > 5"), &["duty"], &[]), block(Some("v > 1"), &["warehouse"], &[])]);
    let changes = world.poll_rows(&rows("a 2, b 2, c 2"));
    assert_eq!(told(&changes), ["duty: 3", "warehouse: 3"]);
    assert_eq!(changes.warnings.len(), 1, "{:?}", changes.warnings);
}

#[test]
fn a_template_that_fails_is_replaced_and_reported() {
    let mut world = world(vec![block(None, &["warehouse", "duty"], &[])]);
    world.watcher.message = MessageTemplate { body: Some("{{ events[0].row.nothing }}".into()), ..MessageTemplate::default() };
    let changes = world.poll_rows(&rows("a 2"));
    assert_eq!(changes.warnings.len(), 1, "{:?}", changes.warnings);
    let text = changes.deliveries[0].message.text();
    assert!(text.contains("id a") && text.contains("the message template failed"), "{text}");
}

#[test]
fn alerts_remember_when_and_to_whom_they_were_told() {
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.poll("a 2");
    let alert = world.alerts.values().next().expect("an alert");
    assert_eq!((alert.since, alert.told_at, alert.receivers.as_slice()), (noon(), Some(noon()), &["warehouse".to_owned()][..]));
    world.now = noon() + TimeDelta::minutes(1);
    world.poll("a 3");
    let alert = world.alerts.values().next().expect("an alert");
    assert_eq!((alert.since, alert.told_at), (noon(), Some(noon())), "a refresh changes neither");
}

#[test]
fn a_row_of_a_new_watcher_is_kept_without_its_content() {
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.watcher.alert_on = AlertOn::New { alert_on_first_poll: true, cursor: None };
    let changes = world.poll_rows(&rows("a 2, a 3"));
    assert_eq!((changes.put[0].rows.len(), changes.put[0].status), (0, AlertStatus::Seen));
    assert_eq!((changes.events[0].rows.len(), changes.events[0].since), (2, None));
    assert_eq!(changes.events[0].reason, "a new row; the query returned this key 2 times");
}

#[test]
fn a_watcher_that_fails_tells_everyone_it_names_and_touches_no_alert() {
    let watcher =
        Watcher { notify: vec![block(Some("v > 100"), &["duty", "warehouse"], &["all"]), block(None, &["duty"], &[])], ..watcher() };
    let occasion = Occasion {
        watcher: &watcher,
        now: noon(),
        language: Language::En,
        silences: &[],
        calendars: &Calendars::default(),
        opens_at: None,
        calls_nobody: &[],
    };
    let changes =
        watcher_event(&occasion, EventKind::WatcherFailed, noon() - TimeDelta::minutes(15), 3, "connection refused", watcher.receivers());
    assert_eq!(told(&changes), ["duty: 1", "warehouse: 1"]);
    assert!(changes.put.is_empty() && changes.remove.is_empty());
    assert_eq!((changes.events[0].fingerprint, changes.events[0].reason.as_str()), (None, "3 polls in a row failed. connection refused"));
}

#[test]
fn ten_thousand_events_with_reminders_are_composed() {
    let text: Vec<String> = (0..10_000).map(|n| format!("{n} 2")).collect();
    let (first, then) = (rows(&text.join(",")), rows(&text.join(",").replace(" 2", " 3")));
    let mut world = world(vec![block(None, &["warehouse"], &[])]);
    world.watcher.repeat_interval = Some(Duration::from_secs(60));
    let needed = |world: &World, rows: &[_]| world.plan(rows).needs_stored().len();
    assert_eq!(needed(&world, &first), 0);
    let plan = world.plan(&first);
    let fired = changes(
        &Occasion {
            watcher: &world.watcher,
            now: noon(),
            language: Language::En,
            silences: &[],
            calendars: &Calendars::default(),
            opens_at: None,
            calls_nobody: &[],
        },
        plan,
        HashMap::new(),
    );
    assert_eq!((fired.events.len(), fired.deliveries.len()), (10_000, 1));
    world.alerts = fired.put.into_iter().map(|alert| (alert.fingerprint, alert)).collect();
    world.now = noon() + TimeDelta::minutes(1);
    let plan = world.plan(&then);
    assert_eq!((plan.repeated.len(), plan.refreshed.len()), (10_000, 10_000));
    let occasion = Occasion {
        watcher: &world.watcher,
        now: world.now,
        language: Language::En,
        silences: &[],
        calendars: &Calendars::default(),
        opens_at: None,
        calls_nobody: &[],
    };
    let repeated = changes(&occasion, plan, world.alerts.clone());
    assert_eq!((repeated.events.len(), repeated.put.len()), (10_000, 10_000));
    assert!(repeated.put.iter().all(|alert| alert.told_at == Some(world.now)));
}
