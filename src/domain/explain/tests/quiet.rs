//! What is said of a key that did not alert.

use super::{facts, failed, object, t};
use crate::domain::alert::{AlertStatus, EventKind};
use crate::domain::evaluate::TraceWord;
use crate::domain::explain::*;
use crate::domain::watcher::{AlertOn, Span, Watcher};
use insta::assert_snapshot;
use std::time::Duration;

#[test]
fn it_is_pending() {
    let facts = facts()
        .about_a17()
        .polls("10:30", "10:40", 120, 3)
        .declared(|watcher| Watcher { hold_for: Span::Time(Duration::from_secs(600)), ..watcher })
        .alert(AlertStatus::Pending, "10:35")
        .trace("10:35", None, TraceWord::Pending, "it holds, and fires when it has held for long enough");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has not fired yet: it holds since 10:35 (5 min), and must hold for 10m.

    23 10:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 10:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 10:35:00 pending      it holds, and fires when it has held for long enough (10m)  [poll 2]
    23 10:40:00 poll         poll 3 read 120 rows, of which 3 count; nothing new  [poll 3]
    "#);
}

#[test]
fn it_was_pending_then_and_dropped_later() {
    let facts = facts()
        .about_a17()
        .polls("09:25", "09:50", 120, 3)
        .declared(|watcher| Watcher { hold_for: Span::Polls(3), ..watcher })
        .trace("09:30", None, TraceWord::Pending, "it holds, and fires when it has held for long enough")
        .trace("09:35", None, TraceWord::Pending, "it has held for 2 polls in a row, and fires when it has held for long enough")
        .trace("09:40", None, TraceWord::Dropped, "it no longer holds, so it never fired")
        .at("09:35");
    assert_snapshot!(facts.told(), @r#"
    At 09:35 sku A-17 did not alert yet: it had held since 09:30, and must hold for 3 polls. It no longer held at 09:40, so it never fired.

    23 09:25:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:30:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 09:30:00 pending      it holds, and fires when it has held for long enough (3 polls)  [poll 2]
    23 09:35:00 poll         poll 3 read 120 rows, of which 3 count  [poll 3]
    23 09:35:00 pending      it has held for 2 polls in a row, and fires when it has held for long enough (3 polls)  [poll 3]
    23 09:40:00 poll         poll 4 read 120 rows, of which 3 count  [poll 4]
    23 09:40:00 dropped      it no longer holds, so it never fired  [poll 4]
    23 09:45:00 poll         2 polls, the last at 09:50, read 120 rows, of which 3 count; nothing new  [poll 5]
    "#);
}

#[test]
fn it_was_returned_then_and_did_not_count() {
    let facts = facts()
        .about_a17()
        .polls("09:25", "09:50", 120, 3)
        .trace("09:35", Some("09:45"), TraceWord::Unmatched, "`stock < 100` is not true; stock is 120")
        .trace("09:45", None, TraceWord::Unmatched, "`stock < 100` is not true; stock is 101")
        .at("09:35");
    assert_snapshot!(facts.told(), @r#"
    At 09:35 sku A-17 did not alert: the poll at 09:35 read its row, and `stock < 100` is not true; stock is 120.

    23 09:25:00 poll         2 polls, the last at 09:30, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 3 read 120 rows, of which 3 count  [poll 3]
    23 09:35:00 unmatched    it was returned and does not count: `stock < 100` is not true; stock is 120 (until 09:45)  [poll 3]
    23 09:40:00 poll         poll 4 read 120 rows, of which 3 count; nothing new  [poll 4]
    23 09:45:00 poll         poll 5 read 120 rows, of which 3 count  [poll 5]
    23 09:45:00 unmatched    it was returned and does not count: `stock < 100` is not true; stock is 101  [poll 5]
    23 09:50:00 poll         poll 6 read 120 rows, of which 3 count; nothing new  [poll 6]
    "#);
    assert_snapshot!(facts.clone().at("09:42").told().lines().next().unwrap_or_default(), @"At 09:42 sku A-17 did not alert: its row is returned and does not count since 09:35: `stock < 100` is not true; stock is 120.");
}

#[test]
fn it_never_alerted_and_the_query_does_not_return_it() {
    let mut facts = facts().about_unknown().polls("09:25", "10:40", 120, 120);
    let seen = Seen { rows: 120, matched: 120, ..Seen::default() };
    facts.looks = vec![Look { source: "erp".into(), answer: Ok(seen) }];
    assert_snapshot!(facts.told(), @r#"
    sku X-1 has not alerted: the poll at 10:40 read 120 rows, and it was not among them. The query returns 120 rows now, and it is not among them.

    23 09:25:00 poll         16 polls, the last at 10:40, read 120 rows; nothing new  [poll 1]
    23 10:40:00 now          the query returns 120 rows now, and it is not among them  []
    "#);
}

#[test]
fn it_never_alerted_and_the_query_returns_it_now() {
    let mut facts = facts().about_unknown().polls("10:35", "10:40", 5_000, 3);
    let of_key = vec![(object("sku=X-1 stock=120"), "`stock < 100` is not true; stock is 120".into())];
    facts.looks = vec![Look { source: "erp".into(), answer: Ok(Seen { rows: 5_000, matched: 3, of_key, ..Seen::default() }) }];
    assert_snapshot!(facts.told(), @r#"
    sku X-1 has not alerted: the poll at 10:40 read 5000 rows, of which 3 counted; why a row does not count is kept for 200 of them, and this one is not among those, if it was returned at all. The query returns it now (sku X-1 · stock 120): `stock < 100` is not true; stock is 120.

    23 10:35:00 poll         2 polls, the last at 10:40, read 5000 rows, of which 3 count; nothing new  [poll 1]
    23 10:40:00 now          the query returns it now (sku X-1 · stock 120): `stock < 100` is not true; stock is 120  []
    "#);
}

#[test]
fn the_query_stopped_returning_it() {
    let facts = facts()
        .about_a17()
        .polls("10:00", "10:40", 119, 3)
        .trace("09:00", Some("10:10"), TraceWord::Unmatched, "`stock < 100` is not true; stock is 120")
        .trace("10:10", Some("10:15"), TraceWord::Absent, "the query no longer returns it");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has not alerted: the query has not returned it since 10:10.

    23 09:00:00 unmatched    it was returned and does not count: `stock < 100` is not true; stock is 120 (until 10:10)  []
    23 10:00:00 poll         2 polls, the last at 10:05, read 119 rows, of which 3 count; nothing new  [poll 1]
    23 10:10:00 poll         poll 3 read 119 rows, of which 3 count  [poll 3]
    23 10:10:00 absent       the query no longer returns it  [poll 3]
    23 10:15:00 poll         6 polls, the last at 10:40, read 119 rows, of which 3 count; nothing new  [poll 4]
    "#);
}

#[test]
fn the_service_did_not_run_then() {
    let mut facts = facts().about_a17().polls("08:55", "09:00", 120, 3).polls("10:10", "10:10", 120, 3).last_poll(|poll| {
        (poll.scheduled_at, poll.started_at, poll.missed) = (t("09:05"), t("10:10:03"), 13);
    });
    facts.records.elsewhere = vec![(t("09:05"), t("10:10:03"), 0)];
    let facts = facts.at("09:35");
    assert_snapshot!(facts.told(), @r#"
    At 09:35 sku A-17 did not alert: there was no poll from 09:00 to 10:10:03: nothing was polled in that time: the service did not run.

    23 08:55:00 poll         2 polls, the last at 09:00, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:05:00 schedule     the poll that was due at 09:05 was made at 10:10:03; 13 slots after it were skipped: nothing was polled in that time: the service did not run  [poll 3]
    23 10:10:03 poll         poll 3 read 120 rows, of which 3 count; nothing new  [poll 3]
    "#);
}

#[test]
fn the_poll_then_failed() {
    let facts = facts().about_a17().polls("09:25", "09:30", 120, 3).polls("09:35", "09:35", 0, 0).last_poll(|poll| {
        failed(poll, "timeout", "the query ran longer than 30 s and was ended on the server");
        poll.duration_ms = 30_012;
    });
    let facts = facts.polls("09:40", "09:45", 120, 3).at("09:35");
    assert_snapshot!(facts.told(), @r#"
    At 09:35 sku A-17 did not alert: the poll at 09:35 failed, and a poll that fails changes no alert (timeout: the query ran longer than 30 s and was ended on the server).

    23 09:25:00 poll         2 polls, the last at 09:30, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 3 failed after 30.0 s: timeout: the query ran longer than 30 s and was ended on the server; no alert was changed  [poll 3]
    23 09:40:00 poll         2 polls, the last at 09:45, read 120 rows, of which 3 count; nothing new  [poll 4]
    "#);
}

#[test]
fn a_row_of_a_new_watcher_was_known_from_the_baseline_or_told_once() {
    let new = |watcher: Watcher| Watcher { alert_on: AlertOn::New { alert_on_first_poll: false, cursor: None }, ..watcher };
    let known = facts().declared(new).about_a17().polls("10:35", "10:40", 50, 50).alert(AlertStatus::Seen, "-3 08:00");
    assert_snapshot!(known.told(), @r#"
    sku A-17 was there when the first poll took its baseline, at 11-20 08:00: it is known since then, and told to no one.

    23 10:35:00 poll         2 polls, the last at 10:40, read 50 rows; nothing new  [poll 1]
    "#);
    let told = facts()
        .declared(new)
        .about_a17()
        .polls("10:30", "10:40", 51, 51)
        .alert(AlertStatus::Seen, "10:35")
        .event("10:35", EventKind::Fired, "a new row")
        .delivered("warehouse", "10:35");
    assert_snapshot!(told.told(), @r#"
    sku A-17 fired at 10:35 (warning): a new row; a `new` watcher tells each key once, ever. warehouse was told at 10:35.

    23 10:30:00 poll         poll 1 read 51 rows; nothing new  [poll 1]
    23 10:35:00 poll         poll 2 read 51 rows  [poll 2]
    23 10:35:00 fired        it fired (warning): a new row; the row: stock 3  [poll 2, event 100]
    23 10:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 10:40:00 poll         poll 3 read 51 rows; nothing new  [poll 3]
    "#);
    // A cursor forgets the keys that it has passed.
    let mut forgotten = told.clone();
    forgotten.records.keys[0].alert = None;
    assert_eq!(forgotten.told(), told.told());
}

#[test]
fn a_watched_row_changed() {
    let facts = facts()
        .declared(|watcher| Watcher {
            alert_on: AlertOn::Change {
                columns: vec!["status".into()],
                rows: crate::domain::watcher::ChangedRows { added: false, changed: true, removed: false },
            },
            ..watcher
        })
        .about_a17()
        .polls("09:35", "10:00", 50, 50)
        .alert(AlertStatus::Seen, "09:40")
        .event("09:40", EventKind::Changed, "status: paid → shipped")
        .delivered("warehouse", "09:40");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 last changed at 09:40: status: paid → shipped. warehouse was told at 09:40.

    23 09:35:00 poll         poll 1 read 50 rows; nothing new  [poll 1]
    23 09:40:00 poll         poll 2 read 50 rows  [poll 2]
    23 09:40:00 changed      it changed (warning): status: paid → shipped  [poll 2, event 100]
    23 09:40:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:45:00 poll         4 polls, the last at 10:00, read 50 rows; nothing new  [poll 3]
    "#);
    assert_snapshot!(facts.clone().at("09:55").told().lines().next().unwrap_or_default(), @"At 09:55 sku A-17 had not changed since 09:40 (status: paid → shipped), so there was nothing to tell.");
}

#[test]
fn what_is_not_kept_any_more_is_said_to_be_so() {
    let facts = facts().about_unknown().polls("-9 09:30", "-9 09:40", 120, 3).at("-9 09:35");
    assert_snapshot!(facts.told(), @r#"
    At 11-14 09:35 sku X-1 did not alert: the poll at 11-14 09:35 read 120 rows, of which 3 counted; what it thought of the others is not kept any more.

    14 09:30:00 poll         3 polls, the last at 11-14 09:40, read 120 rows, of which 3 count; nothing new  [poll 1]
    "#);
}
