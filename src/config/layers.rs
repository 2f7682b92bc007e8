//! Lays the environment over the settings file, by the `config` crate, and keeps the place of every value.
//!
//! `config` knows no lines. Each value goes through it with an origin (the file, or the environment variable's
//! name); what comes out is joined again with the tree of the file.

use super::Environment;
use super::node::{Content, Entry, Node, Place, Table};
use config::{Config, ConfigError, Map, Source, Value, ValueKind};

/// The prefix of the variables that are settings: `ROWBELL__STORE__URL`.
const PREFIX: &str = "ROWBELL";

/// The origin of what was written in the file.
const FILE: &str = "file";

/// All is laid below this key: `config` would read the dots of a quoted key as a path at the top.
const ROOT: &str = "settings";

/// The file's tree with the environment laid over it.
pub(super) fn merge(file: &Node, environment: &Environment) -> Result<Node, ConfigError> {
    let mut builder = Config::builder().add_source(Layer(entries(file.table())));
    for (name, text) in &environment.variables {
        for (path, value) in variable(name, text)? {
            builder = builder.add_source(Layer(nested(&path, value, file.table())));
        }
    }
    let merged = builder.build()?.cache.into_table()?.remove(ROOT);
    Ok(merged.and_then(|merged| join(&merged, Some(file))).unwrap_or_else(|| file.clone()))
}

/// A part of the settings, ready to be laid over what is below.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(Map::from([(ROOT.to_owned(), Value::new(None, ValueKind::Table(self.0.clone())))]))
    }
}

/// The path and the value that one environment variable sets; nothing when it is none of ours.
fn variable(name: &str, text: &str) -> Result<Map<String, Value>, ConfigError> {
    let one = Map::from([(name.to_owned(), text.to_owned())]);
    let reader = config::Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").source(Some(one));
    let origin = name.to_owned();
    Ok(reader.collect()?.into_iter().map(|(path, value)| (path, Value::new(Some(&origin), value.kind))).collect())
}

/// The value below the keys of a path. Variables know no case: the file's own spelling of a key is taken.
fn nested(path: &str, value: Value, file: Option<&Table>) -> Map<String, Value> {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let entry = file.and_then(|table| table.entries.iter().find(|entry| entry.name.to_lowercase() == key));
    let name = entry.map_or(key, |entry| &entry.name).to_owned();
    let value = match rest {
        None => value,
        Some(rest) => Value::new(None, ValueKind::Table(nested(rest, value, entry.and_then(|entry| entry.node.table())))),
    };
    Map::from([(name, value)])
}

/// The file's values: tables as they are, the rest as a mark that says where to look.
fn entries(table: Option<&Table>) -> Map<String, Value> {
    let origin = FILE.to_owned();
    let value = |node: &Node| match &node.content {
        Content::Table(table) => Value::new(Some(&origin), ValueKind::Table(entries(Some(table)))),
        _ => Value::new(Some(&origin), ValueKind::Nil),
    };
    table.map(|table| table.entries.iter().map(|entry| (entry.name.clone(), value(&entry.node))).collect()).unwrap_or_default()
}

/// The merged value as a node: from the file, from a variable, or a table of both.
fn join(value: &Value, file: Option<&Node>) -> Option<Node> {
    let ValueKind::Table(merged) = &value.kind else {
        return match value.origin() {
            Some(FILE) => file.cloned(),
            Some(name) => Some(Node { content: Content::Text(value.kind.to_string(), false), place: Place::Variable(name.to_owned()) }),
            None => None,
        };
    };
    let below = file.and_then(Node::table);
    let in_file = |name: &str| below.and_then(|table| table.get(name));
    let mut found: Vec<Entry> = merged
        .iter()
        .filter_map(|(name, value)| {
            let entry = in_file(name);
            let node = join(value, entry.map(|entry| &entry.node))?;
            let key_place = entry.map_or_else(|| node.place.clone(), |entry| entry.key_place.clone());
            let key_place = if matches!(node.place, Place::Variable(_)) { node.place.clone() } else { key_place };
            Some(Entry { name: name.clone(), key_place, node })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let place = match file {
        Some(file) if below.is_some() => file.place.clone(),
        _ => found.first().map_or(Place::File(0..0), |entry| entry.node.place.clone()),
    };
    Some(Node { content: Content::Table(Table { entries: found }), place })
}
