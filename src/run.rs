//! The line: job file → sources → SQL → matrix → forest → SQL → sinks → report.

use std::path::Path;
use std::time::Instant;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::forest::{InstructionSet, IsolationForest};
use crate::job::{Interval, Job};
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Volume};
use crate::report::{ModelSummary, RunReport};
use crate::run_id::RunId;
use crate::scoring::Scored;
use crate::sinks::DeltaSink;
use crate::source::SourceSummary;
use crate::{page, session, sinks, source};

/// Runs the job as of an instant: nothing at or after it is read. `scored_file`: where to keep every judged row too.
pub async fn run(
    job: &Job,
    as_of: DateTime<Utc>,
    scored_file: Option<&Path>,
    progress: &mut Progress,
) -> Result<RunReport> {
    let started = Instant::now();
    let Prepared {
        interval,
        sources,
        pipeline,
        sinks,
    } = prepare(job, as_of).await?;
    if let Some(path) = scored_file {
        Scored::can_save(path)?;
    }
    let run = RunId::new(job, sources, interval);

    let features = pipeline.features(progress).await?;
    let samples = features.n_samples();
    let (forest, scores) = progress.stage("isolation forest", samples, || {
        session::thread_pool(job)?.install(|| {
            IsolationForest::fit_score(&job.isolation_forest, features.matrix())
                .map_err(Error::from)
        })
    })?;
    let model = ModelSummary::new(job, &features, &forest, &scores);
    let scored = Scored::new(features, &scores, forest.offset()).map_err(Error::Scored)?;
    if let Some(path) = scored_file {
        scored.save(path)?;
    }

    let findings = pipeline.findings(scored, progress).await?;
    source::tell_of_skipped(&run.sources);
    let count = findings.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
    let written = || Volume {
        rows: count,
        bytes: 0,
    };
    let receipts = progress
        .watch(
            "write",
            sinks::write_all(sinks, job, &run, &findings),
            written,
        )
        .await?;
    Ok(RunReport::new(
        job,
        run,
        model,
        progress.stages(),
        findings,
        receipts,
        started.elapsed(),
    ))
}

/// Everything of a run that needs no data: sources open, SQL planned, sinks looked at.
pub async fn check(job: &Job, as_of: DateTime<Utc>) -> Result<Vec<SourceSummary>> {
    Ok(prepare(job, as_of).await?.sources)
}

/// What a run has before it reads a row.
struct Prepared<'a> {
    interval: Interval,
    sources: Vec<SourceSummary>,
    pipeline: Pipeline<'a>,
    sinks: Vec<DeltaSink>,
}

async fn prepare(job: &Job, as_of: DateTime<Utc>) -> Result<Prepared<'_>> {
    InstructionSet::chosen()?; // a bad CRANNOG_SIMD fails now, not after all is read
    job.report.page()?;
    let interval = job.window.at(as_of);
    let ctx = session::connect(job)?;
    let sources = source::register_all(&ctx, job, &interval).await?;
    let pipeline = Pipeline::plan(&ctx, job, &interval).await?;
    let sinks = sinks::open(job, pipeline.findings_schema()).await?;
    page::file(job)?;
    Ok(Prepared {
        interval,
        sources,
        pipeline,
        sinks,
    })
}
