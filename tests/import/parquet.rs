//! Parquet: Hive folders, columns that come later, odd names and times, broken files.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DurationSecondArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt32Array,
};
use deltalake::ensure_table_uri;
use serde_json::json;

use super::{SOURCE, TABLE, dir, import, imported, is_refused, source, takes};
use crate::kit::{Dir, Said, block_on, read_delta, usual, write_parquet};

const TIME: [&str; 2] = ["--time-column", "time"];
const ADDED: &str = "\"date\", _source_file";

/// Noon of the 10th of March 2026, in microseconds.
const NOON: i64 = 1_773_144_000_000_000;

fn times(times: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC"))
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// Writes a file of the source: these columns.
fn write(dir: &Dir, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, values)| (name, values, true)),
    );
    write_parquet(&dir.path(SOURCE).join(name), &rows.unwrap());
}

/// Writes a file of one row with this text.
fn write_one(dir: &Dir, name: &str, text: &str) {
    let columns = vec![("time", times(&[Some(NOON)])), ("who", texts(&[text]))];
    write(dir, name, columns);
}

#[test]
fn each_file_is_taken_once_and_its_rows_are_those_that_a_job_reads() {
    let dir = dir("parquet");
    let nanoseconds = [Some(NOON * 1000 + 1999), Some(-1001), None];
    let local: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanoseconds.to_vec()));
    let columns = vec![
        ("time", Arc::clone(&local)),
        ("who", texts(&["a", "b", "c"])),
    ];
    write(&dir, "region=eu/kind=x%20y/1.parquet", columns);
    let columns = |who| vec![("time", local.slice(0, 1)), ("who", texts(&[who]))];
    write(
        &dir,
        "region=us/kind=__HIVE_DEFAULT_PARTITION__/1.parquet",
        columns("d"),
    );
    takes(&import(&dir, "parquet", &TIME), "2 files", 0);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    takes(&import(&dir, "parquet", &TIME), "0 files", 2);

    write(&dir, "region=us/kind=z/2.parquet", columns("e"));
    takes(&import(&dir, "parquet", &TIME), "1 file", 2);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    let rows = read_delta(&dir.path(TABLE)).rows;
    let of = |who: &str| rows.iter().find(|row| row["who"] == who).unwrap();
    assert_eq!(
        (&of("a")["date"], &of("a")["_source_file"], &of("a")["kind"]),
        (
            &json!("2026-03-10"),
            &json!("region=eu/kind=x%20y/1.parquet"),
            &json!("x y")
        )
    );
    assert_eq!(of("b")["date"], "1969-12-31");
    assert_eq!(of("c").get("date"), None);
    assert_eq!(of("d").get("kind"), None);
}

#[test]
fn rows_of_files_without_a_column_have_null_there() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    let more = |name, number| {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![number]));
        let time = times(&[Some(NOON)]);
        vec![("time", time), (name, number)]
    };
    write(&dir, "2.parquet", more("bytes", 2));
    takes(&import(&dir, "parquet", &TIME), "2 files", 0);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    write(&dir, "3.parquet", more("packets", 3));
    takes(&import(&dir, "parquet", &TIME), "1 file", 2);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    assert_eq!(imported(&dir, "parquet", ADDED).len(), 3);
}

#[test]
fn a_column_of_another_type_than_before_is_refused() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    import(&dir, "parquet", &TIME).succeeds();
    let who: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    write(
        &dir,
        "2.parquet",
        vec![("time", times(&[Some(NOON)])), ("who", who)],
    );
    is_refused(
        &dir,
        "parquet",
        &TIME,
        3,
        "error: column `who` is long in the source, and string in the Delta table `data/imported`
           hint: import into a new table",
    );
    fs::remove_dir_all(dir.path(TABLE)).unwrap();
    is_refused(
        &dir,
        "parquet",
        &TIME,
        3,
        "error: source `import` at `data/source`: column `who` is Int64 in `2.parquet`, and text in `1.parquet`
           hint: import them one by one, each by a glob and into a table of its own",
    );
}

#[test]
fn odd_names_of_files_and_columns_stay_as_they_are() {
    let dir = dir("parquet");
    for (number, name) in ["a b.parquet", "ü%20'\".parquet", "x;y=z.parquet"]
        .iter()
        .enumerate()
    {
        let columns = vec![
            ("time", times(&[Some(NOON)])),
            ("user.arn", texts(&["arn"])),
            ("user.type", texts(&["type"])),
            ("Größe in MB, (roh)", texts(&[&number.to_string()])),
            ("it's \"quoted\"", texts(&["q"])),
        ];
        write(&dir, name, columns);
    }
    takes(&import(&dir, "parquet", &TIME), "3 files", 0);
    takes(&import(&dir, "parquet", &TIME), "0 files", 3);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    assert_eq!(read_delta(&dir.path(TABLE)).rows[0]["user.arn"], "arn");
}

