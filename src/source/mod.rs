//! Sources: what a job reads, opened and registered under the names that its SQL uses.
//!
//! Whatever the format, a time is an instant with microseconds in the job's time zone, so that SQL's `date_trunc`
//! means what Spark's means with that session zone. A time without a zone is local time in it. A column named
//! `a.b` is the field `b` of a column `a`.

mod cloudtrail;
mod delta;
mod evtx;
mod files;
mod nested;
mod parquet;
mod skipped;
mod source_files;

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::nullif;
use datafusion::logical_expr::{cast, ident, lit};
use datafusion::prelude::SessionContext;
use deltalake::DeltaTableError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::blame::{Blame, blame_of};
use crate::error::Error;
use crate::functions::local_time;
pub(crate) use delta::DeltaSource;
pub use delta::UnknownChanges;
pub use skipped::{Skipped, UnreadableFile};
pub(crate) use source_files::{SourceFile, SourceFiles};

use crate::job::{DeltaTarget, Format, Interval, Job, JobError, Source, resolve_options};

/// The file that a row comes from, from the source's location on: the one column that no event has.
pub(crate) const SOURCE_FILE: &str = "_source_file";

/// What a run knows of a source that it opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceSummary {
    /// The name SQL knows it by.
    pub name: String,
    /// Where it is, as a person may see it.
    pub location: String,
    /// Which table it is: a digest of where it is and, of a Delta table, its own id. Two runs that read the same version of
    /// two tables are two runs.
    pub identity: String,
    /// The Delta version, or a digest of the Parquet files' names, sizes and times.
    pub version: String,
    /// Data files in it.
    pub files: usize,
    /// Bytes of those files.
    pub bytes: u64,
    /// Those that could not be read to their end.
    #[serde(default)]
    pub skipped: Skipped,
}

/// A table found where the job says.
struct Opened {
    provider: Arc<dyn TableProvider>,
    /// Partition columns whose folders may say that the value is NULL.
    nullable_partitions: Vec<String>,
    identity: String,
    version: String,
    files: usize,
    bytes: u64,
    skipped: Skipped,
}

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

/// A digest of what tells one table from another.
fn identity(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    crate::hex(&digest.finalize()[..8])
}

/// Opens every source of the job and registers it under its name.
pub async fn register_all(
    ctx: &SessionContext,
    job: &Job,
    interval: &Interval,
) -> Result<Vec<SourceSummary>, Error> {
    let reading = Reading {
        start: interval.train_start,
        strict: job.engine.strict,
    };
    let mut summaries = Vec::new();
    for source in &job.sources {
        let location = source.location.to_string();
        let opened = open(ctx, source, &location, reading)
            .await
            .and_then(|opened| {
                register(ctx, source, &opened, job.window.timezone.name(), true)
                    .map_err(SourceError::Register)?;
                Ok(opened)
            });
        let opened = opened.map_err(|error| blame(&source.name, &location, error))?;
        summaries.push(SourceSummary {
            name: source.name.clone(),
            location,
            identity: opened.identity,
            version: opened.version,
            files: opened.files,
            bytes: opened.bytes,
            skipped: opened.skipped,
        });
    }
    Ok(summaries)
}

/// A source outside of a job, from which rows are taken bit by bit.
pub(crate) enum Importable {
    /// Files that come and stay.
    Files(Box<SourceFiles>),
    /// A table whose log says what came.
    Delta(Box<DeltaSource>),
}

/// Finds a source outside of a job.
pub(crate) async fn importable(
    ctx: &SessionContext,
    format: Format,
    location: &str,
) -> Result<Importable, SourceError> {
    let files = match format {
        Format::CloudTrail => SourceFiles::cloudtrail(ctx, location).await,
        Format::Evtx => SourceFiles::evtx(ctx, location).await,
        Format::Parquet => SourceFiles::parquet(ctx, location).await,
        Format::Delta => {
            let source = DeltaSource::open(ctx, location).await?;
            return Ok(Importable::Delta(Box::new(source)));
        }
    };
    files.map(|files| Importable::Files(Box::new(files)))
}

