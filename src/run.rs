//! The line: job file → sources → SQL → matrix → forest → SQL → sinks → report.

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::forest::IsolationForest;
use crate::job::{Interval, Job};
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::report::{ModelSummary, RunReport};
use crate::scoring::Scored;
use crate::source::SourceSummary;
use crate::{session, sinks, source};

/// What a run is: the job, its input and its time. Equal runs make equal findings.
#[derive(Clone, Debug)]
pub struct RunId {
    /// Made of all that is below, so the same run has the same id.
    pub id: String,
    /// [`Job::digest`].
    pub job_digest: String,
    /// What was read.
    pub sources: Vec<SourceSummary>,
    /// When.
    pub interval: Interval,
}

impl RunId {
    fn new(job: &Job, sources: Vec<SourceSummary>, interval: Interval) -> Self {
        let job_digest = job.digest();
        let mut hasher = Sha256::new();
        hasher.update(format!("{job_digest}\n{}\n", interval.as_of.timestamp_micros()));
        for source in &sources {
            hasher.update(format!("{}\n{}\n", source.name, source.version));
        }
        let id = crate::hex(&hasher.finalize()[..8]);
        Self { id, job_digest, sources, interval }
    }
}

/// Runs the job as of an instant: nothing at or after it is read. `scored_file`: where to keep every judged row too.
pub async fn run(
    job: &Job,
    as_of: DateTime<Utc>,
    scored_file: Option<&Path>,
    progress: &mut Progress,
) -> Result<RunReport> {
    let started = Instant::now();
    let interval = job.window.at(as_of);
    let ctx = session::connect(job)?;
    let sources = source::register_all(&ctx, job).await?;
    let pipeline = Pipeline::plan(&ctx, job, &interval).await?;
    let sinks = sinks::open(job, pipeline.findings_schema()).await?;
    let run = RunId::new(job, sources, interval);

    let features = pipeline.features(progress).await?;
    let samples = features.n_samples();
    let (forest, scores) = progress.stage("isolation forest", samples, || {
        session::thread_pool(job)?.install(|| {
            IsolationForest::fit_score(&job.isolation_forest, features.matrix()).map_err(Error::from)
        })
    })?;
    let model = ModelSummary::new(job, &forest, &scores);
    let scored = Scored::new(features, &scores, forest.offset()).map_err(Error::Scored)?;
    if let Some(path) = scored_file {
        scored.save(path)?;
    }

    let findings = pipeline.findings(scored, progress).await?;
    let receipts = sinks::write_all(sinks, job, &run, &findings).await?;
    Ok(RunReport::new(job, run, model, progress.stages(), findings, receipts, started.elapsed()))
}

/// Everything of a run that needs no data: sources open, SQL planned, sinks looked at.
pub async fn check(job: &Job, as_of: DateTime<Utc>) -> Result<Vec<SourceSummary>> {
    let ctx = session::connect(job)?;
    let sources = source::register_all(&ctx, job).await?;
    let pipeline = Pipeline::plan(&ctx, job, &job.window.at(as_of)).await?;
    sinks::open(job, pipeline.findings_schema()).await?;
    Ok(sources)
}
