//! What is remembered of an app.

use super::card::Card;
use super::seen::{AppMessage, Form, Place};
use super::settings::SimulatedApp;
use super::stream::{Frame, Gateway};
use super::talk::Session;
use super::work::Task;
use crate::notify::dingtalk::simulator::fault::{Fault, Stage};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// How many messages are kept of an app; the oldest go first.
const MAX_MESSAGES: usize = 10_000;
/// The number of the first work notification.
const FIRST_TASK: i64 = 256_271_667_526;
/// How long DingTalk tells who has read a message, and takes it back.
pub const RECEIPT_WINDOW: TimeDelta = TimeDelta::hours(24);

/// An app and what it did.
pub struct App {
    /// How it is set up.
    pub settings: SimulatedApp,
    /// The access token that is valid, and until when.
    pub token: Option<(String, DateTime<Utc>)>,
    /// The work notifications.
    pub tasks: Vec<Task>,
    /// Its cards.
    pub cards: Vec<Card>,
    /// Where presses go, and with which secret, by route key.
    pub callbacks: HashMap<String, (String, String)>,
    /// Where the robot may answer.
    pub sessions: HashMap<String, Session>,
    /// Its Stream connections.
    pub gateway: Gateway,
    /// What was said to it last.
    pub heard: Option<Frame>,
    messages: VecDeque<AppMessage>,
    last_id: u64,
    /// When each API was called in the last second.
    called: HashMap<&'static str, VecDeque<DateTime<Utc>>>,
    /// What goes wrong next: at which path (absent: any), how, and how often.
    faults: VecDeque<(Option<String>, Fault, u32)>,
}

/// A message to be shown, before it has its number.
#[derive(Default)]
pub struct Draft {
    /// As what.
    pub form: Form,
    /// Who said it, when a person did.
    pub from: Option<String>,
    /// `sampleMarkdown` and so on.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// DingTalk's name for it.
    pub handle: String,
    /// The outTrackId of a card.
    pub card: Option<String>,
    /// What it was made of.
    pub body: Value,
}

impl App {
    /// An app that did nothing yet.
    pub fn new(settings: SimulatedApp) -> App {
        App {
            settings,
            token: None,
            tasks: Vec::new(),
            cards: Vec::new(),
            callbacks: HashMap::new(),
            sessions: HashMap::new(),
            gateway: Gateway::default(),
            heard: None,
            messages: VecDeque::new(),
            last_id: 0,
            called: HashMap::new(),
            faults: VecDeque::new(),
        }
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &AppMessage> {
        self.messages.iter()
    }

    /// The messages with this handle.
    pub fn messages_called<'a>(&'a mut self, handle: &'a str) -> impl Iterator<Item = &'a mut AppMessage> {
        self.messages.iter_mut().filter(move |message| message.handle == handle)
    }

    /// This person reads all that is in this place. False when there is nothing new.
    pub fn read(&mut self, user_id: &str, place: &Place) -> bool {
        let unread = self.messages.iter_mut().filter(|message| message.place == *place && message.form != Form::Said);
        let mut any = false;
        for message in unread.filter(|message| !message.read_by.iter().any(|reader| reader == user_id)) {
            message.read_by.push(user_id.to_owned());
            any = true;
        }
        any
    }

    /// Shows a message in a place.
    pub fn show(&mut self, draft: &Draft, place: Place, at: DateTime<Utc>) {
        self.last_id += 1;
        self.messages.push_back(AppMessage {
            id: self.last_id,
            at,
            app: self.settings.client_id.clone(),
            form: draft.form,
            place,
            from: draft.from.clone(),
            kind: draft.kind.clone(),
            title: draft.title.clone(),
            text: draft.text.clone(),
            handle: draft.handle.clone(),
            card: draft.card.clone(),
            read_by: Vec::new(),
            recalled_at: None,
            body: draft.body.clone(),
        });
        self.messages.drain(..self.messages.len().saturating_sub(MAX_MESSAGES));
    }

    /// The number of the next work notification.
    pub fn next_task(&self) -> i64 {
        FIRST_TASK + self.tasks.len() as i64
    }

    /// Counts a call of this API; false when there were too many within a second.
    pub fn may_call(&mut self, api: &'static str, qps: usize, now: DateTime<Utc>) -> bool {
        let called = self.called.entry(api).or_default();
        while called.front().is_some_and(|at| *at + TimeDelta::seconds(1) <= now) {
            called.pop_front();
        }
        if called.len() >= qps {
            return false;
        }
        called.push_back(now);
        true
    }

    /// Orders a fault at this path, or at any.
    pub fn misbehave(&mut self, api: Option<&str>, fault: Fault, times: u32) -> bool {
        if fault.is_of_apps() && times > 0 {
            self.faults.push_back((api.map(str::to_owned), fault, times));
            return true;
        }
        false
    }

    /// The next fault at this path, when it is one of this stage.
    pub fn take_fault(&mut self, api: &str, stage: Stage) -> Option<Fault> {
        let next = self.faults.iter().position(|(at, ..)| at.as_deref().is_none_or(|at| at == api))?;
        let (_, fault, times) = &mut self.faults[next];
        if fault.stage() != stage {
            return None;
        }
        *times -= 1;
        let (fault, done) = (fault.clone(), *times == 0);
        if done {
            self.faults.remove(next);
        }
        Some(fault)
    }

    /// The access token: the one that is valid, with its time begun anew, or a new one.
    pub fn give_token(&mut self, valid: TimeDelta, now: DateTime<Utc>) -> String {
        let known = self.token.take().filter(|(_, until)| now < *until).map(|(token, _)| token);
        let token = known.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
        self.token = Some((token.clone(), now + valid));
        token
    }

    /// Forgets messages, cards and faults. Connections, sessions and the token stay.
    pub fn forget(&mut self) {
        self.messages.clear();
        self.tasks.clear();
        self.cards.clear();
        self.heard = None;
        self.called.clear();
        self.faults.clear();
    }
}
