//! Each run is a row of the table of runs, however it ends.

use serde_json::Value;

use crate::kit::{AS_OF, Dir, JOB, read_delta, read_parquet};

fn runs(dir: &Dir) -> Vec<Value> {
    let said = dir.crannog(&["runs", JOB, "--format", "json"]);
    let lines = said.succeeds().stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_run_that_succeeds_is_a_row_with_what_it_was_and_what_it_cost() {
    let dir = Dir::new();
    let before = runs(&dir).len();
    let said = dir.run(&["--format", "json"]);
    let report: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
    let runs = runs(&dir);
    assert_eq!(runs.len(), before + 1);
    let run = &runs[0];
    for key in [
        "run_id",
        "job",
        "job_digest",
        "as_of",
        "detect_start",
        "findings",
        "version",
    ] {
        assert_eq!(run[key], report[key], "{key}");
    }
    assert_eq!(run["outcome"], "succeeded");
    assert_eq!(run["error"], Value::Null);
    let model = &report["isolation_forest"];
    for key in ["n_samples", "n_anomalies", "threshold", "score_quantiles"] {
        assert_eq!(run[key], model[key], "{key}");
    }
    assert_eq!(
        run["sources"][0]["version"],
        report["sources"][0]["version"]
    );
    assert_eq!(
        run["stages"].as_array().unwrap().len(),
        report["stages"].as_array().unwrap().len()
    );
    // What the run printed is kept word for word, so that an old run can be shown again.
    let kept: Value = serde_json::from_str(run["run_results"].as_str().unwrap()).unwrap();
    assert_eq!(kept["isolation_forest"], *model);
}

#[test]
fn score_quantiles_lie_between_the_rows_as_numpys_do() {
    let dir = Dir::new();
    let scored = dir.path("scored.parquet");
    dir.run(&["--scored", scored.to_str().unwrap()]).succeeds();
    let rows = read_parquet(&scored);
    let scores = rows
        .iter()
        .map(|row| row["anomaly_score"].as_f64().unwrap());
    let mut scores: Vec<_> = scores.collect();
    scores.sort_by(f64::total_cmp);
    let run = &runs(&dir)[0];
    let middle = (scores.len() - 1) as f64 / 2.0;
    let (low, high) = (
        scores[middle.floor() as usize],
        scores[middle.ceil() as usize],
    );
    let median = low + middle.fract() * (high - low);
    assert!((run["score_quantiles"]["p50"].as_f64().unwrap() - median).abs() < 1e-12);
    assert_eq!(
        run["score_quantiles"]["max"].as_f64(),
        scores.last().copied()
    );
}

#[test]
fn a_run_that_fails_is_a_row_that_says_why() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "SELECT",
        "SELECT 1 / 0 AS nothing,",
    );
    let failed = dir.run(&[]);
    assert_eq!(failed.code, 3);
    let run = &runs(&dir)[0];
    assert_eq!(
        (&run["outcome"], &run["findings"]),
        (&"failed".into(), &Value::Null)
    );
    assert_eq!(run["error"], "step `grouped` stopped: Divide by zero error");
    let shown = dir.crannog(&["runs", JOB]);
    assert!(
        shown
            .succeeds()
            .stdout
            .contains("failed: step `grouped` stopped"),
        "{shown:#?}"
    );
    dir.findings_are_as_before();
}

#[test]
fn two_jobs_share_a_table_and_each_sees_its_own() {
    let dir = Dir::new();
    let before = runs(&dir).len();
    let other = [
        "--set",
        "job.name=other",
        "--set",
        "sinks[0].location=../out/other",
    ];
    dir.crannog(&[&["run", JOB, "--as-of", AS_OF], &other[..]].concat())
        .succeeds();
    assert_eq!(runs(&dir).len(), before);
    let shown = dir.crannog(&["runs", JOB, "--set", "job.name=other", "--format", "json"]);
    assert_eq!(shown.succeeds().stdout.lines().count(), 1);
    assert_eq!(read_delta(&dir.path("out/runs")).rows.len(), before + 1);
}

