use super::*;
use proptest::prelude::*;

fn silence_of(watcher: &str, length: TimeDelta, reason: Option<&str>) -> Command {
    Command::Silence { watcher: watcher.into(), length, reason: reason.map(Into::into) }
}

fn take(ids: &[i64], note: Option<&str>) -> Command {
    Command::Acknowledge { ids: ids.to_vec(), note: note.map(Into::into) }
}

fn why(watcher: &str, key: &[&str]) -> Command {
    Command::Why { watcher: watcher.into(), key: key.iter().map(|word| (*word).to_owned()).collect() }
}

#[test]
fn commands_are_read_in_both_languages_and_as_a_thumb_writes_them() {
    let two_hours = TimeDelta::hours(2);
    for (text, expected) in [
        ("状态", Command::Status),
        (" 状态。", Command::Status),
        ("@rowbell 状态", Command::Status),
        ("＠告警机器人\u{2005}状态", Command::Status),
        ("Status", Command::Status),
        ("/STATUS", Command::Status),
        ("ｓｔａｔｕｓ", Command::Status),
        ("告警", Command::Alerts(None)),
        ("告警 low_stock", Command::Alerts(Some("low_stock".into()))),
        ("告警\u{3000}ＬＯＷ＿stock", Command::Alerts(Some("low_stock".into()))),
        ("告警low_stock", Command::Alerts(Some("low_stock".into()))),
        ("alerts Low_Stock", Command::Alerts(Some("low_stock".into()))),
        ("历史 low_stock", Command::History("low_stock".into())),
        ("history `low_stock`", Command::History("low_stock".into())),
        ("静默 low_stock 2h", silence_of("low_stock", two_hours, None)),
        ("静默 low_stock 2H 盘点（二楼）", silence_of("low_stock", two_hours, Some("盘点（二楼）"))),
        ("静默 low_stock ２小时 盘点", silence_of("low_stock", two_hours, Some("盘点"))),
        ("静默 low_stock 2 小时 盘点 到 中午", silence_of("low_stock", two_hours, Some("盘点 到 中午"))),
        ("静默low_stock", silence_of("low_stock", two_hours, None)),
        ("静默 low_stock 盘点", silence_of("low_stock", two_hours, Some("盘点"))),
        ("静默 low_stock 30分钟", silence_of("low_stock", TimeDelta::minutes(30), None)),
        ("silence low_stock 1d12h Moving House", silence_of("low_stock", TimeDelta::hours(36), Some("Moving House"))),
        ("认领 42", take(&[42], None)),
        ("认领42", take(&[42], None)),
        ("认领：#42，43、44 已联系供应商", take(&[42, 43, 44], Some("已联系供应商"))),
        ("ACK 42 43 the supplier is called", take(&[42, 43], Some("the supplier is called"))),
        ("认领 ４２", take(&[42], None)),
        ("为什么 low_stock", why("low_stock", &[])),
        ("为什么 low_stock A-17", why("low_stock", &["A-17"])),
        ("why low_stock sku=A-17 shop=杭州", why("low_stock", &["sku=A-17", "shop=杭州"])),
        ("帮助", Command::Help),
        ("？", Command::Help),
        ("help!", Command::Help),
        ("", Command::Help),
        ("@rowbell", Command::Help),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_command_says_what_is_missing() {
    for (text, expected) in [
        ("你好", Misread::Unknown),
        ("acknowledgement 42", Misread::Unknown),
        ("stat", Misread::Unknown),
        ("历史", Misread::NoName(Verb::History)),
        ("静默", Misread::NoName(Verb::Silence)),
        ("为什么？", Misread::NoName(Verb::Why)),
        ("认领", Misread::NoNumber),
        ("认领 -3", Misread::NoNumber),
        ("认领 龙井", Misread::NoNumber),
        ("静默 low_stock 2x", Misread::Length("2x".into())),
        ("静默 low_stock 2", Misread::Length("2".into())),
        ("静默 low_stock 0h", Misread::Length("0h".into())),
        ("静默 low_stock 8天", Misread::Length("8天".into())),
        ("静默 low_stock 99999999999999999999d", Misread::Length("99999999999999999999d".into())),
    ] {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn a_key_is_named_or_given_in_the_order_of_its_columns() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let pair = |column: &str, value: &str| (column.to_owned(), value.to_owned());
    assert_eq!(key_of(&words(&["sku"]), &words(&["龙井", "茶"])), Ok(vec![pair("sku", "龙井 茶")]));
    assert_eq!(key_of(&words(&["shop", "sku"]), &words(&["杭州", "A"])), Ok(vec![pair("shop", "杭州"), pair("sku", "A")]));
    assert_eq!(key_of(&words(&["shop", "sku"]), &words(&["sku＝A"])), Ok(vec![pair("sku", "A")]));
    assert_eq!(key_of(&words(&["shop", "sku"]), &words(&["A"])), Err(words(&["shop", "sku"])));
    assert_eq!(key_of(&[], &words(&["A"])), Err(Vec::new()));
    assert_eq!(key_of(&words(&["sku"]), &[]), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,80}|(静默|认领|为什么|ack|silence)[ 　a-z0-9小时天分,#、=-]{0,40}") {
        if let Ok(Command::Silence { length, .. }) = parse(&text) {
            prop_assert!(length >= SHORTEST_SILENCE && length <= LONGEST_SILENCE);
        }
    }
}
