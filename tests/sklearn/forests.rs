//! Whole forests: every seed, sample, tree, path length, score, offset and prediction.

use crannog::forest::random::derived_seed;
use crannog::forest::sampling::Sampler;
use crannog::forest::weighted::WeightedChoice;
use crannog::forest::{FeatureMatrix, IsolationForest, IsolationForestParams, Node, Tree};
use serde::Deserialize;

use super::digest::Digest;
use super::table::{Generator, Rows, columns, matrix};
use super::vectors::{forest_files, read, same, same_bits};

#[derive(Deserialize)]
struct Case {
    params: IsolationForestParams,
    n: usize,
    d: usize,
    rows: Option<Rows>,
    generator: Option<Generator>,
    sample_weight: Option<Vec<f64>>,
    max_samples_: usize,
    max_features_: usize,
    max_depth: usize,
    seeds: Vec<u32>,
    tree_random_states: Vec<u32>,
    rand_r_seeds: Vec<u32>,
    estimators_features: Vec<Vec<usize>>,
    samples_digest: Vec<String>,
    tree_digest: Vec<String>,
    /// Not written for the large forests.
    #[serde(default)]
    estimators_samples: Vec<Vec<usize>>,
    /// Not written for the large forests.
    #[serde(default)]
    trees: Vec<TreeArrays>,
    offset: f64,
    offset_bits: String,
    depth_sums_digest: String,
    scores_digest: String,
    decision_digest: String,
    outliers: Vec<usize>,
    #[serde(alias = "depth_sums_head")]
    depth_sums: Vec<f64>,
    #[serde(alias = "scores_head")]
    scores: Vec<f64>,
    query: Option<Query>,
}

