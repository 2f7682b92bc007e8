//! Stream connections of the simulated app: tickets, frames, acknowledgements, several connections, their ends.

use super::raw;
use super::simulator_app::{APP, CONVERSATION, Office, SECRET};
use chrono::TimeDelta;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use rowbell::notify::dingtalk::simulator::{Form, Place};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

const BOT: &str = "/v1.0/im/bot/messages/get";
const CARD: &str = "/v1.0/card/instances/callback";
const OPEN: &str = "/v1.0/gateway/connections/open";

/// A client of one connection.
pub struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Subscribes to everything.
    pub async fn connect(office: &Office) -> Client {
        let ticket = ticket(office).await;
        Client::with_ticket(office, &ticket).await.expect("a connection")
    }

    async fn with_ticket(office: &Office, ticket: &str) -> Result<Client, Error> {
        let stream = TcpStream::connect(office.simulator.address()).await.expect("a server");
        let url = format!("ws://{}/connect?ticket={ticket}", office.simulator.address());
        tokio_tungstenite::client_async(url, stream).await.map(|(socket, _)| Client(socket))
    }

    /// The next frame, parsed; `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub async fn answer(&mut self, frame: &Value, code: i64, data: Value) {
        let headers = json!({ "messageId": frame["headers"]["messageId"], "contentType": "application/json" });
        let answer = json!({ "code": code, "headers": headers, "message": "OK", "data": data.to_string() });
        self.0.send(Message::text(answer.to_string())).await.expect("sent");
    }
}

/// What a frame says.
pub fn data(frame: &Value) -> Value {
    serde_json::from_str(frame["data"].as_str().expect("a text")).expect("JSON")
}

