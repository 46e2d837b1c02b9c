//! `crannog evaluate`: labels of every kind, what they are matched with, and what is said of those that do not fit.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray};
use serde_json::Value;

use crate::kit::{AS_OF, Dir, JOB, Said, batch, event, usual, write_delta, write_parquet};

/// What the usual events hold that does not belong, and a day without it.
const LABELS: &str =
    "interval,Process,label\n2026-03-10,mimikatz.exe,1\n2026-03-09T00:00:00,cmd.exe,0\n";

fn evaluate(dir: &Dir, more: &[&str]) -> Said {
    dir.crannog(&[&["evaluate", JOB, "--as-of", AS_OF], more].concat())
}

/// The same, by labels and as JSON.
#[track_caller]
fn figures(dir: &Dir, labels: &str, more: &[&str]) -> Value {
    let said = evaluate(
        dir,
        &[&["--labels", labels, "--format", "json"], more].concat(),
    );
    serde_json::from_str(&said.succeeds().stdout).unwrap()
}

/// Dir with the usual events and a file of labels.
fn labelled(labels: &str) -> Dir {
    let dir = Dir::new();
    dir.write("labels.csv", labels);
    dir
}

#[test]
fn the_one_row_of_an_intruder_is_the_rarest_process_alone() {
    let dir = labelled(LABELS);
    let answer = figures(&dir, "labels.csv", &["--seeds", "2"]);
    assert_eq!(answer["seeds"], serde_json::json!([42, 43]));
    assert_eq!(
        answer["labels"]["keys"],
        serde_json::json!(["interval", "Process"])
    );
    let [own, alone, random] = answer["rankings"].as_array().unwrap().as_slice() else {
        panic!("{answer}");
    };
    // Three days of nine groups, and mallory's.
    assert_eq!(
        (&own["all"]["n_rows"], &own["all"]["n_positive"]),
        (&28.into(), &1.into())
    );
    assert_eq!(
        own["all"]["roc_auc"]["per_seed"].as_array().unwrap().len(),
        2
    );
    assert_eq!(
        (&alone["name"], &random["name"]),
        (&"Process alone".into(), &"random".into())
    );
    assert_eq!(
        alone["all"]["roc_auc"]["per_seed"],
        serde_json::json!([1.0])
    );
    assert_eq!(alone["all"]["average_precision"]["mean"], 1.0);
    // A thousandth of 28 rows is one row.
    let first = &alone["all"]["alerts"][0];
    assert_eq!(
        (&first["alerts"], &first["recall"]["mean"]),
        (&1.into(), &1.0.into())
    );
    let attack = &answer["attacks"][0];
    assert_eq!(
        attack["attack"],
        "2026-03-10, db-1, mallory, User, mimikatz.exe"
    );
    assert_eq!(attack["first_rank"][1]["mean"], 1.0);
}

#[test]
fn an_evaluation_writes_nothing() {
    let dir = labelled(LABELS);
    let files = || std::fs::read_dir(dir.path("out")).unwrap().count();
    let before = files();
    dir.edit_job(
        "[isolation_forest]",
        "[incremental.grouped]\n\n[isolation_forest]",
    );
    dir.edit_job(
        "format   = \"delta\"",
        "format   = \"delta\"\ntime_column = \"TimeGenerated\"",
    );
    let said = evaluate(&dir, &["--labels", "labels.csv"]);
    let table = &said.succeeds().stdout;
    assert!(
        table.contains("process_execution") && table.contains("Process alone"),
        "{table}"
    );
    assert!(
        table.contains("28 rows judged, 1 of them of 1 attack, by labels labels.csv"),
        "{table}"
    );
    assert_eq!(files(), before);
    dir.findings_are_as_before();
}

