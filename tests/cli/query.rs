//! `crannog query`: sources, steps and output by their names, as a table, as CSV and as JSON.

use serde_json::json;

use crate::kit::{AS_OF, Dir, JOB};

#[test]
fn a_source_a_step_and_the_output_go_by_their_names() {
    let dir = Dir::new();
    assert_eq!(
        dir.query("SELECT count(*) AS events FROM process_execution"),
        [json!({"events": 103})]
    );
    assert_eq!(
        dir.query("SELECT count(*) AS groups FROM grouped"),
        [json!({"groups": 28})]
    );
    assert_eq!(
        dir.query("SELECT \"processIndex\" FROM indexed WHERE Process = 'mimikatz.exe'"),
        [json!({"processIndex": 3.0})],
    );
    assert_eq!(
        dir.query("SELECT Account, count FROM anomalies WHERE rank = 1"),
        [json!({"Account": "mallory", "count": 40})],
    );
    dir.findings_are_as_before();
}

#[test]
fn the_run_s_parameters_can_be_used() {
    let dir = Dir::new();
    let sql =
        "SELECT count(*) AS events FROM process_execution WHERE \"TimeGenerated\" >= $detect_start";
    assert_eq!(dir.query(sql), [json!({"events": 61})]);
}

#[test]
fn an_answer_comes_as_a_table_as_csv_and_as_json() {
    let dir = Dir::new();
    let answer = |format: &str| {
        let sql = "SELECT DISTINCT Computer, 0.5 AS half FROM grouped WHERE Account = 'alice'";
        dir.crannog(&[
            "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", format,
        ])
        .succeeds()
        .stdout
        .clone()
    };
    assert_eq!(answer("csv"), "Computer,half\nweb-1,0.5\n");
    assert_eq!(answer("json"), "{\"Computer\":\"web-1\",\"half\":0.5}\n");
    assert!(
        answer("table").contains("│ web-1      0.5000 │"),
        "{}",
        answer("table")
    );
}

#[test]
fn an_answer_without_rows_still_has_its_columns() {
    let dir = Dir::new();
    let answer = |format: &str| {
        let sql = "SELECT Computer FROM grouped WHERE Account = 'nobody'";
        dir.crannog(&[
            "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", format,
        ])
        .succeeds()
        .stdout
        .clone()
    };
    assert_eq!(answer("json"), "");
    assert_eq!(answer("csv"), "Computer\n");
    assert!(answer("table").contains("Computer"), "{}", answer("table"));
}

#[test]
fn a_list_is_json_in_a_cell_of_csv() {
    let dir = Dir::new();
    let sql = "SELECT rank, CommandLines FROM anomalies WHERE rank = 1";
    let said = dir.crannog(&[
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "csv",
    ]);
    assert_eq!(
        said.succeeds().stdout,
        "rank,CommandLines\n1,\"[\"\"mimikatz.exe\"\"]\"\n"
    );
}

#[test]
fn a_mistake_in_the_query_is_told_as_one_in_a_file() {
    let dir = Dir::new();
    let ask = |sql: &str| dir.crannog(&["query", sql, "--job", JOB, "--as-of", AS_OF]);
    ask("SELECT Compter FROM grouped").fails(
        2,
        "error: the query:1: there is no column `Compter` here
           hint: did you mean `Computer`?",
    );
    ask("SELECT * FROM anomalie").fails(
        2,
        "error: the query:1: there is no table `anomalie` here
           hint: did you mean `anomalies`?",
    );
    ask("SELECT * FORM grouped").fails(
        2,
        "error: the query:1: Expected: end of statement, found: FORM",
    );
}

#[test]
fn a_query_changes_nothing() {
    let dir = Dir::new();
    for sql in [
        "DROP TABLE anomalies",
        "DELETE FROM anomalies",
        "INSERT INTO anomalies SELECT * FROM anomalies",
        "CREATE TABLE t AS SELECT 1 AS a",
        "COPY process_execution TO 'copy.parquet'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let said = dir.crannog(&["query", sql, "--job", JOB, "--as-of", AS_OF]);
        assert_eq!(said.code, 2, "{sql}: {said:#?}");
        assert!(
            said.stderr.starts_with("error: the query: ") && said.stderr.contains("not supported"),
            "{sql}: {}",
            said.stderr
        );
    }
    assert!(!dir.path("copy.parquet").exists());
    dir.findings_are_as_before();
}
