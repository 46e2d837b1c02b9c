//! Delta tables that are missing, damaged, or more than this program can read; and two that look odd and are fine.

use std::fs;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use serde_json::{Value, json};

use crate::kit::{
    AS_OF, Dir, JOB, RawDelta, Said, add, delta_schema, usual, write_delta, write_parquet, z85,
};

#[test]
fn a_missing_table_is_named_and_not_made() {
    let dir = Dir::without_events();
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/process_execution`: there is no Delta table
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
    assert!(!dir.path("data").exists());
}

#[test]
fn a_folder_without_a_log_is_no_table() {
    let dir = Dir::without_events();
    fs::create_dir_all(dir.events()).unwrap();
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/process_execution`: there is no Delta table
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
    assert_eq!(fs::read_dir(dir.events()).unwrap().count(), 0);
}

#[test]
fn an_empty_table_has_no_rows_to_judge() {
    let dir = Dir::without_events();
    let schema = delta_schema(|_, _| json!({}));
    RawDelta::create(
        &dir.events(),
        &json!({"minReaderVersion": 1, "minWriterVersion": 2}),
        &schema,
        &json!({}),
        &[],
    );
    dir.run_is_refused(
        3,
        "error: `indexed` has no rows from 2025-12-11 00:00:00 UTC to 2026-03-11 00:00:00 UTC
           hint: is the source up to date, and is `--as-of` (default: now) within its time?",
    );
}

#[test]
fn a_version_that_does_not_exist_is_named() {
    let dir = Dir::new();
    dir.edit_job("format   = \"delta\"", "format   = \"delta\"\nversion = 7");
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/process_execution`: the Delta table has no version 7
           hint: the latest version is 0; leave `version` out to read it",
    );
}

#[test]
fn a_missing_column_is_told_with_its_nearest_name() {
    let dir = Dir::without_events();
    write_delta(&dir.events(), &renamed("Process", "ProcessName"), &[]);
    dir.run_is_refused(
        2,
        "error: sql/process_execution/grouped.sql:7: there is no column `Process` here
           hint: did you mean `ProcessName`?",
    );
}

#[test]
fn a_damaged_data_file_is_named() {
    let dir = Dir::new();
    let file = dir.data_file();
    let length = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![b'?'; usize::try_from(length).unwrap()]).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    dir.run_is_refused(
        3,
        &format!(
            "error: step `grouped` stopped
               because: Failed to fetch metadata for file [..]/{name}: [..]
               hint: a Parquet file is cut off or not Parquet: restore it, or remove it from the table"
        ),
    );
}

#[test]
fn a_data_file_that_is_cut_off_is_named() {
    let dir = Dir::new();
    let file = dir.data_file();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    dir.run_is_refused(
        3,
        &format!(
            "error: step `grouped` stopped
               because: Failed to fetch metadata for file [..]/{name}: [..]
               hint: a Parquet file is cut off or not Parquet: restore it, or remove it from the table"
        ),
    );
}

#[test]
fn a_data_file_with_damaged_pages_is_refused() {
    let dir = Dir::new();
    let file = dir.data_file();
    let mut bytes = fs::read(&file).unwrap();
    bytes[4..400].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    dir.run_is_refused(
        3,
        "error: step `grouped` stopped
           because: Parquet argument error: [..]
           hint: a Parquet file is cut off or not Parquet: restore it, or remove it from the table",
    );
}

#[test]
fn a_data_file_that_is_gone_is_named() {
    let dir = Dir::new();
    let file = dir.data_file();
    fs::remove_file(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    dir.run_is_refused(
        3,
        &format!(
            "error: step `grouped` stopped
               because: [..]{name}[..]
               hint: a file of the table is gone: restore it, or remove it from the table's log"
        ),
    );
}

#[test]
fn a_commit_that_was_half_written_is_named() {
    let dir = Dir::new();
    let log = dir.events().join("_delta_log");
    fs::write(
        log.join("00000000000000000001.json"),
        r#"{"add":{"path":"part-0"#,
    )
    .unwrap();
    // A stack trace, where the system asks for one, is for the makers of the engine.
    let said = Said::by(
        dir.command()
            .args(["run", JOB, "--as-of", AS_OF])
            .env("RUST_BACKTRACE", "1"),
    );
    said.fails(
        3,
        "error: source `process_execution` at `data/process_execution`: the Delta table cannot be opened
           because: Json error: Truncated record whilst reading string
           hint: the table's _delta_log may be half-written or cleaned up: restore it, or set `version` to one that is whole",
    );
    dir.findings_are_as_before();
}

#[test]
fn an_earlier_version_can_be_read_past_a_half_written_commit() {
    let dir = Dir::new();
    let log = dir.events().join("_delta_log");
    fs::write(
        log.join("00000000000000000001.json"),
        r#"{"add":{"path":"part-0"#,
    )
    .unwrap();
    dir.edit_job("format   = \"delta\"", "format   = \"delta\"\nversion = 0");
    dir.run(&[]).succeeds();
}

#[test]
fn a_reader_feature_that_is_not_known_is_named() {
    let dir = Dir::without_events();
    let protocol = json!({
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["quantumEntanglement"],
        "writerFeatures": ["quantumEntanglement"],
    });
    RawDelta::create(
        &dir.events(),
        &protocol,
        &delta_schema(|_, _| json!({})),
        &json!({}),
        &[],
    );
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/process_execution`: the Delta table cannot be opened
           because: Feature 'quantumEntanglement' is not supported
           hint: this table uses a feature that cannot be read here; rewrite it without, or read a copy",
    );
}

