//! Reads the words of `active`: `mon-fri`, `周六`, `09:00-18:00`; errors at their place.

use super::{ActiveError, DAY, Hours};
use chrono::{Weekday, WeekdaySet};
use std::ops::Range;

const WEEK: [Weekday; 7] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// A day is known by three letters of its name or more.
const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What stands before the number of a day in Chinese.
const CHINESE_WEEK: [&str; 3] = ["周", "星期", "礼拜"];
const CHINESE_NUMBERS: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];

/// What stands between two days in Chinese, beside the hyphen.
const CHINESE_TO: [char; 2] = ['至', '到'];

const DAYS_HINT: &str = "mon, tue, wed, thu, fri, sat or sun, or a range of them: \"mon-fri\"";
const HOURS_HINT: &str = "write from and until as hours and minutes: \"09:00-18:00\"";

/// Reads one weekday, `mon`, or a range, `mon-fri`, which may run over the end of the week: `sat-mon`.
///
/// # Errors
/// A word that is no weekday, with its place.
pub fn parse_days(text: &str) -> Result<WeekdaySet, ActiveError> {
    let to = |c: char| c == '-' || CHINESE_TO.contains(&c);
    let (first, last) = match text.split_once(to) {
        Some((first, last)) => (weekday(first, text)?, weekday(last, text)?),
        None => {
            let day = weekday(text, text)?;
            (day, day)
        }
    };
    let after_first = WEEK.iter().cycle().skip_while(|day| **day != first);
    let until_last = after_first.take(1 + last.days_since(first) as usize);
    Ok(until_last.copied().collect())
}

fn weekday(word: &str, text: &str) -> Result<Weekday, ActiveError> {
    let trimmed = word.trim();
    let lower = trimmed.to_lowercase();
    let english = NAMES.iter().position(|name| lower.len() >= 3 && name.starts_with(&lower));
    let chinese = || CHINESE_WEEK.iter().find_map(|week| chinese_number(trimmed.strip_prefix(week)?));
    if let Some(at) = english.or_else(chinese) {
        return Ok(WEEK[at]);
    }
    let hint = if trimmed.contains([',', '，', '、', ' ']) {
        "write each in quotes of its own: [\"mon\", \"wed\"]"
    } else if ["workday", "workdays", "weekday", "weekdays", "工作日"].contains(&lower.as_str()) {
        "write \"mon-fri\", or a calendar that knows the holidays: calendar = \"cn-workdays\""
    } else {
        DAYS_HINT
    };
    Err(match trimmed.is_empty() {
        true => error("a weekday is missing", place(word, text), hint),
        false => error(format!("`{trimmed}` is not a weekday"), place(trimmed, text), hint),
    })
}

fn chinese_number(text: &str) -> Option<usize> {
    CHINESE_NUMBERS.iter().position(|number| *number == text).or((text == "天").then_some(6))
}

/// Reads a window, `09:00-18:00`; its end is not in it, 24:00 is the end of the day, and an end before the start is on
/// the next day.
///
/// # Errors
/// What is not a time of the day, with its place.
pub fn parse_hours(text: &str) -> Result<Hours, ActiveError> {
    let Some((from, until)) = text.split_once('-') else {
        return Err(error(format!("`{}` is not a range of hours", text.trim()), place(text.trim(), text), HOURS_HINT));
    };
    let (start, end) = (minute(from, text)?, minute(until, text)?);
    if start == DAY {
        return Err(error("24:00 is the end of a day, not its beginning", place(from.trim(), text), "a day begins at 00:00"));
    }
    let same = || error("the hours end when they begin", place(text.trim(), text), "the whole day is \"00:00-24:00\"");
    Hours::new(start, end).ok_or_else(same)
}

/// The minutes since midnight of `9:00`, `09:00`, `24:00`.
fn minute(word: &str, text: &str) -> Result<u16, ActiveError> {
    let word = if word.trim().is_empty() { word } else { word.trim() };
    let number = |digits: &str, lengths: Range<usize>| -> Option<u16> {
        let plain = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let parts = word.split_once(':').and_then(|(hour, minute)| Some((number(hour, 1..3)?, number(minute, 2..3)?)));
    match parts {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= DAY => Ok(hour * 60 + minute),
        Some(_) => Err(error(format!("{word} is not a time of the day"), place(word, text), "from 00:00 to 24:00")),
        None if word.trim().is_empty() => Err(error("a time is missing", place(word, text), HOURS_HINT)),
        None => Err(error(format!("cannot read `{word}` as a time"), place(word, text), HOURS_HINT)),
    }
}

/// Where a part of a text stands in it.
fn place(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn error(message: impl Into<String>, span: Range<usize>, hint: &str) -> ActiveError {
    ActiveError { message: message.into(), span, hint: Some(hint.to_owned()) }
}
