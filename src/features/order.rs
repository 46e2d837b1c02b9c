//! The order of rows by their keys: NULL first, text by its UTF-8 bytes, numbers and times by value.
//!
//! Keys repeat: a hundred thousand rows name some hundreds of hosts. So each text column that repeats is first turned into
//! a dictionary, its few values are sorted, and rows are then compared by small whole numbers; text that does not
//! repeat, such as an event's id, stays as it is. The first bytes of a row's keys decide most comparisons, and stand
//! side by side. Columns are put in order one after the other, so that at no time two copies of the whole table are held.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DynComparator, RecordBatch, UInt32Array, make_comparator,
};
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

/// Rows that tell whether a column of text repeats.
const SAMPLE_ROWS: usize = 4096;

/// The rows of all batches in the order of the key columns. Rows with equal keys are in the order of their other
/// columns if `ties` says so, and in no order if it does not.
pub(super) fn sort_by_keys(
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    keys: &[String],
    ties: bool,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns = Columns::new(batches);
    let order = order(schema, &mut columns, keys, ties)?;
    let starts = (0..rows).step_by(BATCH_ROWS);
    let parts = starts.map(|start| order.slice(start, BATCH_ROWS.min(rows - start)));
    let parts: Vec<_> = parts.collect();
    let mut ordered = vec![Vec::new(); parts.len()];
    for index in 0..schema.fields().len() {
        let column = columns.take(index)?;
        let column = in_order(&column, schema.field(index).data_type(), &order, &parts)?;
        for (batch, part) in ordered.iter_mut().zip(column) {
            batch.push(part);
        }
    }
    let batch = |columns| RecordBatch::try_new(Arc::clone(schema), columns);
    ordered.into_iter().map(batch).collect()
}

/// For each place in the order, the row that stands there.
fn order(
    schema: &SchemaRef,
    columns: &mut Columns,
    keys: &[String],
    ties: bool,
) -> Result<UInt32Array, ArrowError> {
    let is_key = |index: &usize| keys.contains(schema.field(*index).name());
    let keys = keys.iter().map(|key| schema.index_of(key));
    let comparable = columns.comparable(keys.collect::<Result<Vec<_>, _>>()?)?;
    let compare = Comparison::new(&comparable)?;
    let mut places = places(&comparable)?;
    // Keys are unique where a job is right, so the sort need not be stable.
    places.sort_unstable_by(|a, b| {
        let by_prefix = a.prefix.cmp(&b.prefix);
        by_prefix.then_with(|| compare.rows(a.row, b.row))
    });
    let mut order: Vec<_> = places.into_iter().map(|place| place.row).collect();
    if ties {
        let others = (0..schema.fields().len()).filter(|index| !is_key(index));
        order_ties(columns, others, &compare, &mut order)?;
    }
    Ok(UInt32Array::from(order))
}

/// Puts rows with equal keys in the order of their other columns.
fn order_ties(
    columns: &mut Columns,
    others: impl Iterator<Item = usize>,
    compare: &Comparison,
    order: &mut [u32],
) -> Result<(), ArrowError> {
    let mut ties = order
        .chunk_by_mut(|a, b| compare.rows(*a, *b).is_eq())
        .filter(|rows| rows.len() > 1)
        .peekable();
    if ties.peek().is_none() {
        return Ok(());
    }
    let compare = Comparison::new(&columns.comparable(others)?)?;
    for rows in ties {
        rows.sort_unstable_by(|a, b| compare.rows(*a, *b));
    }
    Ok(())
}

/// A row, and the first bytes of its keys in a form whose bytes have their order.
struct Place {
    prefix: [u64; 2],
    row: u32,
}

