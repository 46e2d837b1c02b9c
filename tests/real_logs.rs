//! Real process starts, written into event logs and read back: `../shared/data/process`, where it is there. What was
//! recorded of them (account, its type, process, command line) is what the reader has to give.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use chrono::DateTime;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::kit::event_log::{LoggedEvent, event_log, security_4688, sysmon_1, text};
use crate::kit::{Dir, JOB};

const SIX: [&str; 5] = [
    "Account",
    "AccountType",
    "Computer",
    "Process",
    "CommandLine",
];

#[test]
fn what_was_recorded_of_real_process_starts_is_what_their_logs_give() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/process");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    let dir = Dir::bare();
    let (mut events, mut expected) = (Vec::new(), Vec::new());
    for file in files.map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("real_") {
            add(&read(&file), &mut events, &mut expected);
        }
    }
    assert!(events.len() > 5000, "only {} events", events.len());
    std::fs::create_dir_all(dir.path("logs")).unwrap();
    std::fs::write(dir.path("logs/real.evtx"), event_log(&chunks(&events))).unwrap();
    let sql = format!(
        "SELECT cast(TimeGenerated AS bigint) AS time, {} FROM process_execution ORDER BY EventRecordID",
        SIX.join(", ")
    );
    let said = dir.crannog(&[
        "query",
        &sql,
        "--job",
        JOB,
        "--set",
        "sources.process_execution.format=evtx",
        "--set",
        "sources.process_execution.location=../logs",
        "--strict",
        "--format",
        "json",
    ]);
    let rows: Vec<Value> = said
        .succeeds()
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
}

/// The starts that Windows or Sysmon logged, as events and as the rows that they are to become.
fn add(rows: &RecordBatch, events: &mut Vec<LoggedEvent>, expected: &mut Vec<Value>) {
    let column = |name: &str| {
        let column = cast(rows.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let texts = column.as_string::<i32>();
        texts
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let numbers = |name: &str| {
        let column = cast(rows.column_by_name(name).unwrap(), &DataType::Int64).unwrap();
        column.as_primitive::<Int64Type>().values().to_vec()
    };
    let (times, ids) = (numbers("TimeGenerated"), numbers("EventID"));
    let (paths, six) = (column("NewProcessName"), SIX.map(column));
    for row in 0..rows.num_rows() {
        let [account, account_type, computer, process, line] =
            six.each_ref().map(|column| column[row].clone().unwrap());
        let path = paths[row].clone().unwrap();
        let time = DateTime::from_timestamp_micros(times[row])
            .unwrap()
            .to_rfc3339();
        let host: &'static str = computer.clone().leak();
        events.push(match ids[row] {
            4688 => {
                let (domain, user) = account.split_once('\\').unwrap();
                security_4688(&time, host, user, &path, &line)
                    .with("SubjectDomainName", text(domain))
            }
            1 => sysmon_1(&time, host, &account, &path, &line),
            _ => continue,
        });
        expected.push(json!({
            "time": times[row], "Account": account, "AccountType": account_type, "Computer": computer,
            "Process": process, "CommandLine": line,
        }));
    }
}

/// As many events in a chunk as surely fit.
fn chunks(events: &[LoggedEvent]) -> Vec<&[LoggedEvent]> {
    let size = |event: &LoggedEvent| format!("{event:?}").len();
    let (mut chunks, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, event) in events.iter().enumerate() {
        bytes += 2 * size(event);
        if bytes > 50_000 {
            chunks.push(&events[start..index]);
            (start, bytes) = (index, 2 * size(event));
        }
    }
    chunks.push(&events[start..]);
    chunks
}

fn read(file: &Path) -> RecordBatch {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    let schema = std::sync::Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}
