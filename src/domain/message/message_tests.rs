//! What people read: the built-in message in both languages, and what templates make of it.

use super::*;
use crate::domain::alert::Severity;
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::value::{Kind, parse_number};
use crate::domain::watcher::Button;
use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_397_400, 0).expect("2026-11-23 09:30 in Shanghai")
}

/// A row of `name=value` cells, separated by `|`.
fn row(text: &str) -> Row {
    let cells: Vec<(&str, &str)> = text.split('|').filter_map(|cell| cell.split_once('=')).collect();
    let columns = Columns::new(cells.iter().map(|(name, _)| (*name).to_owned()).collect()).expect("distinct names");
    let kind = |value: &str| if parse_number(value).is_some() { Kind::Number } else { Kind::Text };
    let cells = cells.iter().map(|(_, value)| if *value == "NULL" { (Kind::Null, None) } else { (kind(value), Some(*value)) });
    Row::from_cells(columns, cells.collect::<Vec<_>>())
}

/// An event whose first `keys` columns are the key.
fn event(kind: EventKind, severity: Severity, keys: usize, rows: &[&str]) -> Event {
    let rows: Vec<Row> = rows.iter().map(|text| row(text)).collect();
    let names = rows[0].columns().names()[..keys].to_vec();
    let key = Row::from_cells(
        Columns::new(names).expect("distinct names"),
        (0..keys).map(|at| (rows[0].kind(at), rows[0].text(at))).collect::<Vec<_>>().iter().map(|(kind, text)| (*kind, text.as_deref())),
    );
    Event {
        at: noon(),
        watcher: "low_stock".into(),
        source: "erp".into(),
        kind,
        severity,
        fingerprint: Some(Fingerprint(1)),
        row_count: rows.len() as u64,
        key: Some(key),
        rows,
        previous: None,
        since: Some(noon()),
        reason: "the row matches".into(),
        silenced: false,
        changed: Vec::new(),
        sums: Vec::new(),
    }
}

fn fired(text: &str) -> Event {
    event(EventKind::Fired, Severity::Warning, 1, &[text])
}

fn since(event: Event, minutes: i64) -> Event {
    Event { since: Some(noon() - TimeDelta::minutes(minutes)), ..event }
}

fn setting(template: &MessageTemplate, language: Language) -> Setting<'_> {
    Setting {
        watcher: "low_stock",
        description: Some(if language == Language::En { "Stock below reorder level" } else { "库存低于补货点" }),
        source: "erp",
        template,
        language,
        zone: chrono_tz::Asia::Shanghai,
    }
}

fn composed(template: &MessageTemplate, language: Language, events: &[Event]) -> (Message, Option<TemplateError>) {
    compose(&setting(template, language), &events.iter().collect::<Vec<_>>(), Vec::new())
}

fn chinese(events: &[Event]) -> String {
    composed(&MessageTemplate::default(), Language::ZhCn, events).0.text()
}

fn english(events: &[Event]) -> String {
    composed(&MessageTemplate::default(), Language::En, events).0.text()
}

fn body(text: &str) -> MessageTemplate {
    MessageTemplate { body: Some(text.into()), ..MessageTemplate::default() }
}

fn button(title: &str, url: &str) -> MessageTemplate {
    MessageTemplate { buttons: vec![Button { title: title.into(), url: url.into() }], ..MessageTemplate::default() }
}

// ---- what people read

