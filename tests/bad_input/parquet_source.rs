//! Parquet files that are missing or damaged.

use std::fs;

use crate::kit::{Dir, usual, write_parquet};

/// A folder whose job reads Parquet from `location`.
fn dir(location: &str) -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        &format!("\"parquet\"\nlocation = \"{location}\""),
    );
    dir
}

#[test]
fn a_missing_file_is_named() {
    dir("../data/events.parquet").run_is_refused(
        3,
        "error: source `process_execution` at `data/events.parquet`: there is no Parquet file
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
}

#[test]
fn a_folder_without_parquet_files_is_named() {
    let dir = dir("../data");
    dir.write("data/notes.txt", "nothing to see");
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data`: there is no Parquet file
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
}

#[test]
fn a_pattern_that_matches_nothing_is_named() {
    let dir = dir("../data/2027-*.parquet");
    write_parquet(&dir.path("data/2026-03.parquet"), &usual());
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/2027-*.parquet`: there is no Parquet file
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
}

#[test]
fn a_file_that_is_not_parquet_is_named() {
    let dir = dir("../data");
    write_parquet(&dir.path("data/a.parquet"), &usual());
    dir.write(
        "data/b.parquet",
        "this is a text, and it is long enough to hold a footer",
    );
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data`: `b.parquet` is cut off or not Parquet
           because: Invalid Parquet file. Corrupt footer
           hint: restore it, or remove it",
    );
}

#[test]
fn a_file_that_is_cut_off_is_named() {
    let dir = dir("../data/events.parquet");
    write_parquet(&dir.path("data/events.parquet"), &usual());
    let bytes = fs::read(dir.path("data/events.parquet")).unwrap();
    fs::write(dir.path("data/events.parquet"), &bytes[..bytes.len() - 100]).unwrap();
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/events.parquet`: `events.parquet` is cut off or not Parquet
           because: Invalid Parquet file. Corrupt footer
           hint: restore it, or remove it",
    );
}

#[test]
fn a_file_without_a_byte_is_none() {
    let dir = dir("../data/events.parquet");
    dir.write("data/events.parquet", "");
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/events.parquet`: there is no Parquet file
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
}

#[test]
fn a_parquet_file_has_no_versions() {
    let dir = dir("../data/events.parquet");
    dir.edit_job("\"parquet\"\n", "\"parquet\"\nversion = 3\n");
    dir.job_is_refused("error: jobs/process_execution.toml:10: `sources.process_execution.version`: only a Delta table has versions");
}
