//! How many findings fall on each date and hour, or on each date and value of a column.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Timelike, Utc};
use indicatif::HumanCount;
use plotters::chart::ChartBuilder;
use plotters::element::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{self, Names, WIDTH, room_for, short};
use super::{Chart, ChartError, Counts, findings};
use crate::job::{Interval, Zone};

/// Dates on an axis; earlier ones are told in words.
const MOST_DATES: usize = 62;

/// Counts in rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What goes across.
    pub across: Axis,
    /// What goes down.
    pub down: Axis,
    /// A row for each name that goes down, a count in it for each that goes across.
    pub counts: Vec<Vec<u64>>,
    /// What has no cell.
    pub left_out: Option<String>,
}

/// The names on one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What the names are.
    pub title: String,
    /// The names in order.
    pub names: Vec<String>,
}

impl HeatMap {
    /// Hours across, dates down: every date of the interval, also one without findings.
    pub fn by_hour(times: &[DateTime<Utc>], interval: &Interval, zone: &Zone) -> Self {
        let (dates, left_out) = dates(times, interval, zone);
        let mut map = Self::empty(
            axis("hour", (0..24).map(|hour| format!("{hour:02}"))),
            axis("date", dates.iter().map(ToString::to_string)),
            left_out,
        );
        for time in times {
            let local = zone.local(*time);
            if let Ok(row) = dates.binary_search(&local.date()) {
                map.counts[row][local.hour() as usize] += 1;
            }
        }
        map
    }

    /// Dates across, the values of the column `by` down, the most frequent first. One value for each time.
    pub fn by_value(
        by: &str,
        values: &[String],
        times: &[DateTime<Utc>],
        interval: &Interval,
        zone: &Zone,
    ) -> Self {
        let (dates, too_early) = dates(times, interval, zone);
        let counts = Counts::of(by, values.iter().cloned());
        let (shown, too_rare) = counts.shown();
        let left_out: Vec<_> = too_rare.into_iter().chain(too_early).collect();
        let mut map = Self::empty(
            axis("date", dates.iter().map(ToString::to_string)),
            axis(by, shown.iter().map(|(name, _)| name.clone())),
            (!left_out.is_empty()).then(|| left_out.join(" ")),
        );
        for (value, time) in values.iter().zip(times) {
            let row = shown.iter().position(|(name, _)| name == value);
            let column = dates.binary_search(&zone.date(*time));
            if let (Some(row), Ok(column)) = (row, column) {
                map.counts[row][column] += 1;
            }
        }
        map
    }

    fn empty(across: Axis, down: Axis, left_out: Option<String>) -> Self {
        Self {
            counts: vec![vec![0; across.names.len()]; down.names.len()],
            across,
            down,
            left_out,
        }
    }

