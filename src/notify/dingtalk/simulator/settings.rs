//! How a simulator is set up.

use super::app::SimulatedApp;
use super::refusal::Wording;
use crate::clock::Clock;
use chrono::TimeDelta;
use chrono_tz::Tz;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What a simulator is and does. [`new`](SimulatorSettings::new) gives the defaults, to be changed field by field.
#[derive(Clone)]
pub struct SimulatorSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What its limits and its timestamps go by.
    pub clock: Clock,
    /// The zone of the times it shows.
    pub timezone: Tz,
    /// The language of its pages.
    pub language: Language,
    /// Its robots, each with a chat of its own.
    pub robots: Vec<SimulatedRobot>,
    /// Whether it posts a message with a `msgUuid` it has seen once only, as DingTalk documents.
    pub dedupe_uuid: bool,
    /// Whether an unknown token becomes a new robot instead of being refused.
    pub accept_any_token: bool,
    /// How many messages a robot may send.
    pub limit: RateLimit,
    /// In which of DingTalk's wordings it refuses.
    pub wording: Wording,
    /// How long a connection is held by faults that hold it, in real time.
    pub hold: Duration,
    /// Its apps, each with the people and the conversations that it reaches.
    pub apps: Vec<SimulatedApp>,
    /// "Webhook & Stream" messages that the organisation has a calendar month (China's), over all robots and pushes; absent: no
    /// limit. The standard edition has 3,000.
    pub webhook_quota: Option<u32>,
    /// API calls that the organisation has a calendar month (China's), over all apps; absent: no limit. The standard edition
    /// has 5,000.
    pub api_quota: Option<u32>,
    /// Calls of one API that an app may make in a second.
    pub qps: usize,
    /// The longest value of a card's variable in bytes; absent: no limit. The documentation says 1,024; whether more is really
    /// refused is not known.
    pub max_card_value_bytes: Option<usize>,
    /// How Stream connections behave.
    pub stream: StreamTimes,
    /// A file to which each posted message is appended as one line of JSON before the answer is given.
    pub record: Option<PathBuf>,
}

impl SimulatorSettings {
    /// A simulator on a free port of this machine, without robots, as strict as DingTalk.
    pub fn new(clock: Clock) -> SimulatorSettings {
        SimulatorSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock,
            timezone: Tz::UTC,
            language: Language::English,
            robots: Vec::new(),
            dedupe_uuid: true,
            accept_any_token: false,
            limit: RateLimit::default(),
            wording: Wording::Current,
            hold: Duration::from_secs(30),
            apps: Vec::new(),
            webhook_quota: None,
            api_quota: None,
            qps: 20,
            max_card_value_bytes: None,
            stream: StreamTimes::default(),
            record: None,
        }
    }

    /// The same with one more app.
    pub fn with_app(mut self, app: SimulatedApp) -> SimulatorSettings {
        self.apps.push(app);
        self
    }

    /// The same with one more robot.
    pub fn with_robot(mut self, robot: SimulatedRobot) -> SimulatorSettings {
        self.robots.push(robot);
        self
    }
}

/// The times of Stream connections, in real time: they are about sockets.
#[derive(Clone, Debug)]
pub struct StreamTimes {
    /// How often a connection is pinged. DingTalk's frequency is not known.
    pub ping_every: Duration,
    /// How long a ping may stay without an echo; then the connection is dropped. DingTalk's patience is not known.
    pub ping_patience: Duration,
    /// How long an acknowledgement may take.
    pub answer_within: Duration,
    /// How long a connection stays open after it was told to disconnect.
    pub close_after: Duration,
}

impl Default for StreamTimes {
    fn default() -> StreamTimes {
        StreamTimes {
            ping_every: Duration::from_secs(30),
            ping_patience: Duration::from_secs(10),
            answer_within: Duration::from_secs(2),
            close_after: Duration::from_secs(10),
        }
    }
}

/// One robot in one group.
#[derive(Clone, Default)]
pub struct SimulatedRobot {
    /// The `access_token` of its webhook.
    pub token: String,
    /// What the chat calls it.
    pub name: String,
    /// Its signing secret, when it asks for a signature.
    pub secret: Option<String>,
    /// Words of which a message must contain one; none: it does not ask.
    pub keywords: Vec<String>,
    /// IPv4 addresses and networks (`10.0.0.0/24`) it takes messages from; none: it does not ask.
    pub allowed_ips: Vec<String>,
    /// The admin's cap of messages a calendar month (China's); absent: none.
    pub monthly_cap: Option<u32>,
}

impl SimulatedRobot {
    /// A robot that asks for nothing.
    pub fn new(token: &str, name: &str) -> SimulatedRobot {
        SimulatedRobot { token: token.to_owned(), name: name.to_owned(), ..SimulatedRobot::default() }
    }
}

/// DingTalk's limit: more than 20 messages in a rolling minute silence the robot for ten minutes.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Messages taken in one window.
    pub messages: usize,
    /// The window.
    pub window: TimeDelta,
    /// How long the robot refuses everything after one more.
    pub ban: TimeDelta,
    /// Whether messages it refused count too. What DingTalk does is not known.
    pub count_refused: bool,
    /// Whether a call during the ban makes it start anew. What DingTalk does is not known.
    pub calls_extend_ban: bool,
    /// The code it refuses with: 660026 now, 410100 by the documentation, 130101 in 2020.
    pub code: i64,
}

impl Default for RateLimit {
    fn default() -> RateLimit {
        RateLimit {
            messages: 20,
            window: TimeDelta::seconds(60),
            ban: TimeDelta::seconds(600),
            count_refused: false,
            calls_extend_ban: false,
            code: 660026,
        }
    }
}

/// The language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}
