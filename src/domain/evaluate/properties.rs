//! What holds for every poll: the contract's words, the order of the rows, looking again.

use super::*;
use crate::domain::expression::Expression;
use crate::domain::watcher::{ChangedRows, Expect, ExpectedCell, SeverityRule, Span};
use proptest::prelude::*;

/// Rows of few keys and few values, some of which cannot be judged.
fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (prop::sample::select(vec!["a", "b", "c", "''", "NULL"]), prop::sample::select(vec!["1", "2", "3", "5", "6", "NULL", "x"]));
    prop::collection::vec(row, 0..8).prop_map(|pairs| {
        let text: Vec<String> = pairs.iter().map(|(id, v)| format!("{id} {v}")).collect();
        rows(&text.join(","))
    })
}

/// A plan as text, in full.
fn shown(plan: &Plan) -> String {
    let of = |found: &[Found]| -> Vec<String> {
        let rows = |found: &Found| {
            let mut rows: Vec<String> = found.rows.iter().map(|row| format!("{:?}", row.to_json())).collect();
            if found.key.is_empty() {
                // Rows without a key stand in the order of the query.
                rows.sort();
            }
            rows
        };
        let shown = found.iter().map(|found| {
            let Found { fingerprint, digest, severity, row_count, is_told, pending_since, .. } = found;
            format!("{fingerprint} {digest} {severity} {row_count} {is_told} {pending_since:?} {:?}", rows(found))
        });
        // Events are told in the order of the query; what they are does not depend on it.
        shown.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let Plan { promoted, removed, repeated, resolved, unexpected, rekeyed, forgotten, marks, moved, faults, .. } = plan;
    let Plan { rows, matched, repeated_keys, late, .. } = plan;
    let founds =
        [&plan.fired, &plan.pending, &plan.baseline, &plan.refreshed, &plan.escalated, &plan.changed, &plan.added].map(|list| of(list));
    let report = plan.report.as_ref().map(|report| (report.row_count, report.severity, &report.sums, report.rows_before));
    let kinds = plan
        .shape
        .as_ref()
        .map(|shape| shape.columns.iter().map(|(name, kinds)| (name.clone(), kinds.chars().collect::<BTreeSet<_>>())).collect::<Vec<_>>());
    format!(
        "{founds:?} {promoted:?} {removed:?} {repeated:?} {resolved:?} {unexpected:?} {rekeyed:?} {forgotten:?} {marks:?} {moved:?} {faults:?} {rows} {matched} {repeated_keys} {late:?} {report:?} {kinds:?}"
    )
}

/// A watcher that shows only what differs from others.
#[derive(Clone)]
struct Declared(Watcher);

impl std::fmt::Debug for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Watcher { alert_on, key, clear_when, hold_for, keep_firing_for, severity, repeat_interval, max_repeats, .. } = &self.0;
        let bad = severity.cases[0].0.as_ref().map(Expression::text);
        write!(
            f,
            "{alert_on:?} by {key:?}, clear {clear_when:?}, for {hold_for:?}, keep {keep_firing_for:?}, critical {bad:?}, repeat {repeat_interval:?} {max_repeats:?}"
        )
    }
}

/// The same rows as texts of one row each, which a failing case shows.
fn some_texts() -> impl Strategy<Value = Vec<String>> {
    let row = (prop::sample::select(vec!["a", "b", "c", "''", "NULL"]), prop::sample::select(vec!["1", "2", "3", "5", "6", "NULL", "x"]));
    prop::collection::vec(row, 0..8).prop_map(|pairs| pairs.iter().map(|(id, v)| format!("{id} {v}")).collect())
}

