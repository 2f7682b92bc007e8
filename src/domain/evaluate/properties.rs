//! What holds for every poll: the contract's words, the order of the rows, looking again.

use super::*;
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
        let rows = |found: &Found| found.rows.iter().map(|row| format!("{:?}", row.to_json())).collect::<Vec<_>>();
        let shown = found
            .iter()
            .map(|found| format!("{} {} {} {} {:?}", found.fingerprint, found.digest, found.severity, found.row_count, rows(found)));
        // Events are told in the order of the query; what they are does not depend on it.
        shown.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let Plan { fired, baseline, refreshed, escalated, repeated, resolved, faults, rows, .. } = plan;
    format!("{:?} {:?} {:?} {:?} {repeated:?} {resolved:?} {faults:?} {rows}", of(fired), of(baseline), of(refreshed), of(escalated))
}

/// The plan with the stored rows put back in their places.
fn whole(world: &World, mut plan: Plan) -> Plan {
    let put = |found: Found| match world.alerts.get(&found.fingerprint) {
        Some(alert) => found.with_stored(alert),
        None => found,
    };
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
}
