//! The outbox: order, claims, budgets, holds, and what becomes of a delivery when its sender dies.

use super::*;
use rowbell::domain::budget::BUDGET;

/// What is left for messages that are not critical.
const ORDINARY: usize = BUDGET - BUDGET / 6;

async fn told(store: &Store, watcher: &str, receiver: &str, titles: &[&str]) {
    let deliveries = titles.iter().map(|title| draft(receiver, title, &[])).collect();
    poll(store, watcher, at(0), Changes { deliveries, ..Changes::default() }).await;
}

#[tokio::test]
async fn a_receivers_messages_leave_in_the_order_they_were_made() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1", "2"]).await;
        told(&store, "v", "robot", &["3"]).await;
        told(&store, "w", "robot", &["4"]).await;
        let mut left = Vec::new();
        for n in 0..4 {
            left.push(deliver(&store, "robot", at(n)).await);
        }
        assert_eq!(left, ["1", "2", "3", "4"]);
        assert!(matches!(next(&store, "robot", at(9)).await, NextDelivery::Nothing));
        assert!(store.waiting().await.expect("waiting").is_empty());
    }
}

#[tokio::test]
async fn a_message_that_must_wait_keeps_its_place_before_its_watchers_others_only() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1", "2"]).await;
        told(&store, "v", "robot", &["3"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        store.record_delivery(first, retry(at(0), at(100), Change::None)).await.expect("recorded");
        assert_eq!(deliver(&store, "robot", at(1)).await, "3");
        assert_eq!(not_before(&store, "robot", at(2)).await, at(100));
        assert_eq!(deliver(&store, "robot", at(100)).await, "1");
        assert_eq!(deliver(&store, "robot", at(101)).await, "2");
    }
}

#[tokio::test]
async fn one_message_of_a_receiver_is_in_flight() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1", "2"]).await;
        told(&store, "v", "other", &["3"]).await;
        claimed(&store, "robot", at(0)).await;
        assert_eq!(not_before(&store, "robot", at(1)).await, at(30));
        assert_eq!(deliver(&store, "other", at(1)).await, "3");
        let forced = "update delivery set state = 'sending', owner = 'x', claimed_until = 'x' where title = '2'";
        assert!(fresh.execute(forced).await.is_err(), "the database itself refuses a second one");
    }
}

#[tokio::test]
async fn a_message_whose_sender_died_is_sent_again_under_the_same_number() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        store.close().await;
        let store = fresh.open().await;
        assert_eq!(not_before(&store, "robot", at(29)).await, at(30));
        let second = claimed(&store, "robot", at(30)).await;
        assert_eq!((second.id, second.attempts, &second.msg_uuid), (first.id, 2, &first.msg_uuid));
        assert!(is_stale(store.record_delivery(first, delivered(at(31))).await), "the first has lost its claim");
        let line = &store.deliveries(false, 0).await.expect("deliveries")[0];
        assert_eq!((line.state.as_str(), line.tries.len()), ("sending", 2));
        assert_eq!(line.tries[0].outcome.as_deref(), Some("delivered"), "what it saw is kept");
        store.record_delivery(second, delivered(at(32))).await.expect("recorded");
        assert_eq!(store.deliveries(true, 0).await.expect("deliveries").len(), 0);
    }
}

#[tokio::test]
async fn a_late_answer_counts_while_nobody_has_sent_again() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let slow = claimed(&store, "robot", at(0)).await;
        store.take_over().await.expect("taken over");
        store.record_delivery(slow, delivered(at(40))).await.expect("it has arrived: a second one would be a duplicate");
        assert!(matches!(next(&store, "robot", at(41)).await, NextDelivery::Nothing));
        told(&store, "w", "robot", &["2"]).await;
        let slow = claimed(&store, "robot", at(42)).await;
        store.take_over().await.expect("taken over");
        assert!(is_stale(store.record_delivery(slow, discarded(at(80))).await), "anything but an arrival does not");
        assert_eq!(deliver(&store, "robot", at(81)).await, "2");
    }
}

