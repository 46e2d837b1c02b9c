//! `--set key=value`: laid over the file, and judged as the file is.

use crate::kit::Dir;

/// A check with this `--set` ends well.
#[track_caller]
fn taken(assignment: &str) {
    let said = Dir::new().check(&["--set", assignment]);
    assert_eq!(said.code, 0, "{said:#?}");
}

/// A run and a check with this `--set` are refused in these words.
#[track_caller]
fn refused(assignment: &str, stderr: &str) {
    let dir = Dir::new();
    dir.check(&["--set", assignment]).fails(2, stderr);
    dir.run(&["--set", assignment]).fails(2, stderr);
    dir.findings_are_as_before();
}

#[test]
fn values_are_toml_or_plain_text() {
    taken("window.train=\"30 days\"");
    taken("window.train=30 days");
    taken("isolation_forest.n_estimators=7");
    taken("isolation_forest.contamination=0.1");
    taken("parameters.keep_undated=true");
    taken("window={ detect = \"2 days\", train = \"all\" }");
    taken("features.columns=[\"count\"]");
    taken("engine.threads=1");
}

#[test]
fn an_entry_of_a_list_is_named_by_its_number() {
    let dir = Dir::new();
    dir.run(&["--set", "sinks[0].location=../elsewhere/anomalies"])
        .succeeds();
    assert!(dir.path("elsewhere/anomalies/_delta_log").is_dir());
    dir.findings_are_as_before();
}

#[test]
fn a_list_has_no_entry_of_that_number() {
    refused(
        "sinks[1].location=../elsewhere",
        "error: `--set sinks[1].location=../elsewhere` cannot be used: the array has no such table
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
}

#[test]
fn a_list_is_not_a_table() {
    refused(
        "sinks.location=../elsewhere",
        "error: `--set sinks.location=../elsewhere` cannot be used: say which one, as in `sinks[0].location`
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
}

#[test]
fn a_value_has_no_parts() {
    refused(
        "job.name.first=x",
        "error: `--set job.name.first=x` cannot be used: a part of the key before the last is not a table
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
}

#[test]
fn an_assignment_has_an_equals_sign_and_a_key() {
    refused(
        "window.train",
        "error: `--set window.train` cannot be used: there is no `=` in it
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
    refused(
        "=3",
        "error: `--set =3` cannot be used: the key has an empty part
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
    refused(
        "window..train=3",
        "error: `--set window..train=3` cannot be used: the key has an empty part
           hint: write `--set table.key=value`, for example `--set window.train=\"30 days\"`",
    );
}

#[test]
fn an_unknown_key_is_told_as_one_of_the_file() {
    refused(
        "isolation_forest.n_trees=7",
        "error: --set on jobs/process_execution.toml: `isolation_forest.n_trees`: unknown key `n_trees`
           hint: known here: `n_estimators`, `max_samples`, `max_features`, `bootstrap`, `contamination`, `random_state`, `kind`, `extension_level`",
    );
    refused(
        "windw.train=all",
        "error: --set on jobs/process_execution.toml: `windw.train`: unknown key `windw`
           hint: did you mean `window`?",
    );
}

#[test]
fn a_wrong_value_is_told_as_one_of_the_file() {
    refused(
        "isolation_forest.contamination=0.7",
        "error: --set on jobs/process_execution.toml: `isolation_forest.contamination`: invalid value: floating point `0.7`, expected contamination to be \"auto\", or a fraction above 0 and up to 0.5 such as 0.01",
    );
    refused(
        "isolation_forest.n_estimators=many",
        "error: --set on jobs/process_execution.toml: `isolation_forest.n_estimators`: invalid type: string \"many\", expected a whole number above 0",
    );
    refused(
        "features.columns=[\"count\", \"cuont\"]",
        "error: --set on jobs/process_execution.toml: `features.columns[1]`: `cuont` is not a column of `indexed` (sql/process_execution/indexed.sql)
           hint: did you mean `count`?",
    );
}

#[test]
fn a_time_that_is_none_is_refused_by_the_command_line() {
    let said = Dir::new().crannog(&["run", "jobs/process_execution.toml", "--as-of", "yesterday"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("write a time such as 2026-11-22T03:00:00Z, or a date"),
        "{}",
        said.stderr
    );
}
