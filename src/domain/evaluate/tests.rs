//! Polls of a little world: rows go in, what happened comes out.

use super::*;
use crate::domain::alert::{EventKind, MAX_ROWS_KEPT, Severity};
use crate::domain::value::Kind;
use crate::domain::watcher::SeverityRule;
use chrono::TimeDelta;
use std::time::Duration;

pub(crate) use super::world::*;

/// Polls one after the other: `rows => what happened`.
fn story(watcher: Watcher, polls: &[(&str, &str)]) {
    let mut world = World::new(watcher);
    for (at, (rows, happened)) in polls.iter().enumerate() {
        assert_eq!(&world.poll(rows), happened, "poll {at} of `{rows}`");
        world.later(TimeDelta::minutes(1));
    }
}

fn new_watcher(alert_on_first_poll: bool) -> Watcher {
    Watcher { alert_on: AlertOn::New { cursor: None, alert_on_first_poll }, ..watcher() }
}

#[test]
fn a_key_fires_once_and_resolves_when_it_is_gone() {
    story(watcher(), &[("a 2", "fired a"), ("a 2", "-"), ("a 2, b 2", "fired b"), ("b 2", "resolved a"), ("", "resolved b"), ("", "-")]);
}

#[test]
fn a_key_that_comes_back_fires_again() {
    story(watcher(), &[("a 2", "fired a"), ("", "resolved a"), ("a 2", "fired a")]);
}

#[test]
fn a_row_that_no_longer_matches_resolves() {
    story(watcher(), &[("a 2", "fired a"), ("a 1", "resolved a"), ("a NULL", "-"), ("a 2", "fired a")]);
}

#[test]
fn a_firing_row_that_changes_is_written_and_not_told() {
    story(watcher(), &[("a 2", "fired a"), ("a 3", "refreshed a"), ("a 3", "-")]);
}

#[test]
fn rising_severity_escalates_and_falling_severity_is_quiet() {
    story(watcher(), &[("a 2", "fired a"), ("a 5", "escalated a"), ("a 6", "refreshed a"), ("a 3", "refreshed a"), ("a 5", "escalated a")]);
}

#[test]
fn null_empty_and_the_word_null_are_three_alerts() {
    story(watcher(), &[("NULL 2, '' 2", "fired, fired NULL"), ("'' 2", "resolved NULL")]);
    let mut world = World::new(watcher());
    let word = Row::from_cells(columns(&["id", "v"]), [(Kind::Text, Some("NULL")), (Kind::Number, Some("2"))]);
    let null = Row::from_cells(columns(&["id", "v"]), [(Kind::Null, None), (Kind::Number, Some("2"))]);
    assert_eq!(world.poll_rows(&[word, null]).events.len(), 2);
}

#[test]
fn a_key_returned_several_times_is_one_alert_that_counts_its_rows() {
    let mut world = World::new(watcher());
    let changes = world.poll_rows(&rows("a 2, a 3, a 7"));
    assert_eq!(told(&changes), "fired a");
    assert_eq!((changes.events[0].row_count, changes.events[0].severity), (3, Severity::Critical));
    assert_eq!(changes.events[0].rows[0].text(1).as_deref(), Some("7"), "the worst row speaks");
    assert_eq!(world.poll("a 7, a 2, a 3"), "-");
    assert_eq!(world.poll("a 2"), "refreshed a");
    assert_eq!(world.poll("a 2, a 2"), "refreshed a");
    assert_eq!(world.poll("a 2, a 2"), "-");
}

#[test]
fn the_stored_row_is_shown_with_the_ones_that_joined_it() {
    for order in ["a 2, a 3", "a 3, a 2"] {
        let mut world = World::new(watcher());
        world.poll("a 2");
        let changes = world.poll_rows(&rows(order));
        let alert = &changes.put[0];
        let mut values: Vec<_> = alert.rows.iter().map(|row| row.text(1).expect("a value").into_owned()).collect();
        values.sort();
        assert_eq!((values, alert.row_count), (vec!["2".to_owned(), "3".to_owned()], 2));
    }
}

#[test]
fn at_most_twenty_rows_of_a_key_are_kept_and_all_are_counted() {
    let mut world = World::new(watcher());
    let text: Vec<String> = (0..50).map(|n| format!("a 2.{n:02}")).chain(["a 9".to_owned()]).collect();
    let changes = world.poll_rows(&rows(&text.join(", ")));
    let alert = &changes.put[0];
    assert_eq!((alert.rows.len(), alert.row_count), (MAX_ROWS_KEPT, 51));
    assert_eq!(alert.rows[0].text(1).as_deref(), Some("9"));
}

#[test]
fn without_a_key_any_matching_row_is_the_one_alert() {
    let keyless = Watcher { key: Vec::new(), ..watcher() };
    story(
        keyless,
        &[("a 1", "-"), ("a 1, b 2", "fired"), ("b 2, a 1", "-"), ("b 2, c 2", "refreshed"), ("c 2, b 2", "-"), ("", "resolved")],
    );
}

