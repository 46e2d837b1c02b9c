//! Why an import did not finish, whose turn it is, and what to do.

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

use crate::blame::{Blame, blame_of};
use crate::error::{Error, step_hint};
use crate::put_if_absent::PutIfAbsentError;
use crate::source::{SOURCE_FILE, UnreadableFile};

/// Why an import did not finish. What was committed before stays, and is not taken again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The table is not one of an import.
    #[error(
        "the Delta table `{table}` was not made by an import of files, so it is not known what it holds: it has no column `{SOURCE_FILE}`"
    )]
    NotOurs {
        /// Where it is.
        table: String,
    },
    /// The table is not one of an import of that Delta table.
    #[error("the Delta table `{table}` holds rows that are not of this Delta table")]
    OtherTable {
        /// Where it is.
        table: String,
    },
    /// The table was imported from elsewhere, where other files may have the same names.
    #[error("the Delta table `{table}` was imported from `{origin}`")]
    OtherOrigin {
        /// Where it is.
        table: String,
        /// The other source.
        origin: String,
    },
    /// The table would be among the files of the source.
    #[error("the Delta table `{table}` is inside of the source")]
    Inside {
        /// Where it is.
        table: String,
    },
    /// The source has no such time.
    #[error("there is no column `{column}` in the source")]
    NoTime {
        /// What was asked for.
        column: String,
        /// Columns that are times.
        times: Vec<String>,
    },
    /// Nobody said which column the time is.
    #[error("which column tells when a row's event was?")]
    WhichTime {
        /// Columns that are times.
        times: Vec<String>,
    },
    /// The column is no time.
    #[error("column `{column}` is {data_type}, which is no time")]
    NotATime {
        /// The column.
        column: String,
        /// What it is.
        data_type: String,
        /// Columns that are times.
        times: Vec<String>,
    },
    /// The source has a column of the name of a row's day.
    #[error("the source has a column `{column}`, and so has the table for the day of a row")]
    Day {
        /// The column.
        column: String,
    },
    /// A column that a Delta table cannot have.
    #[error("column `{column}` is {data_type}, which a Delta table cannot hold")]
    Type {
        /// The column.
        column: String,
        /// What it is.
        data_type: String,
    },
    /// A column that is not what it was.
    #[error("column `{column}` is {here} in the source, and {there} in the Delta table `{table}`")]
    Column {
        /// The column.
        column: String,
        /// What it is now.
        here: String,
        /// What it was.
        there: String,
        /// Where the table is.
        table: String,
    },
    /// Two columns that differ in the case of their names.
    #[error("columns `{column}` and `{other}` are one column to a Delta table")]
    Case {
        /// The column.
        column: String,
        /// The other.
        other: String,
    },
    /// Another import has written in the meantime.
    #[error("another import is writing to `{table}`")]
    Race {
        /// Where it is.
        table: String,
    },
    /// A commit to the table would not be safe from another one.
    #[error("the Delta table `{table}` cannot be written safely")]
    PutIfAbsent {
        /// Where it is.
        table: String,
        /// Why not.
        source: PutIfAbsentError,
    },
    /// A file cannot be read to its end.
    #[error(transparent)]
    Unreadable(UnreadableFile),
    /// The rows cannot be read.
    #[error("the source cannot be read")]
    Read(#[source] DataFusionError),
    /// The table cannot be read or written.
    #[error("the Delta table `{table}` cannot be written")]
    Table {
        /// Where it is.
        table: String,
        /// Why not.
        source: DeltaTableError,
    },
}

impl ImportError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NotOurs { .. }
            | Self::OtherTable { .. }
            | Self::OtherOrigin { .. }
            | Self::Inside { .. }
            | Self::NoTime { .. }
            | Self::WhichTime { .. }
            | Self::NotATime { .. } => Blame::Job,
            Self::Day { .. }
            | Self::Type { .. }
            | Self::Column { .. }
            | Self::Case { .. }
            | Self::Unreadable(_) => Blame::Data,
            Self::Race { .. } => Blame::Outside,
            Self::PutIfAbsent { source, .. } => source.blame(),
            Self::Read(error) => blame_of(error),
            Self::Table { source, .. } => blame_of(source),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotOurs { .. } | Self::OtherOrigin { .. } => "import into a folder of its own",
            Self::Inside { .. } => "import into a folder outside of it",
            Self::OtherTable { .. } | Self::Day { .. } | Self::Column { .. } => {
                "import into a new table"
            }
            Self::NoTime { times, .. }
            | Self::WhichTime { times }
            | Self::NotATime { times, .. } => return Some(time_hint(times)),
            Self::Type { .. } | Self::Case { .. } => {
                "read the source by a job as it is, or write it anew without the column"
            }
            Self::Race { .. } => "run it again when the other has ended: nothing is taken twice",
            Self::Unreadable(_) => {
                "restore the file or remove it; without `--strict` it is left for a later import"
            }
            Self::PutIfAbsent { source, .. } => return Some(source.hint()),
            Self::Read(error) => return step_hint(error),
            Self::Table { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn time_hint(times: &[String]) -> String {
    if times.is_empty() {
        return "name it with --time-column; no column of the source is a timestamp or a date"
            .to_owned();
    }
    let times: Vec<_> = times.iter().map(|time| format!("`{time}`")).collect();
    format!("name it with --time-column; times are {}", times.join(", "))
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Self::Import(Box::new(error))
    }
}
