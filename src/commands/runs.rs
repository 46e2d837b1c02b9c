//! `crannog runs`: what was run when, and how it went.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use crannog::runs::{Outcome, RunRecord, Runs};
use crannog::{Error, Job, Result, session};

use super::{block_on, say, table};
use crate::cli::{ResultFormat, RunsArgs};

pub fn run(args: &RunsArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let mut runs = block_on(session::threads(&job), async {
        Runs::open_to_read(&job).await?.of(&job).await
    })?;
    runs.truncate(args.limit);
    match args.format {
        ResultFormat::Json => {
            let lines = runs.iter().map(serde_json::to_string);
            lines.flatten().try_for_each(|line| say(&line))
        }
        ResultFormat::Table if runs.is_empty() => say(&format!("no run of `{}` yet", job.name)),
        ResultFormat::Table => {
            let rows = rows(&job, &runs).map_err(Error::Print)?;
            say(&table::all(&rows).map_err(Error::Print)?)
        }
    }
}

fn rows(job: &Job, runs: &[RunRecord]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let zone = &job.window.timezone;
    let text = |value: &dyn Fn(&RunRecord) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(runs.iter().map(value)))
    };
    let count = |value: &dyn Fn(&RunRecord) -> Option<u64>| -> ArrayRef {
        Arc::new(runs.iter().map(value).collect::<UInt64Array>())
    };
    let threshold = runs.iter().map(|run| run.threshold);
    RecordBatch::try_from_iter_with_nullable([
        ("run", text(&|run| run.run_id.clone()), false),
        (
            "as_of",
            text(&|run| zone.local(run.interval.as_of).format("%F %R").to_string()),
            false,
        ),
        ("rows read", count(&|run| Some(run.rows_read)), false),
        ("judged", count(&|run| run.n_samples), true),
        ("findings", count(&|run| run.findings), true),
        (
            "threshold",
            Arc::new(threshold.collect::<Float64Array>()),
            true,
        ),
        ("time", text(&|run| format!("{:.2} s", run.seconds)), false),
        ("outcome", text(&outcome), false),
    ])
}

fn outcome(run: &RunRecord) -> String {
    match (run.outcome, &run.error) {
        (Outcome::Succeeded, _) => match &run.model {
            Some(model) => format!("succeeded, by the model of {model}"),
            None => "succeeded".to_owned(),
        },
        (Outcome::Failed, None) => "failed".to_owned(),
        (Outcome::Failed, Some(error)) => format!("failed: {error}"),
    }
}
