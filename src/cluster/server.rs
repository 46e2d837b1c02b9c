//! The two kinds of server of a cluster: Ballista's own, with our functions, plan nodes and object stores.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::health::ExecutorHealth;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service};
use ballista_scheduler::scheduler_server::{JobIdGenerator, SchedulerServer};
use bytesize::ByteSize;
use chrono::Utc;
use datafusion::error::Result;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::signal::unix::{SignalKind, signal};

use super::codec::codec;
use super::{MESSAGE_BYTES, health};
use crate::functions;
use crate::job::Scheduler;
use crate::stores::EnvironmentStores;

/// Executors ask for work. A scheduler that hands it out unasked keeps account of who has how much room, and in Ballista 55.0
/// loses some of it whenever an executor is lost: what was given back by a task of a stage that is made again is not counted, and at
/// last nobody is given anything.
const POLICY: TaskSchedulingPolicy = TaskSchedulingPolicy::PullStaged;
/// Work waits so long for an executor when there is none.
const NO_EXECUTORS: Duration = Duration::from_secs(120);
/// What a finished job has left on executors is removed after this, should its driver not have said so.
const DATA_KEPT: Duration = Duration::from_secs(3600);
/// How often an executor looks for what is left of jobs that nobody remembers, and how old that is.
const CLEANED_EVERY: Duration = Duration::from_secs(600);
const LEFT_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A task that fails for want of a machine, and not for its data, is tried so often.
const TASK_TRIES: usize = 4;
const STAGE_TRIES: usize = 6;

/// `crannog scheduler`.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// The address that it listens on.
    pub bind: IpAddr,
    /// The port.
    pub port: u16,
    /// The name by which executors reach it.
    pub external_host: Option<String>,
    /// An executor that has not been heard of for so long is lost, and others do its work.
    pub executor_timeout: Duration,
    /// How long it waits for jobs that run when it is told to stop.
    pub drain: Duration,
}

/// `crannog executor`.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// The scheduler.
    pub scheduler: Scheduler,
    /// The address that it listens on.
    pub bind: IpAddr,
    /// The port from which its rows are fetched.
    pub port: u16,
    /// The port on which it says how it is.
    pub health_port: u16,
    /// The name by which others reach it.
    pub external_host: Option<String>,
    /// Partitions that it works on at a time; all processors unless given.
    pub threads: Option<usize>,
    /// What it may hold.
    pub memory_limit: Option<ByteSize>,
    /// Where what goes from stage to stage lies.
    pub work_dir: PathBuf,
}

/// Whole seconds, one at least.
fn seconds(time: Duration) -> u64 {
    time.as_secs().max(1)
}

/// The session settings that all of a cluster begin with.
pub(super) fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_ballista_physical_extension_codec(codec())
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES)
}

fn runtime(temporary: Option<PathBuf>) -> Result<Arc<RuntimeEnv>> {
    let mut runtime =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(EnvironmentStores::default()));
    if let Some(folder) = temporary {
        runtime = runtime.with_temp_file_path(folder);
    }
    runtime.build_arc()
}

/// The state in which a server reads plans: with our functions.
fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features();
    let ctx = SessionContext::new_with_state(state.build());
    functions::register_all(&ctx);
    ctx.state()
}

/// That an address is free: a server that finds it taken later ends as if all were well.
fn is_free(address: SocketAddr) -> Result<(), BallistaError> {
    let bound = TcpListener::bind(address).map(drop);
    bound.map_err(|error| BallistaError::General(format!("{address}: {error}")))
}

/// When a job was handed in, and a number by chance. Ballista's own ids come of a clock that ticks each millisecond for ever.
struct JobIds;

#[async_trait]
impl JobIdGenerator for JobIds {
    async fn next_id(&self) -> String {
        let now = Utc::now().format("%Y%m%dT%H%M%S%3f");
        format!("{now}-{:08x}", rand::random::<u32>())
    }
}

