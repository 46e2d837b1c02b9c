//! `crannog run`: run a job, show the strangest findings.

use std::io::IsTerminal;

use crannog::progress::Progress;
use crannog::report::RunReport;
use crannog::{Job, Result, run};
use indicatif::{HumanBytes, HumanCount};

use super::{block_on, load, or_now, say, table};
use crate::cli::{ResultFormat, RunArgs};

pub fn run(args: &RunArgs) -> Result<()> {
    let (job, threads) = load(&args.job.job, &args.job.overrides)?;
    let mut progress = Progress::new(std::io::stderr().is_terminal());
    let as_of = or_now(args.job.as_of);
    let report = block_on(threads, run::run(&job, as_of, args.scored.as_deref(), &mut progress))?;
    report.save(&job)?;
    match args.format {
        ResultFormat::Json => say(&report.to_json()),
        ResultFormat::Table => show(&job, &report, args.show),
    }
}

fn show(job: &Job, report: &RunReport, limit: usize) -> Result<()> {
    if report.findings > 0 && limit > 0 {
        say(&table::strangest(&report.rows, limit))?;
    }
    let model = &report.isolation_forest;
    say(&format!(
        "{} findings from {} to {}, of {} judged rows ({} anomalies, anomaly_score above {:.4})",
        HumanCount(report.findings as u64),
        report.interval.detect_start.format("%F %R"),
        report.interval.detect_end.format("%F %R %Z"),
        HumanCount(model.n_samples as u64),
        HumanCount(model.n_anomalies as u64),
        model.threshold,
    ))?;
    for sink in &report.sinks {
        say(&format!("written to {}, version {}", sink.location, sink.version))?;
    }
    let stages: Vec<_> =
        report.stages.iter().map(|stage| format!("{} {:.2} s", stage.name, stage.seconds)).collect();
    let memory = report.peak_memory_bytes.map(|bytes| format!(", {} at most", HumanBytes(bytes)));
    say(&format!(
        "{} run {} in {:.2} s ({}){}",
        job.name,
        report.run_id,
        report.seconds,
        stages.join(", "),
        memory.unwrap_or_default(),
    ))
}
