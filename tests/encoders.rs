//! The encoders of the notebooks, said in SQL as the jobs say them: pandas' `factorize` and Spark's `StringIndexer`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use serde_json::Value;

#[tokio::test]
async fn codes_and_labels_are_those_of_pandas_and_spark() {
    for folder in crate::sklearn::folders() {
        let path = folder.join("encoders.json");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let vectors: Value = serde_json::from_str(&text).unwrap();
        for case in vectors["pandas_factorize"].as_array().unwrap() {
            factorize(&path, case).await;
        }
        for case in vectors["spark_string_indexer_by_rule"].as_array().unwrap() {
            if ordered_otherwise_in_utf_16(&strings(&case["values"])) {
                println!(
                    "skipped: a table of labels in the order of UTF-16, which Spark 3 had and Spark 4 has not"
                );
                continue;
            }
            for (order, by) in [
                ("frequencyDesc", "count(*) DESC, value"),
                ("frequencyAsc", "count(*), value"),
                ("alphabetAsc", "value"),
                ("alphabetDesc", "value DESC"),
            ] {
                let sql = format!(
                    "SELECT value FROM t WHERE value IS NOT NULL GROUP BY value ORDER BY {by}"
                );
                let labels = ask(&case["values"], &sql).await;
                assert_eq!(
                    texts(&labels, 0),
                    strings(&case[order]),
                    "{}: {order}",
                    path.display()
                );
            }
        }
    }
}

/// Whether code points and UTF-16 code units order these values differently. The vectors follow the published rule,
/// which is Java's; Spark 4 itself, as its golden tables show, and we order by bytes.
fn ordered_otherwise_in_utf_16(values: &[Option<String>]) -> bool {
    let has = |range: std::ops::RangeInclusive<char>| {
        values
            .iter()
            .flatten()
            .any(|value| value.chars().any(|c| range.contains(&c)))
    };
    has('\u{e000}'..='\u{ffff}') && has('\u{10000}'..='\u{10ffff}')
}

async fn factorize(path: &Path, case: &Value) {
    let order = if case["sort"].as_bool().unwrap() {
        "t.value"
    } else {
        "min(t.position)"
    };
    let sql = format!(
        "WITH codes AS (
             SELECT t.value AS value, row_number() OVER (ORDER BY {order}) - 1 AS code
             FROM t WHERE t.value IS NOT NULL GROUP BY t.value
         )
         SELECT t.value, cast(coalesce(codes.code, -1) AS bigint) AS code
         FROM t LEFT JOIN codes ON codes.value = t.value ORDER BY t.position"
    );
    let rows = ask(&case["values"], &sql).await;
    let codes: Vec<_> = rows.column(1).as_primitive::<Int64Type>().values().to_vec();
    let expected: Vec<_> = case["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_i64().unwrap())
        .collect();
    assert_eq!(codes, expected, "{}: {case}", path.display());
}

/// Answers `sql` over `t (position, value)`.
async fn ask(values: &Value, sql: &str) -> RecordBatch {
    let values = values.as_array().unwrap();
    let positions = Int64Array::from_iter_values(0..i64::try_from(values.len()).unwrap());
    let positions: ArrayRef = Arc::new(positions);
    let values: ArrayRef = if values.iter().any(Value::is_number) {
        Arc::new(values.iter().map(Value::as_f64).collect::<Float64Array>())
    } else {
        Arc::new(values.iter().map(Value::as_str).collect::<StringArray>())
    };
    let ctx = SessionContext::new();
    let table = RecordBatch::try_from_iter_with_nullable([
        ("position", positions, false),
        ("value", values, true),
    ]);
    ctx.register_batch("t", table.unwrap()).unwrap();
    let rows = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    concat_batches(&rows[0].schema(), &rows).unwrap()
}

fn strings(values: &Value) -> Vec<Option<String>> {
    values
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().map(str::to_owned))
        .collect()
}

fn texts(rows: &RecordBatch, column: usize) -> Vec<Option<String>> {
    rows.column(column)
        .as_string::<i32>()
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect()
}
