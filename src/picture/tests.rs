use super::*;
use crate::domain::chart::{ChartOf, ChartRule, History, Sample, Sort, ThresholdRule, of_history, of_rows};
use crate::domain::row::{Columns, Row};
use crate::domain::value::Kind;
use chrono::{DateTime, TimeDelta, Utc};

fn rows(lines: &[(&str, Option<&str>, Option<&str>)]) -> Vec<Row> {
    let columns = Columns::new(vec!["名称".into(), "金额".into(), "件数".into()]).expect("columns");
    let row = |(label, one, other): &(&str, Option<&str>, Option<&str>)| {
        Row::from_cells(columns.clone(), [(Kind::Text, Some(*label)), (Kind::Number, *one), (Kind::Number, *other)])
    };
    lines.iter().map(row).collect()
}

fn rule(kind: ChartKind, y: &[&str]) -> ChartRule {
    let y = y.iter().map(|name| (*name).to_owned()).collect();
    ChartRule { kind, title: None, of: ChartOf::Rows { x: "名称".into(), y, sort: None, limit: None }, threshold: None }
}

fn chart(rule: &ChartRule, lines: &[(&str, Option<&str>, Option<&str>)]) -> Chart {
    let rows = rows(lines);
    of_rows(rule, &rows, rows.len() as u64, Severity::Warning, Language::ZhCn).expect("a chart").expect("something to draw")
}

const CATEGORIES: [(&str, Option<&str>, Option<&str>); 8] = [
    ("饮料", Some("267868.18"), Some("9532")),
    ("调味品", Some("106047.09"), Some("5298")),
    ("糖果甜点", Some("167357.22"), Some("7906")),
    ("乳制品", Some("234507.29"), Some("9149")),
    ("谷物麦片", Some("95744.59"), Some("4562")),
    ("肉类家禽", Some("163022.36"), Some("4199")),
    ("农产品", Some("99984.58"), Some("2990")),
    ("海鲜", Some("131261.74"), Some("7681")),
];

fn past(n: i64, value: impl Fn(i64) -> Option<String>) -> Vec<Sample> {
    let start: DateTime<Utc> = "2026-11-24T22:00:00Z".parse().expect("a time");
    (0..n).map(|at| Sample { at: start + TimeDelta::minutes(5 * at), value: value(at) }).collect()
}

/// All that is looked at; with a folder in `ROWBELL_PICTURES` the files are written there.
fn gallery() -> Vec<(&'static str, Chart)> {
    let bar = rule(ChartKind::Bar, &["金额"]);
    let two = rule(ChartKind::Bar, &["金额", "件数"]);
    let with = |rule: &ChartRule, threshold: &str| ChartRule { threshold: Some(ThresholdRule::Number(threshold.into())), ..rule.clone() };
    let many: Vec<(String, String)> = (0..300).map(|n| (format!("商品 {n:03}"), ((n * 7919) % 1000 + 20).to_string())).collect();
    let many: Vec<_> = many.iter().map(|(label, value)| (label.as_str(), Some(value.as_str()), None)).collect();
    let days: Vec<(String, String, String)> = (1..=30)
        .map(|n| (format!("11-{n:02}"), format!("{}", 12000 + (n * 733) % 5000), format!("{}", 9000 + (n * 1733) % 6000)))
        .collect();
    let days: Vec<_> = days.iter().map(|(label, one, other)| (label.as_str(), Some(one.as_str()), Some(other.as_str()))).collect();
    let close: Vec<(&str, Option<&str>, Option<&str>)> = [&CATEGORIES[..], &CATEGORIES[..], &CATEGORIES[..1]].concat();
    let long = [
        ("北京市朝阳区望京街道阜通东大街一号院三号楼仓库", Some("12"), None),
        ("内蒙古自治区呼和浩特市赛罕区中央仓储物流园", Some("7"), None),
        ("A warehouse with an English name that does not end", Some("3.50"), None),
    ];
    let negative = [
        ("一月", Some("120.5"), None),
        ("二月", Some("-80.25"), None),
        ("三月", None, None),
        ("四月", Some("-12"), None),
        ("五月", Some("45"), None),
    ];
    let huge =
        [("去年", Some("123456789012.34"), None), ("今年", Some("98765432101.00"), None), ("明年（预算）", Some("150000000000"), None)];
    let history = ChartRule { kind: ChartKind::Line, title: None, of: ChartOf::History { value: "库存".into() }, threshold: None };
    let key =
        |name: &str, samples, threshold: Option<&str>| History { name: name.into(), samples, threshold: threshold.map(str::to_owned) };
    let sinking = past(140, |at| if (60..70).contains(&at) { None } else { Some((80 - at / 2 - (at % 7)).max(2).to_string()) });
    let keys = vec![
        key("编号 5", past(140, |at| Some((60 - at / 3).to_string())), None),
        key("编号 7", past(140, |at| Some((20 + at % 13).to_string())), None),
        key("编号 11", past(90, |at| Some((40 - at / 5).to_string())), None),
    ];
    let of = |keys: Vec<History>| {
        of_history(&history, keys.clone(), keys.len(), Severity::Critical, Language::ZhCn, chrono_tz::Asia::Shanghai).expect("a chart")
    };
    let english = Chart { language: Language::En, title: "Sales by category".into(), ..chart(&bar, &CATEGORIES) };
    vec![
        ("bar", chart(&bar, &CATEGORIES)),
        ("bar_two", chart(&two, &CATEGORIES[..4])),
        ("bar_two_many", chart(&two, &days)),
        ("bar_close", chart(&bar, &close)),
        ("bar_two_close", chart(&two, &close)),
        ("bar_threshold", chart(&with(&bar, "150000"), &CATEGORIES)),
        ("bar_one", chart(&bar, &CATEGORIES[..1])),
        ("bar_300", chart(&with(&bar, "900"), &many)),
        ("bar_negative", chart(&bar, &negative)),
        ("bar_long", chart(&bar, &long)),
        ("bar_huge", chart(&bar, &huge)),
        ("bar_zero", chart(&bar, &[("甲", Some("0"), None), ("乙", Some("0.00"), None)])),
        (
            "bar_limit",
            chart(
                &ChartRule {
                    of: ChartOf::Rows { x: "名称".into(), y: vec!["金额".into()], sort: Some(Sort::Descending), limit: Some(6) },
                    ..bar.clone()
                },
                &many,
            ),
        ),
        ("bar_english", english),
        ("line", chart(&rule(ChartKind::Line, &["金额", "件数"]), &days)),
        ("line_one", chart(&rule(ChartKind::Line, &["金额"]), &CATEGORIES[..1])),
        ("line_300", chart(&with(&rule(ChartKind::Line, &["金额"]), "100"), &many)),
        ("line_negative", chart(&rule(ChartKind::Line, &["金额"]), &negative)),
        ("line_flat", chart(&rule(ChartKind::Line, &["金额"]), &[("甲", Some("5"), None), ("乙", Some("5"), None)])),
        ("pie", chart(&rule(ChartKind::Pie, &["金额"]), &CATEGORIES)),
        ("pie_300", chart(&rule(ChartKind::Pie, &["金额"]), &many)),
        ("pie_long", chart(&rule(ChartKind::Pie, &["金额"]), &long)),
        ("pie_one", chart(&rule(ChartKind::Pie, &["金额"]), &CATEGORIES[..1])),
        ("history", of(vec![key("编号 5", sinking, Some("10"))])),
        ("history_keys", of(keys)),
    ]
}

