//! `crannog maintain`: fewer files, the same rows.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::kit::{AS_OF, Dir, JOB, read_delta, usual, write_delta, write_parquet};

/// `crannog maintain` with no mercy for old files; what it did to the table in this folder.
fn maintain(dir: &Dir, folder: &str, more: &[&str]) -> Value {
    let words = ["maintain", JOB, "--format", "json"];
    let said = dir.crannog(&[&words, more].concat());
    let tables = said.succeeds().stdout.lines();
    let mut tables = tables.map(|line| serde_json::from_str::<Value>(line).unwrap());
    tables.find(|table| table["location"] == folder).unwrap()
}

const NOW: [&str; 2] = ["--retention", "0s"];

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            files.extend(parquet_files(&entry));
        } else if entry
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            files.push(entry);
        }
    }
    files.retain(|file| !file.to_str().unwrap().contains("_delta_log"));
    files
}

#[test]
fn many_small_files_become_one_with_the_same_rows() {
    let dir = Dir::new();
    for trees in ["10", "11", "12"] {
        dir.run(&["--set", &format!("isolation_forest.n_estimators={trees}")])
            .succeeds();
    }
    let runs = dir.path("out/runs");
    let (before, findings) = (read_delta(&runs).rows, dir.findings().rows);
    assert_eq!(parquet_files(&runs).len(), 4);
    let done = maintain(&dir, "out/runs", &NOW);
    assert_eq!(
        (&done["files_compacted"], &done["files_made"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(parquet_files(&runs).len(), 1);
    assert_eq!(read_delta(&runs).rows, before);
    assert_eq!(dir.findings().rows, findings);
    assert_eq!(parquet_files(&dir.path("out/anomalies")).len(), 1);

    // The last run can still be shown, and the next one goes on.
    let page = dir.path("page.html");
    dir.crannog(&["report", JOB, "--html", page.to_str().unwrap()])
        .succeeds();
    dir.run(&[]).succeeds();
    assert_eq!(read_delta(&runs).rows.len(), before.len() + 1);
}

#[test]
fn what_a_killed_run_left_goes_when_it_is_old_enough() {
    let dir = Dir::new();
    let left = dir.path("out/anomalies/date=2026-03-10/part-left.parquet");
    write_parquet(&left, &usual());
    assert_eq!(maintain(&dir, "out/anomalies", &[])["files_removed"], 0);
    assert!(
        left.exists(),
        "it may belong to a run that is about to commit"
    );
    let told = maintain(&dir, "out/anomalies", &[&NOW[..], &["--dry-run"]].concat());
    assert_eq!(told["files_removed"], 1);
    assert!(left.exists());
    assert_eq!(maintain(&dir, "out/anomalies", &NOW)["files_removed"], 1);
    assert!(!left.exists());
    dir.crannog(&["report", JOB, "--html", "page.html"])
        .succeeds();
}

#[test]
fn a_table_of_another_job_is_left_alone() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out/anomalies")).unwrap();
    write_delta(&dir.path("out/anomalies"), &usual(), &[]);
    let before = parquet_files(&dir.path("out"));
    dir.crannog(&[&["maintain", JOB][..], &NOW].concat()).fails(
        2,
        "error: sink `out/anomalies`: the table there was made by no job
         hint: name an output table of this job, or a new place",
    );
    assert_eq!(parquet_files(&dir.path("out")), before);
}

#[test]
fn of_the_lists_of_a_source_s_files_the_one_that_is_used_stays() {
    let dir = Dir::bare();
    let kept = [
        "--set",
        "sources.process_execution.format=parquet",
        "--set",
        "sources.process_execution.time_column=TimeGenerated",
        "--set",
        "incremental.grouped={}",
    ];
    write_parquet(&dir.events().join("1.parquet"), &usual());
    dir.run(&kept).succeeds();
    write_parquet(&dir.events().join("2.parquet"), &usual());
    dir.run(&kept).succeeds();
    let lists = || {
        fs::read_dir(dir.path("out/steps/grouped/_sources"))
            .unwrap()
            .count()
    };
    assert_eq!(lists(), 2);
    maintain(&dir, "out/steps/grouped", &[&NOW[..], &kept].concat());
    assert_eq!(lists(), 1);
    let plan = [&["plan", JOB, "--as-of", AS_OF][..], &kept].concat();
    let said = dir.crannog(&plan);
    assert!(
        said.succeeds().stdout.contains("no day is computed"),
        "{said:?}"
    );
}

#[test]
fn one_at_a_time_puts_the_files_of_a_table_together() {
    let dir = Dir::new();
    for trees in ["10", "11"] {
        dir.run(&["--set", &format!("isolation_forest.n_estimators={trees}")])
            .succeeds();
    }
    let before = read_delta(&dir.path("out/runs")).rows;
    let call = || {
        dir.command()
            .args([&["maintain", JOB][..], &NOW].concat())
            .spawn()
            .unwrap()
    };
    let calls: Vec<_> = (0..3).map(|_| call()).collect();
    let mut done = 0;
    for mut call in calls {
        match call.wait().unwrap().code() {
            Some(0) => done += 1,
            Some(1) => {} // it was told that another one is at work
            other => panic!("{other:?}"),
        }
    }
    assert!(done > 0);
    assert_eq!(read_delta(&dir.path("out/runs")).rows, before);

    fs::write(dir.path("out/anomalies/_maintain.lease"), "").unwrap();
    dir.crannog(&["maintain", JOB]).fails(
        1,
        "error: sink `out/anomalies`: another `crannog maintain` is at work on it
           hint: wait for its end; one that was killed is forgotten 12 hours after it began, or when `_maintain.lease` in the table's folder is removed",
    );
}

#[test]
fn a_run_whose_rows_were_replaced_cannot_be_shown_after_its_files_went() {
    let dir = Dir::new();
    let ids = |dir: &Dir| -> Vec<String> {
        let runs = dir.crannog(&["runs", JOB, "--format", "json"]);
        let runs = runs.succeeds().stdout.lines();
        runs.map(|run| {
            serde_json::from_str::<Value>(run).unwrap()["run_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    dir.run(&["--set", "isolation_forest.n_estimators=10"])
        .succeeds();
    let replaced = ids(&dir)[1].clone();
    let report = |id: &str| dir.crannog(&["report", JOB, id, "--html", "then.html"]);
    report(&replaced).succeeds();
    maintain(&dir, "out/anomalies", &NOW);
    report(&ids(&dir)[0]).succeeds();
    report(&replaced).fails(
        3,
        "error: the findings of run `[..]` are not where it wrote them
           hint: the job's first sink names another table, or the run's days were replaced since and `crannog maintain` removed its files",
    );
}
