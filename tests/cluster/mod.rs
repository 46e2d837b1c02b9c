//! `crannog run --cluster`: the same findings, to the last bit, from a scheduler and executors that are real processes.

mod equal;
mod faults;
mod refused;
mod servers;

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::kit::{Dir, Servers, read_delta};

/// The job and its time.
struct Run<'a> {
    job: &'a str,
    as_of: &'a str,
    /// Where its findings go.
    findings: &'a str,
}

/// A folder with events of a small fleet, by `crannog demo`; the day after the last one is the 11th of March.
fn fleet(rows: &str) -> Dir {
    let dir = Dir::bare();
    let made = dir.crannog(&[
        "demo",
        "data",
        "--rows",
        rows,
        "--hosts",
        "12",
        "--days",
        "5",
        "--end",
        "2026-03-11",
    ]);
    made.succeeds();
    dir
}

/// The words by which work is cut into so many pieces, however little it is.
fn in_pieces(count: usize) -> [String; 4] {
    let set = || "--set".to_owned();
    let count = format!("engine.partitions={count}");
    let cut = r#"engine.options={"datafusion.optimizer.repartition_file_min_size" = "1"}"#;
    [set(), count, set(), cut.to_owned()]
}

const PROCESSES: Run<'static> = Run {
    job: "jobs/process_execution.toml",
    as_of: "2026-03-11",
    findings: "out/anomalies",
};

const RARITY: Run<'static> = Run {
    job: "jobs/process_rarity.toml",
    as_of: "2026-03-11",
    findings: "out/process_rarity",
};

const CLOUDTRAIL: Run<'static> = Run {
    job: "jobs/cloudtrail.toml",
    as_of: "2026-03-11",
    findings: "out/cloudtrail/anomalies",
};

impl Run<'_> {
    /// About to run with these words more.
    fn command(&self, dir: &Dir, more: &[&str]) -> Command {
        let mut command = dir.command();
        command.args(["run", self.job, "--as-of", self.as_of, "--format", "json"]);
        command.args(more);
        command
    }

    /// What is found, and what the report tells of the model.
    #[track_caller]
    fn found(&self, dir: &Dir, more: &[&str]) -> (Vec<Value>, Value) {
        let output = self.command(dir, more).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{more:?}: {stderr}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (self.rows(dir), report["isolation_forest"].clone())
    }

    /// The findings as they are, without what tells one run from another.
    fn rows(&self, dir: &Dir) -> Vec<Value> {
        let rows = read_delta(&dir.path(self.findings)).rows.into_iter();
        rows.map(|mut row| {
            row["run_id"].take();
            row
        })
        .collect()
    }

    /// Runs beside the test.
    fn spawn(&self, dir: &Dir, more: &[&str]) -> Child {
        let mut command = self.command(dir, more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

/// How a run that was beside the test ended, and what it said.
fn ended(run: Child) -> (Option<i32>, String) {
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// Nothing is left of the run's scratch folder.
#[track_caller]
fn scratch_is_empty(dir: &Dir) {
    let left = std::fs::read_dir(dir.path("out/scratch"));
    let left: Vec<_> = left
        .map(|left| left.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// `--cluster` and the URL.
fn on(servers: &Servers) -> [String; 2] {
    ["--cluster".to_owned(), servers.url()]
}
