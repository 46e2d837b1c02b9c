//! Is it the same reason? Every contribution compared with `shap.TreeExplainer` over scikit-learn's own forest, by the
//! vectors that `make_shap.py` makes.

use std::fs;
use std::path::Path;

use crannog::forest::{FeatureMatrix, IsolationForest, IsolationForestParams, TreeExplainer};
use serde::Deserialize;

use super::vectors::read;

/// shap adds up in another order.
const CLOSE: f64 = 1e-9;

#[derive(Deserialize)]
struct Vector {
    params: IsolationForestParams,
    rows: Vec<Vec<Option<f32>>>,
    explained: Vec<Vec<Option<f32>>>,
    expected_value: f64,
    shap_values: Vec<Vec<f64>>,
}

#[test]
fn reasons_are_those_of_shap_and_sum_to_the_path_length() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shap");
    let mut compared = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let (name, vector) = read::<Vector>(&entry.unwrap().path());
        let forest = IsolationForest::fit(&vector.params, &matrix(&vector.rows)).unwrap();
        let explainer = TreeExplainer::new(&forest).unwrap();
        let trees = forest.trees().len() as f64;
        let lengths = forest.path_lengths(&matrix(&vector.explained)).unwrap();
        let expected = explainer.expected_value();
        // shap weighs rows that are drawn twice once for the expected value, and twice for the values.
        if !vector.params.bootstrap {
            assert!((expected - vector.expected_value).abs() < CLOSE, "{name}");
        }
        for ((row, shap), length) in vector
            .explained
            .iter()
            .zip(&vector.shap_values)
            .zip(lengths)
        {
            let row: Vec<_> = row.iter().map(|value| value.unwrap_or(f32::NAN)).collect();
            let values = explainer.shap_values(&row).unwrap();
            for (value, shap) in values.iter().zip(shap) {
                assert!((value - shap).abs() < CLOSE, "{name}: {value} {shap}");
                compared += 1;
            }
            let sum = expected + values.iter().sum::<f64>();
            assert!((sum - length / trees).abs() < CLOSE, "{name}");
        }
    }
    assert_eq!(
        compared,
        15 * 6 + 2 * 10 * 6 + 10 * 9 + 6 * 30 + 12 * 5 + 10 * 4 + 6 * 4 + 2 * 2
    );
}

fn matrix(rows: &[Vec<Option<f32>>]) -> FeatureMatrix {
    let width = rows[0].len();
    let column = |feature: usize| {
        let values = rows.iter().map(|row| row[feature].unwrap_or(f32::NAN));
        values.collect()
    };
    let names = (0..width).map(|feature| format!("x{feature}")).collect();
    FeatureMatrix::try_new(names, (0..width).map(column).collect()).unwrap()
}
