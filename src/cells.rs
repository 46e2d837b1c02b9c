//! Findings as a person reads them: which come first, and the words of each value, with nothing in them that could
//! harm a terminal or a page.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::display::plain;
use crate::strict::cast;

/// One value. Its texts are [`plain`].
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A score, or any other number with a fraction.
    Float(f64),
    /// Any other value.
    Text(String),
    /// The values of a list.
    List(Vec<String>),
}

impl fmt::Display for Cell {
    /// One line: four digits of a fraction, the first value of a list and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Float(number) => write!(f, "{number:.4}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => match items.as_slice() {
                [] => Ok(()),
                [item] => f.write_str(item),
                [first, rest @ ..] => write!(f, "(+{}) {first}", rest.len()),
            },
        }
    }
}

/// The findings of the lowest rank, if they have one, else the first ones by these keys.
pub fn strangest(
    findings: &[RecordBatch],
    keys: &[String],
    limit: usize,
) -> Result<RecordBatch, ArrowError> {
    let Some(first) = findings.first() else {
        return Ok(RecordBatch::new_empty(Arc::new(Schema::empty())));
    };
    let rows = concat_batches(&first.schema(), findings)?;
    let rank = rows
        .column_by_name("rank")
        .filter(|rank| rank.as_any().is::<Int64Array>());
    let order = match rank {
        Some(rank) => vec![rank],
        None => keys
            .iter()
            .filter_map(|key| rows.column_by_name(key))
            .collect(),
    };
    if order.is_empty() {
        return Ok(rows.slice(0, limit.min(rows.num_rows())));
    }
    let order: Vec<_> = order
        .into_iter()
        .map(|column| SortColumn {
            values: Arc::clone(column),
            options: None,
        })
        .collect();
    take_record_batch(&rows, &lexsort_to_indices(&order, Some(limit))?)
}

/// The values of a column.
pub fn cells(column: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let options = FormatOptions::default()
        .with_null("NULL")
        .with_timestamp_tz_format(Some("%F %T"));
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let cell = |row: usize| -> Result<Cell, ArrowError> {
        Ok(if column.is_null(row) {
            Cell::Null
        } else if let Some(list) = column.as_list_opt::<i32>() {
            Cell::List(items(&list.value(row))?)
        } else if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
            Cell::Float(numbers.value(row))
        } else {
            Cell::Text(plain(&formatter.value(row).try_to_string()?))
        })
    };
    let mut cells = (0..column.len()).map(cell).collect::<Result<Vec<_>, _>>()?;
    if matches!(column.data_type(), DataType::Timestamp(..)) {
        // Times that are all full minutes need no seconds, and midnights no time: the date says it all.
        for end in [":00", " 00:00"] {
            shorten(&mut cells, end);
        }
    }
    Ok(cells)
}

fn items(items: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    if let Some(reasons) = reasons(items) {
        return Ok(reasons);
    }
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(items.as_ref(), &options)?;
    (0..items.len())
        .map(|item| Ok(plain(&formatter.value(item).try_to_string()?)))
        .collect()
}

/// Structs with a `contribution` and a `text`, as SQL's `reasons()` makes them: `+1.52 the text`.
fn reasons(items: &ArrayRef) -> Option<Vec<String>> {
    let reasons = items.as_struct_opt()?;
    let contributions = reasons.column_by_name("contribution")?;
    let contributions = contributions.as_primitive_opt::<Float64Type>()?;
    let texts = cast(reasons.column_by_name("text")?, &DataType::Utf8).ok()?;
    let texts = texts.as_string::<i32>().iter();
    let line = |(number, text): (Option<f64>, Option<&str>)| {
        format!(
            "{:+.2} {}",
            number.unwrap_or_default(),
            plain(text.unwrap_or_default())
        )
    };
    Some(contributions.iter().zip(texts).map(line).collect())
}

/// Cuts `end` off every text, if every text has it.
fn shorten(cells: &mut [Cell], end: &str) {
    let has_it = |cell: &Cell| !matches!(cell, Cell::Text(text) if !text.ends_with(end));
    if !cells.iter().all(has_it) {
        return;
    }
    for cell in cells {
        if let Cell::Text(text) = cell {
            text.truncate(text.len() - end.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int64Type;

    #[test]
    fn times_are_told_as_short_as_all_of_them_allow() {
        let texts = |seconds: &[i64]| {
            let micros = seconds.iter().map(|second| second * 1_000_000);
            let times = TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC");
            let cells = cells(&(Arc::new(times) as ArrayRef)).unwrap();
            cells.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(texts(&[0, 86_400]), ["1970-01-01", "1970-01-02"]);
        assert_eq!(texts(&[0, 60]), ["1970-01-01 00:00", "1970-01-01 00:01"]);
        assert_eq!(
            texts(&[0, 61]),
            ["1970-01-01 00:00:00", "1970-01-01 00:01:01"]
        );
    }

    #[test]
    fn a_list_on_one_line_is_its_first_value_and_how_many_more_there_are() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), None]),
            Some(vec![]),
            None,
        ]);
        let cells = cells(&(Arc::new(lists) as ArrayRef)).unwrap();
        assert_eq!(
            cells[0],
            Cell::List(vec!["1".to_owned(), "NULL".to_owned()])
        );
        let texts: Vec<_> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["(+1) 1", "", "NULL"]);
    }

    #[test]
    fn findings_without_a_rank_come_in_the_order_of_their_keys() {
        let batch = |texts: Vec<&str>| {
            let column: ArrayRef = Arc::new(StringArray::from(texts));
            RecordBatch::try_from_iter([("host", column)]).unwrap()
        };
        let rows = [batch(vec!["c", "a"]), batch(vec!["b"])];
        let first = strangest(&rows, &["host".to_owned()], 2).unwrap();
        assert_eq!(first, batch(vec!["a", "b"]));
    }

    #[test]
    fn a_fraction_has_four_digits() {
        let scores: ArrayRef = Arc::new(Float64Array::from(vec![0.71717]));
        assert_eq!(cells(&scores).unwrap()[0].to_string(), "0.7172");
    }
}
