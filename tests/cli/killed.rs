//! A run that is killed, or that meets itself, leaves tables that are right, and that the next run completes.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::{
    AS_OF, Dir, JOB, Table, batch, event, read_delta, usual, write_delta, write_parquet,
};

/// Between two things that a run writes, in their order.
const POINTS: [&str; 8] = [
    "after the step's table is made",
    "before the step's file lists",
    "before the step's commit",
    "after the step's commit",
    "before the findings' commit",
    "after the findings' commit",
    "before the run's row",
    "after the run's row",
];

/// The shipped job over Parquet files, with a step that is kept a day at a time, about to run.
fn command(dir: &Dir, as_of: &str) -> Command {
    let mut command = dir.command();
    command.args([
        "run",
        JOB,
        "--as-of",
        as_of,
        "--set",
        "sources.process_execution.format=parquet",
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={batch_size=1}",
        "--set",
        "isolation_forest.n_estimators=10",
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A folder in which nothing ran yet.
fn fresh() -> Dir {
    let dir = Dir::bare();
    write_parquet(&dir.events().join("usual.parquet"), &usual());
    dir
}

/// What a run leaves: its findings and the rows of its step, without what tells one run or folder from another.
fn left(dir: &Dir) -> (Vec<Value>, Vec<Value>) {
    let findings = dir.findings().rows.into_iter().map(|mut row| {
        row["run_id"].take();
        row
    });
    let step: Table = read_delta(&dir.path("out/steps/grouped"));
    (findings.collect(), step.rows)
}

/// What a run that nothing disturbs leaves.
fn undisturbed() -> (Vec<Value>, Vec<Value>) {
    let dir = fresh();
    assert!(command(&dir, AS_OF).status().unwrap().success());
    left(&dir)
}

/// The next run succeeds, and leaves what it would have left without the one before.
#[track_caller]
fn the_next_run_completes(dir: &Dir, what: &str, expected: &(Vec<Value>, Vec<Value>)) {
    assert!(
        command(dir, AS_OF).status().unwrap().success(),
        "after {what}"
    );
    assert_eq!(&left(dir), expected, "after {what}");
    let runs = dir.crannog(&["runs", JOB, "--format", "json"]);
    assert!(
        runs.succeeds().stdout.contains("\"succeeded\""),
        "after {what}"
    );
}

#[test]
fn between_two_writes() {
    let expected = undisturbed();
    for point in POINTS {
        let dir = fresh();
        let died = command(&dir, AS_OF)
            .env("CRANNOG_FAULT", point)
            .status()
            .unwrap();
        assert_eq!(died.code(), None, "no run came to {point:?}");
        if dir.path("out/anomalies/_delta_log").exists() {
            let rows = left(&dir).0;
            assert!(
                rows.is_empty() || rows == expected.0,
                "half of the findings after {point:?}"
            );
        }
        the_next_run_completes(&dir, point, &expected);
    }
}

#[test]
fn by_a_signal_that_cannot_be_caught_at_any_time() {
    let expected = undisturbed();
    let dir = fresh();
    let started = Instant::now();
    assert!(command(&dir, AS_OF).status().unwrap().success());
    let whole = started.elapsed();
    let dir = fresh();
    for part in 1..=8_u32 {
        let mut run = command(&dir, AS_OF).spawn().unwrap();
        std::thread::sleep(whole * part / 9 + jitter());
        let _ = run.kill(); // SIGKILL; it may be done
        run.wait().unwrap();
        if part % 4 == 0 {
            the_next_run_completes(&dir, &format!("a kill at {part} of 9 parts"), &expected);
            std::fs::remove_dir_all(dir.path("out")).unwrap();
        }
    }
}

/// Up to a tenth of a second that no two runs of the test share.
fn jitter() -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Duration::from_micros(u64::from(now.unwrap().subsec_nanos()) % 100_000)
}

#[test]
fn at_once_with_others_there_is_one_result() {
    let expected = undisturbed();
    let dir = fresh();
    let start = |_| command(&dir, AS_OF).spawn().unwrap();
    let all_succeed = |runs: Vec<Child>| {
        for mut run in runs {
            assert!(run.wait().unwrap().success());
        }
    };
    all_succeed((0..3).map(start).collect()); // they make the tables
    assert_eq!(left(&dir), expected);
    all_succeed((0..3).map(start).collect());
    assert_eq!(left(&dir), expected);
    let runs = dir.crannog(&["runs", JOB, "--format", "json"]);
    assert_eq!(runs.succeeds().stdout.lines().count(), 6);
}

#[test]
fn a_day_that_changed_twice_over_is_computed_by_one_of_two_runs_and_seen_by_both() {
    let dir = Dir::bare();
    write_delta(&dir.events(), &usual(), &[]);
    let run = || {
        let mut command = command(&dir, AS_OF);
        command.args(["--set", "sources.process_execution.format=delta"]);
        command
    };
    assert!(run().status().unwrap().success());
    crate::kit::append(
        &dir.events(),
        &batch(&[event("2026-03-09T10:00:00Z", "web-1", "eve", "nc.exe")]),
    );
    let runs: Vec<_> = (0..2).map(|_| run().spawn().unwrap()).collect();
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    let step = read_delta(&dir.path("out/steps/grouped")).rows;
    let eve: Vec<_> = step.iter().filter(|row| row["Account"] == "eve").collect();
    assert_eq!(eve.len(), 1, "{eve:#?}");
}
