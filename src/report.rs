//! What a run did, as one JSON object: what was read, what the model was, what came out, how long each stage took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::RecordBatch;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::forest::{ColumnScale, IsolationForest, IsolationForestParams};
use crate::job::{Interval, Job};
use crate::progress::Stage;
use crate::run_id::RunId;
use crate::sinks::Receipt;
use crate::source::SourceSummary;

/// The outcome of a run.
#[derive(Clone, Debug, Serialize)]
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
    /// What judged.
    pub isolation_forest: ModelSummary,
    /// How many findings there are.
    pub findings: usize,
    /// Where they were written.
    pub sinks: Vec<Receipt>,
    /// How long each stage took.
    pub stages: Vec<Stage>,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// The most memory the process has held, in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// The version of crannog.
    pub version: &'static str,
    /// The findings themselves.
    #[serde(skip)]
    pub rows: Vec<RecordBatch>,
}

/// The forest and what it thought of its rows.
#[derive(Clone, Debug, Serialize)]
pub struct ModelSummary {
    /// As the job says.
    #[serde(flatten)]
    pub params: IsolationForestParams,
    /// Rows that were judged.
    pub n_samples: usize,
    /// The feature columns.
    pub features: Vec<String>,
    /// What the scaler took off each of them and divided it by; `None` where the job does not scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_scaler: Option<ScalerSummary>,
    /// Rows with an `anomaly_score` above this are anomalies: `-offset_` of scikit-learn.
    pub threshold: f64,
    /// Rows with prediction -1, in the whole of the training window.
    pub n_anomalies: usize,
    /// The highest `anomaly_score`.
    pub max_anomaly_score: f64,
}

/// scikit-learn's `mean_` and `scale_`, in the order of the feature columns.
#[derive(Clone, Debug, Serialize)]
pub struct ScalerSummary {
    /// The mean of each column.
    pub mean: Vec<f64>,
    /// Its standard deviation, or 1 for a constant column.
    pub scale: Vec<f64>,
}

impl ScalerSummary {
    fn new(columns: &[ColumnScale]) -> Self {
        Self {
            mean: columns.iter().map(|column| column.mean).collect(),
            scale: columns.iter().map(|column| column.scale).collect(),
        }
    }
}

impl ModelSummary {
    /// Sums up a forest and its `score_samples`, and the scaler before it.
    pub fn new(
        job: &Job,
        scales: Option<&[ColumnScale]>,
        forest: &IsolationForest,
        score_samples: &[f64],
    ) -> Self {
        let offset = forest.offset();
        Self {
            params: job.isolation_forest.clone(),
            n_samples: score_samples.len(),
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
        }
    }
}

impl RunReport {
    pub(crate) fn new(
        job: &Job,
        run: RunId,
        model: ModelSummary,
        stages: &[Stage],
        findings: Vec<RecordBatch>,
        sinks: Vec<Receipt>,
        elapsed: Duration,
    ) -> Self {
        Self {
            job: job.name.clone(),
            run_id: run.id,
            job_digest: run.job_digest,
            interval: run.interval,
            sources: run.sources,
            isolation_forest: model,
            findings: findings.iter().map(RecordBatch::num_rows).sum(),
            sinks,
            stages: stages.to_vec(),
            seconds: elapsed.as_secs_f64(),
            peak_memory_bytes: peak_memory(),
            version: env!("CARGO_PKG_VERSION"),
            rows: findings,
        }
    }

    /// The report as a JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Writes `run_results.json` beside each local output table; an object store has none.
    pub fn save(&self, job: &Job) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for target in &job.sinks {
            let location = target.location.resolve()?;
            let Some(folder) = Path::new(&location)
                .parent()
                .filter(|_| !location.contains("://"))
            else {
                continue;
            };
            let path = folder.join("run_results.json");
            let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
            replace_file(&path, &text).map_err(|error| Error::Report {
                path: path.clone(),
                source: Box::new(error),
            })?;
            written.push(path);
        }
        Ok(written)
    }
}

/// Writes beside and renames, so that a reader sees the old report or the new one.
fn replace_file(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("json.new");
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}

/// Peak resident memory of this process: `VmHWM` of Linux.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
