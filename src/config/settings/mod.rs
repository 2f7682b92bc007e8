//! `rowbell.toml` and the environment, as values that cannot be wrong.
//!
//! Built-in defaults < the file < `ROWBELL__…` variables; then `${…}` is put in, then everything is checked and all
//! faults are told at once. Paths: the folders of the watchers and of the calendars are looked up beside the settings
//! file (in the working directory when a variable names them); SQLite files in the working directory, as everywhere with SQLite.

use super::Environment;
use super::fault::{Fault, Origin};
use super::field::nearest;
use super::node::{self, Content, Node, Place, Table};
use super::reader::{Report, Text};
use super::sheet::Sheet;
use crate::domain::calendar::Calendars;
use crate::domain::delivery::AppForm;
pub use crate::domain::message::Language;
use crate::domain::sql_text::Dialect;
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

mod app;
pub(super) mod fields;
mod names;
mod read;
mod receivers;

/// What the whole program is told. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of the built-in texts of messages and pages.
    pub language: Language,
    /// Of schedules and shown times.
    pub timezone: Tz,
    /// The folder of the watchers.
    pub watchers: PathBuf,
    /// The folder of the calendars; it need not be there.
    pub calendars_folder: PathBuf,
    /// Working days by name: built in, and from the folder.
    pub calendars: Calendars,
    /// Where people reach the pages; http or https.
    pub public_url: Option<Url>,
    /// Where rowbell keeps what it knows.
    pub store: StoreSettings,
    /// The business databases, by name.
    pub sources: BTreeMap<String, SourceSettings>,
    /// The organisations whose quotas are counted, by name.
    pub organisations: BTreeMap<String, OrganisationSettings>,
    /// The destinations, by name.
    pub receivers: BTreeMap<String, ReceiverSettings>,
    /// The names of the receivers, also where only the store was wanted.
    pub receiver_names: Vec<String>,
    /// The pages and the API.
    pub web: WebSettings,
    /// The settings file, when there is one.
    pub file: Option<PathBuf>,
    /// The fault to tell when the watchers' folder cannot be read: it knows where the folder was named.
    pub(super) watchers_fault: Fault,
}

/// The `[store]` table.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `sqlite://…`; a relative path is in the working directory.
    pub url: SecretString,
    /// How long history, polls and delivered messages are kept.
    pub retention: Duration,
}

/// A `[sources.…]` table.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// `postgres://…`, `mysql://…` or `sqlite://…`.
    pub url: SecretString,
    /// Of the session.
    pub timezone: Tz,
    /// How many connections at most.
    pub max_connections: u32,
    /// How long a query may run.
    pub query_timeout: Duration,
    /// How many rows a poll may return.
    pub max_rows: u64,
}

impl SourceSettings {
    /// How its SQL is read.
    pub fn dialect(&self) -> Dialect {
        let scheme = self.url.expose_secret().split(':').next().unwrap_or_default().to_ascii_lowercase();
        match scheme.as_str() {
            "mysql" | "mariadb" => Dialect::Mysql,
            "sqlite" => Dialect::Sqlite,
            _ => Dialect::Postgres,
        }
    }
}

/// An `[organisations.…]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganisationSettings {
    /// Messages through webhooks and Stream a calendar month; `None`: not limited.
    pub monthly_quota: Option<u64>,
    /// API calls a calendar month; `None`: not limited.
    pub api_quota: Option<u64>,
    /// The receivers that are told when a quota is nearly or wholly used; none: the one whose message did it.
    pub tell: Vec<String>,
}

/// A `[receivers.…]` table.
#[derive(Clone, Debug)]
pub struct ReceiverSettings {
    /// Its organisation; `None` where there is only one, or none.
    pub organisation: Option<String>,
    /// How long what is not critical is gathered.
    pub digest: Option<Duration>,
    /// The receiver that takes over what this one refuses for good.
    pub fallback: Option<String>,
    /// What it is.
    pub kind: ReceiverKind,
}

/// What a receiver is, with what only that kind has.
#[derive(Clone, Debug)]
pub enum ReceiverKind {
    /// `dingtalk_robot`: custom robots in one DingTalk group.
    Robots(RobotsSettings),
    /// `dingtalk_app`: an app of the organisation.
    App(Box<AppSettings>),
}

/// What a `dingtalk_app` has.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Its Client ID.
    pub client_id: String,
    /// Its Client Secret.
    pub client_secret: SecretString,
    /// The code of its robot.
    pub robot_code: String,
    /// People, by user id.
    pub users: Vec<String>,
    /// People, by mobile number.
    pub mobiles: Vec<String>,
    /// Groups, by openConversationId.
    pub conversations: Vec<String>,
    /// As what people get a message.
    pub form: AppForm,
    /// The template of cards.
    pub card_template: String,
    /// For work notifications.
    pub agent_id: Option<u64>,
    /// Whether messages are taken back when all they told is over.
    pub recall_resolved: bool,
    /// Who may use chat commands, by user id.
    pub operators: Vec<String>,
    /// Where the API is.
    pub api_url: Url,
    /// Where the older API is.
    pub oapi_url: Url,
}

