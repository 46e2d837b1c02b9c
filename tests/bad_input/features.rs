//! Rows that cannot be judged: no key of their own, no number where one is needed.

use crate::kit::Dir;

#[test]
fn a_key_that_two_rows_share_is_shown() {
    let dir = Dir::new();
    dir.edit_job(
        "keys    = [\"interval\", \"Computer\", \"Account\", \"AccountType\", \"Process\"]",
        "keys    = [\"interval\", \"Computer\", \"Account\", \"AccountType\"]",
    );
    dir.run_is_refused(
        3,
        "error: `indexed` has more than one row for the key interval = 2026-03-08T00:00:00Z, Computer = db-1, Account = carol, AccountType = User
           hint: [features] keys must name a row of `indexed`: add the column that tells these rows apart, or group by the keys",
    );
}

#[test]
fn a_feature_that_is_null_in_some_rows_is_refused_or_taken_as_missing() {
    let dir = Dir::new();
    let sql = "sql/process_execution/indexed.sql";
    dir.edit(
        sql,
        "grouped.count                                          AS count",
        "nullif(grouped.count, 1)        AS count",
    );
    dir.run_is_refused(
        3,
        "error: column `count` of `indexed` has 9 missing values
           hint: give it a value in SQL, for example coalesce(count, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing",
    );
    dir.edit_job(
        "[features]\n",
        "[features]\nmissing_values = \"allow-nan\"\n",
    );
    dir.run(&[]).succeeds();
}

#[test]
fn a_feature_that_is_nan_in_some_rows_is_refused_or_taken_as_missing() {
    let dir = Dir::new();
    let sql = "sql/process_execution/indexed.sql";
    let nan =
        "CASE grouped.count WHEN 40 THEN cast('NaN' AS double) ELSE grouped.count END AS count";
    dir.edit(
        sql,
        "grouped.count                                          AS count",
        nan,
    );
    dir.edit_job("../out/anomalies", "../new/anomalies");
    dir.run_is_refused(
        3,
        "error: column `count` of `indexed` has 1 missing values
           hint: give it a value in SQL, for example coalesce(count, 0), or set [features] missing_values = \"allow-nan\" to let the forest treat it as missing",
    );
    dir.edit_job(
        "[features]\n",
        "[features]\nmissing_values = \"allow-nan\"\n",
    );
    dir.run(&[]).succeeds();
}

#[test]
fn a_feature_that_is_infinite_is_larger_than_all_others() {
    let dir = Dir::new();
    let sql = "sql/process_execution/indexed.sql";
    let infinite = "CASE grouped.count WHEN 40 THEN cast('Infinity' AS double) ELSE grouped.count END AS count";
    dir.edit(
        sql,
        "grouped.count                                          AS count",
        infinite,
    );
    dir.edit_job("../out/anomalies", "../new/anomalies");
    let said = dir.run(&["--show", "1"]);
    assert!(
        said.succeeds().stdout.contains("mimikatz.exe   inf"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_feature_that_is_infinite_cannot_be_scaled() {
    let dir = Dir::new();
    let sql = "sql/process_execution/indexed.sql";
    let infinite = "CASE grouped.count WHEN 40 THEN cast('Infinity' AS double) ELSE grouped.count END AS count";
    dir.edit(
        sql,
        "grouped.count                                          AS count",
        infinite,
    );
    dir.edit_job("../out/anomalies", "../new/anomalies");
    dir.edit_job("[features]\n", "[features]\nscaler = \"standard\"\n");
    dir.run_is_refused(
        3,
        "error: column `count` of `indexed` has 1 infinite values, which cannot be scaled
           hint: give it an end in SQL, for example least(count, 1e9), or leave [features] scaler out",
    );
}

#[test]
fn a_scaler_that_is_not_known_is_refused() {
    let dir = Dir::new();
    dir.edit_job("[features]\n", "[features]\nscaler = \"minmax\"\n");
    dir.job_is_refused(
        "error: jobs/process_execution.toml:21: `features.scaler`: `minmax` is not `standard` or `none`
           hint: known here: `standard`, `none`",
    );
}

#[test]
fn a_feature_that_is_a_text_is_refused_by_check() {
    let dir = Dir::new();
    dir.edit_job(
        "columns = [\"unixInterval\", \"computerIndex\"",
        "columns = [\"unixInterval\", \"Computer\"",
    );
    dir.job_is_refused("error: jobs/process_execution.toml:24: `features.columns[1]`: `Computer` of `indexed` is text, not a number");
}

#[test]
fn a_value_that_does_not_fit_a_cast_is_told_with_its_step() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/indexed.sql",
        "grouped.count                                          AS count",
        "cast(grouped.Process AS bigint) AS count",
    );
    dir.run_is_refused(
        3,
        "error: step `indexed` stopped
           because: Cast error: Cannot cast string '[..].exe' to value of Int64 type
           hint: a value does not fit the type that the SQL asks for",
    );
}
