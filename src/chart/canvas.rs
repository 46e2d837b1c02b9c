//! The surface that charts are drawn on: its size, its colours, its letters.

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{ChartError, Drawing};

/// Width of every chart: it fits a phone with letters that can be read, and two fit beside each other on a screen.
pub(super) const WIDTH: u32 = 400;

/// The longest name on an axis, in columns of a terminal.
const LONGEST: usize = 24;

/// plotters writes sizes of letters divided by this into SVG.
const FONT_SCALE: f64 = 1.24;

/// The height of letters, and the width that one may take.
const FONT_SIZE: f64 = 12.0;
const LETTER: f64 = 7.2;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What a chart is seen against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// On white or paper.
    Light,
    /// On black.
    Dark,
}

impl Theme {
    /// Letters.
    pub(super) fn ink(self) -> RGBColor {
        self.either(0x3d4754, 0xb9c3d0)
    }

    /// Axes and what lies behind bars.
    pub(super) fn line(self) -> RGBColor {
        self.either(0xdcdfe4, 0x333d4a)
    }

    /// Bars, and what is ordinary beside what is not.
    pub(super) fn bar(self) -> RGBColor {
        self.either(0x2f7f9e, 0x5aaac8)
    }

    /// What is ordinary.
    pub(super) fn ordinary(self) -> RGBColor {
        self.either(0xa9b8c4, 0x55657a)
    }

    /// A line that matters less than all others.
    pub(super) fn quiet(self) -> RGBColor {
        self.either(0x738291, 0x8492a3)
    }

    /// What is not: orange, which no kind of colour blindness takes for the blue beside it.
    pub(super) fn strange(self) -> RGBColor {
        self.either(0xc75a16, 0xf09a5c)
    }

    /// Lines beside the one that is strange, told apart from it and from each other; after the fourth they come again.
    pub(super) fn other(self, place: usize) -> RGBColor {
        match place % 4 {
            0 => self.bar(),
            1 => self.either(0x2e7d4f, 0x6cc28e),
            2 => self.either(0x7a4fa3, 0xbf9be0),
            _ => self.either(0x9a7b0a, 0xd9bd4a),
        }
    }

    /// A cell with nothing in it.
    pub(super) fn empty(self) -> RGBColor {
        self.either(0xf1f2f4, 0x232b36)
    }

    /// A cell's colour, for 0 (just something) to 1 (the most): one way from near the background to far from it, also in
    /// shades of grey. Dark ends in viridis's yellow, light in its purple.
    pub(super) fn heat(self, share: f64) -> RGBColor {
        let stops = match self {
            Self::Light => [0xcfe6e1, 0x8cc5bd, 0x4c9aa8, 0x31688e, 0x3b2a6b],
            Self::Dark => [0x2c4866, 0x2d7189, 0x2aa083, 0x8fcf4f, 0xfde725],
        };
        let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let low = (place as usize).min(stops.len() - 2);
        mix(rgb(stops[low]), rgb(stops[low + 1]), place - low as f64)
    }

    /// Letters on a cell of this colour.
    pub(super) fn ink_on(self, cell: RGBColor) -> RGBColor {
        let RGBColor(r, g, b) = cell;
        let luminance = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
        rgb(if luminance > 130.0 {
            0x1c2430
        } else {
            0xffffff
        })
    }

    /// A letter style: its place relative to its point.
    pub(super) fn text<'a>(self, colour: RGBColor, across: HPos, down: VPos) -> TextStyle<'a> {
        ("sans-serif", FONT_SIZE * FONT_SCALE)
            .into_font()
            .color(&colour)
            .pos(Pos::new(across, down))
    }

    /// Letters of an axis.
    pub(super) fn axis_text<'a>(self) -> TextStyle<'a> {
        self.text(self.ink(), HPos::Left, VPos::Top)
    }

    /// Lines of an axis.
    pub(super) fn axis(self) -> ShapeStyle {
        self.line().stroke_width(1)
    }

    fn either(self, light: u32, dark: u32) -> RGBColor {
        rgb(match self {
            Self::Light => light,
            Self::Dark => dark,
        })
    }
}

fn rgb(hex: u32) -> RGBColor {
    let [_, r, g, b] = hex.to_be_bytes();
    RGBColor(r, g, b)
}

fn mix(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let mix = |from: u8, to: u8| {
        (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8
    };
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Draws the same picture for both themes.
pub(super) fn draw<E>(
    height: u32,
    paint: impl Fn(&Area<'_>, Theme) -> Result<(), E>,
) -> Result<[Drawing; 2], ChartError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let draw = |theme| {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paint(&area, theme).map_err(|error| ChartError::Draw(Box::new(error)))?;
        area.present()
            .map_err(|error| ChartError::Draw(Box::new(error)))?;
        drop(area);
        // plotters wraps its elements in an `<svg>` of its own.
        let elements = svg.split_once('>').map_or("", |(_, rest)| rest);
        let elements = elements.trim_end().trim_end_matches("</svg>");
        Ok(Drawing {
            theme,
            width: WIDTH,
            height,
            elements: elements.to_owned(),
        })
    };
    Ok([draw(Theme::Light)?, draw(Theme::Dark)?])
}

/// An axis of names, each a unit wide, every `step`th of them written at its middle; the first is left, or at the top.
pub(super) struct Names {
    pub count: usize,
    pub step: usize,
    pub is_down: bool,
}

impl Ranged for Names {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn range(&self) -> Range<f64> {
        0.0..self.count as f64
    }

    fn map(&self, place: &f64, (start, end): (i32, i32)) -> i32 {
        // What goes up has its start at the bottom.
        let (start, end) = if self.is_down {
            (end, start)
        } else {
            (start, end)
        };
        let share = place / self.count as f64;
        start + (f64::from(end - start) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let names = (0..self.count).step_by(self.step);
        names.map(|name| name as f64 + 0.5).collect()
    }
}

/// The room that the longest of these names takes beside an axis, with the axis's own name.
pub(super) fn room_for(names: &[String]) -> u32 {
    let longest = names.iter().map(|name| short(name).width()).max();
    (longest.unwrap_or(0) as f64 * LETTER) as u32 + 32
}

/// A name without its middle, if it is long: paths and ARNs differ at their ends.
pub(super) fn short(name: &str) -> String {
    if name.width() <= LONGEST {
        return name.to_owned();
    }
    let head = fitting(name.chars(), LONGEST / 3);
    let mut tail = fitting(name.chars().rev(), LONGEST - LONGEST / 3 - 1);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

fn fitting(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_loses_its_middle() {
        assert_eq!(short("svchost.exe"), "svchost.exe");
        assert_eq!(
            short("arn:aws:iam::811596193553:user/benjamin"),
            "arn:aws:…3:user/benjamin"
        );
    }

    #[test]
    fn the_heat_map_goes_one_way_in_shades_of_grey() {
        let grey = |theme: Theme, step: u8| {
            let RGBColor(r, g, b) = theme.heat(f64::from(step) / 20.0);
            0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
        };
        for step in 0..20 {
            assert!(
                grey(Theme::Light, step) > grey(Theme::Light, step + 1),
                "{step}"
            );
            assert!(
                grey(Theme::Dark, step) < grey(Theme::Dark, step + 1),
                "{step}"
            );
        }
    }
}
