//! A receiver of the settings, whatever is behind it: it takes a parcel, makes one attempt and says what came of it.
//!
//! One attempt is one HTTP request that may post something, so that a crash between a request and its record repeats at
//! most one. Where a delivery has several targets it takes several attempts: [`Sent::is_whole`] says when there is none
//! left.

use super::message::Outgoing;
use super::robot::Robot;
use crate::domain::budget::Terms;
use crate::domain::delivery::{Attempt, TargetResult, Verdict};
use crate::domain::message::Message;
use chrono::{DateTime, Utc};

/// A receiver: on what terms it is sent to, and through what.
#[derive(Debug)]
pub struct Receiver {
    /// On what terms.
    pub terms: Terms,
    /// Through what.
    pub channel: Channel,
}

/// What is behind a receiver.
#[derive(Debug)]
pub enum Channel {
    /// Custom robots in one group.
    Robots(Pool),
}

/// What is to be sent in one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// DingTalk's idempotency key: the same for all attempts of a delivery.
    pub uuid: &'a str,
    /// What it says.
    pub message: &'a Message,
    /// Which robot of the pool sends it, by the name of its terms.
    pub robot: &'a str,
    /// Targets that earlier attempts have settled.
    pub reached: &'a [TargetResult],
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The answer.
    pub attempt: Attempt,
    /// Targets that this attempt has settled.
    pub targets: Vec<TargetResult>,
    /// Whether a delivered attempt was the last: no target is left.
    pub is_whole: bool,
}

impl From<Attempt> for Sent {
    /// An attempt that has no targets.
    fn from(attempt: Attempt) -> Sent {
        Sent { attempt, targets: Vec::new(), is_whole: true }
    }
}

impl Receiver {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.terms.receiver
    }

    /// What kind of receiver it is: the word of the settings.
    pub fn kind(&self) -> &'static str {
        match &self.channel {
            Channel::Robots(_) => "dingtalk_robot",
        }
    }

    /// Makes one attempt. `now` is the time the request is signed with.
    pub async fn send(&self, parcel: &Parcel<'_>, now: DateTime<Utc>) -> Sent {
        match &self.channel {
            Channel::Robots(pool) => pool.send(parcel, now).await.into(),
        }
    }

    /// The text of a message as it would be sent: with the keyword, and with the marks of those who are called by name.
    pub fn final_text(&self, message: &Message) -> Option<String> {
        match &self.channel {
            Channel::Robots(pool) => pool.robots.first().map(|robot| robot.final_text(&outgoing("", message, &message.text()))),
        }
    }

    /// The body of a message as it would be sent: it holds no secret.
    pub fn body(&self, message: &Message) -> Option<String> {
        match &self.channel {
            Channel::Robots(pool) => pool.robots.first().map(|robot| robot.body(&outgoing("", message, &message.text()))),
        }
    }
}

/// Robots in one group: each has a budget of its own.
#[derive(Debug)]
pub struct Pool {
    robots: Vec<Robot>,
}

impl Pool {
    /// A pool of these robots, which must be different ones.
    pub fn new(robots: Vec<Robot>) -> Pool {
        Pool { robots }
    }

    async fn send(&self, parcel: &Parcel<'_>, now: DateTime<Utc>) -> Attempt {
        match self.robots.iter().find(|robot| robot.fingerprint() == parcel.robot) {
            Some(robot) => robot.send(&outgoing(parcel.uuid, parcel.message, &parcel.message.text()), now).await,
            // The settings were changed between the claim and here: the next claim names another.
            None => {
                let answer = "not sent: the robot is no longer in the settings".to_owned();
                Attempt { verdict: Verdict::Transient { uncertain: false }, http_status: None, errcode: None, answer }
            }
        }
    }
}

fn outgoing<'a>(uuid: &'a str, message: &'a Message, text: &'a str) -> Outgoing<'a> {
    Outgoing { uuid, title: &message.title, text, mentions: &message.mentions }
}
