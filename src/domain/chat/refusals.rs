//! What is answered to those who may not ask, and to what cannot be understood; each says what to do.

use super::{Reply, Setting};
use crate::domain::command::{Misread, Verb};
use crate::domain::message::{Language, neutralise};

/// What can be asked.
pub fn help(setting: &Setting) -> Reply {
    let lines: [(&str, &str); 7] = match setting.language {
        Language::ZhCn => [
            ("状态", "总览"),
            ("告警", "未恢复的告警和编号；告警 NAME 只看一个监控"),
            ("历史 NAME", "最近的事件"),
            ("认领 编号 说明", "由我处理，不再重复提醒；可写多个编号"),
            ("静默 NAME 2h 原因", "一段时间内不通知；30m、2h、1d"),
            ("为什么 NAME", "为什么告警，或没有告警；可加键值"),
            ("帮助", "这份说明"),
        ],
        Language::En => [
            ("status", "how things stand"),
            ("alerts", "what fires, with numbers; alerts NAME for one watcher"),
            ("history NAME", "what happened last"),
            ("ack ID note", "it is mine: no more reminders; several numbers are fine"),
            ("silence NAME 2h reason", "no messages for a time: 30m, 2h, 1d"),
            ("why NAME", "why it did or did not alert; a key may follow"),
            ("help", "this"),
        ],
    };
    let blocks: Vec<String> = lines.iter().map(|(command, words)| format!("- **{command}** {words}")).collect();
    Reply::new(setting.pick("可以这样问", "What can be asked").to_owned(), &blocks)
}

/// The answer to what is no command.
pub fn misread(setting: &Setting, misread: &Misread) -> Reply {
    let language = setting.language;
    let said = match misread {
        Misread::Unknown => return Reply { title: setting.pick("没有听懂", "Not understood").to_owned(), ..help(setting) },
        Misread::NoName(verb) => {
            let (zh, en) = match verb {
                Verb::History => ("历史", "history"),
                Verb::Silence => ("静默", "silence"),
                _ => ("为什么", "why"),
            };
            match language {
                Language::ZhCn => format!("请写上监控的名字：{zh} NAME（发送「告警」查看名字）"),
                Language::En => format!("Name the watcher: {en} NAME (`alerts` shows names)"),
            }
        }
        Misread::NoNumber => {
            setting.pick("请写上编号：认领 42（发送「告警」查看编号）", "Which one? ack 42 (`alerts` shows numbers)").to_owned()
        }
        Misread::Length(text) => {
            let text = neutralise(text);
            match language {
                Language::ZhCn => format!("「{text}」不是可用的时长：写 30m、2h、1d 这样，最长 7 天"),
                Language::En => format!("`{text}` is no length of time: write 30m, 2h or 1d, 7 days at most"),
            }
        }
    };
    Reply::said(&said.clone(), said)
}

/// There is no watcher of that name.
pub fn unknown_watcher(setting: &Setting, name: &str, nearest: Option<&str>) -> Reply {
    let name = neutralise(name);
    let nearest = nearest.map(neutralise);
    let said = match (setting.language, nearest) {
        (Language::ZhCn, Some(nearest)) => format!("没有名为「{name}」的监控。是不是 {nearest}？"),
        (Language::ZhCn, None) => format!("没有名为「{name}」的监控。"),
        (Language::En, Some(nearest)) => format!("There is no watcher {name}. Did you mean {nearest}?"),
        (Language::En, None) => format!("There is no watcher {name}."),
    };
    Reply::said(&said.clone(), said)
}

/// The words are no key of the watcher.
pub fn unknown_key(setting: &Setting, watcher: &str, columns: &[String]) -> Reply {
    let (watcher, columns) = (neutralise(watcher), columns.iter().map(|column| neutralise(column)).collect::<Vec<_>>());
    let said = match (setting.language, columns.is_empty()) {
        (Language::ZhCn, true) => format!("{watcher} 没有键，整个结果是一项告警：为什么 {watcher}"),
        (Language::En, true) => format!("{watcher} has no key, its whole result is one alert: why {watcher}"),
        (Language::ZhCn, false) => format!("{watcher} 的键是 {}：请按顺序写出各列的值，或写 列=值", columns.join("、")),
        (Language::En, false) => {
            format!("The key of {watcher} is {}: give the value of each column in order, or column=value", columns.join(", "))
        }
    };
    Reply::said(&said.clone(), said)
}

/// The answer to a person who may not ask: what their administrator has to write. `user` is their user id; people outside of the
/// organisation have none.
pub fn not_allowed(setting: &Setting, receiver: &str, user: Option<&str>) -> Reply {
    let title = setting.pick("没有权限", "Not allowed").to_owned();
    let receiver = neutralise(receiver);
    let text = match (setting.language, user.map(neutralise)) {
        (Language::ZhCn, Some(user)) => {
            format!(
                "你还不能使用这些命令。请管理员在 rowbell.toml 的 receivers.{receiver} 中加入：\n\n**operators = [\"{user}\"]**（可写多人），然后重启 rowbell。"
            )
        }
        (Language::ZhCn, None) => "只有本组织的成员可以使用这些命令（钉钉没有提供你的 userId；应用也可能尚未发布）。".to_owned(),
        (Language::En, Some(user)) => format!(
            "You may not use these commands yet. An administrator can add you in rowbell.toml, under receivers.{receiver}:\n\n**operators = [\"{user}\"]** (several people are fine), and restart rowbell."
        ),
        (Language::En, None) => {
            "Only members of the organisation may use these commands (DingTalk did not give your user id; the app may not be published)."
                .to_owned()
        }
    };
    Reply { title, text }
}

/// The answer to a picture, or to a voice message without words.
pub fn nothing_to_read(setting: &Setting) -> Reply {
    let said = setting.pick("只能读文字。发送「帮助」查看可用的命令。", "Only text is read. Send `help` for what can be asked.");
    Reply::said(said, said.to_owned())
}

/// The store does not answer: nothing was done.
pub fn failed(setting: &Setting) -> Reply {
    let said = setting.pick(
        "暂时无法处理，没有做任何改动，请稍后再试。",
        "This cannot be done right now, and nothing was changed. Try again in a moment.",
    );
    Reply::said(said, said.to_owned())
}
