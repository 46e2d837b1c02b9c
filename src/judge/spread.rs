//! Rows that are on a cluster: their scores come here, and those rows that the SQL after the model may ask for.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::prelude::SessionContext;

use super::{Judged, learnt};
use crate::error::{Error, Result};
use crate::features::{matrix_of, training_scores};
use crate::job::Job;
use crate::judgement::{self, Judgement};
use crate::model::{LoadedModel, ModelRun, SavedModel};
use crate::pipeline::{Pipeline, unqualified};
use crate::progress::Progress;
use crate::reasons::{ExplainedRows, Reasons, median_of};
use crate::report::{ModelSummary, ScoreQuantiles};
use crate::run_id::RunId;
use crate::scoring::{Scored, Verdicts, strangest_first};

/// Rows whose verdicts are looked at at a time.
const CHUNK: usize = 1 << 16;

pub(super) async fn judge(
    job: &Job,
    run: &RunId,
    pipeline: &mut Pipeline<'_>,
    older: Option<&LoadedModel>,
    progress: &mut Progress,
) -> Result<Judged> {
    let features = pipeline.spread_features(progress).await?;
    let mut model = match older {
        Some(older) => Cow::Borrowed(&older.model),
        None => Cow::Owned(SavedModel {
            run: ModelRun::new(job, run),
            forest: features.grow(progress).await?,
            scales: features.scales().map(<[_]>::to_vec),
            training_scores: None,
            typical: None,
            dictionaries: Vec::new(),
        }),
    };
    let sent = SavedModel {
        dictionaries: Vec::new(), // the rows have been through them
        ..model.as_ref().clone()
    };
    let score = features.scoring(&sent)?;
    let mut scores = features.score_samples(&score, progress).await?;
    if older.is_none() {
        let of_learnt = match features.learnt() {
            None => scores.clone(),
            Some(learnt) => learnt.set_indices().map(|row| scores[row]).collect(),
        };
        model.to_mut().forest.place_offset(of_learnt);
    }
    let forest = &model.forest;
    let order = strangest_first(&scores);
    let mut summary = ModelSummary::new(
        job,
        features.duplicate_rows(),
        features.scales(),
        forest,
        &scores,
    );
    let training_scores = match older {
        Some(older) => older.model.training_scores.clone(),
        None => training_scores(features.learnt(), &scores, &order),
    };
    let suppressed = pipeline.suppressed_elsewhere(&features, progress).await?;
    let times = match job.budget {
        Some(_) => features.times(progress).await?,
        None => None,
    };
    let verdicts = Verdicts::new(
        job,
        times.as_slice(),
        &scores,
        forest.offset(),
        &order,
        &suppressed,
        run.interval.detect_start.timestamp_micros(),
    );
    let verdicts = verdicts.map_err(Error::Scored)?;
    let filters = bounded(&pipeline.asked(), features.schema(), &verdicts, &scores)?;
    let (rows, places) = features.rows_that_pass(&filters, &score, progress).await?;
    let typical = match (pipeline.asks_for_reasons(), &model.typical) {
        (false, _) => None,
        (true, Some(typical)) => Some(typical.clone()),
        (true, None) => Some(features.of_learnt("typical", progress, median).await?),
    };
    let reasons = match &typical {
        Some(typical) => {
            let (step, scales) = (&job.last_step().name, features.scales());
            let matrix = matrix_of(step, &job.features, scales, &rows)?;
            let rows = ExplainedRows {
                matrix: Arc::new(matrix),
                rows: vec![rows.clone()],
                places: Some(places.clone()),
            };
            Reasons::new(job, forest, rows, &order, typical.clone())
        }
        None => None,
    };
    let typical = typical.filter(|_| reasons.is_some());
    let judgement = Judgement {
        training_scores: training_scores.clone(),
        severity: job.severity,
        reasons,
    };
    let rows = std::iter::once((rows, places));
    let scored = Scored::of_some(features.schema(), rows, &verdicts).map_err(Error::Scored)?;
    drop(verdicts);
    let learnt = older.is_none().then(|| {
        let (forest, scales) = (model.forest.clone(), model.scales.clone());
        learnt(job, run, forest, scales, training_scores, typical, pipeline)
    });
    summary.score_quantiles = ScoreQuantiles::of(&mut scores);
    Ok(Judged {
        scored,
        judgement,
        model: summary,
        learnt,
    })
}

/// The median of the values that are not missing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    median_of(values)
}

/// For each reading of `scored`: its filters of the rows' own columns, and the highest `score_samples` of a row that passes
/// those of the model's columns. What is of both is asked when the rows are here.
fn bounded(
    readings: &[Vec<Expr>],
    features: &SchemaRef,
    verdicts: &Verdicts<'_>,
    scores: &[f64],
) -> Result<Vec<(Vec<Expr>, f64)>> {
    let failed = |source| Error::Step {
        step: crate::job::SCORED.to_owned(),
        source,
    };
    let scored =
        Scored::schema(features).expect("names were checked when the features were planned");
    let own: BTreeSet<&String> = features.fields().iter().map(|field| field.name()).collect();
    let model = Schema::new(scored.fields()[features.fields().len()..].to_vec());
    let mut bounded = Vec::new();
    for reading in readings {
        let (mut of_rows, mut of_model) = (Vec::new(), Vec::new());
        // What the judgement is asked for is asked here, when it is there.
        for filter in reading.iter().filter(|filter| !judgement::is_in(filter)) {
            let filter = unqualified(filter).map_err(failed)?;
            let columns = filter.column_refs();
            let is_own = |name: &String| own.contains(name);
            if columns.iter().all(|column| is_own(&column.name)) {
                of_rows.push(filter);
            } else if !columns.iter().any(|column| is_own(&column.name)) {
                of_model.push(filter);
            }
        }
        let highest = highest(&model, of_model, verdicts, scores).map_err(failed)?;
        bounded.push((of_rows, highest));
    }
    Ok(bounded)
}

/// The highest of the scores whose verdicts pass.
fn highest(
    schema: &Schema,
    filters: Vec<Expr>,
    verdicts: &Verdicts<'_>,
    scores: &[f64],
) -> Result<f64, DataFusionError> {
    let Some(filter) = conjunction(filters) else {
        return Ok(f64::INFINITY);
    };
    let schema = Arc::new(schema.clone());
    let columns = DFSchema::try_from(Arc::clone(&schema))?;
    let filter = SessionContext::new().create_physical_expr(filter, &columns)?;
    let mut highest = f64::NEG_INFINITY;
    for start in (0..scores.len()).step_by(CHUNK) {
        let rows = start..scores.len().min(start + CHUNK);
        let columns: Vec<ArrayRef> = verdicts.of_range(rows.clone())?.into();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let passes = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let passes = passes.as_boolean();
        for (row, score) in scores[rows].iter().enumerate() {
            if passes.is_valid(row) && passes.value(row) {
                highest = highest.max(*score);
            }
        }
    }
    Ok(highest)
}
