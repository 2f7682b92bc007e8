//! What DingTalk's codes mean for a delivery: one table, from a code and its words to a [`Verdict`].
//!
//! DingTalk has changed its wording about once a year, and uses one code for several things: the words are searched for
//! a few stems only, and where a code alone decides they are not looked at.

use crate::domain::delivery::Verdict;
use std::time::Duration;

/// The robot refuses everything for ten minutes once it was sent more than 20 messages in a minute.
pub const BAN: Duration = Duration::from_secs(600);
/// The firewall refuses an address for five minutes; one more, so as not to be early.
pub const FIREWALL_WAIT: Duration = Duration::from_secs(360);
/// The window of the limits per second is one second; a hair more.
pub(super) const SECOND_LIMIT_WAIT: Duration = Duration::from_secs(2);
/// The limit over all of DingTalk: it asks for patience of a few seconds.
pub(super) const PLATFORM_LIMIT_WAIT: Duration = Duration::from_secs(4);

const KEYWORD: &str = "set `keyword` of this receiver to one of the robot's keywords (自定义关键词)";
const SIGN: &str = "set `secret` of this receiver to the robot's signing secret (加签), whole, with its SEC";
const CLOCK: &str = "set this machine's clock: the robot takes only messages signed within the last hour";
const ADDRESS: &str = "add this machine's public address to the robot's allowed addresses (IP地址段)";
const SECURITY: &str = "compare the robot's security settings (安全设置) with `keyword` and `secret` of this receiver";
const TOKEN: &str = "copy the robot's webhook anew: its access_token is not known to DingTalk";
const STOPPED: &str = "switch the robot on again in the group's settings";
const REMOVED: &str = "add a robot to the group again and set the new webhook: this one was removed";
const DISSOLVED: &str = "set the webhook of a robot in another group: this one was dissolved";
/// For a month whose API calls are used up.
pub(super) const API_QUOTA: &str = "raise the organisation's API quota of this month, or wait for the next month";
const WEBHOOK_QUOTA: &str = "raise the organisation's webhook quota or the robot's cap of this month, or wait for the next month";
/// For a request that did not arrive as it was sent.
pub(super) const MANGLED: &str = "look for a proxy between here and DingTalk that changes requests: this one arrived broken";
const NOT_A_ROBOT: &str = "set the webhook of a custom group robot (自定义机器人): this address does not take markdown messages";
/// For an address that exists but is not a robot's.
pub(super) const WRONG_PATH: &str = "copy the robot's webhook anew: its path must be /robot/send";
/// For a proxy that wants a password.
pub(super) const PROXY_LOGIN: &str = "put the proxy's user and password into HTTPS_PROXY";

/// What an answer with this code and these words means. HTTP 200 is taken for granted.
pub fn verdict(code: i64, words: &str) -> Verdict {
    match code {
        0 => Verdict::Delivered,
        // Busy, or a part of it too slow: it may have posted the message all the same.
        -1 | 15 => Verdict::Transient { uncertain: true },
        130101 | 410100 | 660026 | 450101 => Verdict::Throttled { wait: BAN },
        90018 => Verdict::Throttled { wait: SECOND_LIMIT_WAIT },
        90002 => Verdict::Throttled { wait: PLATFORM_LIMIT_WAIT },
        460101 | 101002 => Verdict::TooLong,
        430101..=430104 => Verdict::ContentRefused,
        _ => remedy(code, words).map_or_else(|| by_words(words), refused),
    }
}

/// What a wrapped error means (`errcode` 88): its inner code, or a timeout when there is none.
pub fn wrapped(sub_code: Option<&str>, words: &str) -> Verdict {
    match sub_code.map(str::trim).filter(|code| !code.is_empty()) {
        None => Verdict::Transient { uncertain: true },
        Some("40014" | "40000" | "42001") => refused(TOKEN),
        Some(code) => code.parse().ok().filter(|code| *code != 0).map_or(Verdict::Unknown, |code| verdict(code, words)),
    }
}

/// A refusal that a person must mend. Of a robot that is not there any more it is for good.
pub(super) fn refused(remedy: &'static str) -> Verdict {
    Verdict::Refused { remedy, for_good: [TOKEN, STOPPED, REMOVED, DISSOLVED].contains(&remedy) }
}

/// The codes that a person must mend.
fn remedy(code: i64, words: &str) -> Option<&'static str> {
    Some(match code {
        310000 => security(words),
        300005 | 400101 => TOKEN,
        300001 if words.contains("token") || words.contains("session") => TOKEN,
        40035 | 43002 | 43004 | 300001 => MANGLED,
        400013 => DISSOLVED,
        400102 => STOPPED,
        400105 => NOT_A_ROBOT,
        400106 => REMOVED,
        90020 => API_QUOTA,
        90030 => WEBHOOK_QUOTA,
        404 | 22 => WRONG_PATH,
        _ => return None,
    })
}

/// One code says that a security setting was not met; only the words say which. A signature that is too old is named
/// by both words, so time goes before sign.
fn security(words: &str) -> &'static str {
    let words = words.to_lowercase();
    let says = |stems: &[&str]| stems.iter().any(|stem| words.contains(stem));
    match () {
        () if says(&["keyword", "关键词"]) => KEYWORD,
        () if says(&["timestamp", "过期"]) => CLOCK,
        () if says(&["whitelist", "白名单"]) => ADDRESS,
        () if says(&["sign", "签名"]) => SIGN,
        () if says(&["ip ", "ip地址"]) => ADDRESS,
        () => SECURITY,
    }
}

