//! Sources: what a job reads, opened and registered under the names that its SQL uses.
//!
//! Whatever the format, a time is an instant with microseconds in the job's time zone, so that SQL's `date_trunc`
//! means what Spark's means with that session zone. A time without a zone is local time in it. A column named
//! `a.b` is the field `b` of a column `a`.

mod beside;
mod cloudtrail;
mod delta;
mod error;
mod evtx;
mod files;
mod history;
mod nested;
mod parquet;
mod skipped;
mod source_files;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::nullif;
use datafusion::logical_expr::{cast, ident, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::prelude::SessionContext;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::driver_read::DriverRead;
use crate::error::Error;
use crate::functions::local_time;
pub(crate) use beside::register_beside;
pub use delta::UnknownChanges;
pub(crate) use delta::{AddedFile, Changes, DeltaSource};
pub use error::SourceError;
pub(crate) use files::register_folder;
use history::Log;
pub(crate) use history::{History, Taken, Touched, days_of};
pub use skipped::{Skipped, UnreadableFile};
pub(crate) use source_files::{SourceFile, SourceFiles};

use crate::job::{DeltaTarget, Format, Interval, Job, Source, resolve_options};

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

/// A source that SQL can read.
#[derive(Debug)]
pub struct OpenSource {
    /// What a run tells of it.
    pub summary: SourceSummary,
    /// How it came to be what it is.
    pub(crate) history: History,
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
    log: Log,
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
) -> Result<Vec<OpenSource>, Error> {
    let reading = Reading {
        start: interval.train_start,
        strict: job.engine.strict,
        on_cluster: job.engine.cluster.is_some(),
    };
    let mut sources = Vec::new();
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
        let summary = SourceSummary {
            name: source.name.clone(),
            location,
            identity: opened.identity,
            version: opened.version,
            files: opened.files,
            bytes: opened.bytes,
            skipped: opened.skipped,
        };
        let history = History::new(source, opened.log, &job.window.timezone);
        sources.push(OpenSource { summary, history });
    }
    Ok(sources)
}

/// Says in the log how many files were skipped beside those that it names, when all has been read.
pub(crate) fn tell_of_skipped<'s>(sources: impl IntoIterator<Item = &'s SourceSummary>) {
    for source in sources {
        source.skipped.tell_of_others(&source.name);
    }
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
    let options = HashMap::new();
    let files = match format {
        Format::CloudTrail => {
            SourceFiles::CloudTrail(cloudtrail::Files::open(ctx, location, &options).await?)
        }
        Format::Evtx => {
            SourceFiles::Evtx(evtx::Files::open(ctx, location, location, &options).await?)
        }
        Format::Parquet => {
            SourceFiles::Parquet(parquet::Files::open(ctx, location, &options).await?)
        }
        Format::Delta => {
            let source = DeltaSource::open(ctx, location).await?;
            return Ok(Importable::Delta(Box::new(source)));
        }
    };
    Ok(Importable::Files(Box::new(files)))
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
        time_column: None,
        options: target.options.clone(),
    };
    let shown = target.location.to_string();
    let reading = Reading {
        start: DateTime::UNIX_EPOCH,
        strict: job.engine.strict,
        on_cluster: false,
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
    /// By the executors of a cluster.
    on_cluster: bool,
}

async fn open(
    ctx: &SessionContext,
    source: &Source,
    shown: &str,
    reading: Reading,
) -> Result<Opened, SourceError> {
    let location = source.location.resolve()?;
    let options = resolve_options(&source.options, &source.location.place)?;
    let mut opened = match source.format {
        Format::Delta => {
            let on_cluster = reading.on_cluster;
            delta::open(ctx, &location, shown, source.version, &options, on_cluster).await
        }
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
    }?;
    if reading.on_cluster && !reads_files_alone(ctx, &opened.provider).await {
        tracing::warn!(
            source = source.name,
            "the executors of a cluster cannot read this source: the driver reads it for them"
        );
        opened.provider = Arc::new(DriverRead(opened.provider));
    }
    Ok(opened)
}

/// Whether a table is read by Parquet's reader alone, which every executor has.
async fn reads_files_alone(ctx: &SessionContext, table: &Arc<dyn TableProvider>) -> bool {
    fn of_files(plan: &Arc<dyn ExecutionPlan>) -> bool {
        let children = plan.children();
        let is_known = match children.is_empty() {
            true => plan.is::<DataSourceExec>() || plan.is::<EmptyExec>(),
            false => plan.is::<ProjectionExec>() || plan.is::<RepartitionExec>(),
        };
        is_known && children.into_iter().all(of_files)
    }
    let rows = ctx.read_table(Arc::clone(table));
    match rows {
        Ok(rows) => rows
            .create_physical_plan()
            .await
            .is_ok_and(|plan| of_files(&plan)),
        Err(_) => false,
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
    let provider = Arc::clone(&opened.provider);
    let table = as_read(ctx, provider, &opened.nullable_partitions, timezone, nests)?;
    ctx.register_table(TableReference::bare(source.name.as_str()), table)?;
    Ok(())
}

/// A table as SQL reads it.
fn as_read(
    ctx: &SessionContext,
    provider: Arc<dyn TableProvider>,
    nullable_partitions: &[String],
    timezone: &str,
    nests: bool,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(timezone.into()));
    let schema = provider.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let nests = nests && nested::has_fields(names);
    let mut is_as_it_is = !nests;
    let columns = schema.fields().iter().map(|field| {
        let column = ident(field.name());
        let changed = match field.data_type() {
            data_type if *data_type == zoned => return (field.name().as_str(), column),
            DataType::Timestamp(_, None) if timezone != "UTC" => local_time(column, timezone),
            DataType::Timestamp(..) => cast(column, zoned.clone()),
            _ if nullable_partitions.contains(field.name()) => {
                nullif(column, lit(parquet::HIVE_NULL))
            }
            _ => return (field.name().as_str(), column),
        };
        is_as_it_is = false;
        (field.name().as_str(), changed)
    });
    let columns: Vec<_> = columns.collect();
    if is_as_it_is {
        return Ok(provider);
    }
    let columns = if nests {
        nested::nest(columns)
    } else {
        columns
            .into_iter()
            .map(|(name, column)| nested::named(column, name))
            .collect()
    };
    Ok(ctx.read_table(provider)?.select(columns)?.into_view())
}
