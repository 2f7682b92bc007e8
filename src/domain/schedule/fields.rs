//! Reads a cron line: five fields or six, crontab's numbering and names, and errors at their place.
//!
//! The `cron` crate is not shown the line as written: it numbers weekdays from 1 = Sunday and takes both day fields
//! together. Each field becomes the set of its numbers here.

use super::ScheduleError;
use std::collections::BTreeSet;
use std::ops::Range;

/// A cron line as sets of numbers.
#[derive(Debug)]
pub(super) struct CronLine {
    pub seconds: Field,
    pub minutes: Field,
    pub hours: Field,
    pub days: Field,
    pub months: Field,
    /// 0 is Sunday.
    pub weekdays: Field,
}

/// One field: which numbers, and how they were written.
#[derive(Debug)]
pub(super) struct Field {
    pub numbers: BTreeSet<u32>,
    /// Written with `*` or a step: what Vixie's cron calls a wildcard.
    pub interval: bool,
    /// Begins with `*`: in a day field it leaves the choice to the other day field.
    pub star: bool,
    pub span: Range<usize>,
}

struct Shape {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const SECONDS: Shape = Shape { name: "seconds", low: 0, high: 59, names: &[] };
const MINUTES: Shape = Shape { name: "minutes", low: 0, high: 59, names: &[] };
const HOURS: Shape = Shape { name: "hours", low: 0, high: 23, names: &[] };
const DAYS: Shape = Shape { name: "day of the month", low: 1, high: 31, names: &[] };
const MONTHS: Shape = Shape {
    name: "month",
    low: 1,
    high: 12,
    names: &["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"],
};
// 7 is Sunday too; it is folded into 0 after reading.
const WEEKDAYS: Shape = Shape {
    name: "day of the week",
    low: 0,
    high: 7,
    names: &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
};

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// No cron line is longer than this; longer text is a mistake.
const MAX_LENGTH: usize = 1000;

/// Reads a cron line.
pub(super) fn parse(text: &str) -> Result<CronLine, ScheduleError> {
    let whole = text.len() - text.trim_start().len()..text.trim_end().len().max(text.len() - text.trim_start().len());
    if text.len() > MAX_LENGTH {
        return Err(error(format!("the cron line has {} bytes; the limit is {MAX_LENGTH}", text.len()), whole, None));
    }
    if text.trim_start().starts_with('@') {
        return nickname(text.trim(), whole);
    }
    let mut words = words(text);
    match words.len() {
        5 => words.insert(0, ("0", whole.start..whole.start)),
        6 => {}
        0 => return Err(error("the cron line is empty", 0..text.len(), Some("for example `*/5 * * * *`: every five minutes"))),
        found => {
            let message = format!("a cron line has five fields, or six with the seconds first; this one has {found}");
            let hint = "minute hour day month weekday: `30 8 * * 1-5` is half past eight on working days";
            return Err(error(message, whole, Some(hint)));
        }
    }
    let field = |at: usize, shape: &Shape| read_field(words[at].0, words[at].1.start, shape);
    let mut weekdays = field(5, &WEEKDAYS)?;
    if weekdays.numbers.remove(&7) {
        weekdays.numbers.insert(0);
    }
    Ok(CronLine {
        seconds: field(0, &SECONDS)?,
        minutes: field(1, &MINUTES)?,
        hours: field(2, &HOURS)?,
        days: field(3, &DAYS)?,
        months: field(4, &MONTHS)?,
        weekdays,
    })
}

fn nickname(word: &str, span: Range<usize>) -> Result<CronLine, ScheduleError> {
    let lower = word.to_lowercase();
    if let Some((_, line)) = NICKNAMES.iter().find(|(name, _)| *name == lower) {
        return parse(line);
    }
    let names = NICKNAMES.map(|(name, _)| name).join(", ");
    let hint = match lower.as_str() {
        "@reboot" => "a new watcher with `every` polls at once after the start".to_owned(),
        other if other.starts_with("@every") => "write `every = \"5m\"` instead of `schedule`".to_owned(),
        _ => format!("known are {names}"),
    };
    Err(error("unknown name of a schedule", span, Some(&hint)))
}

fn words(text: &str) -> Vec<(&str, Range<usize>)> {
    let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(|word| (word, start(word)..start(word) + word.len())).collect()
}

fn read_field(text: &str, start: usize, shape: &Shape) -> Result<Field, ScheduleError> {
    let mut field = Field {
        numbers: BTreeSet::new(),
        interval: text.contains(['*', '/', '?']),
        star: text.starts_with(['*', '?']),
        span: start..start + text.len(),
    };
    let mut at = start;
    for part in text.split(',') {
        read_part(part, at..at + part.len(), shape, &mut field.numbers)?;
        at += part.len() + 1;
    }
    Ok(field)
}

/// One part of a list: `*`, `5`, `1-5`, `fri-mon`, each range also with `/step`.
fn read_part(part: &str, span: Range<usize>, shape: &Shape, numbers: &mut BTreeSet<u32>) -> Result<(), ScheduleError> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let range_span = span.start..span.start + range.len();
    let (low, high) = match range.split_once('-') {
        _ if range == "*" => (shape.low, shape.last()),
        _ if range == "?" && (shape.name == DAYS.name || shape.name == WEEKDAYS.name) => (shape.low, shape.last()),
        Some((low, high)) => {
            let low_span = span.start..span.start + low.len();
            (shape.number(low, low_span)?, shape.number(high, range_span.start + low.len() + 1..range_span.end)?)
        }
        None => {
            let number = shape.number(range, range_span)?;
            if let Some(step) = step {
                let hint = format!("write `{number}-{}/{step}`, or `*/{step}`", shape.last());
                return Err(error("a step needs a range", span, Some(&hint)));
            }
            (number, number)
        }
    };
    let step = step.map_or(Ok(1), |step| shape.step(step, span.end - step.len()..span.end))?;
    numbers.extend(shape.walk(low, high).step_by(step as usize));
    Ok(())
}

