//! 告警 and 历史: what fires, and what happened.

use super::{MOST_COLUMNS, MOST_LINES, Object, Reply, Setting};
use crate::domain::alert::{EventKind, Severity};
use crate::domain::message::{Language, cells, neutralise, neutralise_to, words};

/// Characters of a reason.
const MOST_REASON_CHARS: usize = 120;

/// An alert that fires.
#[derive(Clone, Debug)]
pub struct AlertFact {
    /// The number that takes it.
    pub id: Option<i64>,
    /// Whose.
    pub watcher: String,
    /// How bad.
    pub severity: Severity,
    /// The key columns.
    pub key: Object,
    /// The row last seen.
    pub row: Object,
    /// Since when, in RFC 3339.
    pub since: String,
    /// Who has taken it.
    pub taken_by: Option<String>,
    /// Whether silences keep everyone from being told.
    pub is_silenced: bool,
}

/// An event of the history.
#[derive(Clone, Debug)]
pub struct EventFact {
    /// Its number.
    pub id: i64,
    /// When, in RFC 3339.
    pub at: String,
    /// What.
    pub event: EventKind,
    /// How bad.
    pub severity: Severity,
    /// The key columns.
    pub key: Object,
    /// Why.
    pub reason: String,
    /// Whether no message was made of it.
    pub is_silenced: bool,
}

/// The answer to 告警. The alerts come worst first; of `all` of them these are some.
pub fn alerts(setting: &Setting, watcher: Option<&str>, alerts: &[AlertFact], all: usize) -> Reply {
    let of = watcher.map(|name| format!(" · {}", neutralise(name))).unwrap_or_default();
    if alerts.is_empty() {
        let nothing = setting.pick("✅ 没有告警", "✅ nothing fires");
        return Reply::said(nothing, format!("{nothing}{of}"));
    }
    let title = match setting.language {
        Language::ZhCn => format!("告警 {all} 项{of}"),
        Language::En => format!("{all} firing{of}"),
    };
    let mut blocks: Vec<String> = alerts.iter().take(MOST_LINES).map(|alert| line(setting, alert, watcher.is_none())).collect();
    blocks.extend(setting.more(all.saturating_sub(MOST_LINES)));
    let first = alerts.iter().find(|alert| alert.taken_by.is_none()).and_then(|alert| alert.id.map(|id| (id, &alert.watcher)));
    blocks.extend(first.map(|(id, watcher)| match setting.language {
        Language::ZhCn => format!("> 认领 {id} · 静默 {0} 2h · 为什么 {0}", neutralise(watcher)),
        Language::En => format!("> ack {id} · silence {0} 2h · why {0}", neutralise(watcher)),
    }));
    Reply::new(title, &blocks)
}

fn line(setting: &Setting, alert: &AlertFact, names_watcher: bool) -> String {
    let number = alert.id.map(|id| format!("**{id}**"));
    let watcher = names_watcher.then(|| neutralise(&alert.watcher));
    let key = cells(&alert.key, &Object::new(), usize::MAX);
    let row = cells(&alert.row, &alert.key, MOST_COLUMNS);
    let since = match setting.language {
        Language::ZhCn => format!("{} 起", setting.shown(&alert.since)),
        Language::En => format!("since {}", setting.shown(&alert.since)),
    };
    let taken = alert.taken_by.as_ref().map(|by| format!("🙋 {}", neutralise(by)));
    let silenced = alert.is_silenced.then(|| "🔕".to_owned());
    let parts = [number, watcher, Some(key), Some(row), Some(since), taken, silenced];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    format!("- {} {}", setting.icon(alert.severity), parts.join(" · "))
}

/// The answer to 历史: what happened last, newest first.
pub fn history(setting: &Setting, watcher: &str, events: &[EventFact]) -> Reply {
    let name = neutralise(watcher);
    if events.is_empty() {
        let title = setting.pick("没有记录", "nothing has happened");
        return Reply::said(title, format!("{title} · {name}"));
    }
    let title = match setting.language {
        Language::ZhCn => format!("{name} 最近的事件"),
        Language::En => format!("The latest of {name}"),
    };
    let blocks: Vec<String> = events.iter().take(MOST_LINES).map(|event| event_line(setting, event)).collect();
    Reply::new(title, &blocks)
}

fn event_line(setting: &Setting, event: &EventFact) -> String {
    let key = cells(&event.key, &Object::new(), usize::MAX);
    // The reasons of the history are English; those that a person gave are theirs.
    let tells =
        matches!(event.event, EventKind::Acknowledged | EventKind::Changed | EventKind::WatcherFailed | EventKind::WatcherRecovered);
    let reason = if tells { neutralise_to(&event.reason, MOST_REASON_CHARS) } else { String::new() };
    let silenced = if event.is_silenced { "🔕" } else { "" };
    let icon = words::icon(event.event, event.severity);
    let parts =
        [setting.shown(&event.at), word(setting, event.event).to_owned(), key, reason, silenced.to_owned(), format!("**{}**", event.id)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("- {icon} {}", parts.join(" · "))
}

fn word(setting: &Setting, event: EventKind) -> &'static str {
    let language = setting.language;
    match event {
        EventKind::Fired => language.pick("触发", "fired"),
        EventKind::Repeated => language.pick("仍未恢复", "still firing"),
        EventKind::Changed => language.pick("变更", "changed"),
        EventKind::Escalated => language.pick("升级", "escalated"),
        EventKind::Resolved => language.pick("恢复", "resolved"),
        EventKind::Acknowledged => language.pick("认领", "acknowledged"),
        EventKind::Report => language.pick("报表", "report"),
        EventKind::WatcherFailed => language.pick("查询失败", "watcher failed"),
        EventKind::WatcherRecovered => language.pick("查询恢复", "watcher recovered"),
    }
}