/// Runs a scheduler until it is told to stop.
///
/// # Errors
/// An address that cannot be bound.
pub async fn scheduler(options: SchedulerOptions) -> Result<(), BallistaError> {
    let address = SocketAddr::new(options.bind, options.port);
    is_free(address)?;
    let config = SchedulerConfig {
        bind_host: options.bind.to_string(),
        bind_port: options.port,
        external_host: options
            .external_host
            .unwrap_or_else(|| options.bind.to_string()),
        scheduling_policy: POLICY,
        executor_timeout_seconds: seconds(options.executor_timeout),
        expire_dead_executor_interval_seconds: seconds(options.executor_timeout / 6),
        no_executors_grace_period_seconds: NO_EXECUTORS.as_secs(),
        finished_job_data_clean_up_interval_seconds: DATA_KEPT.as_secs(),
        finished_job_state_clean_up_interval_seconds: DATA_KEPT.as_secs(),
        task_max_failures: TASK_TRIES,
        stage_max_failures: STAGE_TRIES,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES as u32,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES as u32,
        grpc_client_max_message_size: MESSAGE_BYTES as u32,
        override_physical_codec: Some(codec()),
        override_config_producer: Some(Arc::new(config)),
        job_id_generator: Some(Arc::new(JobIds)),
        override_session_builder: Some(Arc::new(|config| Ok(state(config, runtime(None)?)))),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await?;
    config.validate()?;
    let scheduler: SchedulerServer<LogicalPlanNode, PhysicalPlanNode> =
        create_scheduler(cluster, Arc::new(config)).await?;
    let mut told = signal(SignalKind::terminate()).map_err(BallistaError::IoError)?;
    let serving = start_grpc_service(address, scheduler.clone());
    let stopped = async {
        tokio::select! {
            _ = told.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::warn!("the scheduler is told to stop, and waits for the jobs that run");
        let until = Instant::now() + options.drain;
        let is_busy = || scheduler.running_job_number() + scheduler.pending_job_number() > 0;
        while is_busy() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        served = serving => served,
        () = stopped => Ok(()),
    }
}

/// Says once that the scheduler does not answer any more, and once that it does again; the executor itself would say so each time
/// that it asks.
async fn watch(health: ExecutorHealth, scheduler: Scheduler) {
    let mut answered = None; // it has not been heard of yet
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answers = health.is_ready();
        match (answered, answers) {
            (None, false) => continue,
            (Some(true), false) => tracing::warn!(
                "the scheduler {scheduler} does not answer: it is asked again and again"
            ),
            (Some(false), true) => tracing::warn!("the scheduler {scheduler} answers again"),
            _ => {}
        }
        answered = Some(answers);
    }
}

/// Runs an executor until it is told to stop; what it works on by then it ends.
///
/// # Errors
/// An address that cannot be bound, a folder that cannot be made, a scheduler that does not answer for a minute.
pub async fn executor(options: ExecutorOptions) -> Result<(), BallistaError> {
    is_free(SocketAddr::new(options.bind, options.port))?;
    is_free(SocketAddr::new(options.bind, options.health_port))?;
    // What is old in the one folder is removed, of the other each query cleans up itself.
    let (stages, spilled) = (
        options.work_dir.join("stages"),
        options.work_dir.join("spilled"),
    );
    for folder in [&stages, &spilled] {
        std::fs::create_dir_all(folder).map_err(BallistaError::IoError)?;
    }
    let health = ExecutorHealth::new();
    health::serve(
        SocketAddr::new(options.bind, options.health_port),
        health.clone(),
    )
    .await?;
    tokio::spawn(watch(health.clone(), options.scheduler.clone()));
    let functions = state(config(), runtime(None)?);
    let config = ExecutorProcessConfig {
        bind_host: options.bind.to_string(),
        // Who listens everywhere is reached where the scheduler sees it.
        external_host: options
            .external_host
            .or_else(|| (!options.bind.is_unspecified()).then(|| options.bind.to_string())),
        port: options.port,
        scheduler_host: options.scheduler.host,
        scheduler_port: options.scheduler.port,
        scheduler_connect_timeout_seconds: 60,
        task_scheduling_policy: POLICY,
        vcores: options.threads.unwrap_or(0),
        work_dir: Some(stages.to_string_lossy().into_owned()),
        job_data_ttl_seconds: LEFT_AFTER.as_secs(),
        job_data_clean_up_interval_seconds: CLEANED_EVERY.as_secs(),
        grpc_max_decoding_message_size: MESSAGE_BYTES as u32,
        grpc_max_encoding_message_size: MESSAGE_BYTES as u32,
        memory_pool_size: options.memory_limit.map(|limit| limit.as_u64() / 4 * 3),
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&functions))),
        override_runtime_producer: Some(Arc::new(move |_| runtime(Some(spilled.clone())))),
        override_config_producer: Some(Arc::new(config)),
        override_physical_codec: Some(codec()),
        health,
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await
}
