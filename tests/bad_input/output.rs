//! Places that cannot take findings, and findings that no place takes.

use std::fs;

use crate::kit::{Dir, usual, write_delta};

const ANOMALIES: &str = "sql/process_execution/anomalies.sql";
const EVIDENCE: &str = "sql/process_execution/evidence.sql";

#[test]
fn a_folder_of_other_files_is_left_alone() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    dir.write("out/anomalies/thesis.txt", "years of work");
    dir.run(&[]).fails(
        2,
        "error: sink `out/anomalies`: the folder holds files, but no Delta table
           hint: choose an empty or new folder for `location`",
    );
    assert_eq!(fs::read_dir(dir.path("out/anomalies")).unwrap().count(), 1);
}

#[test]
fn a_file_where_the_folder_should_be_is_refused() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    dir.write("out/anomalies", "I am a file");
    dir.run(&[]).fails(2, "error: sink `out/anomalies`: there is a file where the folder should be\n hint: choose an empty or new folder for `location`");
}

#[test]
fn a_file_on_the_way_to_the_folder_is_refused() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    dir.write("out", "I am a file");
    dir.run(&[]).fails(2, "error: sink `out/anomalies`: there is a file where the folder should be\n hint: choose an empty or new folder for `location`");
}

#[test]
fn a_path_that_delta_would_read_as_another_is_refused() {
    let dir = Dir::new();
    dir.run(&["--set", "sinks[0].location=../out/50%20off"])
        .fails(
            2,
            "error: sink `out/50%20off`: this is not a path or URL for a Delta table
           hint: write a path without `%`, or a URL such as s3://bucket/table",
        );
}

#[test]
fn check_looks_at_the_output_and_makes_nothing() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    assert_eq!(dir.check(&[]).code, 0);
    assert!(!dir.path("out").exists());
}

#[test]
fn a_table_with_other_columns_is_left_alone() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    write_delta(&dir.path("out/anomalies"), &usual(), &[]);
    let before = dir.findings();
    dir.run(&[]).fails(
        2,
        "error: sink `out/anomalies`: the table there has other columns: it has no `interval`
           hint: choose a new `location`, or move the old table away",
    );
    assert_eq!(dir.findings(), before);
}

#[test]
fn a_new_column_does_not_slip_into_the_old_table() {
    let dir = Dir::new();
    dir.edit(
        EVIDENCE,
        "anomalies.rank                                       AS rank\n",
        "anomalies.rank AS rank,\n 1 AS novelty\n",
    );
    dir.run_is_refused(
        2,
        "error: sink `out/anomalies`: the table there has other columns: it has no `novelty`
           hint: choose a new `location`, or move the old table away",
    );
}

#[test]
fn findings_outside_of_the_window_are_refused() {
    let dir = Dir::new();
    dir.edit(ANOMALIES, "prediction = -1\n  AND within_budget\n  AND scored.interval >= $detect_start\n  AND scored.interval <  $detect_end", "rank <= 1000");
    dir.run_is_refused(
        3,
        "error: sink `out/anomalies`: 18 findings lie outside of the detect window, 2026-03-10T00:00:00Z to 2026-03-11T00:00:00Z
           hint: keep `>= $detect_start` and `< $detect_end` in the SQL of [findings]",
    );
}

#[test]
fn findings_without_their_time_are_refused_by_check() {
    let dir = Dir::new();
    dir.edit_job("\n[parameters]", "time_column = \"count\"\n\n[parameters]");
    dir.job_is_refused(
        "error: sink `out/anomalies`: `count` of the findings is Int64, not a time with a zone
           hint: [window] time_column names it; make `count` of a column that is a timestamp in its source, or cast it: `cast(… AS timestamp with time zone)`",
    );
}

#[test]
fn findings_with_a_column_of_the_program_are_refused_by_check() {
    let dir = Dir::new();
    dir.edit(
        EVIDENCE,
        "anomalies.rank                                       AS rank\n",
        "anomalies.rank AS rank,\n 'x' AS run_id\n",
    );
    dir.job_is_refused(
        "error: sink `out/anomalies`: the findings have a column `run_id`, which every sink adds itself
           hint: give `run_id` another name in the last SQL file of [findings]",
    );
}

#[test]
fn findings_of_a_type_that_delta_does_not_have_are_refused_by_check() {
    let dir = Dir::new();
    dir.edit(
        EVIDENCE,
        "anomalies.rank                                       AS rank\n",
        "anomalies.rank AS rank,\n INTERVAL '1 day' AS pause\n",
    );
    dir.job_is_refused(
        "error: sink `out/anomalies`: column `pause` is Interval(MonthDayNano), which a Delta table cannot hold
           hint: cast `pause` in the last SQL file of [findings]",
    );
}

#[test]
fn findings_without_a_key_are_refused_by_check() {
    let dir = Dir::new();
    dir.edit(
        EVIDENCE,
        "    anomalies.Account                                    AS Account,\n",
        "",
    );
    dir.job_is_refused(
        "error: jobs/process_execution.toml:23: `features.keys[2]`: `Account` is not a column of `evidence` (sql/process_execution/evidence.sql)
           hint: did you mean `count`?",
    );
}

#[test]
fn a_half_written_log_of_the_output_is_named() {
    let dir = Dir::new();
    dir.write(
        "out/anomalies/_delta_log/00000000000000000002.json",
        r#"{"add":{"path":"part-0"#,
    );
    dir.run(&[]).fails(
        1,
        "error: sink `out/anomalies`: the Delta table cannot be opened or written
           because: [..]
           hint: [..]",
    );
}