/// A watcher of any kind with any spans; those that count polls only when they are asked for.
fn some_watcher(with_polls: bool) -> impl Strategy<Value = Declared> {
    let every_change = ChangedRows { added: true, changed: true, removed: true };
    let kinds = vec![
        AlertOn::Match,
        AlertOn::Match,
        AlertOn::New { cursor: None, alert_on_first_poll: true },
        AlertOn::New { cursor: None, alert_on_first_poll: false },
        AlertOn::Change { columns: Vec::new(), rows: every_change },
        AlertOn::Change { columns: vec!["v".into()], rows: ChangedRows { added: false, ..every_change } },
        AlertOn::Missing { expect: Expect::AnyRow },
        AlertOn::Missing { expect: Expect::Keys(vec![vec![ExpectedCell::Text("a".into())], vec![ExpectedCell::Text("d".into())]]) },
        AlertOn::Report { send_empty: true, sums: vec!["v".into()] },
    ];
    let mut spans = vec![Span::ZERO, Span::ZERO, Span::Time(Duration::from_secs(60)), Span::Time(Duration::from_secs(300))];
    spans.extend(with_polls.then_some([Span::Polls(2), Span::Polls(3)]).into_iter().flatten());
    let spans = prop::sample::select(spans);
    // The last is worse between the two conditions than where `when` holds.
    let severities = prop::sample::select(vec!["v > 4", "v is null", "v = 1"]);
    let repeats = prop::sample::select(vec![None, Some((60, None)), Some((120, Some(1)))]);
    (prop::sample::select(kinds), spans.clone(), spans, any::<bool>(), severities, repeats, 0..4).prop_map(
        |(alert_on, hold_for, keep_firing_for, clears, bad, repeats, keyless)| {
            let needs_key = !matches!(alert_on, AlertOn::Match | AlertOn::Report { .. } | AlertOn::Missing { expect: Expect::AnyRow });
            Declared(Watcher {
                clear_when: clears.then(|| sql("v < 1")).filter(|_| alert_on == AlertOn::Match),
                key: if needs_key || keyless > 0 { vec!["id".into()] } else { Vec::new() },
                alert_on,
                hold_for,
                keep_firing_for,
                severity: SeverityRule { cases: vec![(Some(sql(bad)), Severity::Critical), (None, Severity::Warning)] },
                repeat_interval: repeats.map(|(seconds, _)| Duration::from_secs(seconds)),
                max_repeats: repeats.and_then(|(_, most)| most),
                ..watcher()
            })
        },
    )
}

/// The world of a watcher, which knows what is expected.
fn world_of(Declared(watcher): Declared) -> World {
    let expected = match &watcher.alert_on {
        AlertOn::Missing { expect: Expect::Keys(cells) } => {
            Some(expected_cells(&watcher, &watcher.name, cells).expect("the key's columns"))
        }
        _ => None,
    };
    World { expected, ..World::new(watcher) }
}

/// Rows that every kind of watcher takes: numbers and texts are in the column from the beginning, so that it never changes
/// its type, and what is added up is a number.
fn fit(watcher: &Watcher, texts: &[String]) -> Vec<Row> {
    let always = if let AlertOn::Change { .. } = watcher.alert_on { ",m 1,n x" } else { "" };
    rows(&(texts.join(",") + always))
}

/// The plan with the stored rows put back in their places.
fn whole(world: &World, mut plan: Plan) -> Plan {
    let put = |found: Found| match world.alerts.get(&found.fingerprint) {
        Some(alert) => found.with_stored(alert),
        None => found,
    };
    plan.fired = plan.fired.into_iter().map(put).collect();
    plan.refreshed = plan.refreshed.into_iter().map(put).collect();
    plan.escalated = plan.escalated.into_iter().map(put).collect();
    plan
}

/// What should happen to one key, from the words of the contract.
fn expected(rows: &[Row], key: Option<&str>, firing: Option<Severity>) -> (Option<EventKind>, Option<Severity>) {
    let values = rows.iter().filter(|row| row.text(0).as_deref() == key).map(|row| row.text(1).map(std::borrow::Cow::into_owned));
    let values: Vec<_> = values.collect();
    let faulty = values.iter().flatten().any(|value| value == "x");
    let found = values.iter().flatten().filter_map(|value| value.parse::<i32>().ok()).filter(|value| *value > 1).max();
    let found = found.map(|value| if value > 4 { Severity::Critical } else { Severity::Warning });
    match (firing, found) {
        (None, None) => (None, None),
        (None, Some(severity)) => (Some(EventKind::Fired), Some(severity)),
        (Some(before), None) if faulty => (None, Some(before)),
        (Some(_), None) => (Some(EventKind::Resolved), None),
        (Some(before), Some(now)) if now > before => (Some(EventKind::Escalated), Some(now)),
        (Some(before), Some(now)) => (None, Some(if faulty { before } else { now })),
    }
}

