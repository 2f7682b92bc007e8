//! A chart as a few lines of text, for where no picture can be shown.

use super::Chart;
use crate::domain::message::{neutralise, words};

/// Lines of a list.
const MOST_LINES: usize = 10;
/// Values of one key's past.
const MOST_VALUES: usize = 8;

/// The numbers as a list in Markdown.
pub(super) fn numbers(chart: &Chart) -> String {
    if chart.times.is_empty() { of_labels(chart) } else { of_times(chart) }
}

fn of_labels(chart: &Chart) -> String {
    let colon = chart.language.colon();
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| words::NULL.to_owned(), words::grouped);
    let line = |(at, label): (usize, &String)| {
        let values = chart.series.iter().map(|series| match chart.series.len() {
            1 => shown(&series.values[at]),
            _ => format!("{} {}", neutralise(&series.name), shown(&series.values[at])),
        });
        format!("- {}{colon}{}", neutralise(label), values.collect::<Vec<_>>().join(" · "))
    };
    let mut lines: Vec<String> = chart.labels.iter().enumerate().take(MOST_LINES).map(line).collect();
    let more = chart.labels.len().saturating_sub(MOST_LINES) as u64 + chart.omitted;
    if more > 0 {
        lines.push(format!("- {}", words::more_rows(chart.language, more)));
    }
    lines.join("\n")
}

fn of_times(chart: &Chart) -> String {
    let colon = chart.language.colon();
    let line = |series: &super::Series| {
        let mut values: Vec<&str> = series.values.iter().flatten().map(String::as_str).collect();
        values.dedup();
        let shown: Vec<String> = evenly(&values, MOST_VALUES).into_iter().map(words::grouped).collect();
        let name = if chart.series.len() == 1 { &chart.title } else { &series.name };
        format!("- {}{colon}{}", neutralise(name), shown.join(" → "))
    };
    chart.series.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// So many of the values at most: the first, the last, and some between.
fn evenly<'v>(values: &[&'v str], most: usize) -> Vec<&'v str> {
    if values.len() <= most {
        return values.to_vec();
    }
    (0..most).map(|at| values[at * (values.len() - 1) / (most - 1)]).collect()
}
