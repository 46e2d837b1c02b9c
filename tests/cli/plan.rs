//! `crannog plan`: what a run would do, and that nothing is done.

use std::fs;

use serde_json::{Value, json};

use crate::kit::{AS_OF, Dir, JOB, append, batch, event, usual, write_delta};

/// The plan of the shipped job with the step `grouped` kept.
fn plan(dir: &Dir, more: &[&str]) -> String {
    let words = [
        "plan",
        JOB,
        "--as-of",
        AS_OF,
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={}",
    ];
    let said = dir.crannog(&[&words, more].concat());
    said.succeeds().stdout.clone()
}

fn run(dir: &Dir) {
    dir.run(&[
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={}",
    ])
    .succeeds();
}

#[test]
fn a_plan_tells_what_is_read_computed_and_replaced_and_writes_nothing() {
    let dir = Dir::bare();
    write_delta(&dir.events(), &usual(), &[]);
    let said = plan(&dir, &[]);
    for line in [
        "process_execution as of 2026-03-11 00:00 (UTC)",
        "learns from 2025-12-11 00:00 to 2026-03-11 00:00, reports on 2026-03-10 00:00 to 2026-03-11 00:00",
        "  grouped  out/steps/grouped  a new table",
        "    every day is computed: there is no table yet",
        "    2025-12-11 to 2026-03-10  not computed yet",
        "grouped  sql/process_execution/grouped.sql  is kept: this is its plan for all days at once",
        "      date_trunc('day', TimeGenerated)  AS interval,",
        "  out/anomalies  a new table  its findings from 2026-03-10 00:00 to 2026-03-11 00:00",
    ] {
        assert!(
            said.lines().any(|other| other == line),
            "no {line:?} in\n{said}"
        );
    }
    assert!(!dir.path("out").exists(), "a plan has written something");
}

#[test]
fn days_that_changed_are_told() {
    let dir = Dir::bare();
    write_delta(&dir.events(), &usual(), &[]);
    run(&dir);
    let days = |dir: &Dir| -> Value {
        let plan: Value = serde_json::from_str(&plan(dir, &["--format", "json"])).unwrap();
        assert_eq!(
            plan["sinks"],
            json!([{"location": "out/anomalies", "version": 1}])
        );
        plan["kept"][0]["due"].clone()
    };
    assert_eq!(days(&dir), json!([]));
    append(
        &dir.events(),
        &batch(&[event("2026-03-08T09:15:00Z", "web-1", "alice", "cmd.exe")]),
    );
    let late = json!([{"days": {"start": "2026-03-08", "end": "2026-03-09"}, "why": "changed"}]);
    assert_eq!(days(&dir), late);
    assert_eq!(days(&dir), late); // it was told, and not done
}

#[test]
fn files_that_the_conditions_leave_out_are_not_counted() {
    let dir = Dir::bare();
    for day in ["2026-03-08", "2026-03-09", "2026-03-10"] {
        let rows = batch(&[event(
            &format!("{day}T09:15:00Z"),
            "web-1",
            "alice",
            "cmd.exe",
        )]);
        fs::create_dir_all(dir.events()).unwrap();
        append(&dir.events(), &rows);
    }
    let plan: Value = serde_json::from_str(&plan(&dir, &["--format", "json"])).unwrap();
    let files: Vec<_> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["step"].as_str().unwrap(),
                step["files"].as_u64().unwrap(),
            )
        })
        .collect();
    // The evidence is read of the day that is reported alone.
    assert_eq!(
        files,
        [
            ("grouped", 3),
            ("computers", 0),
            ("accounts", 0),
            ("account_types", 0),
            ("processes", 0),
            ("indexed", 0),
            ("anomalies", 0),
            ("evidence", 1)
        ]
    );
}
