//! `watchers/NAME.test.toml`: the tests of a watcher, as values that can be run.
//!
//! A file of tests is read with the watcher that it tests, because the times in it are on the wall clock of the watcher's
//! zone, and a poll without a time is made in the watcher's next slot. Neither needs a database or a secret: sources and
//! receivers that the watcher names are taken as they are named, whether the settings know them or not.

use super::fault::Fault;
use super::is_name;
use super::node::{self, Content, Node};
use super::reader::Report;
use super::settings::Settings;
use super::sheet::Sheet;
use super::watcher::parse_watcher;
use crate::domain::alert::{EventKind, Severity};
use crate::domain::message::Language;
use crate::domain::row::{Columns, Row};
use crate::domain::watcher::Watcher;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod expected;
pub(super) mod fields;
mod moment;
mod read;
mod rows;
mod template;
mod text_table;

pub use fields::FAILURES;
pub use template::new_watcher_test;

/// What the name of a file of tests ends with.
pub const SUFFIX: &str = ".test.toml";

/// A file of tests, and what became of it.
#[derive(Clone, Debug)]
pub struct WatcherTestFile {
    /// Where it is.
    pub path: PathBuf,
    /// The watcher's name.
    pub name: String,
    /// The tests, or all that is wrong with them and with the watcher.
    pub tests: Result<WatcherTests, Vec<Fault>>,
}

/// The tests of one watcher.
#[derive(Clone, Debug)]
pub struct WatcherTests {
    /// The watcher; of several sources those that the tests name.
    pub watcher: Watcher,
    /// The language of messages.
    pub language: Language,
    /// The zone of the settings.
    pub timezone: Tz,
    /// In the order of the file.
    pub tests: Vec<WatcherTest>,
}

/// Polls that follow one another.
#[derive(Clone, Debug)]
pub struct WatcherTest {
    /// What it shows.
    pub name: String,
    /// Where it begins in the file.
    pub line: usize,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// The polls.
    pub polls: Vec<TestPoll>,
}

/// A poll, what it finds, and what is expected to follow.
#[derive(Clone, Debug)]
pub struct TestPoll {
    /// Where it begins in the file.
    pub line: usize,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// Whether the program is started anew before it.
    pub restart: bool,
    /// Whether a held result is released before it.
    pub release: bool,
    /// The keys of alerts that are acknowledged before it.
    pub ack: Vec<String>,
    /// For how long the watcher is silenced before it.
    pub silence: Option<Duration>,
    /// What each source answers.
    pub reads: BTreeMap<String, TestRead>,
    /// What follows.
    pub expected: Expected,
}

/// What a source answers.
#[derive(Clone, Debug)]
pub struct TestRead {
    /// The result of the query.
    pub rows: TestRows,
    /// The result of `expect_query`, where the watcher has one.
    pub expect_rows: Option<TestRows>,
    /// How the query fails after its rows: a word and a sentence.
    pub failure: Option<(&'static str, String)>,
}

/// A result.
#[derive(Clone, Debug)]
pub struct TestRows {
    /// Its columns, also of no rows.
    pub columns: Arc<Columns>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// What a poll is expected to come to. What is absent is not looked at, but for events, errors and warnings: each of these
/// must be expected.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// All events, in any order.
    pub events: Vec<ExpectedEvent>,
    /// The keys that fire.
    pub firing: Option<Vec<String>>,
    /// The keys that wait.
    pub pending: Option<Vec<String>>,
    /// Who gets a message.
    pub told: Option<Vec<String>>,
    /// By receiver the messages, in the order in which they are made.
    pub messages: Vec<(String, Vec<ExpectedMessage>)>,
    /// Parts of what is wrong with the poll.
    pub error: Vec<String>,
    /// Parts of the warnings.
    pub warnings: Vec<String>,
    /// The line of each expectation: `events`, `message.warehouse` ….
    pub lines: BTreeMap<String, usize>,
}

/// An expected event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedEvent {
    /// What happens.
    pub kind: EventKind,
    /// The texts of the key's columns, separated by `/`; empty for an event without a key.
    pub key: Option<String>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// Who is told.
    pub receivers: Option<Vec<String>>,
    /// A part of why.
    pub reason: Option<String>,
}

