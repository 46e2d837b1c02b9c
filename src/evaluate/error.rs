//! Why rankings cannot be judged, whose turn it is, and what to do.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::blame::{Blame, blame_of};
use crate::error::{Error, step_hint};
use crate::source::SourceError;

/// Why rankings cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The table of labels cannot be opened.
    #[error("labels `{location}`: {source}")]
    Open {
        /// Where they should be.
        location: String,
        /// Why not.
        source: Box<SourceError>,
    },
    /// The table of labels cannot be read, or a key of it not be brought to the job's type.
    #[error("labels `{location}` cannot be read")]
    Read {
        /// Where they are.
        location: String,
        /// Why not.
        source: DataFusionError,
    },
    /// Nothing in the labels tells which row they mean.
    #[error("labels `{location}` have no column that is a key of the job `{job}`")]
    NoKey {
        /// Where they are.
        location: String,
        /// The job.
        job: String,
        /// Its keys.
        keys: Vec<String>,
        /// What the labels have.
        columns: Vec<String>,
    },
    /// A label that says neither yes nor no.
    #[error("labels `{location}`: `{value}` is no label")]
    Label {
        /// Where they are.
        location: String,
        /// What stands there.
        value: String,
    },
    /// The labels mean other rows than the job judges.
    #[error(
        "none of the {rows} rows of labels `{location}` matches a row that the job `{job}` judges"
    )]
    NoMatch {
        /// Where they are.
        location: String,
        /// The job.
        job: String,
        /// Rows of labels.
        rows: usize,
        /// The columns that they are matched by.
        keys: Vec<String>,
    },
    /// No judged row is an attack's.
    #[error("by labels `{location}` no row that the job `{job}` judges is an attack's")]
    NoPositive {
        /// Where they are.
        location: String,
        /// The job.
        job: String,
    },
    /// All judged rows are attacks'.
    #[error("by labels `{location}` all rows that the job `{job}` judges are attacks'")]
    NoNegative {
        /// Where they are.
        location: String,
        /// The job.
        job: String,
    },
    /// The judged rows cannot be matched with their labels.
    #[error("the judged rows cannot be matched with their labels")]
    Match(#[from] ArrowError),
}

impl EvaluateError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Open { source, .. } => source.blame(),
            Self::Read { source, .. } => blame_of(source),
            _ => Blame::Data,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let named = |names: &[String]| {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        match self {
            Self::Open { source, .. } => match source.as_ref() {
                SourceError::Missing { .. } => Some(
                    "labels are a Delta table, Parquet, a file that ends in .csv, or a SELECT in one that ends in .sql"
                        .to_owned(),
                ),
                source => source.hint(),
            },
            Self::Read { source, .. } => step_hint(source),
            Self::NoKey { keys, columns, .. } => Some(format!(
                "name columns of it as the keys are: {}; it has {}",
                named(keys),
                named(columns)
            )),
            Self::Label { .. } => Some(
                "`label` is 1 or 0, true or false, \"malicious\" or \"benign\"; without such a column every row is an attack"
                    .to_owned(),
            ),
            Self::NoMatch { keys, .. } => Some(format!(
                "are {} of the labels written as the job makes them, and is `--as-of` (default: now) within their time?",
                named(keys)
            )),
            Self::NoPositive { .. } => {
                Some("is `--as-of` (default: now) within the time of the attacks?".to_owned())
            }
            Self::NoNegative { .. } => Some(
                "are the labels for more keys than those that all rows have in common, and does `label` say 0 of what is no attack?"
                    .to_owned(),
            ),
            Self::Match(_) => None,
        }
    }
}

impl From<EvaluateError> for Error {
    fn from(error: EvaluateError) -> Self {
        Self::Evaluate(Box::new(error))
    }
}
