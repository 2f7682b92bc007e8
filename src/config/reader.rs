//! Reads the fields of a table by its [`Spec`], gathers every fault and goes on.
//!
//! A getter returns `None` both for a key that is absent and for one that is faulty; the fault is in the report then,
//! and whoever owns the report refuses the whole when it holds any.

use super::fault::Fault;
use super::field::{Field, Kind, Spec, nearest};
use super::node::{Content, Node, Place, Table, written_offset};
use super::sheet::{Sheet, may_be_shown};
use crate::domain::watcher::Span;
use chrono_tz::Tz;
use std::ops::Range;
use std::time::Duration;

/// More polls in a row are a mistake.
pub(super) const MOST_POLLS: u32 = 10_000;

/// How wide a line of a long list is: with what stands before a hint it fits 80 columns.
const LISTED_WIDTH: usize = 66;

/// The faults found so far.
pub(super) struct Report<'a> {
    sheet: Option<&'a Sheet>,
    faults: Vec<Fault>,
    /// Lines that are not TOML: what else seems wrong there follows from that.
    broken_lines: Vec<usize>,
    /// Values whose fault is told already.
    told: Vec<Place>,
}

impl<'a> Report<'a> {
    /// Begins with the faults of a parse of `sheet`.
    pub fn new(sheet: Option<&'a Sheet>, syntax: Vec<Fault>) -> Report<'a> {
        let broken_lines = syntax.iter().filter_map(Fault::line).collect();
        Report { sheet, faults: syntax, broken_lines, told: Vec::new() }
    }

    /// A fault of the value or key at `place`.
    pub fn at(&mut self, place: &Place, message: impl Into<String>, hint: Option<String>) {
        let fault = self.fault(place, message.into(), hint);
        let follows = fault.line().is_some_and(|line| self.broken_lines.contains(&line)) || self.told.contains(place);
        if !follows {
            self.faults.push(fault);
        }
    }

    /// What is told of this value is enough: later faults of it would only follow from the first.
    pub fn tell_no_more_of(&mut self, place: &Place) {
        self.told.push(place.clone());
    }

    /// A fault at these bytes of a string's content.
    pub fn inside(&mut self, node: &Node, content: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let place = match (&node.place, self.sheet) {
            (Place::File(span), Some(sheet)) => {
                let written = sheet.text.get(span.clone()).unwrap_or_default();
                let start = written_offset(written, content.start);
                let end = written_offset(written, content.end).max(start);
                Place::File(span.start + start..span.start + end)
            }
            (place, _) => place.clone(),
        };
        self.at(&place, message, hint);
    }

    /// Something is missing. A file with broken lines may well have it in one of them, and is not reproached.
    pub fn missing(&mut self, place: &Place, message: impl Into<String>, hint: Option<String>) {
        if self.broken_lines.is_empty() {
            self.at(place, message, hint);
        }
    }

    /// A fault that was made elsewhere.
    pub fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The value, when there is no fault at all; else all of them in the order of the file.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => {
                self.faults.sort_by(|a, b| a.origin.cmp(&b.origin));
                self.faults.dedup();
                Err(self.faults)
            }
        }
    }

    /// The line of a place in the file, from 1; 0 for a place elsewhere.
    pub fn line(&self, place: &Place) -> usize {
        match (place, self.sheet) {
            (Place::File(span), Some(sheet)) => sheet.line(span.start),
            _ => 0,
        }
    }

    pub fn fault(&self, place: &Place, message: String, hint: Option<String>) -> Fault {
        match (place, self.sheet) {
            (Place::File(span), Some(sheet)) => sheet.fault(span.clone(), message, hint),
            (Place::Variable(name), _) => Fault::of_variable(name, message, hint),
            (Place::File(_), None) => Fault::of_file("rowbell.toml", message, hint),
        }
    }
}

/// A string of the file and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub value: &'a str,
    pub node: &'a Node,
    expanded: bool,
}

