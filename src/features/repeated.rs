//! Keys that come twice: an error, or a row that was delivered again.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{filter_record_batch, or};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::FeatureError;
use crate::job::{DuplicateKeys, Features};

/// The sorted rows with every key once, and how many others there were.
///
/// # Errors
/// Two rows of one key, unless the job says that the first of them counts.
pub(super) fn once_each(
    step: &str,
    features: &Features,
    batches: Vec<RecordBatch>,
) -> Result<(Vec<RecordBatch>, usize), FeatureError> {
    let rows = |source| FeatureError::Rows {
        step: step.to_owned(),
        source,
    };
    let keys = &features.keys;
    let mut once = Vec::with_capacity(batches.len());
    let mut left_out = 0;
    let mut last: Option<RecordBatch> = None;
    for batch in batches {
        let is_new = differs_from_before(keys, last.as_ref(), &batch).map_err(rows)?;
        last = Some(batch.slice(batch.num_rows() - 1, 1));
        match is_new.values().iter().position(|is_new| !is_new) {
            None => once.push(batch),
            Some(row) if features.duplicate_keys == DuplicateKeys::Error => {
                return Err(FeatureError::DuplicateKey {
                    step: step.to_owned(),
                    key: show_key(keys, &batch, row),
                });
            }
            Some(_) => {
                let new = filter_record_batch(&batch, &is_new).map_err(rows)?;
                left_out += batch.num_rows() - new.num_rows();
                once.push(new);
            }
        }
    }
    once.retain(|batch| batch.num_rows() > 0);
    Ok((once, left_out))
}

/// For each row: does its key differ from the one before it, the first's from the last one's? Equal keys stand next to each
/// other in sorted rows, of which there is at least one.
pub(crate) fn differs_from_before(
    keys: &[String],
    last: Option<&RecordBatch>,
    batch: &RecordBatch,
) -> Result<BooleanArray, ArrowError> {
    let first = match last {
        None => true,
        Some(last) => {
            let pairs = columns(keys, last).zip(columns(keys, batch));
            let joined = pairs
                .map(|(last, column)| {
                    arrow::compute::concat(&[last.as_ref(), column.slice(0, 1).as_ref()])
                })
                .collect::<Result<Vec<_>, _>>()?;
            differing_neighbours(joined.into_iter())?.value(0)
        }
    };
    let others = differing_neighbours(columns(keys, batch))?;
    let others = others.values().iter();
    Ok(BooleanArray::from_iter(
        std::iter::once(first).chain(others).map(Some),
    ))
}

fn columns<'a>(keys: &'a [String], batch: &'a RecordBatch) -> impl Iterator<Item = ArrayRef> + 'a {
    keys.iter()
        .filter_map(|key| batch.column_by_name(key).cloned())
}

/// For each row but the last: does the next one differ in any column?
fn differing_neighbours(
    columns: impl Iterator<Item = ArrayRef>,
) -> Result<BooleanArray, ArrowError> {
    let mut differs: Option<BooleanArray> = None;
    for column in columns {
        let len = column.len() - 1;
        let differs_here = distinct(&column.slice(0, len), &column.slice(1, len))?;
        differs = Some(match differs {
            None => differs_here,
            Some(differs) => or(&differs, &differs_here)?,
        });
    }
    Ok(differs.expect("a job names at least one key"))
}

pub(super) fn show_key(keys: &[String], batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let show = |key: &String| {
        let column = batch.column_by_name(key)?;
        let text = ArrayFormatter::try_new(column, &options)
            .ok()?
            .value(row)
            .to_string();
        Some(format!("{key} = {}", crate::display::plain(&text)))
    };
    keys.iter().filter_map(show).collect::<Vec<_>>().join(", ")
}
