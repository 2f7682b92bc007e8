//! The frame of bars and lines: numbers upwards, labels or times along the foot, the threshold across.

use super::canvas::Canvas;
use super::{Drawing, FAINT, GRID, MARGIN, TEXT, WIDTH, float};
use crate::domain::chart::ticks;

/// Points of the frame with its labels.
pub(super) const HEIGHT: f32 = 216.0;
/// Points of a label along the foot, at most.
const MOST_LABEL: f32 = 88.0;
/// Numbers upwards.
const TICKS: usize = 4;

/// Where values and places lie on the paper.
pub(super) struct Frame {
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    least: f64,
    most: f64,
}

impl Frame {
    pub fn y(&self, value: f64) -> f32 {
        let share = ((value - self.least) / (self.most - self.least)) as f32;
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    pub fn zero(&self) -> f32 {
        self.y(0.0)
    }
}

impl Drawing<'_> {
    /// The least and the greatest value, with the threshold, and with zero where `from_zero`; whether all are whole.
    pub fn range(&self, from_zero: bool) -> (f64, f64, bool) {
        let numbers: Vec<_> = (0..self.chart.series.len()).flat_map(|at| self.chart.exact(at)).flatten().collect();
        let values = numbers.iter().map(float).chain(self.threshold().map(|(_, at)| at)).chain(from_zero.then_some(0.0));
        let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let (least, most) = if least > most { (0.0, 1.0) } else { (least, most) };
        (least, most, numbers.iter().all(bigdecimal::BigDecimal::is_integer))
    }

    /// Draws the frame and the numbers at its left.
    pub fn frame(&self, canvas: &mut Canvas, top: f32, bottom: f32, from_zero: bool) -> Frame {
        let (least, most, are_whole) = self.range(from_zero);
        // A line that does not move lies in the middle.
        let room = if most > least { 0.0 } else { (most.abs() * 0.05).max(if are_whole { 1.0 } else { 0.05 }) };
        // Where zero is near, it belongs to the picture.
        let near_zero = least > 0.0 && least < most * 0.5;
        let from = if near_zero || (from_zero && most <= 0.0 && least == most) { 0.0 } else { least - if from_zero { 0.0 } else { room } };
        let ticks = ticks(from, most + room, TICKS, are_whole, self.chart.language);
        let width = ticks.iter().map(|tick| self.letters.width(&tick.label, TEXT)).fold(0.0, f32::max);
        let (first, last) = (ticks.first().map_or(0.0, |tick| tick.value), ticks.last().map_or(1.0, |tick| tick.value));
        let left = MARGIN + width + 6.0;
        let frame = Frame { left, right: WIDTH - MARGIN, top: top + 8.0, bottom: bottom - 22.0, least: first, most: last };
        for tick in &ticks {
            let y = frame.y(tick.value);
            canvas.line((left, y), (frame.right, y), 1.0, GRID, false);
            canvas.text(self.letters, &tick.label, TEXT, left - 6.0 - self.letters.width(&tick.label, TEXT), y + 4.0, FAINT);
        }
        frame
    }

    /// Labels below places of even width, as many as have room.
    pub fn labels(&self, canvas: &mut Canvas, frame: &Frame, x: impl Fn(usize) -> f32) {
        let labels = &self.chart.labels;
        let widest = labels.iter().map(|label| self.letters.width(label, TEXT)).fold(0.0, f32::max).min(MOST_LABEL);
        let room = frame.right - frame.left;
        let fitting = ((room / (widest + 10.0)).floor() as usize).max(1);
        let step = labels.len().div_ceil(fitting).max(1);
        for (at, label) in labels.iter().enumerate().step_by(step) {
            let label = self.letters.cut(label, TEXT, MOST_LABEL.max(room / fitting as f32 - 8.0));
            self.below(canvas, frame, x(at), &label);
        }
    }

    /// A label below a place, within the paper.
    pub fn below(&self, canvas: &mut Canvas, frame: &Frame, x: f32, label: &str) {
        let width = self.letters.width(label, TEXT);
        let left = (x - width / 2.0).clamp(MARGIN / 2.0, (WIDTH - MARGIN / 2.0 - width).max(MARGIN / 2.0));
        canvas.text(self.letters, label, TEXT, left, frame.bottom + 15.0, FAINT);
    }

    /// The line across, with its number.
    pub fn threshold_across(&self, canvas: &mut Canvas, frame: &Frame) {
        let Some((number, at)) = self.threshold() else { return };
        let (y, colour) = (frame.y(at), self.threshold_colour());
        canvas.line((frame.left, y), (frame.right, y), 1.3, colour, true);
        let words = self.words(&number);
        let above = if y - 14.0 < frame.top { y + 12.0 } else { y - 4.0 };
        let width = self.letters.width(&words, TEXT);
        canvas.rect(frame.left + 3.0, above - 10.0, width + 4.0, 13.0, super::PAPER);
        canvas.text(self.letters, &words, TEXT, frame.left + 5.0, above, colour);
    }
}