/// What a `dingtalk_robot` has.
#[derive(Clone, Debug)]
pub struct RobotsSettings {
    /// At least one.
    pub robots: Vec<RobotSettings>,
    /// What an administrator lets each of them send in a calendar month.
    pub monthly_cap: Option<u64>,
}

/// A custom robot.
#[derive(Clone, Debug)]
pub struct RobotSettings {
    /// Its address with its token.
    pub webhook: SecretString,
    /// With which messages are signed.
    pub secret: Option<SecretString>,
    /// Which each message must hold.
    pub keyword: Option<String>,
}

/// The `[web]` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSettings {
    /// Where the pages are served; an address of this machine only.
    pub listen: SocketAddr,
}

/// Under this name is counted what receivers without an organisation send.
const UNNAMED_ORGANISATION: &str = "-";

/// The name under which the settings file is looked for in the working directory.
const FILE_NAME: &str = "rowbell.toml";
/// Names the settings file.
const FILE_VARIABLE: &str = "ROWBELL_CONFIG";

/// Reads the settings: from `explicit`, else the file that `ROWBELL_CONFIG` names, else `rowbell.toml` in the working
/// directory when there is one; the environment goes over it.
pub fn load_settings(explicit: Option<&Path>, environment: &Environment) -> Result<Settings, Vec<Fault>> {
    let named = environment.variables.get(FILE_VARIABLE).filter(|path| !path.is_empty());
    let path = match (explicit, named) {
        (Some(path), _) => environment.folder.join(path),
        (None, Some(path)) => environment.folder.join(path),
        (None, None) => environment.folder.join(FILE_NAME),
    };
    let optional = explicit.is_none() && named.is_none();
    match super::read_text(&path) {
        Ok(text) => parse_settings(&path, &text, environment),
        Err(_) if optional && !path.exists() => settings_without_file(environment),
        Err(fault) if explicit.is_none() && matches!(fault.origin, Origin::File(_)) && named.is_some() => {
            let message = fault.message.replace("the file", &format!("the settings file `{}`", path.display()));
            Err(vec![Fault::of_variable(FILE_VARIABLE, message, Some("correct the path, or unset the variable".to_owned()))])
        }
        Err(fault) => Err(vec![fault]),
    }
}

/// Reads the settings from the text of a file; the environment goes over it.
pub fn parse_settings(path: &Path, text: &str, environment: &Environment) -> Result<Settings, Vec<Fault>> {
    let sheet = Sheet::of_settings(path, text, fields::open_keys());
    let (root, syntax) = node::parse(&sheet);
    read::read(root, Some(path), environment, Report::new(Some(&sheet), syntax))
}

fn settings_without_file(environment: &Environment) -> Result<Settings, Vec<Fault>> {
    let root = Node { content: Content::Table(Table::default()), place: Place::File(0..0) };
    read::read(root, None, environment, Report::new(None, Vec::new()))
}

impl Settings {
    /// Why a name is no source of these settings, and what to write instead.
    pub(super) fn unknown_source(&self, name: Text<'_>) -> (String, String) {
        unknown("source", "sources", name, self.sources.keys())
    }

    /// The organisation of a receiver: the one it names, or the only one; an unnamed one when there is none.
    pub fn organisation_of(&self, receiver: &ReceiverSettings) -> (String, OrganisationSettings) {
        let only = self.organisations.keys().next().filter(|_| self.organisations.len() == 1);
        let name = receiver.organisation.as_ref().or(only);
        name.and_then(|name| self.organisations.get_key_value(name))
            .map_or_else(|| (UNNAMED_ORGANISATION.to_owned(), OrganisationSettings::default()), |(name, own)| (name.clone(), own.clone()))
    }

    /// Why a name is no receiver of these settings, and what to write instead.
    pub(super) fn unknown_receiver(&self, name: Text<'_>) -> (String, String) {
        unknown("receiver", "receivers", name, self.receivers.keys())
    }
}

fn unknown<'a>(what: &str, table: &str, name: Text<'_>, known: impl Iterator<Item = &'a String> + Clone) -> (String, String) {
    let meant = nearest(name.value, known.clone().map(String::as_str)).map(|near| format!("did you mean \"{near}\"? "));
    let names: Vec<String> = known.map(|name| format!("\"{name}\"")).collect();
    let hint = match names.is_empty() {
        true => format!("the settings have no {what} yet: add [{table}.{}] to rowbell.toml", name.shown().unwrap_or("NAME")),
        false => format!("{}the settings have {}", meant.unwrap_or_default(), names.join(", ")),
    };
    (format!("the {what} {} is not in the settings", name.quoted()), hint)
}
