//! A DingTalk that runs on this machine: it answers as the real robot endpoint does, keeps what it was sent and shows it
//! as a chat in the browser.
//!
//! It is a part of the program (`rowbell simulator`, the demo) and the outside world of the tests. It knows custom group
//! robots, and internal apps with their robot (`app`): one port serves both of DingTalk's hosts.
//!
//! | route | |
//! |---|---|
//! | `POST /robot/send?access_token=…` | DingTalk's own: always HTTP 200, the result is in `errcode` |
//! | `GET /`, `GET /chat/{n}` | what was received, as a chat; `{n}` is the robot's number or its token |
//! | `GET /simulator/messages` | the same as JSON, oldest first; `?robot=NAME` for one robot |
//! | `DELETE /simulator/messages` | forgets messages, calls, limits and faults |
//! | `GET /simulator/calls` | every call with what came of it, refused ones too |
//! | `POST /simulator/faults` | `{"token": "…", "fault": "hang", "times": 2}`: misbehave, see [`Fault`]; `robot` (its name) may stand for `token`, and `app` (its Client ID) with `api` (a path; absent: any) orders it of an app |
//! | `/v1.0/…`, `/gettoken`, `/topapi/…`, `/media/upload` | DingTalk's own API of an app, both families with their own errors |
//! | `GET /simulator/app_messages`, `GET /simulator/api_calls` | what the apps' people see, and the calls of the API with what came of them |
//! | `POST /simulator/read` | `{"user_id": "…"}` reads all on that person's phone, with `"conversation": "cid…"` all in that conversation |
//!
//! The order of the checks of a message is in `send`; the real order is not known in full, so nothing should depend on it.
//! Tokens and secrets are never shown or recorded, because someone will point real settings at it.

mod app;
mod at;
mod check;
mod fault;
mod markdown;
mod page;
mod quota;
mod received;
mod refusal;
mod routes;
mod send;
mod settings;
mod state;
mod warning;
mod wire;

pub use app::{ApiCall, ApiOutcome, AppMessage, Form, Place, SimulatedApp, SimulatedConversation, SimulatedPerson};
pub use fault::Fault;
pub use page::preview::{Preview, page as preview_page};
pub use received::{Call, Outcome, Received};
pub use refusal::Wording;
pub use settings::{Language, RateLimit, SimulatedRobot, SimulatorSettings, StreamTimes};

use app::App;
use state::{Shared, State};
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running simulator. It stops with [`stop`](Simulator::stop), or soon after it is dropped.
pub struct Simulator {
    address: SocketAddr,
    shared: Shared,
    connections: wire::Connections,
    /// Dropping it ends the server.
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Simulator {
    /// Listens, and answers from then on.
    pub async fn start(settings: SimulatorSettings) -> std::io::Result<Simulator> {
        let listener = wire::CuttableListener::bind(settings.listen).await?;
        let address = listener.address()?;
        let connections = listener.connections();
        let shared = Shared::new(State::new(settings)?);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = routes::router(shared.clone()).into_make_service_with_connect_info::<wire::Peer>();
        let server = tokio::spawn(async move {
            let ended = async {
                // An error means that the handle was dropped: that ends it as well.
                let _ = stopped.await;
            };
            axum::serve(listener, service).with_graceful_shutdown(ended).await
        });
        Ok(Simulator { address, shared, connections, stop, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the chat in the browser.
    pub fn page(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The webhook of the robot with this token.
    pub fn webhook(&self, token: &str) -> String {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("access_token", token).finish();
        format!("http://{}/robot/send?{query}", self.address)
    }

    /// What was posted, oldest first.
    pub fn messages(&self) -> Vec<Received> {
        self.shared.lock().messages().cloned().collect()
    }

    /// What was posted by the robot with this name, oldest first.
    pub fn messages_of(&self, robot: &str) -> Vec<Received> {
        self.shared.lock().messages().filter(|message| message.robot == robot).cloned().collect()
    }

    /// Every call and what came of it, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls().cloned().collect()
    }

    /// Makes the robot with this token misbehave in its next `times` calls (see [`Fault`] for those that last). Several are
    /// worked off in order. False when there is no such robot.
    pub fn misbehave(&self, token: &str, fault: Fault, times: u32) -> bool {
        self.shared.lock().misbehave(token, fault, times)
    }

    /// Makes the app with this Client ID misbehave in its next `times` calls of the API with this path, or of any. False when
    /// there is no such app, or the fault is one of robots only.
    pub fn misbehave_app(&self, client_id: &str, api: Option<&str>, fault: Fault, times: u32) -> bool {
        self.shared.lock().misbehave_app(client_id, api, fault, times)
    }

    /// Where both families of the API are: what `api_url` and `oapi_url` of a receiver are set to.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the people of all apps see, oldest first for each app. What was sent to several people is there for each.
    pub fn app_messages(&self) -> Vec<AppMessage> {
        self.shared.lock().apps.iter().flat_map(App::messages).cloned().collect()
    }

    /// What is seen in one place, oldest first.
    pub fn app_messages_in(&self, place: &Place) -> Vec<AppMessage> {
        self.shared.lock().apps.iter().flat_map(App::messages).filter(|message| message.place == *place).cloned().collect()
    }

    /// Every call of the apps' APIs and what came of it, oldest first for each app.
    pub fn api_calls(&self) -> Vec<ApiCall> {
        self.shared.lock().apps.iter().flat_map(App::calls).cloned().collect()
    }

    /// This person reads all that is in this place. False when there is no such person, or the place is another's.
    pub fn read(&self, user_id: &str, place: &Place) -> bool {
        self.shared.lock().read(user_id, place)
    }

    /// How many "Webhook & Stream" messages and how many API calls the organisation has used this month.
    pub fn month_use(&self) -> (u32, u32) {
        let mut state = self.shared.lock();
        let now = state.now();
        (state.webhook_quota.used(now), state.api_quota.used(now))
    }

    /// Forgets messages, calls, limits and faults.
    pub fn forget(&self) {
        self.shared.lock().forget();
    }

    /// Stops listening, and cuts the connections that are held.
    pub async fn stop(self) {
        drop(self.stop);
        self.connections.cut_all();
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the simulator's server has died");
        }
    }
}
