//! Why what people have said of findings cannot be heeded.

use std::io::ErrorKind;

use crate::blame::{Blame, blame_of};
use crate::job::JobError;
use crate::nearest::did_you_mean;
use crate::sinks::SinkError;

/// What is wrong with rules or labels.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The file is not there, or cannot be read.
    #[error("the file cannot be read")]
    File(#[source] std::io::Error),
    /// It is no TOML of rules.
    #[error("it is no file of rules")]
    Toml(#[from] Box<toml::de::Error>),
    /// It is no CSV, or its values cannot be read.
    #[error("its rows cannot be read")]
    Rows(#[from] arrow::error::ArrowError),
    /// The table cannot be read.
    #[error("the table cannot be read")]
    Table(#[source] Box<crate::error::Error>),
    /// The table of labels cannot be written.
    #[error("the label cannot be written")]
    Write(#[from] SinkError),
    /// There is no such table.
    #[error("there is nothing")]
    Missing,
    /// A column that each has to have is not there.
    #[error("it has no column `{column}`")]
    NoColumn {
        /// The column.
        column: &'static str,
    },
    /// A row says something else than it may.
    #[error("{name}: {problem}")]
    Row {
        /// Which.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A column that no judged row has.
    #[error("{name} speaks of a column `{column}`, which the judged rows have not")]
    UnknownColumn {
        /// The rule, or the labels.
        name: String,
        /// The column.
        column: String,
        /// Those that they have.
        known: Vec<String>,
    },
    /// The findings would not say that they are suppressed.
    #[error(
        "the last file of [findings] sql leaves the column `{}` out",
        super::SUPPRESSED_BY
    )]
    Unmarked,
    /// The job names no table of labels.
    #[error("the job has no [labels]")]
    NoLabels,
    /// The labels are a file that a person writes.
    #[error("the labels are a CSV file, which nobody but a person writes")]
    ByHand,
}

impl FeedbackError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Table(error) => error.blame(),
            Self::Write(error) => error.blame(),
            Self::File(error) if error.kind() != ErrorKind::NotFound => blame_of(error),
            _ => Blame::Job, // what it says is a part of what the job says
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Job(error) => return error.hint(),
            Self::Table(error) => return error.hint(),
            Self::UnknownColumn { column, known, .. } => {
                let meant = did_you_mean(column, known.iter().map(String::as_str));
                meant.unwrap_or_else(|| format!("they have {}", known.join(", ")))
            }
            Self::Toml(_) => "a rule is [rules.NAME] with reason, author, expires and scope = { COLUMN = \"pattern\" }".to_owned(),
            Self::NoColumn { .. } => "rules have the columns rule, reason, author and expires, labels the column label; all others are columns of the judged rows".to_owned(),
            Self::Unmarked => format!("let it keep `scored.{}`: a suppressed finding is written, and says by what", super::SUPPRESSED_BY),
            Self::Missing => "write the file or the table, or leave its table out of the job".to_owned(),
            Self::NoLabels => "say in the job where they shall be: [labels] location = \"../out/labels\"".to_owned(),
            Self::ByHand => "add a line to it, or let [labels] location be a Delta table".to_owned(),
            Self::File(_) => "write the file, or leave its table out of the job".to_owned(),
            Self::Rows(_) => "a time is 2026-03-10T12:00:00Z, or a day; all else is as in the job's rows".to_owned(),
            Self::Row { .. } | Self::Write(_) => return None,
        })
    }
}
