//! Findings as a table in a terminal: one line each, no wider than the terminal, nothing in it that could harm it.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use comfy_table::{ContentArrangement, Table, presets};
use crannog::cells::cells;
use crannog::display::plain;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A table that goes to a file or a pipe is as wide as a wide terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 160;
/// No column is cut below this, or below its own header.
const NARROWEST: usize = 6;

/// Every row, in order.
pub fn all(rows: &RecordBatch) -> Result<String, ArrowError> {
    let headers: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| plain(field.name()))
        .collect();
    let columns = rows
        .columns()
        .iter()
        .map(texts)
        .collect::<Result<Vec<_>, _>>()?;
    let widths = widths(&headers, &columns);

    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&headers);
    for row in 0..rows.num_rows() {
        table.add_row(
            columns
                .iter()
                .zip(&widths)
                .map(|(column, width)| cut(&column[row], *width)),
        );
    }
    Ok(table.to_string())
}

/// How wide each column may be: the widest give way until all fit.
fn widths(headers: &[String], columns: &[Vec<String>]) -> Vec<usize> {
    let wish = |(header, column): (&String, &Vec<String>)| {
        column
            .iter()
            .chain([header])
            .map(|text| text.width())
            .max()
            .unwrap_or(0)
    };
    let least: Vec<_> = headers
        .iter()
        .map(|header| header.width().max(NARROWEST))
        .collect();
    let mut widths: Vec<_> = headers.iter().zip(columns).map(wish).collect();
    let available = terminal_width().saturating_sub(3 * widths.len() + 1);
    while widths.iter().sum::<usize>() > available {
        let shrinkable = widths
            .iter()
            .enumerate()
            .filter(|(column, width)| **width > least[*column]);
        let Some((widest, _)) = shrinkable.max_by_key(|(_, width)| **width) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

fn terminal_width() -> usize {
    let table = Table::new();
    if table.is_tty() {
        table.width().map_or(WIDTH_WITHOUT_TERMINAL, usize::from)
    } else {
        WIDTH_WITHOUT_TERMINAL
    }
}

/// The values of a column, each on one line.
fn texts(column: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    Ok(cells(column)?.iter().map(ToString::to_string).collect())
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(cut("powershell.exe", 14), "powershell.exe");
        assert_eq!(cut("powershell.exe", 6), "power…");
        assert_eq!(cut("日本語", 5), "日本…");
    }

    #[test]
    fn the_widest_column_gives_way_first() {
        let headers = ["a".to_owned(), "b".to_owned()];
        let columns = [vec!["x".repeat(10)], vec!["y".repeat(500)]];
        assert_eq!(
            widths(&headers, &columns),
            [10, WIDTH_WITHOUT_TERMINAL - 7 - 10]
        );
    }
}
