//! DingTalk: the custom group robot (自定义机器人), and a simulator of it.
//!
//! What has to be known about the robot, and where it is held:
//!
//! - HTTP 200 is not success; `errcode` 0 is ([`errcode`]).
//! - The robot's credential stands in the URL: no URL is ever logged, shown or put into an error ([`robot`]).
//! - A signature lives for an hour: it is made anew for every attempt ([`sign`]).
//! - The body has at most 20,000 bytes of UTF-8, the `@` needs both a list and a text ([`message`]).
//! - More than 20 messages in a minute silence the robot for ten minutes: a throttle is waited out, not retried.

pub mod app;
pub mod errcode;
pub mod message;
pub mod receiver;
pub mod robot;
pub mod sign;
pub mod simulator;
pub mod stream;

mod answer;
mod http;

pub use message::{FULL_BODY_BYTES, MAX_BODY_BYTES, MAX_MENTIONS, Outgoing, body_size};
pub use receiver::{Channel, Parcel, Person, Pool, Receiver, Sent};
pub use robot::{Robot, RobotError, RobotSettings};
pub use simulator::{Simulator, SimulatorSettings};
