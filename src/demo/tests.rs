//! What a demo promises, seen from its rows and from the folder it writes.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use super::*;

#[test]
fn equal_parameters_give_equal_rows_and_another_seed_gives_others() {
    let params = params(20_000);
    assert_eq!(rows(&params), rows(&params));
    assert_ne!(rows(&params), rows(&DemoParams { seed: 43, ..params }));
}

#[test]
fn a_demo_has_exactly_the_rows_asked_for() {
    for (n_rows, hosts) in [(1, 1), (13, 2), (240, 3), (20_001, 30)] {
        let intrusions = (n_rows / 20).min(12) as u32;
        let made = rows(&DemoParams {
            hosts,
            intrusions,
            ..params(n_rows)
        });
        assert_eq!(made.num_rows() as u64, n_rows);
    }
}

#[test]
fn the_columns_have_the_types_of_the_event_table() {
    let made = rows(&params(1_000));
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(
        made.column_by_name("TimeGenerated").unwrap().data_type(),
        &time
    );
    for name in [
        "Account",
        "AccountType",
        "Computer",
        "Process",
        "CommandLine",
    ] {
        assert_eq!(
            made.column_by_name(name).unwrap().data_type(),
            &DataType::Utf8,
            "{name}"
        );
    }
    assert_eq!(
        made.column_by_name("date").unwrap().data_type(),
        &DataType::Date32
    );
}

#[test]
fn rows_are_in_time_order_and_on_their_date_across_chunks() {
    // Two days of about 100 000 rows each: two chunks a day.
    let made = rows(&DemoParams {
        days: 2,
        ..params(200_000)
    });
    let times = made["TimeGenerated"]
        .as_primitive::<TimestampMicrosecondType>()
        .values();
    let dates = made["date"].as_primitive::<Date32Type>().values();
    assert!(times.is_sorted());
    let of_its_date =
        |(time, date): (&i64, &i32)| time.div_euclid(86_400_000_000) == i64::from(*date);
    assert!(times.iter().zip(dates).all(of_its_date));
}

#[test]
fn the_labelled_groups_occur_with_the_said_number_of_events() {
    for hosts in [1, 2, 3, 30] {
        let params = DemoParams {
            hosts,
            intrusions: 40,
            ..params(100_000)
        };
        let counts = group_counts(&rows(&params));
        let labels = labels::batch(&Events::new(&params), params.first_day().unwrap());
        let said = labels["events"].as_primitive::<Int64Type>().values();
        for (group, said) in groups(&labels).zip(said) {
            assert_eq!(counts.get(&group), Some(said), "{group:?}");
        }
    }
}

