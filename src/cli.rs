//! The command line.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use crannog::feedback::Label;
use crannog::job::{Format, Scheduler};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

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
    /// Say what a run would read, compute and replace, with its SQL and plans, and write nothing.
    Plan(PlanArgs),
    /// Run the days from one to another, each as it would have run when it was over; those that ran already are left alone.
    Backfill(BackfillArgs),
    /// Look at everything of a job that can be wrong before data is read.
    Check(JobArgs),
    /// Keep the tables that a job writes small: put small files together, remove what nothing needs, shorten the log.
    Maintain(MaintainArgs),
    /// Send the findings that no receiver has taken yet: what waits in the outbox, and what a run that was stopped left.
    Send(SendArgs),
    /// List what was run when, the latest first, and how it went.
    Runs(RunsArgs),
    /// Say which findings of one run another one has not, has besides, or ranks otherwise.
    Diff(DiffArgs),
    /// Show one finding whole: why it is strange, what is usual, the ordinary row closest to it, the events behind it.
    Explain(ExplainArgs),
    /// Say of a finding that it is benign, and does not come again, or malicious, and is not learnt from.
    Label(LabelArgs),
    /// Make the page of a run again, or its charts alone, without judging again.
    Report(ReportArgs),
    /// Ask a job's sources, steps and output with SQL.
    Query(QueryArgs),
    /// Say how good a job's ranking is, by labels of which rows are attacks, and write nothing.
    Evaluate(EvaluateArgs),
    /// Run the scheduler of a cluster: it hands the work of `run --cluster` to executors.
    Scheduler(SchedulerArgs),
    /// Run an executor of a cluster: it works on what its scheduler hands out.
    Executor(ExecutorArgs),
    /// Append a source's files to a Delta table, partitioned by day; those that it has already are left alone.
    Import(ImportArgs),
    /// Write sample events, with a few intrusions in them: Windows process executions, or a CloudTrail bucket.
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
#[derive(Clone, Debug, Args)]
pub struct OverArgs {
    /// Lay `key=value` over the job file, such as `window.train="30 days"`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Stop at a file of a source that cannot be read to its end, instead of naming it and going on: the same as
    /// `--set engine.strict=true`.
    #[arg(long)]
    pub strict: bool,
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
    /// Read, group, join and score on the cluster of this scheduler, such as `df://scheduler:50050`: the findings are the same.
    #[arg(long, value_name = "URL")]
    pub cluster: Option<Scheduler>,
    /// Also write every judged row with its score to this Parquet file.
    #[arg(long, value_name = "FILE")]
    pub scored: Option<PathBuf>,
    /// Judge by the model of an earlier run instead of learning one: its id, or as much of it as no other run's has, or the
    /// path of a model's file.
    #[arg(long, value_name = "RUN")]
    pub model: Option<String>,
    /// Leave in the outbox what there is to send, for `crannog send` or the next run.
    #[arg(long)]
    pub no_send: bool,
    /// Stop when the run takes longer than this, such as `2h` or `90 minutes`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// `crannog scheduler`.
#[derive(Debug, Args)]
pub struct SchedulerArgs {
    /// The address to listen on. Whoever reaches it can run any work on the cluster: keep it in a network of its own.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The port; `/healthz` and `/readyz` are there too.
    #[arg(long, default_value_t = 50050)]
    pub port: u16,
    /// The name by which executors reach it [default: the address].
    #[arg(long, value_name = "HOST")]
    pub external_host: Option<String>,
    /// An executor that has not been heard of for so long is lost, and others do its work.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub executor_timeout: Duration,
    /// How long to wait for jobs that run when it is told to stop.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub drain: Duration,
}

/// `crannog executor`.
#[derive(Debug, Args)]
pub struct ExecutorArgs {
    /// The scheduler, such as `df://scheduler:50050`.
    #[arg(long, value_name = "URL", default_value = "df://127.0.0.1:50050")]
    pub scheduler: Scheduler,
    /// The address to listen on. Whoever reaches it can read what it works on: keep it in a network of its own.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The port from which its rows are fetched.
    #[arg(long, default_value_t = 50051)]
    pub port: u16,
    /// The port of `/healthz` and `/readyz`.
    #[arg(long, default_value_t = 50052)]
    pub health_port: u16,
    /// The name by which the scheduler and other executors reach it [default: the address].
    #[arg(long, value_name = "HOST")]
    pub external_host: Option<String>,
    /// How many partitions it works on at a time [default: all processors].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// The most memory that its work may hold by its own account, such as "8 GiB"; what is more goes to the disk [default: seven
    /// tenths of the machine's or the container's].
    #[arg(long, value_name = "AMOUNT")]
    pub memory_limit: Option<ByteSize>,
    /// A folder of its own for what goes from stage to stage, on a disk with room for the grouped rows.
    #[arg(long, value_name = "FOLDER")]
    pub work_dir: Option<PathBuf>,
}

/// `crannog send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The job file.
    pub job: PathBuf,
    /// Send to this sink alone.
    #[arg(long, value_name = "NAME")]
    pub sink: Option<String>,
    /// Say what waits, and send nothing.
    #[arg(long, conflicts_with_all = ["sink", "discard"])]
    pub list: bool,
    /// Give up a chunk that waits: its id, or as much of it as no other's has. Nothing is sent.
    #[arg(long, value_name = "CHUNK", conflicts_with = "sink")]
    pub discard: Option<String>,
    /// Lay `key=value` over the job file; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// A line a sink, or a chunk with `--list`, for a person, or as a JSON object.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
    /// Try for this long, such as `10 minutes` [default: `[outbox] timeout`, or 5 minutes].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// `crannog plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Words for a person, or one JSON object.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
}

