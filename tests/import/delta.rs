//! A Delta table: what came since the version that was taken last, whatever is done to its files.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use deltalake::operations::optimize::OptimizeType;
use deltalake::{DeltaTable, ensure_table_uri};

use super::{SOURCE, TABLE, dir, import, imported, is_refused, source, takes};
use crate::kit::{Dir, append, batch, block_on, event, read_delta, write_delta};

const TIME: [&str; 2] = ["--time-column", "TimeGenerated"];
const ADDED: &str = "\"date\"";

/// One event of this account.
fn of(account: &'static str) -> RecordBatch {
    batch(&[event("2026-03-10T09:15:00Z", "ws-1", account, "cmd.exe")])
}

/// A folder whose source has one event of `alice`, which is taken.
fn taken() -> Dir {
    let dir = dir("delta");
    write_delta(&dir.path(SOURCE), &of("alice"), &[]);
    takes(&import(&dir, "delta", &TIME), "1 file", 0);
    dir
}

fn add(dir: &Dir, account: &'static str) {
    append(&dir.path(SOURCE), &of(account));
}

fn open(dir: &Dir) -> DeltaTable {
    let url = ensure_table_uri(dir.path(SOURCE).to_str().unwrap()).unwrap();
    block_on(deltalake::open_table(url)).unwrap()
}

fn compact(dir: &Dir) {
    let table = open(dir);
    block_on(async {
        let compacted = table.optimize().with_type(OptimizeType::Compact).await;
        let (_, metrics) = compacted.unwrap();
        assert_eq!(metrics.num_files_added, 1);
    });
}

fn delete(dir: &Dir, account: &str) {
    let table = open(dir);
    let rows = format!("\"Account\" = '{account}'");
    block_on(async {
        let (_, metrics) = table.delete().with_predicate(rows).await.unwrap();
        assert_eq!(metrics.num_deleted_rows, Some(1));
    });
}

#[track_caller]
fn is_equal(dir: &Dir) {
    let rows = source(dir);
    assert_eq!(imported(dir, "delta", ADDED), rows);
}

#[test]
fn what_came_since_is_taken_once() {
    let dir = taken();
    is_equal(&dir);
    let said = import(&dir, "delta", &TIME);
    takes(&said, "0 files", 1);
    assert!(said.stdout.ends_with("version 1\n"), "{said:?}");
    add(&dir, "bob");
    add(&dir, "carol");
    takes(&import(&dir, "delta", &TIME), "2 files", 1);
    takes(&import(&dir, "delta", &TIME), "0 files", 3);
    is_equal(&dir);
}

#[test]
fn compaction_neither_repeats_nor_loses_a_row() {
    let dir = taken();
    add(&dir, "bob");
    compact(&dir); // one that is taken with one that is not
    takes(&import(&dir, "delta", &TIME), "1 file", 1);
    is_equal(&dir);
    add(&dir, "carol");
    takes(&import(&dir, "delta", &TIME), "1 file", 1);
    compact(&dir);
    takes(&import(&dir, "delta", &TIME), "0 files", 1);
    is_equal(&dir);
}

#[test]
fn rows_that_are_gone_are_refused() {
    let dir = taken();
    add(&dir, "bob");
    import(&dir, "delta", &TIME).succeeds();
    delete(&dir, "alice");
    add(&dir, "carol");
    is_refused(
        &dir,
        "delta",
        &TIME,
        3,
        "error: source `import` at `data/source`: version 2 deletes or rewrites rows that were taken with version 1 or before
           hint: import into a new table, which begins with all rows",
    );
    fs::remove_dir_all(dir.path(TABLE)).unwrap();
    import(&dir, "delta", &TIME).succeeds();
    is_equal(&dir);
}

#[test]
fn rows_that_were_gone_before_they_were_taken_are_no_matter() {
    let dir = taken();
    append(
        &dir.path(SOURCE),
        &batch(
            &["bob", "carol"].map(|name| event("2026-03-09T09:15:00Z", "ws-1", name, "cmd.exe")),
        ),
    );
    delete(&dir, "bob"); // writes the file anew, with carol alone
    takes(&import(&dir, "delta", &TIME), "1 file", 1);
    is_equal(&dir);
    assert_eq!(source(&dir).len(), 2);
}

