//! A chart of the past: how the value of a few keys went over the last polls.

use super::{Chart, ChartOf, ChartRule, SAMPLES_OF_A_KEY, Sample, Series, TimeMark, clean};
use crate::domain::alert::Severity;
use crate::domain::message::Language;
use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use std::collections::BTreeSet;

/// Keys that are drawn: more lines cannot be told apart.
pub const MOST_LINES: usize = 4;
/// Times that are written along x.
const MOST_MARKS: i64 = 5;
/// Two polls that are further apart than so many of the usual distances have a gap between them.
const GAP: i64 = 4;

/// The past of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The key in words.
    pub name: String,
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// The number of the line across the chart, for this key.
    pub threshold: Option<String>,
}

/// The chart of the past of these keys, the worst first, of `told` in all; `None` where no key has two values.
pub fn of_history(rule: &ChartRule, keys: Vec<History>, told: usize, severity: Severity, language: Language, zone: Tz) -> Option<Chart> {
    let ChartOf::History { value } = &rule.of else { return None };
    let has_past = |key: &History| key.samples.iter().filter(|sample| sample.value.is_some()).count() > 1;
    let mut keys: Vec<History> = keys.into_iter().filter(has_past).collect();
    keys.truncate(MOST_LINES);
    let omitted = told.saturating_sub(keys.len());
    let first = keys.first()?;
    let is_shared = keys.iter().all(|key| key.threshold == first.threshold);
    let threshold = first.threshold.clone().filter(|_| is_shared);
    let times = times(&keys);
    let column = clean(value);
    let series = keys.iter().map(|key| Series {
        name: if keys.len() == 1 { column.clone() } else { clean(&key.name) },
        values: times.iter().map(|at| value_at(key, *at)).collect(),
    });
    let of_one = format!("{column} · {}", clean(&first.name));
    let title = rule.title.as_deref().map(clean).unwrap_or_else(|| if keys.len() == 1 { of_one } else { column.clone() });
    Some(Chart {
        kind: rule.kind,
        title,
        language,
        labels: Vec::new(),
        marks: marks(&times, zone),
        series: series.collect(),
        times,
        threshold,
        severity,
        has_others: false,
        omitted: omitted as u64,
    })
}

/// All times at which a key has a sample, the latest of them, and one in the middle of each gap.
fn times(keys: &[History]) -> Vec<i64> {
    let all: BTreeSet<i64> = keys.iter().flat_map(|key| &key.samples).map(|sample| sample.at.timestamp()).collect();
    let surplus = all.len().saturating_sub(SAMPLES_OF_A_KEY as usize);
    let times: Vec<i64> = all.into_iter().skip(surplus).collect();
    let mut distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(1).max(1);
    let mut with_gaps = Vec::with_capacity(times.len());
    for at in times {
        if let Some(last) = with_gaps.last().copied().filter(|last| at - last > usual * GAP) {
            with_gaps.push(last + (at - last) / 2);
        }
        with_gaps.push(at);
    }
    with_gaps
}

fn value_at(key: &History, at: i64) -> Option<String> {
    let found = key.samples.partition_point(|sample| sample.at.timestamp() < at);
    key.samples.get(found).filter(|sample| sample.at.timestamp() == at).and_then(|sample| sample.value.clone())
}

/// Round times of the zone's clock between the first and the last.
fn marks(times: &[i64], zone: Tz) -> Vec<TimeMark> {
    const STEPS: [i64; 19] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800];
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Vec::new() };
    let step = STEPS.into_iter().find(|step| (last - first) / step < MOST_MARKS).unwrap_or(345_600);
    let offset = |at: i64| i64::from(zone.offset_from_utc_datetime(&naive(at)).fix().local_minus_utc());
    let start = first + offset(first);
    let mut local = start + (step - start.rem_euclid(step)) % step;
    let mut marks = Vec::new();
    while local - offset(last) <= last && marks.len() < 2 * MOST_MARKS as usize {
        let at = local - offset(last);
        if at >= first {
            marks.push(TimeMark { at, label: shown(at, step, last - first, zone) });
        }
        local += step;
    }
    marks
}

fn naive(at: i64) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default().naive_utc()
}

fn shown(at: i64, step: i64, range: i64, zone: Tz) -> String {
    let local = DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default().with_timezone(&zone);
    let midnight = local.time() == chrono::NaiveTime::MIN;
    let form = match () {
        () if step >= 86_400 || (midnight && range > TimeDelta::hours(12).num_seconds()) => {
            return format!("{}-{:02}", local.month(), local.day());
        }
        () if step < 60 => "%H:%M:%S",
        () => "%H:%M",
    };
    local.format(form).to_string()
}
