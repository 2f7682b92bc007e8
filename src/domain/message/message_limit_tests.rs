//! How long a message may be, and what text from a database cannot do to it.

use super::*;
use proptest::prelude::*;
use pulldown_cmark::{Options, Parser, Tag};

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
            ..MessageTemplate::default()
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
            Event { key: Some(super::row(&format!("sku=k{n}"))), rows: vec![row], ..fired("sku=x") }
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
