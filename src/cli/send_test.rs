//! `rowbell send-test`: one message through the real path, and what a refusal means.

use super::{Failed, Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::card::card;
use crate::domain::delivery::{self, Attempt, History, Verdict};
use crate::domain::message::{Language, Message};
use crate::notify::dingtalk::Receiver;
use crate::store::{DeliveryResult, Store};
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
    let Some(receiver) = receivers.get(&options.receiver) else {
        let known = receivers.keys().cloned().collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "add one below [receivers.NAME]".to_owned() } else { format!("there are: {known}") };
        return Err(Failed::Invalid(format!("error: there is no receiver `{}` in the settings; {hint}", options.receiver)));
    };
    let store = wiring::store(&settings).await?;
    wiring::register_robots(&store, &receivers).await?;
    let mut attempts = Vec::new();
    for robot in &receiver.terms.robots {
        attempts.push(attempt(&settings, &store, receiver, &robot.name).await?);
    }
    store.close().await;
    print(global, &options.receiver, &attempts);
    Ok(attempts.iter().all(|attempt| attempt.verdict == Verdict::Delivered))
}

/// One message through one robot of the receiver.
async fn attempt(settings: &Settings, store: &Store, receiver: &Receiver, robot: &str) -> Result<Attempt, Failed> {
    let clock = Clock::System;
    let now = clock.now();
    let terms = &receiver.terms;
    let id = match store.claim_test(terms, robot, now).await? {
        Ok(id) => id,
        Err(free) => {
            return Err(Failed::Run(anyhow::anyhow!(
                "the robot has had its {} messages of this minute; try again at {}",
                terms.per_minute,
                free.with_timezone(&settings.timezone).format("%H:%M:%S")
            )));
        }
    };
    let uuid = uuid::Uuid::new_v4().to_string();
    let message = words(settings.language, &now.with_timezone(&settings.timezone).format("%Y-%m-%d %H:%M:%S").to_string());
    let card = card(&message, &[], settings.timezone);
    let (attempt, targets) = receiver.send_whole(&uuid, &message, Some(&card), robot, &clock).await;
    let ended_at = clock.now();
    let history = History { attempts: 1, tried_since: now, failures: 1, shortest: true, reduced: true };
    let decision = delivery::decide(&attempt, &history, ended_at, 0.0);
    let result = DeliveryResult { ended_at, attempt: attempt.clone(), decision, message: None, targets, notice: None };
    store.record_test(id, robot, result).await?;
    Ok(attempt)
}

fn words(language: Language, at: &str) -> Message {
    let (title, text) = match language {
        Language::ZhCn => ("🔔 rowbell 测试消息", "收到这条消息，说明机器人配置正确。"),
        Language::En => ("🔔 rowbell test message", "If you can read this, the robot is set up correctly."),
    };
    Message::plain(language, title, vec![format!("### {title}"), text.to_owned(), format!("> {at}")])
}

fn print(global: &Global, receiver: &str, attempts: &[Attempt]) {
    if global.json {
        // One robot is one object, as it always was; a pool is one for each of its robots.
        let each: Vec<_> = attempts
            .iter()
            .map(|attempt| {
                let delivered = attempt.verdict == Verdict::Delivered;
                json!({ "receiver": receiver, "delivered": delivered, "http_status": attempt.http_status, "errcode": attempt.errcode, "answer": attempt.answer, "advice": advice(&attempt.verdict) })
            })
            .collect();
        return each.iter().for_each(output::json);
    }
    for (at, attempt) in attempts.iter().enumerate() {
        let which = if attempts.len() > 1 { format!("{receiver}, robot {}", at + 1) } else { receiver.to_owned() };
        let delivered = attempt.verdict == Verdict::Delivered;
        output::line(&format!("{which}: {}", if delivered { "delivered" } else { "NOT delivered" }));
        output::line(&format!("  answer: {}", attempt.answer));
        let advice = advice(&attempt.verdict);
        if !advice.is_empty() {
            output::line(&format!("  what to do: {advice}"));
        }
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
