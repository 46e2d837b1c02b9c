//! Another day's events, judged by the model of an earlier run.

use serde_json::{Value, json};

use super::job::{AS_OF, CODES, FINDINGS, JOB, call, dir, flat, many, run};
use crate::kit::{read_delta, read_parquet, write_parquet};

/// The next day: a known call, and one of which the name, the address and the user are new, and the region is not.
fn next_day() -> Vec<super::job::Event> {
    let known = call("2026-03-11T09:00:00Z", "known", "GetObject", "alice");
    let mut new = call("2026-03-11T23:30:00Z", "new", "StopLogging", "eve");
    new[4] = Some("203.0.113.99");
    let mut nothing = call("2026-03-11T10:00:00Z", "nothing", "GetObject", "alice");
    nothing[4] = None;
    vec![known, new, nothing]
}

#[test]
fn a_value_that_is_new_has_the_code_after_the_last_and_is_found_by_its_name() {
    let dir = dir(&flat(&many()));
    run(&dir, &["--format", "json"]).succeeds();
    let results = || -> Value {
        let text = std::fs::read_to_string(dir.path("out/cloudtrail/run_results.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let learnt = results();
    write_parquet(
        &dir.path("data/cloudtrail/next.parquet"),
        &flat(&next_day()),
    );

    let file = dir.path("scored.parquet");
    let (file_name, id) = (file.to_str().unwrap(), learnt["run_id"].as_str().unwrap());
    let as_of = "2026-03-12T00:00:00Z";
    let said = dir.crannog(&[
        "run", JOB, "--as-of", as_of, "--model", id, "--scored", file_name,
    ]);
    said.succeeds();
    let codes = |id: &str| {
        let rows = read_parquet(&file);
        let row = rows.iter().find(|row| row["eventID"] == id).unwrap();
        CODES.map(|column| row[column].as_i64().unwrap())
    };
    // One day, one service, three names, two addresses, two users and two regions are known.
    assert_eq!(codes("known"), [1, 0, 0, 0, 0, 0]);
    assert_eq!(codes("new"), [1, 0, 3, 2, 2, 0]);
    assert_eq!(codes("nothing"), [1, 0, 0, -1, 0, 0]);

    let judged = results();
    assert_eq!(judged["model"], *id);
    let model = |results: &Value, key: &str| results["isolation_forest"][key].clone();
    for key in ["threshold", "standard_scaler"] {
        assert_eq!(model(&judged, key), model(&learnt, key), "{key}");
    }
    let findings = read_delta(&dir.path(FINDINGS)).rows;
    let found = findings.iter().find(|row| row["eventID"] == "new").unwrap();
    for (column, value) in [
        ("eventName", "StopLogging"),
        ("userIdentity.arn", "eve"),
        ("sourceIPAddress", "203.0.113.99"),
        ("awsRegion", "eu-west-1"),
        ("eventSource", "s3.amazonaws.com"),
    ] {
        assert_eq!(found[column], json!(value), "{column}");
    }
}

#[test]
fn the_same_day_by_its_own_model_has_the_same_findings() {
    let dir = dir(&flat(&many()));
    run(&dir, &[]).succeeds();
    let rows = || {
        let mut rows = read_delta(&dir.path(FINDINGS)).rows;
        for row in &mut rows {
            row["run_id"].take();
        }
        rows
    };
    let learnt = rows();
    assert!(!learnt.is_empty());
    let text = std::fs::read_to_string(dir.path("out/cloudtrail/run_results.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let id = results["run_id"].as_str().unwrap();
    let said = dir.crannog(&["run", JOB, "--as-of", AS_OF, "--model", id]);
    said.succeeds();
    assert_eq!(rows(), learnt);
}
