//! A work notification (工作通知). What exceeds its limits is dropped in silence: so the text is never the same twice, and
//! what became of each person is asked afterwards.

use super::api::Api;
use super::call::{Payload, Refusal};
use super::error::Meaning;
use super::receipts::Receipt;
use super::send::{Posted, reached, texts};
use super::{App, template};
use crate::clock::Clock;
use crate::domain::delivery::{TargetForm, TargetKind, Verdict};
use crate::notify::dingtalk::receiver::Parcel;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// The most bytes that the whole message may have.
pub const MAX_WORK_BYTES: usize = 2_048;
/// What is left unused of [`MAX_WORK_BYTES`].
const SPARE_BYTES: usize = 48;

impl App {
    pub(super) async fn post_work(&self, parcel: &Parcel<'_>, people: &[String], clock: &Clock) -> Posted {
        let agent_id = self.agent()?;
        let body = json!({
            "agent_id": agent_id, "userid_list": people.join(","), "msg": work_message(parcel),
        });
        let answer = match self.calls.call(Api::WorkNotification, Payload::Json(body), clock).await {
            // The same text of the same second to the same people: an attempt before this one has arrived.
            Err(refusal) if refusal.meaning == Meaning::Exists => Value::Null,
            answer => answer?,
        };
        let handle = answer.get("task_id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        Ok(people.iter().map(|person| reached(TargetKind::User, person, TargetForm::WorkNotification, handle.clone())).collect())
    }

    pub(super) fn agent(&self) -> Result<u64, Refusal> {
        const REMEDY: &str = "set `agent_id` of this receiver to the app's AgentId (凭证与基础信息)";
        let answer = "not sent: a work notification needs the app's AgentId".to_owned();
        let meaning = Meaning::Of(Verdict::Refused { remedy: REMEDY, for_good: false });
        self.agent_id.ok_or(Refusal { meaning, http_status: None, errcode: None, answer })
    }

    /// What became of a work notification: who has read it, and who never got it.
    pub(super) async fn work_receipt(&self, task: &str, clock: &Clock) -> Result<Receipt, Refusal> {
        let task: u64 = task.parse().unwrap_or_default();
        let body = json!({ "agent_id": self.agent()?, "task_id": task });
        let answer = self.calls.call(Api::WorkResult, Payload::Json(body), clock).await?;
        let result = &answer["send_result"];
        let mut refused: Vec<(String, String)> = Vec::new();
        let forbidden = result["forbidden_list"].as_array().into_iter().flatten();
        for one in forbidden {
            let code = one["code"].as_i64().or_else(|| one["code"].as_str()?.parse().ok()).unwrap_or_default();
            let user = one["userid"].as_str().unwrap_or_default().to_owned();
            refused.push((user, format!("DingTalk dropped it: {code} {}", dropped(code))));
        }
        for (list, why) in [
            ("invalid_user_id_list", "there is no such person, or the app is not visible to them (可见范围)"),
            ("forbidden_user_id_list", "DingTalk dropped it: too many, or the same text again"),
            ("failed_user_id_list", "DingTalk could not deliver it"),
        ] {
            let new = texts(&result[list]).into_iter().filter(|user| !refused.iter().any(|(known, _)| known == user)).collect::<Vec<_>>();
            refused.extend(new.into_iter().map(|user| (user, why.to_owned())));
        }
        Ok(Receipt { read_by: texts(&result["read_user_id_list"]), refused, is_final: false })
    }
}

fn dropped(code: i64) -> &'static str {
    match code {
        143105 | 143205 => "(this person has had 500 of the app today)",
        143106 | 143206 => "(the same text again)",
        143103 | 143104 | 143203 | 143204 => "(too many people in one minute)",
        _ => "",
    }
}

/// The message within its bytes. The time at its end is the delivery's: another message has another text, and another
/// attempt of the same one has the same, which DingTalk shows once.
fn work_message(parcel: &Parcel<'_>) -> Value {
    let title = template::title(&parcel.message.title);
    let whole = |text: &str| json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text } });
    let china = parcel.created_at + TimeDelta::hours(8);
    let number = if parcel.delivery > 0 { format!(" · #{}", parcel.delivery) } else { String::new() };
    let time = format!("\n\n> {}{number}", china.format("%m-%d %H:%M:%S"));
    let room = MAX_WORK_BYTES.saturating_sub(SPARE_BYTES + whole(&time).to_string().len());
    whole(&format!("{}{time}", parcel.message.text_within(room)))
}
