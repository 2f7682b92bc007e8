//! From an HTTP answer to an [`Attempt`]: what is JSON with an `errcode` goes to [`errcode`]; what is not comes from
//! something on the way (a firewall, a gateway, a proxy), and is read by its status.
//!
//! Whatever is kept of an answer has been through [`Redactor`]: no token, secret or address survives it.

use super::errcode;
use crate::domain::delivery::{Attempt, Verdict};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// The longest answer that is kept, in characters.
const MAX_ANSWER_CHARS: usize = 500;
/// How much of an answer that is not JSON is quoted: enough to recognise whose page it is.
const MAX_QUOTED_CHARS: usize = 120;

/// What came back.
pub(super) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, by its `Date`.
    pub date: Option<DateTime<Utc>>,
    /// At most as much as is read of any answer.
    pub body: Vec<u8>,
}

impl Reply {
    /// What it means. `signed` is when the request was signed, if it was.
    pub fn attempt(&self, redactor: &Redactor, signed: Option<DateTime<Utc>>) -> Attempt {
        let parsed = serde_json::from_slice::<Value>(&self.body).ok();
        match parsed.as_ref().and_then(Refusal::read) {
            Some(refusal) => self.spoken(&refusal, redactor, signed),
            None => self.unspoken(parsed.as_ref(), redactor),
        }
    }

    /// DingTalk itself has answered.
    fn spoken(&self, refusal: &Refusal<'_>, redactor: &Redactor, signed: Option<DateTime<Utc>>) -> Attempt {
        let verdict = match refusal.verdict() {
            verdict if signed.is_none() => errcode::when_unsigned(verdict),
            verdict => verdict,
        };
        let verdict = match verdict {
            // Only HTTP 200 with `errcode` 0 is its word for "taken"; anything else with a 0 in it may be a gateway's.
            Verdict::Delivered if self.status != 200 => Verdict::Transient { uncertain: true },
            verdict => verdict,
        };
        let skew = signed.filter(|_| errcode::is_about_time(&verdict)).map(|signed| self.skew(signed)).unwrap_or_default();
        let answer = redactor.clean(&format!("{} {}", refusal.code, refusal.words));
        Attempt { verdict, http_status: Some(self.status), errcode: Some(refusal.code), answer: cut(&format!("{answer}{skew}")) }
    }

    /// Something else has: there is no `errcode`.
    fn unspoken(&self, parsed: Option<&Value>, redactor: &Redactor) -> Attempt {
        let verdict = match self.status {
            200 if parsed.is_some_and(|json| !is_firewall(json)) => Verdict::Transient { uncertain: true },
            // The firewall's page or JSON, or its redirect: it refuses this machine's address for some minutes.
            200 | 300..=399 => Verdict::Throttled { wait: errcode::FIREWALL_WAIT },
            429 => Verdict::Throttled { wait: errcode::BAN },
            413 => Verdict::TooLong,
            407 => errcode::refused(errcode::PROXY_LOGIN),
            404 | 405 | 410 => errcode::refused(errcode::WRONG_PATH),
            _ => Verdict::Transient { uncertain: true },
        };
        let text: String = String::from_utf8_lossy(&self.body).chars().take(4 * MAX_ANSWER_CHARS).collect();
        let quoted: String = redactor.clean(&text).chars().take(MAX_QUOTED_CHARS).collect();
        let what =
            if parsed.is_some_and(is_firewall) || (300..400).contains(&self.status) { "the firewall's answer" } else { "no errcode" };
        let answer = cut(&format!("HTTP {}, {what}: {quoted}", self.status));
        Attempt { verdict, http_status: Some(self.status), errcode: None, answer }
    }

