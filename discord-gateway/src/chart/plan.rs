//! What a chart shows, in figures: the painter adds nothing and leaves nothing out.

use crate::text::cut;

/// Most series of a chart: more cannot be told apart on a phone.
pub(super) const MOST_SERIES: usize = 6;

/// A colour: red, green, blue.
pub(super) type Colour = (u8, u8, u8);

/// The ground that everything is drawn on: that of a dark client, so that the picture has no edge there.
pub(super) const GROUND: Colour = (0x1e, 0x1f, 0x22);
/// Colours of series, told apart by people who see few colours too; each is readable on the ground.
pub(super) const COLOURS: [Colour; MOST_SERIES] =
    [(0x5c, 0xb8, 0xf2), (0xff, 0xa9, 0x40), (0x3d, 0xd6, 0xa3), (0xf5, 0xe0, 0x5a), (0xff, 0x8a, 0x80), (0xd6, 0x9b, 0xe8)];
/// What has no name of its own.
pub(super) const OTHERS: Colour = (0xa8, 0xad, 0xb8);

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart {
    /// The heading.
    pub(super) title: String,
    /// One line below it that says what the picture comes to.
    pub(super) note: String,
    /// What there is, at most six, with its figure.
    pub(super) series: Vec<Series>,
    /// The drawing.
    pub(super) body: Body,
}

/// One thing that is drawn, and its line in the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// Its name.
    pub(super) name: String,
    /// Its figure.
    pub(super) value: String,
    /// Its colour.
    pub(super) colour: Colour,
}

/// The drawing of a chart. Indices are those of the series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Nothing to draw, and why.
    Empty(String),
    /// Columns side by side, each a stack of the series.
    Columns {
        /// For each column what stands below it (may be empty), and the height of each series.
        columns: Vec<(String, Vec<f64>)>,
        /// The height of the drawing, with the lines across.
        scale: Scale,
    },
    /// Lines over time.
    Lines {
        /// First and last second.
        span: (f64, f64),
        /// The lines.
        lines: Vec<Line>,
        /// The height of the drawing, with the lines across.
        scale: Scale,
        /// What stands below the drawing.
        times: Vec<(f64, String)>,
        /// Where the present is.
        now: f64,
    },
    /// Bars that begin at one edge, under headings.
    Rows(Vec<Row>),
}

/// One line of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Whose it is.
    pub(super) series: usize,
    /// Seconds and height, in order.
    pub(super) points: Vec<(f64, f64)>,
    /// What is only expected is dashed.
    pub(super) dashed: bool,
    /// The ground below it is tinted.
    pub(super) filled: bool,
}

/// One row of bars.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    /// A heading.
    Head(String),
    /// A name with its bars: series, part of the whole from 0 to 1, and the figure beside it.
    Bars(String, Vec<(usize, f64, String)>),
}

/// Heights that lines are drawn at, from 0 to the top.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// The top.
    pub(super) top: f64,
    /// Heights with their labels.
    pub(super) marks: Vec<(f64, String)>,
}

impl Scale {
    /// Round heights up to at least `most`, two to five of them, whole ones only.
    pub(super) fn up_to(most: f64) -> Self {
        let most = most.max(1.0);
        let mut size = 1.0;
        let step = loop {
            let fits = [1.0, 2.0, 5.0].into_iter().map(|factor| factor * size).find(|step| most / step <= 5.0);
            if let Some(step) = fits {
                break step;
            }
            size *= 10.0;
        };
        let count = (most / step).ceil();
        let heights = (0..=5u8).map(f64::from).take_while(|at| *at <= count);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and not below zero")]
        let marks = heights.map(|at| (at * step, short((at * step) as u64))).collect();
        Self { top: count * step, marks }
    }
}

