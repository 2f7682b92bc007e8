//! Stream connections: `POST /v1.0/gateway/connections/open`, the WebSocket at `/connect`, frames and acknowledgements.
//!
//! A push goes to one connection of the app, picked at random among those that asked for its topic and were not told to
//! leave. Nothing is kept for a connection that comes later.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use crate::notify::dingtalk::simulator::settings::StreamTimes;
use crate::notify::dingtalk::simulator::state::{Shared, State};
use crate::notify::dingtalk::simulator::wire::{Cutter, Peer};
use axum::extract::{ConnectInfo, Request, State as Extracted};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What people say to the robot.
pub const BOT_TOPIC: &str = "/v1.0/im/bot/messages/get";
/// Buttons of cards.
pub const CARD_TOPIC: &str = "/v1.0/card/instances/callback";
/// How long a ticket is good.
const TICKET: TimeDelta = TimeDelta::seconds(90);

/// The Stream side of an app.
#[derive(Default)]
pub struct Gateway {
    tickets: HashMap<String, (DateTime<Utc>, Subscriptions)>,
    connections: Vec<Connection>,
    opened: u64,
}

/// Types and topics that a connection asked for.
type Subscriptions = Vec<(String, String)>;

struct Connection {
    id: u64,
    subscriptions: Subscriptions,
    orders: mpsc::UnboundedSender<Order>,
    waiting: HashMap<String, oneshot::Sender<Acknowledgement>>,
    leaving: bool,
    cutter: Cutter,
}

/// What a connection is to do.
enum Order {
    Send(String),
    Disconnect,
}

/// A client's answer to a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgement {
    /// 200 when it was taken.
    pub code: i64,
    /// What it says, parsed.
    pub data: Value,
}

/// What came of a push.
#[derive(Clone, Debug, PartialEq)]
pub enum Pushed {
    /// No connection asked for it.
    NoConnection,
    /// No acknowledgement came in time.
    Unanswered,
    /// It was acknowledged.
    Answered(Acknowledgement),
}

/// Something to be pushed.
#[derive(Clone)]
pub struct Frame {
    /// CALLBACK or EVENT.
    pub kind: &'static str,
    /// Its topic.
    pub topic: &'static str,
    /// Its id.
    pub message_id: String,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// What it says.
    pub data: Value,
}

impl Frame {
    /// As it is sent: all headers are texts, and the data is the text of a JSON.
    fn text(&self, now: DateTime<Utc>) -> String {
        let mut headers = Map::new();
        let common = [("topic", self.topic), ("messageId", &self.message_id), ("contentType", "application/json")];
        headers.extend(common.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))));
        headers.insert("time".to_owned(), Value::String(now.timestamp_millis().to_string()));
        headers.extend(self.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::String(value.clone()))));
        json!({ "specVersion": "1.0", "type": self.kind, "headers": headers, "data": self.data.to_string() }).to_string()
    }
}

impl Gateway {
    /// How many connections are open and not told to leave.
    pub fn connected(&self) -> usize {
        self.connections.iter().filter(|connection| !connection.leaving).count()
    }

    /// Cuts every connection.
    pub fn cut(&mut self) -> usize {
        let connections = std::mem::take(&mut self.connections);
        connections.iter().for_each(|connection| connection.cutter.cut());
        connections.len()
    }

    /// Tells every connection to leave: it is closed a while later, and gets nothing more.
    pub fn disconnect(&mut self) {
        for connection in &mut self.connections {
            connection.leaving = true;
            // A connection whose task has ended is removed by it.
            let _ = connection.orders.send(Order::Disconnect);
        }
    }

    /// Sends to one connection; what it will answer.
    fn send(&mut self, frame: &Frame, now: DateTime<Utc>) -> Option<oneshot::Receiver<Acknowledgement>> {
        let wants = |connection: &&mut Connection| !connection.leaving && connection.wants(frame);
        let mut open: Vec<&mut Connection> = self.connections.iter_mut().filter(wants).collect();
        let one = (uuid::Uuid::new_v4().as_u128() % u128::try_from(open.len().max(1)).ok()?) as usize;
        let connection = open.get_mut(one)?;
        let (answer, waiting) = oneshot::channel();
        connection.waiting.insert(frame.message_id.clone(), answer);
        connection.orders.send(Order::Send(frame.text(now))).ok().map(|()| waiting)
    }
}

impl Connection {
    fn wants(&self, frame: &Frame) -> bool {
        self.subscriptions.iter().any(|(kind, topic)| kind == frame.kind && (topic == frame.topic || topic == "*"))
    }
}

/// Asks for a connection: credentials are in the body, so the gate has compared them.
pub fn open(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["subscriptions"])?;
    let text = |subscription: &Value, member: &str| subscription[member].as_str().unwrap_or_default().to_owned();
    let wanted = ask.body["subscriptions"].as_array().cloned().unwrap_or_default();
    let subscriptions = wanted.iter().map(|wanted| (text(wanted, "type"), text(wanted, "topic"))).collect();
    let until = ask.now() + TICKET;
    let ticket = uuid::Uuid::new_v4().to_string();
    let now = ask.now();
    let tickets = &mut ask.app().gateway.tickets;
    tickets.retain(|_, (until, _)| now < *until);
    tickets.insert(ticket.clone(), (until, subscriptions));
    Ok(json!({ "endpoint": format!("ws://{}/connect", ask.host), "ticket": ticket }))
}