#[test]
fn a_table_of_mapped_columns_gives_the_same_findings() {
    let dir = Dir::without_events();
    let physical = |number: usize| format!("col-{number}");
    let metadata = |number: usize, _: &str| json!({"delta.columnMapping.id": number + 1, "delta.columnMapping.physicalName": physical(number)});
    let rows = usual();
    let fields = rows
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(number, field)| {
            field
                .as_ref()
                .clone()
                .with_name(physical(number))
                .with_metadata([("PARQUET:field_id".to_owned(), (number + 1).to_string())].into())
        })
        .collect::<Vec<_>>();
    let rows =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), rows.columns().to_vec()).unwrap();
    write_parquet(&dir.events().join("part-0.parquet"), &rows);
    RawDelta::create(
        &dir.events(),
        &json!({"minReaderVersion": 2, "minWriterVersion": 5}),
        &delta_schema(metadata),
        &json!({"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "6"}),
        &[add(&dir.events(), "part-0.parquet")],
    );
    let before = dir.findings().rows;
    dir.run(&[]).succeeds();
    assert_eq!(same_findings(&dir.findings().rows), same_findings(&before));
}

#[test]
fn a_deletion_vector_takes_its_rows_away() {
    let dir = Dir::without_events();
    write_parquet(&dir.events().join("part-0.parquet"), &usual());
    let mut action = add(&dir.events(), "part-0.parquet");
    let vector = deletion_vector(&[0, 2]);
    action["add"]["deletionVector"] = json!({
        "storageType": "i",
        "pathOrInlineDv": z85(&vector),
        "sizeInBytes": vector.len(),
        "cardinality": 2,
    });
    action["add"]["stats"] = json!(json!({"numRecords": usual().num_rows()}).to_string());
    RawDelta::create(
        &dir.events(),
        &json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["deletionVectors"],
            "writerFeatures": ["deletionVectors"],
        }),
        &delta_schema(|_, _| json!({})),
        &json!({"delta.enableDeletionVectors": "true"}),
        &[action],
    );
    let left = dir.query("SELECT count(*) AS events FROM process_execution");
    assert_eq!(left, [json!({"events": usual().num_rows() - 2})]);
    dir.run(&[]).succeeds();
}

/// Deleted rows of a file in the format of Delta: a magic number, then a Roaring bitmap of 64-bit numbers, here one
/// bitmap with one array of numbers below 65,536.
fn deletion_vector(rows: &[u16]) -> Vec<u8> {
    let count = u16::try_from(rows.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(1_681_511_377_u32.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes()); // bitmaps
    bytes.extend(0_u32.to_le_bytes()); // the high 32 bits of its numbers
    bytes.extend(12_346_u32.to_le_bytes()); // arrays, no runs
    bytes.extend(1_u32.to_le_bytes()); // containers
    bytes.extend([0_u16, count - 1].map(u16::to_le_bytes).concat()); // key, numbers less one
    bytes.extend(16_u32.to_le_bytes()); // where the array begins
    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    bytes
}

/// The usual events, a column under another name.
fn renamed(from: &str, to: &str) -> RecordBatch {
    let rows = usual();
    let rename = |field: &Arc<Field>| {
        let name = if field.name() == from {
            to
        } else {
            field.name()
        };
        field.as_ref().clone().with_name(name)
    };
    let schema = Schema::new(
        rows.schema()
            .fields()
            .iter()
            .map(rename)
            .collect::<Vec<_>>(),
    );
    RecordBatch::try_new(Arc::new(schema), rows.columns().to_vec()).unwrap()
}

/// Findings without the run that made them.
fn same_findings(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut()
        .for_each(|row| drop(row.as_object_mut().unwrap().remove("run_id")));
    rows
}
