//! What makes a run the run it is.

use sha2::{Digest, Sha256};

use crate::job::{Interval, Job};
use crate::source::SourceSummary;

/// What a run is: the job, its input, its time, and the model if it is an older one. Equal runs make equal findings.
#[derive(Clone, Debug)]
pub struct RunId {
    /// Made of all that is below, so the same run has the same id.
    pub id: String,
    /// [`Job::digest`].
    pub job_digest: String,
    /// What was read.
    pub sources: Vec<SourceSummary>,
    /// When.
    pub interval: Interval,
    /// The older model that judges; `None` where the run learns its own.
    pub model: Option<OlderModel>,
}

/// The model of an earlier run.
#[derive(Clone, Debug)]
pub struct OlderModel {
    /// The id of the run that learnt it.
    pub run: String,
    /// A digest of its file.
    pub digest: String,
}

impl RunId {
    /// The run of this job on these sources in this interval; `feedback` is the digest of what people have said.
    pub fn new(
        job: &Job,
        sources: Vec<SourceSummary>,
        interval: Interval,
        model: Option<OlderModel>,
        feedback: Option<&str>,
    ) -> Self {
        let job_digest = job.digest();
        let mut hasher = Sha256::new();
        hasher.update(format!(
            "{job_digest}\n{}\n",
            interval.as_of.timestamp_micros()
        ));
        for source in &sources {
            hasher.update(format!(
                "{}\n{}\n{}\n",
                source.name, source.identity, source.version
            ));
        }
        if let Some(model) = &model {
            hasher.update(format!("model\n{}\n", model.digest));
        }
        if let Some(feedback) = feedback {
            hasher.update(format!("feedback\n{feedback}\n"));
        }
        let id = crate::hex(&hasher.finalize()[..8]);
        Self {
            id,
            job_digest,
            sources,
            interval,
            model,
        }
    }

    /// The id of the run whose model judges, where it is not this one.
    pub fn model_run(&self) -> Option<String> {
        self.model.as_ref().map(|model| model.run.clone())
    }
}
