use super::*;
use serde_json::json;

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-25T02:05:00Z").expect("a time").to_utc()
}

fn object(value: Json) -> Map<String, Json> {
    value.as_object().cloned().expect("an object")
}

fn alert(sku: &str, standing: Standing) -> CardAlert {
    CardAlert {
        key: object(json!({ "sku": sku })),
        told: object(json!({ "sku": sku, "qty": "3" })),
        told_severity: Severity::Warning,
        standing,
    }
}

fn firing() -> Standing {
    Standing::Firing { row: object(json!({ "qty": "3" })), severity: Severity::Warning, acknowledged: None, silenced: None }
}

fn taken(by: &str) -> Standing {
    let acknowledged = Some(Acknowledgement { at: noon(), by: by.to_owned(), note: None });
    Standing::Firing { row: object(json!({ "qty": "3" })), severity: Severity::Warning, acknowledged, silenced: None }
}

fn message(language: Language, rows: usize) -> Message {
    let mut blocks = vec!["### stock".to_owned()];
    blocks.extend((0..rows).map(|n| format!("- **SKU-{n:03}** 库存 3")));
    blocks.push("> shop".to_owned());
    let message = json!({
        "title": "stock", "blocks": blocks, "first_cuttable": 1, "cuttable": rows, "omitted": 0, "language": language, "mentions": [],
    });
    serde_json::from_value(message).expect("a message")
}

fn shows(alerts: &[CardAlert]) -> Card {
    card(&message(Language::ZhCn, 1), alerts, chrono_tz::Asia::Shanghai)
}

#[test]
fn one_alert_is_followed_from_its_beginning_to_its_end() {
    let open = shows(&[alert("A", firing())]);
    assert_eq!((open.tips.as_str(), open.is_over), ("🔴 未处理", false));
    assert_eq!(open.buttons, [CardButton::Acknowledge, CardButton::Silence, CardButton::Open]);
    let taken = shows(&[alert("A", taken("张三"))]);
    assert_eq!(taken.tips, "🙋 张三 已认领 10:05");
    assert_eq!(taken.buttons, [CardButton::Silence, CardButton::Open]);
    let silenced =
        Standing::Firing { row: Map::new(), severity: Severity::Warning, acknowledged: None, silenced: Some((noon(), "李四".into())) };
    let silenced = shows(&[alert("A", silenced)]);
    assert_eq!(silenced.tips, "🔕 李四 已静默至 10:05");
    assert_eq!(silenced.buttons, [CardButton::Acknowledge, CardButton::Open]);
    let over = shows(&[alert("A", Standing::Over { at: Some(noon()) })]);
    assert_eq!((over.tips.as_str(), over.is_over), ("✅ 已恢复 10:05", true));
    assert_eq!(over.buttons, [CardButton::Open]);
}

#[test]
fn several_alerts_are_counted_the_open_ones_first() {
    let alerts = [
        alert("A", Standing::Over { at: None }),
        alert("B", taken("张三")),
        alert("C", firing()),
        alert("D", firing()),
        alert("E", taken("张三")),
    ];
    assert_eq!(shows(&alerts).tips, "🔴 2 未处理 · 🙋 2 张三 已认领 10:05 · ✅ 1 已恢复");
    let english = card(&message(Language::En, 1), &alerts, chrono_tz::UTC);
    assert_eq!(english.tips, "🔴 2 open · 🙋 2 acknowledged by 张三 02:05 · ✅ 1 resolved");
}

#[test]
fn what_has_changed_since_is_named() {
    let worse = Standing::Firing {
        row: object(json!({ "sku": "A", "qty": "1" })),
        severity: Severity::Critical,
        acknowledged: None,
        silenced: None,
    };
    assert!(shows(&[alert("A", worse)]).markdown.ends_with("\n\n- **A** 现为 严重 · qty 3 → 1"));
}

#[test]
fn news_has_nothing_to_be_acknowledged() {
    let news = shows(&[alert("A", Standing::News)]);
    assert_eq!((news.tips.as_str(), news.buttons.as_slice(), news.is_over), ("", [CardButton::Open].as_slice(), true));
}

#[test]
fn the_text_is_cut_on_rows_and_says_so() {
    let card = card(&message(Language::ZhCn, 200), &[alert("A", firing())], chrono_tz::UTC);
    assert!(card.markdown.len() <= MAX_VALUE_BYTES, "{}", card.markdown.len());
    assert!(card.markdown.len() > MAX_VALUE_BYTES / 2);
    assert!(card.markdown.lines().filter(|line| line.starts_with("- **")).all(|line| line.ends_with("库存 3")), "{}", card.markdown);
    assert!(card.markdown.ends_with("> shop"), "{}", card.markdown);
}

#[test]
fn a_name_cannot_mention_anyone() {
    assert!(!shows(&[alert("A", taken("@所有人 [x](y)"))]).tips.contains(['@', '[']));
}

#[test]
fn what_the_title_says_is_not_said_again() {
    assert!(shows(&[alert("A", firing())]).markdown.starts_with("- **SKU-000**"));
    assert_eq!(without_heading("### orders\n\n- 1", "stock"), "### orders\n\n- 1");
    assert_eq!(without_heading("### stock", "stock: 1 firing"), "### stock", "nothing else would be left");
}