/// `crannog backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The job file.
    pub job: PathBuf,
    /// The first day, such as 2026-03-01, in the job's time zone.
    #[arg(long, value_name = "DAY")]
    pub from: NaiveDate,
    /// The last day, which must be over.
    #[arg(long, value_name = "DAY")]
    pub to: NaiveDate,
    /// Work on the cluster of this scheduler, as `run` does.
    #[arg(long, value_name = "URL")]
    pub cluster: Option<Scheduler>,
    /// Run the days again that the table of runs has of this job as it is.
    #[arg(long)]
    pub again: bool,
    /// Leave in the outbox what there is to send, for `crannog send` or the next run.
    #[arg(long)]
    pub no_send: bool,
    /// Lay `key=value` over the job file, such as `window.train="30 days"`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// A line a run for a person, or one JSON object.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
    /// Stop when it takes longer than this in all, such as `2h` or `90 minutes`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// `crannog maintain`.
#[derive(Debug, Args)]
pub struct MaintainArgs {
    /// The job file.
    pub job: PathBuf,
    /// Remove files that no version of this last time needs. Longer than any run or query of the tables takes.
    #[arg(long, value_name = "TIME", default_value = "7 days", value_parser = humantime::parse_duration)]
    pub retention: Duration,
    /// Count the files that would be removed, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Lay `key=value` over the job file; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// A line a table for a person, or one JSON object.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
}

/// `crannog runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The job file.
    pub job: PathBuf,
    /// Lay `key=value` over the job file, such as `runs.location=/lake/runs`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// How many runs.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// A table for a person, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
}

/// `crannog diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The job file.
    pub job: PathBuf,
    /// The one run: its id, or as much of it as no other run's has.
    pub from: String,
    /// The other run, likewise.
    pub to: String,
    /// Lay `key=value` over the job file; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// A table for a person, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
}

/// `crannog explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The job file.
    pub job: PathBuf,
    /// The finding: its id, or as much of it as no other's has.
    pub finding: String,
    /// How many rows of each table to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub show: usize,
    /// Lay `key=value` over the job file; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// For a person, or one JSON object.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
}

