//! What people read, how long it may be, and what text from a database cannot do to it.

use super::*;
use crate::domain::alert::Severity;
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::value::{Kind, parse_number};
use crate::domain::watcher::Button;
use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;
use proptest::prelude::*;
use pulldown_cmark::{Options, Parser, Tag};

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
        buttons: vec![],
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

// ---- length

/// How many events a built-in text shows and says that it leaves out, for keys `k<number>`.
fn shown_and_omitted(text: &str) -> (usize, usize) {
    let omitted = text.split("**+ ").nth(1).map_or(0, |rest| rest.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0));
    (text.matches("**sku k").count(), omitted)
}

#[test]
fn a_thousand_events_are_cut_at_a_row_and_counted() {
    let events: Vec<Event> = (0..1_000).map(|n| fired(&format!("sku=k{n}|name=螺丝刀套装|stock={n}|price=12.50"))).collect();
    let (message, _) = composed(&MessageTemplate::default(), Language::En, &events);
    let text = message.text();
    let (shown, omitted) = shown_and_omitted(&text);
    assert_eq!(shown + omitted, 1_000);
    assert!(shown > 200 && json_bytes(&text) <= MAX_TEXT_BYTES, "{shown} {}", json_bytes(&text));
    assert!(text.ends_with("> low_stock · erp · 2026-11-23 09:30:00"));
    assert!(message.title.ends_with("1000 firing"));
}

#[test]
fn a_message_is_shortened_by_half_of_what_it_shows_until_one_is_left() {
    let events: Vec<Event> = (0..1_000).map(|n| fired(&format!("sku=k{n}|stock={n}"))).collect();
    let (mut message, _) = composed(&MessageTemplate::default(), Language::En, &events);
    let mut before = shown_and_omitted(&message.text()).0;
    while message.shorten() {
        let (shown, omitted) = shown_and_omitted(&message.text());
        assert_eq!((shown, shown + omitted), ((before / 2).max(1), 1_000));
        before = shown;
    }
    assert_eq!(before, 1);
}

#[test]
fn a_reduced_message_holds_nothing_from_the_database() {
    let (mut message, _) = composed(&MessageTemplate::default(), Language::ZhCn, &[fired("sku=secret|stock=3")]);
    message.reduce("low_[stock]");
    assert_eq!(message.text(), "### low＿［stock］\n\n有新的告警，但钉钉拒绝了其内容，请在告警历史中查看。");
    assert!(!message.shorten());
}

#[test]
fn a_single_alert_that_is_too_long_is_cut_at_a_line() {
    let cell = |n: usize| format!("{}{n}={}", "栏".repeat(197), "值".repeat(200));
    let text: Vec<String> = (0..16).map(cell).collect();
    let text = chinese(&[fired(&format!("sku=A|{}", text.join("|")))]);
    assert!(json_bytes(&text) <= MAX_TEXT_BYTES);
    assert!(text.contains("值\n- …\n\n> low_stock"), "{text}");
}

#[test]
fn a_template_of_many_rows_is_cut_and_says_so() {
    let template = body("{% for e in events %}{{ e.key.sku }} {{ e.row.name }}\n\n{% endfor %}of {{ total }}");
    let events: Vec<Event> = (0..1_000).map(|n| fired(&format!("sku=k{n}|name={}", "名".repeat(40)))).collect();
    let (message, error) = composed(&template, Language::En, &events);
    assert_eq!(error, None);
    let text = message.text();
    assert!(json_bytes(&text) <= MAX_TEXT_BYTES && text.contains("of 1000") && text.contains("**+ more** in the alert history"), "{text}");
}

#[test]
fn the_work_grows_with_the_events_and_not_with_their_square() {
    // Each cut takes what is over in one go, so a text of any length is written out a few times only.
    for events in [1_000, 4_000] {
        let events: Vec<Event> = (0..events).map(|n| fired(&format!("sku=k{n}|stock={n}"))).collect();
        let (mut message, _) = composed(&MessageTemplate::default(), Language::En, &events);
        let mut rounds = 0;
        while json_bytes(&message.joined()) > MAX_TEXT_BYTES {
            message.cut_blocks(json_bytes(&message.joined()) - MAX_TEXT_BYTES);
            rounds += 1;
        }
        assert!(rounds <= 3, "{rounds}");
    }
}

// ---- text from a database is text

/// The shape of a text: every element but the words.
fn shape(text: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES;
    let parts = Parser::new_ext(text, options).filter_map(|event| match event {
        pulldown_cmark::Event::Text(_) => None,
        pulldown_cmark::Event::Start(Tag::Link { dest_url, .. }) if dest_url.starts_with("https://erp.example/") => Some("link".into()),
        other => Some(format!("{other:?}")),
    });
    parts.collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let payloads = prop::sample::select(vec![
        "[点我](http://evil.example)",
        "![](http://evil.example/x.png)",
        "@all",
        "@13800000000",
        "\n\n# RESOLVED",
        "> quote",
        "**",
        "__",
        "~~x~~",
        "`code`",
        "```",
        "<font color=red>",
        "<script>",
        "&lt;",
        "http://evil.example",
        "www.evil.example",
        "dtmd://dingtalkclient/sendMessage?content=x",
        "- item",
        "1. item",
        "1)",
        "-",
        "+",
        "===",
        "---",
        "    code",
        "| a | b |",
        "[x]: http://evil",
        "\u{202E}gnp",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "\\",
        " ",
        "\u{2028}# x",
        "[ ] task",
        "[^1]",
        "http:/",
        "/evil.example",
        "$x$",
        "a_b_c",
        "_x_",
        "\r\n- x",
        "\t",
        "'",
        "\"",
    ]);
    prop::collection::vec(prop_oneof![3 => payloads.prop_map(str::to_owned), 1 => "\\PC{0,12}"], 1..3).prop_map(|parts| parts.concat())
}

