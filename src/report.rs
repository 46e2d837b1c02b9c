//! What a run did, as one JSON object: what was read, what the model was, what came out, how long each stage took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use serde::{Deserialize, Serialize};

use crate::delivery::Delivered;
use crate::error::{Error, Result};
use crate::feedback::SUPPRESSED_BY;
use crate::forest::{ColumnScale, IsolationForest, IsolationForestParams};
use crate::incremental::KeptSummary;
use crate::job::{DeltaTarget, Interval, Job};
use crate::output_file::replace;
use crate::progress::Stage;
use crate::run_id::RunId;
use crate::sinks::Receipt;
use crate::source::SourceSummary;

/// The outcome of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunReport {
    /// The job's name.
    pub job: String,
    /// The run's id.
    pub run_id: String,
    /// Identifies the job file, its overrides and its SQL.
    pub job_digest: String,
    /// The times it learnt from and reports on.
    #[serde(flatten)]
    pub interval: Interval,
    /// What was read.
    pub sources: Vec<SourceSummary>,
    /// What was computed of the steps that are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptSummary>,
    /// The run whose model judged; `None` where this run learnt its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What judged.
    pub isolation_forest: ModelSummary,
    /// How many findings there are.
    pub findings: usize,
    /// How many of them are suppressed by what people have said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub suppressed: usize,
    /// Where they were written.
    pub sinks: Vec<Receipt>,
    /// What was sent to whom, after all else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<Delivered>,
    /// How long each stage took.
    pub stages: Vec<Stage>,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// The most memory the process has held, in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// The version of crannog.
    pub version: String,
    /// The findings themselves.
    #[serde(skip)]
    pub rows: Vec<RecordBatch>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many findings somebody has allowed.
fn suppressed(findings: &RecordBatch) -> usize {
    let by = findings.column_by_name(SUPPRESSED_BY);
    by.map_or(0, |by| by.len() - by.logical_null_count())
}

/// The forest and what it thought of its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelSummary {
    /// As the job says, or said when the model was learnt.
    #[serde(flatten)]
    pub params: IsolationForestParams,
    /// Rows that were judged.
    pub n_samples: usize,
    /// Rows that were not, because another one has their key (`duplicate_keys = "first"`).
    #[serde(default)]
    pub duplicate_rows: usize,
    /// The feature columns.
    pub features: Vec<String>,
    /// What the scaler took off each of them and divided it by; `None` where the job does not scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_scaler: Option<ScalerSummary>,
    /// Rows with an `anomaly_score` above this are anomalies: `-offset_` of scikit-learn.
    pub threshold: f64,
    /// Rows with prediction -1, in the whole of the training window.
    pub n_anomalies: usize,
    /// The highest `anomaly_score`.
    pub max_anomaly_score: f64,
    /// How `anomaly_score` is spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_quantiles: Option<ScoreQuantiles>,
    /// How many judged rows have an `anomaly_score` from each hundredth to below the next, from 0 on; 1 is in the last.
    pub score_histogram: Vec<u64>,
}

/// The `anomaly_score` below which a share of the judged rows lies: NumPy's `quantile`, between two rows in a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreQuantiles {
    /// Half of them.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// All: the highest score.
    pub max: f64,
}

impl ScoreQuantiles {
    /// Of `score_samples`, which are put in another order; `None` without any.
    pub fn of(score_samples: &mut [f64]) -> Option<Self> {
        let last = score_samples.len().checked_sub(1)?;
        let mut quantile = |share: f64| {
            // The strangest rows have the lowest score_samples.
            let place = (1.0 - share) * last as f64;
            let (_, low, above) =
                score_samples.select_nth_unstable_by(place as usize, f64::total_cmp);
            let next = above.iter().copied().min_by(f64::total_cmp);
            -(*low + place.fract() * (next.unwrap_or(*low) - *low))
        };
        Some(Self {
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: quantile(1.0),
        })
    }
}

