//! Calendars of working days: the one that is built in, and `calendars/*.toml` over it.
//!
//! A file of the built-in calendar's name goes over it year by year: a year of the file takes the place of the year that
//! is built in, the other years stay. So a new notice of the State Council needs no new version of rowbell. A file of
//! any other name is a calendar of its own. A faulty file is a fault of the settings: a calendar that is half read would
//! be wrong on the days that matter.

mod fields;

use super::fault::Fault;
use super::node;
use super::reader::{Reader, Report, Text};
use super::sheet::Sheet;
use crate::domain::active::parse_days;
use crate::domain::calendar::{Calendar, CalendarYear, Calendars, WEEKEND};
use chrono::{Datelike, NaiveDate, WeekdaySet};
use fields::{CALENDAR, YEAR};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The name of the calendar of mainland China.
const BUILT_IN: &str = "cn-workdays";
const BUILT_IN_TEXT: &str = include_str!("cn-workdays.toml");

/// What stands between the first and the last of several days.
const RANGE: &str = "..";

/// The calendars that need no file.
///
/// # Errors
/// None in a build that was tested.
pub fn built_in() -> Result<Calendars, Vec<Fault>> {
    let path = Path::new("(built in)").join(BUILT_IN).with_extension("toml");
    Ok([parse_calendar(BUILT_IN, &path, BUILT_IN_TEXT, None)?].into_iter().collect())
}

/// What is built in, and every `*.toml` of the folder but hidden files over it; the folder need not be there.
///
/// # Errors
/// All faults of all files.
pub fn load_calendars(folder: &Path) -> Result<Calendars, Vec<Fault>> {
    let mut calendars = built_in()?;
    let mut faults = Vec::new();
    let paths = match calendar_paths(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let message = format!("cannot read the folder of calendars: {}", super::describe_io(&error));
            return Err(vec![Fault::of_file(folder, message, None)]);
        }
        Ok(paths) => paths,
    };
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = super::read_text(&path).map_err(|fault| vec![fault]);
        match text.and_then(|text| parse_calendar(&name, &path, &text, calendars.get(&name))) {
            Ok(calendar) => calendars.insert(calendar),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(calendars) } else { Err(faults) }
}

