//! What comes through a Stream connection: what people write to the robot, and what they press on cards.

use super::frame::{Head, Topic, text_of};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// DingTalk's word in a message that it did not deliver because the month's quota is used up.
const QUOTA_USED_UP: &str = "20001";

/// One push, and where its acknowledgement goes. Dropped without one it is as if it could not be done.
#[derive(Debug)]
pub struct Push {
    /// DingTalk's number: a second copy has the same.
    pub id: String,
    /// What it is.
    pub content: Content,
    /// Where the acknowledgement goes.
    pub done: Done,
}

/// What was pushed.
#[derive(Clone, Debug)]
pub enum Content {
    /// A person wrote to the robot.
    Message(BotMessage),
    /// A person pressed a button of a card.
    Press(CardPress),
}

/// The way back of one push.
#[derive(Debug)]
pub struct Done(oneshot::Sender<Value>);

impl Done {
    /// It is done. The `response` is the new data of a card, or null.
    pub fn with(self, response: Value) {
        // Nobody waits any more when it took too long, or when the connection is gone: then it may come again.
        let _ = self.0.send(response);
    }
}

/// What a person wrote.
#[derive(Clone, Debug)]
pub struct BotMessage {
    /// The text, without the robot's name; `None` for pictures and the like.
    pub text: Option<String>,
    /// The user id; people outside of the organisation have none, nor has anyone before the app is published.
    pub user: Option<String>,
    /// The name that the person has in the chat; anyone may call themselves anything.
    pub name: String,
    /// Whether it was in a group.
    pub is_in_group: bool,
    /// Where the answer goes; whoever knows it can write there.
    pub session_webhook: Option<SecretString>,
    /// Until when.
    pub session_ends_at: Option<DateTime<Utc>>,
    /// Whether DingTalk left the text out because the month's quota is used up.
    pub is_over_quota: bool,
}

/// A press of a card's button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPress {
    /// The `outTrackId` of the card.
    pub card: String,
    /// Who.
    pub user: Option<String>,
    /// The button's id.
    pub action: Option<String>,
}

impl Push {
    /// Reads a push; `None` when its data is no JSON object.
    pub(super) fn read(head: &Head, topic: Topic) -> Option<(Push, oneshot::Receiver<Value>)> {
        let Value::Object(data) = serde_json::from_str(&head.data).ok()? else { return None };
        let (content, own_id) = match topic {
            Topic::BotMessage => (Content::Message(BotMessage::read(&data)), text_of(&data, "msgId")),
            Topic::CardCallback => (Content::Press(CardPress::read(&data)), None),
        };
        // A number of the message outlives the frame that carried it. Without any, no second copy can be told.
        let id = own_id.or_else(|| head.message_id.clone()).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let (done, answered) = oneshot::channel();
        Some((Push { id, content, done: Done(done) }, answered))
    }
}

impl BotMessage {
    fn read(data: &Map<String, Value>) -> BotMessage {
        let text = data.get("text").and_then(Value::as_object).and_then(|text| text_of(text, "content"));
        let of_parts = || {
            let parts = data.get("content")?.get("richText")?.as_array()?;
            let texts: Vec<String> = parts.iter().filter_map(Value::as_object).filter_map(|part| text_of(part, "text")).collect();
            Some(texts.join(" ")).filter(|text| !text.is_empty())
        };
        let ends_at = text_of(data, "sessionWebhookExpiredTime").and_then(|text| text.parse().ok());
        BotMessage {
            text: text.or_else(of_parts),
            user: text_of(data, "senderStaffId").filter(|user| !user.is_empty()),
            name: text_of(data, "senderNick").unwrap_or_default(),
            is_in_group: text_of(data, "conversationType").as_deref() == Some("2"),
            session_webhook: text_of(data, "sessionWebhook").filter(|url| !url.is_empty()).map(SecretString::from),
            session_ends_at: ends_at.and_then(DateTime::from_timestamp_millis),
            is_over_quota: text_of(data, "errCode").or_else(|| text_of(data, "errcode")).as_deref() == Some(QUOTA_USED_UP),
        }
    }
}

