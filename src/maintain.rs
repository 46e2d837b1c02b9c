//! The tables that a job writes, kept small: small files become large ones, files that nothing needs any more go, and the log
//! starts from a new checkpoint.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::operations::optimize::OptimizeType;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::{DeltaTable, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::Serialize;

use crate::delivery;
use crate::error::{Error, Result};
use crate::incremental;
use crate::job::{DeltaTarget, Job};
use crate::runs;
use crate::sinks::{SinkError, lost_a_race, open_table, write_session, writer_properties};

/// How often files are put together again after a run was quicker.
const TRIES: usize = 5;

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
    /// Files that are gone; in a dry run those that would be, but for what would be put together.
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
    if !job.receivers.is_empty() {
        tables.push((&job.outbox.table, delivery::table_name(job)));
    }
    let mut maintained = Vec::new();
    for (target, name) in tables {
        if std::ptr::eq(target, &job.outbox.table) && !dry_run {
            delivery::prune(job, ago(as_delta(retention))).await?;
        }
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
    let retention = as_delta(retention);
    if dry_run {
        let (_, removed) = vacuum(&table, retention, true).await?;
        let lists = incremental::old_file_lists(&table, ago(retention)).await?;
        done.files_removed = removed + lists.len();
        return Ok(done);
    }
    let lease = Lease::take(&table).await?;
    let maintained = maintain_table(&mut table, retention, &mut done).await;
    lease.end(&table).await;
    maintained?;
    done.version = table.version();
    Ok(done)
}

async fn maintain_table(
    table: &mut DeltaTable,
    retention: TimeDelta,
    done: &mut Maintained,
) -> Result<(), SinkError> {
    table.load().await?;
    (done.files_compacted, done.files_made) = compact(table).await?;
    let (vacuumed, removed) = vacuum(table, retention, false).await?;
    *table = vacuumed;
    let store = table.log_store().object_store(None);
    let lists = incremental::old_file_lists(table, ago(retention)).await?;
    done.files_removed = removed + lists.len();
    for list in lists {
        store.delete(&list).await.map_err(DeltaTableError::from)?;
    }
    create_checkpoint(table, None).await?;
    done.commits_removed = cleanup_metadata(table, None).await?;
    Ok(())
}

fn as_delta(retention: Duration) -> TimeDelta {
    TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX)
}

fn ago(retention: TimeDelta) -> DateTime<Utc> {
    let then = Utc::now().checked_sub_signed(retention);
    then.unwrap_or(DateTime::<Utc>::MIN_UTC)
}

async fn vacuum(
    table: &DeltaTable,
    retention: TimeDelta,
    dry_run: bool,
) -> Result<(DeltaTable, usize), DeltaTableError> {
    let vacuum = table.clone().vacuum();
    let (vacuumed, removed) = vacuum
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .with_mode(VacuumMode::Full)
        .with_dry_run(dry_run)
        .await?;
    Ok((vacuumed, removed.files_deleted.len()))
}

/// Two that put the same files together at once would have their rows twice: Delta's check of conflicts does not tell one
/// rewriting from another. So one at a time holds this object.
struct Lease;

/// Readers of Delta tables, and those who clean them up, leave what begins with `_` alone.
const LEASE: &str = "_maintain.lease";

/// After this time whoever held it was killed.
const LEASE_TIME: TimeDelta = TimeDelta::hours(12);

impl Lease {
    async fn take(table: &DeltaTable) -> Result<Self, SinkError> {
        let store = table.log_store().object_store(None);
        let path = Path::from(LEASE);
        let held = store.head(&path).await;
        if held.is_ok_and(|held| held.last_modified < Utc::now() - LEASE_TIME) {
            store.delete(&path).await.map_err(DeltaTableError::from)?;
        }
        let mine = PutOptions::from(PutMode::Create);
        match store.put_opts(&path, PutPayload::new(), mine).await {
            Ok(_) => Ok(Self),
            Err(object_store::Error::AlreadyExists { .. }) => {
                Err(SinkError::Maintained { lease: LEASE })
            }
            Err(error) => Err(DeltaTableError::from(error).into()),
        }
    }

    async fn end(self, table: &DeltaTable) {
        let store = table.log_store().object_store(None);
        if let Err(error) = store.delete(&Path::from(LEASE)).await {
            tracing::warn!(
                "`{LEASE}` cannot be removed, and holds others back for 12 hours: {error}"
            );
        }
    }
}

/// How many files became how many; a run that was quicker is no reason to give up.
async fn compact(table: &mut DeltaTable) -> Result<(u64, u64), SinkError> {
    let mut tries = 1;
    loop {
        let optimize = table.clone().optimize();
        let compacted = optimize
            .with_type(OptimizeType::Compact)
            .with_session_state(write_session())
            .with_writer_properties(writer_properties())
            .await;
        match compacted {
            Err(error) if lost_a_race(&error) && tries < TRIES => {
                tries += 1;
                table.load().await?;
            }
            compacted => {
                let (compacted, metrics) = compacted?;
                *table = compacted;
                return Ok((metrics.num_files_removed, metrics.num_files_added));
            }
        }
    }
}
