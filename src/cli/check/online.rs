//! Lets each source check the queries of its watchers, and finds what depends on the columns of their results.

use super::columns::Checking;
use super::{Checked, plan, trial};
use crate::config::{Fault, Part, WatcherText, nearest};
use crate::domain::query::Query;
use crate::domain::sql_text::Dialect;
use crate::domain::watcher::{AlertOn, Expect, Watcher};
use crate::engine::{checkable, checkable_expected, prepared};
use crate::source::{Source, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What one source has to say of one watcher.
#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    /// Why it could not say all.
    unreachable: Vec<Fault>,
    /// Whether it could tell the columns of the result.
    knows_columns: bool,
}

/// A watcher as one source reads it: its place in the list, and itself.
type Instance = (usize, Watcher);

/// Checks every valid watcher on each of its sources; the sources at the same time, the watchers of one in turn.
pub(super) async fn check(checked: &mut [Checked], sources: &BTreeMap<String, Arc<Source>>, now: DateTime<Utc>) {
    let mut by_source: BTreeMap<String, Vec<Instance>> = BTreeMap::new();
    for (at, one) in checked.iter().enumerate() {
        for instance in one.watcher().map(Watcher::instances).unwrap_or_default() {
            by_source.entry(instance.source.clone()).or_default().push((at, instance));
        }
    }
    let texts: Vec<Option<&WatcherText>> = checked.iter().map(|one| one.text.as_ref()).collect();
    let asked = by_source.iter().filter_map(|(name, group)| Some(check_on(sources.get(name)?, group, &texts, now)));
    let mut found: BTreeMap<usize, Vec<(String, Found)>> = BTreeMap::new();
    for (at, source, one) in join_all(asked).await.into_iter().flatten() {
        found.entry(at).or_default().push((source, one));
    }
    for (at, found) in found {
        checked[at].take(found);
    }
}

/// A source that cannot be reached is asked once, not once per watcher.
async fn check_on(source: &Source, group: &[Instance], texts: &[Option<&WatcherText>], now: DateTime<Utc>) -> Vec<(usize, String, Found)> {
    let account = source.account().await;
    if let Ok(account) = &account {
        for sentence in account.can_write.iter().chain(&account.notes) {
            eprintln!("warning: source `{}`: {sentence}", source.name());
        }
    }
    let mut all = Vec::new();
    for (at, watcher) in group {
        let Some(text) = texts[*at] else { continue };
        let found = match &account {
            Err(error) if is_unreachable(error) => Found::unreachable(text, error),
            _ => check_watcher(source, watcher, text, now).await,
        };
        all.push((*at, source.name().to_owned(), found));
    }
    source.close().await;
    all
}

async fn check_watcher(source: &Source, watcher: &Watcher, text: &WatcherText, now: DateTime<Utc>) -> Found {
    let query = checkable(watcher, now);
    let columns = match prepared(source, watcher, now).await {
        Ok(columns) => columns,
        Err(error) => return Found::of_error(error, source.dialect(), Part::Query, &query, text),
    };
    let checking = Checking { watcher, text, columns: &columns, dialect: source.dialect() };
    let mut found = Found { faults: checking.faults(), knows_columns: true, ..Found::default() };
    if let AlertOn::Missing { expect: Expect::Query(expected) } = &watcher.alert_on {
        let query = checkable_expected(expected, watcher, now);
        match source.prepare(&query).await {
            Ok(expected) => found.faults.extend(checking.expect_query_faults(&expected)),
            Err(error) => found.add(Found::of_error(error, source.dialect(), Part::ExpectQuery, &query, text)),
        }
    }
    let (parts, faults): (Vec<Part>, Vec<Fault>) = checking.message_faults().into_iter().unzip();
    found.faults.extend(faults);
    let trial = trial::trial(watcher, &columns, text, &parts, now);
    found.faults.extend(trial.faults);
    found.warnings.extend(trial.warnings);
    if found.faults.is_empty() {
        match plan::warnings(source, watcher, &columns, text, now).await {
            Ok(warnings) => found.warnings.extend(warnings),
            Err(error) => found.add(Found::of_error(error, source.dialect(), Part::Query, &query, text)),
        }
    }
    found
}

impl Found {
    fn add(&mut self, other: Found) {
        self.faults.extend(other.faults);
        self.warnings.extend(other.warnings);
        self.unreachable.extend(other.unreachable);
    }

    fn unreachable(text: &WatcherText, error: &SourceError) -> Found {
        let hint = error.hint.clone().unwrap_or_else(|| "`--offline` checks the files alone".to_owned());
        let message = format!("the query could not be checked on its source: {}", error.message);
        Found { unreachable: vec![text.fault(Part::Source, None, message, Some(hint))], ..Found::default() }
    }

