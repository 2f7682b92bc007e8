//! What may stand in a table of a file: one list of fields per table. It is the single source for the keys that are
//! known, the messages about values of a wrong kind, the defaults, the JSON Schema and the commented template.

use std::time::Duration;

/// A table of a file.
pub(super) struct Spec {
    /// As it is written in the file, such as `[message]`; for the file itself what it is.
    pub title: &'static str,
    /// One sentence on what it is for.
    pub doc: &'static str,
    /// The keys that may stand in it.
    pub fields: &'static [Field],
    /// Keys that the contract knows and this version does not.
    pub later: &'static [&'static str],
    /// The table above, for keys that slipped below a header.
    pub above: Option<&'static Spec>,
}

/// A key of a table.
pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// One sentence or two on what it means.
    pub doc: &'static str,
    /// As TOML, where there is a default.
    pub default: Option<&'static str>,
    /// As TOML.
    pub example: &'static str,
    /// Whether the table is nothing without it.
    pub required: bool,
}

/// What a value must be.
pub(super) enum Kind {
    /// Any text but an empty one.
    Text,
    /// Any text, also an empty one.
    TextOrEmpty,
    /// Text that is never shown.
    Secret,
    /// A length of time, both bounds included.
    Duration(Duration, Duration),
    /// A length of time up to this one, or a number of polls.
    Span(Duration),
    /// A number of keys, or a percentage.
    Share,
    /// A text or a whole number.
    Scalar,
    /// A number, also with a fraction, or a text.
    NumberOrText,
    /// Texts or whole numbers, or arrays of them.
    Values,
    /// A table of names of the user's with a text, a number, a truth value or a time each.
    Params,
    /// A whole number, both bounds included.
    Count(u64, u64),
    Boolean,
    /// An IANA time zone.
    Zone,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A cron line.
    Cron,
    /// A SQL condition.
    Condition,
    /// A MiniJinja template.
    Template,
    /// Several of these words.
    Words(&'static [&'static str]),
    /// Several texts.
    Texts,
    /// Several texts, or none.
    TextsOrNone,
    /// A text, or several.
    TextOrTexts,
    /// A level, or cases with one each.
    Severity(&'static Spec),
    /// A day with a time on the wall clock, or only a time.
    Moment,
    /// Names of columns, with what they hold where that is said.
    Columns(&'static [&'static str]),
    /// Rows: tables or a text; by source where there are several.
    Rows,
    /// A text, or one for each source.
    PerSource,
    /// Texts, or tables of this kind.
    Events(&'static Spec),
    /// For each receiver a text, a table of this kind, or several of these.
    Messages(&'static Spec),
    /// A table.
    Table(&'static Spec),
    /// Several tables: `[[name]]` blocks, or an array of inline tables.
    Tables(&'static Spec),
    /// A table of tables, each with a name of the user's.
    Named(&'static Spec),
}

impl Kind {
    /// What was expected, after the word "expected".
    pub fn expected(&self) -> String {
        match self {
            Kind::Text | Kind::TextOrEmpty | Kind::Secret => "text in quotes".to_owned(),
            Kind::Duration(..) => "a duration such as \"10m\"".to_owned(),
            Kind::Span(_) => "a duration such as \"10m\", or a number of polls".to_owned(),
            Kind::Share => "a number of keys, or a percentage such as \"50%\"".to_owned(),
            Kind::Scalar => "text in quotes, or a whole number".to_owned(),
            Kind::NumberOrText => "a number, or the name of a column in quotes".to_owned(),
            Kind::Values => "an array such as [\"a\", \"b\"]".to_owned(),
            Kind::Params => "a table".to_owned(),
            Kind::Count(..) => "a whole number".to_owned(),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Zone => "a time zone such as \"Asia/Shanghai\"".to_owned(),
            Kind::Word(words) => format!("one of {}", quoted(words)),
            Kind::Cron => "a cron line such as \"*/5 * * * *\"".to_owned(),
            Kind::Condition => "a SQL condition in quotes".to_owned(),
            Kind::Template => "a template in quotes".to_owned(),
            Kind::Words(words) => format!("an array of {}", quoted(words)),
            Kind::Texts | Kind::TextsOrNone => "an array of texts such as [\"a\", \"b\"]".to_owned(),
            Kind::TextOrTexts => "text in quotes, or an array of such texts".to_owned(),
            Kind::Severity(_) => "\"info\", \"warning\" or \"critical\", or an array of { when, level }".to_owned(),
            Kind::Moment => "a time such as \"2026-11-23 09:00\"".to_owned(),
            Kind::Columns(_) => "an array of names such as [\"sku\", \"stock\"], or a table such as { sku = \"text\" }".to_owned(),
            Kind::Rows => "an array of rows such as [{ sku = \"A\", stock = 3 }], or a table as text".to_owned(),
            Kind::PerSource => "text in quotes".to_owned(),
            Kind::Events(_) => "an array of events such as [\"fired A\"]".to_owned(),
            Kind::Table(_) | Kind::Named(_) | Kind::Messages(_) => "a table".to_owned(),
            Kind::Tables(spec) => format!("one or more {} blocks", spec.title),
        }
    }
}

impl Spec {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// `"a", "b" or "c"`.
pub(super) fn quoted(words: &[&str]) -> String {
    listed(words.iter().map(|word| format!("\"{word}\"")).collect())
}

/// `a, b or c`.
pub(super) fn listed(mut words: Vec<String>) -> String {
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
    }
}

/// The known name that a person most probably meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = name.to_lowercase();
    let ranked = known.into_iter().map(|candidate| (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate));
    let (distance, candidate) = ranked.min_by_key(|(distance, _)| *distance)?;
    let longest = name.chars().count().max(candidate.chars().count());
    (distance <= (longest / 4).max(1) && distance < longest).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_when_it_is_near() {
        let known = ["schedule", "source", "severity", "when"];
        assert_eq!(nearest("scedule", known), Some("schedule"));
        assert_eq!(nearest("Severity", known), Some("severity"));
        assert_eq!(nearest("wehn", known), Some("when"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
