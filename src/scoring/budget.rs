//! Which rows are within the budget of their day.
//!
//! A day's rows are taken in the order of `rank`, the strangest first, until there are as many as the budget allows. A day of
//! which a part is reported is two: rows that are not take no places of those that are. A row
//! that is suppressed is no work: it takes no place, and is within where it would have had one.

use std::collections::HashMap;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;

use crate::functions::truncate;
use crate::job::{Bucket, Budget, Window};
use crate::strict::cast;

/// For each row whether it is within. `order` is the rows from the strangest to the least strange.
pub(super) fn within(
    budget: Budget,
    window: &Window,
    reported_from: i64,
    rows: &[RecordBatch],
    suppressed: &[ArrayRef],
    order: impl Iterator<Item = usize>,
) -> Result<BooleanArray, ArrowError> {
    let days = days(window, rows, reported_from)?;
    let is_suppressed = suppressed
        .iter()
        .flat_map(|batch| (0..batch.len()).map(|row| batch.is_valid(row)));
    let is_suppressed: Vec<_> = is_suppressed.collect();
    let mut judged: HashMap<Day, usize> = HashMap::new();
    for day in &days {
        *judged.entry(*day).or_default() += 1;
    }
    let mut left: HashMap<_, _> = judged
        .into_iter()
        .map(|(day, rows)| (day, budget.of(rows)))
        .collect();
    let mut within = BooleanBufferBuilder::new(days.len());
    within.append_n(days.len(), false);
    for row in order {
        let left = left.entry(days[row]).or_default();
        if *left > 0 {
            within.set_bit(row, true);
            *left -= usize::from(!is_suppressed[row]);
        }
    }
    Ok(BooleanArray::new(within.finish(), None))
}

/// The start of a local day, and whether its rows are reported; rows without a time are a day of their own.
type Day = (Option<i64>, bool);

fn days(window: &Window, rows: &[RecordBatch], reported_from: i64) -> Result<Vec<Day>, ArrowError> {
    let zone = window.timezone.name();
    let mut days = Vec::with_capacity(rows.iter().map(RecordBatch::num_rows).sum());
    for batch in rows {
        let times = batch.column_by_name(&window.time_column);
        let times =
            times.filter(|times| matches!(times.data_type(), DataType::Timestamp(_, Some(_))));
        let Some(times) = times else {
            days.extend(std::iter::repeat_n((None, false), batch.num_rows()));
            continue;
        };
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        let times = cast(times, &instant)?;
        let times: &TimestampMicrosecondArray = times.as_primitive();
        let starts = truncate(times, zone, Bucket::Day);
        let starts = starts.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        let reported = times
            .iter()
            .map(|time| time.is_some_and(|time| time >= reported_from));
        days.extend(starts.iter().zip(reported));
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use arrow::array::new_null_array;

    use super::*;

    const DAY: i64 = 86_400_000_000;

    /// Rows of two days, the first one reported from its noon on; the strangest first.
    fn within_one_a_day(suppressed: &[bool]) -> Vec<bool> {
        let window: Window = serde_json::from_value(serde_json::json!({
            "detect": "36 hours", "train": "all", "time_column": "time"
        }))
        .unwrap();
        let hours = [1, 13, 14, 25, 26].map(|hour| hour * DAY / 24);
        let times = TimestampMicrosecondArray::from_iter_values(hours).with_timezone("UTC");
        let rows = RecordBatch::try_from_iter([("time", Arc::new(times) as ArrayRef)]).unwrap();
        let by: ArrayRef = match suppressed {
            [] => new_null_array(&DataType::Utf8, 5),
            some => Arc::new(
                some.iter()
                    .map(|one| one.then_some("rule"))
                    .collect::<arrow::array::StringArray>(),
            ),
        };
        let budget = Budget::PerDay(NonZeroUsize::MIN);
        let within = within(budget, &window, DAY / 2, &[rows], &[by], 0..5).unwrap();
        within.iter().map(|one| one == Some(true)).collect()
    }

    #[test]
    fn the_reported_part_of_a_day_has_places_of_its_own() {
        assert_eq!(within_one_a_day(&[]), [true, true, false, true, false]);
    }

    #[test]
    fn what_is_suppressed_is_within_and_takes_no_place() {
        let suppressed = [false, true, false, false, true];
        assert_eq!(
            within_one_a_day(&suppressed),
            [true, true, true, true, false]
        );
    }
}
