//! How the findings are told: a line for each watcher, and below them what is wrong and what is worth a look.

use super::{Checked, is_terminal};
use crate::cli::{Global, moment, output};
use crate::config::{Fault, Settings, render_faults, render_warnings};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;
use std::fmt::Write as _;

/// How many of the next polls are told.
const NEXT_POLLS: usize = 5;
/// How many of them a person is told however narrow the terminal is.
const NEXT_SHOWN: usize = 3;
/// As wide is a line where nobody says how wide it may be.
const WIDTH: usize = 80;
/// The column of names is as wide as the longest of them, within these bounds.
const NAME_WIDTHS: std::ops::RangeInclusive<usize> = 12..=36;

/// A line of each watcher.
pub(super) fn watchers(global: &Global, settings: &Settings, checked: &[Checked], now: DateTime<Utc>) {
    let width = comfy_table::Table::new().width().map_or(WIDTH, usize::from);
    let longest = checked.iter().map(|one| one.file.name.chars().count()).max().unwrap_or_default();
    let page = Page { now, zone: settings.timezone, width, name_width: longest.clamp(*NAME_WIDTHS.start(), *NAME_WIDTHS.end()) };
    for one in checked {
        if global.json { one.print_json(now) } else { one.print(&page) }
    }
}

/// What the lines are written for.
struct Page {
    now: DateTime<Utc>,
    /// The zone that needs no mention.
    zone: Tz,
    width: usize,
    name_width: usize,
}

/// Every warning and every fault, as a person reads them; the faults are last, nearest to the summary.
pub(super) fn findings(checked: &[Checked]) -> Vec<String> {
    let warnings = said_once(checked.iter().flat_map(|one| &one.warnings));
    let faults: Vec<Fault> = checked.iter().flat_map(|one| one.faults.iter().chain(&one.unreachable).cloned()).collect();
    let warnings = (!warnings.is_empty()).then(|| render_warnings(&warnings, is_terminal()));
    let faults = (!faults.is_empty()).then(|| render_faults(&faults, is_terminal()));
    warnings.into_iter().chain(faults).collect()
}

/// A warning that several files share (a calendar without next year) is told at the first, which says how many there are.
fn said_once<'a>(warnings: impl Iterator<Item = &'a Fault>) -> Vec<Fault> {
    let mut distinct: Vec<(&Fault, usize)> = Vec::new();
    for warning in warnings {
        let is_same = |(other, _): &&mut (&Fault, usize)| other.message == warning.message && other.hint == warning.hint;
        match distinct.iter_mut().find(is_same) {
            Some((_, more)) => *more += 1,
            None => distinct.push((warning, 0)),
        }
    }
    let told = |(warning, more): (&Fault, usize)| match more {
        0 => warning.clone(),
        more => {
            let others = if more == 1 { "1 other place".to_owned() } else { format!("{more} other places") };
            warning.clone().in_words(format!("{} (so it is in {others})", warning.message))
        }
    };
    distinct.into_iter().map(told).collect()
}

impl Checked {
    fn next_polls(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let Some(watcher) = self.watcher() else { return Vec::new() };
        std::iter::successors(watcher.schedule.next_after(now), |at| watcher.schedule.next_after(*at)).take(NEXT_POLLS).collect()
    }

    fn print_json(&self, now: DateTime<Utc>) {
        let next: Vec<String> = self.next_polls(now).into_iter().map(moment::stamp).collect();
        let faults: Vec<&Fault> = self.faults.iter().chain(&self.unreachable).collect();
        output::json(&json!({
            "name": self.file.name, "file": self.file.path.display().to_string(), "valid": faults.is_empty(), "faults": faults,
            "warnings": self.warnings, "next_polls": next, "edit": self.edit,
        }));
    }

    fn print(&self, page: &Page) {
        let name_width = page.name_width;
        let (sign, told) = match (self.faults.len(), self.watcher()) {
            (0, _) if !self.unreachable.is_empty() => ("?", "could not be checked on its source".to_owned()),
            (0, Some(watcher)) => {
                let zone = watcher.timezone;
                let label = if zone == page.zone { String::new() } else { format!(" ({zone})") };
                let before = self.file.name.chars().count().max(name_width) + "✓  ".chars().count() + label.len();
                let next = next_in_words(&self.next_polls(page.now), page.now, zone, page.width.saturating_sub(before));
                ("✓", next + &label)
            }
            (1, _) => ("✗", "1 fault".to_owned()),
            (count, _) => ("✗", format!("{count} faults")),
        };
        output::line(&format!("{sign} {:<name_width$} {told}", self.file.name));
        if let Some(edit) = &self.edit {
            wrapped(&edit.words(), page.width).iter().for_each(|line| output::line(line));
        }
    }
}

