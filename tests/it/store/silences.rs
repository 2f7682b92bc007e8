//! Silences and digests: what is kept back stays on a list until the transaction that tells it.

use super::*;
use rowbell::domain::compose::{Deferral, Silenced};
use rowbell::domain::silence::Silence;
use rowbell::store::{DigestDraft, DigestOf, Digests, Ended, Later, SilenceLine, Until};

fn silence(from: i64, to: i64) -> Silence {
    Silence {
        id: 0,
        author: "wang".into(),
        reason: "stocktaking".into(),
        watcher: None,
        key: Vec::new(),
        severity: None,
        receiver: None,
        starts_at: at(from),
        ends_at: at(to),
    }
}

async fn add(store: &Store, silence: Silence) -> i64 {
    store.add_silence(silence, at(0)).await.expect("written")
}

async fn list(store: &Store, all: bool, seconds: i64) -> Vec<String> {
    let show = |line: &SilenceLine| format!("{} {}", line.id, line.state);
    store.silences(all, at(seconds), 0).await.expect("silences").iter().map(show).collect()
}

/// `warehouse` is not told of these events because of a silence.
fn kept(silence: i64, kind: EventKind, key: &str, seconds: i64) -> Changes {
    let event = Event { at: at(seconds), silenced: true, ..event(kind, &alert("w", key)) };
    let silenced = vec![Silenced { event: 0, receiver: "warehouse".into(), silence }];
    let (put, remove) = match kind {
        EventKind::Resolved => (Vec::new(), vec![fingerprint("w", key)]),
        _ => (vec![alert("w", key)], Vec::new()),
    };
    Changes { put, remove, events: vec![event], silenced, ..Changes::default() }
}

/// What is to be told at the end: `event key firing`.
async fn news(store: &Store, silence: i64) -> Vec<String> {
    let kept = store.kept_back(silence).await.expect("kept");
    let show = |event: &rowbell::store::DeferredEvent| {
        let key = event.event.key.as_ref().map_or("-".into(), |key| key["sku"].as_str().unwrap_or("?").to_owned());
        format!("{} {key}{}", event.event.event, if event.is_firing { " firing" } else { "" })
    };
    kept.events.iter().map(show).collect()
}

/// A digest of all that is to be told.
async fn digest(store: &Store, silence: i64) -> Digests {
    let kept = store.kept_back(silence).await.expect("kept");
    let draft = |event: &rowbell::store::DeferredEvent| DigestDraft {
        receiver: event.receiver.clone(),
        message: draft("warehouse", "still", &[]).message,
        events: vec![event.event.id],
        told: event.event.fingerprint.iter().filter(|_| event.is_firing).cloned().collect(),
    };
    let drafts = kept.events.iter().map(draft).collect();
    Digests { of: DigestOf::Silence { id: silence, count: kept.count }, drafts, later: Vec::new() }
}

async fn open(store: &Store) -> Vec<i64> {
    store.open_silences().await.expect("silences").iter().map(|silence| silence.id).collect()
}

#[tokio::test]
async fn a_silence_comes_back_as_it_was_written() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let whole = Silence {
            watcher: Some("low_*".into()),
            key: vec![("shop".into(), "3".into()), ("sku".into(), "A-*".into())],
            severity: Some(Severity::Critical),
            receiver: Some("duty".into()),
            ..silence(0, 60)
        };
        let id = add(&store, whole.clone()).await;
        assert_eq!(store.open_silences().await.expect("silences"), [Silence { id, ..whole }]);
        let line = store.silences(false, at(0), 0).await.expect("silences").remove(0);
        assert_eq!((line.state.as_str(), line.ends_at.as_str()), ("active", "2027-01-15T08:01:00.000Z"));
        assert_eq!(serde_json::to_string(&line.key).expect("JSON"), "{\"shop\":\"3\",\"sku\":\"A-*\"}");
        let backwards = store.add_silence(silence(60, 0), at(0)).await;
        assert!(matches!(backwards, Err(StoreError::Database { .. })), "an end before its start");
    }
}