#[test]
fn a_time_must_be_named_and_be_one() {
    let dir = dir("parquet");
    let bytes: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let columns = vec![("time", times(&[Some(NOON)])), ("bytes", bytes)];
    write(&dir, "1.parquet", columns);
    let hint = "hint: name it with --time-column; times are `time`";
    let refused = |more: &[&str], error: &str| {
        is_refused(&dir, "parquet", more, 2, &format!("{error}\n{hint}"));
    };
    refused(&[], "error: which column tells when a row's event was?");
    refused(
        &["--time-column", "Time"],
        "error: there is no column `Time` in the source",
    );
    refused(
        &["--time-column", "bytes"],
        "error: column `bytes` is Int64, which is no time",
    );
}

#[test]
fn a_text_may_be_the_time_and_what_is_none_has_no_day() {
    let dir = dir("parquet");
    let columns = vec![(
        "time",
        texts(&["2026-03-10T23:59:59Z", "2026-03-10", "never"]),
    )];
    write(&dir, "1.parquet", columns);
    import(&dir, "parquet", &TIME).succeeds();
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
    let rows = read_delta(&dir.path(TABLE)).rows;
    let days: Vec<_> = rows.iter().map(|row| row.get("date")).collect();
    assert_eq!(
        days.iter()
            .flatten()
            .map(|day| day.as_str().unwrap())
            .collect::<Vec<_>>(),
        ["2026-03-10", "2026-03-10"]
    );
}

#[test]
fn a_column_of_the_name_of_the_day_keeps_it() {
    let dir = dir("parquet");
    let columns = vec![("time", times(&[Some(NOON)])), ("Date", texts(&["today"]))];
    write(
        &dir,
        "date=2026-03-10/1.parquet",
        vec![("time", times(&[Some(NOON)]))],
    );
    import(&dir, "parquet", &TIME).succeeds();
    assert_eq!(
        imported(&dir, "parquet", "_date, _source_file"),
        source(&dir)
    );
    assert_eq!(read_delta(&dir.path(TABLE)).rows[0]["_date"], "2026-03-10");
    fs::remove_dir_all(dir.path(SOURCE)).unwrap();
    fs::remove_dir_all(dir.path(TABLE)).unwrap();
    write_one(&dir, "1.parquet", "a");
    import(&dir, "parquet", &TIME).succeeds();
    write(&dir, "2.parquet", columns);
    is_refused(
        &dir,
        "parquet",
        &TIME,
        3,
        "error: the source has a column `date`, and so has the table for the day of a row
           hint: import into a new table",
    );
}

#[test]
fn times_that_no_calendar_has_are_kept_without_a_day() {
    let dir = dir("parquet");
    write(
        &dir,
        "1.parquet",
        vec![("time", times(&[Some(i64::MAX), Some(NOON)]))],
    );
    import(&dir, "parquet", &TIME).succeeds();
    let count = "SELECT count(time) AS n FROM source WHERE time > TIMESTAMP '2026-03-10T00:00:00Z'";
    let before = dir.query(count);
    dir.edit_job(
        "\"parquet\"\nlocation = \"../data/source\"",
        "\"delta\"\nlocation = \"../data/imported\"",
    );
    assert_eq!(dir.query(count), before);
    let days = dir.query("SELECT \"date\" FROM source ORDER BY time");
    assert_eq!(days, [json!({"date": "2026-03-10"}), json!({"date": null})]);
}

#[test]
fn a_broken_file_is_left_until_it_is_whole() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    let columns = vec![
        ("time", times(&[Some(NOON); 2])),
        ("who", texts(&["b", "c"])),
    ];
    write(&dir, "2.parquet", columns);
    let file = dir.path(SOURCE).join("2.parquet");
    let whole = fs::read(&file).unwrap();
    let mut pages = whole.clone();
    pages[4..60].fill(0xff);
    for broken in [
        pages,
        whole[..whole.len() / 2].to_vec(),
        b"no Parquet".to_vec(),
    ] {
        fs::write(&file, broken).unwrap();
        let said = import(&dir, "parquet", &[TIME.as_slice(), &["--strict"]].concat());
        assert!(
            said.code == 3 && said.stderr.contains("2.parquet"),
            "{said:#?}"
        );
        let said = import(&dir, "parquet", &TIME);
        assert_eq!(said.code, 0, "{said:#?}");
        assert!(said.stdout.contains(", 1 left, "), "{said:#?}");
        assert!(
            said.stderr
                .contains("a file is left for a later import: `2.parquet`: ")
        );
        assert_eq!(said.stderr.lines().count(), 1, "{said:#?}");
        assert_eq!(read_delta(&dir.path(TABLE)).rows.len(), 1);
    }
    fs::write(&file, whole).unwrap();
    takes(&import(&dir, "parquet", &TIME), "1 file", 1);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
}

