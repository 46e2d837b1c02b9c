//! Time: which part of the past a run learns from, and which part it reports on.

use std::time::Duration;

use arrow::array::timezone::Tz;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};

use crate::calendar::{self, Bucket};

/// The `[window]` table of a job.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// How far back from `as_of` findings are reported.
    #[serde(deserialize_with = "duration")]
    pub detect: Duration,
    /// How far back from `as_of` the forest learns.
    pub train: Train,
    /// Where learning ends: at `as_of`, or where what is reported begins.
    #[serde(default)]
    pub train_end: TrainEnd,
    /// The size of the time bucket that the SQL groups by; both windows start on a whole one.
    #[serde(default = "day")]
    pub bucket: Bucket,
    /// The time zone in which days and hours begin: an IANA name or an offset such as `+05:30`.
    #[serde(default = "Zone::utc")]
    pub timezone: Zone,
    /// The column of features and findings that holds the bucket's start.
    #[serde(default = "interval")]
    pub time_column: String,
}

fn day() -> Bucket {
    Bucket::Day
}

fn interval() -> String {
    "interval".to_owned()
}

/// How far back the forest learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Train {
    /// Everything the sources hold.
    All,
    /// So long before `as_of`.
    Last(Duration),
}

/// Where learning ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainEnd {
    /// The forest learns what it reports on too.
    #[default]
    AsOf,
    /// It reports on what it has not seen.
    DetectStart,
}

/// A time zone and the name it was given by.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: Tz,
}

impl Zone {
    /// The name as written in the job.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Coordinated Universal Time.
    fn utc() -> Self {
        let zone = "UTC".parse().expect("UTC is in every time zone database");
        Self {
            name: "UTC".to_owned(),
            zone,
        }
    }

    /// The instant at which the local clock shows `local`, by the rule of [`calendar::instant`].
    pub fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        calendar::instant(self.zone, local)
    }

    /// What the clock shows at `instant` in this zone.
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.zone).naive_local()
    }

    /// The calendar day on which `instant` falls in this zone.
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// When a calendar day begins in this zone.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        self.instant(day.and_time(NaiveTime::MIN))
    }

    /// The day between whose start and the next one's `instant` lies: its date, but where clocks go back over midnight.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        let date = self.date(instant);
        match date.succ_opt() {
            Some(next) if instant >= self.start_of(next) => next,
            _ => date,
        }
    }

    fn floor(&self, instant: DateTime<Utc>, bucket: Bucket) -> DateTime<Utc> {
        calendar::floor(self.zone, instant, bucket)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = name.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "`{name}` is not a time zone: write an IANA name such as `Europe/Berlin`, an offset such as `+05:30`, or `UTC`"
            ))
        })?;
        Ok(Self { name, zone })
    }
}

/// The half-open intervals of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The run's "now". Nothing at or after it is read.
    pub as_of: DateTime<Utc>,
    /// Rows from here on are learnt from.
    pub train_start: DateTime<Utc>,
    /// Rows before here are learnt from.
    pub train_end: DateTime<Utc>,
    /// Findings from here on are reported.
    pub detect_start: DateTime<Utc>,
    /// Findings before here are reported.
    pub detect_end: DateTime<Utc>,
}

impl Window {
    /// Why the two windows do not fit, where they don't.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        let Train::Last(train) = self.train else {
            return None;
        };
        match self.train_end {
            TrainEnd::AsOf if train < self.detect => {
                Some("`train` is shorter than `detect`: what is reported would not all be read")
            }
            TrainEnd::DetectStart if train <= self.detect => Some(
                "`train` is no longer than `detect`, and learning ends where that begins: nothing would be learnt",
            ),
            _ => None,
        }
    }

    /// The "now" of runs that report on these days, from the first to the last, each on its part of them: by days one for each,
    /// by hours one for each time that `detect` is long.
    pub fn reports_over(&self, from: NaiveDate, to: NaiveDate) -> Vec<DateTime<Utc>> {
        let mut instants = Vec::new();
        let next = |day: NaiveDate| day.succ_opt().unwrap_or(day);
        match self.bucket {
            Bucket::Day => {
                let days = from.iter_days().take_while(|day| *day <= to);
                instants.extend(days.map(|day| self.timezone.start_of(next(day))));
            }
            Bucket::Hour => {
                let end = self.timezone.start_of(next(to));
                let step = TimeDelta::from_std(self.detect).unwrap_or(TimeDelta::MAX);
                let step = step.max(TimeDelta::hours(1));
                let mut now = self.timezone.start_of(from);
                while now < end {
                    now = now.checked_add_signed(step).unwrap_or(end).min(end);
                    instants.push(now);
                }
            }
        }
        instants
    }

    /// The intervals of a run at `as_of`: the last day is every bucket that touches the 24 hours before it.
    pub fn at(&self, as_of: DateTime<Utc>) -> Interval {
        let back = |duration: Duration| {
            let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
            let start = as_of
                .checked_sub_signed(delta)
                .unwrap_or(beginning_of_time());
            self.timezone
                .floor(start.max(beginning_of_time()), self.bucket)
        };
        let detect_start = back(self.detect);
        let train_start = match self.train {
            Train::All => beginning_of_time(),
            Train::Last(duration) => back(duration),
        };
        Interval {
            as_of,
            train_start,
            train_end: match self.train_end {
                TrainEnd::AsOf => as_of,
                TrainEnd::DetectStart => detect_start,
            },
            detect_start,
            detect_end: as_of,
        }
    }
}

