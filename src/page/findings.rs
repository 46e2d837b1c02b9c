//! The findings as rows of a page, the strangest first.

use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use crate::cells::{Cell, cells, strangest};
use crate::display::{plain, start_of};
use crate::job::Job;
use crate::report::RunReport;

use super::room::{ROOM, fair_share, fit, size};

/// Rows of a page: more are slow to open, and nobody reads them.
const MOST_ROWS: usize = 1_000;
/// Lines of one value.
const MOST_LINES: usize = 50;
/// Letters of one line.
const MOST_LETTERS: usize = 4_000;
/// Bytes of a line below which a page without room rather leaves lines out.
const LEAST_LINE: usize = 80;
/// Letters of a word in a column that is wide enough for each of its values in one line.
const ONE_LINE: usize = 40;
/// The columns that come first and stay in sight, and their classes.
const FIRST: [(&str, &str); 2] = [("rank", "rank"), ("anomaly_score", "score")];
/// Letters that are shown before a value is folded.
const BEFORE_FOLD: usize = 120;

pub(super) struct Findings {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Shown>>,
    /// How many are in the table of findings alone.
    pub left_out: usize,
    /// How many values are not shown to their end.
    pub cut: usize,
}

pub(super) struct Column {
    pub name: String,
    /// How it is shown, in classes: `number`, `time`, `lines`, `short` or as plain text; `rank` and `score`.
    pub class: String,
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
    /// Whether there is more than all that.
    pub is_cut: bool,
}

impl Findings {
    pub fn new(job: &Job, report: &RunReport) -> Result<Self, ArrowError> {
        let rows = strangest(&report.rows, &job.features.keys, MOST_ROWS)?;
        let rows = rows.project(&order(&rows.schema()))?;
        let schema = rows.schema();
        let cells = rows.columns().iter().map(cells);
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        let row = |row: usize| {
            cells
                .iter()
                .map(|column| Shown::new(&column[row]))
                .collect()
        };
        let mut shown: Vec<Vec<_>> = (0..rows.num_rows()).map(row).collect();
        make_room(&mut shown, ROOM);
        let columns = schema.fields().iter().enumerate().map(|(column, field)| {
            let is_short = shown.iter().all(|row| row[column].is_short());
            Column::new(field, is_short)
        });
        Ok(Self {
            columns: columns.collect(),
            left_out: report.findings.saturating_sub(shown.len()),
            cut: shown.iter().flatten().filter(|cell| cell.is_cut).count(),
            rows: shown,
        })
    }
}

/// The places of the columns: rank and score first, so that they are in sight however wide the table is.
fn order(schema: &Schema) -> Vec<usize> {
    let mut places: Vec<_> = (0..schema.fields().len()).collect();
    places.sort_by_key(|place| {
        let name = schema.field(*place).name();
        let first = FIRST.iter().position(|(first, _)| first == name);
        first.unwrap_or(FIRST.len())
    });
    places
}

impl Column {
    fn new(field: &Field, is_short: bool) -> Self {
        let kind = match field.data_type() {
            DataType::Timestamp(..) => "time",
            DataType::List(_) => "lines",
            data_type if data_type.is_numeric() => "number",
            _ if is_short => "short",
            _ => "",
        };
        let first = FIRST.iter().find(|(name, _)| name == field.name());
        let class = [kind, first.map_or("", |(_, class)| class)].join(" ");
        Self {
            name: plain(field.name()),
            class: class.trim().to_owned(),
        }
    }
}

