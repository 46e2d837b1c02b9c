//! How many findings have each value of a column, as bars.

use std::collections::HashMap;

use indicatif::HumanCount;
use plotters::chart::ChartBuilder;
use plotters::element::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{self, Names, room_for, short};
use super::{Chart, ChartError, MOST_NAMES, findings};

/// Height of a bar and the gap to the next.
const ROW: u32 = 23;

/// Values by how often they come.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// The column.
    pub by: String,
    /// Each value and its count: the most frequent first, equals by name.
    pub values: Vec<(String, u64)>,
}

impl Counts {
    /// Counts the values of the column `by`.
    pub fn of(by: &str, values: impl IntoIterator<Item = String>) -> Self {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        let mut values: Vec<_> = counts.into_iter().collect();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Self {
            by: by.to_owned(),
            values,
        }
    }

    /// The values with a place on the axis, and what is said of the others.
    pub(super) fn shown(&self) -> (&[(String, u64)], Option<String>) {
        let (shown, others) = self.values.split_at(self.values.len().min(MOST_NAMES));
        let left_out = (!others.is_empty()).then(|| {
            format!(
                "{} of {} values of {} are shown; the others have {} between them.",
                shown.len(),
                HumanCount(self.values.len() as u64),
                self.by,
                findings(others.iter().map(|(_, count)| count).sum()),
            )
        });
        (shown, left_out)
    }

    /// The bars; `None` where there is nothing to count.
    pub fn chart(&self) -> Result<Option<Chart>, ChartError> {
        let (shown, left_out) = self.shown();
        let [(first, most), ..] = shown else {
            return Ok(None);
        };
        let names: Vec<_> = shown.iter().map(|(name, _)| name.clone()).collect();
        let rows = shown.len();
        let drawings = canvas::draw(rows as u32 * ROW + 52, |area, theme| {
            let down = Names {
                count: rows,
                step: 1,
                is_down: true,
            };
            let mut chart = ChartBuilder::on(area)
                .margin_top(4)
                .margin_left(8)
                .margin_right(46)
                .x_label_area_size(44)
                .y_label_area_size(room_for(&names))
                .build_cartesian_2d(0..*most, down)?;
            chart
                .configure_mesh()
                .disable_y_mesh()
                .x_desc("findings")
                .y_desc(short(&self.by))
                .x_labels(8)
                .y_labels(rows)
                .x_label_formatter(&|count| HumanCount(*count).to_string())
                .y_label_formatter(&|place| short(&names[*place as usize]))
                .axis_style(theme.axis())
                .bold_line_style(theme.axis())
                .light_line_style(theme.line().mix(0.0))
                .label_style(theme.axis_text())
                .axis_desc_style(theme.axis_text())
                .draw()?;
            let bars = shown.iter().enumerate().map(|(row, (_, count))| {
                let corners = [(0, row as f64), (*count, (row + 1) as f64)];
                let mut bar = Rectangle::new(corners, theme.bar().filled());
                bar.set_margin(3, 3, 0, 0);
                bar
            });
            chart.draw_series(bars)?;
            let label = theme.text(theme.ink(), HPos::Left, VPos::Center);
            let labels = shown.iter().enumerate().map(|(row, (_, count))| {
                let words = format!("\u{a0}{}", HumanCount(*count));
                Text::new(words, (*count, row as f64 + 0.5), label.clone())
            });
            chart.draw_series(labels).map(drop)
        })?;
        Ok(Some(Chart {
            title: format!("Findings by {}", self.by),
            description: format!(
                "A bar for each of {rows} values of {}, the longest first: {first}, {}.",
                self.by,
                findings(*most)
            ),
            left_out,
            head: vec![self.by.clone(), "findings".to_owned()],
            numbers: shown
                .iter()
                .map(|(name, count)| vec![name.clone(), HumanCount(*count).to_string()])
                .collect(),
            drawings,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn the_most_frequent_comes_first_and_equals_by_name() {
        let counts = Counts::of("Process", texts(&["b", "a", "c", "c"]));
        let expected = [("c", 2), ("a", 1), ("b", 1)];
        assert_eq!(
            counts.values,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
    }

    #[test]
    fn what_has_no_bar_is_told() {
        let values = (0..25).map(|value| format!("{value:02}.exe"));
        let counts = Counts::of("Process", values.chain(["00.exe".to_owned()]));
        let chart = counts.chart().unwrap().unwrap();
        assert_eq!(chart.numbers.len(), 20);
        assert_eq!(chart.numbers[0], ["00.exe", "2"]);
        assert_eq!(
            chart.left_out.unwrap(),
            "20 of 25 values of Process are shown; the others have 5 findings between them."
        );
    }

    #[test]
    fn every_value_that_is_shown_has_its_name_and_its_count_beside_its_bar() {
        for values in 1..=20 {
            let names: Vec<_> = (0..values).map(|value| format!("{value}.exe")).collect();
            let chart = Counts::of("Process", names.clone())
                .chart()
                .unwrap()
                .unwrap();
            for drawing in &chart.drawings {
                for name in &names {
                    assert!(
                        drawing.elements.contains(&format!("\n{name}\n")),
                        "{name} of {values}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_name_is_text_in_the_picture_whatever_it_says() {
        let counts = Counts::of("<Process>", texts(&["<b>&\"'</b>"]));
        let chart = counts.chart().unwrap().unwrap();
        let elements = &chart.drawings[0].elements;
        assert!(
            !elements.contains("<b>") && !elements.contains("<Process>"),
            "{elements}"
        );
        assert!(elements.contains("&lt;b&gt;"), "{elements}");
    }

    #[test]
    fn nothing_has_no_chart() {
        assert!(Counts::of("Process", []).chart().unwrap().is_none());
    }
}
