//! The ways in which a DingTalk, or what stands before it, can fail.

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
    /// Refused in words that repeat the request's own URL.
    Echo,
    /// Refused for what it says (430102).
    ContentRefused,
    /// The ten minutes begin now. Not a matter of calls: `times` does not count.
    Ban,
    /// This many messages are left of the month's quota; then 90030 until all is forgotten. `times` does not count.
    QuotaAfter(u32),
}

impl Fault {
    /// Each fault as it is written in JSON.
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

    /// Whether the message is posted before the fault shows.
    pub(super) fn comes_after_accepting(&self) -> bool {
        matches!(self, Fault::TimeoutAfterAccept | Fault::CutAfterAccept | Fault::Drip | Fault::ErrcodeAsString)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_fault() {
        let names = Fault::EXAMPLES.map(|example| {
            let fault: Fault = serde_json::from_str(example).expect(example);
            assert_eq!(serde_json::to_string(&fault).expect("JSON"), example);
            format!("{:?}", std::mem::discriminant(&fault))
        });
        assert_eq!(std::collections::HashSet::from(names).len(), 17);
    }
}