/// One event with this text in every place that a database fills.
fn event_with(text: &str, keys: usize, count: usize) -> Vec<Event> {
    let names = vec!["sku".to_owned(), format!("{text} "), "v".to_owned()];
    let event = |n: usize| {
        let columns = Columns::new(names.clone()).expect("distinct names");
        let cells =
            [(Kind::Text, Some(format!("{n:02}{text}"))), (Kind::Text, Some(text.to_owned())), (Kind::Text, Some(format!("{text}{n}")))];
        let row = Row::from_cells(columns, cells.iter().map(|(kind, text)| (*kind, text.as_deref())).collect::<Vec<_>>());
        let key = Row::from_cells(
            Columns::new(names[1..1 + keys].to_vec()).expect("distinct names"),
            (1..1 + keys).map(|at| (Kind::Text, Some(cells[at].1.as_deref().unwrap_or_default()))).collect::<Vec<_>>(),
        );
        Event { key: Some(key), rows: vec![row.clone(); n + 1], row_count: n as u64 + 1, reason: text.to_owned(), ..fired("sku=x") }
    };
    (0..count).map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hostile_text_has_the_shape_of_harmless_text(text in hostile(), keys in 0..2_usize, count in 1..7_usize, kind in 0..EventKind::ALL.len()) {
        let template = MessageTemplate {
            title: Some("{{ events[0].row.sku }}".into()),
            body: Some("# {{ watcher.name }}\n\n{% for e in events %}{{ e.row.v }}\n\n- {{ e.row.sku }} **{{ e.row.v }}**{% for n, c in e.row | items %}\n- {{ n }} {{ c }}{% endfor %}\n\nwhy: {{ e.reason }}\n\n{% endfor %}".into()),
            buttons: vec![Button { title: "open {{ row.v }}".into(), url: "https://erp.example/{{ row.sku }}?a={{ row.v }}".into() }],
        };
        for template in [MessageTemplate::default(), button("go {{ row.v }}", "https://erp.example/{{ row.v }}"), template] {
            let shape_of = |text: &str| {
                let events: Vec<Event> = event_with(text, keys, count).into_iter().map(|event| event.kind_of(EventKind::ALL[kind])).collect();
                let (message, error) = composed(&template, Language::ZhCn, &events);
                assert_eq!(error, None);
                let text = message.text();
                (shape(&text), text)
            };
            let (found, shown) = shape_of(&text);
            prop_assert_eq!(found, shape_of("x").0, "{}", shown);
            prop_assert!(!shown.contains('@') && !shown.contains("<"), "{}", shown);
            prop_assert_eq!(shown.matches("://").count(), shown.matches("](https://erp.example/").count(), "{}", shown);
        }
    }

    #[test]
    fn hostile_words_of_a_failure_are_text(text in hostile()) {
        let own = |reason: &str| Event { fingerprint: None, key: None, rows: Vec::new(), reason: reason.into(), ..fired("a=1") }.kind_of(EventKind::WatcherFailed);
        let long = format!("{}{text}{text}", "x".repeat(199));
        prop_assert_eq!(shape(&chinese(&[own(&format!("x{text}"))])), shape(&chinese(&[own("x")])));
        let shown = chinese(&[own(&long)]);
        prop_assert!(!shown.contains("//") && !shown.contains('@'), "{}", shown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_message_is_ever_too_long_and_every_event_is_shown_or_counted(count in 1..50_usize, name in "\\PC{0,300}|[\"\\\\\u{1}中]{0,300}", value in "\\PC{0,400}|[\"\\\\\u{1}中]{0,400}", columns in 1..20_usize) {
        let event = |n: usize| {
            let names: Vec<String> = std::iter::once("sku".to_owned()).chain((0..columns).map(|at| format!("{at}{name}"))).collect();
            let key = format!("k{n}");
            let cells = std::iter::once((Kind::Text, Some(key.as_str()))).chain((0..columns).map(|_| (Kind::Text, Some(value.as_str()))));
            let row = Row::from_cells(Columns::new(names).expect("distinct names"), cells.collect::<Vec<_>>());
            Event { key: Some(super::tests::row(&format!("sku=k{n}"))), rows: vec![row], ..fired("sku=x") }
        };
        let events: Vec<Event> = (0..count).map(event).collect();
        let (message, _) = composed(&MessageTemplate::default(), Language::En, &events);
        let text = message.text();
        prop_assert!(json_bytes(&text) <= MAX_TEXT_BYTES);
        let (shown, omitted) = shown_and_omitted(&text);
        prop_assert_eq!(shown + omitted, count);
        prop_assert!(message.title.chars().count() <= MAX_TITLE_CHARS);
        let template = body("{% for e in events %}{{ e.row }} {% for n, c in e.row | items %}{{ n }}{{ c }}{% endfor %}{% endfor %}");
        prop_assert!(json_bytes(&composed(&template, Language::En, &events).0.text()) <= MAX_TEXT_BYTES);
    }
}
