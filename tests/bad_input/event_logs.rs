//! Event logs that are cut off or damaged: named, counted, left out; all else is read. A strict job takes none of them.

use std::fs;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value as Json, json};

use crate::kit::event_log::{
    CHUNK, HEADER, LoggedEvent, event_log, first_record, seal, security_4688,
};
use crate::kit::{AS_OF, Dir, JOB, Said};

/// A folder whose job reads event logs from `data/logs`, where there is a good one.
fn dir() -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        "\"evtx\"\nlocation = \"../data/logs\"",
    );
    write(&dir, "good.evtx", &event_log(&[&[start("good")]]));
    dir
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) {
    dir.write(&format!("data/logs/{name}"), "");
    fs::write(dir.path(&format!("data/logs/{name}")), bytes).unwrap();
}

/// The start of a process by this user.
fn start(user: &str) -> LoggedEvent {
    security_4688(
        "2026-03-10T09:15:00Z",
        "ws-1",
        user,
        r"C:\Windows\System32\cmd.exe",
        "cmd.exe",
    )
}

/// Three chunks of two events each: by `a` and `b`, `c` and `d`, `e` and `f`.
fn log() -> Vec<u8> {
    let chunks = [["a", "b"], ["c", "d"], ["e", "f"]].map(|users| users.map(start));
    event_log(&[&chunks[0], &chunks[1], &chunks[2]])
}

/// Damages a good log.
fn log_with(damage: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut log = log();
    damage(&mut log);
    log
}

fn users(dir: &Dir, more: &[&str]) -> Said {
    let sql = "SELECT SubjectUserName AS user FROM process_execution ORDER BY 1";
    let query = [
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "csv",
    ];
    dir.crannog(&[&query, more].concat())
}

/// What is read of a folder with this file beside the good one, and what the report of a run says of the file.
#[track_caller]
fn read(bytes: &[u8]) -> (String, Json) {
    let dir = dir();
    write(&dir, "bad.evtx", bytes);
    let said = users(&dir, &[]);
    assert!(said.code == 0, "{said:#?}");
    assert_eq!(said.stderr.matches("bad.evtx").count(), 1, "{said:#?}");
    let users: String = said
        .stdout
        .lines()
        .skip(1)
        .filter(|user| *user != "good")
        .collect();

    let said = dir.run(&["--format", "json"]);
    assert!(said.code == 0, "{said:#?}");
    assert_eq!(said.stderr.matches("bad.evtx").count(), 1, "{said:#?}");
    let report: Json = serde_json::from_str(&said.stdout).unwrap();
    (users, report["sources"][0]["skipped"].clone())
}

#[track_caller]
fn is_named(bytes: &[u8], users: &str, reason: &str) {
    let (read, skipped) = read(bytes);
    assert_eq!(read, users);
    assert_eq!(skipped, json!([{"file": "bad.evtx", "reason": reason}]));
}

#[test]
fn a_good_log_is_not_named() {
    let dir = dir();
    write(&dir, "other.evtx", &log());
    let said = dir.run(&["--format", "json"]);
    let report: Json = serde_json::from_str(&said.succeeds().stdout).unwrap();
    assert_eq!(report["sources"][0]["skipped"], json!([]));
    assert_eq!(report["sources"][0]["files"], 2);
    assert_eq!(report["sources"][0]["bytes"], 2 * HEADER + 4 * CHUNK);
}

#[test]
fn a_log_that_is_cut_off_in_a_chunk() {
    let log = log_with(|log| log.truncate(HEADER + 2 * CHUNK + 700));
    is_named(&log, "abcd", "it is cut off in chunk 2");
}

#[test]
fn a_log_that_is_cut_off_between_chunks() {
    let log = log_with(|log| log.truncate(HEADER + CHUNK));
    is_named(&log, "ab", "it is cut off after 1 of 3 chunks");
}

#[test]
fn a_log_that_is_cut_off_in_its_header() {
    for size in [7, 100, 128, HEADER - 1] {
        is_named(&log()[..size], "", "it is cut off in its header");
    }
}

#[test]
fn a_log_without_a_byte() {
    is_named(&[], "", "it is empty");
}

#[test]
fn a_file_that_is_no_log() {
    let text = "This is a text, and long enough to be a header.\n".repeat(100);
    is_named(text.as_bytes(), "", "it is not a Windows event log");
}

