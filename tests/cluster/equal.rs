//! Whatever the executors and the partitions, the findings are those of a run on one machine.

use super::{CLOUDTRAIL, PROCESSES, RARITY, Run, fleet, in_pieces, on, scratch_is_empty};
use crate::kit::{Dir, Servers};

/// The run here, and on the cluster with these words more, tell the same.
#[track_caller]
fn same(run: &Run<'_>, dir: &Dir, servers: &Servers, both: &[&str], partitions: &[usize]) {
    let here = run.found(dir, both);
    assert!(!here.0.is_empty());
    for partitions in partitions {
        let [flag, url] = on(servers);
        let pieces = in_pieces(*partitions);
        let pieces = pieces.each_ref().map(String::as_str);
        let there = [both, &[&flag, &url], &pieces].concat();
        let there = run.found(dir, &there);
        assert_eq!(there, here, "{both:?} {partitions}");
    }
    scratch_is_empty(dir);
}

#[test]
fn one_executor_finds_what_one_machine_finds() {
    let (dir, servers) = (fleet("8000"), Servers::start(1));
    same(&PROCESSES, &dir, &servers, &[], &[1, 5]);
}

/// The scheduler cuts a plan again; it has to do so by the pieces that the plan has.
#[test]
fn a_plan_of_fewer_pieces_than_there_may_be_counts_each_row_once() {
    let (dir, servers) = (fleet("8000"), Servers::start(2));
    dir.write(
        "sql/process_execution/grouped.sql",
        "WITH daily AS (
            SELECT date_trunc($bucket, TimeGenerated) AS interval, Computer, Account, AccountType, Process, count(*) AS count
            FROM process_execution
            WHERE (TimeGenerated >= $train_start AND TimeGenerated < $detect_end) OR ($keep_undated AND TimeGenerated IS NULL)
            GROUP BY date_trunc($bucket, TimeGenerated), Computer, Account, AccountType, Process
         ),
         trend AS (
            SELECT *, sum(count) OVER (PARTITION BY Computer, Account ORDER BY daily.interval, AccountType, Process) AS so_far
            FROM daily
         ),
         computers AS (
            SELECT Computer, count(*) AS starts FROM process_execution GROUP BY Computer
         )
         SELECT trend.interval AS interval, trend.Computer AS Computer, trend.Account AS Account,
                trend.AccountType AS AccountType, trend.Process AS Process, trend.so_far + computers.starts AS count
         FROM trend LEFT JOIN computers ON computers.Computer IS NOT DISTINCT FROM trend.Computer",
    );
    let here = PROCESSES.found(&dir, &[]);
    let [flag, url] = on(&servers);
    let there = PROCESSES.found(&dir, &[&flag, &url]);
    assert_eq!(there, here);
    scratch_is_empty(&dir);
}

#[test]
fn two_executors_find_it_in_each_job_and_each_way_of_learning() {
    let (dir, servers) = (fleet("8000"), Servers::start(2));
    same(&PROCESSES, &dir, &servers, &[], &[3, 16]);
    // What only the run can tell is asked when the rows are here.
    dir.edit(
        "sql/process_rarity/anomalies.sql",
        "WHERE ",
        "WHERE severity(anomaly_score) IS NOT NULL AND ",
    );
    same(&RARITY, &dir, &servers, &[], &[4]);
    let ways: [&[&str]; 4] = [
        &["--set", "window.train_end=\"detect_start\""],
        &[
            "--set",
            "features.scaler=\"standard\"",
            "--set",
            "isolation_forest.contamination=0.02",
        ],
        &[
            "--set",
            "isolation_forest.kind=\"extended\"",
            "--set",
            "features.scaler=\"standard\"",
            "--set",
            "findings.budget=\"7 per day\"",
        ],
        &[
            "--set",
            "isolation_forest.bootstrap=true",
            "--set",
            "isolation_forest.max_samples=0.5",
        ],
    ];
    for way in ways {
        same(&PROCESSES, &dir, &servers, way, &[4]);
    }
    let kept = [
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={}",
    ];
    same(&PROCESSES, &dir, &servers, &kept, &[4]);
    let parquet = "sources.process_execution.format=\"parquet\"";
    let files = "sources.process_execution.location=\"../data/files\"";
    copy_files(&dir);
    same(
        &PROCESSES,
        &dir,
        &servers,
        &["--set", parquet, "--set", files],
        &[4],
    );
}

/// The files of the Delta table, in a folder without its log.
fn copy_files(dir: &Dir) {
    std::fs::create_dir(dir.path("data/files")).unwrap();
    let days = std::fs::read_dir(dir.path("data/process_execution")).unwrap();
    let days = days.flatten().map(|day| day.path());
    for day in days.filter(|day| day.is_dir() && !day.ends_with("_delta_log")) {
        for file in std::fs::read_dir(day).unwrap().flatten() {
            let copy = dir.path("data/files").join(file.file_name());
            std::fs::copy(file.path(), copy).unwrap();
        }
    }
}

#[test]
fn four_executors_find_it_and_so_does_an_older_model() {
    let (dir, servers) = (fleet("8000"), Servers::start(4));
    same(&PROCESSES, &dir, &servers, &[], &[8]);
    let day_before = Run {
        as_of: "2026-03-10",
        ..PROCESSES
    };
    let report = day_before.command(&dir, &[]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let model = report["run_id"].as_str().unwrap();
    same(&PROCESSES, &dir, &servers, &["--model", model], &[4]);
}

#[test]
fn events_that_no_executor_can_read_are_read_by_the_driver() {
    let dir = Dir::bare();
    dir.crannog(&[
        "demo",
        "data",
        "--kind",
        "cloudtrail",
        "--rows",
        "4000",
        "--end",
        "2026-03-11",
    ])
    .succeeds();
    let servers = Servers::start(2);
    same(&CLOUDTRAIL, &dir, &servers, &[], &[3]);
}

#[test]
fn what_people_have_said_of_findings_holds_on_a_cluster_too() {
    let (dir, servers) = (fleet("8000"), Servers::start(2));
    RARITY.found(&dir, &[]);
    let found = RARITY.rows(&dir);
    let id = |row: usize| found[row]["finding_id"].as_str().unwrap().to_owned();
    for (row, label) in [(0, "benign"), (1, "malicious")] {
        let said = dir.crannog(&[
            "label",
            RARITY.job,
            &id(row),
            label,
            "--reason",
            "seen",
            "--author",
            "me",
            "--set",
            LABELS,
        ]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    same(&RARITY, &dir, &servers, &["--set", LABELS], &[4]);
}

const LABELS: &str = "labels={ location = \"../out/labels\" }";
