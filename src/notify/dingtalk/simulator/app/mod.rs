//! A simulated app (企业内部应用): its two API families, the people and conversations that it reaches, its cards and its
//! Stream connections.
//!
//! | file | what |
//! |---|---|
//! | `arrived`, `gate` | what all routes of the API have in common: the token, permissions, limits, faults, the two error shapes |
//! | `token`, `robot`, `receipt`, `ding`, `work`, `people`, `media`, `card`, `session` | the routes, a file for each of DingTalk's chapters |
//! | `state`, `seen` | what is remembered of an app, and what is shown of that |
//! | `stream`, `talk` | Stream connections, and what people do: press a button, say something, read |

pub mod card;
pub mod gate;
pub mod media;
pub mod msgkey;
pub mod routes;
pub mod seen;
pub mod settings;
pub mod state;
pub mod stream;
pub mod talk;

mod arrived;
mod ding;
mod people;
mod receipt;
mod refusal;
mod robot;
mod session;
mod token;
mod work;

pub use card::{Callback, Card, Press};
pub use seen::{ApiCall, ApiOutcome, AppMessage, Form, Place};
pub use settings::{SimulatedApp, SimulatedConversation, SimulatedPerson};
pub use state::App;
pub use stream::Pushed;
pub use talk::{Pressed, Said};