impl<'a> Text<'a> {
    pub fn of(node: &'a Node) -> Option<Text<'a>> {
        match &node.content {
            Content::Text(value, expanded) => Some(Text { value, node, expanded: *expanded }),
            _ => None,
        }
    }

    /// The value, when it may be repeated in a message.
    pub fn shown(&self) -> Option<&'a str> {
        (!self.expanded && may_be_shown(self.value)).then_some(self.value)
    }

    /// The value for a message; not what came out of `${…}`, and not what is long.
    pub fn quoted(&self) -> String {
        self.shown().map_or_else(|| "this value".to_owned(), |value| format!("`{value}`"))
    }

    pub fn place(&self) -> &'a Place {
        &self.node.place
    }
}

/// A table that is being read.
pub(super) struct Reader<'a> {
    spec: &'static Spec,
    /// As it is written in the file.
    title: String,
    table: &'a Table,
    /// Where the table begins.
    pub place: &'a Place,
}

impl<'a> Reader<'a> {
    /// Checks that it is a table, and each of its keys.
    pub fn new(spec: &'static Spec, node: &'a Node, report: &mut Report<'_>) -> Option<Reader<'a>> {
        Reader::titled(spec, spec.title, node, report)
    }

    /// A table with a name of the user's, such as `[sources.erp]`.
    pub fn titled(spec: &'static Spec, title: &str, node: &'a Node, report: &mut Report<'_>) -> Option<Reader<'a>> {
        let Some(table) = node.table() else {
            report.at(&node.place, format!("expected a table, found {}", node.describe()), None);
            return None;
        };
        for entry in table.entries.iter().filter(|entry| spec.field(&entry.name).is_none()) {
            let (message, hint) = unknown_key(spec, title, &entry.name);
            report.at(&entry.key_place, message, hint);
        }
        Some(Reader { spec, title: title.to_owned(), table, place: &node.place })
    }

    /// Whether a key stands in it that means nothing here: then what seems to be missing may be meant by that.
    pub fn has_unknown(&self) -> bool {
        self.table.entries.iter().any(|entry| self.spec.field(&entry.name).is_none())
    }

    /// The value of a key, whatever it is.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        self.table.get(name).map(|entry| &entry.node)
    }

    /// Where a key stands.
    pub fn key_place(&self, name: &str) -> Option<&'a Place> {
        self.table.get(name).map(|entry| &entry.key_place)
    }

    /// Reports each required key that is absent. One that is only misspelt is told as that.
    pub fn require(&self, report: &mut Report<'_>) {
        for field in self.spec.fields.iter().filter(|field| field.required && self.node(field.name).is_none()) {
            self.ask_for(field.name, report);
        }
    }

    /// Tells that a key is absent which must be there in this case.
    pub fn ask_for(&self, name: &str, report: &mut Report<'_>) {
        let Some(field) = self.spec.field(name) else { return };
        let misspelt = |entry: &super::node::Entry| {
            self.spec.field(&entry.name).is_none() && nearest(&entry.name, self.spec.fields.iter().map(|field| field.name)) == Some(name)
        };
        if !self.table.entries.iter().any(misspelt) {
            let message = format!("`{name}` is missing{}", in_table(&self.title));
            report.missing(self.place, message, Some(format!("write for example: {name} = {}", field.example)));
        }
    }

