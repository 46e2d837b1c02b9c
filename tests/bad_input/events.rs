//! Events that are few, alike, undated, or from the ends of time.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::json;

use crate::kit::{Dir, Event, JOB, batch, event, usual, write_delta};

fn dir(rows: &RecordBatch) -> Dir {
    let dir = Dir::without_events();
    write_delta(&dir.events(), rows, &[]);
    dir
}

#[test]
fn no_rows_in_the_window_is_told_with_the_window() {
    let dir = Dir::new();
    dir.crannog(&["run", JOB, "--as-of", "2031-01-01"]).fails(
        3,
        "error: `indexed` has no rows from 2030-10-03 00:00:00 UTC to 2031-01-01 00:00:00 UTC
           hint: is the source up to date, and is `--as-of` (default: now) within its time?",
    );
    dir.findings_are_as_before();
}

#[test]
fn one_row_is_judged_and_is_not_strange() {
    let dir = dir(&batch(&[event(
        "2026-03-10T10:00:00Z",
        "web-1",
        "alice",
        "cmd.exe",
    )]));
    let said = dir.run(&["--scored", "scored.parquet"]);
    // scikit-learn gives a forest of one row the score -0.5, and only what lies below -0.5 is an outlier.
    assert!(
        said.succeeds().stdout.starts_with("0 findings "),
        "{}",
        said.stdout
    );
    assert!(dir.findings().rows.is_empty());
}

#[test]
fn rows_that_are_all_alike_are_not_strange() {
    let dir = Dir::new();
    dir.edit_job("columns = [\"unixInterval\", \"computerIndex\", \"accountIndex\", \"accountTypeIndex\", \"processIndex\", \"count\"]", "columns = [\"accountTypeIndex\"]");
    let said = dir.run(&[]);
    assert!(
        said.succeeds().stdout.starts_with("0 findings "),
        "{}",
        said.stdout
    );
}

#[test]
fn a_row_from_the_last_moment_before_as_of_counts_and_one_at_it_does_not() {
    let last = event("2026-03-10T23:59:59.999999Z", "web-1", "alice", "cmd.exe");
    let late = event("2026-03-11T00:00:00Z", "web-2", "bob", "cmd.exe");
    let dir = dir(&batch(&[last, late]));
    let rows = dir.query("SELECT Computer FROM grouped");
    assert_eq!(rows, [json!({"Computer": "web-1"})]);
}

#[test]
fn the_years_1601_and_9999_are_dates_like_others() {
    let events = [
        event("1601-01-01T00:00:00Z", "web-1", "alice", "cmd.exe"),
        event("1969-12-31T23:59:59.999999Z", "web-1", "alice", "cmd.exe"),
        event("2026-03-10T10:00:00Z", "web-1", "alice", "cmd.exe"),
        event("9999-12-31T23:59:59.999998Z", "web-1", "alice", "cmd.exe"),
    ];
    let dir = dir(&batch(&events));
    dir.edit_job("train  = \"90 days\"", "train  = \"all\"");
    dir.run(&[]).succeeds();
    let days = "SELECT \"unixInterval\" FROM indexed ORDER BY 1";
    assert_eq!(
        dir.query(days),
        [
            json!({"unixInterval": -11_644_473_600_i64}),
            json!({"unixInterval": -86_400}),
            json!({"unixInterval": 1_773_100_800})
        ],
        "the future is not read",
    );
    let said = dir.crannog(&["run", JOB, "--as-of", "9999-12-31T23:59:59.999999Z"]);
    said.succeeds();
}