#[test]
fn a_column_that_came_is_taken() {
    let dir = taken();
    let rows = of("bob");
    let host: ArrayRef = Arc::new(StringArray::from(vec!["10.0.0.1"]));
    let columns = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect::<Vec<_>>();
    let columns = columns.into_iter().zip(rows.columns().iter().cloned());
    let columns = columns.chain([("Address".to_owned(), host)]);
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, values)| (name, values, true)),
    );
    let table = open(&dir);
    block_on(async {
        let write = table
            .write([rows.unwrap()])
            .with_schema_mode(deltalake::operations::write::SchemaMode::Merge);
        write.await.unwrap();
    });
    takes(&import(&dir, "delta", &TIME), "1 file", 1);
    is_equal(&dir);
}

#[test]
fn what_the_log_does_not_tell_is_refused() {
    let dir = taken();
    add(&dir, "bob");
    add(&dir, "carol");
    let log = dir.path(SOURCE).join("_delta_log");
    let table = open(&dir);
    block_on(deltalake::checkpoints::create_checkpoint(&table, None)).unwrap();
    fs::remove_file(log.join("00000000000000000001.json")).unwrap();
    is_refused(
        &dir,
        "delta",
        &TIME,
        3,
        "error: source `import` at `data/source`: the log of version 1 is gone, so it is not known what came since version 0
           hint: import into a new table, which begins with all rows",
    );
}

#[test]
fn another_table_in_its_place_is_refused() {
    let dir = taken();
    fs::remove_dir_all(dir.path(SOURCE)).unwrap();
    write_delta(&dir.path(SOURCE), &of("mallory"), &[]);
    add(&dir, "eve");
    is_refused(
        &dir,
        "delta",
        &TIME,
        2,
        "error: the Delta table `data/imported` holds rows that are not of this Delta table
           hint: import into a new table",
    );
}

#[test]
fn an_import_that_was_killed_is_made_again() {
    let dir = taken();
    let log = dir.path(TABLE).join("_delta_log");
    fs::remove_file(log.join("00000000000000000001.json")).unwrap();
    takes(&import(&dir, "delta", &TIME), "1 file", 0);
    add(&dir, "bob");
    import(&dir, "delta", &TIME).succeeds();
    fs::remove_file(log.join("00000000000000000002.json")).unwrap();
    takes(&import(&dir, "delta", &TIME), "1 file", 1);
    is_equal(&dir);
}

#[test]
fn two_imports_at_once_take_a_row_once() {
    let dir = taken();
    add(&dir, "bob");
    std::thread::scope(|scope| {
        let imports = [(); 2].map(|()| scope.spawn(|| import(&dir, "delta", &TIME)));
        let said = imports.map(|import| import.join().unwrap());
        let lost: Vec<_> = said.iter().filter(|said| said.code != 0).collect();
        assert!(lost.len() < 2, "{said:?}");
        for said in lost {
            assert_eq!(said.code, 1, "{said:?}");
            assert!(
                said.stderr.contains("another import is writing"),
                "{said:?}"
            );
        }
    });
    import(&dir, "delta", &TIME).succeeds();
    is_equal(&dir);
}

#[test]
fn a_table_by_days_keeps_its_own_days() {
    let dir = dir("delta");
    let rows = of("alice");
    let day: ArrayRef = Arc::new(StringArray::from(vec!["a day/of its own"]));
    let columns = [("TimeGenerated", Arc::clone(rows.column(0))), ("date", day)];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, values)| (name, values, true)),
    );
    write_delta(&dir.path(SOURCE), &rows.unwrap(), &["date"]);
    takes(&import(&dir, "delta", &TIME), "1 file", 0);
    let days = imported(&dir, "delta", "_date");
    assert_eq!(days, source(&dir));
    assert_eq!(read_delta(&dir.path(TABLE)).rows[0]["_date"], "2026-03-10");
}
