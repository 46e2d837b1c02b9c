//! Why the table of runs cannot be read or written.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

use crate::blame::{Blame, blame_of};
use crate::job::JobError;
use crate::sinks::SinkError;

/// Why the table of runs cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// No table can be there.
    #[error(transparent)]
    Place(SinkError),
    /// Another table is there.
    #[error("the table there is not one of runs")]
    OtherTable,
    /// No run of the job succeeded yet.
    #[error("no run of `{job}` succeeded yet")]
    None {
        /// The job's name.
        job: String,
    },
    /// No run has such an id.
    #[error("no run of the job has an id that begins with `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// Two runs have such an id.
    #[error("`{id}` begins the ids of several runs: `{one}`, `{other}`")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// An id.
        one: String,
        /// Another one.
        other: String,
    },
    /// The run has no findings to show.
    #[error("the run `{id}` failed, and has no findings")]
    Failed {
        /// Its id.
        id: String,
    },
    /// The Delta table refuses.
    #[error("the Delta table cannot be opened or written")]
    Delta(#[from] DeltaTableError),
    /// The Delta table cannot be read.
    #[error("the Delta table cannot be read")]
    Read(#[from] DataFusionError),
    /// A run and a row are not each other's.
    #[error("a run cannot be made a row, or a row a run")]
    Row(#[from] ArrowError),
    /// A row does not say what a run says.
    #[error("a row of the table is not a run")]
    NotARun(#[from] serde_json::Error),
}

impl From<SinkError> for RunsError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Job(error) => Self::Job(error),
            SinkError::Delta(error) => Self::Delta(error),
            error => Self::Place(error),
        }
    }
}

impl RunsError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_)
            | Self::OtherTable
            | Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::Failed { .. } => Blame::Job,
            Self::Place(error) => error.blame(),
            Self::Delta(error) => blame_of(error),
            Self::Read(error) => blame_of(error),
            Self::None { .. } | Self::Row(_) | Self::NotARun(_) => Blame::Data,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Job(error) => error.hint(),
            Self::Place(SinkError::PutIfAbsent(error)) => Some(error.hint()),
            Self::Place(_) | Self::OtherTable => {
                Some("name another place for it: [runs] location".to_owned())
            }
            Self::Unknown { .. } | Self::Ambiguous { .. } | Self::Failed { .. } => {
                Some("`crannog runs JOB` lists them".to_owned())
            }
            Self::None { .. } => Some("`crannog run` makes one".to_owned()),
            Self::Delta(_) | Self::Read(_) | Self::Row(_) | Self::NotARun(_) => None,
        }
    }
}
