//! The steps of a run on a cluster: where each is worked on, and what of it comes here.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

use super::counted::Counted;
use super::pieces::{bytes_read, planned};
use super::{Pipeline, bare, misfit, stopped};
use crate::cluster::{Cluster, ClusterError, Folder, JobProgress, KeptRows};
use crate::error::{Error, Result, causes};
use crate::job::{SqlFile, resolve_options};
use crate::judgement;
use crate::model::Dictionary;
use crate::progress::{Progress, Volume};
use crate::source;

/// What is made of a plan.
type Made = Result<Arc<dyn ExecutionPlan>, DataFusionError>;

/// The rows as a step makes them.
pub(super) fn as_made(rows: Arc<dyn ExecutionPlan>, _: usize) -> Made {
    Ok(rows)
}

impl Pipeline<'_> {
    /// Whether the job works on a cluster.
    pub fn is_on_cluster(&self) -> bool {
        self.job.engine.cluster.is_some()
    }

    /// Connects to the cluster, where the job works on one; what it keeps there is told from others' by the run.
    pub async fn connect(&mut self, run: &str) -> Result<()> {
        let Some(location) = &self.job.engine.cluster else {
            return Ok(());
        };
        let target = &self.job.scratch;
        let scratch = target.location.resolve()?;
        let options = resolve_options(&target.options, &target.location.place)?;
        let (store, path) = source::register_folder(&self.ctx, &scratch, &options)
            .map_err(|error| source::blame("scratch", &target.location.to_string(), error))?;
        let name = format!("{run}-{:08x}", rand::random::<u32>());
        let folder = Folder {
            store,
            path: format!("{path}/{name}"),
        };
        let cluster = Cluster::connect(&self.ctx, location, folder).await;
        self.cluster = Some(Arc::new(cluster.map_err(Error::Cluster)?));
        Ok(())
    }

    /// The cluster of a run on one.
    pub(super) fn connected(&self) -> &Arc<Cluster> {
        self.cluster
            .as_ref()
            .expect("a run on a cluster is connected")
    }

    /// Takes away what the run has kept on the cluster.
    pub async fn disconnect(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.clean().await;
        }
    }

    /// The cluster that works on a file, if it does: on all before the model; after it, on what reads sources, and asks nothing
    /// of the judgement, which is here.
    pub(super) fn cluster_for(
        &self,
        file: &SqlFile,
        plan: &Arc<dyn ExecutionPlan>,
    ) -> Option<&Arc<Cluster>> {
        let is_before = self
            .job
            .features
            .sql
            .iter()
            .any(|step| step.name == file.name);
        let is_there = is_before || (bytes_read(plan) > 0 && !judgement::is_asked(&file.calls));
        self.cluster.as_ref().filter(|_| is_there)
    }

    /// Computes a step on the cluster, where its rows stay; `then` says what is made of them, in so many partitions, before they
    /// are kept.
    pub(super) async fn keep(
        &self,
        file: &SqlFile,
        rows: DataFrame,
        then: impl FnOnce(Arc<dyn ExecutionPlan>, usize) -> Made,
        progress: &mut Progress,
    ) -> Result<KeptRows> {
        let cluster = self.connected();
        let unplanned = |error| misfit(&self.ctx, &file.path, &error);
        let (plan, task) = planned(rows).await.map_err(unplanned)?;
        let plan = then(plan, task.session_config().target_partitions());
        let plan = plan.map_err(|error| stopped(file, error))?;
        let seen = JobProgress::default();
        let kept = cluster.keep(&file.name, plan, &task, &seen);
        let kept = watch(progress, &file.name, &seen, kept);
        kept.await.map_err(|error| stopped(file, error))
    }

    /// The same, as a table; the rows of a dictionary come here, for the model that the run learns.
    pub(super) async fn keep_step(
        &mut self,
        file: &SqlFile,
        rows: DataFrame,
        progress: &mut Progress,
    ) -> Result<()> {
        let counted = Counted::of(rows.logical_plan()).map_err(|error| stopped(file, error))?;
        let kept = self
            .keep_checked(file, rows, as_made, counted.as_ref(), progress)
            .await?;
        let failed = |error| stopped(file, error);
        if self.job.is_dictionary(&file.name) {
            let rows = self
                .ctx
                .read_table(Arc::new(kept.clone()))
                .map_err(failed)?;
            let schema = Arc::clone(rows.schema().inner());
            let rows = rows.collect().await.map_err(failed)?;
            let dictionary = Dictionary::try_new(file.name.clone(), &schema, &rows);
            let dictionary = dictionary.map_err(|error| stopped(file, error.into()))?;
            self.dictionaries.push(dictionary);
        }
        self.ctx
            .register_table(bare(&file.name), Arc::new(kept))
            .map_err(failed)?;
        Ok(())
    }

    /// The same; what does not add up is made again, once: an executor may have been lost in the midst of it.
    pub(super) async fn keep_checked(
        &self,
        file: &SqlFile,
        rows: DataFrame,
        then: impl Fn(Arc<dyn ExecutionPlan>, usize) -> Made,
        counted: Option<&Counted>,
        progress: &mut Progress,
    ) -> Result<KeptRows> {
        let Some(counted) = counted else {
            return self.keep(file, rows, then, progress).await;
        };
        let kept = self.keep(file, rows.clone(), &then, progress).await?;
        let Err(error) = self.add_up(file, &kept, counted, progress).await else {
            return Ok(kept);
        };
        tracing::warn!("{}; it is made again", causes(&error).join(": "));
        let kept = self.keep(file, rows, then, progress).await?;
        self.add_up(file, &kept, counted, progress).await?;
        Ok(kept)
    }

    /// Looks whether a step has counted each row once.
    async fn add_up(
        &self,
        file: &SqlFile,
        kept: &KeptRows,
        counted: &Counted,
        progress: &mut Progress,
    ) -> Result<()> {
        let failed = |error| stopped(file, error);
        let total = self.ctx.read_table(Arc::new(kept.clone()));
        let total = total.and_then(|rows| rows.aggregate(Vec::new(), vec![counted.total()]));
        let total = total.map_err(failed)?;
        let rows_in = DataFrame::new(self.ctx.state(), counted.rows_in.clone());
        let both = rows_in.union(total).map_err(failed)?;
        let cluster = self.connected();
        let (plan, task) = planned(both).await.map_err(failed)?;
        let stage = format!("{} adds up", file.name);
        let rows = self.fetch(cluster, &stage, plan, &task, progress).await;
        let rows = rows.map_err(failed)?.concat();
        let counts = rows.iter().flat_map(|rows| {
            let counts = rows.column(0).as_primitive::<Int64Type>().iter();
            counts.map(Option::unwrap_or_default).collect::<Vec<_>>()
        });
        match counts.collect::<Vec<_>>()[..] {
            [a, b] if a == b => Ok(()),
            ref other => Err(failed(DataFusionError::External(Box::new(
                ClusterError::Wrong {
                    what: format!(
                        "the rows of `{}` and the sum of its counts are {other:?}",
                        file.name
                    ),
                },
            )))),
        }
    }

    /// Runs a plan on the cluster; its rows come here.
    pub(super) async fn fetch(
        &self,
        cluster: &Cluster,
        stage: &str,
        plan: Arc<dyn ExecutionPlan>,
        task: &Arc<datafusion::execution::TaskContext>,
        progress: &mut Progress,
    ) -> Result<Vec<Vec<RecordBatch>>, DataFusionError> {
        let seen = JobProgress::default();
        watch(
            progress,
            stage,
            &seen,
            cluster.collect(stage, plan, task, &seen),
        )
        .await
    }
}

/// Shows how far the cluster is.
pub(super) async fn watch<T>(
    progress: &mut Progress,
    stage: &str,
    seen: &JobProgress,
    work: impl Future<Output = Result<T, DataFusionError>>,
) -> Result<T, DataFusionError> {
    let volume = || {
        let (rows, bytes) = seen.volume();
        Volume { rows, bytes }
    };
    let told = |_| seen.to_string();
    progress.watch_told(stage, work, volume, told).await
}
