//! What cannot be done on a cluster is said before a table is touched.

use super::{PROCESSES, on};
use crate::kit::{Dir, JOB, Servers};

#[test]
fn a_scheduler_that_is_not_there_is_told_and_the_run_may_be_tried_again() {
    let dir = Dir::new();
    let said = dir.run(&["--cluster", "df://127.0.0.1:1"]);
    said.fails(
        1,
        "error: the cluster cannot be used
           because: the scheduler at 127.0.0.1:1 does not answer: Connection refused (os error 111)
           hint: does `crannog scheduler` run there, and may this machine reach its port? Without `--cluster` the job runs here",
    );
    dir.findings_are_as_before();
}

#[test]
fn what_is_no_scheduler_is_told() {
    let dir = Dir::new();
    let said = dir.run(&["--cluster", "scheduler:50050"]);
    said.fails(
        2,
        "error: invalid value 'scheduler:50050' for '--cluster <URL>': `scheduler:50050` is no scheduler: write df://HOST:PORT

         For more information, try '--help'.",
    );
    let said = dir.check(&["--set", "engine.cluster=\"http://a:1\""]);
    said.fails(
        2,
        "error: --set on jobs/process_execution.toml: `engine.cluster`: `http://a:1` is no scheduler: write df://HOST:PORT",
    );
}

#[test]
fn an_operator_that_many_machines_get_wrong_is_refused_by_its_name() {
    let (dir, servers) = (Dir::new(), Servers::start(1));
    dir.edit(
        "sql/process_execution/computers.sql",
        "FROM grouped\n",
        "FROM (WITH RECURSIVE some AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM some WHERE n < 2) SELECT grouped.* FROM some JOIN grouped ON some.n = 1) AS grouped\n",
    );
    let [flag, url] = on(&servers);
    let said = dir.run(&[&flag, &url]);
    said.fails(
        2,
        "error: step `computers` stopped
           because: RecursiveQueryExec is not run on a cluster
           hint: write the step without it, or run the job without `--cluster`",
    );
    dir.findings_are_as_before();
}

#[test]
fn equal_keys_and_missing_values_are_told_in_the_words_of_a_run_on_one_machine() {
    let (dir, servers) = (Dir::new(), Servers::start(2));
    let [flag, url] = on(&servers);
    let keys = "features.keys=[\"interval\", \"Computer\"]";
    let unknown = "parameters.handle_invalid=\"error\"";
    let null = "sources.process_execution.location=\"../data/with_null\"";
    crate::kit::write_delta(&dir.path("data/with_null"), &with_null(), &[]);
    for more in [
        vec!["--set", keys],
        vec!["--set", unknown, "--set", null],
        vec!["--as-of", "2026-03-20"],
    ] {
        let here = dir.crannog(&[&["run", JOB, "--as-of", PROCESSES.as_of][..], &more].concat());
        let there = [
            &["run", JOB, "--as-of", PROCESSES.as_of][..],
            &more,
            &[&flag, &url],
        ]
        .concat();
        let there = dir.crannog(&there);
        assert_ne!(here.code, 0, "{more:?}");
        assert_eq!(
            (there.code, there.stderr),
            (here.code, here.stderr),
            "{more:?}"
        );
    }
    dir.findings_are_as_before();
}

/// Two events, one of them of no host.
fn with_null() -> arrow::array::RecordBatch {
    let mut nobody = crate::kit::event("2026-03-10T10:00:00Z", "a", "b", "c.exe");
    nobody.computer = None;
    let usual = crate::kit::event("2026-03-10T11:00:00Z", "a", "b", "c.exe");
    crate::kit::batch(&[nobody, usual])
}
