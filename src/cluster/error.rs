//! Why work on the cluster did not end.

use tonic::{Code, Status};

use crate::blame::{Blame, is_gone};

/// What went wrong between the driver and the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Nobody answers there.
    #[error("{scheduler} does not answer: {why}")]
    Unreachable {
        /// Who.
        scheduler: String,
        /// What the network says.
        why: String,
    },
    /// It has nobody to hand work to.
    #[error("the scheduler at {scheduler} has no executors")]
    NoExecutors {
        /// Its address.
        scheduler: String,
    },
    /// What steps make has no place.
    #[error("the scratch folder {folder} cannot be written: {why}")]
    Scratch {
        /// The folder.
        folder: String,
        /// Why not.
        why: String,
    },
    /// It answers, and does not take the work.
    #[error("the scheduler at {scheduler} does not take the work: {why}")]
    Refused {
        /// Its address.
        scheduler: String,
        /// Why not.
        why: String,
    },
    /// The scheduler does not know of it any more.
    #[error("the scheduler at {scheduler} has lost job {job}")]
    Lost {
        /// Its address.
        scheduler: String,
        /// The cluster's id of the job.
        job: String,
    },
    /// The job failed.
    #[error("job {job} of the cluster failed: {why}")]
    Failed {
        /// The cluster's id of the job.
        job: String,
        /// What the executors say.
        why: String,
    },
    /// An operator that is not run on a cluster.
    #[error("{operator} is not run on a cluster")]
    Unproven {
        /// Its name.
        operator: String,
    },
    /// What came back is not what was sent for.
    #[error("the cluster's answer cannot be right: {what}")]
    Wrong {
        /// What does not add up.
        what: String,
    },
}

impl ClusterError {
    pub(super) fn of(scheduler: &str, status: &Status) -> Self {
        let why = status.message().to_owned();
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                Self::Unreachable {
                    scheduler: format!("the scheduler at {scheduler}"),
                    why,
                }
            }
            _ => Self::Refused {
                scheduler: scheduler.to_owned(),
                why,
            },
        }
    }

    /// The one that an error is or was caused by.
    pub(crate) fn within<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        let causes = std::iter::successors(Some(error), |error| error.source());
        causes.into_iter().find_map(|error| error.downcast_ref())
    }

    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Unproven { .. } | Self::Refused { .. } => Blame::Job,
            Self::Unreachable { .. }
            | Self::NoExecutors { .. }
            | Self::Scratch { .. }
            | Self::Lost { .. }
            | Self::Wrong { .. } => Blame::Outside,
            Self::Failed { why, .. } if is_of_machines(why) => Blame::Outside,
            Self::Failed { .. } => Blame::Data,
        }
    }

    /// Whether the same work may well end if it is asked for again.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            Self::Failed { why, .. } => is_of_machines(why),
            _ => false,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Unreachable { .. } => {
                    "does `crannog scheduler` run there, and may this machine reach its port? Without `--cluster` the job runs here"
                }
                Self::NoExecutors { .. } => {
                    "start some: `crannog executor --scheduler df://HOST:PORT`; their logs say why they do not reach it"
                }
                Self::Scratch { .. } => {
                    "name a folder with [engine] scratch that this program and every executor reach under the same name, and may write"
                }
                Self::Refused { .. } => {
                    "scheduler, executors and this program must be of the same version of crannog, and a plan have less than 256 MiB: fewer files, a smaller forest"
                }
                Self::Lost { .. } => "was it restarted? Run again: no table was touched",
                Self::Failed { .. } if self.is_passing() => {
                    "executors were lost, or their disks are full: look at their logs, and run again: no table was touched"
                }
                Self::Failed { .. } => "the logs of the executors say more",
                Self::Unproven { .. } => {
                    "write the step without it, or run the job without `--cluster`"
                }
                Self::Wrong { .. } => {
                    "no table was touched. Run again; should it come again, run without `--cluster` and report it"
                }
            }
            .to_owned(),
        )
    }
}

/// Whether the words of a failed job are about its machines, and not about its data.
fn is_of_machines(why: &str) -> bool {
    let words = [
        "scratch folder",
        "ExecutorLost",
        "executors were lost",
        "FetchFailed",
        "fetch partition",
        "Io error",
        "IO error",
        "(os error",
        "tcp connect error",
        "transport error",
        "Resources exhausted",
        "Object Store error",
    ];
    words.iter().any(|words| why.contains(words)) && !is_gone(why)
}
