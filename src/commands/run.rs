//! `crannog run`: run a job, show the strangest findings.

use std::io::IsTerminal;
use std::time::Instant;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use crannog::cells::{cells, strangest};
use crannog::delivery::deliver;
use crannog::error::causes;
use crannog::feedback::SUPPRESSED_BY;
use crannog::progress::{Progress, Stage};
use crannog::report::RunReport;
use crannog::run::{self, RunOptions};
use crannog::{Error, Job, Result, page, sinks};
use indicatif::HumanBytes;

use super::stop::Limits;
use super::{block_on_within, counted, leave_stdout, load, say, table, tell_delivered};
use crate::cli::{ResultFormat, RunArgs};

/// Stages that the last line of a run names.
const STAGES: usize = 10;

pub fn run(args: &RunArgs) -> Result<()> {
    let (mut job, threads, as_of) = load(&args.job.job, &args.job.over)?;
    // Where it runs is not what it says: the run is the same one.
    job.engine.cluster = args.cluster.clone().or(job.engine.cluster);
    leave_stdout(&job);
    let options = RunOptions {
        scored_file: args.scored.as_deref(),
        model: args.model.as_deref(),
    };
    let watched = std::io::stderr().is_terminal();
    let mut progress = Progress::new(watched);
    let limits = Limits::of(&job, args.timeout);
    let started = Instant::now();
    let ran = run::run(&job, as_of, options, &mut progress);
    let ran = block_on_within(limits, threads, ran);
    let send = || {
        let left = args
            .timeout
            .map(|timeout| timeout.saturating_sub(started.elapsed()));
        let left = left.map(|left| left.min(job.outbox.timeout));
        let sending = async { Ok(deliver(&job, args.no_send, left).await) };
        block_on_within(Limits::of(&job, None), threads, sending)
    };
    if let Err(Error::Write { .. }) = &ran {
        send()?; // one table did not take the findings; the first one may have them
    }
    let mut report = ran?;
    // The findings are written: a report that is not is no reason to run again.
    save(&job, &report);
    let page = page(&job, &report).unwrap_or_else(|error| {
        warn(&error);
        None
    });
    if args.format == ResultFormat::Table {
        show(&job, &report, args.show, watched)?;
        page.map_or(Ok(()), |location| say(&format!("page: {location}")))?;
    }
    if !job.receivers.is_empty() {
        report.delivered = send()?;
        save(&job, &report);
    }
    if args.format == ResultFormat::Json {
        say(&report.to_json())?;
    }
    tell_delivered(&report.delivered, args.format)
}

fn save(job: &Job, report: &RunReport) {
    if let Err(error) = report.save(job) {
        warn(&error);
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
        say(&table::all(&in_lines(&rows)?).map_err(Error::Print)?)?;
        show_explanations(job, &rows)?;
    }
    let model = &report.isolation_forest;
    let zone = &job.window.timezone;
    say(&format!(
        "{}{} from {} to {} ({}), of {} judged in all ({}: anomaly_score above {:.4})",
        counted(report.findings, "finding"),
        match report.suppressed {
            0 => String::new(),
            suppressed => format!(" ({suppressed} suppressed)"),
        },
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
    let stages = match watched {
        true => String::new(),
        false => format!(" ({})", longest(&report.stages)),
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

/// The column of words that say why, which are too long for a table.
const EXPLANATION: &str = "explanation";

/// Why each row is strange, where the job says so, and by what id `explain` and `label` know it.
fn show_explanations(job: &Job, rows: &RecordBatch) -> Result<()> {
    let texts = |name| {
        let column = rows.column_by_name(name).map(cells);
        column.transpose().map_err(Error::Print)
    };
    let Some(explanations) = texts(EXPLANATION)? else {
        return Ok(());
    };
    let ranks = texts("rank")?;
    let ids = sinks::ids(job, rows).map_err(Error::Print)?;
    for ((row, explanation), id) in explanations.iter().enumerate().zip(ids) {
        let rank = ranks
            .as_ref()
            .map_or(String::new(), |ranks| ranks[row].to_string());
        say(&format!("{rank:>6}  {}  {explanation}", &id[..8]))?;
    }
    Ok(())
}

/// The columns that fit into a line and say something: lists of structs are for the page and for who asks the table.
fn in_lines(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let fits = |place: usize, field: &Field| match (field.name().as_str(), field.data_type()) {
        (EXPLANATION, _) => false,
        (SUPPRESSED_BY, _) => rows.column(place).null_count() < rows.num_rows(),
        (_, DataType::List(item)) => !item.data_type().is_nested(),
        (_, other) => !matches!(other, DataType::Struct(_)),
    };
    let fields = schema.fields().iter().enumerate();
    let fields = fields.filter(|(place, field)| fits(*place, field));
    let columns: Vec<_> = fields.map(|(place, _)| place).collect();
    rows.project(&columns).map_err(Error::Print)
}

/// How long the stages took: in their order, and of many those alone that took longest.
fn longest(stages: &[Stage]) -> String {
    let mut by_time: Vec<_> = stages.iter().enumerate().collect();
    by_time.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
    by_time.truncate(STAGES);
    by_time.sort_by_key(|(position, _)| *position);
    let shown = by_time.iter();
    let mut said: Vec<_> = shown
        .map(|(_, stage)| format!("{} {:.2} s", stage.name, stage.seconds))
        .collect();
    if stages.len() > STAGES {
        said.push(format!("{} more", stages.len() - STAGES));
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_stages_the_longest_are_told() {
        let stage = |name: &str, seconds| Stage {
            name: name.to_owned(),
            seconds,
            cpu_seconds: seconds,
            rows: 0,
            bytes: 0,
        };
        let mut stages = vec![stage("read", 0.5), stage("forest", 2.0)];
        assert_eq!(longest(&stages), "read 0.50 s, forest 2.00 s");
        stages.extend((0..STAGES).map(|_| stage("a day", 1.0)));
        let said = longest(&stages);
        assert!(said.starts_with("forest 2.00 s, a day 1.00 s"), "{said}");
        assert!(said.ends_with("a day 1.00 s, 2 more"), "{said}");
    }
}
