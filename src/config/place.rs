//! Places in a watcher's file, for faults that are found out after it was read: what only the watcher's database, or
//! its result's columns, can tell.

use super::fault::Fault;
use super::node::{self, Content, Node, Place, written_offset};
use super::sheet::Sheet;
use std::ops::Range;
use std::path::Path;

/// The text of a watcher's file, and of its query's file where it has one.
pub struct WatcherText {
    sheet: Sheet,
    root: Node,
    query_file: Option<Sheet>,
}

/// A value in a watcher's file; numbers count from 0 in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The name of the source, or those of `sources`.
    Source,
    /// The name that the watcher had before.
    Formerly,
    /// When it polls: `schedule` or `every`.
    Schedule,
    /// The query, wherever it stands.
    Query,
    /// A column of `key`.
    Key(usize),
    /// The condition on rows.
    When,
    /// The condition that ends an alert.
    ClearWhen,
    /// How often to remind.
    RepeatInterval,
    /// The column of the cursor.
    Cursor,
    /// Where a cursor that the query names begins.
    CursorStart,
    /// A watched column.
    Columns(usize),
    /// A value of an expected key: its number, and that of the column.
    Expect(usize, usize),
    /// The query of the expected keys.
    ExpectQuery,
    /// A column that is added up.
    Sum(usize),
    /// When to speak.
    Active,
    /// The calendar of it.
    Calendar,
    /// The value of a parameter.
    Param(usize),
    /// The condition of a case of `severity`.
    SeverityWhen(usize),
    /// The condition of a `[[notify]]` block.
    NotifyWhen(usize),
    /// After how long a `[[notify]]` block is told.
    NotifyAfter(usize),
    /// The title of the message.
    Title,
    /// The body of the message.
    Body,
    /// The title of a button.
    ButtonTitle(usize),
    /// The address of a button.
    ButtonUrl(usize),
    /// The address of the picture.
    Picture,
    /// The column of the chart's labels.
    ChartX,
    /// A column of the chart's numbers.
    ChartY(usize),
    /// The column whose past the chart shows.
    ChartValue,
    /// The line across the chart.
    ChartThreshold,
}

/// A step from a table or an array to what is in it.
enum Step {
    Name(&'static str),
    At(usize),
    /// An entry of a table whose names are the user's.
    Nth(usize),
}

impl WatcherText {
    /// Reads the files anew.
    ///
    /// # Errors
    /// The file can no longer be read.
    pub fn read(path: &Path) -> Result<WatcherText, Fault> {
        let sheet = Sheet::of_watcher(path, &super::read_text(path)?);
        let (root, _) = node::parse(&sheet);
        let query_file = match root.table().and_then(|table| table.get("query_file")).map(|entry| &entry.node.content) {
            Some(Content::Text(name, _)) => {
                let query = path.parent().unwrap_or(Path::new("")).join(name);
                Some(Sheet::of_watcher(&query, &super::read_text(&query)?))
            }
            _ => None,
        };
        Ok(WatcherText { sheet, root, query_file })
    }

