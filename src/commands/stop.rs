//! What ends a command before its work is done: a signal, the end of its time or of its memory.

use std::future::{Future, pending};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytesize::ByteSize;
use crannog::error::Stopped;
use crannog::report::resident_memory;
use crannog::{Error, Job, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::complaint::complain;

/// How long work that holds a processor or waits for a disk may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(5);

/// What a command may take, where there is an end to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Time from its start.
    pub time: Option<Duration>,
    /// Resident memory of the process.
    pub memory: Option<ByteSize>,
}

impl Limits {
    /// What a run of the job may take, and no longer than `time`.
    pub fn of(job: &Job, time: Option<Duration>) -> Self {
        Self {
            time,
            memory: job.engine.memory_limit,
        }
    }
}

/// The same for work that holds too much memory.
const MEMORY_GRACE: Duration = Duration::from_millis(200);

/// How often the memory is looked at.
const MEMORY_TICK: Duration = Duration::from_millis(20);

/// The work's result, unless it is told to stop before: by SIGTERM or SIGINT, or since it has taken what it may. What it had written
/// in part is seen by nobody: a table changes by one commit, a file by its renaming.
pub fn run_until_stopped<T>(
    runtime: Runtime,
    limits: Limits,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let is_done = Arc::new(AtomicBool::new(false));
    let told = watch(Arc::clone(&is_done), limits)?;
    let result = runtime.block_on(Box::pin(async {
        tokio::select! {
            biased; // work that is done is done
            result = work => result,
            Ok(stopped) = told => Err(Error::Stopped(stopped)),
        }
    }));
    match result {
        // The last task of the engine removes the files that it spilled into.
        Err(Error::Stopped(_)) => runtime.shutdown_timeout(GRACE),
        _ => {
            is_done.store(true, Ordering::SeqCst);
            // The program ends next: whatever an abandoned write still does must not find its runtime gone.
            std::mem::forget(runtime);
        }
    }
    result
}

/// Tells of the first reason to stop, from a thread that no work keeps busy.
fn watch(is_done: Arc<AtomicBool>, limits: Limits) -> Result<oneshot::Receiver<Stopped>> {
    let failed = |error: std::io::Error| Error::Session(error.into());
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let signals = {
        let _inside = runtime.enter();
        Signals::listen().map_err(failed)?
    };
    let (tell, told) = oneshot::channel();
    let watch = move || runtime.block_on(stop(signals, limits, tell, &is_done));
    let watch = thread::Builder::new().name("stop".to_owned()).spawn(watch);
    watch.map_err(failed)?;
    Ok(told)
}

/// Work that does not end though it was told to is ended: a forest that grows does not listen. Work that is done has only
/// to be shown, and a signal ends that at once.
async fn stop(
    mut signals: Signals,
    limits: Limits,
    tell: oneshot::Sender<Stopped>,
    is_done: &AtomicBool,
) {
    let stopped = tokio::select! {
        stopped = signals.next() => stopped,
        stopped = end_of(limits.time) => stopped,
        stopped = beyond(limits.memory) => stopped,
    };
    if !is_done.load(Ordering::SeqCst) {
        let grace = match stopped {
            Stopped::OutOfMemory { .. } => MEMORY_GRACE, // it goes on holding more
            _ => GRACE,
        };
        let _ = tell.send(stopped);
        tokio::select! {
            stopped = signals.next() => end(stopped),
            () = sleep(grace) => {}
        }
        if !is_done.load(Ordering::SeqCst) {
            end(stopped);
        }
    } else if matches!(stopped, Stopped::Interrupted | Stopped::Terminated) {
        end(stopped);
    }
    end(signals.next().await);
}

fn end(stopped: Stopped) {
    let error = Error::from(stopped);
    complain(&error);
    exit(error.blame() as i32)
}

async fn end_of(limit: Option<Duration>) -> Stopped {
    match limit {
        Some(limit) => {
            sleep(limit).await;
            Stopped::TimedOut { limit }
        }
        None => pending().await,
    }
}

/// When the process holds more than it may.
async fn beyond(limit: Option<ByteSize>) -> Stopped {
    let Some(limit) = limit else {
        return pending().await;
    };
    loop {
        if resident_memory().is_some_and(|held| held > limit.as_u64()) {
            return Stopped::OutOfMemory { limit };
        }
        sleep(MEMORY_TICK).await;
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Stopped {
        tokio::select! {
            _ = self.terminate.recv() => Stopped::Terminated,
            _ = self.interrupt.recv() => Stopped::Interrupted,
        }
    }
}
