//! A run of an earlier day, as it was saved: its report, and its findings out of the output table.

use std::path::{Path, PathBuf};

use datafusion::logical_expr::{ident, lit};

use crate::error::{Error, Result};
use crate::job::{DeltaTarget, Job};
use crate::report::RunReport;
use crate::{session, sinks, source};

/// What the output table is called while it is read.
const FINDINGS: &str = "findings";

/// The run whose report is at `path`, or the last one of the job, with its findings. Nothing is judged again.
pub async fn load(job: &Job, path: Option<&Path>) -> Result<RunReport> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => last_report(job)?,
    };
    let mut report = read(&path)?;
    if report.job != job.name {
        return Err(Error::OtherRun {
            path,
            other: report.job,
        });
    }
    let ctx = session::connect(job)?;
    let is_there = match table(job, &report) {
        Some((target, version)) => {
            source::register_output(&ctx, job, target, FINDINGS, Some(version)).await?
        }
        None => false,
    };
    if !is_there {
        return Err(unfit(&path, "its table of findings is not there"));
    }
    let stopped = |source| Error::Step {
        step: FINDINGS.to_owned(),
        source,
    };
    let rows = ctx.table(FINDINGS).await.map_err(stopped)?;
    let own: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| !sinks::is_common(name))
        .map(|name| ident(&name))
        .collect();
    let rows = rows
        .filter(ident("run_id").eq(lit(report.run_id.clone())))
        .and_then(|rows| rows.select(own))
        .map_err(stopped)?;
    report.rows = rows.collect().await.map_err(stopped)?;
    Ok(report)
}

/// `run_results.json` of the first output table that has one beside it.
fn last_report(job: &Job) -> Result<PathBuf> {
    let mut paths = Vec::new();
    for target in &job.sinks {
        paths.extend(RunReport::path(target)?);
    }
    let there = paths.iter().find(|path| path.exists()).or(paths.first());
    there.cloned().ok_or_else(|| Error::NoReportKept {
        location: job.sinks[0].location.to_string(),
    })
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
