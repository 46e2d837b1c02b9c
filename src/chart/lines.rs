//! Lines of several rankings in one picture, each with the room in which its seeds lie.

use plotters::chart::ChartBuilder;
use plotters::element::{DashedPathElement, PathElement, Polygon, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, RGBColor};

use super::canvas::{self, Theme, short};
use super::{Chart, ChartError};

/// Height of the axes and what is between them.
const PLOT: u32 = 300;
/// Height of a line of the key below.
const KEY: u32 = 18;

/// Which pen draws a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pen {
    /// What the picture is about.
    First,
    /// What it is compared with, from 0.
    Other(usize),
    /// What needs no thought, from 0: dashed.
    Dashed(usize),
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name in the key.
    pub name: String,
    /// How it is drawn.
    pub pen: Pen,
    /// From left to right: where, how high, and the lowest and the highest of the seeds.
    pub points: Vec<(f64, f64, (f64, f64))>,
}

/// How the horizontal axis goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From 0 to 1.
    Linear,
    /// A share from the least to all, each factor of ten as wide.
    Logarithmic,
}

/// Lines over one axis.
#[derive(Clone, Debug)]
pub struct Lines {
    /// What the picture shows.
    pub title: String,
    /// What is across, and what is up.
    pub axes: [String; 2],
    /// How it goes across.
    pub scale: Scale,
    /// The top of what is up; its bottom is 0.
    pub top: f64,
    /// The lines; the first is drawn over all others.
    pub lines: Vec<Line>,
}

impl Lines {
    /// The picture.
    pub fn chart(&self) -> Result<Chart, ChartError> {
        let height = PLOT + KEY * self.lines.len() as u32 + 12;
        let drawings = canvas::draw(height, |area, theme| {
            let (plot, key) = area.split_vertically(PLOT);
            let left = match self.scale {
                Scale::Linear => 0.0,
                Scale::Logarithmic => self.least().log10().floor(),
            };
            let right = match self.scale {
                Scale::Linear => 1.0,
                Scale::Logarithmic => 0.0,
            };
            let mut chart = ChartBuilder::on(&plot)
                .margin_top(10)
                .margin_left(8)
                .margin_right(20)
                .x_label_area_size(44)
                .y_label_area_size(52)
                .build_cartesian_2d(left..right, 0.0..self.top)?;
            let across = |place: &f64| match self.scale {
                Scale::Linear => format!("{place:.1}"),
                Scale::Logarithmic if place.fract() == 0.0 => percent(10_f64.powf(*place)),
                Scale::Logarithmic => String::new(),
            };
            let up = |place: &f64| match self.top > 1.0 {
                true => format!("{place:.0}"),
                false => format!("{place:.1}"),
            };
            chart
                .configure_mesh()
                .x_desc(self.axes[0].as_str())
                .y_desc(self.axes[1].as_str())
                .x_labels(6)
                .y_labels(6)
                .x_label_formatter(&across)
                .y_label_formatter(&up)
                .axis_style(theme.axis())
                .bold_line_style(theme.axis())
                .light_line_style(theme.line().mix(0.0))
                .label_style(theme.axis_text())
                .axis_desc_style(theme.axis_text())
                .draw()?;
            for line in self.lines.iter().rev() {
                let colour = line.pen.colour(theme);
                let place = |x: f64| match self.scale {
                    Scale::Linear => x,
                    Scale::Logarithmic => x.log10(),
                };
                let side = |high: bool| {
                    let side = line
                        .points
                        .iter()
                        .map(move |(x, _, (low, top))| (place(*x), if high { *top } else { *low }));
                    side.collect::<Vec<_>>()
                };
                let (low, mut room) = (side(false), side(true));
                if low != room {
                    room.extend(low.into_iter().rev());
                    chart.draw_series([Polygon::new(room, colour.mix(0.16))])?;
                }
                let middle = line.points.iter().map(|(x, y, _)| (place(*x), *y));
                let middle: Vec<_> = middle.collect();
                let style = colour.stroke_width(2);
                match line.pen {
                    Pen::Dashed(_) => {
                        let dashed = DashedPathElement::new(middle, 5, 4, style);
                        chart.draw_series([dashed]).map(drop)?;
                    }
                    _ => {
                        chart.draw_series([PathElement::new(middle, style)])?;
                    }
                }
            }
            for (row, line) in (0..).zip(&self.lines) {
                let (start, y) = (60, KEY as i32 * row + 14);
                let style = line.pen.colour(theme).stroke_width(2);
                let stroke = vec![(start, y), (start + 24, y)];
                match line.pen {
                    Pen::Dashed(_) => key.draw(&DashedPathElement::new(stroke, 5, 4, style))?,
                    _ => key.draw(&PathElement::new(stroke, style))?,
                }
                let words = theme.text(theme.ink(), HPos::Left, VPos::Center);
                key.draw(&Text::new(short(&line.name), (start + 32, y), words))?;
            }
            Ok::<_, plotters::drawing::DrawingAreaErrorKind<std::io::Error>>(())
        })?;
        Ok(Chart {
            title: self.title.clone(),
            description: self.description(),
            left_out: None,
            head: std::iter::once(self.axes[0].clone())
                .chain(self.lines.iter().map(|line| line.name.clone()))
                .collect(),
            numbers: self.numbers(),
            drawings,
        })
    }

