//! How many judged rows have which `anomaly_score`, and where the threshold is.

use indicatif::HumanCount;
use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas;
use super::{Chart, ChartError};

/// Where bars begin: below one row, so that a single one has a bar.
const FLOOR: f64 = 0.6;

/// The scores of a run, from 0 to 1 in bars of equal width.
#[derive(Clone, Debug)]
pub struct Histogram<'a> {
    /// Rows in each bar.
    pub counts: &'a [u64],
    /// What is above is an anomaly.
    pub threshold: f64,
    /// Rows that are.
    pub n_anomalies: u64,
}

impl Histogram<'_> {
    /// The bars, from the lowest score to the highest.
    pub fn chart(&self) -> Result<Option<Chart>, ChartError> {
        let bins = self.counts.len() as f64;
        let filled = |count: &u64| *count > 0;
        let (Some(first), Some(last)) = (
            self.counts.iter().position(filled),
            self.counts.iter().rposition(filled),
        ) else {
            return Ok(None);
        };
        let most = self.counts.iter().max().copied().unwrap_or(0);
        let left = (first as f64 / bins).min(self.threshold - 0.01);
        let right = ((last + 1) as f64 / bins).max(self.threshold + 0.01);
        let bars = || (first..=last).filter(|bin| self.counts[*bin] > 0);
        let edges = |bin: usize| (bin as f64 / bins, (bin + 1) as f64 / bins);
        let drawings = canvas::draw(300, |area, theme| {
            let mut chart = ChartBuilder::on(area)
                .margin_top(26)
                .margin_left(8)
                .margin_right(16)
                .x_label_area_size(44)
                .y_label_area_size(70)
                .build_cartesian_2d(left..right, (FLOOR..most as f64 * 1.4).log_scale())?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .x_desc("anomaly_score")
                .y_desc("judged rows (logarithmic)")
                .x_labels(8)
                .y_labels(6)
                .x_label_formatter(&|score| format!("{score:.2}"))
                .y_label_formatter(&|count| HumanCount(count.round() as u64).to_string())
                .axis_style(theme.axis())
                .bold_line_style(theme.axis())
                .light_line_style(theme.line().mix(0.0))
                .label_style(theme.axis_text())
                .axis_desc_style(theme.axis_text())
                .draw()?;
            // A bar that the threshold parts has both colours.
            let parts = bars().flat_map(|bin| {
                let (start, end) = edges(bin);
                let middle = self.threshold.clamp(start, end);
                let count = self.counts[bin] as f64;
                let part = |start: f64, end: f64, colour: plotters::style::RGBColor| {
                    (end > start).then(|| {
                        let mut bar =
                            Rectangle::new([(start, FLOOR), (end, count)], colour.filled());
                        bar.set_margin(0, 0, 0, 1);
                        bar
                    })
                };
                let ordinary = part(start, middle, theme.ordinary());
                ordinary
                    .into_iter()
                    .chain(part(middle, end, theme.strange()))
            });
            chart.draw_series(parts)?;
            let top = most as f64 * 1.4;
            let line = [(self.threshold, FLOOR), (self.threshold, top)];
            let line = PathElement::new(line, theme.ink().stroke_width(1));
            chart.draw_series([line])?;
            let label = theme.text(theme.ink(), HPos::Center, VPos::Bottom);
            let words = format!("threshold {:.4}", self.threshold);
            chart
                .draw_series([Text::new(words, (self.threshold, top), label)])
                .map(drop)
        })?;
        Ok(Some(Chart {
            title: "Judged rows by anomaly_score".to_owned(),
            description: format!(
                "A histogram of scores from {:.2} to {:.2}, in bars of {:.2}. {} rows are above the threshold, {:.4}.",
                edges(first).0,
                edges(last).1,
                1.0 / bins,
                HumanCount(self.n_anomalies),
                self.threshold
            ),
            left_out: None,
            head: vec!["anomaly_score from".to_owned(), "judged rows".to_owned()],
            numbers: bars()
                .map(|bin| {
                    vec![
                        format!("{:.2}", edges(bin).0),
                        HumanCount(self.counts[bin]).to_string(),
                    ]
                })
                .collect(),
            drawings,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bars_with_rows_are_told_and_empty_ends_are_not_drawn() {
        let mut counts = [0; 100];
        (counts[41], counts[43], counts[70]) = (10_000, 5, 1);
        let histogram = Histogram {
            counts: &counts,
            threshold: 0.5,
            n_anomalies: 1,
        };
        let chart = histogram.chart().unwrap().unwrap();
        assert_eq!(
            chart.numbers,
            [["0.41", "10,000"], ["0.43", "5"], ["0.70", "1"]]
        );
        assert_eq!(
            chart.description,
            "A histogram of scores from 0.41 to 0.71, in bars of 0.01. 1 rows are above the threshold, 0.5000."
        );
    }
}
