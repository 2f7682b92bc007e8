//! Signatures: published and computed vectors, on both sides of the wire.

use super::{Chat, client, noon, post, text};
use chrono::{DateTime, TimeDelta};
use rowbell::clock::Clock;
use rowbell::domain::delivery::Verdict;
use rowbell::notify::dingtalk::sign::sign;
use rowbell::notify::dingtalk::simulator::SimulatedRobot;
use rowbell::notify::dingtalk::{Simulator, SimulatorSettings};
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../data/dingtalk_sign.json")).expect("JSON");
    file[kind].as_array().expect("vectors").clone()
}

fn string<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().expect("a string")
}

fn signing(secret: &str) -> SimulatedRobot {
    SimulatedRobot { secret: Some(secret.to_owned()), ..SimulatedRobot::new("token", "alerts") }
}

/// A simulator that asks for this secret, at this time.
async fn simulator(secret: &str, now_ms: i64) -> Simulator {
    let clock = Clock::at(DateTime::from_timestamp_millis(now_ms).expect("a time"));
    Simulator::start(SimulatorSettings::new(clock).with_robot(signing(secret))).await.expect("a simulator")
}

#[test]
fn every_vector_is_signed_as_computed() {
    for vector in vectors("signs") {
        let signed = sign(string(&vector, "secret"), vector["timestamp_ms"].as_i64().expect("a time"));
        assert_eq!(signed, string(&vector, "sign_base64"), "{vector}");
        let encoded: String = url::form_urlencoded::byte_serialize(signed.as_bytes()).collect();
        assert_eq!(encoded, string(&vector, "sign_query_encoded"), "{vector}");
    }
}

#[tokio::test]
async fn a_vector_on_the_wire_is_accepted() {
    for vector in vectors("signs") {
        let now = vector["timestamp_ms"].as_i64().expect("a time");
        let simulator = simulator(string(&vector, "secret"), now).await;
        let url = format!("{}&timestamp={now}&sign={}", simulator.webhook("token"), string(&vector, "sign_query_encoded"));
        assert_eq!(post(&url, &text("x")).await["errcode"], 0, "{vector}");
    }
}

#[tokio::test]
async fn the_nine_usual_mistakes_are_refused() {
    for vector in vectors("wrong_signs") {
        let now = vector["timestamp_ms"].as_i64().expect("a time");
        let simulator = simulator(string(&vector, "secret"), now).await;
        let url = format!("{}&timestamp={now}&sign={}", simulator.webhook("token"), string(&vector, "wrong_value_on_the_wire"));
        assert_eq!(post(&url, &text("x")).await["errcode"], 310000, "{vector}");
        assert!(simulator.messages().is_empty());
    }
}

#[tokio::test]
async fn a_signature_lives_for_an_hour_before_and_after() {
    for vector in vectors("windows") {
        let simulator = simulator("SECx", vector["server_now_ms"].as_i64().expect("a time")).await;
        let timestamp = vector["timestamp_ms"].as_i64().expect("a time");
        let signed = sign("SECx", timestamp);
        let signed: String = url::form_urlencoded::byte_serialize(signed.as_bytes()).collect();
        let answer = post(&format!("{}&timestamp={timestamp}&sign={signed}", simulator.webhook("token")), &text("x")).await;
        assert_eq!(answer["errcode"] == 0, vector["accept"], "{vector}");
    }
}

#[tokio::test]
async fn each_attempt_is_signed_anew() {
    let chat = Chat::with(signing("SEC+/= &%"), |_| {}).await;
    for hour in 0..5 {
        assert_eq!(chat.send(&hour.to_string()).await.verdict, Verdict::Delivered);
        chat.clock.advance(TimeDelta::hours(2));
    }
    assert_eq!(chat.posted(), 5);
}

#[tokio::test]
async fn a_pasted_signature_is_dropped_and_a_pasted_line_feed_is_trimmed() {
    let chat = Chat::with(signing("SECx"), |_| {}).await;
    let pasted = format!("  {}&timestamp=1&sign=old#top\n", chat.simulator.webhook("token"));
    let robot = client(&pasted, Some("SECx\n"), None);
    let chat = Chat { robot, ..chat };
    assert_eq!(chat.send("1").await.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn a_wrong_clock_is_named_with_the_difference() {
    let chat = Chat::with(signing("SECx"), |_| {}).await;
    chat.clock.advance(TimeDelta::minutes(90));
    let message = super::note("t", "x");
    let attempt = chat.robot.send(&rowbell::notify::dingtalk::Outgoing { uuid: "1", message: &message }, noon()).await;
    assert!(matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("clock")), "{attempt:?}");
    assert!(attempt.answer.ends_with("(this machine's clock is 1h 30m behind the receiver's)"), "{attempt:?}");
}

#[tokio::test]
async fn a_missing_or_wrong_secret_is_named() {
    let chat = Chat::with(signing("SECx"), |_| {}).await;
    for secret in [None, Some("SECy")] {
        let chat = Chat { robot: client(&chat.simulator.webhook("token"), secret, None), clock: chat.clock.clone(), ..Chat::open().await };
        let attempt = chat.send("1").await;
        assert!(matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("`secret`")), "{attempt:?}");
    }
    assert_eq!(chat.posted(), 0);
}
