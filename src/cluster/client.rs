//! The driver's side of the scheduler's protocol: a plan goes in, what its executors have made is fetched.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use ballista_core::BALLISTA_VERSION;
use ballista_core::client::BallistaClient;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobMetricsParams,
    GetJobStatusParams, KeyValuePair, PartitionLocation, execute_query_result, job_status,
};
use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use ballista_core::version::BALLISTA_VERSION_HEADER;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::{StreamExt, TryStreamExt, stream};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use super::codec::codec;
use super::{ClusterError, JobProgress, MESSAGE_BYTES};

/// How often the scheduler is asked at first; each time the pause is longer by a half.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
/// How often it is asked at last.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// So long a run waits for an executor where a scheduler has none.
const EXECUTOR_WITHIN: Duration = Duration::from_secs(120);
/// An executor that says nothing for so long stands still.
const SILENT: Duration = Duration::from_secs(60);
/// Partitions whose rows are asked for before those of the one before it have come.
const OPENED_AHEAD: usize = 4;
/// A job that the scheduler has not heard of for so long is lost: one that it has just taken is not known at once.
const LOST_AFTER: Duration = Duration::from_secs(10);

type Scheduler = SchedulerGrpcClient<Channel>;

/// A connection to a scheduler.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// `host:port`.
    address: String,
    scheduler: Scheduler,
    session: String,
}

/// What a job has made, and where it is.
pub(super) struct Made {
    pub(super) job: String,
    pub(super) partitions: Vec<PartitionLocation>,
}

impl Client {
    pub(super) async fn connect(
        address: &str,
        config: &SessionConfig,
    ) -> Result<Self, ClusterError> {
        let unreachable = |why: String| ClusterError::Unreachable {
            scheduler: format!("the scheduler at {address}"),
            why,
        };
        let grpc = GrpcClientConfig::from(&config.ballista_config());
        let endpoint = create_grpc_client_endpoint(format!("http://{address}"), Some(&grpc));
        let endpoint = endpoint.map_err(|error| unreachable(error.to_string()))?;
        let channel = endpoint.connect().await;
        let channel = channel.map_err(|error| unreachable(root(&error)))?;
        wait_for_executors(address).await?;
        Ok(Self {
            address: address.to_owned(),
            scheduler: SchedulerGrpcClient::new(channel)
                .max_encoding_message_size(MESSAGE_BYTES)
                .max_decoding_message_size(MESSAGE_BYTES),
            session: format!("crannog-{:016x}", rand::random::<u64>()),
        })
    }

    /// Runs a plan on the cluster to its end, by the settings with which it was made. A future that is dropped cancels the job.
    pub(super) async fn run(
        &self,
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        settings: &SessionConfig,
        progress: &JobProgress,
    ) -> Result<Made> {
        let job = self.submit(name, plan, settings).await?;
        progress.begin(&job);
        let cancel = Cancel {
            client: self.clone(),
            job: Some(job.clone()),
        };
        let made = self.wait(&job, progress).await;
        if matches!(made, Ok(_) | Err(ClusterError::Failed { .. })) {
            cancel.disarm();
        }
        made.map_err(external)
    }

    /// The scheduler cuts the plan by the settings too: with another number of partitions than the plan has it would part rows
    /// within a stage, of which each task would then have all.
    async fn submit(
        &self,
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        settings: &SessionConfig,
    ) -> Result<String> {
        let plan = PhysicalPlanNode::try_from_physical_plan(plan, codec().as_ref())?;
        let mut bytes = Vec::new();
        plan.try_encode(&mut bytes)?;
        tracing::debug!(job = name, bytes = bytes.len(), "plan of the cluster");
        let mut settings: Vec<_> = settings
            .options()
            .entries()
            .into_iter()
            .map(|entry| KeyValuePair {
                key: entry.key,
                value: entry.value,
            })
            .collect();
        settings.push(KeyValuePair {
            key: "ballista.job.name".to_owned(),
            value: Some(name.to_owned()),
        });
        let mut request = tonic::Request::new(ExecuteQueryParams {
            query: Some(Query::PhysicalPlan(bytes)),
            settings,
            session_id: self.session.clone(),
            operation_id: format!("{:032x}", rand::random::<u128>()),
        });
        request.metadata_mut().insert(
            BALLISTA_VERSION_HEADER,
            MetadataValue::from_static(BALLISTA_VERSION),
        );
        let answer = self.scheduler.clone().execute_query(request).await;
        let answer = answer.map_err(|status| self.refused(&status))?;
        match answer.into_inner().result {
            Some(execute_query_result::Result::Success(taken)) => Ok(taken.job_id),
            other => Err(external(ClusterError::Refused {
                scheduler: self.address.clone(),
                why: format!("{other:?}"),
            })),
        }
    }