impl CardPress {
    fn read(data: &Map<String, Value>) -> CardPress {
        // `content` is JSON text; whoever sends the object itself is understood too.
        let content = match data.get("content") {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(other) => other.clone(),
            None => Value::Null,
        };
        let action = content.pointer("/cardPrivateData/actionIds/0").and_then(Value::as_str);
        CardPress {
            card: text_of(data, "outTrackId").unwrap_or_default(),
            user: text_of(data, "userId").filter(|user| !user.is_empty()),
            action: action.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(topic: Topic, data: &str) -> Push {
        Push::read(&Head { message_id: Some("frame".into()), data: data.into() }, topic).expect("a push").0
    }

    fn message(data: &str) -> BotMessage {
        match read(Topic::BotMessage, data).content {
            Content::Message(message) => message,
            Content::Press(_) => panic!("no message"),
        }
    }

    #[test]
    fn a_message_is_read_as_dingtalk_documents_it() {
        let data = r#"{"msgtype":"text","text":{"content":" 状态"},"conversationId":"cid","conversationType":"2","senderStaffId":"manager01",
            "senderNick":"张三","msgId":"msg1","createAt":1800000000000,"sessionWebhook":"https://oapi.dingtalk.com/robot/sendBySession?session=5e",
            "sessionWebhookExpiredTime":1800005400000,"robotCode":"ding"}"#;
        assert_eq!(read(Topic::BotMessage, data).id, "msg1");
        let message = message(data);
        assert_eq!((message.text.as_deref(), message.user.as_deref(), message.name.as_str()), (Some(" 状态"), Some("manager01"), "张三"));
        assert!(message.is_in_group && !message.is_over_quota);
        assert_eq!(message.session_ends_at.map(|at| at.timestamp()), Some(1_800_005_400));
        let webhook = message.session_webhook.as_ref().map(|webhook| webhook.expose_secret().to_owned());
        assert_eq!(webhook.as_deref(), Some("https://oapi.dingtalk.com/robot/sendBySession?session=5e"));
        assert!(!format!("{message:?}").contains("session=5e"));
    }

    #[test]
    fn what_is_missing_is_missing() {
        let bare = message(r#"{"conversationType":1,"sessionWebhookExpiredTime":"soon","senderStaffId":""}"#);
        assert!(bare.text.is_none() && bare.user.is_none() && bare.session_webhook.is_none() && bare.session_ends_at.is_none());
        assert_eq!(read(Topic::BotMessage, "{}").id, "frame");
        assert!(Push::read(&Head { message_id: None, data: "none".into() }, Topic::BotMessage).is_none());
    }

    #[test]
    fn the_words_of_a_rich_text_are_read() {
        let rich = message(
            r#"{"msgtype":"richText","content":{"richText":[{"text":"认领"},{"downloadCode":"x","type":"picture"},{"text":"42"}]}}"#,
        );
        assert_eq!(rich.text.as_deref(), Some("认领 42"));
    }

    #[test]
    fn a_used_up_quota_is_noticed_whether_its_code_is_text_or_a_number() {
        assert!(message(r#"{"errCode":20001,"errMsg":"quota"}"#).is_over_quota);
        assert!(message(r#"{"errCode":"20001","errMsg":"quota"}"#).is_over_quota);
    }

    #[test]
    fn a_press_is_read_whether_its_content_is_text_or_an_object() {
        let text = r#"{"type":"actionCallback","outTrackId":"track","userId":"manager01","userIdType":1,
            "content":"{\"cardPrivateData\":{\"actionIds\":[\"acknowledge\"],\"params\":{\"delivery\":\"7\"}}}","extension":"{}"}"#;
        let object = r#"{"outTrackId":"track","userId":"manager01","content":{"cardPrivateData":{"actionIds":["acknowledge"]}}}"#;
        let expected = CardPress { card: "track".into(), user: Some("manager01".into()), action: Some("acknowledge".into()) };
        for data in [text, object] {
            let push = read(Topic::CardCallback, data);
            assert!(matches!(&push.content, Content::Press(press) if *press == expected), "{push:?}");
            assert_eq!(push.id, "frame");
        }
        let broken = read(Topic::CardCallback, r#"{"outTrackId":"track","content":"{"}"#);
        assert!(matches!(&broken.content, Content::Press(CardPress { action: None, user: None, .. })), "{broken:?}");
    }
}