proptest! {
    #[test]
    fn every_poll_tells_what_the_contract_says_and_the_same_again_nothing(polls in prop::collection::vec(some_rows(), 1..8)) {
        let mut world = World::new(watcher());
        let mut firing: HashMap<Option<&str>, Severity> = HashMap::new();
        for rows in &polls {
            let mut happened: Vec<_> =
                world.poll_rows(rows).events.iter().map(|event| (event.key.as_ref().and_then(|key| key.text(0).map(|t| t.into_owned())), event.kind.as_str())).collect();
            happened.sort();
            let mut wanted = Vec::new();
            for key in [Some("a"), Some("b"), Some("c"), Some(""), None] {
                let (event, severity) = expected(rows, key, firing.get(&key).copied());
                wanted.extend(event.map(|event| (key.map(str::to_owned), event.as_str())));
                match severity { Some(severity) => drop(firing.insert(key, severity)), None => drop(firing.remove(&key)) }
            }
            wanted.sort();
            prop_assert_eq!(happened, wanted);
            prop_assert_eq!(told(&world.poll_rows(rows)), "-");
            let severities: BTreeSet<_> = world.alerts.values().map(|alert| (alert.key.text(0).map(|t| t.into_owned()), alert.severity)).collect();
            prop_assert_eq!(severities, firing.iter().map(|(key, severity)| (key.map(str::to_owned), *severity)).collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(
        before in some_rows(),
        (rows, shuffled) in some_rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        kind in 0..3
    ) {
        let mut world = World::new([watcher(), new_watcher(true), new_watcher(false)][kind as usize].clone());
        world.poll_rows(&before);
        let (one, other) = (whole(&world, world.plan(&rows)), whole(&world, world.plan(&shuffled)));
        prop_assert_eq!(shown(&one), shown(&other));
    }

    #[test]
    fn looking_at_every_row_again_finds_the_same(before in some_rows(), rows in some_rows()) {
        let mut world = World::new(watcher());
        world.poll_rows(&before);
        let (quick, _) = (whole(&world, world.plan(&rows)), world.revision = None);
        let slow = whole(&world, world.plan(&rows));
        prop_assert_eq!(shown(&quick), shown(&slow));
    }

    #[test]
    fn a_new_row_is_told_once_ever(polls in prop::collection::vec(some_rows(), 1..8), alert_on_first_poll: bool) {
        let mut world = World::new(new_watcher(alert_on_first_poll));
        let mut seen = BTreeSet::new();
        for (at, rows) in polls.iter().enumerate() {
            for event in world.poll_rows(rows).events {
                prop_assert_eq!(event.kind, EventKind::Fired);
                prop_assert!(at > 0 || alert_on_first_poll);
                prop_assert!(seen.insert(event.fingerprint));
            }
        }
    }

    #[test]
    fn the_same_again_at_the_same_time_is_no_news_of_any_kind_and_then_nothing_is_written(
        watcher in some_watcher(false),
        polls in prop::collection::vec((some_texts(), prop::sample::select(vec![30_i64, 60, 150, 600])), 1..8)
    ) {
        let mut world = world_of(watcher);
        for (rows, seconds) in polls {
            world.later(TimeDelta::seconds(seconds));
            let rows = fit(&world.watcher, &rows);
            let first = world.poll_rows(&rows);
            let again = world.poll_rows(&rows);
            let is_report = |event: &crate::domain::alert::Event| event.kind == EventKind::Report;
            prop_assert!(again.events.iter().all(is_report), "{}", told(&again));
            prop_assert_eq!(first.events.iter().filter(|event| is_report(event)).count(), again.events.len());
            let third = world.poll_rows(&rows);
            prop_assert!(third.put.is_empty() && third.remove.is_empty() && third.marks.is_empty(), "{}", told(&third));
        }
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter_to_any_kind(
        watcher in some_watcher(true),
        before in prop::collection::vec(some_texts(), 0..4),
        (rows, shuffled) in some_texts().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        let mut world = world_of(watcher);
        for rows in before {
            world.poll_rows(&fit(&world.watcher, &rows));
            world.later(TimeDelta::seconds(60));
        }
        let (rows, shuffled) = (fit(&world.watcher, &rows), fit(&world.watcher, &shuffled));
        let (one, other) = (whole(&world, world.plan(&rows)), whole(&world, world.plan(&shuffled)));
        prop_assert_eq!(shown(&one), shown(&other));
    }

    #[test]
    fn looking_at_every_row_again_finds_the_same_in_every_kind(
        watcher in some_watcher(true),
        before in prop::collection::vec(some_texts(), 1..4),
        rows in some_texts()
    ) {
        let lived = |forgets: bool| {
            let mut world = world_of(watcher.clone());
            for rows in &before {
                world.poll_rows(&fit(&world.watcher, rows));
                world.later(TimeDelta::seconds(60));
            }
            if forgets {
                world.revision = None;
            }
            let changes = world.poll_rows(&fit(&world.watcher, &rows));
            let mut events: Vec<String> =
                changes.events.iter().map(|event| format!("{} {} {} {}", event.kind, event.severity, event.row_count, event.reason)).collect();
            events.sort();
            let mut alerts: Vec<String> = world.alerts.values().map(|alert| {
                let rows: Vec<_> = alert.rows.iter().map(Row::to_json).collect();
                format!("{:?} {} {:?} {} {:?}", alert.key.to_json(), alert.status, alert.since, alert.severity, rows)
            }).collect();
            alerts.sort();
            (told(&changes), events, alerts)
        };
        prop_assert_eq!(lived(false), lived(true));
    }
}
