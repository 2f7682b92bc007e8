//! The form of a message: which members each `msgtype` must have, and where its title and text are.

use super::refusal::Refusal;
use serde_json::Value;

/// A member that is required and missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub code: i64,
    pub field: &'static str,
}

/// What each type must have, in the order in which it is missed. Title and buttons of an `actionCard` are documented as
/// required and were seen to be accepted without.
const REQUIRED: [(&str, i64, &str); 12] = [
    ("text", 400201, "text"),
    ("text", 400202, "text.content"),
    ("link", 400301, "link"),
    ("link", 400302, "link.text"),
    ("link", 400303, "link.title"),
    ("link", 400304, "link.messageUrl"),
    ("markdown", 400401, "markdown"),
    ("markdown", 400402, "markdown.title"),
    ("markdown", 400403, "markdown.text"),
    ("actionCard", 400503, "actionCard.text"),
    ("feedCard", 400601, "feedCard"),
    ("feedCard", 400602, "feedCard.links"),
];

/// The message's type, when the message has all it must.
pub(super) fn msgtype(body: &Value) -> Result<&'static str, Refusal> {
    let asked = body.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    let Some((known, _, _)) = REQUIRED.iter().find(|(kind, _, _)| *kind == asked) else {
        return Err(Refusal::MsgType(asked.chars().take(40).collect()));
    };
    for (_, code, field) in REQUIRED.iter().filter(|(kind, _, _)| *kind == asked) {
        if is_missing(body.pointer(&format!("/{}", field.replace('.', "/")))) {
            return Err(Refusal::Missing(Missing { code: *code, field }));
        }
    }
    Ok(known)
}

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// The title of a message of this type: what a phone shows.
pub(super) fn title(msgtype: &str, body: &Value) -> String {
    match msgtype {
        "feedCard" => string(body, "/feedCard/links/0/title"),
        _ => string(body, &format!("/{msgtype}/title")),
    }
}

/// The text of a message of this type.
pub(super) fn text(msgtype: &str, body: &Value) -> String {
    match msgtype {
        "text" => string(body, "/text/content"),
        "feedCard" => String::new(),
        _ => string(body, &format!("/{msgtype}/text")),
    }
}

/// The string at this place, or an empty one.
pub(super) fn string(body: &Value, pointer: &str) -> String {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether any string of the body contains one of these words: keywords are looked for everywhere.
pub(super) fn contains_any(value: &Value, words: &[String]) -> bool {
    match value {
        Value::String(text) => words.iter().any(|word| text.contains(word)),
        Value::Array(items) => items.iter().any(|item| contains_any(item, words)),
        Value::Object(members) => members.values().any(|member| contains_any(member, words)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(body: Value) -> i64 {
        msgtype(&body).map_or_else(|refusal| refusal.code(), |_| 0)
    }

    #[test]
    fn every_missing_member_has_its_code() {
        assert_eq!(code(json!({})), 400105);
        assert_eq!(code(json!({ "msgtype": "MARKDOWN" })), 400105);
        assert_eq!(code(json!({ "msgtype": "text" })), 400201);
        assert_eq!(code(json!({ "msgtype": "text", "text": {} })), 400202);
        assert_eq!(code(json!({ "msgtype": "link", "link": { "text": "x", "title": "t", "messageURL": "u" } })), 400304);
        assert_eq!(code(json!({ "msgtype": "markdown", "markdown": { "text": "x" } })), 400402);
        assert_eq!(code(json!({ "msgtype": "markdown", "markdown": { "title": "t", "text": " " } })), 400403);
        assert_eq!(code(json!({ "msgtype": "actionCard", "actionCard": { "title": "t" } })), 400503);
        assert_eq!(code(json!({ "msgtype": "actionCard", "actionCard": { "text": "x" } })), 0);
        assert_eq!(code(json!({ "msgtype": "feedCard", "feedCard": { "links": [] } })), 400602);
        assert_eq!(code(json!({ "msgtype": "text", "text": { "content": "x" } })), 0);
    }
}
