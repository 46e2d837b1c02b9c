//! The runs of a job as rows of a Delta table, for whoever asks later what was done when, on what, and how it went.

mod error;
mod record;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;

use crate::error::{Error, Result};
use crate::fault;
use crate::job::Job;
use crate::put_if_absent;
use crate::report::RunReport;
use crate::sinks::{Made, SinkError, commit_once, create, open_table, open_table_to_read};

pub use error::RunsError;
pub use record::{Outcome, RunRecord};

/// What the table says that it is: a table of another name is left alone.
pub(crate) const NAME: &str = "crannog.runs";

/// The table of runs, there or to be made.
#[derive(Debug)]
pub struct Runs {
    shown: String,
    table: DeltaTable,
}

impl Runs {
    /// Opens the job's table of runs, or looks whether one can be made there.
    pub async fn open(job: &Job) -> Result<Self> {
        let shown = job.runs.location.to_string();
        let opened = Self::open_table(job).await;
        let table = opened.map_err(|error| blame(shown.clone(), error))?;
        Ok(Self { shown, table })
    }

    /// Opens the job's table of runs to read it: who may not write it can.
    pub async fn open_to_read(job: &Job) -> Result<Self> {
        let shown = job.runs.location.to_string();
        let opened = open_table_to_read(&job.runs).await;
        let table = opened.map_err(|error| blame(shown.clone(), error.into()))?;
        Ok(Self { shown, table })
    }

    /// Tries whether its store is safe for commits, by an object that is gone afterwards.
    pub async fn prove(&self) -> Result<()> {
        let proven = put_if_absent::prove(&self.table).await;
        proven
            .map_err(SinkError::from)
            .map_err(|error| blame(self.shown.clone(), error.into()))
    }

    async fn open_table(job: &Job) -> Result<DeltaTable, RunsError> {
        let table = open_table(&job.runs).await?;
        if table.version().is_some() {
            check_is_ours(&table)?;
        }
        Ok(table)
    }

    /// Adds a run to the table.
    pub async fn add(&mut self, run: &RunRecord) -> Result<()> {
        let added = self.add_to_table(run).await;
        added.map_err(|error| blame(self.shown.clone(), error))
    }

    async fn add_to_table(&mut self, run: &RunRecord) -> Result<(), RunsError> {
        let schema = record::schema();
        if self.table.version().is_none() {
            self.create(&schema).await?;
        }
        fault::point("before the run's row");
        let rows = vec![row(&schema, run)?];
        // It was opened before the run: what others have added since is no reason to write the row's file twice.
        self.table.load().await?;
        let commit = commit_once(&mut self.table, |table, id| {
            // Whether the commit is there is looked at before it is tried again: an append of the same row would not conflict.
            let properties = CommitProperties::default()
                .with_metadata([id.metadata()])
                .with_max_retries(0);
            table
                .write(rows.clone())
                .with_save_mode(SaveMode::Append)
                .with_schema_mode(SchemaMode::Merge) // a later version may have more to say
                .with_commit_properties(properties)
                .into_future()
        });
        commit.await?;
        fault::point("after the run's row");
        Ok(())
    }

    async fn create(&mut self, schema: &SchemaRef) -> Result<(), RunsError> {
        let columns: StructType = schema.as_ref().try_into_kernel()?;
        let new = self.table.clone().create();
        let new = new
            .with_columns(columns.fields().cloned())
            .with_table_name(NAME);
        if create(&mut self.table, new).await? == Made::ByAnother {
            check_is_ours(&self.table)?;
        }
        Ok(())
    }

    /// The runs of a job, the latest first.
    pub async fn of(&self, job: &Job) -> Result<Vec<RunRecord>> {
        if self.table.version().is_none() {
            return Ok(Vec::new());
        }
        let read = self.read(&job.name).await;
        read.map_err(|error| blame(self.shown.clone(), error))
    }

    /// The latest run of a job whose id begins so, or its latest one that succeeded.
    pub async fn find(&self, job: &Job, id: Option<&str>) -> Result<RunRecord> {
        let runs = self.of(job).await?;
        let found = match id {
            Some(id) => one(runs, id),
            None => latest(runs, job),
        };
        found.map_err(|error| blame(self.shown.clone(), error))
    }

    /// What such a run told of itself.
    pub async fn report(&self, job: &Job, id: Option<&str>) -> Result<RunReport> {
        let run = self.find(job, id).await?;
        let report = match &run.run_results {
            Some(text) => serde_json::from_str(text).map_err(RunsError::from),
            None => Err(RunsError::Failed { id: run.run_id }),
        };
        report.map_err(|error| blame(self.shown.clone(), error))
    }

    async fn read(&self, job: &str) -> Result<Vec<RunRecord>, RunsError> {
        let ctx = SessionContext::new();
        self.table.update_datafusion_session(&ctx.state())?;
        let rows = ctx.read_table(self.table.table_provider().await?)?;
        let rows = rows
            .filter(ident("job").eq(lit(job)))?
            .sort(vec![ident("started_at").sort(false, false)])?;
        let mut lines = LineDelimitedWriter::new(Vec::new());
        for batch in rows.collect().await? {
            lines.write(&batch)?;
        }
        lines.finish()?;
        let lines = lines.into_inner();
        let runs = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        runs.map(|line| serde_json::from_slice(line).map_err(RunsError::from))
            .collect()
    }
}

fn one(runs: Vec<RunRecord>, id: &str) -> Result<RunRecord, RunsError> {
    let unknown = || RunsError::Unknown { id: id.to_owned() };
    if id.is_empty() {
        return Err(unknown()); // a variable of a script that has no value, perhaps
    }
    let mut found = runs.into_iter().filter(|run| run.run_id.starts_with(id));
    let run = found.next().ok_or_else(unknown)?;
    match found.find(|other| other.run_id != run.run_id) {
        None => Ok(run),
        Some(other) => Err(RunsError::Ambiguous {
            id: id.to_owned(),
            one: run.run_id,
            other: other.run_id,
        }),
    }
}

fn latest(runs: Vec<RunRecord>, job: &Job) -> Result<RunRecord, RunsError> {
    let mut succeeded = runs
        .into_iter()
        .filter(|run| run.outcome == Outcome::Succeeded);
    let none = || RunsError::None {
        job: job.name.clone(),
    };
    succeeded.next().ok_or_else(none)
}

fn row(schema: &SchemaRef, run: &RunRecord) -> Result<RecordBatch, RunsError> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).build_decoder()?;
    decoder.serialize(&[run])?;
    let row = decoder.flush()?;
    Ok(row.expect("one run is one row"))
}

fn check_is_ours(table: &DeltaTable) -> Result<(), RunsError> {
    match table.snapshot()?.metadata().name() {
        Some(NAME) => Ok(()),
        _ => Err(RunsError::OtherTable),
    }
}

fn blame(location: String, error: RunsError) -> Error {
    match error {
        RunsError::Job(error) => Error::Job(error),
        error => Error::Runs {
            location,
            source: Box::new(error),
        },
    }
}