#[tokio::test]
async fn a_rolling_minute_has_room_for_its_budget_and_a_restart_does_not_change_that() {
    for fresh in Fresh::all() {
        let mut store = fresh.open().await;
        let titles: Vec<String> = (0..60).map(|n| n.to_string()).collect();
        told(&store, "w", "robot", &titles.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (mut now, mut sent) = (0, Vec::new());
        while sent.len() < titles.len() {
            match next(&store, "robot", at(now)).await {
                NextDelivery::Claimed(claimed) => {
                    store.record_delivery(claimed, delivered(at(now))).await.expect("recorded");
                    sent.push(now);
                    now += 1;
                }
                NextDelivery::NotBefore(free) => {
                    assert_eq!(store.standing(&terms("robot"), at(now)).await.expect("a standing").left, BUDGET - ORDINARY);
                    store.close().await;
                    store = fresh.open().await;
                    now = (free - at(0)).num_seconds();
                }
                other => panic!("some wait: {other:?}"),
            }
        }
        for start in &sent {
            assert!(sent.iter().filter(|at| (*start..start + 60).contains(*at)).count() <= ORDINARY);
        }
        assert!(now <= 3 * 60 + 15, "and no longer than it must: {now} s");
    }
}

#[tokio::test]
async fn receivers_of_one_robot_share_its_budget_and_its_bans() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let of = |name: &str, robot: &str| Terms { robots: vec![RobotTerms { name: robot.into(), cap: None }], ..terms(name) };
        let [one, other, other_robot] = [of("one", "r"), of("other", "r"), of("else", "s")];
        for receiver in ["one", "other", "else"] {
            let titles: Vec<String> = (0..ORDINARY).map(|n| n.to_string()).collect();
            told(&store, receiver, receiver, &titles.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        for n in 0..ORDINARY as i64 {
            deliver(&store, if n % 2 == 0 { &one } else { &other }, at(n)).await;
        }
        let now = ORDINARY as i64;
        assert_eq!(not_before(&store, &one, at(now)).await, at(60));
        assert_eq!(not_before(&store, &other, at(now)).await, at(60));
        deliver(&store, &other_robot, at(now)).await;
        let claimed = claimed(&store, &one, at(61)).await;
        store.record_delivery(claimed, throttled(at(61), at(661))).await.expect("recorded");
        assert_eq!(not_before(&store, &other, at(62)).await, at(661));
        assert_eq!(store.standing(&other, at(62)).await.expect("a standing").left, 0, "nothing may leave during a ban");
        deliver(&store, &other_robot, at(62)).await;
    }
}

#[tokio::test]
async fn failed_attempts_and_test_messages_are_in_the_budget() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        for n in 0..9 {
            let claimed = claimed(&store, "robot", at(n)).await;
            store.record_delivery(claimed, retry(at(n), at(n), Change::None)).await.expect("recorded");
        }
        for n in 9..18 {
            let id = store.claim_test(&terms("robot"), "robot", at(n)).await.expect("an answer").expect("room");
            store.record_test(id, "robot", delivered(at(n))).await.expect("recorded");
        }
        assert_eq!(store.claim_test(&terms("robot"), "robot", at(18)).await.expect("an answer"), Err(at(60)));
        assert_eq!(not_before(&store, "robot", at(18)).await, at(63), "what is not critical leaves room for what is");
        assert_eq!(store.standing(&terms("robot"), at(18)).await.expect("a standing").left, 0);
        assert_eq!(store.standing(&terms("other"), at(18)).await.expect("a standing").left, BUDGET);
    }
}

#[tokio::test]
async fn an_attempt_counts_from_when_it_ended_however_long_it_took() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let slow = claimed(&store, "robot", at(0)).await;
        store.record_delivery(slow, delivered(at(29))).await.expect("recorded");
        assert_eq!(store.standing(&terms("robot"), at(88)).await.expect("a standing").left, BUDGET - 1);
        assert_eq!(store.standing(&terms("robot"), at(89)).await.expect("a standing").left, BUDGET);
    }
}

