//! What ends a command before its work is done: a signal, or the end of its time.

use std::future::{Future, pending};
use std::process::exit;
use std::time::Duration;

use crannog::error::Stopped;
use crannog::{Error, Result};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// How long work that holds a processor or waits for a disk may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(5);

/// The work's result, unless it is told to stop: by SIGTERM or SIGINT, or since `limit` is over. What it had written in
/// part is seen by nobody: a table changes by one commit, a file by its renaming.
pub fn run_until_stopped<T>(
    runtime: Runtime,
    limit: Option<Duration>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let told = {
        let _inside = runtime.enter();
        let signals = Signals::listen().map_err(|error| Error::Session(error.into()))?;
        watch(signals, limit)
    };
    let result = runtime.block_on(Box::pin(async {
        tokio::select! {
            biased;
            Ok(stopped) = told => Err(Error::Stopped(stopped)),
            result = work => result,
        }
    }));
    match result {
        // The last task of the engine removes the files that it spilled into.
        Err(Error::Stopped(_)) => runtime.shutdown_timeout(GRACE),
        // The program ends next: whatever an abandoned write still does must not find its runtime gone.
        _ => std::mem::forget(runtime),
    }
    result
}

/// Tells of the first reason to stop. A forest that grows does not listen: after a while, or when it is told again,
/// the program ends all the same.
fn watch(mut signals: Signals, limit: Option<Duration>) -> tokio::sync::oneshot::Receiver<Stopped> {
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let stopped = tokio::select! {
            stopped = signals.next() => stopped,
            stopped = end_of(limit) => stopped,
        };
        let _ = tell.send(stopped);
        tokio::select! {
            _ = signals.next() => {}
            () = sleep(GRACE) => {}
        }
        tracing::error!("{}", Error::Stopped(stopped));
        exit(Error::Stopped(stopped).blame() as i32);
    });
    told
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
