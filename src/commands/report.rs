//! `crannog report`: the page of a run again, or its charts as files of their own.

use crannog::job::{Job, JobError};
use crannog::output_file::{Made, OutputFile};
use crannog::page::{self, PageError};
use crannog::report::RunReport;
use crannog::saved::Which;
use crannog::{Error, Result, saved, session};

use super::{block_on, output_file, say};
use crate::cli::ReportArgs;

pub fn run(args: &ReportArgs) -> Result<()> {
    let job = Job::load(&args.job, &args.overrides)?;
    let page = match (&args.html, &args.svg, &args.png) {
        (Some(path), _, _) => Some(output_file(Made::Page, path.clone())?),
        (None, None, None) => Some(default_page(&job)?),
        _ => None,
    };
    let charts = charts(args, &job)?;
    let which = match (&args.run, &args.results) {
        (Some(id), _) => Which::Run(id),
        (None, Some(path)) => Which::File(path),
        (None, None) => Which::Last,
    };
    let report = block_on(session::threads(&job), saved::load(&job, which))?;
    if let Some(file) = page {
        write(&file, page::html(&job, &report)?.as_bytes())?;
    }
    write_charts(&charts, &job, &report)
}

/// Where the job's page goes.
fn default_page(job: &Job) -> Result<OutputFile> {
    page::file(job)?.ok_or_else(|| {
        Error::Job(JobError::Value {
            place: job.document.place("report"),
            message: "the job names no page: add `[report] html = \"report.html\"`, or give `--html FILE`".to_owned(),
        })
    })
}

/// Where the charts that are asked for go.
fn charts(args: &ReportArgs, job: &Job) -> Result<Vec<(&'static str, OutputFile)>> {
    let folders = [(&args.svg, Made::Svg, "svg"), (&args.png, Made::Png, "png")];
    let mut files = Vec::new();
    for name in page::chart_names(job) {
        for (folder, made, extension) in &folders {
            if let Some(folder) = folder {
                let path = folder.join(name).with_extension(extension);
                files.push((name, output_file(*made, path)?));
            }
        }
    }
    Ok(files)
}

fn write_charts(files: &[(&str, OutputFile)], job: &Job, report: &RunReport) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let charts = page::named_charts(job, report)?;
    if charts.is_empty() {
        return say("no charts: the run has no findings");
    }
    for (name, chart) in charts {
        for (_, file) in files.iter().filter(|(of, _)| *of == name) {
            let bytes = match file.made() {
                Made::Png => chart.png(),
                _ => chart.svg().map(String::into_bytes),
            };
            write(file, &bytes.map_err(PageError::from)?)?;
        }
    }
    Ok(())
}

fn write(file: &OutputFile, bytes: &[u8]) -> Result<()> {
    file.write(bytes)?;
    say(file.shown())
}