#[tokio::test]
async fn a_held_receiver_waits_is_probed_when_asked_and_is_freed_by_an_arrival() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        store.register_robots(vec![terms("robot")]).await.expect("registered");
        told(&store, "w", "robot", &["1", "2"]).await;
        for (now, failures) in [(0, 0), (10, 1)] {
            let claimed = claimed(&store, "robot", at(now)).await;
            assert_eq!(claimed.failures, failures);
            store.record_delivery(claimed, held(at(now), at(now + 600))).await.expect("recorded");
            assert_eq!(not_before(&store, "robot", at(now + 1)).await, at(now + 600));
            let line = &store.deliveries(true, 0).await.expect("deliveries")[0];
            assert_eq!(line.held.as_deref(), Some("keyword"));
            store.probe_now(at(now + 2)).await.expect("probed");
        }
        assert_eq!(deliver(&store, "robot", at(13)).await, "1");
        assert_eq!(claimed(&store, "robot", at(14)).await.failures, 0);
    }
}

#[tokio::test]
async fn nothing_but_time_lifts_a_throttle() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        let id = first.id;
        store.record_delivery(first, throttled(at(0), at(600))).await.expect("recorded");
        store.probe_now(at(1)).await.expect("probed");
        assert!(store.retry_delivery(id, at(2)).await.expect("an answer"));
        assert_eq!(store.claim_test(&terms("robot"), "robot", at(3)).await.expect("an answer"), Err(at(600)));
        assert_eq!(not_before(&store, "robot", at(4)).await, at(600));
        assert_eq!(deliver(&store, "robot", at(600)).await, "1");
    }
}

#[tokio::test]
async fn a_probe_does_not_wait_for_a_message_of_its_own() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        store.record_delivery(first, retry(at(0), at(600), Change::None)).await.expect("recorded");
        store.probe_now(at(1)).await.expect("probed");
        assert_eq!(deliver(&store, "robot", at(1)).await, "1");
    }
}

#[tokio::test]
async fn what_was_given_up_says_why_and_goes_out_when_a_person_asks() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["1"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        let (id, uuid) = (first.id, first.msg_uuid.clone());
        assert!(!store.retry_delivery(id, at(0)).await.expect("an answer"), "it is under way");
        store.record_delivery(first, discarded(at(0))).await.expect("recorded");
        let line = &store.deliveries(false, 0).await.expect("deliveries")[0];
        assert_eq!((line.state.as_str(), line.reason.as_deref()), ("discarded", Some("refused for its content")));
        assert!(matches!(next(&store, "robot", at(1)).await, NextDelivery::Nothing));
        let days_later = at(5 * 86_400);
        assert!(store.retry_delivery(id, days_later).await.expect("an answer"));
        let again = claimed(&store, "robot", days_later).await;
        assert_eq!((again.created_at, &again.msg_uuid), (days_later, &uuid), "its age counts anew");
        store.record_delivery(again, delivered(days_later)).await.expect("recorded");
        assert!(!store.retry_delivery(id, days_later).await.expect("an answer"), "it has arrived");
        assert!(!store.retry_delivery(999, days_later).await.expect("an answer"));
    }
}

#[tokio::test]
async fn a_message_that_was_cut_down_is_kept_so() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        told(&store, "w", "robot", &["long"]).await;
        let first = claimed(&store, "robot", at(0)).await;
        let mut message = first.message.clone();
        message.reduce("w");
        let result = DeliveryResult { message: Some(message.clone()), ..retry(at(0), at(0), Change::Reduce) };
        store.record_delivery(first, result).await.expect("recorded");
        let second = claimed(&store, "robot", at(1)).await;
        assert!(second.reduced);
        assert_eq!(second.message, message);
    }
}
