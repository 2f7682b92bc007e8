//! Files into valid domain values: the settings and the watchers, with every fault at its line and column, all of
//! them at once.
//!
//! A file is read as far as it can be read (`node`): a value that is wrong is told, and the reading goes on. What
//! may stand where is said once, in lists of fields (`field`); known keys, messages, defaults, the JSON Schema
//! ([`schema`]) and the commented template ([`template`]) all come from them. Nothing here reads the process'
//! environment but [`Environment::of_process`].

pub mod calendar;
pub mod fault;
pub mod schema;
pub mod settings;
pub mod template;
pub mod watcher;
pub mod watcher_test;

mod expand;
mod field;
mod layers;
mod node;
mod place;
mod reader;
mod sheet;

pub use calendar::{load_calendars, parse_calendar};
pub use fault::{Fault, Origin, render_faults, render_warnings};
pub use field::nearest;
pub use place::{Part, WatcherText};
pub use settings::{
    AppSettings, Language, OrganisationSettings, ReceiverKind, ReceiverSettings, RobotSettings, RobotsSettings, Settings, SourceSettings,
    StoreSettings, WebSettings, load_settings, parse_settings,
};
pub use watcher::{WatcherFile, load_watcher, load_watchers, parse_watcher, read_hold_for, watcher_names};

use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A settings or watcher file that is larger is not one.
const FILE_SIZE_MAX: u64 = 1024 * 1024;

/// What the settings may depend on outside of their file; given, so that a test needs no real environment.
#[derive(Clone, Default)]
pub struct Environment {
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory; empty means the process' own.
    pub folder: PathBuf,
    /// The machine's IANA time zone, when it is known.
    pub timezone: Option<String>,
    /// Whether only the store is wanted: sources and receivers, and the secrets in them, are left out.
    pub store_only: bool,
    /// Whether of sources and receivers only the names are wanted, for what neither reads nor sends: no `${…}` is looked up.
    pub names_only: bool,
}

impl Environment {
    /// The process' own. A variable that is not Unicode is none of ours.
    pub fn of_process() -> Environment {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Environment {
            variables: variables.collect(),
            folder: PathBuf::new(),
            timezone: iana_time_zone::get_timezone().ok(),
            store_only: false,
            names_only: false,
        }
    }

    /// The machine's zone; UTC on a machine that names none, as its other programs would have it.
    fn zone(&self) -> Tz {
        self.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
    }
}

/// The names only: a variable may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        f.debug_struct("Environment").field("variables", &names).field("folder", &self.folder).field("timezone", &self.timezone).finish()
    }
}

/// Whether a text can name a watcher, a source or a receiver: letters of any script, digits, `_` and `-`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// The text of a file, or the fault of it.
fn read_text(path: &Path) -> Result<String, Fault> {
    let unreadable = |error: io::Error| Fault::of_file(path, format!("cannot read the file: {}", describe_io(&error)), None);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Fault::of_file(path, "cannot read the file: it is a folder", None));
    }
    if !metadata.is_file() {
        return Err(Fault::of_file(path, "cannot read the file: it is a pipe or a device, not a regular file", None));
    }
    if metadata.len() > FILE_SIZE_MAX {
        return Err(Fault::of_file(path, format!("the file is larger than {FILE_SIZE_MAX} bytes"), None));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let hint = Some("save it as UTF-8 (not GBK)".to_owned());
        Fault::new(Origin::Place { file: path.to_owned(), line, column }, "the file is not UTF-8".to_owned(), hint, None)
    })
}

/// An error of the file system in words, without the path.
fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a folder".to_owned(),
        kind => kind.to_string(),
    }
}
