//! Who has read what was sent. DingTalk tells it for 24 hours.

use super::App;
use super::api::Api;
use super::call::{Payload, Refusal};
use super::send::texts;
use crate::clock::Clock;
use crate::domain::delivery::{TargetForm, TargetKind};
use serde_json::json;

/// Readers of a message to a conversation that are asked for at once, and at most how many times.
const PAGE: usize = 200;
const MOST_PAGES: usize = 10;

/// What is asked about: one thing that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// As what it was sent.
    pub form: TargetForm,
    /// To whom.
    pub kind: TargetKind,
    /// DingTalk's name for it: a processQueryKey, openDingId or task id.
    pub handle: &'a str,
    /// The conversation it went to, where it went to one.
    pub conversation: &'a str,
}

/// What is known of something that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Who has read it, by user id.
    pub read_by: Vec<String>,
    /// Who, as it turned out, never got it, and why.
    pub refused: Vec<(String, String)>,
    /// Nothing more will become known.
    pub is_final: bool,
}

impl App {
    /// Asks who has read it: one call, or one for each 200 readers in a conversation.
    ///
    /// # Errors
    /// DingTalk does not say now.
    pub async fn receipt(&self, question: &Question<'_>, clock: &Clock) -> Result<Receipt, Refusal> {
        match (question.form, question.kind) {
            (TargetForm::WorkNotification, _) => self.work_receipt(question.handle, clock).await,
            (TargetForm::Ding, _) => self.ding_receipt(question.handle, clock).await,
            (_, TargetKind::User) => self.receipt_of_people(question.handle, clock).await,
            (_, TargetKind::Conversation) => self.receipt_of_conversation(question, clock).await,
        }
    }

    async fn receipt_of_people(&self, key: &str, clock: &Clock) -> Result<Receipt, Refusal> {
        let query = vec![("robotCode", self.robot_code.clone()), ("processQueryKey", key.to_owned())];
        let answer = self.calls.call(Api::ReadByPeople, Payload::Query(query), clock).await?;
        let people = answer["messageReadInfoList"].as_array().into_iter().flatten();
        let read = people.filter(|one| one["readStatus"] == "READ").filter_map(|one| one["userId"].as_str());
        Ok(Receipt { read_by: read.map(str::to_owned).collect(), refused: Vec::new(), is_final: answer["sendStatus"] == "RECALLED" })
    }

    async fn receipt_of_conversation(&self, question: &Question<'_>, clock: &Clock) -> Result<Receipt, Refusal> {
        let mut receipt = Receipt::default();
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let mut body = json!({
                "robotCode": self.robot_code, "processQueryKey": question.handle,
                "openConversationId": question.conversation, "maxResults": PAGE,
            });
            if !next.is_empty() {
                body["nextToken"] = json!(next);
            }
            let answer = self.calls.call(Api::ReadInConversation, Payload::Json(body), clock).await?;
            receipt.read_by.extend(texts(&answer["readUserIds"]));
            receipt.is_final = answer["sendStatus"] == "RECALLED";
            next = answer["nextToken"].as_str().unwrap_or_default().to_owned();
            if answer["hasMore"] != true || next.is_empty() {
                break;
            }
        }
        Ok(receipt)
    }

    async fn ding_receipt(&self, ding: &str, clock: &Clock) -> Result<Receipt, Refusal> {
        let body = json!({ "robotCode": self.robot_code, "openDingId": ding });
        let answer = self.calls.call(Api::ReadDing, Payload::Json(body), clock).await?;
        let people = answer["result"]["robotDingReadInfoList"].as_array().into_iter().flatten();
        let read = people.filter(|one| one["readStatus"] == "READ").filter_map(|one| one["userId"].as_str());
        Ok(Receipt { read_by: read.map(str::to_owned).collect(), ..Receipt::default() })
    }
}
