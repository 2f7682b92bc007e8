//! What a glance at a query's text tells without any database: a limit that cuts at random, a cursor that saves nothing,
//! a watched column that changes with the clock. It knows no grammar: what it is not sure of, it does not say.

use crate::config::{Fault, Part, WatcherText};
use crate::domain::query::Query;
use crate::domain::sql_text::{Dialect, Token, TokenSort, tokens};
use crate::domain::watcher::{AlertOn, Cursor, Expect, Watcher};
use std::ops::Range;

/// Words that give another value at each poll.
const VOLATILE: [&str; 13] = [
    "now",
    "current_timestamp",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "sysdate",
    "unix_timestamp",
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "randomblob",
];

/// Those of them that need no parentheses.
const BARE: [&str; 2] = ["current_timestamp", "localtimestamp"];

/// All that is worth a look in a watcher's query.
pub(super) fn warnings(watcher: &Watcher, dialect: Dialect, text: &WatcherText) -> Vec<Fault> {
    let outline = Outline::of(&watcher.query, dialect);
    let found = match (watcher.cursor(), &watcher.alert_on) {
        (Some(cursor), _) => cursor_notes(watcher, cursor, &outline, dialect),
        (None, AlertOn::Change { columns, .. }) => {
            let mut notes = volatile_notes(watcher, columns, &outline);
            notes.extend(limit_note(watcher, &outline));
            notes
        }
        _ => limit_note(watcher, &outline).into_iter().collect(),
    };
    let mut warnings: Vec<Fault> =
        found.into_iter().map(|note| text.fault(Part::Query, Some(note.span), note.message, Some(note.hint))).collect();
    warnings.extend(unused_params(watcher, dialect, text));
    warnings
}

/// Parameters that no query names: most likely one of the two is misspelt.
fn unused_params(watcher: &Watcher, dialect: Dialect, text: &WatcherText) -> Vec<Fault> {
    let expected = match &watcher.alert_on {
        AlertOn::Missing { expect: Expect::Query(query) } => query.as_str(),
        _ => "",
    };
    let is_used = |name: &str| [&watcher.query, expected].iter().any(|query| Query::uses(query, name, dialect));
    let unused = watcher.params.iter().enumerate().filter(|(_, (name, _))| !is_used(name));
    let warning = |(at, (name, _)): (usize, &(String, _))| {
        let hint = format!("write :{name} into the query, or remove it");
        text.fault(Part::Param(at), None, format!("the query does not use `:{name}`"), Some(hint))
    };
    unused.map(warning).collect()
}

struct Note {
    span: Range<usize>,
    message: String,
    hint: String,
}

impl Note {
    fn new(span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Note {
        Note { span: span.clone(), message: message.into(), hint: hint.into() }
    }
}

/// Without an order, which rows a limit lets through is up to the database. Where any row will do that is no matter.
fn limit_note(watcher: &Watcher, outline: &Outline<'_>) -> Option<Note> {
    let any_row_will_do =
        watcher.key.is_empty() && matches!(watcher.alert_on, AlertOn::Match | AlertOn::Missing { expect: Expect::AnyRow });
    let limit = outline.limit.as_ref().filter(|_| outline.order.is_none() && !any_row_will_do)?;
    let message = "without `order by`, which rows the limit lets through may differ from poll to poll";
    Some(Note::new(limit, message, "add an `order by` that leaves no ties; or remove the limit: `max_rows` guards against too many rows"))
}

fn cursor_notes(watcher: &Watcher, cursor: &Cursor, outline: &Outline<'_>, dialect: Dialect) -> Vec<Note> {
    let column = &cursor.column;
    let mut notes = Vec::new();
    if Query::uses(&watcher.query, "cursor", dialect) {
        if let Some(limit) = &outline.limit {
            let overlap = humantime::format_duration(cursor.overlap);
            let message = format!("a limit keeps the cursor back: what is younger than its overlap of {overlap} is read again each time");
            notes.push(Note::new(limit, message, "remove the limit: `max_rows` guards against too many rows"));
        }
        return notes;
    }
    if let Some(limit) = &outline.limit {
        let message = "the limit is applied before the cursor: rows that it leaves out are never told";
        notes.push(Note::new(limit, message, "remove the limit: `max_rows` guards against too many rows"));
    }
    let by_hand = format!("write :cursor into the query where it helps, and a `cursor_start`: where {column} >= :cursor");
    let whole = [(&outline.group, "group by"), (&outline.distinct, "distinct"), (&outline.union, "union")];
    let whole = whole.into_iter().find_map(|(span, word)| Some((span.as_ref()?, word)));
    if let Some((span, word)) = whole {
        let message = format!("with `{word}` the query is computed as a whole at each poll, before the cursor `{column}` chooses from it");
        notes.push(Note::new(span, message, by_hand));
    } else if let Some((span, first)) = outline.order.as_ref().filter(|_| outline.limit.is_none())
        && !first.eq_ignore_ascii_case(column)
    {
        let message = format!("an order by another column than the cursor `{column}` may keep the database from the cursor's index");
        notes.push(Note::new(span, message, format!("remove the `order by`, or order by {column}; or {by_hand}")));
    }
    notes
}

/// Watched columns that are computed from the clock or from chance.
fn volatile_notes(watcher: &Watcher, columns: &[String], outline: &Outline<'_>) -> Vec<Note> {
    let is = |name: &str, of: &[String]| of.iter().any(|column| column.eq_ignore_ascii_case(name));
    let mut notes = Vec::new();
    for item in &outline.items {
        let Some(volatile) = volatile(item, &watcher.query) else { continue };
        let name = alias(item, &watcher.query);
        let is_watched = match name {
            Some(name) if columns.is_empty() => !is(name, &watcher.key),
            Some(name) => is(name, columns),
            None => columns.is_empty(),
        };
        if is_watched {
            let what = name.map_or("a watched column".to_owned(), |name| format!("the watched column `{name}`"));
            let word = &watcher.query[volatile.clone()];
            let message = format!("{what} is computed with `{word}`: it differs at each poll, and so does every row");
            notes.push(Note::new(&volatile, message, "name the columns that matter: columns = [\"status\"]"));
        }
    }
    notes
}

/// Where an item of the select list asks for the time or for chance.
fn volatile(item: &[Token], sql: &str) -> Option<Range<usize>> {
    let is_volatile = |at: usize, token: &Token| {
        let text_at = |at: Option<usize>| at.and_then(|at| item.get(at)).map_or("", |token| token.text.as_str());
        let (before, after) = (text_at(at.checked_sub(1)), text_at(Some(at + 1)));
        match token.sort {
            TokenSort::Word => VOLATILE.contains(&token.text.as_str()) && (after == "(" || BARE.contains(&token.text.as_str())),
            TokenSort::Parameter => token.text == ":now",
            // `julianday('now')`, `'now'::timestamp`.
            TokenSort::Quoted => sql[token.span.clone()] == *"'now'" && (before == "(" || after == "::"),
            TokenSort::Sign => false,
        }
    };
    item.iter().enumerate().find(|(at, token)| is_volatile(*at, token)).map(|(_, token)| token.span.clone())
}

/// The name that an item of the select list gives its column; none where the database makes one up.
fn alias<'q>(item: &[Token], sql: &'q str) -> Option<&'q str> {
    let (last, before) = item.split_last()?;
    let follows = before.last().is_some_and(|token| token.sort != TokenSort::Sign || token.text == ")");
    let is_name = matches!(last.sort, TokenSort::Word | TokenSort::Quoted) && last.text != "'" && last.text != "end";
    (is_name && follows).then(|| sql[last.span.clone()].trim_matches(['"', '`', '[', ']']))
}

