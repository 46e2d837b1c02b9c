//! The same events give the same findings, however they are stored.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema};
use serde_json::Value;

use crate::kit::{Dir, append, batch, event, usual, write_delta, write_parquet};

/// A folder whose job reads Parquet from `location`.
fn parquet(location: &str) -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        &format!("\"parquet\"\nlocation = \"{location}\""),
    );
    dir
}

/// The findings of a run are those of the usual events.
#[track_caller]
fn finds_the_usual(dir: &Dir) {
    let before = dir.findings();
    dir.run(&[]).succeeds();
    let after = dir.findings();
    assert_eq!(after.version, before.version.map(|version| version + 1));
    assert_eq!(of_any_run(&after.rows), of_any_run(&before.rows));
}

fn of_any_run(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut()
        .for_each(|row| drop(row.as_object_mut().unwrap().remove("run_id")));
    rows
}

/// The usual events of one host.
fn of_host(name: &str) -> RecordBatch {
    let rows = usual();
    let hosts: &StringArray = rows.column_by_name("Computer").unwrap().as_string();
    let is_it = hosts.iter().map(|host| Some(host == Some(name))).collect();
    filter_record_batch(&rows, &is_it).unwrap()
}

/// The columns in this order; others are dropped.
fn columns(rows: &RecordBatch, names: &[&str]) -> RecordBatch {
    let at: Vec<_> = names
        .iter()
        .map(|name| rows.schema().index_of(name).unwrap())
        .collect();
    rows.project(&at).unwrap()
}

#[test]
fn a_parquet_file() {
    let dir = parquet("../data/events.parquet");
    write_parquet(&dir.path("data/events.parquet"), &usual());
    finds_the_usual(&dir);
}

#[test]
fn a_folder_of_parquet_files_beside_other_files() {
    let dir = parquet("../data/events");
    for host in ["web-1", "web-2", "db-1"] {
        write_parquet(
            &dir.path(&format!("data/events/{host}.parquet")),
            &of_host(host),
        );
    }
    dir.write("data/events/_SUCCESS", "");
    dir.write("data/events/notes.txt", "not ours");
    finds_the_usual(&dir);
}

#[test]
fn folders_in_folders() {
    let dir = parquet("../data/events/");
    write_parquet(&dir.path("data/events/a.parquet"), &of_host("web-1"));
    write_parquet(&dir.path("data/events/2026/b.parquet"), &of_host("web-2"));
    write_parquet(&dir.path("data/events/2026/03/c.parquet"), &of_host("db-1"));
    finds_the_usual(&dir);
}

#[test]
fn a_pattern() {
    let dir = parquet("../data/web*/*.parquet");
    for host in ["web-1", "web-2", "db-1"] {
        write_parquet(
            &dir.path(&format!("data/{host}/part.parquet")),
            &of_host(host),
        );
    }
    let hosts = dir.query("SELECT DISTINCT Computer AS host FROM process_execution ORDER BY 1");
    assert_eq!(
        hosts,
        [
            serde_json::json!({"host": "web-1"}),
            serde_json::json!({"host": "web-2"})
        ]
    );
}

#[test]
fn a_column_that_stands_in_the_folders_names() {
    let dir = parquet("../data/events");
    let rest = [
        "TimeGenerated",
        "Account",
        "AccountType",
        "Process",
        "CommandLine",
    ];
    for host in ["web-1", "web-2", "db-1"] {
        let file = format!("data/events/Computer={host}/part.parquet");
        write_parquet(&dir.path(&file), &columns(&of_host(host), &rest));
    }
    finds_the_usual(&dir);
}

#[test]
fn a_version_that_the_job_names() {
    let dir = Dir::new();
    append(
        &dir.events(),
        &batch(&[event("2026-03-10T03:00:00Z", "web-9", "eve", "nmap.exe")]),
    );
    dir.edit_job("format   = \"delta\"", "format   = \"delta\"\nversion = 0");
    finds_the_usual(&dir);
    assert!(
        dir.findings()
            .rows
            .iter()
            .all(|row| row["Account"] != "eve")
    );
}

#[test]
fn a_partitioned_table_with_its_columns_in_another_order() {
    let dir = Dir::without_events();
    let names = [
        "CommandLine",
        "Process",
        "AccountType",
        "Computer",
        "Account",
        "TimeGenerated",
    ];
    write_delta(
        &dir.events(),
        &columns(&usual(), &names),
        &["Computer", "AccountType"],
    );
    assert!(dir.events().join("Computer=db-1").is_dir());
    finds_the_usual(&dir);
}

#[test]
fn columns_that_nobody_asks_for() {
    let dir = Dir::without_events();
    let rows = usual();
    let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(
        "interval",
        arrow::datatypes::DataType::Utf8,
        true,
    )));
    let noise: ArrayRef = Arc::new(StringArray::from(vec!["noise"; rows.num_rows()]));
    let columns = rows.columns().iter().cloned().chain([noise]).collect();
    write_delta(
        &dir.events(),
        &RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(),
        &[],
    );
    finds_the_usual(&dir);
}

#[test]
fn files_in_any_number_and_order() {
    let dir = Dir::without_events();
    for host in ["db-1", "web-2", "web-1"] {
        append(&dir.events(), &of_host(host));
    }
    assert_eq!(
        fs::read_dir(dir.events()).unwrap().count(),
        4,
        "three files and a log"
    );
    finds_the_usual(&dir);
}

#[test]
fn a_table_reached_from_another_folder() {
    let dir = Dir::new();
    let mut command = dir.command();
    command
        .current_dir("/")
        .arg("run")
        .arg(dir.path(crate::kit::JOB))
        .args(["--as-of", crate::kit::AS_OF]);
    let before = dir.findings();
    crate::kit::Said::by(&mut command).succeeds();
    assert_eq!(of_any_run(&dir.findings().rows), of_any_run(&before.rows));
}
