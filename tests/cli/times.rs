//! An instant is an instant, however a file writes it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::kit::{
    Dir, RawDelta, add, batch, delta_schema, event, usual, write_delta, write_parquet,
};

fn parquet() -> Dir {
    let dir = Dir::without_events();
    dir.edit_job(
        "\"delta\"\nlocation = \"../data/process_execution\"",
        "\"parquet\"\nlocation = \"../data/events.parquet\"",
    );
    dir
}

/// Rows with their times as another type; a time without a zone is what a clock in UTC shows.
fn with_times(rows: &RecordBatch, unit: TimeUnit, zone: Option<&str>) -> RecordBatch {
    let times: &TimestampMicrosecondArray =
        rows.column(0).as_primitive::<TimestampMicrosecondType>();
    let times: ArrayRef = Arc::new(times.clone().with_timezone_opt(zone));
    let times = cast(&times, &DataType::Timestamp(unit, zone.map(Into::into))).unwrap();
    let mut fields: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields[0] = Field::new("TimeGenerated", times.data_type().clone(), true);
    let mut columns = rows.columns().to_vec();
    columns[0] = times;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[track_caller]
fn finds_the_usual(dir: &Dir) {
    let before = of_any_run(&dir.findings().rows);
    dir.run(&[]).succeeds();
    assert_eq!(of_any_run(&dir.findings().rows), before);
}

fn of_any_run(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut()
        .for_each(|row| drop(row.as_object_mut().unwrap().remove("run_id")));
    rows
}

#[test]
fn seconds_millis_micros_and_nanos_with_a_zone_and_without() {
    for unit in [
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ] {
        for zone in [None, Some("UTC"), Some("+00:00"), Some("Asia/Kolkata")] {
            let dir = parquet();
            write_parquet(
                &dir.path("data/events.parquet"),
                &with_times(&usual(), unit, zone),
            );
            finds_the_usual(&dir);
        }
    }
}

#[test]
fn int96_in_a_parquet_file() {
    let dir = parquet();
    write_int96(&dir.path("data/events.parquet"), &usual());
    finds_the_usual(&dir);
}

#[test]
fn int96_in_a_delta_table() {
    let dir = Dir::without_events();
    write_int96(&dir.events().join("part-0.parquet"), &usual());
    RawDelta::create(
        &dir.events(),
        &json!({"minReaderVersion": 1, "minWriterVersion": 2}),
        &delta_schema(|_, _| json!({})),
        &json!({}),
        &[add(&dir.events(), "part-0.parquet")],
    );
    finds_the_usual(&dir);
}

#[test]
fn int96_of_the_years_1601_and_9999() {
    let early = event("1601-01-01T00:00:00Z", "web-1", "alice", "cmd.exe");
    let late = event("9999-12-31T23:59:59.999999Z", "web-1", "alice", "cmd.exe");
    let rows = batch(&[early, late]);
    let times = [
        json!({"time": "1601-01-01T00:00:00Z"}),
        json!({"time": "9999-12-31T23:59:59.999999Z"}),
    ];
    let sql = "SELECT \"TimeGenerated\" AS time FROM process_execution ORDER BY 1";

    let dir = parquet();
    write_int96(&dir.path("data/events.parquet"), &rows);
    assert_eq!(dir.query(sql), times);

    let dir = Dir::without_events();
    write_int96(&dir.events().join("part-0.parquet"), &rows);
    RawDelta::create(
        &dir.events(),
        &json!({"minReaderVersion": 1, "minWriterVersion": 2}),
        &delta_schema(|_, _| json!({})),
        &json!({}),
        &[add(&dir.events(), "part-0.parquet")],
    );
    assert_eq!(dir.query(sql), times);
}

#[test]
fn a_delta_table_of_times_without_a_zone() {
    let dir = Dir::without_events();
    write_delta(
        &dir.events(),
        &with_times(&usual(), TimeUnit::Microsecond, None),
        &[],
    );
    finds_the_usual(&dir);
}

#[test]
fn a_time_without_a_zone_is_local_time_of_the_job() {
    let dir = parquet();
    write_parquet(
        &dir.path("data/events.parquet"),
        &with_times(&usual(), TimeUnit::Millisecond, None),
    );
    dir.edit_job(
        "\n[parameters]",
        "timezone = \"Asia/Kolkata\"\n\n[parameters]",
    );
    let first = "SELECT min(\"TimeGenerated\") AS first FROM process_execution";
    assert_eq!(
        dir.query(first),
        [json!({"first": "2026-03-08T09:15:00+05:30"})]
    );
}

/// Writes the rows as Spark once did: times as INT96, nanoseconds of a Julian day.
fn write_int96(path: &Path, rows: &RecordBatch) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let texts = [
        "Computer",
        "Account",
        "AccountType",
        "Process",
        "CommandLine",
    ];
    let columns = texts
        .map(|name| format!("optional binary {name} (UTF8);"))
        .concat();
    let schema = parse_message_type(&format!(
        "message spark_schema {{ optional int96 TimeGenerated; {columns} }}"
    ));
    let mut file = SerializedFileWriter::new(
        File::create(path).unwrap(),
        Arc::new(schema.unwrap()),
        Arc::default(),
    )
    .unwrap();
    let mut group = file.next_row_group().unwrap();

    let times: &TimestampMicrosecondArray =
        rows.column(0).as_primitive::<TimestampMicrosecondType>();
    let times: Vec<_> = times.values().iter().map(|micros| int96(*micros)).collect();
    let present = vec![1; times.len()];
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int96Type>()
        .write_batch(&times, Some(&present), None)
        .unwrap();
    column.close().unwrap();
    for name in texts {
        let values: &StringArray = rows.column_by_name(name).unwrap().as_string();
        let values: Vec<ByteArray> = values.iter().map(|value| value.unwrap().into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&values, Some(&present), None)
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
}

fn int96(micros: i64) -> Int96 {
    const DAY: i64 = 86_400_000_000;
    let nanos = u64::try_from(micros.rem_euclid(DAY) * 1000).unwrap();
    let julian_day = u32::try_from(micros.div_euclid(DAY) + 2_440_588).unwrap();
    let mut value = Int96::new();
    value.set_data(
        (nanos & 0xffff_ffff) as u32,
        (nanos >> 32) as u32,
        julian_day,
    );
    value
}
