//! Every class of answer, as the client understands it.

use super::{Chat, client, noon, note, post, text};
use rowbell::domain::delivery::{Attempt, Verdict};
use rowbell::domain::message::Message;
use rowbell::domain::watcher::Mention;
use rowbell::notify::dingtalk::simulator::{Fault, Outcome, SimulatedRobot, Wording};
use rowbell::notify::dingtalk::{FULL_BODY_BYTES, MAX_BODY_BYTES, Outgoing, body_size};
use serde_json::json;
use std::time::Duration;

fn refused_with(attempt: &Attempt, word: &str) -> bool {
    matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains(word))
}

#[tokio::test]
async fn an_accepted_message_is_delivered_and_stands_in_the_chat() {
    let chat = Chat::open().await;
    let attempt = chat.send_text("u1", "### 库存\n\n- a").await;
    assert_eq!(attempt, Attempt { verdict: Verdict::Delivered, http_status: Some(200), errcode: Some(0), answer: "0 ok".into() });
    let messages = chat.simulator.messages_of("alerts");
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].title.as_str(), messages[0].text.as_str()), ("title", "### 库存\n\n- a"));
    assert_eq!((messages[0].uuid.as_deref(), messages[0].msgtype.as_str(), messages[0].at), (Some("u1"), "markdown", noon()));
    assert!(messages[0].warnings.is_empty());
}

#[tokio::test]
async fn the_codes_of_dingtalk_are_understood() {
    let chat = Chat::open().await;
    let ban = Verdict::Throttled { wait: Duration::from_secs(600) };
    for (code, verdict) in [
        (-1, Verdict::Transient { uncertain: true }),
        (15, Verdict::Transient { uncertain: true }),
        (130101, ban.clone()),
        (410100, ban.clone()),
        (450101, ban.clone()),
        (660026, ban),
        (430101, Verdict::ContentRefused),
        (430104, Verdict::ContentRefused),
        (460101, Verdict::TooLong),
        (101002, Verdict::TooLong),
        (777777, Verdict::Unknown),
    ] {
        let attempt = chat.send_into(Fault::Errcode(code)).await;
        assert_eq!((&attempt.verdict, attempt.errcode, attempt.http_status), (&verdict, Some(code), Some(200)), "{attempt:?}");
        assert!(attempt.answer.starts_with(&code.to_string()), "{attempt:?}");
    }
    for (code, word) in [
        (300005, "webhook"),
        (400101, "webhook"),
        (400102, "switch the robot on"),
        (400106, "removed"),
        (400013, "dissolved"),
        (90020, "quota"),
        (90030, "quota"),
        (43004, "proxy"),
    ] {
        let attempt = chat.send_into(Fault::Errcode(code)).await;
        assert!(refused_with(&attempt, word), "{attempt:?}");
    }
    for code in [90018, 90002] {
        let attempt = chat.send_into(Fault::Errcode(code)).await;
        assert!(matches!(attempt.verdict, Verdict::Throttled { wait } if wait <= Duration::from_secs(5)), "{attempt:?}");
    }
    assert_eq!(chat.send_into(Fault::ContentRefused).await.verdict, Verdict::ContentRefused);
    assert_eq!(chat.posted(), 0);
}

#[tokio::test]
async fn a_code_as_a_string_is_read() {
    let chat = Chat::open().await;
    let attempt = chat.send_into(Fault::ErrcodeAsString).await;
    assert_eq!((attempt.verdict, attempt.errcode), (Verdict::Delivered, Some(0)));
    assert_eq!(chat.posted(), 1);
}

