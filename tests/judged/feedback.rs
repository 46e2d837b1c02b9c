//! What people say back: rules that allow, and labels.

use std::fs;

use serde_json::Value;

use crate::judged::{findings, judged, report, text};
use crate::kit::{Dir, JOB};

const RULES: &str = r#"
[rules.db_tool]
reason  = "the pentest of March"
author  = "anna"
expires = 2026-03-31
scope   = { Process = "mimi*.exe", Computer = "db-?" }
"#;

fn with_rules(rules: &str) -> Dir {
    let dir = judged();
    dir.write("jobs/allow.toml", rules);
    dir.edit_job(
        "[[sinks]]",
        "[allow]\nlocation = \"allow.toml\"\n\n[[sinks]]",
    );
    dir
}

fn of<'r>(rows: &'r [Value], process: &str) -> Vec<&'r Value> {
    rows.iter()
        .filter(|row| row["Process"] == process)
        .collect()
}

#[test]
fn what_a_rule_allows_is_written_marked_and_takes_no_place_in_the_budget() {
    let dir = with_rules(RULES);
    dir.run(&["--set", "findings.budget=\"2 per day\""])
        .succeeds();
    let found = findings(&dir);
    assert_eq!(found.len(), 3); // two to look at, and the one that is allowed
    assert_eq!(
        text(&found[0], "suppressed_by"),
        "db_tool: the pentest of March (anna)"
    );
    assert!(found[1]["suppressed_by"].is_null() && found[2]["suppressed_by"].is_null());
}

