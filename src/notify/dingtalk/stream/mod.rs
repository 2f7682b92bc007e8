//! Stream mode: DingTalk reaches an app over a connection that the app has opened, so no public address is needed.
//!
//! What has to be known about it, and where it is held:
//!
//! - A connection begins with a request that has the app's credentials and is answered with an address and a ticket, which is for
//!   one connection within 90 s (`open`). Every connection asks for a new one. Whatever address is returned is used.
//! - Each push wants an acknowledgement within two seconds (`connection`). It goes out when the work is done, and after 1.5 s at
//!   the latest: work that takes longer goes on, and its result is seen later.
//! - The server says beforehand that it will close a connection: a new one is opened at once, and the old one serves until it is
//!   closed (`listening`). A connection that died without a word is found by pings.
//! - Several connections of one app get each push at one of them, at random: only one process may listen (`lease`, in the engine).
//! - A push may come twice. Here nothing is remembered: [`Push::id`] is the same, and who does the work looks it up.
//! - Nothing can be said through the connection but acknowledgements: an answer in the chat goes to the address that came with
//!   the message ([`Stream::reply`]), if that is one of DingTalk's.
//! - Client secret, tickets and those addresses are secrets.

mod connection;
mod frame;
mod listening;
mod open;
mod push;
mod reply;

pub use listening::Listening;
pub use push::{BotMessage, CardPress, Content, Done, Push};

use super::answer::Redactor;
use super::http::client;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use url::Url;

/// What the settings say of an app that listens.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// The receivers that are this app, for logs.
    pub name: String,
    /// The app's Client ID (AppKey).
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The new API: `https://api.dingtalk.com`.
    pub api_url: Url,
    /// The old one, where answers go: `https://oapi.dingtalk.com`.
    pub oapi_url: Url,
}

/// The HTTP client cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot set up HTTPS for `{name}`: {fault}; are the system's root certificates (ca-certificates) installed?")]
pub struct StreamError {
    /// The receivers that are this app.
    pub name: String,
    /// What the client said.
    pub fault: String,
}

/// The Stream client of one app. Cheap to clone.
#[derive(Clone)]
pub struct Stream {
    inner: Arc<Inner>,
}

struct Inner {
    settings: StreamSettings,
    api: Client,
    replies: Client,
}

impl Stream {
    /// A client with these settings; nothing is opened.
    pub fn new(settings: StreamSettings) -> Result<Stream, StreamError> {
        let make = |url: &Url| client(url).map_err(|fault| StreamError { name: settings.name.clone(), fault });
        let (api, replies) = (make(&settings.api_url)?, make(&settings.oapi_url)?);
        Ok(Stream { inner: Arc::new(Inner { settings, api, replies }) })
    }

    /// The receivers that are this app.
    pub fn name(&self) -> &str {
        &self.inner.settings.name
    }

    /// A hash that tells apps apart: receivers with the same client id are one app, which has one connection.
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(self.inner.settings.client_id.as_bytes()))
    }

    /// Takes secrets out of foreign text: the app's, and one more.
    fn redactor(&self, more: &str) -> Redactor {
        Redactor::new([self.inner.settings.client_secret.expose_secret(), more].into_iter())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.inner.settings.name).finish_non_exhaustive()
    }
}
