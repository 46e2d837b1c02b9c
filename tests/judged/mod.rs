//! What stands between a score and a person: budgets, percentiles, reasons, and what people say back.

mod budget;
mod explain;
mod feedback;
mod reasons;

use serde_json::Value;

use crate::kit::{AS_OF, Dir, JOB, usual, write_delta};

/// Every column that a judged row can have, of all rows that are reported and within the budget.
const JUDGED: &str = "
SELECT
    scored.interval                     AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    anomaly_score,
    rank,
    anomaly_percentile(anomaly_score)   AS anomaly_percentile,
    severity(anomaly_score)             AS severity,
    reasons(rank)                       AS reasons,
    explanation(reasons(rank))          AS explanation,
    suppressed_by
FROM scored
WHERE within_budget
  AND scored.interval >= $detect_start
  AND scored.interval <  $detect_end
";

/// What an explanation shows, as in the job for what is rare.
const EXPLAIN: &str = r#"sql = ["../sql/process_execution/usual.sql", "../sql/process_execution/elsewhere.sql", "../sql/process_execution/behind.sql"]"#;

/// The usual events, and a job whose findings say all that there is to say: 28 rows judged, 10 of them reported.
fn judged() -> Dir {
    let dir = Dir::bare();
    write_delta(&dir.events(), &usual(), &[]);
    dir.write("sql/judged.sql", JUDGED);
    dir.edit_job(
        r#"sql = ["../sql/process_execution/anomalies.sql", "../sql/process_execution/evidence.sql"]"#,
        r#"sql = ["../sql/judged.sql"]"#,
    );
    dir.edit_job("[[sinks]]", &format!("[explain]\n{EXPLAIN}\n\n[[sinks]]"));
    dir
}

/// The findings, the strangest first.
fn findings(dir: &Dir) -> Vec<Value> {
    let mut rows = dir.findings().rows;
    rows.sort_by_key(|row| row["rank"].as_i64());
    rows
}

fn text<'r>(row: &'r Value, column: &str) -> &'r str {
    row[column].as_str().unwrap_or_default()
}

fn number(row: &Value, column: &str) -> f64 {
    row[column].as_f64().unwrap()
}

/// The report of a run with these words more.
fn report(dir: &Dir, more: &[&str]) -> Value {
    let said = dir.crannog(&[&["run", JOB, "--as-of", AS_OF, "--format", "json"], more].concat());
    serde_json::from_str(&said.succeeds().stdout).unwrap()
}
