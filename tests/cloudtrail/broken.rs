//! Files that cannot be read to their end: named and counted, or an error where the job is strict.

use serde_json::{Value, json};

use super::{DAY, TRAIL, ask, deliver, delivery, dir, gzip, ids, write};
use crate::kit::{AS_OF, Dir, JOB, Said};

/// How a file of the day is named in a message.
const NAME: &str = "AWSLogs/111111111111/CloudTrail/eu-west-1/2026/03/10/b.json.gz";

/// With a whole file beside it, this one is named with what is wrong, and gives so many rows; strictly, it is an error.
#[track_caller]
fn is_named(content: &[u8], problem: &str, rows: usize) {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["whole"]);
    write(&dir, &format!("{DAY}/b.json.gz"), content);
    let sql = "SELECT count(eventID) AS n FROM trail";
    let said = ask(&dir, sql, &[]);
    let expected = format!("a file is skipped from where it cannot be read: `{NAME}`: {problem}");
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (0, format!("{{\"n\":{}}}\n", rows + 1).as_str())
    );
    assert!(
        said.stderr.contains(&expected) && said.stderr.lines().count() == 1,
        "{}",
        said.stderr
    );
    ask(&dir, sql, &["--strict"]).fails(
        3,
        &format!(
            "error: step `the query` stopped
               because: `{NAME}`: {problem}[..]
               hint: restore the file or remove it; without `--strict` it is named, and what else it holds is read"
        ),
    );
}

#[test]
fn a_file_without_a_byte() {
    is_named(&[], "it is empty", 0);
}

#[test]
fn a_file_that_is_not_gzip() {
    is_named(
        b"PK\x03\x04 something else",
        "it is neither gzip nor JSON",
        0,
    );
}

#[test]
fn gzip_that_is_cut_off() {
    // Incompressible, so that the first record is whole in the first half.
    let noise: String = (0..20_000_u64)
        .map(|n| char::from(b'a' + (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as u8 % 26))
        .collect();
    let text =
        json!({"Records": [{"eventID": "a"}, {"eventID": "b", "userAgent": noise}]}).to_string();
    let bytes = gzip(text.as_bytes());
    is_named(
        &bytes[..bytes.len() / 2],
        "its gzip data are cut off after 1 records",
        1,
    );
}

#[test]
fn gzip_that_is_damaged() {
    let mut bytes = gzip(delivery(&["a", "b"]).as_bytes());
    let end = bytes.len() - 6;
    bytes[end] ^= 0xff; // its checksum
    is_named(&bytes, "its gzip data are damaged after 2 records", 2);
}

#[test]
fn json_that_is_cut_off() {
    let text = delivery(&["a", "b"]);
    is_named(
        &gzip(&text.as_bytes()[..text.len() - 10]),
        "its JSON is cut off after 1 records",
        1,
    );
    is_named(
        &gzip(&text.as_bytes()[..text.len() - 2]),
        "its JSON is cut off after 2 records",
        2,
    );
}

#[test]
fn json_that_is_none() {
    is_named(
        br#"{"Records": [{"eventID": "a"}, {"eventID": b}]}"#,
        "after 1 records comes what is no JSON: expected value",
        1,
    );
}

#[test]
fn json_of_something_else() {
    is_named(
        br#"{"configurationItems": []}"#,
        "after 0 records comes what is no record of CloudTrail: an object with neither `Records` nor a field of a record",
        0,
    );
    is_named(
        br#"{"Records": [{"eventID": "a"}, 17]}"#,
        "after 1 records comes what is no record of CloudTrail: an element of the list is no object",
        1,
    );
}

#[test]
fn a_record_without_end_is_not_held_in_memory() {
    let text = format!(
        r#"{{"eventID": "a"}}{{"eventID": "b", "userAgent": "{}"#,
        "x".repeat(150 << 20)
    );
    is_named(
        &gzip(text.as_bytes()),
        "after 1 records comes one that is longer than 64 MB",
        1,
    );
}

#[test]
fn a_run_reports_what_it_skipped() {
    let dir = dir();
    feed_the_job(&dir);
    let said = dir.crannog(&["run", JOB, "--as-of", AS_OF, "--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let skipped = json!([{
        "file": NAME,
        "reason": "its JSON is cut off after 1 records",
    }]);
    assert_eq!(report["sources"][1]["skipped"], skipped);
    let said = dir.run(&[]);
    assert!(
        said.stdout
            .contains("1 file of `trail` could not be read to the end"),
        "{}",
        said.stdout
    );
}

