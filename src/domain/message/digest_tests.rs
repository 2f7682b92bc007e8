//! What a digest looks like.

use super::*;
use insta::assert_snapshot;
use serde_json::json;

fn line(watcher: &str, event: &str, severity: &str, sku: &str, at: &str, is_firing: bool) -> DigestLine {
    let object = |value: Json| value.as_object().cloned().unwrap_or_default();
    DigestLine {
        watcher: watcher.to_owned(),
        event: event.to_owned(),
        severity: severity.to_owned(),
        fingerprint: Some(format!("{watcher} {sku}")),
        key: object(json!({ "sku": sku })),
        row: object(json!({ "sku": sku, "stock": "3", "note": null })),
        reason: "the row matches".to_owned(),
        at: at.to_owned(),
        is_firing,
    }
}

fn shown(kind: DigestKind, language: Language, lines: Vec<DigestLine>) -> String {
    let now = DateTime::parse_from_rfc3339("2026-11-26T01:00:00Z").expect("a time").to_utc();
    let message = digest(&Digest { kind, language, zone: Tz::Asia__Shanghai, now, lines });
    format!("{}\n---\n{}", message.title, message.text())
}

#[test]
fn what_fires_still_comes_first_and_what_came_and_went_is_one_line() {
    let lines = vec![
        line("库存低于补货点", "fired", "warning", "A", "2026-11-25T14:10:00Z", true),
        line("库存低于补货点", "fired", "warning", "B", "2026-11-25T14:10:00Z", false),
        line("库存低于补货点", "resolved", "warning", "B", "2026-11-25T15:20:00Z", false),
        line("订单金额异常", "fired", "info", "C", "2026-11-25T20:00:00Z", true),
        line("订单金额异常", "escalated", "warning", "C", "2026-11-25T20:30:00Z", true),
    ];
    assert_snapshot!(shown(DigestKind::Opening, Language::ZhCn, lines), @r#"
    🟠 非值守时段汇总：2 项未恢复 · 1 项已恢复
    ---
    ### 🟠 非值守时段汇总

    **2 项未恢复 · 1 项已恢复**

    **库存低于补货点**

    - 🟠 **sku A** · stock 3 · note NULL · 11-25 22:10 起

    **订单金额异常**

    - 🟠 **sku C** · stock 3 · note NULL · 11-26 04:00 起

    **库存低于补货点**

    - 🟢 **sku B** · stock 3 · note NULL · 11-25 22:10 至 11-25 23:20

    > 2026-11-26 09:00:00
    "#);
}

#[test]
fn the_end_of_a_silence_says_what_it_was_for() {
    let own = DigestLine {
        fingerprint: None,
        key: Map::new(),
        row: Map::new(),
        reason: "3 polls in a row failed. sql: no such table; warehouse is not told: silence #3 by wang: stocktaking".to_owned(),
        ..line("stock", "watcher_failed", "warning", "", "2026-11-25T14:10:00Z", false)
    };
    let lines = vec![own, line("stock", "repeated", "critical", "[x](http://evil)", "2026-11-25T14:10:00Z", true)];
    assert_snapshot!(shown(DigestKind::SilenceEnded { reason: "stocktaking".to_owned() }, Language::En, lines), @r#"
    🔴 The silence has ended (stocktaking): 1 still firing · 1 other events
    ---
    ### 🔴 The silence has ended (stocktaking)

    **1 still firing · 1 other events**

    **stock**

    - 🔴 **sku ［x］(http:／／evil)** · stock 3 · note NULL · since 11-25 22:10

    - ⚠️ 3 polls in a row failed. sql: no such table · 11-25 22:10

    > 2026-11-26 09:00:00
    "#);
}