    /// The cells; `None` where all are empty.
    pub fn chart(&self) -> Result<Option<Chart>, ChartError> {
        let most = self.counts.iter().flatten().max().copied().unwrap_or(0);
        if most == 0 {
            return Ok(None);
        }
        let (columns, rows) = (self.across.names.len(), self.down.names.len());
        let room = room_for(&self.down.names);
        let cell_width = (WIDTH - room - 20) / columns as u32;
        let cell_height = (600 / rows as u32).clamp(9, 23);
        let drawings = canvas::draw(rows as u32 * cell_height + 52, |area, theme| {
            let across = Names {
                count: columns,
                step: columns.div_ceil(12),
                is_down: false,
            };
            let down = Names {
                count: rows,
                step: 14_usize.div_ceil(cell_height as usize),
                is_down: true,
            };
            let mut chart = ChartBuilder::on(area)
                .margin_top(4)
                .margin_left(8)
                .margin_right(12)
                .x_label_area_size(44)
                .y_label_area_size(room)
                .build_cartesian_2d(across, down)?;
            chart
                .configure_mesh()
                .disable_mesh()
                .x_desc(&self.across.title)
                .y_desc(short(&self.down.title))
                .x_labels(columns)
                .y_labels(rows)
                .x_label_formatter(&|place| self.across.tick(*place as usize).to_owned())
                .y_label_formatter(&|place| short(&self.down.names[*place as usize]))
                .axis_style(theme.line().mix(0.0))
                .label_style(theme.axis_text())
                .axis_desc_style(theme.axis_text())
                .draw()?;
            for (row, counts) in self.counts.iter().enumerate() {
                for (column, count) in counts.iter().enumerate() {
                    // The root keeps small counts apart beside a large one.
                    let colour = match count {
                        0 => theme.empty(),
                        count => theme.heat((*count as f64 / most as f64).sqrt()),
                    };
                    let (left, top) = (column as f64, row as f64);
                    let corners = [(left, top), (left + 1.0, top + 1.0)];
                    let mut cell = Rectangle::new(corners, colour.filled());
                    cell.set_margin(1, 1, 1, 1);
                    chart.draw_series([cell])?;
                    let words = HumanCount(*count).to_string();
                    if *count > 0 && cell_height >= 14 && cell_width >= 8 * words.len() as u32 + 4 {
                        let place = (left + 0.5, top + 0.5);
                        let ink = theme.text(theme.ink_on(colour), HPos::Center, VPos::Center);
                        chart.draw_series([Text::new(words, place, ink)])?;
                    }
                }
            }
            Ok::<(), plotters::drawing::DrawingAreaErrorKind<std::io::Error>>(())
        })?;
        let head = std::iter::once(&self.down.title).chain(&self.across.names);
        let number = |count: &u64| HumanCount(*count).to_string();
        let numbers = self
            .down
            .names
            .iter()
            .zip(&self.counts)
            .map(|(name, counts)| {
                std::iter::once(name.clone())
                    .chain(counts.iter().map(number))
                    .collect()
            });
        let names = [&self.down.title, &self.across.title];
        let [down, across] = if self.across.title == "hour" {
            [names[1], names[0]]
        } else {
            names
        };
        Ok(Some(Chart {
            title: format!("Findings by {down} and {across}"),
            description: format!(
                "A heat map: {} across, {} down. The strongest colour is {}; an empty cell is none.",
                self.across.title,
                self.down.title,
                findings(most)
            ),
            left_out: self.left_out.clone(),
            head: head.cloned().collect(),
            numbers: numbers.collect(),
            drawings,
        }))
    }
}

impl Axis {
    /// What stands below a column: of many dates, the month and day.
    fn tick(&self, column: usize) -> &str {
        let name = &self.names[column];
        match name.get(5..) {
            Some(month_and_day) if self.title == "date" && self.names.len() > 3 => month_and_day,
            _ => name,
        }
    }
}

fn axis(title: &str, names: impl Iterator<Item = String>) -> Axis {
    Axis {
        title: title.to_owned(),
        names: names.collect(),
    }
}

