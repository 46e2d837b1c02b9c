//! What the user asked for: a job file, parsed once into checked values.
//!
//! Nothing here reads data. Whoever holds a [`Job`] need not check again: names are unique, files are there and
//! parse, every `$parameter` has a value and every value is used. What only a source's schema can tell (does the
//! SQL make the feature columns?) is checked by [`crate::pipeline`], with the places kept here.

mod budget;
mod check;
mod document;
mod error;
mod evaluation;
mod feedback;
mod incremental;
mod location;
mod model;
mod place;
mod receiver;
mod report;
mod scheduler;
mod sentence;
mod severity;
mod sink;
mod spec;
mod sql_file;
mod template;
mod window;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

pub use budget::Budget;
pub use document::Document;
pub use error::JobError;
pub use evaluation::Evaluation;
pub use feedback::{Feedback, FeedbackFormat, FeedbackTable};
pub use incremental::Incremental;
pub use location::{Location, resolve_options};
pub(crate) use location::{clean, secret_variable, variable, without_file_scheme};
pub use model::ModelFiles;
pub use place::Place;
pub use receiver::{
    Batch, BuiltInShape, Credential, LogAnalytics, LogAnalyticsLegacy, Outbox, Receiver,
    ReceiverKind, Setting, Shape, Webhook,
};
pub use report::Report;
pub use scheduler::Scheduler;
pub use sentence::Sentence;
pub use severity::Severity;
pub use spec::{DuplicateKeys, EngineSpec as Engine, Format, MissingValues, Parameter, Scaler};
pub use sql_file::SqlFile;
pub(crate) use sql_file::parser_words;
pub(crate) use template::hide;
pub use template::{Template, as_written};
pub use window::{Interval, Train, TrainEnd, Window, Zone};

pub use crate::calendar::Bucket;

use crate::forest::IsolationForestParams;

/// The parameters that every job has, without the `$`.
pub const BUILT_IN_PARAMETERS: [&str; 7] = [
    "as_of",
    "bucket",
    "detect_end",
    "detect_start",
    "timezone",
    "train_end",
    "train_start",
];

/// Tables that a run makes itself, so that no source or step may take their names.
pub const SCORED: &str = "scored";

/// The one row that `[explain] sql` speaks of.
pub const FINDING: &str = "finding";

/// A checked job.
#[derive(Clone, Debug)]
pub struct Job {
    /// The file this job was read from, for the places of later errors.
    pub document: Document,
    /// Its name: part of every finding's id.
    pub name: String,
    /// One sentence for a person.
    pub description: String,
    /// The tables it reads, in order of name.
    pub sources: Vec<Source>,
    /// The times it learns from and reports on.
    pub window: Window,
    /// The job's own `$parameters`.
    pub parameters: BTreeMap<String, Parameter>,
    /// The steps that are kept, of which a run computes the days that changed.
    pub incremental: Vec<Incremental>,
    /// SQL before the model.
    pub features: Features,
    /// The model.
    pub isolation_forest: IsolationForestParams,
    /// What a run keeps of it.
    pub model: ModelFiles,
    /// SQL after the model; the last file is what is written.
    pub findings: Vec<SqlFile>,
    /// What people have said of findings.
    pub feedback: Feedback,
    /// What `crannog explain` shows of a finding: SQL over `finding`.
    pub explain: Vec<SqlFile>,
    /// How many of a day's rows are worth a look; all where it is not said.
    pub budget: Option<Budget>,
    /// Where each severity begins.
    pub severity: Severity,
    /// The tables that findings go into.
    pub sinks: Vec<DeltaTarget>,
    /// Who is sent what is in the first of them.
    pub receivers: Vec<Receiver>,
    /// What of it is not delivered yet.
    pub outbox: Outbox,
    /// The table with a row for each run.
    pub runs: DeltaTarget,
    /// The page of a run.
    pub report: Report,
    /// What its rankings are judged by.
    pub evaluation: Evaluation,
    /// What the machine may spend.
    pub engine: Engine,
    /// Where a run on a cluster keeps what is read again before it ends.
    pub scratch: DeltaTarget,
}

/// A table to read.
#[derive(Clone, Debug)]
pub struct Source {
    /// What SQL calls it.
    pub name: String,
    /// How it is stored.
    pub format: Format,
    /// Where it is.
    pub location: Location,
    /// The Delta version to read; the latest unless given.
    pub version: Option<u64>,
    /// The column that says to which day a row belongs, where a step is kept by days.
    pub time_column: Option<String>,
    /// Settings of the object store.
    pub options: BTreeMap<String, Template>,
}

/// The `[features]` table: SQL that makes one row for each thing that is judged.
#[derive(Clone, Debug)]
pub struct Features {
    /// The files in order; the last one makes the features.
    pub sql: Vec<SqlFile>,
    /// The columns that name a row: unique, and the order in which the forest sees the rows.
    pub keys: Vec<String>,
    /// The columns the forest sees, in its order.
    pub columns: Vec<String>,
    /// What a NULL or NaN in them means.
    pub missing_values: MissingValues,
    /// What becomes of rows with equal keys.
    pub duplicate_keys: DuplicateKeys,
    /// What is done to the columns before the forest sees them.
    pub scaler: Option<Scaler>,
    /// How a feature is spoken of, where the job says so.
    pub text: BTreeMap<String, Sentence>,
}

/// A Delta table to write.
#[derive(Clone, Debug)]
pub struct DeltaTarget {
    /// Where it is.
    pub location: Location,
    /// Settings of the object store.
    pub options: BTreeMap<String, Template>,
}

impl Job {
    /// Reads the job at `path`, with `overrides` (`key=value`) laid over it.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, JobError> {
        let text = std::fs::read_to_string(path).map_err(|source| JobError::Read {
            path: path.to_owned(),
            place: None,
            source,
        })?;
        let mut document = Document::parse(path, text)?;
        for assignment in overrides {
            document.set(assignment)?;
        }
        Self::check(document)
    }

    /// All SQL files in order, with the key that names each.
    pub fn sql_files(&self) -> impl Iterator<Item = (String, &SqlFile)> {
        let name = |key: &'static str| move |(index, file)| (format!("{key}[{index}]"), file);
        let features = self
            .features
            .sql
            .iter()
            .enumerate()
            .map(name("features.sql"));
        features.chain(self.findings.iter().enumerate().map(name("findings.sql")))
    }

    /// The file that makes the features.
    pub fn last_step(&self) -> &SqlFile {
        self.features
            .sql
            .last()
            .expect("a job names at least one features file")
    }

    /// The file that makes the findings.
    pub fn last_finding(&self) -> &SqlFile {
        self.findings
            .last()
            .expect("a job names at least one findings file")
    }

    /// Identifies what the job says: its file, its overrides and its SQL.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let files = self
            .sql_files()
            .flat_map(|(_, file)| [file.name.as_str(), file.text.as_str()]);
        for text in self.document.content().chain(files) {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        crate::hex(&hasher.finalize()[..16])
    }
}
