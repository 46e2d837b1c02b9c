//! A job file with a mistake in it: file, line, key, and the name that was meant. `check` finds all of these.

use crate::kit::{Dir, JOB};

/// The job with one change is refused in these words.
#[track_caller]
fn refused(from: &str, to: &str, stderr: &str) {
    let dir = Dir::new();
    dir.edit_job(from, to);
    dir.job_is_refused(stderr);
}

#[test]
fn a_job_file_that_is_not_there() {
    let dir = Dir::new();
    dir.crannog(&["run", "jobs/proces.toml"]).fails(
        2,
        "error: cannot read `jobs/proces.toml`
           because: No such file or directory (os error 2)",
    );
}

#[test]
fn a_job_file_that_is_a_folder() {
    Dir::new().crannog(&["run", "jobs"]).fails(
        2,
        "error: cannot read `jobs`\n because: Is a directory (os error 21)",
    );
}

#[test]
fn a_job_file_that_is_not_text() {
    let dir = Dir::new();
    std::fs::write(dir.path(JOB), [0xff, 0xfe, 0x00]).unwrap();
    dir.crannog(&["run", JOB]).fails(
        2,
        "error: cannot read `jobs/process_execution.toml`
           because: stream did not contain valid UTF-8",
    );
}

#[test]
fn a_job_file_that_is_not_toml() {
    refused(
        "[window]",
        "[window",
        "error: jobs/process_execution.toml:12: not TOML: [..]",
    );
}

#[test]
fn a_key_that_is_misspelt() {
    refused(
        "n_estimators  = 100",
        "n_estimator = 100",
        "error: jobs/process_execution.toml:27: `isolation_forest.n_estimator`: unknown key `n_estimator`
           hint: did you mean `n_estimators`?",
    );
}

#[test]
fn a_table_that_no_job_has() {
    refused(
        "[parameters]",
        "[params]\nx = 1\n[parameters]",
        "error: jobs/process_execution.toml:16: `params`: unknown key `params`
           hint: known here: `job`, `sources`, `window`, `parameters`, `allowed_parameters`, `incremental`, `features`, `isolation_forest`, `model`, `findings`, `allow`, `labels`, `explain`, `sinks`, `runs`, `outbox`, `report`, `evaluation`, `engine`",
    );
}

#[test]
fn a_key_that_no_sink_has() {
    refused(
        "location = \"../out/anomalies\"",
        "locaton = \"../out/anomalies\"",
        "error: jobs/process_execution.toml:40: `sinks[0].locaton`: unknown key `locaton`
           hint: did you mean `location`?",
    );
}

#[test]
fn a_key_that_is_missing() {
    refused(
        "detect = \"1 day\"     # what is reported\n",
        "",
        "error: jobs/process_execution.toml:12: `window`: missing key `detect`",
    );
}

#[test]
fn a_table_that_is_missing() {
    refused(
        "[findings]\nsql = [\"../sql/process_execution/anomalies.sql\", \"../sql/process_execution/evidence.sql\"]\n",
        "",
        "error: jobs/process_execution.toml:1: missing key `findings`",
    );
}

#[test]
fn a_value_of_another_type() {
    refused(
        "n_estimators  = 100",
        "n_estimators  = \"many\"",
        "error: jobs/process_execution.toml:27: `isolation_forest.n_estimators`: invalid type: string \"many\", expected a whole number above 0",
    );
    refused(
        "keep_undated   = false",
        "keep_undated   = [1]",
        "error: jobs/process_execution.toml:18: `parameters.keep_undated`: a parameter is true or false, a number, or a text",
    );
}

#[test]
fn a_format_that_is_not_known() {
    refused(
        "format   = \"delta\"",
        "format   = \"detla\"",
        "error: jobs/process_execution.toml:9: `sources.process_execution.format`: `detla` is not `delta` or `evtx` or `parquet`[..]
           hint: did you mean `delta`?",
    );
}

#[test]
fn a_sink_that_is_not_known() {
    refused(
        "type     = \"delta\"",
        "type     = \"kafka\"",
        "error: jobs/process_execution.toml:39: `sinks[0].type`: `kafka` is not `delta` or `log_analytics` or [..]
           hint: known here: `delta`, `log_analytics`, `log_analytics_legacy`, `webhook`, `ndjson`, `parquet`",
    );
}

#[test]
fn a_time_zone_that_does_not_exist() {
    refused(
        "\n[parameters]",
        "timezone = \"Europe/Brelin\"\n\n[parameters]",
        "error: jobs/process_execution.toml:15: `window.timezone`: `Europe/Brelin` is not a time zone: write an IANA name such as `Europe/Berlin`, an offset such as `+05:30`, or `UTC`",
    );
}