#[test]
fn without_a_key_rows_stand_in_the_order_of_the_query_the_worst_first() {
    let shown = |polls: &[&str]| {
        let mut world = World::new(Watcher { key: Vec::new(), ..watcher() });
        polls.iter().for_each(|poll| drop(world.poll(poll)));
        let alert = world.alerts.values().next().expect("an alert");
        alert.rows.iter().map(|row| row.text(0).expect("an id").into_owned()).collect::<String>()
    };
    assert_eq!(shown(&["d 2, b 9, a 3, c 8"]), "bcda");
    assert_eq!(shown(&["d 2", "d 2, b 9, a 3"]), "bda", "the row that was known stands where the query has it");
}

#[test]
fn a_row_that_cannot_be_judged_keeps_its_state_and_the_others_go_on() {
    story(
        watcher(),
        &[
            ("a x", "-"),
            ("a 2, b x", "fired a"),
            ("a x, c 2", "fired c"),
            ("a x", "resolved c"),
            ("a 2", "-"),
            ("a x", "-"),
            ("", "resolved a"),
        ],
    );
    let plan = World::new(watcher()).plan(&rows("a x, b y, c 2"));
    assert_eq!((plan.faults.count, plan.rows, plan.fired.len()), (2, 3, 1));
}

#[test]
fn a_key_is_not_calmed_by_a_row_that_cannot_be_judged() {
    story(
        watcher(),
        &[
            ("a 2, a 5", "fired a"),
            ("a 2, a x", "refreshed a"),
            ("a 2, a x", "-"),
            ("a 2, a 5", "refreshed a"),
            ("a 2, a x", "refreshed a"),
            ("a 2", "refreshed a"),
            ("a 5", "escalated a"),
        ],
    );
}

#[test]
fn the_fault_that_is_told_does_not_depend_on_the_order() {
    let when = Watcher { when: Some(sql("case when v = 1 then id > 0 else v / 0 > 1 end")), key: Vec::new(), ..watcher() };
    let first = |text| World::new(when.clone()).plan(&rows(text)).faults.first.map(|(_, _, error)| error.message);
    assert!(first("x 1, y 2").is_some());
    assert_eq!(first("x 1, y 2"), first("y 2, x 1"));
}

#[test]
fn a_severity_that_cannot_be_evaluated_is_a_fault_of_its_row() {
    let severity = SeverityRule { cases: vec![(Some(sql("id > 4")), Severity::Critical)] };
    let plan = World::new(Watcher { severity, ..watcher() }).plan(&rows("5 2, x 2"));
    assert_eq!((plan.fired.len(), plan.faults.count), (1, 1));
    assert_eq!(plan.faults.first.expect("a fault").1, "severity");
}

#[test]
fn thresholds_are_exact() {
    for (value, threshold, fires) in [
        ("100000.00", "100000", false),
        ("100000.01", "100000", true),
        ("0.30", "0.1 + 0.2", false),
        ("0.3000000000000000000000000001", "0.1 + 0.2", true),
        ("9007199254740993", "9007199254740992", true),
        ("18446744073709551615", "18446744073709551614", true),
        ("-0.00", "0", false),
    ] {
        let mut world = World::new(Watcher { when: Some(sql(&format!("v > {threshold}"))), ..watcher() });
        assert_eq!(world.poll(&format!("a {value}")) != "-", fires, "{value} > {threshold}");
    }
}

#[test]
fn the_baseline_of_a_new_watcher_is_known_and_not_told() {
    story(new_watcher(false), &[("a 2, b 2", "seen a, seen b"), ("a 2, b 2, c 2", "fired c"), ("c 3", "-"), ("a 2", "-")]);
}

#[test]
fn an_empty_baseline_is_a_baseline() {
    story(new_watcher(false), &[("", "-"), ("a 2", "fired a")]);
}

#[test]
fn the_first_poll_of_a_new_watcher_alerts_when_asked() {
    story(new_watcher(true), &[("a 2", "fired a"), ("", "-"), ("a 2", "-"), ("a 9", "-"), ("b 2", "fired b")]);
}

#[test]
fn a_row_of_a_new_watcher_counts_from_when_it_matches() {
    story(new_watcher(false), &[("a 1", "-"), ("a 2", "fired a"), ("a 1", "-"), ("a 2", "-")]);
}

#[test]
fn a_key_that_a_new_watcher_has_seen_fires_when_it_becomes_a_match_watcher() {
    let mut world = World::new(new_watcher(true));
    assert_eq!(world.poll("a 2"), "fired a");
    world.watcher = watcher();
    assert_eq!(world.poll(""), "-");
    assert_eq!(world.poll("a 2"), "fired a");
    assert_eq!(world.poll("a 2"), "-");
    assert_eq!(world.poll(""), "resolved a");
}

