//! `${env:NAME}`: a value from the environment is used, and never shown.

use crate::kit::{AS_OF, Dir, JOB, Said};

const SECRET: &str = "hunter2-hunter2";

#[test]
fn a_variable_that_is_not_set_is_named() {
    let dir = Dir::new();
    dir.edit_job(
        "\"../data/process_execution\"",
        "\"${env:CRANNOG_TEST_LAKE}/process_execution\"",
    );
    dir.run_is_refused(
        2,
        "error: jobs/process_execution.toml:10: `sources.process_execution.location`: the environment variable `CRANNOG_TEST_LAKE` is not set
           hint: export CRANNOG_TEST_LAKE before the run",
    );
}

#[test]
fn a_variable_of_a_sink_that_is_not_set_is_named() {
    let dir = Dir::new();
    dir.edit_job(
        "\"../out/anomalies\"",
        "\"${env:CRANNOG_TEST_LAKE}/anomalies\"",
    );
    dir.run_is_refused(
        2,
        "error: jobs/process_execution.toml:40: `sinks[0].location`: the environment variable `CRANNOG_TEST_LAKE` is not set
           hint: export CRANNOG_TEST_LAKE before the run",
    );
}

#[test]
fn a_location_from_the_environment_is_read_and_not_shown() {
    let dir = Dir::new();
    dir.edit_job(
        "\"../data/process_execution\"",
        "\"${env:CRANNOG_TEST_LAKE}/process_execution\"",
    );
    std::fs::rename(dir.path("data"), dir.path(SECRET)).unwrap();
    let lake = dir.path(SECRET);
    let run = |more: &[&str]| {
        let args = [&["run", JOB, "--as-of", AS_OF], more].concat();
        Said::by(dir.command().args(args).env("CRANNOG_TEST_LAKE", &lake))
    };
    let said = run(&["--format", "json"]);
    said.succeeds();
    unseen(&said);
    let said = run(&["--log-format", "json"]);
    assert_eq!(said.code, 0);
    unseen(&said);
    let results = std::fs::read_to_string(dir.path("out/run_results.json")).unwrap();
    assert!(
        results.contains("${env:CRANNOG_TEST_LAKE}/process_execution") && !results.contains(SECRET)
    );
}

#[test]
fn a_failing_run_does_not_show_it_either() {
    let dir = Dir::new();
    dir.edit_job(
        "\"../data/process_execution\"",
        "\"${env:CRANNOG_TEST_LAKE}/process_execution\"\noptions = { aws_secret_access_key = \"${env:CRANNOG_TEST_KEY}\" }",
    );
    let broken = dir.path(SECRET).join("process_execution");
    let half_written = broken.join("_delta_log/00000000000000000000.json");
    std::fs::create_dir_all(half_written.parent().unwrap()).unwrap();
    let run = |lake: &str, log: &str| {
        let mut command = dir.command();
        command.args(["run", JOB, "--as-of", AS_OF, "--log-format", log]);
        Said::by(
            command
                .env("CRANNOG_TEST_LAKE", lake)
                .env("CRANNOG_TEST_KEY", SECRET),
        )
    };
    let local = dir.path(SECRET);
    for log in ["text", "json"] {
        // Nothing there, a file that is no table, an unknown scheme, a host that does not answer.
        std::fs::write(&half_written, "{").unwrap();
        for lake in [
            local.to_str().unwrap(),
            "/hunter2-hunter2",
            "hunter2-hunter2://lake",
            "http://localhost:1/hunter2-hunter2",
        ] {
            let said = run(lake, log);
            assert!(
                said.code == 1 || said.code == 2 || said.code == 3,
                "{said:#?}"
            );
            unseen(&said);
        }
    }
    dir.findings_are_as_before();
}

#[test]
fn a_path_that_storage_complains_of_is_told_as_the_job_writes_it() {
    let dir = Dir::new();
    dir.edit_job(
        "\"../data/process_execution\"",
        "\"${env:CRANNOG_TEST_LAKE}/process_execution\"",
    );
    std::fs::remove_file(dir.data_file()).unwrap();
    std::fs::rename(dir.path("data"), dir.path(SECRET)).unwrap();
    let mut command = dir.command();
    command
        .args(["run", JOB, "--as-of", AS_OF])
        .env("CRANNOG_TEST_LAKE", dir.path(SECRET));
    let said = Said::by(&mut command);
    unseen(said.fails(
        3,
        "error: step `grouped` stopped
           because: Failed to fetch metadata for file ${env:CRANNOG_TEST_LAKE}/process_execution/[..]
           hint: a file of the table is gone: restore it, or remove it from the table's log",
    ));
    dir.findings_are_as_before();
}

#[track_caller]
fn unseen(said: &Said) {
    assert!(
        !said.stdout.contains(SECRET) && !said.stderr.contains(SECRET),
        "the secret is shown: {said:#?}"
    );
}
