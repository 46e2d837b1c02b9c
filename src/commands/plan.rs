//! `crannog plan`: what a run would do, without doing it.

use chrono::{DateTime, NaiveDate, Utc};
use crannog::plan::{KeptPlan, RunPlan, StepPlan, plan};
use crannog::{Error, Job, Result};
use indicatif::HumanBytes;

use super::{block_on, counted, described, load, say};
use crate::cli::{PlanArgs, ResultFormat};

pub fn run(args: &PlanArgs) -> Result<()> {
    let (job, threads, as_of) = load(&args.job.job, &args.job.over)?;
    let plan = block_on(threads, plan(&job, as_of))?;
    match args.format {
        ResultFormat::Json => {
            let text = serde_json::to_string(&plan);
            say(&text.map_err(|error| {
                Error::Print(arrow::error::ArrowError::ExternalError(error.into()))
            })?)
        }
        ResultFormat::Table => show(&job, &plan),
    }
}

fn show(job: &Job, plan: &RunPlan) -> Result<()> {
    let zone = &job.window.timezone;
    let local = |instant: DateTime<Utc>| zone.local(instant).format("%F %R").to_string();
    let interval = &plan.interval;
    say(&format!(
        "{} as of {} ({})",
        plan.job,
        local(interval.as_of),
        zone.name()
    ))?;
    say(&format!(
        "learns from {} to {}, reports on {} to {}",
        local(interval.train_start),
        local(interval.train_end),
        local(interval.detect_start),
        local(interval.detect_end)
    ))?;
    say("\nreads")?;
    for source in &plan.sources {
        say(&format!("  {}", described(source)))?;
    }
    if !plan.kept.is_empty() {
        say("\nkeeps")?;
        plan.kept.iter().try_for_each(show_kept)?;
    }
    for step in &plan.steps {
        let is_kept = plan.kept.iter().any(|kept| kept.step == step.step);
        show_step(step, is_kept)?;
    }
    say("\nreplaces")?;
    for sink in &plan.sinks {
        let table = match sink.version {
            Some(version) => format!("version {version}"),
            None => "a new table".to_owned(),
        };
        say(&format!(
            "  {}  {table}  its findings from {} to {}",
            sink.location,
            local(interval.detect_start),
            local(interval.detect_end)
        ))?;
    }
    if !plan.receivers.is_empty() {
        let names = plan.receivers.join(", ");
        say(&format!(
            "\nsends what is new in the first of them to\n  {names}"
        ))?;
    }
    Ok(())
}

fn show_kept(kept: &KeptPlan) -> Result<()> {
    let table = match kept.version {
        Some(version) => format!("version {version}"),
        None => "a new table".to_owned(),
    };
    say(&format!("  {}  {}  {table}", kept.step, kept.location))?;
    if let Some(why) = &kept.behind {
        return say(&format!(
            "    the table is left alone, and every day is computed without it: {why}"
        ));
    }
    if let Some(why) = &kept.whole {
        say(&format!("    every day is computed: {why}"))?;
    }
    if kept.due.is_empty() {
        say("    no day is computed: nothing changed")?;
    }
    for due in &kept.due {
        let last = due.days.end.pred_opt().unwrap_or(due.days.end);
        say(&format!("    {}  {}", range(due.days.start, last), due.why))?;
    }
    Ok(())
}

fn range(first: NaiveDate, last: NaiveDate) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    }
}

fn show_step(step: &StepPlan, is_kept: bool) -> Result<()> {
    let reads = match (step.is_part_of_its_reader, step.files) {
        _ if is_kept => "is kept: this is its plan for all days at once".to_owned(),
        (true, _) => "a part of the step that reads it".to_owned(),
        (false, 0) => "reads rows in memory".to_owned(),
        (false, files) => format!(
            "reads {}, {}",
            counted(files, "file"),
            HumanBytes(step.bytes)
        ),
    };
    say(&format!("\n{}  {}  {reads}", step.step, step.file))?;
    for line in step.sql.lines() {
        say(&format!("  {line}"))?;
    }
    say("  plan")?;
    for line in step.plan.lines() {
        say(&format!("    {line}"))?;
    }
    Ok(())
}
