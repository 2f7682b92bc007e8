//! The ways in which a DingTalk, or what stands before it, can fail. Those of the network are the same for robots and apps; the
//! others say whose they are.

use serde::{Deserialize, Serialize};

/// A fault. In JSON: `"hang"`, `{"status": 502}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The message is posted; the connection is held for a while and then cut without an answer.
    TimeoutAfterAccept,
    /// The message is posted; the connection is cut at once without an answer.
    CutAfterAccept,
    /// The message is posted; the answer comes a byte a second.
    Drip,
    /// The message is posted; the answer is right, with its `errcode` as a string, as the documentation prints it.
    ErrcodeAsString,
    /// Nothing is posted; the connection is held for a while and then cut.
    Hang,
    /// Nothing is posted; the connection is cut at once.
    Cut,
    /// An answer with this HTTP status and a gateway's page.
    Status(u16),
    /// The firewall's redirect (HTTP 302).
    Redirect,
    /// The firewall's page (HTTP 200, HTML).
    Html,
    /// The firewall's JSON, which has no `errcode`.
    X5Json,
    /// Megabytes instead of an answer.
    Flood,
    /// Nothing is posted; HTTP 200 with this JSON.
    Answer(serde_json::Value),
    /// Refused with this code and DingTalk's words for it.
    Errcode(i64),
    /// Robots: refused in words that repeat the request's own URL.
    Echo,
    /// Refused for what it says (430102; by the new API `contain.notAllowed.text`).
    ContentRefused,
    /// Robots: the ten minutes begin now. Not a matter of calls: `times` does not count.
    Ban,
    /// Robots: this many messages are left of the month's quota; then 90030 until all is forgotten. `times` does not count.
    QuotaAfter(u32),
    /// Apps: refused with this HTTP status and this code of the new API, such as `system.error`.
    Code {
        /// The HTTP status.
        status: u16,
        /// The code.
        code: String,
    },
    /// Apps: refused because the permission is not granted.
    NotGranted,
    /// Apps: the access token that was given out last is not known any more.
    TokenExpired,
    /// Apps: these users are answered to be unknown, and get nothing.
    InvalidUsers(Vec<String>),
    /// Apps: these users are answered to be flow-controlled, and get nothing.
    FlowControlledUsers(Vec<String>),
    /// Apps: a card is created, and answered not to be delivered to its space.
    NotDelivered,
}

/// When a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Instead of the decision.
    Before,
    /// In the decision.
    Within,
    /// After it was taken, and only when it was to accept.
    After,
}

impl Fault {
    /// Each fault that a robot's webhook can have, as it is written in JSON.
    pub const EXAMPLES: [&'static str; 17] = [
        r#""timeout_after_accept""#,
        r#""cut_after_accept""#,
        r#""drip""#,
        r#""errcode_as_string""#,
        r#""hang""#,
        r#""cut""#,
        r#"{"status":502}"#,
        r#""redirect""#,
        r#""html""#,
        r#""x5_json""#,
        r#""flood""#,
        r#"{"answer":{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token"}}"#,
        r#"{"errcode":-1}"#,
        r#""echo""#,
        r#""content_refused""#,
        r#""ban""#,
        r#"{"quota_after":3}"#,
    ];

    /// Each fault that only an app's API can have.
    pub const APP_EXAMPLES: [&'static str; 6] = [
        r#"{"code":{"status":500,"code":"system.error"}}"#,
        r#""not_granted""#,
        r#""token_expired""#,
        r#"{"invalid_users":["user1"]}"#,
        r#"{"flow_controlled_users":["user1"]}"#,
        r#""not_delivered""#,
    ];

    /// When it shows.
    pub(super) fn stage(&self) -> Stage {
        match self {
            Fault::TimeoutAfterAccept | Fault::CutAfterAccept | Fault::Drip | Fault::ErrcodeAsString => Stage::After,
            Fault::InvalidUsers(_) | Fault::FlowControlledUsers(_) | Fault::NotDelivered => Stage::Within,
            _ => Stage::Before,
        }
    }

    /// Whether a robot's webhook can have it.
    pub(super) fn is_of_robots(&self) -> bool {
        !matches!(self, Fault::Code { .. } | Fault::NotGranted | Fault::TokenExpired) && self.stage() != Stage::Within
    }

    /// Whether an app's API can have it.
    pub(super) fn is_of_apps(&self) -> bool {
        !matches!(self, Fault::Echo | Fault::Ban | Fault::QuotaAfter(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_fault() {
        let mut names = std::collections::HashSet::new();
        for (example, of_robots) in
            Fault::EXAMPLES.map(|text| (text, true)).into_iter().chain(Fault::APP_EXAMPLES.map(|text| (text, false)))
        {
            let fault: Fault = serde_json::from_str(example).expect(example);
            assert_eq!(serde_json::to_string(&fault).expect("JSON"), example);
            assert_eq!(fault.is_of_robots(), of_robots, "{example}");
            assert!(of_robots || fault.is_of_apps(), "{example}");
            names.insert(format!("{:?}", std::mem::discriminant(&fault)));
        }
        assert_eq!(names.len(), 23);
    }
}
