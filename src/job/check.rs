//! From a job as written to a job as checked: what its parts say of each other must fit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::error::JobError;
use super::location::{Location, clean};
use super::place::Place;
use super::report::Report;
use super::sentence::Sentence;
use super::spec::{
    FeaturesSpec, Format, JobSpec, MissingValues, Parameter, ReportSpec, RunsSpec, ScalerSpec,
    SourceSpec,
};
use super::sql_file::SqlFile;
use super::template::Template;
use super::{BUILT_IN_PARAMETERS, DeltaTarget, FINDING, Features, Job, SCORED, Source};
use crate::forest::{ForestKind, IsolationForestParams};

/// More threads than any machine has are a slip of the hand.
const MAX_THREADS: usize = 1024;

impl Job {
    pub(super) fn check(document: Document) -> Result<Self, JobError> {
        let spec: JobSpec = document.deserialize()?;
        let written = Written {
            base: document.path().parent().unwrap_or(Path::new("")).to_owned(),
            document: &document,
        };
        written.check_values(&spec)?;
        let (sinks, receivers) = written.sinks(spec.sinks, &spec.job.name)?;
        let incremental =
            written.incremental(spec.incremental, &spec.window, &sinks[0], &spec.engine);
        let runs = written.runs(spec.runs, &sinks[0]);
        let job = Self {
            sources: written.sources(spec.sources)?,
            features: Features {
                sql: written.sql_files("features.sql", &spec.features.sql)?,
                keys: spec.features.keys,
                columns: spec.features.columns,
                missing_values: spec.features.missing_values,
                duplicate_keys: spec.features.duplicate_keys,
                scaler: spec.features.scaler.and_then(ScalerSpec::scaler),
                text: written.sentences(spec.features.text)?,
            },
            findings: written.sql_files("findings.sql", &spec.findings.sql)?,
            feedback: written.feedback(spec.allow, spec.labels)?,
            explain: written.sql_files("explain.sql", &spec.explain.sql)?,
            budget: spec.findings.budget,
            severity: spec.findings.severity,
            model: written.model(spec.model, &runs),
            outbox: written.outbox(spec.outbox, &sinks[0]),
            runs,
            incremental,
            scratch: written.scratch(spec.engine.scratch.clone(), &sinks[0]),
            sinks,
            receivers,
            report: written.report(spec.report),
            evaluation: written.evaluation(spec.evaluation),
            name: spec.job.name,
            description: spec.job.description,
            window: spec.window,
            parameters: spec.parameters,
            isolation_forest: spec.isolation_forest,
            engine: spec.engine,
            document,
        };
        if let Some(message) = job.window.misfit() {
            return Err(JobError::Value {
                place: job.document.place("window.train"),
                message: message.to_owned(),
            });
        }
        job.check_places()?;
        job.check_names()?;
        job.check_parameters()?;
        job.check_allowed(&spec.allowed_parameters)?;
        job.check_incremental()?;
        job.check_dictionaries()?;
        Ok(job)
    }

    /// The outbox is a table of its own.
    fn check_places(&self) -> Result<(), JobError> {
        let outbox = self.outbox.table.location.to_string();
        let sinks = self.sinks.iter().map(|sink| &sink.location);
        let kept = self.incremental.iter().map(|kept| &kept.table.location);
        let sources = self.sources.iter().map(|source| &source.location);
        let mut others = sinks
            .chain(kept)
            .chain(sources)
            .chain([&self.runs.location]);
        if !self.receivers.is_empty() && others.any(|other| other.to_string() == outbox) {
            return Err(JobError::Value {
                place: self.document.place("outbox.location"),
                message: format!(
                    "`{outbox}` is another table of this job: the outbox is one of its own"
                ),
            });
        }
        Ok(())
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
        taken.push(FINDING);
        for (index, file) in self.explain.iter().enumerate() {
            if taken.contains(&file.name.as_str()) {
                return Err(JobError::Value {
                    place: self.document.place(&format!("explain.sql[{index}]")),
                    message: format!(
                        "`{}` is the name of another table of this job; rename the file",
                        file.name
                    ),
                });
            }
            taken.push(&file.name);
        }
        Ok(())
    }

