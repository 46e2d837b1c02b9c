//! Many machines: the same plans, on a cluster of Apache DataFusion Ballista.
//!
//! The driver is the run itself. It plans as always, and hands the plans of its steps to a scheduler, whose executors do the
//! work where they are. What a step makes stays there, as files of a scratch folder that all can reach (`keep`); what the
//! driver asks for comes back. Tables are written by the driver alone.
//!
//! An executor, or the scheduler, may go at any time: a task is done again by another executor, and a plan whose job is lost
//! is handed in again, a few times, since the rows of the steps before it are still in their files.

mod client;
mod codec;
mod error;
mod health;
mod keep;
mod kept_rows;
mod leaves;
mod number;
mod proven;
mod score;
mod server;
mod stages;
mod views;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use ballista_core::extension::SessionConfigExt;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::blame::{Blame, blame_of};
use crate::job::Scheduler;

use client::{Client, Made, external};
pub use error::ClusterError;
pub(crate) use keep::Folder;
use keep::{KeepExec, files};
pub(crate) use kept_rows::KeptRows;
pub(crate) use number::{NUMBER, REPEATED, numbered};
pub(crate) use score::Score;
pub use server::{ExecutorOptions, SchedulerOptions, executor, scheduler};

/// What one message between two processes of a cluster may have: a plan has some 200 bytes for each file that it reads.
const MESSAGE_BYTES: usize = 256 << 20;
/// A plan is handed in so often before the run gives up.
const TRIES: u32 = 4;
/// The pause before it is handed in again; each time as long again.
const PAUSE: Duration = Duration::from_secs(3);
/// A join copies its left side to all executors up to this size: the author of the SQL has put the small side there.
const BROADCAST_BYTES: usize = 1 << 30;
/// What is less is not worth a piece of the work of its own: it is read and grouped in a second or two.
const PIECE_BYTES: usize = 16 << 20;

/// A cluster, and the scratch folder of one run on it.
#[derive(Debug)]
pub(crate) struct Cluster {
    client: Client,
    scratch: Folder,
    store: Arc<dyn ObjectStore>,
    /// What the cluster still has on its disks for this run.
    jobs: Mutex<Vec<String>>,
}

/// How far the cluster is.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobProgress(Arc<Mutex<Seen>>);

#[derive(Clone, Debug, Default)]
struct Seen {
    job: String,
    planned: usize,
    stages: usize,
    tasks: u64,
    rows: u64,
    bytes: u64,
}

impl JobProgress {
    fn planned(&self, stages: usize) {
        self.seen().planned = stages;
    }

    fn begin(&self, job: &str) {
        let mut seen = self.seen();
        *seen = Seen {
            job: job.to_owned(),
            planned: seen.planned,
            ..Seen::default()
        };
    }

    fn done(&self, stages: usize, tasks: u64) {
        let mut seen = self.seen();
        (seen.stages, seen.tasks) = (stages, tasks);
    }

    fn made(&self, rows: u64, bytes: u64) {
        let mut seen = self.seen();
        (seen.rows, seen.bytes) = (rows, bytes);
    }

    /// Rows and bytes that were made.
    pub(crate) fn volume(&self) -> (u64, u64) {
        let seen = self.seen();
        (seen.rows, seen.bytes)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for JobProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seen = self.seen();
        if seen.job.is_empty() {
            return f.write_str("waits for the cluster");
        }
        write!(
            f,
            "job {}: {} of {} stages, {} tasks done",
            seen.job,
            seen.stages.min(seen.planned),
            seen.planned,
            seen.tasks
        )
    }
}

/// What plans that go to a cluster are made with: those settings of Ballista without which its stages do not fit together.
pub(crate) fn planning(partitions: usize) -> SessionConfig {
    let mut config = server::config()
        .with_target_partitions(partitions)
        .with_ballista_broadcast_join_threshold_bytes(BROADCAST_BYTES);
    let options = config.options_mut();
    options.optimizer.prefer_hash_join = true;
    options.optimizer.prefer_existing_union = true; // stages know unions, and no unions of hashed partitions
    // A view of text points into pieces that many rows share: what is written of a few of them takes all pieces with it, and
    // a stage of megabytes becomes one of gigabytes. So text is as it is, but for where `views` makes it otherwise.
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.optimizer.repartition_file_min_size = PIECE_BYTES; // a piece has a price of its own, whatever it does
    // A task of several partitions that is done again after its executor was lost has been seen to count some of them twice.
    config.set_usize("ballista.scheduler.max_partitions_per_task", 1)
}

impl Cluster {
    /// Connects to a scheduler. What is kept goes below `scratch`, a path or URL, which every
    /// executor reaches under the same name; `store` holds it.
    pub(crate) async fn connect(
        ctx: &SessionContext,
        scheduler: &Scheduler,
        scratch: Folder,
    ) -> Result<Self> {
        let client = Client::connect(&scheduler.to_string(), &ctx.copied_config()).await;
        let client = client.map_err(external)?;
        let store = ctx.runtime_env().object_store(scratch.store_url()?)?;
        let tried = Path::parse(format!("{}/tried", scratch.path));
        let tried = tried.map_err(object_store::Error::from)?;
        let tried = store.put(&tried, "can be written\n".into()).await;
        tried.map_err(|error| {
            external(ClusterError::Scratch {
                folder: format!("{}/{}", scratch.store, scratch.path),
                why: error.to_string(),
            })
        })?;
        Ok(Self {
            client,
            scratch,
            store,
            jobs: Mutex::default(),
        })
    }

