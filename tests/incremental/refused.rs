//! A step that cannot be kept is refused in words, and nothing is written.

use super::KEPT;
use crate::kit::{Dir, usual, write_delta};

/// A run with these overrides fails so, and leaves all tables as they were.
#[track_caller]
fn is_refused(dir: &Dir, overrides: &[&str], code: i32, stderr: &str) {
    let words: Vec<_> = overrides.iter().flat_map(|it| ["--set", it]).collect();
    dir.run(&words).fails(code, stderr);
    dir.findings_are_as_before();
}

#[test]
fn only_a_step_before_the_model_can_be_kept() {
    let dir = Dir::new();
    is_refused(&dir, &["incremental.anomalies={}"], 2, "error: --set on jobs/process_execution.toml: `incremental.anomalies`: `anomalies` is not a step of [features] sql
           hint: known here: `grouped`, `computers`, `accounts`, `account_types`, `processes`, `indexed`");
}

#[test]
fn a_step_that_reads_another_one_cannot_be_kept() {
    let dir = Dir::new();
    is_refused(
        &dir,
        &[KEPT[0], "incremental.indexed={}"],
        2,
        "error: --set on jobs/process_execution.toml: `incremental.indexed`: `indexed` reads the step `grouped`: only a step that reads sources alone can be kept by days",
    );
}

#[test]
fn a_step_that_depends_on_the_time_of_the_run_cannot_be_kept() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "TimeGenerated < $detect_end",
        "TimeGenerated < $as_of",
    );
    is_refused(
        &dir,
        &KEPT,
        2,
        "error: --set on jobs/process_execution.toml: `incremental.grouped`: `grouped` uses `$as_of`, which is another one each night: rows that are kept may use `$train_start` and `$detect_end`, which are then the ends of the days that are computed",
    );
}

#[test]
fn where_learning_ends_is_the_run_s_too() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "TimeGenerated < $detect_end",
        "TimeGenerated < $train_end",
    );
    is_refused(
        &dir,
        &KEPT,
        2,
        "error: --set on jobs/process_execution.toml: `incremental.grouped`: `grouped` uses `$train_end`, which is another one each night: rows that are kept may use `$train_start` and `$detect_end`, which are then the ends of the days that are computed",
    );
}

#[test]
fn rows_that_are_not_kept_belong_to_their_own_days_too() {
    let dir = Dir::new();
    crate::kit::append(
        &dir.events(),
        &crate::kit::batch(&[crate::kit::Event {
            time: None,
            ..crate::kit::event("2026-03-09T10:00:00Z", "web-1", "alice", "cmd.exe")
        }]),
    );
    dir.edit(
        "sql/process_execution/grouped.sql",
        "date_trunc($bucket, TimeGenerated)  AS interval",
        "coalesce(date_trunc($bucket, TimeGenerated), arrow_cast('2026-03-09T00:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))'))  AS interval",
    );
    is_refused(
        &dir,
        &[&KEPT[..], &["parameters.keep_undated=true"]].concat(),
        3,
        "error: step `grouped`, kept at `out/steps/grouped`: 1 rows of `grouped` belong by their `interval` to other days than those they were computed from, 2026-03-11 to before [..]
           hint: a step that is kept makes the rows of a day from that day's rows alone: compare `time_column` of the source with that of the step",
    );
}

#[test]
fn some_source_must_tell_the_day_of_a_row() {
    let dir = Dir::new();
    is_refused(
        &dir,
        &[KEPT[1]],
        2,
        "error: --set on jobs/process_execution.toml: `incremental.grouped`: `grouped` reads no source whose `time_column` is given: say in [sources.NAME] which column tells a row's day",
    );
    is_refused(
        &dir,
        &[
            "sources.process_execution.time_column=TimeGenrated",
            KEPT[1],
        ],
        2,
        "error: --set on jobs/process_execution.toml: `sources.process_execution.time_column`: `TimeGenrated` is not a column of `process_execution`
           hint: did you mean `TimeGenerated`?",
    );
    is_refused(
        &dir,
        &["sources.process_execution.time_column=Account", KEPT[1]],
        2,
        "error: --set on jobs/process_execution.toml: `sources.process_execution.time_column`: `Account` of `process_execution` is text, not a time",
    );
}