#[test]
fn an_attack_of_several_rows_counts_once_and_a_positive_label_wins() {
    let dir = Dir::new();
    let text = |values: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let labels = |label: ArrayRef| {
        RecordBatch::try_from_iter([
            (
                "interval",
                Arc::new(Date32Array::from(vec![20_522; 4])) as ArrayRef,
            ), // 2026-03-10
            ("Computer", text(["db-1", "db-1", "web-1", "web-2"])),
            (
                "Process",
                text(["mimikatz.exe", "mimikatz.exe", "cmd.exe", "cmd.exe"]),
            ),
            ("label", label),
            ("attack", text(["a", "a", "a", "b"])),
            ("subset", text(["loud", "loud", "", "quiet"])),
        ])
        .unwrap()
    };
    write_delta(
        &dir.path("delta"),
        &labels(Arc::new(BooleanArray::from(vec![true, false, true, true]))),
        &[],
    );
    write_parquet(
        &dir.path("file.parquet"),
        &labels(text(["malicious", "Benign", "malicious", "malicious"])),
    );
    for place in ["delta", "file.parquet"] {
        let answer = figures(&dir, place, &["--seeds", "1"]);
        let own = &answer["rankings"][0];
        assert_eq!(
            (&own["all"]["n_positive"], &own["all"]["n_attacks"]),
            (&3.into(), &2.into()),
            "{place}"
        );
        let quiet = &own["subsets"][1];
        assert_eq!(
            (&quiet["subset"], &quiet["n_rows"], &quiet["n_positive"]),
            (&"quiet".into(), &26.into(), &1.into())
        );
        // Its second row, of `cmd.exe`, is not the rarest.
        let a = answer["attacks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|attack| attack["attack"] == "a");
        assert_eq!(
            (&a.unwrap()["rows"], &a.unwrap()["first_rank"][1]["mean"]),
            (&2.into(), &1.0.into())
        );
    }
}

#[test]
fn null_matches_null_and_labels_may_be_sql_over_steps() {
    let dir = Dir::without_events();
    let mut nameless = event("2026-03-10T10:00:00Z", "", "mallory", "odd.exe");
    nameless.computer = None;
    let named = ["web-1", "web-2", "web-3"]
        .map(|host| event("2026-03-10T09:00:00Z", host, "alice", "odd.exe"));
    write_delta(
        &dir.events(),
        &batch(&[&named[..], &[nameless]].concat()),
        &[],
    );
    dir.write("labels.csv", "Computer\n\"\"\n");
    dir.write("labels.sql", "SELECT grouped.interval, Computer, Account FROM grouped WHERE Computer IS NULL AND grouped.interval >= $train_start");
    for labels in ["labels.csv", "labels.sql"] {
        let answer = figures(&dir, labels, &[]);
        assert_eq!(answer["rankings"][0]["all"]["n_positive"], 1, "{labels}");
        assert_eq!(
            answer["attacks"][0]["attack"],
            "2026-03-10, NULL, mallory, User, odd.exe"
        );
    }
}

#[test]
fn labels_of_other_rows_are_counted_and_told() {
    let dir = labelled("Process\nmimikatz.exe\nsvchost.EXE\n");
    let said = evaluate(&dir, &["--labels", "labels.csv"]);
    assert_eq!(said.code, 0);
    let told = "1 of 2 rows of labels `labels.csv` match no judged row, by Process";
    assert!(said.stderr.contains(told), "{}", said.stderr);
}

#[test]
fn another_job_is_judged_on_the_same_data_by_the_same_labels() {
    let dir = labelled(LABELS);
    let job = std::fs::read_to_string(dir.path(JOB)).unwrap();
    let other = job.replace("name        = \"process_execution\"", "name = \"other\"");
    dir.write(
        "jobs/other.toml",
        &other.replace("train  = \"90 days\"", "train = \"1 day\""),
    );
    write_delta(&dir.path("elsewhere"), &usual(), &[]);
    let location = format!(
        "sources.process_execution.location={}",
        dir.path("elsewhere").display()
    );
    let of_one_day = figures(&dir, "labels.csv", &["--beside", "jobs/other.toml"]);
    let rows = |answer: &Value| answer["rankings"][1]["all"]["n_rows"].clone();
    assert_eq!(
        (&of_one_day["rankings"][1]["name"], rows(&of_one_day)),
        (&"other".into(), 10.into())
    );
    let said = evaluate(
        &dir,
        &["--labels", "labels.csv", "--beside", "jobs/other.toml"],
    );
    let told = "other judges other rows (10 rows, 1 of them of attacks)";
    assert!(said.succeeds().stdout.contains(told), "{}", said.stdout);
    // What is laid over the data is laid over the other job's; what is not its own is not.
    std::fs::remove_dir_all(dir.events()).unwrap();
    dir.edit_job("[report]", "[evaluation]\nlabels = \"../labels.csv\"\nbeside = [\"other.toml\"]\nseeds = 1\nalone = \"Account\"\n\n[report]");
    let said = evaluate(
        &dir,
        &[
            "--set",
            &location,
            "--set",
            "window.train=90 days",
            "--set",
            "report.count_by=Account",
            "--format",
            "json",
        ],
    );
    let answer: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
    assert_eq!(
        (rows(&answer), &answer["rankings"][2]["name"]),
        (28.into(), &"Account alone".into())
    );
    assert_eq!(
        answer["rankings"][0]["all"]["roc_auc"],
        answer["rankings"][1]["all"]["roc_auc"]
    );
}

#[test]
fn labels_that_do_not_fit_are_refused_with_what_to_do() {
    let dir = labelled(LABELS);
    evaluate(&dir, &[]).fails(2, "error: jobs/process_execution.toml:1: `evaluation`: there are no labels: give `--labels TABLE`, or write `[evaluation] labels = \"labels.parquet\"`");
    evaluate(&dir, &["--labels", "gone.parquet"]).fails(3, "error: labels `gone.parquet`: there is no Parquet file
        hint: labels are a Delta table, Parquet, a file that ends in .csv, or a SELECT in one that ends in .sql");
    let refused = |labels: &str, words: &str| {
        dir.write("labels.csv", labels);
        evaluate(&dir, &["--labels", "labels.csv"]).fails(3, words);
    };
    refused("host,label\ndb-1,1\n", "error: labels `labels.csv` have no column that is a key of the job `process_execution`
        hint: name columns of it as the keys are: `interval`, `Computer`, `Account`, `AccountType`, `Process`; it has `host`, `label`");
    refused("Process,label\ncmd.exe,maybe\n", "error: labels `labels.csv`: `maybe` is no label
        hint: `label` is 1 or 0, true or false, \"malicious\" or \"benign\"; without such a column every row is an attack");
    refused("Process\nCMD.EXE\n", "error: none of the 1 rows of labels `labels.csv` matches a row that the job `process_execution` judges
        hint: are `Process` of the labels written as the job makes them, and is `--as-of` (default: now) within their time?");
    refused(
        "Process,label\ncmd.exe,0\n",
        "error: by labels `labels.csv` no row that the job `process_execution` judges is an attack's
        hint: is `--as-of` (default: now) within the time of the attacks?",
    );
    dir.write("labels.csv", LABELS);
    evaluate(&dir, &["--labels", "labels.csv", "--alone", "Proces"]).fails(2, "error: --set on jobs/process_execution.toml: `evaluation.alone`: `Proces` is not a column of `indexed` (sql/process_execution/indexed.sql)
        hint: did you mean `Process`?");
    dir.write("thesis.html", "years of work");
    evaluate(&dir, &["--labels", "labels.csv", "--html", "thesis.html"]).fails(
        2,
        "error: `thesis.html`: there is something else, which is no page of crannog
        hint: name another place for the page, or move what is there away",
    );
    dir.findings_are_as_before();
}

#[test]
fn the_demos_own_labels_fit_their_jobs() {
    for (kind, job, labels, positive) in [
        (
            "process_execution",
            JOB,
            "data/process_execution_labels.parquet",
            12,
        ),
        (
            "cloudtrail",
            "jobs/cloudtrail.toml",
            "data/cloudtrail_labels.csv",
            20,
        ),
    ] {
        let dir = Dir::bare();
        dir.crannog(&[
            "demo",
            "data",
            "--kind",
            kind,
            "--rows",
            "20000",
            "--end",
            "2026-03-11",
        ]);
        let said = dir.crannog(&[
            "evaluate", job, "--as-of", AS_OF, "--labels", labels, "--seeds", "1", "--format",
            "json",
        ]);
        let answer: Value = serde_json::from_str(&said.succeeds().stdout).unwrap();
        assert_eq!(
            answer["rankings"][0]["all"]["n_positive"], positive,
            "{kind}"
        );
        assert_eq!(answer["labels"]["unmatched"], 0);
    }
}

#[test]
fn a_column_of_labels_that_is_nearly_a_key_is_told() {
    let dir = Dir::new();
    dir.write("labels.csv", "Computr,Process\ndb-1,mimikatz.exe\n");
    let said = dir.crannog(&[
        "evaluate",
        JOB,
        "--as-of",
        AS_OF,
        "--seeds",
        "1",
        "--labels",
        "labels.csv",
    ]);
    assert_eq!(said.code, 0);
    let told = "the column `Computr` is passed over; did you mean `Computer`?";
    assert!(said.stderr.contains(told), "{said:?}");
}
