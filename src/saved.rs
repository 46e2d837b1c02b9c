//! A run of an earlier day, as it was saved: its report, its findings out of the output table, and its model.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::starts_with;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;

use crate::blame::{Blame, blame_of};
use crate::error::{Error, Result};
use crate::job::{DeltaTarget, Job};
use crate::model::{LoadedModel, ModelError, Models, is_file};
use crate::report::RunReport;
use crate::runs::Runs;
use crate::{session, sinks, source};

/// What the output table is called while it is read.
const FINDINGS: &str = "findings";

/// Which run of a job is meant.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The last one that succeeded.
    Last,
    /// The one whose id begins so.
    Run(&'a str),
    /// The one whose report is in this file.
    File(&'a Path),
}

/// A run of the job, with its findings. Nothing is judged again.
pub async fn load(job: &Job, which: Which<'_>) -> Result<RunReport> {
    let mut report = report(job, which).await?;
    let rows = findings(job, &report).await?;
    let own = rows.schema().fields().iter();
    let own: Vec<_> = own
        .map(|field| field.name().clone())
        .filter(|name| !sinks::is_common(name))
        .map(|name| ident(&name))
        .collect();
    let rows = rows.select(own).map_err(stopped)?;
    report.rows = rows.collect().await.map_err(stopped)?;
    Ok(report)
}

/// What the output table holds of a run: as it was when the run had written it, or, where that can no longer be read, as it is
/// now, if nothing of it was replaced since.
pub async fn findings(job: &Job, report: &RunReport) -> Result<DataFrame> {
    let gone = || Error::NoFindings {
        run: report.run_id.clone(),
    };
    let (target, version) = table(job, report).ok_or_else(gone)?;
    for version in [Some(version), None] {
        // The log of that time may be cleaned up, and so may be its files.
        if let Ok(Some(rows)) = findings_of(job, report, target, version).await
            && rows.clone().count().await.ok() == Some(report.findings)
        {
            return Ok(rows);
        }
    }
    match findings_of(job, report, target, Some(version)).await? {
        Some(rows) => match rows.count().await {
            Err(error) if blame_of(&error) == Blame::Outside => Err(stopped(error)),
            _ => Err(gone()),
        },
        None => Err(gone()),
    }
}

async fn findings_of(
    job: &Job,
    report: &RunReport,
    target: &DeltaTarget,
    version: Option<u64>,
) -> Result<Option<DataFrame>> {
    let ctx = session::connect(job)?;
    if !source::register_output(&ctx, job, target, FINDINGS, version).await? {
        return Ok(None);
    }
    let rows = ctx.table(FINDINGS).await.map_err(stopped)?;
    let run = ident("run_id").eq(lit(report.run_id.clone()));
    Ok(Some(rows.filter(run).map_err(stopped)?))
}

fn stopped(source: DataFusionError) -> Error {
    Error::Step {
        step: FINDINGS.to_owned(),
        source,
    }
}

/// What a run of the job told of itself.
pub async fn report(job: &Job, which: Which<'_>) -> Result<RunReport> {
    let kept = match which {
        Which::Run(id) => return Runs::open_to_read(job).await?.report(job, Some(id)).await,
        Which::File(path) => Some(path.to_owned()),
        Which::Last => last_report(job)?,
    };
    match kept {
        Some(path) => from_file(job, path),
        None => Runs::open_to_read(job).await?.report(job, None).await,
    }
}

fn from_file(job: &Job, path: PathBuf) -> Result<RunReport> {
    let report = read(&path)?;
    if report.job != job.name {
        return Err(Error::OtherRun {
            path,
            other: report.job,
        });
    }
    Ok(report)
}

/// `run_results.json` of the first output table that has one beside it; `None` where there are none, in an object store.
fn last_report(job: &Job) -> Result<Option<PathBuf>> {
    let mut paths = Vec::new();
    for target in &job.sinks {
        paths.extend(RunReport::path(target)?);
    }
    let there = paths.iter().find(|path| path.exists()).or(paths.first());
    Ok(there.cloned())
}

fn read(path: &Path) -> Result<RunReport> {
    let text = std::fs::read_to_string(path).map_err(|error| unfit(path, error))?;
    serde_json::from_str(&text).map_err(|error| unfit(path, error))
}

fn unfit(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::SavedRun {
        path: path.to_owned(),
        source: cause.into(),
    }
}

/// The first output table of the job, and the version that the run made of it.
fn table<'a>(job: &'a Job, report: &RunReport) -> Option<(&'a DeltaTarget, u64)> {
    Some((job.sinks.first()?, report.sinks.first()?.version))
}

/// The finding of the job whose id begins so, as the first output table has it now: one row.
pub async fn finding(job: &Job, id: &str) -> Result<RecordBatch> {
    let id = &id.to_lowercase();
    let table = job.sinks[0].location.resolve()?;
    let table = table
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let unknown = |found| Error::NoFinding {
        id: id.clone(),
        found,
        table: table.to_owned(),
        job: job.document.path().to_owned(),
    };
    let ctx = session::connect(job)?;
    let target = job
        .sinks
        .first()
        .filter(|_| !id.is_empty())
        .ok_or_else(|| unknown(0))?;
    if !source::register_output(&ctx, job, target, FINDINGS, None).await? {
        return Err(unknown(0));
    }
    let rows = ctx.table(FINDINGS).await.map_err(stopped)?;
    let is_it = starts_with(ident(sinks::FINDING_ID), lit(id.as_str()));
    let rows = rows.filter(is_it).map_err(stopped)?;
    let schema = std::sync::Arc::clone(rows.schema().inner());
    let rows = rows.collect().await.map_err(stopped)?;
    let rows = concat_batches(&schema, &rows).map_err(|error| stopped(error.into()))?;
    match rows.num_rows() {
        1 => Ok(rows),
        found => Err(unknown(found)),
    }
}

/// The model that judged in a run: its own, or the older one.
pub async fn model_of(job: &Job, run: &str) -> Result<LoadedModel> {
    let run = Runs::open_to_read(job).await?.find(job, Some(run)).await?;
    let loaded = Models::open(job)?
        .load(run.model.as_ref().unwrap_or(&run.run_id))
        .await?;
    let fits = loaded.model.check(job);
    fits.map_err(|error| loaded.unfit(error))?;
    tell_of_changes(&loaded, job);
    Ok(loaded)
}

/// The model of an earlier run, which fits the job; what has changed since is told.
pub async fn model(job: &Job, name: &str) -> Result<LoadedModel> {
    let loaded = if is_file(name) {
        LoadedModel::open(Path::new(name))?
    } else {
        let run = Runs::open(job).await?.find(job, Some(name)).await?;
        let models = Models::open(job)?;
        if let Some(model) = run.model {
            let run = run.run_id;
            return Err(models.unfit(
                &run,
                ModelError::NotItsOwn {
                    run: run.clone(),
                    model,
                },
            ));
        }
        models.load(&run.run_id).await?
    };
    loaded
        .model
        .check(job)
        .map_err(|error| loaded.unfit(error))?;
    tell_of_changes(&loaded, job);
    Ok(loaded)
}

fn tell_of_changes(loaded: &LoadedModel, job: &Job) {
    let changes = loaded.model.changes(job);
    if !changes.is_empty() {
        tracing::warn!(
            "model `{}`: {} changed since it was learnt: its scores may mean something else",
            loaded.location,
            changes.join(", ")
        );
    }
}
