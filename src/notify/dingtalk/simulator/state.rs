//! What a simulator remembers: its robots with their limits and faults, the messages, the calls, its apps.
//!
//! One lock guards all of it. It is held for the length of one decision, which waits for nothing but the line written to the
//! record.

use super::app::media::Media;
use super::app::{ApiCall, App, Place};
use super::fault::{Fault, Stage};
use super::quota::Quota;
use super::received::{Call, Outcome, Received};
use super::refusal::Refusal;
use super::settings::{SimulatedRobot, SimulatorSettings};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many messages are kept; the oldest go first.
const MAX_MESSAGES: usize = 10_000;
/// How many calls are kept.
const MAX_CALLS: usize = 10_000;
/// How many robots unknown tokens can make.
const MAX_ROBOTS: usize = 200;
/// How long a `msgUuid` is remembered. DingTalk's window is not documented.
const UUID_WINDOW: TimeDelta = TimeDelta::hours(24);
/// How many of a robot's `msgUuid` are remembered before old ones are looked for.
const MAX_UUIDS: usize = 10_000;

/// The state, shared between the handlers and the handle.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub fn new(state: State) -> Shared {
        Shared(Arc::new(Mutex::new(state)))
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a simulator remembers.
pub(super) struct State {
    pub settings: SimulatorSettings,
    pub chats: Vec<Chat>,
    pub apps: Vec<App>,
    /// What the organisation has used of its month: webhook messages and pushes, API calls.
    pub webhook_quota: Quota,
    pub api_quota: Quota,
    /// Where it listens: `http://…`, for addresses that it gives out.
    pub address: String,
    /// What was uploaded.
    pub media: VecDeque<Media>,
    /// The calls of the apps' APIs.
    api_calls: VecDeque<ApiCall>,
    messages: VecDeque<Received>,
    calls: VecDeque<Call>,
    last_id: u64,
    /// Grows with everything that a page shows.
    version: u64,
    /// Tells this life of the simulator from an earlier one on the same port.
    started: uuid::Uuid,
    record: Option<File>,
}

/// A robot in its group.
pub(super) struct Chat {
    pub robot: SimulatedRobot,
    pub allowed: Vec<Network>,
    /// When the messages that count for the limit came.
    pub counted: VecDeque<DateTime<Utc>>,
    pub banned_until: Option<DateTime<Utc>>,
    /// Messages left of the month's quota.
    pub quota: Option<u32>,
    /// The admin's cap.
    pub cap: Quota,
    faults: VecDeque<(Fault, u32)>,
    /// The message that each `msgUuid` was posted as.
    uuids: HashMap<String, (u64, DateTime<Utc>)>,
}

impl State {
    pub fn new(mut settings: SimulatorSettings) -> io::Result<State> {
        let record = settings.record.as_ref().map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        let chats = std::mem::take(&mut settings.robots).into_iter().map(Chat::new).collect::<io::Result<Vec<Chat>>>()?;
        let apps = std::mem::take(&mut settings.apps).into_iter().map(App::new).collect();
        Ok(State {
            webhook_quota: Quota::new(settings.webhook_quota),
            api_quota: Quota::new(settings.api_quota),
            settings,
            chats,
            apps,
            address: String::new(),
            media: VecDeque::new(),
            api_calls: VecDeque::new(),
            messages: VecDeque::new(),
            calls: VecDeque::new(),
            last_id: 0,
            version: 0,
            started: uuid::Uuid::new_v4(),
            record,
        })
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.settings.clock.now()
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn started(&self) -> uuid::Uuid {
        self.started
    }

    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Received> {
        self.messages.iter()
    }

    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter()
    }

    /// The chat of this token: there, or made for it when any token will do.
    pub fn chat_of(&mut self, token: &str) -> Option<usize> {
        let known = self.chats.iter().position(|chat| chat.robot.token == token);
        if known.is_some() || !self.settings.accept_any_token || self.chats.len() >= MAX_ROBOTS {
            return known;
        }
        let robot = SimulatedRobot::new(token, &format!("robot {}", self.chats.len() + 1));
        self.chats.push(Chat::new(robot).ok()?);
        self.version += 1;
        Some(self.chats.len() - 1)
    }

