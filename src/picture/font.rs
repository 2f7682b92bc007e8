//! The built-in font: how wide a text is, and the outlines of its letters.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::DrawSettings;
use skrifa::{FontRef, GlyphId, MetadataProvider};
use tiny_skia::{Path, PathBuilder};

/// Noto Sans SC, cut down to GB 2312; how and under which licence stands beside it.
const FONT: &[u8] = include_bytes!("font/NotoSansSC-Regular.subset.ttf");

/// Letters of any size.
pub(super) struct Letters<'a> {
    font: FontRef<'a>,
}

impl Letters<'static> {
    /// The built-in ones.
    pub fn new() -> Result<Letters<'static>, String> {
        let font = FontRef::new(FONT).map_err(|error| format!("the built-in font cannot be read: {error}"))?;
        Ok(Letters { font })
    }
}

impl Letters<'_> {
    /// How wide a text is.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let (characters, metrics) = (self.font.charmap(), self.font.glyph_metrics(Size::new(size), LocationRef::default()));
        // A character that the font does not have is a box.
        text.chars().map(|c| metrics.advance_width(characters.map(c).unwrap_or(GlyphId::NOTDEF)).unwrap_or(size)).sum()
    }

    /// The text, or as much of it as fits with an ellipsis.
    pub fn cut(&self, text: &str, size: f32, room: f32) -> String {
        if self.width(text, size) <= room {
            return text.to_owned();
        }
        let room = room - self.width("…", size);
        let mut used = 0.0;
        let fits = |c: &char| {
            used += self.width(c.encode_utf8(&mut [0; 4]), size);
            used <= room
        };
        let cut: String = text.chars().take_while(fits).collect();
        if cut.is_empty() { String::new() } else { cut.trim_end().to_owned() + "…" }
    }

    /// The outlines of a text whose first letter stands at `x` on the line `y`.
    pub fn outline(&self, text: &str, size: f32, x: f32, y: f32) -> Option<Path> {
        let size_of = Size::new(size);
        let (characters, outlines) = (self.font.charmap(), self.font.outline_glyphs());
        let metrics = self.font.glyph_metrics(size_of, LocationRef::default());
        let mut pen = Pen { path: PathBuilder::new(), x, y };
        for c in text.chars() {
            let glyph = characters.map(c).unwrap_or(GlyphId::NOTDEF);
            if let Some(outline) = outlines.get(glyph) {
                // What cannot be drawn leaves its place empty.
                let _ = outline.draw(DrawSettings::unhinted(size_of, LocationRef::default()), &mut pen);
            }
            pen.x += metrics.advance_width(glyph).unwrap_or(size);
        }
        pen.path.finish()
    }

    /// Whether a character is drawn as itself.
    #[cfg(test)]
    pub fn has(&self, c: char) -> bool {
        self.font.charmap().map(c).is_some_and(|glyph| glyph != GlyphId::NOTDEF)
    }
}

/// Takes the strokes of a letter, whose y points upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
}

impl skrifa::outline::OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + cx0, self.y - cy0, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + cx0, self.y - cy0, self.x + cx1, self.y - cy1, self.x + x, self.y - y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