#[test]
fn a_table_of_something_else_is_left_alone() {
    let dir = Dir::new();
    dir.edit_job(
        "[report]",
        "[runs]\nlocation = \"../data/process_execution\"\n\n[report]",
    );
    dir.job_is_refused(
        "error: table of runs `data/process_execution`: the table there is not one of runs
           hint: name another place for it: [runs] location",
    );
}

#[test]
fn a_job_that_never_ran_says_so() {
    let dir = Dir::bare();
    let said = dir.crannog(&["runs", JOB]);
    assert_eq!(
        said.succeeds().stdout,
        "no run of `process_execution` yet\n"
    );
}

/// The ids of two runs that differ by their forest.
fn two_runs(dir: &Dir) -> [String; 2] {
    ["42", "7"].map(|seed| {
        let seed = format!("isolation_forest.random_state={seed}");
        dir.run(&["--set", &seed]).succeeds();
        last(dir)
    })
}

/// The id of the latest run.
fn last(dir: &Dir) -> String {
    runs(dir)[0]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn two_runs_are_told_apart_by_their_findings() {
    let dir = Dir::new();
    let [first, second] = two_runs(&dir);
    let said = dir.crannog(&["diff", JOB, &first, &first]);
    assert!(
        said.succeeds()
            .stdout
            .starts_with("0 appeared, 0 vanished, 0 moved; "),
        "{said:#?}"
    );

    let said = dir.crannog(&["diff", JOB, &first, &second, "--format", "json"]);
    let lines = said.succeeds().stdout.lines();
    let there: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!there.is_empty(), "another forest ranks rows otherwise");
    let said = dir.crannog(&["diff", JOB, &second, &first, "--format", "json"]);
    let lines = said.succeeds().stdout.lines();
    let back: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ranks = |change| {
        let rows = there.iter().filter(move |row| row["change"] == change);
        rows.map(|row| row["rank_after"].as_i64())
            .collect::<Vec<_>>()
    };
    assert!(ranks("moved").is_sorted() && ranks("appeared").is_sorted());
    let count = |rows: &[Value], change| rows.iter().filter(|row| row["change"] == change).count();
    assert_eq!(count(&there, "appeared"), count(&back, "vanished"));
    assert_eq!(count(&there, "vanished"), count(&back, "appeared"));
    for row in there.iter().filter(|row| row["change"] == "moved") {
        let same = |side: &Value| {
            side["Computer"] == row["Computer"]
                && side["Process"] == row["Process"]
                && side["Account"] == row["Account"]
        };
        let other = back.iter().find(|other| same(other)).unwrap();
        assert_eq!(row["rank_before"], other["rank_after"]);
    }
}

#[test]
fn the_page_of_an_earlier_run_is_made_of_its_own_findings() {
    let dir = Dir::new();
    let [first, second] = two_runs(&dir);
    dir.crannog(&["report", JOB, &first[..6], "--html", "first.html"])
        .succeeds();
    let page = std::fs::read_to_string(dir.path("first.html")).unwrap();
    assert!(page.contains(&first) && !page.contains(&second));
}

#[test]
fn a_run_that_is_not_there_or_failed_has_no_page() {
    let dir = Dir::new();
    dir.crannog(&["report", JOB, "xyz", "--html", "page.html"])
        .fails(
            2,
            "error: table of runs `out/runs`: no run of the job has an id that begins with `xyz`
           hint: `crannog runs JOB` lists them",
        );
    dir.edit(
        "sql/process_execution/grouped.sql",
        "SELECT",
        "SELECT 1 / 0 AS nothing,",
    );
    assert_eq!(dir.run(&[]).code, 3);
    let failed = last(&dir);
    dir.crannog(&["report", JOB, &failed, "--html", "page.html"])
        .fails(
            2,
            &format!(
                "error: table of runs `out/runs`: the run `{failed}` failed, and has no findings
               hint: `crannog runs JOB` lists them"
            ),
        );
    dir.crannog(&["diff", JOB, "", &failed]).fails(
        2,
        "error: table of runs `out/runs`: no run of the job has an id that begins with ``
           hint: `crannog runs JOB` lists them",
    );
}
