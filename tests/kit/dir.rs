//! A folder that is gone after the test, with the shipped job and its SQL in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::{Said, Table, read_delta, usual, write_delta};

/// The shipped job, from the folder.
pub const JOB: &str = "jobs/process_execution.toml";

/// The "now" of the tests: what is reported is the 10th of March.
pub const AS_OF: &str = "2026-03-11T00:00:00Z";

/// Where the job of a [`Dir`] reads, and where it writes.
const EVENTS: &str = "data/process_execution";
const FINDINGS: &str = "out/anomalies";

/// A folder with `jobs`, `sql`, the usual events as a Delta table, and the findings of an earlier run.
pub struct Dir {
    folder: TempDir,
    findings: Table,
}

impl Dir {
    /// All of it.
    pub fn new() -> Self {
        let dir = Self::without_events();
        write_delta(&dir.path(EVENTS), &usual(), &[]);
        dir
    }

    /// All but the events.
    pub fn without_events() -> Self {
        let dir = Self::bare();
        write_files(&dir.path("out"), earlier_findings());
        let findings = dir.findings();
        Self { findings, ..dir }
    }

    /// The job and its SQL: nothing to read, nothing written.
    pub fn bare() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("crannog-")
            .tempdir()
            .unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["jobs", "sql"] {
            write_files(&folder.path().join(part), &files_in(&root.join(part)));
        }
        Self {
            folder,
            findings: Table::default(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the job's events are.
    pub fn events(&self) -> PathBuf {
        self.path(EVENTS)
    }

    /// The one data file of the job's events.
    pub fn data_file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.events())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files.find(|path| path.is_file()).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts `to` in place of `from`, which must be there.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "there is no {from:?} in {name}");
        fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// A line of the job file in place of the line that gives the same key.
    #[track_caller]
    pub fn edit_job(&self, from: &str, to: &str) {
        self.edit(JOB, from, to);
    }

    /// The program, about to run in this folder without settings from outside.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crannog"));
        command
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE")
            .env_remove("CRANNOG_SIMD");
        command
    }

    /// Runs the program with these words.
    pub fn crannog(&self, args: &[&str]) -> Said {
        Said::by(self.command().args(args))
    }

    /// `crannog run` of the job at [`AS_OF`], with these words more.
    pub fn run(&self, more: &[&str]) -> Said {
        self.crannog(&[&["run", JOB, "--as-of", AS_OF], more].concat())
    }

    /// `crannog check` of the job at [`AS_OF`], with these words more.
    pub fn check(&self, more: &[&str]) -> Said {
        self.crannog(&[&["check", JOB, "--as-of", AS_OF], more].concat())
    }

    /// `crannog query` on the job, answered as one JSON object a line.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<serde_json::Value> {
        let said = self.crannog(&[
            "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "json",
        ]);
        said.succeeds()
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The table of findings as it is now.
    pub fn findings(&self) -> Table {
        read_delta(&self.path(FINDINGS))
    }

    /// A run ends with this code and these words on stderr, and leaves the earlier findings as they were.
    #[track_caller]
    pub fn run_is_refused(&self, code: i32, stderr: &str) {
        self.run(&[]).fails(code, stderr);
        self.findings_are_as_before();
    }

    /// `check` and `run` refuse the job file, or the SQL it names, in the same words, and before data is read.
    #[track_caller]
    pub fn job_is_refused(&self, stderr: &str) {
        self.check(&[]).fails(2, stderr);
        self.run(&[]).fails(2, stderr);
        self.findings_are_as_before();
    }

    /// The earlier findings are there, row for row, in the same version.
    #[track_caller]
    pub fn findings_are_as_before(&self) {
        assert_eq!(
            self.findings(),
            self.findings,
            "the table of findings has changed"
        );
    }
}

/// The output of a run over the usual events, made once for all tests: its files with their bytes.
fn earlier_findings() -> &'static [(PathBuf, Vec<u8>)] {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = Dir::bare();
        write_delta(&dir.events(), &usual(), &[]);
        dir.run(&[]).succeeds();
        files_in(&dir.path("out"))
    })
}

/// The files of a folder and its folders, each by its path from there.
fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = PathBuf::from(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            let inside = files_in(&entry.path());
            files.extend(
                inside
                    .into_iter()
                    .map(|(path, bytes)| (name.join(path), bytes)),
            );
        } else {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    files
}

fn write_files(folder: &Path, files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
