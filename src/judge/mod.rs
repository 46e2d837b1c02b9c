//! From the rows to judge to the judged rows: grow a forest or take an older one, score, rank, and tell who learnt from whom.
//!
//! [`here`]: all rows are in this process. [`spread`]: they are where a cluster made them, and those alone come here that the
//! SQL after the model asks for. What is said of a row is the same, to the last bit.

mod here;
mod spread;

pub(crate) use here::fit_score;

use crate::error::Result;
use crate::forest::{ColumnScale, IsolationForest, TrainingScores};
use crate::job::Job;
use crate::judgement::Judgement;
use crate::model::{LoadedModel, ModelRun, SavedModel};
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::report::ModelSummary;
use crate::run_id::RunId;
use crate::scoring::Scored;

/// The judged rows of a run, and what judged them.
pub(crate) struct Judged {
    /// The rows; of a run on a cluster, those that the SQL after the model may ask for.
    pub scored: Scored,
    /// What the functions of that SQL tell.
    pub judgement: Judgement,
    /// What is told of the model.
    pub model: ModelSummary,
    /// The model that the run learnt; none where an older one judged.
    pub learnt: Option<SavedModel>,
}

/// Judges the rows of the SQL before the model.
pub(crate) async fn judge(
    job: &Job,
    run: &RunId,
    pipeline: &mut Pipeline<'_>,
    older: Option<&LoadedModel>,
    progress: &mut Progress,
) -> Result<Judged> {
    match pipeline.is_on_cluster() {
        false => here::judge(job, run, pipeline, older, progress).await,
        true => spread::judge(job, run, pipeline, older, progress).await,
    }
}

/// What a run keeps of the forest that it grew.
fn learnt(
    job: &Job,
    run: &RunId,
    forest: IsolationForest,
    scales: Option<Vec<ColumnScale>>,
    training_scores: Option<TrainingScores>,
    typical: Option<Vec<Option<f64>>>,
    pipeline: &mut Pipeline<'_>,
) -> SavedModel {
    SavedModel {
        run: ModelRun::new(job, run),
        forest,
        scales,
        training_scores,
        typical,
        dictionaries: pipeline.take_dictionaries(),
    }
}
