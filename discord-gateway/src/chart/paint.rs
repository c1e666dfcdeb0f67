//! Paints a chart: twice as large as it will be and then made smaller, so that every edge is smooth. The font is a part of this program.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::letters::Letters;
use super::plan::{Body, Chart, Colour, GROUND, Line, Row, Scale, Series};

/// Pixels across; a phone shows them all.
const WIDTH: i32 = 1200;
/// What stays free at the sides.
const MARGIN: i32 = 48;
/// How much larger it is painted.
const TIMES: i32 = 2;
/// Height of a drawing with columns or lines, and of what stands below it.
const PLOT: i32 = 470;
const BELOW: i32 = 84;
/// Heights of a heading among rows, of a bar, and of the room around a row.
const HEAD: i32 = 66;
const BAR: i32 = 34;
const ROOM: i32 = 22;
/// Where bars begin and end; the figures stand behind them.
const BARS: (i32, i32) = (440, 1030);
/// Heights of a heading, of a line of text, and of what stands at the edge of a drawing.
const TITLE: i32 = 44;
const TEXT: i32 = 29;
const EDGE: i32 = 26;
/// What is said, what is said beside it, and what only guides the eye.
const WHITE: Colour = (0xf2, 0xf3, 0xf5);
const GREY: Colour = (0xb5, 0xba, 0xc1);
const GUIDE: Colour = (0x3f, 0x42, 0x48);

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Ground<'a> = DrawingArea<BitMapBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Pixels, three bytes each.
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: Vec<u8>,
}

/// Paints it.
pub(super) fn paint(chart: &Chart) -> Result<Canvas, String> {
    let letters = Letters::new()?;
    let top = 152 + legend_rows(&chart.series) * 48;
    let height = match &chart.body {
        Body::Empty(_) => 340,
        Body::Columns { .. } | Body::Lines { .. } => top + 24 + PLOT + BELOW,
        Body::Rows(rows) => top + rows.iter().map(row_height).sum::<i32>() + 24,
    };
    let (wide, high) = (edge(WIDTH), edge(height));
    let mut large = [GROUND.0, GROUND.1, GROUND.2].repeat(wide * high);
    {
        let size = (u32::try_from(wide).map_err(|_| TOO_LARGE)?, u32::try_from(high).map_err(|_| TOO_LARGE)?);
        let pen = Pen { area: BitMapBackend::with_buffer(&mut large, size).into_drawing_area(), letters };
        pen.chart(chart, top)?;
        pen.area.present().map_err(|error| error.to_string())?;
    }
    smaller(&large, wide, high)
}

const TOO_LARGE: &str = "the picture is too large";

fn edge(length: i32) -> usize {
    usize::try_from(length * TIMES).unwrap_or(0)
}

const fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

/// The mean of each square of pixels.
fn smaller(large: &[u8], wide: usize, high: usize) -> Result<Canvas, String> {
    let times = edge(1);
    let (width, height) = (wide / times, high / times);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for part in 0..3 {
                let at = |dx: usize, dy: usize| large.get(((y * times + dy) * wide + x * times + dx) * 3 + part).copied().unwrap_or(0);
                let sum: usize = (0..times * times).map(|n| usize::from(at(n % times, n / times))).sum();
                pixels.push(u8::try_from(sum / (times * times)).unwrap_or(u8::MAX));
            }
        }
    }
    let narrow = |length| u32::try_from(length).map_err(|_| TOO_LARGE.to_owned());
    Ok(Canvas { width: narrow(width)?, height: narrow(height)?, pixels })
}

fn row_height(row: &Row) -> i32 {
    match row {
        Row::Head(_) => HEAD,
        Row::Bars(_, bars) => BAR * i32::try_from(bars.len()).unwrap_or(1) + ROOM,
    }
}

/// Two entries stand in a row.
fn legend_rows(series: &[Series]) -> i32 {
    i32::try_from(series.len().div_ceil(2)).unwrap_or(0)
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Middle,
    Right,
}

struct Pen<'a> {
    area: Area<'a>,
    letters: Letters,
}

impl<'a> Pen<'a> {
    /// Text whose capitals have their middle at this height.
    fn text(&self, at: (i32, i32), size: i32, bold: bool, colour: Colour, side: Side, text: &str) -> Result<(), String> {
        let wide = self.letters.width(size * TIMES, bold, text);
        #[expect(clippy::cast_precision_loss, reason = "within the picture")]
        let left = (at.0 * TIMES) as f32
            - match side {
                Side::Left => 0.0,
                Side::Middle => wide / 2.0,
                Side::Right => wide,
            };
        let mut outcome = Ok(());
        self.letters.draw((left, at.1 * TIMES), size * TIMES, bold, text, |pixel, cover| {
            if outcome.is_ok() {
                outcome = self.area.draw_pixel(pixel, &rgb(colour).mix(cover)).map_err(|error| error.to_string());
            }
        });
        outcome
    }

