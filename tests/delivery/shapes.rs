//! What a finding looks like to a receiver: SQL, the program's or the job's own.

use serde_json::Value;

use super::send_to;
use crate::kit::{Dir, JOB};

/// What is sent in a shape.
fn shaped(dir: &Dir, shape: &str) -> Vec<Value> {
    send_to(
        dir,
        &format!("type = \"ndjson\"\nlocation = \"-\"\nshape = \"{shape}\""),
    );
    let said = dir.run(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    let lines = said.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of<'a>(rows: &'a [Value], path: &str, value: &str) -> &'a Value {
    let mut rows = rows.iter();
    rows.find(|row| row.pointer(path).is_some_and(|found| found == value))
        .unwrap()
}

#[test]
fn a_detection_finding_has_what_its_class_demands() {
    let rows = shaped(&Dir::new(), "ocsf");
    let row = of(&rows, "/unmapped/Process", "mimikatz.exe");
    for (path, value) in [
        ("/activity_id", Value::from(1)),
        ("/category_uid", Value::from(2)),
        ("/class_uid", Value::from(2004)),
        ("/type_uid", Value::from(200_401)),
        ("/severity_id", Value::from(0)),
        ("/metadata/version", Value::from("1.5.0")),
        ("/metadata/product/name", Value::from("crannog")),
        ("/finding_info/analytic/type_id", Value::from(4)),
        ("/time", Value::from(1_773_187_200_000_i64)),
        ("/start_time", Value::from(1_773_100_800_000_i64)),
        ("/end_time", Value::from(1_773_187_200_000_i64)),
        ("/unmapped/Account", Value::from("mallory")),
    ] {
        assert_eq!(row.pointer(path), Some(&value), "{path} of {row:#}");
    }
    assert_eq!(row["finding_info"]["uid"].as_str().unwrap().len(), 32);
    assert_eq!(
        row["finding_info"]["title"],
        "Anomaly of process_execution: Computer db-1, Account mallory, AccountType User, Process mimikatz.exe"
    );
}

#[test]
fn a_row_of_sentinels_anomalies_has_its_columns() {
    let rows = shaped(&Dir::new(), "sentinel_anomalies");
    let row = of(&rows, "/AnomalyDetails/Process", "mimikatz.exe");
    assert_eq!(row["RuleName"], "process_execution");
    assert_eq!(row["StartTime"], "2026-03-10T00:00:00Z");
    assert!(row["Score"].as_f64().unwrap() > 0.5);
}

#[test]
fn a_shape_of_ones_own_chooses_columns_and_findings() {
    let dir = Dir::new();
    dir.write(
        "sql/pager.sql",
        "SELECT finding_id AS _finding_id, delivery['title'] AS summary, 'critical' AS severity\nFROM findings WHERE \"Account\" = 'mallory'",
    );
    let rows = shaped(&dir, "../sql/pager.sql");
    assert_eq!(rows.len(), 1);
    let names: Vec<_> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["summary", "severity"]);
}

#[test]
fn a_shape_without_the_findings_id_or_with_an_unknown_column_is_told() {
    for (sql, told) in [
        (
            "SELECT \"Account\" FROM findings",
            "sink `ndjson`: `[..]sql/pager.sql`: it makes no column `_finding_id`",
        ),
        (
            "SELECT finding_id AS _finding_id,\n  \"Acount\" FROM findings",
            "pager.sql:2: there is no column `Acount` here",
        ),
    ] {
        let dir = Dir::new();
        dir.write("sql/pager.sql", sql);
        send_to(
            &dir,
            "type = \"ndjson\"\nlocation = \"-\"\nshape = \"../sql/pager.sql\"",
        );
        let said = dir.run(&[]);
        assert_eq!(said.code, 2, "{said:#?}");
        let mut parts = told.split("[..]");
        assert!(
            parts.all(|part| said.stderr.contains(part)),
            "{}",
            said.stderr
        );
        let check = dir.crannog(&["check", JOB]);
        assert_eq!(check.code, 2, "{check:#?}");
        dir.findings_are_as_before();
    }
}

#[test]
fn a_shape_that_names_no_finding_is_told_with_its_file_and_loses_nothing() {
    let dir = Dir::new();
    dir.write(
        "sql/pager.sql",
        "SELECT 'zzz' AS _finding_id, \"Account\" FROM findings",
    );
    send_to(
        &dir,
        "type = \"ndjson\"\nlocation = \"../out/lines\"\nshape = \"../sql/pager.sql\"",
    );
    let said = dir.run(&[]);
    assert_eq!(said.code, 4, "{said:#?}");
    assert!(
        said.stderr
            .contains("sql/pager.sql`: `_finding_id` of a row is no `finding_id`"),
        "{}",
        said.stderr
    );
    dir.write(
        "sql/pager.sql",
        "SELECT finding_id AS _finding_id, \"Account\" FROM findings",
    );
    let said = dir.crannog(&["send", JOB]);
    let count = dir.findings().rows.len();
    assert!(
        said.succeeds()
            .stdout
            .contains(&format!("sent to ndjson: {count} findings")),
        "{}",
        said.stdout
    );
}
