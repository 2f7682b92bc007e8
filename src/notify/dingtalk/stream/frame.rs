//! Frames of a Stream connection, and what is answered to them. Pure.
//!
//! Samples and SDKs disagree on what is text and what is a number, one sample writes `header` for `headers`, and fields that are
//! described are missing elsewhere: whatever can be understood is read. What cannot is ignored, and never ends a connection.
//! <https://open.dingtalk.com/document/development/introduction-to-stream-mode>

use serde_json::{Map, Value, json};

/// The topic of what people write to the robot.
pub(super) const BOT_MESSAGES: &str = "/v1.0/im/bot/messages/get";
/// The topic of what people press on a card.
pub(super) const CARD_CALLBACKS: &str = "/v1.0/card/instances/callback";

/// What the server says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// It wants to know whether we are there: its data is sent back.
    Ping(Head),
    /// It will close the connection in ten seconds.
    Disconnect(Head),
    /// Something for us.
    Push(Head, Topic),
    /// Something that was not asked for.
    Other(Head),
}

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// A person wrote to the robot.
    BotMessage,
    /// A person pressed a button of a card.
    CardCallback,
}

/// What every frame has.
#[derive(Clone, PartialEq)]
pub(super) struct Head {
    /// The frame's number; what is acknowledged.
    pub message_id: Option<String>,
    /// JSON text, as it came.
    pub data: String,
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The data of a message holds the address that answers go to, which is a secret.
        f.debug_struct("Head").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// Reads a frame; `None` for what is none.
pub(super) fn read(text: &str) -> Option<Frame> {
    let Value::Object(frame) = serde_json::from_str(text).ok()? else { return None };
    let headers = ["headers", "header"].iter().find_map(|name| frame.get(*name)?.as_object());
    let header = |name: &str| headers.and_then(|headers| text_of(headers, name));
    let data = match frame.get("data") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let head = Head { message_id: header("messageId"), data };
    let (kind, topic) = (text_of(&frame, "type").unwrap_or_default(), header("topic").unwrap_or_default());
    Some(match (kind.to_ascii_uppercase().as_str(), topic.as_str()) {
        ("SYSTEM", "ping") => Frame::Ping(head),
        ("SYSTEM", "disconnect") => Frame::Disconnect(head),
        ("CALLBACK", BOT_MESSAGES) => Frame::Push(head, Topic::BotMessage),
        ("CALLBACK", CARD_CALLBACKS) => Frame::Push(head, Topic::CardCallback),
        _ => Frame::Other(head),
    })
}

/// What is answered: `code` 200 when it is done, 404 for a topic that nobody asked for, 500 when it could not be done.
pub(super) fn acknowledgement(head: &Head, code: u16, data: &str) -> String {
    let message = match code {
        200 => "OK",
        404 => "not subscribed",
        _ => "could not be done now",
    };
    let id = head.message_id.as_deref().unwrap_or_default();
    json!({ "code": code, "headers": { "messageId": id, "contentType": "application/json" }, "message": message, "data": data }).to_string()
}

/// A field as text, whether it came as text or as a number.
pub(super) fn text_of(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(id: &str, data: &str) -> Head {
        Head { message_id: Some(id.into()), data: data.into() }
    }

    #[test]
    fn frames_are_read_whether_their_fields_are_text_or_numbers_and_whatever_is_missing() {
        for (text, expected) in [
            (
                r#"{"specVersion":"1.0","type":"SYSTEM","headers":{"topic":"ping","messageId":"m1","time":"1"},"data":"{\"opaque\":\"o\"}"}"#,
                Some(Frame::Ping(head("m1", r#"{"opaque":"o"}"#))),
            ),
            (
                r#"{"type":"SYSTEM","header":{"topic":"ping","messageId":7,"time":1},"data":{"opaque":"o"}}"#,
                Some(Frame::Ping(head("7", r#"{"opaque":"o"}"#))),
            ),
            (
                r#"{"type":"SYSTEM","headers":{"topic":"disconnect"},"data":"{\"reason\":\"expired\"}"}"#,
                Some(Frame::Disconnect(Head { message_id: None, data: r#"{"reason":"expired"}"#.into() })),
            ),
            (
                r#"{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"m"},"data":"{}"}"#,
                Some(Frame::Push(head("m", "{}"), Topic::BotMessage)),
            ),
            (
                r#"{"type":"callback","headers":{"topic":"/v1.0/card/instances/callback","messageId":"m"}}"#,
                Some(Frame::Push(head("m", ""), Topic::CardCallback)),
            ),
            (r#"{"type":"EVENT","headers":{"topic":"*","messageId":"m"},"data":"{}"}"#, Some(Frame::Other(head("m", "{}")))),
            ("{}", Some(Frame::Other(Head { message_id: None, data: String::new() }))),
            ("[]", None),
            ("ping", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn an_acknowledgement_echoes_the_number_and_the_data() {
        let ping = head("m1", r#"{"opaque":"o\"1"}"#);
        let answer: Value = serde_json::from_str(&acknowledgement(&ping, 200, &ping.data)).expect("JSON");
        let expected =
            json!({ "code": 200, "headers": { "messageId": "m1", "contentType": "application/json" }, "message": "OK", "data": ping.data });
        assert_eq!(answer, expected);
    }

    #[test]
    fn no_frame_shows_its_data() {
        assert!(!format!("{:?}", Frame::Other(head("m", "https://oapi.dingtalk.com/robot/sendBySession?session=5e"))).contains("session"));
    }
}