#[test]
fn one_alert_has_a_line_for_each_column() {
    assert_snapshot!(chinese(&[fired("sku=A-1|name=螺丝 M6|stock=3|reorder_level=10|note=NULL|bin=")]), @r"
        ### 🟠 库存低于补货点

        **1 项告警** · 警告

        **sku A-1**

        - name：螺丝 M6
        - stock：3
        - reorder_level：10
        - note：NULL
        - bin：''

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(english(&[fired("sku=A-1|name=screw M6|stock=3|reorder_level=10|note=NULL|bin=")]), @r"
        ### 🟠 Stock below reorder level

        **1 firing** · warning

        **sku A-1**

        - name: screw M6
        - stock: 3
        - reorder_level: 10
        - note: NULL
        - bin: ''

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    let (message, _) = composed(&MessageTemplate::default(), Language::ZhCn, &[fired("sku=A-1|stock=3")]);
    assert_eq!(message.title, "🟠 库存低于补货点：1 项告警");
}

#[test]
fn four_alerts_are_shown_in_full_and_in_the_order_of_their_keys() {
    let skus = ["sku=10|stock=3", "sku=9|stock=4", "sku=B|stock=0", "sku=NULL|stock=1"];
    assert_snapshot!(chinese(&skus.map(fired)), @r"
        ### 🟠 库存低于补货点

        **4 项告警** · 警告

        **sku NULL**

        - stock：1

        **sku 9**

        - stock：4

        **sku 10**

        - stock：3

        **sku B**

        - stock：0

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn thirty_alerts_have_a_line_each_the_worst_first() {
    let mut events: Vec<Event> = (1..=30).map(|n| fired(&format!("sku={n}|name=螺丝|stock={}", n % 7))).collect();
    events[27].severity = Severity::Critical;
    let text = chinese(&events);
    assert_snapshot!(text.lines().take(9).chain(["…"]).chain(text.lines().rev().take(3).collect::<Vec<_>>().into_iter().rev()).collect::<Vec<_>>().join("\n"), @r"
        ### 🔴 库存低于补货点

        **30 项告警** · 严重

        - 🔴 **sku 28** · name 螺丝 · stock 0
        - 🟠 **sku 1** · name 螺丝 · stock 1
        - 🟠 **sku 2** · name 螺丝 · stock 2
        - 🟠 **sku 3** · name 螺丝 · stock 3
        - 🟠 **sku 4** · name 螺丝 · stock 4
        …
        - 🟠 **sku 30** · name 螺丝 · stock 2

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn what_is_over_says_how_long_it_lasted() {
    let over = since(event(EventKind::Resolved, Severity::Critical, 1, &["sku=A-1|name=螺丝|stock=3"]), 3 * 60 + 5);
    assert_snapshot!(chinese(std::slice::from_ref(&over)), @r"
        ### 🟢 库存低于补货点

        **1 项已恢复**

        **sku A-1** · 历时 3 小时 5 分钟 · 此前 name 螺丝 · stock 3

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(english(&[over]), @r"
        ### 🟢 Stock below reorder level

        **1 resolved**

        **sku A-1** · lasted 3 h 5 min · last seen name 螺丝 · stock 3

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn a_reminder_says_since_when() {
    let still = since(event(EventKind::Repeated, Severity::Warning, 1, &["sku=A-1|stock=3"]), 26 * 60);
    assert_snapshot!(chinese(std::slice::from_ref(&still)), @r"
        ### 🟠 库存低于补货点

        **1 项仍未恢复** · 警告

        **sku A-1** · 已持续 1 天 2 小时（11-22 07:30 起）

        - stock：3

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(english(&[still]), @r"
        ### 🟠 Stock below reorder level

        **1 still firing** · warning

        **sku A-1** · for 1 d 2 h (since 11-22 07:30)

        - stock: 3

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn one_poll_may_bring_all_kinds() {
    let events = [
        since(event(EventKind::Resolved, Severity::Warning, 1, &["sku=C|stock=1"]), 90),
        fired("sku=B|stock=2"),
        since(event(EventKind::Escalated, Severity::Critical, 1, &["sku=A|stock=0"]), 10),
    ];
    assert_snapshot!(chinese(&events), @r"
        ### 🔴 库存低于补货点

        **1 项升级 · 1 项告警 · 1 项已恢复** · 严重

        🔴 **sku A** · 已持续 10 分钟（11-23 09:20 起）

        - stock：0

        🟠 **sku B**

        - stock：2

        🟢 **sku C** · 历时 1 小时 30 分钟 · 此前 stock 1

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(english(&events), @r"
        ### 🔴 Stock below reorder level

        **1 escalated · 1 firing · 1 resolved** · critical

        🔴 **sku A** · for 10 min (since 11-23 09:20)

        - stock: 0

        🟠 **sku B**

        - stock: 2

        🟢 **sku C** · lasted 1 h 30 min · last seen stock 1

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn a_new_row_is_called_new() {
    let order = Event { since: None, ..event(EventKind::Fired, Severity::Info, 1, &["id=10248|customer=VINET|total=32380.00"]) };
    assert_snapshot!(chinese(&[order]), @r"
        ### 🔵 库存低于补货点

        **1 条新增** · 提示

        **id 10248**

        - customer：VINET
        - total：32380.00

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn without_a_key_the_rows_are_the_message() {
    assert_snapshot!(chinese(&[event(EventKind::Fired, Severity::Warning, 0, &["open_orders=42"])]), @r"
        ### 🟠 库存低于补货点

        **1 项告警** · 警告

        - open_orders：42

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    let rows: Vec<String> = (0..12).map(|n| format!("region=R{n}|late={n}")).collect();
    let mut many = event(EventKind::Fired, Severity::Warning, 0, &rows.iter().map(String::as_str).collect::<Vec<_>>());
    many.row_count = 150;
    assert_snapshot!(chinese(std::slice::from_ref(&many)), @r"
        ### 🟠 库存低于补货点

        **1 项告警** · 警告

        共 150 行

        - region R0 · late 0
        - region R1 · late 1
        - region R2 · late 2
        - region R3 · late 3
        - region R4 · late 4
        - region R5 · late 5
        - region R6 · late 6
        - region R7 · late 7
        - region R8 · late 8
        - region R9 · late 9
        - …另有 140 行

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(chinese(&[since(Event { kind: EventKind::Resolved, ..many }, 60)]), @r"
        ### 🟢 库存低于补货点

        **1 项已恢复**

        共 150 行 · 历时 1 小时 · 此前 region R0 · late 0

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn a_key_with_several_rows_shows_them() {
    assert_snapshot!(english(&[event(EventKind::Fired, Severity::Warning, 1, &["sku=A|wh=north|stock=1", "sku=A|wh=south|stock=2"])]), @r"
        ### 🟠 Stock below reorder level

        **1 firing** · warning

        **sku A** · 2 rows

        - wh north · stock 1
        - wh south · stock 2

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn a_watcher_that_fails_says_why_and_since_when() {
    let own = |kind, reason: &str| {
        since(Event { fingerprint: None, key: None, rows: Vec::new(), row_count: 0, reason: reason.into(), ..fired("a=1") }, 15)
            .kind_of(kind)
    };
    assert_snapshot!(chinese(&[own(EventKind::WatcherFailed, "connection refused at 10.0.0.5: 3 polls failed")]), @r"
        ### ⚠️ 库存低于补货点

        **监控查询失败** · 警告

        connection refused at 10.0.0.5: 3 polls failed

        已持续 15 分钟（11-23 09:15 起）

        > low_stock · erp · 2026-11-23 09:30:00
        ");
    assert_snapshot!(english(&[own(EventKind::WatcherRecovered, "the poll succeeded")]), @r"
        ### 🟢 Stock below reorder level

        **watcher works again**

        the poll succeeded

        lasted 15 min

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

impl Event {
    fn kind_of(self, kind: EventKind) -> Event {
        Event { kind, ..self }
    }
}

// ---- templates

#[test]
fn a_template_says_what_it_wants() {
    let template = MessageTemplate {
        title: Some("库存不足 {{ events | length }} 项\n".into()),
        body: Some("{% for e in firing %}\n- {{ e.key.sku }}: {{ e.row.stock - 1 }} {{ e.severity }} {{ e.row.name }}{% endfor %}\n\n{{ watcher.name }} {{ now }}".into()),
        ..MessageTemplate::default()
    };
    let (message, error) = composed(&template, Language::ZhCn, &[fired("sku=A_1|name=@all|stock=3"), fired("sku=B|name=NULL|stock=4")]);
    assert_eq!((message.title.as_str(), error), ("库存不足 2 项", None));
    assert_snapshot!(message.text(), @r"
        - A_1: 2 warning ＠all
        - B: 3 warning NULL

        low_stock 2026-11-23 09:30:00

        > low_stock · erp · 2026-11-23 09:30:00
        ");
}

#[test]
fn a_title_that_comes_out_empty_is_replaced() {
    let template = MessageTemplate { title: Some("{% if false %}x{% endif %}".into()), ..MessageTemplate::default() };
    assert_eq!(composed(&template, Language::En, &[fired("a=1")]).0.title, "🟠 Stock below reorder level: 1 firing");
}

#[test]
fn a_name_that_is_not_there_makes_the_built_in_message_that_says_so() {
    let (message, error) = composed(&body("{{ events[0].row.stok }}"), Language::ZhCn, &[fired("sku=A|stock=3")]);
    assert!(error.is_some());
    assert!(message.text().contains("stock：3") && message.text().contains("消息模板出错"), "{}", message.text());
}

#[test]
fn columns_are_found_whatever_their_case_and_names_of_a_loop_cannot_act() {
    let template = body("{{ events[0].row.STOCK }}{% for name, value in events[0].row | items %} {{ name }}={{ value }};{% endfor %}");
    let (message, error) = composed(&template, Language::En, &[fired("stock=3|[x](http://evil)=4")]);
    assert_eq!(error, None);
    assert!(message.text().contains("3 stock=3; ［x］(http:／／evil)=4;"), "{}", message.text());
}

#[test]
fn a_button_is_a_link_whose_values_stay_one_part_of_the_address() {
    let (message, error) = composed(
        &button("打开 {{ row.sku }}", "https://erp.example/items/{{ key.sku }}?s={{ severity }}"),
        Language::En,
        &[fired("sku=A/1 ?#)(&%中|stock=3")],
    );
    assert_eq!(error, None);
    assert!(message.text().contains("](https://erp.example/items/A%2F1%20%3F%23%29%28%26%25%E4%B8%AD?s=warning)"), "{}", message.text());
}

#[test]
fn buttons_of_several_events_stand_with_their_events_and_a_common_one_once() {
    let events = [fired("sku=A|stock=3"), fired("sku=B|stock=4")];
    let own = composed(&button("open", "https://erp.example/{{ key.sku }}"), Language::En, &events).0.text();
    assert!(own.contains("**sku A**\n\n- stock: 3\n- [open](https://erp.example/A)\n\n**sku B**"), "{own}");
    let common = composed(&button("open", "https://erp.example/"), Language::En, &events).0.text();
    assert_eq!(common.matches("[open]").count(), 1);
    let template = MessageTemplate { buttons: button("open", "https://erp.example/{{ key.sku }}").buttons, ..body("text") };
    let own = composed(&template, Language::En, &events).0.text();
    assert!(own.contains("[open A](https://erp.example/A) · [open B](https://erp.example/B)"), "{own}");
}

#[test]
fn an_address_that_is_not_http_is_refused() {
    for url in [
        "javascript:alert(1)",
        "dtmd://dingtalkclient/sendMessage?content=x",
        "{{ row.sku }}",
        "https://e.example/a b",
        "https://e.example/a)b",
        "/x",
        "",
    ] {
        let (message, error) = composed(&button("x", url), Language::En, &[fired("sku=https://evil.example|stock=3")]);
        assert!(error.is_some() && !message.text().contains("]("), "{url}: {}", message.text());
    }
}

#[path = "message_limit_tests.rs"]
mod limits;

#[test]
fn every_name_that_a_template_is_said_to_see_is_there() {
    let told = [event(EventKind::Fired, Severity::Warning, 1, &["sku=A|stock=3"])];
    let body: String = MESSAGE_NAMES.iter().map(|name| format!("{{{{ {name} }}}} ")).collect();
    let title: String = EVENT_NAMES.iter().map(|name| format!("{{{{ {name} }}}} ")).collect();
    let url: String = URL_NAMES.iter().map(|name| format!("{{{{ {name} is defined }}}}")).collect();
    let button = Button { title, url: format!("https://erp.example/{url}") };
    let template = MessageTemplate { body: Some(body), buttons: vec![button], ..MessageTemplate::default() };
    let (message, error) = composed(&template, Language::En, &told);
    assert_eq!(error, None);
    assert!(message.text().contains("https://erp.example/truetruetruetrue)"), "{}", message.text());
}
