//! Why a source cannot be opened, whose turn it is, and what to do.

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;

use super::{UnknownChanges, UnreadableFile, delta};
use crate::blame::{Blame, blame_of};
use crate::job::JobError;

/// Why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The location is neither a path nor a URL.
    #[error("`{location}` is not a path or URL of a table")]
    Location {
        /// What is written.
        location: String,
    },
    /// Nothing is there.
    #[error("there is no {what}")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// The folder of a Delta table, named as Parquet.
    #[error("this is a Delta table, and `format` says \"parquet\"")]
    IsDelta,
    /// A version that the Delta table does not have.
    #[error("the Delta table has no version {version}")]
    NoVersion {
        /// What the job asks for.
        version: u64,
        /// The newest there is.
        latest: u64,
    },
    /// A file that writers hide from readers: half of a write, or a leftover.
    #[error(
        "there is a hidden file `{file}` among the Parquet files, which no reader should count"
    )]
    Hidden {
        /// The file, from the location on.
        file: String,
    },
    /// A Delta table that cannot be read.
    #[error("the Delta table cannot be opened")]
    Delta(#[source] DeltaTableError),
    /// Parquet that cannot be read.
    #[error("the Parquet files cannot be opened")]
    Parquet(#[source] DataFusionError),
    /// One file that is not Parquet, or cut off.
    #[error("`{file}` is cut off or not Parquet")]
    ParquetFile {
        /// The file, from the location on.
        file: String,
        /// The reader's words.
        source: DataFusionError,
    },
    /// The event logs of a folder cannot be listed.
    #[error("the event logs cannot be listed")]
    List(#[source] DataFusionError),
    /// The object store cannot be reached.
    #[error("the object store cannot be reached")]
    Store(#[source] object_store::Error),
    /// A Parquet file outside of the Hive folders that the others are in.
    #[error("`{file}` does not lie in folders `{folders}` as the other files do")]
    Folders {
        /// The file, from the location on.
        file: String,
        /// The folders' names.
        folders: String,
    },
    /// A column of a Parquet file that has the name of one that its path gives.
    #[error("`{file}` has a column `{column}`, which its path gives too")]
    Twice {
        /// The file, from the location on.
        file: String,
        /// The column.
        column: String,
    },
    /// Two Parquet files that are not of one table.
    #[error("column `{column}` is {data_type} in `{file}`, and {other_type} in `{other}`")]
    Types {
        /// The file, from the location on.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
        /// An earlier file.
        other: String,
        /// The column's type there.
        other_type: String,
    },
    /// Rows of a Delta table that were read before are not what they were.
    #[error(
        "version {version} deletes or rewrites rows that were taken with version {taken} or before"
    )]
    Rewritten {
        /// The version that did it.
        version: u64,
        /// The version that was read before.
        taken: u64,
    },
    /// It is not known what came to a Delta table.
    #[error(transparent)]
    Changes(#[from] UnknownChanges),
    /// A file that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableFile),
    /// The engine does not take the table.
    #[error("the table cannot be registered")]
    Register(#[source] DataFusionError),
}

impl SourceError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_) | Self::Location { .. } | Self::IsDelta => Blame::Job,
            Self::Missing { .. }
            | Self::NoVersion { .. }
            | Self::Hidden { .. }
            | Self::Folders { .. }
            | Self::Twice { .. }
            | Self::Types { .. }
            | Self::Rewritten { .. }
            | Self::Unreadable(_) => Blame::Data,
            Self::Changes(UnknownChanges::Log(error)) => blame_of(error),
            Self::Changes(_) => Blame::Data,
            Self::Store(_) => Blame::Outside,
            Self::Delta(error) => blame_of(error),
            Self::Parquet(error)
            | Self::List(error)
            | Self::ParquetFile { source: error, .. }
            | Self::Register(error) => blame_of(error),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Job(error) => error.hint(),
            Self::Missing { .. } => Some(
                "look at `location` and `format` in the job file; paths in it are relative to the job file"
                    .to_owned(),
            ),
            Self::IsDelta => Some("write format = \"delta\"".to_owned()),
            Self::Hidden { .. } => {
                Some("remove it when no one is writing there, or name the files by a glob such as `dir/*.parquet`".to_owned())
            }
            Self::Delta(error) => delta::hint(error, self.blame()),
            Self::NoVersion { latest, .. } => {
                Some(format!("the latest version is {latest}; leave `version` out to read it"))
            }
            Self::ParquetFile { .. } => Some("restore it, or remove it".to_owned()),
            Self::Folders { .. } | Self::Types { .. } => {
                Some("import them one by one, each by a glob and into a table of its own".to_owned())
            }
            Self::Twice { .. } => {
                Some("write the files without it".to_owned())
            }
            Self::Changes(UnknownChanges::Log(error)) => delta::hint(error, self.blame()),
            Self::Rewritten { .. } | Self::Changes(_) => {
                Some("import into a new table, which begins with all rows".to_owned())
            }
            Self::Unreadable(_) => Some("restore the file or remove it".to_owned()),
            Self::Location { .. }
            | Self::List(_)
            | Self::Parquet(_)
            | Self::Store(_)
            | Self::Register(_) => None,
        }
    }
}