    /// The chat with this number, token or robot's name.
    pub fn chat_called(&self, name: &str) -> Option<usize> {
        let number = name.parse::<usize>().ok().filter(|number| (1..=self.chats.len()).contains(number)).map(|number| number - 1);
        number.or_else(|| self.chats.iter().position(|chat| chat.robot.token == name || chat.robot.name == name))
    }

    /// Something that a page shows is another now.
    pub fn changed(&mut self) {
        self.version += 1;
    }

    pub fn misbehave(&mut self, token: &str, fault: Fault, times: u32) -> bool {
        if !fault.is_of_robots() {
            return false;
        }
        let until = self.now() + self.settings.limit.ban;
        let Some(chat) = self.chat_of(token) else { return false };
        let chat = &mut self.chats[chat];
        match fault {
            Fault::Ban => chat.banned_until = Some(until),
            Fault::QuotaAfter(messages) => chat.quota = Some(messages),
            fault if times > 0 => chat.faults.push_back((fault, times)),
            _ => {}
        }
        true
    }

    /// Makes the app with this Client ID misbehave at this path, or at any.
    pub fn misbehave_app(&mut self, client_id: &str, api: Option<&str>, fault: Fault, times: u32) -> bool {
        let app = self.apps.iter_mut().find(|app| app.settings.client_id == client_id);
        app.is_some_and(|app| app.misbehave(api, fault, times))
    }

    /// The calls of the apps' APIs, oldest first.
    pub fn api_calls(&self) -> impl DoubleEndedIterator<Item = &ApiCall> {
        self.api_calls.iter()
    }

    /// Keeps a call of an app's API.
    pub fn api_called(&mut self, call: ApiCall) {
        self.api_calls.push_back(call);
        self.api_calls.drain(..self.api_calls.len().saturating_sub(MAX_CALLS));
        self.version += 1;
    }

    /// The call of an app's API that was kept last.
    pub fn last_api_call(&mut self) -> Option<&mut ApiCall> {
        self.api_calls.back_mut()
    }

    /// The app whose person this is.
    pub fn app_of(&self, user_id: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.settings.person(user_id).is_some())
    }

    /// This person reads all that is in this place. False when there is no such person, or it is not theirs.
    pub fn read(&mut self, user_id: &str, place: &Place) -> bool {
        let Some(app) = self.app_of(user_id) else { return false };
        let may = match place {
            Place::User(whose) => whose == user_id,
            Place::Conversation(id) => self.apps[app].settings.conversation(id).is_some(),
        };
        if may && self.apps[app].read(user_id, place) {
            self.changed();
        }
        may
    }

    /// Keeps a message: first in the record, so that a message that is answered with 0 is in it.
    pub fn post(&mut self, chat: usize, mut message: Received) -> Result<(), Refusal> {
        message.id = self.last_id + 1;
        if let Some(file) = &mut self.record {
            let line = serde_json::to_string(&message).map(|line| line + "\n").map_err(io::Error::from);
            if let Err(error) = line.and_then(|line| file.write_all(line.as_bytes())) {
                tracing::error!(%error, "the simulator cannot write to its record; the message is refused");
                return Err(Refusal::Busy);
            }
        }
        self.last_id = message.id;
        self.webhook_quota.take(message.at);
        self.chats[chat].remember(&message);
        self.messages.push_back(message);
        self.messages.drain(..self.messages.len().saturating_sub(MAX_MESSAGES));
        self.version += 1;
        Ok(())
    }

    /// Counts one more repeat of a message that is there already.
    pub fn repeated(&mut self, id: u64) {
        if let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == id) {
            message.repeats += 1;
        }
        self.version += 1;
    }

    pub fn called(&mut self, chat: Option<usize>, uuid: Option<String>, outcome: Outcome) {
        let robot = chat.map(|chat| self.chats[chat].robot.name.clone());
        self.calls.push_back(Call { at: self.now(), robot, uuid, outcome });
        self.calls.drain(..self.calls.len().saturating_sub(MAX_CALLS));
        self.version += 1;
    }

    pub fn forget(&mut self) {
        self.messages.clear();
        self.calls.clear();
        self.api_calls.clear();
        self.version += 1;
        self.webhook_quota = Quota::new(self.settings.webhook_quota);
        self.api_quota = Quota::new(self.settings.api_quota);
        self.apps.iter_mut().for_each(App::forget);
        for chat in &mut self.chats {
            chat.cap = Quota::new(chat.robot.monthly_cap);
            (chat.banned_until, chat.quota) = (None, None);
            chat.counted.clear();
            chat.faults.clear();
            chat.uuids.clear();
        }
    }
}

