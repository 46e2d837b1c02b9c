//! The shipped SQL against what Apache Spark computed: every table of `tests/data/spark-golden`, and of the folder
//! named in `CRANNOG_SPARK_GOLDEN` or `../shared/spark-golden` where there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, TimeUnit};
use crannog::Job;
use crannog::error::Error;
use crannog::feedback::Feedback;
use crannog::judgement::Judgement;
use crannog::pipeline::Pipeline;
use crannog::progress::Progress;
use crannog::scoring::{Scored, Verdicts, strangest_first};
use crannog::{session, source};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const INDEXES: [(&str, &str); 4] = [
    ("Computer", "computerIndex"),
    ("Account", "accountIndex"),
    ("AccountType", "accountTypeIndex"),
    ("Process", "processIndex"),
];

#[tokio::test]
async fn groups_indexes_and_command_lines_are_those_of_spark() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let elsewhere = std::env::var_os("CRANNOG_SPARK_GOLDEN").map(PathBuf::from);
    let elsewhere = elsewhere.unwrap_or_else(|| root.join("../shared/spark-golden"));
    let mut variants = 0;
    for folder in [root.join("tests/data/spark-golden"), elsewhere] {
        let Ok(cases) = std::fs::read_dir(&folder) else {
            println!("skipped: there is no {}", folder.display());
            continue;
        };
        for case in cases
            .map(|case| case.unwrap().path())
            .filter(|case| case.join("manifest.json").exists())
        {
            let manifest = std::fs::read_to_string(case.join("manifest.json")).unwrap();
            let manifest: Value = serde_json::from_str(&manifest).unwrap();
            for (name, variant) in manifest["variants"].as_object().unwrap() {
                check(&case, variant).await.unwrap_or_else(|difference| {
                    panic!("{}, {name}: {difference}", case.display());
                });
                variants += 1;
            }
        }
    }
    assert!(variants >= 27, "only {variants} variants were found");
}

async fn check(case: &Path, variant: &Value) -> Result<(), String> {
    let made = make(case, variant).await;
    if variant.get("error").is_some() {
        return match made {
            Err(Error::Features(error)) if error.to_string().contains("missing values") => Ok(()),
            other => Err(format!(
                "Spark refuses NULL labels, and we answered {other:?}"
            )),
        };
    }
    let expected = read_parquet(&case.join(variant["expected"].as_str().unwrap()));
    let made = match made {
        Err(error) if expected.num_rows() == 0 && error.to_string().contains("no rows") => {
            return Ok(());
        }
        made => made.map_err(|error| format!("{error}: {error:?}"))?,
    };
    for (field, expected) in expected.schema().fields().iter().zip(expected.columns()) {
        let made = made
            .column_by_name(field.name())
            .ok_or_else(|| format!("no column {}", field.name()))?;
        same(expected, made).map_err(|row| format!("column {}, {row}", field.name()))?;
    }
    same_labels(&variant["labels"], &made)
}

