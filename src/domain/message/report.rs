//! The built-in message of a report: the sums, each beside the last report's, and the rows as a list, one line each.
//! A table would be garbled on phones.

use super::builtin::{cells, foot, joined};
use super::neutralise::neutralise_to;
use super::words::{self, grouped};
use super::{Language, Message, Setting, neutralise};
use crate::domain::alert::{Event, Sum};
use crate::domain::value::parse_number;
use crate::domain::watcher::Mention;
use bigdecimal::{BigDecimal, RoundingMode, Zero};

/// Characters of a value.
const MOST_CHARS: usize = 60;
/// Columns of a row: the first is what the line is about.
const MOST_COLUMNS: usize = 8;

/// Renders the report.
pub(super) fn message(setting: &Setting<'_>, event: &Event, mentions: Vec<Mention>) -> Message {
    let language = setting.language;
    let name = neutralise(setting.description.unwrap_or(setting.watcher));
    let icon = "📊";
    let rows = words::rows(language, event.row_count);
    let summary = if event.row_count == 0 { words::empty_report(language).to_owned() } else { format!("**{rows}**") };
    let mut blocks = vec![format!("### {icon} {name}"), summary];
    let sums: Vec<String> = event.sums.iter().map(|sum| sum_line(setting, sum)).collect();
    if !sums.is_empty() && event.row_count > 0 {
        blocks.push(sums.join("\n"));
    }
    let first_cuttable = blocks.len();
    blocks.extend(event.rows.iter().map(|row| {
        let mut shown = cells(row, |text| neutralise_to(text, MOST_CHARS)).take(MOST_COLUMNS);
        let first = shown.next().map(|(_, value)| format!("**{value}**")).unwrap_or_default();
        let rest = joined(shown);
        if rest.is_empty() { format!("- {first}") } else { format!("- {first} · {rest}") }
    }));
    let cuttable = blocks.len() - first_cuttable;
    blocks.push(foot(setting, &[event]));
    let told = event.sums.first().map_or(rows, |sum| format!("{} {}", neutralise(&sum.column), grouped(&sum.total)));
    let told = if event.row_count == 0 { words::empty_report(language).trim_end_matches(['。', '.']).to_owned() } else { told };
    let title = format!("{icon} {name}{}{told}", language.colon());
    Message {
        title: super::cut::to_chars(&title, super::MAX_TITLE_CHARS),
        blocks,
        first_cuttable,
        cuttable,
        omitted: usize::try_from(event.row_count).unwrap_or(usize::MAX).saturating_sub(cuttable),
        language,
        mentions,
        ..Message::default()
    }
}

fn sum_line(setting: &Setting<'_>, sum: &Sum) -> String {
    let language = setting.language;
    let before = sum.before.as_ref().map(|before| words::last_time(language, &grouped(before), &change(language, &sum.total, before)));
    format!(
        "- {} {}{}**{}**{}",
        words::total(language),
        neutralise(&sum.column),
        language.colon(),
        grouped(&sum.total),
        before.unwrap_or_default()
    )
}

/// By how many percent a sum differs from the last one: `+12.5 %`.
fn change(language: Language, now: &str, before: &str) -> String {
    let (Some(now), Some(before)) = (parse_number(now), parse_number(before)) else { return String::new() };
    if before.is_zero() {
        return String::new();
    }
    let percent = (now - &before) * BigDecimal::from(100) / before.abs();
    let percent = percent.with_scale_round(1, RoundingMode::HalfEven);
    if percent.is_zero() {
        return words::unchanged(language).to_owned();
    }
    let sign = if percent > BigDecimal::zero() { "+" } else { "" };
    format!("{sign}{} %", percent.to_plain_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_stay_exact() {
        for (number, shown) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.50", "-1,234,567.50"), ("123456", "123,456")] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn a_change_is_told_in_percent_of_the_last_report() {
        assert_eq!(change(Language::En, "112.5", "100"), "+12.5 %");
        assert_eq!(change(Language::En, "50", "100"), "-50.0 %");
        assert_eq!(change(Language::En, "100.00", "100"), "unchanged");
        assert_eq!(change(Language::En, "5", "0"), "");
        assert_eq!(change(Language::En, "-5", "-10"), "+50.0 %");
    }
}
