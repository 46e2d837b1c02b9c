//! `crannog backfill`: a run for each of some days that are over.

use std::io::IsTerminal;

use chrono::{DateTime, Utc};
use crannog::backfill::{Filled, backfill, instants};
use crannog::delivery::deliver;
use crannog::{Job, Result, session};
use indicatif::{ProgressBar, ProgressStyle};

use super::stop::Limits;
use super::{block_on_within, counted, leave_stdout, say, tell_delivered};
use crate::cli::{BackfillArgs, ResultFormat};

pub fn run(args: &BackfillArgs) -> Result<()> {
    let mut job = Job::load(&args.job, &args.overrides)?;
    job.engine.cluster = args.cluster.clone().or(job.engine.cluster);
    let instants = instants(&job, args.from, args.to, Utc::now())?;
    leave_stdout(&job);
    let bar = bar(instants.len());
    let limits = Limits::of(&job, args.timeout);
    let filled = block_on_within(
        limits,
        session::threads(&job),
        backfill(&job, &instants, args.again, |as_of, filled| {
            bar.inc(1);
            bar.suspend(|| tell(&job, args.format, as_of, filled))
        }),
    );
    bar.finish_and_clear();
    filled?;
    let deliver = async { Ok(deliver(&job, args.no_send, None).await) };
    let delivered = block_on_within(Limits::of(&job, None), session::threads(&job), deliver)?;
    tell_delivered(&delivered, args.format)
}

/// One bar for all runs, on a terminal.
fn bar(runs: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {elapsed}, {eta} to go");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(runs as u64).with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn tell(job: &Job, format: ResultFormat, as_of: DateTime<Utc>, filled: &Filled) -> Result<()> {
    let as_of = job.window.timezone.local(as_of).format("%F %R");
    let line = match (format, filled) {
        (ResultFormat::Json, Filled::Now(report)) => report.to_json(),
        (ResultFormat::Json, _) => return Ok(()),
        (_, Filled::Now(report)) => format!(
            "as of {as_of}  {} of {} judged  run {}  {:.2} s",
            counted(report.findings, "finding"),
            counted(report.isolation_forest.n_samples, "row"),
            report.run_id,
            report.seconds
        ),
        (_, Filled::Before(run)) => format!("as of {as_of}  done before, by run {run}"),
        (_, Filled::NoRows(error)) => format!("as of {as_of}  nothing to do: {error}"),
    };
    say(&line)
}