/// Registers a table that the job has written, at a version or the latest. `false`: it is not there yet.
pub(crate) async fn register_output(
    ctx: &SessionContext,
    job: &Job,
    target: &DeltaTarget,
    name: &str,
    version: Option<u64>,
) -> Result<bool, Error> {
    let output = Source {
        name: name.to_owned(),
        format: Format::Delta,
        location: target.location.clone(),
        version,
        options: target.options.clone(),
    };
    let shown = target.location.to_string();
    let reading = Reading {
        start: DateTime::UNIX_EPOCH,
        strict: job.engine.strict,
    };
    let opened = match open(ctx, &output, &shown, reading).await {
        Err(SourceError::Missing { .. }) => return Ok(false),
        Err(error) => Err(error),
        Ok(opened) => register(ctx, &output, &opened, job.window.timezone.name(), false)
            .map_err(SourceError::Register),
    };
    opened
        .map(|()| true)
        .map_err(|error| blame(name, &shown, error))
}

pub(crate) fn blame(name: &str, location: &str, error: SourceError) -> Error {
    match error {
        SourceError::Job(error) => Error::Job(error),
        error => Error::Source {
            name: name.to_owned(),
            location: location.to_owned(),
            source: Box::new(error),
        },
    }
}

/// How a source of many files is read.
#[derive(Clone, Copy)]
struct Reading {
    /// What is before is not expected to be asked for.
    start: DateTime<Utc>,
    /// A file that cannot be read to its end is an error.
    strict: bool,
}

async fn open(
    ctx: &SessionContext,
    source: &Source,
    shown: &str,
    reading: Reading,
) -> Result<Opened, SourceError> {
    let location = source.location.resolve()?;
    let options = resolve_options(&source.options, &source.location.place)?;
    match source.format {
        Format::Delta => delta::open(ctx, &location, shown, source.version, &options).await,
        Format::CloudTrail => {
            cloudtrail::open(
                ctx,
                &location,
                shown,
                &options,
                reading.start,
                reading.strict,
            )
            .await
        }
        Format::Evtx => {
            let skipped = Skipped::new(reading.strict);
            evtx::open(ctx, &location, shown, &options, skipped).await
        }
        Format::Parquet => parquet::open(ctx, &location, shown, &options).await,
    }
}

/// Registers the table, its times in microseconds and in the job's zone, its columns with dots in their names as fields.
fn register(
    ctx: &SessionContext,
    source: &Source,
    opened: &Opened,
    timezone: &str,
    nests: bool,
) -> Result<(), DataFusionError> {
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(timezone.into()));
    let schema = opened.provider.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let nests = nests && nested::has_fields(names);
    let mut is_as_it_is = !nests;
    let columns = schema.fields().iter().map(|field| {
        let column = ident(field.name());
        let changed = match field.data_type() {
            data_type if *data_type == zoned => return (field.name().as_str(), column),
            DataType::Timestamp(_, None) if timezone != "UTC" => local_time(column, timezone),
            DataType::Timestamp(..) => cast(column, zoned.clone()),
            _ if opened.nullable_partitions.contains(field.name()) => {
                nullif(column, lit(parquet::HIVE_NULL))
            }
            _ => return (field.name().as_str(), column),
        };
        is_as_it_is = false;
        (field.name().as_str(), changed)
    });
    let columns: Vec<_> = columns.collect();
    let table = if is_as_it_is {
        Arc::clone(&opened.provider)
    } else {
        ctx.read_table(Arc::clone(&opened.provider))?
            .select(if nests {
                nested::nest(columns)
            } else {
                columns
                    .into_iter()
                    .map(|(name, column)| nested::named(column, name))
                    .collect()
            })?
            .into_view()
    };
    ctx.register_table(TableReference::bare(source.name.as_str()), table)?;
    Ok(())
}