#[tokio::test]
async fn silences_are_listed_newest_first_and_those_that_have_ended_when_asked_for() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        for (from, to) in [(0, 60), (0, 600), (300, 600)] {
            add(&store, silence(from, to)).await;
        }
        assert_eq!(list(&store, false, 60).await, ["3 pending", "2 active"]);
        assert_eq!(list(&store, true, 60).await, ["3 pending", "2 active", "1 expired"]);
        assert_eq!(store.silences(true, at(60), 2).await.expect("silences").len(), 2);
    }
}

#[tokio::test]
async fn a_silence_is_ended_once_and_one_that_is_to_come_never_begins() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        for (from, to) in [(0, 60), (0, 600), (300, 600)] {
            add(&store, silence(from, to)).await;
        }
        let results = store.end_silences(vec![1, 2, 3, 99], at(120)).await.expect("an answer");
        assert!(matches!(&results[0].1, Ended::Before(ended) if *ended == at(60)), "{results:?}");
        assert!(matches!(&results[1].1, Ended::Now(silence) if silence.ends_at == at(120) && silence.starts_at == at(0)), "{results:?}");
        assert!(matches!(&results[2].1, Ended::Now(silence) if silence.ends_at == at(120) && silence.starts_at == at(120)), "{results:?}");
        assert!(matches!(&results[3].1, Ended::Unknown), "{results:?}");
        assert_eq!(list(&store, false, 120).await, [""; 0]);
        assert_eq!(store.next_digest_at().await.expect("a time"), Some(at(60)), "their ends are to be told");
    }
}

#[tokio::test]
async fn what_fires_still_and_what_was_told_before_is_told_at_the_end_and_nothing_else() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        poll(&store, "w", at(0), fired("w", &["told before", "told before and fires"])).await;
        let id = add(&store, silence(0, 600)).await;
        poll(&store, "w", at(60), kept(id, EventKind::Fired, "fires", 60)).await;
        poll(&store, "w", at(61), kept(id, EventKind::Fired, "came and went", 61)).await;
        poll(&store, "w", at(62), kept(id, EventKind::Resolved, "came and went", 62)).await;
        poll(&store, "w", at(63), kept(id, EventKind::Resolved, "told before", 63)).await;
        poll(&store, "w", at(64), kept(id, EventKind::Repeated, "told before and fires", 64)).await;
        assert_eq!(news(&store, id).await, ["fired fires firing", "resolved told before", "repeated told before and fires firing"]);
        let told = digest(&store, id).await;
        assert_eq!(store.commit_digests(told.clone(), at(600)).await.expect("written"), 3);
        assert!(matches!(store.commit_digests(told, at(601)).await, Err(StoreError::Raced)), "another process told it");
        assert_eq!((open(&store).await.len(), store.next_digest_at().await.expect("a time")), (0, None));
        let waiting = store.waiting().await.expect("waiting");
        assert_eq!(waiting, [("warehouse".to_owned(), 4)], "the message before, and the digests once");
    }
}

#[tokio::test]
async fn what_fires_is_told_as_it_is_now() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let id = add(&store, silence(0, 600)).await;
        poll(&store, "w", at(60), kept(id, EventKind::Fired, "a", 60)).await;
        let now = row(&[("sku", Kind::Text, Some("a")), ("stock", Kind::Number, Some("0"))]);
        let worse = Alert { rows: vec![now], severity: Severity::Critical, ..alert("w", "a") };
        poll(&store, "w", at(120), Changes { put: vec![worse], ..Changes::default() }).await;
        let kept = store.kept_back(id).await.expect("kept").events.remove(0);
        assert_eq!((kept.event.severity.as_str(), &kept.event.row.expect("a row")["stock"]), ("critical", &"0".into()));
    }
}

