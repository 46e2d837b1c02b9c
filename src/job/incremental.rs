//! A step that is kept as a Delta table, of which a run computes the days that changed: which step may be one.

use std::collections::BTreeMap;

use super::check::Written;
use super::error::JobError;
use super::spec::{EngineSpec, Format, IncrementalSpec};
use super::window::Window;
use super::{DeltaTarget, Job, Source, SqlFile};

/// The parameters whose values differ from run to run, so that no row that is kept may depend on them.
const OF_THE_RUN: [&str; 3] = ["as_of", "detect_start", "train_end"];

/// `[incremental.NAME]`: the step of that name is kept.
#[derive(Clone, Debug)]
pub struct Incremental {
    /// The step.
    pub step: String,
    /// The column of its rows that says to which day each belongs.
    pub time_column: String,
    /// How many days one query computes at most; unless given one where memory is limited, else all.
    pub batch_size: Option<u32>,
    /// How many of the last days are computed again in each run, whatever the sources say of changes.
    pub lookback: u32,
    /// Where its table is.
    pub table: DeltaTarget,
}

impl Written<'_> {
    pub(super) fn incremental(
        &self,
        specs: BTreeMap<String, IncrementalSpec>,
        window: &Window,
        sink: &DeltaTarget,
        engine: &EngineSpec,
    ) -> Vec<Incremental> {
        // What spills and what does not is the engine's affair; a day at a time is a bound that holds.
        let bounded = engine.memory_limit.map(|_| 1);
        let kept = |(step, spec): (String, IncrementalSpec)| {
            let key = format!("incremental.{step}.location");
            let table = match spec.location {
                Some(location) => DeltaTarget {
                    location: self.location(location, &key),
                    options: spec.options,
                },
                None => DeltaTarget {
                    location: sink.location.beside(format!("steps/{step}")),
                    options: match spec.options.is_empty() {
                        true => sink.options.clone(),
                        false => spec.options,
                    },
                },
            };
            Incremental {
                time_column: spec
                    .time_column
                    .unwrap_or_else(|| window.time_column.clone()),
                batch_size: spec.batch_size.map(Into::into).or(bounded),
                lookback: spec.lookback,
                table,
                step,
            }
        };
        specs.into_iter().map(kept).collect()
    }
}

impl Job {
    /// The step that is kept under this name.
    pub fn kept(&self, step: &str) -> Option<&Incremental> {
        self.incremental.iter().find(|kept| kept.step == step)
    }

    /// The sources that a step reads.
    pub fn sources_of(&self, step: &SqlFile) -> impl Iterator<Item = &Source> {
        let sources = self.sources.iter();
        sources.filter(|source| step.reads.contains_key(&source.name))
    }

    /// A step that is kept has rows of a day that depend on the sources' rows of that day, and on nothing else.
    pub(super) fn check_incremental(&self) -> Result<(), JobError> {
        for kept in &self.incremental {
            let key = format!("incremental.{}", kept.step);
            let wrong = |message: String| {
                let place = self.document.place(&key);
                Err(JobError::Value { place, message })
            };
            let steps = || self.features.sql.iter();
            let Some(step) = steps().find(|step| step.name == kept.step) else {
                return Err(JobError::UnknownName {
                    place: self.document.place(&key),
                    name: kept.step.clone(),
                    expected: "a step of [features] sql".to_owned(),
                    known: steps().map(|step| step.name.clone()).collect(),
                });
            };
            if let Some(other) = steps().find(|other| step.reads.contains_key(&other.name)) {
                return wrong(format!(
                    "`{}` reads the step `{}`: only a step that reads sources alone can be kept by days",
                    step.name, other.name
                ));
            }
            if let Some(name) = OF_THE_RUN
                .iter()
                .find(|name| step.parameters.contains_key(**name))
            {
                return wrong(format!(
                    "`{}` uses `${name}`, which is another one each night: rows that are kept may use `$train_start` and `$detect_end`, which are then the ends of the days that are computed",
                    step.name
                ));
            }
            let unfit =
                |source: &&Source| !matches!(source.format, Format::Delta | Format::Parquet);
            if let Some(source) = self.sources_of(step).find(unfit) {
                return wrong(format!(
                    "`{}` reads `{}`, of whose {} files it is not known to which days they belong: `crannog import` makes a Delta table of them",
                    step.name, source.name, source.format
                ));
            }
            if !self
                .sources_of(step)
                .any(|source| source.time_column.is_some())
            {
                return wrong(format!(
                    "`{}` reads no source whose `time_column` is given: say in [sources.NAME] which column tells a row's day",
                    step.name
                ));
            }
        }
        Ok(())
    }
}