/// The clauses of a statement that are not within parentheses.
#[derive(Debug, Default)]
struct Outline<'t> {
    limit: Option<Range<usize>>,
    /// `order by`, and the first word behind it.
    order: Option<(Range<usize>, &'t str)>,
    group: Option<Range<usize>>,
    distinct: Option<Range<usize>>,
    union: Option<Range<usize>>,
    /// The items of the first select list.
    items: Vec<Vec<Token>>,
}

impl<'t> Outline<'t> {
    fn of(sql: &'t str, dialect: Dialect) -> Outline<'t> {
        let mut outline = Outline::default();
        let mut depth = 0_u32;
        let mut in_list = false;
        let mut has_list = false;
        let tokens = tokens(sql, dialect);
        for (at, token) in tokens.iter().enumerate() {
            match token.text.as_str() {
                ")" => depth = depth.saturating_sub(1),
                "select" if depth == 0 && !has_list => {
                    (in_list, has_list) = (true, true);
                    outline.items.push(Vec::new());
                    continue;
                }
                "from" | "union" if depth == 0 => in_list = false,
                "," if depth == 0 && in_list => {
                    outline.items.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if depth == 0 && token.sort == TokenSort::Word {
                outline.clause(sql, &tokens[..at], &tokens[at..]);
            }
            if in_list && let Some(item) = outline.items.last_mut() {
                item.push(token.clone());
            }
            depth += u32::from(token.text == "(");
        }
        outline
    }

    /// Notes a clause that begins with the first of these tokens.
    fn clause(&mut self, sql: &'t str, before: &[Token], from: &[Token]) {
        let text_at = |at: usize| from.get(at).map_or("", |token| token.text.as_str());
        let span = |words: usize| from[0].span.start..from.get(words - 1).map_or(from[0].span.end, |token| token.span.end);
        match (text_at(0), text_at(1)) {
            ("limit", "all" | "null") => {}
            ("limit", _) | ("fetch", "first" | "next") => self.limit = Some(span(2)),
            ("order", "by") => self.order = Some((span(2), column(sql, &from[2..]))),
            ("group", "by") => self.group = Some(span(2)),
            ("distinct", _) if before.last().is_some_and(|token| token.text == "select") => self.distinct = Some(span(1)),
            ("union", "all") => {}
            ("union" | "except" | "intersect", _) => self.union = Some(span(1)),
            _ => {}
        }
    }
}

/// The column that `o.id` at the beginning of these tokens names.
fn column<'t>(sql: &'t str, tokens: &[Token]) -> &'t str {
    let qualifiers = tokens.chunks(2).take_while(|pair| pair.get(1).is_some_and(|token| token.text == ".")).count();
    tokens.get(qualifiers * 2).map_or("", |token| sql[token.span.clone()].trim_matches(['"', '`', '[', ']']))
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;
