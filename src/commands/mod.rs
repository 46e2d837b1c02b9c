//! The commands: arguments in, library calls, words out.

pub mod backfill;
pub mod check;
pub mod demo;
pub mod diff;
pub mod evaluate;
pub mod explain;
pub mod import;
pub mod label;
pub mod maintain;
pub mod plan;
pub mod query;
pub mod report;
pub mod run;
pub mod runs;
pub mod send;
pub mod server;

mod stop;
mod table;

use std::future::Future;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, SubsecRound, Utc};
use crannog::cells::cells;
use crannog::delivery::Delivered;
use crannog::output_file::{Made, OutputFile};
use crannog::source::SourceSummary;
use crannog::{Error, Job, Result, session};
use indicatif::{HumanBytes, HumanCount};

use self::stop::Limits;
use crate::cli::{AsOf, OverArgs, ResultFormat};

/// Whether findings go to stdout, so that what there is to say goes to stderr.
static STDOUT_IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Leaves stdout to the findings of a job that sends them there.
fn leave_stdout(job: &Job) {
    STDOUT_IS_TAKEN.store(job.takes_stdout(), Ordering::Relaxed);
}

/// Prints a line of a command's result.
fn say(line: &str) -> Result<()> {
    let said = match STDOUT_IS_TAKEN.load(Ordering::Relaxed) {
        false => writeln!(std::io::stdout().lock(), "{line}"),
        true => writeln!(std::io::stderr().lock(), "{line}"),
    };
    said.map_err(ArrowError::from).or_else(unless_closed)
}

/// What receivers took, a line each; that they did not take all is the command's error.
fn tell_delivered(delivered: &[Delivered], format: ResultFormat) -> Result<()> {
    for one in delivered {
        match format {
            ResultFormat::Json => {}
            ResultFormat::Table if one.findings == 0 && one.error.is_some() => {}
            ResultFormat::Table => say(&format!(
                "sent to {}: {} in {}",
                one.sink,
                counted(one.findings, "finding"),
                counted(one.chunks, "chunk")
            ))?,
        }
    }
    match Delivered::undelivered(delivered) {
        failed if failed.is_empty() => Ok(()),
        failed => Err(Error::Undelivered(failed)),
    }
}

/// Whoever reads our output may stop reading, as `head` does: that is no failure.
fn unless_closed(error: ArrowError) -> Result<()> {
    match &error {
        ArrowError::IoError(_, cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
        ArrowError::CsvError(text) if text.contains("Broken pipe") => Ok(()),
        _ => Err(Error::Print(error)),
    }
}

/// Runs a command's future on as many threads as the job may use.
fn block_on<T>(threads: usize, work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on_within(Limits::default(), threads, work)
}

/// The same within limits.
fn block_on_within<T>(
    limits: Limits,
    threads: usize,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Error::Session(error.into()))?;
    stop::run_until_stopped(runtime, limits, work)
}

/// The job, the threads it may use, and its "now": the instant asked for, or the clock's, to the microsecond that
/// tables keep.
fn load(path: &Path, over: &OverArgs) -> Result<(Job, usize, DateTime<Utc>)> {
    let strict = over.strict.then(|| "engine.strict=true".to_owned());
    let overrides: Vec<_> = over.overrides.iter().cloned().chain(strict).collect();
    let job = Job::load(path, &overrides)?;
    let threads = session::threads(&job);
    let as_of = match over.as_of {
        None => Utc::now(),
        Some(AsOf::Instant(instant)) => instant,
        Some(AsOf::Local(local)) => job.window.timezone.instant(local),
    };
    Ok((job, threads, as_of.trunc_subsecs(6)))
}

/// A file that an argument names, after a look whether it can be written there.
fn output_file(made: Made, path: PathBuf) -> Result<OutputFile> {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path
        .strip_prefix(here)
        .unwrap_or(&path)
        .display()
        .to_string();
    OutputFile::open(made, path, shown)
}

/// A source on one line: its name, where it is, and how much is there.
fn described(source: &SourceSummary) -> String {
    format!(
        "{}  {}  version {}  {}  {}",
        source.name,
        source.location,
        source.version,
        counted(source.files, "file"),
        HumanBytes(source.bytes)
    )
}

/// The values of some keys in the one row that there is: `Computer db-1, Process cmd.exe`.
fn keys_in_words<'k>(row: &RecordBatch, keys: impl Iterator<Item = &'k String>) -> Result<String> {
    let there = keys.filter_map(|key| Some((key, row.column_by_name(key)?)));
    let words = there.map(|(key, column)| Ok(format!("{key} {}", cells(column)?[0])));
    let words = words.collect::<Result<Vec<_>, ArrowError>>();
    Ok(words.map_err(Error::Print)?.join(", "))
}

/// `1 finding`, `2 findings`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(count as u64))
}
