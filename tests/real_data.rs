//! The shipped job on real process executions: `../shared/data/process`, where it is there. Extra columns, odd
//! Unicode, command lines of 7 kB, real attack code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, TimeDelta};
use crannog::Job;
use crannog::progress::Progress;
use crannog::run::{self, RunOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const DAY: i64 = 86_400_000_000;

/// Day, Computer, Account, AccountType, Process.
type Key = (i64, Vec<String>);

#[tokio::test(flavor = "multi_thread")]
async fn every_finding_on_real_events_has_its_count_and_its_command_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/process");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    for file in files {
        check(&file.unwrap().path()).await;
    }
}

async fn check(file: &Path) {
    let events = read(file);
    let times = events.column_by_name("TimeGenerated").unwrap();
    let times = cast(
        times,
        &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None),
    )
    .unwrap();
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let last = times.iter().flatten().max().unwrap();
    let as_of = DateTime::from_timestamp_micros(last).unwrap() + TimeDelta::microseconds(1);

    let scratch = tempfile::tempdir().unwrap();
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/process_execution.toml");
    let overrides = [
        "sources.process_execution.format=parquet".to_owned(),
        format!("sources.process_execution.location={}", file.display()),
        "window.train=all".to_owned(),
        "window.detect=9000 years".to_owned(),
        format!(
            "sinks[0].location={}",
            scratch.path().join("anomalies").display()
        ),
    ];
    let job = Job::load(&job, &overrides).unwrap();
    let report = run::run(
        &job,
        as_of,
        RunOptions::default(),
        &mut Progress::new(false),
    )
    .await
    .unwrap();

    let mut groups: BTreeMap<Key, (i64, BTreeSet<String>)> = BTreeMap::new();
    let lines = text(&events, "CommandLine");
    for (key, line) in keys(&events, times.values(), |time| time - time.rem_euclid(DAY))
        .into_iter()
        .zip(lines)
    {
        let group = groups.entry(key).or_default();
        group.0 += 1;
        group.1.extend(line);
    }
    assert_eq!(
        report.isolation_forest.n_samples,
        groups.len(),
        "{}",
        file.display()
    );

    assert!(report.findings > 0, "{}", file.display());
    for findings in &report.rows {
        let days = cast(
            findings.column_by_name("interval").unwrap(),
            &DataType::Int64,
        )
        .unwrap();
        let keys = keys(findings, days.as_primitive::<Int64Type>().values(), |day| {
            day
        });
        let counts = findings
            .column_by_name("count")
            .unwrap()
            .as_primitive::<Int64Type>();
        let lists = findings
            .column_by_name("CommandLines")
            .unwrap()
            .as_list::<i32>();
        for (row, key) in keys.into_iter().enumerate() {
            let (count, lines) = &groups[&key];
            let list = cast(&lists.value(row), &DataType::Utf8).unwrap();
            let list: Vec<_> = list.as_string::<i32>().iter().map(Option::unwrap).collect();
            assert!(lines.iter().eq(list), "{}: {key:?}", file.display());
            assert_eq!(*count, counts.value(row), "{}: {key:?}", file.display());
        }
    }
}

fn read(file: &Path) -> RecordBatch {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    let schema = std::sync::Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn keys(rows: &RecordBatch, times: &[i64], day: impl Fn(i64) -> i64) -> Vec<Key> {
    let names = ["Computer", "Account", "AccountType", "Process"].map(|name| text(rows, name));
    let key = |(row, time): (usize, &i64)| {
        let names = names
            .iter()
            .map(|column| column[row].clone().unwrap_or_default());
        (day(*time), names.collect())
    };
    times.iter().enumerate().map(key).collect()
}

fn text(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = cast(rows.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    column
        .as_string::<i32>()
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}
