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
    /// The name of the source.
    Source,
    /// The query, wherever it stands.
    Query,
    /// A column of `key`.
    Key(usize),
    /// The condition on rows.
    When,
    /// The condition of a case of `severity`.
    SeverityWhen(usize),
    /// The condition of a `[[notify]]` block.
    NotifyWhen(usize),
    /// The title of the message.
    Title,
    /// The body of the message.
    Body,
    /// The title of a button.
    ButtonTitle(usize),
    /// The address of a button.
    ButtonUrl(usize),
}

/// A step from a table or an array to what is in it.
enum Step {
    Name(&'static str),
    At(usize),
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
        let Some(Node { place: Place::File(span), .. }) = find(&self.root, &steps(part)) else {
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

fn steps(part: Part) -> Vec<Step> {
    use Step::{At, Name};
    match part {
        Part::Source => vec![Name("source")],
        Part::Query => vec![Name("query")],
        Part::Key(at) => vec![Name("key"), At(at)],
        Part::When => vec![Name("when")],
        Part::SeverityWhen(at) => vec![Name("severity"), At(at), Name("when")],
        Part::NotifyWhen(at) => vec![Name("notify"), At(at), Name("when")],
        Part::Title => vec![Name("message"), Name("title")],
        Part::Body => vec![Name("message"), Name("body")],
        Part::ButtonTitle(at) => vec![Name("message"), Name("buttons"), At(at), Name("title")],
        Part::ButtonUrl(at) => vec![Name("message"), Name("buttons"), At(at), Name("url")],
    }
}

fn find<'a>(root: &'a Node, steps: &[Step]) -> Option<&'a Node> {
    steps.iter().try_fold(root, |node, step| match (step, &node.content) {
        (Step::Name(name), Content::Table(table)) => table.get(name).map(|entry| &entry.node),
        (Step::At(at), Content::Array(items)) => items.get(*at),
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
    fn parts_below_tables_and_arrays_are_found() {
        let (_folder, text) = text(
            "key = ['a', 'b']\nseverity = [{ when = 'x > 1', level = 'info' }]\n[message]\nbuttons = [{ title = 't', url = 'u' }]\n\
             [[notify]]\nreceivers = []\n[[notify]]\nwhen = 'y'\n",
        );
        for (part, line, column) in
            [(Part::Key(1), 1, 13), (Part::SeverityWhen(0), 2, 22), (Part::ButtonUrl(0), 4, 33), (Part::NotifyWhen(1), 8, 8)]
        {
            assert_eq!(place(&text.fault(part, None, "x", None)), (Some(line), Some(column)), "{part:?}");
        }
        assert_eq!(place(&text.fault(Part::Body, None, "x", None)), (None, None));
    }
}
