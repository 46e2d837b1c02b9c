//! Why a step cannot be kept.

use arrow::error::ArrowError;
use chrono::NaiveDate;
use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

use crate::blame::{Blame, blame_of};
use crate::job::JobError;
use crate::sinks::SinkError;

/// Why the table of a step cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// No table can be there.
    #[error(transparent)]
    Place(SinkError),
    /// Another table is there.
    #[error("the table there is {}", other.as_ref().map_or("not one of a step".to_owned(), |other| format!("`{other}`")))]
    OtherTable {
        /// Its name.
        other: Option<String>,
    },
    /// The step has a column that the table adds.
    #[error("the step has a column `{column}`, which its table adds itself")]
    Reserved {
        /// The column.
        column: &'static str,
    },
    /// A column whose values would not come back as they were.
    #[error("column `{column}` is {found}, which a Delta table cannot hold")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// No column says to which day a row belongs.
    #[error("`{step}` has no column `{column}`")]
    NoTime {
        /// The step.
        step: String,
        /// The column that was looked for.
        column: String,
    },
    /// The column that should say it says something else.
    #[error("column `{column}` is {found}, not a time")]
    NotATime {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// Rows of other days than those that were computed.
    #[error(
        "{count} rows of `{step}` belong by their `{column}` to other days than those they were computed from, {first} to before {end}"
    )]
    OtherDays {
        /// The step.
        step: String,
        /// How many.
        count: usize,
        /// The column that says it.
        column: String,
        /// The first day that was computed.
        first: NaiveDate,
        /// The day after the last one.
        end: NaiveDate,
    },
    /// Other runs were quicker, again and again.
    #[error("other runs write it all the time")]
    Busy,
    /// The rows cannot be brought into the table's shape.
    #[error("the rows cannot be converted")]
    Rows(#[from] ArrowError),
    /// The store does not keep or give the list of a source's files.
    #[error("the list of the source's files cannot be kept or read")]
    Files(#[from] object_store::Error),
    /// The Delta table refuses.
    #[error("the Delta table cannot be opened or written")]
    Delta(#[from] DeltaTableError),
    /// The Delta table cannot be read.
    #[error("the Delta table cannot be read")]
    Read(#[from] DataFusionError),
}

impl From<SinkError> for KeptError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Job(error) => Self::Job(error),
            SinkError::Delta(error) => Self::Delta(error),
            error => Self::Place(error),
        }
    }
}

impl KeptError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_)
            | Self::OtherTable { .. }
            | Self::Reserved { .. }
            | Self::Type { .. }
            | Self::NoTime { .. }
            | Self::NotATime { .. } => Blame::Job,
            Self::OtherDays { .. } | Self::Rows(_) => Blame::Data,
            Self::Busy | Self::Files(_) => Blame::Outside,
            Self::Place(error) => error.blame(),
            Self::Delta(error) => blame_of(error),
            Self::Read(error) => blame_of(error),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Job(error) => return error.hint(),
            Self::Place(error @ SinkError::PutIfAbsent(_)) => return error.hint(),
            Self::Place(_) | Self::OtherTable { .. } => {
                "name another place for it: [incremental.STEP] location".to_owned()
            }
            Self::Reserved { column } => format!("give `{column}` another name in SQL"),
            Self::Type { column, .. } => format!("cast `{column}` in SQL, or do not keep the step"),
            Self::NoTime { .. } | Self::NotATime { .. } => {
                "[incremental.STEP] time_column names the column that holds the start of a row's time bucket".to_owned()
            }
            Self::OtherDays { .. } => {
                "a step that is kept makes the rows of a day from that day's rows alone: compare `time_column` of the source with that of the step".to_owned()
            }
            Self::Busy => "run again".to_owned(),
            Self::Rows(_) | Self::Files(_) => return None,
            Self::Delta(_) | Self::Read(_) if self.blame() == Blame::Outside => return None,
            Self::Delta(_) | Self::Read(_) => {
                "the table holds nothing that the sources do not tell: if it is damaged, remove it, and the next run makes it anew".to_owned()
            }
        })
    }
}
