//! What is kept of an app: the messages its people see, and its calls.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a message is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On the phone of the person with this user id: the chat with the app's robot, DINGs, work notifications.
    User(String),
    /// In the conversation with this openConversationId.
    Conversation(String),
}

/// As what a message came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A message of the robot.
    #[default]
    Message,
    /// An interactive card.
    Card,
    /// A DING in the app.
    Ding,
    /// A DING by SMS.
    DingSms,
    /// A DING by phone call.
    DingPhone,
    /// A work notification (工作通知).
    WorkNotification,
    /// What a person said to the robot.
    Said,
    /// The robot's answer to it, by `sendBySession`.
    Reply,
}

/// A message in one place. What is sent to several people is one of these for each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppMessage {
    /// Counted from 1.
    pub id: u64,
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The Client ID of the app.
    pub app: String,
    /// As what.
    pub form: Form,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The user id of the person who said it.
    pub from: Option<String>,
    /// `sampleMarkdown` and so on; of a work notification its `msgtype`, of a card its template.
    pub kind: String,
    /// Its title, when it has one.
    pub title: String,
    /// Its text.
    pub text: String,
    /// DingTalk's name for it: processQueryKey (of a card too), openDingId, task id.
    pub handle: String,
    /// The outTrackId of a card.
    pub card: Option<String>,
    /// The user ids of those who have read it.
    pub read_by: Vec<String>,
    /// When it was taken back.
    pub recalled_at: Option<DateTime<Utc>>,
    /// What it was made of: `msgParam`, `msg`, the body.
    pub body: Value,
}

/// A call of an app's API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiCall {
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// The Client ID of the app, when the call could be told to be its.
    pub app: Option<String>,
    /// The path.
    pub api: String,
    /// What was asked; null where credentials are part of it.
    pub body: Value,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ApiOutcome,
}

/// What came of a call of an app's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ApiOutcome {
    /// Done as asked.
    Accepted,
    /// Refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code; of the old family the `errcode`, `88/…` with its inner code.
        code: String,
        /// What it says.
        words: String,
    },
    /// It misbehaved as it was told.
    Fault {
        /// How.
        fault: crate::notify::dingtalk::simulator::Fault,
        /// Whether what was asked was done all the same.
        accepted: bool,
    },
}
