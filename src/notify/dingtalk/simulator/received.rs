//! What the simulator keeps of the calls it gets.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// A message that was posted. Without the robot's token, which is a secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Received {
    /// Counted from 1.
    pub id: u64,
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The name of the robot.
    pub robot: String,
    /// The number of its chat, from 1.
    pub chat: usize,
    /// `markdown`, `text`, `link`, `actionCard`, `feedCard`.
    pub msgtype: String,
    /// Its title, empty for a text.
    pub title: String,
    /// Its text: markdown but for `text` and `link`.
    pub text: String,
    /// Its `msgUuid`.
    pub uuid: Option<String>,
    /// Those called by name, and notified.
    pub mentioned: Vec<String>,
    /// Those listed in `at` whose `@…` is missing in the text, so that nobody is notified.
    pub listed_only: Vec<String>,
    /// Whether everyone is called.
    pub at_all: bool,
    /// How often it came again and was not posted again.
    pub repeats: u32,
    /// What would not look as it was meant.
    pub warnings: Vec<String>,
    /// The size of the body in bytes.
    pub bytes: usize,
    /// The body as it came.
    pub body: Value,
}

/// A call of `/robot/send`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The name of the robot, when the token is known.
    pub robot: Option<String>,
    /// The `msgUuid`, when there was one to be read.
    pub uuid: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Posted, answered with 0.
    Accepted,
    /// Answered with 0, and not posted again.
    Deduplicated,
    /// Answered with a code.
    Refused {
        /// The code.
        code: i64,
        /// DingTalk's words for it.
        words: String,
    },
    /// It misbehaved as it was told.
    Fault {
        /// How.
        fault: super::Fault,
        /// Whether the message was posted all the same.
        posted: bool,
    },
}
