//! One finding whole: why it is strange, the ordinary row that is closest to it, and what the job's SQL shows of it.
//!
//! The rows are made again as of the finding's run and judged by the model of that run; nothing is learnt and nothing
//! is written. What the sources have lost since then cannot be shown.

mod closest;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use chrono::DateTime;

use crate::error::{Error, Result};
use crate::feedback::Feedback;
use crate::job::Job;
use crate::judgement::Judgement;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::reasons::{ExplainedRows, Reason, Reasons, typical};
use crate::scoring::{Scored, Verdicts, anomaly_score, strangest_first};
use crate::{saved, session, sinks, source};

/// What there is to say of a finding.
#[derive(Debug)]
pub struct Explanation {
    /// The finding as it is in the output table: one row.
    pub finding: RecordBatch,
    /// What each feature did, the strongest first; none of an extended forest.
    pub reasons: Vec<Reason>,
    /// The path length of a row of which nothing is known, and the row's own: means over the trees.
    pub path_lengths: Option<(f64, f64)>,
    /// The ordinary row (prediction 1) that is closest to it, with all columns that SQL made; `None` if there is none.
    pub closest: Option<RecordBatch>,
    /// What the files of `[explain] sql` show, each with its name and first comment.
    pub tables: Vec<Shown>,
}

/// The answer of a file of `[explain] sql`.
#[derive(Debug)]
pub struct Shown {
    /// The file's name.
    pub name: String,
    /// What its first comment says.
    pub title: String,
    /// Its rows.
    pub rows: Vec<RecordBatch>,
}

/// Explains the finding of the job whose id begins so.
pub async fn explain(job: &Job, id: &str, progress: &mut Progress) -> Result<Explanation> {
    let finding = saved::finding(job, id).await?;
    let text = |column: &str| -> String {
        let column = finding
            .column_by_name(column)
            .map(|column| cast(column, &DataType::Utf8));
        let text = column
            .and_then(Result::ok)
            .map(|texts| texts.as_string::<i32>().value(0).to_owned());
        text.unwrap_or_default()
    };
    let (run, id) = (text("run_id"), text(sinks::FINDING_ID));
    let as_of = finding
        .column_by_name("as_of")
        .map(|times| times.as_primitive::<TimestampMicrosecondType>().value(0));
    let as_of = as_of
        .and_then(DateTime::from_timestamp_micros)
        .unwrap_or_default();
    let model = saved::model_of(job, &run).await?;

    let mut asked = job.clone();
    asked.findings = std::mem::take(&mut asked.explain);
    asked.incremental.clear(); // a run keeps steps; this one looks
    asked.engine.cluster = None; // and is of this machine alone
    let interval = asked.window.at(as_of);
    let ctx = session::connect(&asked)?;
    let opened = source::register_all(&ctx, &asked, &interval).await?;
    let feedback = Feedback::open(&asked, as_of).await?;
    let mut pipeline =
        Pipeline::plan_explanation(&ctx, &asked, &interval, opened, &model, feedback).await?;
    let features = pipeline.features(progress).await?;

    let forest = &model.model.forest;
    let rows = features.n_samples();
    let scores = progress.stage("isolation forest", rows, || {
        session::thread_pool(&asked)?
            .install(|| Ok::<_, Error>(forest.score_samples(features.matrix())?))
    })?;
    let order = strangest_first(&scores);
    let gone = || Error::FindingGone { id: id.clone() };
    let number = sinks::row_of(&asked, features.rows(), &id)
        .map_err(Error::Scored)?
        .ok_or_else(gone)?;
    tell_if_other(&finding, anomaly_score(scores[number]));
    let typical = match &model.model.typical {
        Some(typical) => typical.clone(),
        None => typical(&asked, &features).map_err(Error::Scored)?,
    };
    let rows = ExplainedRows::all(&features);
    let reasons = Reasons::new(&asked, forest, rows, &order, typical);
    let found = reasons.as_ref().map(|reasons| reasons.of_row(number));
    let found = found
        .transpose()
        .map_err(Error::Scored)?
        .unwrap_or_default();
    let path_lengths = reasons.as_ref().map(|reasons| reasons.path_lengths(&found));
    let is_ordinary = |row: usize| scores[row] - forest.offset() >= 0.0;
    let closest = closest::row(features.matrix(), number, is_ordinary);
    let closest = closest.map(|row| features.row(row));
    let judgement = Judgement {
        training_scores: model.model.training_scores.clone(),
        severity: asked.severity,
        reasons,
    };
    let suppressed = pipeline.suppressed(&features)?;
    let verdicts = Verdicts::new(
        &asked,
        features.rows(),
        &scores,
        forest.offset(),
        &order,
        &suppressed,
        interval.detect_start.timestamp_micros(),
    );
    let scored = verdicts.and_then(|verdicts| Scored::new(features, &verdicts));
    let scored = scored.map_err(Error::Scored)?;
    let row = scored.row(number);
    let tables = pipeline
        .explanation(scored, row, judgement, progress)
        .await?;
    let shown = asked.findings.iter().zip(tables).map(|(file, rows)| Shown {
        name: file.name.clone(),
        title: file.title(),
        rows,
    });
    Ok(Explanation {
        finding,
        reasons: found,
        path_lengths,
        closest,
        tables: shown.collect(),
    })
}

/// A row that is not what it was then has other reasons.
fn tell_if_other(finding: &RecordBatch, now: f64) {
    let then = finding.column_by_name("anomaly_score");
    let then = then.and_then(|scores| scores.as_primitive_opt::<Float64Type>());
    if let Some(then) = then
        .map(|scores| scores.value(0))
        .filter(|then| *then != now)
    {
        tracing::warn!(
            "the row has an anomaly_score of {now:.4} now, and had {then:.4}: the job or its sources have changed since, and so may the reasons"
        );
    }
}
