use super::*;
use crate::domain::command::{Misread, Verb};
use crate::domain::message::neutralise;
use chrono::TimeDelta;
use serde_json::json;

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-25T02:05:00Z").expect("a time").to_utc()
}

fn setting(language: Language) -> Setting {
    Setting { language, zone: chrono_tz::Asia::Shanghai, now: now() }
}

fn zh() -> Setting {
    setting(Language::ZhCn)
}

fn en() -> Setting {
    setting(Language::En)
}

fn object(value: Json) -> Object {
    value.as_object().cloned().expect("an object")
}

fn alert(id: i64, severity: Severity, sku: &str, taken_by: Option<&str>) -> AlertFact {
    AlertFact {
        id: Some(id),
        watcher: "low_stock".into(),
        severity,
        key: object(json!({ "sku": sku })),
        row: object(json!({ "sku": sku, "qty": "3", "name": "龙井" })),
        since: "2026-11-25T01:35:00.000Z".into(),
        taken_by: taken_by.map(Into::into),
        is_silenced: false,
    }
}

#[test]
fn the_status_says_on_one_screen_whether_all_is_well() {
    assert_eq!(
        status(&zh(), &Status { watchers: 3, ..Status::default() }).text,
        "### 状态\n\n- ✅ 没有告警\n\n> 监控 3 个 · 2026-11-25 10:05:00"
    );
    let bad = Status {
        firing: vec![(Severity::Critical, 2), (Severity::Warning, 5)],
        watchers: 14,
        failing: vec![
            Failing { watcher: "orders".into(), since: Some(now() - TimeDelta::hours(1)), is_held: false },
            Failing { watcher: "prices".into(), since: None, is_held: true },
        ],
        waiting: vec![("duty".into(), 3), ("warehouse".into(), 12)],
        held: vec![Held {
            receiver: "warehouse".into(),
            until: Some(now() + TimeDelta::minutes(10)),
            reason: "660026 sending too many messages per minute".into(),
        }],
        silences: vec![InForce { id: 3, covers: "low_*".into(), until: now() + TimeDelta::hours(14), author: "张三 (manager01)".into() }],
    };
    assert_eq!(
        status(&zh(), &bad).text,
        "### 状态\n\n- 🔴 严重 2 · 🟠 警告 5\n- ⚠️ orders 查询失败（09:05 起）\n- ⏸ prices 的结果变化过大，暂未采纳\n- 📮 待发送：duty 3，warehouse 12\n- ⛔ warehouse 暂停发送至 10:15：660026 sending too many messages per minute\n- 🔕 静默 3：low＿＊，至 11-26 00:05（张三 (manager01)）\n\n> 监控 14 个 · 2026-11-25 10:05:00"
    );
    assert_eq!(
        status(&en(), &bad).text,
        "### Status\n\n- 🔴 critical 2 · 🟠 warning 5\n- ⚠️ orders is failing (since 09:05)\n- ⏸ the result of prices is held\n- 📮 waiting to be sent: duty 3, warehouse 12\n- ⛔ warehouse is held until 10:15: 660026 sending too many messages per minute\n- 🔕 silence 3: low＿＊, until 11-26 00:05 (张三 (manager01))\n\n> 14 watchers · 2026-11-25 10:05:00"
    );
}

#[test]
fn alerts_are_listed_with_the_numbers_that_take_them() {
    assert_eq!(alerts(&zh(), None, &[], 0).text, "✅ 没有告警");
    let some = [alert(42, Severity::Critical, "A-17", None), alert(40, Severity::Warning, "B-2", Some("张三 (manager01)"))];
    assert_eq!(
        alerts(&zh(), None, &some, 2).text,
        "### 告警 2 项\n\n- 🔴 **42** · low_stock · sku A-17 · qty 3 · name 龙井 · 09:35 起\n- 🟠 **40** · low_stock · sku B-2 · qty 3 · name 龙井 · 09:35 起 · 🙋 张三 (manager01)\n\n> 认领 42 · 静默 low_stock 2h · 为什么 low_stock"
    );
    let many: Vec<AlertFact> = (0..30).map(|id| alert(id, Severity::Info, "A", None)).collect();
    let text = alerts(&en(), Some("low_stock"), &many, 30).text;
    assert!(text.starts_with("### 30 firing · low_stock\n\n- 🔵 **0** · sku A"), "{text}");
    assert!(text.contains("\n\n**+ 20 more**\n\n> ack 0 ·"), "{text}");
}

#[test]
fn the_history_tells_what_happened_and_who_took_it() {
    let event = |id, event, severity, reason: &str| EventFact {
        id,
        at: "2026-11-24T02:05:00.000Z".into(),
        event,
        severity,
        key: object(json!({ "sku": "A-17" })),
        reason: reason.into(),
        is_silenced: false,
    };
    let events = [
        event(43, EventKind::Acknowledged, Severity::Warning, "by 张三 (manager01): 已补货"),
        event(42, EventKind::Fired, Severity::Warning, "it matches"),
    ];
    assert_eq!(
        history(&zh(), "low_stock", &events).text,
        "### low_stock 最近的事件\n\n- 🟠 11-24 10:05 · 认领 · sku A-17 · by 张三 (manager01): 已补货 · **43**\n- 🟠 11-24 10:05 · 触发 · sku A-17 · **42**"
    );
    assert_eq!(history(&en(), "low_stock", &[]).text, "nothing has happened · low_stock");
}

