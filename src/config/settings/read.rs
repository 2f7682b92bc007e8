//! Reads the merged tree of the settings, table by table, and goes on after each fault.

use super::fields::{SETTINGS, SOURCE, STORE, WEB};
use super::receivers::{check_references, read_organisation, read_receiver};
use super::{FILE_NAME, Language, Settings, SourceSettings, StoreSettings, WebSettings, names};
use crate::config::calendar::{self, load_calendars};
use crate::config::fault::Fault;
use crate::config::node::{Content, Node, Place, Table};
use crate::config::reader::{Reader, Report, Text};
use crate::config::sheet::may_be_shown;
use crate::config::{Environment, describe_io, expand, is_name, layers};
use crate::domain::calendar::Calendars;
use chrono_tz::Tz;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use url::Url;

/// Lays the environment over the file, puts in `${…}`, and reads it all.
pub(super) fn read(file: Node, path: Option<&Path>, environment: &Environment, mut report: Report<'_>) -> Result<Settings, Vec<Fault>> {
    let folder = path.and_then(Path::parent).unwrap_or(&environment.folder);
    let mut root = match layers::merge(&file, environment) {
        Ok(root) => root,
        Err(_) => {
            let message = "the environment could not be laid over the settings";
            report.push(Fault::of_file(path.unwrap_or(Path::new(FILE_NAME)), message, None));
            file
        }
    };
    let receiver_names = names(&root, "receivers");
    if environment.store_only
        && let Content::Table(table) = &mut root.content
    {
        table.entries.retain(|entry| !matches!(entry.name.as_str(), "sources" | "receivers" | "organisations"));
    }
    if environment.names_only
        && let Content::Table(table) = &mut root.content
    {
        names::only_names(table);
    }
    expand::expand(&mut root, "", environment, folder, &mut report);
    let settings = read_root(&root, path, folder, environment, &mut report);
    report.finish(settings.map(|settings| Settings { receiver_names, ..settings }))
}

/// The names of the tables below a key.
fn names(root: &Node, key: &str) -> Vec<String> {
    let below = root.table().and_then(|table| table.get(key)).and_then(|entry| entry.node.table());
    below.map(|table| table.entries.iter().map(|entry| entry.name.clone()).collect()).unwrap_or_default()
}

fn read_root(root: &Node, path: Option<&Path>, folder: &Path, environment: &Environment, report: &mut Report<'_>) -> Option<Settings> {
    let reader = Reader::new(&SETTINGS, root, report)?;
    let timezone = reader.zone("timezone", report).unwrap_or_else(|| environment.zone());
    let language = reader.word("language", report).map(|word| if word == "en" { Language::En } else { Language::ZhCn });
    let watchers = reader.text_or_default("watchers", report);
    let calendars = reader.text_or_default("calendars", report);
    let public_url = public_url(&reader, report);
    let store = read_store(&reader, report);
    let web = read_web(&reader, report);
    let sources = named(&reader, "sources", report, |title, node, report| read_source(title, node, timezone, report));
    let organisations = named(&reader, "organisations", report, read_organisation);
    let receivers = named(&reader, "receivers", report, read_receiver);
    check_references(&reader, &organisations, report);
    let watchers_node = reader.node("watchers");
    let watchers = folder_of(watchers_node, &watchers?, folder, environment);
    let watchers_fault = folder_fault("watchers", watchers_node, &watchers, report);
    let calendars_folder = folder_of(reader.node("calendars"), &calendars?, folder, environment);
    let calendars = read_calendars(reader.node("calendars"), &calendars_folder, environment, report);
    let file = path.map(Path::to_owned);
    Some(Settings {
        language: language?,
        timezone,
        watchers,
        calendars_folder,
        calendars: calendars?,
        public_url,
        store: store?,
        sources,
        organisations,
        receivers,
        receiver_names: Vec::new(),
        web: web?,
        file,
        watchers_fault,
    })
}

/// A folder that a variable names is looked up in the working directory, any other one beside the file.
fn folder_of(node: Option<&Node>, name: &str, beside: &Path, environment: &Environment) -> PathBuf {
    match node.map(|node| &node.place) {
        Some(Place::Variable(_)) => environment.folder.join(name),
        _ => beside.join(name),
    }
}

/// Only here is it known where the folder was named.
fn folder_fault(what: &str, node: Option<&Node>, folder: &Path, report: &Report<'_>) -> Fault {
    let message = format!("cannot read the folder of {what} `{}`", folder.display());
    match node {
        None => Fault::of_file(folder, message, None),
        Some(node) if Text::of(node).is_some_and(|text| text.shown().is_none()) => {
            report.fault(&node.place, format!("cannot read the folder of {what}"), None)
        }
        Some(node) => report.fault(&node.place, message, None),
    }
}

