//! Settings of which only the names count: what neither reads a source nor sends to a receiver needs no secret, and what
//! tests a watcher needs no settings at all. In the place of addresses stand some that lead nowhere.

use super::Settings;
use super::read::read_source;
use super::receivers::read_receiver;
use crate::config::node::{Content, Entry, Node, Place, Table};
use crate::config::reader::Report;

/// What is read beside the names.
const KEPT: [&str; 6] = ["language", "timezone", "watchers", "calendars", "sources", "receivers"];
/// The schemes that say what SQL a source speaks.
const SCHEMES: [&str; 5] = ["postgres", "postgresql", "mysql", "mariadb", "sqlite"];

/// Leaves of sources and receivers nothing but their names, and nothing of what has no part in it.
pub(super) fn only_names(root: &mut Table) {
    root.entries.retain(|entry| KEPT.contains(&entry.name.as_str()));
    for (name, lead_nowhere) in [("sources", source as fn(&Node) -> Node), ("receivers", receiver)] {
        let Some(entry) = root.entries.iter_mut().find(|entry| entry.name == name) else { continue };
        let Content::Table(named) = &mut entry.node.content else { continue };
        for entry in &mut named.entries {
            entry.node = lead_nowhere(&entry.node);
        }
    }
}

impl Settings {
    /// The same settings, in which these sources and receivers are known too.
    pub(in crate::config) fn with_names(&self, sources: &[String], receivers: &[String]) -> Settings {
        let mut settings = self.clone();
        let mut report = Report::new(None, Vec::new());
        let nothing = Node { content: Content::Table(Table::default()), place: Place::File(0..0) };
        for name in sources.iter().filter(|name| !self.sources.contains_key(*name)) {
            let read = read_source("[sources]", &source(&nothing), self.timezone, &mut report);
            settings.sources.extend(read.map(|read| (name.clone(), read)));
        }
        for name in receivers.iter().filter(|name| !self.receivers.contains_key(*name)) {
            let read = read_receiver("[receivers]", &receiver(&nothing), &mut report);
            settings.receivers.extend(read.map(|read| (name.clone(), read)));
        }
        settings
    }
}

fn source(written: &Node) -> Node {
    let url = match written.table().and_then(|table| table.get("url")).map(|entry| &entry.node.content) {
        Some(Content::Text(url, _)) => url.split(':').next().unwrap_or_default(),
        _ => "",
    };
    let scheme = SCHEMES.into_iter().find(|scheme| *scheme == url).unwrap_or("postgres");
    table(&written.place, &[("url", &format!("{scheme}://localhost/nowhere"))])
}

fn receiver(written: &Node) -> Node {
    table(&written.place, &[("type", "dingtalk_robot"), ("webhook", "https://localhost/nowhere")])
}

fn table(place: &Place, texts: &[(&str, &str)]) -> Node {
    let text = |text: &str| Node { content: Content::Text(text.to_owned(), false), place: place.clone() };
    let entry = |(name, value): &(&str, &str)| Entry { name: (*name).to_owned(), key_place: place.clone(), node: text(value) };
    Node { content: Content::Table(Table { entries: texts.iter().map(entry).collect() }), place: place.clone() }
}
