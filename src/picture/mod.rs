//! Pixels: a chart as a PNG. What it shows is decided in `domain::chart`; here is only where and how.
//!
//! Drawn with `tiny-skia` (shapes) and `skrifa` (the outlines of letters), both of which other libraries for charts stand on:
//! the labels must be measured to lay the chart out, so nothing is gained by an SVG in between. The font is built in, since a
//! server often has none with Chinese characters and would draw boxes without a word.
//!
//! The size is that of DingTalk's box for a robot's picture, at most 358 × 350 points, with two pixels for a point.
//! Time and memory are bounded: by the size of the paper, and by the number of values that a chart may have.

mod axes;
mod bars;
mod canvas;
mod font;
mod lines;
mod pie;
#[cfg(test)]
mod tests;

use crate::domain::alert::Severity;
use crate::domain::chart::{Chart, ChartKind, number_words};
use crate::domain::message::Language;
use bigdecimal::BigDecimal;
use bigdecimal::ToPrimitive;
use canvas::{Canvas, Rgb};
use font::Letters;

/// Points across: as wide as DingTalk shows a robot's picture.
const WIDTH: f32 = 358.0;
/// Points from above to below, at most.
const MOST_HEIGHT: f32 = 350.0;
/// Points between the paper's edge and what is drawn.
const MARGIN: f32 = 14.0;
/// The size of the letters of the title, and of all others.
const TITLE: f32 = 14.0;
const TEXT: f32 = 11.0;
/// Values further from zero are drawn there: their differences would overflow.
const FURTHEST: f64 = 1e290;

const PAPER: Rgb = Rgb(0xff, 0xff, 0xff);
const INK: Rgb = Rgb(0x1f, 0x23, 0x29);
const FAINT: Rgb = Rgb(0x64, 0x6a, 0x73);
const GRID: Rgb = Rgb(0xe5, 0xe8, 0xec);
const OTHERS: Rgb = Rgb(0x9a, 0xa2, 0xad);
/// Told apart by those who see no red or no green, too (after Okabe and Ito).
const COLOURS: [Rgb; 8] = [
    Rgb(0x00, 0x72, 0xb2),
    Rgb(0xe6, 0x9f, 0x00),
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0x56, 0xb4, 0xe9),
    Rgb(0xd5, 0x5e, 0x00),
    Rgb(0x6b, 0x58, 0xa8),
    Rgb(0xb8, 0xa8, 0x2e),
];

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chart cannot be drawn: {0}")]
pub struct PictureError(String);

/// Draws a chart. The same chart is the same bytes.
///
/// # Errors
/// The built-in font or the paper could not be made.
pub fn png(chart: &Chart) -> Result<Vec<u8>, PictureError> {
    let letters = Letters::new().map_err(PictureError)?;
    let canvas = draw(chart, &letters).map_err(PictureError)?;
    canvas.png().map_err(PictureError)
}

fn draw(chart: &Chart, letters: &Letters<'_>) -> Result<Canvas, String> {
    let head = Head::of(chart, letters);
    let height = |body: f32| (head.height + body + foot_height(chart)).min(MOST_HEIGHT);
    let drawing = Drawing { chart, letters };
    match chart.kind {
        ChartKind::Pie => {
            let mut canvas = Canvas::new(WIDTH, height(pie::height(chart)))?;
            head.draw(&mut canvas, letters);
            drawing.pie(&mut canvas, head.height);
            drawing.foot(&mut canvas);
            Ok(canvas)
        }
        ChartKind::Bar | ChartKind::Line => {
            let lying = bars::lying(chart, letters).filter(|_| chart.kind == ChartKind::Bar);
            if let Some(lying) = lying {
                let mut canvas = Canvas::new(WIDTH, height(bars::lying_height(chart, &lying)))?;
                head.draw(&mut canvas, letters);
                drawing.lying_bars(&mut canvas, head.height, &lying);
                drawing.foot(&mut canvas);
                return Ok(canvas);
            }
            let mut canvas = Canvas::new(WIDTH, height(axes::HEIGHT))?;
            head.draw(&mut canvas, letters);
            let bottom = canvas.height() - foot_height(chart);
            if chart.kind == ChartKind::Bar {
                drawing.standing_bars(&mut canvas, head.height, bottom);
            } else {
                drawing.lines(&mut canvas, head.height, bottom);
            }
            drawing.foot(&mut canvas);
            Ok(canvas)
        }
    }
}

/// What is drawn, and with which letters.
struct Drawing<'a> {
    chart: &'a Chart,
    letters: &'a Letters<'a>,
}

