//! The calendar: how many rows a day gets, and who is at work at which moment of it.
//!
//! Each persona has its hours; a day's curve is their sum. A quantile of that curve is a moment, so
//! a day cut at equal quantiles falls into time slices that can be made apart, in any order.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};
use rand::{Rng, distr::Distribution};
use rand_distr::weighted::WeightedAliasIndex;

use super::fleet::Fleet;
use super::persona::Persona;

pub const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// The personas of a fleet, with the events they make on a working day.
pub struct Calendar {
    staffed: Vec<(Persona, f64)>,
}

impl Calendar {
    pub fn new(fleet: &Fleet) -> Calendar {
        let staffed = Persona::ALL
            .into_iter()
            .map(|persona| {
                let hosts = fleet.posts(persona).len() as f64;
                (persona, persona.events_per_host() * hosts)
            })
            .filter(|(_, events)| *events > 0.0)
            .collect();
        Calendar { staffed }
    }

    /// Deals `rows` to the days from `first` on: weekends get fewer, and the sum is exact.
    pub fn deal(&self, rows: u64, first: NaiveDate, days: u32) -> Vec<u64> {
        let volumes: Vec<f64> = first
            .iter_days()
            .take(days as usize)
            .map(|date| self.volumes(date).map(|(_, events)| events).sum())
            .collect();
        let total: f64 = volumes.iter().sum();
        let (mut so_far, mut dealt) = (0.0, 0);
        let mut days: Vec<u64> = Vec::with_capacity(volumes.len());
        for volume in volumes {
            so_far += volume;
            let upto = ((rows as f64 * so_far / total).round() as u64).min(rows);
            days.push(upto - dealt);
            dealt = upto;
        }
        // Rounding of a sum of many days can end a row short.
        if let Some(last) = days.last_mut() {
            *last += rows - dealt;
        }
        days
    }

    /// The curve of one day.
    pub fn day(&self, date: NaiveDate) -> Day {
        let volumes: Vec<(Persona, f64)> = self.volumes(date).collect();
        let mut cumulative = [0.0; 25];
        let mut at_work = Vec::with_capacity(24);
        for hour in 0..24 {
            let weights: Vec<f64> = volumes
                .iter()
                .map(|(persona, events)| {
                    let hours = persona.hours();
                    events * hours[hour] / hours.iter().sum::<f64>()
                })
                .collect();
            cumulative[hour + 1] = cumulative[hour] + weights.iter().sum::<f64>();
            at_work.push(WeightedAliasIndex::new(weights).expect("every hour has some event"));
        }
        Day {
            midnight: date.and_time(NaiveTime::MIN).and_utc().timestamp_micros(),
            cumulative: cumulative.map(|events| events / cumulative[24]),
            personas: volumes.into_iter().map(|(persona, _)| persona).collect(),
            at_work,
        }
    }

    fn volumes(&self, date: NaiveDate) -> impl Iterator<Item = (Persona, f64)> {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        self.staffed.iter().map(move |(persona, events)| {
            let share = if weekend {
                persona.weekend_share()
            } else {
                1.0
            };
            (*persona, events * share)
        })
    }
}

/// One day's curve: the share of its events before each full hour, and who makes them.
pub struct Day {
    midnight: i64,
    cumulative: [f64; 25],
    personas: Vec<Persona>,
    at_work: Vec<WeightedAliasIndex<f64>>,
}

impl Day {
    /// The moment, in microseconds since 1970, before which the share `quantile` of events lies.
    pub fn moment(&self, quantile: f64) -> i64 {
        if quantile >= 1.0 {
            return self.midnight + 24 * MICROS_PER_HOUR;
        }
        let hour = self.cumulative[1..24].partition_point(|share| *share <= quantile);
        let (before, after) = (self.cumulative[hour], self.cumulative[hour + 1]);
        let inside = ((quantile - before) / (after - before)).clamp(0.0, 1.0);
        let micros = (inside * MICROS_PER_HOUR as f64) as i64;
        self.midnight + hour as i64 * MICROS_PER_HOUR + micros.min(MICROS_PER_HOUR - 1)
    }

    /// Draws who makes an event at a moment of this day.
    pub fn persona(&self, micros: i64, random: &mut impl Rng) -> Persona {
        let hour = ((micros - self.midnight) / MICROS_PER_HOUR).clamp(0, 23) as usize;
        self.personas[self.at_work[hour].sample(random)]
    }

    /// Midnight at the start of the day, in microseconds since 1970.
    pub fn midnight(&self) -> i64 {
        self.midnight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dealt_rows_add_up_and_weekends_get_fewer() {
        let calendar = Calendar::new(&Fleet::new(30, 42));
        let monday = NaiveDate::from_ymd_opt(2026, 11, 2).unwrap();
        let days = calendar.deal(100_003, monday, 7);
        assert_eq!(days.iter().sum::<u64>(), 100_003);
        assert!(days[5] * 10 < days[4] * 7, "{days:?}");
        assert_eq!(calendar.deal(2, monday, 5).iter().sum::<u64>(), 2);
    }

    #[test]
    fn moments_rise_from_midnight_to_midnight() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 2).unwrap();
        let day = Calendar::new(&Fleet::new(30, 42)).day(date);
        let moments: Vec<i64> = (0..=1000)
            .map(|i| day.moment(f64::from(i) / 1000.0))
            .collect();
        assert!(moments.is_sorted());
        assert_eq!(moments[0], day.midnight());
        assert_eq!(moments[1000], day.midnight() + 24 * MICROS_PER_HOUR);
    }
}
