//! `crannog explain`: one finding whole.

use serde_json::Value;

use crate::judged::{EXPLAIN, findings, judged, number, report, text};
use crate::kit::{Dir, JOB, append, batch, event};

fn explained(dir: &Dir, finding: &str) -> Value {
    let said = dir.crannog(&["explain", JOB, finding, "--format", "json"]);
    serde_json::from_str(&said.succeeds().stdout).unwrap()
}

#[test]
fn a_finding_is_explained_by_what_the_run_knew() {
    let dir = judged();
    dir.write(
        "sql/process_execution/usual.sql",
        "-- usual.sql: what the host usually runs. The rest is for the author.\nSELECT scored.Process AS Process, count(*) AS days FROM scored JOIN finding ON scored.Computer = finding.Computer GROUP BY scored.Process ORDER BY days DESC, scored.Process",
    );
    dir.edit_job(EXPLAIN, "sql = [\"../sql/process_execution/usual.sql\"]");
    dir.run(&[]).succeeds();
    let found = findings(&dir).remove(0);
    // What came after the run does not change what it knew.
    append(
        &dir.events(),
        &batch(&[event("2026-03-11T10:00:00Z", "web-1", "alice", "new.exe")]),
    );
    let explained = explained(&dir, &text(&found, "finding_id")[..10]);
    assert_eq!(explained["finding"]["finding_id"], found["finding_id"]);
    assert_eq!(explained["reasons"], found["reasons"]);
    let contributions = explained["reasons"].as_array().unwrap().iter();
    let sum: f64 = contributions
        .map(|reason| number(reason, "contribution"))
        .sum();
    let shorter = number(&explained, "expected_path_length") - number(&explained, "path_length");
    assert!((sum - shorter).abs() < 1e-9 && shorter > 0.0);
    assert_ne!(explained["closest"]["Process"], "mimikatz.exe");
    assert_eq!(explained["closest"]["Computer"], "db-1");
    let usual = &explained["tables"][0];
    assert_eq!(
        (text(usual, "name"), text(usual, "title")),
        ("usual", "what the host usually runs")
    );
    let rows = usual["rows"].as_array().unwrap();
    assert_eq!(
        (rows.len(), text(&rows[3], "Process"), &rows[3]["days"]),
        (4, "mimikatz.exe", &Value::from(1))
    );

    let said = dir.crannog(&["explain", JOB, text(&found, "finding_id")]);
    for words in [
        "why: ",
        "are to be expected",
        "closest, of the ordinary rows: ",
        "what the host usually runs",
        "mimikatz.exe",
    ] {
        assert!(
            said.succeeds().stdout.contains(words),
            "{words}: {}",
            said.stdout
        );
    }
}

#[test]
fn the_shipped_job_shows_what_is_usual_who_else_and_the_events_behind() {
    let dir = judged();
    dir.run(&[]).succeeds();
    let found = findings(&dir).remove(0);
    let explained = explained(&dir, text(&found, "finding_id"));
    let tables = explained["tables"].as_array().unwrap();
    let rows = |place: usize| tables[place]["rows"].as_array().unwrap();
    // mallory runs one thing, nobody else runs it, and it ran 40 times.
    assert_eq!((rows(0).len(), rows(1).len(), rows(2).len()), (1, 0, 40));
    assert_eq!(text(&rows(2)[0], "TimeGenerated"), "2026-03-10T23:00:00Z");
}

#[test]
fn explaining_writes_nothing() {
    let dir = judged();
    let run = report(&dir, &[]);
    let found = findings(&dir).remove(0);
    explained(&dir, text(&found, "finding_id"));
    let runs = dir.crannog(&["runs", JOB, "--format", "json"]);
    assert_eq!(runs.stdout.lines().count(), 1);
    assert_eq!(dir.findings().version, run["sinks"][0]["version"].as_u64());
}

#[test]
fn what_cannot_be_explained_is_told() {
    let dir = judged();
    dir.crannog(&["explain", JOB, "ab"]).fails(
        3,
        "error: no finding in the output table has an id that begins with `ab`
         hint: `crannog query 'SELECT finding_id FROM \"anomalies\"' --job jobs/process_execution.toml` lists them",
    );
    dir.run(&[]).succeeds();
    let found = findings(&dir).remove(0);
    let (id, run) = (text(&found, "finding_id"), text(&found, "run_id"));
    std::fs::remove_file(dir.path(&format!("out/models/{run}.json.gz"))).unwrap();
    let said = dir.crannog(&["explain", JOB, id]);
    assert!(said.code != 0 && said.stderr.contains(run), "{said:?}");
}

#[test]
fn sql_for_an_explanation_is_checked_before_anybody_asks() {
    let dir = judged();
    dir.write("sql/broken.sql", "SELECT nothing FROM finding");
    dir.edit_job(EXPLAIN, "sql = [\"../sql/broken.sql\"]");
    let said = dir.check(&[]);
    assert!(
        said.code == 2
            && said
                .stderr
                .contains("sql/broken.sql:1: there is no column `nothing` here"),
        "{said:?}"
    );
}

#[test]
fn an_explanation_knows_the_budget_and_who_has_allowed_what() {
    let dir = judged();
    dir.write(
        "jobs/allow.csv",
        "rule,reason,author,Process\nshells,they are fine,ben,cmd.exe\n",
    );
    dir.edit_job(
        "[[sinks]]",
        "[allow]\nlocation = \"allow.csv\"\n\n[[sinks]]",
    );
    dir.write(
        "sql/place.sql",
        "SELECT within_budget, suppressed_by FROM finding",
    );
    dir.edit_job(EXPLAIN, "sql = [\"../sql/place.sql\"]");
    dir.run(&[]).succeeds();
    let budget = ["--set", "findings.budget=\"1 per day\""];
    for found in findings(&dir) {
        let said = dir.crannog(
            &[
                &[
                    "explain",
                    JOB,
                    text(&found, "finding_id"),
                    "--format",
                    "json",
                ],
                &budget[..],
            ]
            .concat(),
        );
        let explained: Value = serde_json::from_str(&said.stdout).unwrap();
        let place = &explained["tables"][0]["rows"][0];
        let allowed = text(&found, "Process") == "cmd.exe";
        assert_eq!(place["suppressed_by"].is_null(), !allowed, "{place}");
        if !allowed {
            assert_eq!(
                place["within_budget"],
                text(&found, "Process") == "mimikatz.exe"
            );
        }
    }
}

#[test]
fn a_row_that_is_another_one_now_is_told() {
    let dir = judged();
    dir.run(&[]).succeeds();
    let found = findings(&dir).remove(0);
    dir.edit(
        "sql/process_execution/grouped.sql",
        "count(*) ",
        "cast(1 AS bigint) ",
    );
    let said = dir.crannog(&["explain", JOB, text(&found, "finding_id")]);
    assert_eq!(said.code, 0);
    assert!(
        said.stderr
            .contains("the SQL of `grouped` changed since it was learnt"),
        "{said:?}"
    );
    assert!(
        said.stderr
            .contains("have changed since, and so may the reasons"),
        "{said:?}"
    );
}
