//! Bars: a few lie, with their labels and exact values beside them; many stand.

use super::canvas::Canvas;
use super::font::Letters;
use super::{Drawing, FAINT, GRID, INK, MARGIN, OTHERS, PAPER, TEXT, WIDTH, float};
use crate::domain::chart::{Chart, Tick, ticks};
use bigdecimal::BigDecimal;

/// So many bars lie at their full thickness, and so many labels when they would not all have room along the foot.
const MOST_LYING: usize = 13;
const MOST_LABELS: usize = 24;
/// Points from above to below for bars that lie closer.
const MOST_BODY: f32 = 256.0;
/// Points of the numbers below bars that have no room for theirs.
const SCALE: f32 = 16.0;
/// Points of the labels at the left, at most.
const MOST_LABEL: f32 = 116.0;

/// How bars lie.
pub(super) struct Lying {
    /// Points of a bar.
    thick: f32,
    /// Points between the groups of two labels.
    space: f32,
    /// The size of the letters.
    text: f32,
    /// Whether there is room for the values.
    has_values: bool,
}

/// How the bars lie; `None` where they stand.
pub(super) fn lying(chart: &Chart, letters: &Letters<'_>) -> Option<Lying> {
    let (labels, series) = (chart.labels.len(), chart.series.len());
    if !chart.times.is_empty() || labels == 0 {
        return None;
    }
    if labels * series <= MOST_LYING {
        return Some(Lying { thick: if series > 1 { 11.0 } else { 14.0 }, space: 8.0, text: TEXT, has_values: true });
    }
    let widest = chart.labels.iter().map(|label| letters.width(label, TEXT)).fold(0.0, f32::max).min(MOST_LABEL);
    let have_room = (widest + 10.0) * labels as f32 <= WIDTH - 4.0 * MARGIN;
    let space = 3.0;
    let thick = ((MOST_BODY / labels as f32).min(20.0) - space) / series as f32;
    (labels <= MOST_LABELS && !have_room && thick >= 2.0).then_some(Lying { thick, space, text: TEXT - 1.0, has_values: thick >= 8.0 })
}

pub(super) fn lying_height(chart: &Chart, lying: &Lying) -> f32 {
    let threshold = if chart.threshold.is_some() { 14.0 } else { 0.0 };
    let scale = if lying.has_values { 0.0 } else { SCALE };
    chart.labels.len() as f32 * (lying.thick * chart.series.len() as f32 + lying.space) + threshold + scale
}

