//! Mistakes that would otherwise pass in silence: an answer of too many rows, of too few, or of another job.

use std::fs;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use serde_json::json;

use crate::kit::{AS_OF, Dir, JOB, batch, event, usual, write_delta, write_parquet};

#[test]
fn a_night_without_a_row_is_no_quiet_night() {
    let dir = Dir::new();
    dir.crannog(&["run", JOB, "--as-of", "2026-03-25T00:00:00Z"]).fails(
        3,
        "error: `indexed` has no rows to report on, from 2026-03-24 00:00:00 UTC to 2026-03-25 00:00:00 UTC
           hint: is the source up to date, and is `--as-of` (default: now) within its time?",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_job_does_not_replace_the_findings_of_another() {
    let dir = Dir::new();
    dir.run(&["--set", "job.name=other"]).fails(
        2,
        "error: sink `out/anomalies`: the table there is that of the job `process_execution`
           hint: give each job a `location` of its own",
    );
    dir.findings_are_as_before();
}

#[test]
fn what_is_reported_must_all_be_read() {
    let dir = Dir::new();
    dir.edit_job("train  = \"90 days\"", "train  = \"12 hours\"");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:14: `window.train`: `train` is shorter than `detect`: what is reported would not all be read",
    );
}

#[test]
fn a_run_that_could_not_be_repeated_is_refused() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/anomalies.sql",
        "scored.interval <  $detect_end",
        "scored.interval < now()",
    );
    dir.job_is_refused(
        "error: sql/process_execution/anomalies.sql: `now()` gives another answer each time, and a run must be repeatable
           hint: the run's time is `$as_of`; any other value can be a parameter of the job",
    );
}

#[test]
fn a_parameter_has_one_of_its_allowed_values() {
    let dir = Dir::new();
    dir.edit_job("handle_invalid = \"keep\"", "handle_invalid = \"kep\"");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:17: `parameters.handle_invalid`: `kep` is not a value that `handle_invalid` may have
           hint: did you mean `keep`?",
    );
}

#[test]
fn one_row_does_not_become_two_findings() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/anomalies.sql",
        "FROM scored",
        "FROM scored CROSS JOIN (VALUES (1), (2)) AS twice (n)",
    );
    let said = dir.run(&[]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(
        said.stderr
            .contains("findings have the keys of another one"),
        "{}",
        said.stderr
    );
    dir.findings_are_as_before();
}

#[test]
fn the_wrong_override_is_not_blamed() {
    let dir = Dir::new();
    dir.run(&["--set", "isolation_forest.random_state=1", "--set", "window.detect=P1D"]).fails(
        2,
        "error: --set on jobs/process_execution.toml: `window.detect`: `P1D` is not a length of time: write for example \"1 day\", \"90 days\" or \"36 hours\"",
    );
}

#[test]
fn the_folder_of_a_delta_table_is_no_parquet() {
    let dir = Dir::new();
    dir.edit_job("format   = \"delta\"", "format   = \"parquet\"");
    dir.run_is_refused(
        2,
        "error: source `process_execution` at `data/process_execution`: this is a Delta table, and `format` says \"parquet\"
           hint: write format = \"delta\"",
    );
}

#[test]
fn what_a_writer_hides_is_not_read() {
    let dir = parquet("../data/events");
    fs::create_dir_all(dir.path("data/events/_temporary/0")).unwrap();
    write_parquet(&dir.path("data/events/part-0.parquet"), &usual());
    write_parquet(
        &dir.path("data/events/_temporary/0/part-1.parquet"),
        &usual(),
    );
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/events`: there is a hidden file `_temporary/0/part-1.parquet` among the Parquet files, which no reader should count
           hint: remove it when no one is writing there, or name the files by a glob such as `dir/*.parquet`",
    );
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_is_that_file() {
    let dir = parquet("../data/a[1].parquet");
    write_parquet(&dir.path("data/a[1].parquet"), &usual());
    write_parquet(&dir.path("data/a1.parquet"), &usual());
    let rows = dir.query("SELECT count(*) AS n FROM process_execution");
    assert_eq!(rows, [json!({"n": usual().num_rows()})]);
}

#[test]
fn the_folder_of_a_null_is_null() {
    let dir = parquet("../data/events");
    for part in [
        "AccountClass=User",
        "AccountClass=__HIVE_DEFAULT_PARTITION__",
    ] {
        fs::create_dir_all(dir.path("data/events").join(part)).unwrap();
        write_parquet(
            &dir.path("data/events").join(part).join("a.parquet"),
            &usual(),
        );
    }
    let classes =
        dir.query("SELECT DISTINCT AccountClass FROM process_execution ORDER BY AccountClass");
    assert_eq!(
        classes,
        [
            json!({"AccountClass": "User"}),
            json!({"AccountClass": null})
        ]
    );
}

#[test]
fn tables_keep_the_case_and_the_dots_of_their_names() {
    let dir = Dir::new();
    dir.edit_job("[sources.process_execution]", "[sources.ProcessExecution]");
    dir.edit(
        "sql/process_execution/grouped.sql",
        "FROM process_execution",
        "FROM ProcessExecution",
    );
    dir.edit(
        "sql/process_execution/evidence.sql",
        "JOIN process_execution",
        "JOIN ProcessExecution",
    );
    fs::rename(
        dir.path("sql/process_execution/grouped.sql"),
        dir.path("sql/process_execution/Grouped.v2.sql"),
    )
    .unwrap();
    dir.edit_job("grouped.sql", "Grouped.v2.sql");
    dir.edit(
        "sql/process_execution/indexed.sql",
        "CROSS JOIN grouped)",
        "CROSS JOIN \"Grouped.v2\" AS grouped)",
    );
    for step in ["computers", "accounts", "account_types", "processes"] {
        let step = format!("sql/process_execution/{step}.sql");
        dir.edit(&step, "FROM grouped", "FROM \"Grouped.v2\"");
    }
    dir.run(&[]).succeeds();
    dir.findings();
}

#[test]
fn a_time_that_the_clock_shows_twice_or_never_is_read_as_spark_reads_it() {
    let dir = Dir::without_events();
    dir.edit_job(
        "\n[parameters]",
        "timezone = \"Europe/Berlin\"\n\n[parameters]",
    );
    let skipped = event("2026-03-29T02:30:00Z", "web-1", "alice", "cmd.exe");
    let rows = batch(&[skipped]);
    let field = rows.schema().index_of("TimeGenerated").unwrap();
    let mut columns = rows.columns().to_vec();
    columns[field] = cast(
        &columns[field],
        &DataType::Timestamp(TimeUnit::Microsecond, None),
    )
    .unwrap();
    let names: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let rows = RecordBatch::try_from_iter(names.iter().zip(columns)).unwrap();
    write_delta(&dir.events(), &rows, &[]);
    let times = "SELECT TimeGenerated FROM process_execution";
    let said = dir.crannog(&[
        "query", times, "--job", JOB, "--as-of", AS_OF, "--format", "csv",
    ]);
    assert_eq!(
        said.succeeds().stdout,
        "TimeGenerated\n2026-03-29T03:30:00+02:00\n"
    );
}

fn parquet(location: &str) -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        &format!("\"parquet\"\nlocation = \"{location}\""),
    );
    dir
}
