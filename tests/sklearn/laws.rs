//! What holds for every forest, vectors or not.

use std::num::NonZeroUsize;

use crannog::forest::random::Mt19937;
use crannog::forest::{FeatureMatrix, IsolationForest, IsolationForestParams, MaxSamples, Node};

use super::table::matrix;

#[test]
fn the_number_of_threads_changes_nothing() {
    let mut generator = Mt19937::new(3);
    let mut column = || (0..3_000).map(|_| generator.next_f64()).collect();
    let x = matrix(&[column(), column(), column()]);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| IsolationForest::fit_score(&IsolationForestParams::default(), &x).unwrap())
    };
    assert!(fit(1) == fit(2));
    assert!(fit(1) == fit(3));
}

#[test]
fn one_row_scores_minus_one_half() {
    let (_, scores) = fit_score(&IsolationForestParams::default(), &matrix(&[vec![4.0]]));
    assert_eq!(scores, [-0.5]);
}

#[test]
fn trees_of_one_row_score_every_row_minus_one_half() {
    let params = IsolationForestParams {
        max_samples: MaxSamples::Count(NonZeroUsize::MIN),
        ..Default::default()
    };
    let (_, scores) = fit_score(&params, &matrix(&[vec![1.0, 2.0, 300.0]]));
    assert_eq!(scores, [-0.5; 3]);
}

#[test]
fn a_constant_table_has_trees_of_one_leaf_and_rounding_decides_who_is_an_outlier() {
    let outliers = |rows: usize| {
        let x = matrix(&[vec![7.0; 300], vec![0.0; 300]]);
        let params = IsolationForestParams {
            max_samples: MaxSamples::Count(NonZeroUsize::new(rows).unwrap()),
            ..Default::default()
        };
        let (forest, scores) = fit_score(&params, &x);
        for tree in forest.trees() {
            assert_eq!(tree.nodes(), [Node::Leaf { n_samples: rows }]);
        }
        assert!(scores.iter().all(|score| (score + 0.5).abs() < 1e-14));
        forest
            .predict(&x)
            .unwrap()
            .iter()
            .filter(|outlier| **outlier)
            .count()
    };
    // 100 additions of c(256) end a little below 100 · c(256), those of c(100) do not.
    assert_eq!(outliers(256), 300);
    assert_eq!(outliers(100), 0);
}

#[test]
fn a_column_of_missing_values_is_never_cut() {
    let mut generator = Mt19937::new(3);
    let values = (0..200).map(|_| generator.next_f64()).collect();
    let x = matrix(&[vec![f64::NAN; 200], values]);
    let (forest, scores) = fit_score(&IsolationForestParams::default(), &x);
    for node in forest.trees().iter().flat_map(|tree| tree.nodes()) {
        assert!(!matches!(node, Node::Split { feature: 0, .. }));
    }
    assert!(scores.iter().all(|score| (-1.0..0.0).contains(score)));
}

#[test]
fn another_number_of_columns_is_an_error() {
    let x = matrix(&[vec![1.0, 2.0, 3.0]]);
    let (forest, _) = fit_score(&IsolationForestParams::default(), &x);
    let wider = matrix(&[vec![1.0], vec![1.0]]);
    assert!(forest.score_samples(&wider).is_err());
    assert!(forest.predict(&wider).is_err());
}

#[test]
fn ten_million_rows_are_fitted_by_reading_a_few() {
    // Of each column 25,600 values are read, and of the targets only those.
    let column = |step: u64| {
        (0..10_000_000_u64)
            .map(|i| (i * step % 1_000_003) as f32)
            .collect()
    };
    let names = vec!["a".to_string(), "b".to_string()];
    let x = FeatureMatrix::try_new(names, vec![column(7_919), column(104_729)]).unwrap();
    let forest = IsolationForest::fit(&IsolationForestParams::default(), &x).unwrap();
    assert_eq!(forest.trees().len(), 100);
    assert_eq!(forest.trees()[99].nodes()[0].n_samples(), 256);
}

fn fit_score(params: &IsolationForestParams, x: &FeatureMatrix) -> (IsolationForest, Vec<f64>) {
    IsolationForest::fit_score(params, x).unwrap()
}
