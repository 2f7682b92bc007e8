//! What people say through DingTalk: done once, however often it comes; and one process that listens.

use super::*;
use rowbell::domain::alert::Acknowledgement;
use rowbell::domain::silence::Silence;
use rowbell::store::{Acked, Deed, HistoryQuery};

fn silence() -> Silence {
    Silence {
        id: 0,
        author: "张三 (manager01)".into(),
        reason: "stocktaking".into(),
        watcher: Some("w".into()),
        key: Vec::new(),
        severity: None,
        receiver: None,
        starts_at: at(60),
        ends_at: at(7_260),
    }
}

#[tokio::test]
async fn a_push_that_comes_again_does_nothing() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let event = poll(&store, "w", at(0), fired("w", &["a"])).await.events[0].0;
        let by = Acknowledgement { at: at(60), by: "张三 (manager01)".into(), note: None };
        let deed = Deed::Acknowledge { events: vec![event], by };
        let first = store.hear("m1", deed.clone(), at(60)).await.expect("heard");
        assert!(!first.is_repeat && matches!(first.acked.as_slice(), [(_, Acked::Taken(_))]), "{first:?}");
        let lines = store.history(HistoryQuery::default()).await.expect("history").len();
        // It comes again, to another process on the same store.
        let second = fresh.open().await.hear("m1", deed, at(61)).await.expect("heard");
        assert!(second.is_repeat && !second.is_answered && second.acked.is_empty(), "{second:?}");
        assert_eq!(store.history(HistoryQuery::default()).await.expect("history").len(), lines);

        let made = store.hear("m2", Deed::Silence(vec![silence(), silence()]), at(62)).await.expect("heard").silences;
        assert_eq!(made.len(), 2);
        assert!(store.hear("m2", Deed::Silence(vec![silence()]), at(63)).await.expect("heard").silences.is_empty());
        assert_eq!(store.open_silences().await.expect("silences").len(), 2);
    }
}

#[tokio::test]
async fn what_was_answered_is_known_when_it_comes_again() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        store.hear("m1", Deed::Nothing, at(0)).await.expect("heard");
        store.answered("m1", at(1)).await.expect("recorded");
        assert!(store.hear("m1", Deed::Nothing, at(2)).await.expect("heard").is_answered);
    }
}

#[tokio::test]
async fn of_many_copies_at_once_one_is_done() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let copies = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.hear("m1", Deed::Silence(vec![silence()]), at(0)).await.expect("heard").is_repeat })
        });
        let mut done = 0;
        for copy in copies.collect::<Vec<_>>() {
            done += usize::from(!copy.await.expect("it ends"));
        }
        assert_eq!((done, store.open_silences().await.expect("silences").len()), (1, 1));
    }
}

#[tokio::test]
async fn a_person_who_has_written_is_known_by_the_last_name_in_each_app() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        store.meet("app", "manager01", "张三", at(0)).await.expect("met");
        store.meet("app", "manager01", "张三（值班）", at(1)).await.expect("met");
        assert_eq!(store.name_of("app", "manager01").await.expect("a name").as_deref(), Some("张三（值班）"));
        assert_eq!(store.name_of("other", "manager01").await.expect("a name"), None);
    }
}

#[tokio::test]
async fn one_process_leads_until_it_gives_the_lead_back_or_its_lease_ends() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let take = |owner: &'static str, seconds: i64| {
            let store = store.clone();
            async move { store.take_lead("stream a", owner, at(seconds), LEASE).await.expect("an answer") }
        };
        assert!(take("one", 0).await);
        assert!(!take("two", 1).await);
        assert!(take("one", 20).await, "renewed");
        assert!(!take("two", 49).await);
        assert!(take("two", 50).await, "the lease has ended");
        assert!(!take("one", 51).await);
        // Who does not lead cannot give it away.
        store.give_lead("stream a", "one").await.expect("given");
        assert!(!take("one", 52).await);
        store.give_lead("stream a", "two").await.expect("given");
        assert!(take("one", 53).await);
        assert!(store.take_lead("stream b", "two", at(53), LEASE).await.expect("an answer"), "another app");
    }
}

#[tokio::test]
async fn old_pushes_are_forgotten_with_the_history() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        store.hear("old", Deed::Nothing, at(0)).await.expect("heard");
        store.hear("new", Deed::Nothing, at(100)).await.expect("heard");
        store.purge(at(50), at(100)).await.expect("purged");
        assert!(!store.hear("old", Deed::Nothing, at(101)).await.expect("heard").is_repeat);
        assert!(store.hear("new", Deed::Nothing, at(101)).await.expect("heard").is_repeat);
    }
}