#[test]
fn a_length_of_time_that_is_none() {
    refused(
        "detect = \"1 day\"",
        "detect = \"one day\"",
        "error: jobs/process_execution.toml:13: `window.detect`: `one day` is not a length of time: write for example \"1 day\", \"90 days\" or \"36 hours\"",
    );
    refused(
        "train  = \"90 days\"",
        "train  = \"0 days\"",
        "error: jobs/process_execution.toml:14: `window.train`: `0 days` is not a length of time: write for example \"1 day\", \"90 days\" or \"36 hours\"",
    );
}

#[test]
fn a_bucket_that_is_none() {
    refused(
        "\n[parameters]",
        "bucket = \"days\"\n\n[parameters]",
        "error: jobs/process_execution.toml:15: `window.bucket`: `days` is not `day` or `hour`
           hint: did you mean `day`?",
    );
}

#[test]
fn a_forest_of_impossible_trees() {
    refused(
        "max_samples   = 100",
        "max_samples   = 0",
        "error: jobs/process_execution.toml:28: `isolation_forest.max_samples`: invalid value: integer `0`, expected max_samples to be \"auto\", a whole number of rows such as 256, or a fraction above 0 and up to 1.0 such as 0.5",
    );
    refused(
        "contamination = \"auto\"",
        "contamination = 0.7",
        "error: jobs/process_execution.toml:29: `isolation_forest.contamination`: invalid value: floating point `0.7`, expected contamination to be \"auto\", or a fraction above 0 and up to 0.5 such as 0.01",
    );
    refused(
        "random_state  = 42",
        "random_state  = -1",
        "error: jobs/process_execution.toml:30: `isolation_forest.random_state`: invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
    );
}

#[test]
fn more_columns_a_tree_than_there_are() {
    refused(
        "random_state  = 42",
        "random_state  = 42\nmax_features = 7",
        "error: jobs/process_execution.toml:31: `isolation_forest.max_features`: `max_features` is 7, but the table has only 6 columns",
    );
}

#[test]
fn what_only_an_extended_forest_has_and_what_it_asks_of_its_columns() {
    refused(
        "random_state  = 42",
        "random_state  = 42\nkind = \"extnded\"",
        "error: jobs/process_execution.toml:31: `isolation_forest.kind`: `extnded` is not `axis` or `extended`
           hint: did you mean `extended`?",
    );
    refused(
        "random_state  = 42",
        "random_state  = 42\nextension_level = 1",
        "error: jobs/process_execution.toml:31: `isolation_forest.extension_level`: `extension_level` is 1, but only a forest of `kind = \"extended\"` has one",
    );
    refused(
        "random_state  = 42",
        "random_state  = 42\nkind = \"extended\"\nextension_level = 6",
        "error: jobs/process_execution.toml:32: `isolation_forest.extension_level`: `extension_level` is 6, but a tree has columns enough for 5 at most: it draws 6",
    );
    refused(
        "random_state  = 42",
        "random_state  = 42\nkind = \"extended\"",
        "error: jobs/process_execution.toml:31: `isolation_forest.kind`: in an extended isolation forest a column weighs as much as its values are wide: add `scaler = \"standard\"` to [features], or `\"none\"` where SQL has scaled them",
    );
    refused(
        "[isolation_forest]",
        "missing_values = \"allow-nan\"\n[isolation_forest]\nkind = \"extended\"",
        "error: jobs/process_execution.toml:26: `features.missing_values`: an extended isolation forest has no rule for missing values: give them a value in SQL, or use `kind = \"axis\"`",
    );
}

#[test]
fn lists_that_are_empty_or_name_a_thing_twice() {
    refused(
        "keys    = [\"interval\", \"Computer\", \"Account\", \"AccountType\", \"Process\"]",
        "keys    = []",
        "error: jobs/process_execution.toml:23: `features.keys`: name at least one key column",
    );
    refused(
        "\"Computer\", \"Account\", \"AccountType\", \"Process\"]",
        "\"Computer\", \"Account\", \"Computer\", \"Process\"]",
        "error: jobs/process_execution.toml:23: `features.keys[3]`: `Computer` is named twice",
    );
}

#[test]
fn a_name_that_is_no_name() {
    refused(
        "name        = \"process_execution\"",
        "name        = \"process execution\"",
        "error: jobs/process_execution.toml:5: `job.name`: a job's name is made of letters, digits, `_`, `-` and `.`",
    );
}

