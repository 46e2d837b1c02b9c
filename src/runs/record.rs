//! One run as a row: what it was, what it read and found, what it cost, how it ended.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, causes};
use crate::job::{Interval, Job};
use crate::progress::Stage;
use crate::report::{RunReport, ScoreQuantiles, peak_memory};
use crate::run_id::RunId;
use crate::source::SourceSummary;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its findings are written.
    Succeeded,
    /// It ended with an error.
    Failed,
}

/// A row of the table of runs. What a failed run did not come to is `None`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's id: the same for the same job, sources and time.
    pub run_id: String,
    /// The job's name.
    pub job: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, with its causes.
    pub error: Option<String>,
    /// When it began, by the clock.
    pub started_at: DateTime<Utc>,
    /// The times it learnt from and reports on.
    #[serde(flatten)]
    pub interval: Interval,
    /// Identifies the job file, its overrides and its SQL.
    pub job_digest: String,
    /// The run whose model judged; `None` where this run learnt its own.
    pub model: Option<String>,
    /// What was read.
    pub sources: Vec<SourceRead>,
    /// Rows that were read out of files.
    pub rows_read: u64,
    /// Rows that were judged: the groups, where the SQL groups.
    pub n_samples: Option<u64>,
    /// Rows with prediction -1, in the whole of the training window.
    pub n_anomalies: Option<u64>,
    /// Rows with an `anomaly_score` above this are anomalies.
    pub threshold: Option<f64>,
    /// The `anomaly_score` below which these shares of the judged rows lie.
    pub score_quantiles: Option<ScoreQuantiles>,
    /// Findings that were written.
    pub findings: Option<u64>,
    /// How long each stage took.
    pub stages: Vec<Stage>,
    /// Wall time.
    pub seconds: f64,
    /// The most memory that the process has held.
    pub peak_memory_bytes: Option<u64>,
    /// The version of crannog.
    pub version: String,
    /// The report of the run as JSON, as in `run_results.json`.
    pub run_results: Option<String>,
}

/// What a run read of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceRead {
    /// The name SQL knows it by.
    pub name: String,
    /// Where it is, as a person may see it.
    pub location: String,
    /// The Delta version, or a digest of the files' names, sizes and times.
    pub version: String,
    /// Data files in it.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

impl From<&SourceSummary> for SourceRead {
    fn from(source: &SourceSummary) -> Self {
        Self {
            name: source.name.clone(),
            location: source.location.clone(),
            version: source.version.clone(),
            files: source.files as u64,
            bytes: source.bytes,
        }
    }
}

impl RunRecord {
    /// The run as it ended, after `elapsed` and these stages.
    pub fn new(
        job: &Job,
        run: &RunId,
        started_at: DateTime<Utc>,
        elapsed: Duration,
        stages: &[Stage],
        result: &Result<RunReport, Error>,
    ) -> Self {
        let report = result.as_ref().ok();
        let model = report.map(|report| &report.isolation_forest);
        let from_files = stages.iter().filter(|stage| stage.bytes > 0);
        Self {
            run_id: run.id.clone(),
            job: job.name.clone(),
            outcome: match result {
                Ok(_) => Outcome::Succeeded,
                Err(_) => Outcome::Failed,
            },
            error: result.as_ref().err().map(|error| causes(error).join(": ")),
            started_at,
            interval: run.interval,
            job_digest: run.job_digest.clone(),
            model: run.model_run(),
            sources: run.sources.iter().map(SourceRead::from).collect(),
            rows_read: from_files.map(|stage| stage.rows).sum(),
            n_samples: model.map(|model| model.n_samples as u64),
            n_anomalies: model.map(|model| model.n_anomalies as u64),
            threshold: model.map(|model| model.threshold),
            score_quantiles: model.and_then(|model| model.score_quantiles),
            findings: report.map(|report| report.findings as u64),
            stages: stages.to_vec(),
            seconds: elapsed.as_secs_f64(),
            peak_memory_bytes: peak_memory(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run_results: report.map(RunReport::to_json),
        }
    }
}

/// The columns of the table: those of [`RunRecord`], in types that every reader of Delta tables knows.
pub(super) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let whole = |name| Field::new(name, DataType::Int64, true);
    let number = |name| Field::new(name, DataType::Float64, true);
    let instant = |name| {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Field::new(name, utc, true)
    };
    let fields =
        |name, fields: Vec<Field>| Field::new(name, DataType::Struct(Fields::from(fields)), true);
    let list = |name, item: Vec<Field>| {
        let item = fields("element", item); // Delta's own name for it
        Field::new(name, DataType::List(Arc::new(item)), true)
    };
    let source = vec![
        text("name"),
        text("location"),
        text("version"),
        whole("files"),
        whole("bytes"),
    ];
    let stage = vec![
        text("name"),
        number("seconds"),
        number("cpu_seconds"),
        whole("rows"),
        whole("bytes"),
    ];
    let quantiles = ["p50", "p90", "p99", "p999", "max"].map(number);
    Arc::new(Schema::new(vec![
        text("run_id"),
        text("job"),
        text("outcome"),
        text("error"),
        instant("started_at"),
        instant("as_of"),
        instant("train_start"),
        instant("train_end"),
        instant("detect_start"),
        instant("detect_end"),
        text("job_digest"),
        text("model"),
        list("sources", source),
        whole("rows_read"),
        whole("n_samples"),
        whole("n_anomalies"),
        number("threshold"),
        fields("score_quantiles", quantiles.to_vec()),
        whole("findings"),
        list("stages", stage),
        number("seconds"),
        whole("peak_memory_bytes"),
        text("version"),
        text("run_results"),
    ]))
}