/// Cuts the largest values, all of them to the same size, until together they fit.
fn make_room(rows: &mut [Vec<Shown>], room: usize) {
    let sizes = rows.iter().flatten().map(Shown::size).collect();
    let share = fair_share(sizes, room);
    for cell in rows.iter_mut().flatten() {
        cell.fit(share);
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
            is_cut: false,
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
            is_cut: items.len() > MOST_LINES
                || items
                    .iter()
                    .any(|item| item.chars().nth(MOST_LETTERS).is_some()),
        }
    }

    fn is_short(&self) -> bool {
        let words = self.text.split_whitespace().count();
        self.lines.is_empty() && words <= 1 && self.text.chars().nth(ONE_LINE).is_none()
    }

    fn size(&self) -> usize {
        size(&self.text) + self.lines.iter().map(|line| size(line)).sum::<usize>()
    }

    /// Cuts what does not fit: the longest lines, then the last ones.
    fn fit(&mut self, room: usize) {
        if self.size() <= room {
            return;
        }
        self.is_cut = true;
        fit(&mut self.text, room);
        let room = room.saturating_sub(size(&self.text));
        let sizes = self.lines.iter().map(|line| size(line)).collect();
        let share = fair_share(sizes, room).max(LEAST_LINE);
        let (mut used, mut fitting) = (0, 0);
        for line in &mut self.lines {
            fit(line, share);
            used += size(line);
            if used > room {
                break;
            }
            fitting += 1;
        }
        self.left_out += self.lines.len() - fitting;
        self.lines.truncate(fitting);
    }

    /// How many values there are beside the one that is shown folded.
    pub fn more(&self) -> usize {
        (self.lines.len() + self.left_out).saturating_sub(1)
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
        assert!(shown.is_cut);
    }

    #[test]
    fn a_hostile_list_is_cut_to_its_share_and_what_is_short_is_whole() {
        let list = |lines: usize, letters: usize| {
            Shown::new(&Cell::List(vec!["<".repeat(letters); lines]))
        };
        let mut rows = vec![
            vec![list(1, 9), list(50, 4_000)],
            vec![list(50, 4_000), list(2, 9)],
        ];
        make_room(&mut rows, 20_000);
        let sizes: Vec<_> = rows.iter().flatten().map(Shown::size).collect();
        let cut: Vec<_> = rows.iter().flatten().map(|cell| cell.is_cut).collect();
        assert_eq!(cut, [false, true, true, false]);
        assert!(sizes.iter().sum::<usize>() <= 20_000, "{sizes:?}");
        assert!(sizes[1] == sizes[2] && sizes[1] > 8_000, "{sizes:?}");
        assert_eq!(rows[0][1].lines.len(), 50);
    }

    #[test]
    fn where_there_is_room_for_few_lines_only_the_others_are_counted() {
        let mut shown = Shown::new(&Cell::List(vec!["x".repeat(1_000); 60]));
        shown.fit(123 + 3 * LEAST_LINE + 10);
        assert_eq!(
            (shown.lines.len(), shown.left_out, shown.more()),
            (3, 57, 59)
        );
        assert_eq!(size(&shown.lines[0]), LEAST_LINE);
    }

    #[test]
    fn rank_and_score_come_before_all_other_columns() {
        let field = |name: &str| Field::new(name, DataType::Int64, false);
        let schema = Schema::new(
            ["host", "anomaly_score", "ranks", "rank"]
                .map(field)
                .to_vec(),
        );
        assert_eq!(order(&schema), [3, 1, 0, 2]);
        let class = |name: &str| Column::new(&field(name), true).class;
        assert_eq!(
            [class("rank"), class("anomaly_score"), class("host")],
            ["number rank", "number score", "number"]
        );
    }

    #[test]
    fn a_column_of_short_texts_has_each_in_one_line() {
        let id = "70cd5bae-26a7-484b-ae73-f5cc73373c80";
        assert!(Shown::new(&Cell::Text(id.to_owned())).is_short());
        for long in ["x".repeat(41), "NT AUTHORITY\\SYSTEM".to_owned()] {
            assert!(!Shown::new(&Cell::Text(long)).is_short());
        }
        let text = Field::new("eventID", DataType::Utf8, false);
        assert_eq!(Column::new(&text, true).class, "short");
        assert_eq!(Column::new(&text, false).class, "");
    }
}
