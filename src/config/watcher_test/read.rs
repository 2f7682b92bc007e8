//! Reads the tree of a file of tests, block by block, and goes on after each fault.

use super::expected::{read_expected, read_texts};
use super::fields::{FAILURES, POLL, TEST, TESTS};
use super::moment::{self, Course};
use super::rows::{Declared, Rows, read_columns, read_rows};
use super::{TestPoll, TestRead, TestRows, Tested, WatcherTest, WatcherTests};
use crate::config::field::{nearest, quoted};
use crate::config::node::{Content, Node, Place};
use crate::config::reader::{Reader, Report, Text};
use crate::config::settings::{Language, Settings};
use crate::domain::row::{Columns, Row};
use crate::domain::watcher::{AlertOn, Expect, Watcher};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The keys of a poll that may be told by source.
const BY_SOURCE: [&str; 3] = ["rows", "expect_rows", "fails"];

/// The tests, when they are whole; what is wrong is in the report.
pub(super) fn read(name: &str, path: &Path, root: &Node, settings: &Settings, report: &mut Report<'_>) -> Option<WatcherTests> {
    let reader = Reader::new(&TESTS, root, report)?;
    reader.require(report);
    let language = reader.word("language", report).map(|word| if word == "en" { Language::En } else { Language::ZhCn });
    let timezone = reader.zone("timezone", report).unwrap_or(settings.timezone);
    let columns = read_columns(&reader, report);
    let blocks = reader.tables("test", &TEST, report);
    let mentioned = mentioned_sources(&blocks);
    let settings = Settings { timezone, language: language.unwrap_or(settings.language), ..settings.clone() };
    let watcher = match Tested::beside(path, name) {
        Ok(tested) if tested.reads_several() && mentioned.is_empty() => {
            let hint = "give rows for each that is tested: rows.shop_1 = [{ sku = \"A\" }]".to_owned();
            report.missing(reader.place, "the watcher reads several sources, and the tests name none of them", Some(hint));
            return None;
        }
        Ok(tested) => tested.watcher(&settings, &mentioned),
        Err(fault) => Err(vec![fault]),
    };
    let watcher = match watcher {
        Ok(watcher) => watcher,
        Err(faults) => {
            faults.into_iter().for_each(|fault| report.push(fault));
            return None;
        }
    };
    let start = moment::start(&reader, None, watcher.timezone, report)?;
    let mut file = FileReader { watcher: &watcher, columns, start, known: Known::default() };
    let tests: Vec<Drafted> = blocks.iter().filter_map(|block| file.test(block, report)).collect();
    let tests = tests.into_iter().filter_map(|drafted| file.finish(drafted, report)).collect();
    Some(WatcherTests { language: settings.language, timezone, tests, watcher })
}