impl Drawing<'_> {
    pub(super) fn lying_bars(&self, canvas: &mut Canvas, top: f32, lying: &Lying) {
        let (chart, letters) = (self.chart, self.letters);
        let Lying { thick, space, text, has_values } = *lying;
        let numbers: Vec<Vec<Option<BigDecimal>>> = (0..chart.series.len()).map(|at| chart.exact(at)).collect();
        let label_width = chart.labels.iter().map(|label| letters.width(label, text)).fold(0.0, f32::max).min(MOST_LABEL);
        let words = |number: &Option<BigDecimal>| number.as_ref().map_or_else(|| "NULL".to_owned(), |number| self.words(number));
        let value_width = numbers.iter().flatten().map(|number| letters.width(&words(number), text)).fold(0.0, f32::max) + 6.0;
        let value_width = if has_values { value_width } else { 0.0 };
        let (least, most, are_whole) = self.range(true);
        let left = MARGIN + label_width + 8.0 + if least < 0.0 { value_width } else { 0.0 };
        let right = WIDTH - MARGIN - if most > 0.0 || least >= 0.0 { value_width } else { 0.0 };
        let span = if most > least { most - least } else { 1.0 };
        let x = |value: f64| left + ((value - least) / span) as f32 * (right - left);
        let zero = x(0.0);
        let begin = top + if chart.threshold.is_some() { 14.0 } else { 0.0 };
        let height = thick * chart.series.len() as f32;
        let end = begin + (height + space) * chart.labels.len() as f32 - space;
        let y = |at: usize, series: usize| begin + (height + space) * at as f32 + thick * series as f32;
        let places = || (0..chart.labels.len()).flat_map(|at| (0..chart.series.len()).map(move |series| (at, series)));
        if !has_values {
            let inside = |tick: &Tick| tick.value >= least && tick.value <= most;
            for tick in ticks(least, most, 3, are_whole, chart.language).iter().filter(|tick| inside(tick)) {
                let (x, width) = (x(tick.value), letters.width(&tick.label, text));
                canvas.line((x, begin - 2.0), (x, end + 2.0), 1.0, GRID, false);
                let place = (x - width / 2.0).clamp(MARGIN, WIDTH - MARGIN / 2.0 - width);
                canvas.text(letters, &tick.label, text, place, end + 14.0, FAINT);
            }
        }
        for (at, series) in places() {
            let is_others = chart.has_others && at + 1 == chart.labels.len() && chart.series.len() == 1;
            let colour = if is_others { OTHERS } else { self.colour(series) };
            if let Some(number) = &numbers[series][at] {
                canvas.rect(zero, y(at, series), x(float(number)) - zero, (thick - 1.0).max(thick * 0.8), colour);
            }
        }
        canvas.line((zero, begin - 2.0), (zero, end + 2.0), 1.0, GRID, false);
        if let Some((number, at)) = self.threshold() {
            let (x, words, colour) = (x(at), self.words(&number), self.threshold_colour());
            canvas.line((x, begin - 2.0), (x, end + 2.0), 1.3, colour, true);
            let width = letters.width(&words, TEXT);
            canvas.text(letters, &words, TEXT, (x - width / 2.0).clamp(MARGIN, WIDTH - MARGIN - width), begin - 5.0, colour);
        }
        for (at, label) in chart.labels.iter().enumerate() {
            let label = letters.cut(label, text, MOST_LABEL);
            canvas.text(letters, &label, text, MARGIN, y(at, 0) + height / 2.0 + 4.0, INK);
        }
        for (at, series) in places().filter(|_| has_values) {
            let number = &numbers[series][at];
            let (value, tip) = (words(number), number.as_ref().map_or(zero, |number| x(float(number))));
            let width = letters.width(&value, text);
            let place = if tip < zero { tip - 5.0 - width } else { tip + 5.0 };
            // Where the threshold crosses it, the number stays legible.
            canvas.rect(place - 1.0, y(at, series), width + 2.0, (thick - 1.0).max(thick * 0.8), PAPER);
            canvas.text(letters, &value, text, place, y(at, series) + thick / 2.0 + 4.0, FAINT);
        }
    }

    pub(super) fn standing_bars(&self, canvas: &mut Canvas, top: f32, bottom: f32) {
        let chart = self.chart;
        let frame = self.frame(canvas, top, bottom, true);
        let places = chart.labels.len().max(chart.times.len()).max(1);
        let slot = (frame.right - frame.left) / places as f32;
        let group = if slot > 4.0 { slot * 0.72 } else { (slot - 0.4).max(slot * 0.8) };
        let thick = group / chart.series.len().max(1) as f32;
        for series in 0..chart.series.len() {
            for (at, number) in chart.exact(series).iter().enumerate() {
                let Some(number) = number else { continue };
                let x = frame.left + slot * at as f32 + (slot - group) / 2.0 + thick * series as f32;
                let is_others = chart.has_others && at + 1 == places && chart.series.len() == 1;
                let colour = if is_others { OTHERS } else { self.colour(series) };
                canvas.rect(x, frame.zero(), thick, frame.y(float(number)) - frame.zero(), colour);
            }
        }
        canvas.line((frame.left, frame.zero()), (frame.right, frame.zero()), 1.0, OTHERS, false);
        let middle = |at: usize| frame.left + slot * (at as f32 + 0.5);
        match chart.times.is_empty() {
            true => self.labels(canvas, &frame, middle),
            false => {
                let place = |at: i64| chart.times.partition_point(|time| *time < at);
                chart.marks.iter().for_each(|mark| self.below(canvas, &frame, middle(place(mark.at)), &mark.label));
            }
        }
        self.threshold_across(canvas, &frame);
    }
}