/// `crannog label`.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// The job file.
    pub job: PathBuf,
    /// The finding: its id, or as much of it as no other's has.
    pub finding: String,
    /// What it is.
    #[arg(value_parser = parse_label)]
    pub label: Label,
    /// Why.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who says so [default: the user].
    #[arg(long, env = "USER", value_parser = NonEmptyStringValueParser::new())]
    pub author: String,
    /// Lay `key=value` over the job file; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// `crannog report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The job file.
    pub job: PathBuf,
    /// The run: its id, or as much of it as no other run's has [default: the last one].
    pub run: Option<String>,
    /// Lay `key=value` over the job file, such as `report.count_by=Account`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// The report of a run that the table of runs does not have: a kept `run_results.json`, or what `run --format json` printed.
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
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

/// `crannog evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Which rows are attacks: the path or URL of a Delta table, of Parquet or of a `.csv` file, or a `.sql` file with a SELECT over
    /// the job's sources and steps [default: `[evaluation] labels` of the job].
    #[arg(long, value_name = "TABLE")]
    pub labels: Option<String>,
    /// How many forests to grow, the first with the job's `random_state`, each other with the next number [default: `[evaluation]
    /// seeds`, or 5].
    #[arg(long, value_name = "N")]
    pub seeds: Option<NonZeroU32>,
    /// Rank by the rarity of this column alone too [default: `[evaluation] alone`, or the last of the job's keys that is text].
    #[arg(long, value_name = "COLUMN")]
    pub alone: Option<String>,
    /// Judge the ranking of this job file too, by the same labels; may be given again [default: `[evaluation] beside`].
    #[arg(long, value_name = "JOB")]
    pub beside: Vec<PathBuf>,
    /// A table for a person, or one JSON object on stdout.
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub format: ResultFormat,
    /// How many missed attacks to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub show: usize,
    /// Write a page with curves to this file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `crannog import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The source: a path or URL, as `location` of a job's source.
    #[arg(value_name = "SRC")]
    pub source: String,
    /// The Delta table, there or to be made: a path or URL.
    #[arg(value_name = "DEST")]
    pub table: String,
    /// How the source is stored, as `format` of a job's source.
    #[arg(long, value_parser = parse_format)]
    pub format: Format,
    /// The column whose day a row belongs to [default: eventTime of cloudtrail, TimeGenerated of evtx].
    #[arg(long, value_name = "COLUMN")]
    pub time_column: Option<String>,
    /// Stop at a file that cannot be read to its end, instead of leaving it for a later import.
    #[arg(long)]
    pub strict: bool,
}

/// `crannog demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder to write `process_execution` or `cloudtrail` and its labels into.
    pub dir: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = DemoKind::ProcessExecution)]
    pub kind: DemoKind,
    /// Events to write, up to 100 million or so [default: 200000; of CloudTrail 20000].
    #[arg(long)]
    pub rows: Option<u64>,
    /// Hosts in the fleet.
    #[arg(long, default_value_t = 30)]
    pub hosts: u32,
    /// Days of events [default: 14; of CloudTrail 2].
    #[arg(long)]
    pub days: Option<u32>,
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

/// What a demo writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoKind {
    /// A Delta table of Windows process executions.
    #[value(name = "process_execution")]
    ProcessExecution,
    /// A bucket as CloudTrail delivers it, with two stolen keys (`--hosts` and `--intrusions` do not apply).
    #[value(name = "cloudtrail")]
    CloudTrail,
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

/// Takes a `format` as a job file has it.
fn parse_format(text: &str) -> Result<Format, String> {
    Format::deserialize(text.into_deserializer()).map_err(|error: ValueError| error.to_string())
}

/// Takes a label by its word.
fn parse_label(text: &str) -> Result<Label, String> {
    Label::parse(text).ok_or_else(|| "a label is benign, malicious, or withdrawn".to_owned())
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
