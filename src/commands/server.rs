//! `crannog scheduler`, `crannog executor`: the servers of a cluster.

use std::future::Future;
use std::path::PathBuf;

use crannog::cluster::{self, ExecutorOptions, SchedulerOptions};
use crannog::{Error, Result};
use tikv_jemalloc_ctl::{Access, AsName};

use super::say;
use crate::cli::{ExecutorArgs, SchedulerArgs};

pub fn scheduler(args: &SchedulerArgs) -> Result<()> {
    let options = SchedulerOptions {
        bind: args.bind,
        port: args.port,
        external_host: args.external_host.clone(),
        executor_timeout: args.executor_timeout,
        drain: args.drain,
    };
    let host = args.external_host.clone();
    let host = host.unwrap_or_else(|| args.bind.to_string());
    say(&format!(
        "scheduler of df://{host}:{}, health at http://{host}:{}/readyz",
        args.port, args.port
    ))?;
    serve("scheduler", cluster::scheduler(options))
}

/// How long an executor's memory waits for the next task before it goes back to the system; by jemalloc's own rule.
const MEMORY_WAITS_MS: isize = 10_000;

pub fn executor(args: &ExecutorArgs) -> Result<()> {
    keep_memory_for_the_next_task();
    let work_dir = args.work_dir.clone();
    let options = ExecutorOptions {
        scheduler: args.scheduler.clone(),
        bind: args.bind,
        port: args.port,
        health_port: args.health_port,
        external_host: args.external_host.clone(),
        threads: args.threads.map(Into::into),
        memory_limit: args.memory_limit,
        work_dir: work_dir.unwrap_or_else(|| own_folder(args.port)),
    };
    say(&format!(
        "executor of {}, health at http://{}:{}/readyz, works in {}",
        args.scheduler,
        args.bind,
        args.health_port,
        options.work_dir.display()
    ))?;
    serve("executor", cluster::executor(options))
}

/// A run gives memory back soon after it is free. What a task lets go the next one takes: to ask the system for it anew,
/// page by page, is a tenth of an executor's time. What `_RJEM_MALLOC_CONF` says goes before.
fn keep_memory_for_the_next_task() {
    if std::env::var_os("_RJEM_MALLOC_CONF").is_some() {
        return;
    }
    for name in ["arenas.dirty_decay_ms\0", "arena.0.dirty_decay_ms\0"] {
        if let Err(error) = name.name().write(MEMORY_WAITS_MS) {
            tracing::debug!(name, %error, "memory goes back to the system at once");
        }
    }
}

/// A folder that no other executor of this machine has.
fn own_folder(port: u16) -> PathBuf {
    std::env::temp_dir().join(format!("crannog-executor-{port}"))
}

fn serve<E: std::fmt::Display>(
    server: &'static str,
    work: impl Future<Output = std::result::Result<(), E>>,
) -> Result<()> {
    let failed = |why: String| Error::Server { server, why };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    runtime
        .block_on(work)
        .map_err(|error| failed(error.to_string()))
}
