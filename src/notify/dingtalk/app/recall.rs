//! Takes back what was sent, within 24 hours; in the chat it is gone without a word.

use super::App;
use super::api::Api;
use super::call::{Payload, Refusal};
use crate::clock::Clock;
use crate::domain::delivery::{TargetForm, TargetKind};
use serde_json::{Value, json};

/// The most messages that one call takes back.
const MOST_KEYS: usize = 20;

/// Things that were sent alike.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// As what.
    pub form: TargetForm,
    /// To whom.
    pub kind: TargetKind,
    /// The conversation, where it was one.
    pub conversation: &'a str,
    /// DingTalk's names for them.
    pub handles: &'a [String],
}

impl App {
    /// Takes them back; those that could not be, and why.
    ///
    /// # Errors
    /// DingTalk does not do it now: what stands before it in the list may have been taken back.
    pub async fn recall(&self, sending: &Sending<'_>, clock: &Clock) -> Result<Vec<(String, String)>, Refusal> {
        let mut kept = Vec::new();
        match (sending.form, sending.kind) {
            (TargetForm::Ding, _) => {
                for ding in sending.handles {
                    let body = json!({ "robotCode": self.robot_code, "openDingId": ding });
                    self.calls.call(Api::RecallDing, Payload::Json(body), clock).await?;
                }
            }
            (TargetForm::WorkNotification, _) => {
                for task in sending.handles {
                    let body = json!({ "agent_id": self.agent()?, "msg_task_id": task.parse::<u64>().unwrap_or_default() });
                    self.calls.call(Api::RecallWork, Payload::Json(body), clock).await?;
                }
            }
            (_, kind) => {
                for keys in sending.handles.chunks(MOST_KEYS) {
                    let mut body = json!({ "robotCode": self.robot_code, "processQueryKeys": keys });
                    let api = match kind {
                        TargetKind::User => Api::RecallFromPeople,
                        TargetKind::Conversation => {
                            body["openConversationId"] = json!(sending.conversation);
                            Api::RecallFromConversation
                        }
                    };
                    let answer = self.calls.call(api, Payload::Json(body), clock).await?;
                    let failed = answer["failedResult"].as_object().into_iter().flatten();
                    kept.extend(failed.map(|(key, why)| (key.clone(), words(why))));
                }
            }
        }
        Ok(kept)
    }
}

fn words(why: &Value) -> String {
    super::super::answer::cut(&why.as_str().map_or_else(|| why.to_string(), str::to_owned))
}
