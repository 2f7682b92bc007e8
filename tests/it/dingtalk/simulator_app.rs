//! A simulated app, and a client of its API that does as it is told.

use super::{noon, raw};
use reqwest::Method;
use rowbell::clock::Clock;
use rowbell::notify::dingtalk::simulator::{Place, SimulatedApp};
use rowbell::notify::dingtalk::{Simulator, SimulatorSettings};
use serde_json::{Value, json};

pub const APP: &str = "dingapp";
pub const SECRET: &str = "app-secret-nobody-may-see";
pub const CONVERSATION: &str = "cidGroup+/1==";
pub const SEND: &str = "/v1.0/robot/oToMessages/batchSend";
pub const ASYNC: &str = "/topapi/message/corpconversation/asyncsend_v2";

/// A simulator with an app, under a virtual clock, and an access token of it.
pub struct Office {
    pub clock: Clock,
    pub simulator: Simulator,
    pub token: String,
}

impl Office {
    pub async fn open() -> Office {
        Office::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut SimulatorSettings)) -> Office {
        let clock = Clock::at(noon());
        let app = SimulatedApp::new(APP, SECRET, "告警助手")
            .with_person("manager01", "13800000001", "店长")
            .with_person("user02", "13800000002", "仓管")
            .with_conversation(CONVERSATION, "值班群");
        let mut settings = SimulatorSettings::new(clock.clone()).with_app(app);
        change(&mut settings);
        let simulator = Simulator::start(settings).await.expect("a simulator");
        let mut office = Office { clock, simulator, token: String::new() };
        office.token = office.new_token().await;
        office
    }

    pub async fn new_token(&self) -> String {
        let (_, said) = self.ask(Method::POST, "/v1.0/oauth2/accessToken", None, &json!({ "appKey": APP, "appSecret": SECRET })).await;
        said["accessToken"].as_str().expect("a token").to_owned()
    }

    /// Status and body of an answer; the token goes into the header.
    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = raw().request(method.clone(), self.url(path));
        if let Some(token) = token {
            request = request.header("x-acs-dingtalk-access-token", token);
        }
        let request = if method == Method::GET { request } else { request.json(body) };
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// A call of the new family that succeeds.
    #[track_caller]
    pub fn call(&self, path: &str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let (status, said) = self.ask(Method::POST, path, Some(&self.token), &body).await;
            assert_eq!(status, 200, "{caller}: {said}");
            said
        }
    }

    /// Status and code of a call of the new family that is refused.
    pub async fn refused(&self, path: &str, body: Value) -> (u16, String) {
        let (status, said) = self.ask(Method::POST, path, Some(&self.token), &body).await;
        assert!(said["requestid"].as_str().is_some_and(|id| id.len() == 36 && *id == id.to_uppercase()), "{said}");
        (status, said["code"].as_str().expect("a code").to_owned())
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, Some(&self.token), &Value::Null).await.1
    }

    /// A call of the old family.
    pub async fn old(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, &format!("{path}?access_token={}", self.token), None, &body).await.1
    }

    /// Sends markdown to these people.
    pub async fn send(&self, users: &[&str]) -> Value {
        self.call(SEND, markdown(users)).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.api_url())
    }

    /// What this person sees.
    pub fn seen_by(&self, user: &str) -> Vec<String> {
        let messages = self.simulator.app_messages_in(&Place::User(user.to_owned()));
        messages.into_iter().map(|message| message.text).collect()
    }
}

pub fn markdown(users: &[&str]) -> Value {
    let param = json!({ "title": "库存", "text": "### 缺货" }).to_string();
    json!({ "robotCode": APP, "userIds": users, "msgKey": "sampleMarkdown", "msgParam": param })
}

/// A key as it stands in a query.
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
