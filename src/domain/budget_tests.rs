use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

#[test]
fn the_budget_frees_itself_as_the_window_rolls() {
    let sent: Vec<_> = (0..18).map(|n| now() - TimeDelta::seconds(50 - n)).collect();
    assert_eq!(free_at(&sent[..17], BUDGET, now()), None);
    assert_eq!(free_at(&sent, BUDGET, now()), Some(now() + TimeDelta::seconds(10)));
    assert_eq!(free_at(&sent, BUDGET, now() + TimeDelta::seconds(11)), None);
}

#[test]
fn a_watcher_stays_with_its_robot_when_another_leaves_the_pool() {
    let favourite = |watcher: &str, robots: &[&str]| {
        robots.iter().max_by_key(|robot| preference(watcher, robot)).map(|robot| (*robot).to_owned()).expect("a robot")
    };
    let watchers: Vec<String> = (0..100).map(|n| format!("w{n}")).collect();
    for watcher in &watchers {
        let before = favourite(watcher, &["a", "b", "c"]);
        let after = favourite(watcher, &["a", "b"]);
        assert!(before == after || before == "c", "{watcher} moved from {before} to {after}");
    }
    assert!(watchers.iter().any(|watcher| favourite(watcher, &["a", "b", "c"]) == "c"));
}
