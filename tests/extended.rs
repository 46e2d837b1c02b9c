//! Laws of the extended isolation forest, and the example of its paper.

use std::num::NonZeroUsize;

use crannog::forest::random::Mt19937;
use crannog::forest::{
    ExtendedNode, ExtendedTree, FeatureMatrix, ForestKind, Fraction, IsolationForest,
    IsolationForestParams, MaxFeatures, MaxSamples, average_path_length,
};
use proptest::prelude::*;

/// An extended forest of the level, all else as it is unless said.
fn extended(extension_level: Option<usize>) -> IsolationForestParams {
    IsolationForestParams {
        kind: ForestKind::Extended,
        extension_level,
        ..Default::default()
    }
}

fn matrix(columns: Vec<Vec<f32>>) -> FeatureMatrix {
    let names = (0..columns.len()).map(|i| format!("column_{i}"));
    FeatureMatrix::try_new(names.collect(), columns).unwrap()
}

/// Standard normal columns.
fn normal(n_samples: usize, n_features: usize, seed: u32) -> Vec<Vec<f32>> {
    let mut generator = Mt19937::new(seed);
    let mut column = || {
        let values = (0..n_samples).map(|_| generator.next_normals()[0] as f32);
        values.collect()
    };
    (0..n_features).map(|_| column()).collect()
}

fn row(x: &FeatureMatrix, i: usize) -> Vec<f32> {
    (0..x.n_features()).map(|j| x.column(j)[i]).collect()
}

