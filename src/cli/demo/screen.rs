//! What the demo prints: one line for each change of the shop, each event and each delivery; with `--json`, one object each.

use super::folder::Folder;
use crate::cli::output;
use crate::domain::alert::EventKind;
use crate::engine::{Notice, PollReport};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;
use tokio::sync::broadcast;

/// What the engine tells.
pub(super) type Notices = broadcast::Receiver<Notice>;

/// Events of one poll that are printed one by one; of more, the first few.
const MOST_EVENTS: usize = 5;
/// How wide the column of names is.
const NAME_WIDTH: usize = 19;

/// What happened in the shop is cut here, so that a line fits a terminal of 80 columns.
const MOST_CHARS: usize = 46;

/// The demo's output, and what it counts.
pub(super) struct Screen {
    json: bool,
    colour: bool,
    english: bool,
    zone: Tz,
    chat: String,
    kept: bool,
    folder: PathBuf,
    events: usize,
    delivered: usize,
}

impl Screen {
    /// `english`: the chats' buttons are.
    pub(super) fn new(json: bool, english: bool, zone: Tz, chat: String, folder: &Folder) -> Screen {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let (kept, folder) = (folder.kept(), folder.path().to_owned());
        Screen { json, colour, english, zone, chat, kept, folder, events: 0, delivered: 0 }
    }

    pub(super) fn welcome(&self, web: &str, watchers: usize) {
        if self.json {
            return output::json(&json!({ "kind": "start", "chat": self.chat, "web": web, "settings": self.settings() }));
        }
        let (take, status) = if self.english { ("Acknowledge", "status") } else { ("认领", "状态") };
        output::line(&format!(
            "\n{} · {watchers} watchers on a sample shop, polled every 2 seconds\n\n\
             \u{20} chat     {}\n\
             \u{20}          A card comes within ten seconds: press {take} on it.\n\
             \u{20}          What nobody takes comes again after 30 seconds.\n\
             \u{20}          Write {status} to the robot.\n\n\
             \u{20} service  {web}/readyz   {web}/metrics\n\
             \u{20} ask it   rowbell -c {} history\n\n\
             \u{20} 🛒 the shop changes  🔴🟠🔵 alert  🟢 resolved  📨 message  🙋 you  Ctrl-C ends\n",
            self.bold("rowbell demo"),
            self.bold(&self.chat),
            self.settings(),
        ));
    }

    /// Prints what the engine tells.
    pub(super) fn notice(&mut self, notice: Result<Notice, broadcast::error::RecvError>, now: DateTime<Utc>) {
        match notice {
            Ok(Notice::Polled(report)) => self.polled(&report, now),
            Ok(Notice::Sent { receiver, title, outcome }) => self.sent(&receiver, &title, &outcome, now),
            Ok(Notice::Acted { by, acknowledged, silences }) => self.acted(&by, &acknowledged, silences, now),
            // Lines that this terminal was too slow for are in the history.
            Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => {}
        }
    }

    /// Prints what happened in the shop.
    pub(super) fn changed(&self, what: &str, now: DateTime<Utc>) {
        if self.json {
            return output::json(&json!({ "kind": "shop", "at": now, "what": what }));
        }
        let short: String =
            if what.chars().count() > MOST_CHARS { what.chars().take(MOST_CHARS - 1).chain(['…']).collect() } else { what.to_owned() };
        let text = format!("🛒 {} {short}", padded("shop"));
        self.line(now, &self.dim(&text));
    }

    /// Shows the address of the chat again.
    pub(super) fn remind(&self) {
        if !self.json {
            output::line(&format!("\n  chat     {}\n", self.bold(&self.chat)));
        }
    }

    pub(super) fn goodbye(&self, waiting: u64) {
        if self.json {
            let (events, delivered) = (self.events, self.delivered);
            return output::json(
                &json!({ "kind": "end", "events": events, "delivered": delivered, "waiting": waiting, "chat": self.chat }),
            );
        }
        let (events, delivered) = (self.events, self.delivered);
        output::line(&format!("\n{events} events, {delivered} messages delivered, {waiting} waiting. The chat was at {}", self.chat));
        if self.kept {
            output::line(&format!("kept in {}; look at it with: rowbell -c {} history", self.folder.display(), self.settings()));
        }
    }

