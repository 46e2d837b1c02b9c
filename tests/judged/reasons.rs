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
    assert_eq!(text(of("processIndex"), "text"), "{rare} program 3");
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