/// The sources by which rows are given.
fn mentioned_sources(tests: &[Reader<'_>]) -> Vec<String> {
    let polls = tests.iter().filter_map(|test| test.node("poll")).filter_map(|polls| match &polls.content {
        Content::Array(items) => Some(items),
        _ => None,
    });
    let values = polls.flatten().filter_map(Node::table).flat_map(|poll| BY_SOURCE.iter().filter_map(|name| poll.get(name)));
    let mut names: Vec<String> = Vec::new();
    for entry in values.filter_map(|entry| entry.node.table()).flat_map(|table| &table.entries) {
        if !names.contains(&entry.name) {
            names.push(entry.name.clone());
        }
    }
    names.sort();
    names
}

/// A result whose columns may not be known yet: it has no rows, and the rows of another poll tell them.
#[derive(Clone)]
struct DraftRows {
    columns: Option<Arc<Columns>>,
    rows: Vec<Row>,
    place: Place,
}

impl DraftRows {
    fn finish(self, known: Option<&Arc<Columns>>, what: &str, report: &mut Report<'_>) -> Option<TestRows> {
        let columns = self.columns.as_ref().or(known).cloned();
        if columns.is_none() {
            let hint = "say it once at the beginning of the file: columns = [\"sku\", \"stock\"]".to_owned();
            report.missing(&self.place, format!("no row of this file tells the columns of {what}"), Some(hint));
        }
        Some(TestRows { columns: columns?, rows: self.rows })
    }
}

/// What a source answers, in the making.
#[derive(Clone)]
struct DraftRead {
    rows: DraftRows,
    expect_rows: Option<DraftRows>,
    failure: Option<(&'static str, String)>,
}

/// A poll but for what is read, and what is read in the making.
struct DraftPoll {
    poll: TestPoll,
    reads: BTreeMap<String, DraftRead>,
}

struct Drafted {
    name: String,
    line: usize,
    start: DateTime<Utc>,
    polls: Vec<DraftPoll>,
}

/// The columns of the first rows of the file: those of a result without rows.
#[derive(Default)]
struct Known {
    rows: Option<Arc<Columns>>,
    expect_rows: Option<Arc<Columns>>,
}

/// What the sources answered last.
#[derive(Default)]
struct Last {
    rows: BTreeMap<String, DraftRows>,
    expect_rows: BTreeMap<String, DraftRows>,
}

struct FileReader<'a> {
    watcher: &'a Watcher,
    columns: Option<Declared>,
    start: DateTime<Utc>,
    known: Known,
}

impl FileReader<'_> {
    fn test(&mut self, block: &Reader<'_>, report: &mut Report<'_>) -> Option<Drafted> {
        block.require(report);
        let name = block.text("name", report).map(|text| text.value.to_owned());
        let start = moment::start(block, Some(self.start), self.watcher.timezone, report);
        let mut course =
            Course { zone: self.watcher.timezone, schedule: &self.watcher.schedule, at: start.unwrap_or(self.start), is_first: true };
        let mut last = Last::default();
        let blocks = block.tables("poll", &POLL, report);
        let polls = blocks.iter().map(|poll| self.poll(poll, &mut course, &mut last, report)).collect();
        Some(Drafted { name: name?, line: report.line(block.place), start: start?, polls })
    }

    fn poll(&mut self, reader: &Reader<'_>, course: &mut Course<'_>, last: &mut Last, report: &mut Report<'_>) -> DraftPoll {
        let line = report.line(reader.place);
        let at = course.next(reader, report);
        let sources = if self.watcher.names_source() { self.watcher.sources.clone() } else { vec![self.watcher.source.clone()] };
        self.check_sources(reader, &sources, report);
        let asks_what_to_expect = matches!(self.watcher.alert_on, AlertOn::Missing { expect: Expect::Query(_) });
        let mut reads = BTreeMap::new();
        for source in sources {
            let failure = read_failure(self.of_source(reader, "fails", &source, report), report);
            let rows = self.rows(reader, "rows", &source, &mut last.rows, failure.is_some(), report);
            let expect_rows = match asks_what_to_expect {
                true => self.rows(reader, "expect_rows", &source, &mut last.expect_rows, failure.is_some(), report),
                false => None,
            };
            reads.extend(rows.map(|rows| (source, DraftRead { rows, expect_rows, failure })));
        }
        if let (false, Some(place)) = (asks_what_to_expect, reader.key_place("expect_rows")) {
            report.at(place, "the watcher has no `expect_query`", Some("remove it".to_owned()));
        }
        let poll = TestPoll {
            line,
            at,
            restart: reader.boolean("restart", report).unwrap_or(false),
            release: reader.boolean("release", report).unwrap_or(false),
            ack: read_texts(reader, "ack", report).unwrap_or_default(),
            silence: reader.duration("silence", report),
            reads: BTreeMap::new(),
            expected: read_expected(reader, report),
        };
        DraftPoll { poll, reads }
    }

    /// The value of a key for a source: of a watcher that reads one, the value itself.
    fn of_source<'n>(&self, reader: &Reader<'n>, name: &str, source: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let node = reader.node(name)?;
        match (self.watcher.names_source(), node.table()) {
            (false, None) => Some(node),
            (true, Some(table)) => table.get(source).map(|entry| &entry.node),
            (true, None) => {
                let hint = format!("the watcher reads several sources, say which: {name}.{source} = …");
                report.at(&node.place, format!("expected a table of sources, found {}", node.describe()), Some(hint));
                report.tell_no_more_of(&node.place);
                None
            }
            (false, Some(_)) => {
                let hint = format!("the watcher reads one source: write {name} = …");
                report.at(&node.place, "expected what the source answers, found a table", Some(hint));
                report.tell_no_more_of(&node.place);
                None
            }
        }
    }

    fn check_sources(&self, reader: &Reader<'_>, sources: &[String], report: &mut Report<'_>) {
        if !self.watcher.names_source() {
            return;
        }
        let tables = BY_SOURCE.iter().filter_map(|name| reader.node(name)).filter_map(Node::table);
        for entry in tables.flat_map(|table| &table.entries).filter(|entry| !sources.contains(&entry.name)) {
            report.at(&entry.key_place, format!("the watcher does not read the source `{}`", entry.name), None);
        }
    }

    /// The rows that are given for a source, or else those that it had last.
    fn rows(
        &mut self,
        reader: &Reader<'_>,
        name: &str,
        source: &str,
        last: &mut BTreeMap<String, DraftRows>,
        fails: bool,
        report: &mut Report<'_>,
    ) -> Option<DraftRows> {
        let Some(node) = self.of_source(reader, name, source, report) else {
            return self.rows_of_before(reader, name, source, last, fails, report);
        };
        let declared = self.columns.as_ref().filter(|_| name == "rows");
        let Rows { columns, rows } = read_rows(node, declared, report)?;
        let known = if name == "rows" { &mut self.known.rows } else { &mut self.known.expect_rows };
        if known.is_none() {
            known.clone_from(&columns);
        }
        let before = last.get(source).and_then(|before| before.columns.clone());
        let draft = DraftRows { columns: columns.or(before), rows, place: node.place.clone() };
        // What a poll that fails has read counts for nothing.
        if !fails {
            last.insert(source.to_owned(), draft.clone());
        }
        Some(draft)
    }

    fn rows_of_before(
        &self,
        reader: &Reader<'_>,
        name: &str,
        source: &str,
        last: &BTreeMap<String, DraftRows>,
        fails: bool,
        report: &mut Report<'_>,
    ) -> Option<DraftRows> {
        let nothing = || DraftRows { columns: None, rows: Vec::new(), place: reader.place.clone() };
        match last.get(source) {
            // A poll that fails without rows of its own breaks off before the first one.
            Some(before) if fails => Some(DraftRows { rows: Vec::new(), ..before.clone() }),
            Some(before) => Some(before.clone()),
            None if fails => Some(nothing()),
            // What is wrong with it is told already.
            None if reader.node(name).is_some_and(|node| node.table().is_some() != self.watcher.names_source()) => None,
            None if reader.node("fails").is_some() => None,
            None => {
                let of = if self.watcher.names_source() { format!(" of `{source}`") } else { String::new() };
                let hint = format!("write for example: {name} = [{{ sku = \"A\", stock = 3 }}], or {name} = []");
                report.missing(reader.place, format!("the first poll has no `{name}`{of}"), Some(hint));
                None
            }
        }
    }

    fn finish(&self, drafted: Drafted, report: &mut Report<'_>) -> Option<WatcherTest> {
        let declared = self.columns.as_ref().and_then(Declared::columns);
        let known = declared.as_ref().or(self.known.rows.as_ref());
        let mut polls = Vec::new();
        for DraftPoll { poll, reads: drafted } in drafted.polls {
            let mut reads = BTreeMap::new();
            for (source, read) in drafted {
                // What is never read needs no columns.
                let nothing = (read.failure.is_some() && read.rows.rows.is_empty()).then(Columns::none);
                let rows = read.rows.finish(known.or(nothing.as_ref()), "the result", report);
                let expected_known = self.known.expect_rows.as_ref().or(nothing.as_ref());
                let expect_rows = read.expect_rows.map(|rows| rows.finish(expected_known, "`expect_query`", report));
                let (Some(rows), None | Some(Some(_))) = (rows, &expect_rows) else { continue };
                reads.insert(source, TestRead { rows, expect_rows: expect_rows.flatten(), failure: read.failure });
            }
            polls.push(TestPoll { reads, ..poll });
        }
        Some(WatcherTest { name: drafted.name, line: drafted.line, start: drafted.start, polls })
    }
}

/// `timeout`, or `timeout: canceling statement due to statement timeout`.
fn read_failure(node: Option<&Node>, report: &mut Report<'_>) -> Option<(&'static str, String)> {
    let node = node?;
    let Some(text) = Text::of(node) else {
        report.at(
            &node.place,
            format!("expected text in quotes, found {}", node.describe()),
            Some("write for example: fails = \"timeout\"".to_owned()),
        );
        return None;
    };
    let (word, message) = text.value.split_once(':').unwrap_or((text.value, "it fails in this test"));
    let found = FAILURES.into_iter().find(|known| *known == word.trim());
    if found.is_none() {
        let near = nearest(word.trim(), FAILURES).map(|near| format!("did you mean \"{near}\"? "));
        let hint = format!("{}a source fails by {}", near.unwrap_or_default(), quoted(&FAILURES));
        report.inside(node, 0..word.len(), format!("{} is no way to fail", text.quoted()), Some(hint));
    }
    found.map(|word| (word, message.trim().to_owned()))
}