/// The local dates of the interval in order; of a long one, the latest that have findings. And what is left out.
fn dates(
    times: &[DateTime<Utc>],
    interval: &Interval,
    zone: &Zone,
) -> (Vec<NaiveDate>, Option<String>) {
    let first = zone.date(interval.detect_start);
    let last = zone.date(interval.detect_end - TimeDelta::microseconds(1));
    let days = (last - first).num_days().max(0) as usize;
    if days < MOST_DATES {
        let dates = (0..=days).filter_map(|day| first.checked_add_days(Days::new(day as u64)));
        return (dates.collect(), None);
    }
    let mut all: Vec<_> = times.iter().map(|time| zone.date(*time)).collect();
    all.sort_unstable();
    let mut dates = all.clone();
    dates.dedup();
    let dates = dates.split_off(dates.len().saturating_sub(MOST_DATES));
    let earlier = match dates.first() {
        Some(first) => all.partition_point(|date| date < first),
        None => 0,
    };
    let left_out = (earlier > 0).then(|| {
        let earlier = findings(earlier as u64);
        format!(
            "The latest {MOST_DATES} dates with findings are shown; earlier ones have {earlier}."
        )
    });
    (dates, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Window;

    #[test]
    fn a_finding_falls_on_its_local_hour_and_date() {
        let times = ["2026-03-09T23:30:00Z", "2026-03-10T22:59:59Z"].map(utc);
        let map = HeatMap::by_hour(
            &times,
            &days("2026-03-09T23:00:00Z", 2),
            &zone("Europe/Berlin"),
        );
        assert_eq!(map.down.names, ["2026-03-10", "2026-03-11"]);
        assert_eq!(map.counts[0][0], 1);
        assert_eq!(map.counts[0][23], 1);
        assert_eq!(map.counts.iter().flatten().sum::<u64>(), 2);
    }

    #[test]
    fn a_date_without_findings_has_its_place() {
        let times = [utc("2026-03-10T12:00:00Z")];
        let values = ["web-1".to_owned()];
        let interval = days("2026-03-09T00:00:00Z", 3);
        let map = HeatMap::by_value("Computer", &values, &times, &interval, &zone("UTC"));
        assert_eq!(map.across.names, ["2026-03-09", "2026-03-10", "2026-03-11"]);
        assert_eq!(map.counts, [[0, 1, 0]]);
    }

    #[test]
    fn of_a_long_time_the_latest_dates_with_findings_are_shown_and_the_others_told() {
        let start = utc("2020-01-01T00:00:00Z");
        let times: Vec<_> = (0..70)
            .map(|day| start + TimeDelta::days(10 * day))
            .collect();
        let map = HeatMap::by_hour(
            &times,
            &days("2020-01-01T00:00:00Z", 3_000_000 / 3),
            &zone("UTC"),
        );
        assert_eq!(map.down.names.len(), 62);
        assert_eq!(map.down.names[0], "2020-03-21"); // the 9th of 70, 80 days on
        assert_eq!(
            map.left_out.unwrap(),
            "The latest 62 dates with findings are shown; earlier ones have 8 findings."
        );
    }

    #[test]
    fn rare_values_are_told() {
        let times = vec![utc("2026-03-10T12:00:00Z"); 25];
        let values: Vec<_> = (0..25).map(|host| format!("web-{host:02}")).collect();
        let map = HeatMap::by_value(
            "Computer",
            &values,
            &times,
            &days("2026-03-10T00:00:00Z", 1),
            &zone("UTC"),
        );
        assert_eq!(map.down.names.len(), 20);
        assert!(map.left_out.unwrap().contains("the others have 5 findings"));
    }

    #[test]
    fn every_row_of_every_size_of_map_has_its_name_in_the_picture() {
        for hosts in 1..=20 {
            let times = vec![utc("2026-03-10T12:00:00Z"); hosts];
            let values: Vec<_> = (0..hosts).map(|host| format!("web-{host:02}")).collect();
            let interval = days("2026-03-10T00:00:00Z", 1);
            let map = HeatMap::by_value("Computer", &values, &times, &interval, &zone("UTC"));
            let chart = map.chart().unwrap().unwrap();
            for name in values.iter().map(String::as_str).chain(["2026-03-10"]) {
                let text = format!("\n{name}\n");
                assert!(
                    chart.drawings[0].elements.contains(&text),
                    "{name} of {hosts}"
                );
            }
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn days(start: &str, days: i64) -> Interval {
        let (detect_start, detect_end) = (utc(start), utc(start) + TimeDelta::days(days));
        Interval {
            as_of: detect_end,
            train_start: detect_start,
            train_end: detect_end,
            detect_start,
            detect_end,
        }
    }

    fn zone(name: &str) -> Zone {
        let window = format!("detect = \"1 day\"\ntrain = \"all\"\ntimezone = \"{name}\"");
        toml::from_str::<Window>(&window).unwrap().timezone
    }
}
