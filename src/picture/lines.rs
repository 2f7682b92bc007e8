//! Lines over even places, or over time.

use super::axes::Frame;
use super::canvas::Canvas;
use super::{Drawing, float};

/// So many points have dots; more would be a line of dots.
const MOST_DOTS: usize = 24;

impl Drawing<'_> {
    pub(super) fn lines(&self, canvas: &mut Canvas, top: f32, bottom: f32) {
        let frame = self.frame(canvas, top, bottom, false);
        let chart = self.chart;
        match chart.times.is_empty() {
            true => self.labels(canvas, &frame, |at| x(self, &frame, at)),
            false => self.times(canvas, &frame),
        }
        // The first, which is the worst, lies on top.
        for at in (0..chart.series.len()).rev() {
            let colour = self.colour(at);
            let points: Vec<Option<(f32, f32)>> = chart
                .exact(at)
                .iter()
                .enumerate()
                .map(|(place, number)| Some((x(self, &frame, place), frame.y(float(number.as_ref()?)))))
                .collect();
            for part in points.split(Option::is_none) {
                let part: Vec<(f32, f32)> = part.iter().flatten().copied().collect();
                canvas.through(&part, 2.0, colour);
                if part.len() == 1 || points.len() <= MOST_DOTS {
                    part.iter().for_each(|(x, y)| canvas.dot(*x, *y, 2.6, colour));
                }
            }
            if let Some((x, y)) = points.iter().flatten().next_back() {
                canvas.dot(*x, *y, 3.4, colour);
            }
        }
        self.threshold_across(canvas, &frame);
    }

    fn times(&self, canvas: &mut Canvas, frame: &Frame) {
        let mut end = f32::MIN;
        for mark in &self.chart.marks {
            let x = along(self, frame, mark.at);
            let half = self.letters.width(&mark.label, super::TEXT) / 2.0;
            if x - half > end + 8.0 {
                canvas.line((x, frame.bottom), (x, frame.bottom + 3.0), 1.0, super::GRID, false);
                self.below(canvas, frame, x, &mark.label);
                end = x + half;
            }
        }
    }
}

/// Where a place lies.
fn x(drawing: &Drawing<'_>, frame: &Frame, place: usize) -> f32 {
    let chart = drawing.chart;
    if let Some(at) = chart.times.get(place) {
        return along(drawing, frame, *at);
    }
    let (left, right) = (frame.left + 8.0, frame.right - 8.0);
    match chart.labels.len() {
        0 | 1 => (left + right) / 2.0,
        n => left + (right - left) * place as f32 / (n - 1) as f32,
    }
}

/// Where a time lies.
fn along(drawing: &Drawing<'_>, frame: &Frame, at: i64) -> f32 {
    let times = &drawing.chart.times;
    let (first, last) = (times.first().copied().unwrap_or(at), times.last().copied().unwrap_or(at));
    let share = (at - first) as f32 / (last - first).max(1) as f32;
    let (left, right) = (frame.left + 4.0, frame.right - 6.0);
    left + (right - left) * share
}