/// `GET /connect?ticket=…`: the WebSocket.
pub async fn connect(Extracted(shared): Extracted<Shared>, ConnectInfo(peer): ConnectInfo<Peer>, mut request: Request) -> Response {
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let upgrade = request.headers().get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(accept) = key.filter(|_| upgrade).and_then(|key| HeaderValue::from_str(&key).ok()) else {
        return (StatusCode::BAD_REQUEST, "a WebSocket is expected here").into_response();
    };
    let admitted = query.get("ticket").and_then(|ticket| admit(&mut shared.lock(), ticket, &peer));
    let Some((app, id, orders, times)) = admitted else {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "code": "authFailed", "message": "ticket 无效" }))).into_response();
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            Serving { shared: shared.clone(), app, id, times }.serve(socket, orders).await;
        }
        let mut state = shared.lock();
        state.apps[app].gateway.connections.retain(|connection| connection.id != id);
        state.changed();
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Uses the ticket up; the app, the connection's number, and what it is ordered to do.
fn admit(state: &mut State, ticket: &str, peer: &Peer) -> Option<(usize, u64, mpsc::UnboundedReceiver<Order>, StreamTimes)> {
    let now = state.now();
    let app = state.apps.iter().position(|app| app.gateway.tickets.contains_key(ticket))?;
    let times = state.settings.stream.clone();
    let gateway = &mut state.apps[app].gateway;
    let (until, subscriptions) = gateway.tickets.remove(ticket)?;
    if until <= now {
        return None;
    }
    gateway.opened += 1;
    let (sender, orders) = mpsc::unbounded_channel();
    let id = gateway.opened;
    let (waiting, cutter) = (HashMap::new(), peer.cutter.clone());
    gateway.connections.push(Connection { id, subscriptions, orders: sender, waiting, leaving: false, cutter });
    state.changed();
    Some((app, id, orders, times))
}

/// A connection that is being served.
struct Serving {
    shared: Shared,
    app: usize,
    id: u64,
    times: StreamTimes,
}

impl Serving {
    /// Until it is closed, cut, silent for too long, or its time to leave has come.
    async fn serve(&self, mut socket: WebSocketStream<TokioIo<Upgraded>>, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut ping = tokio::time::interval(self.times.ping_every);
        ping.tick().await; // the first comes at once
        let mut asked: Option<(String, tokio::time::Instant)> = None;
        let mut closes: Option<tokio::time::Instant> = None;
        loop {
            let text = tokio::select! {
                came = socket.next() => match came {
                    Some(Ok(Message::Text(text))) => {
                        if self.heard(&text) == asked.as_ref().map(|(opaque, _)| opaque.clone()) {
                            asked = None;
                        }
                        continue;
                    }
                    Some(Ok(Message::Close(_))) => {
                        // The answer to a farewell; whoever is gone already misses nothing.
                        let _ = socket.flush().await;
                        return;
                    }
                    Some(Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                order = orders.recv() => match order {
                    Some(Order::Send(text)) => text,
                    Some(Order::Disconnect) => {
                        closes = Some(tokio::time::Instant::now() + self.times.close_after);
                        self.system("disconnect", json!({ "reason": "connection is expired" })).1
                    }
                    None => return,
                },
                _ = ping.tick() => {
                    let (opaque, text) = self.system("ping", Value::Null);
                    asked.get_or_insert((opaque, tokio::time::Instant::now() + self.times.ping_patience));
                    text
                }
                () = until(asked.as_ref().map(|(_, at)| *at)) => return,
                () = until(closes) => return,
            };
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }

    /// Takes a client's answer: the opaque of a ping it echoes, or the acknowledgement of a push.
    fn heard(&self, text: &str) -> Option<String> {
        let answer: Value = serde_json::from_str(text).ok()?;
        let id = answer.pointer("/headers/messageId").and_then(Value::as_str)?;
        let data = match answer.get("data") {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            other => other.cloned().unwrap_or_default(),
        };
        let mut state = self.shared.lock();
        let connection = state.apps[self.app].gateway.connections.iter_mut().find(|connection| connection.id == self.id);
        if let Some(waiting) = connection.and_then(|connection| connection.waiting.remove(id)) {
            // Whoever waited may have given up.
            let _ = waiting.send(Acknowledgement { code: answer["code"].as_i64().unwrap_or_default(), data: data.clone() });
        }
        data.get("opaque").and_then(Value::as_str).map(str::to_owned)
    }

    /// A frame of the gateway itself, with its opaque.
    fn system(&self, topic: &'static str, data: Value) -> (String, String) {
        let opaque = uuid::Uuid::new_v4().to_string();
        let data = if data.is_null() { json!({ "opaque": opaque }) } else { data };
        let frame = Frame { kind: "SYSTEM", topic, message_id: uuid::Uuid::new_v4().to_string(), headers: Vec::new(), data };
        (opaque, frame.text(self.shared.lock().now()))
    }
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Pushes over one of the app's connections, and waits for the acknowledgement.
pub async fn push(shared: &Shared, app: usize, frame: &Frame) -> Pushed {
    let (waiting, patience) = {
        let mut state = shared.lock();
        let (now, patience): (_, Duration) = (state.now(), state.settings.stream.answer_within);
        let waiting = state.apps[app].gateway.send(frame, now);
        if waiting.is_some() {
            state.webhook_quota.take(now);
        }
        (waiting, patience)
    };
    let Some(waiting) = waiting else { return Pushed::NoConnection };
    match tokio::time::timeout(patience, waiting).await {
        Ok(Ok(acknowledgement)) => Pushed::Answered(acknowledgement),
        _ => Pushed::Unanswered,
    }
}
