//! `crannog report`: the page of a run again, or its charts as files of their own.

use std::path::{Path, PathBuf};

use crannog::job::{Job, JobError};
use crannog::page::{self, PageError};
use crannog::report::{RunReport, replace_file};
use crannog::{Error, Result, saved, session};

use super::{block_on, say};
use crate::cli::ReportArgs;

pub fn run(args: &ReportArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let page = match (&args.html, &args.svg, &args.png) {
        (Some(path), _, _) => Some(path.clone()),
        (None, None, None) => Some(default_page(&job)?),
        _ => None,
    };
    let report = block_on(
        session::threads(&job),
        saved::load(&job, args.results.as_deref()),
    )?;
    if let Some(path) = page {
        write(&path, page::html(&job, &report)?.as_bytes())?;
    }
    write_charts(args, &job, &report)
}

/// Where the job's page goes.
fn default_page(job: &Job) -> Result<PathBuf> {
    job.report.page()?.ok_or_else(|| {
        Error::Job(JobError::Value {
            place: job.document.place("report"),
            message: "the job names no page: add `[report] html = \"report.html\"`, or give `--html FILE`".to_owned(),
        })
    })
}

fn write_charts(args: &ReportArgs, job: &Job, report: &RunReport) -> Result<()> {
    if args.svg.is_none() && args.png.is_none() {
        return Ok(());
    }
    let charts = page::named_charts(job, report)?;
    if charts.is_empty() {
        return say("no charts: the run has no findings");
    }
    for (name, chart) in charts {
        if let Some(folder) = &args.svg {
            let svg = chart.svg().map_err(PageError::from)?;
            write(&folder.join(name).with_extension("svg"), svg.as_bytes())?;
        }
        if let Some(folder) = &args.png {
            let png = chart.png().map_err(PageError::from)?;
            write(&folder.join(name).with_extension("png"), &png)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_file(path, bytes)?;
    let here = std::env::current_dir().unwrap_or_default();
    say(&path
        .strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string())
}
