//! Letters: how wide a text is and which pixels it covers, in the two weights of a font that is a part of this program.

use ab_glyph::{Font, FontRef, GlyphId, PxScaleFont, ScaleFont as _, point};

/// Height of capitals and of everything, as parts of the font's own square.
const CAPITALS: f32 = 0.714;

/// A font in two weights.
pub(super) struct Letters {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Letters {
    /// Reads the fonts.
    pub(super) fn new() -> Result<Self, String> {
        let read = |bytes| FontRef::try_from_slice(bytes).map_err(|error| error.to_string());
        Ok(Self { regular: read(notosans::REGULAR_TTF)?, bold: read(notosans::BOLD_TTF)? })
    }

    /// The font whose square is so many pixels high.
    fn sized(&self, size: i32, bold: bool) -> PxScaleFont<&FontRef<'static>> {
        let font = if bold { &self.bold } else { &self.regular };
        let square = font.units_per_em().unwrap_or(1000.0);
        #[expect(clippy::cast_precision_loss, reason = "some dozen pixels")]
        let scale = size as f32 * font.height_unscaled() / square;
        font.into_scaled(scale)
    }

    /// Each letter with the place at which it begins, and the width of all.
    fn placed(font: &PxScaleFont<&FontRef<'static>>, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
        let (mut at, mut last, mut made) = (0.0, None, Vec::new());
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            at += last.map_or(0.0, |last| font.kern(last, id));
            made.push((id, at));
            at += font.h_advance(id);
            last = Some(id);
        }
        (made, at)
    }

    /// How wide a text is.
    pub(super) fn width(&self, size: i32, bold: bool, text: &str) -> f32 {
        Self::placed(&self.sized(size, bold), text).1
    }

    /// Tells each pixel that a text covers, and how much of it. The text begins at `from`; its capitals have their middle at that height.
    pub(super) fn draw(&self, from: (f32, i32), size: i32, bold: bool, text: &str, mut pixel: impl FnMut((i32, i32), f64)) {
        let font = self.sized(size, bold);
        #[expect(clippy::cast_precision_loss, reason = "within the picture")]
        let line = (from.1 as f32 + size as f32 * CAPITALS / 2.0).round();
        for (id, place) in Self::placed(&font, text).0 {
            let Some(outline) = font.outline_glyph(id.with_scale_and_position(font.scale(), point(from.0 + place, line))) else { continue };
            let corner = outline.px_bounds().min;
            #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
            let corner = (corner.x as i32, corner.y as i32);
            outline.draw(|x, y, cover| {
                let (x, y) = (i32::try_from(x).unwrap_or(0), i32::try_from(y).unwrap_or(0));
                pixel((corner.0 + x, corner.1 + y), f64::from(cover));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Charts R1: letters stand around the height that is asked for, and a text is as wide as the pixels that it covers.
    #[test]
    fn letters_stand_where_they_should() {
        let letters = Letters::new().unwrap();
        let mut covered = Vec::new();
        letters.draw((10.0, 50), 40, true, "HH", |pixel, cover| {
            if cover > 0.5 {
                covered.push(pixel);
            }
        });
        let span = |part: fn(&(i32, i32)) -> i32| (covered.iter().map(part).min().unwrap(), covered.iter().map(part).max().unwrap());
        let ((left, right), (top, bottom)) = (span(|pixel| pixel.0), span(|pixel| pixel.1));
        assert!(((top + bottom) / 2 - 50).abs() <= 1 && (27..=30).contains(&(bottom - top)), "{top}..{bottom}");
        #[expect(clippy::cast_possible_truncation, reason = "some pixels")]
        let wide = letters.width(40, true, "HH") as i32;
        assert!((10..16).contains(&left) && (wide - 8..=wide).contains(&(right - left + 6)), "{left}..{right}, {wide}");
    }

    /// Charts R1: names of every European language have letters; what the font has not is a box, not nothing.
    #[test]
    fn every_letter_has_a_width() {
        let letters = Letters::new().unwrap();
        for letter in "Aÿß Ωж€…·–中🦀".chars() {
            assert!(letters.width(30, false, &letter.to_string()) > 0.0, "{letter}");
        }
    }
}