#[tokio::test]
async fn an_event_that_comes_while_the_end_is_told_is_not_lost() {
    for fresh in Fresh::all() {
        let (service, other) = (fresh.open().await, fresh.open().await);
        let id = add(&service, silence(0, 600)).await;
        poll(&other, "w", at(60), kept(id, EventKind::Fired, "a", 60)).await;
        let early = digest(&service, id).await;
        // A poll that began in the silence ends after it: before the digest is written, and after.
        poll(&other, "w", at(599), kept(id, EventKind::Fired, "b", 599)).await;
        assert!(matches!(service.commit_digests(early, at(600)).await, Err(StoreError::Raced)));
        assert_eq!(open(&service).await, [id], "nothing was written");
        assert_eq!(service.commit_digests(digest(&service, id).await, at(600)).await.expect("written"), 2);
        poll(&other, "w", at(599), kept(id, EventKind::Fired, "c", 599)).await;
        assert_eq!(
            (open(&service).await, news(&service, id).await),
            (vec![id], vec!["fired c firing".to_owned()]),
            "and a, b are not told again"
        );
        assert_eq!(service.commit_digests(digest(&service, id).await, at(601)).await.expect("written"), 1);
        assert!(open(&service).await.is_empty());
    }
}

#[tokio::test]
async fn a_digest_that_says_that_something_fires_is_refused_when_it_is_over() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let id = add(&store, silence(0, 600)).await;
        poll(&store, "w", at(60), kept(id, EventKind::Fired, "a", 60)).await;
        let stale = digest(&store, id).await;
        let over = Event { at: at(600), ..event(EventKind::Resolved, &alert("w", "a")) };
        poll(&store, "w", at(600), Changes { remove: vec![fingerprint("w", "a")], events: vec![over], ..Changes::default() }).await;
        assert!(matches!(store.commit_digests(stale, at(600)).await, Err(StoreError::Raced)));
        assert!(news(&store, id).await.is_empty());
        assert_eq!(store.waiting().await.expect("waiting"), []);
    }
}

#[tokio::test]
async fn a_digest_counts_as_the_last_message_and_whoever_got_it_is_told_the_end() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let id = add(&store, silence(0, 600)).await;
        poll(&store, "w", at(60), kept(id, EventKind::Fired, "a", 60)).await;
        let version = store.watcher_states().await.expect("states")[0].version;
        let mut told = digest(&store, id).await;
        told.drafts[0].receiver = "duty".into();
        store.commit_digests(told, at(600)).await.expect("written");
        let alert = store.alerts_of(vec![fingerprint("w", "a")]).await.expect("alerts")[&fingerprint("w", "a")].clone();
        assert_eq!((alert.told_at, alert.receivers), (Some(at(600)), vec!["warehouse".to_owned(), "duty".to_owned()]));
        assert_eq!(store.watcher_states().await.expect("states")[0].version, version + 1);
    }
}

#[tokio::test]
async fn what_another_silence_covers_is_its_to_tell_also_when_that_was_told_in_the_meantime() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let (first, second) = (add(&store, silence(0, 600)).await, add(&store, silence(0, 900)).await);
        poll(&store, "w", at(60), kept(first, EventKind::Fired, "a", 60)).await;
        let event = store.kept_back(first).await.expect("kept").events.remove(0).event.id;
        let later = vec![Later { event, receiver: "warehouse".into(), until: Until::Silence(second) }];
        let handed = Digests { later, drafts: Vec::new(), ..digest(&store, first).await };
        // Another process, whose clock is ahead, has told the second silence's end already.
        store.commit_digests(digest(&store, second).await, at(900)).await.expect("written");
        assert_eq!(store.commit_digests(handed, at(600)).await.expect("written"), 0);
        assert_eq!((open(&store).await, news(&store, second).await), (vec![second], vec!["fired a firing".to_owned()]));
        // Resolved under the second one: it began in silence, and was never told.
        poll(&store, "w", at(700), kept(second, EventKind::Resolved, "a", 700)).await;
        assert!(news(&store, second).await.is_empty());
    }
}

