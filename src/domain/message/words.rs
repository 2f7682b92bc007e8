//! The built-in words of messages, in Chinese and English. Everything a receiver reads that no file says stands here.

use crate::domain::alert::{EventKind, Severity};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// The language of built-in texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// 简体中文.
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    pub(in crate::domain) fn pick<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::ZhCn => chinese,
            Language::En => english,
        }
    }

    /// What stands between a name and its value.
    pub(in crate::domain) fn colon(self) -> &'static str {
        self.pick("：", ": ")
    }
}

/// `3 天 4 小时`, `35 min`: the two largest parts.
pub fn duration_words(language: Language, length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let parts = [
        (seconds / 86_400, language.pick("天", "d")),
        (seconds % 86_400 / 3_600, language.pick("小时", "h")),
        (seconds % 3_600 / 60, language.pick("分钟", "min")),
        (seconds % 60, language.pick("秒", "s")),
    ];
    let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let shown = parts[first..].iter().take(2).filter(|(n, _)| *n > 0);
    let words: Vec<String> = shown.map(|(n, unit)| format!("{n} {unit}")).collect();
    if words.is_empty() { format!("0 {}", parts[3].1) } else { words.join(" ") }
}

/// The word for a severity.
pub(in crate::domain) fn severity(language: Language, severity: Severity) -> &'static str {
    match severity {
        Severity::Info => language.pick("提示", "info"),
        Severity::Warning => language.pick("警告", "warning"),
        Severity::Critical => language.pick("严重", "critical"),
    }
}

/// The sign a phone shows first.
pub(in crate::domain) fn icon(kind: EventKind, severity: Severity) -> &'static str {
    match (kind, severity) {
        (EventKind::Resolved | EventKind::WatcherRecovered, _) => "🟢",
        (EventKind::WatcherFailed, _) => "⚠️",
        (_, Severity::Critical) => "🔴",
        (_, Severity::Warning) => "🟠",
        (_, Severity::Info) => "🔵",
    }
}

/// How many of a kind: `2 项告警`, `1 resolved`.
pub(super) fn count(language: Language, kind: EventKind, is_new: bool, n: usize) -> String {
    let word = match kind {
        EventKind::Fired if is_new => language.pick("条新增", "new"),
        EventKind::Fired => language.pick("项告警", "firing"),
        EventKind::Repeated => language.pick("项仍未恢复", "still firing"),
        EventKind::Escalated => language.pick("项升级", "escalated"),
        EventKind::Resolved => language.pick("项已恢复", "resolved"),
        EventKind::Changed => language.pick("项变更", "changed"),
        EventKind::Acknowledged => language.pick("项已认领", "acknowledged"),
        EventKind::Report => language.pick("份报表", "report"),
        EventKind::WatcherFailed => return language.pick("监控查询失败", "watcher is failing").to_owned(),
        EventKind::WatcherRecovered => return language.pick("监控查询已恢复", "watcher works again").to_owned(),
    };
    format!("{n} {word}")
}

/// How long an alert has lasted, behind its key; `since` is when it began.
pub(super) fn lasted(language: Language, is_over: bool, length: &str, since: &str) -> String {
    match (is_over, language) {
        (true, Language::ZhCn) => format!("历时 {length}"),
        (true, Language::En) => format!("lasted {length}"),
        (false, Language::ZhCn) => format!("已持续 {length}（{since} 起）"),
        (false, Language::En) => format!("for {length} (since {since})"),
    }
}

/// What stands before the columns of an alert that is over: they are no longer so.
pub(super) fn last_seen(language: Language) -> &'static str {
    language.pick("此前", "last seen")
}

/// A watched row that was not there before.
pub(super) fn added(language: Language) -> &'static str {
    language.pick("新增", "added")
}

/// A watched row that is gone.
pub(super) fn removed(language: Language) -> &'static str {
    language.pick("已删除", "removed")
}

/// What fires because there is nothing.
pub(super) fn nothing_there(language: Language) -> &'static str {
    language.pick("没有数据", "no data")
}

/// A report without rows.
pub(super) fn empty_report(language: Language) -> &'static str {
    language.pick("本期没有数据。", "There is nothing to report.")
}

/// What stands before the sums of a report.
pub(super) fn total(language: Language) -> &'static str {
    language.pick("合计", "Total")
}

/// A sum that is that of the last report.
pub(super) fn unchanged(language: Language) -> &'static str {
    language.pick("持平", "unchanged")
}

/// The value of the last report, and by how much this one differs.
pub(super) fn last_time(language: Language, before: &str, change: &str) -> String {
    let change = if change.is_empty() { String::new() } else { format!("{}{change}", language.pick("，", ", ")) };
    match language {
        Language::ZhCn => format!("（上期 {before}{change}）"),
        Language::En => format!(" (last time {before}{change})"),
    }
}

/// `共 3 行`, for a key with several rows.
pub(super) fn rows(language: Language, n: u64) -> String {
    match language {
        Language::ZhCn => format!("共 {n} 行"),
        Language::En => format!("{n} rows"),
    }
}

/// The last line of a list that shows only some of an alert's rows.
pub(in crate::domain) fn more_rows(language: Language, n: u64) -> String {
    match language {
        Language::ZhCn => format!("…另有 {n} 行"),
        Language::En => format!("… and {n} more rows"),
    }
}

/// What stands for a part of a template's text that is left out.
pub(super) fn cut_short(language: Language) -> &'static str {
    language.pick("**+ 内容过长，其余见告警历史**", "**+ more** in the alert history: the text is too long")
}

