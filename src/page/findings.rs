//! The findings as rows of a page, the strangest first.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::cells::{Cell, cells, strangest};
use crate::display::plain;
use crate::job::Job;
use crate::report::RunReport;

/// Rows of a page: more are slow to open, and nobody reads them.
const MOST_ROWS: usize = 1_000;
/// Lines of one value.
const MOST_LINES: usize = 50;
/// Letters of one line.
const MOST_LETTERS: usize = 4_000;
/// Letters that are shown before a value is folded.
const BEFORE_FOLD: usize = 120;

pub(super) struct Findings {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Shown>>,
    /// How many are in the table of findings alone.
    pub left_out: usize,
}

pub(super) struct Column {
    pub name: String,
    /// How it is shown: `number`, `time`, `lines` or as plain text.
    pub kind: &'static str,
}

/// A value in its place.
pub(super) struct Shown {
    pub is_null: bool,
    /// What the rows are sorted by, where that is not the text.
    pub number: Option<f64>,
    /// The value, or the start of a folded one.
    pub text: String,
    /// What unfolds: empty where the text says it all.
    pub lines: Vec<String>,
    /// What even that leaves out.
    pub left_out: usize,
}

impl Findings {
    pub fn new(job: &Job, report: &RunReport) -> Result<Self, ArrowError> {
        let rows = strangest(&report.rows, &job.features.keys, MOST_ROWS)?;
        let schema = rows.schema();
        let columns = schema.fields().iter().map(|field| Column {
            name: plain(field.name()),
            kind: match field.data_type() {
                DataType::Timestamp(..) => "time",
                DataType::List(_) => "lines",
                data_type if data_type.is_numeric() => "number",
                _ => "",
            },
        });
        let cells = rows.columns().iter().map(cells);
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        let row = |row: usize| {
            cells
                .iter()
                .map(|column| Shown::new(&column[row]))
                .collect()
        };
        Ok(Self {
            columns: columns.collect(),
            rows: (0..rows.num_rows()).map(row).collect(),
            left_out: report.findings.saturating_sub(rows.num_rows()),
        })
    }
}

impl Shown {
    fn new(cell: &Cell) -> Self {
        let one = |text: String| Self {
            is_null: false,
            number: None,
            text,
            lines: Vec::new(),
            left_out: 0,
        };
        match cell {
            Cell::Null => Self {
                is_null: true,
                ..one(cell.to_string())
            },
            Cell::Float(number) => Self {
                number: Some(*number),
                ..one(cell.to_string())
            },
            Cell::Text(text) => Self::folded(std::slice::from_ref(text)),
            Cell::List(items) => Self::folded(items),
        }
    }

    fn folded(items: &[String]) -> Self {
        let first = items.first().map(String::as_str).unwrap_or_default();
        let fits = items.len() <= 1 && first.chars().nth(BEFORE_FOLD).is_none();
        Self {
            is_null: false,
            number: None,
            text: start_of(first, BEFORE_FOLD),
            lines: match fits {
                true => Vec::new(),
                false => items
                    .iter()
                    .take(MOST_LINES)
                    .map(|item| start_of(item, MOST_LETTERS))
                    .collect(),
            },
            left_out: items.len().saturating_sub(MOST_LINES),
        }
    }

    /// How many values there are beside the one that is shown folded.
    pub fn more(&self) -> usize {
        (self.lines.len() + self.left_out).saturating_sub(1)
    }
}

fn start_of(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_value_is_not_folded() {
        let shown = Shown::new(&Cell::List(vec!["cmd.exe /c whoami".to_owned()]));
        assert_eq!(
            (shown.text.as_str(), shown.lines.len()),
            ("cmd.exe /c whoami", 0)
        );
    }

    #[test]
    fn a_long_line_is_folded_and_a_longer_one_cut() {
        let shown = Shown::new(&Cell::Text("é".repeat(5_000)));
        assert_eq!(shown.text.chars().count(), BEFORE_FOLD + 1);
        assert_eq!(shown.lines[0].chars().count(), MOST_LETTERS + 1);
        assert_eq!(shown.more(), 0);
    }

    #[test]
    fn many_lines_are_folded_and_counted() {
        let lines: Vec<_> = (0..60).map(|line| line.to_string()).collect();
        let shown = Shown::new(&Cell::List(lines));
        assert_eq!((shown.text.as_str(), shown.more()), ("0", 59));
        assert_eq!((shown.lines.len(), shown.left_out), (50, 10));
    }
}
