//! What is said of a watcher as a whole, and of several keys.

use super::{facts, failed, object, poll, t};
use crate::domain::alert::{EventKind, Severity};
use crate::domain::explain::*;
use crate::domain::watcher::{AlertOn, Watcher};
use insta::assert_snapshot;

#[test]
fn the_source_is_dead_and_that_was_told_by_another_watcher() {
    let mut facts = facts().polls("10:00", "10:10", 120, 3);
    for at in ["10:15", "10:20", "10:25", "10:30", "10:35", "10:40"] {
        facts = facts.polls(at, at, 0, 0).last_poll(|poll| failed(poll, "connect", "connection refused (10.0.0.5:5432)"));
    }
    let state = &mut facts.records.states[0];
    (state.failures, state.failing_since) = (6, Some(t("10:15")));
    (state.source_failing_since, state.source_told_at) = (Some(t("10:14")), Some(t("10:24")));
    let mut facts = facts.event_of(
        "10:24",
        EventKind::WatcherFailed,
        Severity::Warning,
        None,
        "its polls fail, 3 in a row: connect: connection refused",
    );
    facts.records.events[0].watcher = "orders".into();
    let facts = facts.delivered("duty", "10:24");
    assert_snapshot!(facts.told(), @r#"
    No alert of low_stock fires. Its polls fail since 10:15 (6 in a row): connect: connection refused (10.0.0.5:5432); nothing is changed until one works; that the source erp fails was told at 10:24.

    23 10:00:00 poll         3 polls, the last at 10:10, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 10:15:00 poll         6 polls in a row failed, the last at 10:40: connect: connection refused (10.0.0.5:5432); no alert was changed  [poll 4]
    23 10:24:00 watcher_failed orders told that the source erp fails: its polls fail, 3 in a row: connect: connection refused  [event 100]
    23 10:24:00 delivery     duty was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    "#);
}

#[test]
fn the_guard_holds_a_result() {
    let mut facts = facts().polls("10:30", "10:40", 120, 3).last_poll(|poll| {
        failed(poll, "guard", "3 keys vanished at once, more than 2; nothing was changed. `rowbell release low_stock` takes the next result, or 2 more polls confirm it");
        poll.rows = 117;
    });
    facts.records.states[0].held_reason = Some("3 keys vanished at once, more than 2".into());
    facts.records.firing = 3;
    assert_snapshot!(facts.told(), @r#"
    3 alerts of low_stock fire. Its result is held by the guard: 3 keys vanished at once, more than 2.

    23 10:30:00 poll         2 polls, the last at 10:35, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 10:40:00 poll         poll 3 read 117 rows, and its result is held: 3 keys vanished at once, more than 2; nothing was changed. `rowbell release low_stock` takes the next result, or 2 more polls confirm it  [poll 3]
    "#);
}

#[test]
fn a_watcher_as_a_whole() {
    let mut facts = facts()
        .polls("09:30", "10:40", 120, 3)
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .event_of("09:35", EventKind::Fired, Severity::Warning, Some(("b2", "sku=B-2", "sku=B-2 stock=7")), "the row matches");
    facts.records.deliveries[0].events.push(101);
    (facts.records.firing, facts.records.pending) = (2, 1);
    assert_snapshot!(facts.told(), @r#"
    2 alerts of low_stock fire, 1 pending. Its last poll, at 10:40, read 120 rows, of which 3 counted; the next is due at 10:45.

    23 09:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 09:35:00 fired        sku A-17 fired (warning): the row matches; the row: stock 3  [poll 2, event 100]
    23 09:35:00 fired        sku B-2 fired (warning): the row matches; the row: stock 7  [poll 2, event 101]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         13 polls, the last at 10:40, read 120 rows, of which 3 count; nothing new  [poll 3]
    "#);
    assert_snapshot!(facts.clone().at("09:35").told().lines().next().unwrap_or_default(), @"The poll at 09:35 read 120 rows, of which 3 counted: sku A-17 fired and sku B-2 fired; the next was at 09:40.");
    assert_snapshot!(facts.clone().at("10:12").told().lines().next().unwrap_or_default(), @"The poll at 10:10 read 120 rows, of which 3 counted: nothing new; the next was at 10:15.");
}

#[test]
fn of_events_without_an_end_it_is_told_how_many_there_were() {
    let new = |watcher: Watcher| Watcher { alert_on: AlertOn::New { alert_on_first_poll: false, cursor: None }, ..watcher };
    let quiet = facts().declared(new).polls("10:40", "10:40", 50, 50);
    assert_snapshot!(quiet.told().lines().next().unwrap_or_default(), @"low_stock told of no new row since 09:00. Its last poll, at 10:40, read 50 rows; the next is due at 10:45.");
    let told = quiet.event("10:35", EventKind::Fired, "a new row").event("10:40", EventKind::Fired, "a new row");
    assert_snapshot!(told.told().lines().next().unwrap_or_default(), @"low_stock told of 2 new rows since 09:00, the last at 10:40. Its last poll, at 10:40, read 50 rows; the next is due at 10:45.");
}

#[test]
fn a_watcher_that_is_overdue_and_one_that_was_never_polled() {
    let mut facts = facts().polls("09:30", "09:40", 120, 3);
    facts.records.states[0].next_poll_at = Some(t("09:45"));
    facts.records.elsewhere = vec![(t("09:45"), facts.now, 0)];
    assert_snapshot!(facts.told(), @r#"
    No alert of low_stock fires. Its poll of 09:45 has not been made: nothing was polled in that time: the service did not run.

    23 09:30:00 poll         3 polls, the last at 09:40, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:45:00 schedule     the poll that was due at 09:45 has not been made: nothing was polled in that time: the service did not run  []
    "#);
    facts.records = Records::default();
    (facts.declared, facts.file) = (None, File::Gone);
    assert_snapshot!(facts.told(), @"No alert of low_stock fires. It has never been polled. There is no file of this name any more.");
}

#[test]
fn several_keys_and_several_sources() {
    let mut facts = facts().about_a17().polls("10:35", "10:40", 120, 3).event("10:35", EventKind::Fired, "the row matches");
    facts.asked.key = vec![("sku".into(), "A-17".into())];
    facts.records.keys[0].key = object("source=shop_1 sku=A-17");
    facts.records.keys[0].source = "shop_1".into();
    facts.records.events[0].key = Some(object("source=shop_1 sku=A-17"));
    let other = KeyFact { fingerprint: "a17b".into(), source: "shop_2".into(), key: object("source=shop_2 sku=A-17"), alert: None };
    facts.records.keys.push(other);
    facts.records.polls.iter_mut().for_each(|poll| poll.source = "shop_1".into());
    facts.records.polls.push(PollFact { source: "shop_2".into(), ..poll(9, t("10:36"), 80, 1) });
    let seen = Seen { rows: 80, matched: 1, ..Seen::default() };
    facts.looks = vec![
        Look { source: "shop_1".into(), answer: Ok(seen) },
        Look { source: "shop_2".into(), answer: Err("connection refused".into()) },
    ];
    assert_snapshot!(facts.told(), @r#"
    2 keys of low_stock are meant by sku A-17; firing: source shop_1 · sku A-17. The query on shop_2 cannot be asked now.

    23 10:35:00 poll         poll 1 on shop_1 read 120 rows, of which 3 count  [poll 1]
    23 10:35:00 fired        source shop_1 · sku A-17 fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 10:36:00 poll         poll 9 on shop_2 read 80 rows, of which 1 counts; nothing new  [poll 9]
    23 10:40:00 poll         poll 2 on shop_1 read 120 rows, of which 3 count; nothing new  [poll 2]
    23 10:40:00 now          the query on shop_1 returns 80 rows now, and it is not among them  []
    23 10:40:00 now          the query on shop_2 cannot be asked now: connection refused  []
    "#);
}

#[test]
fn of_many_lines_those_nearest_to_what_was_asked_are_shown() {
    let mut facts = facts().about_a17();
    for minute in 10..50 {
        facts = facts.event(&format!("09:{minute}"), EventKind::Changed, "x");
    }
    let newest = explain(&facts, 5);
    assert_eq!((newest.earlier, newest.later, newest.lines.len()), (35, 0, 5));
    let around = explain(&facts.at("09:30"), 5);
    assert_eq!((around.lines[0].at, around.lines[4].at, around.lines.len()), (t("09:28"), t("09:32"), 5));
    assert_eq!(around.earlier + around.later, 16);
}

#[test]
fn text_from_outside_cannot_control_the_terminal() {
    let mut facts = facts().about_a17().event("09:35", EventKind::Fired, "the row \u{1b}[31m matches");
    facts.records.events[0].row = Some(object("sku=A-17 name=\u{7}bell"));
    let told = facts.told();
    assert!(!told.contains('\u{1b}') && !told.contains('\u{7}'), "{told}");
}
