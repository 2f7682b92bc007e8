//! 认领, 静默 and 为什么: what was done, and why something happened or did not.

use super::{MOST_LINES, Object, Reply, Setting};
use crate::domain::message::{Language, cells, neutralise, neutralise_to};
use chrono::{DateTime, Utc};

/// Characters of an explanation's answer.
const MOST_ANSWER_CHARS: usize = 1_200;
/// Characters of a line of its timeline.
const MOST_LINE_CHARS: usize = 200;

/// What became of a number that a person took.
#[derive(Clone, Debug)]
pub enum Took {
    /// It is theirs.
    Theirs {
        /// Whose alert.
        watcher: String,
        /// Its key.
        key: Object,
        /// Who had it before.
        before: Option<String>,
    },
    /// It holds again, but has not fired.
    Pending {
        /// Whose alert.
        watcher: String,
        /// Its key.
        key: Object,
    },
    /// It is over.
    Over {
        /// Whose alert.
        watcher: String,
        /// Its key.
        key: Object,
        /// Since when.
        at: Option<DateTime<Utc>>,
        /// The number with which it fires again.
        again: Option<i64>,
    },
    /// It is nothing that could be taken.
    NoAlert {
        /// Whose event.
        watcher: String,
    },
    /// There is no such number.
    Unknown,
}

/// A silence that was made.
#[derive(Clone, Debug)]
pub struct Silenced {
    /// Its number.
    pub id: i64,
    /// Of which watcher.
    pub watcher: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// How many alerts that fire now it covers.
    pub covers: usize,
}

/// The answer to 认领.
pub fn acknowledged(setting: &Setting, by: &str, results: &[(i64, Took)]) -> Reply {
    let count = results.iter().filter(|(_, took)| matches!(took, Took::Theirs { .. })).count();
    let by = neutralise(by);
    let title = match (setting.language, count) {
        (Language::ZhCn, 0) => "没有认领".to_owned(),
        (Language::En, 0) => "Nothing was acknowledged".to_owned(),
        (Language::ZhCn, _) => format!("🙋 {by} 认领 {count} 项"),
        (Language::En, _) => format!("🙋 {by} acknowledged {count}"),
    };
    let mut blocks: Vec<String> = results.iter().take(MOST_LINES).map(|(id, took)| took_line(setting, *id, took)).collect();
    blocks.extend(setting.more(results.len().saturating_sub(MOST_LINES)));
    Reply::new(title, &blocks)
}

fn took_line(setting: &Setting, id: i64, took: &Took) -> String {
    let language = setting.language;
    let named = |watcher: &str, key: &Object| {
        let cells = cells(key, &Object::new(), usize::MAX);
        if cells.is_empty() { neutralise(watcher) } else { format!("{} · {cells}", neutralise(watcher)) }
    };
    let said = match took {
        Took::Theirs { watcher, key, before } => {
            let before = before.as_deref().map(neutralise).map(|before| match language {
                Language::ZhCn => format!("（原由 {before} 认领）"),
                Language::En => format!(" (taken over from {before})"),
            });
            format!("{}{}", named(watcher, key), before.unwrap_or_default())
        }
        Took::Pending { watcher, key } => {
            let words = setting.pick("尚未触发，不需要认领", "has not fired, there is nothing to take");
            format!("{}{}{words}", named(watcher, key), setting.pick("：", ": "))
        }
        Took::Over { watcher, key, at, again } => {
            let at = at.map(|at| setting.at(at)).unwrap_or_default();
            let again = again.map(|again| match language {
                Language::ZhCn => format!("，又已触发：认领 {again}"),
                Language::En => format!(", and fires again: ack {again}"),
            });
            let words = match language {
                Language::ZhCn => format!("：✅ 已恢复 {at}"),
                Language::En => format!(": ✅ resolved {at}"),
            };
            format!("{}{}{}", named(watcher, key), words.trim_end(), again.unwrap_or_default())
        }
        Took::NoAlert { watcher } => {
            let words = setting.pick("这不是告警，不需要认领", "this is no alert that could be taken");
            format!("{}{}{words}", neutralise(watcher), setting.pick("：", ": "))
        }
        Took::Unknown => setting.pick("没有这个编号，发送「告警」查看", "there is no such number; `alerts` lists them").to_owned(),
    };
    format!("- **{id}** {said}")
}

/// The reason of a silence for which a chat gave none.
pub fn no_reason(setting: &Setting) -> &'static str {
    setting.language.pick("在钉钉中静默", "silenced in DingTalk")
}

/// The reason of a silence that a card's button made.
pub fn by_card(setting: &Setting) -> &'static str {
    setting.language.pick("在卡片上静默", "silenced on a card")
}

/// The answer to 静默.
pub fn silenced(setting: &Setting, made: &Silenced) -> Reply {
    let (watcher, until) = (neutralise(&made.watcher), setting.at(made.until));
    let (id, covers) = (made.id, made.covers);
    match setting.language {
        Language::ZhCn => Reply::said(
            &format!("🔕 {watcher} 静默至 {until}"),
            format!("🔕 **{watcher}** 静默至 **{until}**（静默 {id}）。现有 {covers} 项告警不再提醒；到时仍未恢复的会再通知。"),
        ),
        Language::En => Reply::said(
            &format!("🔕 {watcher} is silent until {until}"),
            format!(
                "🔕 **{watcher}** is silent until **{until}** (silence {id}). {covers} alerts that fire now are covered; what still fires then is told."
            ),
        ),
    }
}

/// The answer to 为什么: that of `rowbell explain`, which speaks English, and the last lines of its timeline.
pub fn why(setting: &Setting, watcher: &str, answer: &str, timeline: &[(DateTime<Utc>, String)]) -> Reply {
    let title = match setting.language {
        Language::ZhCn => format!("为什么 · {}", neutralise(watcher)),
        Language::En => format!("Why · {}", neutralise(watcher)),
    };
    let mut blocks = vec![neutralise_to(answer, MOST_ANSWER_CHARS)];
    blocks.extend(timeline.iter().map(|(at, text)| format!("- {} {}", setting.at(*at), neutralise_to(text, MOST_LINE_CHARS))));
    Reply::new(title, &blocks)
}

/// A command that came a second time, whose answer may not have arrived.
pub fn repeated(setting: &Setting) -> Reply {
    let text = setting.pick(
        "这条命令已执行过。发送「告警」或「状态」查看现在的情况。",
        "This was done already. Send `alerts` or `status` to see how things stand.",
    );
    Reply::said(text, text.to_owned())
}
