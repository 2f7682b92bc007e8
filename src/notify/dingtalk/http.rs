//! One HTTP request, and what came back: what every client of DingTalk in this program is built on.
//!
//! The credential of a robot stands in its URL, and that of an app in the query of the old API. Therefore the errors of the
//! HTTP library, which print the URL, are stripped of it before they leave this file. A request is one request: the HTTP
//! client makes no second one of its own (no redirects, no retries, no connection used twice).

use super::answer::Reply;
use chrono::DateTime;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;
use url::{Host, Url};

/// How long a connection, with its TLS, may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an attempt may take as a whole.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// How much of an answer is read: DingTalk's have some hundred bytes, a list of who has read a message some thousands.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Why there is no answer.
pub(super) enum Failure {
    /// There is no address to send to.
    Address,
    /// The HTTP library's word, without the address.
    Http(reqwest::Error),
}

impl Failure {
    fn http(error: reqwest::Error) -> Failure {
        Failure::Http(error.without_url())
    }

    /// Whether the request may have arrived all the same, and what happened, in words. Only a connection that never came
    /// about proves that nothing has arrived.
    pub fn told(self, deadline: Duration) -> (bool, String) {
        match self {
            Failure::Address => (false, "not sent: the webhook is not an address".to_owned()),
            Failure::Http(error) if error.is_builder() => (false, format!("not sent: {}", innermost(&error))),
            Failure::Http(error) if error.is_connect() && error.is_timeout() => {
                (false, format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))
            }
            Failure::Http(error) if error.is_connect() => (false, format!("no connection: {}", innermost(&error))),
            Failure::Http(error) if error.is_timeout() => (true, format!("no whole answer within {deadline:?}")),
            Failure::Http(error) => (true, format!("the connection broke before the answer was there: {}", innermost(&error))),
        }
    }
}

/// Sends a request and reads the answer, both within the deadline.
pub(super) async fn exchange(request: RequestBuilder, deadline: Duration) -> Result<Reply, Failure> {
    let mut response = request.timeout(deadline).send().await.map_err(Failure::http)?;
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    let body = read(&mut response).await.map_err(Failure::http)?;
    Ok(Reply { status: response.status().as_u16(), date, body })
}

/// The client for an address, or why there is none. Those that need root certificates are one client: reading them costs
/// memory and time.
pub(super) fn client(address: &Url) -> Result<Client, String> {
    built(address).map_err(|error| innermost(&error.without_url()))
}

fn built(address: &Url) -> Result<Client, reqwest::Error> {
    static PUBLIC: OnceLock<Client> = OnceLock::new();
    let builder = builder();
    // A proxy for the outside world cannot reach this machine's own simulator.
    let builder = if is_loopback(address) { builder.no_proxy() } else { builder };
    if address.scheme() == "http" {
        return builder.tls_certs_only([]).build();
    }
    match PUBLIC.get() {
        Some(client) if !is_loopback(address) => Ok(client.clone()),
        _ if is_loopback(address) => builder.build(),
        _ => {
            let client = builder.build()?;
            Ok(PUBLIC.get_or_init(|| client).clone())
        }
    }
}

fn builder() -> ClientBuilder {
    crate::notify::install_tls();
    Client::builder()
        .user_agent(concat!("rowbell/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(DEADLINE)
        .http1_only()
        .referer(false)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The answer, or as much of it as is read; the deadline holds for all of it.
async fn read(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES - body.len())]);
        if body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(body)
}

/// The cause of a failure; what wraps it only says that there is one.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