impl Drawing<'_> {
    /// How much is left out.
    fn foot(&self, canvas: &mut Canvas) {
        let n = self.chart.omitted;
        if n > 0 {
            let words = match (self.chart.language, self.chart.times.is_empty()) {
                (Language::ZhCn, true) => format!("另有 {n} 行未画出"),
                (Language::ZhCn, false) => format!("另有 {n} 项未画出"),
                (Language::En, _) => format!("{n} more are not drawn"),
            };
            let y = canvas.height() - 8.0;
            canvas.text(self.letters, &words, TEXT, WIDTH - MARGIN - self.letters.width(&words, TEXT), y, FAINT);
        }
    }

    fn words(&self, number: &BigDecimal) -> String {
        number_words(number, self.chart.language)
    }

    /// The colour of a series, or of a slice.
    fn colour(&self, at: usize) -> Rgb {
        COLOURS[at % COLOURS.len()]
    }

    fn threshold(&self) -> Option<(BigDecimal, f64)> {
        let number = self.chart.threshold.as_deref().and_then(crate::domain::value::parse_number)?;
        let place = float(&number);
        Some((number, place))
    }

    fn threshold_colour(&self) -> Rgb {
        match self.chart.severity {
            Severity::Critical => Rgb(0xc9, 0x2a, 0x2a),
            Severity::Warning => Rgb(0xc7, 0x5b, 0x00),
            Severity::Info => Rgb(0x2b, 0x5f, 0xc7),
        }
    }
}

/// What stands above the chart.
struct Head {
    title: String,
    /// Colour and words; in lines.
    legend: Vec<Vec<(Rgb, String)>>,
    height: f32,
}

impl Head {
    fn of(chart: &Chart, letters: &Letters<'_>) -> Head {
        let title = letters.cut(&chart.title, TITLE, WIDTH - 2.0 * MARGIN);
        let legend = in_lines(legend(chart), letters);
        let height = if title.is_empty() { 10.0 } else { 34.0 } + legend.len() as f32 * 17.0;
        Head { title, legend, height }
    }

    fn draw(&self, canvas: &mut Canvas, letters: &Letters<'_>) {
        canvas.text(letters, &self.title, TITLE, MARGIN, 24.0, INK);
        let mut y = if self.title.is_empty() { 19.0 } else { 43.0 };
        for line in &self.legend {
            let mut x = MARGIN;
            for (colour, words) in line {
                canvas.rect(x, y - 8.0, 9.0, 9.0, *colour);
                canvas.text(letters, words, TEXT, x + 13.0, y, FAINT);
                x += 13.0 + letters.width(words, TEXT) + 12.0;
            }
            y += 17.0;
        }
    }
}

/// The names of the series; of lines with the value that each has last.
fn legend(chart: &Chart) -> Vec<(Rgb, String)> {
    if chart.kind == ChartKind::Pie || (chart.kind == ChartKind::Bar && chart.series.len() < 2) {
        return Vec::new();
    }
    let entry = |(at, series): (usize, &crate::domain::chart::Series)| {
        let numbers = chart.exact(at);
        let last = numbers.iter().flatten().next_back().map(|number| number_words(number, chart.language));
        let words = match (chart.kind, last) {
            (ChartKind::Line, Some(_)) if chart.series.len() == 1 => of_one(chart, numbers.iter().flatten()),
            (ChartKind::Line, Some(last)) if chart.language == Language::En => format!("{}: {last}", series.name),
            (ChartKind::Line, Some(last)) => format!("{}：{last}", series.name),
            _ => series.name.clone(),
        };
        (COLOURS[at % COLOURS.len()], words)
    };
    chart.series.iter().enumerate().map(entry).collect()
}

/// The last value of the only line, and between which it moved.
fn of_one<'n>(chart: &Chart, numbers: impl Iterator<Item = &'n BigDecimal> + Clone) -> String {
    let words = |number: Option<&BigDecimal>| number.map(|number| number_words(number, chart.language)).unwrap_or_default();
    let (last, most, least) = (words(numbers.clone().last()), words(numbers.clone().max()), words(numbers.min()));
    match chart.language {
        _ if least == most => last,
        Language::ZhCn => format!("最新 {last} · 最高 {most} · 最低 {least}"),
        Language::En => format!("latest {last} · highest {most} · lowest {least}"),
    }
}

fn in_lines(entries: Vec<(Rgb, String)>, letters: &Letters<'_>) -> Vec<Vec<(Rgb, String)>> {
    /// More would leave no room for the chart.
    const MOST_LINES: usize = 4;
    let mut lines: Vec<Vec<(Rgb, String)>> = Vec::new();
    let mut used = f32::MAX;
    for (colour, words) in entries {
        let words = letters.cut(&words, TEXT, WIDTH - 2.0 * MARGIN - 13.0);
        let width = 25.0 + letters.width(&words, TEXT);
        if used + width > WIDTH - 2.0 * MARGIN + 12.0 {
            lines.push(Vec::new());
            used = 0.0;
        }
        used += width;
        if let Some(line) = lines.last_mut() {
            line.push((colour, words));
        }
    }
    lines.truncate(MOST_LINES);
    lines
}

fn foot_height(chart: &Chart) -> f32 {
    if chart.omitted > 0 { 24.0 } else { 10.0 }
}

/// Where a number lies.
fn float(number: &BigDecimal) -> f64 {
    number.to_f64().unwrap_or_default().clamp(-FURTHEST, FURTHEST)
}
