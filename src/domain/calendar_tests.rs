use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Golden week, its two make-up working days, and nothing else, in these years.
fn calendar(years: &[i32]) -> Calendar {
    let year = |year: &i32| {
        let days = |from: u32, until: u32| (from..=until).map(|n| NaiveDate::from_ymd_opt(*year, 10, n).unwrap()).collect();
        (*year, CalendarYear { source: None, holidays: days(1, 7), workdays: days(10, 10) })
    };
    let years = years.iter().map(year).collect();
    Calendar { name: "cn".to_owned(), description: None, source: None, weekend: WEEKEND, years }
}

#[test]
fn a_year_goes_over_the_weekend() {
    let cn = calendar(&[2026]);
    let cases = [
        ("2026-09-30", true),
        ("2026-10-01", false),
        ("2026-10-04", false),
        ("2026-10-07", false),
        ("2026-10-08", true),
        ("2026-10-10", true),
        ("2026-10-11", false),
    ];
    for (text, worked) in cases {
        assert_eq!(cn.is_workday(day(text)), worked, "{text}");
        assert_eq!(cn.is_make_up_workday(day(text)), text == "2026-10-10", "{text}");
    }
}

#[test]
fn a_year_without_data_has_its_weekends_and_nothing_else() {
    let cn = calendar(&[2026]);
    assert!(cn.covers(2026) && !cn.covers(2027) && !cn.covers(2025));
    assert!(cn.is_workday(day("2027-10-01")) && !cn.is_workday(day("2027-10-02")));
    assert!(!cn.is_make_up_workday(day("2027-10-10")));
}

#[test]
fn a_missing_year_is_told_three_months_before_it_begins_and_until_it_is_there() {
    let missing = |years: &[i32], today| calendar(years).missing_year(day(today)).map(|missing| missing.year);
    assert_eq!(missing(&[2026], "2026-09-30"), None);
    assert_eq!(missing(&[2026], "2026-10-01"), Some(2027));
    assert_eq!(missing(&[2026], "2026-12-31"), Some(2027));
    assert_eq!(missing(&[2026], "2027-01-01"), Some(2027));
    assert_eq!(missing(&[2026], "2027-12-01"), Some(2027));
    assert_eq!(missing(&[2026, 2027], "2026-12-31"), None);
    assert_eq!(missing(&[2026, 2027], "2027-10-01"), Some(2028));
    assert_eq!(missing(&[2027], "2026-11-25"), Some(2026));
    assert_eq!(missing(&[2024, 2026], "2026-05-01"), None);
    // A plain week is meant to be one.
    assert_eq!(missing(&[], "2026-11-25"), None);
}

#[test]
fn what_is_missing_is_told_with_what_to_do() {
    let missing = calendar(&[2026]).missing_year(day("2026-11-25")).unwrap();
    assert_eq!(
        missing.to_string(),
        "the calendar `cn` has no data for 2027: only its weekends count then, no holiday and no make-up working day"
    );
    assert!(missing.hint("calendars").starts_with("put calendars/cn.toml there"));
    assert!(missing.hint("calendars").contains("year = 2027"));
}

#[test]
fn calendars_are_found_by_name() {
    let mut calendars: Calendars = [calendar(&[2026])].into_iter().collect();
    assert_eq!(calendars.names().collect::<Vec<_>>(), ["cn"]);
    assert!(calendars.get("cn").is_some() && calendars.get("de").is_none());
    assert!(calendars.get_or_plain("de").is_workday(day("2026-10-01")));
    calendars.insert(calendar(&[2027]));
    assert!(!calendars.get_or_plain("cn").covers(2026));
}