/// What stands for the rows that a message leaves out.
pub(super) fn omitted(language: Language, n: usize) -> String {
    match language {
        Language::ZhCn => format!("**+ 另有 {n} 项**，见告警历史"),
        Language::En => format!("**+ {n} more** in the alert history"),
    }
}

/// How a message says that its template failed.
pub(super) fn template_failed(language: Language, error: &str) -> String {
    let error = super::neutralise(error);
    match language {
        Language::ZhCn => format!("⚠️ 消息模板出错，已改用内置格式：{error}"),
        Language::En => format!("⚠️ the message template failed, this is the built-in format: {error}"),
    }
}

/// What a link says whose template says nothing.
pub(super) fn open(language: Language) -> &'static str {
    language.pick("查看", "Open")
}

/// The second message, which calls people by name for the first: a plain text.
pub(super) fn call(language: Language, title: &str) -> String {
    match language {
        Language::ZhCn => format!("{title}（详见上一条消息）"),
        Language::En => format!("{title} (see the message above)"),
    }
}

/// What is left of a message whose content the receiver refuses.
pub(super) fn reduced(language: Language, name: &str) -> String {
    let name = super::neutralise(name);
    match language {
        Language::ZhCn => format!("### {name}\n\n有新的告警，但钉钉拒绝了其内容，请在告警历史中查看。"),
        Language::En => format!("### {name}\n\nThere are new alerts, but DingTalk refused their text. See the alert history."),
    }
}

/// How many polls in a row failed: the beginning of the reason of `watcher_failed`, and in English so in the history.
pub(in crate::domain) fn failing(language: Language, polls: u64) -> String {
    match language {
        Language::ZhCn => format!("连续 {polls} 次轮询失败。"),
        Language::En if polls == 1 => "the poll failed. ".to_owned(),
        Language::En => format!("{polls} polls in a row failed. "),
    }
}

/// The beginning of the reason of a result that the guard holds, and in English so in the history.
pub(in crate::domain) fn held(language: Language) -> &'static str {
    language.pick("查询结果变化过大，已暂不采纳：", "a suspicious result is held. ")
}

/// The heading of what is told of a source, on behalf of all its watchers.
pub fn of_source(language: Language, source: &str) -> String {
    match language {
        Language::ZhCn => format!("数据源 {source}"),
        Language::En => format!("source {source}"),
    }
}

/// The reason of `watcher_recovered`.
pub(in crate::domain) fn works_again(language: Language, polls: u64) -> String {
    match language {
        _ if polls == 0 => language.pick("查询结果已被采纳。", "the result is taken now").to_owned(),
        Language::ZhCn => format!("连续 {polls} 次轮询失败之后，查询恢复正常。"),
        Language::En if polls == 1 => "the query works again after a failed poll".to_owned(),
        Language::En => format!("the query works again after {polls} failed polls"),
    }
}

/// The heading of what happened outside of hours.
pub(super) fn digest_opening(language: Language) -> &'static str {
    language.pick("非值守时段汇总", "While you were away")
}

/// The heading of what is told at the end of a silence.
pub(super) fn digest_silence(language: Language, reason: &str) -> String {
    match language {
        Language::ZhCn => format!("静默结束（{reason}）"),
        Language::En => format!("The silence has ended ({reason})"),
    }
}

/// The heading of what was put together because too much was to be told.
pub(super) fn digest_merged(language: Language, messages: usize) -> String {
    match language {
        Language::ZhCn => format!("告警汇总（{messages} 条消息合并）"),
        Language::En => format!("Summary of {messages} messages"),
    }
}

/// How many fire, how many are over, and how many other things happened.
pub(super) fn digest_counts(language: Language, firing: usize, over: usize, others: usize) -> String {
    let words = [
        (firing, language.pick("项未恢复", "still firing")),
        (over, language.pick("项已恢复", "resolved")),
        (others, language.pick("条其他事件", "other events")),
    ];
    let shown: Vec<String> = words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if shown.is_empty() { language.pick("没有未恢复的告警", "nothing fires").to_owned() } else { shown.join(" · ") }
}

/// From when to when an alert that is over lasted.
pub(super) fn digest_over(language: Language, from: &str, to: &str) -> String {
    match language {
        Language::ZhCn => format!("{from} 至 {to}"),
        Language::En => format!("{from} to {to}"),
    }
}

/// When an alert that was told before ended.
pub(super) fn digest_ended(language: Language, at: &str) -> String {
    match language {
        Language::ZhCn => format!("{at} 恢复"),
        Language::En => format!("over at {at}"),
    }
}

/// Since when an alert fires.
pub(super) fn digest_since(language: Language, at: &str) -> String {
    match language {
        Language::ZhCn => format!("{at} 起"),
        Language::En => format!("since {at}"),
    }
}

/// What a chart calls the labels that it adds up.
pub(in crate::domain) fn others(language: Language, n: usize) -> String {
    match language {
        Language::ZhCn => format!("其他（{n} 项）"),
        Language::En => format!("{n} others"),
    }
}

/// What stands between the names of columns.
pub(in crate::domain) fn enumeration(language: Language) -> &'static str {
    language.pick("、", ", ")
}

/// A number with its thousands apart: `1,234,567.50`.
pub(in crate::domain) fn grouped(number: &str) -> String {
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = whole.len();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (digits - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    fraction.map_or_else(|| format!("{sign}{grouped}"), |fraction| format!("{sign}{grouped}.{fraction}"))
}

/// `NULL`, shown as such and never as 0 or nothing.
pub(in crate::domain) const NULL: &str = "NULL";

/// An empty text, which would not be seen.
pub(super) const EMPTY: &str = "''";
