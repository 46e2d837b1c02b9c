//! What a night computes: the days that changed, and why it is more where it is.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "days that were computed are ranges, often one"
)]

use std::fs;
use std::ops::Range;

use super::{KEPT, clean_log, compact, delete, features, vacuum};
use crate::kit::{Dir, append, batch, event, read_delta, write_delta, write_parquet};

/// What a run at 03:00 of that day in March computed, and why all of it.
fn night(dir: &Dir, day: u32) -> (Vec<Range<u32>>, Option<String>) {
    with(dir, day, &KEPT)
}

fn with(dir: &Dir, day: u32, overrides: &[&str]) -> (Vec<Range<u32>>, Option<String>) {
    let as_of = format!("2026-03-{day:02}T03:00:00Z");
    let train = ["window.train=6 days"];
    let (_, mut kept) = features(dir, &as_of, &[&train, overrides].concat());
    let kept = kept.remove(0);
    let day = |day: chrono::NaiveDate| day.format("%d").to_string().parse().unwrap();
    let days = kept.computed.into_iter();
    let days = days.map(|days| day(days.start)..day(days.end));
    (days.collect(), kept.whole)
}

fn an_event(day: u32) -> arrow::array::RecordBatch {
    let time = format!("2026-03-{day:02}T12:00:00Z");
    batch(&[event(&time, "web-1", "alice", "cmd.exe")])
}

/// Events of the 5th to the 9th, and a first night.
fn begun() -> Dir {
    let dir = Dir::bare();
    write_delta(&dir.events(), &an_event(5), &[]);
    (6..10).for_each(|day| append(&dir.events(), &an_event(day)));
    let (days, why) = night(&dir, 10);
    assert_eq!(
        (days, why.as_deref()),
        (vec![4..10], Some("there is no table yet"))
    );
    dir
}

#[test]
fn the_next_night_computes_the_day_that_is_over_and_no_other() {
    let dir = begun();
    append(&dir.events(), &an_event(10));
    assert_eq!(night(&dir, 11), (vec![10..11], None));
    assert_eq!(night(&dir, 11), (vec![], None));
}

#[test]
fn late_rows_touch_their_own_days() {
    let dir = begun();
    append(
        &dir.events(),
        &batch(&[
            event("2026-03-06T23:59:59Z", "web-1", "bob", "cmd.exe"),
            event("2026-03-08T00:00:00Z", "web-1", "bob", "cmd.exe"),
        ]),
    );
    assert_eq!(night(&dir, 10), (vec![6..7, 8..9], None));
    assert_eq!(night(&dir, 11), (vec![10..11], None));
}

#[test]
fn rows_that_are_deleted_touch_their_days() {
    let dir = begun();
    delete(&dir, "\"TimeGenerated\" = '2026-03-07T12:00:00Z'");
    assert_eq!(night(&dir, 10), (vec![7..8], None));
}

#[test]
fn compaction_touches_nothing_and_hides_nothing() {
    let dir = begun();
    compact(&dir);
    assert_eq!(night(&dir, 10), (vec![], None));
    append(&dir.events(), &an_event(7));
    compact(&dir);
    assert_eq!(night(&dir, 10), (vec![7..8], None));
}

#[test]
fn rows_that_are_deleted_after_their_file_was_compacted_touch_their_days() {
    let dir = begun();
    compact(&dir);
    append(&dir.events(), &an_event(6));
    delete(&dir, "\"TimeGenerated\" = '2026-03-07T12:00:00Z'"); // out of the file with all days
    let (days, why) = night(&dir, 10);
    assert_eq!((days, why), (vec![5..10], None));
}

#[test]
fn days_before_those_that_are_kept_are_added_to_them() {
    let dir = begun();
    assert_eq!(night(&dir, 8), (vec![2..4], None));
    assert_eq!(night(&dir, 10), (vec![], None));
}

#[test]
fn what_cannot_be_told_computes_every_day_and_says_why() {
    let dir = begun();
    append(&dir.events(), &an_event(7));
    append(&dir.events(), &an_event(8));
    clean_log(&dir);
    let why = "`process_execution`: the log of version 5 is gone, so it is not known what came since version 4";
    assert_eq!(night(&dir, 10), (vec![4..10], Some(why.to_owned())));
    assert_eq!(night(&dir, 10), (vec![], None));

    delete(&dir, "true");
    vacuum(&dir);
    let why = "`process_execution`: files that changed since version 6 cannot be read any more";
    assert_eq!(night(&dir, 10), (vec![4..10], Some(why.to_owned())));
}