/// A number in few letters: `950`, `1.2 k`, `34 k`, `4.6 M`.
pub(super) fn short(number: u64) -> String {
    let (size, name) = match number {
        0..=999 => return number.to_string(),
        1_000..=999_499 => (1e3, "k"),
        999_500..=999_499_999 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let value = number as f64 / size;
    if value < 9.95 && (value * 10.0).round() % 10.0 != 0.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

/// The names with the largest figures, largest first, and whether others are left over: together never more than six.
pub(super) fn largest(mut figures: Vec<(String, u64)>) -> (Vec<String>, bool) {
    figures.retain(|(_, figure)| *figure > 0);
    figures.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let more = figures.len() > MOST_SERIES;
    figures.truncate(if more { MOST_SERIES - 1 } else { MOST_SERIES });
    (figures.into_iter().map(|(name, _)| name).collect(), more)
}

impl Chart {
    /// What somebody hears who does not see the picture.
    pub(super) fn words(&self) -> String {
        let mut made = format!("{}. {}.", self.title, self.note.trim_end_matches('.'));
        match &self.body {
            Body::Empty(why) => made = format!("{}. {why}", self.title),
            Body::Rows(rows) => {
                for row in rows {
                    match row {
                        Row::Head(head) => made.extend([format!(" {head}:")]),
                        Row::Bars(name, bars) => {
                            let told = |bar: &(usize, f64, String)| {
                                let whose = self.series.get(bar.0).map_or("", |series| series.name.as_str());
                                format!("{whose} {}", bar.2)
                            };
                            made.extend([format!(" {name}: {}.", bars.iter().map(told).collect::<Vec<_>>().join(", "))]);
                        }
                    }
                }
            }
            Body::Columns { .. } | Body::Lines { .. } => {
                let told = self.series.iter().map(|series| format!("{} {}", series.name, series.value));
                made.extend([format!(" {}.", told.collect::<Vec<_>>().join(", "))]);
            }
        }
        cut(&made, 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(colour: Colour) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
    }

    /// Charts R2: every colour stands out from the ground by at least 7 to 1.
    #[test]
    fn colours_stand_out() {
        for colour in COLOURS.into_iter().chain([OTHERS]) {
            assert!((light(colour) + 0.05) / (light(GROUND) + 0.05) >= 7.0, "{colour:?}");
        }
    }

    /// Charts R3: round heights, few of them, whole numbers where whole things are counted.
    #[test]
    fn heights_are_round() {
        let labels = |most| Scale::up_to(most).marks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(0.0), ["0", "1"]);
        assert_eq!(labels(3.0), ["0", "1", "2", "3"]);
        assert_eq!(labels(7.0), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(1_234_567.0), ["0", "500 k", "1 M", "1.5 M"]);
        assert_eq!(Scale::up_to(7.0).top, 8.0);
        for most in [1.0, 9.9, 10.0, 4_999.0, 5_001.0, 3e12] {
            let scale = Scale::up_to(most);
            assert!(scale.top >= most && (2..=6).contains(&scale.marks.len()), "{most}: {scale:?}");
        }
    }

    /// Charts R3: numbers in few letters.
    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 k"),
            (1234, "1.2 k"),
            (9_960, "10 k"),
            (34_499, "34 k"),
            (999_499, "999 k"),
            (999_500, "1 M"),
            (4_600_000, "4.6 M"),
            (7_200_000_000, "7.2 G"),
        ] {
            assert_eq!(short(number), text, "{number}");
        }
    }

    /// Charts R2: never more than six series, the largest first, nothing without a figure.
    #[test]
    fn at_most_six() {
        let named = |count: u64| (0..count).map(|n| (format!("p{n}"), n)).collect::<Vec<_>>();
        assert_eq!(largest(named(4)), (vec!["p3".to_owned(), "p2".to_owned(), "p1".to_owned()], false));
        assert_eq!(largest(named(7)).0.len(), 6);
        let (names, more) = largest(named(30));
        assert!(more && names.len() == 5 && names[0] == "p29");
    }
}
