//! Runs of days that are over, each as it would have run when its day was over, in their order.

use chrono::{DateTime, NaiveDate, Utc};

use crate::error::{Error, Result};
use crate::features::FeatureError;
use crate::job::Job;
use crate::progress::Progress;
use crate::report::RunReport;
use crate::run::{self, RunOptions};
use crate::runs::{Outcome, RunRecord, Runs};

/// What came of one of the runs.
#[derive(Debug)]
pub enum Filled {
    /// It ran.
    Now(Box<RunReport>),
    /// The table of runs says that the job as it is ran before, under this id.
    Before(String),
    /// There is no row to report on, or to learn from.
    NoRows(Error),
}

/// Why days cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The last day lies before the first.
    #[error("`--to {to}` is before `--from {from}`")]
    Backwards {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// A day that still has events to come.
    #[error("{day} is not over yet in {zone}")]
    NotOver {
        /// The day.
        day: NaiveDate,
        /// The job's time zone.
        zone: String,
    },
}

/// The "now" of each run that days are filled by.
///
/// # Errors
/// A day that is not over `now`; no day at all.
pub fn instants(
    job: &Job,
    from: NaiveDate,
    to: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, BackfillError> {
    if to < from {
        return Err(BackfillError::Backwards { from, to });
    }
    let zone = &job.window.timezone;
    let end = to.succ_opt().map(|next| zone.start_of(next));
    if end.is_none_or(|end| end > now) {
        return Err(BackfillError::NotOver {
            day: to,
            zone: zone.name().to_owned(),
        });
    }
    Ok(job.window.reports_over(from, to))
}

/// Runs the job as of each instant, and tells of each. What ran before is left out, unless `again`; a day without rows is told
/// and passed over; any other error ends it, and the same call goes on from there.
pub async fn backfill(
    job: &Job,
    instants: &[DateTime<Utc>],
    again: bool,
    mut tell: impl FnMut(DateTime<Utc>, &Filled) -> Result<()>,
) -> Result<()> {
    let digest = job.digest();
    let mut done = Runs::open(job).await?.of(job).await?;
    // The latest run of a time, which comes first, is the one whose findings the table has.
    done.retain(|run| run.outcome == Outcome::Succeeded);
    let is_own = |run: &&RunRecord| run.job_digest == digest && run.model.is_none();
    for as_of in instants {
        let before = done.iter().find(|run| run.interval.as_of == *as_of);
        let before = before.filter(is_own);
        let filled = match before {
            Some(run) if !again => Filled::Before(run.run_id.clone()),
            _ => match run::run(
                job,
                *as_of,
                RunOptions::default(),
                &mut Progress::new(false),
            )
            .await
            {
                Ok(report) => Filled::Now(Box::new(report)),
                Err(error @ Error::Features(FeatureError::NoRows { .. })) => Filled::NoRows(error),
                Err(error) => return Err(error),
            },
        };
        tell(*as_of, &filled)?;
    }
    Ok(())
}
