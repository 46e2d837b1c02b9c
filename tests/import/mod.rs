//! `crannog import`: what each format becomes, and that nothing is taken twice or lost.

mod delta;
mod event_logs;
mod parquet;
mod real;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kit::{Dir, Said, read_delta};

/// Where the source of [`dir`] is, and the table that it becomes.
const SOURCE: &str = "data/source";
const TABLE: &str = "data/imported";

/// A folder whose job also has the source `source` of this format, of which nothing is there yet.
fn dir(format: &str) -> Dir {
    let dir = Dir::new();
    let source = format!("[sources.source]\nformat = \"{format}\"\nlocation = \"../{SOURCE}\"");
    dir.edit_job("[window]", &format!("{source}\n\n[window]"));
    dir
}

/// Imports the source into [`TABLE`].
fn import(dir: &Dir, format: &str, more: &[&str]) -> Said {
    dir.crannog(&[&["import", "--format", format, SOURCE, TABLE], more].concat())
}

/// The import says so many taken, known and left.
#[track_caller]
fn takes(said: &Said, taken: &str, known: usize) {
    let expected = format!("{taken} taken, {known} known already, 0 left, in {TABLE}, version");
    assert!(said.succeeds().stdout.starts_with(&expected), "{said:?}");
}

/// All rows of the source as a job reads them, in the order of their text.
fn source(dir: &Dir) -> Vec<BTreeMap<String, Value>> {
    rows(dir, "SELECT * FROM source")
}

/// All rows of the table as a job reads them, without the columns that an import adds.
fn imported(dir: &Dir, format: &str, added: &str) -> Vec<BTreeMap<String, Value>> {
    let (source, table) = (
        format!("\"{format}\"\nlocation = \"../{SOURCE}\""),
        format!("\"delta\"\nlocation = \"../{TABLE}\""),
    );
    dir.edit_job(&source, &table);
    let rows = rows(dir, &format!("SELECT * EXCEPT ({added}) FROM source"));
    dir.edit_job(&table, &source);
    rows
}

fn rows(dir: &Dir, sql: &str) -> Vec<BTreeMap<String, Value>> {
    let rows = dir.query(sql).into_iter();
    let mut rows: Vec<BTreeMap<String, Value>> = rows
        .map(|row| serde_json::from_value(row).unwrap())
        .collect();
    rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
    rows
}

/// The import is refused in these words, and leaves the table as it was.
#[track_caller]
fn is_refused(dir: &Dir, format: &str, more: &[&str], code: i32, stderr: &str) {
    let is_there = dir.path(TABLE).join("_delta_log").is_dir();
    let before = is_there.then(|| read_delta(&dir.path(TABLE)));
    import(dir, format, more).fails(code, stderr);
    let is_there = dir.path(TABLE).join("_delta_log").is_dir();
    assert_eq!(is_there.then(|| read_delta(&dir.path(TABLE))), before);
}