/// The first instant SQL knows: 0001-01-01T00:00:00Z.
fn beginning_of_time() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(1, 1, 1)
        .unwrap_or_default()
        .and_time(NaiveTime::MIN)
        .and_utc()
}

impl<'de> Deserialize<'de> for Train {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "all" {
            Ok(Self::All)
        } else {
            parse_duration(&text).map(Self::Last)
        }
    }
}

/// Reads `"1 day"`, `"90 days"`, `"36 hours"`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?)
}

fn parse_duration<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > Duration::ZERO => Ok(duration),
        _ => Err(E::custom(format!(
            "`{text}` is not a length of time: write for example \"1 day\", \"90 days\" or \"36 hours\""
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(timezone: &str, bucket: Bucket) -> Window {
        Window {
            detect: Duration::from_secs(86_400),
            train: Train::Last(Duration::from_secs(90 * 86_400)),
            train_end: TrainEnd::AsOf,
            bucket,
            timezone: Zone {
                name: timezone.to_owned(),
                zone: timezone.parse().unwrap(),
            },
            time_column: "interval".to_owned(),
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_is_every_day_that_touches_the_last_24_hours() {
        let run = window("UTC", Bucket::Day).at(utc("2026-11-22T03:00:00Z"));
        assert_eq!(run.detect_start, utc("2026-11-21T00:00:00Z"));
        assert_eq!(run.detect_end, utc("2026-11-22T03:00:00Z"));
        assert_eq!(run.train_start, utc("2026-08-24T00:00:00Z"));
    }

    #[test]
    fn learning_may_end_where_reporting_begins() {
        let mut window = window("UTC", Bucket::Day);
        window.train_end = TrainEnd::DetectStart;
        let run = window.at(utc("2026-11-22T03:00:00Z"));
        assert_eq!(run.train_end, utc("2026-11-21T00:00:00Z"));
        assert_eq!(run.detect_start, run.train_end);
        window.train = Train::Last(window.detect);
        assert!(window.misfit().is_some());
    }

    #[test]
    fn each_day_is_reported_on_when_it_is_over() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let window = window("America/New_York", Bucket::Day);
        assert_eq!(
            window.reports_over(day(7), day(8)),
            [utc("2026-03-08T05:00:00Z"), utc("2026-03-09T04:00:00Z")]
        );
        let reported = |as_of| window.timezone.date(window.at(as_of).detect_start);
        assert_eq!(reported(utc("2026-03-08T05:00:00Z")), day(7));
        // The 8th has 23 hours, so 24 hours touch the day before as well.
        assert_eq!(reported(utc("2026-03-09T04:00:00Z")), day(7));
    }

    #[test]
    fn hours_are_reported_on_as_many_at_once_as_the_job_does() {
        let mut window = window("UTC", Bucket::Hour);
        window.detect = Duration::from_secs(7 * 3600);
        let day = NaiveDate::from_ymd_opt(2026, 3, 7).unwrap();
        let ends: Vec<_> = window
            .reports_over(day, day)
            .iter()
            .map(|end| end.format("%H").to_string())
            .collect();
        assert_eq!(ends, ["07", "14", "21", "00"]);
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let run = window("Asia/Kolkata", Bucket::Day).at(utc("2026-11-22T03:00:00Z"));
        assert_eq!(run.detect_start, utc("2026-11-20T18:30:00Z"));
        let run = window("+05:30", Bucket::Day).at(utc("2026-11-22T03:00:00Z"));
        assert_eq!(run.detect_start, utc("2026-11-20T18:30:00Z"));
    }

    #[test]
    fn learning_from_all_starts_at_the_beginning_of_time() {
        let mut window = window("UTC", Bucket::Day);
        window.train = Train::All;
        assert_eq!(
            window.at(utc("2026-11-22T03:00:00Z")).train_start,
            utc("0001-01-01T00:00:00Z")
        );
    }
}
