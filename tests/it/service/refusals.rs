//! Every answer that DingTalk is known to give: its class, what is kept, what operators are told, and that whatever is
//! tried again carries the same `msgUuid`. Through the real client, store and engine, over HTTP.

use super::house::{House, TOKEN, low_stock};
use chrono::{DateTime, TimeDelta};
use rowbell::notify::dingtalk::simulator::{Call, Fault};
use rowbell::store::DeliveryLine;
use serde_json::{Value, json};

/// What is kept after the first answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    /// The receiver is held for so many seconds (and a quarter less); then the same message goes first.
    Held(i64),
    /// The message is tried again after so many seconds, as it is.
    Again(i64),
    /// It is tried at once, with fewer rows.
    Shortened,
    /// It is tried at once, without its text.
    Reduced,
}

use Kept::{Again, Held, Reduced, Shortened};

const TOKEN_GONE: &str = "copy the robot's webhook anew";
const MANGLED: &str = "look for a proxy between here and DingTalk";
const QUOTA: &str = "for the next month";
const KEYWORD: &str = "set `keyword` of this receiver";
const SIGN: &str = "set `secret` of this receiver";
const ADDRESS: &str = "add this machine's public address";

/// Code, DingTalk's words, the class as it is recorded, what is kept, what operators are told.
const ROWS: &[(i64, &str, &str, Kept, &str)] = &[
    (-1, "系统繁忙", "uncertain", Held(1), "系统繁忙"),
    (15, "remote service timeout", "uncertain", Held(1), "remote service timeout"),
    (40035, "缺少参数 json", "refused", Held(1), MANGLED),
    (40035, "缺少参数 access_token", "refused", Held(1), MANGLED),
    (43002, "需要POST请求", "refused", Held(1), MANGLED),
    (43004, "无效的HTTP HEADER Content-Type", "refused", Held(1), MANGLED),
    (300001, "param error", "refused", Held(1), MANGLED),
    (300001, "token is not exist", "refused", Held(1), TOKEN_GONE),
    (300001, "session 不存在", "refused", Held(1), TOKEN_GONE),
    (300005, "token is not exist", "refused", Held(1), TOKEN_GONE),
    (400101, "access_token不存在", "refused", Held(1), TOKEN_GONE),
    (400013, "群已被解散", "refused", Held(1), "this one was dissolved"),
    (400102, "机器人已停用", "refused", Held(1), "switch the robot on again"),
    (400105, "不支持的消息类型", "refused", Held(1), "does not take markdown messages"),
    (400105, "错误描述: 不支持类型 msgType:actionCard ;解决方案:请参考文档;", "refused", Held(1), "does not take markdown messages"),
    (400106, "机器人不存在", "refused", Held(1), "this one was removed"),
    // Security: what each wording since 2019 asks for.
    (310000, "keywords not in content", "refused", Held(1), KEYWORD),
    (310000, "keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]", "refused", Held(1), KEYWORD),
    (310000, "description:关键词不匹配;solution:请联系群管理员查看此机器人的关键词;", "refused", Held(1), KEYWORD),
    (310000, "错误描述:关键词不匹配;解决方案:请联系群管理员;", "refused", Held(1), KEYWORD),
    (310000, "sign not match", "refused", Held(1), SIGN),
    (310000, "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]", "refused", Held(1), SIGN),
    (310000, "description:机器人发送签名不匹配;solution:请确认签名;link:x", "refused", Held(1), SIGN),
    (310000, "错误描述:机器人发送签名不匹配;解决方案:请确认签名;", "refused", Held(1), SIGN),
    // This robot does not sign, so a time that is missed is a secret that is missing.
    (310000, "invalid timestamp", "refused", Held(1), SIGN),
    (310000, "错误描述:机器人发送签名过期;解决方案:签名生成时间和发送时间请保持在 timestampms 以内;", "refused", Held(1), SIGN),
    (310000, "ip 1.2.3.4 not in whitelist", "refused", Held(1), ADDRESS),
    (310000, "错误描述:ip 1.2.3.4 不在白名单;解决方案:x;", "refused", Held(1), ADDRESS),
    (310000, "words of next year", "refused", Held(1), "compare the robot's security settings"),
    // The minute, the second, the month.
    (410100, "发送速度太快而限流", "throttled", Held(600), "发送速度太快而限流"),
    (130101, "send too fast, exceed 20 times per minute", "throttled", Held(600), "send too fast"),
    (660026, "sending too many messages per minute", "throttled", Held(600), "too many messages"),
    (450101, "发送频率超限", "throttled", Held(600), "发送频率超限"),
    (888888, "send too fast", "throttled", Held(600), "send too fast"),
    (888888, "调用频率过高", "throttled", Held(600), "频率"),
    (90002, "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了", "throttled", Held(4), "暂时禁用"),
    (90018, "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了", "throttled", Held(2), "暂时禁用"),
    (90020, "API调用量已达到本月上限", "refused", Held(1), QUOTA),
    (90030, "webhook调用量已达到本月上限", "refused", Held(1), QUOTA),
    // What the message says, and how long it is.
    (430101, "含有不安全的外链", "content_refused", Reduced, "430101"),
    (430102, "含有不合适的文本", "content_refused", Reduced, "430102"),
    (430103, "含有不合适的图片", "content_refused", Reduced, "430103"),
    (430104, "含有不合适的内容", "content_refused", Reduced, "430104"),
    (460101, "message too long, exceed 20000 bytes", "too_long", Shortened, "460101"),
    (460101, "description: body 大小不合法;solution:请保持大小在 20000bytes 以内;", "too_long", Shortened, "460101"),
    (101002, "message is too long", "too_long", Shortened, "101002"),
    (888888, "错误描述: body 大小不合法;解决方案:请保持大小在 20000bytes 以内。", "too_long", Shortened, "888888"),
    // A message of ours that lacks what it must have would be our fault: it is tried, then sent without its text.
    (400201, "缺少参数 text", "unknown", Again(1), "400201"),
    (400202, "缺少参数 text.content", "unknown", Again(1), "400202"),
    (400302, "缺少参数 link.text", "unknown", Again(1), "400302"),
    (400303, "缺少参数 link.title", "unknown", Again(1), "400303"),
    (400304, "缺少参数 link.messageUrl", "unknown", Again(1), "400304"),
    (400401, "缺少参数 markdown", "unknown", Again(1), "400401"),
    (400402, "缺少参数 markdown.title", "unknown", Again(1), "400402"),
    (400403, "缺少参数 markdown.text", "unknown", Again(1), "400403"),
    (400503, "缺少参数 actionCard.text", "unknown", Again(1), "400503"),
    (400602, "缺少参数 feedCard.links", "unknown", Again(1), "400602"),
    (401102, "缺少参数 file.mediaId", "unknown", Again(1), "401102"),
    (401104, "缺少参数 file.fileType", "unknown", Again(1), "401104"),
    (123456, "something new", "unknown", Again(1), "something new"),
    (40000, "不合法的参数", "unknown", Again(1), "40000"),
    // An address that is not a robot's.
    (404, "请求的URI地址不存在", "refused", Held(1), "its path must be /robot/send"),
    (22, "不存在的 api", "refused", Held(1), "its path must be /robot/send"),
];

