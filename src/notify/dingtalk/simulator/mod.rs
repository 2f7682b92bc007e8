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
//! | `POST /robot/sendBySession?session=…` | the robot's answer to what a person said |
//! | `/v1.0/gateway/connections/open`, `/connect?ticket=…` | Stream: the ticket, the WebSocket |
//! | `GET /simulator/app_messages`, `GET /simulator/cards` | what the apps' people see, and the cards with their variables and presses |
//! | `GET /simulator/api_calls` | the calls of the API with what came of them |
//! | `POST /simulator/press` | `{"out_track_id": "…", "user_id": "…", "action_id": "…"}` presses a card's button; answers [`Pressed`] |
//! | `POST /simulator/say` | `{"user_id": "…", "conversation": "cid…", "text": "…"}` says something to the robot; without a conversation alone with it |
//! | `POST /simulator/push_again` | pushes what was said last once more |
//! | `GET /simulator/streams`, `POST /simulator/streams/cut`, `POST /simulator/streams/disconnect` | how many Stream connections there are; cuts them; tells them to leave. All POSTs must say `content-type: application/json` |
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

pub use app::{
    ApiCall, ApiOutcome, AppMessage, Callback, Card, Form, Place, Press, Pressed, Said, SimulatedApp, SimulatedConversation,
    SimulatedPerson,
};
pub use fault::Fault;
pub use page::preview::{Preview, page as preview_page};
pub use received::{Call, Outcome, Received};
pub use refusal::Wording;
pub use settings::{Language, RateLimit, SimulatedRobot, SimulatorSettings, StreamTimes};

use app::{App, Pushed, talk};
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
        let mut state = State::new(settings)?;
        state.address = format!("http://{address}");
        let shared = Shared::new(state);
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

    /// Every call of the apps' APIs and what came of it, oldest first.
    pub fn api_calls(&self) -> Vec<ApiCall> {
        self.shared.lock().api_calls().cloned().collect()
    }

    /// This person reads all that is in this place. False when there is no such person, or the place is another's.
    pub fn read(&self, user_id: &str, place: &Place) -> bool {
        self.shared.lock().read(user_id, place)
    }

    /// The cards of all apps, oldest first for each app.
    pub fn cards(&self) -> Vec<Card> {
        self.shared.lock().apps.iter().flat_map(|app| &app.cards).cloned().collect()
    }

    /// The card with this outTrackId.
    pub fn card(&self, out_track_id: &str) -> Option<Card> {
        self.cards().into_iter().find(|card| card.out_track_id == out_track_id)
    }

    /// This person presses a button of a card that they see. It is told over Stream (or to the registered address), and the card
    /// changes as the answer says.
    pub async fn press(&self, out_track_id: &str, user_id: &str, action_id: &str) -> Pressed {
        talk::press(&self.shared, out_track_id, user_id, action_id).await
    }

    /// This person says something to the robot, in a conversation or alone with it; `None` when there is no such person or
    /// conversation. It is pushed once.
    pub async fn say(&self, user_id: &str, conversation: Option<&str>, text: &str) -> Option<Said> {
        talk::say(&self.shared, user_id, conversation, text).await
    }

    /// Pushes what was said last once more, with the same ids. False when there is nothing, or nobody took it.
    pub async fn push_again(&self) -> bool {
        matches!(talk::push_again(&self.shared).await, Some(Pushed::Answered(answer)) if answer.code == 200)
    }

    /// Pushes an event of the first app, up to three times until it is taken; whether it was.
    pub async fn event(&self, kind: &str, data: serde_json::Value) -> bool {
        talk::event(&self.shared, kind, data).await
    }

    /// How many Stream connections are open, without those that were told to leave.
    pub fn streams(&self) -> usize {
        self.shared.lock().apps.iter().map(|app| app.gateway.connected()).sum()
    }

    /// Cuts every Stream connection; how many there were.
    pub fn cut_streams(&self) -> usize {
        self.shared.lock().apps.iter_mut().map(|app| app.gateway.cut()).sum()
    }

    /// Tells every Stream connection to leave (SYSTEM disconnect). It is closed some seconds later.
    pub fn disconnect_streams(&self) {
        self.shared.lock().apps.iter_mut().for_each(|app| app.gateway.disconnect());
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