#[test]
fn an_event_without_a_time_is_left_out_unless_the_job_keeps_it() {
    let undated = Event {
        time: None,
        ..event(AS_OF_NOON, "db-1", "nobody", "ghost.exe")
    };
    let dir = dir(&batch(&[
        undated,
        event("2026-03-10T10:00:00Z", "web-1", "alice", "cmd.exe"),
    ]));
    dir.run(&[]).succeeds();
    assert_eq!(
        dir.query("SELECT count(*) AS groups FROM grouped"),
        [json!({"groups": 1})]
    );

    dir.edit_job("keep_undated   = false", "keep_undated   = true");
    assert_eq!(
        dir.query("SELECT count(*) AS groups FROM grouped"),
        [json!({"groups": 2})]
    );
    dir.run(&[]).fails(
        3,
        "error: column `unixInterval` of `indexed` has 1 missing values
           hint: give it a value in SQL, for example coalesce(unixInterval, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing",
    );
    dir.edit_job(
        "[features]\n",
        "[features]\nmissing_values = \"allow-nan\"\n",
    );
    dir.run(&[]).succeeds();
}

const AS_OF_NOON: &str = "2026-03-11T12:00:00Z";

#[test]
fn a_time_that_is_a_text_is_refused_before_it_is_compared() {
    let dir = dir(&usual_with("TimeGenerated", &DataType::Utf8));
    dir.run_is_refused(
        2,
        "error: sink `out/anomalies`: `interval` of the findings is timestamp without time zone, not a time with a zone
           hint: [window] time_column names it; make `interval` of a column that is a timestamp in its source, or cast it: `cast(… AS timestamp with time zone)`",
    );
}

#[test]
fn a_time_that_is_a_number_is_refused() {
    let dir = dir(&usual_with("TimeGenerated", &DataType::Int64));
    dir.run_is_refused(2, "error: sql/process_execution/grouped.sql: there is no function `date_trunc(Null, Int64)`
           hint: there is date_trunc(String, Timestamp), date_trunc(String, Time); cast the argument",);
}

#[test]
fn a_host_that_is_a_number_is_a_name_like_others() {
    let rows = usual();
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(
        (0..rows.num_rows()).map(|row| i64::try_from(row % 7).unwrap()),
    ));
    let dir = dir(&replaced(&rows, "Computer", &number));
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    dir.run(&[]).succeeds();
}

#[test]
fn a_text_becomes_another_type_in_the_findings_and_the_old_table_is_kept() {
    let rows = usual();
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(
        (0..rows.num_rows()).map(|row| i64::try_from(row % 7).unwrap()),
    ));
    let dir = dir(&replaced(&rows, "Computer", &number));
    dir.run_is_refused(
        2,
        "error: sink `out/anomalies`: the table there has other columns: `Computer` is text there, and Int64 here
           hint: choose a new `location`, or move the old table away",
    );
}

#[test]
fn null_labels_are_kept_refused_or_skipped_as_the_job_says() {
    let ghost = Event {
        account: None,
        ..event("2026-03-10T10:00:00Z", "web-1", "", "cmd.exe")
    };
    let usual = event("2026-03-10T10:00:00Z", "web-1", "alice", "cmd.exe");
    let again = event("2026-03-10T10:00:00Z", "web-2", "alice", "cmd.exe");
    let dir = dir(&batch(&[ghost, usual, again]));
    let indexes =
        "SELECT Account, \"accountIndex\" FROM indexed ORDER BY \"accountIndex\", Computer";
    let alice = json!({"Account": "alice", "accountIndex": 0.0});
    dir.run(&[]).succeeds();
    assert_eq!(
        dir.query(indexes),
        [
            alice.clone(),
            alice.clone(),
            json!({"Account": null, "accountIndex": 1.0})
        ]
    );

    dir.edit_job("handle_invalid = \"keep\"", "handle_invalid = \"skip\"");
    dir.run(&[]).succeeds();
    assert_eq!(dir.query(indexes), [alice.clone(), alice]);

    dir.edit_job("handle_invalid = \"skip\"", "handle_invalid = \"error\"");
    dir.run(&[]).fails(
        3,
        "error: column `accountIndex` of `indexed` has 1 missing values
           hint: give it a value in SQL, for example coalesce(accountIndex, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing",
    );
}

/// The usual events with a column cast to another type.
fn usual_with(column: &str, data_type: &DataType) -> RecordBatch {
    let rows = usual();
    let plain = DataType::Timestamp(TimeUnit::Microsecond, None);
    let values = cast(
        &cast(rows.column_by_name(column).unwrap(), &plain).unwrap(),
        data_type,
    )
    .unwrap();
    replaced(&rows, column, &values)
}

fn replaced(rows: &RecordBatch, column: &str, values: &ArrayRef) -> RecordBatch {
    let at = rows.schema().index_of(column).unwrap();
    let mut fields: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields[at] = Field::new(column, values.data_type().clone(), true);
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::clone(values);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
