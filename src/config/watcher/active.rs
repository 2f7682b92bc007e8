//! Reads when a watcher is active: `active = { days = …, hours = …, calendar = … }`.

#[cfg(test)]
#[path = "active_tests.rs"]
mod tests;

use super::fields::WATCHER;
use crate::config::field::{Field, Kind, Spec, nearest};
use crate::config::reader::{Reader, Report, Text};
use crate::config::settings::Settings;
use crate::domain::active::{Active, ActiveError, HOURS_MAX, Hours, parse_days, parse_hours};
use chrono::WeekdaySet;

/// The table.
pub(in crate::config) static ACTIVE: Spec = Spec {
    title: "[active]",
    doc: "When the watcher is active, on the wall clock of its timezone; what is named must all hold.",
    fields: &[
        Field {
            name: "days",
            kind: Kind::TextOrTexts,
            doc: "Weekdays, or ranges of them. Default: every day. A make-up working day of the calendar is a day of mon-fri.",
            default: None,
            example: "[\"mon-fri\"]",
            required: false,
        },
        Field {
            name: "hours",
            kind: Kind::TextOrTexts,
            doc: "From and until, the end not included; over midnight when it ends before it begins, as a part of the day on \
                  which it begins. Default: the whole day.",
            default: None,
            example: "\"09:00-18:00\"",
            required: false,
        },
        Field {
            name: "calendar",
            kind: Kind::Text,
            doc: "Only the working days of this calendar: cn-workdays, which is built in, or a file of the calendars' folder.",
            default: None,
            example: "\"cn-workdays\"",
            required: false,
        },
    ],
    later: &[],
    above: Some(&WATCHER),
};

/// The `active` table; `None` when there is none, or when the report holds why not.
pub(super) fn read_active(root: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Option<Active> {
    let node = root.node("active")?;
    if Text::of(node).is_some() {
        let hint = "write for example: active = { days = [\"mon-fri\"], hours = \"09:00-18:00\" }".to_owned();
        report.at(&node.place, format!("expected a table, found {}", node.describe()), Some(hint));
        return None;
    }
    let reader = Reader::new(&ACTIVE, node, report)?;
    if ACTIVE.fields.iter().all(|field| reader.node(field.name).is_none()) && !reader.has_unknown() {
        let hint = "name days, hours or a calendar, or remove it: without it the watcher is always active".to_owned();
        report.missing(reader.place, "`active` says nothing", Some(hint));
    }
    let days = read_words(&reader, "days", parse_days, report);
    let days = days.map_or(WeekdaySet::ALL, |days| days.into_iter().fold(WeekdaySet::EMPTY, WeekdaySet::union));
    let hours = read_hours(&reader, report);
    let calendar = read_calendar(&reader, settings, report);
    Some(Active::new(days, hours, calendar))
}

fn read_hours(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<Hours> {
    let hours = read_words(reader, "hours", parse_hours, report).unwrap_or_default();
    if hours.len() > HOURS_MAX
        && let Some(node) = reader.node("hours")
    {
        report.at(&node.place, format!("`hours` has {} ranges; the limit is {HOURS_MAX}", hours.len()), None);
    }
    hours
}

/// Each text of a key, as it is parsed; `None` when the key is absent.
fn read_words<T>(
    reader: &Reader<'_>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, ActiveError>,
    report: &mut Report<'_>,
) -> Option<Vec<T>> {
    let texts = reader.text_or_texts(name, report)?;
    if texts.is_empty()
        && let Some(node) = reader.node(name)
    {
        report.at(&node.place, format!("`{name}` is empty"), Some("write something, or remove it".to_owned()));
    }
    let mut found = Vec::new();
    for text in texts {
        match parse(text.value) {
            Ok(value) => found.push(value),
            Err(error) => report.inside(text.node, error.span, error.message, error.hint),
        }
    }
    Some(found)
}

fn read_calendar(reader: &Reader<'_>, settings: &Settings, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("calendar", report)?;
    if settings.calendars.get(text.value).is_none() {
        let meant = nearest(text.value, settings.calendars.names()).map(|near| format!("did you mean \"{near}\"? "));
        let known: Vec<String> = settings.calendars.names().map(|name| format!("\"{name}\"")).collect();
        let folder = settings.calendars_folder.display();
        let name = text.shown().filter(|name| crate::config::is_name(name)).unwrap_or("NAME");
        let hint = format!("{}there is {}; another one is a file: {folder}/{name}.toml", meant.unwrap_or_default(), known.join(", "));
        report.at(text.place(), format!("the calendar {} is not known", text.quoted()), Some(hint));
    }
    Some(text.value.to_owned())
}