/// An expected message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedMessage {
    /// What a phone shows.
    pub title: Option<String>,
    /// The whole text; line breaks at its end do not count.
    pub text: Option<String>,
    /// Parts of it.
    pub contains: Vec<String>,
    /// Who is called by name.
    pub mentions: Option<Vec<String>>,
}

/// The files of tests in a folder, in the order of their names.
///
/// # Errors
/// The folder cannot be read.
pub fn test_files(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let unreadable =
        |error: std::io::Error| Fault::of_file(folder, format!("cannot read the folder of watchers: {}", super::describe_io(&error)), None);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(SUFFIX) && !name.starts_with('.') && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads a file of tests, and the watcher beside it.
pub fn load_watcher_tests(path: &Path, settings: &Settings) -> WatcherTestFile {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = file.strip_suffix(SUFFIX).unwrap_or(&file).to_owned();
    let tests = match super::read_text(path) {
        Ok(text) => parse_watcher_tests(&name, path, &text, settings),
        Err(fault) => Err(vec![fault]),
    };
    WatcherTestFile { path: path.to_owned(), name, tests }
}

/// Reads tests from the text of a file. The watcher is looked up beside `path`.
pub fn parse_watcher_tests(name: &str, path: &Path, text: &str, settings: &Settings) -> Result<WatcherTests, Vec<Fault>> {
    let sheet = Sheet::of_watcher(path, text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    let tests = read::read(name, path, &root, settings, &mut report);
    report.finish(tests)
}

/// The file of the watcher that is tested.
struct Tested<'a> {
    name: &'a str,
    path: PathBuf,
    text: String,
    root: Node,
}

impl<'a> Tested<'a> {
    /// Reads the watcher's file beside that of the tests.
    fn beside(path: &Path, name: &'a str) -> Result<Tested<'a>, Fault> {
        let beside = path.with_file_name(format!("{name}.toml"));
        if !beside.exists() {
            let message = format!("there is no watcher `{name}` beside it: {} does not exist", beside.display());
            let hint = "the tests of low_stock.toml stand in low_stock.test.toml".to_owned();
            return Err(Fault::of_file(path, message, Some(hint)));
        }
        let text = super::read_text(&beside)?;
        let (root, _) = node::parse(&Sheet::of_watcher(&beside, &text));
        Ok(Tested { name, path: beside, text, root })
    }

    fn reads_several(&self) -> bool {
        self.root.table().is_some_and(|table| table.get("sources").is_some())
    }

    /// The watcher, among settings that know every source and receiver it names. Of several sources it reads those that the
    /// tests name.
    fn watcher(&self, settings: &Settings, tested_sources: &[String]) -> Result<Watcher, Vec<Fault>> {
        let mut sources = named(&self.root, &["source"]);
        sources.extend(named(&self.root, &["sources"]));
        sources.extend(tested_sources.iter().cloned());
        sources.retain(|name| is_name(name));
        let receivers = named(&self.root, &["notify", "receivers"]);
        let mut watcher = parse_watcher(self.name, &self.path, &self.text, &settings.with_names(&sources, &receivers))?;
        if watcher.names_source() {
            watcher.sources.retain(|name| tested_sources.contains(name));
            watcher.source = watcher.sources.first().cloned().unwrap_or(watcher.source);
        }
        Ok(watcher)
    }
}

/// The texts that stand below these keys, in tables and arrays of any depth.
fn named(node: &Node, keys: &[&str]) -> Vec<String> {
    match (&node.content, keys) {
        (Content::Array(items), _) => items.iter().flat_map(|item| named(item, keys)).collect(),
        (Content::Table(table), [first, rest @ ..]) => table.get(first).map(|entry| named(&entry.node, rest)).unwrap_or_default(),
        (Content::Text(text, _), []) => vec![text.clone()],
        _ => Vec::new(),
    }
}
