//! The job file as written: the exact shape of its TOML, before anything is checked against anything else.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::budget::Budget;
use super::feedback::FeedbackSpec;
use super::scheduler::Scheduler;
use super::severity::Severity;
use super::template::Template;
use super::window::Window;
use crate::forest::IsolationForestParams;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobSpec {
    pub job: HeadSpec,
    pub sources: BTreeMap<String, SourceSpec>,
    pub window: Window,
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub allowed_parameters: BTreeMap<String, Vec<Parameter>>,
    #[serde(default)]
    pub incremental: BTreeMap<String, IncrementalSpec>,
    pub features: FeaturesSpec,
    #[serde(default)]
    pub isolation_forest: IsolationForestParams,
    #[serde(default)]
    pub model: ModelSpec,
    pub findings: FindingsSpec,
    pub allow: Option<FeedbackSpec>,
    pub labels: Option<FeedbackSpec>,
    #[serde(default)]
    pub explain: ExplainSpec,
    pub sinks: Vec<SinkSpec>,
    pub runs: Option<RunsSpec>,
    #[serde(default)]
    pub outbox: OutboxSpec,
    #[serde(default)]
    pub report: ReportSpec,
    #[serde(default)]
    pub evaluation: EvaluationSpec,
    #[serde(default)]
    pub engine: EngineSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadSpec {
    pub name: String,
    #[serde(default)]
    pub description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSpec {
    pub format: Format,
    pub location: Template,
    pub version: Option<u64>,
    pub time_column: Option<String>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
}

/// How a source is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A Delta table.
    Delta,
    /// Windows event logs: a file, a directory or a glob.
    Evtx,
    /// Parquet: a file, a directory or a glob.
    Parquet,
    /// CloudTrail as AWS delivers it: a bucket, a folder or a file.
    CloudTrail,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Delta => "delta",
            Self::Evtx => "evtx",
            Self::Parquet => "parquet",
            Self::CloudTrail => "cloudtrail",
        })
    }
}

/// A value of the `[parameters]` table, bound to `$name` in SQL.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a parameter is true or false, a number, or a text"
)]
pub enum Parameter {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeaturesSpec {
    pub sql: Vec<String>,
    pub keys: Vec<String>,
    pub columns: Vec<String>,
    #[serde(default)]
    pub missing_values: MissingValues,
    #[serde(default)]
    pub duplicate_keys: DuplicateKeys,
    pub scaler: Option<ScalerSpec>,
    #[serde(default)]
    pub text: BTreeMap<String, String>,
}

/// A scaler, or that there is to be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ScalerSpec {
    Standard,
    None,
}

/// What a NULL or NaN in a feature column means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingValues {
    /// The run stops: a feature should always be known.
    #[default]
    Error,
    /// A missing value, as scikit-learn's forest treats NaN; its own word for it.
    AllowNan,
}

/// What becomes of rows with equal keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateKeys {
    /// The run stops: the keys should name one row.
    #[default]
    Error,
    /// The first of them counts, in the order of their other columns: a log that delivers at least once repeats itself.
    First,
}

/// What is done to the feature columns before the forest sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaler {
    /// scikit-learn's `StandardScaler`: the mean taken off, then divided by the standard deviation.
    Standard,
}

