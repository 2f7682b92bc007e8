//! An app of the organisation (企业内部应用) and its robot: messages to people and to conversations, interactive cards, DING
//! and work notifications.
//!
//! What has to be known, and where it is held:
//!
//! - There are two families of APIs with different hosts, tokens' places and shapes of errors (`call`, `error`).
//! - The access token is one per app, fetched once however many ask, and renewed before it ends (`token`).
//! - 20 calls a second and API (`pace`), and a quota of calls a month, which is counted by whoever asks
//!   [`App::take_counted`].
//! - HTTP 200 is not success: some of the people of a batch, or the space of a card, may have been refused (`send`,
//!   `card`).
//! - There is no idempotency key but a card's id: a request is made once, and what it reached is recorded before the
//!   next one (`send`).
//!
//! It does not retry, decide or remember anything that matters: what may be lost with the process is the token, the pace,
//! and what was found not to work (cards, batches), which is found again.

mod api;
mod call;
mod card;
mod ding;
mod error;
mod media;
mod pace;
mod people;
mod recall;
mod receipts;
mod send;
mod template;
mod token;
mod work;

pub use api::Api;
pub use call::Refusal;
pub use card::{CardData, card_data};
pub use error::{Meaning, of_new, of_old};
pub use recall::Sending;
pub use receipts::{Question, Receipt};
pub use work::MAX_WORK_BYTES;

use crate::domain::delivery::AppForm;
use crate::domain::message::Language;
use call::Calls;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// The card template that is used when the settings name none: title, Markdown, a line of tips and buttons. It is the
/// one of DingTalk's own SDK; nobody promises that it stays.
pub const DEFAULT_CARD_TEMPLATE: &str = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema";

/// What the settings say of an app.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// The receiver's name, for errors.
    pub name: String,
    /// The app's Client ID (AppKey).
    pub client_id: String,
    /// The app's Client Secret (AppSecret).
    pub client_secret: SecretString,
    /// The code of its robot; the Client ID where the settings have none.
    pub robot_code: String,
    /// People, by user id.
    pub users: Vec<String>,
    /// People, by mobile number.
    pub mobiles: Vec<String>,
    /// Groups, by openConversationId.
    pub conversations: Vec<String>,
    /// As what people get a message; conversations get messages or cards.
    pub form: AppForm,
    /// The template of cards.
    pub card_template: String,
    /// The app's AgentId, for work notifications.
    pub agent_id: Option<u64>,
    /// Where the new family of APIs is.
    pub api_url: Url,
    /// Where the old family is.
    pub oapi_url: Url,
    /// Where people reach the pages: buttons link to it.
    pub public_url: Option<Url>,
    /// Of a card's own words.
    pub language: Language,
    /// Messages are taken back when all they told is over.
    pub recall_resolved: bool,
    /// Who may use chat commands, by user id.
    pub operators: Vec<String>,
}

/// Why there can be no app with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// The HTTP client cannot be built.
    #[error("cannot set up HTTPS for `{name}`: {fault}; are the system's root certificates (ca-certificates) installed?")]
    Client {
        /// The receiver.
        name: String,
        /// What the client said.
        fault: String,
    },
}

/// An app and whom it reaches.
pub struct App {
    name: String,
    fingerprint: String,
    robot_code: String,
    users: Vec<String>,
    mobiles: Vec<String>,
    conversations: Vec<String>,
    form: AppForm,
    card_template: String,
    agent_id: Option<u64>,
    public_url: Option<Url>,
    language: Language,
    recall_resolved: bool,
    operators: Vec<String>,
    calls: Calls,
    /// One of several people was unknown and DingTalk did not say which: they are sent to one by one.
    one_by_one: AtomicBool,
    /// Why cards were refused, and until when messages are sent instead without asking again.
    no_cards: Mutex<Option<(String, DateTime<Utc>)>>,
    /// Cards that were made and not delivered: DingTalk says of them only that they exist, so a message is sent instead.
    undelivered: Mutex<HashSet<String>>,
    /// Pictures that DingTalk has, by hash.
    media: Mutex<HashMap<u64, String>>,
}

impl App {
    /// An app with these settings; nothing is sent.
    ///
    /// # Errors
    /// HTTPS cannot be set up.
    pub fn new(settings: AppSettings) -> Result<App, AppError> {
        let AppSettings { name, client_id, client_secret, api_url, oapi_url, .. } = &settings;
        let calls = Calls::new(name, client_id, client_secret, api_url, oapi_url)?;
        Ok(App {
            fingerprint: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(client_id.as_bytes())),
            name: settings.name,
            robot_code: settings.robot_code,
            users: settings.users,
            mobiles: settings.mobiles,
            conversations: settings.conversations,
            form: settings.form,
            card_template: settings.card_template,
            agent_id: settings.agent_id,
            public_url: settings.public_url,
            language: settings.language,
            recall_resolved: settings.recall_resolved,
            operators: settings.operators,
            calls,
            one_by_one: AtomicBool::new(false),
            no_cards: Mutex::new(None),
            undelivered: Mutex::default(),
            media: Mutex::default(),
        })
    }

    /// The same app with another limit on one request (10 s).
    pub fn with_deadline(self, deadline: Duration) -> App {
        App { calls: self.calls.with_deadline(deadline), ..self }
    }

    /// The receiver's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A hash that tells apps apart: receivers with the same Client ID are one app, which has one quota and one pace.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Under what its holds are kept. What holds one receiver of an app up (people that there are not, too many messages to
    /// one) is not its others' matter.
    pub fn standing_name(&self) -> String {
        format!("{} {}", self.fingerprint, self.name)
    }

    /// As what people get a message.
    pub fn form(&self) -> AppForm {
        self.form
    }

    /// Where people reach the pages.
    pub fn public_url(&self) -> Option<&Url> {
        self.public_url.as_ref()
    }

    /// Of a card's own words.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether messages are taken back when all they told is over.
    pub fn recalls_resolved(&self) -> bool {
        self.recall_resolved
    }

    /// Who may use chat commands, by user id.
    pub fn operators(&self) -> &[String] {
        &self.operators
    }

    /// The numbers that are looked up before anything can be sent to them.
    pub fn mobiles(&self) -> &[String] {
        &self.mobiles
    }

    /// How many calls that count toward the organisation's quota were made since this was asked last.
    pub fn take_counted(&self) -> u64 {
        self.calls.take_counted()
    }

    /// When the next attempt can be made without waiting for the limit of calls a second: `None` is now.
    pub fn free_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let pace = self.calls.pace();
        let send = |api| pace.free_at(api, 1, now);
        let apis = [Api::SendToPeople, Api::SendToConversation, Api::CreateCard, Api::Ding, Api::WorkNotification];
        let lookups = self.mobiles.len().min(pace::CALLS_A_SECOND);
        apis.into_iter().filter_map(send).chain(pace.free_at(Api::PersonOfMobile, lookups, now).filter(|_| lookups > 0)).max()
    }

    fn is_one_by_one(&self) -> bool {
        self.one_by_one.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}
