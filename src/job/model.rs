//! What a run keeps of its model, and where.

use std::collections::BTreeMap;

use super::check::Written;
use super::error::JobError;
use super::location::Location;
use super::spec::ModelSpec;
use super::template::Template;
use super::{DeltaTarget, Job};

/// The `[model]` table.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// The steps whose rows belong to the model.
    pub dictionaries: Vec<String>,
    /// The folder with a file for each run.
    pub location: Location,
    /// Settings of the object store.
    pub options: BTreeMap<String, Template>,
}

impl Written<'_> {
    /// Where the job says, or beside its table of runs.
    pub(super) fn model(&self, spec: ModelSpec, runs: &DeltaTarget) -> ModelFiles {
        let (location, options) = match spec.location {
            Some(location) => (self.location(location, "model.location"), spec.options),
            None if spec.options.is_empty() => {
                (runs.location.beside("models"), runs.options.clone())
            }
            None => (runs.location.beside("models"), spec.options),
        };
        ModelFiles {
            dictionaries: spec.dictionaries,
            location,
            options,
        }
    }
}

impl Job {
    /// Whether the rows of this step belong to the model.
    pub fn is_dictionary(&self, step: &str) -> bool {
        self.model.dictionaries.iter().any(|name| name == step)
    }

    /// A dictionary is a step before the model, and not the one that makes what is judged.
    pub(super) fn check_dictionaries(&self) -> Result<(), JobError> {
        let (last, steps) = (self.last_step(), &self.features.sql);
        for (index, name) in self.model.dictionaries.iter().enumerate() {
            let place = || {
                let key = format!("model.dictionaries[{index}]");
                self.document.place(&key)
            };
            if *name == last.name {
                let message = format!(
                    "`{name}` makes the rows that are judged: a model keeps the steps that they are made with"
                );
                return Err(JobError::Value {
                    place: place(),
                    message,
                });
            }
            if !steps.iter().any(|step| step.name == *name) {
                let steps = steps.iter().filter(|step| step.name != last.name);
                return Err(JobError::UnknownName {
                    place: place(),
                    name: name.clone(),
                    expected: "a step of [features] sql before the last".to_owned(),
                    known: steps.map(|step| step.name.clone()).collect(),
                });
            }
        }
        Ok(())
    }
}