impl ScalerSpec {
    pub(super) fn scaler(self) -> Option<Scaler> {
        match self {
            Self::Standard => Some(Scaler::Standard),
            Self::None => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncrementalSpec {
    pub time_column: Option<String>,
    pub batch_size: Option<NonZeroU32>,
    #[serde(default)]
    pub lookback: u32,
    pub location: Option<Template>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelSpec {
    #[serde(default)]
    pub dictionaries: Vec<String>,
    pub location: Option<Template>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainSpec {
    pub sql: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingsSpec {
    pub sql: Vec<String>,
    pub budget: Option<Budget>,
    #[serde(default)]
    pub severity: Severity,
}

/// A sink of any type: which keys belong to which is said in `receiver`, so that a wrong one is told with its line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkSpec {
    #[serde(rename = "type")]
    pub kind: SinkType,
    pub name: Option<String>,
    pub shape: Option<String>,
    pub location: Option<Template>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
    pub endpoint: Option<Template>,
    pub dcr_immutable_id: Option<Template>,
    pub stream_name: Option<Template>,
    pub credential: Option<Credential>,
    pub tenant_id: Option<Template>,
    pub client_id: Option<Template>,
    pub client_secret: Option<Template>,
    pub scope: Option<Template>,
    pub workspace_id: Option<Template>,
    pub shared_key: Option<Template>,
    pub log_type: Option<Template>,
    pub time_generated_field: Option<String>,
    pub url: Option<Template>,
    pub secret: Option<Template>,
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    #[serde(default)]
    pub batch: Batch,
}

impl SinkSpec {
    /// The keys that are written, but for `type`.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("name", self.name.is_some()),
            ("shape", self.shape.is_some()),
            ("location", self.location.is_some()),
            ("options", !self.options.is_empty()),
            ("endpoint", self.endpoint.is_some()),
            ("dcr_immutable_id", self.dcr_immutable_id.is_some()),
            ("stream_name", self.stream_name.is_some()),
            ("credential", self.credential.is_some()),
            ("tenant_id", self.tenant_id.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("scope", self.scope.is_some()),
            ("workspace_id", self.workspace_id.is_some()),
            ("shared_key", self.shared_key.is_some()),
            ("log_type", self.log_type.is_some()),
            ("time_generated_field", self.time_generated_field.is_some()),
            ("url", self.url.is_some()),
            ("secret", self.secret.is_some()),
            ("headers", !self.headers.is_empty()),
            ("batch", self.batch != Batch::default()),
        ];
        let given = keys.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(key, _)| key)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SinkType {
    Delta,
    LogAnalytics,
    LogAnalyticsLegacy,
    Webhook,
    Ndjson,
    Parquet,
}

/// How a sender proves to Entra ID who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// An application and its secret.
    ClientSecret,
    /// A token that Kubernetes signs.
    WorkloadIdentity,
    /// The identity of the machine, or of the service that runs it.
    ManagedIdentity,
    /// Whoever is signed in with `az login`.
    AzureCli,
}

/// How many findings one request has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// A JSON array of as many as fit.
    #[default]
    Array,
    /// One, as a JSON object.
    One,
}

/// A shape that the program brings: a SQL file in `sql/shapes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The columns of the table.
    Finding,
    /// The same for a table of Log Analytics.
    LogAnalytics,
    /// The same for the older API, which keeps the name `TimeGenerated` for itself.
    LogAnalyticsLegacy,
    /// Detection Finding of the Open Cybersecurity Schema Framework.
    Ocsf,
    /// Rows like those of Microsoft Sentinel's table `Anomalies`.
    SentinelAnomalies,
}

impl Shape {
    const ALL: [(&'static str, Self); 5] = [
        ("finding", Self::Finding),
        ("log_analytics", Self::LogAnalytics),
        ("log_analytics_legacy", Self::LogAnalyticsLegacy),
        ("ocsf", Self::Ocsf),
        ("sentinel_anomalies", Self::SentinelAnomalies),
    ];

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(name, _)| *name)
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(other, _)| *other == name)
            .map(|(_, shape)| *shape)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxSpec {
    pub location: Option<Template>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
}

/// Reads `"5 minutes"`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text);
    duration.map(Some).map_err(|_| {
        D::Error::custom(format!(
            "`{text}` is no length of time: write for example \"5 minutes\""
        ))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsSpec {
    pub location: Template,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportSpec {
    pub html: Option<Template>,
    pub count_by: Option<String>,
    pub heat_map_by: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EvaluationSpec {
    pub labels: Option<Template>,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
    pub alone: Option<String>,
    #[serde(default)]
    pub beside: Vec<String>,
    pub seeds: Option<NonZeroU32>,
}

/// The `[engine]` table: what the machine may spend.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSpec {
    /// Threads for reading, grouping, growing and scoring; all processors unless given.
    pub threads: Option<NonZeroUsize>,
    /// The most memory that the process may hold; no end to it unless given.
    #[serde(default, deserialize_with = "memory_limit")]
    pub memory_limit: Option<ByteSize>,
    /// Whether a file that cannot be read to its end stops the run; else it is counted and named, and the run goes on.
    #[serde(default)]
    pub strict: bool,
    /// The scheduler of the cluster that a run works on, such as `df://scheduler:50050`; this machine unless given.
    #[serde(default, deserialize_with = "scheduler")]
    pub cluster: Option<Scheduler>,
    /// Into how many partitions work for a cluster is cut; the answer does not depend on it.
    pub partitions: Option<NonZeroUsize>,
    /// A folder that the executors of the cluster and this program reach under the same name.
    pub scratch: Option<Template>,
    /// DataFusion's own settings by their full names, such as `"datafusion.execution.batch_size" = "16384"`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn scheduler<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scheduler>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// The program and what it always holds are some 100 MiB; below this nothing is left to work with.
const LEAST_MEMORY: ByteSize = ByteSize::mib(256);

/// Reads `"1 GiB"`.
fn memory_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<ByteSize>() {
        Ok(limit) if limit >= LEAST_MEMORY => Ok(Some(limit)),
        Ok(limit) => Err(D::Error::custom(format!(
            "{limit} is too little to run in: the least is {LEAST_MEMORY}"
        ))),
        Err(_) => Err(D::Error::custom(format!(
            "`{text}` is no amount of memory: write for example \"1 GiB\" or \"800 MB\""
        ))),
    }
}