#[test]
fn an_edited_condition_is_applied_at_the_next_poll() {
    let mut world = World::new(watcher());
    assert_eq!(world.poll("a 2, b 3"), "fired a, fired b");
    world.watcher.when = Some(sql("v > 2"));
    assert_eq!(world.poll("a 2, b 3"), "resolved a");
    world.watcher.severity = SeverityRule::fixed(Severity::Critical);
    assert_eq!(world.poll("a 2, b 3"), "escalated b");
    world.watcher.severity = SeverityRule::fixed(Severity::Info);
    assert_eq!(world.poll("a 2, b 3"), "refreshed b");
}

#[test]
fn a_condition_on_the_time_is_judged_at_every_poll() {
    let mut world = World::new(Watcher { when: Some(sql("now() < timestamp '2027-01-15 16:01:00'")), ..watcher() });
    assert_eq!(world.poll("a 2"), "fired a");
    assert_eq!(world.later(TimeDelta::seconds(59)).poll("a 2"), "-");
    assert_eq!(world.later(TimeDelta::seconds(1)).poll("a 2"), "resolved a");
}

#[test]
fn a_reminder_comes_when_its_interval_has_passed_and_then_again() {
    let every = Duration::from_secs(4 * 3600);
    let mut world = World::new(Watcher { repeat_interval: Some(every), ..watcher() });
    world.poll("a 2");
    assert_eq!(world.later(TimeDelta::hours(4) - TimeDelta::milliseconds(1_001)).poll("a 2"), "-");
    assert_eq!(world.later(TimeDelta::milliseconds(1)).poll("a 2"), "repeated a");
    assert_eq!(world.poll("a 2"), "-");
    assert_eq!(world.later(TimeDelta::hours(4)).poll("a 3"), "repeated a");
    assert_eq!(world.poll("a 3"), "-");
    assert_eq!(world.later(TimeDelta::hours(4)).poll("a x"), "repeated a", "what cannot be judged still fires");
    assert_eq!(world.later(TimeDelta::hours(4)).poll("a 5"), "escalated a");
    assert_eq!(world.later(TimeDelta::hours(3)).poll("a 5"), "-", "reminders count from what was told last");
    assert_eq!(world.later(TimeDelta::hours(1)).poll("a 5"), "repeated a");
    assert_eq!(world.later(TimeDelta::hours(4)).poll(""), "resolved a");
}

#[test]
fn an_hourly_reminder_of_an_hourly_poll_is_not_late_by_a_poll_that_began_a_moment_early() {
    let mut world = World::new(Watcher { repeat_interval: Some(Duration::from_secs(3600)), ..watcher() });
    world.later(TimeDelta::milliseconds(300)).poll("a 2");
    assert_eq!(world.later(TimeDelta::hours(1) - TimeDelta::milliseconds(250)).poll("a 2"), "repeated a");
}

#[test]
fn what_is_told_once_is_not_reminded_of() {
    let mut world = World::new(Watcher { repeat_interval: Some(Duration::from_secs(60)), ..new_watcher(true) });
    world.poll("a 2");
    assert_eq!(world.later(TimeDelta::hours(1)).poll("a 2"), "-");
}

#[test]
fn a_missing_or_doubled_key_column_is_named() {
    let error = |key: &[&str]| {
        let watcher = Watcher { key: key.iter().map(|name| (*name).to_owned()).collect(), ..watcher() };
        let (known, world) = (Known::default(), World::new(watcher));
        Evaluation::new(world.basis(&known)).columns(&columns(&["id", "v"])).expect_err("refused")
    };
    assert_eq!(error(&["sku"]), "the key column `sku` is not in the result, which has: id, v");
    assert_eq!(error(&["id", "ID"]), "the key names the column `ID` twice");
}

#[test]
fn ten_thousand_keys_fire_stay_and_resolve() {
    let text: Vec<String> = (0..10_000).map(|n| format!("k{n} 2")).collect();
    let many = rows(&text.join(","));
    let mut world = World::new(watcher());
    let plan = world.plan(&many);
    assert_eq!((plan.fired.len(), plan.rows, plan.repeated_keys), (10_000, 10_000, 0));
    for found in plan.fired {
        let alert = Alert {
            fingerprint: found.fingerprint,
            status: AlertStatus::Firing,
            severity: found.severity,
            key: found.key,
            rows: found.rows,
            row_count: 1,
            digest: found.digest,
            since: noon(),
            told_at: None,
            receivers: Vec::new(),
            polls: 0,
            gone_since: None,
            repeats: 0,
            steps: Vec::new(),
            acknowledged: None,
        };
        world.alerts.insert(alert.fingerprint, alert);
    }
    world.revision = Some(world.watcher.revision());
    assert!(world.plan(&many).needs_stored().is_empty());
    assert_eq!(world.plan(&many[..9_000]).resolved.len(), 1_000);
}

#[path = "properties.rs"]
mod properties;
