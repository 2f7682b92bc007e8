//! Calendars: what is built in, what files make of it, and how each fault of a file reads.

use super::environment;
use chrono::{Datelike, NaiveDate};
use rowbell::config::{Environment, Settings, load_calendars, load_settings, parse_calendar, parse_settings, render_faults};
use rowbell::domain::calendar::{Calendar, Calendars};
use std::path::Path;
use tempfile::TempDir;

fn built_in() -> Calendars {
    load_calendars(Path::new("there/is/no/such/folder")).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The working days of each month, counted.
fn months(calendar: &Calendar, year: i32) -> Vec<usize> {
    let days = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().iter_days().take_while(|day| day.year() == year);
    let mut counts = vec![0; 12];
    days.filter(|day| calendar.is_workday(*day)).for_each(|day| counts[day.month0() as usize] += 1);
    counts
}

/// The counts are those of `chinesecalendar` 1.11, `holidays` 0.109 and `chinese-days` 1.5, which agree on every day.
#[test]
fn cn_workdays_has_the_working_days_of_three_years() {
    let calendars = built_in();
    let cn = calendars.get("cn-workdays").unwrap();
    assert_eq!(cn.years.keys().copied().collect::<Vec<_>>(), [2024, 2025, 2026]);
    assert_eq!(months(cn, 2024), [22, 18, 21, 22, 21, 19, 23, 22, 21, 19, 21, 22]);
    assert_eq!(months(cn, 2025), [19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23]);
    assert_eq!(months(cn, 2026), [21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]);
    for (year, source) in &cn.years {
        assert!(source.source.as_deref().is_some_and(|text| text.contains("国办发明电") && text.contains("https://www.gov.cn/")), "{year}");
    }
}

#[test]
fn cn_workdays_has_the_days_off_of_each_notice() {
    let calendars = built_in();
    let cn = calendars.get("cn-workdays").unwrap();
    // How many days off, and which days are made up, as each notice says.
    let notices: [(i32, usize, &[&str]); 3] = [
        (2024, 1 + 8 + 3 + 5 + 1 + 3 + 7, &["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"]),
        (2025, 1 + 8 + 3 + 5 + 3 + 8, &["01-26", "02-08", "04-27", "09-28", "10-11"]),
        (2026, 3 + 9 + 3 + 5 + 3 + 3 + 7, &["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]),
    ];
    for (year, days_off, made_up) in notices {
        assert_eq!(cn.years[&year].holidays.len(), days_off, "{year}");
        let workdays: Vec<String> = cn.years[&year].workdays.iter().map(|day| day.format("%m-%d").to_string()).collect();
        assert_eq!(workdays, made_up, "{year}");
        assert!(cn.years[&year].workdays.iter().all(|day| cn.is_make_up_workday(*day)));
    }
    for (text, worked) in [("2024-02-09", true), ("2024-09-16", false), ("2025-10-08", false), ("2026-02-23", false), ("2026-02-24", true)]
    {
        assert_eq!(cn.is_workday(day(text)), worked, "{text}");
    }
    assert_eq!(cn.missing_year(day("2026-11-25")).unwrap().year, 2027);
}

/// A folder with a settings file and these calendars.
fn folder(settings: &str, calendars: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rowbell.toml"), settings).unwrap();
    if !calendars.is_empty() {
        std::fs::create_dir(folder.path().join("calendars")).unwrap();
    }
    for (name, text) in calendars {
        std::fs::write(folder.path().join("calendars").join(name), text).unwrap();
    }
    folder
}

fn load(folder: &TempDir, environment: &Environment) -> Result<Settings, String> {
    let shown = format!("{}/", folder.path().display());
    load_settings(Some(&folder.path().join("rowbell.toml")), environment)
        .map_err(|faults| render_faults(&faults, false).replace(&shown, ""))
}

const NEXT_YEAR: &str = "[[year]]\nyear = 2027\nholidays = [\"2027-01-01..2027-01-03\"]\n";

#[test]
fn a_file_goes_over_the_built_in_calendar_year_by_year() {
    let corrected = format!("{NEXT_YEAR}[[year]]\nyear = 2026\nholidays = [\"2026-10-01\"]\nworkdays = [\"2026-12-26\"]\n");
    let settings = load(&folder("", &[("cn-workdays.toml", &corrected)]), &environment(&[])).unwrap();
    let cn = settings.calendars.get("cn-workdays").unwrap();
    assert_eq!(cn.years.keys().copied().collect::<Vec<_>>(), [2024, 2025, 2026, 2027]);
    // 2027 is new, 2026 is as the file says and nothing else, 2025 is as it was.
    assert!(!cn.is_workday(day("2027-01-01")));
    assert!(!cn.is_workday(day("2026-10-01")) && cn.is_workday(day("2026-10-02")) && cn.is_workday(day("2026-12-26")));
    assert!(cn.is_workday(day("2025-10-11")));
    assert!(cn.description.as_deref().is_some_and(|text| text.contains("补班")));
    assert_eq!(cn.missing_year(day("2026-11-25")), None);
}

#[test]
fn a_file_of_another_name_is_a_calendar_of_its_own() {
    let plant = "description = \"the plant\"\nweekend = [\"sun\"]\n[[year]]\nyear = 2026\nsource = \"notice board\"\nholidays = [\"2026-07-27 .. 2026-08-08\", \"2026-12-24\"]\n";
    let files = [("plant.toml", plant), (".hidden.toml", "broken"), ("notes.txt", "broken"), ("always.toml", "weekend = []\n")];
    let settings = load(&folder("", &files), &environment(&[])).unwrap();
    assert_eq!(settings.calendars.names().collect::<Vec<_>>(), ["always", "cn-workdays", "plant"]);
    let plant = settings.calendars.get("plant").unwrap();
    assert!(plant.is_workday(day("2026-11-28")) && !plant.is_workday(day("2026-11-29")));
    assert!(!plant.is_workday(day("2026-08-08")) && plant.is_workday(day("2026-08-10")));
    assert_eq!((plant.description.as_deref(), plant.years[&2026].source.as_deref()), (Some("the plant"), Some("notice board")));
    assert!(settings.calendars.get("always").unwrap().is_workday(day("2026-11-29")));
}

#[test]
fn the_folder_is_found_where_it_is_named() {
    let there = folder("calendars = \"holidays\"\n", &[]);
    std::fs::create_dir(there.path().join("holidays")).unwrap();
    std::fs::write(there.path().join("holidays/plant.toml"), NEXT_YEAR).unwrap();
    let settings = load(&there, &environment(&[])).unwrap();
    assert!(settings.calendars.get("plant").is_some());
    assert_eq!(settings.calendars_folder, there.path().join("holidays"));
    // A variable's folder is looked up in the working directory.
    let by_variable = Environment { folder: there.path().to_owned(), ..environment(&[("ROWBELL__CALENDARS", "holidays")]) };
    let elsewhere = folder("", &[]);
    assert!(load(&elsewhere, &by_variable).unwrap().calendars.get("plant").is_some());
    // The default folder need not be there.
    assert_eq!(load(&elsewhere, &environment(&[])).unwrap().calendars, built_in());
}

#[test]
fn a_folder_that_is_named_must_be_there() {
    let missing = folder("language = \"en\"\ncalendars = \"holidays\"\n", &[]);
    insta::assert_snapshot!(load(&missing, &environment(&[])).unwrap_err());
    let by_variable = load(&folder("", &[]), &environment(&[("ROWBELL__CALENDARS", "/no/such/folder")])).unwrap_err();
    assert!(by_variable.contains("environment variable ROWBELL__CALENDARS") && by_variable.contains("it does not exist"), "{by_variable}");
    let file = folder("", &[]);
    std::fs::write(file.path().join("calendars"), "a file").unwrap();
    let error = load(&file, &environment(&[])).unwrap_err();
    assert!(error.contains("cannot read the folder of calendars: a part of its path is not a folder"), "{error}");
}

#[test]
fn the_faults_of_all_calendars_and_of_the_settings_are_told_together() {
    let files = [("a.toml", "weekend = [\"sat\", \"son\"]\n"), ("b.toml", "[[year]]\nyear = 2026\nholidays = [\"2026-02-30\"]\n")];
    insta::assert_snapshot!(load(&folder("langauge = \"en\"\n", &files), &environment(&[])).unwrap_err());
}

#[test]
fn who_needs_the_store_only_is_not_stopped_by_a_calendar() {
    let broken = folder("", &[("plant.toml", "broken")]);
    assert!(load(&broken, &environment(&[])).is_err());
    assert!(load(&broken, &Environment { store_only: true, ..environment(&[]) }).is_ok());
}

#[test]
fn settings_without_a_file_look_for_calendars_in_the_working_directory() {
    let there = folder("", &[("plant.toml", NEXT_YEAR)]);
    std::fs::remove_file(there.path().join("rowbell.toml")).unwrap();
    let settings = load_settings(None, &Environment { folder: there.path().to_owned(), ..environment(&[]) }).unwrap();
    assert!(settings.calendars.get("plant").is_some());
    assert!(parse_settings(Path::new("no/rowbell.toml"), "", &environment(&[])).unwrap().calendars.get("plant").is_none());
}

fn faults_of(name: &str, text: &str) -> String {
    let path = format!("calendars/{name}.toml");
    match parse_calendar(name, Path::new(&path), text, built_in().get(name)) {
        Ok(_) => "no fault".to_owned(),
        Err(faults) => render_faults(&faults, false),
    }
}

macro_rules! wrong {
    ($($name:ident: $text:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(faults_of("plant", $text));
        }
    )+};
}

/// A year of a calendar with these lines.
macro_rules! year {
    ($lines:literal) => {
        concat!("[[year]]\nyear = 2026\n", $lines, "\n")
    };
}

wrong! {
    a_misspelt_key_of_a_calendar: "weekends = [\"sun\"]\n";
    a_misspelt_key_of_a_year: year!("holiday = [\"2026-10-01\"]\nholidays = []");
    a_day_outside_its_year: year!("holidays = [\"2026-12-31..2027-01-03\"]");
    a_holiday_that_is_also_a_workday: year!("holidays = [\"2026-10-01..2026-10-10\"]\nworkdays = [\"2026-10-10\"]");
    a_workday_that_is_worked_anyway: year!("holidays = []\nworkdays = [\"2026-10-09\"]");
    a_range_that_runs_backwards: year!("holidays = [\"2026-10-07..2026-10-01\"]");
    days_that_are_none: year!("holidays = [\"2026-02-29\", \"10-01\", \"2026-10-01..\", \"National Day\", \" 2026-10-32\"]");
    days_that_are_no_text: year!("holidays = [20261001, 2026-10-01]");
    a_year_without_holidays: "[[year]]\nyear = 2026\n";
    a_year_without_a_number: "[[year]]\nholidays = [\"2026-10-01\"]\n";
    a_year_that_is_no_number: "[[year]]\nyear = \"2026\"\nholidays = [\"1970-01-01..9999-12-31\"]\n";
    a_year_that_stands_twice: "[[year]]\nyear = 2026\nholidays = []\n[[year]]\nyear = 2026\nholidays = []\n";
    a_year_with_one_bracket: "[year]\nyear = 2026\n";
    a_weekend_of_all_days: "weekend = [\"mon-sun\"]\n";
    a_key_that_slipped_into_a_year: year!("holidays = []\nweekend = [\"sun\"]");
    a_calendar_that_is_not_toml: "weekend = [\"sat\"\n[[year]]\n";
}

#[test]
fn a_calendar_needs_a_name() {
    assert!(faults_of("the plant", "").contains("`the plant` cannot be a calendar's name"));
}

#[test]
fn a_year_of_the_built_in_calendar_is_held_against_the_built_in_weekend() {
    let monday = "[[year]]\nyear = 2027\nholidays = []\nworkdays = [\"2027-01-04\"]\n";
    assert!(faults_of("cn-workdays", monday).contains("2027-01-04 is a Monday, which is worked anyway"));
}
