//! What the user asked for: a job file, parsed once into checked values.
//!
//! Nothing here reads data. Whoever holds a [`Job`] need not check again: names are unique, files are there and
//! parse, every `$parameter` has a value and every value is used. What only a source's schema can tell (does the
//! SQL make the feature columns?) is checked by [`crate::pipeline`], with the places kept here.

mod document;
mod error;
mod location;
mod place;
mod report;
mod spec;
mod sql_file;
mod template;
mod window;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

pub use document::Document;
pub use error::JobError;
pub use location::{Location, resolve_options};
pub use place::Place;
pub use report::Report;
pub use spec::{DuplicateKeys, EngineSpec as Engine, Format, MissingValues, Parameter, Scaler};
pub use sql_file::SqlFile;
pub(crate) use sql_file::parser_words;
pub use template::{Template, as_written};
pub use window::{Interval, Train, Window, Zone};

pub use crate::calendar::Bucket;

use crate::forest::IsolationForestParams;
use location::clean;
use spec::{JobSpec, SinkType};

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

/// More threads than any machine has are a slip of the hand.
const MAX_THREADS: usize = 1024;

/// Tables that a run makes itself, so that no source or step may take their names.
pub const SCORED: &str = "scored";

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
    /// SQL before the model.
    pub features: Features,
    /// The model.
    pub isolation_forest: IsolationForestParams,
    /// SQL after the model; the last file is what is written.
    pub findings: Vec<SqlFile>,
    /// Where findings go.
    pub sinks: Vec<DeltaTarget>,
    /// The page of a run.
    pub report: Report,
    /// What the machine may spend.
    pub engine: Engine,
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

    fn check(document: Document) -> Result<Self, JobError> {
        let spec: JobSpec = document.deserialize()?;
        let base = document.path().parent().unwrap_or(Path::new("")).to_owned();
        let value = |key: &str, message: &str| JobError::Value {
            place: document.place(key),
            message: message.to_owned(),
        };
        if !is_name(&spec.job.name) {
            return Err(value(
                "job.name",
                "a job's name is made of letters, digits, `_`, `-` and `.`",
            ));
        }
        for (list, key, what) in [
            (
                spec.features.sql.is_empty(),
                "features.sql",
                "name at least one SQL file",
            ),
            (
                spec.features.keys.is_empty(),
                "features.keys",
                "name at least one key column",
            ),
            (
                spec.features.columns.is_empty(),
                "features.columns",
                "name at least one feature column",
            ),
            (
                spec.findings.sql.is_empty(),
                "findings.sql",
                "name at least one SQL file",
            ),
            (
                spec.sources.is_empty(),
                "sources",
                "name at least one source",
            ),
            (spec.sinks.is_empty(), "sinks", "name at least one sink"),
        ] {
            if list {
                return Err(value(key, what));
            }
        }
        for (key, names) in [
            ("features.keys", &spec.features.keys),
            ("features.columns", &spec.features.columns),
        ] {
            for (index, name) in names.iter().enumerate() {
                if names[..index].contains(name) {
                    return Err(value(
                        &format!("{key}[{index}]"),
                        &format!("`{name}` is named twice"),
                    ));
                }
            }
        }
        if let Err(error) = spec
            .isolation_forest
            .max_features
            .resolve(spec.features.columns.len())
        {
            return Err(value("isolation_forest.max_features", &error.to_string()));
        }
        if spec
            .engine
            .threads
            .is_some_and(|threads| threads.get() > MAX_THREADS)
        {
            return Err(value(
                "engine.threads",
                &format!("at most {MAX_THREADS} threads"),
            ));
        }
        let location = |template: Template, key: String| Location {
            template,
            base: base.clone(),
            place: document.place(&key),
        };
        let mut sources = Vec::new();
        for (name, source) in spec.sources {
            if source.version.is_some() && source.format != Format::Delta {
                let message = "only a Delta table has versions";
                return Err(value(&format!("sources.{name}.version"), message));
            }
            let location = location(source.location, format!("sources.{name}.location"));
            sources.push(Source {
                name,
                format: source.format,
                location,
                version: source.version,
                options: source.options,
            });
        }
        let sinks: Vec<_> = spec
            .sinks
            .into_iter()
            .enumerate()
            .map(|(index, sink)| match sink.kind {
                SinkType::Delta => DeltaTarget {
                    location: location(sink.location, format!("sinks[{index}].location")),
                    options: sink.options,
                },
            })
            .collect();

        let report = Report {
            html: spec
                .report
                .html
                .map(|html| location(html, "report.html".to_owned())),
            count_by: spec.report.count_by,
            heat_map_by: spec.report.heat_map_by,
        };

        let load = |files: &[String], key: &str| -> Result<Vec<SqlFile>, JobError> {
            let load = |(index, file): (usize, &String)| {
                SqlFile::load(
                    &clean(&base.join(file)),
                    &document.place(&format!("{key}[{index}]")),
                )
            };
            files.iter().enumerate().map(load).collect()
        };
        let job = Self {
            features: Features {
                sql: load(&spec.features.sql, "features.sql")?,
                keys: spec.features.keys,
                columns: spec.features.columns,
                missing_values: spec.features.missing_values,
                duplicate_keys: spec.features.duplicate_keys,
                scaler: spec.features.scaler,
            },
            findings: load(&spec.findings.sql, "findings.sql")?,
            name: spec.job.name,
            description: spec.job.description,
            sources,
            window: spec.window,
            parameters: spec.parameters,
            isolation_forest: spec.isolation_forest,
            sinks,
            report,
            engine: spec.engine,
            document,
        };
        if !job.window.learns_what_it_reports() {
            let message =
                "`train` is shorter than `detect`: what is reported would not all be read";
            return Err(JobError::Value {
                place: job.document.place("window.train"),
                message: message.to_owned(),
            });
        }
        job.check_names()?;
        job.check_parameters()?;
        job.check_allowed(&spec.allowed_parameters)?;
        Ok(job)
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

    /// Sources and steps share one set of table names.
    fn check_names(&self) -> Result<(), JobError> {
        let mut taken: Vec<&str> = vec![SCORED];
        taken.extend(self.sources.iter().map(|source| source.name.as_str()));
        if self.sources.iter().any(|source| source.name == SCORED) {
            let message = format!(
                "`{SCORED}` is the table that the model makes; give the source another name"
            );
            return Err(JobError::Value {
                place: self.document.place(&format!("sources.{SCORED}")),
                message,
            });
        }
        for (key, file) in self.sql_files() {
            if taken.contains(&file.name.as_str()) {
                let message = format!(
                    "`{}` is the name of another table of this job; rename the file",
                    file.name
                );
                return Err(JobError::Value {
                    place: self.document.place(&key),
                    message,
                });
            }
            taken.push(&file.name);
        }
        Ok(())
    }

    /// A parameter with a list of allowed values has one of them.
    fn check_allowed(&self, allowed: &BTreeMap<String, Vec<Parameter>>) -> Result<(), JobError> {
        for (name, values) in allowed {
            let known = || values.iter().map(ToString::to_string).collect();
            match self.parameters.get(name) {
                None => {
                    return Err(JobError::UnknownName {
                        place: self.document.place(&format!("allowed_parameters.{name}")),
                        name: name.clone(),
                        expected: "in [parameters]".to_owned(),
                        known: self.parameters.keys().cloned().collect(),
                    });
                }
                Some(value) if !values.contains(value) => {
                    return Err(JobError::UnknownName {
                        place: self.document.place(&format!("parameters.{name}")),
                        name: value.to_string(),
                        expected: format!("a value that `{name}` may have"),
                        known: known(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn check_parameters(&self) -> Result<(), JobError> {
        for name in self.parameters.keys() {
            let place = self.document.place(&format!("parameters.{name}"));
            if BUILT_IN_PARAMETERS.contains(&name.as_str()) {
                let message = format!("`${name}` is given by the run; choose another name");
                return Err(JobError::Value { place, message });
            }
            if !self
                .sql_files()
                .any(|(_, file)| file.parameters.contains_key(name))
            {
                return Err(JobError::UnusedParameter {
                    place,
                    name: name.clone(),
                });
            }
        }
        for (_, file) in self.sql_files() {
            for (name, line) in &file.parameters {
                if !self.parameters.contains_key(name)
                    && !BUILT_IN_PARAMETERS.contains(&name.as_str())
                {
                    let own = self.parameters.keys().cloned();
                    return Err(JobError::UnknownParameter {
                        file: file.path.clone(),
                        line: *line,
                        name: name.clone(),
                        known: own.chain(BUILT_IN_PARAMETERS.map(str::to_owned)).collect(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}