/// Indented lines, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in output::plain(text).split(' ') {
        // What follows the first line is indented further.
        let indent = if lines.is_empty() { "  " } else { "    " };
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= width) {
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

/// `next 09:35, 09:40, 09:45`: as many as fit; the day only where it is another one, seconds only where there are any.
fn next_in_words(polls: &[DateTime<Utc>], now: DateTime<Utc>, zone: Tz, width: usize) -> String {
    let mut day = now.with_timezone(&zone).date_naive();
    let mut shown = String::new();
    for (at, poll) in polls.iter().enumerate() {
        let local = poll.with_timezone(&zone);
        let date = if local.date_naive() == day { "" } else { "%Y-%m-%d " };
        let time = if polls.iter().all(|at| at.timestamp() % 60 == 0) { "%H:%M" } else { "%H:%M:%S" };
        let next = local.format(&format!("{date}{time}")).to_string();
        let separator = if at == 0 { "next " } else { ", " };
        if at >= NEXT_SHOWN && shown.len() + separator.len() + next.len() > width {
            break;
        }
        // Writing to a text does not fail.
        let _ = write!(shown, "{separator}{next}");
        day = local.date_naive();
    }
    if shown.is_empty() { "its schedule has no further slot".to_owned() } else { shown }
}

/// How many there are, and of which sort.
pub(super) fn summary(settings: &Settings, checked: &[Checked]) -> String {
    if checked.is_empty() {
        return format!("there are no watchers in {}: `rowbell new NAME` writes one", settings.watchers.display());
    }
    let count = |which: fn(&Checked) -> bool| checked.iter().filter(|one| which(one)).count();
    let (invalid, unreachable) = (count(Checked::is_invalid), count(|one| !one.unreachable.is_empty() && !one.is_invalid()));
    let warnings: usize = checked.iter().map(|one| one.warnings.len()).sum();
    let all = if checked.len() == 1 { "1 watcher".to_owned() } else { format!("{} watchers", checked.len()) };
    let mut text = format!("{all}: {} valid", checked.len() - invalid - unreachable);
    if invalid > 0 {
        text.push_str(&format!(", {invalid} not valid"));
    }
    if unreachable > 0 {
        text.push_str(&format!(", {unreachable} could not be checked on their source"));
    }
    match warnings {
        0 => {}
        1 => text.push_str("; 1 warning"),
        _ => text.push_str(&format!("; {warnings} warnings")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(polls: &[&str], width: usize) -> String {
        let at = |text: &&str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let polls: Vec<_> = polls.iter().map(at).collect();
        next_in_words(&polls, at(&"2026-11-23T01:30:00Z"), chrono_tz::Asia::Shanghai, width)
    }

    #[test]
    fn the_next_polls_are_told_as_short_as_they_can_be() {
        assert_eq!(next(&["2026-11-23T01:35:00Z", "2026-11-23T01:40:00Z"], 80), "next 09:35, 09:40");
        assert_eq!(next(&["2026-11-23T01:35:10Z"], 80), "next 09:35:10");
        let over_midnight = ["2026-11-23T15:59:00Z", "2026-11-23T16:00:00Z", "2026-11-23T16:01:00Z"];
        assert_eq!(next(&over_midnight, 80), "next 23:59, 2026-11-24 00:00, 00:01");
        assert_eq!(next(&[], 80), "its schedule has no further slot");
    }

    #[test]
    fn as_many_polls_are_told_as_fit_and_never_less_than_three() {
        let five = ["01:35", "01:40", "01:45", "01:50", "01:55"].map(|time| format!("2026-11-23T{time}:00Z"));
        let five: Vec<&str> = five.iter().map(String::as_str).collect();
        assert_eq!(next(&five, 80), "next 09:35, 09:40, 09:45, 09:50, 09:55");
        assert_eq!(next(&five, 31), "next 09:35, 09:40, 09:45, 09:50");
        assert_eq!(next(&five, 10), "next 09:35, 09:40, 09:45");
    }

    #[test]
    fn long_lines_are_broken_between_words_and_control_nothing() {
        assert_eq!(wrapped("edited: it would fire", 16), ["  edited: it", "    would fire"]);
        assert_eq!(wrapped("sku \u{1b}[31mA", 80), ["  sku  [31mA"]);
    }

    #[test]
    fn a_warning_that_is_shared_is_told_once() {
        let warning = |file: &str| Fault::of_file(file, "no data for 2027", None);
        let all = [warning("a.toml"), warning("b.toml"), Fault::of_file("a.toml", "another", None), warning("c.toml")];
        let told: Vec<(String, String)> = said_once(all.iter()).into_iter().map(|fault| (fault.file(), fault.message)).collect();
        let expected = [("a.toml", "no data for 2027 (so it is in 2 other places)"), ("a.toml", "another")];
        assert_eq!(told, expected.map(|(file, message)| (file.to_owned(), message.to_owned())));
    }
}
