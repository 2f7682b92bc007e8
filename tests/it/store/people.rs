//! What people do, beside polls that are under way: nothing of it is lost, and nothing is taken twice.

use super::*;
use rowbell::domain::alert::Acknowledgement;
use rowbell::store::{Acked, HistoryLine, HistoryQuery, Taken, WatcherState};

fn by(who: &str, note: Option<&str>, seconds: i64) -> Acknowledgement {
    Acknowledgement { at: at(seconds), by: who.into(), note: note.map(str::to_owned) }
}

async fn ack(store: &Store, event: i64, by: Acknowledgement) -> Acked {
    let mut results = store.acknowledge(vec![event], by).await.expect("an answer");
    assert_eq!((results.len(), results[0].0), (1, event));
    results.remove(0).1
}

#[track_caller]
fn taken(acked: Acked) -> Taken {
    match acked {
        Acked::Taken(taken) => taken,
        other => panic!("not taken: {other:?}"),
    }
}

/// Who has the alert of a key.
async fn owner(store: &Store, key: &str) -> Option<String> {
    let mut alerts = store.alerts_of(vec![fingerprint("w", key)]).await.expect("alerts");
    alerts.remove(&fingerprint("w", key)).expect("it is there").acknowledged.map(|taken| taken.by)
}

async fn version(store: &Store) -> i64 {
    store.watcher_states().await.expect("states").iter().find(|state| state.watcher == "w").expect("the watcher").version
}

async fn last(store: &Store) -> HistoryLine {
    store.history(HistoryQuery { limit: 1, ..HistoryQuery::default() }).await.expect("history").remove(0)
}

/// `a` fires; the number of its event.
async fn firing(store: &Store) -> i64 {
    poll(store, "w", at(0), fired("w", &["a"])).await.events[0].0
}

/// What a poll writes of an alert that is over.
fn over(key: &str, seconds: i64) -> Changes {
    let event = Event { at: at(seconds), ..event(EventKind::Resolved, &alert("w", key)) };
    Changes { remove: vec![fingerprint("w", key)], events: vec![event], ..Changes::default() }
}

#[tokio::test]
async fn who_takes_an_alert_is_written_told_in_the_history_and_raises_the_version() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let event = firing(&store).await;
        let before = version(&store).await;
        let first = taken(ack(&store, event, by("wang", Some("the supplier is called"), 60)).await);
        assert_eq!((first.watcher.as_str(), first.source.as_str(), first.since, first.before), ("w", "erp", at(0), None));
        assert_eq!((owner(&store, "a").await.as_deref(), version(&store).await), (Some("wang"), before + 1));
        let line = last(&store).await;
        assert_eq!((Some(line.id), line.event.as_str()), (first.event, "acknowledged"));
        assert_eq!((line.reason.as_str(), line.at.as_str()), ("by wang: the supplier is called", "2027-01-15T08:01:00.000Z"));
        assert_eq!((line.since.as_deref(), line.poll), (Some("2027-01-15T08:00:00.000Z"), None));
        assert_eq!((&line.key.expect("a key")["sku"], &line.row.expect("a row")["stock"]), (&"a".into(), &"1.50".into()));
        let known = store.known("w", "erp").await.expect("known");
        assert!(known.keys()[0].acknowledged);
        let shown = store.alerts(None, 0).await.expect("alerts").remove(0).acknowledged.expect("taken");
        assert_eq!((shown.by.as_str(), shown.note.as_deref()), ("wang", Some("the supplier is called")));
    }
}