    async fn wait(&self, job: &str, progress: &JobProgress) -> Result<Made, ClusterError> {
        let mut scheduler = self.scheduler.clone();
        let (mut pause, mut heard_of) = (FIRST_PAUSE, Instant::now());
        let mut had_executors = Instant::now();
        loop {
            let asked = GetJobStatusParams {
                job_id: job.to_owned(),
            };
            let answer = scheduler.get_job_status(asked).await;
            let status = match answer.map_err(|status| ClusterError::of(&self.address, &status)) {
                Ok(answer) => answer.into_inner().status,
                // One call that fails does not say that the job is lost.
                Err(ClusterError::Unreachable { .. }) if heard_of.elapsed() < LOST_AFTER => {
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match status.and_then(|status| status.status) {
                Some(job_status::Status::Successful(done)) => {
                    return Ok(Made {
                        job: job.to_owned(),
                        partitions: done.partition_location,
                    });
                }
                Some(job_status::Status::Failed(failed)) => {
                    return Err(ClusterError::Failed {
                        job: job.to_owned(),
                        why: failed.error,
                    });
                }
                Some(_) => heard_of = Instant::now(),
                None if heard_of.elapsed() > LOST_AFTER => {
                    return Err(ClusterError::Lost {
                        scheduler: self.address.clone(),
                        job: job.to_owned(),
                    });
                }
                None => {}
            }
            if pause >= LONGEST_PAUSE {
                self.look(job, progress).await;
                if has_executors(&self.address).await {
                    had_executors = Instant::now();
                } else if had_executors.elapsed() > EXECUTOR_WITHIN {
                    return Err(ClusterError::NoExecutors {
                        scheduler: self.address.clone(),
                    });
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.mul_f64(1.5).min(LONGEST_PAUSE);
        }
    }

    /// Looks which stages are done: that they are not known is no failure.
    async fn look(&self, job: &str, progress: &JobProgress) {
        let asked = GetJobMetricsParams {
            job_id: job.to_owned(),
        };
        if let Ok(answer) = self.scheduler.clone().get_job_metrics(asked).await {
            let stages = answer.into_inner().stages;
            let tasks = stages.iter().map(|stage| u64::from(stage.partitions)).sum();
            progress.done(stages.len(), tasks);
        }
    }

    /// The rows of a partition, from the executor that has it.
    pub(super) async fn fetch(
        &self,
        partition: PartitionLocation,
    ) -> Result<SendableRecordBatchStream> {
        let layout = partition.layout();
        let missing = |what: &str| {
            external(ClusterError::Wrong {
                what: format!("a partition without {what}"),
            })
        };
        let executor = partition
            .executor_meta
            .ok_or_else(|| missing("an executor"))?;
        let id = partition.partition_id.ok_or_else(|| missing("an id"))?;
        let port = u16::try_from(executor.port).unwrap_or_default();
        let at = format!("the executor at {}:{port}", executor.host);
        let client = BallistaClient::try_new(
            &executor.host,
            port,
            MESSAGE_BYTES,
            false,
            None,
            3,
            500,
            0,
            0,
        );
        let lost = |error: ballista_core::error::BallistaError| {
            external(ClusterError::Unreachable {
                scheduler: at.clone(),
                why: error.to_string(),
            })
        };
        let client = tokio::time::timeout(SILENT, client).await;
        let mut client = client.map_err(|_| silent(&at))?.map_err(lost)?;
        let id = id.into();
        let rows = client.fetch_partition(&executor.id, &id, partition.file_id, layout, true);
        let rows = tokio::time::timeout(SILENT, rows).await;
        rows.map_err(|_| silent(&at))?.map_err(lost)
    }

    /// Takes each batch of a job's rows as it comes, with the number of its partition.
    pub(super) async fn each(
        &self,
        made: &Made,
        mut take: impl FnMut(usize, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let partitions = made.partitions.iter().cloned();
        let opened = stream::iter(partitions.map(|partition| self.fetch(partition)));
        let mut opened = opened.buffered(OPENED_AHEAD).enumerate();
        while let Some((partition, rows)) = opened.next().await {
            let mut rows = rows?;
            let cut_off = |why: String| {
                external(ClusterError::Unreachable {
                    scheduler: "an executor that sends its rows".to_owned(),
                    why,
                })
            };
            loop {
                let batch = tokio::time::timeout(SILENT, rows.try_next()).await;
                let batch = batch.map_err(|_| cut_off("it stands still".to_owned()))?;
                match batch.map_err(|error| cut_off(error.to_string()))? {
                    Some(batch) => take(partition, batch)?,
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Lets the executors forget what they made for a job.
    pub(super) async fn forget(&self, job: &str) {
        let cleaned = CleanJobDataParams {
            job_id: job.to_owned(),
            remove_stage_ids: Vec::new(),
        };
        if let Err(status) = self.scheduler.clone().clean_job_data(cleaned).await {
            tracing::debug!(job, %status, "the cluster keeps a job's data for its usual time");
        }
    }

    fn refused(&self, status: &tonic::Status) -> DataFusionError {
        external(ClusterError::of(&self.address, status))
    }
}

/// Waits for an executor, where a scheduler has none: it would let a job wait for ever.
async fn wait_for_executors(address: &str) -> Result<(), ClusterError> {
    if has_executors(address).await {
        return Ok(());
    }
    tracing::warn!(
        "the scheduler at {address} has no executors: the run waits two minutes for one"
    );
    let until = Instant::now() + EXECUTOR_WITHIN;
    while Instant::now() < until {
        tokio::time::sleep(LONGEST_PAUSE).await;
        if has_executors(address).await {
            return Ok(());
        }
    }
    Err(ClusterError::NoExecutors {
        scheduler: address.to_owned(),
    })
}

/// Whether a scheduler has an executor; that it does not say so is not that it has none.
async fn has_executors(address: &str) -> bool {
    static CLIENT: LazyLock<Option<reqwest::Client>> =
        LazyLock::new(|| reqwest::Client::builder().no_proxy().build().ok());
    let Some(client) = CLIENT.as_ref() else {
        return true;
    };
    let asked = client
        .get(format!("http://{address}/readyz"))
        .timeout(SILENT);
    let answer = asked.send().await;
    !answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::SERVICE_UNAVAILABLE)
}

/// That an executor does not answer.
fn silent(at: &str) -> DataFusionError {
    external(ClusterError::Unreachable {
        scheduler: at.to_owned(),
        why: "it stands still".to_owned(),
    })
}

/// Cancels a job that nobody waits for any more.
struct Cancel {
    client: Client,
    job: Option<String>,
}

impl Cancel {
    fn disarm(mut self) {
        self.job = None;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if let (Some(job_id), Ok(runtime)) =
            (self.job.take(), tokio::runtime::Handle::try_current())
        {
            let mut scheduler = self.client.scheduler.clone();
            runtime.spawn(async move { scheduler.cancel_job(CancelJobParams { job_id }).await });
        }
    }
}

pub(super) fn external(error: ClusterError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The deepest cause: what lies above it says that there was an error.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
