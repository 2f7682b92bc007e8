//! 状态: whether all is well, on one screen.

use super::{MOST_LINES, Reply, Setting};
use crate::domain::alert::Severity;
use crate::domain::message::{Language, neutralise, words};
use chrono::{DateTime, Utc};

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// How many alerts fire, worst first; without those that are none.
    pub firing: Vec<(Severity, u64)>,
    /// How many watchers there are.
    pub watchers: usize,
    /// Those whose polls fail.
    pub failing: Vec<Failing>,
    /// Messages that wait, per receiver.
    pub waiting: Vec<(String, u64)>,
    /// Receivers to which nothing is sent now.
    pub held: Vec<Held>,
    /// Silences in force.
    pub silences: Vec<InForce>,
}

/// A watcher whose polls fail, or whose result is held.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Which.
    pub watcher: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Its guard holds the result.
    pub is_held: bool,
}

/// A receiver to which nothing is sent now.
#[derive(Clone, Debug)]
pub struct Held {
    /// Which.
    pub receiver: String,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
    /// Why.
    pub reason: String,
}

/// A silence in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Its number.
    pub id: i64,
    /// What it covers; empty: everything.
    pub covers: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Who made it.
    pub author: String,
}

/// The answer to 状态.
pub fn status(setting: &Setting, status: &Status) -> Reply {
    let language = setting.language;
    let counts: Vec<String> = status
        .firing
        .iter()
        .map(|(severity, count)| format!("{} {} {count}", setting.icon(*severity), words::severity(language, *severity)))
        .collect();
    let firing = match counts.is_empty() {
        true => setting.pick("✅ 没有告警", "✅ nothing fires").to_owned(),
        false => counts.join(" · "),
    };
    let mut blocks = vec![format!("- {firing}")];
    blocks.extend(failing(setting, &status.failing));
    blocks.extend(waiting(setting, &status.waiting));
    blocks.extend(status.held.iter().take(MOST_LINES).map(|held| of_held(setting, held)));
    blocks.extend(silences(setting, &status.silences));
    let at = setting.now.with_timezone(&setting.zone).format("%Y-%m-%d %H:%M:%S");
    blocks.push(match language {
        Language::ZhCn => format!("> 监控 {} 个 · {at}", status.watchers),
        Language::En => format!("> {} watchers · {at}", status.watchers),
    });
    Reply::new(setting.pick("状态", "Status").to_owned(), &blocks)
}

fn failing(setting: &Setting, failing: &[Failing]) -> Vec<String> {
    let line = |failing: &Failing| {
        let name = neutralise(&failing.watcher);
        let since = failing.since.map(|since| setting.at(since));
        match (setting.language, failing.is_held) {
            (Language::ZhCn, true) => format!("- ⏸ {name} 的结果变化过大，暂未采纳{}", since_words(setting, since)),
            (Language::En, true) => format!("- ⏸ the result of {name} is held{}", since_words(setting, since)),
            (Language::ZhCn, false) => format!("- ⚠️ {name} 查询失败{}", since_words(setting, since)),
            (Language::En, false) => format!("- ⚠️ {name} is failing{}", since_words(setting, since)),
        }
    };
    let mut lines: Vec<String> = failing.iter().take(MOST_LINES).map(line).collect();
    lines.extend(setting.more(failing.len().saturating_sub(MOST_LINES)).map(|more| format!("- {more}")));
    lines
}

fn since_words(setting: &Setting, since: Option<String>) -> String {
    since
        .map(|since| match setting.language {
            Language::ZhCn => format!("（{since} 起）"),
            Language::En => format!(" (since {since})"),
        })
        .unwrap_or_default()
}

fn waiting(setting: &Setting, waiting: &[(String, u64)]) -> Option<String> {
    let each: Vec<String> = waiting.iter().take(MOST_LINES).map(|(receiver, count)| format!("{} {count}", neutralise(receiver))).collect();
    let list = each.join(setting.comma());
    (!each.is_empty()).then(|| match setting.language {
        Language::ZhCn => format!("- 📮 待发送：{list}"),
        Language::En => format!("- 📮 waiting to be sent: {list}"),
    })
}

fn of_held(setting: &Setting, held: &Held) -> String {
    let (receiver, reason) = (neutralise(&held.receiver), neutralise(&held.reason));
    let until = held.until.map(|until| setting.at(until)).unwrap_or_default();
    match setting.language {
        Language::ZhCn => format!("- ⛔ {receiver} 暂停发送至 {until}：{reason}"),
        Language::En => format!("- ⛔ {receiver} is held until {until}: {reason}"),
    }
}

fn silences(setting: &Setting, silences: &[InForce]) -> Vec<String> {
    let line = |silence: &InForce| {
        let covers = match silence.covers.as_str() {
            "" => setting.pick("全部", "everything").to_owned(),
            covers => neutralise(covers),
        };
        let (id, until, author) = (silence.id, setting.at(silence.until), neutralise(&silence.author));
        match setting.language {
            Language::ZhCn => format!("- 🔕 静默 {id}：{covers}，至 {until}（{author}）"),
            Language::En => format!("- 🔕 silence {id}: {covers}, until {until} ({author})"),
        }
    };
    let mut lines: Vec<String> = silences.iter().take(MOST_LINES).map(line).collect();
    lines.extend(setting.more(silences.len().saturating_sub(MOST_LINES)).map(|more| format!("- {more}")));
    lines
}
