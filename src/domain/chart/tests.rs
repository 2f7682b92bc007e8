use super::*;
use crate::domain::row::Columns;
use bigdecimal::BigDecimal;
use chrono::TimeDelta;
use proptest::prelude::*;
use std::str::FromStr;

fn rows(cells: &[(&str, &str)]) -> Vec<Row> {
    let columns = Columns::new(vec!["name".into(), "amount".into()]).expect("columns");
    let cell = |text: &'static str| (text != "-").then_some(text);
    let row = |(name, amount): &(&str, &str)| {
        let amount = cell(Box::leak(amount.to_string().into_boxed_str()));
        Row::from_cells(columns.clone(), [(Kind::Text, Some(*name)), (Kind::Number, amount)])
    };
    cells.iter().map(row).collect()
}

fn rule(kind: ChartKind, sort: Option<Sort>, limit: Option<usize>) -> ChartRule {
    let of = ChartOf::Rows { x: "name".into(), y: vec!["amount".into()], sort, limit };
    ChartRule { kind, title: None, of, threshold: None }
}

fn made(rule: &ChartRule, cells: &[(&str, &str)]) -> Result<Option<Chart>, String> {
    of_rows(rule, &rows(cells), cells.len() as u64, Severity::Warning, Language::En)
}

/// Labels with their numbers.
fn shown(rule: &ChartRule, cells: &[(&str, &str)]) -> Vec<String> {
    let chart = made(rule, cells).expect("a chart").expect("something to draw");
    let values = chart.series[0].values.iter().map(|value| value.as_deref().unwrap_or("gap"));
    chart.labels.iter().zip(values).map(|(label, value)| format!("{label} {value}")).collect()
}

const FOUR: [(&str, &str); 4] = [("a", "1.50"), ("b", "-"), ("c", "99999999999999999999.01"), ("d", "2")];

#[test]
fn numbers_are_exact_and_null_is_a_gap() {
    assert_eq!(shown(&rule(ChartKind::Bar, None, None), &FOUR), ["a 1.50", "b gap", "c 99999999999999999999.01", "d 2"]);
}

#[test]
fn rows_are_sorted_by_value_and_gaps_come_last() {
    let sorted = |sort| shown(&rule(ChartKind::Bar, Some(sort), None), &FOUR).concat().replace(|c: char| !c.is_alphabetic(), "");
    assert_eq!(sorted(Sort::Ascending), "adcbgap");
    assert_eq!(sorted(Sort::Descending), "cdabgap");
}

#[test]
fn what_is_beyond_the_limit_is_added_up_exactly() {
    let shown = shown(&rule(ChartKind::Bar, None, Some(1)), &FOUR);
    assert_eq!(shown, ["a 1.50", "3 others 100000000000000000001.01"]);
}

#[test]
fn more_bars_than_have_room_are_counted_and_not_added_up() {
    let cells: Vec<(String, String)> = (0..400).map(|n| (n.to_string(), n.to_string())).collect();
    let cells: Vec<(&str, &str)> = cells.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).collect();
    let chart = made(&rule(ChartKind::Bar, None, None), &cells).expect("a chart").expect("something");
    assert_eq!((chart.labels.len(), chart.omitted, chart.has_others), (300, 100, false));
}

#[test]
fn a_pie_of_what_is_no_whole_is_drawn_as_bars() {
    let kind = |cells: &[(&str, &str)]| made(&rule(ChartKind::Pie, None, None), cells).expect("a chart").expect("something").kind;
    assert_eq!(kind(&[("a", "1"), ("b", "2")]), ChartKind::Pie);
    assert_eq!(kind(&[("a", "1"), ("b", "-2")]), ChartKind::Bar);
    assert_eq!(kind(&[("a", "0"), ("b", "0.00")]), ChartKind::Bar);
}