fn places(columns: &[ArrayRef]) -> Result<Vec<Place>, ArrowError> {
    let count = columns.first().map_or(0, |column| column.len());
    let fields = columns
        .iter()
        .map(|column| SortField::new_with_options(column.data_type().clone(), NULLS_FIRST));
    let converter = RowConverter::new(fields.collect())?;
    let mut places = Vec::with_capacity(count);
    let mut rows = converter.empty_rows(BATCH_ROWS, 0);
    for start in (0..count).step_by(BATCH_ROWS) {
        let len = BATCH_ROWS.min(count - start);
        let chunk: Vec<_> = columns
            .iter()
            .map(|column| column.slice(start, len))
            .collect();
        rows.clear();
        converter.append(&mut rows, &chunk)?;
        for (row, keys) in (start..).zip(&rows) {
            let row = u32::try_from(row).map_err(|_| {
                ArrowError::ComputeError(format!("{count} rows are more than fit in memory"))
            })?;
            let (prefix, keys) = (&mut [0; 16], keys.as_ref());
            let len = prefix.len().min(keys.len());
            prefix[..len].copy_from_slice(&keys[..len]);
            let prefix = u128::from_be_bytes(*prefix);
            places.push(Place {
                prefix: [(prefix >> 64) as u64, prefix as u64],
                row,
            });
        }
    }
    Ok(places)
}

/// Compares rows by all columns.
struct Comparison(Vec<DynComparator>);

impl Comparison {
    fn new(columns: &[ArrayRef]) -> Result<Self, ArrowError> {
        let compare = |column| make_comparator(column, column, NULLS_FIRST);
        let columns = columns.iter().map(|column| compare(column.as_ref()));
        columns.collect::<Result<_, _>>().map(Self)
    }

    fn rows(&self, a: u32, b: u32) -> Ordering {
        let by_column = |compare: &DynComparator| compare(a as usize, b as usize);
        let mut columns = self.0.iter().map(by_column);
        columns
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Text that repeats as the rank of its value among the distinct ones; all else as it is.
fn comparable(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let dictionary_type = match column.data_type() {
        text @ (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone()))
        }
        _ => return Ok(Arc::clone(column)),
    };
    let sample = cast(
        &column.slice(0, SAMPLE_ROWS.min(column.len())),
        &dictionary_type,
    )?;
    let distinct = sample.as_dictionary::<Int32Type>().values().len();
    if distinct * 2 > sample.len() {
        return Ok(Arc::clone(column));
    }
    let dictionary = cast(column, &dictionary_type)?;
    let dictionary = dictionary.as_dictionary::<Int32Type>();
    let values = cast(dictionary.values(), &DataType::LargeUtf8)?;
    let ranks = UInt32Array::from(rank(&values, Some(NULLS_FIRST))?);
    take(&ranks, dictionary.keys(), None)
}

/// The columns of a table, each in pieces until it is asked for as a whole.
struct Columns(Vec<Vec<ArrayRef>>);

impl Columns {
    fn new(batches: Vec<RecordBatch>) -> Self {
        let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
        for batch in batches {
            let (_, pieces, _) = batch.into_parts();
            columns.resize_with(pieces.len(), Vec::new);
            for (column, piece) in columns.iter_mut().zip(pieces) {
                column.push(piece);
            }
        }
        Self(columns)
    }

    /// A column as a whole, which is then gone from here.
    fn take(&mut self, index: usize) -> Result<ArrayRef, ArrowError> {
        whole(std::mem::take(&mut self.0[index]), i32::MAX as usize)
    }

    /// Columns in a form that is quick to compare. They stay here, no longer in pieces.
    fn comparable(
        &mut self,
        indexes: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let column = |index| {
            let whole = self.take(index)?;
            self.0[index] = vec![Arc::clone(&whole)];
            comparable(&whole)
        };
        indexes.into_iter().map(column).collect()
    }
}