impl Shape {
    /// The last number of a full round: 6 for weekdays, since 7 is Sunday again.
    fn last(&self) -> u32 {
        if self.names.len() == 7 { 6 } else { self.high }
    }

    /// From one number to another, over the end of the round when the second is smaller: `fri-mon`, `22-2`.
    fn walk(&self, low: u32, high: u32) -> Box<dyn Iterator<Item = u32>> {
        if low <= high {
            return Box::new(low..=high);
        }
        let low = if low > self.last() { self.low } else { low };
        if low <= high { Box::new(low..=high) } else { Box::new((low..=self.last()).chain(self.low..=high)) }
    }

    fn number(&self, text: &str, span: Range<usize>) -> Result<u32, ScheduleError> {
        if let Some(number) = self.by_name(text) {
            return Ok(number);
        }
        let range = format!("{} to {}", self.low, self.high);
        if text.is_empty() {
            return Err(error(format!("a number is missing in the {}", self.name), span, Some(&format!("{range}, or `*`"))));
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits && (self.low..=self.high).contains(&number) => Ok(number),
            _ if digits => Err(error(format!("{text} is out of range for the {}", self.name), span, Some(&range))),
            _ => Err(error(format!("cannot read `{text}` as {}", self.name), span, Some(&self.hint(text, &range)))),
        }
    }

    /// A weekday or a month by its whole English name or at least three letters of it.
    fn by_name(&self, text: &str) -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        let found = self.names.iter().position(|name| lower.len() >= 3 && name.starts_with(&lower))?;
        u32::try_from(found).ok().map(|at| at + self.low)
    }

    fn hint(&self, text: &str, range: &str) -> String {
        if text.contains(['L', 'W', '#']) && text.bytes().any(|b| b.is_ascii_digit() || b == b'L') {
            return "`L`, `W` and `#` are not known to crontab; let the query decide, with `current_date`".to_owned();
        }
        match self.names.first() {
            Some(first) => format!("{range}, or names as `{}`", &first[..3]),
            None => range.to_owned(),
        }
    }

    fn step(&self, text: &str, span: Range<usize>) -> Result<u32, ScheduleError> {
        let longest = self.last() - self.low + 1;
        match text.parse::<u32>() {
            Ok(0) => Err(error("a step cannot be 0", span, None)),
            Ok(step) if step <= longest => Ok(step),
            Ok(_) => {
                let message = format!("a step of {text} is longer than the whole {} field", self.name);
                Err(error(message, span, Some("use `every = \"90m\"` for an interval that does not fit the clock")))
            }
            Err(_) => Err(error(format!("cannot read `{text}` as a step"), span, Some("a number, as in `*/5`"))),
        }
    }
}

pub(super) fn error(message: impl Into<String>, span: Range<usize>, hint: Option<&str>) -> ScheduleError {
    ScheduleError { message: message.into(), span, hint: hint.map(str::to_owned) }
}