/// A tree as scikit-learn keeps it: an array for each property, −1 and −2 for "none".
#[derive(Default, Deserialize)]
pub struct TreeArrays {
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    threshold: Vec<f64>,
    n_node_samples: Vec<i64>,
    missing_go_to_left: Vec<i64>,
    weighted_n_node_samples: Option<Vec<f64>>,
    impurity: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct Query {
    rows: Rows,
    scores: Vec<f64>,
    predict: Vec<i64>,
}

#[test]
fn every_forest_is_scikit_learns_to_the_bit() {
    let files = forest_files();
    for path in &files {
        let (file, case) = read::<Case>(path);
        let columns = match (&case.rows, &case.generator) {
            (Some(rows), _) => columns(rows, case.d),
            (None, Some(generator)) => generator.columns(),
            (None, None) => panic!("{file}: neither rows nor a generator"),
        };
        let x = matrix(&columns);
        assert_eq!(x.n_samples(), case.n, "{file}: n");
        let weights = case.sample_weight.as_deref();
        let forest = IsolationForest::fit_weighted(&case.params, &x, weights)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        check_samples(&file, &case, &forest);
        check_trees(&file, &case, &forest);
        check_scores(&file, &case, &forest, &x);
        if let Some(query) = &case.query {
            check_query(&file, query, &forest);
        }
    }
    println!("{} forests are scikit-learn's", files.len());
}

fn check_samples(file: &str, case: &Case, forest: &IsolationForest) {
    assert_eq!(
        forest.max_samples(),
        case.max_samples_,
        "{file}: max_samples_"
    );
    assert_eq!(
        forest.max_features(),
        case.max_features_,
        "{file}: max_features_"
    );
    assert_eq!(forest.max_depth(), case.max_depth, "{file}: max_depth");
    same(forest.seeds(), &case.seeds, &format!("{file}: seeds"));
    let states: Vec<u32> = case.seeds.iter().map(|seed| derived_seed(*seed)).collect();
    same(
        &states,
        &case.tree_random_states,
        &format!("{file}: tree_random_states"),
    );
    let cuts: Vec<u32> = states.iter().map(|state| derived_seed(*state)).collect();
    same(&cuts, &case.rand_r_seeds, &format!("{file}: rand_r_seeds"));

    let needed = if case.params.bootstrap {
        1
    } else {
        case.max_samples_
    };
    let weights = case.sample_weight.as_ref();
    let sampler = Sampler {
        n_samples: case.n,
        n_features: case.d,
        max_samples: forest.max_samples(),
        max_features: forest.max_features(),
        bootstrap: case.params.bootstrap,
        weights: weights.map(|weights| WeightedChoice::try_new(weights, needed).unwrap()),
    };
    for (t, seed) in forest.seeds().iter().enumerate() {
        let place = |field: &str| format!("{file}: {field}, tree {t}");
        let sample = sampler.draw(*seed);
        let expected = &case.estimators_features[t];
        same(&sample.features, expected, &place("estimators_features"));
        same(
            forest.trees()[t].features(),
            expected,
            &place("estimators_features"),
        );
        if let Some(expected) = case.estimators_samples.get(t) {
            same(&sample.rows, expected, &place("estimators_samples"));
        }
        let digest = Digest::new()
            .i64s(sample.rows.iter().map(|row| *row as i64))
            .hex();
        assert_eq!(
            digest,
            case.samples_digest[t],
            "{}",
            place("samples_digest")
        );
    }
}

fn check_trees(file: &str, case: &Case, forest: &IsolationForest) {
    assert_eq!(
        forest.trees().len(),
        case.tree_digest.len(),
        "{file}: trees"
    );
    for (t, tree) in forest.trees().iter().enumerate() {
        let place = |field: &str| format!("{file}: {field}, tree {t}, node");
        let found = TreeArrays::of(tree);
        if let Some(expected) = case.trees.get(t) {
            same(&found.left, &expected.left, &place("left"));
            same(&found.right, &expected.right, &place("right"));
            same(&found.feature, &expected.feature, &place("feature"));
            same_bits(&found.threshold, &expected.threshold, &place("threshold"));
            same(
                &found.n_node_samples,
                &expected.n_node_samples,
                &place("n_node_samples"),
            );
            let (ours, theirs) = (&found.missing_go_to_left, &expected.missing_go_to_left);
            same(ours, theirs, &place("missing_go_to_left"));
            if let Some(expected) = &expected.weighted_n_node_samples {
                let weights: Vec<f64> = targets(tree, |node| node.weighted_n_samples);
                same_bits(&weights, expected, &place("weighted_n_node_samples"));
            }
            if let Some(expected) = &expected.impurity {
                let impurities = targets(tree, |node| node.impurity);
                same_bits(&impurities, expected, &place("impurity"));
            }
        }
        assert_eq!(
            found.digest(),
            case.tree_digest[t],
            "{file}: tree_digest, tree {t}"
        );
    }
}

fn check_scores(file: &str, case: &Case, forest: &IsolationForest, x: &FeatureMatrix) {
    let place = |field: &str| format!("{file}: {field}, row");
    let digest = |values: &[f64]| Digest::new().f64s(values.iter().copied()).hex();

    let depth_sums = forest.path_lengths(x).unwrap();
    let head = case.depth_sums.len();
    same_bits(&depth_sums[..head], &case.depth_sums, &place("depth_sums"));
    assert_eq!(
        digest(&depth_sums),
        case.depth_sums_digest,
        "{file}: depth_sums_digest"
    );

    let scores = forest.score_samples(x).unwrap();
    same_bits(&scores[..case.scores.len()], &case.scores, &place("scores"));
    assert_eq!(digest(&scores), case.scores_digest, "{file}: scores_digest");

    same_bits(
        &[forest.offset()],
        &[case.offset],
        &format!("{file}: offset"),
    );
    let bits = format!("{:016x}", forest.offset().to_bits());
    assert_eq!(bits, case.offset_bits, "{file}: offset_bits");

    let decisions = forest.decision_function(x).unwrap();
    assert_eq!(
        digest(&decisions),
        case.decision_digest,
        "{file}: decision_digest"
    );
    let outliers = positions(&forest.predict(x).unwrap());
    same(&outliers, &case.outliers, &format!("{file}: outliers"));

    if case.sample_weight.is_none() {
        let (again, scores_again) = IsolationForest::fit_score(&case.params, x).unwrap();
        assert!(
            again == *forest,
            "{file}: fit_score gives another forest than fit"
        );
        same_bits(&scores_again, &scores, &place("fit_score"));
    }
}

fn check_query(file: &str, query: &Query, forest: &IsolationForest) {
    let x = matrix(&columns(&query.rows, forest.feature_names().len()));
    let place = |field: &str| format!("{file}: query, {field}, row");
    same_bits(
        &forest.score_samples(&x).unwrap(),
        &query.scores,
        &place("scores"),
    );
    let sign = |outlier: &bool| if *outlier { -1 } else { 1 };
    let signs: Vec<i64> = forest.predict(&x).unwrap().iter().map(sign).collect();
    same(&signs, &query.predict, &place("predict"));

    // The walk of many rows at once agrees with the definition, one row and one tree at a time.
    let sums = forest.path_lengths(&x).unwrap();
    for (i, sum) in sums.iter().enumerate() {
        let row: Vec<f32> = (0..x.n_features()).map(|j| x.column(j)[i]).collect();
        let by_hand = forest
            .trees()
            .iter()
            .fold(0.0, |sum, tree| sum + tree.path_length(&row));
        same_bits(
            &[*sum],
            &[by_hand],
            &place(&format!("path length by hand, {i}")),
        );
    }
}

impl TreeArrays {
    fn of(tree: &Tree) -> Self {
        let mut arrays = Self::default();
        for (number, node) in tree.nodes().iter().enumerate() {
            arrays.n_node_samples.push(node.n_samples() as i64);
            let (left, right, column, threshold, missing_left) = match node {
                Node::Leaf { .. } => (-1, -1, -2, -2.0, false),
                Node::Split {
                    feature,
                    threshold,
                    missing_go_to_left,
                    right,
                    ..
                } => {
                    // scikit-learn numbers the columns that the tree drew.
                    let drawn = tree.features().iter().position(|f| f == feature);
                    let (left, column) = (number as i64 + 1, drawn.unwrap() as i64);
                    (left, *right as i64, column, *threshold, *missing_go_to_left)
                }
            };
            arrays.left.push(left);
            arrays.right.push(right);
            arrays.feature.push(column);
            arrays.threshold.push(threshold);
            arrays.missing_go_to_left.push(i64::from(missing_left));
        }
        arrays
    }

    /// The digest of a tree.
    pub fn digest_of(tree: &Tree) -> String {
        Self::of(tree).digest()
    }

    fn digest(&self) -> String {
        let digest = Digest::new()
            .i64s(self.left.iter().copied())
            .i64s(self.right.iter().copied())
            .i64s(self.feature.iter().copied())
            .f64s(self.threshold.iter().copied())
            .i64s(self.n_node_samples.iter().copied())
            .i64s(self.missing_go_to_left.iter().copied());
        digest.hex()
    }
}

fn targets(tree: &Tree, of: impl Fn(&crannog::forest::NodeTargets) -> f64) -> Vec<f64> {
    tree.targets().iter().map(of).collect()
}

fn positions(outliers: &[bool]) -> Vec<usize> {
    let rows = outliers.iter().enumerate();
    rows.filter(|(_, outlier)| **outlier)
        .map(|(i, _)| i)
        .collect()
}