/// The pieces of a column as one. Text of more than `most` bytes has wider offsets than its pieces have.
fn whole(mut pieces: Vec<ArrayRef>, most: usize) -> Result<ArrayRef, ArrowError> {
    let wide = match pieces[0].data_type() {
        DataType::Utf8 => Some(DataType::LargeUtf8),
        DataType::Binary => Some(DataType::LargeBinary),
        _ => None,
    };
    let bytes = pieces.iter().map(|piece| piece.get_buffer_memory_size());
    if let Some(wide) = wide.filter(|_| pieces.len() > 1 && bytes.sum::<usize>() > most) {
        for piece in &mut pieces {
            *piece = cast(piece, &wide)?;
        }
    }
    concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// The values of a column in an order, as arrays of this type, part by part.
fn in_order(
    column: &ArrayRef,
    data_type: &DataType,
    order: &UInt32Array,
    parts: &[UInt32Array],
) -> Result<Vec<ArrayRef>, ArrowError> {
    if lists_buffers(data_type) {
        let ordered = take(column, order, None)?;
        let mut start = 0;
        let slice = |part: &UInt32Array| {
            start += part.len();
            ordered.slice(start - part.len(), part.len())
        };
        return Ok(parts.iter().map(slice).collect());
    }
    // Each part takes the place in memory of something that was let go.
    let take = |part: &UInt32Array| cast(&take(column, part, None)?, data_type);
    parts.iter().map(take).collect()
}

/// Whether an array of this type has a list of all the buffers that its values came in: to make that list for each part
/// would take more memory than the values.
fn lists_buffers(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::BinaryView => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => lists_buffers(item.data_type()),
        DataType::Struct(fields) => {
            let mut fields = fields.iter();
            fields.any(|field| lists_buffers(field.data_type()))
        }
        _ => false,
    }
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
            let sorted =
                sort_by_keys(&batch.schema(), vec![batch], &["name".to_owned()], false).unwrap();
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
        let sorted = sort_by_keys(&batches[0].schema(), batches, &keys, false).unwrap();
        assert_eq!(sorted, [batch(&["a", "a", "b", "b"], &[-1, 9, 1, 2])]);
    }

    #[test]
    fn text_that_is_too_much_for_its_offsets_is_put_in_order_with_wider_ones() {
        let pieces = || -> Vec<ArrayRef> {
            let piece = |names: [&str; 2]| Arc::new(StringArray::from(names.to_vec())) as ArrayRef;
            vec![piece(["d", "c"]), piece(["b", "a"])]
        };
        assert_eq!(
            whole(pieces(), 1 << 20).unwrap().data_type(),
            &DataType::Utf8
        );
        let wide = whole(pieces(), 3).unwrap();
        assert_eq!(wide.data_type(), &DataType::LargeUtf8);
        let order = UInt32Array::from(vec![3, 2, 1, 0]);
        let parts = [order.slice(0, 3), order.slice(3, 1)];
        let ordered = in_order(&wide, &DataType::Utf8, &order, &parts).unwrap();
        let texts = ordered.iter().flat_map(|part| part.as_string::<i32>());
        assert_eq!(texts.collect::<Vec<_>>(), ["a", "b", "c", "d"].map(Some));
    }

    #[test]
    fn text_is_in_one_order_whether_it_repeats_or_not() {
        // Ids that differ behind their sixteenth byte only, each of them once, twice, or three times.
        for times in 1..=3 {
            let names = (0..6000)
                .map(|i| Some(format!("a-common-beginning-{:05}", i * 7919 % 6000 / times)));
            let names: ArrayRef = Arc::new(names.collect::<StringViewArray>());
            let batch = RecordBatch::try_from_iter([("name", Arc::clone(&names))]).unwrap();
            let sorted =
                sort_by_keys(&batch.schema(), vec![batch], &["name".to_owned()], false).unwrap();
            let mut expected: Vec<_> = names.as_string_view().iter().collect();
            expected.sort();
            let chunks = sorted.iter().map(|batch| batch.column(0).as_string_view());
            assert_eq!(chunks.flatten().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn rows_with_equal_keys_are_in_the_order_of_their_other_columns_if_asked() {
        let rows = |order: &[i64]| {
            let names: ArrayRef = Arc::new(StringArray::from(vec!["a"; order.len()]));
            let counts: ArrayRef = Arc::new(Int64Array::from(order.to_vec()));
            RecordBatch::try_from_iter([("name", names), ("count", counts)]).unwrap()
        };
        for order in [[3, 1, 2], [2, 3, 1]] {
            let batch = rows(&order);
            let sorted = sort_by_keys(&batch.schema(), vec![batch], &["name".to_owned()], true);
            assert_eq!(sorted.unwrap(), [rows(&[1, 2, 3])]);
        }
    }
}
