//! Real tables: `../shared/data`, where it is there.

use std::path::Path;

use super::{TABLE, dir};

/// The rows of these files, as a job reads them and as it reads the table they were imported to.
fn is_equal(files: &str, time: &str) {
    let location = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(files);
    let Ok(folder) = location.parent().unwrap().canonicalize() else {
        println!("skipped: there is no {}", location.display());
        return;
    };
    let files = folder.join(location.file_name().unwrap());
    let dir = dir("parquet");
    let said = dir.crannog(&[
        "import",
        "--format",
        "parquet",
        files.to_str().unwrap(),
        TABLE,
        "--time-column",
        time,
    ]);
    assert!(!said.succeeds().stdout.starts_with("0 files"), "{said:?}");
    let source = "\"../data/source\"";
    dir.edit_job(source, &format!("\"{}\"", files.display()));
    let before = super::source(&dir);
    dir.edit_job(
        &format!("\"parquet\"\nlocation = \"{}\"", files.display()),
        &format!("\"delta\"\nlocation = \"../{TABLE}\""),
    );
    let after = super::rows(&dir, "SELECT * EXCEPT (\"date\", _source_file) FROM source");
    assert!(!before.is_empty());
    assert!(before == after, "{} rows and {}", before.len(), after.len());
}

#[test]
fn real_process_executions_are_the_same_after_an_import() {
    is_equal("process/real_*.parquet", "TimeGenerated");
}

#[test]
fn real_flat_events_are_the_same_after_an_import() {
    is_equal("cloudtrail/*.parquet", "eventTime");
}
