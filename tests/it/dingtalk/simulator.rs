//! The simulator's own routes, its record, its end.

use super::{Chat, raw};
use rowbell::clock::Clock;
use rowbell::domain::delivery::Verdict;
use rowbell::notify::dingtalk::simulator::{Fault, SimulatedRobot};
use rowbell::notify::dingtalk::{Simulator, SimulatorSettings};
use serde_json::{Value, json};

async fn order(chat: &Chat, fault: Value) -> u16 {
    raw().post(chat.url("/simulator/faults")).json(&fault).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn faults_are_ordered_over_http_and_worked_off_in_order() {
    let chat = Chat::open().await;
    assert_eq!(order(&chat, json!({ "token": "token", "fault": { "errcode": -1 }, "times": 2 })).await, 204);
    assert_eq!(order(&chat, json!({ "robot": "alerts", "fault": "content_refused" })).await, 204);
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(chat.send("1").await.errcode);
    }
    assert_eq!(codes, [Some(-1), Some(-1), Some(430102), Some(0)]);
}

#[tokio::test]
async fn a_wrong_order_is_told() {
    let chat = Chat::open().await;
    assert_eq!(order(&chat, json!({ "token": "nobody", "fault": "hang" })).await, 404);
    assert_eq!(order(&chat, json!({ "fault": "hang" })).await, 404);
    assert_eq!(order(&chat, json!({ "token": "token", "fault": "explode" })).await, 422);
    assert_eq!(order(&chat, json!({ "token": "token", "fault": "hang", "time": 2 })).await, 422);
    let form = raw().post(chat.url("/simulator/faults")).body(r#"{"token":"token","fault":"hang"}"#).send().await.expect("an answer");
    assert_eq!(form.status(), 415, "a page of another site cannot order faults");
    assert!(!chat.simulator.misbehave("nobody", Fault::Hang, 1));
}

#[tokio::test]
async fn messages_and_calls_are_read_as_json_and_forgotten() {
    let chat = Chat::open().await;
    chat.send("u1").await;
    chat.simulator.misbehave("token", Fault::Status(502), 1);
    chat.send("u2").await;
    let read = async |path: &str| raw().get(chat.url(path)).send().await.expect("an answer").json::<Value>().await.expect("JSON");
    let messages = read("/simulator/messages?robot=alerts").await;
    assert_eq!((messages[0]["uuid"].as_str(), messages.as_array().map(Vec::len)), (Some("u1"), Some(1)));
    assert_eq!(read("/simulator/messages?robot=other").await, json!([]));
    let calls = read("/simulator/calls").await;
    assert_eq!(
        calls[1],
        json!({
            "at": "2027-01-15T08:00:00Z", "robot": "alerts", "uuid": "u2", "outcome": "fault", "fault": { "status": 502 }, "posted": false
        })
    );
    let answer = raw().delete(chat.url("/simulator/messages")).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), chat.posted(), chat.simulator.calls().len()), (204, 0, 0));
    assert_eq!(chat.send("u1").await.verdict, Verdict::Delivered);
    assert_eq!(chat.posted(), 1, "a forgotten uuid is new");
}

#[tokio::test]
async fn the_record_outlives_the_simulator() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("received.jsonl");
    for life in 0..2 {
        let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| settings.record = Some(record.clone())).await;
        chat.send(&format!("life {life}")).await;
        chat.send(&format!("life {life}")).await;
        chat.send_into(Fault::Cut).await;
        chat.simulator.stop().await;
    }
    let lines = std::fs::read_to_string(&record).expect("the record");
    let uuids: Vec<Value> = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["uuid"].clone()).collect();
    assert_eq!(uuids, ["life 0", "life 1"]);
    assert!(!lines.contains("token"));
}

#[tokio::test]
async fn what_cannot_be_set_up_is_told_at_the_start() {
    let mut settings = SimulatorSettings::new(Clock::System);
    settings.record = Some("/no/such/folder/file".into());
    assert!(Simulator::start(settings).await.is_err());
    let robot = SimulatedRobot { allowed_ips: vec!["::1".into()], ..SimulatedRobot::new("token", "alerts") };
    let error = Simulator::start(SimulatorSettings::new(Clock::System).with_robot(robot)).await.map(|_| ()).expect_err("IPv6");
    assert!(error.to_string().contains("`alerts`"), "{error}");
}