    /// Runs a plan; its rows come here, and are added to what `begin` makes batch by batch, with the number of their partition.
    /// It begins again where the rows of a job are lost on the way.
    pub(crate) async fn fold<S>(
        &self,
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        task: &Arc<TaskContext>,
        progress: &JobProgress,
        begin: impl Fn() -> S,
        add: impl Fn(&mut S, usize, RecordBatch) -> Result<()>,
    ) -> Result<S> {
        let plan = self.portable(plan, task).await?;
        progress.planned(stages::count(&plan));
        let mut tries = 0;
        loop {
            let made = async {
                let settings = task.session_config();
                let made = self
                    .client
                    .run(name, Arc::clone(&plan), settings, progress)
                    .await?;
                self.remember(&made);
                let (mut state, mut rows) = (begin(), 0);
                let take = |partition, batch: RecordBatch| {
                    rows += batch.num_rows() as u64;
                    progress.made(rows, 0);
                    add(&mut state, partition, batch)
                };
                self.client.each(&made, take).await?;
                Ok(state)
            };
            match made.await {
                Err(error) if tries + 1 < TRIES && is_passing(&error) => {
                    tries += 1;
                    tracing::warn!(step = name, %error, "the cluster did not end a job: it is handed in again");
                    tokio::time::sleep(PAUSE * tries).await;
                }
                made => return made,
            }
        }
    }

    /// Runs a plan; its rows come here, those of each partition apart.
    pub(crate) async fn collect(
        &self,
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        task: &Arc<TaskContext>,
        progress: &JobProgress,
    ) -> Result<Vec<Vec<RecordBatch>>> {
        let add = |rows: &mut Vec<Vec<RecordBatch>>, partition: usize, batch| {
            rows.resize_with(rows.len().max(partition + 1), Vec::new);
            rows[partition].push(batch);
            Ok(())
        };
        let mut rows = self.fold(name, plan, task, progress, Vec::new, add).await?;
        if rows.is_empty() {
            rows.push(Vec::new()); // a table has a partition, though it have no row
        }
        Ok(rows)
    }

    /// Runs a plan; its rows stay on the cluster.
    pub(crate) async fn keep(
        &self,
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        task: &Arc<TaskContext>,
        progress: &JobProgress,
    ) -> Result<KeptRows> {
        let (schema, folder) = (plan.schema(), self.scratch.inside(name));
        let plan = Arc::new(KeepExec::new(plan, folder.clone()));
        let receipts = self.collect(name, plan, task, progress).await?;
        let kept = KeptRows::new(schema, folder, files(&receipts.concat()));
        progress.made(kept.rows(), kept.bytes());
        Ok(kept)
    }

    /// Takes the scratch folder away, and what the executors have on their disks. That it cannot be is no failure of the run.
    pub(crate) async fn clean(&self) {
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs {
            self.client.forget(&job).await;
        }
        let Ok(folder) = Path::parse(&self.scratch.path) else {
            return;
        };
        let paths = self.store.list(Some(&folder)).map_ok(|file| file.location);
        let removed = self
            .store
            .delete_stream(Box::pin(paths))
            .try_collect::<Vec<_>>();
        if let Err(error) = removed.await {
            tracing::warn!(%error, "`{folder}`, the scratch folder of this run, cannot be removed: nothing needs it any more");
        }
    }

    /// The plan, if all of it may be run on a cluster, with what only the driver has put where all reach it.
    async fn portable(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        task: &Arc<TaskContext>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        proven::check(&plan).map_err(external)?;
        let plan = views::below_groupings(plan)?;
        let folder = self.scratch.inside("driver");
        leaves::portable(plan, &folder, &self.store, task).await
    }

    fn remember(&self, made: &Made) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push(made.job.clone());
    }
}

impl Drop for Cluster {
    /// A run that is stopped has no time to ask a store; what is on this machine goes at once.
    fn drop(&mut self) {
        if self.scratch.store == "file://" {
            let _ = std::fs::remove_dir_all(format!("/{}", self.scratch.path));
        }
    }
}

/// The input of a node of ours, which has one.
fn one_input(inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    match inputs {
        [input] => Ok(Arc::clone(input)),
        _ => Err(DataFusionError::Plan("the node has one input".to_owned())),
    }
}

fn is_passing(error: &DataFusionError) -> bool {
    match ClusterError::within(error) {
        Some(error) => error.is_passing(),
        None => blame_of(error) == Blame::Outside,
    }
}

/// The rows of a plan as lines of text, in the order of the text.
#[cfg(test)]
async fn lines(plan: Arc<dyn ExecutionPlan>, ctx: &SessionContext) -> Vec<String> {
    let rows = datafusion::physical_plan::collect(plan, ctx.task_ctx()).await;
    let text = arrow::util::pretty::pretty_format_batches(&rows.unwrap()).unwrap();
    let mut lines: Vec<_> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
