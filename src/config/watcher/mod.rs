//! `watchers/*.toml` as [`Watcher`]s. One bad file never hurts the others.
//!
//! A watcher that tells no one is a fault, not a choice: without a `[[notify]]` block the settings must name exactly
//! one receiver, which is told everything then.

use super::fault::Fault;
use super::node;
use super::place::{Part, WatcherText};
use super::reader::{Reader, Report};
use super::settings::Settings;
use super::sheet::Sheet;
use crate::domain::watcher::{Span, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

mod active;
mod chart;
pub(super) mod fields;
mod guard;
pub(super) mod message_fields;
mod notify;
mod params;
mod read;
mod watching;

pub(super) use notify::{LASTING, NOTIFY, STEP};
pub(super) use params::OWN_PARAMS;

/// A file of the watchers' folder, and what became of it.
#[derive(Clone, Debug)]
pub struct WatcherFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its stem: the watcher's name.
    pub name: String,
    /// A hash of its text and of its query's file: while it stays the same, so does the watcher.
    pub text_hash: u64,
    /// The watcher, or all that is wrong with it.
    pub watcher: Result<Watcher, Vec<Fault>>,
}

/// Reads every `*.toml` of the folder but the tests (`*.test.toml`) and hidden files; in the order of their names.
pub fn load_watchers(folder: &Path, settings: &Settings) -> Result<Vec<WatcherFile>, Fault> {
    let paths = watcher_paths(folder).map_err(|error| unreadable_folder(folder, settings, &error))?;
    let mut seen = BTreeSet::new();
    let load = |path: PathBuf| {
        let mut file = load_watcher(&path, settings);
        if !seen.insert(file.name.clone()) {
            let message = format!("there is a watcher of the name `{}` already", file.name);
            file.watcher = Err(vec![Fault::of_file(&path, message, Some("rename one of the files".to_owned()))]);
        }
        file
    };
    let mut files: Vec<WatcherFile> = paths.into_iter().map(load).collect();
    refuse_living_names(&mut files);
    Ok(files)
}

/// What is known under a name goes to one watcher only, and only when no other file has that name now.
fn refuse_living_names(files: &mut [WatcherFile]) {
    let names: BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let formerly = file.watcher.as_ref().ok().and_then(|watcher| watcher.formerly.clone());
        let Some(formerly) = formerly.filter(|name| *name != file.name) else { continue };
        let (message, hint) = match taken.get(&formerly) {
            _ if names.contains(&formerly) => {
                (format!("the watcher `{formerly}` is still there"), format!("remove the file {formerly}.toml, or this line"))
            }
            Some(other) => (
                format!("the watcher `{other}` was `{formerly}`, too"),
                "what is known under a name goes to one watcher: remove one of the lines".to_owned(),
            ),
            None => {
                taken.insert(formerly, file.name.clone());
                continue;
            }
        };
        let fault = match WatcherText::read(&file.path) {
            Ok(text) => text.fault(Part::Formerly, None, message, Some(hint)),
            Err(fault) => fault,
        };
        file.watcher = Err(vec![fault]);
    }
}

/// The names of the watchers of a folder, whatever is in their files; none when it cannot be read.
pub fn watcher_names(folder: &Path) -> Vec<String> {
    let paths = watcher_paths(folder).unwrap_or_default();
    paths.iter().filter_map(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned()).collect()
}

/// For how long the keys of a watcher hold before they fire: what can be said of it without sources and receivers.
pub fn read_hold_for(folder: &Path, name: &str) -> Option<Span> {
    let path = folder.join(format!("{name}.toml"));
    let text = super::read_text(&path).ok()?;
    let sheet = Sheet::of_watcher(&path, &text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    let reader = Reader::new(&fields::WATCHER, &root, &mut report)?;
    Some(reader.span("for", &mut report))
}

/// Reads one file.
pub fn load_watcher(path: &Path, settings: &Settings) -> WatcherFile {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = match super::read_text(path) {
        Ok(text) => text,
        Err(fault) => return WatcherFile { path: path.to_owned(), name, text_hash: 0, watcher: Err(vec![fault]) },
    };
    let watcher = parse_watcher(&name, path, &text, settings);
    let query = watcher.as_ref().map(|watcher| watcher.query.as_str()).unwrap_or_default();
    let text_hash = xxh3_64(format!("{text}\0{query}").as_bytes());
    WatcherFile { path: path.to_owned(), name, text_hash, watcher }
}

/// Reads a watcher from the text of a file. `query_file` is looked up beside `path`.
pub fn parse_watcher(name: &str, path: &Path, text: &str, settings: &Settings) -> Result<Watcher, Vec<Fault>> {
    let sheet = Sheet::of_watcher(path, text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    if !super::is_name(name) {
        let message = format!("`{}` cannot be a watcher's name", name.escape_debug());
        let hint = "name the file with letters, digits, `_` and `-`, such as low_stock.toml".to_owned();
        report.push(Fault::of_file(path, message, Some(hint)));
    }
    let watcher = read::read(name, path, &root, settings, &mut report);
    report.finish(watcher)
}

fn watcher_paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let wanted = name.ends_with(".toml") && !name.ends_with(".test.toml") && !name.starts_with('.');
        if wanted && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable_folder(folder: &Path, settings: &Settings, error: &std::io::Error) -> Fault {
    let mut fault = settings.watchers_fault.clone();
    if folder != settings.watchers {
        fault = Fault::of_file(folder, format!("cannot read the folder of watchers `{}`", folder.display()), None);
    }
    fault.message = format!("{}: {}", fault.message, super::describe_io(error));
    fault.hint = Some("create it, or name another one in rowbell.toml: watchers = \"…\"".to_owned());
    fault
}
