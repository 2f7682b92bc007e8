//! The limit of 20 a minute, the ten minutes after it, the month's quota.

use super::Chat;
use chrono::TimeDelta;
use rowbell::domain::delivery::Verdict;
use rowbell::notify::dingtalk::simulator::{Fault, Outcome, SimulatedRobot};
use std::time::Duration;

const BAN: Verdict = Verdict::Throttled { wait: Duration::from_secs(600) };

#[tokio::test]
async fn the_twenty_first_message_of_a_minute_silences_the_robot_for_ten() {
    let chat = Chat::open().await;
    for n in 0..20 {
        assert_eq!(chat.send(&n.to_string()).await.verdict, Verdict::Delivered);
        chat.clock.advance(TimeDelta::seconds(2));
    }
    assert_eq!(chat.send("20").await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(599));
    assert_eq!(chat.send("20").await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(1));
    assert_eq!(chat.send("20").await.verdict, Verdict::Delivered);
    assert_eq!(chat.posted(), 21);
}

#[tokio::test]
async fn the_minute_rolls() {
    let chat = Chat::open().await;
    for n in 0..60 {
        assert_eq!(chat.send(&n.to_string()).await.verdict, Verdict::Delivered, "{n}");
        chat.clock.advance(TimeDelta::seconds(3));
    }
}

#[tokio::test]
async fn calls_may_be_set_to_extend_the_ban_and_refusals_to_count() {
    let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| {
        settings.limit.messages = 2;
        settings.limit.calls_extend_ban = true;
        settings.limit.count_refused = true;
    })
    .await;
    let webhook = chat.simulator.webhook("token");
    for _ in 0..2 {
        assert_eq!(super::post(&webhook, &serde_json::json!({})).await["errcode"], 400105);
    }
    assert_eq!(chat.send("1").await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(500));
    assert_eq!(chat.send("1").await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(500));
    assert_eq!(chat.send("1").await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(600));
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn a_ban_can_be_ordered_and_ends_after_ten_minutes() {
    let chat = Chat::open().await;
    assert_eq!(chat.send_into(Fault::Ban).await.verdict, BAN);
    chat.clock.advance(TimeDelta::seconds(600));
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn the_limit_is_each_robots_own() {
    let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| {
        settings.robots.push(SimulatedRobot::new("second", "orders"));
    })
    .await;
    assert!(chat.simulator.misbehave("second", Fault::Ban, 1));
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn a_used_up_quota_is_a_persons_matter() {
    let chat = Chat::open().await;
    chat.simulator.misbehave("token", Fault::QuotaAfter(2), 1);
    for n in 0..2 {
        assert_eq!(chat.send(&n.to_string()).await.verdict, Verdict::Delivered);
    }
    let attempt = chat.send("2").await;
    assert!(matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("quota")), "{attempt:?}");
    assert_eq!((attempt.errcode, chat.posted()), (Some(90030), 2));
}

#[tokio::test]
async fn a_repeated_uuid_is_posted_once_and_may_be_set_to_be_posted_again() {
    let chat = Chat::open().await;
    for _ in 0..3 {
        assert_eq!(chat.send("same").await.verdict, Verdict::Delivered);
    }
    assert_eq!((chat.posted(), chat.simulator.messages()[0].repeats), (1, 2));
    assert_eq!(chat.simulator.calls().iter().filter(|call| call.outcome == Outcome::Deduplicated).count(), 2);
    let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| settings.dedupe_uuid = false).await;
    for _ in 0..3 {
        chat.send("same").await;
    }
    assert_eq!(chat.posted(), 3);
}

#[tokio::test]
async fn an_organisation_has_a_quota_over_all_robots_and_an_admin_may_cap_each() {
    let capped = SimulatedRobot { monthly_cap: Some(1), ..SimulatedRobot::new("token", "alerts") };
    let chat = Chat::with(capped, |settings| {
        settings.robots.push(SimulatedRobot::new("second", "orders"));
        settings.webhook_quota = Some(2);
    })
    .await;
    let second = chat.simulator.webhook("second");
    assert_eq!(chat.send("1").await.errcode, Some(0));
    assert_eq!(chat.send("2").await.errcode, Some(90030), "the cap");
    assert_eq!(super::post(&second, &super::text("x")).await["errcode"], 0);
    assert_eq!(super::post(&second, &super::text("x")).await["errcode"], 90030, "the quota");
    assert_eq!(chat.simulator.month_use(), (2, 0));
    chat.clock.advance(TimeDelta::days(31));
    assert_eq!(chat.send("2").await.errcode, Some(0));
    assert_eq!(super::post(&second, &super::text("x")).await["errcode"], 0);
}