#[test]
fn what_a_rule_allows_is_sent_to_nobody() {
    let dir = with_rules(RULES);
    dir.edit_job(
        "[report]",
        "[[sinks]]\ntype = \"ndjson\"\nlocation = \"../out/sent\"\n\n[report]",
    );
    dir.run(&[]).succeeds();
    let sent = fs::read_dir(dir.path("out/sent"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let sent: String = sent.collect();
    assert_eq!((sent.lines().count(), findings(&dir).len()), (9, 10));
    assert!(!sent.contains("mimikatz"));
}

#[test]
fn an_expired_rule_warns_and_suppresses_nothing() {
    let dir = with_rules(&RULES.replace("2026-03-31", "2026-03-09"));
    let said = dir.run(&[]);
    assert_eq!(said.code, 0);
    assert!(
        said.stderr.contains("rule `db_tool` of anna is expired"),
        "{said:?}"
    );
    assert!(
        findings(&dir)
            .iter()
            .all(|row| row["suppressed_by"].is_null())
    );
    // On its last day it holds: `as_of` is the midnight after the 10th.
    let dir = with_rules(&RULES.replace("2026-03-31", "2026-03-11"));
    dir.run(&[]).succeeds();
}

#[test]
fn rules_may_be_a_csv_file_and_another_rule_makes_another_run() {
    let dir = judged();
    dir.write(
        "jobs/allow.csv",
        "rule,reason,author,expires,Process,Account\nshells,they are fine,ben,,cmd.exe,\n",
    );
    dir.edit_job(
        "[[sinks]]",
        "[allow]\nlocation = \"allow.csv\"\n\n[[sinks]]",
    );
    let first = report(&dir, &[]);
    let found = findings(&dir);
    let shells = of(&found, "cmd.exe");
    assert!(
        shells.len() == 3
            && shells
                .iter()
                .all(|row| text(row, "suppressed_by") == "shells: they are fine (ben)")
    );
    assert_eq!(first["run_id"], report(&dir, &[])["run_id"]);
    dir.edit("jobs/allow.csv", "cmd.exe", "cmd.*");
    assert_ne!(first["run_id"], report(&dir, &[])["run_id"]);
}

#[test]
fn a_rule_that_would_allow_too_much_or_nothing_is_refused() {
    for (from, to, message) in [
        (
            "scope   = { Process = \"mimi*.exe\", Computer = \"db-?\" }",
            "scope = {}",
            "its scope is everything: name what it allows",
        ),
        ("Process =", "Proces =", "speaks of a column `Proces`"),
        ("mimi*.exe", "mimi[.exe", "is no pattern for `Process`"),
        ("author  = \"anna\"\n", "", "missing field `author`"),
        ("author  =", "autor   =", "unknown field `autor`"),
    ] {
        let said = with_rules(&RULES.replace(from, to)).check(&[]);
        assert!(
            said.code == 2 && said.stderr.contains(message),
            "{message}: {said:?}"
        );
    }
    let dir = with_rules(RULES);
    dir.edit("sql/judged.sql", ",\n    suppressed_by\n", "\n");
    dir.check(&[]).fails(
        2,
        "error: `jobs/allow.toml`: the last file of [findings] sql leaves the column `suppressed_by` out
         hint: let it keep `scored.suppressed_by`: a suppressed finding is written, and says by what",
    );
    fs::remove_file(dir.path("jobs/allow.toml")).unwrap();
    let said = dir.check(&[]);
    assert!(
        said.stderr
            .contains("`jobs/allow.toml`: the file cannot be read"),
        "{said:?}"
    );
}

fn with_labels() -> Dir {
    let dir = judged();
    dir.edit_job(
        "[[sinks]]",
        "[labels]\nlocation = \"../out/labels\"\n\n[[sinks]]",
    );
    dir
}

fn label(dir: &Dir, finding: &Value, label: &str) {
    let id = &text(finding, "finding_id")[..12];
    let said = dir.crannog(&[
        "label", JOB, id, label, "--reason", "seen", "--author", "anna",
    ]);
    let said = &said.succeeds().stdout;
    let process = format!("Process {}", text(finding, "Process"));
    assert!(
        said.starts_with(&format!("labelled {label}: ")) && said.contains(&process),
        "{said}"
    );
}

#[test]
fn what_is_labelled_benign_does_not_come_again_until_that_is_withdrawn() {
    let dir = with_labels();
    dir.run(&[]).succeeds();
    let strangest = findings(&dir).remove(0);
    label(&dir, &strangest, "benign");
    dir.run(&[]).succeeds();
    let found = findings(&dir);
    assert_eq!(
        text(&found[0], "suppressed_by"),
        "labelled benign: seen (anna)"
    );
    assert!(found[1..].iter().all(|row| row["suppressed_by"].is_null()));
    // On another day too: the label speaks of the host, account and process.
    let next = dir.crannog(&[
        "run",
        JOB,
        "--as-of",
        "2026-03-11T09:00:00Z",
        "--set",
        "window.detect=\"3 days\"",
    ]);
    next.succeeds();
    assert_eq!(
        findings(&dir)
            .iter()
            .filter(|row| !row["suppressed_by"].is_null())
            .count(),
        1
    );
    label(&dir, &strangest, "withdrawn");
    dir.run(&[]).succeeds();
    assert!(
        findings(&dir)
            .iter()
            .all(|row| row["suppressed_by"].is_null())
    );
}

#[test]
fn what_is_labelled_malicious_is_judged_and_not_learnt_from() {
    let dir = with_labels();
    dir.run(&[]).succeeds();
    let before = findings(&dir);
    assert_eq!(learnt_from(&dir, &before[0]), 28);
    label(&dir, &before[0], "malicious");
    let judged = report(&dir, &[]);
    assert_eq!(judged["isolation_forest"]["n_samples"], 28);
    let after = findings(&dir);
    assert_eq!(learnt_from(&dir, &after[0]), 27);
    assert!(after.iter().all(|row| row["suppressed_by"].is_null()));
}

/// How many rows the model of the run that made a finding has learnt from.
fn learnt_from(dir: &Dir, finding: &Value) -> u64 {
    let file = dir.path(&format!("out/models/{}.json.gz", text(finding, "run_id")));
    let model = flate2::read::GzDecoder::new(fs::File::open(file).unwrap());
    let model: Value = serde_json::from_reader(model).unwrap();
    model["training_scores"]["n_samples"].as_u64().unwrap()
}

#[test]
fn a_label_for_no_finding_or_without_a_place_is_refused() {
    let dir = with_labels();
    let args = |id: &str| {
        ["label", JOB, id, "benign", "--reason", "r", "--author", "a"].map(str::to_owned)
    };
    let said = dir.crannog(&args("00").each_ref().map(String::as_str));
    assert!(
        said.code == 3
            && said
                .stderr
                .contains("no finding in the output table has an id that begins with `00`"),
        "{said:?}"
    );
    let dir = judged();
    dir.run(&[]).succeeds();
    let id = text(&findings(&dir)[0], "finding_id").to_owned();
    dir.crannog(&args(&id).each_ref().map(String::as_str))
        .fails(
            2,
            "error: the job has no [labels]
         hint: say in the job where they shall be: [labels] location = \"../out/labels\"",
        );
}

#[test]
fn labels_may_be_a_csv_file_of_some_of_the_keys() {
    let dir = judged();
    dir.write(
        "jobs/labels.csv",
        "Process,Account,label\ncmd.exe,bob,benign\nexplorer.exe,alice,benign\n",
    );
    dir.edit_job(
        "[[sinks]]",
        "[labels]\nlocation = \"labels.csv\"\n\n[[sinks]]",
    );
    dir.run(&[]).succeeds();
    let found = findings(&dir);
    let suppressed: Vec<_> = found
        .iter()
        .filter(|row| !row["suppressed_by"].is_null())
        .collect();
    let mut keys: Vec<_> = suppressed
        .iter()
        .map(|row| (text(row, "Process"), text(row, "Account")))
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, [("cmd.exe", "bob"), ("explorer.exe", "alice")]);
    dir.edit("jobs/labels.csv", "bob,benign", "bob,harmless");
    let said = dir.check(&[]);
    assert!(
        said.code == 2
            && said
                .stderr
                .contains("`harmless` is none of benign, malicious and withdrawn"),
        "{said:?}"
    );
}

/// As of the 11th, the reported rows that are suppressed, with labels of these lines.
fn suppressed_by_labels(lines: &[&str]) -> Vec<Value> {
    let dir = judged();
    let header = "interval,Computer,Account,AccountType,Process,label,labelled_at,keys";
    dir.write(
        "jobs/labels.csv",
        &format!("{header}\n{}\n", lines.join("\n")),
    );
    dir.edit_job(
        "[[sinks]]",
        "[labels]\nlocation = \"labels.csv\"\n\n[[sinks]]",
    );
    assert_eq!(dir.run(&[]).code, 0);
    let mut found = findings(&dir);
    found.retain(|row| !row["suppressed_by"].is_null());
    found
}

#[test]
fn the_last_word_on_a_thing_counts_whatever_its_day() {
    let benign = "2026-03-08,web-1,alice,User,cmd.exe,benign,2026-03-09T10:00:00Z,";
    assert_eq!(suppressed_by_labels(&[benign]).len(), 1);
    for later in [
        "2026-03-10,web-1,alice,User,cmd.exe,malicious,2026-03-10T10:00:00Z,",
        "2026-03-09,web-1,alice,User,cmd.exe,withdrawn,2026-03-10T10:00:00Z,",
        // An earlier word of the very row: it is an attack, whatever is said of other days.
        "2026-03-10,web-1,alice,User,cmd.exe,malicious,2026-03-09T09:00:00Z,",
    ] {
        assert!(suppressed_by_labels(&[later, benign]).is_empty(), "{later}");
    }
    let earlier = "2026-03-09,web-1,alice,User,cmd.exe,withdrawn,2026-03-09T09:00:00Z,";
    assert_eq!(suppressed_by_labels(&[earlier, benign]).len(), 1);
}

#[test]
fn a_label_of_other_keys_than_the_job_has_says_nothing() {
    let of_all = "2026-03-08,web-1,alice,User,cmd.exe,benign,,\"interval, Computer, Account, AccountType, Process\"";
    assert_eq!(suppressed_by_labels(&[of_all]).len(), 1);
    let of_hosts = "2026-03-08,web-1,alice,User,cmd.exe,benign,,\"interval, Computer\"";
    assert!(suppressed_by_labels(&[of_hosts]).is_empty());
}

#[test]
fn a_day_in_a_label_is_a_day_on_the_jobs_clock() {
    let dir = judged();
    dir.write(
        "jobs/labels.csv",
        "interval,Process,label\n2026-03-10,mimikatz.exe,malicious\n",
    );
    dir.edit_job(
        "[[sinks]]",
        "[labels]\nlocation = \"labels.csv\"\n\n[[sinks]]",
    );
    for (zone, learnt) in [("UTC", 27), ("Etc/GMT+3", 27)] {
        dir.run(&["--set", &format!("window.timezone={zone}")]);
        let zoned = findings(&dir);
        assert_eq!(learnt_from(&dir, &zoned[0]), learnt, "{zone}");
    }
}