#[test]
fn a_pie_shows_the_largest_shares_and_the_rest_as_one() {
    let cells: Vec<(String, String)> = (1..=12).map(|n| (format!("n{n}"), n.to_string())).collect();
    let cells: Vec<(&str, &str)> = cells.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).collect();
    let shown = shown(&rule(ChartKind::Pie, None, None), &cells);
    assert_eq!((shown.len(), shown[0].as_str(), shown[8].as_str()), (9, "n12 12", "4 others 10"));
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let bar = rule(ChartKind::Bar, None, None);
    assert_eq!(made(&bar, &[]), Ok(None));
    assert_eq!(made(&bar, &[("a", "-"), ("b", "-")]), Err("the column `amount` is NULL in every row".into()));
    assert_eq!(made(&bar, &[("a", "x")]), Err("the column `amount` holds no number".into()));
    let other = ChartRule { of: ChartOf::Rows { x: "nam".into(), y: vec!["amount".into()], sort: None, limit: None }, ..bar };
    assert_eq!(made(&other, &FOUR), Err("the result has no column `nam`".into()));
}

#[test]
fn labels_are_one_visible_line() {
    let rows = [("a\nb\u{202e}\u{200b}c", "1"), ("", "2"), (&"长".repeat(200), "3")];
    let shown = shown(&rule(ChartKind::Bar, None, None), &rows);
    assert_eq!((shown[0].as_str(), shown[1].as_str()), ("a bc 1", "'' 2"));
    assert_eq!(shown[2].chars().filter(|c| *c == '长').count(), MOST_CHARS);
}

#[test]
fn labels_of_numbers_are_exact_where_that_is_short_and_else_in_a_unit() {
    let words = |text: &str, language| number_words(&BigDecimal::from_str(text).expect("a number"), language);
    for (number, chinese, english) in [
        ("0", "0", "0"),
        ("1.50", "1.50", "1.50"),
        ("-1234567.50", "-123.46万", "-1.23M"),
        ("267868.18", "267,868.18", "267,868.18"),
        ("123456789012.34", "1,234.57亿", "123.46B"),
        ("-98765432109876", "-98.77万亿", "-98.77T"),
        ("123456789.125", "1.23亿", "123.46M"),
        ("0.333333333333333333", "0.3333", "0.3333"),
        ("1e20", "1e20", "1e20"),
        ("0.00000000012345678", "1.23e-10", "1.23e-10"),
    ] {
        assert_eq!((words(number, Language::ZhCn), words(number, Language::En)), (chinese.to_owned(), english.to_owned()), "{number}");
    }
}

#[test]
fn axes_have_round_numbers_without_float_noise() {
    let labels = |least, most, are_whole, language| {
        ticks(least, most, 4, are_whole, language).into_iter().map(|tick| tick.label).collect::<Vec<_>>()
    };
    assert_eq!(labels(0.0, 0.3, false, Language::En), ["0", "0.1", "0.2", "0.3"]);
    assert_eq!(labels(0.0, 1016.0, true, Language::En), ["0", "500", "1,000", "1,500"]);
    assert_eq!(labels(0.0, 3.0, true, Language::En), ["0", "1", "2", "3"]);
    assert_eq!(labels(-80.0, 120.0, true, Language::En), ["-100", "-50", "0", "50", "100", "150"]);
    assert_eq!(labels(0.0, 18_000.0, true, Language::ZhCn), ["0", "0.5万", "1万", "1.5万", "2万"]);
    assert_eq!(labels(0.0, 2.5e11, true, Language::ZhCn).last().map(String::as_str), Some("3,000亿"));
    assert_eq!(labels(5.0, 5.0, true, Language::En), ["5", "6"]);
}

