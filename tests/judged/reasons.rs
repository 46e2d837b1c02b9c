//! Reasons beside every finding, in numbers and in words.

use serde_json::Value;

use crate::judged::{findings, judged, number, text};

const TEXTS: &str = r#"[features.text]
count        = "`{Process}` ran {count} times on {Computer}, typically {typical}"
processIndex = "{{rare}} program {value}"

[isolation_forest]"#;

#[test]
fn each_finding_has_its_reasons_the_strongest_first() {
    let dir = judged();
    dir.edit_job("[isolation_forest]", TEXTS);
    dir.run(&[]).succeeds();
    let found = findings(&dir);
    let first = &found[0];
    assert_eq!(text(first, "Process"), "mimikatz.exe");
    let reasons = first["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 6);
    let contributions: Vec<_> = reasons
        .iter()
        .map(|reason| number(reason, "contribution"))
        .collect();
    assert!(
        contributions.is_sorted_by(|a, b| a >= b),
        "{contributions:?}"
    );
    let of = |feature: &str| {
        reasons
            .iter()
            .find(|reason| reason["feature"] == feature)
            .unwrap()
    };
    let count = of("count");
    assert_eq!(
        (number(count, "value"), number(count, "typical")),
        (40.0, 2.0)
    );
    assert_eq!(
        text(count, "text"),
        "`mimikatz.exe` ran 40 times on db-1, typically 2"
    );
    let rare = of("processIndex");
    let sentence = match number(rare, "contribution") > 0.0 {
        true => "{rare} program 3",
        false => "`processIndex` is 3 (typical: 1)",
    };
    assert_eq!(text(rare, "text"), sentence);
    assert_eq!(
        text(of("accountTypeIndex"), "text"),
        "`accountTypeIndex` is 0 (typical: 0)"
    );
    let strongest = |reason: &&Value| number(reason, "contribution") > 0.0;
    let words: Vec<_> = reasons
        .iter()
        .filter(strongest)
        .take(3)
        .map(|reason| text(reason, "text"))
        .collect();
    assert_eq!(text(first, "explanation"), words.join("; "));
}

#[test]
fn words_about_what_is_not_there_are_refused() {
    let dir = judged();
    dir.edit_job("[isolation_forest]", &TEXTS.replace("{count}", "{cuont}"));
    dir.check(&[]).fails(
        2,
        "error: jobs/process_execution.toml:[..]: `features.text.count`: `cuont` is not a column of `indexed` (sql/process_execution/indexed.sql)
         hint: did you mean `count`?",
    );
    let dir = judged();
    dir.edit_job(
        "[isolation_forest]",
        &TEXTS.replace("count        =", "cuont        ="),
    );
    let said = dir.check(&[]);
    assert!(
        said.code == 2 && said.stderr.contains("`cuont` is not in [features] columns"),
        "{said:?}"
    );
    let dir = judged();
    dir.edit_job("[isolation_forest]", &TEXTS.replace("{{rare}}", "{rare"));
    let said = dir.check(&[]);
    assert!(
        said.code == 2 && said.stderr.contains("stands alone"),
        "{said:?}"
    );
}

#[test]
fn sql_before_the_model_has_no_judged_rows_to_speak_of() {
    let dir = judged();
    dir.edit(
        "sql/process_execution/indexed.sql",
        "SELECT",
        "SELECT reasons(1) AS why,",
    );
    let said = dir.check(&[]);
    assert!(
        said.code == 2 && said.stderr.contains("there is no function `reasons`"),
        "{said:?}"
    );
}

#[test]
fn what_is_sent_has_its_severity_and_its_reasons_in_words() {
    let dir = judged();
    dir.edit_job(
        "[report]",
        "[[sinks]]\ntype = \"ndjson\"\nshape = \"ocsf\"\nlocation = \"../out/sent\"\n\n[report]",
    );
    dir.run(&[
        "--set",
        "findings.budget=\"1 per day\"",
        "--set",
        "findings.severity={ low = 10, medium = 20, high = 90, critical = 99 }",
    ])
    .succeeds();
    let found = findings(&dir).remove(0);
    let file = std::fs::read_dir(dir.path("out/sent"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let sent: Value = serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
    assert_eq!(
        (&sent["severity_id"], &sent["severity"]),
        (&4.into(), &"High".into())
    );
    assert_eq!(sent["finding_info"]["desc"], found["explanation"]);
}

#[test]
fn what_does_not_make_a_row_strange_is_no_reason_for_a_sentence() {
    let dir = judged();
    dir.edit_job("[isolation_forest]", TEXTS);
    dir.run(&[]).succeeds();
    for row in findings(&dir) {
        for reason in row["reasons"].as_array().unwrap() {
            let sentence = text(reason, "text").contains("times on")
                || text(reason, "text").contains("program");
            let strange = number(reason, "contribution") > 0.0;
            let spoken_of = ["count", "processIndex"].contains(&text(reason, "feature"));
            assert_eq!(sentence, strange && spoken_of, "{reason}");
        }
    }
}

#[test]
fn a_severity_is_of_a_score() {
    let dir = judged();
    dir.edit(
        "sql/judged.sql",
        "severity(anomaly_score)",
        "severity(rank)",
    );
    let said = dir.run(&[]);
    assert!(
        said.code == 3
            && said
                .stderr
                .contains("severity() is of an anomaly_score, 0 to 1, and not of"),
        "{said:?}"
    );
}
