//! What makes a run the run it is.

use sha2::{Digest, Sha256};

use crate::job::{Interval, Job};
use crate::source::SourceSummary;

/// What a run is: the job, its input and its time. Equal runs make equal findings.
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
}

impl RunId {
    /// The run of this job on these sources in this interval.
    pub fn new(job: &Job, sources: Vec<SourceSummary>, interval: Interval) -> Self {
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
        let id = crate::hex(&hasher.finalize()[..8]);
        Self {
            id,
            job_digest,
            sources,
            interval,
        }
    }
}