    /// What a database has against a query of the watcher.
    fn of_error(error: SourceError, dialect: Dialect, part: Part, query: &Query, text: &WatcherText) -> Found {
        if is_unreachable(&error) {
            return Found::unreachable(text, &error);
        }
        let place = error.position.map(|position| word_at(&query.text, position));
        let (place, hint) = match misspelt(query, dialect, place.as_ref()) {
            Some((mention, hint)) => (Some(mention), Some(hint)),
            None => (place, error.hint),
        };
        Found { faults: vec![text.fault(part, place, error.message, hint)], ..Found::default() }
    }
}

/// What looks like a parameter and is none, where that may be the cause of an error at `place`.
fn misspelt(query: &Query, dialect: Dialect, place: Option<&Range<usize>>) -> Option<(Range<usize>, String)> {
    let known: Vec<&str> = query.params.iter().map(|(name, _)| name.as_str()).collect();
    let is_cause = |mention: &Range<usize>| place.is_none_or(|place| mention.start <= place.start && place.start <= mention.end);
    let mention = Query::unknown(&query.text, &known, dialect).into_iter().find(|mention| is_cause(&mention.span))?;
    let hint = match nearest(&mention.name, known.iter().copied()) {
        Some(near) => format!("`:{}` is no parameter: did you mean `:{near}`?", mention.name),
        None => format!("`:{0}` is no parameter: give it a value in the watcher: params = {{ {0} = … }}", mention.name),
    };
    Some((mention.span, hint))
}

impl Checked {
    /// Takes what all sources of the watcher had to say. What all of them say is said once.
    fn take(&mut self, found: Vec<(String, Found)>) {
        let names_source = self.watcher().is_some_and(Watcher::names_source);
        let pick = |of: fn(&Found) -> &Vec<Fault>| -> Vec<Fault> {
            let said = found.iter().map(|(source, found)| Said { source, faults: of(found), knows_columns: found.knows_columns });
            let said: Vec<Said<'_>> = said.collect();
            if names_source { merged(&said) } else { said.into_iter().flat_map(|said| said.faults.to_vec()).collect() }
        };
        let (faults, warnings, unreachable) =
            (pick(|found| &found.faults), pick(|found| &found.warnings), pick(|found| &found.unreachable));
        self.faults.extend(faults);
        self.warnings.extend(warnings);
        self.unreachable.extend(unreachable);
        self.faults.sort_by(|a, b| a.origin.cmp(&b.origin));
        self.faults.dedup();
    }
}

/// What one source says of a watcher.
struct Said<'a> {
    source: &'a str,
    faults: &'a [Fault],
    knows_columns: bool,
}

/// Each fault once: what is not said by all sources that could know begins with the names of those that say it.
fn merged(said: &[Said<'_>]) -> Vec<Fault> {
    let mut distinct: Vec<&Fault> = Vec::new();
    for fault in said.iter().flat_map(|said| said.faults) {
        if !distinct.contains(&fault) {
            distinct.push(fault);
        }
    }
    let with_names = |fault: &Fault| {
        let (saying, silent): (Vec<&Said<'_>>, Vec<&Said<'_>>) = said.iter().partition(|said| said.faults.contains(fault));
        let is_of_columns = saying.iter().all(|said| said.knows_columns);
        let is_of_all = silent.iter().all(|said| is_of_columns && !said.knows_columns);
        let names: Vec<String> = saying.iter().map(|said| format!("`{}`", said.source)).collect();
        if is_of_all { fault.clone() } else { fault.clone().in_words(format!("on {}: {}", names.join(", "), fault.message)) }
    };
    distinct.into_iter().map(with_names).collect()
}

fn is_unreachable(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Connect | SourceErrorKind::Timeout | SourceErrorKind::Interrupted)
}

/// The bytes of the word that begins at a character (from 1) of the query, or of the one character there.
fn word_at(query: &str, position: usize) -> Range<usize> {
    let start = query.char_indices().nth(position.saturating_sub(1)).map_or(query.len(), |(at, _)| at);
    let rest = &query[start..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    start..start + word.max(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_a_character_is_marked_whole() {
        let query = "select 库存, nme\nfrom t";
        assert_eq!(&query[word_at(query, 12)], "nme");
        assert_eq!(&query[word_at(query, 8)], "库存");
        assert_eq!(&query[word_at(query, 10)], ",");
        assert_eq!(word_at(query, 99), query.len()..query.len());
    }

    #[test]
    fn what_all_sources_say_is_said_once() {
        let fault = |message: &str| Fault::of_file("w.toml", message, None);
        let messages = |said: &[Said<'_>]| merged(said).into_iter().map(|fault| fault.message).collect::<Vec<_>>();
        let (both, one) = ([fault("a"), fault("b")], [fault("a")]);
        let knows = |source, faults| Said { source, faults, knows_columns: true };
        assert_eq!(messages(&[knows("x", &both), knows("y", &one)]), ["a", "on `x`: b"]);
        // A source whose query fails says nothing of columns.
        let gone = [fault("no such table")];
        let blind = Said { source: "y", faults: &gone, knows_columns: false };
        assert_eq!(messages(&[knows("x", &one), blind]), ["a", "on `y`: no such table"]);
    }
}
