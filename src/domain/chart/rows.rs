//! A chart of rows: labels from one column, numbers from others.

use super::{Chart, ChartKind, ChartOf, ChartRule, Series, Sort, ThresholdRule, clean, label, number_in};
use crate::domain::alert::Severity;
use crate::domain::message::Language;
use crate::domain::message::words;
use crate::domain::row::Row;
use crate::domain::value::parse_number;
use bigdecimal::{BigDecimal, Signed, Zero};

/// Points of a line.
const MOST_POINTS: usize = 1_000;
/// Bars of one series: more would be thinner than a pixel.
const MOST_BARS: usize = 300;
/// Slices of a pie, without the others: more cannot be told apart.
const MOST_SLICES: usize = 8;

/// One label with its numbers.
struct Point {
    label: String,
    values: Vec<Option<String>>,
}

/// The chart of these rows, of which there were `row_count` in all; `None` where there is nothing to draw.
///
/// # Errors
/// Why it cannot be made: a column that is not there, or that holds no number.
pub fn of_rows<'r>(
    rule: &ChartRule,
    rows: impl IntoIterator<Item = &'r Row>,
    row_count: u64,
    severity: Severity,
    language: Language,
) -> Result<Option<Chart>, String> {
    let ChartOf::Rows { x, y, sort, limit } = &rule.of else { return Ok(None) };
    let rows: Vec<&Row> = rows.into_iter().take(MOST_POINTS).collect();
    let Some(first) = rows.first() else { return Ok(None) };
    let find = |row: &Row, name: &str| row.columns().position(name).filter(|at| *at < row.len());
    for name in std::iter::once(x).chain(y) {
        if find(first, name).is_none() {
            return Err(format!("the result has no column `{name}`"));
        }
    }
    // A row that was stored under another query may lack a column: it has a gap there.
    let point = |row: &&Row| Point {
        label: find(row, x).map_or_else(|| "NULL".to_owned(), |at| label(row, at)),
        values: y.iter().map(|name| find(row, name).and_then(|at| number_in(row, at))).collect(),
    };
    let mut points: Vec<Point> = rows.iter().map(point).collect();
    if let Some(name) = (0..y.len()).find(|at| points.iter().all(|point| point.values[*at].is_none())).map(|at| &y[at]) {
        let is_null = rows.iter().all(|row| find(row, name).is_none_or(|at| row.text(at).is_none()));
        let why = if is_null { "is NULL in every row" } else { "holds no number" };
        return Err(format!("the column `{name}` {why}"));
    }
    // The largest shares are those that a pie must show.
    sort_points(&mut points, sort.or((rule.kind == ChartKind::Pie).then_some(Sort::Descending)));
    let mut chart = Chart {
        kind: rule.kind,
        title: clean(&rule.title.clone().unwrap_or_else(|| y.join(words::enumeration(language)))),
        language,
        labels: Vec::new(),
        times: Vec::new(),
        marks: Vec::new(),
        series: y.iter().map(|name| Series { name: clean(name), values: Vec::new() }).collect(),
        threshold: threshold(rule, first),
        severity,
        has_others: false,
        omitted: row_count.saturating_sub(rows.len() as u64),
    };
    if rule.kind == ChartKind::Pie && !is_whole(&points) {
        chart.kind = ChartKind::Bar;
    }
    if chart.kind == ChartKind::Pie {
        points.retain(|point| point.values[0].is_some());
    }
    limit_points(&mut chart, points, *limit);
    Ok(Some(chart))
}

fn sort_points(points: &mut [Point], sort: Option<Sort>) {
    let Some(sort) = sort else { return };
    // Gaps come last either way.
    points.sort_by_cached_key(|point| {
        let number = point.values[0].as_deref().and_then(parse_number);
        let number = number.map(|number| if sort == Sort::Descending { -number } else { number });
        (number.is_none(), number)
    });
}

/// Whether the numbers are shares of something.
fn is_whole(points: &[Point]) -> bool {
    let numbers: Vec<BigDecimal> = points.iter().filter_map(|point| point.values[0].as_deref().and_then(parse_number)).collect();
    numbers.iter().all(|number| !number.is_negative()) && numbers.iter().any(|number| !number.is_zero())
}

/// Puts in as many as may stand there. The rest is added up where that was asked for, and in a pie; else it is counted.
fn limit_points(chart: &mut Chart, mut points: Vec<Point>, limit: Option<usize>) {
    let (most, adds_up) = match chart.kind {
        ChartKind::Pie => (limit.unwrap_or(MOST_SLICES).min(MOST_SLICES), true),
        ChartKind::Bar => (limit.unwrap_or(MOST_BARS).min(MOST_BARS), limit.is_some()),
        ChartKind::Line => (MOST_POINTS, false),
    };
    // One more is as well shown as called "others".
    let rest = if points.len() > most + usize::from(adds_up && chart.omitted == 0) { points.split_off(most) } else { Vec::new() };
    for point in points {
        push(chart, point);
    }
    match (rest.is_empty(), adds_up) {
        (true, _) => {}
        (false, false) => chart.omitted += rest.len() as u64,
        (false, true) => {
            let values = (0..chart.series.len()).map(|at| sum(rest.iter().map(|point| &point.values[at]))).collect();
            chart.has_others = true;
            push(chart, Point { label: words::others(chart.language, rest.len()), values });
        }
    }
}

fn push(chart: &mut Chart, point: Point) {
    chart.labels.push(point.label);
    for (series, value) in chart.series.iter_mut().zip(point.values) {
        series.values.push(value);
    }
}

/// The exact sum of the numbers there are.
fn sum<'v>(values: impl Iterator<Item = &'v Option<String>>) -> Option<String> {
    let numbers = values.filter_map(|value| value.as_deref().and_then(parse_number));
    numbers.reduce(|one, other| one + other).map(|sum| sum.to_plain_string())
}

/// The number of the line across the chart, where the first row knows it.
pub(in crate::domain) fn threshold(rule: &ChartRule, row: &Row) -> Option<String> {
    match rule.threshold.as_ref()? {
        ThresholdRule::Number(number) => Some(number.clone()),
        ThresholdRule::Column(name) => row.columns().position(name).and_then(|at| number_in(row, at)),
    }
}
