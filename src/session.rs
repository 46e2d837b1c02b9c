//! The query engine: one DataFusion session, set up for the job.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::common::ScalarValue;
use datafusion::common::config::{ConfigOptions, Dialect};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::cluster;
use crate::display::without_layers;
use crate::error::{Error, Result};
use crate::functions;
use crate::job::{BUILT_IN_PARAMETERS, Interval, Job, JobError, Parameter};

/// A session in which SQL keeps the case of its names and time is the job's own zone.
///
/// # Errors
/// A setting of `[engine.options]` that DataFusion does not know, or a value that it does not take.
pub fn connect(job: &Job) -> Result<SessionContext, JobError> {
    let config = SessionConfig::new().with_target_partitions(threads(job));
    connect_with(job, config)
}

/// The same for a run: where the job works on a cluster, plans are made for that.
pub(crate) fn connect_run(job: &Job) -> Result<SessionContext, JobError> {
    match job.engine.cluster {
        Some(_) => connect_with(job, cluster::planning(partitions(job))),
        None => connect(job),
    }
}

fn connect_with(job: &Job, config: SessionConfig) -> Result<SessionContext, JobError> {
    let mut config = config.with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.dialect = Dialect::Generic;
    options.execution.time_zone = Some(job.window.timezone.name().to_owned());
    find_and_read(options);
    // A join holds in memory the side that SQL writes first, once for all threads, and streams the other: the author
    // knows which is small, and estimates after a GROUP BY do not.
    options.optimizer.join_reordering = false;
    options.optimizer.repartition_joins = false;
    for (key, value) in &job.engine.options {
        let place = || job.document.place_in("engine.options", key);
        let known: Vec<_> = options
            .entries()
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        if !known.contains(key) {
            let expected = "a setting of DataFusion".to_owned();
            return Err(JobError::UnknownName {
                place: place(),
                name: key.clone(),
                expected,
                known,
            });
        }
        options.set(key, value).map_err(|error| JobError::Value {
            place: place(),
            message: format!(
                "\"{value}\" does not fit: {}",
                without_layers(&error.find_root().strip_backtrace())
            ),
        })?;
    }
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::new(runtime(job)?))
        .with_default_features();
    let ctx = SessionContext::new_with_state(state.build());
    functions::register_all(&ctx);
    Ok(ctx)
}

/// What the engine holds. Files are listed once in a run, however many there are: all its queries read the same ones.
///
/// By its own account it may hold three quarters of the job's limit. It does not account for all, and more than the limit is
/// seen from outside; with less it stops where memory would do.
fn runtime(job: &Job) -> Result<RuntimeEnv, JobError> {
    let mut runtime = RuntimeEnvBuilder::new().with_object_list_cache_limit(usize::MAX);
    if let Some(limit) = job.engine.memory_limit {
        let pool =
            FairSpillPool::new(usize::try_from(limit.as_u64() / 4 * 3).unwrap_or(usize::MAX));
        let pool = TrackConsumersPool::new(pool, NonZeroUsize::MIN.saturating_add(2));
        runtime = runtime.with_memory_pool(Arc::new(pool));
    }
    runtime.build().map_err(|error| JobError::Value {
        place: job.document.place("engine.memory_limit"),
        message: format!("the engine cannot be held to it: {error}"),
    })
}

/// The same engine, with tables of its own.
pub(crate) fn apart(ctx: &SessionContext) -> SessionContext {
    let config = ctx.copied_config();
    let state = SessionStateBuilder::new_from_existing(ctx.state())
        .with_config(config.with_create_default_catalog_and_schema(true))
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    SessionContext::new_with_state(state)
}

/// SQL may look and must not touch.
pub(crate) fn only_queries() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

/// The threads this job may use.
pub fn threads(job: &Job) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, Into::into);
    job.engine.threads.map_or_else(processors, Into::into)
}

/// Partitions of a job's work on a cluster, unless the job says otherwise: for some machines of some processors each.
const PARTITIONS: usize = 16;

fn partitions(job: &Job) -> usize {
    job.engine.partitions.map_or(PARTITIONS, Into::into)
}

/// The threads that grow trees and score rows.
pub fn thread_pool(job: &Job) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(job))
        .build();
    pool.map_err(|error| Error::Session(DataFusionError::External(Box::new(error))))
}

/// Sets what is found at a source's location, and how its times are read.
pub(crate) fn find_and_read(options: &mut ConfigOptions) {
    // Spark writes INT96: an instant, at more than the 292 years that nanoseconds reach to either side.
    options.execution.parquet.coerce_int96 = Some("us".to_owned());
    options.execution.parquet.coerce_int96_tz = Some("UTC".to_owned());
    options.execution.listing_table_ignore_subdirectory = false;
}

/// An instant as SQL has it: with microseconds, in the job's time zone.
pub(crate) fn instant(job: &Job, time: chrono::DateTime<chrono::Utc>) -> ScalarValue {
    let zone = job.window.timezone.name();
    ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), Some(zone.into()))
}

/// The values of `$parameters`: those of every job, and this job's own.
pub fn parameters(job: &Job, interval: &Interval) -> Vec<(String, ScalarValue)> {
    let instant = |time| instant(job, time);
    let built_in = |name| match name {
        "as_of" => instant(interval.as_of),
        "bucket" => ScalarValue::from(job.window.bucket.as_str()),
        "detect_end" => instant(interval.detect_end),
        "detect_start" => instant(interval.detect_start),
        "timezone" => ScalarValue::from(job.window.timezone.name()),
        "train_end" => instant(interval.train_end),
        "train_start" => instant(interval.train_start),
        other => unreachable!("`${other}` is listed as a parameter of every job, and has no value"),
    };
    let own = job.parameters.iter().map(|(name, value)| {
        let value = match value {
            Parameter::Boolean(value) => ScalarValue::from(*value),
            Parameter::Integer(value) => ScalarValue::from(*value),
            Parameter::Float(value) => ScalarValue::from(*value),
            Parameter::Text(value) => ScalarValue::from(value.as_str()),
        };
        (name.clone(), value)
    });
    BUILT_IN_PARAMETERS
        .map(|name| (name.to_owned(), built_in(name)))
        .into_iter()
        .chain(own)
        .collect()
}
