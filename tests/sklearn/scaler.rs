//! `StandardScaler`, alone and before a forest, in both memory layouts.

use crannog::forest::{
    Contamination, IsolationForest, IsolationForestParams, OutlierFraction, StandardScaler,
    SummationOrder,
};
use serde::Deserialize;

use super::digest::Digest;
use super::forests::TreeArrays;
use super::table::{Generator, Rows, columns, matrix};
use super::vectors::{read_all, same, same_bits};

#[derive(Deserialize)]
struct Scalers {
    cases: Vec<Case>,
    big: Vec<BigCase>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    n: usize,
    d: usize,
    layout: String,
    rows: Rows,
    #[serde(flatten)]
    statistics: Statistics,
    scaled_digest: String,
    scaled_head: Rows,
    forest: Forest,
}

#[derive(Deserialize)]
struct BigCase {
    generator: Generator,
    layout: String,
    #[serde(flatten)]
    statistics: Statistics,
}

#[derive(Deserialize)]
struct Statistics {
    mean: Vec<f64>,
    var: Vec<f64>,
    scale: Vec<f64>,
}

#[derive(Deserialize)]
struct Forest {
    n_estimators: std::num::NonZeroUsize,
    contamination: f64,
    random_state: u32,
    tree_digest: Vec<String>,
    offset: f64,
    scores: Vec<f64>,
    outliers: Vec<usize>,
}

#[test]
fn a_scaled_forest_is_scikit_learns_to_the_bit() {
    for (file, scalers) in read_all::<Scalers>("scaler.json") {
        for case in scalers.cases {
            let place = format!("{file}: {} n={} layout {}", case.kind, case.n, case.layout);
            let columns = columns(&case.rows, case.d);
            let scaler = StandardScaler::fit(&columns, order(&case.layout, case.d));
            check_statistics(&scaler, &case.statistics, &place);

            let scales = scaler.columns().iter().zip(&columns);
            let scaled: Vec<Vec<f64>> = scales
                .map(|(scale, column)| column.iter().map(|x| scale.transform(*x)).collect())
                .collect();
            check_scaled(&scaled, &case, &place);
            check_forest(&scaled, &case.forest, &place);
        }
    }
}

#[test]
fn the_statistics_of_many_rows_are_scikit_learns_to_the_bit() {
    for (file, scalers) in read_all::<Scalers>("scaler.json") {
        for (i, case) in scalers.big.into_iter().enumerate() {
            let columns = case.generator.columns();
            let scaler = StandardScaler::fit(&columns, order(&case.layout, columns.len()));
            check_statistics(&scaler, &case.statistics, &format!("{file}: big [{i}]"));
        }
    }
}

/// A row-major table of one column lies in memory as a column does.
fn order(layout: &str, n_features: usize) -> SummationOrder {
    match layout {
        "C" if n_features > 1 => SummationOrder::Sequential,
        _ => SummationOrder::Pairwise,
    }
}

fn check_statistics(scaler: &StandardScaler, expected: &Statistics, place: &str) {
    let columns = || scaler.columns().iter();
    let mean: Vec<f64> = columns().map(|column| column.mean).collect();
    same_bits(&mean, &expected.mean, &format!("{place}, mean"));
    let variance: Vec<f64> = columns().map(|column| column.variance).collect();
    same_bits(&variance, &expected.var, &format!("{place}, var"));
    let scale: Vec<f64> = columns().map(|column| column.scale).collect();
    same_bits(&scale, &expected.scale, &format!("{place}, scale"));
}

fn check_scaled(scaled: &[Vec<f64>], case: &Case, place: &str) {
    for (i, expected) in case.scaled_head.iter().enumerate() {
        let row: Vec<f64> = scaled.iter().map(|column| column[i]).collect();
        let expected: Vec<f64> = expected.iter().map(|z| z.unwrap_or(f64::NAN)).collect();
        same_bits(&row, &expected, &format!("{place}, scaled_head, row {i}"));
    }
    let row_major = (0..case.n).flat_map(|i| scaled.iter().map(move |column| column[i]));
    let digest = Digest::new().f64s(row_major.map(|z| if z.is_nan() { 0.0 } else { z }));
    assert_eq!(digest.hex(), case.scaled_digest, "{place}, scaled_digest");
}

fn check_forest(scaled: &[Vec<f64>], expected: &Forest, place: &str) {
    let contamination = OutlierFraction::try_new(expected.contamination).unwrap();
    let params = IsolationForestParams {
        n_estimators: expected.n_estimators,
        contamination: Contamination::Fraction(contamination),
        random_state: expected.random_state,
        ..Default::default()
    };
    let x = matrix(scaled);
    let (forest, scores) = IsolationForest::fit_score(&params, &x).unwrap();
    let digests: Vec<String> = forest.trees().iter().map(TreeArrays::digest_of).collect();
    same(
        &digests,
        &expected.tree_digest,
        &format!("{place}, tree_digest, tree"),
    );
    same_bits(
        &[forest.offset()],
        &[expected.offset],
        &format!("{place}, offset"),
    );
    same_bits(&scores, &expected.scores, &format!("{place}, scores, row"));
    let outliers = forest.predict(&x).unwrap();
    let rows: Vec<usize> = (0..outliers.len()).filter(|row| outliers[*row]).collect();
    same(&rows, &expected.outliers, &format!("{place}, outliers"));
}
