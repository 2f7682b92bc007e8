//! What the network does: the client says whether the message may have arrived, and makes one request per attempt.

use super::{Chat, client, noon, note, settings};
use rowbell::domain::delivery::Verdict;
use rowbell::notify::dingtalk::simulator::{Fault, SimulatedRobot};
use rowbell::notify::dingtalk::{Outgoing, Robot, RobotError};
use std::time::Duration;

const UNCERTAIN: Verdict = Verdict::Transient { uncertain: true };

#[tokio::test]
async fn a_message_that_was_taken_without_an_answer_is_uncertain_and_arrives_once() {
    let chat = Chat::open().await;
    let attempt = chat.send_into(Fault::CutAfterAccept).await;
    assert_eq!((attempt.verdict, attempt.http_status), (UNCERTAIN, None));
    assert_eq!((chat.posted(), chat.simulator.calls().len()), (1, 1), "one attempt is one request");
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
    assert_eq!(chat.posted(), 1);
}

#[tokio::test]
async fn a_connection_that_is_held_and_cut_is_uncertain() {
    let robot = SimulatedRobot::new("token", "alerts");
    let chat = Chat::with(robot, |settings| settings.hold = Duration::from_millis(20)).await;
    assert_eq!(chat.send_into(Fault::TimeoutAfterAccept).await.verdict, UNCERTAIN);
    assert_eq!(chat.posted(), 1);
    assert_eq!(chat.send_into(Fault::Hang).await.verdict, UNCERTAIN);
    assert_eq!(chat.send_into(Fault::Cut).await.verdict, UNCERTAIN);
    assert_eq!(chat.simulator.calls().len(), 3);
}

#[tokio::test]
async fn an_attempt_ends_at_its_deadline_whether_nothing_comes_or_a_drop_a_second() {
    let chat = Chat::open().await;
    let chat = Chat { robot: chat.robot.clone().with_deadline(Duration::from_millis(150)), ..chat };
    for fault in [Fault::Hang, Fault::Drip] {
        let attempt = chat.send_into(fault).await;
        assert_eq!(attempt.verdict, UNCERTAIN);
        assert_eq!(attempt.answer, "no whole answer within 150ms");
    }
}

#[tokio::test]
async fn megabytes_instead_of_an_answer_are_not_read() {
    let chat = Chat::open().await;
    let attempt = chat.send_into(Fault::Flood).await;
    assert!(matches!(attempt.verdict, Verdict::Throttled { .. }), "{attempt:?}");
    assert!(attempt.answer.len() < 200);
}

#[tokio::test]
async fn a_connection_that_never_came_about_is_certain() {
    let chat = Chat::open().await;
    let webhook = chat.simulator.webhook("token");
    chat.simulator.stop().await;
    let attempt = chat.robot.send(&Outgoing { uuid: "1", message: &note("t", "x") }, noon()).await;
    assert_eq!(attempt.verdict, Verdict::Transient { uncertain: false }, "{attempt:?}");
    assert!(attempt.answer.starts_with("no connection") && !attempt.answer.contains("127.0.0.1"), "{attempt:?}");
    let nowhere = client(&webhook.replace("127.0.0.1", "no-such-host.invalid"), None, None);
    assert_eq!(
        nowhere.send(&Outgoing { uuid: "1", message: &note("t", "x") }, noon()).await.verdict,
        Verdict::Transient { uncertain: false }
    );
}

#[tokio::test]
async fn a_server_that_is_not_tls_is_certain_too() {
    let chat = Chat::open().await;
    let robot = client(&chat.simulator.webhook("token").replace("http:", "https:"), None, None);
    let attempt = robot.send(&Outgoing { uuid: "1", message: &note("t", "x") }, noon()).await;
    assert_eq!(attempt.verdict, Verdict::Transient { uncertain: false }, "{attempt:?}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_connection_that_is_held() {
    let chat = Chat::open().await;
    chat.simulator.misbehave("token", Fault::Hang, 1);
    let (robot, simulator) = (chat.robot, chat.simulator);
    let sending = tokio::spawn(async move { robot.send(&Outgoing { uuid: "1", message: &note("t", "x") }, noon()).await });
    while simulator.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(5), simulator.stop()).await.expect("it stops");
    assert_eq!(sending.await.expect("an attempt").verdict, UNCERTAIN);
}

#[test]
fn a_webhook_that_cannot_work_is_refused_without_being_repeated() {
    for (webhook, says) in [
        ("", "not an address"),
        ("oapi.dingtalk.com/robot/send?access_token=s3cret", "not an address"),
        ("ftp://oapi.dingtalk.com/robot/send?access_token=s3cret", "https://"),
        ("https://user:s3cret@oapi.dingtalk.com/robot/send?access_token=s3cret", "user or password"),
        ("https://oapi.dingtalk.com/robot/send", "no access_token"),
        ("https://oapi.dingtalk.com/robot/send?access_token=&s3cret=1", "no access_token"),
    ] {
        let error = Robot::new(settings(webhook, None, None)).map(|_| ()).expect_err(webhook);
        let words = format!("{error} {error:?}");
        assert!(words.contains(says) && words.contains("alerts") && !words.contains("s3cret"), "{words}");
        assert!(!matches!(error, RobotError::Client { .. }));
    }
}

#[test]
fn any_host_will_do() {
    for webhook in [
        "https://oapi.dingtalk.com/robot/send?access_token=x",
        "https://oapi.dingtalk.io/robot/send?access_token=x",
        "https://ding.example.com:8443/gateway/robot/send?tenant=1&access_token=x",
        "http://127.0.0.1:7789/robot/send?access_token=x",
    ] {
        client(webhook, None, None);
    }
}
