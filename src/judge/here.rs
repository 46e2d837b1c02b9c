//! Rows that are in this process.

use std::borrow::Cow;

use super::{Judged, learnt};
use crate::error::{Error, Result};
use crate::features::{FeatureTable, training_scores};
use crate::forest::IsolationForest;
use crate::job::Job;
use crate::judgement::Judgement;
use crate::model::LoadedModel;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::reasons::{ExplainedRows, Reasons, typical};
use crate::report::{ModelSummary, ScoreQuantiles};
use crate::run_id::RunId;
use crate::scoring::{Scored, Verdicts, strangest_first};
use crate::session;

pub(super) async fn judge(
    job: &Job,
    run: &RunId,
    pipeline: &mut Pipeline<'_>,
    older: Option<&LoadedModel>,
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
    let scales = features.scales();
    let mut model = ModelSummary::new(job, features.duplicate_rows(), scales, &forest, &scores);
    let scales = scales.map(<[_]>::to_vec);
    let training_scores = match older {
        Some(older) => older.model.training_scores.clone(),
        None => training_scores(features.learnt_rows(), &scores, &order),
    };
    let typical = match (pipeline.asks_for_reasons(), older) {
        (false, _) => None,
        (true, Some(older)) if older.model.typical.is_some() => older.model.typical.clone(),
        (true, _) => Some(typical(job, &features).map_err(Error::Scored)?),
    };
    let reasons = typical.clone().and_then(|typical| {
        let rows = ExplainedRows::all(&features);
        Reasons::new(job, &forest, rows, &order, typical)
    });
    let typical = typical.filter(|_| reasons.is_some());
    let judgement = Judgement {
        training_scores: training_scores.clone(),
        severity: job.severity,
        reasons,
    };
    let suppressed = pipeline.suppressed(&features)?;
    let verdicts = Verdicts::new(
        job,
        features.rows(),
        &scores,
        forest.offset(),
        &order,
        &suppressed,
        run.interval.detect_start.timestamp_micros(),
    );
    drop(order);
    let scored = verdicts.and_then(|verdicts| Scored::new(features, &verdicts));
    let scored = scored.map_err(Error::Scored)?;
    let learnt = older.is_none().then(|| {
        let forest = forest.into_owned();
        learnt(job, run, forest, scales, training_scores, typical, pipeline)
    });
    model.score_quantiles = ScoreQuantiles::of(&mut scores);
    Ok(Judged {
        scored,
        judgement,
        model,
        learnt,
    })
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
