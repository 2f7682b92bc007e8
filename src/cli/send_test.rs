//! `rowbell send-test`: one message through the real path, and what a refusal means.

use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::delivery::{self, Attempt, Decision, History, Verdict};
use crate::domain::message::Language;
use crate::notify::dingtalk::Outgoing;
use crate::store::DeliveryResult;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The receiver to send to
    receiver: String,
}

pub(super) async fn send_test(global: &Global, options: Options) -> Outcome {
    let settings = wiring::settings(global)?;
    let receivers = wiring::receivers(&settings)?;
    let Some(robot) = receivers.get(&options.receiver) else {
        let known = receivers.keys().cloned().collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "add one below [receivers.NAME]".to_owned() } else { format!("there are: {known}") };
        return Err(Failed::Invalid(format!("error: there is no receiver `{}` in the settings; {hint}", options.receiver)));
    };
    let store = wiring::store(&settings).await?;
    wiring::register_robots(&store, &receivers).await?;
    let clock = Clock::System;
    let now = clock.now();
    let id = match store.claim_test(&options.receiver, now).await? {
        Ok(id) => id,
        Err(free) => {
            return Err(Failed::Run(anyhow::anyhow!(
                "the robot has had its {} messages of this minute; try again at {}",
                delivery::BUDGET,
                free.with_timezone(&settings.timezone).format("%H:%M:%S")
            )));
        }
    };
    let uuid = uuid::Uuid::new_v4().to_string();
    let (title, text) = words(settings.language, &now.with_timezone(&settings.timezone).format("%Y-%m-%d %H:%M:%S").to_string());
    let attempt = robot.send(&Outgoing { uuid: &uuid, title: &title, text: &text, mentions: &[] }, now).await;
    let ended_at = clock.now();
    let history = History { attempts: 1, created_at: now, receiver_failures: 1, shortest: true, reduced: true };
    let decision = delivery::decide(&attempt, &history, ended_at, 0.0);
    let delivered = decision == Decision::Delivered;
    store.record_test(id, &options.receiver, DeliveryResult { ended_at, attempt: attempt.clone(), decision, message: None }).await?;
    store.close().await;
    print(global, &options.receiver, &attempt, delivered);
    Ok(delivered)
}

fn words(language: Language, at: &str) -> (String, String) {
    match language {
        Language::ZhCn => {
            ("🔔 rowbell 测试消息".into(), format!("### 🔔 rowbell 测试消息\n\n收到这条消息，说明机器人配置正确。\n\n> {at}"))
        }
        Language::En => (
            "🔔 rowbell test message".into(),
            format!("### 🔔 rowbell test message\n\nIf you can read this, the robot is set up correctly.\n\n> {at}"),
        ),
    }
}

fn print(global: &Global, receiver: &str, attempt: &Attempt, delivered: bool) {
    let advice = advice(&attempt.verdict);
    if global.json {
        output::json(
            &json!({ "receiver": receiver, "delivered": delivered, "http_status": attempt.http_status, "errcode": attempt.errcode, "answer": attempt.answer, "advice": advice }),
        );
        return;
    }
    output::line(&format!("{receiver}: {}", if delivered { "delivered" } else { "NOT delivered" }));
    output::line(&format!("  answer: {}", attempt.answer));
    if !advice.is_empty() {
        output::line(&format!("  what to do: {advice}"));
    }
}

fn advice(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Delivered => String::new(),
        Verdict::Refused { remedy, .. } => (*remedy).to_owned(),
        Verdict::Throttled { wait } => format!(
            "wait {} minutes: the robot was sent too many messages, and trying earlier makes it last longer",
            wait.as_secs().div_ceil(60)
        ),
        Verdict::Transient { uncertain: true } => {
            "the request left and no answer came: look into the group whether it arrived, then try again".to_owned()
        }
        Verdict::Transient { uncertain: false } => "check the network and the webhook's host, then try again".to_owned(),
        Verdict::TooLong | Verdict::ContentRefused => {
            "DingTalk refuses the text itself: look at the robot's security settings in the group".to_owned()
        }
        Verdict::Unknown => "the code is not known: look it up in DingTalk's documentation of robot errors".to_owned(),
    }
}
