//! What is typical of a feature: the median of the rows that were learnt from.

use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;

use crate::strict::cast;

/// The median of a column; of an even number of values the lower one of the middle, so that some row has it. Missing
/// values are left out; `None` if all are.
pub(super) fn median(
    rows: &[RecordBatch],
    column: &str,
    learnt: Option<&BooleanBuffer>,
) -> Result<Option<f64>, ArrowError> {
    let mut values = Vec::new();
    let mut start = 0;
    for batch in rows {
        let Some(numbers) = batch.column_by_name(column) else {
            continue;
        };
        let numbers = cast(numbers, &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>();
        let is_learnt = |row: usize| learnt.is_none_or(|learnt| learnt.value(start + row));
        let known = |(row, value): (usize, Option<f64>)| {
            value.filter(|value| !value.is_nan() && is_learnt(row))
        };
        values.extend(numbers.iter().enumerate().filter_map(known));
        start += batch.num_rows();
    }
    Ok(median_of(values))
}

/// The median of known values, the lower one of the middle; `None` of none.
pub(crate) fn median_of(mut values: Vec<f64>) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let (_, median, _) = values.select_nth_unstable_by(last / 2, f64::total_cmp);
    Some(*median)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn the_median_is_a_value_that_some_learnt_row_has() {
        let batch = |values: Vec<Option<i64>>| {
            let values: ArrayRef = Arc::new(Int64Array::from(values));
            RecordBatch::try_from_iter([("x", values)]).unwrap()
        };
        let rows = [
            batch(vec![Some(9), None, Some(1)]),
            batch(vec![Some(4), Some(2)]),
        ];
        assert_eq!(median(&rows, "x", None).unwrap(), Some(2.0));
        let learnt = BooleanBuffer::from(vec![true, true, false, true, false]);
        assert_eq!(median(&rows, "x", Some(&learnt)).unwrap(), Some(4.0));
        assert_eq!(median(&rows[..0], "x", None).unwrap(), None);
    }
}
