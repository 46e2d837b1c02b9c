//! `crannog backfill`: days that are over, each as it would have run.

use std::fs;

use crate::kit::{Dir, JOB};

fn backfill(dir: &Dir, from: &str, to: &str, more: &[&str]) -> crate::kit::Said {
    dir.crannog(&[&["backfill", JOB, "--from", from, "--to", to], more].concat())
}

/// A folder in which nothing ran yet.
fn fresh() -> Dir {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    dir
}

#[test]
fn each_day_is_as_if_it_had_run_when_it_was_over() {
    let (filled, by_hand) = (fresh(), fresh());
    let said = backfill(&filled, "2026-03-08", "2026-03-10", &[]);
    let lines: Vec<_> = said.succeeds().stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("as of 2026-03-09 00:00  "),
        "{lines:?}"
    );
    for as_of in ["2026-03-09", "2026-03-10", "2026-03-11"] {
        by_hand.crannog(&["run", JOB, "--as-of", as_of]).succeeds();
    }
    assert_eq!(filled.findings().version, by_hand.findings().version);
    // The two tables lie in two folders, and so the runs have two ids.
    let rows = |dir: &Dir| {
        let mut rows = dir.findings().rows;
        for row in &mut rows {
            row["run_id"].take();
        }
        rows
    };
    assert_eq!(rows(&filled), rows(&by_hand));
    // The page and the report of the last night stay the last night's.
    assert!(!filled.path("out/run_results.json").exists());
    assert!(!filled.path("out/report.html").exists());
}

#[test]
fn a_second_call_goes_on_where_the_first_one_stopped() {
    let dir = fresh();
    backfill(&dir, "2026-03-08", "2026-03-09", &[]).succeeds();
    let said = backfill(&dir, "2026-03-08", "2026-03-10", &[]);
    let lines: Vec<_> = said.succeeds().stdout.lines().collect();
    assert!(
        lines[..2]
            .iter()
            .all(|line| line.contains("done before, by run ")),
        "{lines:?}"
    );
    assert!(lines[2].contains(" rows judged  run "), "{lines:?}");
    let version = dir.findings().version;
    backfill(&dir, "2026-03-08", "2026-03-10", &[]).succeeds();
    assert_eq!(dir.findings().version, version);
    backfill(&dir, "2026-03-10", "2026-03-10", &["--again"]).succeeds();
    assert_eq!(dir.findings().version, version.map(|version| version + 1));
    // The job is another one, so nothing of it is done.
    let other = ["--set", "isolation_forest.n_estimators=10"];
    let said = backfill(&dir, "2026-03-10", "2026-03-10", &other);
    assert!(!said.succeeds().stdout.contains("done before"));
}

#[test]
fn a_day_without_rows_is_told_and_passed_over() {
    let dir = fresh();
    let said = backfill(&dir, "2026-03-07", "2026-03-08", &[]);
    let lines: Vec<_> = said.succeeds().stdout.lines().collect();
    assert!(
        lines[0].contains("nothing to do: `indexed` has no rows"),
        "{lines:?}"
    );
    assert!(lines[1].contains("judged"), "{lines:?}");
}

#[test]
fn days_that_are_not_over_or_go_backwards_are_refused() {
    let dir = Dir::new();
    let said = backfill(&dir, "2026-03-10", "2026-03-08", &[]);
    said.fails(2, "error: `--to 2026-03-08` is before `--from 2026-03-10`");
    let said = backfill(&dir, "2026-03-10", "9000-01-01", &[]);
    said.fails(2, "error: 9000-01-01 is not over yet in UTC");
    dir.findings_are_as_before();
}

#[test]
fn a_step_that_is_kept_is_computed_once_for_all_days() {
    let dir = fresh();
    let kept = [
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={}",
        "--format",
        "json",
    ];
    let said = backfill(&dir, "2026-03-08", "2026-03-10", &kept);
    let computed = said.succeeds().stdout.lines().map(|line| {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        report["kept"][0]["computed"].to_string()
    });
    let one_day = |first: &str, end: &str| format!("[{{\"start\":\"{first}\",\"end\":\"{end}\"}}]");
    assert_eq!(
        computed.collect::<Vec<_>>(),
        [
            one_day("2025-12-09", "2026-03-09"),
            one_day("2026-03-09", "2026-03-10"),
            one_day("2026-03-10", "2026-03-11"),
        ]
    );
}