#[test]
fn a_header_with_a_wrong_checksum() {
    let log = log_with(|log| log[16] ^= 1);
    is_named(&log, "abcdef", "the checksum of its header is wrong");
}

#[test]
fn a_chunk_with_a_wrong_checksum() {
    let log = log_with(|log| log[first_record(1) + 900] ^= 1);
    let (users, skipped) = read(&log);
    assert_eq!(users, "abef");
    let reason = skipped[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("chunk 1 is damaged: chunk data CRC32 invalid"),
        "{reason}"
    );
}

#[test]
fn a_chunk_that_is_none() {
    let log = log_with(|log| log[HEADER + CHUNK..][..8].copy_from_slice(b"whatever"));
    let (users, skipped) = read(&log);
    assert_eq!(users, "abef");
    let reason = skipped[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(
            "chunk 1 is damaged: Failed to parse chunk header: Invalid EVTX chunk header magic"
        ),
        "{reason}"
    );
}

#[test]
fn a_chunk_of_zeros() {
    let log = log_with(|log| log[HEADER + CHUNK..][..CHUNK].fill(0));
    is_named(&log, "abef", "chunk 1 is overwritten with zeros");
}

#[test]
fn a_record_with_broken_binary_xml() {
    let log = log_with(|log| {
        log[first_record(1) + 4] = 0xee; // no token of binary XML
        seal(log, 1);
    });
    let (users, skipped) = read(&log);
    // The second record of the chunk uses the first one's template.
    assert_eq!(users, "abdef");
    let reason = skipped[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("a record of chunk 1 is damaged: Failed to parse record number 3"),
        "{reason}"
    );
}

#[test]
fn a_strict_job_takes_no_damaged_log() {
    let dir = dir();
    write(&dir, "bad.evtx", &log()[..HEADER + CHUNK + 700]);
    let refused = "error: step `grouped` stopped
           because: `bad.evtx`: it is cut off in chunk 1
           hint: restore the file or remove it; without `--strict` it is named, and what else it holds is read";
    dir.run(&["--strict"]).fails(3, refused);
    dir.findings_are_as_before();
    dir.run(&["--set", "engine.strict=true"]).fails(3, refused);
    users(&dir, &["--strict"]).fails(3, &refused.replace("step `grouped`", "step `the query`"));
    dir.findings_are_as_before();
}

#[test]
fn a_strict_job_takes_good_logs() {
    dir().run(&["--strict"]).succeeds();
}

#[test]
fn a_folder_without_logs_is_named() {
    let dir = dir();
    fs::rename(
        dir.path("data/logs/good.evtx"),
        dir.path("data/logs/good.txt"),
    )
    .unwrap();
    dir.run_is_refused(
        3,
        "error: source `process_execution` at `data/logs`: there is no Windows event log (`.evtx`)
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
}

#[test]
fn a_folder_of_damaged_logs_alone_has_no_rows() {
    let dir = dir();
    write(&dir, "good.evtx", b"ElfFile");
    let said = dir.run(&[]);
    assert_eq!(said.code, 3, "{said:#?}");
    for part in ["good.evtx", "it is cut off in its header", "no rows"] {
        assert!(said.stderr.contains(part), "{part}: {said:#?}");
    }
    dir.findings_are_as_before();
}

#[test]
fn a_log_has_no_versions() {
    let dir = dir();
    dir.edit_job("\"evtx\"\n", "\"evtx\"\nversion = 3\n");
    dir.job_is_refused("error: jobs/process_execution.toml:10: `sources.process_execution.version`: only a Delta table has versions");
}

#[test]
fn no_damage_stops_a_run() {
    let dir = dir();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(42);
    for number in 0..300 {
        let bytes = log_with(|log| {
            for _ in 0..random.random_range(1..20) {
                let chunk = random.random_range(0..3);
                let at = HEADER + chunk * CHUNK + random.random_range(0..3000);
                log[at] = random.random();
            }
            // A writer of damage knows how to make checksums right.
            (0..3).for_each(|chunk| seal(log, chunk));
        });
        write(&dir, &format!("{number}.evtx"), &bytes);
    }
    let said = users(&dir, &[]);
    assert!(said.code == 0, "{said:#?}");
    assert!(said.stdout.lines().any(|user| user == "good"));
}
