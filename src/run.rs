//! The line: job file → sources → SQL → matrix → forest → SQL → sinks → report.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::physical_plan::ExecutionPlan;

use crate::delivery::Delivery;
use crate::error::{Error, Result, causes};
use crate::feedback::Feedback;
use crate::forest::InstructionSet;
use crate::job::{Interval, Job, JobError, SqlFile};
use crate::judge::{self, Judged};
use crate::model::{LoadedModel, Models, SavedModel};
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Volume};
use crate::report::{RunReport, RunResults};
use crate::run_id::RunId;
use crate::runs::{RunRecord, Runs};
use crate::scoring::Scored;
use crate::sinks::DeltaSink;
use crate::source::SourceSummary;
use crate::{page, saved, session, sinks, source};

/// What a run is asked for besides its job and its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions<'a> {
    /// Where to keep every judged row too.
    pub scored_file: Option<&'a Path>,
    /// The run by whose model it judges, or the path of one, instead of learning its own.
    pub model: Option<&'a str>,
}

/// Runs the job as of an instant: nothing at or after it is read.
/// However it ends, once its sources are open it is a row of the table of runs.
pub async fn run(
    job: &Job,
    as_of: DateTime<Utc>,
    options: RunOptions<'_>,
    progress: &mut Progress,
) -> Result<RunReport> {
    let (started, started_at) = (Instant::now(), Utc::now());
    if let (Some(_), Some(_)) = (options.scored_file, &job.engine.cluster) {
        return Err(Error::Job(JobError::Value {
            place: job.document.place("engine.cluster"),
            message: "`--scored` keeps every judged row, and on a cluster those stay where they are: run it on this machine".to_owned(),
        }));
    }
    let older = match options.model {
        Some(name) => Some(saved::model(job, name).await?),
        None => None,
    };
    let older = older.as_ref();
    let mut prepared = prepare(job, as_of, older, |_, _, _| ()).await?;
    prepared.prove(job).await?;
    if let Some(path) = options.scored_file {
        Scored::can_save(path)?;
    }
    let run = RunId::new(
        job,
        std::mem::take(&mut prepared.sources),
        prepared.interval,
        older.map(LoadedModel::identity),
        prepared.pipeline.feedback().digest(),
    );
    let mut runs = prepared.runs;
    if let Some(delivery) = &mut prepared.delivery {
        delivery.begin().await?;
    }
    let written = judge_and_write(
        job,
        &run,
        &mut prepared.pipeline,
        prepared.sinks,
        older,
        options,
        progress,
    )
    .await;
    prepared.pipeline.disconnect().await;
    if let Ok(Written {
        learnt: Some(learnt),
        ..
    }) = &written
    {
        save(job, learnt).await;
    }
    let stages = progress.stages();
    let report = written
        .map(|written| RunReport::new(job, &run, written.results, stages, started.elapsed()));
    let record = RunRecord::new(job, &run, started_at, started.elapsed(), stages, &report);
    // The findings are written: a table of runs that takes no row is no reason to run again.
    if let Err(error) = runs.add(&record).await {
        tracing::warn!("{}", causes(&error).join(": "));
    }
    report
}

struct Written {
    results: RunResults,
    /// The model that the run learnt; none where an older one judged.
    learnt: Option<SavedModel>,
}

async fn judge_and_write(
    job: &Job,
    run: &RunId,
    pipeline: &mut Pipeline<'_>,
    sinks: Vec<DeltaSink>,
    older: Option<&LoadedModel>,
    options: RunOptions<'_>,
    progress: &mut Progress,
) -> Result<Written> {
    pipeline.connect(&run.id).await?;
    let judged = judge::judge(job, run, pipeline, older, progress).await?;
    let Judged {
        scored,
        judgement,
        model,
        learnt,
    } = judged;
    if let Some(path) = options.scored_file {
        scored.save(path)?;
    }

    let findings = pipeline.findings(scored, judgement, progress).await?;
    source::tell_of_skipped(&run.sources);
    let count = findings.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
    let written = || Volume {
        rows: count,
        bytes: 0,
    };
    let write = sinks::write_all(sinks, job, run, &findings);
    let receipts = progress.watch("write", write, written).await?;
    let results = RunResults {
        kept: pipeline.take_kept_summaries(),
        model,
        findings,
        sinks: receipts,
    };
    Ok(Written { results, learnt })
}

/// Saves the model of a run. The findings are written: a model that is not is no reason to run again.
async fn save(job: &Job, model: &SavedModel) {
    let saved = async { Models::open(job)?.save(model).await };
    if let Err(error) = saved.await {
        tracing::warn!("{}", causes(&error).join(": "));
    }
}

/// Everything of a run that needs no data: sources open, SQL planned, sinks looked at.
pub async fn check(job: &Job, as_of: DateTime<Utc>) -> Result<Vec<SourceSummary>> {
    let prepared = prepare(job, as_of, None, |_, _, _| ()).await?;
    prepared.prove(job).await?;
    Ok(prepared.sources)
}

/// What a run has before it reads a row.
pub(crate) struct Prepared<'a> {
    interval: Interval,
    pub(crate) sources: Vec<SourceSummary>,
    pub(crate) pipeline: Pipeline<'a>,
    pub(crate) sinks: Vec<DeltaSink>,
    delivery: Option<Delivery<'a>>,
    runs: Runs,
}

impl Prepared<'_> {
    /// Tries whether every store that the run commits to is safe for that: the one thing of it that puts an object.
    async fn prove(&self, job: &Job) -> Result<()> {
        sinks::prove(&self.sinks, job).await?;
        self.pipeline.prove().await?;
        if let Some(delivery) = &self.delivery {
            delivery.prove().await?;
        }
        self.runs.prove().await
    }
}

/// `look` is shown each SQL file with its plan, and whether that is a part of its reader's.
pub(crate) async fn prepare<'a>(
    job: &'a Job,
    as_of: DateTime<Utc>,
    older: Option<&'a LoadedModel>,
    look: impl FnMut(&SqlFile, bool, &Arc<dyn ExecutionPlan>),
) -> Result<Prepared<'a>> {
    InstructionSet::chosen()?; // a bad CRANNOG_SIMD fails now, not after all is read
    job.report.page()?;
    let interval = job.window.at(as_of);
    let ctx = session::connect_run(job)?;
    let opened = source::register_all(&ctx, job, &interval).await?;
    let sources = opened.iter().map(|source| source.summary.clone()).collect();
    let feedback = Feedback::open(job, as_of).await?;
    let pipeline = Pipeline::plan(&ctx, job, &interval, opened, older, feedback, look).await?;
    let sinks = sinks::open(job, pipeline.findings_schema()).await?;
    let runs = Runs::open(job).await?;
    let delivery = Delivery::open(job).await?;
    if let Some(delivery) = &delivery {
        delivery.check(sinks[0].schema()).await?;
    }
    page::file(job)?;
    Ok(Prepared {
        interval,
        sources,
        pipeline,
        sinks,
        delivery,
        runs,
    })
}