#[test]
fn a_sql_file_that_is_not_there() {
    refused(
        "process_execution/grouped.sql",
        "process_execution/groups.sql",
        "error: cannot read `sql/process_execution/groups.sql`, named at jobs/process_execution.toml:21: `features.sql[0]`
           because: No such file or directory (os error 2)
           hint: paths in a job file are relative to the job file",
    );
}

#[test]
fn two_steps_of_one_name() {
    refused(
        "[\"../sql/process_execution/grouped.sql\", ",
        "[\"../sql/process_execution/grouped.sql\", \"../sql/process_execution/grouped.sql\", ",
        "error: jobs/process_execution.toml:21: `features.sql[1]`: `grouped` is the name of another table of this job; rename the file",
    );
}

#[test]
fn a_source_of_the_name_of_a_step() {
    refused(
        "[sources.process_execution]",
        "[sources.grouped]",
        "error: jobs/process_execution.toml:21: `features.sql[0]`: `grouped` is the name of another table of this job; rename the file",
    );
}

#[test]
fn a_source_of_the_name_that_the_model_takes() {
    refused(
        "[sources.process_execution]",
        "[sources.scored]",
        "error: jobs/process_execution.toml:8: `sources.scored`: `scored` is the table that the model makes; give the source another name",
    );
}

#[test]
fn a_feature_that_the_sql_does_not_make() {
    refused(
        "\"processIndex\"",
        "\"proccessIndex\"",
        "error: jobs/process_execution.toml:24: `features.columns[4]`: `proccessIndex` is not a column of `indexed` (sql/process_execution/indexed.sql)
           hint: did you mean `processIndex`?",
    );
}

#[test]
fn a_key_column_that_the_sql_does_not_make() {
    refused(
        "keys    = [\"interval\", \"Computer\"",
        "keys    = [\"interval\", \"computer\"",
        "error: jobs/process_execution.toml:23: `features.keys[1]`: `computer` is not a column of `indexed` (sql/process_execution/indexed.sql)
           hint: did you mean `Computer`?",
    );
}

#[test]
fn a_time_column_that_the_sql_does_not_make() {
    refused(
        "\n[parameters]",
        "time_column = \"day\"\n\n[parameters]",
        "error: sink `out/anomalies`: the findings have no time in a column `day` ([window] time_column)
           hint: add it to the last SQL file of [findings]",
    );
}

#[test]
fn a_parameter_that_no_sql_file_uses() {
    refused(
        "[parameters]",
        "[parameters]\nhandle_invalids = 1",
        "error: jobs/process_execution.toml:17: `parameters.handle_invalids`: no SQL file of this job uses `$handle_invalids`
           hint: remove it, or use it in a SQL file",
    );
}

#[test]
fn a_parameter_that_the_run_gives() {
    refused(
        "[parameters]",
        "[parameters]\nas_of = 1",
        "error: jobs/process_execution.toml:17: `parameters.as_of`: `$as_of` is given by the run; choose another name",
    );
}

#[test]
fn a_parameter_without_a_value() {
    let dir = Dir::new();
    dir.edit("sql/process_execution/grouped.sql", "$bucket", "$buckett");
    dir.job_is_refused(
        "error: sql/process_execution/grouped.sql:3: `$buckett` has no value
           hint: did you mean `bucket`?; a job's own values stand in its [parameters] table",
    );
}

#[test]
fn a_setting_that_the_engine_does_not_have() {
    refused(
        "[findings]",
        "[engine.options]\n\"datafusion.execution.batch_sise\" = \"16\"\n\n[findings]",
        "error: jobs/process_execution.toml:36: `engine.options.datafusion.execution.batch_sise`: `datafusion.execution.batch_sise` is not a setting of DataFusion
           hint: did you mean `datafusion.execution.batch_size`?",
    );
    refused(
        "[findings]",
        "[engine.options]\n\"datafusion.execution.batch_size\" = \"many\"\n\n[findings]",
        "error: jobs/process_execution.toml:36: `engine.options.datafusion.execution.batch_size`: \"many\" does not fit: [..]",
    );
}

#[test]
fn a_machine_without_threads() {
    refused(
        "[findings]",
        "[engine]\nthreads = 0\n\n[findings]",
        "error: jobs/process_execution.toml:36: `engine.threads`: invalid value: integer `0`, expected a whole number above 0",
    );
}

#[test]
fn a_reference_that_is_not_to_the_environment() {
    refused(
        "\"../out/anomalies\"",
        "\"${OUT}/anomalies\"",
        "error: jobs/process_execution.toml:40: `sinks[0].location`: a reference is written `${env:NAME}`",
    );
}