/// Reads a calendar from the text of a file; what the file does not say is as in `base`.
///
/// # Errors
/// All faults of the file.
pub fn parse_calendar(name: &str, path: &Path, text: &str, base: Option<&Calendar>) -> Result<Calendar, Vec<Fault>> {
    let sheet = Sheet::of_watcher(path, text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    if !super::is_name(name) {
        let message = format!("`{}` cannot be a calendar's name", name.escape_debug());
        let hint = "name the file with letters, digits, `_` and `-`, such as suzhou-plant.toml".to_owned();
        report.push(Fault::of_file(path, message, Some(hint)));
    }
    let calendar = Reader::new(&CALENDAR, &root, &mut report).map(|reader| read(name, &reader, base, &mut report));
    report.finish(calendar)
}

fn calendar_paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.ends_with(".toml") && !name.starts_with('.') && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(name: &str, reader: &Reader<'_>, base: Option<&Calendar>, report: &mut Report<'_>) -> Calendar {
    let text = |key: &str, report: &mut Report<'_>| reader.text(key, report).map(|text| text.value.to_owned());
    let description = text("description", report).or_else(|| base?.description.clone());
    let source = text("source", report).or_else(|| base?.source.clone());
    let weekend = read_weekend(reader, report).or(base.map(|base| base.weekend)).unwrap_or(WEEKEND);
    let mut years = base.map(|base| base.years.clone()).unwrap_or_default();
    years.extend(read_years(reader, weekend, report));
    Calendar { name: name.to_owned(), description, source, weekend, years }
}

fn read_weekend(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<WeekdaySet> {
    let mut weekend = WeekdaySet::EMPTY;
    for text in reader.texts("weekend", report)? {
        match parse_days(text.value) {
            Ok(days) => weekend = weekend.union(days),
            Err(error) => report.inside(text.node, error.span, error.message, error.hint),
        }
    }
    if weekend == WeekdaySet::ALL
        && let Some(node) = reader.node("weekend")
    {
        report.at(&node.place, "`weekend` names every day: no day would be worked", Some("name the days that are not worked".to_owned()));
    }
    Some(weekend)
}

fn read_years(reader: &Reader<'_>, weekend: WeekdaySet, report: &mut Report<'_>) -> BTreeMap<i32, CalendarYear> {
    let mut years = BTreeMap::new();
    for block in reader.tables("year", &YEAR, report) {
        block.require(report);
        let number = block.count("year", report).and_then(|number| i32::try_from(number).ok());
        let year = read_year(&block, number, weekend, report);
        let Some(number) = number else { continue };
        if years.insert(number, year).is_some()
            && let Some(place) = block.key_place("year")
        {
            report.at(place, format!("the year {number} stands twice"), Some("put all its days into one [[year]] block".to_owned()));
        }
    }
    years
}

fn read_year(block: &Reader<'_>, number: Option<i32>, weekend: WeekdaySet, report: &mut Report<'_>) -> CalendarYear {
    let source = block.text("source", report).map(|text| text.value.to_owned());
    let holidays: BTreeSet<NaiveDate> = read_days(block, "holidays", number, report).into_iter().map(|(day, _)| day).collect();
    let mut workdays = BTreeSet::new();
    for (day, text) in read_days(block, "workdays", number, report) {
        if holidays.contains(&day) {
            report.at(text.place(), format!("{day} is a holiday too"), Some("remove it from `holidays` or from `workdays`".to_owned()));
        } else if !weekend.contains(day.weekday()) {
            let message = format!("{day} is a {}, which is worked anyway", day.format("%A"));
            report.at(text.place(), message, Some("`workdays` are days of the weekend: correct the date, or remove it".to_owned()));
        }
        workdays.insert(day);
    }
    CalendarYear { source, holidays, workdays }
}

/// Every day of a list, each with the text it stands in.
fn read_days<'a>(block: &Reader<'a>, name: &str, year: Option<i32>, report: &mut Report<'_>) -> Vec<(NaiveDate, Text<'a>)> {
    let mut days = Vec::new();
    for text in block.texts(name, report).unwrap_or_default() {
        // Without a year nothing bounds a range.
        let Some(((first, last), _)) = read_range(text, year, report).zip(year) else { continue };
        days.extend(first.iter_days().take_while(|day| *day <= last).map(|day| (day, text)));
    }
    days
}

/// The first and the last day of `2026-10-01..2026-10-07`, or twice the only one.
fn read_range(text: Text<'_>, year: Option<i32>, report: &mut Report<'_>) -> Option<(NaiveDate, NaiveDate)> {
    let Some(at) = text.value.find(RANGE) else {
        let day = read_day(text, 0..text.value.len(), year, report)?;
        return Some((day, day));
    };
    let first = read_day(text, 0..at, year, report);
    let last = read_day(text, at + RANGE.len()..text.value.len(), year, report);
    let (first, last) = first.zip(last)?;
    if last < first {
        report.at(
            text.place(),
            format!("the range {} runs backwards", text.quoted()),
            Some(format!("write it as \"{last}{RANGE}{first}\"")),
        );
        return None;
    }
    Some((first, last))
}

/// The day at these bytes of a text, when it lies in the year.
fn read_day(text: Text<'_>, span: Range<usize>, year: Option<i32>, report: &mut Report<'_>) -> Option<NaiveDate> {
    let written = text.value.get(span.clone()).unwrap_or_default();
    let start = span.start + written.len() - written.trim_start().len();
    let span = start..start + written.trim().len();
    let Ok(day) = NaiveDate::parse_from_str(written.trim(), "%Y-%m-%d") else {
        let message = match written.trim() {
            "" => "a day is missing".to_owned(),
            written => format!("`{written}` is not a day"),
        };
        let hint = "write year, month and day, \"2026-10-01\", or the first and the last of several, \"2026-10-01..2026-10-07\"";
        report.inside(text.node, span, message, Some(hint.to_owned()));
        return None;
    };
    if year.is_some_and(|year| year != day.year()) {
        let hint = format!(
            "put it into the [[year]] block of {}; a block takes the place of a year that is built in: write that year whole",
            day.year()
        );
        report.inside(text.node, span, format!("{day} is not in {}", year.unwrap_or_default()), Some(hint));
        return None;
    }
    Some(day)
}
