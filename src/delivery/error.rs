//! Why findings cannot be sent, or the outbox cannot be kept.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

use crate::blame::{Blame, blame_of};
use crate::folder::FolderError;
use crate::job::{JobError, Place};
use crate::sinks::SinkError;

/// Why the outbox, or a receiver, cannot be used at all; a receiver that does not answer is no such error.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The outbox's table cannot be opened or written.
    #[error("the outbox cannot be used: {0}")]
    Outbox(#[from] SinkError),
    /// The Delta table of findings, or of the outbox, refuses.
    #[error("the findings to send cannot be read, or noted")]
    Delta(#[from] DeltaTableError),
    /// Rows cannot be read or shaped.
    #[error("the findings to send cannot be read")]
    Read(#[from] DataFusionError),
    /// Rows cannot be written in a receiver's format.
    #[error("the findings cannot be written as they are to be sent")]
    Rows(#[from] ArrowError),
    /// What the outbox holds is not what was put there.
    #[error("the outbox holds {what}")]
    Damaged {
        /// What it holds.
        what: String,
    },
    /// Another table stands where the outbox should be.
    #[error("the table there is not the outbox of this job")]
    OtherTable,
    /// Other runs were quicker again and again.
    #[error("other runs change the outbox all the time")]
    Busy,
    /// Another call sends what is in it.
    #[error("another call is sending what is in the outbox")]
    Held,
    /// A chunk that is not there.
    #[error("no chunk that waits has the id `{id}`")]
    NoChunk {
        /// As asked for.
        id: String,
    },
    /// Several chunks are meant.
    #[error("several chunks that wait have an id that begins with `{id}`")]
    Ambiguous {
        /// As asked for.
        id: String,
    },
    /// A sink that is not there.
    #[error("the job has no sink `{name}` that findings are sent to")]
    NoReceiver {
        /// As asked for.
        name: String,
    },
    /// The SQL of a shape does not fit the findings.
    #[error(transparent)]
    Sql(Box<crate::error::Error>),
    /// A shape does not fit the findings.
    #[error("{place}: the shape of sink `{sink}`: {message}")]
    Shape {
        /// The sink.
        sink: String,
        /// Where it stands.
        place: Place,
        /// What does not fit.
        message: String,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
    /// The folder of a sink of files cannot be opened.
    #[error(transparent)]
    Folder(FolderError),
}

impl From<FolderError> for DeliveryError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Job(error) => Self::Job(error),
            error => Self::Folder(error),
        }
    }
}

impl DeliveryError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_)
            | Self::Shape { .. }
            | Self::OtherTable
            | Self::NoChunk { .. }
            | Self::Ambiguous { .. }
            | Self::NoReceiver { .. } => Blame::Job,
            Self::Outbox(error) => error.blame(),
            Self::Sql(error) => error.blame(),
            Self::Delta(error) => outside(blame_of(error)),
            Self::Read(error) => outside(blame_of(error)),
            Self::Rows(_) | Self::Damaged { .. } => Blame::Data,
            Self::Busy | Self::Held | Self::Client(_) | Self::Folder(_) => Blame::Outside,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Job(error) => return error.hint(),
            Self::Outbox(error) => return error.hint(),
            Self::Sql(error) => return error.hint(),
            Self::OtherTable => "give the outbox a place of its own: [outbox] location",
            Self::Held => {
                "wait for its end, then `crannog send`; one that was killed is forgotten half a minute after"
            }
            Self::Busy => "run `crannog send` when they are done",
            Self::Ambiguous { .. } => "give more of it; `crannog send JOB --list` has all of each",
            Self::NoChunk { .. } => "`crannog send JOB --list` names those that wait",
            Self::NoReceiver { .. } => {
                "a sink's name is its `name`, or its `type` where it has none"
            }
            Self::Shape { .. } => {
                "a shape is one SELECT from `findings`, with a column `_finding_id`; docs/delivery.md says what there is"
            }
            Self::Damaged { .. } => {
                "restore an earlier version of its table, or move it away: what was not delivered is then forgotten"
            }
            Self::Delta(_) | Self::Read(_) | Self::Rows(_) | Self::Client(_) | Self::Folder(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

/// Tables of our own that cannot be read are not the data's fault.
fn outside(blame: Blame) -> Blame {
    match blame {
        Blame::Data => Blame::Outside,
        blame => blame,
    }
}
