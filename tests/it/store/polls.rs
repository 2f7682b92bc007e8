//! Claims, epochs, and the one transaction of a poll.

use super::*;
use rowbell::store::{Failure, HistoryQuery, WatcherState};

#[tokio::test]
async fn a_poll_is_claimed_by_one_until_the_claim_ends() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let first = claim(&store, "w", at(0)).await.expect("the first");
        assert!(claim(&store, "w", at(29)).await.is_none());
        assert!(claim(&store, "other", at(29)).await.is_some(), "another watcher is free");
        let second = claim(&store, "w", at(30)).await.expect("it has ended");
        assert!(second.epoch > first.epoch);
    }
}

#[tokio::test]
async fn a_claim_that_is_given_back_is_free_and_leaves_no_record() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let first = claim(&store, "w", at(0)).await.expect("a claim");
        store.release_poll(&first).await.expect("given back");
        let second = claim(&store, "w", at(0)).await.expect("free");
        store.release_poll(&first).await.expect("an old claim is nothing to give back");
        assert!(claim(&store, "w", at(0)).await.is_none());
        assert!(is_stale(store.commit_poll(record(first, at(1)), fired("w", &["a"])).await));
        store.commit_poll(record(second, at(1)), Changes::default()).await.expect("recorded");
        assert_eq!(store.polls(None, 0).await.expect("polls").len(), 1);
    }
}

async fn is_untouched(store: &Store) -> bool {
    store.known("w", "erp").await.expect("known").keys().is_empty()
        && store.history(HistoryQuery::default()).await.expect("history").is_empty()
        && store.polls(None, 0).await.expect("polls").is_empty()
        && store.deliveries(false, 0).await.expect("deliveries").is_empty()
}

#[tokio::test]
async fn a_commit_under_a_lost_claim_writes_nothing() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let lost = claim(&store, "w", at(0)).await.expect("a claim");
        let holder = claim(&store, "w", at(60)).await.expect("it has ended");
        assert!(is_stale(store.commit_poll(record(lost, at(61)), fired("w", &["a"])).await));
        assert!(is_untouched(&store).await);
        store.commit_poll(record(holder, at(62)), fired("w", &["a"])).await.expect("the holder's counts");
    }
}

#[tokio::test]
async fn a_service_that_starts_ends_the_claims_of_the_one_that_died() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let dead = claim(&store, "w", at(0)).await.expect("a claim");
        store.take_over().await.expect("taken over");
        assert!(is_stale(store.commit_poll(record(dead, at(1)), fired("w", &["a"])).await));
        assert!(is_untouched(&store).await);
        assert!(claim(&store, "w", at(1)).await.is_some());
    }
}

#[tokio::test]
async fn a_poll_is_recorded_whole_or_not_at_all() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let claim = claim(&store, "w", at(0)).await.expect("a claim");
        let mut doubled = fired("w", &["a", "b"]);
        doubled.events.push(doubled.events[0].clone());
        let refused = store.commit_poll(record(claim.clone(), at(1)), doubled).await;
        assert!(matches!(refused, Err(StoreError::Database { .. })), "one event of a key in a poll, twice");
        assert!(is_untouched(&store).await);
        let mut worse = record(claim.clone(), at(1));
        worse.record.outcome = PollOutcome::Failed;
        assert!(store.commit_poll(worse, fired("w", &["a"])).await.is_err(), "a failure without a reason");
        assert!(is_untouched(&store).await);
        let done = store.commit_poll(record(claim, at(2)), fired("w", &["a", "b"])).await.expect("the claim still holds");
        assert_eq!((done.events.len(), done.deliveries), (2, 1));
    }
}

#[tokio::test]
async fn one_claim_records_one_poll() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let claim = claim(&store, "w", at(0)).await.expect("a claim");
        store.commit_poll(record(claim.clone(), at(1)), fired("w", &["a"])).await.expect("recorded");
        assert!(is_stale(store.commit_poll(record(claim, at(2)), fired("w", &["b"])).await));
        assert_eq!(store.known("w", "erp").await.expect("known").keys().len(), 1);
    }
}

#[tokio::test]
async fn every_event_of_a_poll_gets_its_number_and_its_deliveries() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let keys: Vec<String> = (0..1_200).map(|n| format!("k{n}")).collect();
        let mut changes = fired("w", &keys.iter().map(String::as_str).collect::<Vec<_>>());
        changes.deliveries.push(draft("duty", "one", &[777]));
        let done = poll(&store, "w", at(0), changes).await;
        let lines = store.history(HistoryQuery::default()).await.expect("history");
        assert_eq!((lines.len(), done.events.len()), (1_200, 1_200));
        for (number, (id, _)) in done.events.iter().enumerate() {
            let line = lines.iter().find(|line| line.id == *id).expect("a line");
            assert_eq!(line.key.as_ref().expect("a key")["sku"], format!("k{number}"));
            assert_eq!(line.deliveries.len(), if number == 777 { 2 } else { 1 });
        }
    }
}

