//! The shipped job on CloudTrail events: codes by first appearance, second deliveries, times, and the real trails of
//! `../shared/data/cloudtrail`, where they are there.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::kit::{Dir, Said, read_delta, read_parquet, write_delta, write_parquet};

pub(super) const JOB: &str = "jobs/cloudtrail.toml";
pub(super) const AS_OF: &str = "2026-03-11T00:00:00Z";
pub(super) const FINDINGS: &str = "out/cloudtrail/anomalies";

/// The columns of codes, of the judged rows.
pub(super) const CODES: [&str; 6] = [
    "eventDateCode",
    "eventSourceCode",
    "eventNameCode",
    "sourceIPAddressCode",
    "userIdentityArnCode",
    "awsRegionCode",
];

/// The columns of a flat table of events, all text.
const COLUMNS: [&str; 8] = [
    "eventTime",
    "eventID",
    "eventSource",
    "eventName",
    "sourceIPAddress",
    "userIdentity.arn",
    "awsRegion",
    "userIdentity.type",
];

pub(super) type Event = [Option<&'static str>; 8];

/// A call of an IAM user on the 10th of March.
pub(super) fn call(
    time: &'static str,
    id: &'static str,
    name: &'static str,
    arn: &'static str,
) -> Event {
    [
        Some(time),
        Some(id),
        Some("s3.amazonaws.com"),
        Some(name),
        Some("192.0.2.1"),
        Some(arn),
        Some("eu-west-1"),
        Some("IAMUser"),
    ]
}

/// Out of order, one delivered twice, one without an arn, one of a role, one without a time, one of the day before.
pub(super) fn few() -> Vec<Event> {
    let mut no_arn = call("2026-03-10T09:00:00Z", "c", "ListBuckets", "");
    no_arn[5] = None;
    let mut role = call("2026-03-10T09:00:00Z", "r", "AssumeRole", "role");
    role[7] = Some("AssumedRole");
    let mut undated = call("", "u", "Undated", "bob");
    undated[0] = None;
    vec![
        call("2026-03-10T23:00:00Z", "d", "GetObject", "alice"),
        call("2026-03-10T09:00:00Z", "b", "PutObject", "bob"),
        role,
        undated,
        call("2026-03-10T09:00:00Z", "b", "PutObject", "bob"),
        no_arn,
        call("2026-03-10T09:00:00Z", "a", "GetObject", "carol"),
        call("2026-03-09T23:59:59Z", "y", "Yesterday", "bob"),
    ]
}

/// A hundred ordinary calls and one from elsewhere.
pub(super) fn many() -> Vec<Event> {
    let id = |i: usize| -> &'static str { format!("id-{i:03}").leak() };
    let time = |i: usize| -> &'static str { format!("2026-03-10T{:02}:00:00Z", 8 + i % 8).leak() };
    let mut events: Vec<_> = (0..100)
        .map(|i| call(time(i), id(i), ["GetObject", "PutObject"][i % 2], "alice"))
        .collect();
    let mut strange = call("2026-03-10T23:30:00Z", "strange", "DeleteBucket", "mallory");
    (strange[4], strange[6]) = (Some("203.0.113.66"), Some("af-south-1"));
    events.push(strange);
    events
}

pub(super) fn flat(events: &[Event]) -> RecordBatch {
    let column = |i: usize| -> ArrayRef {
        Arc::new(events.iter().map(|event| event[i]).collect::<StringArray>())
    };
    let columns = COLUMNS
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, column(i), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The same events with instants for times, and with `userIdentity` as a record.
fn nested(events: &[Event]) -> RecordBatch {
    let flat = flat(events);
    let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let mut columns = vec![("eventTime", cast(flat.column(0), &instant).unwrap(), true)];
    for name in &COLUMNS[1..7] {
        if !name.contains('.') {
            columns.push((name, Arc::clone(&flat[*name]), true));
        }
    }
    let field = |name| {
        (
            Arc::new(Field::new(name, DataType::Utf8, true)),
            Arc::clone(&flat[&*format!("userIdentity.{name}")]),
        )
    };
    let identity: ArrayRef = Arc::new(StructArray::from(vec![field("type"), field("arn")]));
    columns.push(("userIdentity", identity, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A folder in which the job reads these rows as Parquet.
pub(super) fn dir(rows: &RecordBatch) -> Dir {
    let dir = Dir::bare();
    write_parquet(&dir.path("data/cloudtrail/part.parquet"), rows);
    // The shipped job may read another format; these tests are of flat tables.
    let text = std::fs::read_to_string(dir.path(JOB)).unwrap();
    let format = text
        .lines()
        .find(|line| line.starts_with("format"))
        .unwrap()
        .to_owned();
    dir.edit(JOB, &format, "format   = \"parquet\"");
    dir
}

pub(super) fn run(dir: &Dir, more: &[&str]) -> Said {
    dir.crannog(&[&["run", JOB, "--as-of", AS_OF], more].concat())
}

/// The answer of `crannog query`, one JSON object a row.
fn ask(dir: &Dir, sql: &str) -> Vec<Value> {
    let said = dir.crannog(&[
        "query", sql, "--job", JOB, "--as-of", AS_OF, "--format", "json",
    ]);
    let lines = said.succeeds().stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(super) fn results(dir: &Dir) -> Value {
    let text = std::fs::read_to_string(dir.path("out/cloudtrail/run_results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The findings without what a run says of itself.
fn findings(dir: &Dir) -> Vec<Value> {
    let mut rows = read_delta(&dir.path(FINDINGS)).rows;
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("run_id");
    }
    rows
}

#[test]
fn a_value_has_the_number_of_its_first_appearance_by_time_and_then_by_id() {
    let dir = dir(&flat(&few()));
    let codes = ask(
        &dir,
        "SELECT value, code FROM codes WHERE feature = 'eventName' ORDER BY code",
    );
    assert_eq!(
        codes,
        [
            json!({"value": "GetObject", "code": 0}),
            json!({"value": "PutObject", "code": 1}),
            json!({"value": "ListBuckets", "code": 2}),
        ]
    );
}

#[test]
fn an_event_is_a_row_and_a_missing_value_has_the_code_minus_one() {
    let dir = dir(&flat(&few()[..7]));
    let rows = ask(
        &dir,
        "SELECT eventID, eventHour, eventDateCode, eventNameCode, userIdentityArnCode, awsRegionCode
         FROM encoded GROUP BY ALL ORDER BY eventID",
    );
    let row = |id: &str, hour: u8, name: u8, arn: i8| json!({"eventID": id, "eventHour": hour, "eventDateCode": 0, "eventNameCode": name, "userIdentityArnCode": arn, "awsRegionCode": 0});
    // a: GetObject by carol; b: PutObject by bob; c: ListBuckets by no one known; d: GetObject by alice, at 23.
    let expected = [
        row("a", 9, 0, 0),
        row("b", 9, 1, 1),
        row("c", 9, 2, -1),
        row("d", 23, 0, 2),
    ];
    assert_eq!(rows, expected);
    run(&dir, &[]).succeeds();
    assert_eq!(
        results(&dir)["isolation_forest"]["n_samples"],
        4,
        "b counts once"
    );
}

#[test]
fn flat_and_nested_tables_of_text_and_of_instants_give_the_same_findings() {
    let flat_rows = flat(&many());
    let parquet = dir(&flat_rows);
    run(&parquet, &[]).succeeds();
    let expected = findings(&parquet);
    assert_eq!(expected.len(), 1);
    let strange = &expected[0];
    for (column, value) in [
        ("eventSource", "s3.amazonaws.com"),
        ("eventName", "DeleteBucket"),
        ("userIdentity.arn", "mallory"),
        ("sourceIPAddress", "203.0.113.66"),
        ("eventTime", "2026-03-10T23:30:00Z"),
        ("awsRegion", "af-south-1"),
        ("eventID", "strange"),
    ] {
        assert_eq!(strange[column], value, "{column}");
    }
    assert_eq!(strange["rank"], 1);

    let records = dir(&nested(&many()));
    run(&records, &[]).succeeds();
    assert_eq!(findings(&records), expected);
    let delta = dir(&flat_rows);
    for (folder, rows) in [("flat", flat_rows), ("nested", nested(&many()))] {
        write_delta(&delta.path(folder), &rows, &[]);
        let location = format!(
            "sources.cloudtrail.location={}",
            delta.path(folder).display()
        );
        run(
            &delta,
            &[
                "--set",
                "sources.cloudtrail.format=delta",
                "--set",
                &location,
            ],
        )
        .succeeds();
        assert_eq!(findings(&delta), expected, "Delta, {folder}");
    }
}

#[test]
fn only_the_columns_that_are_asked_for_are_read_of_a_table_with_dots_in_its_names() {
    let dir = dir(&flat(&few()));
    let plan = ask(
        &dir,
        "EXPLAIN SELECT userIdentity.arn FROM cloudtrail WHERE userIdentity.type = 'IAMUser'",
    );
    let plan = plan
        .iter()
        .find(|row| row["plan_type"] == "physical_plan")
        .unwrap();
    let plan = plan["plan"].as_str().unwrap();
    let scan = plan
        .lines()
        .find(|line| line.contains("DataSourceExec"))
        .unwrap();
    assert!(!scan.contains("eventName"), "{scan}");
    assert!(scan.contains("predicate=userIdentity.type"), "{scan}");
    assert!(!plan.contains("named_struct"), "{plan}");
}

#[test]
fn the_run_says_what_the_scaler_took_off_and_divided_by() {
    let dir = dir(&flat(&few()[..7]));
    run(&dir, &[]).succeeds();
    let model = &results(&dir)["isolation_forest"];
    // The hours are 9, 9, 9 and 23: 12.5 and the root of (3 · 3.5² + 10.5²) / 4.
    assert_eq!(model["standard_scaler"]["mean"][0], 12.5);
    assert_eq!(
        model["standard_scaler"]["scale"][0],
        (147.0_f64 / 4.0).sqrt()
    );
    assert_eq!(
        model["standard_scaler"]["scale"][1], 1.0,
        "one date is a constant column"
    );
    dir.edit(JOB, "scaler         = \"standard\"", "");
    run(&dir, &[]).succeeds();
    assert!(results(&dir)["isolation_forest"]["standard_scaler"].is_null());
}

#[test]
fn a_fraction_of_contamination_places_the_threshold_and_rows_on_it_are_ordinary() {
    let dir = dir(&flat(&many()));
    run(&dir, &["--scored", "scored.parquet"]).succeeds();
    let model = results(&dir)["isolation_forest"].clone();
    let mut scores: Vec<f64> = read_parquet(&dir.path("scored.parquet"))
        .iter()
        .map(|row| row["anomaly_score"].as_f64().unwrap())
        .collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    // The percentile of 101 rows at 0.01 falls on the second strangest: one row is stranger.
    assert_eq!(model["threshold"], scores[1]);
    assert_eq!(model["n_anomalies"], 1);

    let equal: Vec<_> = many()[..100]
        .iter()
        .map(|event| {
            call(
                "2026-03-10T10:00:00Z",
                event[1].unwrap(),
                "GetObject",
                "alice",
            )
        })
        .collect();
    let dir = self::dir(&flat(&equal));
    run(&dir, &[]).succeeds();
    assert_eq!(
        results(&dir)["isolation_forest"]["n_anomalies"],
        0,
        "all rows are on the threshold"
    );
    assert_eq!(findings(&dir), [] as [Value; 0]);
}

#[test]
fn threads_do_not_change_codes_or_findings() {
    let dir = dir(&flat(&many()));
    let rows = |threads: &str| {
        run(&dir, &["--set", &format!("engine.threads={threads}")]).succeeds();
        findings(&dir)
    };
    assert_eq!(rows("1"), rows("3"));
}

#[test]
fn a_time_that_is_none_stops_the_run() {
    let mut events = many();
    events[7][0] = Some("the tenth of March");
    run(&dir(&flat(&events)), &[]).fails(
        3,
        "error: step `events` stopped
           because: [..]Error parsing timestamp from 'the tenth of March'[..]
           hint: [..]",
    );
}

#[test]
fn a_field_that_is_not_there_is_named() {
    let dir = dir(&flat(&few()));
    dir.edit(
        "sql/cloudtrail/events.sql",
        "userIdentity.arn ",
        "userIdentity.arm ",
    );
    run(&dir, &[]).fails(
        2,
        "error: sql/cloudtrail/events.sql: there is no field `arm` in this struct",
    );
}

/// Every column but the type, as text.
type Row = [Option<String>; 7];

#[test]
fn the_codes_of_real_events_are_those_of_a_plain_count() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cloudtrail");
    for (file, users) in [
        ("cloudtrail_real.parquet", 328),
        ("cloudtrail_samples.parquet", 584),
    ] {
        let path = folder.join(file);
        if !path.is_file() {
            println!("skipped: there is no {}", path.display());
            continue;
        }
        let events = events_of_users(&path);
        assert_eq!(events.len(), users, "{file}");
        let expected = factorized(events);

        let dir = Dir::bare();
        let location = format!("sources.cloudtrail.location={}", path.display());
        let said = dir.crannog(&[
            "run",
            JOB,
            "--as-of",
            "2026-11-22",
            "--set",
            "sources.cloudtrail.format=parquet",
            "--set",
            &location,
            "--set",
            "window.train=all",
            "--set",
            "window.detect=9000 years",
            "--scored",
            "scored.parquet",
        ]);
        said.succeeds();
        let scored = read_parquet(&dir.path("scored.parquet"));
        assert_eq!(scored.len(), expected.len(), "{file}");
        for row in scored {
            let key = (text(&row["eventTime"]).unwrap(), text(&row["eventID"]));
            let codes = CODES.map(|name| row[name].as_i64().unwrap());
            assert_eq!(codes, expected[&key], "{file}: {key:?}");
            assert_eq!(
                row["eventHour"],
                key.0[11..13].parse::<i64>().unwrap(),
                "{file}: {key:?}"
            );
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The calls of IAM users that have a time, in the order of the columns.
fn events_of_users(path: &Path) -> Vec<Row> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let events = concat_batches(&schema, &batches).unwrap();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let times = cast(
        &cast(&events["eventTime"], &micros).unwrap(),
        &DataType::Int64,
    )
    .unwrap();
    let columns = COLUMNS[1..]
        .iter()
        .map(|name| cast(&events[*name], &DataType::Utf8).unwrap());
    let columns: Vec<_> = columns.collect();
    let value = |column: usize, row: usize| {
        let column = columns[column].as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let time = |row: usize| {
        let times = times.as_primitive::<Int64Type>();
        let time = times.is_valid(row).then(|| times.value(row))?;
        let time = chrono::DateTime::from_timestamp_micros(time)?;
        Some(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    };
    let users = (0..events.num_rows()).filter(|row| value(6, *row).as_deref() == Some("IAMUser"));
    let rows = users.map(|row| {
        let mut event = [time(row), None, None, None, None, None, None];
        for (column, field) in event[1..].iter_mut().enumerate() {
            *field = value(column, row);
        }
        event
    });
    let mut rows: Vec<_> = rows.filter(|row| row[0].is_some()).collect();
    rows.sort();
    rows
}

/// For each time and ID the codes of the date and the five other columns: the least ones, where they come twice.
fn factorized(events: Vec<Row>) -> BTreeMap<(String, Option<String>), [i64; 6]> {
    let mut codes: [HashMap<String, i64>; 6] = Default::default();
    let mut rows = BTreeMap::new();
    for [time, id, others @ ..] in events {
        let time = time.unwrap();
        let date = Some(time[..10].to_owned());
        let mut row = [-1; 6];
        for ((code, codes), value) in row
            .iter_mut()
            .zip(&mut codes)
            .zip([date].into_iter().chain(others))
        {
            let next = i64::try_from(codes.len()).unwrap();
            *code = value.map_or(-1, |value| *codes.entry(value).or_insert(next));
        }
        rows.entry((time, id))
            .and_modify(|first: &mut [i64; 6]| *first = row.min(*first))
            .or_insert(row);
    }
    rows
}
