//! Why findings cannot be written.

use arrow::error::ArrowError;
use deltalake::DeltaTableError;

use crate::blame::{Blame, blame_of};
use crate::job::JobError;
use crate::put_if_absent::PutIfAbsentError;

/// Why a sink cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The location is neither a path nor a URL.
    #[error("this is not a path or URL for a Delta table")]
    Location,
    /// The folder holds something else.
    #[error("the folder holds files, but no Delta table")]
    Occupied,
    /// Something else stands where the folder should be.
    #[error("there is a file where the folder should be")]
    NotAFolder,
    /// The folder cannot be written.
    #[error("the folder cannot be written")]
    NotWritable(#[source] std::io::Error),
    /// A commit to a table there would not be safe from another one.
    #[error(transparent)]
    PutIfAbsent(#[from] PutIfAbsentError),
    /// The findings do not have a column that every sink needs.
    #[error("the findings have no {needed}")]
    NoColumn {
        /// What is needed: "column `interval`".
        needed: String,
    },
    /// The column of time is no instant.
    #[error("`{column}` of the findings is {found}, not a time with a zone")]
    NotATime {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The findings have a column that the sink adds.
    #[error("the findings have a column `{column}`, which every sink adds itself")]
    Reserved {
        /// The column.
        column: String,
    },
    /// A column of a type that Delta tables do not have.
    #[error("column `{column}` is {found}, which a Delta table cannot hold")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The table there has other columns.
    #[error("the table there has other columns: {difference}")]
    Schema {
        /// "`rank` is missing in the table".
        difference: String,
    },
    /// The table there belongs to another job, whose findings a run would replace.
    #[error("the table there is that of the job `{other}`")]
    OtherJob {
        /// Its name.
        other: String,
    },
    /// Another call maintains the table.
    #[error("another `crannog maintain` is at work on it")]
    Maintained {
        /// The object that says so.
        lease: &'static str,
    },
    /// The table there is no job's.
    #[error("the table there was made by no job")]
    NoJob,
    /// One row of the features comes as several findings.
    #[error("{count} findings have the keys of another one")]
    Repeated {
        /// How many.
        count: usize,
    },
    /// A finding outside of what the run replaces.
    #[error("{count} findings lie outside of the detect window, {start} to {end}")]
    OutsideWindow {
        /// How many.
        count: usize,
        /// Start of the window.
        start: String,
        /// End of the window.
        end: String,
    },
    /// The rows cannot be brought into the table's shape.
    #[error("the findings cannot be converted")]
    Rows(#[from] ArrowError),
    /// The Delta table refuses.
    #[error("the Delta table cannot be opened or written")]
    Delta(#[from] DeltaTableError),
}

impl SinkError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_)
            | Self::Location
            | Self::Occupied
            | Self::NotAFolder
            | Self::NoColumn { .. }
            | Self::NotATime { .. }
            | Self::Reserved { .. }
            | Self::Type { .. }
            | Self::Schema { .. }
            | Self::NoJob
            | Self::OtherJob { .. } => Blame::Job,
            Self::OutsideWindow { .. } | Self::Repeated { .. } | Self::Rows(_) => Blame::Data,
            Self::NotWritable(_) | Self::Maintained { .. } => Blame::Outside,
            Self::PutIfAbsent(error) => error.blame(),
            Self::Delta(error) => match blame_of(error) {
                Blame::Data => Blame::Outside, // an output that does not take rows is not the data's fault
                blame => blame,
            },
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Job(error) => return error.hint(),
            Self::PutIfAbsent(error) => error.hint(),
            Self::Occupied | Self::NotAFolder => "choose an empty or new folder for `location`".to_owned(),
            Self::NotWritable(_) => "the account that runs this must be able to write there, and the disk must have room".to_owned(),
            Self::NoColumn { .. } => "add it to the last SQL file of [findings]".to_owned(),
            Self::NotATime { column, .. } => format!(
                "[window] time_column names it; make `{column}` of a column that is a timestamp in its source, or cast it: `cast(… AS timestamp with time zone)`"
            ),
            Self::Reserved { column } => format!("give `{column}` another name in the last SQL file of [findings]"),
            Self::Type { column, .. } => format!("cast `{column}` in the last SQL file of [findings]"),
            Self::Maintained { lease } => format!(
                "wait for its end; one that was killed is forgotten 12 hours after it began, or when `{lease}` in the table's folder is removed"
            ),
            Self::NoJob => "name an output table of this job, or a new place".to_owned(),
            Self::OtherJob { .. } => "give each job a `location` of its own".to_owned(),
            Self::Repeated { .. } => {
                "a join in the SQL of [findings] makes several rows of one: each finding must have its own keys".to_owned()
            }
            Self::Schema { .. } => "choose a new `location`, or move the old table away".to_owned(),
            Self::OutsideWindow { .. } => {
                "keep `>= $detect_start` and `< $detect_end` in the SQL of [findings]".to_owned()
            }
            Self::Delta(_) => "the table is as it was before this run; run again when the cause is gone".to_owned(),
            Self::Location => "write a path without `%`, or a URL such as s3://bucket/table".to_owned(),
            Self::Rows(_) => return None,
        })
    }
}