proptest! {
    #[test]
    fn ticks_enclose_the_values_and_are_few(least in -1e15f64..1e15, width in 0.0f64..1e15, wanted in 1usize..8, whole: bool) {
        let ticks = ticks(least, least + width, wanted, whole, Language::ZhCn);
        let slack = width.abs().max(least.abs()) * 1e-6 + 1e-6;
        prop_assert!(ticks[0].value <= least + slack && ticks[ticks.len() - 1].value >= least + width - slack);
        prop_assert!(ticks.len() <= 2 * wanted + 4, "{}", ticks.len());
    }

    #[test]
    fn nothing_is_lost_from_a_sum_over_labels_and_others(values in prop::collection::vec(-100_000i64..100_000, 1..60), limit in 1usize..20) {
        let cells: Vec<(String, String)> = values.iter().enumerate().map(|(at, value)| (at.to_string(), format!("{}.{:02}", value / 100, value.abs() % 100))).collect();
        let cells: Vec<(&str, &str)> = cells.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).collect();
        let total = |numbers: &[Option<BigDecimal>]| numbers.iter().flatten().sum::<BigDecimal>();
        let all = made(&rule(ChartKind::Bar, None, None), &cells).expect("a chart").expect("something").exact(0);
        let limited = made(&rule(ChartKind::Bar, Some(Sort::Descending), Some(limit)), &cells).expect("a chart").expect("something").exact(0);
        prop_assert_eq!(total(&all), total(&limited));
        prop_assert!(limited.len() <= limit + 1);
    }
}

fn history(minutes: &[(i64, &str)]) -> History {
    let start: DateTime<Utc> = "2026-11-24T22:00:00Z".parse().expect("a time");
    let sample = |(minute, value): &(i64, &str)| Sample {
        at: start + TimeDelta::minutes(*minute),
        value: (*value != "-").then(|| (*value).to_owned()),
    };
    History { name: "sku A".into(), samples: minutes.iter().map(sample).collect(), threshold: None }
}

fn past(keys: Vec<History>) -> Option<Chart> {
    let rule = ChartRule { kind: ChartKind::Line, title: None, of: ChartOf::History { value: "stock".into() }, threshold: None };
    let told = keys.len();
    of_history(&rule, keys, told, Severity::Critical, Language::En, chrono_tz::Asia::Shanghai)
}

#[test]
fn a_past_has_gaps_where_there_was_no_value_and_where_no_poll_was_made() {
    let chart = past(vec![history(&[(0, "80"), (5, "-"), (10, "60"), (15, "50"), (60, "9.50"), (65, "9")])]).expect("a chart");
    let values: Vec<&str> = chart.series[0].values.iter().map(|value| value.as_deref().unwrap_or("gap")).collect();
    assert_eq!(values, ["80", "gap", "60", "50", "gap", "9.50", "9"]);
    assert_eq!(chart.title, "stock · sku A");
    assert_eq!(chart.numbers(), "- stock · sku A: 80 → 60 → 50 → 9.50 → 9");
    // Six o'clock in the morning in Shanghai.
    assert_eq!(chart.marks.first().map(|mark| mark.label.as_str()), Some("06:00"));
}

#[test]
fn one_value_is_no_past() {
    assert_eq!(past(vec![history(&[(0, "1"), (5, "-")])]), None);
    assert_eq!(past(Vec::new()), None);
}

#[test]
fn the_keys_that_are_not_drawn_are_counted() {
    let chart = past((0..6).map(|_| history(&[(0, "1"), (5, "2")])).collect()).expect("a chart");
    assert_eq!((chart.series.len(), chart.omitted, chart.title.as_str()), (MOST_LINES, 2, "stock"));
}

#[test]
fn a_chart_survives_the_store() {
    let chart = past(vec![history(&[(0, "1.50"), (5, "2")])]).expect("a chart");
    let json = serde_json::to_string(&chart).expect("JSON");
    assert_eq!(serde_json::from_str::<Chart>(&json).expect("a chart"), chart);
    assert!(json.len() < 400, "{json}");
}

#[test]
fn a_long_list_of_numbers_is_cut_and_counted() {
    let cells: Vec<(String, String)> = (0..15).map(|n| (format!("[n](x){n}"), format!("{}", n * 1000))).collect();
    let cells: Vec<(&str, &str)> = cells.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).collect();
    let numbers = made(&rule(ChartKind::Bar, None, None), &cells).expect("a chart").expect("something").numbers();
    assert!(numbers.starts_with("- ［n］(x)0: 0\n") && numbers.ends_with("\n- … and 5 more rows"), "{numbers}");
}