    fn polled(&mut self, report: &PollReport, now: DateTime<Utc>) {
        self.events += report.events.len();
        let watcher = &report.watcher;
        if let Some(failure) = &report.failure {
            self.failed(watcher, &failure.message, now);
        }
        for warning in &report.warnings {
            self.failed(watcher, warning, now);
        }
        let many = report.events.len() > MOST_EVENTS && !self.json;
        let shown = if many { MOST_EVENTS - 2 } else { report.events.len() };
        let mut events: Vec<_> = report.events.iter().collect();
        events.sort_by_key(|(_, _, severity)| ["critical", "warning"].iter().position(|worse| worse == severity).unwrap_or(2));
        for (kind, key, severity) in events.into_iter().take(shown) {
            if self.json {
                output::json(
                    &json!({ "kind": "event", "at": now, "watcher": watcher, "event": kind.as_str(), "severity": severity, "key": key }),
                );
            } else {
                self.line(now, &format!("{} {} {} {severity} {key}", icon(*kind, severity), padded(watcher), self.bold(kind.as_str())));
            }
        }
        if many {
            self.line(now, &format!("   {} … and {} more in the same message", padded(watcher), report.events.len() - shown));
        }
    }

    fn failed(&self, watcher: &str, message: &str, now: DateTime<Utc>) {
        if self.json {
            return output::json(&json!({ "kind": "warning", "at": now, "watcher": watcher, "message": message }));
        }
        self.line(now, &format!("❗ {} {message}", padded(watcher)));
    }

    fn sent(&mut self, receiver: &str, title: &str, outcome: &str, now: DateTime<Utc>) {
        self.delivered += usize::from(outcome == "delivered");
        if self.json {
            return output::json(&json!({ "kind": "delivery", "at": now, "receiver": receiver, "title": title, "outcome": outcome }));
        }
        let outcome = if outcome == "delivered" { String::new() } else { format!(" ({outcome})") };
        self.line(now, &format!("📨 {} {title}{outcome}", padded(&format!("→ {receiver}"))));
    }

    fn acted(&self, by: &str, acknowledged: &[(String, String)], silences: usize, now: DateTime<Utc>) {
        if self.json {
            let alerts: Vec<_> = acknowledged.iter().map(|(watcher, key)| json!({ "watcher": watcher, "key": key })).collect();
            return output::json(&json!({ "kind": "act", "at": now, "by": by, "acknowledged": alerts, "silences": silences }));
        }
        for (watcher, key) in acknowledged {
            self.line(now, &format!("🙋 {} {} {key}, by {by}", padded(watcher), self.bold("acknowledged")));
        }
        if silences > 0 {
            self.line(now, &format!("🔕 {} {}, by {by}", padded("silence"), self.bold("made")));
        }
    }

    fn line(&self, now: DateTime<Utc>, text: &str) {
        output::line(&format!("{}  {text}", self.dim(&now.with_timezone(&self.zone).format("%H:%M:%S").to_string())));
    }

    fn settings(&self) -> String {
        self.folder.join("rowbell.toml").display().to_string()
    }

    fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    fn dim(&self, text: &str) -> String {
        self.styled(text, "2")
    }

    fn styled(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Fills a name up to the width of the column.
fn padded(name: &str) -> String {
    format!("{name:<NAME_WIDTH$}")
}

/// The sign of an event, as the messages have it.
fn icon(kind: EventKind, severity: &str) -> &'static str {
    match (kind, severity) {
        (EventKind::Resolved | EventKind::WatcherRecovered, _) => "🟢",
        (EventKind::WatcherFailed, _) => "❗",
        (_, "critical") => "🔴",
        (_, "warning") => "🟠",
        _ => "🔵",
    }
}
