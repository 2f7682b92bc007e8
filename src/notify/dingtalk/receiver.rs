//! A receiver of the settings, whatever is behind it: it takes a parcel, makes one attempt and says what came of it.
//!
//! One attempt is one HTTP request that may post something, so that a crash between a request and its record repeats at
//! most one. Where a delivery has several targets it takes several attempts: [`Sent::is_whole`] says when there is none
//! left.

use super::app::App;
use super::message::Outgoing;
use super::robot::Robot;
use crate::clock::Clock;
use crate::domain::budget::Terms;
use crate::domain::card::Card;
use crate::domain::delivery::{Attempt, TargetResult, Verdict};
use crate::domain::message::{MAX_TEXT_BYTES, Message, Parts};
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
    /// An app: people, and groups that its robot is in.
    App(Box<App>),
}

/// A person who was looked up by mobile number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub mobile: String,
    /// The user id.
    pub user_id: String,
}

/// What is to be sent in one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The delivery's number; 0 for a test message.
    pub delivery: i64,
    /// When the delivery was made.
    pub created_at: DateTime<Utc>,
    /// DingTalk's idempotency key: the same for all attempts of a delivery.
    pub uuid: &'a str,
    /// What it says.
    pub message: &'a Message,
    /// What a card shows of it; none: it is no card.
    pub card: Option<&'a Card>,
    /// Which robot of the pool sends it, by the name of its terms.
    pub robot: &'a str,
    /// Targets that earlier attempts have settled.
    pub reached: &'a [TargetResult],
    /// People whose user ids are known by number.
    pub people: &'a [Person],
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
    /// People who were looked up on the way.
    pub found: Vec<Person>,
    /// Mobile numbers whose user ids are not valid any more.
    pub lost: Vec<String>,
}

impl From<Attempt> for Sent {
    /// An attempt that has no targets.
    fn from(attempt: Attempt) -> Sent {
        Sent { attempt, targets: Vec::new(), is_whole: true, found: Vec::new(), lost: Vec::new() }
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
            Channel::App(_) => "dingtalk_app",
        }
    }

    /// The app, where it is one.
    pub fn app(&self) -> Option<&App> {
        match &self.channel {
            Channel::App(app) => Some(app),
            Channel::Robots(_) => None,
        }
    }

    /// Makes one attempt.
    pub async fn send(&self, parcel: &Parcel<'_>, clock: &Clock) -> Sent {
        match &self.channel {
            Channel::Robots(pool) => pool.send(parcel, clock.now()).await.into(),
            Channel::App(app) => app.send(parcel, clock).await,
        }
    }

    /// Sends a message that is no delivery (a test, a preview) to all its targets, one after another; what came of the last
    /// request, and of each target.
    pub async fn send_whole(
        &self,
        uuid: &str,
        message: &Message,
        card: Option<&Card>,
        robot: &str,
        clock: &Clock,
    ) -> (Attempt, Vec<TargetResult>) {
        let mut reached = Vec::new();
        let created_at = clock.now();
        loop {
            let parcel = Parcel { delivery: 0, created_at, uuid, message, card, robot, reached: &reached, people: &[] };
            let sent = self.send(&parcel, clock).await;
            reached.extend(sent.targets);
            if sent.is_whole || sent.attempt.verdict != Verdict::Delivered {
                return (sent.attempt, reached);
            }
        }
    }

    /// A message as it would be sent, taken apart: with the keyword, and with the marks of those who are called by name.
    pub fn shown(&self, message: &Message) -> Parts {
        let robot = match &self.channel {
            Channel::Robots(pool) => pool.robots.first(),
            Channel::App(app) => return app.shown(message),
        };
        robot.map_or_else(|| message.parts(MAX_TEXT_BYTES), |robot| robot.shown(&Outgoing { uuid: "", message }))
    }

    /// A message as the body of a robot, which the chat of a preview can show: it holds no secret.
    pub fn body(&self, message: &Message) -> Option<String> {
        match &self.channel {
            Channel::Robots(pool) => pool.robots.first().map(|robot| robot.body(&Outgoing { uuid: "", message })),
            Channel::App(_) => {
                let message = Message { mentions: Vec::new(), ..message.clone() };
                Some(super::message::body(&Outgoing { uuid: "", message: &message }, None))
            }
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
            Some(robot) => robot.send(&Outgoing { uuid: parcel.uuid, message: parcel.message }, now).await,
            // The settings were changed between the claim and here: the next claim names another.
            None => {
                let answer = "not sent: the robot is no longer in the settings".to_owned();
                Attempt { verdict: Verdict::Transient { uncertain: false }, http_status: None, errcode: None, answer }
            }
        }
    }
}