    /// The fault of a part: at these bytes of its content, or at its beginning.
    pub fn fault(&self, part: Part, content: Option<Range<usize>>, message: impl Into<String>, hint: Option<String>) -> Fault {
        if let (Part::Query, Some(file)) = (part, &self.query_file) {
            return file.fault(content.unwrap_or(0..0), message.into(), hint);
        }
        let node = places(part).iter().find_map(|steps| find(&self.root, steps));
        let Some(Node { place: Place::File(span), .. }) = node else {
            return Fault::of_file(&self.sheet.path, message, hint);
        };
        let span = match content {
            Some(content) => {
                let written = self.sheet.text.get(span.clone()).unwrap_or_default();
                let (start, end) = (written_offset(written, content.start), written_offset(written, content.end));
                span.start + start..span.start + end.max(start)
            }
            None => span.clone(),
        };
        self.sheet.fault(span, message.into(), hint)
    }
}

/// Where a part may stand; the first that is there counts.
fn places(part: Part) -> Vec<Vec<Step>> {
    use Step::{At, Name, Nth};
    match part {
        Part::Source => vec![vec![Name("source")], vec![Name("sources")]],
        Part::Formerly => vec![vec![Name("formerly")]],
        Part::Schedule => vec![vec![Name("schedule")], vec![Name("every")]],
        Part::Query => vec![vec![Name("query")]],
        Part::Key(at) => vec![vec![Name("key"), At(at)]],
        Part::When => vec![vec![Name("when")]],
        Part::ClearWhen => vec![vec![Name("clear_when")]],
        Part::RepeatInterval => vec![vec![Name("repeat_interval")]],
        Part::Cursor => vec![vec![Name("cursor")]],
        Part::CursorStart => vec![vec![Name("cursor_start")]],
        Part::Columns(at) => vec![vec![Name("columns"), At(at)]],
        // The key of one column may stand there without an array of its own.
        Part::Expect(key, column) => vec![vec![Name("expect"), At(key), At(column)], vec![Name("expect"), At(key)]],
        Part::ExpectQuery => vec![vec![Name("expect_query")]],
        Part::Sum(at) => vec![vec![Name("sum"), At(at)]],
        Part::Active => vec![vec![Name("active")]],
        Part::Calendar => vec![vec![Name("active"), Name("calendar")]],
        Part::Param(at) => vec![vec![Name("params"), Nth(at)]],
        Part::SeverityWhen(at) => vec![vec![Name("severity"), At(at), Name("when")]],
        Part::NotifyWhen(at) => vec![vec![Name("notify"), At(at), Name("when")]],
        Part::NotifyAfter(at) => vec![vec![Name("notify"), At(at), Name("after")]],
        Part::Title => vec![vec![Name("message"), Name("title")]],
        Part::Body => vec![vec![Name("message"), Name("body")]],
        Part::ButtonTitle(at) => vec![vec![Name("message"), Name("buttons"), At(at), Name("title")]],
        Part::ButtonUrl(at) => vec![vec![Name("message"), Name("buttons"), At(at), Name("url")]],
        Part::Picture => vec![vec![Name("message"), Name("picture")]],
        Part::ChartX => vec![vec![Name("chart"), Name("x")]],
        Part::ChartY(at) => vec![vec![Name("chart"), Name("y"), At(at)], vec![Name("chart"), Name("y")]],
        Part::ChartValue => vec![vec![Name("chart"), Name("value")], vec![Name("chart"), Name("y"), At(0)], vec![Name("chart"), Name("y")]],
        Part::ChartThreshold => vec![vec![Name("chart"), Name("threshold")]],
    }
}

fn find<'a>(root: &'a Node, steps: &[Step]) -> Option<&'a Node> {
    steps.iter().try_fold(root, |node, step| match (step, &node.content) {
        (Step::Name(name), Content::Table(table)) => table.get(name).map(|entry| &entry.node),
        (Step::At(at), Content::Array(items)) => items.get(*at),
        (Step::Nth(at), Content::Table(table)) => table.entries.get(*at).map(|entry| &entry.node),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> (tempfile::TempDir, WatcherText) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.toml");
        std::fs::write(&path, content).unwrap();
        let text = WatcherText::read(&path).unwrap();
        (folder, text)
    }

    fn place(fault: &Fault) -> (Option<usize>, Option<usize>) {
        (fault.line(), fault.column())
    }

    #[test]
    fn a_place_in_the_query_is_found_in_the_file() {
        let (_folder, text) = text("source = 'erp'\nquery = '''\nselect 库存\nfrom nowhere\n'''\n");
        let query = "select 库存\nfrom nowhere\n";
        let at = query.find("nowhere").unwrap();
        assert_eq!(place(&text.fault(Part::Query, Some(at..at + 7), "no such table", None)), (Some(4), Some(6)));
        assert_eq!(place(&text.fault(Part::Query, None, "no", None)), (Some(2), Some(9)));
    }

    #[test]
    fn a_place_in_a_query_file_is_found_in_that_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.toml"), "query_file = 'q.sql'\n").unwrap();
        std::fs::write(folder.path().join("q.sql"), "select 1\nfrom x\n").unwrap();
        let text = WatcherText::read(&folder.path().join("w.toml")).unwrap();
        let fault = text.fault(Part::Query, Some(14..15), "no such table", None);
        assert_eq!((place(&fault), fault.file().ends_with("q.sql")), ((Some(2), Some(6)), true));
    }

    #[test]
    fn a_part_that_may_be_written_in_two_ways_is_found_in_both() {
        let (_folder, text_of_one) = text("every = '5m'\nsources = ['a']\nexpect = ['x', 'y']\n");
        for (part, line, column) in [(Part::Schedule, 1, 9), (Part::Source, 2, 11), (Part::Expect(1, 0), 3, 16)] {
            assert_eq!(place(&text_of_one.fault(part, None, "x", None)), (Some(line), Some(column)), "{part:?}");
        }
        let (_folder, text) = text("schedule = '* * * * *'\nsource = 'a'\nexpect = [['x', 1], ['y', 2]]\n");
        for (part, line, column) in [(Part::Schedule, 1, 12), (Part::Source, 2, 10), (Part::Expect(1, 1), 3, 27)] {
            assert_eq!(place(&text.fault(part, None, "x", None)), (Some(line), Some(column)), "{part:?}");
        }
    }

    #[test]
    fn parts_below_tables_and_arrays_are_found() {
        let (_folder, text) = text(
            "key = ['a', 'b']\nseverity = [{ when = 'x > 1', level = 'info' }]\n[message]\nbuttons = [{ title = 't', url = 'u' }]\n\
             [[notify]]\nreceivers = []\n[[notify]]\nwhen = 'y'\n[params]\nb = 1\na = 2\n",
        );
        for (part, line, column) in [
            (Part::Key(1), 1, 13),
            (Part::SeverityWhen(0), 2, 22),
            (Part::ButtonUrl(0), 4, 33),
            (Part::NotifyWhen(1), 8, 8),
            (Part::Param(1), 11, 5),
        ] {
            assert_eq!(place(&text.fault(part, None, "x", None)), (Some(line), Some(column)), "{part:?}");
        }
        assert_eq!(place(&text.fault(Part::Body, None, "x", None)), (None, None));
    }
}
