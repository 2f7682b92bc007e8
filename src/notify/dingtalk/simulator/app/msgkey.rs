//! The message templates of an app's robot: which members `msgParam` must have, and the code when one is missing.

use super::refusal::ApiRefusal;
use serde_json::Value;

/// Members with their code, in the order in which they are missed.
type Members = &'static [(&'static str, &'static str)];

const KEYS: [(&str, Members); 12] = [
    ("sampleText", &[("content", "contentOfText")]),
    ("sampleMarkdown", &[("title", "markdownTotitle"), ("text", "markdownTotext")]),
    ("sampleImageMsg", &[("photoURL", "photoTophotoUrl")]),
    ("sampleLink", &[("title", "titleOfLink"), ("text", "textOfLink"), ("messageUrl", "messageUrlOfLink")]),
    (
        "sampleActionCard",
        &[
            ("title", "actionCardTotitle"),
            ("text", "actionCardTotext"),
            ("singleTitle", "actionCardTosingleTitle"),
            ("singleURL", "actionCardTosingleUrl"),
        ],
    ),
    ("sampleActionCard2", CARD),
    ("sampleActionCard3", CARD),
    ("sampleActionCard4", CARD),
    ("sampleActionCard5", CARD),
    (
        "sampleActionCard6",
        &[
            ("title", "actionCardTotitle"),
            ("text", "actionCardTotext"),
            ("buttonTitle1", "actionCardTobtns"),
            ("buttonUrl1", "actionCardTobtns"),
            ("buttonTitle2", "actionCardTobtns"),
            ("buttonUrl2", "actionCardTobtns"),
        ],
    ),
    ("sampleFile", &[("mediaId", "file"), ("fileName", "file"), ("fileType", "file")]),
    ("sampleAudio", &[("mediaId", "audio"), ("duration", "audio")]),
];
const CARD: Members = &[("title", "actionCardTotitle"), ("text", "actionCardTotext")];
const VIDEO: (&str, Members) =
    ("sampleVideo", &[("videoMediaId", "video"), ("videoType", "video"), ("duration", "video"), ("picMediaId", "video")]);

/// What `msgParam` says, when it is all that this template needs.
///
/// # Errors
/// The refusal of a template that there is not, of a parameter that is no JSON object in a string, of a missing member.
pub fn read(msg_key: &str, msg_param: &Value) -> Result<Value, ApiRefusal> {
    let known = KEYS.iter().chain([&VIDEO]).find(|(key, _)| *key == msg_key);
    let (_, members) = known.ok_or_else(|| ApiRefusal::code("invalidParameter.msgKey.invalid", "无效的msgKey"))?;
    let parsed = msg_param.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    let param = parsed.ok_or_else(|| ApiRefusal::code("invalidParameter.msgParam.invalid", "msgParam 必须是 JSON 对象的字符串"))?;
    for (member, code) in members.iter() {
        require(&param, member, code)?;
    }
    for button in 1..=buttons(msg_key) {
        require(&param, &format!("actionTitle{button}"), "actionCardTobtns")?;
        require(&param, &format!("actionURL{button}"), "actionCardTobtns")?;
    }
    Ok(param)
}

/// How many numbered buttons this template has.
pub fn buttons(msg_key: &str) -> usize {
    msg_key.strip_prefix("sampleActionCard").and_then(|number| number.parse().ok()).filter(|count| (2..=5).contains(count)).unwrap_or(0)
}

fn require(param: &Value, member: &str, code: &str) -> Result<(), ApiRefusal> {
    let given = param.get(member).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    if given { Ok(()) } else { Err(ApiRefusal::code(&format!("miss.param.{code}"), &format!("缺少参数 {member}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(key: &str, param: Value) -> String {
        read(key, &json!(param.to_string())).map_or_else(|refusal| refusal.code_text(), |_| "ok".to_owned())
    }

    #[test]
    fn every_missing_member_has_its_code() {
        assert_eq!(code("sampleText", json!({ "content": "x" })), "ok");
        assert_eq!(code("sampleText", json!({ "content": " " })), "miss.param.contentOfText");
        assert_eq!(code("sampleMarkdown", json!({ "text": "x" })), "miss.param.markdownTotitle");
        assert_eq!(
            code("sampleActionCard2", json!({ "title": "t", "text": "x", "actionTitle1": "a", "actionURL1": "u" })),
            "miss.param.actionCardTobtns"
        );
        assert_eq!(code("sampleVideo", json!({})), "miss.param.video");
        assert_eq!(code("samplemarkdown", json!({})), "invalidParameter.msgKey.invalid");
        assert_eq!(code("sampleActionCard9", json!({})), "invalidParameter.msgKey.invalid");
    }

    #[test]
    fn the_parameter_is_a_string_of_an_object() {
        for param in [json!({ "content": "x" }), json!("[]"), json!("x"), json!(null)] {
            assert_eq!(read("sampleText", &param).expect_err("refused").code_text(), "invalidParameter.msgParam.invalid", "{param}");
        }
    }
}
