//! The line: job file → sources → SQL → matrix → forest → SQL → sinks → report.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::physical_plan::ExecutionPlan;

use crate::delivery::Delivery;
use crate::error::{Error, Result, causes};
use crate::features::FeatureTable;
use crate::feedback::Feedback;
use crate::forest::{InstructionSet, IsolationForest};
use crate::job::{Interval, Job, SqlFile};
use crate::judgement::Judgement;
use crate::model::{LoadedModel, ModelRun, Models, SavedModel};
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Volume};
use crate::reasons::Reasons;
use crate::report::{ModelSummary, RunReport, RunResults, ScoreQuantiles};
use crate::run_id::RunId;
use crate::runs::{RunRecord, Runs};
use crate::scoring::{Scored, strangest_first};
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
    let judged = judge(
        job,
        &run,
        prepared.pipeline,
        prepared.sinks,
        older,
        options,
        progress,
    )
    .await;
    if let Ok(Judged {
        learnt: Some(learnt),
        ..
    }) = &judged
    {
        save(job, learnt).await;
    }
    let stages = progress.stages();
    let report =
        judged.map(|judged| RunReport::new(job, &run, judged.results, stages, started.elapsed()));
    let record = RunRecord::new(job, &run, started_at, started.elapsed(), stages, &report);
    // The findings are written: a table of runs that takes no row is no reason to run again.
    if let Err(error) = runs.add(&record).await {
        tracing::warn!("{}", causes(&error).join(": "));
    }
    report
}

struct Judged {
    results: RunResults,
    /// The model that the run learnt; none where an older one judged.
    learnt: Option<SavedModel>,
}

async fn judge(
    job: &Job,
    run: &RunId,
    mut pipeline: Pipeline<'_>,
    sinks: Vec<DeltaSink>,
    older: Option<&LoadedModel>,
    options: RunOptions<'_>,
    progress: &mut Progress,
) -> Result<Judged> {
    let features = pipeline.features(progress).await?;
    let samples = features.n_samples();
    let (forest, mut scores) = progress.stage("isolation forest", samples, || {
        session::thread_pool(job)?.install(|| match older {
            Some(older) => {
                let forest = &older.model.forest;
                let scores = forest.score_samples(features.matrix())?;
                Ok((Cow::Borrowed(forest), scores))
            }
            None => {
                let (forest, scores) = fit_score(job, &features)?;
                Ok::<_, Error>((Cow::Owned(forest), scores))
            }
        })
    })?;
    tokio::task::yield_now().await; // a run that was told to stop stops here
    let order = strangest_first(&scores);
    let mut model = ModelSummary::new(job, &features, &forest, &scores);
    let scales = features.scales().map(<[_]>::to_vec);
    let training_scores = match older {
        Some(older) => older.model.training_scores.clone(),
        None => features.training_scores(&scores, &order),
    };
    let reasons = match pipeline.asks_for_reasons() {
        true => {
            let typical = older.and_then(|older| older.model.typical.clone());
            Reasons::new(job, &forest, &features, &order, typical).map_err(Error::Scored)?
        }
        false => None,
    };
    let typical = reasons.as_ref().map(|reasons| reasons.typical().to_vec());
    let judgement = Judgement {
        training_scores: training_scores.clone(),
        severity: job.severity,
        reasons,
    };
    let suppressed = pipeline.suppressed(&features)?;
    let scored = Scored::new(
        job,
        features,
        &scores,
        forest.offset(),
        &order,
        &suppressed,
        run.interval.detect_start.timestamp_micros(),
    );
    let scored = scored.map_err(Error::Scored)?;
    let learnt = older.is_none().then(|| SavedModel {
        run: ModelRun::new(job, run),
        forest: forest.into_owned(),
        scales,
        training_scores,
        typical,
        dictionaries: pipeline.take_dictionaries(),
    });
    model.score_quantiles = ScoreQuantiles::of(&mut scores);
    drop(scores);
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
        kept: pipeline.into_kept_summaries(),
        model,
        findings,
        sinks: receipts,
    };
    Ok(Judged { results, learnt })
}

/// Learns from the rows, or from those of them that the job learns from, and judges all.
pub(crate) fn fit_score(job: &Job, features: &FeatureTable) -> Result<(IsolationForest, Vec<f64>)> {
    let (params, rows) = (&job.isolation_forest, features.matrix());
    let Some(learnt) = features.learnt()? else {
        return Ok(IsolationForest::fit_score(params, rows)?);
    };
    let forest = IsolationForest::fit(params, &learnt)?;
    let scores = forest.score_samples(rows)?;
    Ok((forest, scores))
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
    let ctx = session::connect(job)?;
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
