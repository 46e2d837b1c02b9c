//! The order of rows by their keys: NULL first, text by its UTF-8 bytes, numbers and times by value.
//!
//! Keys repeat: a hundred thousand rows name some hundreds of hosts. So each text column is first turned into a
//! dictionary, its few values are sorted, and rows are then compared by small whole numbers. Columns are put in order
//! one after the other, so that at no time two copies of the whole table are held.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{SortOptions, cast, concat, rank, take};
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

const NULLS_FIRST: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

/// Rows in a batch of the ordered table.
const BATCH_ROWS: usize = 8192;

/// The rows of all batches in the order of the key columns.
pub(super) fn sort_by_keys(
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    keys: &[String],
) -> Result<Vec<RecordBatch>, ArrowError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let order = order(&batches, keys)?;
    let mut columns = chunks_of_columns(batches);
    let mut ordered = Vec::with_capacity(columns.len());
    for chunks in &mut columns {
        let whole = concat_all(&std::mem::take(chunks))?;
        ordered.push(take(&whole, &order, None)?);
    }
    let starts = (0..rows).step_by(BATCH_ROWS);
    let slice = |start: usize| {
        let len = BATCH_ROWS.min(rows - start);
        let columns = ordered
            .iter()
            .map(|column| column.slice(start, len))
            .collect();
        RecordBatch::try_new(Arc::clone(schema), columns)
    };
    starts.map(slice).collect()
}

/// For each place in the order, the row that stands there.
fn order(batches: &[RecordBatch], keys: &[String]) -> Result<UInt32Array, ArrowError> {
    let mut columns = Vec::with_capacity(keys.len());
    for key in keys {
        let chunks: Vec<_> = batches
            .iter()
            .filter_map(|batch| batch.column_by_name(key).cloned())
            .collect();
        columns.push(comparable(&concat_all(&chunks)?)?);
    }
    let fields = columns
        .iter()
        .map(|column| SortField::new_with_options(column.data_type().clone(), NULLS_FIRST));
    let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
    let too_many = |_| {
        ArrowError::ComputeError(format!(
            "{} rows are more than fit in memory",
            rows.num_rows()
        ))
    };
    let count = u32::try_from(rows.num_rows()).map_err(too_many)?;
    let mut order: Vec<u32> = (0..count).collect();
    // Keys are unique where a job is right, so the sort need not be stable.
    order.sort_unstable_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    Ok(UInt32Array::from(order))
}

/// Text as the rank of its value among the distinct ones; all else as it is.
fn comparable(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let dictionary_type = match column.data_type() {
        text @ (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone()))
        }
        _ => return Ok(Arc::clone(column)),
    };
    let dictionary = cast(column, &dictionary_type)?;
    let dictionary = dictionary.as_dictionary::<Int32Type>();
    let values = cast(dictionary.values(), &DataType::LargeUtf8)?;
    let ranks = UInt32Array::from(rank(&values, Some(NULLS_FIRST))?);
    take(&ranks, dictionary.keys(), None)
}

fn chunks_of_columns(batches: Vec<RecordBatch>) -> Vec<Vec<ArrayRef>> {
    let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
    for batch in batches {
        let (_, chunks, _) = batch.into_parts();
        columns.resize_with(chunks.len(), Vec::new);
        for (column, chunk) in columns.iter_mut().zip(chunks) {
            column.push(chunk);
        }
    }
    columns
}

fn concat_all(chunks: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    concat(&chunks.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn null_comes_first_and_text_follows_its_bytes() {
        let names = [
            Some("é"),
            Some("b"),
            None,
            Some("B"),
            Some(""),
            Some("\u{1F600}"),
            Some("\u{FF21}"),
        ];
        let expected = [
            None,
            Some(""),
            Some("B"),
            Some("b"),
            Some("é"),
            Some("\u{FF21}"),
            Some("\u{1F600}"),
        ];
        let plain: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let view: ArrayRef = Arc::new(StringViewArray::from(names.to_vec()));
        for column in [plain, view] {
            let batch = RecordBatch::try_from_iter_with_nullable([("name", column, true)]).unwrap();
            let sorted = sort_by_keys(&batch.schema(), vec![batch], &["name".to_owned()]).unwrap();
            let text = cast(sorted[0].column(0), &DataType::Utf8).unwrap();
            assert_eq!(text.as_string::<i32>().iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn batches_become_one_order_and_columns_stay_together() {
        let batch = |names: &[&str], counts: &[i64]| {
            let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
            let counts: ArrayRef = Arc::new(Int64Array::from(counts.to_vec()));
            RecordBatch::try_from_iter([("name", names), ("count", counts)]).unwrap()
        };
        let batches = vec![batch(&["b", "a"], &[2, 9]), batch(&["a", "b"], &[-1, 1])];
        let keys = ["name".to_owned(), "count".to_owned()];
        let sorted = sort_by_keys(&batches[0].schema(), batches, &keys).unwrap();
        assert_eq!(sorted, [batch(&["a", "a", "b", "b"], &[-1, 9, 1, 2])]);
    }
}
