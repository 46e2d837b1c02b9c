//! What can go wrong, one variant for each arrow of the line, and what a scheduler should do about it.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use datafusion::error::DataFusionError;

use crate::backfill::BackfillError;
use crate::blame::{Blame, blame_of, is_gone};
use crate::cluster::ClusterError;
use crate::delivery::{Delivered, DeliveryError};
use crate::display::without_layers;
use crate::evaluate::EvaluateError;
use crate::features::FeatureError;
use crate::feedback::FeedbackError;
use crate::forest::ForestError;
use crate::import::ImportError;
use crate::incremental::KeptError;
use crate::job::{JobError, as_written};
use crate::model::ModelError;
use crate::output_file::OutputFileError;
use crate::page::PageError;
use crate::runs::RunsError;
use crate::sinks::SinkError;
use crate::source::{SourceError, UnreadableFile};

/// The result of a library call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The job file or the SQL it names is wrong.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The query engine cannot be set up.
    #[error("the query engine cannot start")]
    Session(#[source] DataFusionError),
    /// A source cannot be opened.
    #[error("source `{name}` at `{location}`: {source}")]
    Source {
        /// The name SQL knows it by.
        name: String,
        /// Where it should be.
        location: String,
        /// Why not.
        source: Box<SourceError>,
    },
    /// A SQL file does not fit the tables it reads.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Plan {
        /// The SQL file.
        file: PathBuf,
        /// Line of it, from 1, where known.
        line: Option<u64>,
        /// What does not fit.
        message: String,
        /// What may be meant.
        hint: Option<String>,
    },
    /// A step was planned but did not run to its end.
    #[error("step `{step}` stopped")]
    Step {
        /// The step: a SQL file's name.
        step: String,
        /// Why.
        #[source]
        source: DataFusionError,
    },
    /// The rows cannot be judged as they are.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// What people have said of findings cannot be heeded.
    #[error("`{location}`: {source}")]
    Feedback {
        /// Where it is, as a person may see it.
        location: String,
        /// Why not.
        source: Box<FeedbackError>,
    },
    /// A label cannot be given.
    #[error(transparent)]
    Label(#[from] FeedbackError),
    /// The forest cannot be grown or asked.
    #[error("the isolation forest cannot be used")]
    Forest(#[from] ForestError),
    /// Scores could not be joined to their rows.
    #[error("the scored rows cannot be built")]
    Scored(#[source] arrow::error::ArrowError),
    /// The findings could not be written.
    #[error("sink `{location}`: {source}")]
    Sink {
        /// Where they should go.
        location: String,
        /// Why not.
        source: Box<SinkError>,
    },
    /// Scored, but a sink did not take the findings.
    #[error("sink `{location}`: {source}")]
    Write {
        /// Where they should go.
        location: String,
        /// Why not.
        source: Box<SinkError>,
    },
    /// The report of the run, or its scored rows, could not be written.
    #[error("`{}` cannot be written", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The page of the run, or a chart, could not be written where it should be.
    #[error("`{location}`: {source}")]
    OutputFile {
        /// Where it should be, as a person may see it.
        location: String,
        /// Why it is not.
        source: OutputFileError,
    },
    /// The page of the run, or its charts, could not be made.
    #[error("the page of the run cannot be made")]
    Page(#[from] PageError),
    /// No finding, or more than one, has an id that begins so.
    #[error("{} in the output table {} an id that begins with `{id}`", match found { 0 => "no finding".to_owned(), n => format!("{n} findings") }, if *found == 1 || *found == 0 { "has" } else { "have" })]
    NoFinding {
        /// What was asked for.
        id: String,
        /// How many have it.
        found: usize,
        /// What `crannog query` calls the output table.
        table: String,
        /// The job file.
        job: PathBuf,
    },
    /// What a finding was made of is not in the sources any more.
    #[error("the row of finding `{id}` cannot be made again")]
    FindingGone {
        /// The finding.
        id: String,
    },
    /// The report of an earlier run could not be read.
    #[error("`{}` is not the report of a run", path.display())]
    SavedRun {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The report of an earlier run is another job's.
    #[error("`{}` is the report of the job `{other}`", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        other: String,
    },
    /// The findings of an earlier run are not where it wrote them.
    #[error("the findings of run `{run}` are not where it wrote them")]
    NoFindings {
        /// The run's id.
        run: String,
    },
    /// The table of runs cannot be read or written.
    #[error("table of runs `{location}`: {source}")]
    Runs {
        /// Where it is, as a person may see it.
        location: String,
        /// Why not.
        source: Box<RunsError>,
    },
    /// A model cannot be saved, or judged by.
    #[error("model `{location}`: {source}")]
    Model {
        /// Where it is, as a person may see it.
        location: String,
        /// Why not.
        source: Box<ModelError>,
    },
    /// The table of a step that is kept cannot be read or written.
    #[error("step `{step}`, kept at `{location}`: {source}")]
    Kept {
        /// The step.
        step: String,
        /// Where its table is, as a person may see it.
        location: String,
        /// Why not.
        source: Box<KeptError>,
    },
    /// The outbox cannot be kept, or a receiver not be sent to at all.
    #[error("outbox `{location}`: {source}")]
    Delivery {
        /// Where it is, as a person may see it.
        location: String,
        /// Why not.
        source: Box<DeliveryError>,
    },
    /// Receivers did not take what was sent.
    #[error("not delivered: {}", undelivered(.0))]
    Undelivered(Vec<Delivered>),
    /// Stdout does not take what there is to say.
    #[error("the answer cannot be printed")]
    Print(#[source] arrow::error::ArrowError),
    /// Days cannot be filled.
    #[error(transparent)]
    Backfill(#[from] BackfillError),
    /// Rankings cannot be judged.
    #[error(transparent)]
    Evaluate(Box<EvaluateError>),
    /// The cluster cannot be reached, or cannot be set up.
    #[error("the cluster cannot be used")]
    Cluster(#[source] DataFusionError),
    /// A server of the cluster cannot be started.
    #[error("the {server} cannot run: {why}")]
    Server {
        /// `scheduler` or `executor`.
        server: &'static str,
        /// Why not.
        why: String,
    },
    /// Files could not be imported.
    #[error(transparent)]
    Import(Box<ImportError>),
    /// The demo data could not be written.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// It was told to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a command ended before its work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// SIGINT: a person pressed Ctrl-C.
    #[error("stopped by SIGINT")]
    Interrupted,
    /// SIGTERM: a scheduler wants its machine back.
    #[error("stopped by SIGTERM")]
    Terminated,
    /// It holds as much memory as it may.
    #[error("stopped at {limit} of memory")]
    OutOfMemory {
        /// How much it may hold.
        limit: ByteSize,
    },
    /// Its time is over.
    #[error("stopped after {}", humantime::format_duration(*limit))]
    TimedOut {
        /// How long it was allowed to take.
        limit: Duration,
    },
}

impl Stopped {
    fn blame(self) -> Blame {
        match self {
            Self::Interrupted => Blame::Interrupt,
            Self::Terminated => Blame::Terminate,
            Self::OutOfMemory { .. } | Self::TimedOut { .. } => Blame::Outside,
        }
    }

    fn hint(self) -> Option<String> {
        let hint = match self {
            Self::Interrupted | Self::Terminated => return None,
            Self::OutOfMemory { .. } => {
                "give it a larger [engine] memory_limit, or less to hold: a step that is kept by days ([incremental.STEP]), a shorter [window] train, fewer threads"
            }
            Self::TimedOut { .. } => "give it a longer `--timeout`, or more threads",
        };
        Some(hint.to_owned())
    }
}

impl Error {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_) | Self::Plan { .. } | Self::Backfill(_) => Blame::Job,
            Self::SavedRun { .. }
            | Self::OtherRun { .. }
            | Self::NoFindings { .. }
            | Self::NoFinding { .. }
            | Self::FindingGone { .. } => Blame::Data,
            Self::Features(error) => error.blame(),
            Self::Feedback { source, .. } => source.blame(),
            Self::Label(error) => error.blame(),
            Self::Write { .. } | Self::Undelivered(_) => Blame::Sink,
            Self::Forest(_) => Blame::Job,
            Self::Source { source, .. } => source.blame(),
            Self::Sink { source, .. } => source.blame(),
            Self::OutputFile { source, .. } => source.blame(),
            Self::Step { source, .. } | Self::Cluster(source) => blame_of(source),
            Self::Session(_)
            | Self::Scored(_)
            | Self::Print(_)
            | Self::Page(_)
            | Self::Server { .. }
            | Self::Report { .. } => Blame::Outside,
            Self::Runs { source, .. } => source.blame(),
            Self::Model { source, .. } => source.blame(),
            Self::Kept { source, .. } => source.blame(),
            Self::Delivery { source, .. } => source.blame(),
            Self::Evaluate(error) => error.blame(),
            Self::Import(error) => error.blame(),
            Self::Demo(error) => error.blame(),
            Self::Stopped(reason) => reason.blame(),
        }
    }

    /// What to do next, in one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Job(error) => error.hint(),
            Self::Plan { hint, .. } => hint.clone(),
            Self::Source { source, .. } => source.hint(),
            Self::Sink { source, .. } | Self::Write { source, .. } => source.hint(),
            Self::OutputFile { source, .. } => Some(source.hint()),
            Self::Features(error) => error.hint(),
            Self::Feedback { source, .. } => source.hint(),
            Self::Label(error) => error.hint(),
            Self::Forest(error) => error.hint(),
            Self::Runs { source, .. } => source.hint(),
            Self::Model { source, .. } => source.hint(),
            Self::Kept { source, .. } => source.hint(),
            Self::Delivery { source, .. } => source.hint(),
            Self::Undelivered(_) => Some("nothing is lost: `crannog send JOB` and the next run send what waits".to_owned()),
            Self::Evaluate(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Demo(error) => error.hint(),
            Self::Stopped(reason) => reason.hint(),
            Self::Step { source, .. } => cluster_hint(source).or_else(|| step_hint(source)),
            Self::Cluster(source) => cluster_hint(source),
            Self::SavedRun { .. } => Some(
                "`crannog run` writes it; name another one's report with `--results FILE`".to_owned(),
            ),
            Self::OtherRun { .. } => Some(
                "give each job an output folder of its own, or name a report of this job with `--results FILE`"
                    .to_owned(),
            ),
            Self::NoFinding { found: 0, table, job, .. } => Some(format!(
                "`crannog query 'SELECT finding_id FROM \"{table}\"' --job {}` lists them",
                job.display()
            )),
            Self::NoFinding { .. } => Some("write more of the id".to_owned()),
            Self::FindingGone { .. } => Some(
                "the sources have lost its events since, or the job's SQL has changed".to_owned(),
            ),
            Self::NoFindings { .. } => {
                Some("the job's first sink names another table, or the run's days were replaced since and `crannog maintain` removed its files".to_owned())
            }
            Self::Session(_)
            | Self::Backfill(_)
            | Self::Scored(_)
            | Self::Print(_)
            | Self::Page(_)
            | Self::Report { .. } => None,
            Self::Server { server: "executor", .. } => Some("does the scheduler run (`--scheduler`), and are the ports free (`--port`, `--health-port`)?".to_owned()),
            Self::Server { .. } => Some("is the port free (`--port`)?".to_owned()),
        }
    }
}

fn undelivered(receivers: &[Delivered]) -> String {
    let waits = |receiver: &Delivered| {
        let why = receiver.error.as_deref()?;
        let waiting = match receiver.waiting {
            0 => String::new(),
            waiting => format!(" ({waiting} wait)"),
        };
        Some(format!("sink `{}`{waiting}: {why}", receiver.sink))
    };
    receivers
        .iter()
        .filter_map(waits)
        .collect::<Vec<_>>()
        .join("; ")
}

/// What went wrong, and each cause below it, in words that may be shown: each once, since a wrapper often repeats what it
/// wraps.
pub fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = as_written(&without_layers(&error.to_string()));
        if !causes.iter().any(|told| told.contains(&text)) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes
}

/// What to do about work on a cluster.
fn cluster_hint(error: &DataFusionError) -> Option<String> {
    ClusterError::within(error).and_then(ClusterError::hint)
}

pub(crate) fn step_hint(error: &DataFusionError) -> Option<String> {
    let hint = match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            "give the run more memory ([engine] memory_limit, where it is set), keep a step by days ([incremental.STEP]), or shorten [window] train"
        }
        _ if blame_of(error) == Blame::Outside => {
            "a file could not be read: look at its permissions and at the network, then run again"
        }
        DataFusionError::ParquetError(error) if is_gone(&error.to_string()) => {
            "a file of the table is gone: restore it, or remove it from the table's log"
        }
        DataFusionError::ParquetError(_) => {
            "a Parquet file is cut off or not Parquet: restore it, or remove it from the table"
        }
        DataFusionError::External(error) if error.is::<UnreadableFile>() => {
            "restore the file or remove it; without `--strict` it is named, and what else it holds is read"
        }
        DataFusionError::ArrowError(_, _) => "a value does not fit the type that the SQL asks for",
        _ => return None,
    };
    Some(hint.to_owned())
}
