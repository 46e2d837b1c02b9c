//! Which rows are within the budget of their day.
//!
//! A day's rows are taken in the order of `rank`, the strangest first, until there are as many as the budget allows. A row
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
    rows: &[RecordBatch],
    suppressed: &[ArrayRef],
    order: impl Iterator<Item = usize>,
) -> Result<BooleanArray, ArrowError> {
    let days = days(window, rows)?;
    let is_suppressed = suppressed
        .iter()
        .flat_map(|batch| (0..batch.len()).map(|row| batch.is_valid(row)));
    let is_suppressed: Vec<_> = is_suppressed.collect();
    let mut judged: HashMap<Option<i64>, usize> = HashMap::new();
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

/// The start of each row's local day; rows without a time are a day of their own.
fn days(window: &Window, rows: &[RecordBatch]) -> Result<Vec<Option<i64>>, ArrowError> {
    let zone = window.timezone.name();
    let mut days = Vec::with_capacity(rows.iter().map(RecordBatch::num_rows).sum());
    for batch in rows {
        let times = batch.column_by_name(&window.time_column);
        let times =
            times.filter(|times| matches!(times.data_type(), DataType::Timestamp(_, Some(_))));
        let Some(times) = times else {
            days.extend(std::iter::repeat_n(None, batch.num_rows()));
            continue;
        };
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        let times = cast(times, &instant)?;
        let times: &TimestampMicrosecondArray = times.as_primitive();
        let starts = truncate(times, zone, Bucket::Day);
        let starts = starts.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        days.extend(starts.iter());
    }
    Ok(days)
}
