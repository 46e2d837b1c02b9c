//! Whether a model and a job are each other's, and what became of the job since.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{ModelError, ModelRun, SavedModel, SourceVersion};
use crate::job::{Job, Scaler};
use crate::run_id::RunId;

impl ModelRun {
    /// The run, as its model tells of it.
    pub fn new(job: &Job, run: &RunId) -> Self {
        let sources = run.sources.iter().map(|source| SourceVersion {
            name: source.name.clone(),
            version: source.version.clone(),
        });
        Self {
            id: run.id.clone(),
            job: job.name.clone(),
            job_digest: run.job_digest.clone(),
            as_of: run.interval.as_of,
            train_start: run.interval.train_start,
            train_end: run.interval.train_end,
            sources: sources.collect(),
            steps: steps(job),
            parameters: parameters(job),
            crannog: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl SavedModel {
    /// Whether it can judge what the job makes.
    ///
    /// # Errors
    /// It is another job's, or has other columns, another scaler or other dictionaries.
    pub fn check(&self, job: &Job) -> Result<(), ModelError> {
        if self.run.job != job.name {
            return Err(ModelError::OtherJob {
                other: self.run.job.clone(),
            });
        }
        let columns = self.forest.feature_names();
        if columns != job.features.columns {
            return Err(ModelError::OtherColumns {
                learnt: columns.to_vec(),
                found: job.features.columns.clone(),
            });
        }
        match (&self.scales, job.features.scaler) {
            (Some(_), Some(Scaler::Standard)) | (None, None) => {}
            (learnt, _) => {
                return Err(ModelError::OtherScaler {
                    learnt: learnt.is_some(),
                });
            }
        }
        let mut kept: Vec<_> = self
            .dictionaries
            .iter()
            .map(|kept| kept.name.clone())
            .collect();
        let mut named = job.model.dictionaries.clone();
        kept.sort();
        named.sort();
        match kept == named {
            true => Ok(()),
            false => Err(ModelError::OtherDictionaries { kept, named }),
        }
    }

    /// What is said otherwise now than when it was learnt, of all that makes the feature columns.
    pub fn changes(&self, job: &Job) -> Vec<String> {
        let changed = |before: &BTreeMap<String, String>, now: &BTreeMap<String, String>| {
            let names = before
                .keys()
                .chain(now.keys().filter(|name| !before.contains_key(*name)));
            let names = names.filter(|name| before.get(*name) != now.get(*name));
            names.cloned().collect::<Vec<_>>()
        };
        // The SQL of a dictionary has done its work.
        let steps = changed(&self.run.steps, &steps(job));
        let steps = steps.into_iter().filter(|step| !job.is_dictionary(step));
        let steps = steps.map(|step| format!("the SQL of `{step}`"));
        let parameters = changed(&self.run.parameters, &parameters(job));
        let parameters = parameters.into_iter().map(|name| format!("`${name}`"));
        steps.chain(parameters).collect()
    }
}

/// A digest of each SQL file before the model.
fn steps(job: &Job) -> BTreeMap<String, String> {
    let step = |step: &crate::job::SqlFile| {
        let digest = crate::hex(&Sha256::digest(&step.text)[..8]);
        (step.name.clone(), digest)
    };
    job.features.sql.iter().map(step).collect()
}

/// What SQL's answers depend on besides the time.
fn parameters(job: &Job) -> BTreeMap<String, String> {
    let own = job.parameters.iter();
    let own = own.map(|(name, value)| (name.clone(), value.to_string()));
    let window = [
        ("bucket", job.window.bucket.as_str()),
        ("timezone", job.window.timezone.name()),
    ];
    let window = window.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(window).collect()
}