/// The rows that the shipped SQL makes of a case: all groups in the order of their keys, with their command lines.
async fn make(case: &Path, variant: &Value) -> Result<RecordBatch, Error> {
    let scratch = tempfile::tempdir().unwrap();
    let every_row = scratch.path().join("anomalies.sql");
    let shipped = include_str!("../sql/process_execution/anomalies.sql");
    let (select, _) = shipped.split_once("WHERE").unwrap();
    let features = "\n    unixInterval, computerIndex, accountIndex, accountTypeIndex, processIndex,\n    count,";
    std::fs::write(&every_row, select.replace("\n    count,", features)).unwrap();
    let evidence = include_str!("../sql/process_execution/evidence.sql");
    let more = INDEXES
        .map(|(_, index)| format!("anomalies.{index} AS {index},"))
        .concat();
    let evidence = evidence.replace(
        "anomalies.count  ",
        &format!("anomalies.unixInterval AS unixInterval, {more} anomalies.count  "),
    );
    std::fs::write(scratch.path().join("evidence.sql"), evidence).unwrap();

    let invalid = variant["handleInvalid"].as_str().unwrap();
    let refuses = variant.get("error").is_some();
    let overrides = [
        "sources.process_execution.format=parquet".to_owned(),
        format!(
            "sources.process_execution.location={}",
            case.join("input.parquet").display()
        ),
        format!(
            "window.timezone={:?}",
            variant["session_time_zone"].as_str().unwrap()
        ),
        format!("window.bucket={}", variant["unit"].as_str().unwrap()),
        "window.train=all".to_owned(),
        "window.detect=9000 years".to_owned(),
        "parameters.keep_undated=true".to_owned(),
        format!(
            "parameters.handle_invalid={}",
            if invalid == "none" { "keep" } else { invalid }
        ),
        format!(
            "features.missing_values={}",
            if refuses { "error" } else { "allow-nan" }
        ),
        format!(
            "findings.sql=[{:?}, {:?}]",
            every_row,
            scratch.path().join("evidence.sql")
        ),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let job = Job::load(&root.join("jobs/process_execution.toml"), &overrides)?;
    let interval = job.window.at("9999-12-31T23:59:59Z".parse().unwrap());
    let ctx = session::connect(&job)?;
    let sources = source::register_all(&ctx, &job, &interval).await?;
    let mut pipeline = Pipeline::plan(
        &ctx,
        &job,
        &interval,
        sources,
        None,
        Feedback::default(),
        |_, _, _| (),
    )
    .await?;
    let mut progress = Progress::new(false);
    let features = pipeline.features(&mut progress).await?;
    // With equal scores the rank is the order of the keys, and so is the order of the findings.
    let scores = vec![-0.5; features.n_samples()];
    let order = strangest_first(&scores);
    let suppressed = pipeline.suppressed(&features)?;
    let verdicts = Verdicts::new(&job, features.rows(), &scores, -0.5, &order, &suppressed, 0);
    let scored = Scored::new(features, &verdicts.unwrap()).unwrap();
    let judgement = Judgement {
        training_scores: None,
        severity: job.severity,
        reasons: None,
    };
    let findings = pipeline.findings(scored, judgement, &mut progress).await?;
    Ok(concat_batches(&findings[0].schema(), &findings).unwrap())
}

fn read_parquet(path: &Path) -> RecordBatch {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Compares values, whatever the layout of text or the name of the zone.
fn same(expected: &ArrayRef, made: &ArrayRef) -> Result<(), String> {
    let plain = |array: &ArrayRef| {
        let data_type = match array.data_type() {
            DataType::Timestamp(..) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::List(_) => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            other => other.clone(),
        };
        cast(array, &data_type).unwrap()
    };
    let (expected, made) = (plain(expected), plain(made));
    if expected.data_type() != made.data_type() {
        return Err(format!(
            "Spark has {}, we have {}",
            expected.data_type(),
            made.data_type()
        ));
    }
    if expected.len() != made.len() {
        return Err(format!(
            "Spark has {} rows, we have {}",
            expected.len(),
            made.len()
        ));
    }
    let differs = (0..expected.len()).find(|row| expected.slice(*row, 1) != made.slice(*row, 1));
    match differs {
        None => Ok(()),
        Some(row) => Err(format!(
            "row {row}: Spark has {:?}, we have {:?}",
            expected.slice(row, 1),
            made.slice(row, 1)
        )),
    }
}

/// The value with index i is Spark's label i.
fn same_labels(labels: &Value, made: &RecordBatch) -> Result<(), String> {
    for (column, index) in INDEXES {
        let Some(labels) = labels.get(column).and_then(Value::as_array) else {
            continue;
        };
        let values = cast(made.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
        let indexes = made
            .column_by_name(index)
            .unwrap()
            .as_primitive::<Float64Type>();
        let indexes = cast(indexes, &DataType::Int64).unwrap();
        for (value, index) in values
            .as_string::<i32>()
            .iter()
            .zip(indexes.as_primitive::<Int64Type>())
        {
            let label = labels
                .get(usize::try_from(index.unwrap()).unwrap())
                .and_then(Value::as_str);
            if label != value {
                return Err(format!(
                    "{column} {value:?} has the index of Spark's label {label:?}"
                ));
            }
        }
    }
    Ok(())
}