/// A code nobody has seen, in words that somebody has.
fn by_words(words: &str) -> Verdict {
    let words = words.to_lowercase();
    let says = |stems: &[&str]| stems.iter().any(|stem| words.contains(stem));
    if says(&["too fast", "too many", "限流", "频率"]) {
        Verdict::Throttled { wait: BAN }
    } else if says(&["too long", "20000", "body 大小"]) {
        Verdict::TooLong
    } else {
        Verdict::Unknown
    }
}

/// Whether a refusal is about the time, so that the clocks should be compared.
pub(super) fn is_about_time(verdict: &Verdict) -> bool {
    *verdict == refused(CLOCK)
}

/// What a refusal means to a receiver that does not sign: a missing timestamp is refused like an old one, and then it is
/// the secret that is missing.
pub(super) fn when_unsigned(verdict: Verdict) -> Verdict {
    if is_about_time(&verdict) { refused(SIGN) } else { verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy_of(words: &str) -> &'static str {
        match verdict(310000, words) {
            Verdict::Refused { remedy, .. } => remedy,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_security_refusal_is_told_apart_in_every_wording_since_2019() {
        for (words, remedy) in [
            ("keywords not in content", KEYWORD),
            ("keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]", KEYWORD),
            ("description:关键词不匹配;solution:x;", KEYWORD),
            ("错误描述:关键词不匹配;解决方案:x;", KEYWORD),
            ("sign not match", SIGN),
            ("description:机器人发送签名不匹配;solution:x;link:x", SIGN),
            ("invalid timestamp", CLOCK),
            ("错误描述:机器人发送签名过期;x", CLOCK),
            ("ip 1.2.3.4 not in whitelist", ADDRESS),
            ("错误描述:ip 不在白名单", ADDRESS),
            ("something else", SECURITY),
        ] {
            assert_eq!(remedy_of(words), remedy, "{words}");
        }
    }

    #[test]
    fn every_throttle_code_is_waited_out_for_its_own_time() {
        for code in [130101, 410100, 660026, 450101] {
            assert_eq!(verdict(code, ""), Verdict::Throttled { wait: BAN }, "{code}");
        }
        for code in [90018, 90002] {
            assert!(matches!(verdict(code, ""), Verdict::Throttled { wait } if wait < Duration::from_secs(10)), "{code}");
        }
        assert_eq!(verdict(777, "sending too many messages per minute"), Verdict::Throttled { wait: BAN });
        assert_eq!(verdict(777, "发送速度太快而限流"), Verdict::Throttled { wait: BAN });
    }

    #[test]
    fn what_a_person_must_mend_says_how() {
        let codes = [300005, 400101, 400013, 400102, 400106, 90020, 90030, 43002, 43004, 400105, 404];
        let remedies: Vec<_> = codes.map(|code| verdict(code, "")).into_iter().collect();
        assert!(remedies.iter().all(|verdict| matches!(verdict, Verdict::Refused { remedy, .. } if remedy.len() > 20)), "{remedies:?}");
        assert_eq!(verdict(300001, "token is not exist"), refused(TOKEN));
        assert_eq!(verdict(300001, "param error"), refused(MANGLED));
        assert_eq!(verdict(40035, "缺少参数 access_token"), refused(MANGLED));
    }

    #[test]
    fn only_a_robot_that_is_gone_refuses_for_good() {
        let for_good = |code, words| matches!(verdict(code, words), Verdict::Refused { for_good: true, .. });
        for (code, words) in
            [(300005, "token is not exist"), (300001, "token is not exist"), (400101, ""), (400013, ""), (400102, ""), (400106, "")]
        {
            assert!(for_good(code, words), "{code}");
        }
        for (code, words) in [
            (310000, "keywords not in content"),
            (310000, "sign not match"),
            (310000, "invalid timestamp"),
            (90020, ""),
            (90030, ""),
            (40035, "缺少参数 access_token"),
            (300001, "param error"),
            (404, ""),
            (130101, ""),
            (430102, ""),
        ] {
            assert!(!for_good(code, words), "{code} {words}");
        }
    }

    #[test]
    fn the_rest_of_the_table() {
        assert_eq!(verdict(0, "ok"), Verdict::Delivered);
        assert_eq!(verdict(-1, "系统繁忙"), Verdict::Transient { uncertain: true });
        assert_eq!(verdict(15, ""), Verdict::Transient { uncertain: true });
        for code in [460101, 101002] {
            assert_eq!(verdict(code, ""), Verdict::TooLong);
        }
        assert_eq!(verdict(40_000_000, "错误描述: body 大小不合法;解决方案:x。"), Verdict::TooLong);
        for code in 430101..=430104 {
            assert_eq!(verdict(code, ""), Verdict::ContentRefused);
        }
        for code in [400401, 400402, 400403, 123456] {
            assert_eq!(verdict(code, "missing"), Verdict::Unknown);
        }
    }

    #[test]
    fn a_wrapped_error_is_what_it_wraps() {
        assert_eq!(wrapped(None, ""), Verdict::Transient { uncertain: true });
        assert_eq!(wrapped(Some(""), ""), Verdict::Transient { uncertain: true });
        assert_eq!(wrapped(Some("40014"), ""), refused(TOKEN));
        assert_eq!(wrapped(Some("90018"), ""), verdict(90018, ""));
        assert_eq!(wrapped(Some("isv.x"), ""), Verdict::Unknown);
        assert_eq!(wrapped(Some("0"), ""), Verdict::Unknown);
        assert_eq!(wrapped(Some("88"), ""), Verdict::Unknown);
    }
}
