//! Our Stream client against the simulator: what is pushed is handed on and acknowledged, whatever becomes of connections.

use super::simulator_app::{APP, CONVERSATION, Office, SECRET};
use chrono::TimeDelta;
use rowbell::clock::Clock;
use rowbell::domain::delivery::Verdict;
use rowbell::notify::dingtalk::simulator::{Fault, Form, Place};
use rowbell::notify::dingtalk::stream::{BotMessage, Content, Listening, Push, Stream, StreamSettings};
use serde_json::{Value, json};
use std::time::Duration;

const OPEN: &str = "/v1.0/gateway/connections/open";

pub fn settings(office: &Office, secret: &str) -> StreamSettings {
    let url = url::Url::parse(&office.simulator.api_url()).expect("a URL");
    let (name, client_id) = ("duty".to_owned(), APP.to_owned());
    StreamSettings { name, client_id, client_secret: secret.into(), api_url: url.clone(), oapi_url: url }
}

fn stream(office: &Office) -> Stream {
    Stream::new(settings(office, SECRET)).expect("a client")
}

/// Lets time pass until so many connections have come about.
pub async fn connected(clock: &Clock, mut connections: tokio::sync::watch::Receiver<u64>, count: u64) {
    for _ in 0..2_000 {
        if *connections.borrow_and_update() >= count {
            return;
        }
        clock.advance(TimeDelta::seconds(1));
        // The other side of a connection is heard in real time.
        let _ = tokio::time::timeout(Duration::from_millis(5), connections.changed()).await;
    }
    panic!("no connection has come about");
}