#[test]
fn pictures_are_small_fit_dingtalks_box_and_are_the_same_every_time() {
    for (name, chart) in gallery() {
        let picture = png(&chart).expect(name);
        if let Ok(folder) = std::env::var("ROWBELL_PICTURES") {
            std::fs::write(format!("{folder}/{name}.png"), &picture).expect("a file");
        }
        let size = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(size(16), 716, "{name}");
        assert!(size(20) <= 700, "{name} is {} high", size(20));
        assert!(picture.len() < 60_000, "{name} has {} bytes", picture.len());
        assert_eq!(png(&chart).expect(name), picture, "{name}");
    }
}

#[test]
fn chinese_labels_are_letters_and_not_boxes() {
    let letters = Letters::new().expect("the font");
    for text in ["库存低于补货点", "喆堃珺（其他）：￥1,234.50 → 12%", "ABCxyz-_#@", "最新最高最低合计万亿", "Größe Éclair"]
    {
        for c in text.chars().filter(|c| *c != '￥') {
            assert!(letters.has(c), "{c}");
            assert_ne!(letters.outline(&c.to_string(), 20.0, 0.0, 20.0), letters.outline("\u{e000}", 20.0, 0.0, 20.0), "{c}");
        }
    }
    // What the font does not have is a box, and takes its place.
    assert!(letters.outline("\u{e000}", 20.0, 0.0, 20.0).is_some() && letters.width("\u{e000}", 20.0) > 5.0);
}

#[test]
fn a_text_is_cut_to_its_room_between_characters() {
    let letters = Letters::new().expect("the font");
    let cut = letters.cut("内蒙古自治区呼和浩特市", 11.0, 60.0);
    assert!(cut.ends_with('…') && letters.width(&cut, 11.0) <= 60.0 && cut.chars().count() >= 4, "{cut}");
    assert_eq!(letters.cut("短", 11.0, 60.0), "短");
    assert_eq!(letters.cut("长长", 11.0, 5.0), "");
}

#[test]
fn a_gap_and_a_zero_are_drawn_differently() {
    let line = rule(ChartKind::Line, &["金额"]);
    let with = |value| png(&chart(&line, &[("a", Some("5"), None), ("b", value, None), ("c", Some("5"), None)])).expect("a picture");
    assert_ne!(with(None), with(Some("0")));
}

#[test]
fn the_largest_chart_and_hostile_values_are_drawn() {
    let long = "长".repeat(60);
    let values = ["1e300", "-1e300", "0.0000000000001", "-0", "99999999999999999999999999999999"];
    let lines: Vec<(&str, Option<&str>, Option<&str>)> =
        (0..1_000).map(|n| (long.as_str(), Some(values[n % values.len()]), Some(values[(n + 1) % values.len()]))).collect();
    for kind in [ChartKind::Bar, ChartKind::Line] {
        let picture = png(&chart(&rule(kind, &["金额", "件数"]), &lines)).expect("a picture");
        assert!(picture.len() < 60_000, "{}", picture.len());
    }
    let empty = Chart { series: Vec::new(), labels: Vec::new(), ..chart(&rule(ChartKind::Pie, &["金额"]), &CATEGORIES) };
    for kind in [ChartKind::Bar, ChartKind::Line, ChartKind::Pie] {
        assert!(png(&Chart { kind, ..empty.clone() }).is_ok(), "{kind:?}");
    }
}