async fn open(office: &Office, body: Value) -> (u16, Value) {
    let request = raw().request(Method::POST, office.url(OPEN)).header("accept", "application/json").json(&body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn subscriptions() -> Value {
    json!([{ "type": "EVENT", "topic": "*" }, { "type": "CALLBACK", "topic": BOT }, { "type": "CALLBACK", "topic": CARD }])
}

async fn ticket(office: &Office) -> String {
    let (status, said) = open(office, json!({ "clientId": APP, "clientSecret": SECRET, "subscriptions": subscriptions() })).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(said["endpoint"], format!("ws://{}/connect", office.simulator.address()));
    let ticket = said["ticket"].as_str().expect("a ticket").to_owned();
    assert!(ticket.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{ticket}");
    ticket
}

#[tokio::test]
async fn credentials_and_the_accept_header_are_looked_at() {
    let office = Office::open().await;
    let (status, said) = open(&office, json!({ "clientId": APP, "clientSecret": "x", "subscriptions": [] })).await;
    assert_eq!((status, &said["code"]), (401, &json!("authFailed")));
    let body = json!({ "clientId": APP, "clientSecret": SECRET, "subscriptions": [] });
    let answer = raw().post(office.url(OPEN)).json(&body).send().await.expect("an answer");
    assert!(answer.text().await.expect("a text").starts_with("<?xml"));
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_90_seconds() {
    let office = Office::open().await;
    let first = ticket(&office).await;
    let _client = Client::with_ticket(&office, &first).await.expect("a connection");
    let late = ticket(&office).await;
    office.clock.advance(TimeDelta::seconds(90));
    for ticket in [first.as_str(), late.as_str(), "unknown"] {
        match Client::with_ticket(&office, ticket).await.map(|_| ()).expect_err("refused") {
            Error::Http(answer) => assert_eq!(answer.status(), 401, "{ticket}"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(office.simulator.streams(), 1);
}

#[tokio::test]
async fn what_a_person_says_comes_with_an_address_for_the_answer() {
    let office = Office::open().await;
    let mut client = Client::connect(&office).await;
    let (said, frame) = tokio::join!(office.simulator.say("manager01", Some(CONVERSATION), "状态"), async {
        let frame = client.next().await.expect("a frame");
        client.answer(&frame, 200, json!({ "response": null })).await;
        frame
    });
    let said = said.expect("said");
    assert!(said.taken);
    assert_eq!((frame["type"].as_str(), frame["headers"]["topic"].as_str()), (Some("CALLBACK"), Some(BOT)));
    assert!(frame["headers"].as_object().expect("headers").values().all(Value::is_string), "{frame}");
    let heard = data(&frame);
    assert_eq!((&heard["msgId"], &heard["text"]["content"]), (&json!(said.msg_id), &json!(" 状态")), "the robot's name is taken out");
    assert_eq!((&heard["conversationType"], &heard["conversationId"]), (&json!("2"), &json!(CONVERSATION)));
    assert_eq!((&heard["senderStaffId"], &heard["senderNick"], &heard["robotCode"]), (&json!("manager01"), &json!("店长"), &json!(APP)));
    let expires = heard["sessionWebhookExpiredTime"].as_i64().expect("a time") - heard["createAt"].as_i64().expect("a time");
    assert_eq!(expires, 5_400_000);

    let webhook = heard["sessionWebhook"].as_str().expect("an address");
    let reply = json!({ "msgtype": "markdown", "markdown": { "title": "状态", "text": "一切正常" }, "msgUuid": "1" });
    for _ in 0..2 {
        assert_eq!(super::post(webhook, &reply).await["errcode"], 0);
    }
    assert_eq!(super::post(webhook, &json!({ "msgtype": "text" })).await["errcode"], 400201);
    let place = Place::Conversation(CONVERSATION.into());
    let forms: Vec<Form> = office.simulator.app_messages_in(&place).iter().map(|message| message.form).collect();
    assert_eq!(forms, [Form::Said, Form::Reply], "a repeated answer is shown once");
    office.clock.advance(TimeDelta::milliseconds(5_400_000));
    assert_eq!(super::post(webhook, &reply).await["errcode"], 300001);
    assert_eq!(super::post(&office.url("/robot/sendBySession?session=x"), &reply).await["errcode"], 300001);
}

#[tokio::test]
async fn what_is_said_alone_with_the_robot_may_come_again() {
    let office = Office::with(|settings| settings.stream.answer_within = Duration::from_millis(50)).await;
    let mut client = Client::connect(&office).await;
    let said = office.simulator.say("user02", None, "告警").await.expect("said");
    assert!(!said.taken, "nobody answered");
    assert!(!office.simulator.push_again().await);
    let (first, second) = (client.next().await.expect("a frame"), client.next().await.expect("a frame"));
    assert_eq!(data(&first), data(&second));
    assert_eq!((&data(&first)["conversationType"], &data(&first)["text"]["content"]), (&json!("1"), &json!("告警")));
    assert_eq!(office.simulator.say("nobody", None, "x").await, None);
    assert_eq!(office.simulator.say("user02", Some("cidNothing"), "x").await, None);
    assert_eq!(office.simulator.month_use().0, 2, "a push counts");
}

#[tokio::test]
async fn a_used_up_month_takes_the_words_away() {
    let office = Office::with(|settings| settings.webhook_quota = Some(0)).await;
    let mut client = Client::connect(&office).await;
    let (_, frame) = tokio::join!(office.simulator.say("user02", None, "告警"), async {
        let frame = client.next().await.expect("a frame");
        client.answer(&frame, 200, json!({})).await;
        frame
    });
    assert_eq!(data(&frame)["errCode"], 20001);
    assert!(data(&frame).get("text").is_none());
}

#[tokio::test]
async fn each_push_goes_to_one_connection_and_only_to_those_that_asked() {
    let office = Office::open().await;
    let (_, said) =
        open(&office, json!({ "clientId": APP, "clientSecret": SECRET, "subscriptions": [{ "type": "EVENT", "topic": "*" }] })).await;
    let _deaf = Client::with_ticket(&office, said["ticket"].as_str().expect("a ticket")).await.expect("a connection");
    let mut heard = [0, 0];
    let (mut one, mut two) = (Client::connect(&office).await, Client::connect(&office).await);
    assert_eq!(office.simulator.streams(), 3);
    for n in 0..40 {
        let text = n.to_string();
        let listening = async {
            let (which, frame) = tokio::select! {
                frame = one.next() => (0, frame.expect("a frame")),
                frame = two.next() => (1, frame.expect("a frame")),
            };
            [&mut one, &mut two][which].answer(&frame, 200, json!({})).await;
            heard[which] += 1;
        };
        let (said, ()) = tokio::join!(office.simulator.say("user02", None, &text), listening);
        assert!(said.expect("said").taken);
    }
    assert!(heard[0] > 0 && heard[1] > 0, "{heard:?}");
}

#[tokio::test]
async fn an_event_comes_again_with_the_same_id_until_it_is_taken() {
    let office = Office::open().await;
    let mut client = Client::connect(&office).await;
    let (taken, ids) = tokio::join!(office.simulator.event("user_add_org", json!({ "x": 1 })), async {
        let mut ids = Vec::new();
        for answer in [json!({ "status": "LATER" }), json!({ "x": 1 })] {
            let frame = client.next().await.expect("a frame");
            assert_eq!((&frame["type"], &frame["headers"]["eventType"]), (&json!("EVENT"), &json!("user_add_org")));
            ids.push(frame["headers"]["eventId"].clone());
            client.answer(&frame, 200, answer).await;
        }
        ids
    });
    assert!(taken && ids[0] == ids[1]);
}

#[tokio::test]
async fn a_ping_must_be_echoed() {
    let office = Office::with(|settings| {
        settings.stream.ping_every = Duration::from_millis(30);
        settings.stream.ping_patience = Duration::from_millis(30);
    })
    .await;
    let mut client = Client::connect(&office).await;
    for _ in 0..3 {
        let frame = client.next().await.expect("a frame");
        assert_eq!((&frame["type"], &frame["headers"]["topic"]), (&json!("SYSTEM"), &json!("ping")));
        let opaque = data(&frame);
        assert!(opaque["opaque"].is_string());
        client.answer(&frame, 200, opaque).await;
    }
    client.next().await.expect("one more ping");
    while client.next().await.is_some() {}
    until(|| office.simulator.streams() == 0).await;
}

#[tokio::test]
async fn a_connection_that_is_told_to_leave_gets_nothing_more_and_is_closed() {
    let office = Office::with(|settings| settings.stream.close_after = Duration::from_millis(50)).await;
    let mut leaving = Client::connect(&office).await;
    office.simulator.disconnect_streams();
    let frame = leaving.next().await.expect("a frame");
    assert_eq!((&frame["type"], &frame["headers"]["topic"]), (&json!("SYSTEM"), &json!("disconnect")));
    let mut next = Client::connect(&office).await;
    let (said, ()) = tokio::join!(office.simulator.say("user02", None, "状态"), async {
        let frame = next.next().await.expect("a frame");
        next.answer(&frame, 200, json!({})).await;
    });
    assert!(said.expect("said").taken);
    assert_eq!(leaving.next().await, None);
}

#[tokio::test]
async fn connections_are_cut_on_request() {
    let office = Office::open().await;
    let (mut one, mut two) = (Client::connect(&office).await, Client::connect(&office).await);
    let order = raw().post(office.url("/simulator/streams/cut")).json(&json!({})).send().await.expect("an answer");
    assert_eq!(order.json::<Value>().await.expect("JSON"), 2);
    assert_eq!((one.next().await, two.next().await), (None, None));
    assert!(!office.simulator.say("user02", None, "x").await.expect("said").taken);
    let form = raw().post(office.url("/simulator/streams/cut")).send().await.expect("an answer");
    assert_eq!(form.status(), 415, "a page of another site cannot order it");
}

/// Waits for what another task does soon.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen");
}
