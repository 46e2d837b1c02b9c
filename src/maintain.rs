//! The tables that a job writes, kept small: small files become large ones, files that nothing needs any more go, and the log
//! starts from a new checkpoint.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use deltalake::DeltaTable;
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::operations::optimize::OptimizeType;
use deltalake::operations::vacuum::VacuumMode;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::incremental;
use crate::job::{DeltaTarget, Job};
use crate::runs;
use crate::sinks::{SinkError, open_table, write_session, writer_properties};

/// What was done to a table.
#[derive(Debug, Serialize)]
pub struct Maintained {
    /// Where it is, as a person may see it.
    pub location: String,
    /// Its version now; `None` where no table is.
    pub version: Option<u64>,
    /// Files that were put together.
    pub files_compacted: u64,
    /// What they were put together into.
    pub files_made: u64,
    /// Files that are gone, or would be.
    pub files_removed: usize,
    /// Commits of the log that are gone, since a checkpoint holds what they said.
    pub commits_removed: usize,
}

/// Maintains every table that the job writes. Files that no version of the last `retention` needs go, also those that a killed
/// run left; `dry_run`: they are counted, and nothing is done.
///
/// # Errors
/// A table that is not the job's; storage that fails. Each table is whole whatever happens.
pub async fn maintain(job: &Job, retention: Duration, dry_run: bool) -> Result<Vec<Maintained>> {
    let mut tables: Vec<(&DeltaTarget, String)> = Vec::new();
    tables.extend(job.sinks.iter().map(|sink| (sink, job.name.clone())));
    let kept = job.incremental.iter();
    tables.extend(kept.map(|kept| (&kept.table, incremental::table_name(job, &kept.step))));
    tables.push((&job.runs, runs::NAME.to_owned()));
    let mut maintained = Vec::new();
    for (target, name) in tables {
        let done = table(target, &name, retention, dry_run).await;
        maintained.push(done.map_err(|error| match error {
            SinkError::Job(error) => Error::Job(error),
            error => Error::Sink {
                location: target.location.to_string(),
                source: Box::new(error),
            },
        })?);
    }
    Ok(maintained)
}

async fn table(
    target: &DeltaTarget,
    name: &str,
    retention: Duration,
    dry_run: bool,
) -> Result<Maintained, SinkError> {
    let mut table = open_table(target).await?;
    let mut done = Maintained {
        location: target.location.to_string(),
        version: table.version(),
        files_compacted: 0,
        files_made: 0,
        files_removed: 0,
        commits_removed: 0,
    };
    if table.version().is_none() {
        return Ok(done);
    }
    match table.snapshot()?.metadata().name() {
        Some(there) if there == name => {}
        None => return Err(SinkError::NoJob),
        Some(other) => {
            return Err(SinkError::OtherJob {
                other: other.to_owned(),
            });
        }
    }
    if !dry_run {
        (done.files_compacted, done.files_made) = compact(&mut table).await?;
    }
    let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
    let vacuum = table.clone().vacuum();
    let (vacuumed, removed) = vacuum
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .with_mode(VacuumMode::Full)
        .with_dry_run(dry_run)
        .await?;
    done.files_removed = removed.files_deleted.len();
    if !dry_run {
        table = vacuumed;
        done.files_removed +=
            incremental::remove_file_lists(&table, Utc::now() - retention).await?;
        create_checkpoint(&table, None).await?;
        done.commits_removed = cleanup_metadata(&table, None).await?;
        done.version = table.version();
    }
    Ok(done)
}

/// How many files became how many.
async fn compact(table: &mut DeltaTable) -> Result<(u64, u64), SinkError> {
    let (compacted, metrics) = table
        .clone()
        .optimize()
        .with_type(OptimizeType::Compact)
        .with_session_state(write_session())
        .with_writer_properties(writer_properties())
        .await?;
    *table = compacted;
    Ok((metrics.num_files_removed, metrics.num_files_added))
}
