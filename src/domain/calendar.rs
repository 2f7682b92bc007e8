//! Which days are working days: a weekend, and year by year the holidays and the make-up working days that go over it.
//!
//! A calendar has **data for a year** or it has none; there is no half of a year. In a year without data the plain
//! weekend counts, which is wrong on every holiday: so a year that is missing is told [`MISSING_YEAR_MONTHS`] before it
//! begins. A calendar that has data for no year at all is a plain week on purpose, and never told.
//!
//! Where calendars come from is `config`'s business; nothing is computed here that a notice has to say.

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;

use chrono::{Datelike, Months, NaiveDate, Weekday, WeekdaySet};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many months before its beginning a year without data is told. Notices for a year come in the last November.
pub const MISSING_YEAR_MONTHS: u32 = 3;

/// The weekend of a calendar that names none.
pub const WEEKEND: WeekdaySet = WeekdaySet::from_array([Weekday::Sat, Weekday::Sun]);

/// What stands for a calendar that is not there.
static PLAIN_WEEK: Calendar = Calendar { name: String::new(), description: None, source: None, weekend: WEEKEND, years: BTreeMap::new() };

/// Working days by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The stem of its file.
    pub name: String,
    /// What it is, in the words of the people who use it.
    pub description: Option<String>,
    /// Where its days are published.
    pub source: Option<String>,
    /// The days of a week that are not worked, unless a year says otherwise.
    pub weekend: WeekdaySet,
    /// The years it has data for.
    pub years: BTreeMap<i32, CalendarYear>,
}

/// What is different from the plain week in one year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarYear {
    /// Where its days are published.
    pub source: Option<String>,
    /// Days off; those on a weekend too.
    pub holidays: BTreeSet<NaiveDate>,
    /// Days of a weekend that are worked.
    pub workdays: BTreeSet<NaiveDate>,
}

/// A year that begins soon, or has begun, and that a calendar has no data for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingYear {
    /// The calendar.
    pub calendar: String,
    /// The first year without data.
    pub year: i32,
}

impl Calendar {
    /// Whether the day is worked.
    pub fn is_workday(&self, day: NaiveDate) -> bool {
        let weekend = self.weekend.contains(day.weekday());
        match self.years.get(&day.year()) {
            Some(year) => year.workdays.contains(&day) || !weekend && !year.holidays.contains(&day),
            None => !weekend,
        }
    }

    /// Whether the day is worked although it is a day of the weekend (补班).
    pub fn is_make_up_workday(&self, day: NaiveDate) -> bool {
        self.weekend.contains(day.weekday()) && self.is_workday(day)
    }

    /// The days of a week that are worked, unless a year says otherwise.
    pub fn working_week(&self) -> WeekdaySet {
        WeekdaySet::ALL.difference(self.weekend)
    }

    /// Whether it has data for a year.
    pub fn covers(&self, year: i32) -> bool {
        self.years.contains_key(&year)
    }

    /// The first year without data that has begun by `today` or begins within [`MISSING_YEAR_MONTHS`].
    pub fn missing_year(&self, today: NaiveDate) -> Option<MissingYear> {
        let soon = today.checked_add_months(Months::new(MISSING_YEAR_MONTHS))?;
        let year = (today.year()..=soon.year()).find(|year| !self.covers(*year))?;
        (!self.years.is_empty()).then(|| MissingYear { calendar: self.name.clone(), year })
    }
}

impl MissingYear {
    /// What to do about it; `folder` is that of the calendars.
    pub fn hint(&self, folder: &str) -> String {
        let MissingYear { calendar, year } = self;
        format!(
            "put {folder}/{calendar}.toml there, or add to it:\n\
             [[year]]\nyear = {year}\nholidays = [\"{year}-01-01\", …]\nworkdays = […]"
        )
    }
}

impl fmt::Display for MissingYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MissingYear { calendar, year } = self;
        write!(f, "the calendar `{calendar}` has no data for {year}: only its weekends count then, no holiday and no make-up working day")
    }
}

/// All calendars there are, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendars(BTreeMap<String, Calendar>);

impl Calendars {
    /// The calendar of this name.
    pub fn get(&self, name: &str) -> Option<&Calendar> {
        self.0.get(name)
    }

    /// The calendar of this name, else a plain week from Monday to Friday. The border refuses unknown names; one whose
    /// file went away later must not silence a watcher for good.
    pub fn get_or_plain(&self, name: &str) -> &Calendar {
        self.get(name).unwrap_or(&PLAIN_WEEK)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds a calendar, or takes it for the one of its name.
    pub fn insert(&mut self, calendar: Calendar) {
        self.0.insert(calendar.name.clone(), calendar);
    }
}

impl FromIterator<Calendar> for Calendars {
    fn from_iter<T: IntoIterator<Item = Calendar>>(calendars: T) -> Calendars {
        Calendars(calendars.into_iter().map(|calendar| (calendar.name.clone(), calendar)).collect())
    }
}