impl Chat {
    fn new(robot: SimulatedRobot) -> io::Result<Chat> {
        let allowed = robot.allowed_ips.iter().map(|text| Network::parse(text)).collect::<Option<Vec<_>>>();
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("allowed addresses of robot `{}` are not IPv4", robot.name));
        let allowed = allowed.ok_or_else(wrong)?;
        let (counted, faults, uuids) = (VecDeque::new(), VecDeque::new(), HashMap::new());
        let cap = Quota::new(robot.monthly_cap);
        Ok(Chat { robot, allowed, counted, banned_until: None, quota: None, cap, faults, uuids })
    }

    /// The next fault, when it is one of this stage.
    pub fn take_fault(&mut self, stage: Stage) -> Option<Fault> {
        let (fault, times) = self.faults.front_mut()?;
        if fault.stage() != stage {
            return None;
        }
        *times -= 1;
        let (fault, done) = (fault.clone(), *times == 0);
        if done {
            self.faults.pop_front();
        }
        Some(fault)
    }

    /// The message that was posted with this `msgUuid`.
    pub fn posted_as(&self, uuid: &str, now: DateTime<Utc>) -> Option<u64> {
        self.uuids.get(uuid).filter(|(_, at)| now - *at < UUID_WINDOW).map(|(id, _)| *id)
    }

    fn remember(&mut self, message: &Received) {
        self.quota = self.quota.map(|left| left.saturating_sub(1));
        self.cap.take(message.at);
        if let Some(uuid) = &message.uuid {
            if self.uuids.len() >= MAX_UUIDS {
                self.uuids.retain(|_, (_, at)| message.at - *at < UUID_WINDOW);
            }
            self.uuids.insert(uuid.clone(), (message.id, message.at));
        }
    }
}

/// An IPv4 address or network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: u32,
    mask: u32,
}

impl Network {
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        Some(Network { address: u32::from(address.parse::<Ipv4Addr>().ok()?) & mask, mask })
    }

    pub fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_messages_are_kept() {
        let settings = SimulatorSettings::new(crate::clock::Clock::at(DateTime::UNIX_EPOCH));
        let mut state = State::new(settings.with_robot(SimulatedRobot::new("token", "alerts"))).expect("a state");
        for n in 0..MAX_MESSAGES + 10 {
            state.post(0, message(n)).expect("posted");
        }
        let kept: Vec<&str> = state.messages().map(|message| message.text.as_str()).collect();
        assert_eq!((kept.len(), kept[0]), (MAX_MESSAGES, "10"));
    }

    fn message(n: usize) -> Received {
        Received {
            id: 0,
            at: DateTime::UNIX_EPOCH,
            robot: "alerts".to_owned(),
            chat: 1,
            msgtype: "text".to_owned(),
            title: String::new(),
            text: n.to_string(),
            uuid: None,
            mentioned: Vec::new(),
            listed_only: Vec::new(),
            at_all: false,
            repeats: 0,
            warnings: Vec::new(),
            bytes: 0,
            body: serde_json::Value::Null,
        }
    }

    #[test]
    fn networks_are_read_as_dingtalk_writes_them() {
        let contains = |network: &str, address: &str| {
            Network::parse(network).is_some_and(|network| network.contains(address.parse().expect("an address")))
        };
        assert!(contains("1.1.1.0/24", "1.1.1.77"));
        assert!(!contains("1.1.1.0/24", "1.1.2.1"));
        assert!(contains("1.1.1.1", "1.1.1.1"));
        assert!(!contains("1.1.1.1", "1.1.1.2"));
        assert!(contains("0.0.0.0/0", "9.9.9.9"));
        for wrong in ["", "1.1.1", "1.1.1.1/33", "::1", "1.1.1.0/"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
