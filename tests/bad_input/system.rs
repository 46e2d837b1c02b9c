//! A machine that says no: no permission, no room, no such instructions.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::kit::{AS_OF, Dir, JOB, Said};

/// `crannog run` as a user to whom permissions apply: as `nobody` where the test runs as root.
fn run_as_nobody(dir: &Dir) -> Option<Said> {
    let program = dir.path("crannog");
    if fs::hard_link(env!("CARGO_BIN_EXE_crannog"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_crannog"), &program).unwrap();
    }
    fs::set_permissions(dir.path("."), Permissions::from_mode(0o755)).unwrap();
    let is_root = fs::read("/proc/self/status").is_ok_and(|status| {
        String::from_utf8_lossy(&status)
            .lines()
            .any(|line| line.starts_with("Uid:\t0\t"))
    });
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    command
        .args(["run", JOB, "--as-of", AS_OF])
        .current_dir(dir.path("."))
        .env_remove("RUST_LOG");
    if is_root && !Path::new("/usr/bin/setpriv").exists() {
        println!("skipped: permissions do not apply to root, and there is no setpriv");
        return None;
    }
    Some(Said::by(&mut command))
}

fn forbid(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_table_that_may_not_be_read() {
    let dir = Dir::new();
    forbid(&dir.events().join("_delta_log"), 0o000);
    let Some(said) = run_as_nobody(&dir) else {
        return;
    };
    said.fails(
        1,
        "error: source `process_execution` at `data/process_execution`: the Delta table cannot be opened
           because: Unable to open file [..]/_delta_log/[..]: Permission denied (os error 13)
           hint: may the account that runs this read the table, and does the storage answer?",
    );
    forbid(&dir.events().join("_delta_log"), 0o755);
    dir.findings_are_as_before();
}

#[test]
fn a_data_file_that_may_not_be_read() {
    let dir = Dir::new();
    forbid(&dir.data_file(), 0o000);
    forbid(&dir.path("out"), 0o777);
    forbid(&dir.path("out/anomalies"), 0o777);
    forbid(&dir.path("out/anomalies/_delta_log"), 0o777);
    forbid(&dir.path("out/runs"), 0o777);
    forbid(&dir.path("out/runs/_delta_log"), 0o777);
    let Some(said) = run_as_nobody(&dir) else {
        return;
    };
    said.fails(
        1,
        "error: step `grouped` stopped
           because: Failed to fetch metadata for file [..].parquet: Unable to open file [..].parquet: Permission denied (os error 13)
           hint: a file could not be read: look at its permissions and at the network, then run again",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_folder_that_may_not_be_written_is_found_before_data_is_read() {
    let dir = Dir::new();
    let Some(said) = run_as_nobody(&dir) else {
        return;
    };
    said.fails(
        1,
        "error: sink `out/anomalies`: the folder cannot be written
           because: Permission denied (os error 13)
           hint: the account that runs this must be able to write there, and the disk must have room",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_job_file_that_may_not_be_read() {
    let dir = Dir::new();
    forbid(&dir.path(JOB), 0o000);
    let Some(said) = run_as_nobody(&dir) else {
        return;
    };
    said.fails(2, "error: cannot read `jobs/process_execution.toml`\n because: Permission denied (os error 13)");
}

#[test]
fn a_disk_that_is_full_leaves_the_findings_as_they_were() {
    let dir = Dir::new();
    run_on_a_full_disk(&dir).fails(
        4,
        "[..] WARN table of runs `out/runs`: the Delta table cannot be opened or written: Unable to copy data to file: File too large (os error 27)
         error: sink `out/anomalies`: the Delta table cannot be opened or written
           because: Unable to copy data to file: File too large (os error 27)
           hint: the table is as it was before this run; run again when the cause is gone",
    );
    dir.findings_are_as_before();
}

#[test]
fn a_disk_that_is_full_at_the_first_run_does_not_hinder_the_next() {
    let dir = Dir::new();
    fs::remove_dir_all(dir.path("out")).unwrap();
    run_on_a_full_disk(&dir).fails(
        4,
        "[..] WARN table of runs `out/runs`: the Delta table cannot be opened or written: Unable to copy data to file: File too large (os error 27)
         error: sink `out/anomalies`: the Delta table cannot be opened or written
           because: Unable to copy data to file: File too large (os error 27)
           hint: the table is as it was before this run; run again when the cause is gone",
    );
    dir.run(&[]).succeeds();
    assert!(!dir.findings().rows.is_empty());
}

/// `crannog run` where a file may have 512 bytes: enough to look whether a folder takes files, too little for findings.
fn run_on_a_full_disk(dir: &Dir) -> Said {
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args([
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_crannog"),
        "run",
        JOB,
        "--as-of",
        AS_OF,
    ]);
    Said::by(
        command
            .current_dir(dir.path("."))
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE"),
    )
}

#[test]
fn scored_rows_that_cannot_be_kept_are_an_error() {
    let dir = Dir::new();
    dir.run(&["--scored", "nowhere/scored.parquet"]).fails(
        1,
        "error: `nowhere/scored.parquet` cannot be written
           because: No such file or directory (os error 2)",
    );
    dir.findings_are_as_before();
}

#[test]
fn an_answer_that_cannot_be_printed_is_an_error() {
    let dir = Dir::new();
    for format in ["table", "csv", "json"] {
        let full = fs::File::create("/dev/full").unwrap();
        let mut command = dir.command();
        command.args([
            "query",
            "SELECT * FROM process_execution",
            "--job",
            JOB,
            "--as-of",
            AS_OF,
            "--format",
            format,
        ]);
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.starts_with("error: the answer cannot be printed\n"),
            "{format}: {stderr}"
        );
        assert!(
            stderr.contains("No space left on device"),
            "{format}: {stderr}"
        );
    }
}

#[test]
fn a_summary_that_cannot_be_printed_does_not_undo_the_run() {
    let dir = Dir::new();
    for format in ["table", "json"] {
        let full = fs::File::create("/dev/full").unwrap();
        let mut command = dir.command();
        let output = command
            .args(["run", JOB, "--as-of", AS_OF, "--format", format])
            .stdout(full)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {stderr}");
        assert!(
            stderr.starts_with("error: the answer cannot be printed\n"),
            "{format}: {stderr}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let dir = Dir::new();
    let script = "\"$@\" | head -n 1";
    let mut command = Command::new("sh");
    let sql = "SELECT a.*, b.* FROM process_execution a CROSS JOIN process_execution b";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_crannog")]);
    command.args([
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "csv",
    ]);
    let said = Said::by(command.current_dir(dir.path(".")).env_remove("RUST_LOG"));
    assert_eq!(said.stdout.lines().count(), 1);
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn instructions_that_the_machine_does_not_have() {
    let dir = Dir::new();
    for word in ["run", "check"] {
        let mut command = dir.command();
        command.args([word, JOB, "--as-of", AS_OF]);
        Said::by(command.env("CRANNOG_SIMD", "avx1024")).fails(
            2,
            "error: the isolation forest cannot be used
           because: CRANNOG_SIMD is \"avx1024\", but this machine scores by portable[..]
           hint: leave CRANNOG_SIMD unset for the fastest",
        );
    }
    dir.findings_are_as_before();
}