    /// A text that is not empty.
    pub fn text(&self, name: &str, report: &mut Report<'_>) -> Option<Text<'a>> {
        let (field, node) = self.field(name)?;
        if let Content::Array(_) = &node.content {
            let hint = format!("write one text, without brackets: {name} = {}", field.example);
            report.at(&node.place, format!("expected {}, found {}", field.kind.expected(), node.describe()), Some(hint));
            return None;
        }
        text(&field.kind, name, node, report)
    }

    /// A text, or the default of the field.
    pub fn text_or_default(&self, name: &str, report: &mut Report<'_>) -> Option<String> {
        match self.node(name) {
            Some(_) => self.text(name, report).map(|text| text.value.to_owned()),
            None => self.default(name).map(|default| default.trim_matches('"').to_owned()),
        }
    }

    /// One of the words of the field; the default when absent.
    pub fn word(&self, name: &str, report: &mut Report<'_>) -> Option<&'static str> {
        let field = self.spec.field(name)?;
        let Kind::Word(words) = field.kind else { return None };
        let Some(node) = self.node(name) else {
            let default = self.default(name)?.trim_matches('"');
            return words.iter().copied().find(|word| *word == default);
        };
        let text = text(&field.kind, name, node, report)?;
        let word = words.iter().copied().find(|word| *word == text.value);
        if word.is_none() {
            let meant = nearest(text.value, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
            report.at(&node.place, format!("{} is not {}", text.quoted(), field.kind.expected()), meant);
        }
        word
    }

    /// A duration within the bounds of the field; the default when absent.
    pub fn duration(&self, name: &str, report: &mut Report<'_>) -> Option<Duration> {
        let field = self.spec.field(name)?;
        let Kind::Duration(least, most) = field.kind else { return None };
        let Some(node) = self.node(name) else {
            return self.default(name).and_then(|default| humantime::parse_duration(default.trim_matches('"')).ok());
        };
        if let Content::Integer(number) = node.content {
            let unit = if least >= Duration::from_secs(3600) { "d" } else { "s" };
            let hint = format!("write the unit, in quotes: {name} = \"{number}{unit}\"");
            report.at(&node.place, format!("expected {}, found a bare number", field.kind.expected()), Some(hint));
            return None;
        }
        let text = text(&field.kind, name, node, report)?;
        match humantime::parse_duration(text.value) {
            Err(_) => {
                let hint = "a number and a unit: \"30s\", \"10m\", \"4h\", \"90d\", or several: \"1h 30m\"";
                report.at(&node.place, format!("{} is not a duration", text.quoted()), Some(hint.to_owned()));
                None
            }
            Ok(value) if value < least || value > most => {
                report.at(&node.place, format!("`{name}` must be between {} and {}", short(least), short(most)), None);
                None
            }
            Ok(value) => Some(value),
        }
    }

    /// A whole number within the bounds of the field; the default when absent.
    pub fn count(&self, name: &str, report: &mut Report<'_>) -> Option<u64> {
        let field = self.spec.field(name)?;
        let Kind::Count(least, most) = field.kind else { return None };
        let Some(node) = self.node(name) else {
            return self.default(name).and_then(|default| default.replace('_', "").parse().ok());
        };
        let number = match &node.content {
            Content::Integer(number) => Some(*number),
            // The environment has only text, and a number may be put in by `${…}`.
            Content::Text(text, expanded) if *expanded || matches!(node.place, Place::Variable(_)) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            report.at(&node.place, format!("expected {}, found {}", field.kind.expected(), node.describe()), without_quotes(name, node));
            return None;
        };
        let value = u64::try_from(number).ok().filter(|value| (least..=most).contains(value));
        if value.is_none() {
            report.at(&node.place, format!("`{name}` must be between {least} and {most}"), None);
        }
        value
    }

    /// A length of time or a number of polls; at once when absent.
    pub fn span(&self, name: &str, report: &mut Report<'_>) -> Span {
        let (Some(node), Some(Kind::Span(most))) = (self.node(name), self.spec.field(name).map(|field| &field.kind)) else {
            return Span::ZERO;
        };
        if let Content::Integer(number) = node.content {
            let polls = u32::try_from(number).ok().filter(|polls| (1..=MOST_POLLS).contains(polls));
            if polls.is_none() {
                let hint = (number == 0).then(|| "remove it: then nothing is waited for".to_owned());
                report.at(&node.place, format!("`{name}` must be between 1 and {MOST_POLLS} polls"), hint);
            }
            return polls.map_or(Span::ZERO, Span::Polls);
        }
        let Some(text) = Text::of(node) else {
            let hint = format!("a time stands in quotes: {name} = \"90s\"");
            report.at(&node.place, format!("expected {}, found {}", Kind::Span(*most).expected(), node.describe()), Some(hint));
            return Span::ZERO;
        };
        match humantime::parse_duration(text.value) {
            Ok(length) if length <= *most => Span::Time(length),
            Ok(_) => {
                report.at(&node.place, format!("`{name}` must be at most {}", short(*most)), None);
                Span::ZERO
            }
            Err(_) => {
                let hint = "a number and a unit: \"30s\", \"10m\", \"4h\"; or without quotes a number of polls: 3".to_owned();
                report.at(&node.place, format!("{} is not a duration", text.quoted()), Some(hint));
                Span::ZERO
            }
        }
    }

    /// True or false; the default when absent.
    pub fn boolean(&self, name: &str, report: &mut Report<'_>) -> Option<bool> {
        let Some(node) = self.node(name) else { return self.default(name).map(|default| default == "true") };
        match node.content {
            Content::Boolean(boolean) => Some(boolean),
            _ => {
                let message = format!("expected {}, found {}", Kind::Boolean.expected(), node.describe());
                report.at(&node.place, message, without_quotes(name, node));
                None
            }
        }
    }

    /// An IANA time zone.
    pub fn zone(&self, name: &str, report: &mut Report<'_>) -> Option<Tz> {
        let text = self.text(name, report)?;
        match text.value.parse::<Tz>() {
            Ok(zone) => Some(zone),
            Err(_) => {
                let hint = nearest_zone(text.value)
                    .map_or("names are like \"Asia/Shanghai\" or \"UTC\"".to_owned(), |zone| format!("did you mean \"{zone}\"?"));
                report.at(text.place(), format!("{} is not a time zone", text.quoted()), Some(hint));
                None
            }
        }
    }

    /// The texts of an array, none of them empty.
    pub fn texts(&self, name: &str, report: &mut Report<'_>) -> Option<Vec<Text<'a>>> {
        let (field, node) = self.field(name)?;
        let Content::Array(items) = &node.content else {
            let hint = Text::of(node).and_then(|text| text.shown()).map(|text| format!("write it in brackets: {name} = [\"{text}\"]"));
            report.at(&node.place, format!("expected {}, found {}", field.kind.expected(), node.describe()), hint);
            return None;
        };
        let texts: Vec<Text<'a>> = items.iter().filter_map(|item| item_text(name, item, report)).collect();
        (texts.len() == items.len()).then_some(texts)
    }

    /// The same, where an array of none would say nothing.
    pub fn some_texts(&self, name: &str, report: &mut Report<'_>) -> Option<Vec<Text<'a>>> {
        self.refuse_empty(name, report);
        self.texts(name, report)
    }

    fn refuse_empty(&self, name: &str, report: &mut Report<'_>) {
        if let Some(node) = self.node(name).filter(|node| matches!(&node.content, Content::Array(items) if items.is_empty())) {
            report.at(&node.place, format!("`{name}` is empty"), Some("write something, or remove it".to_owned()));
        }
    }

    /// The texts of an array, or the only one; none of them empty.
    pub fn text_or_texts(&self, name: &str, report: &mut Report<'_>) -> Option<Vec<Text<'a>>> {
        let (field, node) = self.field(name)?;
        match &node.content {
            Content::Array(_) => self.texts(name, report),
            _ => text(&field.kind, name, node, report).map(|text| vec![text]),
        }
    }

    /// The tables of `[[name]]` blocks or of an array of inline tables; empty when absent.
    pub fn tables(&self, name: &str, spec: &'static Spec, report: &mut Report<'_>) -> Vec<Reader<'a>> {
        let Some((field, node)) = self.field(name) else { return Vec::new() };
        self.refuse_empty(name, report);
        match &node.content {
            Content::Array(items) => items.iter().filter_map(|item| Reader::new(spec, item, report)).collect(),
            _ => {
                let hint = node.table().map(|_| format!("write it with two brackets: [[{name}]]"));
                report.at(&node.place, format!("expected {}, found {}", field.kind.expected(), node.describe()), hint);
                Vec::new()
            }
        }
    }

    /// The default of a field, as TOML.
    fn default(&self, name: &str) -> Option<&'static str> {
        self.spec.field(name)?.default
    }

    fn field(&self, name: &str) -> Option<(&'static Field, &'a Node)> {
        Some((self.spec.field(name)?, self.node(name)?))
    }
}

/// The zone that was probably meant. That of Beijing is called after Shanghai, which few people guess.
fn nearest_zone(name: &str) -> Option<&'static str> {
    let lowered = name.to_lowercase();
    if ["beijing", "peking", "prc", "china"].iter().any(|word| lowered.contains(word)) {
        return Some("Asia/Shanghai");
    }
    nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()))
}

/// A duration in its largest whole unit.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.iter().find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// A text of an array that is not empty.
fn item_text<'a>(name: &str, node: &'a Node, report: &mut Report<'_>) -> Option<Text<'a>> {
    match Text::of(node).filter(|text| text.value.trim().is_empty()) {
        Some(_) => {
            report.at(&node.place, format!("a text of `{name}` is empty"), Some("write something, or remove it".to_owned()));
            None
        }
        None => text(&Kind::Text, name, node, report),
    }
}

/// A text of this kind that is not empty.
fn text<'a>(kind: &Kind, name: &str, node: &'a Node, report: &mut Report<'_>) -> Option<Text<'a>> {
    let Some(text) = Text::of(node) else {
        let hint = match node.content {
            Content::Integer(number) if !matches!(kind, Kind::Secret) => Some(format!("put it in quotes: \"{number}\"")),
            Content::Datetime(_) => Some("put it in quotes".to_owned()),
            _ => None,
        };
        report.at(&node.place, format!("expected {}, found {}", kind.expected(), node.describe()), hint);
        return None;
    };
    if text.value.trim().is_empty() {
        report.at(&node.place, format!("`{name}` is empty"), Some("write something, or remove it".to_owned()));
        return None;
    }
    Some(text)
}

fn without_quotes(name: &str, node: &Node) -> Option<String> {
    let text = Text::of(node)?;
    let bare = text.value.parse::<u64>().is_ok() || ["true", "false"].contains(&text.value);
    bare.then(|| format!("write it without quotes: {name} = {}", text.value))
}

fn in_table(title: &str) -> String {
    if title.starts_with('[') { format!(" in {title}") } else { String::new() }
}

/// Names after a beginning, in lines that fit a terminal.
fn in_lines<'n>(beginning: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut text = beginning.to_owned();
    let mut width = text.len();
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 < names.len() { "," } else { "" };
        let word = format!("`{name}`{end}");
        let breaks = width + 1 + word.len() > LISTED_WIDTH;
        text.push_str(if breaks { "\n" } else { " " });
        text.push_str(&word);
        width = if breaks { word.len() } else { width + 1 + word.len() };
    }
    text
}

fn unknown_key(spec: &Spec, title: &str, name: &str) -> (String, Option<String>) {
    if !may_be_shown(name) {
        return (format!("unknown key{}", in_table(title)), None);
    }
    if spec.later.contains(&name) {
        return (format!("`{name}` is not available in this version"), Some("remove it for now".to_owned()));
    }
    let known = spec.fields.iter().map(|field| field.name);
    let above = std::iter::successors(spec.above, |above| above.above).find(|above| above.field(name).is_some());
    if let Some(above) = above {
        let hint = format!("write it further up, before the first [table] line: below {title} it belongs to that table");
        return (format!("`{name}` does not belong in {title}, but to {}", above.title), Some(hint));
    }
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => in_lines("what may stand here:", known),
    };
    (format!("unknown key `{name}`{}", in_table(title)), Some(hint))
}