#[tokio::test]
async fn another_person_or_another_note_replaces_and_is_a_line_and_the_same_again_is_none() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let event = firing(&store).await;
        let first = taken(ack(&store, event, by("wang", None, 60)).await);
        // Any event of the alert stands for it, the acknowledgement too.
        let second = taken(ack(&store, first.event.expect("a line"), by("li", None, 120)).await);
        assert_eq!(second.before, Some(by("wang", None, 60)));
        taken(ack(&store, event, by("li", Some("delivered tomorrow"), 180)).await);
        let before = (version(&store).await, last(&store).await.id);
        let again = ack(&store, event, by("li", Some("delivered tomorrow"), 240)).await;
        assert!(matches!(&again, Acked::Theirs(taken) if taken.by.at == at(180) && taken.event.is_none()), "{again:?}");
        assert_eq!((version(&store).await, last(&store).await.id), before, "nothing is written");
        assert_eq!(owner(&store, "a").await.as_deref(), Some("li"));
    }
}

#[tokio::test]
async fn what_is_over_pending_told_once_or_nothing_is_not_taken_and_changes_nothing() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let first = firing(&store).await;
        let resolved = poll(&store, "w", at(60), over("a", 60)).await.events[0].0;
        for event in [first, resolved] {
            let acked = ack(&store, event, by("wang", None, 61)).await;
            assert!(matches!(acked, Acked::Over { at: Some(over), again: None, .. } if over == at(60)), "{acked:?}");
        }
        // The same key again: pending, then firing. The old number is the old alert's.
        let pending = Alert { status: AlertStatus::Pending, since: at(120), ..alert("w", "a") };
        poll(&store, "w", at(120), Changes { put: vec![pending], ..Changes::default() }).await;
        let acked = ack(&store, first, by("wang", None, 121)).await;
        assert!(matches!(acked, Acked::Pending { since, .. } if since == at(120)), "{acked:?}");
        let again = Alert { since: at(180), ..alert("w", "a") };
        let told = Event { at: at(180), ..event(EventKind::Fired, &again) };
        let second = poll(&store, "w", at(180), Changes { put: vec![again], events: vec![told], ..Changes::default() }).await.events[0].0;
        let acked = ack(&store, first, by("wang", None, 181)).await;
        assert!(matches!(acked, Acked::Over { at: Some(over), again: Some(next), .. } if over == at(60) && next == second), "{acked:?}");
        assert_eq!(owner(&store, "a").await, None);
        // What has no end, and what is no alert at all.
        let row = Event { since: None, ..event(EventKind::Fired, &alert("w", "row")) };
        let own = Event { fingerprint: None, key: None, ..event(EventKind::WatcherFailed, &alert("w", "own")) };
        let lines = poll(&store, "w", at(240), Changes { events: vec![row, own], ..Changes::default() }).await.events;
        for (id, kind) in lines {
            let acked = ack(&store, id, by("wang", None, 241)).await;
            assert!(matches!(&acked, Acked::NoAlert { event, .. } if event == kind.as_str()), "{acked:?}");
        }
        assert!(matches!(ack(&store, 999, by("wang", None, 241)).await, Acked::Unknown));
        let taken = store.history(HistoryQuery { event: Some("acknowledged".into()), ..HistoryQuery::default() }).await.expect("history");
        assert!(taken.is_empty());
        assert!(store.acknowledge(Vec::new(), by("wang", None, 242)).await.expect("nothing").is_empty());
    }
}

#[tokio::test]
async fn several_numbers_are_taken_at_once_and_each_is_answered() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let events = poll(&store, "w", at(0), fired("w", &["a", "b"])).await.events;
        let ids = vec![events[1].0, 999, events[0].0, events[1].0];
        let results = store.acknowledge(ids.clone(), by("wang", None, 60)).await.expect("an answer");
        assert_eq!(results.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
        let words: Vec<&str> = results
            .iter()
            .map(|(_, acked)| match acked {
                Acked::Taken(_) => "taken",
                Acked::Theirs(_) => "theirs",
                _ => "not",
            })
            .collect();
        assert_eq!(words, ["taken", "not", "taken", "theirs"]);
    }
}