/// scikit-learn's `mean_` and `scale_`, in the order of the feature columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScalerSummary {
    /// The mean of each column; `None` for one without values.
    pub mean: Vec<Option<f64>>,
    /// Its standard deviation, or 1 for a constant column; `None` as for the mean.
    pub scale: Vec<Option<f64>>,
}

fn a_number(value: f64) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}

impl ScalerSummary {
    fn new(columns: &[ColumnScale]) -> Self {
        Self {
            mean: columns.iter().map(|column| a_number(column.mean)).collect(),
            scale: columns
                .iter()
                .map(|column| a_number(column.scale))
                .collect(),
        }
    }
}

/// Bars of the score histogram, from 0 to 1.
pub const HISTOGRAM_BINS: usize = 100;

impl ModelSummary {
    /// Sums up a forest and its `score_samples`, and what was before it: rows that were left out, and the scaler.
    pub fn new(
        job: &Job,
        duplicate_rows: usize,
        scales: Option<&[ColumnScale]>,
        forest: &IsolationForest,
        score_samples: &[f64],
    ) -> Self {
        let offset = forest.offset();
        Self {
            params: forest.params().clone(),
            n_samples: score_samples.len(),
            duplicate_rows,
            features: job.features.columns.clone(),
            standard_scaler: scales.map(ScalerSummary::new),
            threshold: -offset,
            n_anomalies: score_samples
                .iter()
                .filter(|score| **score - offset < 0.0)
                .count(),
            max_anomaly_score: score_samples
                .iter()
                .fold(0.0, |max, score| f64::max(max, -score)),
            score_quantiles: None,
            score_histogram: histogram(score_samples),
        }
    }
}

fn histogram(score_samples: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; HISTOGRAM_BINS];
    for score in score_samples {
        let bin = (-score * HISTOGRAM_BINS as f64) as usize;
        counts[bin.min(HISTOGRAM_BINS - 1)] += 1;
    }
    counts
}

/// What came of a run.
pub(crate) struct RunResults {
    pub kept: Vec<KeptSummary>,
    pub model: ModelSummary,
    pub findings: Vec<RecordBatch>,
    pub sinks: Vec<Receipt>,
}

impl RunReport {
    pub(crate) fn new(
        job: &Job,
        run: &RunId,
        results: RunResults,
        stages: &[Stage],
        elapsed: Duration,
    ) -> Self {
        Self {
            job: job.name.clone(),
            run_id: run.id.clone(),
            job_digest: run.job_digest.clone(),
            interval: run.interval,
            sources: run.sources.clone(),
            kept: results.kept,
            model: run.model_run(),
            isolation_forest: results.model,
            findings: results.findings.iter().map(RecordBatch::num_rows).sum(),
            suppressed: results.findings.iter().map(suppressed).sum(),
            sinks: results.sinks,
            delivered: Vec::new(),
            stages: stages.to_vec(),
            seconds: elapsed.as_secs_f64(),
            peak_memory_bytes: peak_memory(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rows: results.findings,
        }
    }

    /// The report as a JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where the report of a run into this table is kept: `run_results.json` beside it; an object store has none.
    pub fn path(target: &DeltaTarget) -> Result<Option<PathBuf>> {
        let location = target.location.resolve()?;
        let folder = Path::new(&location)
            .parent()
            .filter(|_| !location.contains("://"));
        Ok(folder.map(|folder| folder.join("run_results.json")))
    }

    /// Writes `run_results.json` beside each local output table.
    pub fn save(&self, job: &Job) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        for target in &job.sinks {
            let Some(path) = Self::path(target)? else {
                continue;
            };
            match replace(&path, text.as_bytes()) {
                Ok(()) => written.push(path),
                Err(error) => {
                    return Err(Error::Report {
                        path,
                        source: Box::new(error),
                    });
                }
            }
        }
        Ok(written)
    }
}

/// The most resident memory that this process has held: `VmHWM` of Linux.
pub(crate) fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// The resident memory of this process: `VmRSS` of Linux.
pub fn resident_memory() -> Option<u64> {
    memory("VmRSS:")
}

fn memory(what: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
