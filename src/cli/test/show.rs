//! What `rowbell test` prints: a line for each watcher, and for each test that failed what was expected and what was seen.

use super::compare::{DiffLine, Mismatch};
use super::{Played, Verdict};
use crate::cli::output;
use serde_json::json;
use std::io::IsTerminal;

/// The terminal's codes of the signs.
const GREEN: &str = "32";
const RED: &str = "31";
const BOLD: &str = "1";

/// One watcher on a line, then its failures.
pub(super) fn print(file: &Played) {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let styled = |text: &str, code: &str| if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() };
    let failed = file.verdicts.iter().filter(|verdict| !verdict.has_passed()).count();
    let tests = if file.verdicts.len() == 1 { "1 test".to_owned() } else { format!("{} tests", file.verdicts.len()) };
    let (sign, failed) =
        if failed == 0 { (styled("✓", GREEN), String::new()) } else { (styled("✗", RED), format!(", {failed} failed")) };
    output::line(&format!("{sign} {:<24} {tests}{failed}", file.name));
    for verdict in file.verdicts.iter().filter(|verdict| !verdict.has_passed()) {
        output::line(&format!("\n{} {}", styled("✗", RED), styled(&format!("{}: {}", file.name, verdict.name), BOLD)));
        for (at, poll) in verdict.polls.iter().enumerate().filter(|(_, poll)| !poll.mismatches.is_empty()) {
            let time = poll.at.with_timezone(&file.zone).format("%Y-%m-%d %H:%M:%S");
            output::line(&format!("  {}:{}: poll {}, at {time}", file.path.display(), poll.line, at + 1));
            for mismatch in &poll.mismatches {
                let line = if mismatch.line == poll.line { String::new() } else { format!(" (line {})", mismatch.line) };
                output::line(&format!("    {}{line}", mismatch.what));
                mismatch.lines.iter().for_each(|line| output::line(&diff_line(line, &styled)));
            }
        }
    }
    if !failed.is_empty() {
        output::line("");
    }
}

fn diff_line(line: &DiffLine, styled: &impl Fn(&str, &str) -> String) -> String {
    let line = signed(line);
    let code = match line.chars().next() {
        Some('-') => RED,
        Some('+') => GREEN,
        _ => return format!("      {line}"),
    };
    format!("      {}", styled(&line, code))
}

/// `-` is expected and not there, `+` is there and not expected, `?` says why.
fn signed(line: &DiffLine) -> String {
    match line {
        DiffLine::Same(text) => format!("  {}", output::plain(text)),
        DiffLine::Missing(text) => format!("- {}", output::plain(text)),
        DiffLine::Seen(text) => format!("+ {}", output::plain(text)),
        DiffLine::Why(text) => format!("? {}", output::plain(text)),
    }
}

/// One JSON object for each test.
pub(super) fn print_json(file: &Played) {
    for verdict in &file.verdicts {
        output::json(&json!({
            "watcher": file.name, "file": file.path.display().to_string(), "line": verdict.line, "test": verdict.name,
            "passed": verdict.has_passed(), "polls": verdict.polls.len(), "mismatches": mismatches(verdict),
        }));
    }
}

fn mismatches(verdict: &Verdict) -> Vec<serde_json::Value> {
    let one = |at: chrono::DateTime<chrono::Utc>, mismatch: &Mismatch| {
        let diff: Vec<String> = mismatch.lines.iter().map(signed).collect();
        json!({ "line": mismatch.line, "at": crate::cli::moment::stamp(at), "what": mismatch.what, "diff": diff })
    };
    verdict.polls.iter().flat_map(|poll| poll.mismatches.iter().map(move |mismatch| one(poll.at, mismatch))).collect()
}
