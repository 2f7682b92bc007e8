//! Several processes on one store, callers that go away, a second service, and many alerts.

use super::*;
use rowbell::domain::known::Known;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_neither_lose_nor_double() {
    for fresh in Fresh::all() {
        let (one, other) = tokio::join!(fresh.open(), fresh.open());
        // The two do not go at the same pace: no claim may end by itself while it is held.
        let lease = Duration::from_secs(86_400);
        let work = move |store: Store, name: &'static str| async move {
            let mut sent = Vec::new();
            for n in 0..40 {
                let now = at(n * 61);
                // Both want the shared watcher: who has no claim goes on, and its rows are found by the next poll.
                if let Some(claim) = store.claim_poll("shared", "erp", name, now, lease).await.expect("an answer") {
                    let key = format!("{name} {n}");
                    store.commit_poll(record(claim, now), fired("shared", &[key.as_str()])).await.expect("recorded");
                    sent.push(key);
                }
                if let NextDelivery::Claimed(claimed) =
                    store.claim_delivery(&super::terms("warehouse"), name, now, lease).await.expect("an answer")
                {
                    store.record_delivery(claimed, delivered(now)).await.expect("recorded");
                }
            }
            sent
        };
        let (mut made, more) = tokio::join!(tokio::spawn(work(one.clone(), "one")), tokio::spawn(work(other.clone(), "other")));
        let made: BTreeSet<String> = made.as_mut().expect("done").drain(..).chain(more.expect("done")).collect();
        let history = one.history(rowbell::store::HistoryQuery::default()).await.expect("history");
        let recorded: Vec<String> =
            history.iter().map(|line| line.key.as_ref().expect("a key")["sku"].as_str().expect("text").to_owned()).collect();
        assert_eq!(recorded.len(), made.len(), "once each");
        assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>(), made);
        for line in other.deliveries(false, 0).await.expect("deliveries") {
            let tries = line.tries.iter().filter(|one| one.outcome.as_deref() == Some("delivered")).count();
            assert_eq!(tries, usize::from(line.state == "delivered"), "sent once, or still waiting");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_may_make_the_store_at_once() {
    for fresh in (0..10).flat_map(|_| Fresh::all()) {
        let open = |url: String| tokio::spawn(async move { Store::open(&url).await });
        let opened: Vec<_> = (0..4).map(|_| open(fresh.url.clone())).collect();
        for store in opened {
            store.await.expect("a task").expect("a store").ping().await.expect("it answers");
        }
    }
}

/// Lets a caller wait for so many turns, and then go away.
async fn dropped_after<T>(turns: usize, call: impl Future<Output = T>) {
    let mut call = pin!(call);
    for _ in 0..turns {
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_in_the_middle_breaks_nothing() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        for turns in 1..40 {
            let watcher = format!("w{turns}");
            let claim = claim(&store, &watcher, at(0)).await.expect("free");
            dropped_after(turns, store.commit_poll(record(claim, at(1)), fired(&watcher, &["a", "b"]))).await;
            dropped_after(turns, store.claim_poll("busy", "erp", "me", at(100 * turns as i64), LEASE)).await;
            dropped_after(turns, store.claim_delivery(&super::terms("nobody"), "me", at(0), LEASE)).await;
        }
        // Each was begun, so each ends: the writer serves one after the other.
        let mut polls = Vec::new();
        for _ in 0..10_000 {
            polls = store.polls(None, 0).await.expect("polls");
            if polls.len() == 39 {
                break;
            }
        }
        assert_eq!(polls.len(), 39);
        assert_eq!(store.alerts(None, 0).await.expect("alerts").len(), 78, "each of them whole");
        poll(&store, "after", at(10_000), fired("after", &["a"])).await;
    }
}

#[tokio::test]
async fn a_second_service_is_refused_until_the_first_has_gone() {
    for fresh in Fresh::all() {
        let (one, other) = (fresh.open().await, fresh.open().await);
        let lock = one.lock().expect("the first");
        let refused = other.lock().expect_err("the second");
        assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
        assert!(refused.to_string().contains("another rowbell service"), "{refused}");
        drop(lock);
        other.lock().expect("free again");
    }
}

#[tokio::test]
async fn a_url_of_no_backend_is_refused_without_its_password() {
    for url in ["postgres://me:hush@host/db", "sqlite::memory:", "sqlite://x?mode=memory", "rowbell.db"] {
        let error = Store::open(url).await.expect_err(url).to_string();
        assert!(error.contains("sqlite://FILE") && !error.contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notes.txt");
    let text = "not a database ".repeat(500);
    std::fs::write(&path, &text).expect("written");
    Store::open(&format!("sqlite://{}", path.display())).await.expect_err("no store");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
}

#[tokio::test]
async fn a_hundred_thousand_alerts_are_written_at_once_and_known_again() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let keys: Vec<String> = (0..100_000).map(|n| format!("k{n}")).collect();
        let mut put: Vec<Alert> = keys.iter().map(|key| alert("w", key)).collect();
        put.sort_by_key(|alert| alert.fingerprint); // as a plan has them: in their order the table grows at its end
        poll(&store, "w", at(0), Changes { put, ..Changes::default() }).await;
        let known: Known = store.known("w", "erp").await.expect("known");
        assert_eq!(known.keys().len(), 100_000);
        assert!(keys.iter().all(|key| known.position(fingerprint("w", key)).is_some()));
        let remove: Vec<Fingerprint> = known.keys()[..50_000].iter().map(|key| key.fingerprint).collect();
        assert_eq!(store.alerts_of(remove.clone()).await.expect("alerts").len(), 50_000);
        poll(&store, "w", at(1), Changes { remove, ..Changes::default() }).await;
        assert_eq!(store.known("w", "erp").await.expect("known").keys().len(), 50_000);
    }
}
