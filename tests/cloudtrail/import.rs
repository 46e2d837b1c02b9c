//! `crannog import`: each file is taken once.

use std::fs;

use super::{DAY, TRAIL, deliver, delivery, dir, event, gzip, ids, write};
use crate::kit::{Dir, Said};

const TABLE: &str = "data/imported";

fn import(dir: &Dir, more: &[&str]) -> Said {
    let import = ["import", "--format", "cloudtrail", TRAIL, TABLE];
    dir.crannog(&[&import, more].concat())
}

/// From here on the job's trail is the imported table.
fn read_the_table(dir: &Dir) {
    dir.edit_job(
        "\"cloudtrail\"\nlocation = \"../data/trail\"",
        "\"delta\"\nlocation = \"../data/imported\"",
    );
}

#[test]
fn a_file_is_taken_once() {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["a", "b"]);
    let said = import(&dir, &[]);
    assert_eq!(
        said.succeeds().stdout,
        "1 file taken, 0 known already, 0 left, in data/imported, version 1\n"
    );
    let said = import(&dir, &[]);
    assert_eq!(
        said.succeeds().stdout,
        "0 files taken, 1 known already, 0 left, in data/imported, version 1\n"
    );
    deliver(&dir, "c.json.gz", &["c"]);
    let said = import(&dir, &[]);
    assert_eq!(
        said.succeeds().stdout,
        "1 file taken, 1 known already, 0 left, in data/imported, version 2\n"
    );
    read_the_table(&dir);
    assert_eq!(ids(&dir), "a b c");
}

#[test]
fn two_imports_at_once_take_a_file_once() {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["a", "b"]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| import(&dir, &[])); // both, or one of them, ends well
        }
    });
    import(&dir, &[]).succeeds();
    read_the_table(&dir);
    assert_eq!(ids(&dir), "a b");
}

#[test]
fn files_of_another_folder_are_not_known_by_their_names() {
    let dir = dir();
    for folder in ["data/monday", "data/tuesday"] {
        write(
            &dir,
            &format!("{folder}/events.json"),
            delivery(&["a"]).as_bytes(),
        );
    }
    let import = |folder| dir.crannog(&["import", "--format", "cloudtrail", folder, TABLE]);
    import("data/monday").succeeds();
    import("data/tuesday").fails(
        2,
        "error: the Delta table `data/imported` was imported from `[..]/data/monday`
           hint: import into a folder of its own",
    );
}

#[test]
fn the_table_has_the_columns_of_the_source_and_its_days() {
    let dir = dir();
    let events = ["2026-03-09T23:59:59Z", "2026-03-10T00:00:00Z", "never"];
    let events: Vec<_> = events
        .iter()
        .zip(["a", "b", "c"])
        .map(|(time, id)| event(id, time).to_string())
        .collect();
    write(
        &dir,
        &format!("{TRAIL}/a.jsonl"),
        events.join("\n").as_bytes(),
    );
    let sql = "SELECT eventID, eventTime, eventName, userIdentity, requestParameters, readOnly, _source_file
               FROM trail ORDER BY eventID";
    let before = dir.query(sql);
    import(&dir, &[]).succeeds();
    read_the_table(&dir);
    assert_eq!(dir.query(sql), before);
    let days = dir.query("SELECT date FROM trail ORDER BY eventID");
    let days: Vec<_> = days.iter().map(|row| row["date"].as_str()).collect();
    assert_eq!(days, [Some("2026-03-09"), Some("2026-03-10"), None]);
    assert!(dir.path(TABLE).join("date=2026-03-09").is_dir());
}

#[test]
fn an_import_that_was_killed_before_its_commit_is_made_again() {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["a"]);
    import(&dir, &[]).succeeds();
    deliver(&dir, "b.json.gz", &["b"]);
    import(&dir, &[]).succeeds();
    // Its data files are there, and no commit names them.
    fs::remove_file(dir.path(TABLE).join("_delta_log/00000000000000000002.json")).unwrap();
    let said = import(&dir, &[]);
    assert_eq!(
        said.succeeds().stdout,
        "1 file taken, 1 known already, 0 left, in data/imported, version 2\n"
    );
    read_the_table(&dir);
    assert_eq!(ids(&dir), "a b");
}

#[test]
fn a_broken_file_is_left_until_it_is_whole() {
    let dir = dir();
    let text = delivery(&["b", "c"]);
    deliver(&dir, "a.json.gz", &["a"]);
    write(
        &dir,
        &format!("{DAY}/b.json.gz"),
        &gzip(&text.as_bytes()[..text.len() - 10]),
    );
    let said = import(&dir, &["--strict"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.stderr
            .contains("b.json.gz`: its JSON is cut off after 1 records"),
        "{said:?}"
    );
    let said = import(&dir, &[]);
    assert_eq!(
        said.stdout,
        "1 file taken, 0 known already, 1 left, in data/imported, version 1\n"
    );
    assert!(
        said.stderr
            .contains("b.json.gz`: its JSON is cut off after 1 records"),
        "{said:?}"
    );
    write(&dir, &format!("{DAY}/b.json.gz"), &gzip(text.as_bytes()));
    import(&dir, &[]).succeeds();
    read_the_table(&dir);
    assert_eq!(ids(&dir), "a b c");
}

#[test]
fn all_broken_files_of_a_commit_are_left() {
    let dir = dir();
    deliver(&dir, "a.json.gz", &["a"]);
    for number in 0..5 {
        write(&dir, &format!("{DAY}/broken-{number}.json"), b"no JSON");
    }
    write(&dir, &format!("{DAY}/empty.json"), b"");
    let said = import(&dir, &[]);
    assert_eq!(
        said.stdout,
        "1 file taken, 0 known already, 6 left, in data/imported, version 1\n"
    );
    assert!(said.stderr.contains("empty.json`: it is empty"), "{said:?}");
    assert_eq!(said.stderr.lines().count(), 6, "{said:?}");
}

#[test]
fn a_file_without_records_is_known_too() {
    let dir = dir();
    write(&dir, &format!("{DAY}/none.json"), delivery(&[]).as_bytes());
    import(&dir, &[]).succeeds();
    let said = import(&dir, &[]);
    let known = "0 files taken, 1 known already, 0 left, ";
    assert!(said.succeeds().stdout.starts_with(known), "{said:?}");
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let dir = dir();
    import(&dir, &[]).fails(
        3,
        "error: source `import` at `data/trail`: there is no CloudTrail file (.json.gz, .json, .jsonl or .ndjson)
           hint: look at `location` and `format` in the job file; paths in it are relative to the job file",
    );
    deliver(&dir, "a.json.gz", &["a"]);
    import(&dir, &["--time-column", "time"]).fails(
        2,
        "error: there is no column `time` in the source
           hint: name it with --time-column; times are `eventTime`",
    );
    let other = [
        "import",
        "--format",
        "cloudtrail",
        TRAIL,
        "data/process_execution",
    ];
    dir.crannog(&other).fails(
        2,
        "error: the Delta table `data/process_execution` was not made by an import of files, so it is not known what it holds: it has no column `_source_file`
           hint: import into a folder of its own",
    );
}