#[tokio::test]
async fn what_is_taken_between_a_polls_claim_and_its_commit_is_not_lost() {
    for fresh in Fresh::all() {
        let (service, command) = (fresh.open().await, fresh.open().await);
        let event = firing(&service).await;
        let claim = claim(&service, "w", at(60)).await.expect("a claim");
        let stored = service.alerts_of(vec![fingerprint("w", "a")]).await.expect("alerts")[&fingerprint("w", "a")].clone();
        taken(ack(&command, event, by("wang", None, 61)).await);
        // The poll knew nothing of it: it writes the alert whole, as it read it.
        let refreshed = Alert { told_at: Some(at(60)), repeats: 1, ..stored };
        service.commit_poll(record(claim.clone(), at(62)), Changes { put: vec![refreshed], ..Changes::default() }).await.expect("recorded");
        assert_eq!(owner(&service, "a").await.as_deref(), Some("wang"));
        assert_eq!(version(&service).await, claim.state.version + 2, "what the poll left in memory is read again");
        // And so it is when the poll changes nothing.
        let claim = super::claim(&service, "w", at(120)).await.expect("a claim");
        taken(ack(&command, event, by("li", None, 121)).await);
        service.commit_poll(record(claim.clone(), at(122)), Changes::default()).await.expect("recorded");
        assert_eq!((owner(&service, "a").await.as_deref(), version(&service).await), (Some("li"), claim.state.version + 1));
    }
}

#[tokio::test]
async fn an_alert_that_becomes_worse_while_it_is_taken_is_nobodys() {
    for fresh in Fresh::all() {
        let (service, command) = (fresh.open().await, fresh.open().await);
        let event = firing(&service).await;
        let claim = claim(&service, "w", at(60)).await.expect("a claim");
        taken(ack(&command, event, by("wang", None, 61)).await);
        let worse = Alert { severity: Severity::Critical, ..alert("w", "a") };
        let unacknowledge = vec![worse.fingerprint];
        let changes = Changes { put: vec![worse], unacknowledge, ..Changes::default() };
        service.commit_poll(record(claim, at(62)), changes).await.expect("recorded");
        assert_eq!(owner(&service, "a").await, None, "wang took a warning");
        taken(ack(&command, event, by("wang", None, 63)).await);
    }
}

/// A poll whose result the guard holds, under this claim.
fn held(claim: Claim, seconds: i64) -> PollCommit {
    let mut commit = record(claim, at(seconds));
    commit.record.outcome = PollOutcome::Failed;
    commit.record.failure = Some(rowbell::store::Failure { kind: "guard".into(), message: "9 keys vanished".into() });
    commit.state = WatcherState { held_polls: commit.state.held_polls + 1, held_reason: Some("9 keys vanished".into()), ..commit.state };
    commit
}

async fn released(store: &Store) -> Option<DateTime<Utc>> {
    store.watcher_states().await.expect("states")[0].released_at
}

#[tokio::test]
async fn a_release_is_used_up_by_the_next_result_that_is_taken_and_by_no_poll_under_way_before() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        assert!(store.release_held("w", at(0)).await.expect("an answer").is_empty(), "there is no such watcher");
        let first = claim(&store, "w", at(0)).await.expect("a claim");
        store.commit_poll(held(first, 1), Changes::default()).await.expect("recorded");
        let under_way = claim(&store, "w", at(60)).await.expect("a claim");
        let states = store.release_held("w", at(61)).await.expect("an answer");
        assert_eq!((states.len(), states[0].held_reason.as_deref(), states[0].held_polls), (1, Some("9 keys vanished"), 1));
        store.commit_poll(held(under_way, 62), Changes::default()).await.expect("recorded");
        assert_eq!(released(&store).await, Some(at(61)), "it was decided on without it");
        let next = claim(&store, "w", at(120)).await.expect("a claim");
        assert_eq!(next.state.released_at, Some(at(61)));
        let mut taken = record(next, at(121));
        (taken.state.held_polls, taken.state.held_reason) = (0, None);
        store.commit_poll(taken, Changes::default()).await.expect("recorded");
        assert_eq!(released(&store).await, None);
        assert!(store.release_held("w", at(122)).await.expect("an answer").is_empty(), "nothing is held any more");
    }
}
