//! `[engine] memory_limit`: a run ends before it holds more.

use crate::kit::Dir;

#[test]
fn a_run_that_holds_more_than_it_may_is_stopped_and_leaves_all_as_it_was() {
    let dir = Dir::new();
    // The engine may hold 90 MB, and makes a quarter of a gigabyte of one row.
    dir.edit(
        "sql/process_execution/grouped.sql",
        "    Computer,",
        "    concat(Computer, left(repeat('x', 400000000), 1)) AS Computer,",
    );
    dir.edit_job(
        "\n[parameters]",
        "\n[engine]\nmemory_limit = \"256 MiB\"\n\n[parameters]",
    );
    dir.run(&[]).fails(
        1,
        "error: stopped at 256.0 MiB of memory
           hint: give it a larger [engine] memory_limit, or less to hold: a step that is kept by days ([incremental.STEP]), a shorter [window] train, fewer threads",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_limit_that_nothing_could_run_in_is_refused_before_anything_is_read() {
    let dir = Dir::new();
    dir.edit_job(
        "\n[parameters]",
        "\n[engine]\nmemory_limit = \"100 MB\"\n\n[parameters]",
    );
    dir.job_is_refused("error: jobs/process_execution.toml:17: `engine.memory_limit`: 95.4 MiB is too little to run in: the least is 256.0 MiB");
}

#[test]
fn a_limit_is_an_amount_of_memory() {
    let dir = Dir::new();
    dir.edit_job(
        "\n[parameters]",
        "\n[engine]\nmemory_limit = \"much\"\n\n[parameters]",
    );
    dir.job_is_refused("error: jobs/process_execution.toml:17: `engine.memory_limit`: `much` is no amount of memory: write for example \"1 GiB\" or \"800 MB\"");
}

#[test]
fn within_the_limit_the_answer_is_the_same() {
    let dir = Dir::new();
    let before = dir.findings().rows;
    dir.run(&["--set", "engine.memory_limit=1 GiB"]).succeeds();
    let mut after = dir.findings().rows;
    for (before, after) in before.iter().zip(&mut after) {
        after["run_id"] = before["run_id"].clone();
    }
    assert_eq!(after, before);
}
