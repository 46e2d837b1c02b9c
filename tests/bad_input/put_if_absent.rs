//! A store on which commits are not safe is told before anything is written to it.

use crate::kit::{Bucket, Conditions, Dir, JOB, Said};

/// A command of the job, whose output would be in that bucket.
fn into(bucket: &Bucket, dir: &Dir, command: &str, more: &str) -> Said {
    let location = "sinks[0].location=s3://lake/out/anomalies";
    let options = format!("sinks[0].options={}", bucket.options(more));
    dir.crannog(&[command, JOB, "--set", location, "--set", &options])
}

#[test]
fn a_store_that_replaces_what_it_should_keep_is_refused_by_check_and_run() {
    let dir = Dir::new();
    for command in ["check", "run"] {
        let bucket = Bucket::serve(Conditions::Forgotten);
        into(&bucket, &dir, command, "").fails(
            2,
            "error: sink `s3://lake/out/anomalies`: asked to put an object only where none is, the store put it over one
               hint: of two runs at once the one would undo the other without a word: keep the table in a store with conditional writes (`If-None-Match: *`)",
        );
        // One probe was put, twice, and it is gone.
        let puts = bucket.puts();
        assert!(
            puts.len() == 2
                && puts[0] == puts[1]
                && puts[0].starts_with("/lake/out/anomalies/.crannog-"),
            "{puts:?}"
        );
        assert_eq!(bucket.objects(), Vec::<String>::new());
    }
}

#[test]
fn the_table_of_runs_must_be_in_a_safe_store_too() {
    let dir = Dir::new();
    let bucket = Bucket::serve(Conditions::Forgotten);
    let runs = format!(
        "runs={{ location = \"s3://lake/runs\", options = {} }}",
        bucket.options("")
    );
    dir.check(&["--set", &runs]).fails(
        2,
        "error: table of runs `s3://lake/runs`: asked to put an object only where none is, the store put it over one
           hint: of two runs at once the one would undo the other without a word: keep the table in a store with conditional writes (`If-None-Match: *`)",
    );
}

#[test]
fn conditional_writes_that_are_turned_off_or_not_known_are_refused() {
    let dir = Dir::new();
    let (off, unknown) = (
        Bucket::serve(Conditions::Kept),
        Bucket::serve(Conditions::Unknown),
    );
    for (bucket, more, reason) in [
        (
            &off,
            ", aws_conditional_put = \"disabled\"",
            "conditional put is disabled",
        ),
        (&unknown, ", max_retries = \"0\"", "501 Not Implemented"),
    ] {
        into(bucket, &dir, "check", more).fails(
            2,
            &format!(
                "error: sink `s3://lake/out/anomalies`: the store cannot put an object only where none is
                 because: [..]{reason}[..]
                   hint: a commit to a Delta table needs it: keep the table in a store with conditional writes (`If-None-Match: *`), and leave `aws_conditional_put` out"
            ),
        );
        assert_eq!(bucket.objects(), Vec::<String>::new());
    }
}

#[test]
fn a_safe_store_is_in_order_and_left_as_it_was() {
    let dir = Dir::new();
    let bucket = Bucket::serve(Conditions::Kept);
    into(&bucket, &dir, "check", "").succeeds();
    let probed = |folder: &str| {
        let puts = bucket.puts();
        puts.iter().filter(|path| path.starts_with(folder)).count()
    };
    // The table of findings and that of runs, each by two puts.
    assert_eq!(
        (probed("/lake/out/anomalies/"), probed("/lake/out/runs/")),
        (2, 2)
    );
    assert_eq!(bucket.objects(), Vec::<String>::new());
}

#[test]
fn who_only_reads_the_table_of_runs_puts_nothing() {
    let dir = Dir::new();
    let bucket = Bucket::serve(Conditions::Forgotten);
    into(&bucket, &dir, "runs", "").succeeds();
    assert_eq!(bucket.puts(), Vec::<String>::new());
}

#[test]
fn an_import_into_an_unsafe_store_takes_nothing() {
    let dir = Dir::new();
    let bucket = Bucket::serve(Conditions::Forgotten);
    let mut command = dir.command();
    command.args([
        "import",
        "--format",
        "delta",
        "--time-column",
        "TimeGenerated",
    ]);
    command.arg(dir.events()).arg("s3://lake/events");
    command.envs(bucket.environment());
    Said::by(&mut command).fails(
        2,
        "error: the Delta table `s3://lake/events` cannot be written safely
         because: asked to put an object only where none is, the store put it over one
           hint: of two runs at once the one would undo the other without a word: keep the table in a store with conditional writes (`If-None-Match: *`)",
    );
    assert_eq!(bucket.objects(), Vec::<String>::new());
}