#[tokio::test]
async fn what_is_known_comes_back_as_it_was_written() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let odd = row(&[
            ("sku", Kind::Text, Some("a\"'\\\u{0}\n钉")),
            ("big", Kind::Number, Some("18446744073709551615")),
            ("price", Kind::Number, Some("1.50")),
            ("ratio", Kind::Float, Some("0.1")),
            ("nan", Kind::Float, Some("NaN")),
            ("none", Kind::Null, None),
            ("empty", Kind::Text, Some("")),
            ("bytes", Kind::Bytes, Some("00ff")),
            ("yes", Kind::Bool, Some("true")),
            ("when", Kind::Instant, Some("2026-11-23 09:30:00+08")),
            ("json", Kind::Json, Some("{\"a\": 1.10}")),
        ]);
        let written = Alert {
            severity: Severity::Critical,
            rows: vec![odd.clone(), odd],
            row_count: 7,
            told_at: None,
            receivers: vec!["a".into(), "b".into()],
            ..alert("w", "a")
        };
        let seen = Alert { status: AlertStatus::Seen, rows: Vec::new(), ..alert("w", "b") };
        poll(&store, "w", at(0), Changes { put: vec![written.clone(), seen], ..Changes::default() }).await;
        store.close().await;
        let store = fresh.open().await;
        let known = store.known("w", "erp").await.expect("known");
        let key = known.keys()[known.position(written.fingerprint).expect("the key")];
        assert_eq!((key.digest, key.severity, key.status, key.told_at), (written.digest, Severity::Critical, AlertStatus::Firing, None));
        let stored = store.alerts_of(vec![written.fingerprint, fingerprint("w", "nobody")]).await.expect("alerts");
        assert_eq!(stored.len(), 1);
        let back = &stored[&written.fingerprint];
        assert_eq!((&back.rows, back.row_count, &back.receivers, back.since), (&written.rows, 7, &written.receivers, written.since));
        assert!(store.known("w", "other source").await.expect("known").keys().is_empty());
    }
}

#[tokio::test]
async fn a_put_replaces_and_a_removal_forgets() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        poll(&store, "w", at(0), fired("w", &["a", "b"])).await;
        let worse = Alert { severity: Severity::Critical, ..alert("w", "a") };
        poll(&store, "w", at(1), Changes { put: vec![worse], remove: vec![fingerprint("w", "b")], ..Changes::default() }).await;
        let known = store.known("w", "erp").await.expect("known");
        assert_eq!((known.keys().len(), known.keys()[0].severity), (1, Severity::Critical));
        assert_eq!(store.firing_counts().await.expect("counts"), [("w".to_owned(), "critical".to_owned(), 1)]);
    }
}

#[tokio::test]
async fn where_a_watcher_stands_is_kept_and_its_version_rises_with_its_alerts() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        store.schedule("w", "erp", Some(at(5))).await.expect("scheduled");
        let claim = claim(&store, "w", at(5)).await.expect("a claim");
        assert_eq!(claim.state.next_poll_at, Some(at(5)));
        let mut commit = record(claim, at(6));
        commit.state = WatcherState {
            next_poll_at: Some(at(60)),
            revision: Some("r1".into()),
            baseline_at: Some(at(6)),
            failures: 3,
            failing_since: Some(at(1)),
            failing_told: true,
            ..commit.state
        };
        commit.record.outcome = PollOutcome::Partial;
        commit.record.failure = Some(Failure { kind: "evaluation".into(), message: "1 row could not be judged".into() });
        let expected = WatcherState { version: 1, ..commit.state.clone() };
        store.commit_poll(commit, fired("w", &["a"])).await.expect("recorded");
        assert_eq!(store.watcher_states().await.expect("states"), [expected]);
        poll(&store, "w", at(60), Changes::default()).await;
        assert_eq!(store.watcher_states().await.expect("states")[0].version, 1, "nothing changed");
        let polls = store.polls(Some("w"), 0).await.expect("polls");
        let error = polls[1].error.as_ref().expect("an error");
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("evaluation", "1 row could not be judged"));
        assert_eq!((polls[0].outcome.as_str(), polls[1].outcome.as_str()), ("ok", "partial"));
    }
}