#[test]
fn the_days_of_event_logs_are_not_known() {
    let dir = Dir::new();
    is_refused(
        &dir,
        &["sources.process_execution.format=evtx", KEPT[0], KEPT[1]],
        2,
        "error: --set on jobs/process_execution.toml: `incremental.grouped`: `grouped` reads `process_execution`, of whose evtx files it is not known to which days they belong: `crannog import` makes a Delta table of them",
    );
}

#[test]
fn the_step_must_tell_the_day_of_a_row_too() {
    let dir = Dir::new();
    is_refused(
        &dir,
        &[KEPT[0], "incremental.grouped={time_column='Day'}"],
        2,
        "error: step `grouped`, kept at `out/steps/grouped`: `grouped` has no column `Day`
           hint: [incremental.STEP] time_column names the column that holds the start of a row's time bucket",
    );
    is_refused(
        &dir,
        &[KEPT[0], "incremental.grouped={time_column='Account'}"],
        2,
        "error: step `grouped`, kept at `out/steps/grouped`: column `Account` is text, not a time
           hint: [incremental.STEP] time_column names the column that holds the start of a row's time bucket",
    );
}

#[test]
fn rows_of_other_days_than_those_they_were_made_from_are_no_rows_of_a_day() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "date_trunc($bucket, TimeGenerated)  AS interval",
        "date_trunc($bucket, TimeGenerated) - interval '1 day'  AS interval",
    );
    is_refused(&dir, &[KEPT[0], "incremental.grouped={batch_size=1}"], 3, "error: step `grouped`, kept at `out/steps/grouped`: 9 rows of `grouped` belong by their `interval` to other days than those they were computed from, 2026-03-09 to before 2026-03-10
           hint: a step that is kept makes the rows of a day from that day's rows alone: compare `time_column` of the source with that of the step");
}

#[test]
fn a_table_that_is_not_the_step_s_is_left_alone() {
    let dir = Dir::new();
    write_delta(&dir.path("out/steps/grouped"), &usual(), &[]);
    is_refused(
        &dir,
        &KEPT,
        2,
        "error: step `grouped`, kept at `out/steps/grouped`: the table there is not one of a step
           hint: name another place for it: [incremental.STEP] location",
    );
}

#[test]
fn a_column_that_would_not_come_back_as_it_was_cannot_be_kept() {
    let dir = Dir::new();
    dir.edit(
        "sql/process_execution/grouped.sql",
        "count(*)                            AS count",
        "count(*)                            AS count,\n    min(cast(TimeGenerated AS timestamp(9)))  AS first",
    );
    is_refused(&dir, &KEPT, 2, "error: step `grouped`, kept at `out/steps/grouped`: column `first` is timestamp without time zone, which a Delta table cannot hold
           hint: cast `first` in SQL, or do not keep the step");
}

#[test]
fn a_file_of_the_step_s_table_that_is_gone_is_told_with_what_to_do() {
    let dir = Dir::new();
    let words: Vec<_> = KEPT.iter().flat_map(|it| ["--set", it]).collect();
    dir.run(&words).succeeds();
    let day = dir.path("out/steps/grouped/_date=2026-03-09");
    let before = dir.findings();
    std::fs::remove_dir_all(day).unwrap();
    dir.run(&words).fails(
        3,
        "error: step `grouped`, kept at `out/steps/grouped`: the Delta table cannot be read
           because: [..] not found[..]
           hint: the table holds nothing that the sources do not tell: if it is damaged, remove it, and the next run makes it anew",
    );
    assert_eq!(dir.findings(), before);
    std::fs::remove_dir_all(dir.path("out/steps/grouped")).unwrap();
    let said = dir.run(&words);
    assert!(
        said.succeeds()
            .stdout
            .contains("every day of `grouped` was computed: there is no table yet"),
        "{said:?}"
    );
}