#[tokio::test]
async fn the_firewall_is_waited_out_and_a_gateway_is_tried_again() {
    let chat = Chat::open().await;
    for fault in [Fault::Redirect, Fault::Html, Fault::X5Json] {
        let attempt = chat.send_into(fault).await;
        let is_right = matches!(attempt.verdict, Verdict::Throttled { wait } if (300..=600).contains(&wait.as_secs()));
        assert!(is_right && attempt.errcode.is_none(), "{attempt:?}");
    }
    for status in [500, 502, 503, 504] {
        let attempt = chat.send_into(Fault::Status(status)).await;
        assert_eq!((attempt.verdict, attempt.http_status), (Verdict::Transient { uncertain: true }, Some(status)));
    }
    assert_eq!(chat.posted(), 0);
    assert_eq!(chat.send("2").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let chat = Chat::open().await;
    chat.send_into(Fault::Redirect).await;
    assert_eq!(chat.simulator.calls().len(), 1);
}

#[tokio::test]
async fn a_keyword_is_put_in_only_where_it_is_missing() {
    for wording in [Wording::Documented, Wording::Current] {
        let robot = SimulatedRobot { keywords: vec!["告警".into(), "other".into()], ..SimulatedRobot::new("token", "alerts") };
        let chat = Chat::with(robot, |settings| settings.wording = wording).await;
        assert_eq!(chat.send_text("1", "### low stock\n\nrow").await.verdict, Verdict::Delivered);
        assert_eq!(chat.send_text("2", "告警: row").await.verdict, Verdict::Delivered);
        let texts: Vec<String> = chat.simulator.messages().into_iter().map(|message| message.text).collect();
        assert_eq!(texts, ["### 告警 · low stock\n\nrow", "告警: row"]);
        let without = Chat { robot: client(&chat.simulator.webhook("token"), None, None), ..chat };
        assert!(refused_with(&without.send("3").await, "`keyword`"));
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_named() {
    let robot = |ip: &str| SimulatedRobot { allowed_ips: vec![ip.to_owned()], ..SimulatedRobot::new("token", "alerts") };
    for wording in [Wording::Documented, Wording::Current] {
        let chat = Chat::with(robot("10.1.0.0/16"), |settings| settings.wording = wording).await;
        let attempt = chat.send("1").await;
        assert!(refused_with(&attempt, "address") && attempt.answer.contains("127.0.0.1"), "{attempt:?}");
    }
    assert_eq!(Chat::with(robot("127.0.0.0/8"), |_| {}).await.send("1").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn an_unknown_token_is_refused_unless_any_will_do() {
    let chat = Chat::open().await;
    let stranger = client(&chat.simulator.webhook("stranger"), None, None);
    let chat = Chat { robot: stranger, ..chat };
    assert!(refused_with(&chat.send("1").await, "webhook"));
    let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| settings.accept_any_token = true).await;
    let stranger = client(&chat.simulator.webhook("stranger"), None, None);
    let chat = Chat { robot: stranger, ..chat };
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
    assert_eq!(chat.simulator.messages_of("robot 2").len(), 1);
}

#[tokio::test]
async fn the_longest_message_passes_and_one_byte_more_does_not() {
    let chat = Chat::open().await;
    // A text is cut until all of the message fits; people's names are not.
    assert_eq!(chat.send_text("1", &"x".repeat(100_000)).await.verdict, Verdict::Delivered);
    assert!(chat.simulator.messages()[0].bytes <= FULL_BODY_BYTES && chat.simulator.messages()[0].text.ends_with("x…"));
    let people = |length: usize| Message { mentions: vec![Mention::User("u".repeat(length))], ..note("title", "row") };
    let size = |length: usize| body_size(&Outgoing { uuid: "2", message: &people(length) }, None);
    let longest = 1_000 + (MAX_BODY_BYTES - size(1_000)) / 2;
    for (length, is_sent) in [(longest, true), (longest + 1, false)] {
        let attempt = chat.robot.send(&Outgoing { uuid: "2", message: &people(length) }, chat.clock.now()).await;
        assert_eq!(attempt.verdict, if is_sent { Verdict::Delivered } else { Verdict::TooLong }, "{length}");
    }
    assert_eq!(chat.simulator.calls().len(), 2, "a message that is too long is not sent");
}

#[tokio::test]
async fn people_and_everyone_are_really_called() {
    let chat = Chat::open().await;
    let people = [Mention::Mobile("13800000000".into()), Mention::User("manager01".into()), Mention::All];
    chat.send_to("1", "row", &people).await;
    let message = chat.simulator.messages().remove(0);
    assert_eq!(message.mentioned, ["13800000000", "manager01"]);
    assert!(message.listed_only.is_empty() && message.at_all);
}

#[tokio::test]
async fn a_mark_in_a_row_calls_nobody() {
    let chat = Chat::open().await;
    chat.send_text("1", "customer @13800000000 @所有人").await;
    let message = chat.simulator.messages().remove(0);
    assert!(message.mentioned.is_empty() && !message.at_all);
}

#[tokio::test]
async fn what_our_client_never_does_is_refused_with_its_code() {
    let chat = Chat::open().await;
    let webhook = chat.simulator.webhook("token");
    for (code, body) in [
        (400105, json!({ "msgtype": "image" })),
        (400202, json!({ "msgtype": "text", "text": {} })),
        (400402, json!({ "msgtype": "markdown", "markdown": { "text": "x" } })),
        (40035, json!([])),
        (460101, text(&"x".repeat(20_000))),
        (460101, text(&"x".repeat(2_000_000))),
    ] {
        assert_eq!(post(&webhook, &body).await["errcode"], code);
    }
    let raw = super::raw();
    let code = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("an answer").json::<serde_json::Value>().await.expect("JSON")["errcode"].as_i64()
    };
    assert_eq!(code(raw.get(&webhook)).await, Some(43002));
    assert_eq!(code(raw.post(&webhook).body("{}")).await, Some(43004));
    assert_eq!(code(raw.post(chat.url("/robot/send?access_token=%20")).json(&text("x"))).await, Some(40035));
    assert_eq!(code(raw.post(chat.url("/robot/sand")).json(&text("x"))).await, Some(404));
    let refused = |call: &rowbell::notify::dingtalk::simulator::Call| matches!(call.outcome, Outcome::Refused { .. });
    assert_eq!(chat.simulator.calls().iter().filter(|call| refused(call)).count(), 9);
    assert_eq!(chat.posted(), 0);
}