    /// The leftmost place.
    fn least(&self) -> f64 {
        let points = self.lines.iter().flat_map(|line| line.points.first());
        points.map(|(x, _, _)| *x).fold(1.0, f64::min)
    }

    fn description(&self) -> String {
        let names: Vec<_> = self.lines.iter().map(|line| line.name.as_str()).collect();
        format!(
            "{} against {}, a line for each of {}.",
            self.axes[1],
            self.axes[0],
            names.join(", ")
        )
    }

    fn numbers(&self) -> Vec<Vec<String>> {
        let count = self.lines.iter().map(|line| line.points.len()).max();
        let row = |place: usize| {
            let x = self.lines.iter().find_map(|line| line.points.get(place));
            let x = x.map_or(0.0, |(x, _, _)| *x);
            let name = match self.scale {
                Scale::Linear => format!("{x:.2}"),
                Scale::Logarithmic => percent(x),
            };
            let heights = self.lines.iter().map(|line| match line.points.get(place) {
                Some((_, y, _)) if self.top > 1.0 => format!("{y:.1}"),
                Some((_, y, _)) => format!("{y:.3}"),
                None => String::new(),
            });
            std::iter::once(name).chain(heights).collect()
        };
        (0..count.unwrap_or(0)).map(row).collect()
    }
}

impl Pen {
    fn colour(self, theme: Theme) -> RGBColor {
        match self {
            Self::First => theme.strange(),
            Self::Other(place) => theme.other(place),
            Self::Dashed(0) => theme.ink(),
            Self::Dashed(_) => theme.quiet(),
        }
    }
}

/// Two figures of a share in hundredths.
fn percent(share: f64) -> String {
    let hundredths = share * 100.0;
    let digits = (1 - hundredths.log10().floor() as i32).max(0) as usize;
    let text = format!("{hundredths:.digits$}");
    match text.contains('.') {
        true => format!("{} %", text.trim_end_matches('0').trim_end_matches('.')),
        false => format!("{text} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_two_figures() {
        let shares = [0.00001, 0.000217, 0.001, 0.0333, 0.1, 1.0];
        let shown = shares.map(percent);
        assert_eq!(
            shown,
            ["0.001 %", "0.022 %", "0.1 %", "3.3 %", "10 %", "100 %"]
        );
    }

    #[test]
    fn a_line_with_room_around_it_a_key_and_numbers() {
        let line = |name: &str, pen, range| Line {
            name: name.to_owned(),
            pen,
            points: vec![(0.001, 0.5, range), (1.0, 1.0, (1.0, 1.0))],
        };
        let lines = Lines {
            title: "Recall".to_owned(),
            axes: ["share of rows".to_owned(), "recall".to_owned()],
            scale: Scale::Logarithmic,
            top: 1.0,
            lines: vec![
                line("</text><script>", Pen::First, (0.25, 0.75)),
                line("random", Pen::Dashed(0), (0.5, 0.5)),
            ],
        };
        let chart = lines.chart().unwrap();
        assert_eq!(
            chart.numbers,
            [["0.1 %", "0.500", "0.500"], ["100 %", "1.000", "1.000"]]
        );
        let [light, _] = &chart.drawings;
        assert_eq!(light.elements.matches("<polygon").count(), 1);
        assert!(light.elements.contains("0.1 %") && light.elements.contains("random"));
        assert!(!light.elements.contains("<script"));
    }
}
