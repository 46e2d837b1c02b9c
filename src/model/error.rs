//! Why a model cannot be saved, or a file is none.

use std::io;

use crate::blame::{Blame, blame_of};
use crate::folder::FolderError;
use crate::forest::PartsError;
use crate::job::JobError;

/// Why a model cannot be saved, or a file is none.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The job says something that cannot be resolved.
    #[error(transparent)]
    Job(#[from] JobError),
    /// No file is there.
    #[error("no model is there")]
    NotThere,
    /// The file cannot be read or written.
    #[error("it cannot be read or written")]
    File(#[source] io::Error),
    /// The object store refuses.
    #[error("it cannot be read or written")]
    Store(#[source] object_store::Error),
    /// The object store cannot be opened.
    #[error("the place cannot be opened")]
    Place(#[source] deltalake::DeltaTableError),
    /// The file is something else.
    #[error("it is not a model of crannog")]
    NoModel,
    /// The file has another format.
    #[error("its format is {found}, which this version of crannog does not know")]
    Format {
        /// The number it has.
        found: u32,
    },
    /// The file does not unpack.
    #[error("it is cut off or damaged")]
    Damaged(#[source] io::Error),
    /// More stands in the file than a model.
    #[error("something stands behind its end")]
    Surplus,
    /// More text than a model is.
    #[error("it is larger than {} MiB unpacked", most >> 20)]
    TooLarge {
        /// The most bytes.
        most: u64,
    },
    /// More values than a model has.
    #[error("it has more than {most} values")]
    TooManyValues {
        /// The most values.
        most: usize,
    },
    /// More trees than a file is read with.
    #[error("it has more than {most} trees")]
    TooManyTrees {
        /// The most trees.
        most: usize,
    },
    /// The text has not a model's shape.
    #[error("what it says is not a model")]
    Json(#[source] serde_json::Error),
    /// The lists of a tree do not fit each other.
    #[error("tree {tree}: its lists do not have an entry for each node")]
    Nodes {
        /// Counted from 0.
        tree: usize,
    },
    /// The scaler does not fit the columns.
    #[error("its scaler has not a mean, a variance and a scale for each feature")]
    ScalerLength,
    /// Not a value for each feature.
    #[error("it has not a typical value for each feature")]
    Typical,
    /// Scores that no rows have.
    #[error("its training scores are no forest's")]
    TrainingScores,
    /// The scaler would make no numbers of numbers.
    #[error("its scaler has a mean, a variance or a scale that no column has")]
    Scaler,
    /// The file is another run's.
    #[error("the model in it is that of the run `{run}`")]
    OtherRun {
        /// Whose it is.
        run: String,
    },
    /// The forest is none.
    #[error("its forest is none")]
    Forest(#[from] PartsError),
    /// A dictionary is none.
    #[error("dictionary `{name}`: {problem}")]
    Dictionary {
        /// The step.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// It was learnt by another job.
    #[error("it is a model of the job `{other}`")]
    OtherJob {
        /// That job.
        other: String,
    },
    /// It judges other columns.
    #[error(
        "it judges the columns {}, and the job makes {}",
        listed(learnt),
        listed(found)
    )]
    OtherColumns {
        /// What it learnt.
        learnt: Vec<String>,
        /// What the job names.
        found: Vec<String>,
    },
    /// It learnt from scaled columns, or the job scales and it did not.
    #[error("it was learnt {} a scaler", if *learnt { "with" } else { "without" })]
    OtherScaler {
        /// Whether it has a scaler.
        learnt: bool,
    },
    /// It holds other steps than the job takes from it.
    #[error(
        "its dictionaries are {}, and the job's {}",
        listed(kept),
        listed(named)
    )]
    OtherDictionaries {
        /// What it holds.
        kept: Vec<String>,
        /// What the job names.
        named: Vec<String>,
    },
    /// A dictionary has other columns than its step makes.
    #[error(
        "its dictionary `{name}` has the columns {}, and the step makes {}",
        listed(kept),
        listed(made)
    )]
    OtherDictionary {
        /// The step.
        name: String,
        /// What it holds.
        kept: Vec<String>,
        /// What the step's SQL makes.
        made: Vec<String>,
    },
    /// The run was judged by another run's model.
    #[error("the run `{run}` was judged by the model of `{model}`, and has none of its own")]
    NotItsOwn {
        /// The run.
        run: String,
        /// The run whose model it is.
        model: String,
    },
    /// A column that no file can hold.
    #[error("column `{column}` of `{dictionary}` is {found}, which a model cannot hold")]
    Unstorable {
        /// The step.
        dictionary: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
}

/// `a`, `b`, or "none".
fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => {
            let names = names.iter().map(|name| format!("`{name}`"));
            names.collect::<Vec<_>>().join(", ")
        }
    }
}

impl From<FolderError> for ModelError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Job(error) => Self::Job(error),
            FolderError::Place(error) => Self::Place(error),
            FolderError::File(error) => Self::File(error),
            FolderError::Store(error) => Self::Store(error),
        }
    }
}

impl ModelError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Job(_)
            | Self::NotThere
            | Self::OtherJob { .. }
            | Self::OtherColumns { .. }
            | Self::OtherScaler { .. }
            | Self::OtherDictionaries { .. }
            | Self::OtherDictionary { .. }
            | Self::NotItsOwn { .. } => Blame::Job,
            Self::File(error) => blame_of(error),
            Self::Store(error) => blame_of(error),
            Self::Place(error) => blame_of(error),
            _ => Blame::Data,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Job(error) => return error.hint(),
            Self::File(_) | Self::Store(_) | Self::Place(_) => return None,
            Self::NotThere => {
                "a run that succeeded and was not given a model saves its own: `crannog runs JOB` lists them"
            }
            Self::Format { .. } => "use the version of crannog that wrote it, or a later one",
            Self::NotItsOwn { model, .. } => {
                return Some(format!("judge by that one: `--model {model}`"));
            }
            Self::OtherJob { .. } => "`crannog runs JOB` lists the runs of this job",
            Self::OtherColumns { .. }
            | Self::OtherScaler { .. }
            | Self::OtherDictionaries { .. }
            | Self::OtherDictionary { .. } => {
                "judge by the model of a run since the job became another: `crannog runs JOB` lists them"
            }
            Self::Unstorable { .. } => {
                "cast it in SQL to a number, a text, a boolean or a time, or leave the step out of [model] dictionaries"
            }
            Self::TooLarge { .. } | Self::TooManyValues { .. } | Self::TooManyTrees { .. } => {
                "a smaller forest (`n_estimators`, `max_samples`) or smaller dictionaries make a smaller model"
            }
            _ => "restore the file, or judge by the model of another run",
        };
        Some(hint.to_owned())
    }
}