/// Answers of the old shape that wrap another one.
const WRAPPED: &[(&str, &str, &str, Kept, &str)] = &[
    ("40014", "不合法的access_token", "refused", Held(1), TOKEN_GONE),
    ("40000", "access_token is blank", "refused", Held(1), TOKEN_GONE),
    ("42001", "access_token已过期", "refused", Held(1), TOKEN_GONE),
    ("90018", "", "throttled", Held(2), "90018"),
    ("90030", "", "refused", Held(1), QUOTA),
    ("60011", "没有调用该接口的权限", "unknown", Again(1), "60011"),
    ("isp.top-remote-connection-timeout", "", "unknown", Again(1), "isp.top-remote-connection-timeout"),
    ("", "", "uncertain", Held(1), "88"),
];

/// What is not DingTalk's own word: class, what is kept, what operators are told.
fn without_code() -> Vec<(Fault, &'static str, Kept, &'static str)> {
    vec![
        (Fault::Status(500), "uncertain", Held(1), "HTTP 500"),
        (Fault::Status(502), "uncertain", Held(1), "HTTP 502"),
        (Fault::Status(504), "uncertain", Held(1), "HTTP 504"),
        (Fault::Status(403), "uncertain", Held(1), "HTTP 403"),
        (Fault::Status(404), "refused", Held(1), "its path must be /robot/send"),
        (Fault::Status(407), "refused", Held(1), "put the proxy's user and password into HTTPS_PROXY"),
        (Fault::Status(413), "too_long", Shortened, "HTTP 413"),
        (Fault::Status(429), "throttled", Held(600), "HTTP 429"),
        (Fault::Redirect, "throttled", Held(360), "the firewall's answer"),
        (Fault::Html, "throttled", Held(360), "HTTP 200"),
        (Fault::X5Json, "throttled", Held(360), "the firewall's answer"),
        (
            Fault::Answer(json!({ "status": 1111, "source": "x5", "errcode": 130101, "errmsg": "send too fast" })),
            "throttled",
            Held(600),
            "too fast",
        ),
        (Fault::Answer(json!({ "success": true })), "uncertain", Held(1), "no errcode"),
        (Fault::Answer(json!([])), "uncertain", Held(1), "no errcode"),
        (Fault::Answer(json!({ "errcode": "300005", "errmsg": "token is not exist" })), "refused", Held(1), TOKEN_GONE),
    ]
}

async fn delivery(house: &House) -> DeliveryLine {
    house.engine.parts().store.deliveries(false, 1).await.expect("the deliveries are read").remove(0)
}

fn seconds(later: &str, earlier: DateTime<chrono::Utc>) -> f64 {
    let later = DateTime::parse_from_rfc3339(later).expect("a time").to_utc();
    (later - earlier).num_milliseconds() as f64 / 1_000.0
}

