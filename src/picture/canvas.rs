//! The paper: shapes and letters in points, and the PNG that they come to.

use super::PAPER;
use super::font::Letters;
use std::collections::HashMap;
use tiny_skia::{Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform};

/// Pixels of a point.
const SCALE: f32 = 2.0;
/// Colours of a palette.
const MOST_COLOURS: usize = 256;

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub u8, pub u8, pub u8);

/// White paper.
pub(super) struct Canvas {
    pixels: Pixmap,
    height: f32,
}

impl Canvas {
    pub fn new(width: f32, height: f32) -> Result<Canvas, String> {
        let size = ((width * SCALE).round() as u32, (height * SCALE).round() as u32);
        let mut pixels = Pixmap::new(size.0, size.1).ok_or_else(|| format!("no paper of {} × {} pixels can be made", size.0, size.1))?;
        pixels.fill(Color::from_rgba8(PAPER.0, PAPER.1, PAPER.2, 255));
        Ok(Canvas { pixels, height })
    }

    pub fn height(&self) -> f32 {
        self.height
    }

    /// A filled rectangle; its sides may be given in either order.
    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Rgb) {
        let (left, top) = (x.min(x + width), y.min(y + height));
        if let Some(rect) = Rect::from_xywh(left, top, width.abs().max(0.5), height.abs().max(0.5)) {
            self.pixels.fill_rect(rect, &paint(colour), scaled(), None);
        }
    }

    /// A straight line; with `dash` a broken one.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Rgb, dash: bool) {
        let mut path = PathBuilder::new();
        path.move_to(from.0, from.1);
        path.line_to(to.0, to.1);
        let dash = if dash { StrokeDash::new(vec![4.0, 3.0], 0.0) } else { None };
        self.stroke(path, Stroke { width, dash, ..Stroke::default() }, colour);
    }

    /// A line through points.
    pub fn through(&mut self, points: &[(f32, f32)], width: f32, colour: Rgb) {
        let mut path = PathBuilder::new();
        for (at, (x, y)) in points.iter().enumerate() {
            if at == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        self.stroke(path, Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() }, colour);
    }

    pub fn dot(&mut self, x: f32, y: f32, radius: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.fill(&path, colour);
        }
    }

    /// A part of a ring: its angles in turns, clockwise from the top.
    pub fn arc(&mut self, centre: (f32, f32), radii: (f32, f32), from: f64, to: f64, colour: Rgb) {
        /// Straight pieces of a whole turn: at this size they look round.
        const PIECES: f64 = 240.0;
        let at = |turn: f64, radius: f32| {
            let angle = (turn * std::f64::consts::TAU) as f32;
            (centre.0 + radius * angle.sin(), centre.1 - radius * angle.cos())
        };
        let pieces = ((to - from) * PIECES).ceil().clamp(1.0, PIECES) as u32;
        let turn = |piece: u32| from + (to - from) * f64::from(piece) / f64::from(pieces);
        let outer = (0..=pieces).map(|piece| at(turn(piece), radii.1));
        let inner = (0..=pieces).rev().map(|piece| at(turn(piece), radii.0));
        let mut path = PathBuilder::new();
        for (at, (x, y)) in outer.chain(inner).enumerate() {
            if at == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        path.close();
        if let Some(path) = path.finish() {
            self.fill(&path, colour);
        }
    }

    /// A text whose first letter stands at `x` on the line `y`.
    pub fn text(&mut self, letters: &Letters<'_>, text: &str, size: f32, x: f32, y: f32, colour: Rgb) {
        if let Some(path) = letters.outline(text, size, x, y) {
            self.fill(&path, colour);
        }
    }

    fn fill(&mut self, path: &Path, colour: Rgb) {
        self.pixels.fill_path(path, &paint(colour), FillRule::Winding, scaled(), None);
    }

    fn stroke(&mut self, path: PathBuilder, stroke: Stroke, colour: Rgb) {
        if let Some(path) = path.finish() {
            self.pixels.stroke_path(&path, &paint(colour), &stroke, scaled(), None);
        }
    }

    /// The picture with a palette of its most frequent colours; others, which are shades at edges, take the nearest.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        let pixels: Vec<[u8; 3]> = self.pixels.pixels().iter().map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        let (palette, places) = palette(&pixels);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.pixels.width(), self.pixels.height());
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette.concat());
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
        writer.write_image_data(&places).map_err(|error| error.to_string())?;
        writer.finish().map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

fn palette(pixels: &[[u8; 3]]) -> (Vec<[u8; 3]>, Vec<u8>) {
    let runs = || pixels.chunk_by(|one, next| one == next);
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for run in runs() {
        *counts.entry(run[0]).or_default() += run.len();
    }
    let mut colours: Vec<([u8; 3], usize)> = counts.into_iter().collect();
    colours.sort_unstable_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let palette: Vec<[u8; 3]> = colours.iter().take(MOST_COLOURS).map(|(colour, _)| *colour).collect();
    let distance =
        |one: &[u8; 3], other: &[u8; 3]| -> u32 { one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum() };
    let nearest = |colour: &[u8; 3]| {
        let places = palette.iter().enumerate().min_by_key(|(_, candidate)| distance(colour, candidate));
        places.map_or(0, |(at, _)| u8::try_from(at).unwrap_or(0))
    };
    let places: HashMap<[u8; 3], u8> = colours.iter().map(|(colour, _)| (*colour, nearest(colour))).collect();
    let place = |run: &[[u8; 3]]| std::iter::repeat_n(places.get(&run[0]).copied().unwrap_or_default(), run.len());
    let indices = runs().flat_map(place).collect();
    (palette, indices)
}

fn paint(colour: Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour.0, colour.1, colour.2, 255);
    paint.anti_alias = true;
    paint
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}