#[test]
fn a_file_without_rows_is_known_too() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    write(
        &dir,
        "2.parquet",
        vec![("time", times(&[])), ("who", texts(&[]))],
    );
    takes(&import(&dir, "parquet", &TIME), "2 files", 0);
    takes(&import(&dir, "parquet", &TIME), "0 files", 2);
}

#[test]
fn what_the_table_cannot_hold_is_refused_by_name() {
    let dir = dir("parquet");
    let long: ArrayRef = Arc::new(DurationSecondArray::from(vec![1]));
    write(
        &dir,
        "1.parquet",
        vec![("time", times(&[Some(NOON)])), ("long", long)],
    );
    let said = import(&dir, "parquet", &TIME);
    assert!(
        said.code == 3 && said.stderr.contains("error: column `long` is "),
        "{said:#?}"
    );
    write(
        &dir,
        "1.parquet",
        vec![
            ("time", times(&[Some(NOON)])),
            ("who", texts(&["a"])),
            ("Who", texts(&["b"])),
        ],
    );
    is_refused(
        &dir,
        "parquet",
        &TIME,
        3,
        "error: columns `Who` and `who` are one column to a Delta table
           hint: read the source by a job as it is, or write it anew without the column",
    );
    write(
        &dir,
        "1.parquet",
        vec![
            ("time", times(&[Some(NOON)])),
            ("_source_file", texts(&["a"])),
        ],
    );
    is_refused(
        &dir,
        "parquet",
        &TIME,
        3,
        "error: source `import` at `data/source`: `1.parquet` has a column `_source_file`, which its path gives too
           hint: write the files without it",
    );
}

#[test]
fn a_table_among_its_own_files_is_refused() {
    let dir = dir("parquet");
    write_parquet(&dir.path(SOURCE).join("1.parquet"), &usual());
    let is_refused = |source: &str, table: &str| {
        let refused = format!(
            "error: the Delta table `{table}` is inside of the source
               hint: import into a folder outside of it"
        );
        let words = ["import", "--format", "parquet", source, table];
        dir.crannog(&words).fails(2, &refused);
    };
    is_refused(SOURCE, "data/source");
    is_refused(SOURCE, "data/source/imported");
    is_refused(SOURCE, "data/other/../source/x/y");
    is_refused("data/source/*.parquet", "data/source/imported");
    let url = format!(
        "file://{}",
        fs::canonicalize(dir.path(SOURCE)).unwrap().display()
    );
    is_refused(&url, "data/source/imported");
    assert_eq!(fs::read_dir(dir.path(SOURCE)).unwrap().count(), 1);
}

#[test]
fn a_glob_is_one_source_from_wherever_it_is_written_and_another_folder_is_another() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    write_parquet(&dir.path("other/data/source/1.parquet"), &usual());
    let table = dir.path(TABLE);
    let by_glob = |folder: &str, glob: &str| {
        let mut command = dir.command();
        command.current_dir(dir.path(folder));
        command.args(["import", "--format", "parquet", glob]);
        Said::by(command.arg(&table).args(TIME))
    };
    by_glob(".", "data/source/*.parquet").succeeds();
    let again = by_glob("data", "./source/*.parquet");
    assert!(
        again
            .succeeds()
            .stdout
            .starts_with("0 files taken, 1 known"),
        "{again:?}"
    );
    let other = by_glob("other", "data/source/*.parquet");
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("was imported from"), "{other:?}");
}

#[test]
fn a_whole_number_without_a_sign_is_refused_by_name() {
    let dir = dir("parquet");
    let large: ArrayRef = Arc::new(UInt32Array::from(vec![3_000_000_000]));
    write(
        &dir,
        "1.parquet",
        vec![("time", times(&[Some(NOON)])), ("large", large)],
    );
    let refused = import(&dir, "parquet", &TIME);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("column `large`"), "{refused:?}");
    assert!(!dir.path(TABLE).join("_delta_log").is_dir());
}

#[test]
fn files_are_known_when_the_log_of_the_table_is_cleaned_up() {
    let dir = dir("parquet");
    write_one(&dir, "1.parquet", "a");
    import(&dir, "parquet", &TIME).succeeds();
    let url = ensure_table_uri(dir.path(TABLE).to_str().unwrap()).unwrap();
    block_on(async {
        let table = deltalake::open_table(url).await.unwrap();
        deltalake::checkpoints::create_checkpoint(&table, None)
            .await
            .unwrap();
    });
    let log = dir.path(TABLE).join("_delta_log");
    fs::remove_file(log.join("00000000000000000000.json")).unwrap();
    takes(&import(&dir, "parquet", &TIME), "0 files", 1);
    write_one(&dir, "2.parquet", "b");
    takes(&import(&dir, "parquet", &TIME), "1 file", 1);
    assert_eq!(imported(&dir, "parquet", ADDED), source(&dir));
}
