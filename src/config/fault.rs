//! A fault in a file or in an environment variable, as a person reads it: where, what, a mark under the place, a hint.
//!
//! A fault never holds a secret: the line it shows has been masked by `sheet`, and its message quotes no
//! value that came out of `${…}`.

use annotate_snippets::{AnnotationKind, Group, Level, Origin as Arrow, Renderer, Snippet, normalize_untrusted_str};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// What is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    pub(super) excerpt: Option<Box<Excerpt>>,
}

/// Where a fault is. Ordered: files by line, then environment variables by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A place in a file; both count from 1, columns count characters.
    Place {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The character in the line.
        column: usize,
    },
    /// A whole file or folder.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

/// The line that is shown, without secrets, and the bytes of it that are marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub line: String,
    pub mark: Range<usize>,
}

impl Fault {
    /// A fault of a whole file or folder.
    pub fn of_file(file: impl Into<PathBuf>, message: impl Into<String>, hint: Option<String>) -> Fault {
        Fault::new(Origin::File(file.into()), message.into(), hint, None)
    }

    /// A fault of an environment variable.
    pub fn of_variable(name: impl Into<String>, message: impl Into<String>, hint: Option<String>) -> Fault {
        Fault::new(Origin::Variable(name.into()), message.into(), hint, None)
    }

    /// What a file holds may go to a terminal: nothing in it may steer it.
    pub(super) fn new(origin: Origin, message: String, hint: Option<String>, excerpt: Option<Excerpt>) -> Fault {
        let message = tame(&message).replace('\n', " ");
        let hint = hint.map(|hint| tame(&hint));
        let excerpt = excerpt.map(|excerpt| Box::new(Excerpt { line: tame(&excerpt.line), mark: excerpt.mark }));
        Fault { origin, message, hint, excerpt }
    }

    /// The same fault in other words.
    #[must_use]
    pub fn in_words(self, message: impl Into<String>) -> Fault {
        let Fault { origin, hint, excerpt, .. } = self;
        Fault { excerpt, ..Fault::new(origin, message.into(), hint, None) }
    }

    /// The same fault with another hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Fault {
        let Fault { origin, message, excerpt, .. } = self;
        Fault { excerpt, ..Fault::new(origin, message, Some(hint.into()), None) }
    }

    /// The file, or the environment variable in words.
    pub fn file(&self) -> String {
        match &self.origin {
            Origin::Place { file, .. } | Origin::File(file) => file.display().to_string(),
            Origin::Variable(name) => format!("environment variable {name}"),
        }
    }

    /// The line, where there is one; from 1.
    pub fn line(&self) -> Option<usize> {
        match self.origin {
            Origin::Place { line, .. } => Some(line),
            Origin::File(_) | Origin::Variable(_) => None,
        }
    }

    /// The character in the line, where there is one; from 1.
    pub fn column(&self) -> Option<usize> {
        match self.origin {
            Origin::Place { column, .. } => Some(column),
            Origin::File(_) | Origin::Variable(_) => None,
        }
    }

    /// The fault with its line, a mark under the place, and the hint; several lines, without a newline at the end.
    pub fn render(&self, color: bool) -> String {
        self.render_as(Level::ERROR, color)
    }

    /// The same, of something that is not wrong but worth a look.
    pub fn render_warning(&self, color: bool) -> String {
        self.render_as(Level::WARNING, color)
    }

    fn render_as(&self, level: Level<'_>, color: bool) -> String {
        let file = self.file();
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        group = match (&self.excerpt, self.line()) {
            (Some(excerpt), Some(line)) => group.element(
                Snippet::source(excerpt.line.as_str())
                    .line_start(line)
                    .path(file.as_str())
                    .annotation(AnnotationKind::Primary.span(excerpt.mark.clone())),
            ),
            (None, Some(line)) => group.element(Arrow::path(file.as_str()).line(line).char_column(self.column().unwrap_or(1))),
            (_, None) => group.element(Arrow::path(file.as_str())),
        };
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(normalize_untrusted_str(hint)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// All faults, one under the other with an empty line between.
pub fn render_faults(faults: &[Fault], color: bool) -> String {
    let rendered: Vec<String> = faults.iter().map(|fault| fault.render(color)).collect();
    rendered.join("\n\n")
}

/// All warnings, in the same way.
pub fn render_warnings(warnings: &[Fault], color: bool) -> String {
    let rendered: Vec<String> = warnings.iter().map(|warning| warning.render_warning(color)).collect();
    rendered.join("\n\n")
}

/// Control characters as question marks, of the same length: the marks stay in place.
fn tame(text: &str) -> String {
    let tamed = |c: char| if c.is_control() && c != '\n' && c != '\t' { "?".repeat(c.len_utf8()) } else { c.to_string() };
    text.chars().map(tamed).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file())?;
        if let (Some(line), Some(column)) = (self.line(), self.column()) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Fault", 5)?;
        fields.serialize_field("file", &self.file())?;
        fields.serialize_field("line", &self.line())?;
        fields.serialize_field("column", &self.column())?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}