#[test]
fn what_became_of_each_number_is_said() {
    let key = || object(json!({ "sku": "A" }));
    let results = [
        (42, Took::Theirs { watcher: "low_stock".into(), key: key(), before: None }),
        (43, Took::Theirs { watcher: "low_stock".into(), key: key(), before: Some("李四 (manager02)".into()) }),
        (44, Took::Over { watcher: "low_stock".into(), key: key(), at: Some(now()), again: Some(50) }),
        (45, Took::Pending { watcher: "low_stock".into(), key: key() }),
        (46, Took::NoAlert { watcher: "daily".into() }),
        (47, Took::Unknown),
    ];
    assert_eq!(
        acknowledged(&zh(), "张三 (manager01)", &results).text,
        "### 🙋 张三 (manager01) 认领 2 项\n\n- **42** low_stock · sku A\n- **43** low_stock · sku A（原由 李四 (manager02) 认领）\n- **44** low_stock · sku A：✅ 已恢复 10:05，又已触发：认领 50\n- **45** low_stock · sku A：尚未触发，不需要认领\n- **46** daily：这不是告警，不需要认领\n- **47** 没有这个编号，发送「告警」查看"
    );
    assert_eq!(
        acknowledged(&en(), "x", &results[5..]).text,
        "### Nothing was acknowledged\n\n- **47** there is no such number; `alerts` lists them"
    );
}

#[test]
fn a_silence_says_until_when_and_what_it_covers() {
    let made = Silenced { id: 3, watcher: "low_stock".into(), until: now() + TimeDelta::hours(2), covers: 5 };
    assert_eq!(silenced(&zh(), &made).title, "🔕 low_stock 静默至 12:05");
    assert!(silenced(&zh(), &made).text.contains("静默至 **12:05**（静默 3）。现有 5 项告警不再提醒"));
    assert!(silenced(&en(), &made).text.contains("silent until **12:05** (silence 3). 5 alerts"));
}

#[test]
fn who_may_not_ask_can_copy_what_an_administrator_writes() {
    assert!(not_allowed(&zh(), "duty", Some("manager01")).text.contains("receivers.duty 中加入：\n\n**operators = [\"manager01\"]**"));
    assert!(not_allowed(&en(), "duty", None).text.contains("did not give your user id"));
}

#[test]
fn what_is_not_understood_says_what_could_be_written() {
    assert!(misread(&zh(), &Misread::Unknown).text.contains("**认领 编号 说明**"));
    assert_eq!(misread(&zh(), &Misread::NoName(Verb::Silence)).text, "请写上监控的名字：静默 NAME（发送「告警」查看名字）");
    assert!(
        misread(&en(), &Misread::Length("[x](http://evil.example)".into())).text.starts_with("`［x］(http:／／evil.example)` is no length")
    );
    assert_eq!(unknown_watcher(&zh(), "low_stok", Some("low_stock")).text, "没有名为「low_stok」的监控。是不是 low_stock？");
    assert!(unknown_key(&en(), "low_stock", &["shop".into(), "sku".into()]).text.contains("is shop, sku:"));
}

#[test]
fn a_person_is_their_user_id_with_the_name_they_give_themselves() {
    for (name, user, expected) in [
        (Some("张三"), "manager01", "张三 (manager01)"),
        (None, "manager01", "manager01"),
        (Some(" "), "manager01", "manager01"),
        (Some("王五 (manager02)"), "manager03", "王五 manager02 (manager03)"),
        (Some("a\nb\u{7}"), "m", "ab (m)"),
    ] {
        assert_eq!(person(name, user), expected);
    }
    assert_eq!(person(Some(&"长".repeat(99)), "m").chars().count(), 34);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "@所有人 [点我](http://evil.example) **x**\n# y";
    let fact = AlertFact {
        watcher: hostile.into(),
        taken_by: Some(hostile.into()),
        key: object(json!({ hostile: hostile })),
        ..alert(1, Severity::Info, "A", None)
    };
    let texts = [
        alerts(&zh(), Some(hostile), std::slice::from_ref(&fact), 1).text,
        alerts(&zh(), None, &[fact], 1).text,
        acknowledged(&zh(), hostile, &[(1, Took::NoAlert { watcher: hostile.into() })]).text,
        why(&zh(), hostile, hostile, &[(now(), hostile.into())]).text,
        unknown_watcher(&zh(), hostile, Some(hostile)).text,
        not_allowed(&zh(), hostile, Some(hostile)).text,
        silenced(&en(), &Silenced { id: 1, watcher: hostile.into(), until: now(), covers: 1 }).text,
    ];
    for text in texts {
        assert!(text.contains(&neutralise(hostile)), "{text}");
        assert!(!text.contains('@') && !text.contains("](") && !text.contains("//") && !text.contains("\n# "), "{text}");
    }
}
