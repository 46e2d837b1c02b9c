//! Findings as a table in a terminal: one line each, as wide as the terminal, nothing in it that could harm it.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{ContentArrangement, Table, presets};
use crannog::display::plain;

/// Text longer than this is cut: a command line can have thousands of characters.
const LONGEST: usize = 80;

/// The findings of the lowest rank, if they have one, else the first ones.
pub fn strangest(findings: &[RecordBatch], limit: usize) -> String {
    render(findings, limit).unwrap_or_else(|error| format!("the findings cannot be shown: {error}"))
}

/// Every row, in order.
pub fn all(rows: &[RecordBatch]) -> String {
    draw(rows).unwrap_or_else(|error| format!("the rows cannot be shown: {error}"))
}

fn render(findings: &[RecordBatch], limit: usize) -> Result<String, ArrowError> {
    let Some(first) = findings.first() else { return Ok(String::new()) };
    let rows = concat_batches(&first.schema(), findings)?;
    let rows = match rows.column_by_name("rank").and_then(|rank| rank.as_any().downcast_ref::<Int64Array>()) {
        Some(rank) => {
            let by_rank = SortColumn { values: std::sync::Arc::new(rank.clone()), options: None };
            take_record_batch(&rows, &lexsort_to_indices(&[by_rank], Some(limit))?)?
        }
        None => rows.slice(0, limit.min(rows.num_rows())),
    };
    draw(&[rows])
}

fn draw(batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    let Some(first) = batches.first() else { return Ok(String::new()) };
    table.set_header(first.schema().fields().iter().map(|field| plain(field.name())));
    let options = FormatOptions::default().with_timestamp_tz_format(Some("%F %R"));
    for batch in batches {
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            table.add_row(batch.columns().iter().zip(&formatters).map(|(column, formatter)| {
                cut(&plain(&cell(column, row, formatter)))
            }));
        }
    }
    Ok(table.to_string())
}

/// A list is shown by its first entry and how many more there are; a score by four digits.
fn cell(column: &arrow::array::ArrayRef, row: usize, formatter: &ArrayFormatter<'_>) -> String {
    if let Some(list) = column.as_list_opt::<i32>()
        && list.is_valid(row)
    {
        let items = list.value(row);
        let options = FormatOptions::default();
        let first = ArrayFormatter::try_new(&items, &options)
            .ok()
            .filter(|_| !items.is_empty())
            .map(|formatter| cut(&formatter.value(0).to_string()))
            .unwrap_or_default();
        return if items.len() > 1 { format!("{first} (+{})", items.len() - 1) } else { first };
    }
    if let Some(numbers) = column.as_primitive_opt::<arrow::datatypes::Float64Type>()
        && numbers.is_valid(row)
    {
        return format!("{:.4}", numbers.value(row));
    }
    formatter.value(row).to_string()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
