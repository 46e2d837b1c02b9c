//! `crannog run`: run a job, show the strangest findings.

use std::io::IsTerminal;

use crannog::cells::strangest;
use crannog::error::causes;
use crannog::progress::Progress;
use crannog::report::RunReport;
use crannog::{Error, Job, Result, page, run};
use indicatif::HumanBytes;

use super::stop::Limits;
use super::{block_on_within, counted, load, say, table};
use crate::cli::{ResultFormat, RunArgs};

pub fn run(args: &RunArgs) -> Result<()> {
    let (job, threads, as_of) = load(&args.job.job, &args.job.over)?;
    let watched = std::io::stderr().is_terminal();
    let mut progress = Progress::new(watched);
    let limits = Limits::of(&job, args.timeout);
    let report = block_on_within(
        limits,
        threads,
        run::run(
            &job,
            as_of,
            args.scored.as_deref(),
            args.model.as_deref(),
            &mut progress,
        ),
    )?;
    // The findings are written: a report that is not is no reason to run again.
    if let Err(error) = report.save(&job) {
        warn(&error);
    }
    let page = page(&job, &report).unwrap_or_else(|error| {
        warn(&error);
        None
    });
    match args.format {
        ResultFormat::Json => say(&report.to_json()),
        ResultFormat::Table => {
            show(&job, &report, args.show, watched)?;
            page.map_or(Ok(()), |location| say(&format!("page: {location}")))
        }
    }
}

/// Writes the page, if the job wants one; where it is, as a person may see it.
fn page(job: &Job, report: &RunReport) -> Result<Option<String>> {
    let Some(file) = page::file(job)? else {
        return Ok(None);
    };
    file.write(page::html(job, report)?.as_bytes())?;
    Ok(Some(file.shown().to_owned()))
}

fn warn(error: &Error) {
    tracing::warn!("{}", causes(error).join(": "));
}

fn show(job: &Job, report: &RunReport, limit: usize, watched: bool) -> Result<()> {
    if report.findings > 0 && limit > 0 {
        let rows = strangest(&report.rows, &job.features.keys, limit).map_err(Error::Print)?;
        say(&table::all(&rows).map_err(Error::Print)?)?;
    }
    let model = &report.isolation_forest;
    let zone = &job.window.timezone;
    say(&format!(
        "{} from {} to {} ({}), of {} judged in all ({}: anomaly_score above {:.4})",
        counted(report.findings, "finding"),
        zone.local(report.interval.detect_start).format("%F %R"),
        zone.local(report.interval.detect_end).format("%F %R"),
        zone.name(),
        counted(model.n_samples, "row"),
        match model.n_anomalies {
            1 => "1 anomaly".to_owned(),
            n => format!("{} anomalies", indicatif::HumanCount(n as u64)),
        },
        model.threshold,
    ))?;
    if let Some(run) = &report.model {
        say(&format!("judged by the model of run {run}"))?;
    }
    if model.duplicate_rows > 0 {
        say(&format!(
            "{} left out, since another row has the same keys",
            counted(model.duplicate_rows, "row")
        ))?;
    }
    for kept in &report.kept {
        if let Some(why) = kept.whole.as_ref().or(kept.behind.as_ref()) {
            say(&format!("every day of `{}` was computed: {why}", kept.step))?;
        }
    }
    for sink in &report.sinks {
        say(&format!(
            "written to {}, version {}",
            sink.location, sink.version
        ))?;
    }
    for source in &report.sources {
        let skipped = source.skipped.files().len();
        if skipped > 0 {
            say(&format!(
                "{} of `{}` could not be read to the end",
                counted(skipped, "file"),
                source.name
            ))?;
        }
    }
    // Whoever watched the run has seen its stages.
    let stages = report.stages.iter().filter(|_| !watched);
    let stages: Vec<_> = stages
        .map(|stage| format!("{} {:.2} s", stage.name, stage.seconds))
        .collect();
    let stages = if stages.is_empty() {
        String::new()
    } else {
        format!(" ({})", stages.join(", "))
    };
    let memory = report
        .peak_memory_bytes
        .map(|bytes| format!(", {} of memory at most", HumanBytes(bytes)));
    say(&format!(
        "run {} in {:.2} s{stages}{}",
        report.run_id,
        report.seconds,
        memory.unwrap_or_default()
    ))
}