#[test]
fn many_broken_files_are_a_few_lines_without_colours_and_a_count() {
    let dir = dir();
    feed_the_job(&dir);
    for file in 0..14 {
        write(&dir, &format!("{DAY}/x{file:02}.json.gz"), b"PK\x03\x04");
    }
    let lines = |said: &Said| {
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
        let named = said
            .stderr
            .matches("a file is skipped from where it cannot be read: `")
            .count();
        let last = said.stderr.lines().last().unwrap_or_default();
        let count = "WARN of `trail` 5 more files are skipped; the report of a run lists all (run_results.json, `sources[].skipped`)";
        assert!(last.ends_with(count), "{last}");
        assert_eq!(
            (named, said.stderr.lines().count()),
            (10, 11),
            "{}",
            said.stderr
        );
    };
    lines(&dir.run(&[]));
    lines(&ask(&dir, "SELECT count(eventID) AS n FROM trail", &[]));
    let text = std::fs::read_to_string(dir.path("out/run_results.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["sources"][1]["skipped"].as_array().unwrap().len(),
        15
    );
}

#[test]
fn a_strict_run_leaves_the_findings_as_they_were() {
    let dir = dir();
    feed_the_job(&dir);
    let said = dir.run(&["--strict"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    dir.findings_are_as_before();
    let said = dir.run(&["--set", "engine.strict=true"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    dir.findings_are_as_before();
}

/// The job's events come from the trail, of which one file is cut off.
fn feed_the_job(dir: &Dir) {
    dir.edit_job("[sources.process_execution]", "[sources.other]");
    dir.edit_job(
        "sql     = [",
        "sql     = [\"../sql/process_execution.sql\", ",
    );
    dir.write(
        "sql/process_execution.sql",
        "SELECT eventTime AS TimeGenerated, awsRegion AS Computer, userIdentity.arn AS Account, 'User' AS AccountType,
                eventName AS Process, eventSource AS CommandLine FROM trail",
    );
    write(
        dir,
        &format!("{DAY}/a.json.gz"),
        &gzip(delivery(&["a", "b"]).as_bytes()),
    );
    let text = delivery(&["c", "d"]);
    write(
        dir,
        &format!("{DAY}/b.json.gz"),
        &gzip(&text.as_bytes()[..text.len() - 10]),
    );
}

#[test]
fn a_bucket_without_a_file_is_named() {
    let missing = "error: source `trail` at `data/trail`: there is no CloudTrail file (.json.gz, .json, .jsonl or .ndjson)
                     hint: look at `location` and `format` in the job file; paths in it are relative to the job file";
    let dir = dir();
    ask(&dir, "SELECT 1", &[]).fails(3, missing);
    write(&dir, &format!("{TRAIL}/notes.txt"), b"nothing to see");
    write(
        &dir,
        &format!("{TRAIL}/AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/10/d.json.gz"),
        b"x",
    );
    ask(&dir, "SELECT 1", &[]).fails(3, missing);
    dir.edit_job("\"../data/trail\"", "\"../data/trail/today.json.gz\"");
    ask(&dir, "SELECT 1", &[]).fails(
        3,
        &missing.replace("data/trail`", "data/trail/today.json.gz`"),
    );
}

#[test]
fn a_trail_has_no_versions() {
    let dir = dir();
    dir.edit_job("\"cloudtrail\"\n", "\"cloudtrail\"\nversion = 3\n");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:[..]: `sources.trail.version`: only a Delta table has versions",
    );
}

#[test]
fn a_file_that_is_whole_again_is_read() {
    let dir = dir();
    write(&dir, &format!("{DAY}/b.json.gz"), b"?");
    assert!(
        !ask(&dir, "SELECT count(eventID) AS n FROM trail", &[])
            .stderr
            .is_empty()
    );
    deliver(&dir, "b.json.gz", &["a"]);
    assert_eq!(ids(&dir), "a");
}