/// The calendars; a folder that is named must be there, one by default need not.
fn read_calendars(node: Option<&Node>, folder: &Path, environment: &Environment, report: &mut Report<'_>) -> Option<Calendars> {
    if let (Some(_), Err(error)) = (node, std::fs::read_dir(folder)) {
        let mut fault = folder_fault("calendars", node, folder, report);
        fault.message = format!("{}: {}", fault.message, describe_io(&error));
        fault.hint = Some("create it, or remove the line: `cn-workdays` is built in".to_owned());
        report.push(fault);
        return None;
    }
    let loaded = if environment.store_only { calendar::built_in() } else { load_calendars(folder) };
    loaded.map_err(|faults| faults.into_iter().for_each(|fault| report.push(fault))).ok()
}

fn public_url(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Url> {
    let text = reader.text("public_url", report)?;
    let url = Url::parse(text.value).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    if url.is_none() {
        let hint = "write it whole: public_url = \"https://rowbell.example.com\"".to_owned();
        report.at(text.place(), "`public_url` is not an address of a web page", Some(hint));
    }
    url
}

fn read_store(root: &Reader<'_>, report: &mut Report<'_>) -> Option<StoreSettings> {
    let empty = Node { content: Content::Table(Table::default()), place: root.place.clone() };
    let reader = Reader::new(&STORE, root.node("store").unwrap_or(&empty), report)?;
    let url = reader.text_or_default("url", report);
    if let (Some(url), Some(node)) = (&url, reader.node("url")) {
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => {}
            "postgres" | "postgresql" => {
                let hint = "write for now: url = \"sqlite://rowbell.db\"".to_owned();
                report.at(&node.place, "a store in PostgreSQL is not available in this version", Some(hint));
            }
            _ => {
                let hint = "write for example: url = \"sqlite://rowbell.db\"".to_owned();
                report.at(&node.place, "`store.url` is not the address of a store", Some(hint));
            }
        }
    }
    let retention = reader.duration("retention", report);
    Some(StoreSettings { url: SecretString::from(url?), retention: retention? })
}

fn read_web(root: &Reader<'_>, report: &mut Report<'_>) -> Option<WebSettings> {
    let empty = Node { content: Content::Table(Table::default()), place: root.place.clone() };
    let reader = Reader::new(&WEB, root.node("web").unwrap_or(&empty), report)?;
    let text = reader.text_or_default("listen", report)?;
    let place = reader.node("listen").map_or(reader.place, |node| &node.place);
    let Ok(listen) = text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>() else {
        let hint = "write address and port: listen = \"127.0.0.1:7788\"".to_owned();
        report.at(place, "`web.listen` is not an address with a port", Some(hint));
        return None;
    };
    if !listen.ip().is_loopback() {
        let hint =
            "there are no users and tokens yet, so anyone could act: listen on 127.0.0.1 and put a proxy that asks who it is in front";
        report.at(place, "`web.listen` must be an address of this machine only in this version", Some(hint.to_owned()));
        return None;
    }
    Some(WebSettings { listen })
}

/// Reads each table of a table of tables.
fn named<T>(
    root: &Reader<'_>,
    name: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&str, &Node, &mut Report<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let Some(node) = root.node(name) else { return BTreeMap::new() };
    let Some(table) = node.table() else {
        let hint = format!("write a table for each: [{name}.NAME]");
        report.at(&node.place, format!("expected a table, found {}", node.describe()), Some(hint));
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for entry in &table.entries {
        if !is_name(&entry.name) {
            let shown = if may_be_shown(&entry.name) { format!("`{}`", entry.name) } else { "this".to_owned() };
            let hint = "letters, digits, `_` and `-`".to_owned();
            report.at(&entry.key_place, format!("{shown} cannot be a name"), Some(hint));
        }
        if let Some(value) = read(&format!("[{name}.{}]", entry.name), &entry.node, report) {
            found.insert(entry.name.clone(), value);
        }
    }
    found
}

pub(super) fn read_source(title: &str, node: &Node, default_zone: Tz, report: &mut Report<'_>) -> Option<SourceSettings> {
    let reader = Reader::titled(&SOURCE, title, node, report)?;
    reader.require(report);
    let url = reader.text("url", report);
    if let Some(url) = url {
        let scheme = url.value.split(':').next().unwrap_or_default();
        let known = ["postgres", "postgresql", "mysql", "mariadb", "sqlite"].contains(&scheme);
        // A path of SQLite need not be a URL; a server's address must be one.
        if !known || (scheme != "sqlite" && !Url::parse(url.value).is_ok_and(|url| url.has_host())) {
            let hint = "postgres://user:password@host/database, mysql://user:password@host/database or sqlite://file.db; \
                        special characters of a password are written as %XX";
            report.at(url.place(), "`url` is not the address of a database", Some(hint.to_owned()));
        }
    }
    let timezone = reader.zone("timezone", report).unwrap_or(default_zone);
    let max_connections = reader.count("max_connections", report).and_then(|count| u32::try_from(count).ok());
    let query_timeout = reader.duration("query_timeout", report);
    let max_rows = reader.count("max_rows", report);
    Some(SourceSettings {
        url: SecretString::from(url?.value),
        timezone,
        max_connections: max_connections?,
        query_timeout: query_timeout?,
        max_rows: max_rows?,
    })
}