#[test]
fn another_rule_or_another_table_makes_all_rows_anew() {
    let dir = begun();
    let why = Some("its rows are those of another SQL, other parameters, sources or settings of time, or of another version of the program".to_owned());
    let other = [&KEPT[..], &["parameters.keep_undated=true"]].concat();
    assert_eq!(with(&dir, 10, &other), (vec![4..10], why.clone()));
    assert_eq!(night(&dir, 10), (vec![4..10], why.clone()));
    fs::remove_dir_all(dir.events()).unwrap();
    write_delta(&dir.events(), &an_event(6), &[]);
    assert_eq!(night(&dir, 10), (vec![4..10], why));
}

#[test]
fn a_batch_is_as_many_days_as_the_job_says() {
    let dir = Dir::bare();
    write_delta(&dir.events(), &an_event(5), &[]);
    (6..10).for_each(|day| append(&dir.events(), &an_event(day)));
    let (days, _) = with(&dir, 10, &[KEPT[0], "incremental.grouped={batch_size=2}"]);
    assert_eq!(days, [4..7, 7..9, 9..10]); // the 4th has no rows and does not count
}

#[test]
fn lookback_computes_the_last_days_each_night() {
    let dir = begun();
    let lookback = [KEPT[0], "incremental.grouped={lookback=2}"];
    assert_eq!(with(&dir, 11, &lookback), (vec![9..10, 10..11], None));
}

#[test]
fn parquet_files_are_told_apart_by_name_size_and_time() {
    let dir = Dir::bare();
    let kept = [&KEPT[..], &["sources.process_execution.format=parquet"]].concat();
    let file = |day: u32| dir.events().join(format!("{day}.parquet"));
    for day in 6..10 {
        write_parquet(&file(day), &an_event(day));
    }
    let (days, _) = with(&dir, 10, &kept);
    assert_eq!(days, [4..10]);
    assert_eq!(with(&dir, 10, &kept), (vec![], None));
    write_parquet(&file(10), &an_event(10));
    assert_eq!(with(&dir, 11, &kept), (vec![10..11], None));
    // Another file of the name: its days, and those of the one before.
    write_parquet(&file(7), &an_event(8));
    fs::remove_file(file(9)).unwrap();
    assert_eq!(with(&dir, 11, &kept), (vec![7..10], None));
}

#[test]
fn a_folder_whose_name_is_escaped_hides_no_file() {
    let dir = Dir::bare();
    let kept = [&KEPT[..], &["sources.process_execution.format=parquet"]].concat();
    let file = |name: &str| dir.events().join(format!("hour=10%3A00/{name}.parquet"));
    write_parquet(&file("6"), &an_event(6));
    with(&dir, 10, &kept);
    write_parquet(&file("7"), &an_event(7));
    assert_eq!(with(&dir, 10, &kept), (vec![7..8], None));
}

#[test]
fn columns_that_are_defined_anew_compute_every_day() {
    let dir = begun();
    let more =
        deltalake::kernel::StructField::nullable("More", deltalake::kernel::DataType::STRING);
    let add = super::open(&dir).add_columns().with_fields([more]);
    crate::kit::block_on(async { add.await.unwrap() });
    let why = "`process_execution`: version 5 says anew what its columns are";
    assert_eq!(night(&dir, 10), (vec![4..10], Some(why.to_owned())));
}

#[test]
fn a_run_on_an_older_version_of_its_source_leaves_the_table_alone() {
    let dir = begun();
    let version = read_delta(&dir.path("out/steps/grouped")).version;
    let older = [&KEPT[..], &["sources.process_execution.version=2"]].concat();
    let (_, kept) = features(
        &dir,
        "2026-03-10T03:00:00Z",
        &[&["window.train=6 days"], &older[..]].concat(),
    );
    assert_eq!(kept[0].computed, []);
    let why = "`process_execution`: the latest version is 2, and version 4 was read before";
    assert_eq!(kept[0].behind.as_deref(), Some(why));
    assert_eq!(read_delta(&dir.path("out/steps/grouped")).version, version);
    assert_eq!(night(&dir, 10), (vec![], None));
}
