//! An answer in the chat in which something was asked. It goes to the address that came with the message, which lives for about 90
//! minutes and needs no other credential. Nothing is ever sent to a host that is not DingTalk's, whatever a message names.

use super::Stream;
use crate::domain::delivery::{Attempt, Verdict};
use crate::notify::dingtalk::answer::cut;
use crate::notify::dingtalk::http::{DEADLINE, exchange};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

/// The domains of DingTalk in China and abroad.
const DOMAINS: [&str; 2] = ["dingtalk.com", "dingtalk.io"];

impl Stream {
    /// Answers with Markdown. It does not retry.
    pub async fn reply(&self, webhook: &SecretString, title: &str, text: &str) -> Attempt {
        let not_sent = |answer: &str| Attempt {
            verdict: Verdict::Refused { remedy: "nothing is sent to other hosts", for_good: true },
            http_status: None,
            errcode: None,
            answer: answer.to_owned(),
        };
        let Ok(url) = Url::parse(webhook.expose_secret()) else { return not_sent("not sent: the address of the chat is none") };
        if !is_dingtalk(&url, &self.inner.settings.oapi_url) {
            return not_sent("not sent: the address of the chat is not DingTalk's");
        }
        let redactor = self.redactor(webhook.expose_secret());
        let body = json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text } });
        match exchange(self.inner.replies.post(url).json(&body), DEADLINE).await {
            Ok(reply) => reply.attempt(&redactor, None),
            Err(failure) => {
                let (uncertain, answer) = failure.told(DEADLINE);
                let answer = cut(&redactor.clean(&answer));
                Attempt { verdict: Verdict::Transient { uncertain }, http_status: None, errcode: None, answer }
            }
        }
    }
}

/// Whether an address is DingTalk's: encrypted at one of its domains, or where the settings say that its old API is.
fn is_dingtalk(url: &Url, oapi_url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let is_public = url.scheme() == "https" && url.port().is_none() && DOMAINS.into_iter().any(is_of);
    let has_login = !url.username().is_empty() || url.password().is_some();
    (is_public || url.origin() == oapi_url.origin()) && !has_login
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dingtalk_is_answered() {
        let oapi = Url::parse("http://127.0.0.1:7789").expect("a URL");
        let is_one = |text: &str| is_dingtalk(&Url::parse(text).expect("a URL"), &oapi);
        for text in [
            "https://oapi.dingtalk.com/robot/sendBySession?session=5e",
            "https://oapi.dingtalk.io/robot/sendBySession?session=5e",
            "http://127.0.0.1:7789/robot/sendBySession?session=5e",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            "http://oapi.dingtalk.com/robot/sendBySession?session=5e",
            "https://oapi.dingtalk.com:8443/x",
            "https://oapi.dingtalk.com.evil.example/x",
            "https://evildingtalk.com/x",
            "https://evil.example/dingtalk.com",
            "https://oapi.dingtalk.com@evil.example/x",
            "https://user:pass@oapi.dingtalk.com/x",
            "http://127.0.0.1:7790/x",
            "https://127.0.0.1:7789/x",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }
}
