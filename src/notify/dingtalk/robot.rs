//! The client of one custom group robot: one HTTP request per attempt, and what came of it.
//!
//! The robot's credential is a part of its URL. Therefore the webhook is taken apart once, kept as a secret, and put
//! together for each request. It does not retry, pace or remember: an attempt is one request.

use super::answer::{Redactor, Reply, cut};
use super::http::{DEADLINE, Failure, client, exchange};
use super::message::{MAX_BODY_BYTES, Outgoing, body};
use super::sign::sign;
use crate::domain::delivery::{Attempt, Verdict};
use crate::domain::message::Parts;
use chrono::{DateTime, Utc};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;
use url::Url;

/// What is made anew for each request and must not be left over from a pasted URL: the first of two would win.
const SIGNATURE_PARAMETERS: [&str; 2] = ["timestamp", "sign"];

/// What the settings say of a robot.
#[derive(Clone, Debug)]
pub struct RobotSettings {
    /// The receiver's name, for errors.
    pub name: String,
    /// The robot's whole webhook, as DingTalk shows it. Any http or https host: the public cloud, an exclusive edition,
    /// the simulator.
    pub webhook: SecretString,
    /// The signing secret (加签), when the robot asks for one.
    pub secret: Option<SecretString>,
    /// A word that the robot asks for in every message.
    pub keyword: Option<String>,
}

/// Why there can be no robot with these settings. Says nothing of what the webhook contains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RobotError {
    /// The webhook is no URL.
    #[error("webhook of `{name}`: not an address ({fault}); copy it whole from the robot's settings in DingTalk")]
    NotAnAddress {
        /// The receiver.
        name: String,
        /// What the parser said.
        fault: String,
    },
    /// The webhook is a URL of another kind.
    #[error("webhook of `{name}`: must begin with https:// (or http://)")]
    Scheme {
        /// The receiver.
        name: String,
    },
    /// There is a user or a password before the host.
    #[error("webhook of `{name}`: must not contain a user or password before the host")]
    Login {
        /// The receiver.
        name: String,
    },
    /// The credential is missing.
    #[error("webhook of `{name}`: has no access_token; copy it whole from the robot's settings in DingTalk")]
    NoToken {
        /// The receiver.
        name: String,
    },
    /// The HTTP client cannot be built.
    #[error("cannot set up HTTPS for `{name}`: {fault}; are the system's root certificates (ca-certificates) installed?")]
    Client {
        /// The receiver.
        name: String,
        /// What the client said.
        fault: String,
    },
}

/// A custom group robot. Cheap to clone.
#[derive(Clone)]
pub struct Robot {
    name: String,
    /// Without timestamp and sign.
    webhook: SecretString,
    secret: Option<SecretString>,
    keyword: Option<String>,
    redactor: std::sync::Arc<Redactor>,
    client: Client,
    deadline: Duration,
    fingerprint: String,
}

impl Robot {
    /// A robot with these settings; nothing is sent.
    pub fn new(settings: RobotSettings) -> Result<Robot, RobotError> {
        let name = settings.name;
        let (webhook, token) = take_apart(settings.webhook.expose_secret(), &name)?;
        // The last line feed of a mounted file is no part of the secret; its `SEC` is.
        let secret = settings.secret.map(|secret| secret.expose_secret().trim().to_owned()).filter(|secret| !secret.is_empty());
        let secrets = [Some(settings.webhook.expose_secret()), Some(webhook.as_str()), Some(&token), secret.as_deref()];
        let redactor = std::sync::Arc::new(Redactor::new(secrets.into_iter().flatten()));
        let client = client(&webhook).map_err(|fault| RobotError::Client { name: name.clone(), fault })?;
        let keyword = settings.keyword.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        let fingerprint = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(token.as_bytes()));
        let (webhook, secret) = (SecretString::from(String::from(webhook)), secret.map(SecretString::from));
        Ok(Robot { name, webhook, secret, keyword, redactor, client, deadline: DEADLINE, fingerprint })
    }

    /// The same robot with another limit on the whole of an attempt (10 s).
    pub fn with_deadline(self, deadline: Duration) -> Robot {
        Robot { deadline, ..self }
    }

    /// The receiver's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A hash that tells robots apart: receivers with the same token are one robot, which has one budget.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The message as it is sent, taken apart: with the keyword, and with the marks of those who are called by name.
    pub fn shown(&self, message: &Outgoing<'_>) -> Parts {
        super::message::shown(message, self.keyword())
    }

    /// The body as it is sent: it holds neither the token nor the secret.
    pub fn body(&self, message: &Outgoing<'_>) -> String {
        body(message, self.keyword())
    }

    /// The word that is put into each message, for [`body_size`](super::body_size).
    pub fn keyword(&self) -> Option<&str> {
        self.keyword.as_deref()
    }

    /// Makes one attempt. `now` is the time the request is signed with.
    pub async fn send(&self, message: &Outgoing<'_>, now: DateTime<Utc>) -> Attempt {
        let body = body(message, self.keyword());
        if body.len() > MAX_BODY_BYTES {
            let answer = format!("not sent: the message has {} bytes, DingTalk takes {MAX_BODY_BYTES}", body.len());
            return Attempt { verdict: Verdict::TooLong, http_status: None, errcode: None, answer };
        }
        match self.post(body, now).await {
            Ok(reply) => reply.attempt(&self.redactor, self.secret.as_ref().map(|_| now)),
            Err(failure) => self.failed(failure),
        }
    }

    async fn post(&self, body: String, now: DateTime<Utc>) -> Result<Reply, Failure> {
        let url = self.signed(now).ok_or(Failure::Address)?;
        let request = self.client.post(url).header("content-type", "application/json").body(body);
        exchange(request, self.deadline).await
    }

    /// The URL of one request: it is as secret as the webhook.
    fn signed(&self, now: DateTime<Utc>) -> Option<Url> {
        let mut url = Url::parse(self.webhook.expose_secret()).ok()?;
        if let Some(secret) = &self.secret {
            let timestamp = now.timestamp_millis();
            // The pairs are percent-encoded here, once: the signature is given raw.
            url.query_pairs_mut()
                .append_pair("timestamp", &timestamp.to_string())
                .append_pair("sign", &sign(secret.expose_secret(), timestamp));
        }
        Some(url)
    }

    /// There was no answer.
    fn failed(&self, failure: Failure) -> Attempt {
        let (uncertain, answer) = failure.told(self.deadline);
        let answer = cut(&self.redactor.clean(&answer));
        Attempt { verdict: Verdict::Transient { uncertain }, http_status: None, errcode: None, answer }
    }
}

impl fmt::Debug for Robot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Robot").field("name", &self.name).field("keyword", &self.keyword).finish_non_exhaustive()
    }
}

/// The webhook without an old signature, and its token.
fn take_apart(webhook: &str, name: &str) -> Result<(Url, String), RobotError> {
    let name = || name.to_owned();
    let mut url = Url::parse(webhook.trim()).map_err(|error| RobotError::NotAnAddress { name: name(), fault: error.to_string() })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RobotError::Scheme { name: name() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RobotError::Login { name: name() });
    }
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(key, _)| !SIGNATURE_PARAMETERS.contains(&key.as_str())).collect();
    let token = kept.iter().find(|(key, value)| key == "access_token" && !value.trim().is_empty());
    let token = token.map(|(_, token)| token.clone()).ok_or_else(|| RobotError::NoToken { name: name() })?;
    url.query_pairs_mut().clear().extend_pairs(&kept);
    url.set_fragment(None);
    Ok((url, token))
}