    fn width(&self, size: i32, bold: bool, text: &str) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
        let wide = self.letters.width(size * TIMES, bold, text).ceil() as i32;
        wide / TIMES
    }

    /// The text as far as there is room.
    fn fitted(&self, size: i32, bold: bool, room: i32, text: &str) -> String {
        if self.width(size, bold, text) <= room {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        let shortened = |count: usize| letters.iter().take(count).collect::<String>().trim_end().to_owned() + "…";
        (0..letters.len()).rev().map(shortened).find(|short| self.width(size, bold, short) <= room).unwrap_or_default()
    }

    fn block(&self, corner: (i32, i32), size: (i32, i32), colour: Colour) -> Result<(), String> {
        let (from, to) = ((corner.0 * TIMES, corner.1 * TIMES), ((corner.0 + size.0) * TIMES, (corner.1 + size.1) * TIMES));
        self.area.draw(&Rectangle::new([from, to], rgb(colour).filled())).map_err(|error| error.to_string())
    }

    fn chart(&self, chart: &Chart, top: i32) -> Result<(), String> {
        self.text((MARGIN, 56), TITLE, true, WHITE, Side::Left, &self.fitted(TITLE, true, WIDTH - 2 * MARGIN, &chart.title))?;
        if let Body::Empty(why) = &chart.body {
            return self.text((WIDTH / 2, 210), TEXT, false, GREY, Side::Middle, &self.fitted(TEXT, false, WIDTH - 2 * MARGIN, why));
        }
        self.text((MARGIN, 112), TEXT, false, GREY, Side::Left, &self.fitted(TEXT, false, WIDTH - 2 * MARGIN, &chart.note))?;
        self.legend(&chart.series)?;
        let colours: Vec<Colour> = chart.series.iter().map(|series| series.colour).collect();
        match &chart.body {
            Body::Empty(_) => Ok(()),
            Body::Rows(rows) => self.rows(rows, &colours, top),
            Body::Columns { columns, scale } => self.columns(columns, scale, &colours, top + 24),
            Body::Lines { span, lines, scale, times, now } => {
                let ground = self.ground(scale, *span, top + 24)?;
                self.lines(&ground, lines, &colours)?;
                self.times(&ground, times, (*now, *span), scale)
            }
        }
    }

    fn legend(&self, series: &[Series]) -> Result<(), String> {
        let wide = (WIDTH - 2 * MARGIN) / 2;
        for (series, place) in series.iter().zip(0i32..) {
            let (x, y) = (MARGIN + place % 2 * wide, 174 + place / 2 * 48);
            self.block((x, y - 13), (26, 26), series.colour)?;
            let figure = self.width(TEXT, true, &series.value);
            let name = self.fitted(TEXT, false, wide - 38 - figure - 14 - 24, &series.name);
            self.text((x + 38, y), TEXT, false, WHITE, Side::Left, &name)?;
            let behind = x + 38 + self.width(TEXT, false, &name) + 14;
            self.text((behind, y), TEXT, true, series.colour, Side::Left, &series.value)?;
        }
        Ok(())
    }

    /// The lines across with their figures, and the drawing's own measure.
    fn ground(&self, scale: &Scale, span: (f64, f64), top: i32) -> Result<Ground<'a>, String> {
        let labels = scale.marks.iter().map(|(_, label)| self.width(EDGE, false, label)).max().unwrap_or(0);
        let across = ((MARGIN + labels + 18) * TIMES)..((WIDTH - MARGIN) * TIMES);
        // Heights grow upwards, pixels downwards.
        let down = ((top + PLOT) * TIMES)..(top * TIMES);
        let ground = self.area.clone().apply_coord_spec(Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(
            span.0..span.1.max(span.0 + 1.0),
            0.0..scale.top,
            (across, down),
        ));
        for (height, label) in &scale.marks {
            let (left, y) = ground.map_coordinate(&(span.0, *height));
            let guide = PathElement::new([(span.0, *height), (span.1, *height)], rgb(GUIDE).stroke_width(4));
            ground.draw(&guide).map_err(|error| error.to_string())?;
            self.text((left / TIMES - 18, y / TIMES), EDGE, false, GREY, Side::Right, label)?;
        }
        Ok(ground)
    }

    fn columns(&self, columns: &[(String, Vec<f64>)], scale: &Scale, colours: &[Colour], top: i32) -> Result<(), String> {
        let count = columns.len().max(1);
        #[expect(clippy::cast_precision_loss, reason = "some dozen columns")]
        let ground = self.ground(scale, (0.0, count as f64), top)?;
        for ((label, stack), place) in columns.iter().zip(0u32..) {
            let left = f64::from(place);
            let mut height = 0.0;
            for (figure, colour) in stack.iter().zip(colours) {
                let piece = Rectangle::new([(left + 0.14, height), (left + 0.86, height + figure)], rgb(*colour).filled());
                ground.draw(&piece).map_err(|error| error.to_string())?;
                height += figure;
            }
            let (x, y) = ground.map_coordinate(&(left + 0.5, 0.0));
            let half = self.width(EDGE, false, label) / 2;
            self.text(((x / TIMES).min(WIDTH - 12 - half), y / TIMES + 36), EDGE, false, GREY, Side::Middle, label)?;
        }
        Ok(())
    }

    fn lines(&self, ground: &Ground<'_>, lines: &[Line], colours: &[Colour]) -> Result<(), String> {
        for line in lines {
            let Some(colour) = colours.get(line.series) else { continue };
            let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else { continue };
            if line.filled {
                let outline = [(first.0, 0.0)].into_iter().chain(line.points.iter().copied()).chain([(last.0, 0.0)]);
                ground.draw(&Polygon::new(outline.collect::<Vec<_>>(), rgb(*colour).mix(0.22))).map_err(|error| error.to_string())?;
            }
            let stroke = rgb(*colour).stroke_width(10);
            let drawn = if line.dashed {
                ground.draw(&DashedPathElement::new(line.points.iter().copied(), 22, 14, stroke))
            } else {
                ground.draw(&PathElement::new(line.points.clone(), stroke))
            };
            drawn.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// What stands below a drawing of lines, and the present, where something is shown behind it.
    fn times(&self, ground: &Ground<'_>, times: &[(f64, String)], (now, span): (f64, (f64, f64)), scale: &Scale) -> Result<(), String> {
        for (at, label) in times {
            let (x, y) = ground.map_coordinate(&(*at, 0.0));
            let half = self.width(EDGE, false, label) / 2;
            let x = (x / TIMES).clamp(MARGIN + half, WIDTH - 8 - half);
            self.text((x, y / TIMES + 36), EDGE, false, GREY, Side::Middle, label)?;
        }
        if now >= span.1 {
            return Ok(());
        }
        let present = DashedPathElement::new([(now, 0.0), (now, scale.top)], 8, 10, rgb(GREY).stroke_width(4));
        ground.draw(&present).map_err(|error| error.to_string())?;
        let (x, y) = ground.map_coordinate(&(now, scale.top));
        self.text((x / TIMES, y / TIMES - 20), EDGE, false, GREY, Side::Middle, "now")
    }

    fn rows(&self, rows: &[Row], colours: &[Colour], top: i32) -> Result<(), String> {
        let mut y = top;
        for row in rows {
            match row {
                Row::Head(head) => self.text((MARGIN, y + 40), TEXT, true, WHITE, Side::Left, head)?,
                Row::Bars(name, bars) => {
                    let high = BAR * i32::try_from(bars.len()).unwrap_or(1);
                    let name = self.fitted(TEXT, false, BARS.0 - MARGIN - 20, name);
                    self.text((MARGIN, y + (high + ROOM) / 2), TEXT, false, WHITE, Side::Left, &name)?;
                    for ((series, part, figure), place) in bars.iter().zip(0i32..) {
                        let above = y + ROOM / 2 + place * BAR;
                        self.block((BARS.0, above + 3), (BARS.1 - BARS.0, BAR - 6), GUIDE)?;
                        let colour = colours.get(*series).copied().unwrap_or(GREY);
                        #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
                        let long = (f64::from(BARS.1 - BARS.0) * part.clamp(0.0, 1.0)).round() as i32;
                        // A little is not nothing.
                        let long = if *part > 0.0 { long.max(4) } else { 0 };
                        self.block((BARS.0, above + 3), (long, BAR - 6), colour)?;
                        self.text((BARS.1 + 18, above + BAR / 2), TEXT, true, colour, Side::Left, figure)?;
                    }
                }
            }
            y += row_height(row);
        }
        Ok(())
    }
}
