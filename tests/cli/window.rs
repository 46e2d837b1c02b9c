//! `[window]`: days and hours of the job's own clock.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kit::{Dir, JOB, batch, event, write_delta};

#[test]
fn days_begin_at_midnight_of_the_job_s_time_zone() {
    let dir = Dir::new();
    dir.edit_job(
        "\n[parameters]",
        "timezone = \"Asia/Kolkata\"\n\n[parameters]",
    );
    // 23:00 in UTC is half past four of the next morning in Kolkata.
    let groups = "SELECT \"interval\", count FROM grouped WHERE Account = 'mallory'";
    assert_eq!(
        dir.query(groups),
        [json!({"interval": "2026-03-11T00:00:00+05:30", "count": 40})]
    );
    dir.crannog(&["run", JOB, "--as-of", "2026-03-11T00:00:00Z"])
        .succeeds();
    let findings = dir.findings();
    let mallory = findings
        .rows
        .iter()
        .find(|row| row["Account"] == "mallory")
        .unwrap();
    assert_eq!(
        (&mallory["date"], &mallory["interval"]),
        (&json!("2026-03-11"), &json!("2026-03-10T18:30:00Z"))
    );
}

#[test]
fn a_run_on_another_clock_replaces_its_own_days() {
    let dir = Dir::new();
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    dir.edit_job(
        "\n[parameters]",
        "timezone = \"America/New_York\"\n\n[parameters]",
    );
    dir.run(&[]).succeeds();
    let first = dir.findings();
    dir.run(&[]).succeeds();
    assert_eq!(dir.findings().rows, first.rows);
    let dates: BTreeSet<_> = first
        .rows
        .iter()
        .map(|row| row["date"].as_str().unwrap())
        .collect();
    // As of midnight UTC it is the evening of the 10th in New York: its 9th and 10th touch the last 24 hours.
    assert_eq!(dates, BTreeSet::from(["2026-03-09", "2026-03-10"]));
}

#[test]
fn an_offset_is_a_time_zone_too() {
    let dir = Dir::new();
    dir.edit_job("\n[parameters]", "timezone = \"+05:30\"\n\n[parameters]");
    let groups = "SELECT \"interval\" FROM grouped WHERE Account = 'mallory'";
    assert_eq!(
        dir.query(groups),
        [json!({"interval": "2026-03-11T00:00:00+05:30"})]
    );
    dir.run(&[]).succeeds();
}

#[test]
fn a_day_of_the_clock_change_is_one_day() {
    // In New York the clocks went forward on the 8th of March 2026: 05:00Z is its midnight, 04:00Z the next one.
    let dir = Dir::without_events();
    let times = [
        "2026-03-08T04:59:59Z",
        "2026-03-08T05:00:00Z",
        "2026-03-09T03:59:59Z",
        "2026-03-09T04:00:00Z",
    ];
    write_delta(
        &dir.events(),
        &batch(&times.map(|time| event(time, "web-1", "alice", "cmd.exe"))),
        &[],
    );
    dir.edit_job(
        "\n[parameters]",
        "timezone = \"America/New_York\"\n\n[parameters]",
    );
    let days = dir.query("SELECT \"interval\", count FROM grouped ORDER BY 1");
    assert_eq!(
        days,
        [
            json!({"interval": "2026-03-07T00:00:00-05:00", "count": 1}),
            json!({"interval": "2026-03-08T00:00:00-05:00", "count": 2}),
            json!({"interval": "2026-03-09T00:00:00-04:00", "count": 1}),
        ],
    );
}

#[test]
fn hours_are_buckets_too() {
    let dir = Dir::new();
    dir.edit_job("\n[parameters]", "bucket = \"hour\"\n\n[parameters]");
    dir.edit_job("detect = \"1 day\"", "detect = \"1 hour\"");
    dir.run(&[]).succeeds();
    let findings = dir.findings().rows;
    let late = |row: &Value| row["interval"] == "2026-03-10T23:00:00Z";
    assert!(
        findings
            .iter()
            .any(|row| late(row) && row["Account"] == "mallory")
    );

    // The hour before: the findings of the last hour stay.
    let kept: Vec<_> = findings.into_iter().filter(late).collect();
    dir.crannog(&["run", JOB, "--as-of", "2026-03-10T10:00:00Z"])
        .succeeds();
    let after = dir.findings().rows;
    assert_eq!(
        after
            .iter()
            .filter(|row| late(row))
            .cloned()
            .collect::<Vec<_>>(),
        kept
    );
    assert!(
        after
            .iter()
            .any(|row| row["interval"] == "2026-03-10T09:00:00Z"),
        "{after:#?}"
    );
}

#[test]
fn training_goes_back_as_far_as_the_job_says() {
    let dir = Dir::new();
    let days = |train: &str| {
        dir.crannog(&[
            "query",
            "SELECT DISTINCT \"interval\" FROM grouped ORDER BY 1",
            "--job",
            JOB,
            "--as-of",
            "2026-03-11",
            "--set",
            &format!("window.train={train}"),
            "--format",
            "csv",
        ])
        .succeeds()
        .stdout
        .lines()
        .count()
            - 1
    };
    assert_eq!((days("1 day"), days("36 hours"), days("all")), (1, 2, 3));
}