#[test]
fn a_fleet_of_thirty_meets_every_kind_of_intrusion() {
    let params = params(100_000);
    let labels = labels::batch(&Events::new(&params), params.first_day().unwrap());
    let kinds: BTreeSet<_> = labels["kind"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(kinds.len(), 5);
    let attacks = labels["attack"].as_string::<i32>();
    let attacks: BTreeSet<_> = attacks.iter().flatten().collect();
    assert_eq!(attacks.len(), labels.num_rows());
}

#[test]
fn about_half_of_the_intrusions_are_on_the_last_day() {
    let params = params(100_000);
    let labels = labels::batch(&Events::new(&params), params.first_day().unwrap());
    let last = labels["interval"]
        .as_primitive::<Date32Type>()
        .values()
        .iter()
        .max()
        .copied();
    let on_last = groups(&labels)
        .filter(|group| Some(group.0) == last)
        .count();
    assert_eq!((on_last, labels.num_rows()), (6, 12));
}

#[test]
fn people_work_in_working_hours_and_machines_all_day() {
    let made = rows(&params(100_000));
    let share_at_work = |belongs: &dyn Fn(&str) -> bool| {
        let times = made["TimeGenerated"]
            .as_primitive::<TimestampMicrosecondType>()
            .values();
        let accounts = made["Account"].as_string::<i32>().iter().flatten();
        let at_work: Vec<bool> = times
            .iter()
            .zip(accounts)
            .filter(|(_, account)| belongs(account))
            .map(|(time, _)| {
                let time = DateTime::from_timestamp_micros(*time).unwrap();
                time.weekday().number_from_monday() <= 5 && (8..18).contains(&time.hour())
            })
            .collect();
        at_work.iter().filter(|at_work| **at_work).count() as f64 / at_work.len() as f64
    };
    let is_service = |account: &str| account.contains("svc_");
    let people = share_at_work(&|a| a.contains('.') && !is_service(a));
    // 10 of 24 hours on 10 of 14 days, and fewer events on the others: about a third.
    let machines = share_at_work(&|a| a.ends_with('$'));
    assert!(people > 0.85, "{people}");
    assert!((0.25..0.5).contains(&machines), "{machines}");
}

#[test]
fn some_command_lines_are_missing_and_some_are_not_ascii() {
    let made = rows(&params(100_000));
    let lines = made["CommandLine"].as_string::<i32>();
    let missing = lines.null_count() as f64 / lines.len() as f64;
    assert!((0.015..0.025).contains(&missing), "{missing}");
    assert!(lines.iter().flatten().any(|line| !line.is_ascii()));
    assert!(lines.iter().flatten().all(|line| !line.is_empty()));
}

#[tokio::test]
async fn a_written_demo_is_a_table_with_a_commit_for_each_day_and_can_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let params = DemoParams {
        days: 3,
        ..params(5_000)
    };
    let mut seen = Vec::new();
    let first = write(dir.path(), &params, &mut |rows| seen.push(rows))
        .await
        .unwrap();
    assert_eq!((first.rows, first.days, first.intrusions), (5_000, 3, 12));
    assert_eq!(seen.last(), Some(&5_000));
    assert!(first.bytes > 0 && first.labels.is_file());
    assert_eq!(version(&first.table).await, 3);

    let second = write(dir.path(), &DemoParams { days: 2, ..params }, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(version(&second.table).await, 2);
}

#[tokio::test]
async fn a_folder_that_is_not_the_demos_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("process_execution/note.txt");
    std::fs::create_dir(note.parent().unwrap()).unwrap();
    std::fs::write(&note, "mine").unwrap();
    let error = write(dir.path(), &params(1_000), &mut |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, DemoError::NotADemo { .. }), "{error}");
    assert!(error.hint().unwrap().contains("another folder"));
    assert!(note.is_file());
}

#[tokio::test]
async fn a_delta_table_without_the_demos_mark_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("process_execution");
    std::fs::create_dir(&path).unwrap();
    let batch = rows(&params(1_000));
    let url = deltalake::ensure_table_uri(path.to_string_lossy()).unwrap();
    let table = deltalake::DeltaTable::try_from_url(url).await.unwrap();
    table.write([batch]).await.unwrap();
    let error = write(dir.path(), &params(1_000), &mut |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, DemoError::NotADemo { .. }), "{error}");
    assert_eq!(version(&path).await, 0);
}

type Group = (i32, String, String, String, String);

fn params(rows: u64) -> DemoParams {
    let end = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    DemoParams {
        rows,
        ..DemoParams::new(end)
    }
}

fn rows(params: &DemoParams) -> RecordBatch {
    let events = Events::new(params);
    let days = events.days(params.rows, params.first_day().unwrap(), params.days);
    let batches: Vec<RecordBatch> = days
        .flat_map(|day| {
            (0..day.n_chunks())
                .map(|chunk| events.chunk(&day, chunk))
                .collect::<Vec<_>>()
        })
        .collect();
    concat_batches(&columns::schema(), &batches).unwrap()
}

fn groups(batch: &RecordBatch) -> impl Iterator<Item = Group> {
    // The table has a day, the labels the start of a group's interval.
    let days = batch.column_by_name("date");
    let days = days.or_else(|| batch.column_by_name("interval")).unwrap();
    let dates = days.as_primitive::<Date32Type>();
    let text = |name: &str, row: usize| batch[name].as_string::<i32>().value(row).to_string();
    (0..batch.num_rows()).map(move |row| {
        (
            dates.value(row),
            text("Computer", row),
            text("Account", row),
            text("AccountType", row),
            text("Process", row),
        )
    })
}

fn group_counts(batch: &RecordBatch) -> BTreeMap<Group, i64> {
    let mut counts = BTreeMap::new();
    for group in groups(batch) {
        *counts.entry(group).or_insert(0) += 1;
    }
    counts
}

async fn version(table: &Path) -> u64 {
    let url = deltalake::ensure_table_uri(table.to_string_lossy()).unwrap();
    let mut table = deltalake::DeltaTable::try_from_url(url).await.unwrap();
    table.load().await.unwrap();
    table.version().unwrap()
}
