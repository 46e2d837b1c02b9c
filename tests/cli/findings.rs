//! The table of findings: a run replaces its own day, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kit::{AS_OF, Dir, JOB, append, batch, event};

fn dates(rows: &[Value]) -> BTreeSet<&str> {
    rows.iter()
        .map(|row| row["date"].as_str().unwrap())
        .collect()
}

#[test]
fn the_same_run_again_makes_the_same_rows_as_one_version_more() {
    let dir = Dir::new();
    let before = dir.findings();
    dir.run(&[]).succeeds();
    let after = dir.findings();
    assert_eq!(after.version, before.version.map(|version| version + 1));
    assert!(!after.rows.is_empty());
    assert_eq!(
        without(&after.rows, "run_id"),
        without(&before.rows, "run_id")
    );
    dir.run(&[]).succeeds();
    assert_eq!(dir.findings().rows, after.rows, "down to the run's id");
}

#[test]
fn threads_do_not_change_the_findings() {
    let dir = Dir::new();
    let rows = |threads: &str| {
        dir.run(&["--set", &format!("engine.threads={threads}")])
            .succeeds();
        without(&dir.findings().rows, "run_id")
    };
    assert_eq!(rows("1"), rows("3"));
}

#[test]
fn a_run_of_another_day_leaves_the_other_days_alone() {
    let dir = Dir::new();
    let before = dir.findings();
    dir.crannog(&["run", JOB, "--as-of", "2026-03-10"])
        .succeeds();
    let after = dir.findings();
    assert_eq!(
        dates(&after.rows),
        BTreeSet::from(["2026-03-09", "2026-03-10"])
    );
    let kept: Vec<_> = after
        .rows
        .iter()
        .filter(|row| row["date"] == "2026-03-10")
        .cloned()
        .collect();
    assert_eq!(kept, before.rows);
}

#[test]
fn a_day_without_findings_is_emptied() {
    let dir = Dir::new();
    let before = dir.findings();
    assert_eq!(dates(&before.rows), BTreeSet::from(["2026-03-10"]));
    dir.edit(
        "sql/process_execution/anomalies.sql",
        "prediction = -1",
        "prediction = 2",
    );
    let said = dir.run(&[]);
    assert!(
        said.succeeds()
            .stdout
            .starts_with("0 findings from 2026-03-10 00:00 to 2026-03-11 00:00 (UTC)"),
        "{}",
        said.stdout
    );
    let after = dir.findings();
    assert_eq!(
        (after.version, after.rows.len()),
        (before.version.map(|version| version + 1), 0)
    );
}

#[test]
fn a_finding_holds_its_keys_its_score_its_command_lines_and_its_run() {
    let dir = Dir::new();
    let findings = dir.findings();
    let finding = findings.rows.iter().find(|row| row["rank"] == 1).unwrap();
    assert_eq!(finding["interval"], "2026-03-10T00:00:00Z");
    assert_eq!(finding["Computer"], "db-1");
    assert_eq!(finding["Account"], "mallory");
    assert_eq!(finding["Process"], "mimikatz.exe");
    assert_eq!(finding["CommandLines"], serde_json::json!(["mimikatz.exe"]));
    assert_eq!(finding["count"], 40);
    assert_eq!(finding["job"], "process_execution");
    assert_eq!(finding["as_of"], "2026-03-11T00:00:00Z");
    assert_eq!(finding["date"], "2026-03-10");
    assert_eq!(finding["finding_id"].as_str().unwrap().len(), 32);
    let score = finding["anomaly_score"].as_f64().unwrap();
    assert!(0.5 < score && score <= 1.0, "{score}");
    let next = findings
        .rows
        .iter()
        .map(|row| row["anomaly_score"].as_f64().unwrap());
    assert!(next.into_iter().all(|other| other <= score));
}

#[test]
fn later_events_change_a_run_of_the_same_day_only_where_they_belong_to_it() {
    let dir = Dir::new();
    let before = dir.findings();
    append(
        &dir.events(),
        &batch(&[event("2026-03-11T00:00:00Z", "web-9", "eve", "nmap.exe")]),
    );
    dir.run(&[]).succeeds();
    assert_eq!(
        without(&dir.findings().rows, "run_id"),
        without(&before.rows, "run_id")
    );
}

#[test]
fn a_run_in_the_middle_of_a_day_replaces_that_day() {
    let dir = Dir::new();
    dir.crannog(&["run", JOB, "--as-of", "2026-03-10T12:00:00Z"])
        .succeeds();
    let noon = dir.findings();
    // The last day is every day that touches the 24 hours before noon: the 9th and the 10th.
    assert_eq!(
        dates(&noon.rows),
        BTreeSet::from(["2026-03-09", "2026-03-10"])
    );
    assert!(
        noon.rows.iter().all(|row| row["Account"] != "mallory"),
        "she comes at eleven in the evening"
    );
    dir.crannog(&["run", JOB, "--as-of", AS_OF]).succeeds();
    assert!(
        dir.findings()
            .rows
            .iter()
            .any(|row| row["Account"] == "mallory")
    );
}

#[test]
fn every_judged_row_can_be_kept_in_a_file() {
    let dir = Dir::new();
    dir.run(&["--scored", "scored.parquet"]).succeeds();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        "\"parquet\"\nlocation = \"../scored.parquet\"",
    );
    let counts = "SELECT count(*) AS rows, count(DISTINCT rank) AS ranks, min(rank) AS first FROM process_execution";
    let said = dir.crannog(&["query", counts, "--job", JOB, "--format", "json"]);
    // The file is no table of events, so the job's own steps do not fit it.
    said.fails(
        2,
        "error: sql/process_execution/grouped.sql:10: there is no column `TimeGenerated` here
           hint: known here: [..]",
    );
    let rows = crate::kit::read_parquet(&dir.path("scored.parquet"));
    assert_eq!(rows.len(), 28);
    let ranks: BTreeSet<_> = rows
        .iter()
        .map(|row| row["rank"].as_i64().unwrap())
        .collect();
    assert_eq!(ranks, (1..=28).collect());
    assert!(
        rows.iter()
            .all(|row| (row["prediction"] == -1) == (row["anomaly_score"].as_f64().unwrap() > 0.5))
    );
}

fn without(rows: &[Value], column: &str) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut()
        .for_each(|row| drop(row.as_object_mut().unwrap().remove(column)));
    rows
}
