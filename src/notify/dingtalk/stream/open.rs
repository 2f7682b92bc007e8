//! Opening a connection: credentials for an address and a ticket, the ticket for a WebSocket.
//!
//! The WebSocket is an HTTP request of the same client as all others, so that the same root certificates and the same proxies
//! (`HTTPS_PROXY`) hold for it.

use super::Stream;
use super::frame::{BOT_MESSAGES, CARD_CALLBACKS};
use crate::notify::dingtalk::answer::{Reply, cut};
use crate::notify::dingtalk::http::{DEADLINE, Failure, client, exchange};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{StatusCode, Upgraded};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Url;

/// Where a connection begins.
const OPEN: &str = "v1.0/gateway/connections/open";
/// The longest message that is read: what a person writes, and what a card carries, are some kilobytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// How we name ourselves.
const AGENT: &str = concat!("rowbell-rust/", env!("CARGO_PKG_VERSION"));

/// An open connection.
pub(super) type Socket = WebSocketStream<Upgraded>;

/// Why there is no connection. The answers are free of secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OpenError {
    /// The app is not known.
    #[error(
        "DingTalk does not accept the app's credentials ({0}): correct `client_id` and `client_secret`, which stand in the developer console under 凭证与基础信息"
    )]
    Credentials(String),
    /// It is known, and may not connect.
    #[error(
        "DingTalk refuses the Stream connection ({0}): in the developer console the app's robot must be set to Stream mode (Stream 模式), and the app published"
    )]
    Refused(String),
    /// Nobody answers, or not as DingTalk does.
    #[error("the Stream connection cannot be opened: {0}")]
    Unreachable(String),
}

impl OpenError {
    /// Whether a person must mend something.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, OpenError::Unreachable(_))
    }
}

impl Stream {
    /// Opens a connection.
    pub(super) async fn open(&self) -> Result<Socket, OpenError> {
        let (mut endpoint, ticket) = self.ticket().await?;
        endpoint.query_pairs_mut().append_pair("ticket", &ticket);
        let failed = |error: reqwest::Error| self.unreachable(Failure::Http(error.without_url()), &ticket);
        let key = generate_key();
        let request = client(&endpoint).map_err(OpenError::Unreachable)?.get(endpoint);
        let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(failed)?;
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|accept| accept.as_bytes().to_owned());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || accepted != Some(derive_accept_key(key.as_bytes()).into_bytes()) {
            let answer = format!("HTTP {} to the ticket", response.status().as_u16());
            return Err(OpenError::Unreachable(answer));
        }
        let upgraded = response.upgrade().await.map_err(failed)?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES)).max_frame_size(Some(MAX_MESSAGE_BYTES));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }

    /// The address to connect to, as HTTP, and the ticket.
    async fn ticket(&self) -> Result<(Url, String), OpenError> {
        let settings = &self.inner.settings;
        let url = under(&settings.api_url, OPEN);
        let body = json!({
            "clientId": settings.client_id,
            "clientSecret": settings.client_secret.expose_secret(),
            "subscriptions": [{ "type": "CALLBACK", "topic": BOT_MESSAGES }, { "type": "CALLBACK", "topic": CARD_CALLBACKS }],
            "ua": AGENT,
        });
        // Without `Accept` the answer may be XML.
        let request = self.inner.api.post(url).header("accept", "application/json").json(&body);
        let reply = exchange(request, DEADLINE).await.map_err(|failure| self.unreachable(failure, ""))?;
        let json: Option<Value> = serde_json::from_slice(&reply.body).ok();
        if reply.status != 200 {
            return Err(self.refused(&reply, json.as_ref()));
        }
        let text = |name: &str| json.as_ref()?.get(name)?.as_str().map(str::to_owned).filter(|text| !text.is_empty());
        let (Some(endpoint), Some(ticket)) = (text("endpoint"), text("ticket")) else {
            return Err(OpenError::Unreachable("an answer without endpoint and ticket".to_owned()));
        };
        Ok((self.http(&endpoint)?, ticket))
    }

    fn unreachable(&self, failure: Failure, ticket: &str) -> OpenError {
        OpenError::Unreachable(cut(&self.redactor(ticket).clean(&failure.told(DEADLINE).1)))
    }

    fn refused(&self, reply: &Reply, json: Option<&Value>) -> OpenError {
        let word = |name: &str| json.and_then(|json| json.get(name)?.as_str()).unwrap_or_default();
        let answer = format!("HTTP {} {} {}", reply.status, word("code"), word("message"));
        let answer = cut(self.redactor("").clean(&answer).trim());
        let code = word("code").to_ascii_lowercase();
        match reply.status {
            401 => OpenError::Credentials(answer),
            400 if ["auth", "clientid", "appkey", "secret"].iter().any(|part| code.contains(part)) => OpenError::Credentials(answer),
            // The platform's limits are told as 403 too, and pass by themselves.
            403 if code.contains("limit") => OpenError::Unreachable(answer),
            400 | 403 if json.is_some() => OpenError::Refused(answer),
            _ => OpenError::Unreachable(answer),
        }
    }

    /// The endpoint as the HTTP client takes it. What began encrypted stays so.
    fn http(&self, endpoint: &str) -> Result<Url, OpenError> {
        let wrong = |why: &str| OpenError::Unreachable(format!("the endpoint that was returned {why}"));
        let mut url = Url::parse(endpoint).map_err(|_| wrong("is no address"))?;
        let scheme = match (url.scheme(), self.inner.settings.api_url.scheme()) {
            ("wss", _) => "https",
            ("ws", "http") => "http",
            ("ws", _) => return Err(wrong("is not encrypted")),
            _ => return Err(wrong("is no WebSocket")),
        };
        url.set_scheme(scheme).map_err(|()| wrong("is no address"))?;
        Ok(url)
    }
}

/// A path below an address, whether or not that ends with a slash.
fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
