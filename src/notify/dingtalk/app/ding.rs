//! A DING: a notice in the app that must be confirmed, an SMS, or a phone call that reads it out.

use super::api::Api;
use super::call::Payload;
use super::send::{Posted, reached};
use super::{App, template};
use crate::clock::Clock;
use crate::domain::delivery::{AppForm, TargetForm, TargetKind};
use crate::notify::dingtalk::receiver::Parcel;
use serde_json::{Value, json};

/// The longest content, in characters: a call reads it out, an SMS is paid by length.
const MAX_CONTENT_CHARS: usize = 200;

impl App {
    pub(super) async fn post_ding(&self, parcel: &Parcel<'_>, people: &[String], clock: &Clock) -> Posted {
        let kind = match self.form {
            AppForm::DingPhone => 3,
            AppForm::DingSms => 2,
            _ => 1,
        };
        let content = content(&template::title(&parcel.message.title), &parcel.message.text());
        let body = json!({ "robotCode": self.robot_code, "remindType": kind, "receiverUserIdList": people, "content": content });
        let answer = self.calls.call(Api::Ding, Payload::Json(body), clock).await?;
        let handle = answer["openDingId"].as_str().map(str::to_owned);
        Ok(people
            .iter()
            .map(|person| match failure(&answer["failedList"], person) {
                Some(why) => self.refused(TargetKind::User, person, &format!("DingTalk could not DING this person: {why}")),
                None => reached(TargetKind::User, person, TargetForm::Ding, handle.clone()),
            })
            .collect())
    }
}

/// The title, and as much of the text as is good to hear.
fn content(title: &str, text: &str) -> String {
    let lines = text.lines().map(spoken).filter(|line| !line.is_empty() && !title.contains(line.as_str()));
    let rest = lines.collect::<Vec<_>>().join("; ");
    let whole = if rest.is_empty() { title.to_owned() } else { format!("{title}: {rest}") };
    if whole.chars().count() <= MAX_CONTENT_CHARS { whole } else { whole.chars().take(MAX_CONTENT_CHARS - 1).chain(['…']).collect() }
}

/// Why a person is in the list of those who were not reached: `{reason: [user ids]}`.
fn failure(failed: &Value, person: &str) -> Option<String> {
    let reasons = failed.as_object()?;
    reasons.iter().find(|(_, people)| super::send::texts(people).iter().any(|one| one == person)).map(|(reason, _)| reason.clone())
}

/// A line of Markdown as it is read out: without its marks, a link as its words, a picture as nothing.
fn spoken(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', '>', '-', ' ']).replace("**", "");
    let mut words = String::new();
    let mut rest = line.as_str();
    while let Some((before, link)) = rest.split_once('[') {
        let picture = before.strip_suffix('!');
        words.push_str(picture.unwrap_or(before));
        match link.split_once("](").and_then(|(shown, target)| Some((shown, target.split_once(')')?.1))) {
            Some((shown, after)) => {
                words.push_str(if picture.is_some() { "" } else { shown });
                rest = after;
            }
            None => {
                words.push('[');
                rest = link;
            }
        }
    }
    words.push_str(rest);
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ding_reads_well_aloud() {
        let text = "### 🔴 stock: 2 firing\n\n**2 rows**\n\n- **A-17** · stock 3 [open](https://x.y/z)\n\n> 09:30";
        assert_eq!(content("🔴 stock: 2 firing", text), "🔴 stock: 2 firing: 2 rows; A-17 · stock 3 open; 09:30");
        assert_eq!(content("t", &"库".repeat(900)).chars().count(), 200);
        assert_eq!(content("t", "![x](https://x.y/z.png)\n\na ![x](https://x.y/z.png)"), "t: a");
        assert_eq!(content("t", ""), "t");
        assert_eq!(spoken("a [b c"), "a [b c");
    }

    #[test]
    fn who_was_not_reached_has_a_reason() {
        let failed = json!({ "no phone number": ["u1", "u2"], "busy": ["u3"] });
        assert_eq!(failure(&failed, "u3").as_deref(), Some("busy"));
        assert_eq!(failure(&failed, "u4"), None);
        assert_eq!(failure(&Value::Null, "u1"), None);
    }
}
