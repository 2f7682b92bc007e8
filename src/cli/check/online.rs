//! Lets each source check the queries of its watchers, and checks what depends on the columns of their results.

use super::Checked;
use super::template;
use crate::config::{Fault, Part, WatcherText, nearest};
use crate::domain::expression::Expression;
use crate::domain::query::Query;
use crate::domain::value::Kind;
use crate::domain::watcher::Watcher;
use crate::source::{Source, SourceError, SourceErrorKind};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The columns of a result, as expressions are checked against them.
type ResultColumns = [(String, Option<Kind>)];

/// Checks every valid watcher on its source; the sources at the same time, the watchers of one in turn.
pub(super) async fn check(checked: &mut [Checked], sources: &BTreeMap<String, Arc<Source>>) {
    let mut by_source: BTreeMap<String, Vec<&mut Checked>> = BTreeMap::new();
    for one in checked.iter_mut() {
        if let Some(name) = one.watcher().map(|watcher| watcher.source.clone()) {
            by_source.entry(name).or_default().push(one);
        }
    }
    let with_source = by_source.into_iter().filter_map(|(name, group)| Some((sources.get(&name)?, group)));
    join_all(with_source.map(|(source, group)| check_on(source, group))).await;
}

/// A source that cannot be reached is asked once, not once per watcher.
async fn check_on(source: &Source, group: Vec<&mut Checked>) {
    let account = source.account().await;
    if let Ok(account) = &account {
        for sentence in account.can_write.iter().chain(&account.notes) {
            eprintln!("warning: source `{}`: {sentence}", source.name());
        }
    }
    for one in group {
        let Some(watcher) = one.watcher().cloned() else { continue };
        let text = match WatcherText::read(&one.file.path) {
            Ok(text) => text,
            Err(fault) => {
                one.faults.push(fault);
                continue;
            }
        };
        let (faults, unreachable) = match &account {
            Err(error) if is_unreachable(error) => (vec![unreachable(&text, error)], true),
            _ => check_watcher(source, &watcher, &text).await,
        };
        (one.faults, one.unreachable) = (faults, unreachable);
    }
    source.close().await;
}

async fn check_watcher(source: &Source, watcher: &Watcher, text: &WatcherText) -> (Vec<Fault>, bool) {
    let columns = match source.prepare(&Query::plain(watcher.query.clone())).await {
        Ok(columns) => columns,
        Err(error) if is_unreachable(&error) => return (vec![unreachable(text, &error)], true),
        Err(error) => {
            let place = error.position.map(|position| word_at(&watcher.query, position));
            return (vec![text.fault(Part::Query, place, error.message, error.hint)], false);
        }
    };
    let columns: Vec<(String, Option<Kind>)> = columns.into_iter().map(|column| (column.name, column.kind)).collect();
    let mut faults = key_faults(watcher, &columns, text);
    faults.extend(condition_faults(watcher, &columns, text));
    faults.extend(template_faults(watcher, &columns, text));
    faults.sort_by(|a, b| a.origin.cmp(&b.origin));
    (faults, false)
}

fn is_unreachable(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Connect | SourceErrorKind::Timeout | SourceErrorKind::Interrupted)
}

fn unreachable(text: &WatcherText, error: &SourceError) -> Fault {
    let hint = error.hint.clone().unwrap_or_else(|| "`--offline` checks the files alone".to_owned());
    text.fault(Part::Source, None, format!("the query could not be checked on its source: {}", error.message), Some(hint))
}

/// The bytes of the word that begins at a character (from 1) of the query, or of the one character there.
fn word_at(query: &str, position: usize) -> Range<usize> {
    let start = query.char_indices().nth(position.saturating_sub(1)).map_or(query.len(), |(at, _)| at);
    let rest = &query[start..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    start..start + word.max(one)
}

fn key_faults(watcher: &Watcher, columns: &ResultColumns, text: &WatcherText) -> Vec<Fault> {
    let missing = watcher.key.iter().enumerate().filter(|(_, name)| find(columns, name).is_none());
    missing
        .map(|(at, name)| {
            let message = format!("the result has no column `{name}`");
            text.fault(Part::Key(at), None, message, Some(meant(name, columns.iter().map(|(name, _)| name.as_str()))))
        })
        .collect()
}

/// A column by its exact name, else by one that differs only in case: as rows find theirs.
fn find<'c>(columns: &'c ResultColumns, name: &str) -> Option<&'c str> {
    let exact = columns.iter().find(|(column, _)| column == name);
    let found = exact.or_else(|| columns.iter().find(|(column, _)| column.to_lowercase() == name.to_lowercase()));
    found.map(|(column, _)| column.as_str())
}

fn meant<'c>(name: &str, known: impl Iterator<Item = &'c str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn condition_faults(watcher: &Watcher, columns: &ResultColumns, text: &WatcherText) -> Vec<Fault> {
    let when = watcher.when.iter().map(|when| (Part::When, when, false));
    let cases = watcher.severity.cases.iter().enumerate();
    let severity = cases.filter_map(|(at, (when, _))| Some((Part::SeverityWhen(at), when.as_ref()?, false)));
    let blocks = watcher.notify.iter().enumerate();
    let notify = blocks.filter_map(|(at, block)| Some((Part::NotifyWhen(at), block.when.as_ref()?, true)));
    when.chain(severity).chain(notify).flat_map(|(part, when, knows)| condition(part, when, knows, columns, text)).collect()
}

fn condition(part: Part, when: &Expression, knows_severity: bool, columns: &ResultColumns, text: &WatcherText) -> Vec<Fault> {
    let errors = when.check_condition(columns);
    let mut faults: Vec<Fault> = errors.into_iter().map(|error| text.fault(part, Some(error.span), error.message, error.hint)).collect();
    if let Some(span) = when.severity_span().filter(|_| !knows_severity && find(columns, "severity").is_none()) {
        let hint = "it can be asked in the `when` of a [[notify]] block".to_owned();
        faults.push(text.fault(part, Some(span), "the severity is not known yet when this is evaluated", Some(hint)));
    }
    faults
}

fn template_faults(watcher: &Watcher, columns: &ResultColumns, text: &WatcherText) -> Vec<Fault> {
    let message = &watcher.message;
    let mut parts: Vec<(Part, &str, template::Sees)> = Vec::new();
    parts.extend(message.title.as_deref().map(|title| (Part::Title, title, template::Sees::Events)));
    parts.extend(message.body.as_deref().map(|body| (Part::Body, body, template::Sees::Events)));
    for (at, button) in message.buttons.iter().enumerate() {
        parts.push((Part::ButtonTitle(at), &button.title, template::Sees::OneEvent));
        parts.push((Part::ButtonUrl(at), &button.url, template::Sees::OneEventForUrl));
    }
    let row: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let key: Vec<&str> = watcher.key.iter().map(|name| find(columns, name).unwrap_or(name)).collect();
    let unknown = |(part, source, sees)| {
        let found = template::unknown_names(source, sees, &row, &key).into_iter();
        found.map(move |name| text.fault(part, Some(name.span), name.message, Some(name.hint))).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::word_at;

    #[test]
    fn the_word_at_a_character_is_marked_whole() {
        let query = "select 库存, nme\nfrom t";
        assert_eq!(&query[word_at(query, 12)], "nme");
        assert_eq!(&query[word_at(query, 8)], "库存");
        assert_eq!(&query[word_at(query, 10)], ",");
        assert_eq!(word_at(query, 99), query.len()..query.len());
    }
}
