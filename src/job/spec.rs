//! The job file as written: the exact shape of its TOML, before anything is checked against anything else.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use bytesize::ByteSize;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

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
    pub sinks: Vec<SinkSpec>,
    pub runs: Option<RunsSpec>,
    #[serde(default)]
    pub report: ReportSpec,
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
    pub scaler: Option<Scaler>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaler {
    /// scikit-learn's `StandardScaler`: the mean taken off, then divided by the standard deviation.
    Standard,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingsSpec {
    pub sql: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkSpec {
    #[serde(rename = "type")]
    pub kind: SinkType,
    pub location: Template,
    #[serde(default)]
    pub options: BTreeMap<String, Template>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SinkType {
    Delta,
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
    /// DataFusion's own settings by their full names, such as `"datafusion.execution.batch_size" = "16384"`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
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