    /// How far the clocks are apart, in words.
    fn skew(&self, signed: DateTime<Utc>) -> String {
        let Some(date) = self.date else { return String::new() };
        let apart = date - signed;
        let length = humantime::format_duration(Duration::from_secs(apart.num_seconds().unsigned_abs()));
        if apart.abs() < TimeDelta::seconds(5) {
            " (this machine's clock agrees with the receiver's)".to_owned()
        } else if apart > TimeDelta::zero() {
            format!(" (this machine's clock is {length} behind the receiver's)")
        } else {
            format!(" (this machine's clock is {length} ahead of the receiver's)")
        }
    }
}

/// A JSON answer that carries a code.
struct Refusal<'a> {
    code: i64,
    sub_code: Option<String>,
    words: &'a str,
}

impl<'a> Refusal<'a> {
    /// The code is documented as a string and sent as a number: both are read.
    fn read(json: &'a Value) -> Option<Refusal<'a>> {
        let code = number(json.get("errcode")?)?;
        let words = json.get("errmsg").and_then(Value::as_str).unwrap_or_default();
        let sub_code = json.get("sub_code").map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
        Some(Refusal { code, sub_code, words })
    }

    fn verdict(&self) -> Verdict {
        match self.code {
            88 => errcode::wrapped(self.sub_code.as_deref(), self.words),
            code => errcode::verdict(code, self.words),
        }
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Whether a JSON answer is the firewall's and not an API's.
pub(super) fn is_firewall(json: &Value) -> bool {
    json.get("punish").is_some() || json.get("source").and_then(Value::as_str) == Some("x5") || json["status"] == 1111
}

/// At most as long as an answer may be.
pub(super) fn cut(answer: &str) -> String {
    answer.chars().take(MAX_ANSWER_CHARS).collect()
}

/// Takes out of a foreign text what must not be kept: this robot's secrets, every address, control characters.
pub(super) struct Redactor {
    secrets: Vec<SecretString>,
}

impl Redactor {
    /// One that knows these secrets, and how they look in a query.
    pub fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Redactor {
        let both = secrets.flat_map(|secret| [secret.to_owned(), url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()]);
        Redactor { secrets: both.filter(|secret| !secret.is_empty()).map(SecretString::from).collect() }
    }

    /// The text without them.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), "***");
        }
        for scheme in ["https://", "http://"] {
            text = without_urls(&text, scheme);
        }
        for name in ["access_token=", "sign=", "session="] {
            text = without_values(&text, name);
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

fn without_urls(text: &str, scheme: &str) -> String {
    let mut pieces = text.split(scheme);
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| c.is_whitespace() || "\"'<>[](){}，。；;".contains(c)).unwrap_or(piece.len());
        clean.push_str("(address)");
        clean.push_str(&piece[end..]);
    }
    clean
}

fn without_values(text: &str, name: &str) -> String {
    let mut pieces = text.split(name);
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && !"%-_.+/=".contains(c)).unwrap_or(piece.len());
        clean.push_str(name);
        clean.push_str("***");
        clean.push_str(&piece[end..]);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn attempt(status: u16, body: &str) -> Attempt {
        Reply { status, date: None, body: body.into() }.attempt(&Redactor::new(["t0ken"].into_iter()), Some(now()))
    }

    #[test]
    fn only_http_200_with_errcode_0_is_delivered() {
        assert_eq!(attempt(200, r#"{"errcode":0,"errmsg":"ok"}"#).verdict, Verdict::Delivered);
        assert_eq!(attempt(200, r#"{"errcode":"0","errmsg":"ok"}"#).verdict, Verdict::Delivered);
        for (status, body) in [
            (200, ""),
            (200, "ok"),
            (200, "{}"),
            (200, "[]"),
            (200, "0"),
            (200, r#"{"errmsg":"ok"}"#),
            (200, r#"{"errcode":null}"#),
            (200, r#"{"errcode":0.5}"#),
            (200, r#"{"errcode":"zero"}"#),
            (200, r#"[{"errcode":0}]"#),
            (200, r#"{"data":{"errcode":0}}"#),
            (200, r#"{"errcode":1}"#),
            (201, r#"{"errcode":0}"#),
            (500, r#"{"errcode":0}"#),
            (302, r#"{"errcode":0}"#),
        ] {
            assert_ne!(attempt(status, body).verdict, Verdict::Delivered, "{status} {body}");
        }
    }

    #[test]
    fn a_firewall_is_waited_out() {
        let firewall = Verdict::Throttled { wait: errcode::FIREWALL_WAIT };
        assert_eq!(attempt(302, "").verdict, firewall);
        assert_eq!(attempt(200, "<html>blocked</html>").verdict, firewall);
        assert_eq!(attempt(200, r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}"#).verdict, firewall);
        let with_code = r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","errcode":130101,"errmsg":"too fast"}"#;
        assert_eq!(attempt(200, with_code).verdict, Verdict::Throttled { wait: errcode::BAN });
    }

    #[test]
    fn a_gateways_answer_is_read_by_its_status() {
        for status in [500, 502, 503, 504, 403, 400] {
            assert_eq!(attempt(status, "<html>").verdict, Verdict::Transient { uncertain: true }, "{status}");
        }
        assert!(matches!(attempt(404, "<html>").verdict, Verdict::Refused { .. }));
        assert!(matches!(attempt(407, "").verdict, Verdict::Refused { .. }));
        assert_eq!(attempt(413, "").verdict, Verdict::TooLong);
        assert_eq!(attempt(429, "").verdict, Verdict::Throttled { wait: errcode::BAN });
    }

    #[test]
    fn a_code_is_read_whatever_the_status() {
        let attempt = attempt(500, r#"{"errcode":"300005","errmsg":"token is not exist"}"#);
        assert_eq!(attempt.errcode, Some(300005));
        assert!(matches!(attempt.verdict, Verdict::Refused { .. }));
        assert_eq!(attempt.answer, "300005 token is not exist");
    }

    #[test]
    fn a_refused_time_names_the_difference_of_the_clocks() {
        let answer = |date| {
            let reply = Reply { status: 200, date, body: r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#.into() };
            reply.attempt(&Redactor::new(std::iter::empty()), Some(now())).answer
        };
        assert_eq!(answer(None), "310000 invalid timestamp");
        assert!(answer(Some(now() + TimeDelta::minutes(125))).ends_with("clock is 2h 5m behind the receiver's)"));
        assert!(answer(Some(now() - TimeDelta::minutes(65))).ends_with("clock is 1h 5m ahead of the receiver's)"));
        assert!(answer(Some(now())).ends_with("agrees with the receiver's)"));
    }

    #[test]
    fn a_refused_time_of_a_request_that_was_not_signed_is_a_missing_secret() {
        let reply = Reply { status: 200, date: Some(now()), body: r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#.into() };
        let attempt = reply.attempt(&Redactor::new(std::iter::empty()), None);
        assert!(matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("`secret`")), "{attempt:?}");
        assert_eq!(attempt.answer, "310000 invalid timestamp");
    }

    #[test]
    fn an_answer_keeps_no_secret_and_no_address() {
        let words =
            "t0ken at https://oapi.dingtalk.com/robot/send?access_token=other&sign=a%2Bb=, access_token=third; more: [http://x.y/z]";
        let answer = attempt(200, &serde_json::json!({ "errcode": 7, "errmsg": words }).to_string()).answer;
        assert_eq!(answer, "7 *** at (address) access_token=***; more: [(address)]");
    }

    #[test]
    fn an_answer_is_cut_on_a_character_and_has_one_line() {
        let answer =
            attempt(200, &serde_json::json!({ "errcode": 7, "errmsg": format!("a\nb\u{1b}[31m{}", "错".repeat(900)) }).to_string()).answer;
        assert_eq!(answer.chars().count(), 500);
        assert!(answer.starts_with("7 a b [31m错"));
        assert!(attempt(200, &"<".repeat(5000)).answer.chars().count() < 200);
    }
}