/// Lets time pass until a condition holds.
async fn until(clock: &Clock, what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        clock.advance(TimeDelta::seconds(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to that");
}

async fn next(listening: &mut Listening) -> Push {
    tokio::time::timeout(Duration::from_secs(10), listening.next()).await.expect("in time").expect("a push")
}

fn message(push: &Push) -> &BotMessage {
    match &push.content {
        Content::Message(message) => message,
        Content::Press(press) => panic!("no message: {press:?}"),
    }
}

#[tokio::test]
async fn what_a_person_writes_is_handed_on_acknowledged_and_answered_in_the_same_chat() {
    let office = Office::open().await;
    let stream = stream(&office);
    let mut listening = stream.listen(office.clock.clone());
    connected(&office.clock, listening.connections(), 1).await;
    let (said, push) = tokio::join!(office.simulator.say("manager01", Some(CONVERSATION), "状态"), async {
        let push = next(&mut listening).await;
        let said = message(&push);
        assert_eq!(
            (said.text.as_deref(), said.user.as_deref(), said.name.as_str(), said.is_in_group),
            (Some(" 状态"), Some("manager01"), "店长", true)
        );
        let webhook = said.session_webhook.clone().expect("an address");
        let id = push.id.clone();
        push.done.with(Value::Null);
        (id, webhook)
    });
    let said = said.expect("it was said");
    assert_eq!((said.taken, &said.msg_id), (true, &push.0));
    let attempt = stream.reply(&push.1, "状态", "### 状态\n\n- ✅ 没有告警").await;
    assert_eq!(attempt.verdict, Verdict::Delivered, "{attempt:?}");
    let there = office.simulator.app_messages_in(&Place::Conversation(CONVERSATION.to_owned()));
    let reply = there.iter().find(|message| message.form == Form::Reply).expect("an answer");
    assert_eq!((reply.title.as_str(), reply.text.as_str()), ("状态", "### 状态\n\n- ✅ 没有告警"));
    listening.close().await;
    until(&office.clock, || office.simulator.streams() == 0).await;
}

#[tokio::test]
async fn what_could_not_be_done_is_refused_and_what_takes_long_is_acknowledged_all_the_same() {
    let office = Office::open().await;
    let mut listening = stream(&office).listen(office.clock.clone());
    connected(&office.clock, listening.connections(), 1).await;
    let (said, ()) = tokio::join!(office.simulator.say("manager01", None, "认领 1"), async { drop(next(&mut listening).await) });
    assert!(!said.expect("said").taken);
    // Nobody says that it is done: 1.5 s later it is acknowledged, within the two that DingTalk waits.
    let (said, push) = tokio::join!(office.simulator.say("manager01", None, "为什么 low_stock"), next(&mut listening));
    assert!(said.expect("said").taken);
    drop(push);
}

#[tokio::test]
async fn a_connection_that_is_cut_fifty_times_comes_back_each_time_with_a_new_ticket() {
    let office = Office::open().await;
    let mut listening = stream(&office).listen(office.clock.clone());
    for count in 1..=50 {
        connected(&office.clock, listening.connections(), count).await;
        let (said, ()) =
            tokio::join!(office.simulator.say("manager01", None, "状态"), async { next(&mut listening).await.done.with(Value::Null) });
        assert!(said.expect("said").taken, "{count}");
        // One that has served for a while is replaced at once.
        office.clock.advance(TimeDelta::seconds(if count % 10 == 0 { 0 } else { 31 }));
        assert_eq!(office.simulator.cut_streams(), 1, "{count}");
    }
}

#[tokio::test]
async fn a_server_that_will_close_a_connection_gets_a_new_one_and_is_served_over_the_old_one_meanwhile() {
    let office = Office::open().await;
    let mut listening = stream(&office).listen(office.clock.clone());
    connected(&office.clock, listening.connections(), 1).await;
    // It pushes, wants to close the connection, and is answered over it.
    let (said, ()) = tokio::join!(office.simulator.say("manager01", None, "状态"), async {
        let push = next(&mut listening).await;
        office.simulator.disconnect_streams();
        connected(&office.clock, listening.connections(), 2).await;
        push.done.with(Value::Null);
    });
    assert!(said.expect("said").taken);
    until(&office.clock, || office.simulator.streams() == 1).await;
    let (said, ()) =
        tokio::join!(office.simulator.say("manager01", None, "状态"), async { next(&mut listening).await.done.with(Value::Null) });
    assert!(said.expect("said").taken);
}

#[tokio::test]
async fn pings_are_answered() {
    let office = Office::with(|settings| {
        settings.stream.ping_every = Duration::from_millis(20);
        settings.stream.ping_patience = Duration::from_millis(500);
    })
    .await;
    let mut listening = stream(&office).listen(office.clock.clone());
    connected(&office.clock, listening.connections(), 1).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (said, ()) =
        tokio::join!(office.simulator.say("manager01", None, "状态"), async { next(&mut listening).await.done.with(Value::Null) });
    assert!(said.expect("said").taken);
    assert_eq!(*listening.connections().borrow(), 1, "the first connection has held");
}

#[tokio::test]
async fn wrong_credentials_are_tried_again_gently() {
    let office = Office::open().await;
    let wrong = Fault::Code { status: 401, code: "authFailed".to_owned() };
    assert!(office.simulator.misbehave_app(APP, Some(OPEN), wrong, 2));
    let opens = || office.simulator.api_calls().iter().filter(|call| call.api == OPEN).count();
    let listening = stream(&office).listen(office.clock.clone());
    // Time stands still, so that the first try is all there is.
    for _ in 0..400 {
        if opens() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = office.clock.now();
    until(&office.clock, || opens() == 2).await;
    assert!(office.clock.now() - began >= TimeDelta::seconds(45), "a minute, less a quarter at most");
    let began = office.clock.now();
    connected(&office.clock, listening.connections(), 1).await;
    assert!(office.clock.now() - began >= TimeDelta::seconds(88), "two minutes, less a quarter at most");
}

#[tokio::test]
async fn nothing_is_sent_to_a_host_that_a_message_names() {
    let office = Office::open().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let webhook = format!("http://{}/robot/sendBySession?session=5e", elsewhere.local_addr().expect("an address"));
    let attempt = stream(&office).reply(&webhook.as_str().into(), "t", "x").await;
    assert!(matches!(attempt.verdict, Verdict::Refused { for_good: true, .. }), "{attempt:?}");
    let knocked = tokio::time::timeout(Duration::from_millis(100), elsewhere.accept()).await;
    assert!(knocked.is_err(), "nobody has connected");
    assert!(!format!("{attempt:?}").contains("127.0.0.1"));
}

#[tokio::test]
async fn no_debug_shows_a_secret() {
    let office = Office::open().await;
    let settings = settings(&office, SECRET);
    let mut listening = Stream::new(settings.clone()).expect("a client").listen(office.clock.clone());
    connected(&office.clock, listening.connections(), 1).await;
    let (_, push) = tokio::join!(office.simulator.say("manager01", None, "状态"), next(&mut listening));
    let shown = format!("{settings:?} {:?} {push:?} {listening:?}", stream(&office));
    assert!(!shown.contains(SECRET) && !shown.contains("session="), "{shown}");
    let failed =
        stream(&office).reply(&format!("{}/robot/sendBySession?session=s3cret", office.simulator.api_url()).into(), "t", "x").await;
    assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
    assert_eq!(failed.errcode, Some(300_001), "{}", json!(failed.answer));
}