/// The robot answers so once; then what is kept, what is told, and how it ends are checked.
async fn check(house: &House, sku: usize, fault: Fault, class: &str, kept: Kept, told: &str) {
    let label = format!("{fault:?}");
    house.simulator.forget();
    assert!(house.simulator.misbehave(TOKEN, fault, 1));
    // Two rows, so that there is something to leave out.
    house.sql(&format!("delete from stock; insert into stock values ('a{sku}', 3, '1'), ('b{sku}', 4, '1')")).await;
    house.clock.advance(TimeDelta::seconds(60));
    house.engine.tick().await;
    let receiver = "warehouse";
    house.engine.deliver_next(receiver).await.expect("the outbox is worked on");
    let (line, now) = (delivery(house).await, house.clock.now());
    assert_eq!(house.simulator.messages().len(), 0, "{label}");
    assert_eq!((line.state.as_str(), line.attempts, line.tries.len()), ("pending", 1, 1), "{label}");
    assert_eq!(line.tries[0].outcome.as_deref(), Some(class), "{label}");
    let answer = line.answer.clone().unwrap_or_default();
    let words = format!("{} {answer}", line.held.clone().unwrap_or_default());
    assert!(words.contains(told), "{label}: {words}");
    assert!(!words.contains(TOKEN) && !words.contains("://"), "{label}: {words}");
    match kept {
        Held(wait) => {
            let held = seconds(&line.held_until.clone().unwrap_or_default(), now);
            assert!((wait as f64 * 0.75..=wait as f64).contains(&held), "{label}: held for {held} s");
            assert_eq!(line.change, "none", "{label}");
        }
        Again(wait) => {
            let after = seconds(&line.not_before, now);
            assert!(line.held.is_none() && (wait as f64 * 0.75..=wait as f64).contains(&after), "{label}: {line:?}");
        }
        Shortened => assert_eq!((line.held.as_deref(), line.change.as_str()), (None, "shortened"), "{label}"),
        Reduced => assert_eq!((line.held.as_deref(), line.change.as_str()), (None, "reduced"), "{label}"),
    }
    house.clock.advance(TimeDelta::seconds(600));
    while house.waiting().await > 0 {
        house.engine.deliver_due().await.expect("the outbox is worked on");
        house.clock.advance(TimeDelta::seconds(60));
    }
    let (messages, line) = (house.simulator.messages(), delivery(house).await);
    assert_eq!((messages.len(), line.state.as_str(), line.attempts), (1, "delivered", 2), "{label}");
    let text = &messages[0].text;
    match kept {
        Reduced => assert!(!text.contains(&format!("a{sku}")) && text.contains("DingTalk refused their text"), "{label}: {text}"),
        Shortened => assert!(text.contains(&format!("a{sku}")) && text.contains("1 more"), "{label}: {text}"),
        _ => assert!(text.contains(&format!("a{sku}")) && text.contains(&format!("b{sku}")), "{label}: {text}"),
    }
    let uuids: Vec<Option<String>> = house.simulator.calls().into_iter().map(|call: Call| call.uuid).collect();
    // A fault that comes before the robot is looked at has no message to take it from.
    let known: Vec<&String> = uuids.iter().flatten().collect();
    assert!(known.len() == 2 && known[0] == known[1], "{label}: {uuids:?}");
}

#[tokio::test]
async fn every_row_of_the_table_of_codes_is_understood_kept_and_told() {
    let house = House::new(&[("low", &low_stock("send_resolved = false"))]).await;
    for (at, (code, words, class, kept, told)) in ROWS.iter().enumerate() {
        let answer: Value = json!({ "errcode": code, "errmsg": words });
        check(&house, at, Fault::Answer(answer), class, *kept, told).await;
    }
    house.close().await;
}

#[tokio::test]
async fn every_wrapped_code_is_what_it_wraps() {
    let house = House::new(&[("low", &low_stock("send_resolved = false"))]).await;
    for (at, (code, words, class, kept, told)) in WRAPPED.iter().enumerate() {
        let errmsg = format!("ding talk error[subcode={code},submsg={words}]");
        let answer = json!({ "errcode": 88, "sub_code": code, "sub_msg": words, "errmsg": errmsg, "request_id": "r" });
        check(&house, at, Fault::Answer(answer), class, *kept, told).await;
    }
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_is_not_dingtalks_is_read_by_what_it_is() {
    let house = House::new(&[("low", &low_stock("send_resolved = false"))]).await;
    for (at, (fault, class, kept, told)) in without_code().into_iter().enumerate() {
        check(&house, at, fault, class, kept, told).await;
    }
    house.close().await;
}

#[tokio::test]
async fn what_is_refused_whatever_it_says_is_given_up_and_told() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    assert!(house.simulator.misbehave(TOKEN, Fault::ContentRefused, 2));
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house.step(1).await;
    let line = delivery(&house).await;
    assert_eq!((line.state.as_str(), line.attempts), ("discarded", 2));
    let reason = line.reason.unwrap_or_default();
    assert!(reason.starts_with("refused for its content even when reduced: 430102"), "{reason}");
    assert_eq!(house.waiting().await, 0);
}