    /// A parameter with a list of allowed values has one of them.
    fn check_allowed(&self, allowed: &BTreeMap<String, Vec<Parameter>>) -> Result<(), JobError> {
        for (name, values) in allowed {
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
                        known: values.iter().map(ToString::to_string).collect(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Every parameter is used, and every one that is used has a value.
    fn check_parameters(&self) -> Result<(), JobError> {
        for name in self.parameters.keys() {
            let place = self.document.place(&format!("parameters.{name}"));
            if BUILT_IN_PARAMETERS.contains(&name.as_str()) {
                let message = format!("`${name}` is given by the run; choose another name");
                return Err(JobError::Value { place, message });
            }
            let mut files = self.sql_files().map(|(_, file)| file).chain(&self.explain);
            if !files.any(|file| file.parameters.contains_key(name)) {
                return Err(JobError::UnusedParameter {
                    place,
                    name: name.clone(),
                });
            }
        }
        for file in self.sql_files().map(|(_, file)| file).chain(&self.explain) {
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

/// The file that a job is written in, and the folder that its relative paths start from.
pub(super) struct Written<'a> {
    document: &'a Document,
    base: PathBuf,
}

impl Written<'_> {
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) -> JobError {
        JobError::Value {
            place: self.document.place(key),
            message: message.into(),
        }
    }

    /// What each value must be without a look at the others.
    fn check_values(&self, spec: &JobSpec) -> Result<(), JobError> {
        if !is_name(&spec.job.name) {
            let message = "a job's name is made of letters, digits, `_`, `-` and `.`";
            return Err(self.wrong("job.name", message));
        }
        let features = &spec.features;
        for (is_empty, key, what) in [
            (features.sql.is_empty(), "features.sql", "SQL file"),
            (features.keys.is_empty(), "features.keys", "key column"),
            (
                features.columns.is_empty(),
                "features.columns",
                "feature column",
            ),
            (spec.findings.sql.is_empty(), "findings.sql", "SQL file"),
            (spec.sources.is_empty(), "sources", "source"),
            (spec.sinks.is_empty(), "sinks", "sink"),
        ] {
            if is_empty {
                return Err(self.wrong(key, format!("name at least one {what}")));
            }
        }
        self.check_named_once("features.keys", &features.keys)?;
        self.check_named_once("features.columns", &features.columns)?;
        self.check_named_once("model.dictionaries", &spec.model.dictionaries)?;
        let max_features = spec.isolation_forest.max_features;
        if let Err(error) = max_features.resolve(features.columns.len()) {
            return Err(self.wrong("isolation_forest.max_features", error.to_string()));
        }
        if let Some(message) = spec.findings.severity.misfit() {
            return Err(self.wrong("findings.severity", message));
        }
        self.check_kind(&spec.isolation_forest, features)?;
        let threads = spec.engine.threads;
        if threads.is_some_and(|threads| threads.get() > MAX_THREADS) {
            return Err(self.wrong("engine.threads", format!("at most {MAX_THREADS} threads")));
        }
        Ok(())
    }

    /// What only one kind of forest has, and what an extended one asks of its columns.
    fn check_kind(
        &self,
        params: &IsolationForestParams,
        features: &FeaturesSpec,
    ) -> Result<(), JobError> {
        if let Err(error) = params.resolve_extension_level(features.columns.len()) {
            return Err(self.wrong("isolation_forest.extension_level", error.to_string()));
        }
        if params.kind == ForestKind::Axis {
            return Ok(());
        }
        if features.missing_values == MissingValues::AllowNan {
            let message = "an extended isolation forest has no rule for missing values: \
                           give them a value in SQL, or use `kind = \"axis\"`";
            return Err(self.wrong("features.missing_values", message));
        }
        if features.scaler.is_none() {
            let message = "in an extended isolation forest a column weighs as much as its values are wide: \
                           add `scaler = \"standard\"` to [features], or `\"none\"` where SQL has scaled them";
            return Err(self.wrong("isolation_forest.kind", message));
        }
        Ok(())
    }

    fn check_named_once(&self, key: &str, names: &[String]) -> Result<(), JobError> {
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                let message = format!("`{name}` is named twice");
                return Err(self.wrong(&format!("{key}[{index}]"), message));
            }
        }
        Ok(())
    }

    pub(super) fn location(&self, template: Template, key: &str) -> Location {
        Location {
            template,
            beside: None,
            base: self.base.clone(),
            place: self.document.place(key),
        }
    }

    fn sources(&self, specs: BTreeMap<String, SourceSpec>) -> Result<Vec<Source>, JobError> {
        let source = |(name, spec): (String, SourceSpec)| {
            if spec.version.is_some() && spec.format != Format::Delta {
                let message = "only a Delta table has versions";
                return Err(self.wrong(&format!("sources.{name}.version"), message));
            }
            Ok(Source {
                location: self.location(spec.location, &format!("sources.{name}.location")),
                name,
                format: spec.format,
                version: spec.version,
                time_column: spec.time_column,
                options: spec.options,
            })
        };
        specs.into_iter().map(source).collect()
    }

    /// How features are spoken of.
    fn sentences(
        &self,
        texts: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Sentence>, JobError> {
        let sentence = |(feature, text): (String, String)| match Sentence::parse(&text) {
            Ok(sentence) => Ok((feature, sentence)),
            Err(message) => Err(JobError::Value {
                place: self.document.place_in("features.text", &feature),
                message,
            }),
        };
        texts.into_iter().map(sentence).collect()
    }

    fn sql_files(&self, key: &str, files: &[String]) -> Result<Vec<SqlFile>, JobError> {
        let load =
            |(index, file): (usize, &String)| self.sql_file(&format!("{key}[{index}]"), file);
        files.iter().enumerate().map(load).collect()
    }

    pub(super) fn sql_file(&self, key: &str, file: &str) -> Result<SqlFile, JobError> {
        SqlFile::load(&clean(&self.base.join(file)), &self.place(key))
    }

    /// The folder that relative paths start from.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.document.place(key)
    }

    pub(super) fn place_in(&self, key: &str, name: &str) -> Place {
        self.document.place_in(key, name)
    }

    /// Where the job says, or beside its first sink.
    fn runs(&self, spec: Option<RunsSpec>, sink: &DeltaTarget) -> DeltaTarget {
        match spec {
            Some(spec) => DeltaTarget {
                location: self.location(spec.location, "runs.location"),
                options: spec.options,
            },
            None => DeltaTarget {
                location: sink.location.beside("runs"),
                options: sink.options.clone(),
            },
        }
    }

    /// Where the job says, or beside its first sink.
    fn scratch(&self, scratch: Option<Template>, sink: &DeltaTarget) -> DeltaTarget {
        DeltaTarget {
            location: match scratch {
                Some(scratch) => self.location(scratch, "engine.scratch"),
                None => sink.location.beside("scratch"),
            },
            options: sink.options.clone(),
        }
    }

    fn report(&self, spec: ReportSpec) -> Report {
        Report {
            html: spec.html.map(|html| self.location(html, "report.html")),
            count_by: spec.count_by,
            heat_map_by: spec.heat_map_by,
        }
    }
}

pub(super) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && name.chars().all(is_allowed)
}
