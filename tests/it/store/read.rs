//! Lists and filters, the history that is never changed, and what the janitor may take.

use super::*;
use rowbell::store::{HistoryLine, HistoryQuery};

async fn lines(store: &Store, query: HistoryQuery) -> Vec<String> {
    let show = |line: &HistoryLine| format!("{} {}", line.event, line.key.as_ref().map_or("-".into(), |key| key["sku"].to_string()));
    store.history(query).await.expect("history").iter().map(show).collect()
}

fn is(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A history of two watchers: `a` and `b` fire, `a` resolves, the second watcher fails.
async fn with_history(fresh: &Fresh) -> Store {
    let store = fresh.open().await;
    poll(&store, "w", at(0), fired("w", &["a", "b\"%_"])).await;
    let over = Event { at: at(60), severity: Severity::Critical, ..event(EventKind::Resolved, &alert("w", "a")) };
    let changes = Changes {
        remove: vec![over.fingerprint.expect("a key")],
        events: vec![over],
        deliveries: vec![draft("duty", "over", &[0])],
        ..Changes::default()
    };
    poll(&store, "w", at(60), changes).await;
    let own = Event {
        at: at(120),
        watcher: "v".into(),
        fingerprint: None,
        key: None,
        rows: Vec::new(),
        reason: "connection refused".into(),
        ..event(EventKind::WatcherFailed, &alert("w", "a"))
    };
    poll(&store, "v", at(120), Changes { events: vec![own], ..Changes::default() }).await;
    store
}

#[tokio::test]
async fn the_history_is_newest_first_and_comes_in_pages() {
    for fresh in Fresh::all() {
        let store = with_history(&fresh).await;
        let all = lines(&store, HistoryQuery::default()).await;
        assert_eq!(all, ["watcher_failed -", "resolved \"a\"", "fired \"b\\\"%_\"", "fired \"a\""]);
        let first = store.history(HistoryQuery { limit: 2, ..HistoryQuery::default() }).await.expect("a page");
        assert_eq!(first.len(), 2);
        let rest = lines(&store, HistoryQuery { before: Some(first[1].id), limit: 10, ..HistoryQuery::default() }).await;
        assert_eq!(rest, all[2..]);
    }
}

#[tokio::test]
async fn the_history_can_be_asked_by_everything_it_has() {
    for fresh in Fresh::all() {
        let store = with_history(&fresh).await;
        let none = HistoryQuery::default;
        let store_time = |seconds| Some(at(seconds).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        for (query, found) in [
            (HistoryQuery { watcher: is("v"), ..none() }, &["watcher_failed -"][..]),
            (HistoryQuery { event: is("resolved"), ..none() }, &["resolved \"a\""]),
            (HistoryQuery { severity: is("critical"), ..none() }, &["resolved \"a\""]),
            (HistoryQuery { receiver: is("duty"), ..none() }, &["resolved \"a\""]),
            (HistoryQuery { receiver: is("nobody"), ..none() }, &[]),
            (HistoryQuery { key: vec![("sku".into(), "a".into())], ..none() }, &["resolved \"a\"", "fired \"a\""]),
            (HistoryQuery { key: vec![("sku".into(), "A".into())], ..none() }, &[]),
            (HistoryQuery { key: vec![("stock".into(), "1.50".into())], ..none() }, &[]),
            (HistoryQuery { since: store_time(60), ..none() }, &["watcher_failed -", "resolved \"a\""]),
            (HistoryQuery { until: store_time(60), ..none() }, &["fired \"b\\\"%_\"", "fired \"a\""]),
            (HistoryQuery { search: is("CONNECTION"), ..none() }, &["watcher_failed -"]),
            (HistoryQuery { search: is("b\"%"), ..none() }, &["fired \"b\\\"%_\""]),
            (HistoryQuery { search: is("a%_"), ..none() }, &[]),
            (HistoryQuery { search: is("%"), ..none() }, &["fired \"b\\\"%_\""]),
            (HistoryQuery { search: is("1.50"), event: is("resolved"), ..none() }, &["resolved \"a\""]),
        ] {
            assert_eq!(lines(&store, query.clone()).await, found, "{query:?}");
        }
    }
}

#[tokio::test]
async fn keys_of_every_type_are_found_by_what_is_shown() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let cells = [
            ("n", Kind::Number, Some("18446744073709551615"), "18446744073709551615"),
            ("f", Kind::Float, Some("0.5"), "0.5"),
            ("b", Kind::Bool, Some("true"), "true"),
            ("none", Kind::Null, None, "NULL"),
            ("it's \"odd\"", Kind::Text, Some("钉钉"), "钉钉"),
        ];
        let key = row(&cells.map(|(name, kind, text, _)| (name, kind, text)));
        let events = vec![Event { key: Some(key), ..event(EventKind::Fired, &alert("w", "a")) }];
        poll(&store, "w", at(0), Changes { events, ..Changes::default() }).await;
        for (name, _, _, shown) in cells {
            let query = HistoryQuery { key: vec![(name.into(), shown.into())], ..HistoryQuery::default() };
            assert_eq!(store.history(query).await.expect("history").len(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn a_line_of_the_history_tells_what_became_of_its_message() {
    for fresh in Fresh::all() {
        let store = with_history(&fresh).await;
        deliver(&store, "warehouse", at(1)).await;
        let line = &store.history(HistoryQuery { event: is("fired"), ..HistoryQuery::default() }).await.expect("history")[0];
        let delivery = &line.deliveries[0];
        assert_eq!((delivery.receiver.as_str(), delivery.state.as_str(), delivery.attempts), ("warehouse", "delivered", 1));
        assert_eq!((delivery.answer.as_deref(), delivery.delivered_at.as_deref()), (Some("ok"), Some("2027-01-15T08:00:01.000Z")));
        assert_eq!(line.row.as_ref().expect("a row")["stock"], "1.50");
    }
}

#[tokio::test]
async fn the_messages_of_the_outbox_are_read_from_a_number_on() {
    for fresh in Fresh::all() {
        let store = with_history(&fresh).await;
        let all = store.messages_after(0).await.expect("the messages");
        let told: Vec<_> = all.iter().map(|queued| (queued.receiver.as_str(), queued.message.title.as_str())).collect();
        assert_eq!(told.last(), Some(&("duty", "over")), "{told:?}");
        let rest = store.messages_after(all[0].id).await.expect("the messages");
        assert_eq!(rest.len(), all.len() - 1);
    }
}

#[tokio::test]
async fn nobody_changes_the_history() {
    for fresh in Fresh::all() {
        with_history(&fresh).await.close().await;
        for change in [
            "update alert_history set reason = 'nothing happened'",
            "update alert_history set \"row\" = null",
            "update alert_history set silenced = 1",
            "update alert_history set id = id + 100",
            "update alert_history set poll_id = 1 where poll_id <> 1",
        ] {
            let refused = fresh.execute(change).await.expect_err(change);
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
    }
}

#[tokio::test]
async fn lists_are_newest_first_and_as_long_as_asked() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        for n in 0..5 {
            let mut changes = fired("w", &[format!("k{n}").as_str()]);
            changes.put[0].since = at(n);
            poll(&store, "w", at(n), changes).await;
        }
        let alerts = store.alerts(Some("w"), 2).await.expect("alerts");
        let keys: Vec<_> = alerts.iter().map(|alert| alert.key["sku"].clone()).collect();
        assert_eq!(keys, ["k4", "k3"]);
        let newest = &store.history(HistoryQuery { limit: 1, ..HistoryQuery::default() }).await.expect("history")[0];
        assert_eq!(alerts[0].id, Some(newest.id), "an alert has the number of the event that fired");
        assert!(store.alerts(Some("v"), 0).await.expect("alerts").is_empty());
        let polls = store.polls(None, 2).await.expect("polls");
        assert!(polls.len() == 2 && polls[0].id > polls[1].id);
        let deliveries = store.deliveries(false, 2).await.expect("deliveries");
        assert_eq!(deliveries.iter().map(|line| line.title.as_str()).collect::<Vec<_>>(), ["k4", "k3"]);
        deliver(&store, "warehouse", at(9)).await;
        assert_eq!(store.deliveries(true, 0).await.expect("deliveries").len(), 4);
        assert_eq!(store.deliveries(false, 0).await.expect("deliveries").len(), 5);
        assert_eq!(store.waiting().await.expect("waiting"), [("warehouse".to_owned(), 4)]);
    }
}

#[tokio::test]
async fn the_janitor_leaves_firing_alerts_and_what_waits() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        poll(&store, "w", at(0), fired("w", &["firing"])).await;
        poll(&store, "w", at(1), Changes { put: Vec::new(), ..fired("w", &["over and told"]) }).await;
        deliver(&store, "warehouse", at(2)).await;
        deliver(&store, "warehouse", at(3)).await;
        poll(&store, "w", at(4), Changes { put: Vec::new(), ..fired("w", &["over and waiting"]) }).await;
        poll(&store, "w", at(5), Changes::default()).await;
        let test = store.claim_test(&terms("warehouse"), "warehouse", at(6)).await.expect("an answer").expect("room");
        store.record_test(test, "warehouse", delivered(at(6))).await.expect("recorded");
        assert_eq!(store.purge(at(-1), at(0)).await.expect("purged"), 0);
        store.purge(at(1_000), at(1_000)).await.expect("purged");
        assert_eq!(lines(&store, HistoryQuery::default()).await, ["fired \"over and waiting\"", "fired \"firing\""]);
        assert_eq!(store.deliveries(false, 0).await.expect("deliveries").len(), 1);
        assert_eq!(store.polls(None, 0).await.expect("polls").len(), 2, "the polls of what stays");
        assert_eq!(store.alerts(None, 0).await.expect("alerts").len(), 1);
        assert_eq!(store.purge(at(1_000), at(1_000)).await.expect("purged"), 0);
        assert_eq!(deliver(&store, "warehouse", at(1_001)).await, "over and waiting");
        store.purge(at(1_002), at(1_002)).await.expect("purged");
        assert_eq!(lines(&store, HistoryQuery::default()).await, ["fired \"firing\""]);
    }
}

#[tokio::test]
async fn an_old_message_that_has_just_arrived_stays_for_its_time() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        poll(&store, "w", at(0), fired("w", &["a"])).await;
        deliver(&store, "warehouse", at(10_000)).await;
        store.purge(at(9_999), at(9_999)).await.expect("purged");
        assert_eq!(store.deliveries(false, 0).await.expect("deliveries").len(), 1);
    }
}
