//! A budget of findings, and scores as shares of what was learnt.

use crate::judged::{findings, judged, number, report, text};
use crate::kit::Dir;

#[test]
fn a_budget_keeps_the_strangest_of_the_day() {
    let dir = judged();
    dir.run(&[]).succeeds();
    let all = findings(&dir);
    assert_eq!(all.len(), 10); // without a budget every row is within it
    dir.run(&["--set", "findings.budget=\"3 per day\""])
        .succeeds();
    let kept = findings(&dir);
    let ids = |rows: &[serde_json::Value]| -> Vec<String> {
        rows.iter()
            .map(|row| text(row, "finding_id").to_owned())
            .collect()
    };
    assert_eq!(ids(&kept), ids(&all[..3]));
    dir.run(&["--set", "findings.budget=0.25"]).succeeds();
    assert_eq!(ids(&findings(&dir)), ids(&all[..2])); // a quarter of 10, rounded down
}

#[test]
fn the_shipped_jobs_heed_a_budget_too() {
    let dir = Dir::new();
    dir.run(&["--set", "findings.budget=\"1 per day\""])
        .succeeds();
    let found = dir.findings().rows;
    assert_eq!(found.len(), 1);
    assert_eq!(text(&found[0], "Process"), "mimikatz.exe");
}

#[test]
fn a_budget_that_is_none_or_that_nobody_heeds_is_refused() {
    let dir = judged();
    for wrong in ["\"20\"", "0", "1.5", "\"0 per day\""] {
        let said = dir.run(&["--set", &format!("findings.budget={wrong}")]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(
            said.stderr
                .contains("a number of findings such as \"20 per day\""),
            "{said:?}"
        );
    }
    dir.edit("sql/judged.sql", "WHERE within_budget\n  AND", "WHERE");
    let said = dir.check(&["--set", "findings.budget=0.1"]);
    said.fails(2, "error: --set on jobs/process_execution.toml: `findings.budget`: no file of [findings] sql looks at it: let one keep the rows of `scored` WHERE within_budget");
}

#[test]
fn a_percentile_is_the_share_of_learnt_rows_that_are_less_strange_and_has_a_severity() {
    let dir = judged();
    let judged = report(
        &dir,
        &[
            "--set",
            "findings.severity={ low = 20, medium = 50, high = 90, critical = 96 }",
        ],
    );
    let n = judged["isolation_forest"]["n_samples"].as_f64().unwrap();
    let found = findings(&dir);
    let first = &found[0];
    assert_eq!((number(first, "rank"), n), (1.0, 28.0));
    assert!((number(first, "anomaly_percentile") - 2700.0 / 28.0).abs() < 1e-9); // 27 of 28 are less strange
    assert_eq!(text(first, "severity"), "critical");
    for row in &found {
        let percentile = number(row, "anomaly_percentile");
        // Rows of equal scores share a percentile: no more rows are less strange than come after it.
        assert!(percentile <= (n - number(row, "rank")) / n * 100.0 + 1e-9);
        let severity = match percentile {
            p if p < 20.0 => "informational",
            p if p < 50.0 => "low",
            p if p < 90.0 => "medium",
            p if p < 96.0 => "high",
            _ => "critical",
        };
        assert_eq!(text(row, "severity"), severity);
    }
    let said = dir.check(&["--set", "findings.severity.low=99.5"]);
    assert!(
        said.code == 2 && said.stderr.contains("none before the one below it"),
        "{said:?}"
    );
}

#[test]
fn an_older_model_places_scores_among_those_that_it_learnt_from() {
    let dir = judged();
    dir.run(&[]).succeeds();
    let learnt = findings(&dir);
    let run = text(&learnt[0], "run_id").to_owned();
    dir.run(&["--model", &run]).succeeds();
    let judged = findings(&dir);
    let percentiles = |rows: &[serde_json::Value]| -> Vec<f64> {
        rows.iter()
            .map(|row| number(row, "anomaly_percentile"))
            .collect()
    };
    assert_eq!(percentiles(&judged), percentiles(&learnt));
}
