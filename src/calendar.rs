//! The local calendar: where days and hours begin.
//!
//! The rule is that of java.time's `ZonedDateTime.truncatedTo`, and so Spark's: the local clock is cut to the full day or
//! hour; the offset in force is kept if it is valid there, else the earlier one holds; a start that the clock skips
//! moves forward by the gap. So a midnight that comes twice begins two days.

use arrow::array::timezone::Tz;
use chrono::{
    DateTime, Days, LocalResult, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike, Utc,
};
use serde::Deserialize;

/// A time bucket, in the words of SQL's `date_trunc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// From local midnight to local midnight.
    Day,
    /// From full hour to full hour on the local clock.
    Hour,
}

impl Bucket {
    /// The unit's name as `date_trunc` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    /// How long a bucket is where the clock runs evenly, in microseconds.
    pub fn micros(self) -> i64 {
        match self {
            Self::Day => 86_400_000_000,
            Self::Hour => 3_600_000_000,
        }
    }
}

/// The start of the bucket that holds `instant`. It never decreases as `instant` grows.
pub fn floor(zone: Tz, instant: DateTime<Utc>, bucket: Bucket) -> DateTime<Utc> {
    let offset = zone.offset_from_utc_datetime(&instant.naive_utc()).fix();
    let local = instant.with_timezone(&zone).naive_local();
    let hour = match bucket {
        Bucket::Day => 0,
        Bucket::Hour => local.hour(),
    };
    let start = local
        .date()
        .and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default());
    let kept = Utc.from_utc_datetime(&(start - offset));
    if kept.with_timezone(&zone).naive_local() == start {
        return kept;
    }
    self::instant(zone, start)
}

/// The instant at which the local clock shows `local`: the earlier one where it comes twice; where the clock skips it,
/// moved forward by the gap.
pub fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            instant.with_timezone(&Utc)
        }
        LocalResult::None => {
            let before_gap = zone.offset_from_utc_datetime(&(local - Days::new(1))).fix();
            Utc.from_utc_datetime(&(local - before_gap))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor_in(zone: &str, instant: &str, bucket: Bucket) -> DateTime<Utc> {
        floor(zone.parse().unwrap(), utc(instant), bucket)
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_skipped_midnight_begins_the_day_at_one() {
        let day = floor_in("America/Sao_Paulo", "2018-11-04T15:00:00Z", Bucket::Day);
        assert_eq!(day, utc("2018-11-04T03:00:00Z")); // 01:00 at -02:00
    }

    #[test]
    fn a_midnight_that_comes_twice_begins_two_days() {
        let first = floor_in("America/Havana", "2026-11-01T04:30:00Z", Bucket::Day);
        let second = floor_in("America/Havana", "2026-11-01T20:00:00Z", Bucket::Day);
        assert_eq!(
            (first, second),
            (utc("2026-11-01T04:00:00Z"), utc("2026-11-01T05:00:00Z"))
        );
    }

    #[test]
    fn hours_follow_the_local_clock() {
        let hour = floor_in("Asia/Kathmandu", "2026-11-22T03:20:00Z", Bucket::Hour);
        assert_eq!(hour, utc("2026-11-22T03:15:00Z"));
    }

    #[test]
    fn days_before_1970_begin_at_midnight_too() {
        let day = floor_in("UTC", "1601-01-01T00:00:01Z", Bucket::Day);
        assert_eq!(day, utc("1601-01-01T00:00:00Z"));
    }
}