#[tokio::test]
async fn the_end_of_a_silence_outside_of_hours_is_put_off_and_told_once() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let id = add(&store, silence(0, 600)).await;
        poll(&store, "w", at(60), kept(id, EventKind::Fired, "a", 60)).await;
        let event = store.kept_back(id).await.expect("kept").events.remove(0).event.id;
        let later = vec![Later { event, receiver: "warehouse".into(), until: Until::Time(at(3_600)) }];
        store.commit_digests(Digests { later, drafts: Vec::new(), ..digest(&store, id).await }, at(600)).await.expect("written");
        assert_eq!(store.next_digest_at().await.expect("a time"), Some(at(3_600)));
        poll(&store, "w", at(599), kept(id, EventKind::Fired, "late", 599)).await;
        assert_eq!(news(&store, id).await, ["fired late firing"], "a is on its way");
        let due = store.due_events(at(3_600)).await.expect("due");
        assert_eq!((due.len(), due[0].event.id, due[0].is_firing), (1, event, true));
    }
}

#[tokio::test]
async fn events_that_are_put_off_while_a_digest_is_made_are_not_taken_off_with_it() {
    for fresh in Fresh::all() {
        let (service, other) = (fresh.open().await, fresh.open().await);
        let put_off = |key: &str| Changes {
            deferred: vec![Deferral { event: 0, receiver: "warehouse".into(), due_at: at(600) }],
            deliveries: Vec::new(),
            ..fired("w", &[key])
        };
        poll(&other, "w", at(0), put_off("a")).await;
        let due = service.due_events(at(600)).await.expect("due");
        let drafts = vec![DigestDraft {
            receiver: "warehouse".into(),
            message: draft("warehouse", "while you were away", &[]).message,
            events: due.iter().map(|due| due.event.id).collect(),
            told: due.iter().filter_map(|due| due.event.fingerprint.clone()).collect(),
        }];
        // A poll that began before the hours ends after they have begun.
        poll(&other, "w", at(599), put_off("b")).await;
        let digests = Digests { of: DigestOf::PutOff, drafts, later: Vec::new() };
        assert_eq!(service.commit_digests(digests.clone(), at(600)).await.expect("written"), 1);
        assert!(matches!(service.commit_digests(digests, at(600)).await, Err(StoreError::Raced)), "a process tells it once");
        let left = service.due_events(at(600)).await.expect("due");
        assert_eq!(left.iter().map(|due| due.event.key.as_ref().expect("a key")["sku"].clone()).collect::<Vec<_>>(), ["b"]);
        // A silence that has begun since keeps it back for longer.
        let id = add(&service, silence(0, 900)).await;
        let later = vec![Later { event: left[0].event.id, receiver: "warehouse".into(), until: Until::Silence(id) }];
        service.commit_digests(Digests { of: DigestOf::PutOff, drafts: Vec::new(), later }, at(600)).await.expect("written");
        assert!(service.due_events(at(600)).await.expect("due").is_empty());
        assert_eq!(news(&service, id).await, ["fired b firing"]);
    }
}

/// A watcher's own event, kept back by a silence.
fn own(silence: i64, kind: EventKind, seconds: i64) -> Changes {
    let event =
        Event { at: at(seconds), fingerprint: None, key: None, rows: Vec::new(), since: Some(at(60)), ..event(kind, &alert("w", "a")) };
    let silenced = vec![Silenced { event: 0, receiver: "warehouse".into(), silence }];
    Changes { events: vec![event], silenced, ..Changes::default() }
}

#[tokio::test]
async fn a_watcher_that_fails_still_is_told_at_the_end_and_one_that_works_again_is_not() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let id = add(&store, silence(0, 600)).await;
        let mut failed = record(claim(&store, "w", at(60)).await.expect("a claim"), at(60));
        (failed.state.failing_since, failed.state.failing_told, failed.state.failures) = (Some(at(60)), true, 3);
        store.commit_poll(failed, own(id, EventKind::WatcherFailed, 60)).await.expect("recorded");
        assert_eq!(news(&store, id).await, ["watcher_failed -"]);
        let mut works = record(claim(&store, "w", at(120)).await.expect("a claim"), at(120));
        (works.state.failing_since, works.state.failing_told, works.state.failures) = (None, false, 0);
        store.commit_poll(works, own(id, EventKind::WatcherRecovered, 120)).await.expect("recorded");
        assert!(news(&store, id).await.is_empty(), "it began and ended in silence");
    }
}
