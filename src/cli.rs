//! The command line.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// SQL-defined anomaly detection for the lakehouse.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Logs on stderr: words for a person, or one JSON object a line (with every stage).
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job: read, learn, score, write the findings of the last day.
    Run(RunArgs),
    /// Look at everything of a job that can be wrong before data is read.
    Check(JobArgs),
    /// Make the page of a run again, or its charts alone, without judging again.
    Report(ReportArgs),
    /// Ask a job's sources, steps and output with SQL.
    Query(QueryArgs),
    /// Write a sample table of Windows process executions, with a few intrusions in it.
    Demo(DemoArgs),
}

/// A job and what is laid over it.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The job file.
    pub job: PathBuf,
    /// What is laid over it.
    #[command(flatten)]
    pub over: OverArgs,
}

/// What is laid over a job for one call.
#[derive(Debug, Args)]
pub struct OverArgs {
    /// Lay `key=value` over the job file, such as `window.train="30 days"`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// The run's "now": nothing at or after it is read. A date or a time without offset is in the job's time zone
    /// [default: the clock].
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub as_of: Option<AsOf>,
}

/// `crannog run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// A table for a person, or one JSON object on stdout.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
    /// How many findings to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub show: usize,
    /// Also write every judged row with its score to this Parquet file.
    #[arg(long, value_name = "FILE")]
    pub scored: Option<PathBuf>,
}

/// `crannog report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The job file; its last run is meant.
    pub job: PathBuf,
    /// Lay `key=value` over the job file, such as `report.count_by=Account`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// The report of another run of the job: a kept `run_results.json`, or what `run --format json` printed.
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Write the page to this file [default: `[report] html` of the job].
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the charts into this folder: `count_by.svg`, `heat_map.svg`.
    #[arg(long, value_name = "FOLDER")]
    pub svg: Option<PathBuf>,
    /// Write the charts into this folder: `count_by.png`, `heat_map.png`.
    #[arg(long, value_name = "FOLDER")]
    pub png: Option<PathBuf>,
}

/// `crannog query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The query; tables go by the names of the job's sources and SQL files, output tables by their folder's.
    pub sql: String,
    /// The job file.
    #[arg(long)]
    pub job: PathBuf,
    /// What is laid over it.
    #[command(flatten)]
    pub over: OverArgs,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = QueryFormat::Table)]
    pub format: QueryFormat,
}

/// `crannog demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder to write `process_execution` and its labels into.
    pub dir: PathBuf,
    /// Events to write, up to 100 million or so.
    #[arg(long, default_value_t = 200_000)]
    pub rows: u64,
    /// Hosts in the fleet.
    #[arg(long, default_value_t = 30)]
    pub hosts: u32,
    /// Days of events.
    #[arg(long, default_value_t = 14)]
    pub days: u32,
    /// Intrusions planted [default: 12, fewer in very few events].
    #[arg(long)]
    pub intrusions: Option<u32>,
    /// The same seed makes the same events.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// The day after the last one [default: today, UTC].
    #[arg(long, value_name = "DATE")]
    pub end: Option<NaiveDate>,
}

/// How a run tells its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For a person.
    Table,
    /// One JSON object.
    Json,
}

/// How a query's answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// For a person.
    Table,
    /// With a header line.
    Csv,
    /// One object a line.
    Json,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Warnings, in words.
    Text,
    /// One object a line.
    Json,
}

/// A time as given: an instant, or what the job's clock shows.
#[derive(Clone, Copy, Debug)]
pub enum AsOf {
    /// With `Z` or an offset.
    Instant(DateTime<Utc>),
    /// Without: in the job's time zone.
    Local(NaiveDateTime),
}

/// Takes `2026-11-22T03:00:00Z`, an offset in place of the `Z` or neither, or a plain date (its midnight).
fn parse_instant(text: &str) -> Result<AsOf, String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(AsOf::Instant(instant.with_timezone(&Utc)));
    }
    let midnight = text
        .parse::<NaiveDate>()
        .map(|date| date.and_time(NaiveTime::MIN));
    let local = midnight.or_else(|_| text.parse::<NaiveDateTime>());
    local
        .map(AsOf::Local)
        .map_err(|_| "write a time such as 2026-11-22T03:00:00Z, or a date".to_owned())
}
