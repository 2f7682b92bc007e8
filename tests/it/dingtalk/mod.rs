//! The robot client and the simulator against each other, over real HTTP and under a virtual clock.
#![allow(clippy::expect_used)] // helpers of tests are tests too

mod answers;
mod app;
mod hostile;
mod limits;
mod network;
mod page;
mod secrets;
mod signature;
mod simulator;
mod simulator_api;
mod simulator_app;
mod simulator_cards;
mod simulator_pages;
mod simulator_stream;
mod stream;

use chrono::{DateTime, Utc};
use rowbell::clock::Clock;
use rowbell::domain::delivery::Attempt;
use rowbell::domain::message::{Language, Message};
use rowbell::domain::watcher::Mention;
use rowbell::notify::dingtalk::simulator::{Fault, SimulatedRobot};
use rowbell::notify::dingtalk::{Outgoing, Robot, RobotSettings, Simulator, SimulatorSettings};
use serde_json::Value;

/// A moment on a virtual clock.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

/// A simulator with one robot that asks for nothing, under a virtual clock, and a client of it.
struct Chat {
    clock: Clock,
    simulator: Simulator,
    robot: Robot,
}

impl Chat {
    async fn open() -> Chat {
        Chat::with(SimulatedRobot::new("token", "alerts"), |_| {}).await
    }

    /// The client is set up with the robot's own secret and first keyword.
    async fn with(robot: SimulatedRobot, change: impl FnOnce(&mut SimulatorSettings)) -> Chat {
        let clock = Clock::at(noon());
        let (token, secret, keyword) = (robot.token.clone(), robot.secret.clone(), robot.keywords.first().cloned());
        let mut settings = SimulatorSettings::new(clock.clone()).with_robot(robot);
        change(&mut settings);
        let simulator = Simulator::start(settings).await.expect("a simulator");
        let robot = client(&simulator.webhook(&token), secret.as_deref(), keyword.as_deref());
        Chat { clock, simulator, robot }
    }

    async fn send(&self, uuid: &str) -> Attempt {
        self.send_text(uuid, "a row").await
    }

    async fn send_text(&self, uuid: &str, text: &str) -> Attempt {
        self.send_to(uuid, text, &[]).await
    }

    async fn send_to(&self, uuid: &str, text: &str, mentions: &[Mention]) -> Attempt {
        let message = Message { mentions: mentions.to_vec(), ..note("title", text) };
        self.robot.send(&Outgoing { uuid, message: &message }, self.clock.now()).await
    }

    /// One attempt while the simulator misbehaves once.
    async fn send_into(&self, fault: Fault) -> Attempt {
        assert!(self.simulator.misbehave("token", fault, 1));
        self.send("1").await
    }

    fn posted(&self) -> usize {
        self.simulator.messages().len()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.simulator.address())
    }
}

fn settings(webhook: &str, secret: Option<&str>, keyword: Option<&str>) -> RobotSettings {
    RobotSettings {
        name: "alerts".to_owned(),
        webhook: webhook.into(),
        secret: secret.map(Into::into),
        keyword: keyword.map(str::to_owned),
    }
}

fn client(webhook: &str, secret: Option<&str>, keyword: Option<&str>) -> Robot {
    Robot::new(settings(webhook, secret, keyword)).expect("a robot")
}

/// A message of one text.
fn note(title: &str, text: &str) -> Message {
    Message::plain(Language::En, title, vec![text.to_owned()])
}

/// A client that does as it is told, for requests that ours would never make.
fn raw() -> reqwest::Client {
    rowbell::notify::install_tls();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client")
}

/// What is answered to this body.
async fn post(url: &str, body: &Value) -> Value {
    raw().post(url).json(body).send().await.expect("an answer").json().await.expect("JSON")
}

fn text(content: &str) -> Value {
    serde_json::json!({ "msgtype": "text", "text": { "content": content } })
}