/// The path of a row as the paper tells it: one sum after the other, node after node.
fn walked(tree: &ExtendedTree, row: &[f32], number: usize, depth: usize) -> f64 {
    match tree.nodes()[number] {
        ExtendedNode::Leaf { n_samples } => depth as f64 + average_path_length(n_samples),
        ExtendedNode::Split { right, .. } => {
            let plane = tree.plane(number).unwrap();
            let mut sum = 0.0;
            for (column, coordinate) in plane.columns.iter().zip(plane.normal) {
                sum += f64::from(row[*column as usize]) * f64::from(*coordinate);
            }
            let left = sum <= plane.threshold;
            walked(tree, row, if left { number + 1 } else { right }, depth + 1)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_are_those_of_a_plain_walk(
        n_samples in 1_usize..700,
        (n_features, level) in (1_usize..7).prop_flat_map(|n| (Just(n), 0..n)),
        max_samples in 1_usize..300,
        bootstrap: bool,
        seed: u32,
    ) {
        let x = matrix(normal(n_samples, n_features, seed));
        let params = IsolationForestParams {
            n_estimators: NonZeroUsize::new(7).unwrap(),
            max_samples: MaxSamples::Count(NonZeroUsize::new(max_samples).unwrap()),
            bootstrap,
            random_state: seed,
            ..extended(Some(level))
        };
        let (forest, scores) = IsolationForest::fit_score(&params, &x).unwrap();
        let ordinary = 7.0 * average_path_length(forest.max_samples());
        for (i, score) in scores.into_iter().enumerate() {
            let trees = forest.extended_trees().iter();
            let lengths: f64 = trees.map(|tree| walked(tree, &row(&x, i), 0, 0)).sum();
            let expected = if ordinary == 0.0 { -0.5 } else { -(-lengths / ordinary).exp2() };
            prop_assert!((score - expected).abs() < 1e-12, "{score} {expected}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let x = matrix(normal(3_000, 5, 1));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let fit = || IsolationForest::fit_score(&extended(None), &x).unwrap();
        pool.build().unwrap().install(fit)
    };
    let (alone, four) = (on(1), on(4));
    assert_eq!(alone, four);
}

#[test]
fn where_every_tree_has_all_rows_their_order_changes_nothing() {
    let columns = normal(200, 3, 2);
    let mut order: Vec<usize> = Mt19937::new(3).permutation(200);
    let shuffle = |column: &Vec<f32>| order.iter().map(|i| column[*i]).collect();
    let shuffled = matrix(columns.iter().map(shuffle).collect());
    let fit = |x: &FeatureMatrix| IsolationForest::fit_score(&extended(None), x).unwrap().1;
    let (scores, others) = (fit(&matrix(columns)), fit(&shuffled));
    let in_order: Vec<f64> = order.drain(..).map(|i| scores[i]).collect();
    assert_eq!(others, in_order);
}

#[test]
fn a_forest_of_level_zero_cuts_one_column_at_a_time_and_of_a_high_one_all() {
    let x = matrix(normal(500, 4, 4));
    for level in 0..4 {
        let forest = IsolationForest::fit(&extended(Some(level)), &x).unwrap();
        let mut seen = [0; 4];
        for tree in forest.extended_trees() {
            for number in 0..tree.nodes().len() {
                let Some(plane) = tree.plane(number) else {
                    continue;
                };
                assert_eq!(plane.columns.len(), level + 1);
                assert!(plane.normal.iter().all(|coordinate| *coordinate != 0.0));
                plane
                    .columns
                    .iter()
                    .for_each(|column| seen[*column as usize] += 1);
            }
        }
        let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
        assert!(most - least < most / 10, "each column as often: {seen:?}");
    }
    let same = |level| {
        IsolationForest::fit(&extended(level), &x)
            .unwrap()
            .parts()
            .trees
    };
    assert_eq!(same(None), same(Some(3)));
}

#[test]
fn a_tree_that_draws_two_columns_mixes_those() {
    let params = IsolationForestParams {
        max_features: MaxFeatures::Fraction(Fraction::try_new(0.5).unwrap()),
        ..extended(None)
    };
    let forest = IsolationForest::fit(&params, &matrix(normal(300, 4, 5))).unwrap();
    for tree in forest.extended_trees() {
        let planes = || (0..tree.nodes().len()).filter_map(|number| tree.plane(number));
        let first = planes().next().unwrap().columns;
        assert_eq!(first.len(), 2);
        assert!(planes().all(|plane| plane.columns == first));
    }
}

#[test]
fn rows_that_are_one_or_the_same_or_infinite_end() {
    for (columns, expected) in [
        (vec![vec![4.0], vec![2.0]], Some(-0.5)),
        (vec![vec![4.0; 300], vec![2.0; 300]], Some(-0.5)), // one leaf: as deep as is usual
        (
            vec![
                vec![f32::INFINITY, f32::NEG_INFINITY, 0.0],
                vec![0.0, 1.0, 2.0],
            ],
            None,
        ),
    ] {
        let x = matrix(columns);
        let (_, scores) = IsolationForest::fit_score(&extended(None), &x).unwrap();
        for score in scores {
            assert!((-1.0..0.0).contains(&score), "{score}");
            assert!(
                expected.is_none_or(|expected| (score - expected).abs() < 1e-12),
                "{score}"
            );
        }
    }
}

#[test]
fn a_constant_column_tells_a_row_that_breaks_it() {
    let mut columns = normal(500, 2, 6);
    columns.push(vec![1.0; 500]);
    let forest = IsolationForest::fit(&extended(None), &matrix(columns)).unwrap();
    let one = |value| matrix(vec![vec![0.0], vec![0.0], vec![value]]);
    let ordinary = forest.score_samples(&one(1.0)).unwrap()[0];
    let broken = forest.score_samples(&one(30.0)).unwrap()[0];
    assert!(broken < ordinary - 0.2, "{broken} {ordinary}");
}

#[test]
fn a_missing_value_is_refused_by_the_name_of_its_column() {
    let whole = matrix(normal(50, 2, 7));
    let mut columns = normal(50, 2, 7);
    columns[1][9] = f32::NAN;
    let missing = matrix(columns);
    let forest = IsolationForest::fit(&extended(None), &whole).unwrap();
    let fitted = IsolationForest::fit(&extended(None), &missing).unwrap_err();
    for error in [fitted, forest.score_samples(&missing).unwrap_err()] {
        let expected = "column `column_1` has a missing value, for which an extended isolation forest has no rule";
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().unwrap().contains("kind = \"axis\""));
    }
}

/// Two clouds of standard deviation 1, at (10, 0) and (0, 10). What lies at (0, 0) or (10, 10) shares either coordinate with a
/// cloud and is 10 from both; what lies 10 behind a cloud shares none. Axis-parallel cuts take the first for something more
/// ordinary; planes do not.
#[test]
fn axis_parallel_cuts_see_a_ghost_where_two_clouds_cross_and_planes_do_not() {
    let noise = normal(1_000, 2, 0);
    let shifted = |column: usize, first: f32, second: f32| {
        let centre = |i: usize| if i < 500 { first } else { second };
        let column = noise[column].iter().enumerate();
        column.map(|(i, noise)| noise + centre(i)).collect()
    };
    let clouds = matrix(vec![shifted(0, 10.0, 0.0), shifted(1, 0.0, 10.0)]);
    let aside = 10.0 / 2.0_f32.sqrt();
    let ghosts = matrix(vec![vec![0.0, 10.0], vec![0.0, 10.0]]);
    let behind = matrix(vec![vec![10.0 + aside, -aside], vec![-aside, 10.0 + aside]]);
    let how_much_more_ordinary = |kind| {
        let mean = |x| {
            let score = |random_state| {
                let params = IsolationForestParams {
                    kind,
                    random_state,
                    ..Default::default()
                };
                let forest = IsolationForest::fit(&params, &clouds).unwrap();
                forest.score_samples(x).unwrap().iter().sum::<f64>() / 2.0
            };
            (0..5).map(score).sum::<f64>() / 5.0
        };
        mean(&ghosts) - mean(&behind)
    };
    let axis = how_much_more_ordinary(ForestKind::Axis);
    let planes = how_much_more_ordinary(ForestKind::Extended);
    println!("a ghost scores {axis:.3} above what is as far, and {planes:.3} among planes");
    assert!(axis > 0.08, "{axis}");
    assert!(planes.abs() < 0.03, "{planes}");
}
