//! What the forest finds in tables of which the anomalies are known: `../shared/data/adbench`, where it is there.
//!
//! `tests/data/adbench.json` is written by `make bench-quality` and has, for seeds 0 to 4 of each table, scikit-learn's AUROC,
//! and what an extended forest of scaled columns comes to at least, in the mean.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use crannog::forest::{
    FeatureMatrix, ForestKind, IsolationForest, IsolationForestParams, StandardScaler,
    SummationOrder,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;

#[derive(Deserialize)]
struct Known {
    sklearn: Vec<f64>,
    extended_at_least: f64,
}

/// Rows of the largest table that an extended forest judges here: in a build for development it takes its time.
const MOST_EXTENDED: usize = 2_000;

/// A table: its columns, and which of its rows are anomalies.
struct Table {
    columns: Vec<Vec<f64>>,
    is_anomaly: Vec<bool>,
}

impl Table {
    fn read(file: File) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = std::sync::Arc::clone(reader.schema());
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        let rows: RecordBatch = concat_batches(&schema, &batches).unwrap();
        let numbers = |column| {
            let column = cast(column, &DataType::Float64).unwrap();
            column.as_primitive::<Float64Type>().values().to_vec()
        };
        let fields = schema.fields().iter().zip(rows.columns());
        let (label, columns): (Vec<_>, Vec<_>) = fields.partition(|(field, _)| field.name() == "y");
        let label = numbers(label[0].1);
        Self {
            columns: columns.iter().map(|(_, column)| numbers(column)).collect(),
            is_anomaly: label.iter().map(|label| *label == 1.0).collect(),
        }
    }

    fn matrix(&self, value: impl Fn(usize, f64) -> f64) -> FeatureMatrix {
        let names = (0..self.columns.len()).map(|i| format!("x{i}"));
        let columns = self.columns.iter().enumerate().map(|(i, column)| {
            let values = column.iter().map(|number| value(i, *number) as f32);
            values.collect()
        });
        FeatureMatrix::try_new(names.collect(), columns.collect()).unwrap()
    }

    fn auroc(&self, kind: ForestKind, random_state: u32, x: &FeatureMatrix) -> f64 {
        let params = IsolationForestParams {
            kind,
            random_state,
            ..Default::default()
        };
        let (_, scores) = IsolationForest::fit_score(&params, x).unwrap();
        let strange: Vec<f64> = scores.iter().map(|score| -score).collect();
        auroc(&strange, &self.is_anomaly)
    }
}

/// The share of pairs of an anomaly and an ordinary row in which the anomaly scores higher, ties counting half:
/// from the sum of the anomalies' ranks, where equal scores have the mean of theirs.
fn auroc(scores: &[f64], is_anomaly: &[bool]) -> f64 {
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(is_anomaly.iter().copied())
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut before) = (0.0, 0);
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        let midrank = before as f64 + (same.len() as f64 + 1.0) / 2.0;
        rank_sum += midrank * same.iter().filter(|row| row.1).count() as f64;
        before += same.len();
    }
    let anomalies = rows.iter().filter(|row| row.1).count() as f64;
    let ordinary = rows.len() as f64 - anomalies;
    (rank_sum - anomalies * (anomalies + 1.0) / 2.0) / (anomalies * ordinary)
}

#[test]
fn a_tie_of_an_anomaly_and_an_ordinary_row_counts_half() {
    // Of the four pairs the anomalies win two, tie one and lose one.
    let scores = [0.1, 0.4, 0.4, 0.3];
    assert_eq!(auroc(&scores, &[false, true, false, true]), 2.5 / 4.0);
}

#[test]
fn anomalies_are_found_as_scikit_learn_finds_them_and_by_an_extended_forest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/data/adbench");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let known = std::fs::read_to_string(root.join("tests/data/adbench.json")).unwrap();
    let known: BTreeMap<String, Known> = serde_json::from_str(&known).unwrap();
    assert!(known.len() > 10);
    for (name, known) in known {
        let table = Table::read(File::open(folder.join(format!("{name}.parquet"))).unwrap());
        let as_is = table.matrix(|_, value| value);
        for (seed, expected) in (0..).zip(&known.sklearn) {
            let found = table.auroc(ForestKind::Axis, seed, &as_is);
            assert!(
                (found - expected).abs() < 1e-12,
                "{name}, seed {seed}: {found} {expected}"
            );
        }
        if table.is_anomaly.len() > MOST_EXTENDED {
            continue;
        }
        let scaler = StandardScaler::fit(&table.columns, SummationOrder::Sequential);
        let scaled = table.matrix(|i, value| scaler.columns()[i].transform(value));
        let extended = |seed| table.auroc(ForestKind::Extended, seed, &scaled);
        let mean = (0..5).map(extended).sum::<f64>() / 5.0;
        assert!(
            mean >= known.extended_at_least,
            "{name}: {mean} {}",
            known.extended_at_least
        );
    }
}
