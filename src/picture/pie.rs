//! A ring of shares, with a list beside it that says what they are.

use super::canvas::{Canvas, Rgb};
use super::{COLOURS, Drawing, FAINT, INK, MARGIN, OTHERS, PAPER, TEXT, WIDTH, float};
use crate::domain::chart::Chart;
use crate::domain::message::Language;
use bigdecimal::{BigDecimal, RoundingMode, Zero};

/// Points of a line of the list.
const LINE: f32 = 21.0;
/// Points of the ring, from outside to outside.
const RING: f32 = 132.0;

pub(super) fn height(chart: &Chart) -> f32 {
    (chart.labels.len() as f32 * LINE).max(RING) + 8.0
}

impl Drawing<'_> {
    pub(super) fn pie(&self, canvas: &mut Canvas, top: f32) {
        let (chart, letters) = (self.chart, self.letters);
        let numbers: Vec<BigDecimal> = chart.exact(0).into_iter().flatten().collect();
        let total: BigDecimal = numbers.iter().sum();
        if total.is_zero() {
            return;
        }
        let body = height(chart) - 8.0;
        let (centre, radii) = ((MARGIN + RING / 2.0, top + body / 2.0), (RING * 0.29, RING / 2.0));
        // Exact shares first: huge numbers divide well, their floats do not add up.
        let share = |number: &BigDecimal| float(&(number / &total).with_scale_round(9, RoundingMode::HalfEven));
        let mut turn = 0.0;
        let mut y = top + (body - numbers.len() as f32 * LINE) / 2.0 + 15.0;
        let x = MARGIN + RING + 16.0;
        for (at, number) in numbers.iter().enumerate() {
            let next = (turn + share(number)).min(1.0);
            canvas.arc(centre, radii, turn, next, self.slice(at));
            turn = next;
            self.entry(canvas, at, number, &total, x, y);
            y += LINE;
        }
        if numbers.iter().filter(|number| !number.is_zero()).count() > 1 {
            self.gaps(canvas, centre, radii, numbers.iter().map(share));
        }
        let (sum, word) = (self.words(&total), if chart.language == Language::En { "total" } else { "合计" });
        let sum = letters.cut(&sum, TEXT, radii.0 * 2.0 - 6.0);
        canvas.text(letters, word, TEXT, centre.0 - letters.width(word, TEXT) / 2.0, centre.1 - 3.0, FAINT);
        canvas.text(letters, &sum, TEXT, centre.0 - letters.width(&sum, TEXT) / 2.0, centre.1 + 12.0, INK);
    }

    fn slice(&self, at: usize) -> Rgb {
        let is_others = self.chart.has_others && at + 1 == self.chart.labels.len();
        if is_others { OTHERS } else { COLOURS[at % COLOURS.len()] }
    }

    /// White lines between the slices, but for those that are no wider.
    fn gaps(&self, canvas: &mut Canvas, centre: (f32, f32), radii: (f32, f32), shares: impl Iterator<Item = f64>) {
        let mut turn = 0.0;
        for share in shares {
            let angle = (turn * std::f64::consts::TAU) as f32;
            let at = |radius: f32| (centre.0 + radius * angle.sin(), centre.1 - radius * angle.cos());
            if share > 0.01 {
                canvas.line(at(radii.0), at(radii.1 + 1.0), 1.2, PAPER, false);
            }
            turn += share;
        }
    }

    /// A line of the list: colour, label, value, share.
    fn entry(&self, canvas: &mut Canvas, at: usize, number: &BigDecimal, total: &BigDecimal, x: f32, y: f32) {
        let percent = (number * BigDecimal::from(100) / total).with_scale_round(1, RoundingMode::HalfEven).to_plain_string() + "%";
        let letters = self.letters;
        let right = WIDTH - MARGIN;
        let room = letters.width("100.0%", TEXT);
        canvas.text(letters, &percent, TEXT, right - letters.width(&percent, TEXT), y, INK);
        let value = self.words(number);
        let value_left = right - room - 8.0 - letters.width(&value, TEXT);
        canvas.text(letters, &value, TEXT, value_left, y, FAINT);
        canvas.rect(x, y - 9.0, 9.0, 9.0, self.slice(at));
        let label = self.chart.labels.get(at).map(String::as_str).unwrap_or_default();
        let label = letters.cut(label, TEXT, value_left - x - 13.0 - 6.0);
        canvas.text(letters, &label, TEXT, x + 13.0, y, INK);
    }
}
